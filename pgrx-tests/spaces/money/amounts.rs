//! Claims about currencies, rounding, fees and periods. The oracles count in whole units.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    fn property<S: Strategy>(strategy: S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>) {
        let config = Config {
            cases: 500,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(config)
            .run(&strategy, holds)
            .unwrap_or_else(|failure| panic!("{failure}"));
    }

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
    fn a_quotient_is_rounded_to_the_nearest_and_from_the_middle_to_the_even() {
        let strategy = (
            -1_000_000_000_000_000_i128..1_000_000_000_000_000,
            1..1_000_000_i128,
            0..5_u32,
        );
        property(strategy, |(units, divisor, decimals)| {
            // units / 10^4 / (divisor / 10^3), in units of 10^-decimals.
            let (n, d) = (units * 10_i128.pow(decimals), 10 * divisor);
            let (whole, twice) = (n.div_euclid(d), 2 * n.rem_euclid(d));
            let up = twice > d || (twice == d && whole.rem_euclid(2) == 1);
            let wanted = whole + i128::from(up);
            let got = text(&format!(
                "SELECT (spaces.round_half_even({units}::numeric * 0.0001, {decimals}, {divisor}::numeric * 0.001)
                         * 1e{decimals})::numeric(40)::text"
            ));
            prop_assert_eq!(got, wanted.to_string());
            Ok(())
        });
    }

    #[pg_test]
    fn a_middle_goes_to_the_even_digit() {
        let cases = "SELECT string_agg(spaces.round_half_even(n, 2)::text, ' ' ORDER BY n)
             FROM (VALUES (0.005), (0.015), (0.025), (0.0251), (-0.005), (-0.015)) AS v (n)";
        assert_eq!(text(cases), "-0.02 0.00 0.00 0.02 0.02 0.03");
    }

    #[pg_test]
    fn what_a_donor_covers_leaves_the_target_the_amount_and_the_processor_its_rate_of_all() {
        let strategy = (1..10_000_000_i128, 0..300_i128, 0..100_i128, any::<bool>());
        property(strategy, |(cents, rate, fixed, covers)| {
            let fee = text(&format!(
                "SELECT (100 * spaces.donation_fee({cents}::numeric * 0.01, 'USD', {rate}::numeric * 0.001,
                                                   {fixed}::numeric * 0.01, {covers}))::numeric(40)::text"
            ));
            let fee: i128 = fee.parse().expect("whole cents");
            // The rate is of what is charged, and the fee is off by half a cent at most.
            let charged = if covers { cents + fee } else { cents };
            let exact = charged * rate + fixed * 1000;
            let wide = if covers { 1000 - rate } else { 1000 };
            prop_assert!(
                2 * (fee * 1000 - exact).abs() <= wide,
                "{} of {}",
                fee,
                cents
            );
            Ok(())
        });
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

    #[pg_test]
    fn periods_follow_one_another_in_whole_months_on_the_anchors_day_in_every_time_zone() {
        let strategy = (
            0..1_000_000_000_i64,
            proptest::sample::select(vec![("month", 1), ("quarter", 3), ("year", 12)]),
            0..200_i32,
            proptest::sample::select(vec![
                "UTC",
                "America/New_York",
                "Pacific/Kiritimati",
                "Asia/Kathmandu",
            ]),
        );
        property(strategy, |(seconds, (interval, months), number, zone)| {
            run(&format!("SET LOCAL timezone = '{zone}'"));
            let right = text(&format!(
                "SELECT (extract(year FROM p) * 12 + extract(month FROM p)
                           = extract(year FROM a) * 12 + extract(month FROM a) + {months} * {number}
                         AND p::time = a::time
                         AND extract(day FROM p) = least(extract(day FROM a),
                             extract(day FROM date_trunc('month', p) + interval '1 month' - interval '1 day')))::text
                 FROM (SELECT to_timestamp({seconds} + 1700000000) AT TIME ZONE 'UTC' AS a,
                              spaces.period_start(to_timestamp({seconds} + 1700000000), '{interval}', {number})
                                  AT TIME ZONE 'UTC' AS p) AS periods"
            ));
            run("SET LOCAL timezone = 'UTC'");
            prop_assert_eq!(right, "true");
            Ok(())
        });
    }
}
