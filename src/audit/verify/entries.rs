//! Each entry beside its seal. Both tables are read once, side by side, in the order in which
//! they are stored, which is nearly the same; what has no partner yet waits. What waits too long
//! is looked up by its key, so memory stays bounded in whatever order the tables are.

use super::Fault;
use super::links::Changed;
use crate::audit::encoding::Subject;
use crate::audit::encoding::VERSION;
use crate::audit::hash::{self, Hash};
use crate::audit::key::{self, Key};
use crate::audit::log::{Log, chain_name};
use crate::audit::pending;
use crate::audit::row::{Encoder, Slots};
use crate::audit::sql;
use crate::catalog::{self, Column};
use pgrx::pg_sys;
use rustc_hash::{FxHashMap, FxHashSet};

/// What an entry must be, by its seal.
pub struct Sealed {
    pub chain: usize,
    /// 0 for an entry that is not sealed yet.
    pub sequence: i64,
    pub version: i16,
    pub columns: i16,
    pub leaf: Hash,
    pub salt: Vec<u8>,
    pub erased: Vec<u8>,
}

pub struct Entries<'a> {
    log: &'a Log,
    encoder: Encoder,
    chain_columns: Vec<Column>,
    places: Vec<usize>,
    bytes: Vec<u8>,
    /// Seals whose entries have not come by.
    sealed: FxHashMap<Key, Sealed>,
    /// Entries whose seals have not come by.
    early: FxHashSet<Key>,
    /// Seals whose entries came by before them.
    late: Vec<(Key, Sealed)>,
    /// Entries that wait to be sealed, by this transaction's end or by seal_audit.
    waiting: FxHashSet<Key>,
    /// How many seals or entries may wait for their partners, by maintenance_work_mem.
    may_wait: usize,
    /// By the number of the chain.
    pub changed: Vec<(usize, Changed)>,
    pub faults: Vec<(usize, Fault)>,
    pub unsealed: Vec<Fault>,
}

impl<'a> Entries<'a> {
    const PORTION: usize = 1000;

    pub fn new(log: &'a Log) -> Entries<'a> {
        let live = log.relation.tuple_desc();
        let live = live.iter().filter(|attribute| !attribute.is_dropped());
        Entries {
            log,
            encoder: Encoder::new(&log.relation, Subject::Row, &log.definition.erasable),
            chain_columns: log.chain_columns(),
            places: live
                .map(|attribute| attribute.attnum as usize - 1)
                .collect(),
            bytes: Vec::new(),
            sealed: FxHashMap::default(),
            early: FxHashSet::default(),
            late: Vec::new(),
            waiting: pending::keys(log.relation.oid()).into_iter().collect(),
            may_wait: may_wait(),
            changed: Vec::new(),
            faults: Vec::new(),
            unsealed: Vec::new(),
        }
    }

    pub fn needs_settings(&self) -> bool {
        self.encoder.needs_settings
    }

    /// A seal comes by.
    pub fn seal(&mut self, key: Key, sealed: Sealed) {
        if self.early.remove(&key) {
            self.look_up_later(key, sealed);
            return;
        }
        self.sealed.insert(key, sealed);
        if self.sealed.len() > self.may_wait {
            let all = std::mem::take(&mut self.sealed);
            all.into_iter()
                .for_each(|(key, sealed)| self.look_up_later(key, sealed));
        }
    }

    /// For a seal whose entry will not come by.
    pub fn look_up_later(&mut self, key: Key, sealed: Sealed) {
        self.late.push((key, sealed));
        if self.late.len() >= Self::PORTION {
            self.look_up();
        }
    }

    /// An entry waits to be sealed; its leaf was taken when it was written.
    pub fn wait(&mut self, key: Key, sealed: Sealed) {
        self.waiting.insert(key.clone());
        self.look_up_later(key, sealed);
    }

    /// Whether there is room for a seal whose entry comes later.
    pub fn more_may_wait(&self) -> bool {
        self.sealed.len() < self.may_wait
    }

    /// The seal of an entry, if it came by.
    pub fn sealed(&mut self, key: &Key) -> Option<Sealed> {
        self.sealed.remove(key)
    }

    /// An entry comes by, with its seal if that was here before.
    ///
    /// # Safety
    /// `values` and `nulls` are a deformed row of the log.
    pub unsafe fn entry(
        &mut self,
        key: Key,
        sealed: Option<Sealed>,
        values: &[pg_sys::Datum],
        nulls: &[bool],
    ) {
        match sealed {
            // SAFETY: the caller vouches for the row.
            Some(sealed) => unsafe { self.compare(key, sealed, values, nulls) },
            None => {
                self.early.insert(key);
                if self.early.len() > self.may_wait {
                    self.ask_for_seals();
                }
            }
        }
    }

    /// Both tables have been read.
    pub fn finish(&mut self) {
        let all = std::mem::take(&mut self.sealed);
        all.into_iter()
            .for_each(|(key, sealed)| self.look_up_later(key, sealed));
        self.look_up();
        self.ask_for_seals();
    }

    /// # Safety
    /// `values` are the columns of a row of the log, deformed.
    pub unsafe fn key(&self, values: &[pg_sys::Datum]) -> Key {
        // SAFETY: the caller vouches for the row; a primary key is never null.
        unsafe {
            Key::from_datum(
                values[self.log.key.number as usize - 1],
                self.log.key.type_oid,
            )
        }
    }

    unsafe fn compare(
        &mut self,
        key: Key,
        sealed: Sealed,
        values: &[pg_sys::Datum],
        nulls: &[bool],
    ) {
        let slots = Slots {
            salt: &sealed.salt,
            erased: &sealed.erased,
        };
        // SAFETY: the caller vouches for the row.
        unsafe {
            self.encoder
                .encode(&mut self.bytes, values, nulls, sealed.columns, slots)
        };
        let actual = hash::leaf(&self.bytes);
        if actual != sealed.leaf || sealed.version != i16::from(VERSION) {
            let changed = Changed {
                sequence: sealed.sequence,
                entry: key.to_string(),
                sealed: sealed.leaf,
                actual,
            };
            if sealed.sequence > 0 {
                self.changed.push((sealed.chain, changed));
            } else {
                let fault = Fault {
                    entry: Some(changed.entry),
                    fault: "changed",
                    detail: "the entry is not what was written".to_owned(),
                    expected: Some(sealed.leaf.to_vec()),
                    actual: Some(actual.to_vec()),
                    ..Fault::default()
                };
                self.faults.push((sealed.chain, fault));
            }
        }
    }

    /// Finds the entries of late seals by their keys.
    fn look_up(&mut self) {
        let mut late: FxHashMap<Key, Sealed> = self.late.drain(..).collect();
        if late.is_empty() {
            return;
        }
        let kind = self.log.key_kind;
        let query = format!(
            "SELECT l.* FROM ONLY {} l WHERE l.{} = ANY ($1)",
            self.log.definition.name(),
            catalog::quote_ident(&self.log.key.name),
        );
        let keys = key::to_array(kind, &late.keys().cloned().collect::<Vec<_>>());
        let rows = sql::read(&query, &[(kind.array_oid(), keys)]);
        let width = self.log.relation.tuple_desc().len();
        let mut values = vec![pg_sys::Datum::from(0); width];
        let mut nulls = vec![true; width];
        for row in 0..rows.len() {
            rows.deform(row, 1, &self.places, &mut values, &mut nulls);
            // SAFETY: the row is one of the log, deformed into the places of its columns.
            unsafe {
                let key = self.key(&values);
                if let Some(sealed) = late.remove(&key) {
                    self.compare(key, sealed, &values, &nulls);
                }
            }
        }
        rows.free();
        for (key, sealed) in late {
            let fault = Fault {
                sequence: Some(sealed.sequence).filter(|sequence| *sequence > 0),
                entry: Some(key.to_string()),
                fault: "missing",
                detail: "the entry is gone".to_owned(),
                expected: Some(sealed.leaf.to_vec()),
                ..Fault::default()
            };
            self.faults.push((sealed.chain, fault));
        }
    }

    /// Entries that came by before their seals: those that have none were never sealed.
    fn ask_for_seals(&mut self) {
        let kind = self.log.key_kind;
        let waiting = &self.waiting;
        let keys: Vec<Key> = self
            .early
            .drain()
            .filter(|key| !waiting.contains(key))
            .collect();
        let query = format!(
            "SELECT l.* FROM ONLY {log} l
             WHERE l.{key} = ANY ($1)
               AND NOT EXISTS (SELECT FROM {seal} s WHERE s.entry = l.{key})",
            log = self.log.definition.name(),
            seal = self.log.definition.seal(),
            key = catalog::quote_ident(&self.log.key.name),
        );
        for portion in keys.chunks(Self::PORTION) {
            let array = key::to_array(kind, portion);
            let rows = sql::read(&query, &[(kind.array_oid(), array)]);
            self.unsealed_rows(&rows);
            rows.free();
        }
    }

    /// Every entry of one chain that has no seal, for a run that does not read the whole log.
    pub fn without_seal(&mut self, chain: &str) {
        let query = format!(
            "SELECT l.* FROM ONLY {log} l
             WHERE NOT EXISTS (SELECT FROM {seal} s WHERE s.entry = l.{key})",
            log = self.log.definition.name(),
            seal = self.log.definition.seal(),
            key = catalog::quote_ident(&self.log.key.name),
        );
        sql::stream(&query, &[], |rows, row| self.unsealed_row(rows, row));
        self.unsealed
            .retain(|fault| fault.chain.as_deref() == Some(chain));
    }

    fn unsealed_rows(&mut self, rows: &sql::Rows) {
        (0..rows.len()).for_each(|row| self.unsealed_row(rows, row));
    }

    fn unsealed_row(&mut self, rows: &sql::Rows, row: usize) {
        let width = self.log.relation.tuple_desc().len();
        let mut values = vec![pg_sys::Datum::from(0); width];
        let mut nulls = vec![true; width];
        rows.deform(row, 1, &self.places, &mut values, &mut nulls);
        // SAFETY: the row is one of the log, deformed into the places of its columns.
        let (key, chain) = unsafe {
            let read = |column: &Column| {
                let index = column.number as usize - 1;
                (!nulls[index]).then(|| Key::from_datum(values[index], column.type_oid))
            };
            let chain: Vec<Option<Key>> = self.chain_columns.iter().map(read).collect();
            (self.key(&values), chain_name(&chain))
        };
        if self.waiting.contains(&key) {
            return;
        }
        self.unsealed.push(Fault {
            chain: Some(chain),
            entry: Some(key.to_string()),
            fault: "inserted",
            detail: "the entry was never sealed".to_owned(),
            ..Fault::default()
        });
    }
}

fn may_wait() -> usize {
    const BYTES_EACH: usize = 200;
    // SAFETY: a setting of the backend, in kilobytes, at least 1024.
    let kilobytes = unsafe { pg_sys::maintenance_work_mem };
    usize::try_from(kilobytes).unwrap_or(0) * 1024 / BYTES_EACH
}
