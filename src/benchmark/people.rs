//! The state of the k_anonymous aggregates: one value per person, whatever the order in which rows
//! arrive or partial states are merged. Free of Postgres.
//!
//! Rows are appended, and thinned when their number has quadrupled: dealt out by person into parts
//! that fit the processor's cache, and sorted there. That is faster than a hash table, which misses
//! the cache with every row, and partial states are merged by appending one to the other.

use super::decimal::Decimal;
use super::histogram::Histogram;

/// Of several rows of a person, the greatest in this order counts: the latest, then the largest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row<V> {
    person: u128,
    observed_at: i64,
    value: V,
}

/// A value as it is cheapest to read.
#[derive(Clone, Copy)]
pub enum Value {
    TenThousandths(i64),
    Wide(Decimal),
}

impl Value {
    pub fn decimal(self) -> Decimal {
        match self {
            Value::TenThousandths(number) => Decimal::from_ten_thousandths(number),
            Value::Wide(value) => value,
        }
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Value {
        value
            .ten_thousandths()
            .map_or(Value::Wide(value), Value::TenThousandths)
    }
}

enum Rows {
    /// Values in units of 1/10,000, which nearly all are: half the memory.
    Narrow(Vec<Row<i64>>),
    Wide(Vec<Row<Decimal>>),
}

pub struct People {
    rows: Rows,
    /// How many rows the last thinning left.
    thinned: usize,
    /// The largest k asked for.
    pub k: i64,
    /// The most decimals that a value was written with.
    pub decimals: i32,
    /// What else the aggregate was asked: a fraction, or bounds and a number of buckets.
    pub question: Question,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Question {
    pub fraction: f64,
    pub lower: Decimal,
    pub upper: Decimal,
    pub buckets: i64,
}

const FEWEST_TO_THIN: usize = 1 << 15;
/// How many rows to sort at once.
const PART: usize = 1 << 10;

/// Keeps the greatest row of each person. Persons come out in no particular order.
fn thin<V: Copy + Ord>(rows: &mut Vec<Row<V>>) {
    if rows.len() <= 2 * PART {
        rows.sort_unstable();
        let kept = keep_last(rows);
        rows.truncate(kept);
        return;
    }
    let bits = (rows.len() / PART).ilog2();
    // Multiplied, because the first bits of time-ordered ids are the same for all.
    let part_of = |row: &Row<V>| {
        let mixed =
            (row.person as u64 ^ (row.person >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> (64 - bits)) as usize
    };
    let mut ends = vec![0usize; 1 << bits];
    for row in rows.iter() {
        ends[part_of(row)] += 1;
    }
    let mut next = 0;
    let mut starts = Vec::with_capacity(ends.len());
    for end in &mut ends {
        starts.push(next);
        next += *end;
        *end = next;
    }
    let mut places = starts.clone();
    let mut dealt = rows.clone();
    for row in rows.iter() {
        let place = &mut places[part_of(row)];
        dealt[*place] = *row;
        *place += 1;
    }
    rows.clear();
    for (start, end) in starts.into_iter().zip(ends) {
        let part = &mut dealt[start..end];
        part.sort_unstable();
        let kept = keep_last(part);
        rows.extend_from_slice(&part[..kept]);
    }
}

/// Moves the last row of each run of one person to the front; returns how many there are.
fn keep_last<V: Copy>(rows: &mut [Row<V>]) -> usize {
    let mut kept = 0;
    for next in 0..rows.len() {
        if next + 1 == rows.len() || rows[next].person != rows[next + 1].person {
            rows[kept] = rows[next];
            kept += 1;
        }
    }
    kept
}

fn widened(rows: &[Row<i64>]) -> Vec<Row<Decimal>> {
    rows.iter()
        .map(|row| Row {
            person: row.person,
            observed_at: row.observed_at,
            value: Decimal::from_ten_thousandths(row.value),
        })
        .collect()
}

impl People {
    pub fn new(question: Question) -> People {
        People {
            rows: Rows::Narrow(Vec::new()),
            thinned: 0,
            k: 0,
            decimals: 0,
            question,
        }
    }

    fn len(&self) -> usize {
        match &self.rows {
            Rows::Narrow(rows) => rows.len(),
            Rows::Wide(rows) => rows.len(),
        }
    }

    pub fn add(&mut self, person: u128, value: Value, observed_at: i64) {
        match (&mut self.rows, value) {
            (Rows::Narrow(rows), Value::TenThousandths(value)) => {
                rows.push(Row {
                    person,
                    observed_at,
                    value,
                });
            }
            (Rows::Narrow(rows), Value::Wide(value)) => {
                let mut rows = widened(rows);
                rows.push(Row {
                    person,
                    observed_at,
                    value,
                });
                self.rows = Rows::Wide(rows);
            }
            (Rows::Wide(rows), value) => {
                rows.push(Row {
                    person,
                    observed_at,
                    value: value.decimal(),
                });
            }
        }
        if self.len() >= FEWEST_TO_THIN.max(4 * self.thinned) {
            self.thin();
        }
    }

    pub fn merge(&mut self, other: &People) {
        self.k = self.k.max(other.k);
        self.decimals = self.decimals.max(other.decimals);
        match (&mut self.rows, &other.rows) {
            (Rows::Narrow(rows), Rows::Narrow(more)) => rows.extend_from_slice(more),
            (Rows::Wide(rows), Rows::Wide(more)) => rows.extend_from_slice(more),
            (Rows::Wide(rows), Rows::Narrow(more)) => rows.extend(widened(more)),
            (Rows::Narrow(rows), Rows::Wide(more)) => {
                let mut rows = widened(rows);
                rows.extend_from_slice(more);
                self.rows = Rows::Wide(rows);
            }
        }
        if self.len() >= FEWEST_TO_THIN.max(4 * self.thinned) {
            self.thin();
        }
    }

    pub fn thin(&mut self) {
        match &mut self.rows {
            Rows::Narrow(rows) => thin(rows),
            Rows::Wide(rows) => thin(rows),
        }
        self.thinned = self.len();
    }

    /// The number of people, or None below k. Thins.
    pub fn count(&mut self) -> Option<i64> {
        self.thin();
        let count = self.len() as i64;
        (count >= self.k).then_some(count)
    }

    pub fn sum(&self) -> Decimal {
        match &self.rows {
            Rows::Narrow(rows) => {
                let sum: i128 = rows.iter().map(|row| i128::from(row.value)).sum();
                let whole = sum.div_euclid(10_000) as i64;
                let rest = Decimal::from_ten_thousandths(sum.rem_euclid(10_000) as i64);
                Decimal::from_int(whole).plus(rest)
            }
            Rows::Wide(rows) => rows
                .iter()
                .fold(Decimal::ZERO, |sum, row| sum.plus(row.value)),
        }
    }

    pub fn values(&self) -> Vec<Decimal> {
        match &self.rows {
            Rows::Narrow(rows) => rows
                .iter()
                .map(|row| Decimal::from_ten_thousandths(row.value))
                .collect(),
            Rows::Wide(rows) => rows.iter().map(|row| row.value).collect(),
        }
    }

    /// The smoothed percentile, or None below k or where fewer than k lie beyond it. Thins.
    pub fn percentile(&mut self) -> Option<Decimal> {
        const MILLION: i64 = 1_000_000;
        self.count()?;
        let numerator = (self.question.fraction * MILLION as f64).round() as i64;
        Histogram::of(self.values()).quantile(numerator, MILLION, self.k)
    }

    /// How many people are in each bucket of equal width; a bucket of fewer than k is None, and
    /// where it is the only one, so is the smallest other, because the total may be known.
    pub fn buckets(&mut self) -> Option<Vec<Option<i64>>> {
        self.count()?;
        let Question {
            lower,
            upper,
            buckets,
            ..
        } = self.question;
        let width = upper.minus(lower).divided_by(buckets);
        let starts: Vec<Decimal> = (0..buckets)
            .map(|bucket| lower.plus(width.times(bucket)))
            .collect();
        let mut counts = vec![0i64; starts.len()];
        for value in self
            .values()
            .into_iter()
            .filter(|value| *value >= lower && *value <= upper)
        {
            counts[starts.partition_point(|start| *start <= value) - 1] += 1;
        }
        let mut shown: Vec<Option<i64>> = counts
            .iter()
            .map(|count| Some(*count).filter(|count| *count >= self.k))
            .collect();
        if shown.iter().filter(|count| count.is_none()).count() == 1 {
            let smallest = shown.iter_mut().filter(|count| count.is_some()).min();
            smallest.map(Option::take);
        }
        Some(shown)
    }

    pub fn serialize(&mut self) -> Vec<u8> {
        self.thin();
        let mut bytes = Vec::with_capacity(128 + 64 * self.len());
        bytes.extend_from_slice(&self.k.to_le_bytes());
        bytes.extend_from_slice(&self.decimals.to_le_bytes());
        bytes.extend_from_slice(&self.question.fraction.to_le_bytes());
        bytes.extend_from_slice(&self.question.lower.to_bytes());
        bytes.extend_from_slice(&self.question.upper.to_bytes());
        bytes.extend_from_slice(&self.question.buckets.to_le_bytes());
        match &self.rows {
            Rows::Narrow(rows) => {
                bytes.push(0);
                for row in rows {
                    bytes.extend_from_slice(&row.person.to_le_bytes());
                    bytes.extend_from_slice(&row.observed_at.to_le_bytes());
                    bytes.extend_from_slice(&row.value.to_le_bytes());
                }
            }
            Rows::Wide(rows) => {
                bytes.push(1);
                for row in rows {
                    bytes.extend_from_slice(&row.person.to_le_bytes());
                    bytes.extend_from_slice(&row.observed_at.to_le_bytes());
                    bytes.extend_from_slice(&row.value.to_bytes());
                }
            }
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<People> {
        const HEADER: usize = 8 + 4 + 8 + 32 + 32 + 8;
        let number = |at: usize| Some(i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let mut people = People::new(Question {
            fraction: f64::from_le_bytes(bytes.get(12..20)?.try_into().ok()?),
            lower: Decimal::from_bytes(bytes.get(20..52)?)?,
            upper: Decimal::from_bytes(bytes.get(52..84)?)?,
            buckets: number(84)?,
        });
        people.k = number(0)?;
        people.decimals = i32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
        let person = |row: &[u8]| Some(u128::from_le_bytes(row.get(..16)?.try_into().ok()?));
        let word = |row: &[u8], at| Some(i64::from_le_bytes(row.get(at..at + 8)?.try_into().ok()?));
        let rows = bytes.get(HEADER + 1..)?;
        people.rows = match bytes.get(HEADER)? {
            0 => Rows::Narrow(
                rows.chunks_exact(32)
                    .map(|row| {
                        Some(Row {
                            person: person(row)?,
                            observed_at: word(row, 16)?,
                            value: word(row, 24)?,
                        })
                    })
                    .collect::<Option<_>>()?,
            ),
            _ => Rows::Wide(
                rows.chunks_exact(56)
                    .map(|row| {
                        Some(Row {
                            person: person(row)?,
                            observed_at: word(row, 16)?,
                            value: Decimal::from_bytes(row.get(24..)?)?,
                        })
                    })
                    .collect::<Option<_>>()?,
            ),
        };
        people.thinned = people.len();
        Some(people)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn people(rows: &[(u128, i64, i64)], wide: bool) -> People {
        let mut people = People::new(Question::default());
        people.k = 1;
        for (person, value, observed_at) in rows {
            let mut value = Decimal::from_int(*value);
            if wide {
                value = value.plus(Decimal::parse("0.000000000000000000000000000001").unwrap());
            }
            people.add(*person, value.into(), *observed_at);
        }
        people
    }

    proptest! {
        #[test]
        fn one_value_per_person_in_any_order_and_any_split(
            rows in prop::collection::vec((0u128..40, -9i64..9, 0i64..5), 1..200),
            cut in 0usize..200, wide in any::<bool>(), other_wide in any::<bool>()
        ) {
            let mut latest: HashMap<u128, (i64, i64)> = HashMap::new();
            for (person, value, observed_at) in &rows {
                let best = latest.entry(*person).or_insert((*observed_at, *value));
                *best = (*best).max((*observed_at, *value));
            }
            let (one, other) = rows.split_at(cut.min(rows.len()));
            let mut merged = people(other, other_wide);
            let mut part = people(one, wide);
            let part = People::from_bytes(&part.serialize()).unwrap();
            merged.merge(&part);
            prop_assert_eq!(merged.count(), Some(latest.len() as i64));
            let total: i64 = latest.values().map(|(_, value)| *value).sum();
            if !wide && !other_wide {
                prop_assert_eq!(merged.sum(), Decimal::from_int(total));
            }
            prop_assert_eq!(merged.sum().rounded(0), Decimal::from_int(total));
        }
    }

    #[test]
    fn many_people_are_counted_apart_also_when_their_ids_begin_alike() {
        for shift in [0, 64, 100] {
            let mut people = People::new(Question::default());
            for row in 0..200_000u128 {
                people.add(
                    (row % 50_000) << shift,
                    Decimal::from_int((row / 50_000) as i64).into(),
                    row as i64,
                );
            }
            assert_eq!(people.count(), Some(50_000));
            assert_eq!(people.sum(), Decimal::from_int(3 * 50_000));
        }
    }

    #[test]
    fn rows_are_thinned_before_they_fill_the_memory() {
        let mut people = People::new(Question::default());
        for row in 0..100_000u128 {
            people.add(row % 10, Decimal::from_int(1).into(), row as i64);
        }
        assert!(people.len() <= FEWEST_TO_THIN);
        assert_eq!(people.count(), Some(10));
    }

    #[test]
    fn a_single_small_bucket_takes_another_one_with_it() {
        let question = Question {
            lower: Decimal::ZERO,
            upper: Decimal::from_int(30),
            buckets: 3,
            ..Question::default()
        };
        let mut people = People::new(question);
        people.k = 5;
        for person in 0..19u128 {
            let value = if person < 6 {
                1
            } else if person < 8 {
                11
            } else {
                30
            };
            people.add(person, Decimal::from_int(value).into(), 0);
        }
        assert_eq!(people.buckets(), Some(vec![None, None, Some(11)]));
    }
}
