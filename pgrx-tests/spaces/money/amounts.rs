//! Claims about currencies, rounding, fees and periods. Properties are in `sessions/spaces_money_amounts.rs`.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn fits(amount: &str, currency: &str) -> String {
        text(&format!(
            "SELECT spaces.fits_currency({amount}, '{currency}')::text"
        ))
    }

    #[pg_test]
    fn an_amount_has_at_most_the_decimals_of_its_currency() {
        for (amount, currency, wanted) in [
            ("10", "JPY", "true"),
            ("10.0000", "JPY", "true"),
            ("10.5", "JPY", "false"),
            ("10.55", "EUR", "true"),
            ("10.555", "EUR", "false"),
            ("10.555", "KWD", "true"),
            ("10.5555", "KWD", "false"),
            ("10.5555", "UYW", "true"),
            ("'NaN'", "EUR", "false"),
            ("10", "XYZ", "false"),
            ("10", "eur", "false"),
            // Gold has a code and no decimals of its own.
            ("10", "XAU", "false"),
        ] {
            assert_eq!(fits(amount, currency), wanted, "{amount} {currency}");
        }
        assert_eq!(fits("NULL", "EUR"), "");
        let known = "SELECT count(*)::text FROM generate_series(0, 26 * 26 * 26 - 1) n
             WHERE spaces.valid_currency(chr(65 + n / 676) || chr(65 + n / 26 % 26) || chr(65 + n % 26))";
        assert_eq!(text(known), "165");
    }

    #[pg_test]
    fn a_middle_goes_to_the_even_digit() {
        let cases = "SELECT string_agg(spaces.round_half_even(n, 2)::text, ' ' ORDER BY n)
             FROM (VALUES (0.005), (0.015), (0.025), (0.0251), (-0.005), (-0.015)) AS v (n)";
        assert_eq!(text(cases), "-0.02 0.00 0.00 0.02 0.02 0.03");
    }

    #[pg_test]
    fn a_rate_of_all_and_more_is_no_rate() {
        for (amount, currency, rate, fixed) in [
            ("10", "USD", "1", "0"),
            ("10", "USD", "-0.1", "0"),
            ("10", "USD", "0.1", "-1"),
            ("0", "USD", "0.1", "0"),
            ("10.5", "JPY", "0.1", "0"),
        ] {
            let fee = format!(
                "SELECT spaces.donation_fee({amount}, '{currency}', {rate}, {fixed}, true)"
            );
            assert_eq!(outcome(As::Anonymous, &fee), "22023", "{fee}");
        }
    }

    fn starts(anchor: &str, interval: &str, number: i32) -> String {
        text(&format!(
            "SELECT to_char(spaces.period_start('{anchor}', '{interval}', {number}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"
        ))
    }

    #[pg_test]
    fn a_months_end_is_not_passed_on_to_longer_months() {
        let months: Vec<_> = (0..5)
            .map(|n| starts("2027-01-31 12:00Z", "month", n))
            .collect();
        let wanted =
            ["01-31", "02-28", "03-31", "04-30", "05-31"].map(|day| format!("2027-{day} 12:00"));
        assert_eq!(months, wanted);
        assert_eq!(starts("2024-02-29 00:00Z", "year", 1), "2025-02-28 00:00");
        assert_eq!(starts("2024-02-29 00:00Z", "year", 4), "2028-02-29 00:00");
        assert_eq!(
            starts("2026-11-30 23:59Z", "quarter", 1),
            "2027-02-28 23:59"
        );
        assert_eq!(starts("2026-12-31 23:59Z", "week", 1), "2027-01-07 23:59");
        assert_eq!(starts("2026-12-31 23:59Z", "day", 1), "");
    }
}
