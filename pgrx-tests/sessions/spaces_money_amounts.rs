//! What holds of all amounts, fees and periods. The oracles count in whole units.

use super::cluster::{Cluster, Database};
use postgres::Client;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;

/// Tries 500 values, with the module at hand.
fn property<S: Strategy>(
    strategy: S,
    holds: impl Fn(&mut Client, S::Value) -> Result<(), TestCaseError>,
) {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    let client = RefCell::new(database.connect());
    let config = Config {
        cases: 500,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&strategy, |value| holds(&mut client.borrow_mut(), value))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn text(client: &mut Client, sql: &str) -> String {
    client.query_one(sql, &[]).expect(sql).get(0)
}

#[test]
fn a_quotient_is_rounded_to_the_nearest_and_from_the_middle_to_the_even() {
    let strategy = (
        -1_000_000_000_000_000_i128..1_000_000_000_000_000,
        1..1_000_000_i128,
        0..5_u32,
    );
    property(strategy, |client, (units, divisor, decimals)| {
        // units / 10^4 / (divisor / 10^3), in units of 10^-decimals.
        let (n, d) = (units * 10_i128.pow(decimals), 10 * divisor);
        let (whole, twice) = (n.div_euclid(d), 2 * n.rem_euclid(d));
        let up = twice > d || (twice == d && whole.rem_euclid(2) == 1);
        let wanted = whole + i128::from(up);
        let got = text(client, &format!(
            "SELECT (spaces.round_half_even({units}::numeric * 0.0001, {decimals}, {divisor}::numeric * 0.001)
                     * 1e{decimals})::numeric(40)::text"
        ));
        prop_assert_eq!(got, wanted.to_string());
        Ok(())
    });
}

#[test]
fn what_a_donor_covers_leaves_the_target_the_amount_and_the_processor_its_rate_of_all() {
    let strategy = (1..10_000_000_i128, 0..300_i128, 0..100_i128, any::<bool>());
    property(strategy, |client, (cents, rate, fixed, covers)| {
        let fee = text(client, &format!(
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

#[test]
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
    property(
        strategy,
        |client, (seconds, (interval, months), number, zone)| {
            client
                .batch_execute(&format!("SET timezone = '{zone}'"))
                .expect("a time zone");
            let right = text(client, &format!(
            "SELECT (extract(year FROM p) * 12 + extract(month FROM p)
                       = extract(year FROM a) * 12 + extract(month FROM a) + {months} * {number}
                     AND p::time = a::time
                     AND extract(day FROM p) = least(extract(day FROM a),
                         extract(day FROM date_trunc('month', p) + interval '1 month' - interval '1 day')))::text
             FROM (SELECT to_timestamp({seconds} + 1700000000::bigint) AT TIME ZONE 'UTC' AS a,
                          spaces.period_start(to_timestamp({seconds} + 1700000000::bigint), '{interval}', {number})
                              AT TIME ZONE 'UTC' AS p) AS periods"
        ));
            prop_assert_eq!(right, "true");
            Ok(())
        },
    );
}
