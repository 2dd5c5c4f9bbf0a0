//! Policy `blocks`: proof against comparing releases. People enter the figures in blocks that never
//! change, each with at least k people whose present value no block ever contained; whatever is
//! published is a sum over whole blocks. Free of Postgres.
//!
//! Why that is enough: take any linear combination of any published sums of any times. It is a
//! combination of block sums. If it is not empty, look at the youngest block that has a coefficient:
//! the values of its k fresh people are in no older block, because they were fresh, and in no
//! younger one with a coefficient. So these k people are all in the combination, with that
//! coefficient.

use super::decimal::Decimal;
use super::histogram::Histogram;
use super::threshold::{self, Figures, Rules};
use std::collections::BTreeMap;

/// Somebody who is in no block.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub value: Decimal,
    /// No block ever contained this value of this person.
    pub is_fresh: bool,
    /// The cells whose blocks the person can be in, the finest first.
    pub places: Vec<Option<i32>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub cell: i32,
    pub fresh: i64,
    /// Positions in the list of the waiting.
    pub members: Vec<usize>,
}

/// Forms as many blocks as can be formed, in the finest cells first; who finds no block there waits
/// for one in the next coarser cell.
pub fn plan(waiting: &[Waiting], rules: &Rules) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest: Vec<usize> = (0..waiting.len()).collect();
    let depths = waiting
        .iter()
        .map(|person| person.places.len())
        .max()
        .unwrap_or(0);
    for depth in 0..depths {
        let mut cells: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        let mut without = Vec::new();
        for person in rest {
            match waiting[person].places.get(depth).copied().flatten() {
                Some(cell) => cells.entry(cell).or_default().push(person),
                None => without.push(person),
            }
        }
        rest = without;
        for (cell, people) in cells {
            let formed = form(cell, &people, waiting, rules);
            if formed.is_empty() {
                rest.extend(people);
            }
            blocks.extend(formed);
        }
        rest.sort_unstable();
    }
    blocks
}

/// Small blocks, because a withdrawal takes its whole block away; each with k fresh people and its
/// share of those who come back.
fn form(cell: i32, people: &[usize], waiting: &[Waiting], rules: &Rules) -> Vec<Block> {
    let (fresh, back): (Vec<usize>, Vec<usize>) =
        people.iter().partition(|person| waiting[**person].is_fresh);
    let how_many = fresh.len() / rules.k.max(1) as usize;
    let mut blocks: Vec<Block> = Vec::new();
    for number in 0..how_many {
        let share = |of: &[usize]| {
            of[of.len() * number / how_many..of.len() * (number + 1) / how_many].to_vec()
        };
        let (mut members, back) = (share(&fresh), share(&back));
        let fresh = members.len() as i64;
        members.extend(back);
        // The sums of a single block can be computed from releases: it must be fit to be known.
        match blocks
            .last_mut()
            .filter(|last| !is_fit(&last.members, waiting, rules))
        {
            Some(last) => {
                last.fresh += fresh;
                last.members.extend(members);
            }
            None => blocks.push(Block {
                cell,
                fresh,
                members,
            }),
        }
    }
    while let Some(last) = blocks.pop() {
        if is_fit(&last.members, waiting, rules) {
            blocks.push(last);
            break;
        }
        let Some(before) = blocks.last_mut() else {
            break;
        };
        before.fresh += last.fresh;
        before.members.extend(last.members);
    }
    blocks
}

fn is_fit(members: &[usize], waiting: &[Waiting], rules: &Rules) -> bool {
    let values = members
        .iter()
        .map(|person| waiting[*person].value)
        .collect();
    threshold::is_fit(&Histogram::of(values), rules)
}

/// How many buckets the quantiles of a bounded measure are read from.
const BUCKETS: i64 = 20;

/// The figures of a cell made of whole blocks. The quantiles are read from a histogram of equal
/// buckets, because its counts are sums over blocks too; order statistics would not be.
pub fn figures(histogram: &Histogram, rules: &Rules) -> Option<Figures> {
    let count = histogram.count();
    if count < rules.k {
        return None;
    }
    let average = histogram.sum().divided_by(count);
    let exponent = threshold::step(histogram, average, rules);
    let quantile = |numerator: i64, denominator: i64| {
        let tail = numerator.min(denominator - numerator);
        let (minimum, maximum) = rules.range?;
        if tail * count < rules.k * denominator {
            return None;
        }
        let width = maximum.minus(minimum).divided_by(BUCKETS);
        let mut below = 0;
        let mut bins = histogram.bins.iter().peekable();
        for bucket in 1..=BUCKETS {
            let end = minimum.plus(width.times(bucket));
            while let Some(bin) = bins.next_if(|bin| bin.value < end || bucket == BUCKETS) {
                below += bin.current;
            }
            if below * denominator >= count * numerator {
                return Some(end.minus(width.divided_by(2)).rounded(exponent));
            }
        }
        None
    };
    Some(Figures {
        people: count,
        contributors: count / rules.band * rules.band,
        average: average.rounded(exponent),
        median: quantile(1, 2),
        p25: quantile(1, 4),
        p75: quantile(3, 4),
        p90: quantile(9, 10),
    })
}

#[cfg(test)]
mod tests {
    use super::super::algebra::{self, RowSpace};
    use super::*;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use std::collections::{BTreeSet, HashMap, HashSet};

    const RULES: Rules = Rules {
        k: 3,
        range: Some((Decimal::ZERO, Decimal::from_int(100))),
        band: 3,
    };
    const PEOPLE: usize = 12;

    #[derive(Clone, Debug)]
    enum Event {
        Join(usize, i64, i32, i32),
        Withdraw(usize),
        Score(usize, i64),
        Move(usize, i32),
        Refresh,
    }

    fn event() -> impl Strategy<Value = Event> {
        let person = 0..PEOPLE;
        prop_oneof![
            4 => (person.clone(), 0i64..9, 0..2, 0..2).prop_map(|(p, v, a, b)| Event::Join(p, v, a, b)),
            2 => person.clone().prop_map(Event::Withdraw),
            1 => (person.clone(), 0i64..9).prop_map(|(p, v)| Event::Score(p, v)),
            1 => (person, 0..2).prop_map(|(p, a)| Event::Move(p, a)),
            4 => Just(Event::Refresh),
        ]
    }

    fn history() -> impl Strategy<Value = Vec<Event>> {
        prop::collection::vec(event(), 30..90)
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Policy {
        Naive,
        KChanged,
        Blocks,
    }

    /// (value, row, column) of those who consent.
    type Community = HashMap<usize, (i64, i32, i32)>;
    /// What a published sum is over: people with the value they had.
    type Release = BTreeSet<(usize, i64)>;

    /// Cells: 0..4 the finest, 10 and 11 the rows, 20 and 21 the columns, 30 the whole.
    fn cells(row: i32, column: i32) -> [i32; 4] {
        [row * 2 + column, 10 + row, 20 + column, 30]
    }

    fn releases(history: &[Event], policy: Policy) -> Vec<Release> {
        let mut community = Community::new();
        let mut published: HashMap<i32, Release> = HashMap::new();
        let mut blocks: Vec<(i32, BTreeSet<(usize, i64)>)> = Vec::new();
        let mut ever: HashSet<(usize, i64)> = HashSet::new();
        let mut all = Vec::new();
        for event in history {
            match *event {
                Event::Join(person, value, row, column) => {
                    community.entry(person).or_insert((value, row, column));
                }
                Event::Withdraw(person) => {
                    community.remove(&person);
                }
                Event::Score(person, value) => {
                    community
                        .entry(person)
                        .and_modify(|present| present.0 = value);
                }
                Event::Move(person, row) => {
                    community
                        .entry(person)
                        .and_modify(|present| present.1 = row);
                }
                Event::Refresh if policy == Policy::Blocks => {
                    refresh_blocks(&community, &mut blocks, &mut ever);
                    let mut sums: HashMap<i32, Release> = HashMap::new();
                    for (cell, members) in &blocks {
                        for coarser in coarser(*cell) {
                            sums.entry(coarser).or_default().extend(members);
                        }
                    }
                    all.extend(sums.into_values());
                }
                Event::Refresh => {
                    let mut present: HashMap<i32, Release> = HashMap::new();
                    for (person, (value, row, column)) in &community {
                        for cell in cells(*row, *column) {
                            present.entry(cell).or_default().insert((*person, *value));
                        }
                    }
                    for (cell, people) in present {
                        let last = published.entry(cell).or_default();
                        let changed = people.symmetric_difference(last).map(|(person, _)| person);
                        let changed = changed.collect::<BTreeSet<_>>().len() as i64;
                        if people.len() as i64 >= RULES.k
                            && (policy == Policy::Naive || changed >= RULES.k)
                        {
                            *last = people.clone();
                            all.push(people);
                        }
                    }
                }
            }
        }
        all
    }

    /// The cells that a block of `cell` is summed up in.
    fn coarser(cell: i32) -> Vec<i32> {
        match cell {
            0..4 => cells(cell / 2, cell % 2).to_vec(),
            30 => vec![30],
            _ => vec![cell, 30],
        }
    }

    fn refresh_blocks(
        community: &Community,
        blocks: &mut Vec<(i32, BTreeSet<(usize, i64)>)>,
        ever: &mut HashSet<(usize, i64)>,
    ) {
        blocks.retain(|(cell, members)| {
            members.iter().all(|(person, value)| {
                community.get(person).is_some_and(|(present, row, column)| {
                    present == value && cells(*row, *column).contains(cell)
                })
            })
        });
        let placed: HashSet<usize> = blocks
            .iter()
            .flat_map(|(_, members)| members.iter().map(|(person, _)| *person))
            .collect();
        let mut names: Vec<usize> = community
            .keys()
            .copied()
            .filter(|person| !placed.contains(person))
            .collect();
        names.sort_unstable();
        let waiting: Vec<Waiting> = names
            .iter()
            .map(|person| {
                let (value, row, column) = community[person];
                let [leaf, row, _, whole] = cells(row, column);
                Waiting {
                    value: Decimal::from_int(value),
                    is_fresh: !ever.contains(&(*person, value)),
                    places: vec![Some(leaf), Some(row), Some(whole)],
                }
            })
            .collect();
        for block in plan(&waiting, &RULES) {
            let members: BTreeSet<(usize, i64)> = block
                .members
                .iter()
                .map(|place| (names[*place], community[&names[*place]].0))
                .collect();
            ever.extend(&members);
            blocks.push((block.cell, members));
        }
    }

    /// Whether some linear combination of the releases is about fewer than k people, exactly: for
    /// every set of k - 1 people, whether the releases depend on one another outside of the set.
    pub fn is_isolating(releases: &[Release], people: usize, k: i64) -> bool {
        let mut columns: Vec<(usize, i64)> = releases.iter().flatten().copied().collect();
        columns.sort_unstable();
        columns.dedup();
        let rank = |without: &[usize]| {
            let mut space = RowSpace::default();
            for release in releases {
                space.add(
                    columns
                        .iter()
                        .filter(|(person, _)| !without.contains(person))
                        .map(|column| algebra::of(i64::from(release.contains(column))))
                        .collect(),
                );
            }
            space.rank()
        };
        let whole = rank(&[]);
        assert_eq!(k, 3, "the sets below have two people");
        (0..people).any(|one| (0..one).any(|other| rank(&[one, other]) < whole))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(120))]
        #[test]
        fn no_combination_of_any_releases_is_about_fewer_than_k_people(history in history()) {
            let releases = distinct(releases(&history, Policy::Blocks));
            prop_assert!(!is_isolating(&releases, PEOPLE, RULES.k), "{releases:?}");
        }
    }

    fn distinct(releases: Vec<Release>) -> Vec<Release> {
        releases
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The attacker is a good one: it beats the policies that only look at one or two releases.
    #[test]
    fn the_same_attacker_beats_the_naive_view_and_k_changed() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let (mut naive, mut k_changed, mut published) = (0, 0, 0);
        for _ in 0..120 {
            let history = history().new_tree(&mut runner).unwrap().current();
            let lost =
                |policy| is_isolating(&distinct(releases(&history, policy)), PEOPLE, RULES.k);
            naive += i32::from(lost(Policy::Naive));
            k_changed += i32::from(lost(Policy::KChanged));
            published += i32::from(!releases(&history, Policy::Blocks).is_empty());
        }
        println!(
            "of 120: naive loses {naive}, k changed {k_changed}; blocks publish in {published}"
        );
        assert!(
            naive > 90 && k_changed > 8 && published > 60,
            "{naive} {k_changed} {published}"
        );
    }

    fn waiting(values: &[i64], fresh: usize) -> Vec<Waiting> {
        values
            .iter()
            .enumerate()
            .map(|(place, value)| Waiting {
                value: Decimal::from_int(*value),
                is_fresh: place < fresh,
                places: vec![Some(1), None, Some(9)],
            })
            .collect()
    }

    #[test]
    fn survivors_wait_for_k_fresh_people() {
        assert!(plan(&waiting(&[1, 2, 3, 4, 5, 6], 2), &RULES).is_empty());
        let blocks = plan(&waiting(&[1, 2, 3, 4, 5, 6], 3), &RULES);
        assert_eq!(
            blocks,
            [Block {
                cell: 1,
                fresh: 3,
                members: vec![0, 1, 2, 3, 4, 5]
            }]
        );
    }

    #[test]
    fn blocks_are_as_small_as_they_may_be() {
        let blocks = plan(&waiting(&[1, 2, 3, 4, 5, 6, 7, 8], 8), &RULES);
        assert_eq!(
            blocks.iter().map(|block| block.fresh).collect::<Vec<_>>(),
            [4, 4]
        );
    }

    #[test]
    fn a_block_with_one_value_is_merged_or_waits() {
        assert!(plan(&waiting(&[7, 7, 7, 7], 4), &RULES).is_empty());
        assert_eq!(plan(&waiting(&[7, 7, 7, 1, 2, 3], 6), &RULES).len(), 1);
        assert_eq!(plan(&waiting(&[1, 2, 3, 7, 7, 7], 6), &RULES).len(), 1);
    }

    #[test]
    fn few_people_fall_back_to_the_coarser_cell() {
        let mut people = waiting(&[1, 2, 3, 4], 4);
        people[0].places[0] = Some(2);
        people[1].places[0] = Some(3);
        people[2].places[0] = None;
        let blocks = plan(&people, &RULES);
        assert_eq!(
            blocks,
            [Block {
                cell: 9,
                fresh: 4,
                members: vec![0, 1, 2, 3]
            }]
        );
    }

    #[test]
    fn quantiles_come_from_buckets() {
        let values: Vec<Decimal> = (0..60).map(Decimal::from_int).collect();
        let shown = figures(&Histogram::of(values), &RULES).unwrap();
        assert_eq!(
            shown.median.map(|value| value.to_string()).as_deref(),
            Some("28")
        );
    }
}
