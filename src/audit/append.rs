//! From the rows that a statement wrote to pending entries.

use super::block;
use super::encoding::Subject;
use super::hash;
use super::key::Key;
use super::log::{Log, chain_name};
use super::pending::{self, Batch};
use super::row::{self, Encoder, Slots};
use crate::catalog::{self, Column};
use crate::error;
use pgrx::PgRelation;
use pgrx::pg_sys;
use std::collections::HashMap;

/// Takes rows of one log, one after the other, and makes batches of them.
pub struct Appender<'a> {
    log: &'a Log,
    encoder: Encoder,
    chain_columns: Vec<Column>,
    batches: Vec<Batch>,
    by_chain: HashMap<Vec<Option<Key>>, usize>,
    entry: Vec<u8>,
}

impl<'a> Appender<'a> {
    pub fn new(log: &'a Log) -> Appender<'a> {
        Appender {
            log,
            encoder: Encoder::new(&log.relation, Subject::Row, &log.definition.erasable),
            chain_columns: log.chain_columns(),
            batches: Vec::new(),
            by_chain: HashMap::new(),
            entry: Vec::new(),
        }
    }

    /// # Safety
    /// `values` and `nulls` are a deformed row of the log.
    pub unsafe fn add(&mut self, values: &[pg_sys::Datum], nulls: &[bool]) {
        // SAFETY: the caller vouches for the row, and each column is read by its own type.
        unsafe {
            let read = |column: &Column| {
                let index = column.number as usize - 1;
                (!nulls[index]).then(|| Key::from_datum(values[index], column.type_oid))
            };
            let Some(key) = read(&self.log.key) else {
                return;
            };
            let chain: Vec<Option<Key>> = self.chain_columns.iter().map(read).collect();
            let batch = match self.by_chain.get(&chain) {
                Some(index) => *index,
                None => {
                    self.batches.push(Batch {
                        log: self.log.relation.oid(),
                        chain: chain_name(&chain),
                        columns: self.encoder.columns(),
                        keys: Vec::new(),
                        leaves: Vec::new(),
                        salts: Vec::new(),
                        subtransaction: pg_sys::GetCurrentSubTransactionId(),
                    });
                    self.by_chain.insert(chain, self.batches.len() - 1);
                    self.batches.len() - 1
                }
            };
            let erasable = self.log.definition.erasable.len();
            let salt = self.encoder.salt(erasable, nulls);
            let slots = Slots {
                salt: &salt,
                erased: &[],
            };
            self.encoder
                .encode(&mut self.entry, values, nulls, i16::MAX, slots);
            let batch = &mut self.batches[batch];
            batch.keys.push(key);
            batch.leaves.push(hash::leaf(&self.entry));
            if erasable > 0 {
                batch.salts.push(salt);
            }
        }
    }

    pub fn finish(self) -> Vec<Batch> {
        self.batches
    }

    pub fn needs_settings(&self) -> bool {
        self.encoder.needs_settings
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
    with_text_settings(appender.needs_settings(), || {
        each_row(&log.relation, rows, |values, nulls| {
            // SAFETY: the transition table holds rows of the log.
            unsafe { appender.add(values, nulls) }
        });
    });
    let batches = appender.finish();
    if log.definition.block {
        block::defer(log, batches);
    } else {
        pending::add(batches);
    }
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
