//! One reading of a log and its seals, from which the faults of its chains come.

use super::entries::{Entries, Sealed};
use super::links::{Chain, Changed, Seal, StoredHead};
use super::scan::Scan;
use super::seals::{SealColumns, hash_of};
use super::{Fault, Progress};
use crate::audit::append::with_text_settings;
use crate::audit::block;
use crate::audit::encoding::{Subject, VERSION};
use crate::audit::hash;
use crate::audit::key::Key;
use crate::audit::log::{Log, beside};
use crate::audit::row::{Encoder, Slots};
use crate::audit::sql::{self, Rows};
use pgrx::{IntoDatum, check_for_interrupts, pg_sys};
use rustc_hash::FxHashMap;
use std::collections::HashMap;

/// One reading of a log and its seals.
pub struct Run<'a> {
    pub log: &'a Log,
    only: Option<&'a str>,
    heads: HashMap<String, StoredHead>,
    names: Vec<String>,
    chains: Vec<Chain>,
    by_name: FxHashMap<String, usize>,
    latest: usize,
    entries: Entries<'a>,
    erasures: bool,
    progress: Progress,
}

impl<'a> Run<'a> {
    /// How many seals may wait for those before them.
    const WAITING: usize = 500_000;
    const PORTION: usize = 1024;

    pub fn new(log: &'a Log, only: Option<&'a str>) -> Run<'a> {
        let heads = heads(log, only);
        let total = heads.values().map(|head| head.size).sum();
        let mut run = Run {
            log,
            only,
            heads: HashMap::new(),
            names: Vec::new(),
            chains: Vec::new(),
            by_name: FxHashMap::default(),
            latest: 0,
            entries: Entries::new(log),
            erasures: false,
            progress: Progress::new(&log.definition.name(), total),
        };
        heads.keys().for_each(|name| {
            run.number(name);
        });
        run.heads = heads;
        run
    }

    /// None when too many seals came before those that they follow.
    pub fn read(mut self, ordered: bool) -> Option<Vec<Fault>> {
        block::each_waiting(self.log, |chain, key, columns, leaf, salt| {
            if self.only.is_none_or(|only| only == chain) {
                let sealed = Sealed {
                    chain: self.number(chain),
                    sequence: 0,
                    version: i16::from(VERSION),
                    columns,
                    leaf,
                    salt,
                    erased: Vec::new(),
                };
                self.entries.wait(key, sealed);
            }
        });
        let whole = match self.only {
            Some(chain) => {
                self.seals_in_order();
                self.entries.without_seal(chain);
                true
            }
            None if ordered => {
                self.seals_in_order();
                self.entries_alone();
                true
            }
            None => self.side_by_side(),
        };
        whole.then(|| self.faults())
    }

    /// Both tables once, in the order in which they are stored. The seals are read as far as the
    /// next entry's: where one statement wrote to many chains, they are sorted by chain and the
    /// entries are not.
    fn side_by_side(&mut self) -> bool {
        let Some(seal) = beside(&self.log.relation, "seal") else {
            return true;
        };
        let columns = SealColumns::of(&seal);
        let mut seals = Scan::new(&seal);
        let mut rows = Scan::new(&self.log.relation);
        let mut more = true;
        let whole = with_text_settings(self.entries.needs_settings(), || {
            for count in 1.. {
                let Some((values, nulls)) = rows.next() else {
                    break;
                };
                // SAFETY: the row is one of the log.
                let key = unsafe { self.entries.key(values) };
                let mut sealed = self.entries.sealed(&key);
                while more && sealed.is_none() && self.entries.more_may_wait() {
                    more = self.next_seal(&mut seals, &columns);
                    sealed = self.entries.sealed(&key);
                }
                // SAFETY: as above.
                unsafe { self.entries.entry(key, sealed, values, nulls) };
                if count % Self::PORTION == 0 && !self.goes_on() {
                    return false;
                }
            }
            for count in 1.. {
                if !(more && self.next_seal(&mut seals, &columns)) {
                    break;
                }
                if count % Self::PORTION == 0 && !self.goes_on() {
                    return false;
                }
            }
            true
        });
        seals.close();
        rows.close();
        whole
    }

    /// Takes the next seal in; false when there is none.
    fn next_seal(&mut self, seals: &mut Scan, columns: &SealColumns) -> bool {
        let Some((values, nulls)) = seals.next() else {
            return false;
        };
        // SAFETY: the row is one of the table of seals.
        let (name, key, seal, sealed) = unsafe { columns.read(values, nulls, self) };
        self.take(name, key, seal, sealed, true);
        true
    }

    /// Whether few enough seals wait for those that they follow.
    fn goes_on(&self) -> bool {
        check_for_interrupts!();
        self.chains.iter().map(Chain::waiting).sum::<usize>() <= Self::WAITING
    }

    fn entries_alone(&mut self) {
        let mut rows = Scan::new(&self.log.relation);
        with_text_settings(self.entries.needs_settings(), || {
            while let Some((values, nulls)) = rows.next() {
                // SAFETY: the row is one of the log.
                unsafe {
                    let key = self.entries.key(values);
                    let sealed = self.entries.sealed(&key);
                    self.entries.entry(key, sealed, values, nulls);
                }
                check_for_interrupts!();
            }
        });
        rows.close();
    }

    /// The seals through their index; their entries are looked up.
    fn seals_in_order(&mut self) {
        let query = format!(
            "SELECT chain, sequence, entry, version, columns, leaf, hash, salt, erased
             FROM {} WHERE $1 IS NULL OR chain = $1 ORDER BY chain, sequence",
            self.log.definition.seal()
        );
        let key_type = self.log.key.type_oid;
        let only = (pg_sys::TEXTOID, self.only.into_datum());
        sql::stream(&query, &[only], |rows, row| {
            let name = self.number(&rows.text(row, 1));
            // SAFETY: the column has the type of the log's primary key.
            let key = rows
                .datum(row, 3)
                .map(|key| unsafe { Key::from_datum(key, key_type) });
            let seal = Seal {
                sequence: rows.get(row, 2).unwrap_or_default(),
                leaf: hash_of(&rows.get::<Vec<u8>>(row, 6).unwrap_or_default()),
                hash: hash_of(&rows.get::<Vec<u8>>(row, 7).unwrap_or_default()),
            };
            let sealed = Sealed {
                chain: name,
                sequence: seal.sequence,
                version: rows.get(row, 4).unwrap_or_default(),
                columns: rows.get(row, 5).unwrap_or_default(),
                leaf: seal.leaf,
                salt: rows.get(row, 8).unwrap_or_default(),
                erased: rows.get(row, 9).unwrap_or_default(),
            };
            self.take(name, key, seal, sealed, false);
        });
    }

    fn take(&mut self, chain: usize, key: Option<Key>, seal: Seal, sealed: Sealed, side: bool) {
        self.progress.step();
        self.chains[chain].take(&self.names[chain], seal);
        match key {
            Some(key) if side => self.entries.seal(key, sealed),
            Some(key) => self.entries.look_up_later(key, sealed),
            None => self.erasures = true,
        }
    }

    /// The number of a chain in this run.
    pub fn number(&mut self, name: &str) -> usize {
        if self
            .names
            .get(self.latest)
            .is_some_and(|latest| latest == name)
        {
            return self.latest;
        }
        self.latest = match self.by_name.get(name) {
            Some(number) => *number,
            None => {
                self.names.push(name.to_owned());
                self.chains.push(Chain::default());
                self.by_name.insert(name.to_owned(), self.names.len() - 1);
                self.names.len() - 1
            }
        };
        self.latest
    }

    fn faults(mut self) -> Vec<Fault> {
        self.entries.finish();
        if self.erasures {
            self.erasure_entries();
        }
        let mut changed: Vec<Vec<Changed>> = self.names.iter().map(|_| Vec::new()).collect();
        for (chain, entry) in self.entries.changed {
            changed[chain].push(entry);
        }
        let mut of_chain: Vec<Vec<Fault>> = self.names.iter().map(|_| Vec::new()).collect();
        for (chain, fault) in self.entries.faults {
            of_chain[chain].push(fault);
        }
        let mut by_name: Vec<(String, Vec<Fault>)> = Vec::new();
        let parts = self
            .names
            .into_iter()
            .zip(self.chains)
            .zip(changed.into_iter().zip(of_chain));
        for ((name, chain), (changed, mut faults)) in parts {
            // A chain of which nothing was sealed yet has no head.
            let head = self.heads.get(&name);
            let findings = match head {
                None if chain.is_empty() => Vec::new(),
                _ => chain.finish(&name, head, changed),
            };
            faults.extend(findings.into_iter().map(|finding| Fault {
                sequence: finding.sequence,
                entry: finding.entry,
                fault: finding.fault,
                detail: finding.detail,
                expected: finding.expected,
                actual: finding.actual,
                ..Fault::default()
            }));
            faults.sort_by_key(|fault| fault.sequence);
            for fault in &mut faults {
                fault.chain = Some(name.clone());
                if fault.entry.is_none() {
                    fault.entry = entry_at(self.log, &name, fault.sequence);
                }
            }
            by_name.push((name, faults));
        }
        by_name.sort_by(|a, b| a.0.cmp(&b.0));
        by_name
            .into_iter()
            .flat_map(|(_, faults)| faults)
            .chain(self.entries.unsealed)
            .collect()
    }

    /// Erasure entries beside their seals; they are few.
    fn erasure_entries(&mut self) {
        let Some(table) = beside(&self.log.relation, "erasure") else {
            return;
        };
        let encoder = Encoder::new(&table, Subject::Erasure, &[]);
        let places: Vec<usize> = (0..table.tuple_desc().len()).collect();
        let mut values = vec![pg_sys::Datum::from(0); places.len()];
        let mut nulls = vec![true; places.len()];
        let mut bytes = Vec::new();
        let query = format!(
            "SELECT s.chain, s.sequence, s.columns, s.leaf, e.*
             FROM {seal} s LEFT JOIN {erasure} e
                  ON e.chain = s.chain AND e.sequence = s.sequence
             WHERE s.entry IS NULL AND ($1 IS NULL OR s.chain = $1)",
            seal = self.log.definition.seal(),
            erasure = self.log.definition.erasure(),
        );
        let only = (pg_sys::TEXTOID, self.only.into_datum());
        sql::stream(&query, &[only], |rows: &Rows, row| {
            let chain = self.number(&rows.text(row, 1));
            let sequence: i64 = rows.get(row, 2).unwrap_or_default();
            let sealed = hash_of(&rows.get::<Vec<u8>>(row, 4).unwrap_or_default());
            if rows.datum(row, 5).is_none() {
                let fault = Fault {
                    sequence: Some(sequence),
                    fault: "missing",
                    detail: "the erasure entry is gone".to_owned(),
                    expected: Some(sealed.to_vec()),
                    ..Fault::default()
                };
                self.entries.faults.push((chain, fault));
                return;
            }
            rows.deform(row, 5, &places, &mut values, &mut nulls);
            let columns = rows.get(row, 3).unwrap_or_default();
            // SAFETY: the row is one of the table of erasures.
            unsafe { encoder.encode(&mut bytes, &values, &nulls, columns, Slots::default()) };
            let actual = hash::leaf(&bytes);
            if actual != sealed {
                let entry = "erasure".to_owned();
                self.entries.changed.push((
                    chain,
                    Changed {
                        sequence,
                        entry,
                        sealed,
                        actual,
                    },
                ));
            }
        });
    }
}

/// The entry whose seal stands there.
fn entry_at(log: &Log, chain: &str, sequence: Option<i64>) -> Option<String> {
    let query = format!(
        "SELECT entry::text FROM {} WHERE chain = $1 AND sequence = $2",
        log.definition.seal()
    );
    let rows = sql::read(&query, &[sql::text(chain), sql::bigint(sequence?)]);
    rows.get(0, 1)
}

fn heads(log: &Log, chain: Option<&str>) -> HashMap<String, StoredHead> {
    let query = format!(
        "SELECT chain, size, hash, frontier FROM {} WHERE $1 IS NULL OR chain = $1",
        log.definition.head()
    );
    let rows = sql::read(&query, &[(pg_sys::TEXTOID, chain.into_datum())]);
    (0..rows.len())
        .map(|row| {
            let head = StoredHead {
                size: rows.get(row, 2).unwrap_or_default(),
                hash: rows.get(row, 3).unwrap_or_default(),
                frontier: rows.get(row, 4).unwrap_or_default(),
            };
            (rows.text(row, 1), head)
        })
        .collect()
}
