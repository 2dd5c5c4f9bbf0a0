//! Whether some linear combination of rows is about fewer than k people. To find the combination
//! about the fewest is as hard as finding the lightest word of a linear code; but k is small, so a
//! search that pays for each person it lets in is short, and mostly not needed: where enough bases
//! lie side by side, every combination is about many. Free of Postgres.

use super::algebra::{inverse, subtract, times};

/// What the columns of the rows are about. Several columns can be about the same people, who then
/// count once.
pub struct Columns {
    /// By column, which people it is about.
    pub of: Vec<usize>,
    /// How many they are.
    pub people: Vec<i64>,
}

/// Numbers that are looked at before the search is given up.
const MOST_WORK: usize = 40_000_000;

struct TooMuch;

struct Search<'a> {
    columns: &'a Columns,
    /// The columns, those about many people first.
    order: Vec<usize>,
    /// People who are counted already.
    paid: Vec<bool>,
    work: usize,
}

/// A combination of the rows, which are independent, that is about fewer than k people. Where the
/// search for one would take too long, the row of the echelon form about the fewest.
pub fn combination_about_few(
    mut rows: Vec<Vec<u64>>,
    columns: &Columns,
    k: i64,
) -> Option<Vec<u64>> {
    let mut order: Vec<usize> = (0..columns.of.len()).collect();
    order.sort_by_key(|column| std::cmp::Reverse(columns.people[columns.of[*column]]));
    let mut search = Search {
        columns,
        order,
        paid: vec![false; columns.people.len()],
        work: 0,
    };
    search.reduce(&mut rows, k - 1);
    let lightest = rows.iter().min_by_key(|row| people_of(row, columns))?;
    if people_of(lightest, columns) < k {
        return Some(lightest.clone());
    }
    match search.find(rows.clone(), k - 1) {
        Ok(found) => found,
        Err(TooMuch) => Some(lightest.clone()),
    }
}

fn people_of(row: &[u64], columns: &Columns) -> i64 {
    let mut met = vec![false; columns.people.len()];
    for (number, people) in row.iter().zip(&columns.of) {
        met[*people] |= *number != 0;
    }
    let met = met.iter().zip(&columns.people).filter(|(met, _)| **met);
    met.map(|(_, people)| people).sum()
}

impl Search<'_> {
    /// Something in the span of the rows that, beside those who are paid for, is about no more than
    /// `budget` people.
    fn find(&mut self, mut rows: Vec<Vec<u64>>, budget: i64) -> Result<Option<Vec<u64>>, TooMuch> {
        let pivots = self.reduce(&mut rows, budget);
        if rows.len() > pivots.len() {
            return Ok(rows.pop());
        }
        if self.work > MOST_WORK {
            return Err(TooMuch);
        }
        if rows.is_empty() || self.is_heavier(&rows, budget) {
            return Ok(None);
        }
        // Whatever is looked for has a first pivot at which it is not zero.
        for (first, pivot) in pivots.into_iter().enumerate() {
            let people = self.columns.of[pivot];
            self.paid[people] = true;
            let left = budget - self.columns.people[people];
            let found = self.find(rows[first..].to_vec(), left)?;
            self.paid[people] = false;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Brings the rows into reduced echelon form over the columns that are not paid for, and leaves
    /// out what cannot be part of anything within the budget. Returns the pivots; rows beyond those
    /// are about nobody but the paid.
    fn reduce(&mut self, rows: &mut Vec<Vec<u64>>, budget: i64) -> Vec<usize> {
        let mut pivots = Vec::new();
        for place in 0..self.order.len() {
            let column = self.order[place];
            let people = self.columns.of[column];
            let done = pivots.len();
            if self.paid[people] || done == rows.len() {
                continue;
            }
            let Some(found) = (done..rows.len()).find(|row| rows[*row][column] != 0) else {
                continue;
            };
            let mut pivot = rows.swap_remove(found);
            let factor = inverse(pivot[column]);
            for number in &mut pivot {
                *number = times(*number, factor);
            }
            for row in rows.iter_mut().filter(|row| row[column] != 0) {
                let factor = row[column];
                subtract(row, factor, &pivot);
                self.work += pivot.len();
            }
            if self.columns.people[people] <= budget {
                rows.push(pivot);
                let last = rows.len() - 1;
                rows.swap(done, last);
                pivots.push(column);
            }
        }
        pivots
    }

    /// Whether everything but zero in the span of the rows is about more people than the budget.
    /// It is not zero somewhere on every basis, so about somebody of each of several that have
    /// nobody in common.
    fn is_heavier(&mut self, rows: &[Vec<u64>], budget: i64) -> bool {
        let mut used = self.paid.clone();
        let mut least = 0;
        while least <= budget {
            let mut rows = rows.to_vec();
            let (mut rank, mut basis) = (0, Vec::new());
            for place in 0..self.order.len() {
                let column = self.order[place];
                if rank == rows.len() {
                    break;
                }
                if used[self.columns.of[column]] {
                    continue;
                }
                let Some(found) = (rank..rows.len()).find(|row| rows[*row][column] != 0) else {
                    continue;
                };
                rows.swap(rank, found);
                let (above, below) = rows.split_at_mut(rank + 1);
                let pivot = &above[rank];
                let scale = inverse(pivot[column]);
                for row in below.iter_mut().filter(|row| row[column] != 0) {
                    let factor = times(row[column], scale);
                    subtract(row, factor, pivot);
                    self.work += pivot.len();
                }
                rank += 1;
                basis.push(self.columns.of[column]);
            }
            if rank < rows.len() {
                return false;
            }
            for people in &basis {
                used[*people] = true;
            }
            let people = basis.iter().map(|people| self.columns.people[*people]);
            least += people.min().unwrap_or(0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::algebra::{self, RowSpace};
    use super::*;
    use proptest::prelude::*;

    /// Whether some combination is about fewer than k people, by trying every set of people.
    fn by_every_set(rows: &[Vec<u64>], columns: &Columns, k: i64) -> bool {
        let rank = |set: u32| {
            let mut space = RowSpace::default();
            for row in rows {
                let kept = row.iter().zip(&columns.of);
                let kept = kept.filter(|(_, people)| set & (1 << **people) == 0);
                space.add(kept.map(|(number, _)| *number).collect());
            }
            space.rank()
        };
        let size = |set: u32| -> i64 {
            let people = columns.people.iter().enumerate();
            people
                .filter(|(place, _)| set & (1 << place) != 0)
                .map(|(_, people)| people)
                .sum()
        };
        (1..1 << columns.people.len()).any(|set| size(set) < k && rank(set) < rank(0))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn a_combination_about_few_is_found_where_there_is_one(
            rows in prop::collection::vec(prop::collection::vec(-1i64..2, 9), 1..5),
            people in prop::collection::vec(1i64..4, 7),
            k in 2i64..6
        ) {
            // The last people have three columns.
            let columns = Columns { of: vec![0, 1, 2, 3, 4, 5, 6, 6, 6], people };
            let mut space = RowSpace::default();
            for row in &rows {
                space.add(row.iter().map(|number| algebra::of(*number)).collect());
            }
            let rows: Vec<Vec<u64>> = space.basis().map(<[u64]>::to_vec).collect();
            let expected = by_every_set(&rows, &columns, k);
            let found = combination_about_few(rows, &columns, k);
            prop_assert_eq!(found.is_some(), expected);
            if let Some(found) = found {
                prop_assert!(people_of(&found, &columns) < k);
                prop_assert!(found.iter().any(|number| *number != 0));
                prop_assert!(space.combination(found).is_some());
            }
        }
    }
}
