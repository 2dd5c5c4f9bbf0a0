//! Claims about pledges and what becomes of their periods.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// A monthly pledge of 5 EUR that begins on 31 January 2040, noon in UTC.
    fn pledge(donor: &str, space: &str) -> String {
        let method = method(donor);
        text_as(
            As::Person(donor),
            &format!(
                "INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, payment_method_id, starts_at)
                 VALUES ('{donor}', 'space', '{space}', 'month', 5, 'EUR', '{method}', '2040-01-31 12:00Z') RETURNING id::text"
            ),
        )
    }

    /// The days for which a claim at this time hands out donations of the pledge.
    fn claimed(pledge: &str, at: &str) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT string_agg(to_char(period_start AT TIME ZONE 'UTC', 'MM-DD'), ' ' ORDER BY period_start)
                 FROM spaces.claim_due_pledges(1000, '{at}') WHERE pledge_id = '{pledge}'"
            ),
        )
    }

    fn of(pledge: &str, columns: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT concat_ws(' ', {columns}) FROM spaces.pledges WHERE id = '{pledge}'"
        ))
    }

    const NEXT: &str = "to_char(next_charge_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')";

    #[pg_test]
    fn each_period_is_claimed_once_and_the_next_begins_on_the_anchors_day() {
        let pledge = pledge(&person(), &space("public"));
        assert_eq!(claimed(&pledge, "2040-01-31 11:59Z"), "");
        assert_eq!(claimed(&pledge, "2040-01-31 12:00Z"), "01-31");
        assert_eq!(claimed(&pledge, "2040-01-31 12:00Z"), "");
        assert_eq!(of(&pledge, NEXT), "2040-02-29");
        // A worker that was away for two months charges one period after the other; the first
        // donation, which nobody has settled, is handed out again.
        assert_eq!(claimed(&pledge, "2040-03-31 12:00Z"), "01-31 02-29");
        assert_eq!(claimed(&pledge, "2040-03-31 12:00Z"), "03-31");
        assert_eq!(of(&pledge, NEXT), "2040-04-30");
        let donations = format!(
            "SELECT count(*)::text FROM spaces.donations WHERE pledge_id = '{pledge}' AND is_recurring"
        );
        assert_eq!(text(&donations), "3");
    }

    #[pg_test]
    fn a_donation_whose_worker_died_is_handed_out_again_until_it_is_settled() {
        let pledge = pledge(&person(), &space("public"));
        assert_eq!(claimed(&pledge, "2040-01-31 12:00Z"), "01-31");
        assert_eq!(claimed(&pledge, "2040-01-31 12:09Z"), "");
        assert_eq!(claimed(&pledge, "2040-01-31 12:10Z"), "01-31");
        run_as(
            As::Service,
            &format!(
                "SELECT spaces.complete_donation(id, 'ch_{pledge}') FROM spaces.donations WHERE pledge_id = '{pledge}'"
            ),
        );
        assert_eq!(claimed(&pledge, "2040-01-31 13:00Z"), "");
    }

    #[pg_test]
    fn two_donations_for_one_period_cannot_be() {
        let donor = person();
        let (space, id) = (space("public"), person());
        let pledge = pledge(&donor, &space);
        claimed(&pledge, "2040-01-31 12:00Z");
        let again = format!(
            "INSERT INTO spaces.donations (id, profile_id, target_type, target_id, amount, currency, is_recurring, pledge_id, period_start)
             VALUES ('{id}', '{donor}', 'space', '{space}', 5, 'EUR', true, '{pledge}', '2040-01-31 12:00Z')"
        );
        assert_eq!(outcome(As::Service, &again), "23505");
    }

    #[pg_test]
    fn the_donor_pauses_resumes_and_cancels_and_what_was_missed_is_not_charged() {
        let donor = person();
        let pledge = pledge(&donor, &space("public"));
        let set = |what: &str| {
            run_as(
                As::Person(&donor),
                &format!("UPDATE spaces.pledges SET {what} WHERE id = '{pledge}'"),
            );
        };
        claimed(&pledge, "2040-01-31 12:00Z");
        run_as(
            As::Service,
            &format!(
                "SELECT spaces.fail_donation(id, 'no') FROM spaces.donations WHERE pledge_id = '{pledge}'"
            ),
        );
        set("status = 'paused'");
        assert_eq!(of(&pledge, "status, next_charge_at"), "paused");
        assert_eq!(claimed(&pledge, "2040-06-30 12:00Z"), "");
        set("status = 'active'");
        assert_eq!(of(&pledge, NEXT), "2040-02-29");
        set("status = 'cancelled'");
        assert_eq!(
            of(&pledge, "status, cancelled_at = now(), next_charge_at"),
            "cancelled t"
        );
        assert_eq!(claimed(&pledge, "2040-06-30 12:00Z"), "");
        let revive = format!("UPDATE spaces.pledges SET status = 'active' WHERE id = '{pledge}'");
        assert_eq!(outcome(As::Person(&donor), &revive), "55000");
    }

    #[pg_test]
    fn a_pause_that_is_over_goes_on_with_the_next_period_that_begins() {
        let (donor, space) = (person(), space("public"));
        let pledge = text(&format!(
            "INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, status, created_at, starts_at)
             VALUES ('{donor}', 'space', '{space}', 'month', 5, 'EUR', 'paused', now() - interval '7 months', now() - interval '6 months 1 day')
             RETURNING id::text"
        ));
        run_as(
            As::Person(&donor),
            &format!("UPDATE spaces.pledges SET status = 'active' WHERE id = '{pledge}'"),
        );
        let next =
            "next_charge_at > now(), spaces.period_start(starts_at, interval, period - 1) < now()";
        assert_eq!(of(&pledge, next), "t t");
    }

    #[pg_test]
    fn what_was_promised_does_not_change() {
        let (donor, other) = (person(), person());
        let pledge = pledge(&donor, &space("public"));
        for set in [
            "amount = 500".to_owned(),
            "currency = 'USD'".to_owned(),
            "interval = 'week'".to_owned(),
            "starts_at = now()".to_owned(),
            "target_id = gen_random_uuid()".to_owned(),
            format!("profile_id = '{other}'"),
        ] {
            let change = format!("UPDATE spaces.pledges SET {set} WHERE id = '{pledge}'");
            assert_eq!(outcome(As::Service, &change), "55000", "{set}");
            assert_eq!(outcome(As::Person(&donor), &change), "42501", "{set}");
        }
        run(&format!(
            "UPDATE spaces.pledges SET next_charge_at = '2030-01-01' WHERE id = '{pledge}'"
        ));
        assert_eq!(of(&pledge, NEXT), "2040-01-31");
    }

    #[pg_test]
    fn a_pledge_begins_now_or_later_and_is_paid_with_the_donors_own_method() {
        let (donor, other, space) = (person(), person(), space("public"));
        let (own, anothers) = (method(&donor), method(&other));
        let promise = |method: &str, starts: &str, interval: &str| {
            outcome(
                As::Person(&donor),
                &format!(
                    "INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, payment_method_id, starts_at)
                     VALUES ('{donor}', 'space', '{space}', '{interval}', 5, 'EUR', '{method}', {starts})"
                ),
            )
        };
        assert_eq!(promise(&own, "now()", "month"), "1");
        assert_eq!(
            promise(&own, "now() - interval '10 years'", "month"),
            "23514"
        );
        assert_eq!(promise(&own, "now()", "day"), "23514");
        assert_eq!(promise(&anothers, "now()", "month"), "23503");
    }

    #[pg_test]
    fn without_a_usable_method_a_pledge_waits_and_without_a_target_it_ends() {
        let (donor, space, doomed) = (person(), space("public"), space("public"));
        let (waits, ends) = (pledge(&donor, &space), pledge(&donor, &doomed));
        run(&format!(
            "UPDATE spaces.payment_methods m SET status = 'expired' FROM spaces.pledges p
             WHERE m.id = p.payment_method_id AND p.id = '{waits}'"
        ));
        run(&format!(
            "DELETE FROM spaces.spaces s USING spaces.pledges p WHERE s.id = p.target_id AND p.id = '{ends}'"
        ));
        assert_eq!(claimed(&waits, "2040-02-01"), "");
        assert_eq!(of(&waits, NEXT), "2040-01-31");
        assert_eq!(of(&ends, "status"), "cancelled");
        run_as(
            As::Person(&donor),
            &format!(
                "DELETE FROM spaces.payment_methods m USING spaces.pledges p WHERE m.id = p.payment_method_id AND p.id = '{waits}'"
            ),
        );
        assert_eq!(of(&waits, "status, payment_method_id"), "active");
    }

    #[pg_test]
    fn with_the_donor_the_pledge_is_cancelled_and_the_method_gone() {
        let donor = person();
        let pledge = pledge(&donor, &space("public"));
        run(&format!("DELETE FROM auth.users WHERE id = '{donor}'"));
        assert_eq!(
            of(
                &pledge,
                "status, profile_id, payment_method_id, next_charge_at"
            ),
            "cancelled"
        );
        let methods = format!(
            "SELECT count(*)::text FROM spaces.payment_methods WHERE profile_id = '{donor}'"
        );
        assert_eq!(text(&methods), "0");
    }
}
