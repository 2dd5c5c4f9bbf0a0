//! The verifier: every fault of a log, one by one, or nothing.
//!
//! Seals are read in the order of their chains, each beside its entry. A link is checked against
//! the seal before it as that is stored, so one fault does not put everything after it in doubt.

use super::encoding::{self, Subject};
use super::hash::{self, Hash};
use super::log::{APPEND, KEEP, Log, REFUSE, attached, beside};
use super::row::{Encoder, Slots};
use super::sql::{self, text};
use super::tree::Frontier;
use super::{append, pending};
use crate::catalog;
use pgrx::pg_sys;
use pgrx::{IntoDatum, PgRelation, notice};
use std::collections::{HashMap, HashSet};
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
    let mut faults = Vec::new();
    protection(log, &mut faults);
    if beside(&log.relation, "seal").is_none() || beside(&log.relation, "head").is_none() {
        return faults;
    }
    log.as_owner(|| {
        let heads = heads(log, chain);
        Run::new(log, &heads, &mut faults).seals(chain);
        if chain.is_none() {
            without_seal(log, &mut faults);
        }
        if !log.definition.erasable.is_empty() {
            authority(log, chain, &mut faults);
        }
    });
    for fault in &mut faults {
        fault.log = log.definition.name();
    }
    faults
}

/// The triggers that refuse changes and seal entries, on the log and on the tables beside it.
fn protection(log: &Log, faults: &mut Vec<Fault>) {
    let arguments = log.definition.arguments();
    let mut check = |relation: &PgRelation, function: &str| {
        let found = attached(relation)
            .into_iter()
            .find(|trigger| trigger.function == function);
        let problem = match found {
            None => "is missing",
            Some(trigger) if !trigger.enabled => "is disabled",
            Some(trigger) if trigger.arguments != arguments => "has other arguments",
            Some(_) => return,
        };
        let table = catalog::qualified_name(relation);
        faults.push(Fault {
            fault: "protection",
            detail: format!("trigger {function} on {table} {problem}"),
            ..Fault::default()
        });
    };
    check(&log.relation, APPEND);
    check(&log.relation, REFUSE);
    let mut missing = Vec::new();
    for suffix in log.definition.suffixes() {
        match beside(&log.relation, suffix) {
            Some(relation) => check(&relation, KEEP),
            None => missing.push(log.definition.beside(suffix)),
        }
    }
    faults.extend(missing.into_iter().map(|table| Fault {
        fault: "protection",
        detail: format!("table {table} is missing"),
        ..Fault::default()
    }));
}

struct StoredHead {
    size: i64,
    hash: Vec<u8>,
    frontier: Vec<u8>,
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

/// One pass over the seals of a log.
struct Run<'a> {
    log: &'a Log,
    heads: &'a HashMap<String, StoredHead>,
    faults: &'a mut Vec<Fault>,
    chain: Option<String>,
    size: i64,
    hash: Vec<u8>,
    frontier: Frontier,
    finished: HashSet<String>,
}

impl<'a> Run<'a> {
    fn new(
        log: &'a Log,
        heads: &'a HashMap<String, StoredHead>,
        faults: &'a mut Vec<Fault>,
    ) -> Run<'a> {
        Run {
            log,
            heads,
            faults,
            chain: None,
            size: 0,
            hash: hash::NOTHING.to_vec(),
            frontier: Frontier::default(),
            finished: HashSet::new(),
        }
    }

    fn seals(mut self, chain: Option<&str>) {
        let log = self.log;
        let erasure = beside(&log.relation, "erasure");
        let mut encoder = Encoder::new(&log.relation, Subject::Row, &log.definition.erasable);
        let mut erasures = erasure
            .as_ref()
            .map(|table| Encoder::new(table, Subject::Erasure, &[]));
        let places = |relation: &PgRelation| -> Vec<usize> {
            let descriptor = relation.tuple_desc();
            let live = descriptor
                .iter()
                .filter(|attribute| !attribute.is_dropped());
            live.map(|attribute| attribute.attnum as usize - 1)
                .collect()
        };
        let row_places = places(&log.relation);
        let erasure_places = erasure.as_ref().map(places).unwrap_or_default();
        let width = log.relation.tuple_desc().len().max(erasure_places.len());
        let mut values = vec![pg_sys::Datum::from(0); width];
        let mut nulls = vec![true; width];
        let (erasure_columns, erasure_join) = match &erasure {
            None => (String::new(), String::new()),
            Some(_) => (
                ", e.*".to_owned(),
                format!(
                    "LEFT JOIN {} e ON s.entry IS NULL
                         AND e.chain = s.chain AND e.sequence = s.sequence",
                    log.definition.erasure()
                ),
            ),
        };
        let query = format!(
            "SELECT s.chain, s.sequence, s.entry::text, s.version, s.columns, s.leaf, s.hash,
                    s.salt, s.erased, l.ctid IS NOT NULL, l.*{erasure_columns}
             FROM {seal} s LEFT JOIN ONLY {log} l ON l.{key} = s.entry {erasure_join}
             WHERE $1 IS NULL OR s.chain = $1 ORDER BY s.chain, s.sequence",
            seal = log.definition.seal(),
            log = log.definition.name(),
            key = catalog::quote_ident(&log.key.name),
        );
        let total: i64 = self.heads.values().map(|head| head.size).sum();
        let mut progress = Progress::new(&log.definition.name(), total);
        let mut entry = Vec::new();
        append::with_text_settings(encoder.needs_settings, || {
            sql::stream(
                &query,
                &[(pg_sys::TEXTOID, chain.into_datum())],
                |rows, row| {
                    progress.step();
                    let chain = rows.text(row, 1);
                    let sequence: i64 = rows.get(row, 2).unwrap_or_default();
                    self.turn_to(&chain);
                    let key: Option<String> = rows.get(row, 3);
                    let version: i16 = rows.get(row, 4).unwrap_or_default();
                    let columns: i16 = rows.get(row, 5).unwrap_or_default();
                    let stored_leaf: Vec<u8> = rows.get(row, 6).unwrap_or_default();
                    let stored_hash: Vec<u8> = rows.get(row, 7).unwrap_or_default();
                    let salt: Vec<u8> = rows.get(row, 8).unwrap_or_default();
                    let erased: Vec<u8> = rows.get(row, 9).unwrap_or_default();
                    let base = Fault {
                        chain: Some(chain.clone()),
                        sequence: Some(sequence),
                        entry: key.clone(),
                        ..Fault::default()
                    };
                    for missing in self.size + 1..sequence {
                        self.faults.push(Fault {
                            sequence: Some(missing),
                            entry: None,
                            fault: "missing",
                            detail: "its seal is gone".to_owned(),
                            ..base.clone()
                        });
                    }
                    let gap = sequence != self.size + 1;
                    // SAFETY: the rows come from the log and from the table of erasures, and are
                    // deformed into the places of their columns.
                    let there = unsafe {
                        if key.is_some() {
                            rows.deform(row, 11, &row_places, &mut values, &mut nulls);
                            let slots = Slots {
                                salt: &salt,
                                erased: &erased,
                            };
                            encoder.encode(&mut entry, &values, &nulls, columns, slots);
                            rows.get::<bool>(row, 10).unwrap_or(false)
                        } else if let Some(encoder) = &mut erasures {
                            let from = 11 + row_places.len();
                            rows.deform(row, from, &erasure_places, &mut values, &mut nulls);
                            encoder.encode(&mut entry, &values, &nulls, columns, Slots::default());
                            rows.datum(row, from).is_some()
                        } else {
                            false
                        }
                    };
                    if !there {
                        self.faults.push(Fault {
                            fault: "missing",
                            detail: match &key {
                                Some(_) => "the entry is gone",
                                None => "the erasure entry is gone",
                            }
                            .to_owned(),
                            expected: Some(stored_leaf.clone()),
                            ..base.clone()
                        });
                    } else {
                        let leaf = hash::leaf(&entry);
                        if leaf[..] != stored_leaf[..] || version != i16::from(encoding::VERSION) {
                            self.faults.push(Fault {
                                fault: "changed",
                                detail: "the entry is not what was sealed".to_owned(),
                                expected: Some(stored_leaf.clone()),
                                actual: Some(leaf.to_vec()),
                                ..base.clone()
                            });
                        }
                    }
                    let leaf: Hash = stored_leaf.as_slice().try_into().unwrap_or(hash::NOTHING);
                    let previous: Hash = self.hash.as_slice().try_into().unwrap_or(hash::NOTHING);
                    let link = hash::link(&chain, sequence as u64, &previous, &leaf);
                    // After a gap there is nothing to check the link against.
                    if !gap && link[..] != stored_hash[..] {
                        self.faults.push(Fault {
                            fault: "broken link",
                            detail: "the seal does not follow from the one before it".to_owned(),
                            expected: Some(link.to_vec()),
                            actual: Some(stored_hash.clone()),
                            ..base
                        });
                    }
                    self.frontier.push(leaf);
                    self.size = sequence;
                    self.hash = stored_hash;
                },
            );
        });
        self.finish();
        let heads = self.heads;
        for (chain, head) in heads {
            if head.size > 0 && !self.finished.contains(chain) {
                self.turn_to(chain);
                self.finish();
            }
        }
    }

    fn turn_to(&mut self, chain: &str) {
        if self.chain.as_deref() != Some(chain) {
            self.finish();
            self.chain = Some(chain.to_owned());
        }
    }

    /// The end of a chain against its head.
    fn finish(&mut self) {
        let Some(chain) = self.chain.take() else {
            return;
        };
        let size = std::mem::take(&mut self.size);
        let hash = std::mem::replace(&mut self.hash, hash::NOTHING.to_vec());
        let frontier = std::mem::take(&mut self.frontier);
        self.finished.insert(chain.clone());
        let base = Fault {
            chain: Some(chain.clone()),
            ..Fault::default()
        };
        let Some(head) = self.heads.get(&chain) else {
            self.faults.push(Fault {
                fault: "missing",
                detail: "the head of the chain is gone".to_owned(),
                ..base
            });
            return;
        };
        for cut in size + 1..=head.size {
            self.faults.push(Fault {
                sequence: Some(cut),
                fault: "truncated tail",
                detail: format!("the chain has {} entries", head.size),
                ..base.clone()
            });
        }
        if size > head.size {
            self.faults.push(Fault {
                sequence: Some(size),
                fault: "inserted",
                detail: format!("the chain has only {} entries", head.size),
                ..base
            });
        } else if size == head.size {
            if hash != head.hash {
                self.faults.push(Fault {
                    sequence: Some(size),
                    fault: "broken link",
                    detail: "the head does not hold the last link".to_owned(),
                    expected: Some(hash),
                    actual: Some(head.hash.clone()),
                    ..base.clone()
                });
            }
            let stored = Frontier::from_bytes(head.size as u64, &head.frontier);
            if stored.as_ref() != Some(&frontier) {
                self.faults.push(Fault {
                    sequence: Some(size),
                    fault: "wrong root",
                    detail: "the head does not hold the tree of the sealed entries".to_owned(),
                    expected: Some(frontier.root().to_vec()),
                    actual: stored.map(|frontier| frontier.root().to_vec()),
                    ..base
                });
            }
        }
    }
}

/// Entries that have no seal and do not wait for the end of this transaction to get one.
fn without_seal(log: &Log, faults: &mut Vec<Fault>) {
    let waiting: HashSet<String> = pending::keys(log.relation.oid())
        .iter()
        .map(ToString::to_string)
        .collect();
    let query = format!(
        "SELECT l.{key}::text FROM ONLY {log} l
         WHERE NOT EXISTS (SELECT FROM {seal} s WHERE s.entry = l.{key})",
        key = catalog::quote_ident(&log.key.name),
        log = log.definition.name(),
        seal = log.definition.seal(),
    );
    sql::stream(&query, &[], |rows, row| {
        let key = rows.text(row, 1);
        if !waiting.contains(&key) {
            faults.push(Fault {
                entry: Some(key),
                fault: "inserted",
                detail: "the entry was never sealed".to_owned(),
                ..Fault::default()
            });
        }
    });
}

/// Every erased value must be named by an erasure entry of its chain.
fn authority(log: &Log, chain: Option<&str>, faults: &mut Vec<Fault>) {
    let query = format!(
        "SELECT s.chain, s.sequence, s.entry::text, s.erased, array_agg(e.name)
         FROM {seal} s LEFT JOIN
              (SELECT e.chain, entry, name FROM {erasure} e, unnest(e.entries) entry,
                      unnest(e.columns) name) e
              ON e.chain = s.chain AND e.entry = s.sequence
         WHERE s.erased IS NOT NULL AND ($1 IS NULL OR s.chain = $1)
         GROUP BY s.chain, s.sequence ORDER BY s.chain, s.sequence",
        seal = log.definition.seal(),
        erasure = log.definition.erasure(),
    );
    sql::stream(&query, &[text_or_null(chain)], |rows, row| {
        let erased: Vec<u8> = rows.get(row, 4).unwrap_or_default();
        let allowed: Vec<Option<String>> = rows.get(row, 5).unwrap_or_default();
        let slots = Slots {
            salt: &[],
            erased: &erased,
        };
        for (index, column) in log.definition.erasable.iter().enumerate() {
            let named = allowed.iter().flatten().any(|name| name == column);
            if slots.erased_of(index).is_some() && !named {
                faults.push(Fault {
                    chain: Some(rows.text(row, 1)),
                    sequence: rows.get(row, 2),
                    entry: rows.get(row, 3),
                    fault: "erased without authority",
                    detail: format!("no erasure entry names column {column}"),
                    ..Fault::default()
                });
            }
        }
    });
}

fn text_or_null(value: Option<&str>) -> sql::Argument {
    value.map_or((pg_sys::TEXTOID, None), text)
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
