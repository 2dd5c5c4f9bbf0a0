//! The chains of a log and their trees, checked from the seals alone. Free of Postgres.
//!
//! A link is checked against the seal before it as that is stored, so that one fault does not put
//! everything after it in doubt. What does not fit is looked at again at the end, when it is known
//! what else does not fit: two seals that changed places explain each other.

use crate::audit::hash::{self, Hash};
use crate::audit::tree::Frontier;
use std::collections::{BTreeMap, HashMap};

/// A seal, as far as its chain is concerned.
#[derive(Clone, Debug)]
pub struct Seal {
    pub sequence: i64,
    pub leaf: Hash,
    pub hash: Hash,
}

/// A seal that does not follow from `previous`, the stored hash of the seal before it.
#[derive(Debug)]
struct Suspect {
    seal: Seal,
    previous: Hash,
}

#[derive(Default, Debug)]
pub struct Chain {
    size: i64,
    hash: Hash,
    frontier: Frontier,
    /// Seals that were read before those that they follow.
    waiting: BTreeMap<i64, Seal>,
    suspects: Vec<Suspect>,
    gaps: Vec<(i64, i64)>,
}

/// What the head of a chain says of its end.
pub struct StoredHead {
    pub size: i64,
    pub hash: Vec<u8>,
    pub frontier: Vec<u8>,
}

/// A fault of a chain, or of an entry whose bytes do not have the leaf of its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub sequence: Option<i64>,
    pub entry: Option<String>,
    pub fault: &'static str,
    pub detail: String,
    pub expected: Option<Vec<u8>>,
    pub actual: Option<Vec<u8>>,
}

/// An entry whose bytes have another leaf than its seal.
#[derive(Clone, Debug)]
pub struct Changed {
    pub sequence: i64,
    pub entry: String,
    pub sealed: Hash,
    pub actual: Hash,
}

impl Chain {
    /// Takes the next seal; the caller reads them nearly, not exactly, in their order.
    pub fn take(&mut self, name: &str, seal: Seal) {
        if seal.sequence != self.size + 1 {
            self.waiting.insert(seal.sequence, seal);
            return;
        }
        self.follow(name, seal);
        while let Some(seal) = self.waiting.remove(&(self.size + 1)) {
            self.follow(name, seal);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.size == 0 && self.waiting.is_empty()
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn follow(&mut self, name: &str, seal: Seal) {
        let previous = std::mem::replace(&mut self.hash, seal.hash);
        self.size = seal.sequence;
        self.frontier.push(seal.leaf);
        if hash::link(name, seal.sequence as u64, &previous, &seal.leaf) != seal.hash {
            self.suspects.push(Suspect { seal, previous });
        }
    }

    /// What is wrong with the chain, now that every seal of it was taken.
    pub fn finish(
        mut self,
        name: &str,
        head: Option<&StoredHead>,
        changed: Vec<Changed>,
    ) -> Vec<Finding> {
        self.close_gaps(name);
        let mut changed: BTreeMap<i64, Changed> = changed
            .into_iter()
            .map(|entry| (entry.sequence, entry))
            .collect();
        let mut findings: Vec<Finding> = self
            .gaps
            .iter()
            .flat_map(|(from, to)| *from..*to)
            .map(|sequence| finding(sequence, "missing", "its seal is gone"))
            .collect();
        let end = self.explain(name, &mut changed, &mut findings);
        let whole = findings.is_empty();
        self.end(head, end, whole, &mut findings);
        entries(changed, &mut findings);
        findings.sort_by_key(|finding| finding.sequence);
        findings
    }

    /// Goes on behind every gap; the first seal there has nothing to be checked against.
    fn close_gaps(&mut self, name: &str) {
        while let Some((sequence, seal)) = self.waiting.pop_first() {
            if sequence == self.size + 1 {
                self.follow(name, seal);
                continue;
            }
            if sequence > self.size {
                self.gaps.push((self.size + 1, sequence));
            }
            self.size = sequence;
            self.hash = seal.hash;
        }
    }

    /// Looks for the reason of each link that does not hold. Returns the hash that the last seal
    /// should have.
    fn explain(
        &self,
        name: &str,
        changed: &mut BTreeMap<i64, Changed>,
        findings: &mut Vec<Finding>,
    ) -> Hash {
        // Comparing each with each is meant for the few that one tampering leaves.
        const COMPARED: usize = 1000;
        let mut right: HashMap<i64, Hash> = HashMap::new();
        for suspect in &self.suspects {
            let seal = &suspect.seal;
            let sequence = seal.sequence;
            let link =
                |previous: &Hash, leaf: &Hash| hash::link(name, sequence as u64, previous, leaf);
            let repaired = right.get(&(sequence - 1)).copied();
            let previous: Vec<Hash> = repaired.into_iter().chain([suspect.previous]).collect();
            if previous
                .iter()
                .any(|previous| link(previous, &seal.leaf) == seal.hash)
            {
                right.insert(sequence, seal.hash);
                continue;
            }
            let base = finding(sequence, "", "");
            let replaced = changed.get(&sequence).map(|entry| entry.actual);
            if let Some(leaf) = replaced.filter(|leaf| {
                previous
                    .iter()
                    .any(|previous| link(previous, leaf) == seal.hash)
            }) {
                changed.remove(&sequence);
                right.insert(sequence, seal.hash);
                findings.push(Finding {
                    fault: "broken link",
                    detail: "the leaf in the seal was replaced; the entry is as it was".to_owned(),
                    expected: Some(leaf.to_vec()),
                    actual: Some(seal.leaf.to_vec()),
                    ..base
                });
                continue;
            }
            let others = || self.suspects.iter().take(COMPARED).map(|other| &other.seal);
            let moved = previous.iter().find_map(|previous| {
                others().find_map(|other| {
                    let hash = link(previous, &other.leaf);
                    let fits =
                        other.sequence != sequence && (hash == other.hash || hash == seal.hash);
                    fits.then_some((other, hash))
                })
            });
            if let Some((other, hash)) = moved {
                right.insert(sequence, hash);
                findings.push(Finding {
                    fault: "reordered",
                    detail: format!("what was sealed here stands at {}", other.sequence),
                    expected: Some(other.leaf.to_vec()),
                    actual: Some(seal.leaf.to_vec()),
                    ..base
                });
                continue;
            }
            let hash = link(&previous[0], &seal.leaf);
            right.insert(sequence, hash);
            findings.push(Finding {
                fault: "broken link",
                detail: "the seal does not follow from the one before it".to_owned(),
                expected: Some(hash.to_vec()),
                actual: Some(seal.hash.to_vec()),
                ..base
            });
        }
        right.get(&self.size).copied().unwrap_or(self.hash)
    }

    /// The end of the chain against its head.
    fn end(&self, head: Option<&StoredHead>, end: Hash, whole: bool, findings: &mut Vec<Finding>) {
        let Some(head) = head else {
            let detail = "the head of the chain is gone";
            findings.push(Finding {
                sequence: None,
                ..finding(0, "missing", detail)
            });
            return;
        };
        for cut in self.size + 1..=head.size {
            let detail = format!("the chain has {} entries", head.size);
            findings.push(finding(cut, "truncated tail", &detail));
        }
        for added in head.size + 1..=self.size {
            let detail = format!("the chain has only {} entries", head.size);
            findings.push(finding(added, "inserted", &detail));
        }
        if self.size != head.size {
            return;
        }
        if end[..] != head.hash[..] {
            findings.push(Finding {
                expected: Some(end.to_vec()),
                actual: Some(head.hash.clone()),
                ..finding(
                    self.size,
                    "broken link",
                    "the head does not hold the last link",
                )
            });
        }
        let stored = Frontier::from_bytes(head.size as u64, &head.frontier);
        // The tree of a chain with a fault in it is wrong for that fault's reason.
        if whole && stored.as_ref() != Some(&self.frontier) {
            let detail = "the head does not hold the tree of the sealed entries";
            findings.push(Finding {
                expected: Some(self.frontier.root().to_vec()),
                actual: stored.map(|frontier| frontier.root().to_vec()),
                ..finding(self.size, "wrong root", detail)
            });
        }
    }
}

fn finding(sequence: i64, fault: &'static str, detail: &str) -> Finding {
    Finding {
        sequence: Some(sequence),
        entry: None,
        fault,
        detail: detail.to_owned(),
        expected: None,
        actual: None,
    }
}

/// Entries with another leaf than their seals: changed, or two seals that exchanged entries.
fn entries(changed: BTreeMap<i64, Changed>, findings: &mut Vec<Finding>) {
    let sealed: HashMap<Hash, i64> = changed
        .values()
        .map(|entry| (entry.sealed, entry.sequence))
        .collect();
    for entry in changed.into_values() {
        let (fault, detail) = match sealed.get(&entry.actual) {
            Some(elsewhere) => ("reordered", format!("this entry was sealed at {elsewhere}")),
            None => ("changed", "the entry is not what was sealed".to_owned()),
        };
        findings.push(Finding {
            entry: Some(entry.entry),
            expected: Some(entry.sealed.to_vec()),
            actual: Some(entry.actual.to_vec()),
            ..finding(entry.sequence, fault, &detail)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(size: i64) -> Vec<Seal> {
        let mut previous = hash::NOTHING;
        (1..=size)
            .map(|sequence| {
                let leaf = hash::leaf(&sequence.to_be_bytes());
                previous = hash::link("c", sequence as u64, &previous, &leaf);
                Seal {
                    sequence,
                    leaf,
                    hash: previous,
                }
            })
            .collect()
    }

    fn head(seals: &[Seal]) -> StoredHead {
        let mut frontier = Frontier::default();
        seals.iter().for_each(|seal| frontier.push(seal.leaf));
        StoredHead {
            size: seals.len() as i64,
            hash: seals
                .last()
                .map_or(hash::NOTHING, |seal| seal.hash)
                .to_vec(),
            frontier: frontier.to_bytes(),
        }
    }

    fn faults(seals: Vec<Seal>, head: &StoredHead) -> Vec<(&'static str, i64)> {
        let mut chain = Chain::default();
        seals.into_iter().for_each(|seal| chain.take("c", seal));
        let findings = chain.finish("c", Some(head), Vec::new());
        findings
            .iter()
            .map(|f| (f.fault, f.sequence.unwrap_or(0)))
            .collect()
    }

    #[test]
    fn an_intact_chain_has_no_fault_in_whatever_order_it_is_read() {
        let seals = chain(9);
        let head = head(&seals);
        let backwards = seals.iter().rev().cloned().collect();
        assert_eq!(faults(seals, &head), []);
        assert_eq!(faults(backwards, &head), []);
    }

    #[test]
    fn a_replaced_link_is_named_and_nothing_else() {
        let mut seals = chain(9);
        let head = head(&seals);
        seals[3].hash[0] ^= 1;
        assert_eq!(faults(seals, &head), [("broken link", 4)]);
    }

    #[test]
    fn a_replaced_last_link_is_named_and_nothing_else() {
        let mut seals = chain(4);
        let head = head(&seals);
        seals[3].hash[0] ^= 1;
        assert_eq!(faults(seals, &head), [("broken link", 4)]);
    }

    #[test]
    fn two_seals_that_changed_places_are_named_and_nothing_else() {
        for (a, b) in [(3, 4), (2, 7), (0, 8)] {
            let mut seals = chain(9);
            let head = head(&seals);
            (seals[a].sequence, seals[b].sequence) = (seals[b].sequence, seals[a].sequence);
            let expected = [("reordered", a as i64 + 1), ("reordered", b as i64 + 1)];
            assert_eq!(faults(seals, &head), expected, "{a} {b}");
        }
    }

    #[test]
    fn two_seals_that_exchanged_their_leaves_are_named_and_nothing_else() {
        let mut seals = chain(9);
        let head = head(&seals);
        (seals[2].leaf, seals[6].leaf) = (seals[6].leaf, seals[2].leaf);
        assert_eq!(faults(seals, &head), [("reordered", 3), ("reordered", 7)]);
    }

    #[test]
    fn a_seal_that_is_gone_is_missing_and_a_cut_tail_is_truncated() {
        let mut seals = chain(9);
        let head = head(&seals);
        seals.truncate(7);
        seals.remove(3);
        let expected = [("missing", 4), ("truncated tail", 8), ("truncated tail", 9)];
        assert_eq!(faults(seals, &head), expected);
    }

    #[test]
    fn a_head_that_was_rolled_back_shows_the_seals_behind_it() {
        let seals = chain(9);
        let back = head(&seals[..8]);
        assert_eq!(faults(seals, &back), [("inserted", 9)]);
    }

    #[test]
    fn a_replaced_frontier_is_a_wrong_root() {
        let seals = chain(9);
        let mut head = head(&seals);
        head.frontier[5] ^= 1;
        assert_eq!(faults(seals, &head), [("wrong root", 9)]);
    }
}
