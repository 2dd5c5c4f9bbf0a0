//! Exact linear algebra, in the integers modulo the prime 2^61 - 1: what is a linear combination of
//! rows of zeros and ones, or of small integers, is so here too, without rounding and without
//! growing fractions. Free of Postgres.

pub const PRIME: u64 = (1 << 61) - 1;

#[cfg(any(test, feature = "pg_test"))]
pub fn of(number: i64) -> u64 {
    number.rem_euclid(PRIME as i64) as u64
}

pub fn times(one: u64, other: u64) -> u64 {
    // The prime is one less than a power of two: what lies above it counts once more below.
    let product = u128::from(one) * u128::from(other);
    plus((product & u128::from(PRIME)) as u64, (product >> 61) as u64)
}

pub fn plus(one: u64, other: u64) -> u64 {
    let sum = one + other;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn minus(one: u64, other: u64) -> u64 {
    plus(one, PRIME - other)
}

pub fn inverse(number: u64) -> u64 {
    let (mut result, mut power, mut exponent) = (1, number, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, power);
        }
        power = times(power, power);
        exponent >>= 1;
    }
    result
}

/// `row -= factor * other`
pub fn subtract(row: &mut [u64], factor: u64, other: &[u64]) {
    for (number, theirs) in row.iter_mut().zip(other) {
        if *theirs != 0 {
            *number = minus(*number, times(factor, *theirs));
        }
    }
}

/// The row space of a matrix in reduced echelon form. Each row remembers of which of the given rows
/// it is made.
#[derive(Default)]
pub struct RowSpace {
    rows: Vec<Row>,
    given: usize,
}

struct Row {
    pivot: usize,
    numbers: Vec<u64>,
    /// Coefficients of the given rows, as far as they were given when the row was last touched.
    made_of: Vec<u64>,
}

impl RowSpace {
    pub fn add(&mut self, numbers: Vec<u64>) {
        let mut made_of = vec![0; self.given];
        made_of.push(1);
        self.given += 1;
        let (mut numbers, mut made_of) = self.reduce(numbers, made_of);
        let Some(pivot) = numbers.iter().position(|number| *number != 0) else {
            return;
        };
        let factor = inverse(numbers[pivot]);
        for number in numbers.iter_mut().chain(made_of.iter_mut()) {
            *number = times(*number, factor);
        }
        for row in &mut self.rows {
            let factor = row.numbers[pivot];
            if factor != 0 {
                row.made_of.resize(made_of.len(), 0);
                subtract(&mut row.numbers, factor, &numbers);
                subtract(&mut row.made_of, factor, &made_of);
            }
        }
        self.rows.push(Row {
            pivot,
            numbers,
            made_of,
        });
    }

    fn reduce(&self, mut numbers: Vec<u64>, mut made_of: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
        for row in &self.rows {
            let factor = numbers[row.pivot];
            if factor != 0 {
                subtract(&mut numbers, factor, &row.numbers);
                subtract(&mut made_of, factor, &row.made_of);
            }
        }
        (numbers, made_of)
    }

    /// Of which of the given rows `numbers` can be made, or None where it cannot.
    pub fn combination(&self, numbers: Vec<u64>) -> Option<Vec<u64>> {
        let (rest, made_of) = self.reduce(numbers, vec![0; self.given]);
        rest.iter().all(|number| *number == 0).then_some(made_of)
    }

    #[cfg(any(test, feature = "pg_test"))]
    pub fn rank(&self) -> usize {
        self.rows.len()
    }

    pub fn basis(&self) -> impl Iterator<Item = &[u64]> {
        self.rows.iter().map(|row| row.numbers.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_and_differences_are_those_of_the_integers(one in 0..PRIME, other in 0..PRIME) {
            let modulo = |number: u128| (number % u128::from(PRIME)) as u64;
            let (wide, other_wide) = (u128::from(one), u128::from(other));
            prop_assert_eq!(times(one, other), modulo(wide * other_wide));
            prop_assert_eq!(plus(one, other), modulo(wide + other_wide));
            prop_assert_eq!(plus(minus(one, other), other), one);
        }

        #[test]
        fn a_combination_of_the_rows_is_found_and_nothing_else(
            rows in prop::collection::vec(prop::collection::vec(0i64..2, 6), 1..6),
            coefficients in prop::collection::vec(-3i64..4, 6)
        ) {
            let mut space = RowSpace::default();
            for row in &rows {
                space.add(row.iter().map(|number| of(*number)).collect());
            }
            let target: Vec<u64> = (0..6)
                .map(|column| of(rows.iter().zip(&coefficients).map(|(row, factor)| row[column] * factor).sum()))
                .collect();
            let found = space.combination(target.clone());
            prop_assert!(found.is_some());
            // What was found, negated by the reduction, makes the target.
            let found = found.unwrap();
            for column in 0..6 {
                let sum = rows.iter().zip(&found).fold(0, |sum, (row, factor)| {
                    minus(sum, times(*factor, of(row[column])))
                });
                prop_assert_eq!(sum, target[column]);
            }
            // A seventh column that no row has cannot be made.
            let mut wider = RowSpace::default();
            for row in &rows {
                wider.add(row.iter().map(|number| of(*number)).chain([0]).collect());
            }
            prop_assert!(wider.combination(target.into_iter().chain([1]).collect()).is_none());
        }
    }
}
