//! The audit engine: a log that cannot be changed unnoticed, and from which a person can still
//! be erased.
//!
//! A log is an ordinary table. Its rows are entries: they are added, and neither changed nor
//! removed. Right before a transaction commits, each entry that it wrote is sealed: it gets the
//! next number of its chain, and a hash that covers its bytes and the seal before it. Seals and
//! the heads of the chains stand in tables of their own beside the log. The leaves of a chain are
//! also those of an RFC 6962 tree, whose root, kept outside, is evidence against whoever rules
//! the database.

// The rows of table functions say their columns where the functions are declared.
#![allow(clippy::type_complexity)]

use pgrx::PgRelation;
use pgrx::prelude::*;

mod append;
mod block;
mod changes;
mod comments;
mod create;
mod encoding;
mod erase;
mod export;
mod hash;
mod jcs;
mod json;
mod jsonb;
mod key;
mod log;
mod note;
mod numeric;
mod pending;
mod proof;
mod row;
mod seal;
mod sql;
mod tree;
mod verify;

use crate::argument::{Document, Regclass, Texts};
use crate::{catalog, error};
use log::Log;

/// Makes a table an audit log.
#[pg_extern]
fn create_audit_log(
    log: Option<Regclass>,
    chain_by: default!(Option<Texts>, "'{}'"),
    erasable: default!(Option<Texts>, "'{}'"),
    seal: default!(Option<&str>, "'commit'"),
) {
    let log = given("log", log);
    let (chain_by, erasable) = (given("chain_by", chain_by), given("erasable", erasable));
    let seal = given("seal", seal);
    create::create(log.oid(), chain_by.0, erasable.0, seal);
}

/// Every fault of a log, one row each; none when it is intact.
#[pg_extern(stable)]
fn verify_audit(
    log: default!(Option<Regclass>, "NULL"),
    chain: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(log, String),
        name!(chain, Option<String>),
        name!(sequence, Option<i64>),
        name!(entry, Option<String>),
        name!(fault, &'static str),
        name!(detail, String),
        name!(expected, Option<Vec<u8>>),
        name!(actual, Option<Vec<u8>>),
    ),
> {
    let logs = owned(log);
    let faults: Vec<_> = logs
        .iter()
        .flat_map(|log| verify::verify(log, chain))
        .collect();
    TableIterator::new(faults.into_iter().map(|f| {
        (
            f.log, f.chain, f.sequence, f.entry, f.fault, f.detail, f.expected, f.actual,
        )
    }))
}

/// Takes a person's values out of every log of the caller's.
#[pg_extern]
fn erase_audit_subject(
    subject: pgrx::Uuid,
) -> TableIterator<'static, (name!(log, String), name!(entries, i64))> {
    TableIterator::new(erase::erase(subject))
}

/// Seals what is not sealed yet, without waiting for the end of the transaction.
#[pg_extern]
fn seal_audit(
    log: default!(Option<Regclass>, "NULL"),
    adopt: default!(Option<bool>, "false"),
) -> i64 {
    let adopt = given("adopt", adopt);
    owned(log)
        .iter()
        .map(|log| block::seal_now(log, adopt))
        .sum()
}

/// The audit logs of the caller's, and what waits to be sealed.
#[pg_extern(stable)]
fn audit_logs() -> TableIterator<
    'static,
    (
        name!(log, String),
        name!(seal, &'static str),
        name!(chain_by, Vec<String>),
        name!(erasable, Vec<String>),
        name!(chains, i64),
        name!(entries, i64),
        name!(unsealed, i64),
        name!(unsealed_since, Option<TimestampWithTimeZone>),
    ),
> {
    let rows: Vec<_> = owned(None)
        .iter()
        .map(|log| {
            let state = block::state(log);
            let definition = &log.definition;
            (
                definition.name(),
                if definition.block { "block" } else { "commit" },
                definition.chain_by.clone(),
                definition.erasable.clone(),
                state.chains,
                state.entries,
                state.unsealed,
                state.since,
            )
        })
        .collect();
    TableIterator::new(rows)
}

/// The state of one chain, or of all, as the text of a C2SP checkpoint.
#[pg_extern(stable)]
fn audit_checkpoint(
    log: default!(Option<Regclass>, "NULL"),
    chain: default!(Option<&str>, "NULL"),
) -> String {
    // SAFETY: a backend is connected to a database, whose name is palloc'ed and NUL-terminated.
    let database = unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        std::ffi::CStr::from_ptr(name)
            .to_string_lossy()
            .into_owned()
    };
    let logs = owned(log);
    // A log without chain_by has one chain.
    let alone = matches!(&logs[..], [log] if log.definition.chain_by.is_empty());
    proof::checkpoint(&logs, chain.or(alone.then_some("")), &database)
}

/// What of a signed checkpoint today's logs do not continue; nothing when they continue it.
#[pg_extern(stable)]
fn verify_checkpoint(
    note: &str,
    vkey: &str,
) -> TableIterator<
    'static,
    (
        name!(origin, String),
        name!(size, i64),
        name!(fault, &'static str),
        name!(detail, String),
        name!(expected, Option<Vec<u8>>),
        name!(actual, Option<Vec<u8>>),
    ),
> {
    // SAFETY: GetUserId only reads backend state.
    let caller = unsafe { pg_sys::GetUserId() };
    let bytes = |hash: Option<hash::Hash>| hash.map(|hash| hash.to_vec());
    let breaks = proof::verify_checkpoint(note, vkey, caller);
    TableIterator::new(breaks.into_iter().map(move |b| {
        (
            b.origin,
            b.size,
            b.fault,
            b.detail,
            bytes(b.expected),
            bytes(b.actual),
        )
    }))
}

/// The RFC 6962 proof that an entry is in the tree of its chain.
#[pg_extern(stable)]
fn audit_inclusion_proof(
    log: Regclass,
    entry: &str,
) -> TableIterator<
    'static,
    (
        name!(chain, String),
        name!(leaf_index, i64),
        name!(tree_size, i64),
        name!(leaf, Vec<u8>),
        name!(root, Vec<u8>),
        name!(path, Vec<Vec<u8>>),
    ),
> {
    let proof = proof::inclusion(&owned(Some(log))[0], entry);
    let path = proof.path.iter().map(|hash| hash.to_vec()).collect();
    let root = proof.root.to_vec();
    TableIterator::once((proof.chain, proof.index, proof.size, proof.leaf, root, path))
}

/// The RFC 6962 proof that a chain of `new_size` entries continues the one of `old_size`.
#[pg_extern(stable)]
fn audit_consistency_proof(
    log: Option<Regclass>,
    old_size: Option<i64>,
    new_size: default!(Option<i64>, "NULL"),
    chain: default!(Option<&str>, "''"),
) -> TableIterator<
    'static,
    (
        name!(old_size, i64),
        name!(new_size, i64),
        name!(old_root, Vec<u8>),
        name!(new_root, Vec<u8>),
        name!(path, Vec<Vec<u8>>),
    ),
> {
    let log = &owned(Some(given("log", log)))[0];
    let (old_size, chain) = (given("old_size", old_size), given("chain", chain));
    let new_size = new_size.unwrap_or_else(|| proof::size(log, chain));
    if !(0..=new_size).contains(&old_size) {
        error::raise(error::audit::bad_sizes(old_size, new_size));
    }
    let proof = proof::consistency(log, chain, old_size, new_size);
    let path = proof.path.iter().map(|hash| hash.to_vec()).collect();
    let (old_root, new_root) = (proof.old_root.to_vec(), proof.new_root.to_vec());
    TableIterator::once((old_size, new_size, old_root, new_root, path))
}

/// Whether the path proves that the leaf is in the tree of that root.
#[pg_extern(immutable, parallel_safe)]
fn verify_inclusion(
    leaf: &[u8],
    leaf_index: i64,
    tree_size: i64,
    root: &[u8],
    path: pgrx::Array<&[u8]>,
) -> bool {
    let (leaf, root) = (hash_argument("leaf", leaf), hash_argument("root", root));
    let (Ok(index), Ok(size)) = (u64::try_from(leaf_index), u64::try_from(tree_size)) else {
        return false;
    };
    tree::verify_inclusion(&leaf, index, size, &path_argument(path), &root)
}

/// Whether the path proves that the tree of the new root continues that of the old one.
#[pg_extern(immutable, parallel_safe)]
fn verify_consistency(
    old_size: i64,
    new_size: i64,
    old_root: &[u8],
    new_root: &[u8],
    path: pgrx::Array<&[u8]>,
) -> bool {
    let (old_root, new_root) = (
        hash_argument("old_root", old_root),
        hash_argument("new_root", new_root),
    );
    let (Ok(old), Ok(new)) = (u64::try_from(old_size), u64::try_from(new_size)) else {
        return false;
    };
    tree::verify_consistency(old, new, &old_root, &new_root, &path_argument(path))
}

/// The argument, or 22004: doing nothing in silence would look like success.
fn given<T>(name: &str, argument: Option<T>) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
}

fn hash_argument(name: &str, bytes: &[u8]) -> hash::Hash {
    bytes
        .try_into()
        .unwrap_or_else(|_| error::raise(error::audit::not_a_hash(name, bytes.len())))
}

fn path_argument(path: pgrx::Array<&[u8]>) -> Vec<hash::Hash> {
    path.iter()
        .map(|hash| hash_argument("path", hash.unwrap_or_default()))
        .collect()
}

/// The log, whose owner the caller must be, or every log that the caller owns.
fn owned(log: Option<Regclass>) -> Vec<Log> {
    match log {
        Some(relation) => {
            let log = Log::open(relation.oid());
            catalog::require_owner(&log.relation);
            vec![log]
        }
        None => {
            // SAFETY: GetUserId only reads backend state.
            let caller = unsafe { pg_sys::GetUserId() };
            let logs = erase::logs().into_iter().map(Log::open);
            logs.filter(|log| catalog::is_owner(&log.relation, caller))
                .collect()
        }
    }
}

/// The log as JSON Lines that are checked without Postgres.
#[pg_extern(stable)]
fn export_audit(
    log: Option<Regclass>,
    chain: default!(Option<&str>, "NULL"),
    since: default!(Option<i64>, "NULL"),
) -> SetOfIterator<'static, String> {
    let log = given("log", log);
    let since = export::since(since);
    SetOfIterator::new(export::Export::new(&owned(Some(log))[0], chain, since))
}

/// RFC 8785 canonical JSON.
#[pg_extern(immutable, parallel_safe)]
fn jcs(json: Document) -> String {
    jcs::canonical(&json.0).unwrap_or_else(|| error::raise(error::audit::beyond_double()))
}

/// Records what happens to a table in a log.
#[pg_extern]
fn audit_changes(
    target: Option<Regclass>,
    log: Option<Regclass>,
    mapping: default!(Option<Document>, "NULL"),
) {
    let (target, log) = (given("target", target), given("log", log));
    changes::attach(target.oid(), log.oid(), mapping.map(|mapping| mapping.0));
}

/// Writes the entries of one statement into the log that the trigger names.
#[pg_trigger]
fn audit_record<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    let data = trigger.trigger_data();
    changes::record(&changes::Event {
        relation: relation(trigger),
        operation: operation(trigger),
        old: data.tg_oldtable,
        new: data.tg_newtable,
        arguments: &trigger.extra_args().unwrap_or_default(),
    });
    Ok(None)
}

/// Notes the entries that a statement wrote, to be sealed.
#[pg_trigger]
fn audit_append<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    let definition = arguments(trigger);
    let relation = relation(trigger);
    append::statement(
        &Log::new(relation, definition),
        trigger.trigger_data().tg_newtable,
    );
    Ok(None)
}

/// Refuses to change or remove an entry.
#[pg_trigger]
fn audit_refuse<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    if !seal::acting() {
        let table = catalog::qualified_name(&relation(trigger));
        error::raise(error::audit::append_only(&table, operation(trigger)));
    }
    Ok(None)
}

/// Refuses to change what the engine keeps beside a log.
#[pg_trigger]
fn audit_keep<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    if !seal::acting() {
        let table = catalog::qualified_name(&relation(trigger));
        error::raise(error::audit::kept_by_engine(&table, operation(trigger)));
    }
    Ok(None)
}

fn relation(trigger: &PgTrigger) -> PgRelation {
    // SAFETY: the relation of a running trigger is open and stays so until it ends.
    unsafe { PgRelation::from_pg(trigger.trigger_data().tg_relation) }
}

fn arguments(trigger: &PgTrigger) -> log::Definition {
    let name = catalog::qualified_name(&relation(trigger));
    trigger
        .extra_args()
        .ok()
        .and_then(|arguments| log::Definition::from_arguments(&arguments))
        .unwrap_or_else(|| error::raise(error::audit::no_log(&name)))
}

fn operation(trigger: &PgTrigger) -> &'static str {
    match trigger.op() {
        Ok(PgTriggerOperation::Update) => "UPDATE",
        Ok(PgTriggerOperation::Delete) => "DELETE",
        Ok(PgTriggerOperation::Truncate) => "TRUNCATE",
        _ => "INSERT",
    }
}
