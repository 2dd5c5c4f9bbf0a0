//! From the rows that a statement wrote to pending entries.

use super::block;
use super::hash;
use super::key::Key;
use super::log::{Entries, Log, chain_name};
use super::pending::{self, Batch};
use super::row::{self, Slots};
use crate::catalog::{self, Column};
use crate::error;
use pgrx::PgRelation;
use pgrx::pg_sys;
use rustc_hash::FxHashMap;

/// Takes rows of one log, one after the other, and makes batches of them.
pub struct Appender<'a> {
    log: &'a Log,
    batches: Vec<Batch>,
    by_chain: FxHashMap<Vec<Option<Key>>, usize>,
    /// The chain of the row before, and its batch.
    latest: Option<(Vec<Option<Key>>, usize)>,
    entry: Vec<u8>,
}

impl<'a> Appender<'a> {
    pub fn new(log: &'a Log) -> Appender<'a> {
        Appender {
            log,
            batches: Vec::new(),
            by_chain: FxHashMap::default(),
            latest: None,
            entry: Vec::new(),
        }
    }

    /// # Safety
    /// `values` and `nulls` are a deformed row of the log.
    pub unsafe fn add(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) {
        let log = self.log;
        let Entries {
            encoder,
            chain_columns,
        } = log.entries();
        // SAFETY: the caller vouches for the row, and each column is read by its own type.
        unsafe {
            let read = |column: &Column| {
                let index = column.number as usize - 1;
                (!nulls[index]).then(|| Key::from_datum(values[index], column.type_oid))
            };
            let Some(key) = read(&log.key) else {
                return;
            };
            let batch = match &self.latest {
                Some((chain, batch))
                    if chain
                        .iter()
                        .zip(chain_columns)
                        .all(|(key, column)| read(column) == *key) =>
                {
                    *batch
                }
                _ => self.batch(chain_columns.iter().map(read).collect()),
            };
            let erasable = log.definition.erasable.len();
            let salt = encoder.salt(erasable, nulls);
            let slots = Slots {
                salt: &salt,
                erased: &[],
            };
            encoder.encode(&mut self.entry, values, nulls, i16::MAX, slots);
            let batch = &mut self.batches[batch];
            batch.keys.push(key);
            batch.leaves.push(hash::leaf(&self.entry));
            if erasable > 0 {
                batch.salts.push(salt);
            }
        }
    }

    /// The number of the chain's batch.
    fn batch(&mut self, chain: Vec<Option<Key>>) -> usize {
        let number = match self.by_chain.get(&chain) {
            Some(number) => *number,
            None => {
                self.batches.push(Batch {
                    log: self.log.relation.oid(),
                    chain: chain_name(&chain),
                    columns: self.log.entries().encoder.columns(),
                    keys: Vec::new(),
                    leaves: Vec::new(),
                    salts: Vec::new(),
                    // SAFETY: reads what the transaction is doing.
                    subtransaction: unsafe { pg_sys::GetCurrentSubTransactionId() },
                });
                self.by_chain.insert(chain.clone(), self.batches.len() - 1);
                self.batches.len() - 1
            }
        };
        self.latest = Some((chain, number));
        number
    }

    pub fn finish(self) -> Vec<Batch> {
        self.batches
    }
}

/// Notes the entries, to be sealed when the transaction commits or when the block is.
pub fn note(log: &Log, batches: Vec<Batch>) {
    if log.definition.block {
        block::defer(log, batches);
    } else {
        pending::add(batches);
    }
}

/// Runs `work` with the settings fixed if the bytes of a column depend on them.
pub fn with_text_settings<T>(needed: bool, work: impl FnOnce() -> T) -> T {
    if !needed {
        return work();
    }
    let mut settings = row::TEXT_SETTINGS.to_vec();
    settings.push(catalog::SAFE_SEARCH_PATH);
    catalog::with_settings(&settings, work)
}

/// The rows of a statement, straight from its transition table.
pub fn statement(log: &Log, rows: *mut pg_sys::Tuplestorestate) {
    let mut appender = Appender::new(log);
    with_text_settings(log.entries().encoder.needs_settings, || {
        each_row(&log.relation, rows, |values, nulls| {
            // SAFETY: the transition table holds rows of the log.
            unsafe { appender.add(values, nulls) }
        });
    });
    note(log, appender.finish());
}

/// Reads a transition table from its start, leaving other readers' places in it alone.
pub struct Rows {
    rows: *mut pg_sys::Tuplestorestate,
    pointer: i32,
    slot: *mut pg_sys::TupleTableSlot,
    columns: usize,
}

impl Rows {
    pub fn new(relation: &PgRelation, rows: *mut pg_sys::Tuplestorestate) -> Rows {
        if rows.is_null() {
            error::raise(error::misplaced_trigger(&catalog::qualified_name(relation)));
        }
        // SAFETY: the tuplestore belongs to the running trigger and holds rows of the relation.
        unsafe {
            let descriptor = (*relation.as_ptr()).rd_att;
            let pointer =
                pg_sys::tuplestore_alloc_read_pointer(rows, pg_sys::EXEC_FLAG_REWIND as i32);
            pg_sys::tuplestore_select_read_pointer(rows, pointer);
            pg_sys::tuplestore_rescan(rows);
            let slot =
                pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsMinimalTuple);
            Rows {
                rows,
                pointer,
                slot,
                columns: (*descriptor).natts as usize,
            }
        }
    }

    /// The next row, deformed; it lives until the call after.
    pub fn next(&mut self) -> Option<(&[pg_sys::Datum], &[bool])> {
        // SAFETY: the slot was made for the rows of this tuplestore, both alive.
        unsafe {
            pg_sys::tuplestore_select_read_pointer(self.rows, self.pointer);
            if !pg_sys::tuplestore_gettupleslot(self.rows, true, false, self.slot) {
                return None;
            }
            pg_sys::slot_getallattrs(self.slot);
            Some((
                std::slice::from_raw_parts((*self.slot).tts_values, self.columns),
                std::slice::from_raw_parts((*self.slot).tts_isnull, self.columns),
            ))
        }
    }

    /// Not done when an ERROR passes by: then the memory context takes the slot along.
    pub fn close(self) {
        // SAFETY: the slot is alive and used no more.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(self.slot) }
    }
}

pub fn each_row(
    relation: &PgRelation,
    rows: *mut pg_sys::Tuplestorestate,
    mut each: impl FnMut(&[pg_sys::Datum], &[bool]),
) {
    let mut rows = Rows::new(relation, rows);
    while let Some((values, nulls)) = rows.next() {
        each(values, nulls);
    }
    rows.close();
}
