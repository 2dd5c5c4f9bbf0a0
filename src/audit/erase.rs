//! Taking a person out of the logs. The person's values and their salts go; what stays is the
//! commitment to each value, which nobody can open without the salt, so every hash still holds.
//! An erasure entry in the chain says which entries lost which columns: a value that is gone
//! without one was taken away without authority.

use super::encoding::Subject;
use super::hash::{self, Hash};
use super::key::{self, Key};
use super::log::{Log, beside};
use super::row::{Encoder, Slots};
use super::sql::{self, bigint, bytea, text};
use super::{append, block, encoding, seal};
use crate::catalog;
use pgrx::pg_sys;
use pgrx::{FromDatum, IntoDatum, Uuid};
use std::collections::BTreeMap;
use std::ffi::CStr;

/// One entry that is about the person.
struct Found {
    key: Key,
    chain: String,
    sequence: i64,
    salt: Vec<u8>,
    erased: Vec<u8>,
    columns: Vec<usize>,
}

/// Erases the person from every log of the caller's that has erasable columns; the logs and how
/// many entries were erased in each.
pub fn erase(subject: Uuid) -> Vec<(String, i64)> {
    // SAFETY: both only read this backend's user ids; every user has a name.
    let caller = unsafe { pg_sys::GetUserId() };
    let by = unsafe {
        CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetOuterUserId(), false))
            .to_string_lossy()
            .into_owned()
    };
    let mut erased = Vec::new();
    for oid in logs() {
        let log = Log::open(oid);
        if log.definition.erasable.is_empty() || !catalog::is_owner(&log.relation, caller) {
            continue;
        }
        log.require_unaltered();
        block::seal_now(&log, false);
        let entries = log.as_owner(|| seal::act(|| erase_from(&log, subject, &by)));
        if entries > 0 {
            erased.push((log.definition.name(), entries));
        }
    }
    erased
}

/// Every audit log of the database, in the order of their OIDs.
pub fn logs() -> Vec<pg_sys::Oid> {
    sql::frame(|| {
        let rows = sql::read(
            // A log whose own triggers somebody dropped is still named by the seals' triggers.
            "SELECT t.tgrelid FROM pg_catalog.pg_trigger t
             WHERE t.tgfoid = 'community_core.audit_append()'::regprocedure
             UNION
             SELECT c.oid FROM pg_catalog.pg_trigger t
             CROSS JOIN LATERAL (SELECT pg_catalog.string_to_array(
                 pg_catalog.encode(t.tgargs, 'escape'), '\\000') AS names) AS arguments
             JOIN pg_catalog.pg_namespace n ON n.nspname = names[1]
             JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = names[2]
             WHERE t.tgfoid = 'community_core.audit_keep()'::regprocedure
             ORDER BY 1",
            &[],
        );
        (0..rows.len()).filter_map(|row| rows.get(row, 1)).collect()
    })
}

fn erase_from(log: &Log, subject: Uuid, by: &str) -> i64 {
    let found = find(log, subject);
    let count = found.len() as i64;
    let mut groups: BTreeMap<(String, Vec<usize>), Vec<Found>> = BTreeMap::new();
    for entry in found {
        groups
            .entry((entry.chain.clone(), entry.columns.clone()))
            .or_default()
            .push(entry);
    }
    for ((chain, columns), entries) in groups {
        let names: Vec<String> = columns
            .iter()
            .map(|i| log.definition.erasable[*i].clone())
            .collect();
        let sequences: Vec<i64> = entries.iter().map(|entry| entry.sequence).collect();
        forget(log, &names, entries);
        record(log, &chain, by, sequences, names);
    }
    count
}

/// The entries in which an erasable column holds the person's uuid. Of such an entry every
/// erasable value goes, but for the uuid of another person.
fn find(log: &Log, subject: Uuid) -> Vec<Found> {
    let columns: Vec<catalog::Column> = log
        .definition
        .erasable
        .iter()
        .map(|name| catalog::column(&log.relation, name))
        .collect();
    let conditions: Vec<String> = columns
        .iter()
        .filter_map(|column| {
            let name = catalog::quote_ident(&column.name);
            match column.type_oid {
                pg_sys::UUIDOID => Some(format!("l.{name} = $1")),
                pg_sys::TEXTOID | pg_sys::VARCHAROID => Some(format!("l.{name} = $1::text")),
                pg_sys::JSONBOID => Some(format!(
                    "jsonb_path_exists(l.{name}, '$.** ? (@ == $person)',
                                       jsonb_build_object('person', $1))"
                )),
                _ => None,
            }
        })
        .collect();
    if conditions.is_empty() {
        return Vec::new();
    }
    let encoder = Encoder::new(&log.relation, Subject::Row, &log.definition.erasable);
    let descriptor = log.relation.tuple_desc();
    let places: Vec<usize> = descriptor
        .iter()
        .filter(|attribute| !attribute.is_dropped())
        .map(|attribute| attribute.attnum as usize - 1)
        .collect();
    let mut values = vec![pg_sys::Datum::from(0); descriptor.len()];
    let mut nulls = vec![true; descriptor.len()];
    let query = format!(
        "SELECT s.chain, s.sequence, s.salt, s.erased, l.*
         FROM ONLY {log} l JOIN {seal} s ON s.entry = l.{key}
         WHERE {conditions} ORDER BY s.chain, s.sequence FOR UPDATE OF l",
        log = log.definition.name(),
        seal = log.definition.seal(),
        key = catalog::quote_ident(&log.key.name),
        conditions = conditions.join(" OR "),
    );
    let rows = sql::write(&query, &[(pg_sys::UUIDOID, subject.into_datum())]);
    let mut found = Vec::new();
    append::with_text_settings(encoder.needs_settings, || {
        for row in 0..rows.len() {
            rows.deform(row, 5, &places, &mut values, &mut nulls);
            let mut salt: Vec<u8> = rows.get(row, 3).unwrap_or_default();
            let mut erased: Vec<u8> = rows.get(row, 4).unwrap_or_default();
            erased.resize(salt.len(), 0);
            let mut gone = Vec::new();
            for (index, column) in columns.iter().enumerate() {
                let place = column.number as usize - 1;
                let slots = Slots {
                    salt: &salt,
                    erased: &[],
                };
                let Some(slot) = slots.salt_of(index).filter(|_| !nulls[place]) else {
                    continue;
                };
                // SAFETY: the column is a not-null uuid where it is read as one, and the row is
                // one of the log.
                let commitment = unsafe {
                    if column.type_oid == pg_sys::UUIDOID
                        && Uuid::from_datum(values[place], false) != Some(subject)
                    {
                        continue;
                    }
                    hash::commitment(slot, &encoder.erasable_value(index, &values, &nulls))
                };
                erased[32 * index..32 * index + 32].copy_from_slice(&commitment);
                gone.push(index);
            }
            for index in &gone {
                salt[32 * index..32 * index + 32].fill(0);
            }
            let key_index = log.key.number as usize - 1;
            if !gone.is_empty() {
                found.push(Found {
                    // SAFETY: the primary key is not null and of its column's type.
                    key: unsafe { Key::from_datum(values[key_index], log.key.type_oid) },
                    chain: rows.text(row, 1),
                    sequence: rows.get(row, 2).unwrap_or_default(),
                    salt,
                    erased,
                    columns: gone,
                });
            }
        }
    });
    found
}

/// Takes away the values and the salts.
fn forget(log: &Log, names: &[String], entries: Vec<Found>) {
    let kind = log.key_kind.sql();
    let assignments: Vec<String> = names
        .iter()
        .map(|name| format!("{} = NULL", catalog::quote_ident(name)))
        .collect();
    let update = format!(
        "UPDATE ONLY {} SET {} WHERE {} = ANY ($1::{kind}[])",
        log.definition.name(),
        assignments.join(", "),
        catalog::quote_ident(&log.key.name),
    );
    let mut keys = Vec::new();
    let mut salts = Vec::new();
    let mut erased = Vec::new();
    for entry in entries {
        keys.push(entry.key);
        salts.push(entry.salt);
        erased.push(entry.erased);
    }
    let keys = (log.key_kind.array_oid(), key::to_array(log.key_kind, &keys));
    sql::write(&update, &[keys]);
    let seals = format!(
        "UPDATE {} s SET salt = e.salt, erased = e.erased
         FROM ROWS FROM (unnest($1::{kind}[]), unnest($2), unnest($3)) AS e(entry, salt, erased)
         WHERE s.entry = e.entry",
        log.definition.seal(),
    );
    let array = |values: Vec<Vec<u8>>| (pg_sys::BYTEAARRAYOID, values.into_datum());
    sql::write(&seals, &[keys, array(salts), array(erased)]);
}

/// Chains the erasure entry.
fn record(log: &Log, chain: &str, by: &str, sequences: Vec<i64>, names: Vec<String>) {
    let mut head = seal::lock(log, chain);
    let insert = format!(
        "INSERT INTO {} (chain, sequence, erased_at, erased_by, entries, columns)
         VALUES ($1, $2, clock_timestamp(), $3, $4, $5) RETURNING *",
        log.definition.erasure()
    );
    let rows = sql::write(
        &insert,
        &[
            text(chain),
            bigint(head.size as i64 + 1),
            text(by),
            (pg_sys::INT8ARRAYOID, sequences.into_datum()),
            (pg_sys::TEXTARRAYOID, names.into_datum()),
        ],
    );
    let Some(relation) = beside(&log.relation, "erasure") else {
        return;
    };
    let encoder = Encoder::new(&relation, Subject::Erasure, &[]);
    let columns = encoder.columns();
    let places: Vec<usize> = (0..columns as usize).collect();
    let mut values = vec![pg_sys::Datum::from(0); places.len()];
    let mut nulls = vec![true; places.len()];
    rows.deform(0, 1, &places, &mut values, &mut nulls);
    let mut entry = Vec::new();
    // SAFETY: the row was just returned by an INSERT into the relation.
    unsafe { encoder.encode(&mut entry, &values, &nulls, columns, Slots::default()) };
    let leaf: Hash = hash::leaf(&entry);
    let link = head.push(chain, &leaf);
    let seal = format!(
        "INSERT INTO {} (chain, sequence, version, columns, leaf, hash)
         VALUES ($1, $2, $3, $4, $5, $6)",
        log.definition.seal()
    );
    sql::write(
        &seal,
        &[
            text(chain),
            bigint(head.size as i64),
            (pg_sys::INT2OID, i16::from(encoding::VERSION).into_datum()),
            (pg_sys::INT2OID, columns.into_datum()),
            bytea(&leaf),
            bytea(&link),
        ],
    );
    seal::store(log, chain, &head);
}
