//! Claims about reputation: exact totals, decay, the summary of what is old, and the backfill.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn earn(person: &str, space: &str, points: i32, age: &str) {
        be(As::Owner);
        run(&format!(
            "INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points, created_at)
             VALUES ('{person}', '{space}', 'badge', {points}, now() - interval '{age}')"
        ));
    }

    fn total(person: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT string_agg(total_points::text, ' ') FROM spaces.reputation_aggregates WHERE profile_id = '{person}'"
        ))
    }

    /// Reputation as it has faded `after` from now, to four digits.
    fn faded(person: &str, space: &str, after: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT round(spaces.reputation('{person}', '{space}', now() + interval '{after}')::numeric, 4)::text"
        ))
    }

    #[pg_test]
    fn a_point_is_worth_half_after_each_half_life_read_or_written_down() {
        run("SET LOCAL community_core.spaces_half_life_days = 100");
        let space = space("public");
        let me = member(&space, "member");
        earn(&me, &space, 80, "100 days");
        earn(&me, &space, 10, "0");
        assert_eq!(faded(&me, &space, "0"), "50.0000");
        assert_eq!(faded(&me, &space, "100 days"), "25.0000");
        assert_eq!(
            text("SELECT spaces.decay_reputation(at => now() + interval '50 days')::text"),
            "1"
        );
        assert_eq!(
            text(&format!(
                "SELECT round(decayed_points::numeric, 4)::text FROM spaces.reputation_aggregates WHERE profile_id = '{me}'"
            )),
            "35.3553"
        );
        assert_eq!(
            faded(&me, &space, "100 days"),
            "25.0000",
            "writing it down changes nothing"
        );
        assert_eq!(
            text("SELECT spaces.decay_reputation(at => now() + interval '50 days')::text"),
            "0"
        );
        assert_eq!(total(&me), "90");
        assert_eq!(faded(&me, &space, "5000 years"), "0.0000");
    }

    #[pg_test]
    fn decay_works_in_batches_of_what_it_is_given() {
        let space = space("public");
        for _ in 0..3 {
            earn(&member(&space, "member"), &space, 1, "0");
        }
        let batch = "SELECT spaces.decay_reputation(2, now() + interval '2 days')::text";
        assert_eq!([batch; 3].map(text), ["2", "1", "0"]);
        assert_eq!(
            outcome(As::Service, "SELECT spaces.decay_reputation(0)"),
            "22023"
        );
        let me = person();
        assert_eq!(
            outcome(As::Person(&me), "SELECT spaces.decay_reputation()"),
            "42501"
        );
    }

    #[pg_test]
    fn totals_are_per_space_and_equal_the_events() {
        let (here, there) = (space("public"), space("public"));
        let me = member(&here, "member");
        earn(&me, &here, 5, "1 day");
        earn(&me, &there, 7, "1 day");
        earn(&me, &here, -2, "0");
        assert_eq!(
            text(&format!(
                "SELECT string_agg(total_points::text, ' ' ORDER BY total_points) FROM spaces.reputation_aggregates WHERE profile_id = '{me}'"
            )),
            "3 7"
        );
        run("UPDATE spaces.reputation_aggregates SET event_points = 99");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM community_core.verify_counters('spaces.reputation_aggregates')"
            ),
            "2"
        );
    }

    #[pg_test]
    fn events_are_added_by_the_service_and_changed_by_nobody() {
        let space = space("public");
        let me = member(&space, "owner");
        earn(&me, &space, 5, "1 day");
        let more = format!(
            "INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points) VALUES ('{me}', '{space}', 'badge', 9)"
        );
        assert_eq!(outcome(As::Person(&me), &more), "42501");
        assert_eq!(outcome(As::Service, &more), "1");
        for who in [As::Person(&me), As::Service, As::Owner] {
            assert_eq!(
                outcome(who, "UPDATE spaces.reputation_events SET points = 9"),
                "42501"
            );
        }
        assert_eq!(
            outcome(As::Service, "DELETE FROM spaces.reputation_events"),
            "42501"
        );
        run(&format!("DELETE FROM auth.users WHERE id = '{me}'"));
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.reputation_events"),
            "0"
        );
    }

    #[pg_test]
    fn events_older_than_24_months_become_months_and_totals_stay_what_they_were() {
        let space = space("public");
        let me = member(&space, "member");
        for (points, age) in [
            (5, "25 months"),
            (7, "25 months"),
            (-3, "30 months"),
            (1, "23 months"),
        ] {
            earn(&me, &space, points, age);
        }
        let before = (total(&me), faded(&me, &space, "0"));
        let batch = "SELECT community_core.apply_retention_batch('spaces.reputation_events', 'summarize_created_at', 2, now(), gen_random_uuid())::text";
        assert_eq!([batch; 3].map(text), ["2", "1", "0"]);
        assert_eq!((total(&me), faded(&me, &space, "0")), before);
        assert_eq!(total(&me), "10");
        assert_eq!(
            text(
                "SELECT string_agg(points || '/' || events, ' ' ORDER BY month) FROM spaces.reputation_months"
            ),
            "-3/1 12/2"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.reputation_events"),
            "1"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
    }

    #[pg_test]
    fn a_backfill_credits_each_vote_and_acceptance_once_however_often_it_is_resumed() {
        let space = space("public");
        let (asker, helper) = (member(&space, "member"), member(&space, "member"));
        let question = question(&space, &asker);
        let given = answer(&question, &helper);
        run("SET LOCAL session_replication_role = replica");
        run(&format!(
            "INSERT INTO spaces.votes (space_id, answer_id, value) SELECT '{space}', '{given}', 1 FROM generate_series(1, 5);
             INSERT INTO spaces.votes (space_id, post_id, value, points) VALUES ('{space}', '{question}', 1, 10);
             UPDATE spaces.answers SET is_accepted = true WHERE id = '{given}';
             UPDATE spaces.questions SET accepted_answer_id = '{given}' WHERE post_id = '{question}'"
        ));
        run("SET LOCAL session_replication_role = origin");
        let mut token = text("SELECT spaces.backfill_reputation(NULL, 2)");
        assert!(token.starts_with("votes "), "{token}");
        let mut steps = 1;
        while !token.is_empty() {
            token = text(&format!("SELECT spaces.backfill_reputation('{token}', 2)"));
            steps += 1;
        }
        assert_eq!(
            steps, 6,
            "three of votes, one that ends them, one of answers, one that ends"
        );
        assert_eq!(total(&helper), "65");
        assert_eq!(total(&asker), "", "already credited");
        for token in ["NULL", "'answers'"] {
            text(&format!("SELECT spaces.backfill_reputation({token})"));
        }
        assert_eq!(total(&helper), "65");
        assert_eq!(
            outcome(As::Service, "SELECT spaces.backfill_reputation('comments')"),
            "22023"
        );
        assert_eq!(
            outcome(As::Service, "SELECT spaces.backfill_reputation('votes x')"),
            "22023"
        );
    }

    #[pg_test]
    fn reputation_is_read_by_who_reads_the_space_and_its_history_by_oneself_and_moderators() {
        let space = space("private");
        let (me, other, moderator, stranger) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "moderator"),
            person(),
        );
        earn(&me, &space, 5, "1 day");
        let seen = |who: &str| {
            let rows = |table: &str| {
                outcome(
                    As::Person(who),
                    &format!("SELECT FROM spaces.{table} WHERE profile_id = '{me}'"),
                )
            };
            let points = text_as(
                As::Person(who),
                &format!("SELECT round(spaces.reputation('{me}', '{space}')::numeric)::text"),
            );
            format!(
                "{} {} {points}",
                rows("reputation_aggregates"),
                rows("reputation_events")
            )
        };
        assert_eq!(
            [&me, &other, &moderator, &stranger].map(|who| seen(who)),
            ["1 1 5", "1 0 5", "1 1 5", "0 0 "]
        );
    }
}
