//! The export for legal review: JSON Lines that hold the exact bytes that were hashed, so that
//! they are checked without Postgres. docs/audit.md specifies the lines.

use super::append::with_text_settings;
use super::encoding::Subject;
use super::hash::Hash;
use super::log::{Log, beside};
use super::row::{Encoder, Slots};
use super::sql::{self, bigint, text};
use super::tree::Frontier;
use crate::{catalog, error};
use pgrx::{IntoDatum, PgRelation, pg_sys};
use serde_json::json;
use std::collections::VecDeque;

/// Reads a portion of a log at a time, so that a log of any size is exported.
pub struct Export {
    log: pg_sys::Oid,
    only: Option<String>,
    since: i64,
    /// Where the last portion ended.
    chain: Option<String>,
    sequence: i64,
    lines: VecDeque<String>,
    finished: bool,
}

const PORTION: i64 = 1000;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

impl Export {
    pub fn new(log: &Log, only: Option<&str>, since: i64) -> Export {
        let definition = &log.definition;
        let header = json!({
            "format": "community_core audit export",
            "version": 1,
            "log": definition.name(),
            "chain_by": definition.chain_by,
            "erasable": definition.erasable,
        });
        Export {
            log: log.relation.oid(),
            only: only.map(str::to_owned),
            since,
            chain: None,
            sequence: 0,
            lines: VecDeque::from([header.to_string()]),
            finished: false,
        }
    }

    fn portion(&mut self) {
        let log = Log::open(self.log);
        let seal = log.definition.seal();
        let erasure = beside(&log.relation, "erasure");
        let (erasure_columns, erasure_join) = match &erasure {
            None => (String::new(), String::new()),
            Some(_) => (
                ", e.*".to_owned(),
                format!(
                    "LEFT JOIN {} e ON s.entry IS NULL
                         AND e.chain = s.chain AND e.sequence = s.sequence",
                    log.definition.erasure()
                ),
            ),
        };
        let query = format!(
            "SELECT s.chain, s.sequence, s.entry IS NULL, s.columns, s.leaf, s.hash, s.salt,
                    s.erased, l.ctid IS NOT NULL, l.*{erasure_columns}
             FROM (SELECT * FROM {seal}
                   WHERE ($1 IS NULL OR chain = $1) AND sequence > $2
                     AND ($3 IS NULL OR (chain, sequence) > ($3, $4))
                   ORDER BY chain, sequence LIMIT {PORTION}) s
                  LEFT JOIN ONLY {table} l ON l.{key} = s.entry {erasure_join}
             ORDER BY s.chain, s.sequence",
            table = log.definition.name(),
            key = catalog::quote_ident(&log.key.name),
        );
        let text_or_null = |value: &Option<String>| (pg_sys::TEXTOID, value.clone().into_datum());
        let arguments = [
            text_or_null(&self.only),
            bigint(self.since),
            text_or_null(&self.chain),
            bigint(self.sequence),
        ];
        let mut reader = Reader::new(&log, erasure.as_ref());
        log.as_owner(|| {
            with_text_settings(reader.entries.needs_settings, || {
                let rows = sql::read(&query, &arguments);
                for row in 0..rows.len() {
                    let chain = rows.text(row, 1);
                    if self.chain.as_ref() != Some(&chain) {
                        self.end_of_chain(&log);
                        self.begin_chain(&log, &chain);
                    }
                    self.sequence = rows.get(row, 2).unwrap_or_default();
                    let line = reader.line(&rows, row, &chain, self.sequence);
                    self.lines.push_back(line);
                }
                if (rows.len() as i64) < PORTION {
                    self.end_of_chain(&log);
                    self.finished = true;
                }
            });
        });
    }

    /// What a reader needs to go on from the middle of a chain.
    fn begin_chain(&mut self, log: &Log, chain: &str) {
        self.chain = Some(chain.to_owned());
        if self.since == 0 {
            return;
        }
        let query = format!(
            "SELECT leaf, hash FROM {} WHERE chain = $1 AND sequence <= $2 ORDER BY sequence",
            log.definition.seal()
        );
        let mut frontier = Frontier::default();
        let mut previous = Vec::new();
        sql::stream(&query, &[text(chain), bigint(self.since)], |rows, row| {
            let leaf = rows
                .get::<Vec<u8>>(row, 1)
                .and_then(|leaf| Hash::try_from(leaf).ok());
            frontier.push(leaf.unwrap_or_default());
            previous = rows.get(row, 2).unwrap_or_default();
        });
        let peaks: Vec<String> = frontier.to_bytes().chunks(32).map(hex).collect();
        let line = json!({
            "chain": chain, "after": self.since, "hash": hex(&previous), "frontier": peaks,
        });
        self.lines.push_back(line.to_string());
    }

    fn end_of_chain(&mut self, log: &Log) {
        let Some(chain) = &self.chain else { return };
        let query = format!(
            "SELECT size, hash, frontier FROM {} WHERE chain = $1",
            log.definition.head()
        );
        let rows = sql::read(&query, &[text(chain)]);
        let size: i64 = rows.get(0, 1).unwrap_or_default();
        let frontier: Vec<u8> = rows.get(0, 3).unwrap_or_default();
        let root = Frontier::from_bytes(size as u64, &frontier).map(|f| hex(&f.root()));
        let hash: Vec<u8> = rows.get(0, 2).unwrap_or_default();
        let line = json!({"chain": chain, "size": size, "hash": hex(&hash), "root": root});
        self.lines.push_back(line.to_string());
    }
}

impl Iterator for Export {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.lines.is_empty() && !self.finished {
            self.portion();
        }
        self.lines.pop_front()
    }
}

/// From a joined row to a line.
struct Reader<'a> {
    entries: Encoder,
    erasures: Option<Encoder>,
    erasable: &'a [String],
    entry_places: Vec<usize>,
    erasure_places: Vec<usize>,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    bytes: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(log: &'a Log, erasure: Option<&PgRelation>) -> Reader<'a> {
        let places = |relation: &PgRelation| -> Vec<usize> {
            let descriptor = relation.tuple_desc();
            let live = descriptor
                .iter()
                .filter(|attribute| !attribute.is_dropped());
            live.map(|attribute| attribute.attnum as usize - 1)
                .collect()
        };
        let erasure_places = erasure.map(places).unwrap_or_default();
        let width = log.relation.tuple_desc().len().max(erasure_places.len());
        Reader {
            entries: Encoder::new(&log.relation, Subject::Row, &log.definition.erasable),
            erasures: erasure.map(|table| Encoder::new(table, Subject::Erasure, &[])),
            erasable: &log.definition.erasable,
            entry_places: places(&log.relation),
            erasure_places,
            values: vec![pg_sys::Datum::from(0); width],
            nulls: vec![true; width],
            bytes: Vec::new(),
        }
    }

    fn line(&mut self, rows: &sql::Rows, row: usize, chain: &str, sequence: i64) -> String {
        const ENTRY: usize = 10;
        let is_erasure = rows.get(row, 3).unwrap_or(false);
        let columns = rows.get(row, 4).unwrap_or_default();
        let leaf: Vec<u8> = rows.get(row, 5).unwrap_or_default();
        let hash: Vec<u8> = rows.get(row, 6).unwrap_or_default();
        let salt: Vec<u8> = rows.get(row, 7).unwrap_or_default();
        let erased: Vec<u8> = rows.get(row, 8).unwrap_or_default();
        let slots = Slots {
            salt: &salt,
            erased: &erased,
        };
        let mut open = serde_json::Map::new();
        // SAFETY: the values come from a row of the encoder's table, in the places of its columns.
        let there = unsafe {
            if !is_erasure {
                rows.deform(
                    row,
                    ENTRY,
                    &self.entry_places,
                    &mut self.values,
                    &mut self.nulls,
                );
                let (values, nulls) = (&self.values, &self.nulls);
                self.entries
                    .encode(&mut self.bytes, values, nulls, columns, slots);
                for (index, name) in self.erasable.iter().enumerate() {
                    let Some(salt) = slots.salt_of(index) else {
                        continue;
                    };
                    let value = self.entries.erasable_value(index, values, nulls);
                    let opened = json!({"salt": hex(salt), "value": hex(&value)});
                    open.insert(name.clone(), opened);
                }
                rows.get(row, 9).unwrap_or(false)
            } else if let Some(encoder) = &mut self.erasures {
                let from = ENTRY + self.entry_places.len();
                rows.deform(
                    row,
                    from,
                    &self.erasure_places,
                    &mut self.values,
                    &mut self.nulls,
                );
                let (values, nulls) = (&self.values, &self.nulls);
                encoder.encode(&mut self.bytes, values, nulls, columns, Slots::default());
                rows.datum(row, from).is_some()
            } else {
                false
            }
        };
        let mut line = json!({
            "chain": chain,
            "sequence": sequence,
            "entry": there.then(|| hex(&self.bytes)),
            "leaf": hex(&leaf),
            "hash": hex(&hash),
        });
        if let (false, Some(line)) = (open.is_empty() || !there, line.as_object_mut()) {
            line.insert("open".to_owned(), open.into());
        }
        line.to_string()
    }
}

/// The portion's place is a sequence, which begins with 1.
pub fn since(value: Option<i64>) -> i64 {
    match value.unwrap_or(0) {
        negative @ ..0 => error::raise(error::audit::negative_since(negative)),
        since => since,
    }
}
