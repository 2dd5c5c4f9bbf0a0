//! Logs that are sealed in blocks: what a statement wrote waits in a table, the tail, until
//! `seal_audit` seals it. Writers never wait for each other; until then the entries prove
//! nothing, so the size and the age of the tail are shown.

use super::hash::Hash;
use super::key::{self, Key};
use super::log::Log;
use super::pending::Batch;
use super::sql::{self, text};
use super::{create, pending, seal};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{IntoDatum, pg_sys};

/// The most entries that are sealed in one go.
const BLOCK: usize = 100_000;

/// Puts the entries into the tail.
pub fn defer(log: &Log, batches: Vec<Batch>) {
    let insert = format!(
        "INSERT INTO {} (chain, columns, entries, leaves, salts)
         VALUES ($1, $2, $3::{}[], $4, $5)",
        log.definition.tail(),
        crate::catalog::type_name(log.key.type_oid, log.key.type_mod),
    );
    log.as_owner(|| {
        seal::act(|| {
            for batch in batches {
                for from in (0..batch.keys.len()).step_by(BLOCK) {
                    let to = batch.keys.len().min(from + BLOCK);
                    let keys = key::to_array(log.key_kind, &batch.keys[from..to]);
                    let salts = batch.salts.get(from..to).map(<[Vec<u8>]>::concat);
                    sql::write(
                        &insert,
                        &[
                            text(&batch.chain),
                            (pg_sys::INT2OID, batch.columns.into_datum()),
                            (log.key_kind.array_oid(), keys),
                            sql::bytea(&batch.leaves[from..to].concat()),
                            (pg_sys::BYTEAOID, salts.into_datum()),
                        ],
                    );
                }
            }
        });
    });
}

/// Seals what waits: of this transaction, in the tail, and, if asked, what no trigger saw.
/// Returns how many entries that were.
pub fn seal_now(log: &Log, adopt: bool) -> i64 {
    let count = |batches: &[Batch]| {
        batches
            .iter()
            .map(|batch| batch.keys.len() as i64)
            .sum::<i64>()
    };
    let batches = pending::take(Some(log.relation.oid()));
    let mut sealed = count(&batches);
    seal::seal(log, batches);
    if log.definition.block {
        loop {
            let block = take(log);
            if block.is_empty() {
                break;
            }
            sealed += count(&block);
            seal::seal(log, block);
        }
    }
    if adopt {
        sealed += create::seal_unsealed(log);
    }
    sealed
}

/// Takes the oldest statements out of the tail, about one block of them. Two who seal at once
/// wait for each other here, and the second finds the rows gone.
fn take(log: &Log) -> Vec<Batch> {
    let tail = log.definition.tail();
    let look = format!("{} ORDER BY id LIMIT 1000 FOR UPDATE", tail_query(log));
    log.as_owner(|| {
        seal::act(|| {
            let rows = sql::write(&look, &[]);
            let mut batches: Vec<Batch> = Vec::new();
            let (mut entries, mut taken) = (0, Vec::<i64>::new());
            for row in 0..rows.len() {
                let batch = batch(log, &rows, row);
                entries += batch.keys.len();
                if entries > BLOCK {
                    break;
                }
                taken.extend(rows.get::<i64>(row, 1));
                batches.push(batch);
            }
            if !batches.is_empty() {
                let ids = (pg_sys::INT8ARRAYOID, taken.into_datum());
                sql::write(&format!("DELETE FROM {tail} WHERE id = ANY ($1)"), &[ids]);
            }
            batches
        })
    })
}

fn tail_query(log: &Log) -> String {
    format!(
        "SELECT id, chain, columns, entries::{}[], leaves, salts FROM {}",
        log.key_kind.sql(),
        log.definition.tail()
    )
}

/// What a row of the tail holds.
fn batch(log: &Log, rows: &sql::Rows, row: usize) -> Batch {
    let keys = rows.datum(row, 4).map_or_else(Vec::new, |keys| {
        // SAFETY: the column was cast to an array of the kind's type.
        unsafe { key::from_array(log.key_kind, keys) }
    });
    let leaves: Vec<u8> = rows.get(row, 5).unwrap_or_default();
    let (leaves, _) = leaves.as_chunks::<32>();
    let salts: Vec<u8> = rows.get(row, 6).unwrap_or_default();
    let width = (salts.len() / keys.len().max(1)).max(1);
    Batch {
        log: log.relation.oid(),
        chain: rows.text(row, 2),
        columns: rows.get(row, 3).unwrap_or_default(),
        keys,
        leaves: leaves.to_vec(),
        salts: salts.chunks(width).map(<[u8]>::to_vec).collect(),
        subtransaction: 0,
    }
}

/// Each entry in the tail: its chain, key, columns, leaf and salts.
pub fn each_waiting(log: &Log, mut each: impl FnMut(&str, Key, i16, Hash, Vec<u8>)) {
    if !log.definition.block {
        return;
    }
    let mut batches = Vec::new();
    sql::stream(&tail_query(log), &[], |rows, row| {
        batches.push(batch(log, rows, row))
    });
    for batch in batches {
        let mut salts = batch.salts.into_iter();
        for (key, leaf) in batch.keys.into_iter().zip(batch.leaves) {
            each(
                &batch.chain,
                key,
                batch.columns,
                leaf,
                salts.next().unwrap_or_default(),
            );
        }
    }
}

/// How far a log is.
pub struct State {
    pub chains: i64,
    pub entries: i64,
    pub unsealed: i64,
    pub since: Option<TimestampWithTimeZone>,
}

pub fn state(log: &Log) -> State {
    let heads = format!(
        "SELECT count(*), sum(size)::int8 FROM {}",
        log.definition.head()
    );
    let tail = format!(
        "SELECT sum(cardinality(entries))::int8, min(written_at) FROM {}",
        log.definition.tail()
    );
    log.as_owner(|| {
        let rows = sql::read(&heads, &[]);
        let (chains, entries) = (rows.get(0, 1), rows.get(0, 2));
        let (mut unsealed, mut since) = (None, None);
        if log.definition.block {
            let rows = sql::read(&tail, &[]);
            (unsealed, since) = (rows.get(0, 1), rows.get(0, 2));
        }
        State {
            chains: chains.unwrap_or(0),
            entries: entries.unwrap_or(0),
            unsealed: unsealed.unwrap_or(0),
            since,
        }
    })
}
