//! Exact decimals: 30 digits before the point and 30 after it, so that sums and averages of money
//! and scores have no rounding of their own. Free of Postgres.

use std::fmt;

/// 10^30: how many units of `fraction` make a whole.
const UNIT: i128 = 1_000_000_000_000_000_000_000_000_000_000;
/// `whole + fraction / 10^30`, with `0 <= fraction < 10^30`, so that the derived order is the
/// numbers' order. Sums of up to 10^8 values stay within range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal {
    whole: i128,
    fraction: i128,
}

impl Decimal {
    /// How many there are before the point, and after it.
    pub const DIGITS: usize = 30;

    pub const ZERO: Decimal = Decimal {
        whole: 0,
        fraction: 0,
    };

    pub const fn from_int(whole: i64) -> Decimal {
        Decimal {
            whole: whole as i128,
            fraction: 0,
        }
    }

    /// Reads what Postgres writes for a numeric; None for NaN, infinities and what does not fit.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() > Decimal::DIGITS || fraction.len() > Decimal::DIGITS || digits.is_empty() {
            return None;
        }
        let number = |part: &str| {
            part.bytes().try_fold(0i128, |sum, byte| match byte {
                b'0'..=b'9' => Some(sum * 10 + i128::from(byte - b'0')),
                _ => None,
            })
        };
        let scale = 10i128.pow((Decimal::DIGITS - fraction.len()) as u32);
        let value = Decimal {
            whole: number(whole)?,
            fraction: number(fraction)? * scale,
        };
        Some(if negative { value.negated() } else { value })
    }

    /// Postgres' own digits in units of 1/10,000, where that is a whole number of at most 16 digits:
    /// a short cut past the wide arithmetic for nearly all numbers.
    pub fn ten_thousandths_of_digits(
        is_negative: bool,
        weight: i32,
        digits: impl Iterator<Item = i16>,
    ) -> Option<i64> {
        if !(-1..=2).contains(&weight) {
            return None;
        }
        let (mut sum, mut power) = (0i64, weight + 1);
        for digit in digits {
            if power < 0 {
                return None;
            }
            sum = sum * 10_000 + i64::from(digit);
            power -= 1;
        }
        while power >= 0 {
            sum *= 10_000;
            power -= 1;
        }
        Some(if is_negative { -sum } else { sum })
    }

    /// From Postgres' own digits in base 10,000; the first one counts 10,000^weight.
    pub fn from_digits(
        is_negative: bool,
        weight: i32,
        digits: impl Iterator<Item = i16>,
    ) -> Option<Decimal> {
        let (mut whole, mut fraction) = (0i128, 0i128);
        for (position, digit) in (0..).zip(digits) {
            let digit = i128::from(digit);
            match weight - position {
                power @ 0..=7 => whole += digit * 10_000i128.pow(power as u32),
                power @ -7..=-1 => {
                    fraction += digit * 10i128.pow((Decimal::DIGITS as i32 + 4 * power) as u32)
                }
                // Half of this digit is beyond the 30th decimal.
                -8 if digit % 100 == 0 => fraction += digit / 100,
                _ if digit == 0 => {}
                _ => return None,
            }
        }
        let value = Decimal { whole, fraction };
        (whole < UNIT).then(|| if is_negative { value.negated() } else { value })
    }

    /// In units of 1/10,000, where it is a whole number of them and fits.
    pub fn ten_thousandths(self) -> Option<i64> {
        if self.fraction == 0 {
            return i64::try_from(self.whole).ok()?.checked_mul(10_000);
        }
        let step = UNIT / 10_000;
        (self.fraction % step == 0 && self.whole.unsigned_abs() < 1 << 49)
            .then(|| (self.whole * 10_000 + self.fraction / step) as i64)
    }

    pub fn from_ten_thousandths(number: i64) -> Decimal {
        Decimal {
            whole: i128::from(number.div_euclid(10_000)),
            fraction: i128::from(number.rem_euclid(10_000)) * (UNIT / 10_000),
        }
    }

    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.whole.to_le_bytes());
        bytes[16..].copy_from_slice(&self.fraction.to_le_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Decimal> {
        let whole = i128::from_le_bytes(bytes.get(..16)?.try_into().ok()?);
        let fraction = i128::from_le_bytes(bytes.get(16..32)?.try_into().ok()?);
        Some(Decimal { whole, fraction })
    }

    /// As text with at least this many decimals.
    pub fn with_decimals(self, decimals: i32) -> String {
        let text = self.to_string();
        let written = text
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        let missing = (decimals.max(0) as usize).saturating_sub(written);
        match (missing, written) {
            (0, _) => text,
            (_, 0) => format!("{text}.{}", "0".repeat(missing)),
            _ => text + &"0".repeat(missing),
        }
    }

    fn carried(whole: i128, fraction: i128) -> Decimal {
        // Dividing is what arithmetic of this width spends its time on.
        if (0..UNIT).contains(&fraction) {
            return Decimal { whole, fraction };
        }
        Decimal {
            whole: whole + fraction.div_euclid(UNIT),
            fraction: fraction.rem_euclid(UNIT),
        }
    }

    pub fn negated(self) -> Decimal {
        Decimal::carried(-self.whole, -self.fraction)
    }

    pub fn abs(self) -> Decimal {
        if self.whole < 0 { self.negated() } else { self }
    }

    pub fn plus(self, other: Decimal) -> Decimal {
        Decimal::carried(self.whole + other.whole, self.fraction + other.fraction)
    }

    pub fn minus(self, other: Decimal) -> Decimal {
        Decimal::carried(self.whole - other.whole, self.fraction - other.fraction)
    }

    pub fn times(self, count: i64) -> Decimal {
        let count = i128::from(count);
        Decimal::carried(self.whole * count, self.fraction * count)
    }

    /// The quotient, rounded down in the 30th decimal.
    pub fn divided_by(self, count: i64) -> Decimal {
        let count = i128::from(count);
        let rest = self.whole.rem_euclid(count);
        Decimal::carried(
            self.whole.div_euclid(count),
            (rest * UNIT + self.fraction) / count,
        )
    }

    /// The nearest multiple of 10^exponent, halves up.
    pub fn rounded(self, exponent: i32) -> Decimal {
        let exponent = exponent.clamp(-(Decimal::DIGITS as i32), Decimal::DIGITS as i32);
        if exponent > 0 {
            let step = 10i128.pow(exponent as u32);
            let half_up = self.whole + step / 2;
            return Decimal {
                whole: half_up.div_euclid(step) * step,
                fraction: 0,
            };
        }
        let step = 10i128.pow((Decimal::DIGITS as i32 + exponent) as u32);
        let fraction = (self.fraction + step / 2).div_euclid(step) * step;
        Decimal::carried(self.whole, fraction)
    }

    /// The exponent of the first digit that is not zero; None for zero.
    pub fn magnitude(self) -> Option<i32> {
        let positive = self.abs();
        if positive.whole > 0 {
            Some(positive.whole.ilog10() as i32)
        } else if positive.fraction > 0 {
            Some(positive.fraction.ilog10() as i32 - Decimal::DIGITS as i32)
        } else {
            None
        }
    }

    /// The exponent of the last digit after the point that is not zero; 0 for whole numbers.
    pub fn granularity(self) -> i32 {
        let mut fraction = self.fraction;
        if fraction == 0 {
            return 0;
        }
        let mut exponent = -(Decimal::DIGITS as i32);
        while fraction % 10 == 0 {
            fraction /= 10;
            exponent += 1;
        }
        exponent
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positive = self.abs();
        if self.whole < 0 {
            formatter.write_str("-")?;
        }
        write!(formatter, "{}", positive.whole)?;
        if positive.fraction != 0 {
            let digits = format!("{:030}", positive.fraction);
            write!(formatter, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn thirty_digits_on_both_sides_come_back_unchanged() {
        let text = "-123456789012345678901234567890.098765432109876543210987654321";
        assert_eq!(decimal(text).to_string(), text);
    }

    #[test]
    fn what_is_no_number_or_too_long_is_refused() {
        for text in [
            "NaN",
            "Infinity",
            "-Infinity",
            "",
            "1e5",
            "1234567890123456789012345678901",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn postgres_digits_are_read_exactly() {
        // 12345.67 is {1, 2345, 6700} with weight 1
        let read = Decimal::from_digits(true, 1, [1, 2345, 6700].into_iter());
        assert_eq!(read, Some(decimal("-12345.67")));
        let short = |weight, digits: &[i16]| {
            Decimal::ten_thousandths_of_digits(false, weight, digits.iter().copied())
        };
        assert_eq!(short(1, &[1, 2345, 6700]), Some(123_456_700));
        assert_eq!(short(2, &[9]), Some(9_000_000_000_000));
        assert_eq!(short(-1, &[500]), Some(500));
        assert_eq!(
            (short(-1, &[500, 1]), short(3, &[1]), short(0, &[])),
            (None, None, Some(0))
        );
        // 0.00005 is {5000} with weight -2
        assert_eq!(
            Decimal::from_digits(false, -2, [5000].into_iter()),
            Some(decimal("0.00005"))
        );
        assert_eq!(
            Decimal::from_digits(false, -8, [100].into_iter()),
            decimal("0.000000000000000000000000000001").into()
        );
        assert_eq!(Decimal::from_digits(false, -8, [1].into_iter()), None);
        assert_eq!(Decimal::from_digits(false, 7, [100].into_iter()), None);
    }

    #[test]
    fn halves_are_rounded_up_and_exponents_of_both_signs_work() {
        assert_eq!(decimal("62.5").rounded(0).to_string(), "63");
        assert_eq!(decimal("-62.5").rounded(0).to_string(), "-62");
        assert_eq!(decimal("0.0649").rounded(-2).to_string(), "0.06");
        assert_eq!(decimal("1249").rounded(2).to_string(), "1200");
        assert_eq!(decimal("0.999").rounded(-2).to_string(), "1");
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_integers(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000, n in 1i64..10_000) {
            // a and b are hundredths
            let of = |x: i64| decimal(&format!("{}{}.{:02}", if x < 0 { "-" } else { "" }, x.abs() / 100, x.abs() % 100));
            prop_assert_eq!(of(a).plus(of(b)), of(a + b));
            prop_assert_eq!(of(a).minus(of(b)), of(a - b));
            prop_assert_eq!(of(a).times(n), of(a * n));
            prop_assert_eq!(of(a * n).divided_by(n), of(a));
            prop_assert_eq!(of(a).cmp(&of(b)), a.cmp(&b));
            prop_assert_eq!(of(a).ten_thousandths(), Some(a * 100));
            prop_assert_eq!(Decimal::from_ten_thousandths(a * 100), of(a));
            prop_assert_eq!(Decimal::from_bytes(&of(a).to_bytes()), Some(of(a)));
            prop_assert_eq!(of(a).rounded(0), Decimal::from_int((a + 50).div_euclid(100)));
        }
    }
}
