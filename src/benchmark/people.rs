//! One value per person, whatever the order in which rows arrive or partial states are merged: the
//! state of the k_anonymous aggregates, and of reading everybody for a refresh. Free of Postgres.
//!
//! Rows are appended, and thinned when there are several times as many as were left; partial states
//! are merged by appending the smaller to the larger.

use super::decimal::Decimal;
use super::histogram::Histogram;
use super::thin::{Parts, Row};

/// A value as it is cheapest to read: never wide where it need not be, so that equal values are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

enum Rows<E> {
    /// Values in units of 1/10,000, which nearly all are: half the memory.
    Narrow(Parts<i64, E>),
    Wide(Parts<Decimal, E>),
}

/// `E` is what else is kept of a row.
pub struct People<E = ()> {
    rows: Rows<E>,
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

fn widened<E>(row: Row<i64, E>) -> Row<Decimal, E> {
    Row {
        person: row.person,
        observed_at: row.observed_at,
        value: Decimal::from_ten_thousandths(row.value),
        extra: row.extra,
    }
}

fn in_order<V: Copy + Ord, E: Copy + Ord>(rows: Parts<V, E>) -> Vec<Row<V, E>> {
    let mut rows: Vec<_> = rows.into_rows().collect();
    rows.sort_unstable();
    rows
}

impl<E: Copy + Ord> Rows<E> {
    fn new() -> Rows<E> {
        Rows::Narrow(Parts::new())
    }

    fn len(&self) -> usize {
        match self {
            Rows::Narrow(rows) => rows.len(),
            Rows::Wide(rows) => rows.len(),
        }
    }

    /// The same rows, with room for wide values.
    fn widen(&mut self) {
        if let Rows::Narrow(rows) = self {
            let narrow = std::mem::replace(rows, Parts::new());
            let mut wide = Parts::new();
            wide.append(narrow.into_rows().map(widened));
            *self = Rows::Wide(wide);
        }
    }
}

impl<E: Copy + Ord> People<E> {
    pub fn new(question: Question) -> People<E> {
        People {
            rows: Rows::new(),
            k: 0,
            decimals: 0,
            question,
        }
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn add(&mut self, person: u128, value: Value, observed_at: i64, extra: E) {
        match (&mut self.rows, value) {
            (Rows::Narrow(rows), Value::TenThousandths(value)) => rows.add(Row {
                person,
                observed_at,
                value,
                extra,
            }),
            (Rows::Wide(rows), value) => rows.add(Row {
                person,
                observed_at,
                value: value.decimal(),
                extra,
            }),
            (Rows::Narrow(_), Value::Wide(_)) => {
                self.rows.widen();
                self.add(person, value, observed_at, extra);
            }
        }
    }

    /// Takes the other's people, who are moved and not copied where there are more of them.
    pub fn merge(&mut self, other: &mut People<E>) {
        self.k = self.k.max(other.k);
        self.decimals = self.decimals.max(other.decimals);
        let mut more = std::mem::replace(&mut other.rows, Rows::new());
        if more.len() > self.len() {
            std::mem::swap(&mut self.rows, &mut more);
        }
        if matches!(more, Rows::Wide(_)) {
            self.rows.widen();
        }
        match (&mut self.rows, more) {
            (Rows::Narrow(rows), Rows::Narrow(more)) => rows.append(more.into_rows()),
            (Rows::Wide(rows), Rows::Narrow(more)) => rows.append(more.into_rows().map(widened)),
            (Rows::Wide(rows), Rows::Wide(more)) => rows.append(more.into_rows()),
            // Just widened.
            (Rows::Narrow(_), Rows::Wide(_)) => {}
        }
    }

    pub fn thin(&mut self) {
        match &mut self.rows {
            Rows::Narrow(rows) => rows.thin(),
            Rows::Wide(rows) => rows.thin(),
        }
    }

    /// Each person in order, with the value that counts and what else was kept of its row. Thins.
    pub fn into_each(mut self, mut each: impl FnMut(u128, Value, E)) {
        self.thin();
        match self.rows {
            Rows::Narrow(rows) => in_order(rows).into_iter().for_each(|row| {
                each(row.person, Value::TenThousandths(row.value), row.extra);
            }),
            Rows::Wide(rows) => in_order(rows)
                .into_iter()
                .for_each(|row| each(row.person, Value::from(row.value), row.extra)),
        }
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
}

/// How many bytes are before the rows, and how many a row is.
const HEADER: usize = 8 + 4 + 8 + 32 + 32 + 8;
const NARROW: usize = 16 + 8 + 8;
const WIDE: usize = 16 + 8 + 32;

impl People {
    pub fn serialize(&mut self) -> Vec<u8> {
        match &mut self.rows {
            Rows::Narrow(rows) => rows.thin_repeats(),
            Rows::Wide(rows) => rows.thin_repeats(),
        }
        let (width, is_wide) = match &self.rows {
            Rows::Narrow(_) => (NARROW, 0),
            Rows::Wide(_) => (WIDE, 1),
        };
        let mut bytes = Vec::with_capacity(HEADER + 1 + width * self.len());
        bytes.extend_from_slice(&self.k.to_le_bytes());
        bytes.extend_from_slice(&self.decimals.to_le_bytes());
        bytes.extend_from_slice(&self.question.fraction.to_le_bytes());
        bytes.extend_from_slice(&self.question.lower.to_bytes());
        bytes.extend_from_slice(&self.question.upper.to_bytes());
        bytes.extend_from_slice(&self.question.buckets.to_le_bytes());
        bytes.push(is_wide);
        match &self.rows {
            Rows::Narrow(rows) => rows.iter().for_each(|row| {
                let mut written = [0; NARROW];
                written[..16].copy_from_slice(&row.person.to_le_bytes());
                written[16..24].copy_from_slice(&row.observed_at.to_le_bytes());
                written[24..].copy_from_slice(&row.value.to_le_bytes());
                bytes.extend_from_slice(&written);
            }),
            Rows::Wide(rows) => rows.iter().for_each(|row| {
                let mut written = [0; WIDE];
                written[..16].copy_from_slice(&row.person.to_le_bytes());
                written[16..24].copy_from_slice(&row.observed_at.to_le_bytes());
                written[24..].copy_from_slice(&row.value.to_bytes());
                bytes.extend_from_slice(&written);
            }),
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<People> {
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
        match bytes.get(HEADER)? {
            0 => {
                for row in rows.chunks_exact(NARROW) {
                    let value = Value::TenThousandths(word(row, 24)?);
                    people.add(person(row)?, value, word(row, 16)?, ());
                }
            }
            _ => {
                people.rows.widen();
                for row in rows.chunks_exact(WIDE) {
                    let value = Value::Wide(Decimal::from_bytes(row.get(24..)?)?);
                    people.add(person(row)?, value, word(row, 16)?, ());
                }
            }
        }
        Some(people)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn people(rows: &[(u128, i64, i64)], wide: bool) -> People {
        let mut people = People::<()>::new(Question::default());
        people.k = 1;
        for (person, value, observed_at) in rows {
            let mut value = Decimal::from_int(*value);
            if wide {
                value = value.plus(Decimal::parse("0.000000000000000000000000000001").unwrap());
            }
            people.add(*person, value.into(), *observed_at, ());
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
            let mut part = People::from_bytes(&part.serialize()).unwrap();
            merged.merge(&mut part);
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
            let mut people = People::<()>::new(Question::default());
            for row in 0..200_000u128 {
                people.add(
                    (row % 50_000) << shift,
                    Decimal::from_int((row / 50_000) as i64).into(),
                    row as i64,
                    (),
                );
            }
            assert_eq!(people.count(), Some(50_000));
            assert_eq!(people.sum(), Decimal::from_int(3 * 50_000));
        }
    }

    #[test]
    fn a_single_small_bucket_takes_another_one_with_it() {
        let question = Question {
            lower: Decimal::ZERO,
            upper: Decimal::from_int(30),
            buckets: 3,
            ..Question::default()
        };
        let mut people = People::<()>::new(question);
        people.k = 5;
        for person in 0..19u128 {
            let value = if person < 6 {
                1
            } else if person < 8 {
                11
            } else {
                30
            };
            people.add(person, Decimal::from_int(value).into(), 0, ());
        }
        assert_eq!(people.buckets(), Some(vec![None, None, Some(11)]));
    }
}
