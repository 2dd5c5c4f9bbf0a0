//! Policy `threshold`: whether a cell may be published on its own, and with which figures.
//! Free of Postgres.

use super::decimal::Decimal;
use super::histogram::Histogram;

/// p% rule: whoever has the second largest value must not be able to estimate the largest to
/// within this share of it.
const PRIOR_POSTERIOR_TENTHS: i64 = 1;
/// (n,k) rule: the two largest must not hold more than this many twentieths of the total.
const DOMINANCE_TWENTIETHS: i64 = 17;

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub k: i64,
    /// The declared range of a bounded measure; without one the dominance rules apply.
    pub range: Option<(Decimal, Decimal)>,
    /// The count is rounded down to a multiple of this.
    pub band: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Exact, and not published.
    pub people: i64,
    pub contributors: i64,
    pub average: Decimal,
    pub median: Option<Decimal>,
    pub p25: Option<Decimal>,
    pub p75: Option<Decimal>,
    pub p90: Option<Decimal>,
}

/// Whether a sum over these people may be known.
pub fn is_fit(histogram: &Histogram, rules: &Rules) -> bool {
    histogram.count() >= rules.k
        && !is_nearly_unanimous(histogram)
        && (rules.range.is_some() || !is_dominated(histogram))
}

/// The figures of a cell, or None where it must be withheld.
pub fn figures(histogram: &Histogram, rules: &Rules) -> Option<Figures> {
    if !is_fit(histogram, rules) {
        return None;
    }
    let count = histogram.count();
    let average = histogram.sum().divided_by(count);
    let exponent = step(histogram, average, rules);
    let quantile = |numerator: i64, denominator: i64| {
        let value = histogram.quantile(numerator, denominator, rules.k)?;
        Some(value.rounded(exponent))
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

/// All, or all but one, have the same value: the average would tell it.
fn is_nearly_unanimous(histogram: &Histogram) -> bool {
    histogram.count() - histogram.most_frequent() <= 1
}

fn is_dominated(histogram: &Histogram) -> bool {
    let total = histogram.sum_of_sizes();
    let largest = histogram.largest(2);
    let [first, second] = largest[..] else {
        return true;
    };
    let rest = total.minus(first).minus(second);
    let by_p_percent = rest < first.times(PRIOR_POSTERIOR_TENTHS).divided_by(10);
    let by_share = first.plus(second) > total.divided_by(20).times(DOMINANCE_TWENTIETHS);
    by_p_percent || by_share
}

/// The power of ten that figures are rounded to. Never finer than the values themselves, because
/// then an average's digits would tell the number of people it was divided by; coarser still where
/// the range of the measure allows: 1 % of a declared range, else two digits.
pub fn step(histogram: &Histogram, average: Decimal, rules: &Rules) -> i32 {
    let coarse = match rules.range {
        Some((minimum, maximum)) => {
            let percent = maximum.minus(minimum).divided_by(100);
            let exponent = percent.magnitude().unwrap_or(0);
            if percent == power_of_ten(exponent) {
                exponent
            } else {
                exponent + 1
            }
        }
        None => average.magnitude().unwrap_or(0) - 1,
    };
    coarse.max(histogram.granularity())
}

fn power_of_ten(exponent: i32) -> Decimal {
    let text = if exponent >= 0 {
        format!("1{}", "0".repeat(exponent as usize))
    } else {
        format!("0.{}1", "0".repeat((-exponent - 1) as usize))
    };
    Decimal::parse(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::histogram::of_values;
    use super::*;

    const SCORES: Rules = Rules {
        k: 5,
        range: Some((Decimal::ZERO, Decimal::from_int(100))),
        band: 5,
    };
    const MONEY: Rules = Rules {
        k: 5,
        range: None,
        band: 5,
    };

    fn published(values: &[i64], rules: &Rules) -> Option<(i64, String, String)> {
        figures(&of_values(values), rules).map(|cell| {
            (
                cell.contributors,
                cell.average.to_string(),
                cell.median.unwrap().to_string(),
            )
        })
    }

    #[test]
    fn four_scores_publish_nothing_and_five_do() {
        assert_eq!(published(&[50, 60, 70, 80], &SCORES), None);
        let cell = (5, "70".to_owned(), "70".to_owned());
        assert_eq!(published(&[50, 60, 70, 80, 90], &SCORES), Some(cell));
    }

    #[test]
    fn the_median_of_five_is_nobodys_score() {
        // {12, 35, 61, 70, 94}: 61 is one person's score.
        let (_, average, median) = published(&[12, 35, 61, 70, 94], &SCORES).unwrap();
        assert_eq!((average.as_str(), median.as_str()), ("54", "54"));
    }

    #[test]
    fn average_and_median_together_do_not_determine_five_scores() {
        let shown = figures(&of_values(&[80, 80, 80, 100, 100]), &SCORES).unwrap();
        // Every other group of five on the grid of tens that shows the same figures.
        let mut groups = 0;
        let grid: Vec<i64> = (0..=10).map(|tens| tens * 10).collect();
        for a in &grid {
            for b in grid.iter().filter(|b| *b >= a) {
                for c in grid.iter().filter(|c| *c >= b) {
                    for d in grid.iter().filter(|d| *d >= c) {
                        for e in grid.iter().filter(|e| *e >= d) {
                            let other = figures(&of_values(&[*a, *b, *c, *d, *e]), &SCORES);
                            groups += i32::from(other.as_ref() == Some(&shown));
                        }
                    }
                }
            }
        }
        assert!(groups > 5, "only {groups} groups are possible");
    }

    #[test]
    fn a_dominated_sum_of_money_is_withheld() {
        assert_eq!(
            published(&[1_000_000, 1000, 1000, 1000, 1000], &MONEY),
            None
        );
        assert_eq!(
            published(&[900_000, 800_000, 1000, 2000, 3000, 4000], &MONEY),
            None
        );
        assert!(published(&[100, 120, 90, 110, 95], &MONEY).is_some());
    }

    #[test]
    fn unanimous_and_nearly_unanimous_groups_are_withheld() {
        assert_eq!(published(&[66; 9], &SCORES), None);
        assert_eq!(published(&[66, 66, 66, 66, 66, 66, 12], &SCORES), None);
        assert!(published(&[66, 66, 66, 66, 66, 12, 13], &SCORES).is_some());
    }

    #[test]
    fn the_averages_digits_do_not_tell_that_there_are_seven() {
        let values = [51, 62, 63, 74, 75, 86, 97];
        let (contributors, average, _) = published(&values, &SCORES).unwrap();
        assert_eq!(contributors, 5);
        let average: i64 = average.parse().expect("a whole number");
        // Every number of people of the band can have this average.
        for people in 5..=9i64 {
            let sums =
                (0..=100 * people).filter(|sum| (2 * sum + people) / (2 * people) == average);
            assert!(sums.count() > 1, "{people} people cannot average {average}");
        }
    }

    #[test]
    fn a_quantile_needs_k_people_beyond_it() {
        let people: Vec<i64> = (0..19).collect();
        assert_eq!(figures(&of_values(&people), &SCORES).unwrap().p25, None);
        let people: Vec<i64> = (0..20).collect();
        let cell = figures(&of_values(&people), &SCORES).unwrap();
        assert!(cell.p25.is_some() && cell.p75.is_some() && cell.p90.is_none());
        let people: Vec<i64> = (0..50).collect();
        assert!(figures(&of_values(&people), &SCORES).unwrap().p90.is_some());
    }

    #[test]
    fn figures_are_rounded_to_one_percent_of_the_range_and_never_finer_than_the_values() {
        let exponent = |minimum: &str, maximum: &str| {
            let range = (
                Decimal::parse(minimum).unwrap(),
                Decimal::parse(maximum).unwrap(),
            );
            step(
                &Histogram::default(),
                Decimal::ZERO,
                &Rules {
                    k: 5,
                    range: Some(range),
                    band: 5,
                },
            )
        };
        assert_eq!(exponent("0", "100"), 0);
        assert_eq!(exponent("0", "101"), 1);
        assert_eq!(exponent("0", "1000"), 1);
        // whole numbers between 0 and 10 are not shown in tenths
        assert_eq!(exponent("0", "10"), 0);
    }
}
