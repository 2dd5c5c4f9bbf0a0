//! The verifier: every fault of a log, one by one, or nothing.

mod entries;
mod links;
mod scan;

use super::append::with_text_settings;
use super::block;
use super::encoding::{Subject, VERSION};
use super::hash::{self, Hash};
use super::key::Key;
use super::log::{APPEND, KEEP, Log, REFUSE, attached, beside};
use super::row::{Encoder, Slots, with_varlena};
use super::sql::{self, Rows};
use crate::catalog;
use entries::{Entries, Sealed};
use links::{Chain, Changed, Seal, StoredHead};
use pgrx::{IntoDatum, PgRelation, check_for_interrupts, notice, pg_sys};
use rustc_hash::FxHashMap;
use scan::Scan;
use std::collections::HashMap;
use std::time::{Duration, Instant};

#[derive(Default, Clone)]
pub struct Fault {
    pub log: String,
    pub chain: Option<String>,
    pub sequence: Option<i64>,
    pub entry: Option<String>,
    pub fault: &'static str,
    pub detail: String,
    pub expected: Option<Vec<u8>>,
    pub actual: Option<Vec<u8>>,
}

/// Every fault of the log, or of one chain of it.
pub fn verify(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    let mut faults = protection(log);
    if let Some(detail) = log.altered() {
        faults.push(Fault {
            fault: "protection",
            detail,
            ..Fault::default()
        });
    } else if ["seal", "head"]
        .iter()
        .all(|suffix| beside(&log.relation, suffix).is_some())
    {
        log.as_owner(|| {
            // Where the tables are stored in quite another order than they were written in, the
            // seals are read again through their index.
            let run = || Run::new(log, chain);
            let found = run()
                .read(false)
                .or_else(|| run().read(true))
                .unwrap_or_default();
            faults.extend(found);
            faults.extend(authority(log, chain));
            faults.extend(tail(log, chain));
        });
    }
    for fault in &mut faults {
        fault.log = log.definition.name();
    }
    faults
}

/// The triggers that refuse changes and seal entries, on the log and on the tables beside it.
fn protection(log: &Log) -> Vec<Fault> {
    let arguments = log.definition.arguments();
    let problem = |relation: &PgRelation, function: &str| {
        let found = attached(relation)
            .into_iter()
            .find(|trigger| trigger.function == function);
        let problem = match found {
            None => "is missing",
            Some(trigger) if !trigger.enabled => "is disabled",
            Some(trigger) if trigger.arguments != arguments => "has other arguments",
            Some(_) => return None,
        };
        Some(format!(
            "trigger {function} on {} {problem}",
            catalog::qualified_name(relation)
        ))
    };
    let own = [APPEND, REFUSE]
        .into_iter()
        .filter_map(|name| problem(&log.relation, name));
    let others = log.definition.suffixes().into_iter().filter_map(|suffix| {
        match beside(&log.relation, suffix) {
            Some(relation) => problem(&relation, KEEP),
            None => Some(format!(
                "table {} is missing",
                log.definition.beside(suffix)
            )),
        }
    });
    own.chain(others)
        .map(|detail| Fault {
            fault: "protection",
            detail,
            ..Fault::default()
        })
        .collect()
}

/// One reading of a log and its seals.
struct Run<'a> {
    log: &'a Log,
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

    fn new(log: &'a Log, only: Option<&'a str>) -> Run<'a> {
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
    fn read(mut self, ordered: bool) -> Option<Vec<Fault>> {
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
    fn number(&mut self, name: &str) -> usize {
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
        let mut encoder = Encoder::new(&table, Subject::Erasure, &[]);
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

/// Where the columns of a table of seals stand.
struct SealColumns([usize; 9]);

impl SealColumns {
    fn of(seal: &PgRelation) -> SealColumns {
        let place = |name| catalog::column(seal, name).number as usize - 1;
        SealColumns(
            [
                "chain", "sequence", "entry", "version", "columns", "leaf", "hash", "salt",
                "erased",
            ]
            .map(place),
        )
    }

    /// # Safety
    /// `values` and `nulls` are a deformed row of the table of seals.
    unsafe fn read(
        &self,
        values: &[pg_sys::Datum],
        nulls: &[bool],
        run: &mut Run,
    ) -> (usize, Option<Key>, Seal, Sealed) {
        let [
            chain,
            sequence,
            entry,
            version,
            columns,
            leaf,
            hash,
            salt,
            erased,
        ] = self.0;
        // SAFETY: the caller vouches for the row; the columns have the types they were made with,
        // and those read without a look at `nulls` are NOT NULL.
        unsafe {
            let bytes = |place: usize| {
                let mut bytes = Vec::new();
                if !nulls[place] {
                    with_varlena(values[place], |stored| bytes.extend_from_slice(stored));
                }
                bytes
            };
            let fixed = |place: usize| {
                let mut fixed = hash::NOTHING;
                with_varlena(values[place], |stored| fixed = hash_of(stored));
                fixed
            };
            let mut number = 0;
            with_varlena(values[chain], |name| {
                number = run.number(&String::from_utf8_lossy(name));
            });
            let seal = Seal {
                sequence: values[sequence].value() as i64,
                leaf: fixed(leaf),
                hash: fixed(hash),
            };
            let sealed = Sealed {
                chain: number,
                sequence: seal.sequence,
                version: values[version].value() as i16,
                columns: values[columns].value() as i16,
                leaf: seal.leaf,
                salt: bytes(salt),
                erased: bytes(erased),
            };
            let key_type = run.log.key.type_oid;
            let key = (!nulls[entry]).then(|| Key::from_datum(values[entry], key_type));
            (number, key, seal, sealed)
        }
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

/// Bytes that are no hash are no hash that anything has.
fn hash_of(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or(hash::NOTHING)
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

/// Every erased value must be named by an erasure entry of its chain.
fn authority(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if beside(&log.relation, "erasure").is_none() {
        return faults;
    }
    let query = format!(
        "SELECT s.chain, s.sequence, s.entry::text, s.erased, array_agg(e.name)
         FROM {seal} s LEFT JOIN
              (SELECT e.chain, entry, name FROM {erasure} e, unnest(e.entries) entry,
                      unnest(e.columns) name) e
              ON e.chain = s.chain AND e.entry = s.sequence
         WHERE s.erased IS NOT NULL AND ($1 IS NULL OR s.chain = $1)
         GROUP BY s.chain, s.sequence, s.entry, s.erased ORDER BY s.chain, s.sequence",
        seal = log.definition.seal(),
        erasure = log.definition.erasure(),
    );
    sql::stream(
        &query,
        &[(pg_sys::TEXTOID, chain.into_datum())],
        |rows, row| {
            let erased: Vec<u8> = rows.get(row, 4).unwrap_or_default();
            let allowed: Vec<Option<String>> = rows.get(row, 5).unwrap_or_default();
            let slots = Slots {
                salt: &[],
                erased: &erased,
            };
            let gone: Vec<&str> = log
                .definition
                .erasable
                .iter()
                .enumerate()
                .filter(|(index, name)| {
                    slots.erased_of(*index).is_some()
                        && !allowed.iter().flatten().any(|a| a == *name)
                })
                .map(|(_, name)| name.as_str())
                .collect();
            if !gone.is_empty() {
                faults.push(Fault {
                    chain: Some(rows.text(row, 1)),
                    sequence: rows.get(row, 2),
                    entry: rows.get(row, 3),
                    fault: "erased without authority",
                    detail: format!("no erasure entry names {}", gone.join(", ")),
                    ..Fault::default()
                });
            }
        },
    );
    faults
}

/// Entries that wait for seal_audit prove nothing yet.
fn tail(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    if !log.definition.block {
        return Vec::new();
    }
    let query = format!(
        "SELECT t.chain, sum(cardinality(t.entries))::int8, min(t.written_at)::text
         FROM {} t WHERE $1 IS NULL OR t.chain = $1 GROUP BY t.chain ORDER BY t.chain",
        log.definition.tail()
    );
    let rows = sql::read(&query, &[(pg_sys::TEXTOID, chain.into_datum())]);
    (0..rows.len())
        .map(|row| {
            let count: i64 = rows.get(row, 2).unwrap_or_default();
            Fault {
                chain: Some(rows.text(row, 1)),
                fault: "unsealed",
                detail: format!("{count} entries, the oldest of {}", rows.text(row, 3)),
                ..Fault::default()
            }
        })
        .collect()
}

/// Says how far a long run has come, every few seconds.
pub struct Progress {
    what: String,
    total: i64,
    done: i64,
    said: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(5);

    pub fn new(what: &str, total: i64) -> Progress {
        Progress {
            what: what.to_owned(),
            total,
            done: 0,
            said: Instant::now(),
        }
    }

    pub fn step(&mut self) {
        self.done += 1;
        if self.done % 10_000 == 0 && self.said.elapsed() >= Self::EVERY {
            self.said = Instant::now();
            notice!("{}: {} of {} entries", self.what, self.done, self.total);
        }
    }
}
