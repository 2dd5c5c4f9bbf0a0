//! What proves a log to somebody who does not rule the database: checkpoints, which are signed and
//! kept outside, and the proofs of RFC 6962 that go with them.

use super::{given, hash, proof, readable, tree};
use crate::argument::Regclass;
use crate::error;
use pgrx::prelude::*;

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
