//! A cell's exact histogram: how many people have each value now, and how many had it in the
//! cell's last release. Everything that is published is computed from it. Free of Postgres.

use super::decimal::Decimal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    pub value: Decimal,
    pub current: i64,
    pub released: i64,
}

/// Bins in ascending order of value.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    pub bins: Vec<Bin>,
}

impl Histogram {
    pub fn of(mut values: Vec<Decimal>) -> Histogram {
        values.sort_unstable();
        let mut histogram = Histogram::default();
        for value in values {
            match histogram.bins.last_mut() {
                Some(bin) if bin.value == value => bin.current += 1,
                _ => histogram.bins.push(Bin {
                    value,
                    current: 1,
                    released: 0,
                }),
            }
        }
        histogram
    }

    pub fn count(&self) -> i64 {
        self.bins.iter().map(|bin| bin.current).sum()
    }

    pub fn sum(&self) -> Decimal {
        self.bins.iter().fold(Decimal::ZERO, |sum, bin| {
            sum.plus(bin.value.times(bin.current))
        })
    }

    /// How many values one would have to exchange, add or take away to get from the last release
    /// to the present: the fewest values that a comparison of the two releases can be about.
    pub fn distance_from_release(&self) -> i64 {
        let (mut came, mut went) = (0, 0);
        for bin in &self.bins {
            came += (bin.current - bin.released).max(0);
            went += (bin.released - bin.current).max(0);
        }
        came.max(went)
    }

    pub fn most_frequent(&self) -> i64 {
        self.bins.iter().map(|bin| bin.current).max().unwrap_or(0)
    }

    /// The `how_many` values that are largest in size, with repetitions.
    pub fn largest(&self, how_many: i64) -> Vec<Decimal> {
        let mut sizes: Vec<(Decimal, i64)> = self
            .bins
            .iter()
            .filter(|bin| bin.current > 0)
            .map(|bin| (bin.value.abs(), bin.current))
            .collect();
        sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        let mut largest = Vec::new();
        for (size, count) in sizes {
            for _ in 0..count.min(how_many - largest.len() as i64) {
                largest.push(size);
            }
        }
        largest
    }

    pub fn sum_of_sizes(&self) -> Decimal {
        self.bins.iter().fold(Decimal::ZERO, |sum, bin| {
            sum.plus(bin.value.abs().times(bin.current))
        })
    }

    /// The finest power of ten that any value uses.
    pub fn granularity(&self) -> i32 {
        self.bins
            .iter()
            .filter(|bin| bin.current > 0)
            .map(|bin| bin.value.granularity())
            .min()
            .unwrap_or(0)
    }

    /// The sum of the order statistics `start .. start + length`, counted from 0.
    fn sum_of_window(&self, start: i64, length: i64) -> Decimal {
        let (mut sum, mut position) = (Decimal::ZERO, 0);
        for bin in &self.bins {
            let from = position.max(start);
            position += bin.current;
            let to = position.min(start + length);
            if to > from {
                sum = sum.plus(bin.value.times(to - from));
            }
        }
        sum
    }

    /// The quantile `numerator / denominator`, smoothed; None where fewer than `k` people lie on one
    /// side of it. The median is smoothed over `k` people in any case.
    pub fn quantile(&self, numerator: i64, denominator: i64, k: i64) -> Option<Decimal> {
        let tail = numerator.min(denominator - numerator);
        let is_middle = numerator * 2 == denominator;
        (is_middle || tail * self.count() >= k * denominator)
            .then(|| self.smoothed_quantile(numerator, denominator, k))
    }

    /// The mean of the `k` order statistics around the quantile `numerator / denominator`; for the
    /// median one more where `k` of them cannot lie evenly around the middle.
    fn smoothed_quantile(&self, numerator: i64, denominator: i64, k: i64) -> Decimal {
        let count = self.count();
        let is_middle = numerator * 2 == denominator;
        let length = if is_middle && (count - k) % 2 != 0 {
            k + 1
        } else {
            k
        }
        .min(count);
        // The quantile lies at (count - 1) * q; the window is centred there.
        let twice_centre = 2 * (count - 1) * numerator / denominator;
        let start = ((twice_centre - (length - 1)) / 2).clamp(0, count - length);
        self.sum_of_window(start, length).divided_by(length)
    }
}

#[cfg(test)]
pub fn of_values(values: &[i64]) -> Histogram {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let mut histogram = Histogram::default();
    for value in sorted {
        let value = Decimal::from_int(value);
        match histogram.bins.last_mut() {
            Some(bin) if bin.value == value => bin.current += 1,
            _ => histogram.bins.push(Bin {
                value,
                current: 1,
                released: 0,
            }),
        }
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn count_sum_and_median_window_equal_a_sort(values in prop::collection::vec(-50i64..50, 5..60), k in 2i64..6) {
            let histogram = of_values(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(histogram.count(), values.len() as i64);
            prop_assert_eq!(histogram.sum(), Decimal::from_int(values.iter().sum()));
            let n = values.len() as i64;
            let length = if (n - k) % 2 == 0 { k } else { k + 1 }.min(n);
            let start = ((n - length) / 2) as usize;
            let window: i64 = sorted[start..start + length as usize].iter().sum();
            prop_assert_eq!(
                histogram.smoothed_quantile(1, 2, k),
                Decimal::from_int(window).divided_by(length)
            );
        }

        #[test]
        fn distance_counts_the_values_that_differ(before in prop::collection::vec(0i64..5, 0..20), after in prop::collection::vec(0i64..5, 0..20)) {
            let mut histogram = of_values(&after);
            for value in &before {
                let value = Decimal::from_int(*value);
                match histogram.bins.iter_mut().find(|bin| bin.value == value) {
                    Some(bin) => bin.released += 1,
                    None => histogram.bins.push(Bin { value, current: 0, released: 1 }),
                }
            }
            let mut rest = after.clone();
            let mut went = 0;
            for value in &before {
                match rest.iter().position(|other| other == value) {
                    Some(place) => { rest.swap_remove(place); }
                    None => went += 1,
                }
            }
            prop_assert_eq!(histogram.distance_from_release(), went.max(rest.len() as i64));
        }
    }
}
