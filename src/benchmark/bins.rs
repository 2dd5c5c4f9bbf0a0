//! `<name>_histogram`: the cells' exact histograms, read whole, changed in memory, and written back
//! where they differ.

use super::cells::Changes;
use super::columns::{numerics, places};
use super::decimal::Decimal;
use super::histogram::{Bin, Histogram};
use super::name::Name;
use super::people::Value;
use super::refresh::query;
use super::rows::{self, Place};
use pgrx::pg_sys;
use pgrx::spi::SpiClient;
use std::collections::BTreeMap;

/// A bin's row in the table, as it was read.
#[derive(Clone, Copy)]
struct Written {
    place: Place,
    current: i64,
    released: i64,
}

#[derive(Default)]
pub struct Kept {
    pub histogram: Histogram,
    /// The row of each bin; None where there is none yet.
    written: Vec<Option<Written>>,
}

impl Kept {
    /// The present is what the next release is compared with.
    pub fn release(&mut self) {
        for bin in &mut self.histogram.bins {
            bin.released = bin.current;
        }
    }

    fn change(&mut self, changes: impl Iterator<Item = (Decimal, i64)>) {
        let known = self.histogram.bins.len();
        for (value, people) in changes {
            let bins = &mut self.histogram.bins;
            match bins[..known].binary_search_by_key(&value, |bin| bin.value) {
                Ok(place) => bins[place].current += people,
                Err(_) => {
                    bins.push(Bin {
                        value,
                        current: people,
                        released: 0,
                    });
                    self.written.push(None);
                }
            }
        }
        if self.histogram.bins.len() > known {
            self.sort();
        }
    }

    fn sort(&mut self) {
        let bins = std::mem::take(&mut self.histogram.bins).into_iter();
        let mut pairs: Vec<_> = bins.zip(self.written.drain(..)).collect();
        pairs.sort_unstable_by_key(|(bin, _)| bin.value);
        (self.histogram.bins, self.written) = pairs.into_iter().unzip();
    }
}

/// The histograms of these cells, with the changes.
pub fn read(name: &Name, cells: Vec<i32>, changes: &Changes) -> BTreeMap<i32, Kept> {
    let mut kept: BTreeMap<i32, Kept> = BTreeMap::new();
    if !cells.is_empty() {
        let statement = format!(
            "SELECT cell, value, current, released, ctid FROM {} WHERE cell = ANY ($1)",
            name.of("_histogram")
        );
        let types = [
            pg_sys::INT4OID,
            pg_sys::NUMERICOID,
            pg_sys::INT8OID,
            pg_sys::INT8OID,
            pg_sys::TIDOID,
        ];
        rows::each(&statement, &[cells.into()], &types, |row| {
            let found = (row.integer(0), row.numeric(1), row.bigint(2), row.bigint(3));
            if let ((Some(cell), Some(value), Some(current), Some(released)), Some(place)) =
                (found, row.place(4))
            {
                let cell = kept.entry(cell).or_default();
                cell.histogram.bins.push(Bin {
                    value: value.decimal(),
                    current,
                    released,
                });
                cell.written.push(Some(Written {
                    place,
                    current,
                    released,
                }));
            }
        });
    }
    for cell in kept.values_mut() {
        cell.sort();
    }
    for (cell, values) in &changes.values {
        let values = values
            .iter()
            .map(|(value, people)| (value.decimal(), *people));
        kept.entry(*cell).or_default().change(values);
    }
    kept
}

/// Writes what differs from what was read. A bin that nobody is in, and nobody was in, goes.
pub fn write(client: &mut SpiClient, name: &Name, kept: &BTreeMap<i32, Kept>) {
    let (mut came, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (cell, kept) in kept {
        for (bin, written) in kept.histogram.bins.iter().zip(&kept.written) {
            let is_empty = bin.current == 0 && bin.released == 0;
            match written {
                Some(written) if is_empty => gone.push(written.place),
                Some(written)
                    if (written.current, written.released) != (bin.current, bin.released) =>
                {
                    changed.push((written.place, bin));
                }
                None if !is_empty => came.push((*cell, bin)),
                _ => {}
            }
        }
    }
    let histogram = name.of("_histogram");
    if !gone.is_empty() {
        let statement = format!("DELETE FROM {histogram} WHERE ctid = ANY ($1)");
        query(client, &statement, &[places(gone.into_iter())]);
    }
    let counts = |of: &mut dyn Iterator<Item = &Bin>| -> (Vec<i64>, Vec<i64>) {
        of.map(|bin| (bin.current, bin.released)).unzip()
    };
    if !changed.is_empty() {
        let (current, released) = counts(&mut changed.iter().map(|(_, bin)| *bin));
        query(
            client,
            &format!(
                "UPDATE {histogram} AS bin SET current = new.current, released = new.released
                 FROM unnest($1, $2, $3) AS new (place, current, released) WHERE bin.ctid = new.place"
            ),
            &[
                places(changed.iter().map(|(place, _)| *place)),
                current.into(),
                released.into(),
            ],
        );
    }
    if !came.is_empty() {
        let cells: Vec<i32> = came.iter().map(|(cell, _)| *cell).collect();
        let (current, released) = counts(&mut came.iter().map(|(_, bin)| *bin));
        query(
            client,
            &format!(
                "INSERT INTO {histogram} (cell, value, current, released) SELECT * FROM unnest($1, $2, $3, $4)"
            ),
            &[
                cells.into(),
                numerics(came.iter().map(|(_, bin)| Value::from(bin.value))),
                current.into(),
                released.into(),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::histogram::of_values;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn changes_in_any_order_give_the_histogram_of_the_values(
            before in prop::collection::vec(0i64..9, 0..20),
            came in prop::collection::vec(0i64..12, 0..20)
        ) {
            let histogram = of_values(&before);
            let place = |number: usize| Some(Written { place: [number as u8; 6], current: 0, released: 0 });
            let mut kept = Kept {
                written: (0..histogram.bins.len()).map(place).collect(),
                histogram,
            };
            let known: Vec<Decimal> = kept.histogram.bins.iter().map(|bin| bin.value).collect();
            let more = of_values(&came).bins;
            kept.change(more.iter().rev().map(|bin| (bin.value, bin.current)));
            let all: Vec<i64> = before.iter().chain(&came).copied().collect();
            prop_assert_eq!(&kept.histogram.bins, &of_values(&all).bins);
            // Each row is still that of its value.
            for (bin, written) in kept.histogram.bins.iter().zip(&kept.written) {
                let row = known.iter().position(|value| *value == bin.value);
                prop_assert_eq!(written.map(|row| row.place[0] as usize), row);
            }
        }
    }
}
