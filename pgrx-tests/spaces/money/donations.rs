//! Claims about donations and refunds.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn of(donation: &str, columns: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT concat_ws(' ', {columns}) FROM spaces.donations WHERE id = '{donation}'"
        ))
    }

    fn refund(donation: &str, key: &str, amount: &str) -> String {
        format!("SELECT id::text FROM spaces.refund_donation('{donation}', '{key}', {amount})")
    }

    #[pg_test]
    fn the_charge_and_what_arrives_follow_from_who_covers_the_fee() {
        let (donor, space) = (person(), space("public"));
        let covered = given(&donor, &space, "100", "USD", true);
        let shared = given(&donor, &space, "100", "USD", false);
        for id in [&covered, &shared] {
            run_as(
                As::Service,
                &format!(
                    "SELECT spaces.complete_donation('{id}', 'ch_{id}', 3.29, 'https://pay.example/{id}')"
                ),
            );
        }
        let columns = "charged_amount, received_amount, status";
        assert_eq!(of(&covered, columns), "103.2900 100.0000 completed");
        assert_eq!(of(&shared, columns), "100.0000 96.7100 completed");
    }

    #[pg_test]
    fn only_amounts_of_real_money_are_given() {
        let (donor, space) = (person(), space("public"));
        for (amount, currency) in [
            ("0", "USD"),
            ("-5", "USD"),
            ("'NaN'", "USD"),
            ("1.005", "USD"),
            ("1.5", "JPY"),
            ("1", "usd"),
            ("1", "BTC"),
        ] {
            let give = format!(
                "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency)
                 VALUES ('{donor}', 'space', '{space}', {amount}, '{currency}')"
            );
            assert_eq!(
                outcome(As::Person(&donor), &give),
                "23514",
                "{amount} {currency}"
            );
        }
    }

    #[pg_test]
    fn nobody_gives_in_anothers_name_or_settles_a_donation_but_the_server() {
        let (donor, other, space) = (person(), person(), space("public"));
        let in_anothers_name = format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency)
             VALUES ('{other}', 'space', '{space}', 1, 'USD')"
        );
        assert_eq!(outcome(As::Person(&donor), &in_anothers_name), "42501");
        let settled = format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency, status)
             VALUES ('{donor}', 'space', '{space}', 1, 'USD', 'completed')"
        );
        assert_eq!(outcome(As::Person(&donor), &settled), "42501");
        let id = given(&donor, &space, "1", "USD", false);
        let complete = format!("SELECT spaces.complete_donation('{id}', 'ch_x')");
        assert_eq!(outcome(As::Person(&donor), &complete), "42501");
    }

    #[pg_test]
    fn a_private_space_is_no_target_for_who_may_not_know_of_it() {
        let (donor, hidden) = (person(), space("private"));
        let give = |target: &str, id: &str| {
            format!(
                "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency)
                 VALUES ('{donor}', '{target}', '{id}', 1, 'USD')"
            )
        };
        assert_eq!(
            outcome(As::Person(&donor), &give("space", &hidden)),
            "23503"
        );
        assert_eq!(outcome(As::Person(&donor), &give("post", &hidden)), "23503");
        assert_eq!(outcome(As::Service, &give("space", &hidden)), "1");
        let friend = person();
        assert_eq!(outcome(As::Person(&donor), &give("profile", &friend)), "1");
    }

    #[pg_test]
    fn a_settled_donation_is_changed_and_deleted_by_nobody_for_seven_years() {
        let (donor, space) = (person(), space("public"));
        let completed = paid(&donor, &space, "20");
        let failed = given(&donor, &space, "20", "USD", false);
        run_as(
            As::Service,
            &format!("SELECT spaces.fail_donation('{failed}', 'card_declined')"),
        );
        for who in [As::Service, As::Owner] {
            for id in [&completed, &failed] {
                for set in [
                    "amount = 10",
                    "currency = 'EUR'",
                    "fee_amount = 1",
                    "donor_covers_fees = true",
                    "status = 'pending'",
                    "external_id = 'ch_other'",
                    "target_id = gen_random_uuid()",
                    "profile_id = NULL",
                    "refunded_amount = 5",
                    "settled_at = now() - interval '8 years'",
                    "created_at = now() - interval '8 years'",
                ] {
                    let change = format!("UPDATE spaces.donations SET {set} WHERE id = '{id}'");
                    assert_eq!(outcome(who, &change), "55000", "{set}");
                }
                let delete = format!("DELETE FROM spaces.donations WHERE id = '{id}'");
                assert_eq!(outcome(who, &delete), "55000");
            }
        }
    }

    #[pg_test]
    fn a_pending_donation_keeps_its_amount_and_cannot_be_settled_in_the_past() {
        let id = given(&person(), &space("public"), "20", "USD", false);
        for set in [
            "amount = 10",
            "target_id = gen_random_uuid()",
            "currency = 'EUR'",
        ] {
            let change = format!("UPDATE spaces.donations SET {set} WHERE id = '{id}'");
            assert_eq!(outcome(As::Service, &change), "55000", "{set}");
        }
        run_as(
            As::Service,
            &format!(
                "UPDATE spaces.donations SET status = 'completed', settled_at = now() - interval '8 years' WHERE id = '{id}'"
            ),
        );
        assert_eq!(of(&id, "settled_at = now()"), "t");
    }

    #[pg_test]
    fn completing_twice_is_once_and_otherwise_is_refused() {
        let id = given(&person(), &space("public"), "20", "USD", false);
        let complete = |arguments: &str| {
            outcome(
                As::Service,
                &format!("SELECT spaces.complete_donation('{id}', {arguments})"),
            )
        };
        run_as(
            As::Service,
            &format!("SELECT spaces.complete_donation('{id}', 'ch_{id}', 1)"),
        );
        assert_eq!(complete(&format!("'ch_{id}', 1")), "1");
        assert_eq!(complete(&format!("'ch_{id}', 2")), "55000");
        assert_eq!(complete("'ch_other', 1"), "55000");
        let fail = format!("SELECT spaces.fail_donation('{id}', 'late')");
        assert_eq!(outcome(As::Service, &fail), "55000");
        let other = given(&person(), &space("public"), "20", "USD", false);
        let same_charge = format!("SELECT spaces.complete_donation('{other}', 'ch_{id}')");
        assert_eq!(outcome(As::Service, &same_charge), "23505");
        let greedy = format!("SELECT spaces.complete_donation('{other}', 'ch_2', 20.01)");
        assert_eq!(outcome(As::Service, &greedy), "23514");
    }

    #[pg_test]
    fn refunds_are_rows_that_never_exceed_what_was_paid() {
        let id = paid(&person(), &space("public"), "20");
        let first = text_as(As::Service, &refund(&id, &format!("{id}:1"), "15"));
        assert_eq!(
            text_as(As::Service, &refund(&id, &format!("{id}:1"), "15")),
            first
        );
        assert_eq!(
            outcome(As::Service, &refund(&id, &format!("{id}:1"), "14")),
            "23505"
        );
        assert_eq!(
            outcome(As::Service, &refund(&id, &format!("{id}:2"), "5.01")),
            "23514"
        );
        let rest = text_as(As::Service, &refund(&id, &format!("{id}:3"), "NULL"));
        assert_eq!(
            of(&rest, "amount, status, refund_of"),
            format!("5.0000 pending {id}")
        );
        assert_eq!(
            outcome(As::Service, &refund(&id, &format!("{id}:4"), "NULL")),
            "23514"
        );
        assert_eq!(of(&id, "refunded_amount"), "20.0000");
        // What the provider refused can be refunded again.
        run_as(
            As::Service,
            &format!("SELECT spaces.fail_donation('{rest}', 'account_closed')"),
        );
        run_as(
            As::Service,
            &format!("SELECT spaces.complete_donation('{first}', 're_{id}')"),
        );
        assert_eq!(of(&id, "refunded_amount"), "15.0000");
        assert_eq!(
            outcome(As::Service, &refund(&id, &format!("{id}:5"), "5")),
            "1"
        );
    }

    #[pg_test]
    fn only_what_was_paid_is_refunded_in_its_own_currency_also_by_hand() {
        let (donor, space) = (person(), space("public"));
        let pending = given(&donor, &space, "20", "USD", false);
        assert_eq!(outcome(As::Service, &refund(&pending, "p", "1")), "55000");
        let id = paid(&donor, &space, "20");
        let back = text_as(As::Service, &refund(&id, &format!("{id}:1"), "5"));
        run_as(
            As::Service,
            &format!("SELECT spaces.complete_donation('{back}', 're_{back}')"),
        );
        assert_eq!(outcome(As::Service, &refund(&back, "r", "1")), "55000");
        let by_hand = |amount: &str, currency: &str| {
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.donations (refund_of, amount, currency, target_type, target_id, status)
                     VALUES ('{id}', {amount}, '{currency}', 'space', '{space}', 'completed')"
                ),
            )
        };
        assert_eq!(by_hand("15.01", "USD"), "23514");
        assert_eq!(by_hand("1", "EUR"), "23514");
        assert_eq!(by_hand("15", "USD"), "1");
        assert_eq!(of(&back, "profile_id"), donor, "the donor sees the refund");
    }

    #[pg_test]
    fn a_refund_is_in_the_log_of_the_staff() {
        let (donor, space) = (person(), space("public"));
        let back = text_as(
            As::Service,
            &refund(&paid(&donor, &space, "20"), &space, "5"),
        );
        let entry = format!(
            "SELECT concat_ws(' ', entity_type, action, space_id) FROM spaces.audit_logs WHERE entity_id = '{back}'"
        );
        assert_eq!(text(&entry), format!("refund insert {space}"));
    }

    #[pg_test]
    fn moderators_see_totals_and_neither_who_gave_nor_how() {
        let space = space("public");
        let (moderator, plain, donor) = (
            member(&space, "moderator"),
            member(&space, "member"),
            person(),
        );
        let id = paid(&donor, &space, "20");
        paid(&donor, &space, "30");
        given(&donor, &space, "1000", "USD", false);
        let back = text_as(As::Service, &refund(&id, &format!("{id}:1"), "5"));
        run_as(
            As::Service,
            &format!("SELECT spaces.complete_donation('{back}', 're_{back}')"),
        );
        let totals = format!(
            "SELECT concat_ws(' ', currency, donations, given, fees, refunded, received)
             FROM spaces.donation_totals('space', '{space}')"
        );
        assert_eq!(
            text_as(As::Person(&moderator), &totals),
            "USD 2 50.0000 0.0000 5.0000 45.0000"
        );
        assert_eq!(outcome(As::Person(&plain), &totals), "42501");
        assert_eq!(outcome(As::Person(&donor), &totals), "42501");
        let rows = "SELECT FROM spaces.donations";
        assert_eq!(outcome(As::Person(&moderator), rows), "0");
        assert_eq!(outcome(As::Person(&donor), rows), "4");
        let gift = format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency, status)
             VALUES ('{donor}', 'profile', '{plain}', 7, 'EUR', 'completed')"
        );
        run(&gift);
        let to_me =
            format!("SELECT received::text FROM spaces.donation_totals('profile', '{plain}')");
        assert_eq!(text_as(As::Person(&plain), &to_me), "7.0000");
        assert_eq!(outcome(As::Person(&moderator), &to_me), "42501");
    }

    #[pg_test]
    fn a_donation_outlives_the_donor_without_a_name_and_the_space() {
        let (donor, space) = (person(), space("public"));
        let id = paid(&donor, &space, "20");
        run(&format!("DELETE FROM auth.users WHERE id = '{donor}'"));
        run(&format!("DELETE FROM spaces.spaces WHERE id = '{space}'"));
        assert_eq!(
            of(&id, "profile_id IS NULL, amount, space_id"),
            format!("t 20.0000 {space}")
        );
    }

    #[pg_test]
    fn who_is_banned_from_the_site_gives_nothing() {
        let (donor, space) = (person(), space("public"));
        run(&format!(
            "INSERT INTO spaces.sanctions (profile_id, type, reason) VALUES ('{donor}', 'site_ban', 'fraud')"
        ));
        let give = format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency)
             VALUES ('{donor}', 'space', '{space}', 1, 'USD')"
        );
        assert_eq!(outcome(As::Person(&donor), &give), "42501");
    }
}
