//! Releases that stand while the people of their cells have moved on: of each person who came or
//! changed since, which releases are without the present value, and which have a former one.
//! Free of Postgres.

use super::decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Somebody whose value or cell is another than before the refresh.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub person: u128,
    pub before: Option<(i32, Decimal)>,
    pub after: (i32, Decimal),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The finest cell.
    pub leaf: i32,
    /// Cells whose release is without the present value.
    pub missing: BTreeSet<i32>,
    /// By former value, the cells whose release has it.
    pub past: BTreeMap<Decimal, BTreeSet<i32>>,
}

impl Person {
    fn cells(&self) -> BTreeSet<i32> {
        let past = self.past.values().flatten();
        self.missing.iter().chain(past).copied().collect()
    }
}

/// Those who are not the same in every release that stands; people who left a cell are in none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub people: BTreeMap<u128, Person>,
}

impl Standing {
    /// `cells_of` gives the cells that a finest cell is part of and whose release may stand.
    pub fn follow(&mut self, moves: &[Move], cells_of: impl Fn(i32) -> BTreeSet<i32>) {
        for step in moves {
            let known = self.people.remove(&step.person).unwrap_or_default();
            let mut holding = known.past;
            if let Some((leaf, value)) = step.before {
                let mut cells = cells_of(leaf);
                cells.retain(|cell| !known.missing.contains(cell));
                holding.insert(value, cells);
            }
            let (leaf, value) = step.after;
            let present = holding.remove(&value).unwrap_or_default();
            let mut missing = cells_of(leaf);
            missing.retain(|cell| !present.contains(cell));
            holding.retain(|_, cells| !cells.is_empty());
            if !(missing.is_empty() && holding.is_empty()) {
                let person = Person {
                    leaf,
                    missing,
                    past: holding,
                };
                self.people.insert(step.person, person);
            }
        }
    }

    /// Forgets everything but the releases that stand.
    pub fn retain(&mut self, stands: impl Fn(i32) -> bool) {
        self.people.retain(|_, person| {
            person.missing.retain(|cell| stands(*cell));
            person.past.retain(|_, cells| {
                cells.retain(|cell| stands(*cell));
                !cells.is_empty()
            });
            !(person.missing.is_empty() && person.past.is_empty())
        });
    }

    /// Cells from whose release k people or more differ by now.
    pub fn behind(&self, k: i64) -> Vec<i32> {
        let mut people: BTreeMap<i32, i64> = BTreeMap::new();
        for cell in self.people.values().flat_map(Person::cells) {
            *people.entry(cell).or_default() += 1;
        }
        people.retain(|_, people| *people >= k);
        people.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Finest cells 0 to 3 in two rows, 10 and 11; 30 is the whole.
    fn cells_of(leaf: i32) -> BTreeSet<i32> {
        BTreeSet::from([leaf, 10 + leaf / 2, 30])
    }

    type Community = BTreeMap<u128, (i32, Decimal)>;

    fn present(community: &Community, cell: i32) -> BTreeSet<(u128, Decimal)> {
        let there = community.iter();
        there
            .filter(|(_, (leaf, _))| cells_of(*leaf).contains(&cell))
            .map(|(person, (_, value))| (*person, *value))
            .collect()
    }

    /// One refresh: the moves of some people, and which cells are released.
    type Refresh = (Vec<(u128, i32, i64)>, [bool; 7]);

    fn refreshes() -> impl Strategy<Value = Vec<Refresh>> {
        let moves = prop::collection::vec((0u128..6, 0i32..5, 0i64..3), 0..4);
        prop::collection::vec((moves, any::<[bool; 7]>()), 1..12)
    }

    proptest! {
        #[test]
        fn what_stands_is_the_present_without_the_missing_and_with_the_past(history in refreshes()) {
            let mut community = Community::new();
            let mut releases: BTreeMap<i32, BTreeSet<(u128, Decimal)>> = BTreeMap::new();
            let mut standing = Standing::default();
            for (wishes, released) in history {
                let before = community.clone();
                for (person, leaf, value) in wishes {
                    match leaf {
                        4 => { community.remove(&person); }
                        leaf => { community.insert(person, (leaf, Decimal::from_int(value))); }
                    }
                }
                // A release does not stand when somebody left its cell.
                releases.retain(|cell, _| {
                    let now: BTreeSet<u128> = present(&community, *cell).iter().map(|one| one.0).collect();
                    present(&before, *cell).iter().all(|one| now.contains(&one.0))
                });
                standing.people.retain(|person, _| community.contains_key(person));
                let moves: Vec<Move> = community
                    .iter()
                    .filter(|(person, now)| before.get(person) != Some(now))
                    .map(|(person, now)| Move { person: *person, before: before.get(person).copied(), after: *now })
                    .collect();
                standing.follow(&moves, |leaf| {
                    cells_of(leaf).into_iter().filter(|cell| releases.contains_key(cell)).collect()
                });
                let released: Vec<i32> = [0, 1, 2, 3, 10, 11, 30]
                    .into_iter()
                    .zip(released)
                    .filter_map(|(cell, is)| is.then_some(cell))
                    .collect();
                standing.retain(|cell| releases.contains_key(&cell) && !released.contains(&cell));
                for cell in released {
                    releases.insert(cell, present(&community, cell));
                }
                for (cell, release) in &releases {
                    let mut expected = present(&community, *cell);
                    for (person, known) in &standing.people {
                        if known.missing.contains(cell) {
                            prop_assert!(expected.remove(&(*person, community[person].1)));
                        }
                        for (value, cells) in &known.past {
                            if cells.contains(cell) {
                                prop_assert!(expected.insert((*person, *value)));
                            }
                        }
                    }
                    prop_assert_eq!(&expected, release);
                }
            }
        }
    }
}
