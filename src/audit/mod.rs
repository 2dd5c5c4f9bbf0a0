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

use pgrx::prelude::*;

mod append;
mod block;
mod cache;
mod changes;
mod comments;
mod create;
mod direct;
mod encoding;
mod erase;
mod evidence;
mod export;
mod hash;
mod insert;
mod jcs;
mod json;
mod jsonb;
mod key;
mod log;
mod note;
mod numeric;
mod pending;
mod places;
mod proof;
mod record;
mod row;
mod seal;
mod sql;
mod statement;
mod tree;
mod trigger;
mod verify;

use crate::argument::{Document, Regclass, Texts};
use crate::{catalog, error};
use log::Log;

/// Makes a table an audit log: from then on UPDATE, DELETE and TRUNCATE are refused for everybody, and
/// each entry is sealed into a hash chain. Rows that are there the first time are sealed in the order in
/// which they are stored. Calling it again repairs triggers, tables and grants, and seals nothing.
///
/// - `log`: an ordinary, logged table of the caller's with a primary key of one uuid, integer or text
///   column and no foreign key that would change or delete entries.
/// - `chain_by`: columns of those types; each combination of values is a chain of its own.
/// - `erasable`: nullable columns that `erase_audit_subject` may empty; may grow, never shrink.
/// - `seal`: `commit`, by the transaction that wrote the entry, or `block`, later by `seal_audit`.
///
/// NULL for any argument: 22004. Volatile. Errors: 42501 not the owner, 42P16 a table or an erasable
/// column that does not fit, 42703 no such column, 42804 a type that cannot name a chain, 22023 an
/// unknown seal, 55000 another `chain_by` or fewer erasable columns than before, 42P07 a table beside it
/// has the name, 42622 a name over 55 bytes. The rule: staff actions and consent are kept for good in an
/// immutable hash chain.
///
/// ```sql
/// SELECT community_core.create_audit_log('audit_logs', chain_by => '{organization_id}',
///                                        erasable => '{user_id,old_data,new_data}');
/// ```
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

/// Every fault of a log, one row each; none when it is intact. Reads entries and seals once, in the
/// query's snapshot, takes no transaction id, and says how far it is every five seconds.
///
/// - `log`: NULL for every log that the caller owns.
/// - `chain`: its name as in the table of heads; NULL for every chain.
///
/// Result: the log, and of what the fault is about the chain, sequence number (from 1) and entry (its
/// primary key as text); `fault` is one of changed, missing, inserted, reordered, truncated tail, broken
/// link, wrong root, erased without authority, unsealed and protection; `detail` says it in words; hashes
/// of 32 bytes. What does not apply is NULL. Stable. Errors: 42501 not the owner, 55000 not an audit log.
/// Sources: RFC 6962 for the tree, docs/audit.md for entries and links.
///
/// ```sql
/// SELECT * FROM community_core.verify_audit('audit_logs');
/// ```
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

/// Erases a person from every log of the caller's: of each entry about the person the erasable values
/// become NULL and their salts are destroyed, except the uuid of somebody else; an erasure entry, which
/// does not say whom, is chained; the log verifies.
///
/// - `subject`: the person's uuid, looked for in erasable columns of type uuid, text, varchar and, as a
///   string anywhere in it, jsonb. NULL: nothing happens.
///
/// Result: name of each log that had entries about the person, and how many. Logs of other owners are
/// left alone. Volatile. Errors: 40001 somebody else sealed the chain (REPEATABLE READ), 55000 a broken
/// head.
///
/// ```sql
/// SELECT * FROM community_core.erase_audit_subject('11111111-1111-4111-8111-111111111111');
/// ```
#[pg_extern]
fn erase_audit_subject(
    subject: pgrx::Uuid,
) -> TableIterator<'static, (name!(log, String), name!(entries, i64))> {
    TableIterator::new(erase::erase(subject))
}

/// Seals what waits: this transaction's entries without waiting for its end, and the tail of a `block`
/// log in blocks of at most 100,000.
///
/// - `log`: NULL for every log that the caller owns.
/// - `adopt`: also seal, as the latest entries, rows that no trigger saw, which `verify_audit` calls
///   inserted. NULL: 22004.
///
/// Result: how many entries were sealed. Volatile. Errors: 42501 not the owner, 55000 not an audit log,
/// 40001 somebody else sealed the chain (REPEATABLE READ and SERIALIZABLE).
///
/// ```sql
/// SELECT community_core.seal_audit();
/// ```
#[pg_extern]
fn seal_audit(
    log: default!(Option<Regclass>, "NULL"),
    adopt: default!(Option<bool>, "false"),
) -> i64 {
    let adopt = given("adopt", adopt);
    readable(log)
        .iter()
        .map(|log| block::seal_now(log, adopt))
        .sum()
}

/// The audit logs that the caller owns: name, way of sealing, `chain_by` and erasable columns, number of
/// chains and of sealed entries, number of the entries that wait for `seal_audit` and the time at which
/// the oldest of them was written (NULL when none waits). Stable; raises no error of its own.
///
/// ```sql
/// SELECT log, unsealed, now() - unsealed_since FROM community_core.audit_logs();
/// ```
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
    let rows: Vec<_> = readable(None)
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

/// The log as JSON Lines for legal review: each line holds the exact bytes that were hashed, and
/// `examples/verify_export` checks them without Postgres. One portion is in memory at a time.
///
/// - `log`: of the caller's. NULL: 22004.
/// - `chain`: its name; NULL for every chain.
/// - `since`: only entries with a higher sequence number; NULL or 0 for all.
///
/// Result: a set of lines; their format is in docs/audit.md. Stable. Errors: 42501 not the owner, 55000
/// not an audit log, 22023 a negative `since`.
///
/// ```sql
/// COPY (SELECT community_core.export_audit('audit_logs')) TO STDOUT;
/// ```
#[pg_extern(stable)]
fn export_audit(
    log: Option<Regclass>,
    chain: default!(Option<&str>, "NULL"),
    since: default!(Option<i64>, "NULL"),
) -> SetOfIterator<'static, String> {
    let log = given("log", log);
    let since = export::since(since);
    SetOfIterator::new(export::Export::new(&readable(Some(log))[0], chain, since))
}

/// RFC 8785 canonical JSON, for signatures that others check: keys in the order of their UTF-16 code
/// units, numbers as ECMAScript prints the nearest double.
///
/// NULL in, NULL out. Immutable, parallel safe. Errors: 22003 a number beyond a double.
///
/// ```sql
/// SELECT community_core.jcs('{"b": 1.0, "a": [1e2]}');
/// ```
#[pg_extern(immutable, parallel_safe)]
fn jcs(json: Document) -> String {
    jcs::canonical(&json.0).unwrap_or_else(|| error::raise(error::audit::beyond_double()))
}

/// Records INSERT, UPDATE, DELETE and TRUNCATE of a table in an audit log, one entry per changed row,
/// by statement triggers, with the rights of the table's owner. Calling it again replaces the mapping.
///
/// - `target`: the table, of the caller's; its owner needs INSERT on the log. Of a partitioned table the
///   partitions that it has are recorded too, each by its own name.
/// - `log`: made by `create_audit_log`.
/// - `mapping`: an object of log columns and what fills them: operation, table, schema, old, new,
///   old.changed, new.changed, user, role, row.<column>. NULL or {}: by the columns' usual names.
///
/// NULL for `target` or `log`: 22004. Volatile. Errors: 42501 not the owner, 42703 no such column, 55000
/// not an audit log, 22023 a mapping that is none, or a log of itself.
///
/// ```sql
/// SELECT community_core.audit_changes('customers', 'audit_logs');
/// ```
#[pg_extern]
fn audit_changes(
    target: Option<Regclass>,
    log: Option<Regclass>,
    mapping: default!(Option<Document>, "NULL"),
) {
    let (target, log) = (given("target", target), given("log", log));
    changes::attach(target.oid(), log.oid(), mapping.map(|mapping| mapping.0));
}

/// The argument, or 22004: doing nothing in silence would look like success.
fn given<T>(name: &str, argument: Option<T>) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
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

/// The same as `owned`, with tables whose values can be read.
fn readable(log: Option<Regclass>) -> Vec<Log> {
    let logs = owned(log);
    logs.iter().for_each(Log::require_unaltered);
    logs
}
