//! Claims about the contact exchange.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn exchanges(linkup: &str) -> String {
        count(&format!(
            "linkup.contact_exchanges WHERE linkup_id = '{linkup}'"
        ))
    }

    #[pg_test]
    fn a_contact_is_made_only_when_both_say_yes_and_is_one_row_in_canonical_order() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        choose(&linkup, &ada, &bob, true);
        assert_eq!(exchanges(&linkup), "0");
        choose(&linkup, &bob, &ada, true);
        assert_eq!(exchanges(&linkup), "1");
        let (low, high) = if ada.id < bob.id {
            (&ada, &bob)
        } else {
            (&bob, &ada)
        };
        let canonical = format!(
            "linkup.contact_exchanges WHERE linkup_id = '{linkup}' AND user_a_id = '{}' AND user_b_id = '{}'",
            low.id, high.id
        );
        assert_eq!(count(&canonical), "1");
        for person in [&ada, &bob] {
            let seen = "SELECT count(*)::text FROM linkup.contact_exchanges";
            assert_eq!(text_as(person.signed_in(), seen), "1");
        }
    }

    #[pg_test]
    fn a_changed_mind_about_a_contact_counts_before_the_match_and_not_after() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        choose(&linkup, &ada, &bob, true);
        choose(&linkup, &ada, &bob, false);
        choose(&linkup, &bob, &ada, true);
        assert_eq!(exchanges(&linkup), "0");
        choose(&linkup, &ada, &bob, true);
        assert_eq!(exchanges(&linkup), "1");
        choose(&linkup, &bob, &ada, false);
        assert_eq!(exchanges(&linkup), "1");
    }

    #[pg_test]
    fn two_yeses_at_two_linkups_are_no_match() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let (first, second) = (
            meeting(&region, &[&ada, &bob]),
            meeting(&region, &[&ada, &bob]),
        );
        choose(&first, &ada, &bob, true);
        choose(&second, &bob, &ada, true);
        assert_eq!(
            (exchanges(&first), exchanges(&second)),
            ("0".into(), "0".into())
        );
    }

    #[pg_test]
    fn a_one_sided_yes_is_seen_by_nobody_but_who_said_it() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        choose(&linkup, &ada, &bob, true);
        let read = |table: &str| format!("SELECT count(*)::text FROM linkup.{table}");
        assert_eq!(
            text_as(ada.signed_in(), &read("contact_exchange_choices")),
            "1"
        );
        assert_eq!(
            text_as(bob.signed_in(), &read("contact_exchange_choices")),
            "0"
        );
        assert_eq!(text_as(bob.signed_in(), &read("contact_exchanges")), "0");
        let tables = text(
            "SELECT string_agg(relname, ',') FROM pg_class
             WHERE relnamespace = 'linkup'::regnamespace AND relname LIKE 'contact_exchange_choices\\_%' AND relkind = 'r'",
        );
        for table in tables.split(',') {
            for who in [As::Anonymous, bob.signed_in(), As::Service] {
                assert_eq!(
                    outcome(who, &format!("SELECT * FROM linkup.{table}")),
                    "42501",
                    "{table}"
                );
            }
        }
        // Nor by an error of a statement in her name.
        let nobody = member(&region);
        for about in [&ada, &nobody] {
            let probe = format!(
                "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
                 VALUES ('{linkup}', '{}', '{}', true)",
                about.id, bob.id
            );
            assert_eq!(outcome(bob.signed_in(), &probe), "42501");
        }
    }

    #[pg_test]
    fn choices_are_made_among_those_who_attended_about_one_another() {
        let region = region();
        let (ada, bob, cleo) = (member(&region), member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        let say = |chooser: &Member, target: &Member| {
            outcome(
                chooser.signed_in(),
                &format!(
                    "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
                     VALUES ('{linkup}', '{}', '{}', true)",
                    chooser.id, target.id
                ),
            )
        };
        assert_eq!(say(&cleo, &ada), "55000");
        assert_eq!(say(&ada, &cleo), "55000");
        assert_eq!(say(&ada, &bob), "1");
        let oneself = say(&ada, &ada);
        assert!(oneself == "55000" || oneself == "23514", "{oneself}");
        run(&format!(
            "UPDATE linkup.linkup_participants SET status = 'no_show' WHERE linkup_id = '{linkup}' AND user_id = '{}'",
            bob.id
        ));
        assert_eq!(say(&ada, &bob), "55000");
    }

    #[pg_test]
    fn a_block_before_the_match_prevents_it_without_a_word() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        choose(&linkup, &ada, &bob, true);
        run_as(
            ada.signed_in(),
            &format!(
                "INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id) VALUES ('{}', '{}')",
                ada.id, bob.id
            ),
        );
        choose(&linkup, &bob, &ada, true);
        assert_eq!(exchanges(&linkup), "0");
        // Nor does it come about when the block is taken back, until one of them chooses anew.
        run_as(ada.signed_in(), "DELETE FROM linkup.user_blocks");
        choose(&linkup, &ada, &bob, true);
        assert_eq!(exchanges(&linkup), "0");
        choose(&linkup, &ada, &bob, false);
        choose(&linkup, &ada, &bob, true);
        assert_eq!(exchanges(&linkup), "1");
    }

    #[pg_test]
    fn a_yes_can_be_taken_back_whatever_the_other_does_meanwhile() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        choose(&linkup, &ada, &bob, true);
        let was_there = |answer: &str| {
            run_as(
                bob.signed_in(),
                &format!("UPDATE linkup.linkup_outcomes SET attendance_response = '{answer}'"),
            );
        };
        was_there("no_show");
        choose(&linkup, &ada, &bob, false);
        let again = format!(
            "UPDATE linkup.contact_exchange_choices SET choice = true WHERE linkup_id = '{linkup}'"
        );
        assert_eq!(outcome(ada.signed_in(), &again), "55000");
        was_there("attended");
        choose(&linkup, &bob, &ada, true);
        assert_eq!(exchanges(&linkup), "0");
    }

    #[pg_test]
    fn nobody_writes_an_exchange_by_hand() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        let forge = format!(
            "INSERT INTO linkup.contact_exchanges (linkup_id, user_a_id, user_b_id) VALUES ('{linkup}', '{}', '{}')",
            ada.id, bob.id
        );
        assert_eq!(outcome(As::Service, &forge), "42501");
        assert_eq!(outcome(ada.signed_in(), &forge), "42501");
        choose(&linkup, &ada, &bob, true);
        let turn = format!(
            "UPDATE linkup.contact_exchange_choices SET target_user_id = '{}'",
            ada.id
        );
        assert_eq!(
            outcome(As::Service, &format!("{turn} WHERE linkup_id = '{linkup}'")),
            "55000"
        );
    }
}
