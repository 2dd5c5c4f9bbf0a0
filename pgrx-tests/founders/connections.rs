//! Claims about connections and blocks.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, gates, outcome, person, run, run_as, text, text_as};
    use pgrx::prelude::*;

    fn request(from: &str, to: &str) -> String {
        text_as(
            As::Person(from),
            &format!("SELECT status FROM founders.request_connection('{to}')"),
        )
    }

    fn move_to(who: As, status: &str) -> String {
        outcome(
            who,
            &format!("UPDATE founders.founder_connections SET status = '{status}'"),
        )
    }

    fn block(who: &str, whom: &str) {
        run_as(
            As::Person(who),
            &format!("SELECT founders.block_member('{whom}')"),
        );
    }

    fn unblock(who: &str, whom: &str) -> String {
        text_as(
            As::Person(who),
            &format!("SELECT founders.unblock_member('{whom}')::text"),
        )
    }

    /// status and how many block, of every connection.
    fn stands() -> String {
        text(
            "SELECT string_agg(status || ' ' || cardinality(blocked_by), ',')
              FROM founders.founder_connections",
        )
    }

    #[pg_test]
    fn two_founders_connecting_from_both_sides_are_one_row() {
        let (a, b) = (person(), person());
        assert_eq!(request(&a, &b), "pending");
        assert_eq!(request(&a, &b), "pending");
        assert_eq!(request(&b, &a), "accepted");
        assert_eq!(request(&a, &b), "accepted");
        assert_eq!(stands(), "accepted 0");
        assert_eq!(
            text("SELECT requester_id::text FROM founders.founder_connections"),
            a
        );
    }

    #[pg_test]
    fn a_second_row_for_a_pair_is_refused_whichever_way_round() {
        let (a, b) = (person(), person());
        request(&a, &b);
        for (from, to) in [(&a, &b), (&b, &a)] {
            let sql = format!(
                "INSERT INTO founders.founder_connections (requester_id, recipient_id) VALUES ('{from}', '{to}')"
            );
            assert_eq!(outcome(As::Person(from), &sql), "23505");
            assert_eq!(outcome(As::Owner, &sql), "23505");
        }
    }

    #[pg_test]
    fn nobody_connects_with_themself() {
        let a = person();
        let sql = format!("SELECT founders.request_connection('{a}')");
        assert_eq!(outcome(As::Person(&a), &sql), "23514");
        let sql = format!("SELECT founders.block_member('{a}')");
        assert_eq!(outcome(As::Person(&a), &sql), "23514");
    }

    #[pg_test]
    fn only_the_recipient_accepts_or_declines() {
        let (a, b, stranger) = (person(), person(), person());
        request(&a, &b);
        for status in ["accepted", "declined"] {
            assert_eq!(move_to(As::Person(&a), status), "42501");
            assert_eq!(move_to(As::Person(&stranger), status), "0");
            assert_eq!(move_to(As::Person(&b), status), "1");
            assert_eq!(move_to(As::Service, status), "1");
        }
    }

    #[pg_test]
    fn a_connection_moves_only_along_its_lifecycle() {
        let (a, b) = (person(), person());
        request(&a, &b);
        for (stands, forbidden) in [
            ("accepted", ["pending", "declined"]),
            ("declined", ["pending", "accepted"]),
        ] {
            run("DELETE FROM founders.founder_connections");
            request(&a, &b);
            run_as(
                As::Person(&b),
                &format!("UPDATE founders.founder_connections SET status = '{stands}'"),
            );
            for status in forbidden {
                for who in [As::Person(&a), As::Person(&b), As::Service, As::Owner] {
                    assert_eq!(move_to(who, status), "55000", "{stands} to {status}");
                }
            }
        }
        let born = |status: &str| {
            format!(
                "DELETE FROM founders.founder_connections;
                 INSERT INTO founders.founder_connections (requester_id, recipient_id, status)
                 VALUES ('{a}', '{b}', '{status}')"
            )
        };
        assert_eq!(outcome(As::Service, &born("accepted")), "55000");
        assert_eq!(outcome(As::Service, &born("declined")), "55000");
        assert_eq!(outcome(As::Service, &born("pending")), "1");
        let other = format!(
            "UPDATE founders.founder_connections SET requester_id = '{}'",
            person()
        );
        assert_eq!(outcome(As::Owner, &other), "55000");
    }

    #[pg_test]
    fn a_request_is_cancelled_by_deleting_it_and_either_party_may_end_a_connection() {
        let (a, b, stranger) = (person(), person(), person());
        request(&a, &b);
        let delete = "DELETE FROM founders.founder_connections";
        assert_eq!(outcome(As::Person(&stranger), delete), "0");
        assert_eq!(outcome(As::Person(&b), delete), "1");
        assert_eq!(outcome(As::Person(&a), delete), "1");
    }

    #[pg_test]
    fn a_declined_request_is_not_asked_again_until_who_declined_deletes_it() {
        let (a, b) = (person(), person());
        request(&a, &b);
        run_as(
            As::Person(&b),
            "UPDATE founders.founder_connections SET status = 'declined'",
        );
        let again = format!("SELECT founders.request_connection('{b}')");
        assert_eq!(outcome(As::Person(&a), &again), "55000");
        let back = format!("SELECT founders.request_connection('{a}')");
        assert_eq!(outcome(As::Person(&b), &back), "55000");
        let delete = "DELETE FROM founders.founder_connections";
        assert_eq!(outcome(As::Person(&a), delete), "0");
        assert_eq!(outcome(As::Person(&b), delete), "1");
        // Not by way of a block either, whoever makes it.
        for who in [&a, &b] {
            let whom = if who == &a { &b } else { &a };
            block(who, whom);
            assert_eq!(stands(), "blocked 1");
            assert_eq!(
                outcome(As::Person(&a), delete),
                "0",
                "the block hides the no"
            );
            assert_eq!(move_to(As::Person(who), "declined"), "55000");
            assert_eq!(unblock(who, whom), "true");
            assert_eq!(stands(), "declined 0");
        }
        run_as(As::Person(&b), "DELETE FROM founders.founder_connections");
        assert_eq!(request(&b, &a), "pending");
    }

    #[pg_test]
    fn either_may_block_and_only_who_blocked_unblocks() {
        let (a, b) = (person(), person());
        block(&b, &a);
        assert_eq!(stands(), "blocked 1");
        for (who, whom) in [(&a, &b), (&b, &a)] {
            let ask = format!("SELECT founders.request_connection('{whom}')");
            assert_eq!(outcome(As::Person(who), &ask), "42501");
        }
        assert_eq!(
            outcome(As::Person(&a), "DELETE FROM founders.founder_connections"),
            "0"
        );
        assert_eq!(unblock(&a, &b), "false");
        block(&a, &b);
        block(&a, &b);
        assert_eq!(stands(), "blocked 2");
        assert_eq!(
            outcome(As::Person(&b), "DELETE FROM founders.founder_connections"),
            "0"
        );
        assert_eq!(unblock(&b, &a), "true");
        assert_eq!(stands(), "blocked 1");
        assert_eq!(unblock(&b, &a), "false");
        assert_eq!(unblock(&a, &b), "true");
        assert_eq!(stands(), "");
    }

    #[pg_test]
    fn a_block_can_be_set_as_a_status_and_names_who_set_it() {
        let (a, b) = (person(), person());
        request(&a, &b);
        run_as(
            As::Person(&a),
            "UPDATE founders.founder_connections SET status = 'blocked'",
        );
        assert_eq!(
            text("SELECT blocked_by::text FROM founders.founder_connections"),
            format!("{{{a}}}")
        );
        for status in ["pending", "accepted", "declined"] {
            assert_eq!(move_to(As::Person(&a), status), "55000");
            assert_eq!(move_to(As::Person(&b), status), "55000");
        }
        let unblamed = "UPDATE founders.founder_connections SET blocked_by = '{}'";
        assert_eq!(outcome(As::Person(&a), unblamed), "42501");
        assert_eq!(outcome(As::Service, unblamed), "23514");
    }

    #[pg_test]
    fn a_suggested_connection_needs_the_consent_of_both_where_introductions_are_a_gate() {
        let (a, b) = (person(), person());
        let suggested = format!("SELECT founders.request_connection('{b}', 'fred_suggestion')");
        assert_eq!(outcome(As::Person(&a), &suggested), "1");
        gates("investor_intros");
        assert_eq!(outcome(As::Person(&a), &suggested), "42501");
        consent(&b, "investor_intros", true);
        assert_eq!(outcome(As::Person(&a), &suggested), "42501");
        consent(&a, "investor_intros", true);
        assert_eq!(outcome(As::Person(&a), &suggested), "1");
        consent(&b, "investor_intros", false);
        let by_hand = format!("SELECT founders.request_connection('{b}')");
        assert_eq!(outcome(As::Person(&a), &by_hand), "1");
        request(&a, &b);
        let relabelled = "UPDATE founders.founder_connections SET source = 'fred_suggestion'";
        assert_eq!(outcome(As::Service, relabelled), "42501");
    }

    #[pg_test]
    fn a_suggested_connection_is_not_accepted_after_either_withdrew() {
        let (a, b) = (person(), person());
        gates("investor_intros");
        consent(&a, "investor_intros", true);
        consent(&b, "investor_intros", true);
        run_as(
            As::Person(&a),
            &format!("SELECT founders.request_connection('{b}', 'fred_suggestion')"),
        );
        for who in [&a, &b] {
            consent(who, "investor_intros", false);
            assert_eq!(move_to(As::Person(&b), "accepted"), "42501");
            let back = format!("SELECT founders.request_connection('{a}')");
            assert_eq!(outcome(As::Person(&b), &back), "42501");
            assert_eq!(move_to(As::Person(&b), "declined"), "1");
            consent(who, "investor_intros", true);
        }
        assert_eq!(move_to(As::Person(&b), "accepted"), "1");
    }

    #[pg_test]
    fn nobody_asks_in_anothers_name_nor_without_signing_in() {
        let (a, b) = (person(), person());
        let forged = format!(
            "INSERT INTO founders.founder_connections (requester_id, recipient_id) VALUES ('{a}', '{b}')"
        );
        assert_eq!(outcome(As::Person(&b), &forged), "42501");
        for call in ["request_connection", "block_member"] {
            let sql = format!("SELECT founders.{call}('{b}')");
            assert_eq!(outcome(As::Anonymous, &sql), "42501");
            assert_eq!(outcome(As::Service, &sql), "42501");
        }
        assert_eq!(
            outcome(
                As::Person(&a),
                &format!("SELECT founders.request_connection('{b}', 'elsewhere')")
            ),
            "23514"
        );
    }
}
