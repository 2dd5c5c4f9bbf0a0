//! Complementary suppression: when a total and all its parts but one are shown, the last part can be
//! computed. So further groups are withheld until no secret group is a linear combination of those
//! that are shown, and neither is anything about fewer than k people that two rows of the echelon
//! form make. (To find every combination about few people is as hard as finding the lightest word
//! of a linear code; the policy `blocks` does without the search.) Free of Postgres.

use super::algebra::{self, RowSpace};
use std::collections::{BTreeMap, BTreeSet};

/// A published or withheld cell of any level, as a set of the finest cells.
#[derive(Clone, Debug)]
pub struct Group {
    pub people: i64,
    pub is_shown: bool,
    /// Withheld because it must not be known.
    pub is_secret: bool,
    /// Ascending.
    pub leaves: Vec<usize>,
}

/// Beyond this much work all totals are withheld, which is safe: the finest cells do not overlap.
const MOST_WORK: usize = 500_000_000;

/// Which of the shown groups to withhold.
pub fn suppress(groups: &[Group], k: i64) -> BTreeSet<usize> {
    let mut withheld = BTreeSet::new();
    if groups.iter().all(|group| group.leaves.len() == 1) {
        return withheld;
    }
    let mut groups = groups.to_vec();
    while let Some(involved) = disclosure(&groups, k) {
        // The smallest group that takes part in the computation is the smallest loss.
        let victim = involved.into_iter().min_by_key(|place| {
            let group = &groups[*place];
            (group.people, group.leaves.len(), *place)
        });
        let Some(victim) = victim else { break };
        groups[victim].is_shown = false;
        withheld.insert(victim);
    }
    // Later victims can have made earlier ones needless.
    for place in withheld.clone() {
        groups[place].is_shown = true;
        if disclosure(&groups, k).is_none() {
            withheld.remove(&place);
        } else {
            groups[place].is_shown = false;
        }
    }
    withheld
}

/// The shown groups from which something secret can be computed, if there are any.
fn disclosure(groups: &[Group], k: i64) -> Option<Vec<usize>> {
    // A finest cell that is shown is known: only the others are unknowns.
    let leaf_of = |group: &Group| (group.leaves.len() == 1).then(|| group.leaves[0]);
    let mut people: BTreeMap<usize, i64> = BTreeMap::new();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        if let Some(leaf) = leaf_of(group) {
            let size = people.entry(leaf).or_insert(group.people);
            *size = (*size).min(group.people);
            if group.is_shown {
                known.insert(leaf, place);
            }
        }
    }
    let unknown: Vec<usize> = people
        .keys()
        .copied()
        .filter(|leaf| !known.contains_key(leaf))
        .collect();
    let totals: Vec<usize> = (0..groups.len())
        .filter(|place| groups[*place].is_shown && groups[*place].leaves.len() > 1)
        .collect();
    if totals
        .len()
        .saturating_mul(totals.len())
        .saturating_mul(totals.len() + unknown.len())
        > MOST_WORK
    {
        return Some(totals);
    }
    let indicator = |leaves: &[usize]| -> Vec<u64> {
        unknown
            .iter()
            .map(|leaf| u64::from(leaves.binary_search(leaf).is_ok()))
            .collect()
    };
    let mut space = RowSpace::default();
    for place in &totals {
        space.add(indicator(&groups[*place].leaves));
    }
    let small = |numbers: &[u64]| {
        let size: i64 = numbers
            .iter()
            .zip(&unknown)
            .filter(|(number, _)| **number != 0)
            .map(|(_, leaf)| people[leaf])
            .sum();
        size > 0 && size < k
    };
    let few = space
        .combinations_of_two()
        .find(|combination| small(&combination.numbers));
    let made_of = few.map(|combination| combination.made_of).or_else(|| {
        groups
            .iter()
            .filter(|group| group.is_secret && !group.is_shown && group.people > 0)
            .map(|group| indicator(&group.leaves))
            .filter(|numbers| numbers.iter().any(|number| *number != 0))
            .find_map(|numbers| space.combination(numbers))
    })?;
    Some(involved(groups, &totals, &known, &made_of))
}

/// The totals with a coefficient, and the known cells that do not cancel out.
fn involved(
    groups: &[Group],
    totals: &[usize],
    known: &BTreeMap<usize, usize>,
    made_of: &[u64],
) -> Vec<usize> {
    let used: Vec<(usize, u64)> = totals
        .iter()
        .copied()
        .zip(made_of.iter().copied())
        .filter(|(_, factor)| *factor != 0)
        .collect();
    let mut places: Vec<usize> = used.iter().map(|(place, _)| *place).collect();
    for (leaf, place) in known {
        let sum = used
            .iter()
            .filter(|(total, _)| groups[*total].leaves.binary_search(leaf).is_ok())
            .fold(0, |sum, (_, factor)| {
                (sum + u128::from(*factor)) % u128::from(algebra::PRIME)
            });
        if sum != 0 {
            places.push(*place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A table of `rows` × `columns` cells with all its margins and the grand total.
    fn table(people: &[Vec<i64>], k: i64) -> Vec<Group> {
        let (rows, columns) = (people.len(), people[0].len());
        let mut groups = Vec::new();
        let mut group = |leaves: Vec<usize>| {
            let size = leaves
                .iter()
                .map(|leaf| people[leaf / columns][leaf % columns])
                .sum();
            groups.push(Group {
                people: size,
                is_shown: size >= k,
                is_secret: size < k,
                leaves,
            });
        };
        for leaf in 0..rows * columns {
            group(vec![leaf]);
        }
        for row in 0..rows {
            group((row * columns..(row + 1) * columns).collect());
        }
        for column in 0..columns {
            group((0..rows).map(|row| row * columns + column).collect());
        }
        group((0..rows * columns).collect());
        groups
    }

    fn shown_after(groups: &[Group], k: i64) -> Vec<usize> {
        let withheld = suppress(groups, k);
        (0..groups.len())
            .filter(|place| groups[*place].is_shown && !withheld.contains(place))
            .collect()
    }

    #[test]
    fn the_last_part_of_a_total_cannot_be_computed() {
        // seed: fintech 5, health 5, climate 1; idea: 9 each
        let groups = table(&[vec![5, 5, 1], vec![9, 9, 9]], 5);
        // A second cell in climate's row, one in its column, and the one that closes the rectangle.
        assert_eq!(shown_after(&groups, 5), [1, 4, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn two_small_parts_that_are_few_together_are_protected_too() {
        let groups = table(&[vec![9, 2, 2]], 5);
        // total - 9 would be four people
        assert!(!(shown_after(&groups, 5).contains(&0) && shown_after(&groups, 5).len() > 1));
    }

    #[test]
    fn nothing_is_withheld_where_nothing_is_secret() {
        assert!(suppress(&table(&[vec![9, 8], vec![7, 6]], 5), 5).is_empty());
    }

    proptest! {
        /// The attacker solves for every secret group exactly, by brute force over subsets of what
        /// is shown with coefficients -1, 0 and 1.
        #[test]
        fn no_sum_or_difference_of_shown_groups_is_a_secret_one(
            people in prop::collection::vec(prop::collection::vec(0i64..9, 2), 1..3)
        ) {
            let k = 5;
            let groups = table(&people, k);
            let shown = shown_after(&groups, k);
            let columns = people[0].len();
            let size = |leaf: usize| people[leaf / columns][leaf % columns];
            for code in 1..3usize.pow(shown.len() as u32) {
                let mut sums = vec![0i32; people.len() * columns];
                let mut rest = code;
                for place in &shown {
                    let factor = [0, 1, -1][rest % 3];
                    rest /= 3;
                    for leaf in &groups[*place].leaves {
                        sums[*leaf] += factor;
                    }
                }
                let about: i64 = (0..sums.len()).filter(|leaf| sums[*leaf] != 0).map(size).sum();
                prop_assert!(about == 0 || about >= k, "{sums:?} is about {about} people");
            }
        }
    }
}
