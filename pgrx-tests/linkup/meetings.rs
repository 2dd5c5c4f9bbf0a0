//! Claims about LinkUps from the draft to the end.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn a_linkup_is_created_once_per_create_key() {
        let region = region();
        let ada = member(&region);
        let create = |activity: &str| {
            format!(
                "SELECT id::text FROM linkup.create_linkup('{}', '{region}',
                     '{{\"activity_key\": \"{activity}\", \"time_window\": \"SAT\"}}', 'key-{0}')",
                ada.id
            )
        };
        let first = text_as(ada.signed_in(), &create("coffee"));
        assert_eq!(text_as(ada.signed_in(), &create("coffee")), first);
        assert_eq!(outcome(ada.signed_in(), &create("dinner")), "23505");
        assert_eq!(
            outcome(member(&region).signed_in(), &create("coffee")),
            "42501"
        );
    }

    #[pg_test]
    fn a_create_key_is_its_initiators_and_tells_nobody_else_of_itself() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let create = |initiator: &Member| {
            format!(
                "SELECT id::text FROM linkup.create_linkup('{}', '{region}',
                     '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT\"}}', 'coffee-1')",
                initiator.id
            )
        };
        let first = text_as(ada.signed_in(), &create(&ada));
        let second = text_as(bob.signed_in(), &create(&bob));
        assert_ne!(first, second);
        assert_eq!(text_as(ada.signed_in(), &create(&ada)), first);
        assert_eq!(text_as(As::Service, &create(&bob)), second);
        let twice = format!(
            "INSERT INTO linkup.linkups (initiator_user_id, region_id, brief, linkup_create_key)
             SELECT initiator_user_id, region_id, brief, linkup_create_key FROM linkup.linkups WHERE id = '{first}'"
        );
        assert_eq!(outcome(As::Service, &twice), "23505");
    }

    #[pg_test]
    fn a_brief_without_its_shape_makes_no_linkup() {
        let region = region();
        let ada = member(&region);
        let create = format!(
            "SELECT linkup.create_linkup('{}', '{region}', '{{\"activity_key\": \"coffee\"}}', 'shapeless')",
            ada.id
        );
        let (state, message) = failure(ada.signed_in(), &create);
        assert_eq!(state, "23514");
        assert!(message.contains("$.time_window"), "{message}");
    }

    #[pg_test]
    fn the_state_is_changed_by_functions_and_never_by_hand() {
        let region = region();
        let ada = member(&region);
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        for change in [
            "state = 'broadcasting'",
            "state = 'locked', locked_at = now()",
            "lock_version = 7",
        ] {
            let update = format!("UPDATE linkup.linkups SET {change} WHERE id = '{linkup}'");
            assert_eq!(outcome(As::Service, &update), "42501", "{change}");
            assert_eq!(outcome(ada.signed_in(), &update), "42501", "{change}");
        }
        let harmless = format!(
            "UPDATE linkup.linkups SET venue = '{{}}', state = 'draft' WHERE id = '{linkup}'"
        );
        assert_eq!(outcome(As::Service, &harmless), "1");
        let sneak = format!(
            "INSERT INTO linkup.linkup_participants (linkup_id, user_id, role) VALUES ('{linkup}', '{}', 'participant')",
            ada.id
        );
        assert_eq!(outcome(As::Service, &sneak), "42501");
        let invite = invite(&linkup, &member(&region));
        let say_yes =
            format!("UPDATE linkup.linkup_invites SET state = 'accepted' WHERE id = '{invite}'");
        assert_eq!(outcome(As::Service, &say_yes), "42501");
    }

    #[pg_test]
    fn the_lock_makes_the_participants_and_closes_what_is_pending() {
        let region = region();
        let people: Vec<_> = (0..5).map(|_| member(&region)).collect();
        let linkup = draft(&people[0], &region, (2, 3), "NULL");
        let invites: Vec<_> = people[1..]
            .iter()
            .map(|person| invite(&linkup, person))
            .collect();
        broadcast(&linkup);
        assert_eq!(accept(&invites[2]), "accepted");
        assert_eq!(accept(&invites[0]), "accepted");
        assert_eq!(accept(&invites[1]), "closed", "the third place is taken");
        run_as(
            people[0].signed_in(),
            &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
        );
        assert_eq!(state(&linkup), "locked");
        let participants = text(&format!(
            "SELECT string_agg(role || ' ' || user_id, ', ' ORDER BY role, user_id) FROM linkup.linkup_participants
             WHERE linkup_id = '{linkup}'"
        ));
        let mut wanted = [&people[1].id, &people[3].id];
        wanted.sort();
        assert_eq!(
            participants,
            format!(
                "initiator {}, participant {}, participant {}",
                people[0].id, wanted[0], wanted[1]
            )
        );
        assert_eq!(invite_state(&invites[3]), "closed");
        assert_eq!(lock(&linkup), "55000");
        assert_eq!(
            text(&format!(
                "SELECT lock_version::text FROM linkup.linkups WHERE id = '{linkup}'"
            )),
            "1"
        );
    }

    #[pg_test]
    fn a_lock_that_expects_another_version_asks_to_try_again() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let invite = invite(&linkup, &bob);
        broadcast(&linkup);
        accept(&invite);
        for version in ["1", "NULL"] {
            let call = format!("SELECT linkup.lock_linkup('{linkup}', {version})");
            assert_eq!(outcome(As::Service, &call), "40001");
        }
        assert_eq!(
            outcome(
                bob.signed_in(),
                &format!("SELECT linkup.lock_linkup('{linkup}', 0)")
            ),
            "42501"
        );
        assert_eq!(lock(&linkup), "1");
    }

    #[pg_test]
    fn too_few_people_make_no_lock_and_change_nothing() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (3, 4), "NULL");
        let invite = invite(&linkup, &bob);
        broadcast(&linkup);
        accept(&invite);
        assert_eq!(lock(&linkup), "55000");
        assert_eq!(invite_state(&invite), "accepted");
        assert_eq!(state(&linkup), "broadcasting");
    }

    #[pg_test]
    fn whoever_no_longer_passes_at_the_lock_is_closed_with_the_reason() {
        let region = region();
        let people: Vec<_> = (0..5).map(|_| member(&region)).collect();
        let linkup = draft(&people[0], &region, (2, 5), "NULL");
        let invites: Vec<_> = people[1..]
            .iter()
            .map(|person| invite(&linkup, person))
            .collect();
        broadcast(&linkup);
        for invite in &invites {
            assert_eq!(accept(invite), "accepted");
        }
        run(&format!(
            "UPDATE linkup.entitlements SET expires_at = now() WHERE user_id = '{}';
             INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id) VALUES ('{}', '{}')",
            people[1].id, people[3].id, people[2].id
        ));
        assert_eq!(
            text_as(
                As::Service,
                &format!("SELECT state::text FROM linkup.lock_linkup('{linkup}', 0)")
            ),
            "locked"
        );
        assert_eq!(failed_filters(&invites[0]), "[\"entitled\"]");
        assert_eq!(
            failed_filters(&invites[2]),
            "[\"not_blocked\"]",
            "of two who do not go together the first is in"
        );
        let states: Vec<_> = invites.iter().map(|invite| invite_state(invite)).collect();
        assert_eq!(states, ["closed", "accepted", "closed", "accepted"]);
    }

    #[pg_test]
    fn an_initiator_on_hold_cannot_lock() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let invite = invite(&linkup, &bob);
        broadcast(&linkup);
        accept(&invite);
        run(&format!(
            "INSERT INTO linkup.safety_holds (user_id, state) VALUES ('{}', 'hard_hold')",
            ada.id
        ));
        assert_eq!(lock(&linkup), "42501");
    }

    #[pg_test]
    fn what_is_due_expires_and_nothing_else() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let (due, open) = (
            draft(&ada, &region, (2, 4), "NULL"),
            draft(&ada, &region, (2, 4), "NULL"),
        );
        let (of_due, of_open) = (invite(&due, &bob), invite(&open, &bob));
        run(&format!(
            "UPDATE linkup.linkups SET acceptance_window_ends_at = now() + interval '1 day' WHERE id = '{open}'"
        ));
        broadcast(&due);
        broadcast(&open);
        let expire = "SELECT linkup.expire_due(now() + interval '2 hours')::text";
        assert_eq!(text_as(As::Service, expire), "1");
        assert_eq!(
            (state(&due), state(&open)),
            ("expired".into(), "broadcasting".into())
        );
        assert_eq!(
            (invite_state(&of_due), invite_state(&of_open)),
            ("expired".into(), "pending".into())
        );
        assert_eq!(text_as(As::Service, expire), "0");
        assert_eq!(lock(&due), "55000");
    }

    #[pg_test]
    fn a_yes_after_the_window_is_expired() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let invite = invite(&linkup, &bob);
        broadcast(&linkup);
        run(&format!(
            "UPDATE linkup.linkup_invites SET expires_at = now() WHERE id = '{invite}'"
        ));
        assert_eq!(accept(&invite), "expired");
        assert_eq!(invite_state(&invite), "expired");
    }

    #[pg_test]
    fn canceling_closes_everything_and_twice_is_once() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = meeting(&region, &[&ada, &bob]);
        let running = draft(&ada, &region, (2, 4), "NULL");
        let invite = invite(&running, &bob);
        broadcast(&running);
        for _ in 0..2 {
            run_as(
                ada.signed_in(),
                &format!("SELECT linkup.cancel('{running}', 'rain')"),
            );
        }
        assert_eq!(state(&running), "canceled");
        assert_eq!(invite_state(&invite), "closed");
        assert_eq!(
            outcome(
                bob.signed_in(),
                &format!("SELECT linkup.cancel('{linkup}')")
            ),
            "42501"
        );
        run_as(As::Service, &format!("SELECT linkup.complete('{linkup}')"));
        assert_eq!(
            outcome(
                ada.signed_in(),
                &format!("SELECT linkup.cancel('{linkup}')")
            ),
            "55000"
        );
    }

    #[pg_test]
    fn a_linkup_is_completed_after_its_time_and_not_before() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "now() + interval '1 day'");
        let invite = invite(&linkup, &bob);
        broadcast(&linkup);
        accept(&invite);
        run_as(
            As::Service,
            &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
        );
        let complete = |at: &str| format!("SELECT linkup.complete('{linkup}', {at})");
        assert_eq!(outcome(As::Service, &complete("now()")), "55000");
        assert_eq!(
            outcome(ada.signed_in(), &complete("now() + interval '2 days'")),
            "42501"
        );
        run_as(As::Service, &complete("now() + interval '2 days'"));
        assert_eq!(state(&linkup), "completed");
        let moves = text(&format!(
            "SELECT string_agg(to_state, ' ' ORDER BY idempotency_key COLLATE \"C\") FROM linkup.domain_events
             WHERE entity_id = '{linkup}'"
        ));
        assert_eq!(moves, "draft broadcasting locked completed");
    }

    #[pg_test]
    fn a_linkup_is_read_by_its_initiator_the_invited_and_the_participants() {
        let region = region();
        let (ada, bob, cleo) = (member(&region), member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let (to_bob, to_cleo) = (invite(&linkup, &bob), invite(&linkup, &cleo));
        let sees = |person: &Member| {
            text_as(
                person.signed_in(),
                "SELECT count(*)::text FROM linkup.linkups",
            )
        };
        assert_eq!(
            (sees(&ada), sees(&bob)),
            ("1".into(), "0".into()),
            "a draft is its initiator's"
        );
        broadcast(&linkup);
        assert_eq!(
            (sees(&bob), sees(&cleo), sees(&member(&region))),
            ("1".into(), "1".into(), "0".into())
        );
        accept(&to_bob);
        run_as(
            As::Service,
            &format!("SELECT linkup.decline_invite('{to_cleo}')"),
        );
        assert_eq!((sees(&bob), sees(&cleo)), ("1".into(), "0".into()));
        run_as(
            As::Service,
            &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
        );
        let group = "SELECT count(*)::text FROM linkup.linkup_participants";
        assert_eq!(text_as(bob.signed_in(), group), "2");
        assert_eq!(text_as(cleo.signed_in(), group), "0");
    }

    #[pg_test]
    fn reminders_are_once_per_key() {
        let region = region();
        let ada = member(&region);
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let remind = format!(
            "INSERT INTO linkup.linkup_reminders (linkup_id, reminder_type, scheduled_for, idempotency_key)
             VALUES ('{linkup}', 'day_before', now(), '{linkup}:day_before')"
        );
        run_as(As::Service, &remind);
        assert_eq!(outcome(As::Service, &remind), "23505");
    }

    #[pg_test]
    fn outcomes_come_once_from_participants_after_the_event() {
        let region = region();
        let (ada, bob, cleo) = (member(&region), member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "now() + interval '1 day'");
        let (to_bob, _) = (invite(&linkup, &bob), invite(&linkup, &cleo));
        broadcast(&linkup);
        accept(&to_bob);
        run_as(
            As::Service,
            &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
        );
        let say = |who: &Member, about: &Member| {
            outcome(
                who.signed_in(),
                &format!(
                    "INSERT INTO linkup.linkup_outcomes (linkup_id, user_id, attendance_response)
                     VALUES ('{linkup}', '{}', 'attended')",
                    about.id
                ),
            )
        };
        assert_eq!(say(&bob, &bob), "55000", "before the event");
        run(&format!(
            "UPDATE linkup.linkups SET event_time = now() - interval '1 hour' WHERE id = '{linkup}'"
        ));
        assert_eq!(say(&bob, &bob), "1");
        assert_eq!(say(&bob, &ada), "42501");
        assert_eq!(say(&cleo, &cleo), "55000", "she was not there");
        run_as(
            bob.signed_in(),
            &format!(
                "INSERT INTO linkup.linkup_outcomes (linkup_id, user_id, attendance_response) VALUES ('{linkup}', '{}', 'no_show')",
                bob.id
            ),
        );
        assert_eq!(say(&bob, &bob), "23505");
        let status = format!(
            "SELECT status FROM linkup.linkup_participants WHERE linkup_id = '{linkup}' AND user_id = '{}'",
            bob.id
        );
        assert_eq!(text(&status), "no_show");
    }
}
