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
mod changes;
mod comments;
mod create;
mod direct;
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

/// The state of one chain, or of every chain, as the text of a C2SP tlog-checkpoint: origin, size, and
/// RFC 6962 root in base64. To be signed and kept outside the database.
///
/// - `log`, `chain`: one chain. `log` alone: the chain of a log without `chain_by`, else all of its
///   chains. Neither: every chain of every log of the caller's, as lines `<log>/<chain> <size> <root>`
///   under a root of their own.
///
/// Stable. Errors: 42501 not the owner, 55000 not an audit log.
///
/// ```sql
/// SELECT community_core.audit_checkpoint('audit_logs');
/// ```
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
    let logs = readable(log);
    // A log without chain_by has one chain.
    let alone = matches!(&logs[..], [log] if log.definition.chain_by.is_empty());
    proof::checkpoint(&logs, chain.or(alone.then_some("")), &database)
}

/// Checks a checkpoint that was signed with Ed25519 (C2SP signed-note), and that today's chains continue
/// it. The entries themselves are held against their seals by `verify_audit`.
///
/// - `note`: text, empty line, signature lines, byte for byte.
/// - `vkey`: `<name>+<hash>+<key>`, the C2SP verifier key.
///
/// Result: one row for each chain that does not continue the note: its origin, its size in the note,
/// `truncated tail`, `wrong root` or `missing`, the difference in words, and the two roots; no row when
/// all do. NULL in either argument: no row. Stable. Errors: 22023 a malformed note or key, 28000 not
/// signed by the key, 42501 a log of somebody else's.
///
/// ```sql
/// SELECT * FROM community_core.verify_checkpoint(pg_read_file('/mnt/notes/today'),
///                                                'example.org+1a2b3c4d+AbC…');
/// ```
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

/// The RFC 6962 proof that an entry is in the tree of its chain as it is now. Reads the chain's leaves
/// twice.
///
/// - `log`: of the caller's. `entry`: the primary key as text. NULL in either: no row.
///
/// Result: chain, `leaf_index` (from 0), `tree_size`, leaf, root, and the path from the leaf upwards,
/// hashes of 32 bytes. Stable. Errors: 42501 not the owner, 55000 not an audit log, P0002 no such sealed
/// entry.
///
/// ```sql
/// SELECT * FROM community_core.audit_inclusion_proof('audit_logs', '7');
/// ```
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
    let proof = proof::inclusion(&readable(Some(log))[0], entry);
    let path = proof.path.iter().map(|hash| hash.to_vec()).collect();
    let root = proof.root.to_vec();
    TableIterator::once((proof.chain, proof.index, proof.size, proof.leaf, root, path))
}

/// The RFC 6962 proof that a chain of `new_size` entries continues the one of `old_size`.
///
/// - `log`: of the caller's. `old_size`: entries, from 0.
/// - `new_size`: entries; NULL for as many as the chain has.
/// - `chain`: its name, which is empty where the log has one.
///
/// NULL in any but `new_size`: 22004. Result: both sizes and roots, and the path. Stable. Errors: 42501 not the owner, 55000 not an audit
/// log, 22023 sizes that the chain does not have.
///
/// ```sql
/// SELECT * FROM community_core.audit_consistency_proof('audit_logs', 100);
/// ```
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
    let log = &readable(Some(given("log", log)))[0];
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

/// Whether the path proves that leaf number `leaf_index` (from 0) is in the tree of `tree_size` leaves
/// with this root: RFC 9162, 2.1.3.2. Sizes that no tree has prove nothing.
///
/// NULL in, NULL out. Immutable, parallel safe. Errors: 22023 a hash that has not 32 bytes.
///
/// ```sql
/// SELECT community_core.verify_inclusion(leaf, leaf_index, tree_size, root, path)
/// FROM community_core.audit_inclusion_proof('audit_logs', '7');
/// ```
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

/// Whether the path proves that the tree of `new_size` leaves continues that of `old_size`: RFC 9162,
/// 2.1.4.2. Every tree continues the empty one.
///
/// NULL in, NULL out. Immutable, parallel safe. Errors: 22023 a hash that has not 32 bytes.
///
/// ```sql
/// SELECT community_core.verify_consistency(old_size, new_size, old_root, new_root, path)
/// FROM community_core.audit_consistency_proof('audit_logs', 100);
/// ```
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

/// The same, with tables whose values can be read.
fn readable(log: Option<Regclass>) -> Vec<Log> {
    let logs = owned(log);
    logs.iter().for_each(Log::require_unaltered);
    logs
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
/// - `target`: the table, of the caller's; its owner needs INSERT on the log.
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
