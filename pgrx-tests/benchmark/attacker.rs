//! Somebody who keeps what is published and combines it with exact linear algebra.

use crate::benchmark::algebra::{self, RowSpace};
use std::collections::BTreeSet;

/// The people, each with the value that counted, whom a published sum is about.
pub type Sum = BTreeSet<(String, String)>;

/// Two people such that some linear combination of the sums is about nobody else. With sums about
/// three people or more, whoever finds nobody has isolated fewer than three nowhere.
pub fn isolated(sums: &BTreeSet<Sum>) -> Option<(String, String)> {
    let columns: BTreeSet<&(String, String)> = sums.iter().flatten().collect();
    let people: BTreeSet<&String> = columns.iter().map(|(person, _)| person).collect();
    let people: Vec<&String> = people.into_iter().collect();
    let rank = |without: &[&String]| {
        let mut space = RowSpace::default();
        for sum in sums {
            space.add(
                columns
                    .iter()
                    .filter(|(person, _)| !without.contains(&person))
                    .map(|column| algebra::of(i64::from(sum.contains(*column))))
                    .collect(),
            );
        }
        space.rank()
    };
    let whole = rank(&[]);
    people.iter().enumerate().find_map(|(place, one)| {
        people[..place]
            .iter()
            .find(|other| rank(&[one, other]) < whole)
            .map(|other| ((*one).clone(), (*other).clone()))
    })
}
