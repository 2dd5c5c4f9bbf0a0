//! The audit engine: a log that cannot be changed unnoticed, and from which a person can still
//! be erased.
//!
//! A log is an ordinary table. Its rows are entries: they are added, and neither changed nor
//! removed. Right before a transaction commits, each entry that it wrote is sealed: it gets the
//! next number of its chain, and a hash that covers its bytes and the seal before it. Seals and
//! the heads of the chains stand in tables of their own beside the log. The leaves of a chain are
//! also those of an RFC 6962 tree, whose root, kept outside, is evidence against whoever rules
//! the database.

use pgrx::PgRelation;
use pgrx::prelude::*;

mod append;
mod create;
mod encoding;
mod erase;
mod hash;
mod jsonb;
mod key;
mod log;
mod numeric;
mod pending;
mod row;
mod seal;
mod sql;
mod tree;
mod verify;

use crate::{catalog, error};
use log::Log;

/// Makes a table an audit log.
#[pg_extern]
fn create_audit_log(
    log: PgRelation,
    chain_by: default!(Vec<String>, "'{}'"),
    erasable: default!(Vec<String>, "'{}'"),
    seal: default!(&str, "'commit'"),
) {
    let oid = log.oid();
    // A table that is open cannot be altered.
    drop(log);
    create::create(oid, chain_by, erasable, seal);
}

/// Every fault of a log, one row each; none when it is intact.
#[pg_extern(stable)]
fn verify_audit(
    log: default!(Option<PgRelation>, "NULL"),
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
    // SAFETY: GetUserId only reads backend state.
    let caller = unsafe { pg_sys::GetUserId() };
    let logs = match log {
        Some(relation) => {
            let log = Log::open(relation.oid());
            catalog::require_owner(&log.relation);
            vec![log]
        }
        None => erase::logs()
            .into_iter()
            .map(Log::open)
            .filter(|log| catalog::is_owner(&log.relation, caller))
            .collect(),
    };
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
fn seal_audit(log: PgRelation) -> i64 {
    let log = Log::open(log.oid());
    catalog::require_owner(&log.relation);
    let batches = pending::take(Some(log.relation.oid()));
    let count = batches.iter().map(|batch| batch.keys.len() as i64).sum();
    seal::seal(&log, batches);
    count
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
