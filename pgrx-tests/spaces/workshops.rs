//! Claims about workshops, their sessions, enrolments, assignments and materials.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn workshop(space: &str) -> String {
        be(As::Owner);
        let id = text(&format!(
            "INSERT INTO spaces.workshops (space_id, title) VALUES ('{space}', 'Knitting') RETURNING id::text"
        ));
        run(&format!(
            "UPDATE spaces.workshops SET status = 'published' WHERE id = '{id}'"
        ));
        id
    }

    fn session(workshop: &str, starts: &str) -> String {
        text(&format!(
            "INSERT INTO spaces.workshop_sessions (workshop_id, start_at, end_at, meeting_link)
             VALUES ('{workshop}', now() + interval '{starts}', now() + interval '{starts}' + interval '1 hour', 'https://meet.example')
             RETURNING id::text"
        ))
    }

    fn enroll(workshop: &str, person: &str) {
        run_as(
            As::Person(person),
            &format!(
                "INSERT INTO spaces.workshop_enrollments (workshop_id, profile_id) VALUES ('{workshop}', '{person}')"
            ),
        );
    }

    fn assignment(workshop: &str, due: &str) -> String {
        be(As::Owner);
        text(&format!(
            "INSERT INTO spaces.assignments (workshop_id, title, due_at) VALUES ('{workshop}', 'A scarf', {due}) RETURNING id::text"
        ))
    }

    fn hand_in(assignment: &str, person: &str) -> String {
        text_as(
            As::Person(person),
            &format!(
                "INSERT INTO spaces.assignment_submissions (assignment_id, profile_id, submission_url)
                 VALUES ('{assignment}', '{person}', 'https://example.org/scarf') RETURNING id::text"
            ),
        )
    }

    fn numbers(workshop: &str) -> String {
        text(&format!(
            "SELECT string_agg(session_number::text, ' ' ORDER BY session_number) FROM spaces.workshop_sessions
             WHERE workshop_id = '{workshop}'"
        ))
    }

    #[pg_test]
    fn sessions_are_numbered_without_gaps_whatever_is_deleted_and_by_nobody_else() {
        let workshop = workshop(&space("public"));
        let sessions: Vec<_> = (1..=5)
            .map(|day| session(&workshop, &format!("{day} days")))
            .collect();
        assert_eq!(numbers(&workshop), "1 2 3 4 5");
        run(&format!(
            "DELETE FROM spaces.workshop_sessions WHERE id IN ('{}', '{}')",
            sessions[1], sessions[2]
        ));
        assert_eq!(numbers(&workshop), "1 2 3");
        let last = format!(
            "SELECT session_number::text FROM spaces.workshop_sessions WHERE id = '{}'",
            sessions[4]
        );
        assert_eq!(text(&last), "3");
        let by_hand = format!(
            "UPDATE spaces.workshop_sessions SET session_number = 9 WHERE id = '{}'",
            sessions[4]
        );
        assert_eq!(outcome(As::Service, &by_hand), "55000");
        let chosen = format!(
            "INSERT INTO spaces.workshop_sessions (workshop_id, session_number, start_at, end_at)
             VALUES ('{workshop}', 9, now(), now() + interval '1 hour') RETURNING session_number::text"
        );
        assert_eq!(text_as(As::Service, &chosen), "4");
        let backwards = format!(
            "INSERT INTO spaces.workshop_sessions (workshop_id, start_at, end_at) VALUES ('{workshop}', now(), now())"
        );
        assert_eq!(outcome(As::Owner, &backwards), "23514");
        assert_eq!(
            outcome(
                As::Owner,
                &format!("DELETE FROM spaces.workshops WHERE id = '{workshop}'")
            ),
            "1"
        );
    }

    #[pg_test]
    fn completed_and_a_progress_of_100_and_completed_at_are_one_and_the_same() {
        let space = space("public");
        let workshop = workshop(&space);
        let ada = person();
        enroll(&workshop, &ada);
        let change = |set: &str| {
            format!("UPDATE spaces.workshop_enrollments SET {set} WHERE profile_id = '{ada}'")
        };
        for set in ["progress = 101", "progress = -1", "status = 'completed'"] {
            assert_eq!(outcome(As::Person(&ada), &change(set)), "23514", "{set}");
        }
        let state = "SELECT status || ' ' || progress || ' ' || (completed_at IS NOT NULL) FROM spaces.workshop_enrollments";
        run_as(As::Person(&ada), &change("progress = 100"));
        assert_eq!(
            text(&format!("{state} WHERE profile_id = '{ada}'")),
            "completed 100 true"
        );
        assert_eq!(
            outcome(As::Person(&ada), &change("status = 'dropped'")),
            "23514"
        );
        run_as(As::Person(&ada), &change("progress = 60"));
        assert_eq!(
            text(&format!("{state} WHERE profile_id = '{ada}'")),
            "enrolled 60 false"
        );
        assert_eq!(
            outcome(As::Person(&ada), &change("completed_at = now()")),
            "42501"
        );
    }

    #[pg_test]
    fn a_draft_takes_nobody_and_a_stranger_does_not_enrol_in_a_closed_space() {
        let space = space("restricted");
        let open = workshop(&space);
        let draft = text(&format!(
            "INSERT INTO spaces.workshops (space_id, title) VALUES ('{space}', 'Draft') RETURNING id::text"
        ));
        let (ada, stranger) = (member(&space, "member"), person());
        let enrol = |who: As, workshop: &str, person: &str| {
            outcome(
                who,
                &format!(
                    "INSERT INTO spaces.workshop_enrollments (workshop_id, profile_id) VALUES ('{workshop}', '{person}')"
                ),
            )
        };
        assert_eq!(enrol(As::Person(&ada), &open, &ada), "1");
        assert_eq!(enrol(As::Person(&ada), &open, &stranger), "42501");
        assert_eq!(enrol(As::Person(&stranger), &open, &stranger), "42501");
        assert_eq!(enrol(As::Service, &draft, &ada), "55000");
    }

    #[pg_test]
    fn feedback_is_the_participants_own_once_there_was_something_to_judge() {
        let space = space("public");
        let workshop = workshop(&space);
        let (ada, moderator) = (person(), member(&space, "moderator"));
        enroll(&workshop, &ada);
        let score = |score: i32| {
            format!(
                "UPDATE spaces.workshop_enrollments SET feedback_score = {score} WHERE profile_id = '{ada}'"
            )
        };
        assert_eq!(outcome(As::Person(&ada), &score(5)), "55000");
        session(&workshop, "1 day");
        assert_eq!(
            outcome(As::Person(&ada), &score(5)),
            "55000",
            "it has not begun"
        );
        session(&workshop, "-1 hour");
        assert_eq!(outcome(As::Person(&moderator), &score(5)), "42501");
        assert_eq!(outcome(As::Person(&ada), &score(6)), "23514");
        assert_eq!(outcome(As::Person(&ada), &score(5)), "1");
        let progress = format!(
            "UPDATE spaces.workshop_enrollments SET progress = 50 WHERE profile_id = '{ada}'"
        );
        assert_eq!(outcome(As::Person(&moderator), &progress), "1");
        assert_eq!(outcome(As::Person(&person()), &progress), "0");
    }

    #[pg_test]
    fn what_is_handed_in_late_is_marked_by_the_database_and_judged_anew_when_it_is_due_later() {
        let workshop = workshop(&space("public"));
        let ada = person();
        enroll(&workshop, &ada);
        let (timely, late) = (
            assignment(&workshop, "now() + interval '1 day'"),
            assignment(&workshop, "now() - interval '1 day'"),
        );
        let (early, tardy) = (hand_in(&timely, &ada), hand_in(&late, &ada));
        let is_late = |id: &str| {
            text(&format!(
                "SELECT is_late::text FROM spaces.assignment_submissions WHERE id = '{id}'"
            ))
        };
        assert_eq!(
            (is_late(&early), is_late(&tardy)),
            ("false".into(), "true".into())
        );
        let excuse = format!(
            "UPDATE spaces.assignment_submissions SET is_late = false WHERE id = '{tardy}'"
        );
        assert_eq!(outcome(As::Person(&ada), &excuse), "42501");
        run_as(As::Service, &excuse);
        assert_eq!(is_late(&tardy), "true", "nor by the service");
        run(&format!(
            "UPDATE spaces.assignments SET due_at = now() + interval '1 day' WHERE id = '{late}'"
        ));
        assert_eq!(is_late(&tardy), "false");
    }

    #[pg_test]
    fn grades_come_from_the_moderators_and_nobody_grades_oneself() {
        let space = space("public");
        let workshop = workshop(&space);
        let (ada, moderator) = (person(), member(&space, "moderator"));
        enroll(&workshop, &ada);
        enroll(&workshop, &moderator);
        let assignment = assignment(&workshop, "NULL");
        let (work, own) = (hand_in(&assignment, &ada), hand_in(&assignment, &moderator));
        let grade = |id: &str, grade: &str| {
            format!("SELECT spaces.grade_submission('{id}', {grade}, 'Fine.')")
        };
        assert_eq!(outcome(As::Person(&ada), &grade(&work, "100")), "42501");
        assert_eq!(
            outcome(As::Person(&moderator), &grade(&own, "100")),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&moderator), &grade(&work, "101")),
            "23514"
        );
        for set in ["grade = 100", "feedback = 'Great'", "status = 'graded'"] {
            let by_hand =
                format!("UPDATE spaces.assignment_submissions SET {set} WHERE id = '{work}'");
            assert_eq!(outcome(As::Person(&ada), &by_hand), "42501", "{set}");
        }
        let replace = format!(
            "UPDATE spaces.assignment_submissions SET submission_url = 'https://example.org/2' WHERE id = '{work}'"
        );
        assert_eq!(outcome(As::Person(&ada), &replace), "1");
        run_as(As::Person(&moderator), &grade(&work, "87.5"));
        assert_eq!(outcome(As::Person(&ada), &replace), "55000");
        let told = format!(
            "SELECT count(*)::text FROM spaces.notifications
             WHERE profile_id = '{ada}' AND type = 'assignment.graded' AND channel = 'in_app'"
        );
        assert_eq!(text(&told), "1");
        let seen = format!("SELECT id FROM spaces.assignment_submissions WHERE id = '{work}'");
        assert_eq!(outcome(As::Person(&ada), &seen), "1");
        assert_eq!(outcome(As::Person(&moderator), &seen), "1");
        let fellow = person();
        enroll(&workshop, &fellow);
        assert_eq!(outcome(As::Person(&fellow), &seen), "0");
    }

    #[pg_test]
    fn only_the_enrolled_hand_in() {
        let space = space("public");
        let workshop = workshop(&space);
        let ada = person();
        let assignment = assignment(&workshop, "NULL");
        let attempt = format!(
            "INSERT INTO spaces.assignment_submissions (assignment_id, profile_id, submission_url) VALUES ('{assignment}', '{ada}', 'x')"
        );
        assert_eq!(outcome(As::Person(&ada), &attempt), "42501");
        enroll(&workshop, &ada);
        assert_eq!(outcome(As::Person(&ada), &attempt), "1");
        run(&format!(
            "UPDATE spaces.workshop_enrollments SET status = 'dropped' WHERE profile_id = '{ada}'"
        ));
        assert_eq!(outcome(As::Person(&ada), &attempt), "42501");
    }

    #[pg_test]
    fn a_material_is_read_with_what_it_belongs_to_and_goes_with_it() {
        let space = space("public");
        let workshop = workshop(&space);
        let session = session(&workshop, "1 day");
        let assignment = assignment(&workshop, "NULL");
        let event = text(&format!(
            "INSERT INTO spaces.events (space_id, title, start_at, end_at)
             VALUES ('{space}', 'A talk', now(), now() + interval '1 day') RETURNING id::text"
        ));
        for (kind, owner) in [
            ("space", &space),
            ("workshop", &workshop),
            ("session", &session),
            ("assignment", &assignment),
            ("event", &event),
        ] {
            for visibility in ["public", "members", "enrolled"] {
                if (kind, visibility) != ("space", "enrolled") {
                    run(&format!(
                        "INSERT INTO spaces.materials (owner_type, owner_id, title, storage_path, visibility)
                         VALUES ('{kind}', '{owner}', '{kind} {visibility}', 'x', '{visibility}')"
                    ));
                }
            }
            let nowhere = format!(
                "INSERT INTO spaces.materials (owner_type, owner_id, title, storage_path) VALUES ('{kind}', '{}', 't', 'x')",
                person()
            );
            assert_eq!(outcome(As::Service, &nowhere), "23503", "{kind}");
        }
        let seen = |who: As| {
            text_as(
                who,
                "SELECT string_agg(title, ', ' ORDER BY title COLLATE \"C\") FROM spaces.materials",
            )
        };
        let (stranger, member, student, holder, moderator) = (
            person(),
            member(&space, "member"),
            person(),
            person(),
            member(&space, "moderator"),
        );
        let open = "session public, space public, workshop public";
        assert_eq!(seen(As::Anonymous), open);
        assert_eq!(seen(As::Person(&stranger)), open);
        assert_eq!(
            seen(As::Person(&member)),
            "session members, session public, space members, space public, workshop members, workshop public"
        );
        enroll(&workshop, &student);
        assert_eq!(
            seen(As::Person(&student)),
            "assignment enrolled, assignment members, assignment public, session enrolled, session members, \
             session public, space public, workshop enrolled, workshop members, workshop public"
        );
        run(&format!("SELECT spaces.publish_event('{event}')"));
        run_as(
            As::Person(&holder),
            &format!("SELECT spaces.book_ticket('{event}')"),
        );
        assert_eq!(
            seen(As::Person(&holder)),
            format!("event enrolled, event members, event public, {open}")
        );
        assert_eq!(seen(As::Person(&stranger)), format!("event public, {open}"));
        assert_eq!(
            outcome(As::Person(&moderator), "SELECT id FROM spaces.materials"),
            "14"
        );
        run(&format!(
            "DELETE FROM spaces.workshop_sessions WHERE id = '{session}';
             DELETE FROM spaces.assignments WHERE id = '{assignment}';
             DELETE FROM spaces.events WHERE id = '{event}'"
        ));
        let left =
            "SELECT string_agg(DISTINCT owner_type, ' ' ORDER BY owner_type) FROM spaces.materials";
        assert_eq!(
            text(&format!("{left} WHERE space_id = '{space}'")),
            "space workshop"
        );
        run(&format!(
            "DELETE FROM spaces.workshops WHERE id = '{workshop}'"
        ));
        assert_eq!(text(&format!("{left} WHERE space_id = '{space}'")), "space");
    }

    #[pg_test]
    fn the_links_of_a_workshop_are_for_the_enrolled() {
        let space = space("public");
        let workshop = workshop(&space);
        session(&workshop, "1 day");
        let (ada, moderator) = (person(), member(&space, "moderator"));
        let links = format!("SELECT * FROM spaces.workshop_links('{workshop}')");
        assert_eq!(outcome(As::Person(&ada), &links), "0");
        assert_eq!(outcome(As::Person(&moderator), &links), "1");
        enroll(&workshop, &ada);
        assert_eq!(outcome(As::Person(&ada), &links), "1");
        assert_eq!(
            outcome(
                As::Person(&ada),
                "SELECT meeting_link FROM spaces.workshop_sessions"
            ),
            "42501"
        );
    }

    #[pg_test]
    fn enrolments_and_submissions_are_anonymous_after_24_months() {
        let workshop = workshop(&space("public"));
        let ada = person();
        enroll(&workshop, &ada);
        hand_in(&assignment(&workshop, "NULL"), &ada);
        for (table, policy) in [
            ("workshop_enrollments", "anonymize_updated_at"),
            ("assignment_submissions", "anonymize_submitted_at"),
        ] {
            let apply = |at: &str| {
                text(&format!(
                    "SELECT community_core.apply_retention_batch('spaces.{table}', '{policy}', 100,
                         now() + interval '{at}', gen_random_uuid())::text"
                ))
            };
            assert_eq!(apply("23 months"), "0", "{table}");
            assert_eq!(apply("25 months"), "1", "{table}");
            let named = format!("SELECT id FROM spaces.{table} WHERE profile_id = '{ada}'");
            assert_eq!(outcome(As::Owner, &named), "0", "{table}");
        }
    }
}
