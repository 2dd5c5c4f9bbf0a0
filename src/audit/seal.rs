//! Sealing: entries get their place in their chain. The head of the chain is locked first, so
//! whoever seals sees the last seal of whoever sealed before, and a rolled back transaction
//! leaves no gap because the number stands in the head and goes back with it.

use super::direct::Tables;
use super::encoding;
use super::hash::{self, Hash};
use super::key;
use super::log::Log;
use super::pending::Batch;
use super::sql::{self, bigint, bytea, text};
use super::tree::Frontier;
use crate::{catalog, error};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::CStr;

thread_local! {
    static ACTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the engine itself is changing the tables that it keeps.
pub fn acting() -> bool {
    ACTING.get()
}

/// Runs `work` with the tables of the engine open to it.
pub fn act<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTING.set(self.0);
        }
    }
    let _restore = Restore(ACTING.replace(true));
    work()
}

/// The end of a chain.
#[derive(Clone)]
pub struct Head {
    pub size: u64,
    pub hash: Hash,
    pub frontier: Frontier,
}

/// Seals the batches, all of which are of this log.
pub fn seal(log: &Log, mut batches: Vec<Batch>) {
    // A stable sort: within a chain, the order of the statements stays.
    batches.sort_by(|a, b| a.chain.cmp(&b.chain));
    let tables = Tables::open(log);
    let mut batches = batches.into_iter().peekable();
    while let Some(chain) = batches.peek().map(|batch| batch.chain.clone()) {
        let mut of_chain = Vec::new();
        while let Some(batch) = batches.next_if(|batch| batch.chain == chain) {
            of_chain.push(batch);
        }
        let sealed = tables.as_ref().is_some_and(|tables| {
            tables.seal(&chain, &of_chain) || {
                // A chain begins with its head; where there is one, this says what is wrong.
                by_statements(log, || lock(log, &chain));
                tables.seal(&chain, &of_chain)
            }
        });
        if !sealed {
            by_statements(log, || {
                let mut head = lock(log, &chain);
                for batch in of_chain {
                    append(log, &mut head, batch);
                }
                store(log, &chain, &head);
            });
        }
    }
    if let Some(tables) = tables {
        tables.close();
    }
}

fn by_statements<T>(log: &Log, work: impl FnOnce() -> T) -> T {
    log.require_unaltered();
    // SAFETY: when a transaction commits there is no snapshot any more, and one can still be taken;
    // an ERROR pops it with the transaction.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    let done = log.as_owner(|| catalog::with_settings(&[BY_INDEX], || act(work)));
    // SAFETY: pops what was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    done
}

/// The planner takes the table of heads for small and would read it from end to end; but every commit
/// leaves a dead row there.
const BY_INDEX: (&CStr, &str) = (c"enable_seqscan", "off");

/// Locks the head of a chain, which begins with this call if need be.
pub fn lock(log: &Log, chain: &str) -> Head {
    let table = log.definition.head();
    let look =
        format!("SELECT size, hash, frontier FROM {table} WHERE chain = $1 FOR NO KEY UPDATE");
    retryable(log, || {
        let mut rows = sql::write(&look, &[text(chain)]);
        if rows.len() == 0 {
            let begin = format!(
                "INSERT INTO {table} (chain, size, hash, frontier) VALUES ($1, 0, $2, '')
                 ON CONFLICT (chain) DO NOTHING"
            );
            sql::write(&begin, &[text(chain), bytea(&hash::NOTHING)]);
            rows = sql::write(&look, &[text(chain)]);
        }
        let size = rows
            .get::<i64>(0, 1)
            .and_then(|size| u64::try_from(size).ok());
        let hash = rows
            .get::<Vec<u8>>(0, 2)
            .and_then(|hash| Hash::try_from(hash).ok());
        let frontier = rows.get::<Vec<u8>>(0, 3);
        let head = || {
            let size = size?;
            let frontier = Frontier::from_bytes(size, &frontier?)?;
            Some(Head {
                size,
                hash: hash?,
                frontier,
            })
        };
        head().unwrap_or_else(|| {
            error::raise(error::audit::broken_head(&log.definition.name(), chain))
        })
    })
}

pub fn store(log: &Log, chain: &str, head: &Head) {
    let update = format!(
        "UPDATE {} SET size = $2, hash = $3, frontier = $4 WHERE chain = $1",
        log.definition.head()
    );
    let frontier = head.frontier.to_bytes();
    let size = head.size as i64;
    sql::write(
        &update,
        &[
            text(chain),
            bigint(size),
            bytea(&head.hash),
            bytea(&frontier),
        ],
    );
}

impl Head {
    /// Moves on by one leaf and says its link.
    pub fn push(&mut self, chain: &str, leaf: &Hash) -> Hash {
        self.size += 1;
        self.hash = hash::link(chain, self.size, &self.hash, leaf);
        self.frontier.push(*leaf);
        self.hash
    }
}

fn append(log: &Log, head: &mut Head, batch: Batch) {
    let Batch {
        chain,
        columns: columns_at,
        keys,
        leaves,
        salts,
        ..
    } = batch;
    let before = head.size as i64;
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| head.push(&chain, leaf)).collect();
    let seal = log.definition.seal();
    let columns = "chain, sequence, entry, version, columns, leaf, hash, salt";
    let mut arguments = vec![
        text(&chain),
        bigint(before),
        (pg_sys::INT2OID, i16::from(encoding::VERSION).into_datum()),
        (pg_sys::INT2OID, columns_at.into_datum()),
        sql::bytea(leaves.as_flattened()),
        sql::bytea(hashes.as_flattened()),
        (
            pg_sys::BYTEAOID,
            salts.first().and_then(|_| salts.concat().into_datum()),
        ),
    ];
    if let [key] = &keys[..] {
        let insert =
            format!("INSERT INTO {seal} ({columns}) VALUES ($1, $2 + 1, $8, $3, $4, $5, $6, $7)");
        arguments.push((log.key_kind.oid(), key.datum()));
        sql::write(&insert, &arguments);
        return;
    }
    // Functions in the list that return sets go on in step, row by row, and store nothing between.
    let insert = format!(
        "INSERT INTO {seal} ({columns})
         SELECT $1, $2 + e.place, e.entry, $3, $4, substr($5, 32 * e.place - 31, 32),
                substr($6, 32 * e.place - 31, 32), substr($7, $9 * (e.place - 1) + 1, $9)
         FROM (SELECT generate_series(1, $10) AS place, unnest($8) AS entry) e"
    );
    arguments.push((log.key_kind.array_oid(), key::to_array(log.key_kind, &keys)));
    let salt = salts.first().map(|salt| salt.len() as i32);
    arguments.push((pg_sys::INT4OID, salt.into_datum()));
    arguments.push((pg_sys::INT4OID, (keys.len() as i32).into_datum()));
    sql::write(&insert, &arguments);
}

/// Says what to do when somebody else moved the chain on since this transaction's snapshot.
fn retryable<T>(log: &Log, work: impl FnOnce() -> T) -> T {
    let name = log.definition.name();
    PgTryBuilder::new(std::panic::AssertUnwindSafe(work))
        .catch_when(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            move |caught| {
                if let CaughtError::PostgresError(_) = caught {
                    error::raise(error::audit::conflict(&name));
                }
                caught.rethrow()
            },
        )
        .execute()
}
