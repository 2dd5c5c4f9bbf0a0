//! Proofs and checkpoints: what is taken out of the database as evidence, and how it is held
//! against the log later. The leaves are read once, in order, in constant memory.

use super::hash::{self, Hash};
use super::log::{Log, definition_of, percent_encoded};
use super::note::{Checkpoint, Refusal, Tree, open};
use super::sql::{self, bigint, text};
use super::tree::{Frontier, Roots, consistency_ranges, inclusion_ranges};
use crate::{catalog, error};
use pgrx::pg_sys;

pub struct Inclusion {
    pub chain: String,
    pub index: i64,
    pub size: i64,
    pub leaf: Vec<u8>,
    pub root: Hash,
    pub path: Vec<Hash>,
}

/// Proves that an entry is in the tree of its chain.
pub fn inclusion(log: &Log, entry: &str) -> Inclusion {
    let name = log.definition.name();
    let query = format!(
        "SELECT s.chain, s.sequence, h.size, s.leaf FROM {} s JOIN {} h ON h.chain = s.chain
         WHERE s.entry = $1::{}",
        log.definition.seal(),
        log.definition.head(),
        catalog::type_name(log.key.type_oid, log.key.type_mod),
    );
    log.as_owner(|| {
        let rows = sql::read(&query, &[text(entry)]);
        if rows.len() == 0 {
            error::raise(error::audit::no_entry(&name, entry));
        }
        let chain = rows.text(0, 1);
        let index = rows.get::<i64>(0, 2).unwrap_or_default() - 1;
        let size: i64 = rows.get(0, 3).unwrap_or_default();
        let leaf = rows.get(0, 4).unwrap_or_default();
        if index < 0 || index >= size {
            error::raise(error::audit::too_few(&name, &chain, index + 1));
        }
        let mut ranges = inclusion_ranges(index as u64, size as u64);
        ranges.push((0, size as u64));
        // The whole tree overlaps the path, so its root has a reading of its own.
        let whole = ranges.split_off(ranges.len() - 1);
        let root = roots(log, &chain, whole, size)[0];
        Inclusion {
            path: roots(log, &chain, ranges, size),
            chain,
            index,
            size,
            leaf,
            root,
        }
    })
}

pub struct Consistency {
    pub old_root: Hash,
    pub new_root: Hash,
    pub path: Vec<Hash>,
}

/// Proves that the chain of `new` entries continues the one of `old`.
pub fn consistency(log: &Log, chain: &str, old: i64, new: i64) -> Consistency {
    log.as_owner(|| Consistency {
        old_root: roots(log, chain, vec![(0, old as u64)], old)[0],
        new_root: roots(log, chain, vec![(0, new as u64)], new)[0],
        path: roots(log, chain, consistency_ranges(old as u64, new as u64), new),
    })
}

/// The size of the chain; 0 when there is none of that name.
pub fn size(log: &Log, chain: &str) -> i64 {
    let query = format!(
        "SELECT size FROM {} WHERE chain = $1",
        log.definition.head()
    );
    log.as_owner(|| sql::read(&query, &[text(chain)]).get(0, 1).unwrap_or(0))
}

fn roots(log: &Log, chain: &str, ranges: Vec<(u64, u64)>, size: i64) -> Vec<Hash> {
    let name = log.definition.name();
    leaves(log, chain, ranges, size)
        .unwrap_or_else(|| error::raise(error::audit::too_few(&name, chain, size)))
}

/// The roots of ranges of the chain's first `size` leaves; None when one of them is missing.
fn leaves(log: &Log, chain: &str, ranges: Vec<(u64, u64)>, size: i64) -> Option<Vec<Hash>> {
    let query = format!(
        "SELECT sequence, leaf FROM {} WHERE chain = $1 AND sequence BETWEEN 1 AND $2
         ORDER BY sequence",
        log.definition.seal()
    );
    let mut roots = Roots::new(ranges);
    let mut expected = 1;
    sql::stream(&query, &[text(chain), bigint(size)], |rows, row| {
        let leaf = rows
            .get::<Vec<u8>>(row, 2)
            .and_then(|leaf| Hash::try_from(leaf).ok());
        if rows.get::<i64>(row, 1) == Some(expected)
            && let Some(leaf) = leaf
        {
            roots.push(leaf);
            expected += 1;
        }
    });
    (expected > size).then(|| roots.finish())?
}

/// How a chain is called in a checkpoint.
fn origin(log: &Log, chain: &str) -> String {
    let definition = &log.definition;
    let table = format!(
        "{}/{}",
        percent_encoded(&definition.schema),
        percent_encoded(&definition.table)
    );
    if definition.chain_by.is_empty() {
        table
    } else {
        format!("{table}/{chain}")
    }
}

/// What checkpoints of more than one chain begin with.
const MANY: &str = "community_core/";

/// The state of one chain, or of every chain of the logs.
pub fn checkpoint(logs: &[Log], chain: Option<&str>, database: &str) -> String {
    let mut trees = Vec::new();
    for log in logs {
        let query = format!(
            "SELECT chain, size, frontier FROM {} WHERE $1 IS NULL OR chain = $1 ORDER BY chain",
            log.definition.head()
        );
        log.as_owner(|| {
            let only = (pg_sys::TEXTOID, chain.and_then(|chain| text(chain).1));
            sql::stream(&query, &[only], |rows, row| {
                let name = rows.text(row, 1);
                let size = rows.get::<i64>(row, 2).unwrap_or_default() as u64;
                let frontier: Vec<u8> = rows.get(row, 3).unwrap_or_default();
                let frontier = Frontier::from_bytes(size, &frontier).unwrap_or_else(|| {
                    error::raise(error::audit::broken_head(&log.definition.name(), &name))
                });
                trees.push(Tree {
                    origin: origin(log, &name),
                    size,
                    root: frontier.root(),
                });
            });
        });
    }
    if let (Some(chain), [log]) = (chain, logs) {
        let tree = trees.pop().unwrap_or_else(|| Tree {
            origin: origin(log, chain),
            size: 0,
            root: Frontier::default().root(),
        });
        let Tree { origin, size, root } = tree;
        return Checkpoint {
            origin,
            size,
            root,
            extensions: Vec::new(),
        }
        .to_string();
    }
    let lines: Vec<String> = trees.iter().map(Tree::to_string).collect();
    Checkpoint {
        origin: format!("{MANY}{}", percent_encoded(database)),
        size: lines.len() as u64,
        root: root_of(&lines),
        extensions: lines,
    }
    .to_string()
}

/// The tree whose leaves are the lines.
fn root_of(lines: &[String]) -> Hash {
    let mut frontier = Frontier::default();
    lines
        .iter()
        .for_each(|line| frontier.push(hash::leaf(line.as_bytes())));
    frontier.root()
}

/// A chain that does not continue what the checkpoint says of it.
pub struct Break {
    pub origin: String,
    pub size: i64,
    pub fault: &'static str,
    pub detail: String,
    pub expected: Option<Hash>,
    pub actual: Option<Hash>,
}

pub fn verify_checkpoint(note: &str, vkey: &str, caller: pg_sys::Oid) -> Vec<Break> {
    let text = open(note, vkey).unwrap_or_else(|refusal| match refusal {
        Refusal::Key(why) => error::raise(error::audit::bad_key(why)),
        Refusal::Note(why) => error::raise(error::audit::bad_note(why)),
        Refusal::Unsigned => error::raise(error::audit::unsigned_note()),
        Refusal::Forged => error::raise(error::audit::forged_note()),
    });
    let malformed = || error::audit::bad_note("its text is not a checkpoint");
    let checkpoint = Checkpoint::parse(text).unwrap_or_else(|| error::raise(malformed()));
    let trees: Vec<Tree> = if checkpoint.origin.starts_with(MANY) {
        let whole = checkpoint.size == checkpoint.extensions.len() as u64
            && checkpoint.root == root_of(&checkpoint.extensions);
        let trees: Option<Vec<Tree>> = checkpoint
            .extensions
            .iter()
            .map(|t| Tree::parse(t))
            .collect();
        trees
            .filter(|_| whole)
            .unwrap_or_else(|| error::raise(malformed()))
    } else {
        let Checkpoint {
            origin, size, root, ..
        } = checkpoint;
        vec![Tree { origin, size, root }]
    };
    trees
        .into_iter()
        .filter_map(|tree| compare(tree, caller))
        .collect()
}

fn compare(tree: Tree, caller: pg_sys::Oid) -> Option<Break> {
    let size = i64::try_from(tree.size).unwrap_or(i64::MAX);
    let fail = |fault, detail: String, actual| {
        let expected = Some(tree.root);
        Some(Break {
            origin: tree.origin.clone(),
            size,
            fault,
            detail,
            expected,
            actual,
        })
    };
    let Some((log, chain)) = find(&tree.origin) else {
        return fail("missing", "there is no such audit log".to_owned(), None);
    };
    if !catalog::is_owner(&log.relation, caller) {
        error::raise(error::not_owner(&log.definition.name()));
    }
    log.require_unaltered();
    let root = log.as_owner(|| leaves(&log, &chain, vec![(0, tree.size)], size));
    match root.as_deref() {
        Some([root]) if *root == tree.root => None,
        Some([root]) => fail(
            "wrong root",
            format!("the first {size} entries are not those of the checkpoint"),
            Some(*root),
        ),
        _ => fail(
            "truncated tail",
            format!("the chain does not have {size} entries"),
            None,
        ),
    }
}

/// The log and the chain that an origin names.
fn find(origin: &str) -> Option<(Log, String)> {
    let mut parts = origin.splitn(3, '/');
    let schema = percent_decoded(parts.next()?)?;
    let table = percent_decoded(parts.next()?)?;
    let chain = parts.next().unwrap_or_default().to_owned();
    let relation = catalog::find_open(&schema, &table)?;
    let definition = definition_of(&relation)?;
    Some((Log::new(relation, definition), chain))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}
