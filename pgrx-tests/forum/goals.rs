//! Claims about the way to a goal.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    fn goals(topic: &str, how_many: usize) -> Vec<String> {
        (1..=how_many)
            .map(|number| {
                let id = uuid(topic, 300 + number);
                run(&format!(
                    "INSERT INTO forum.track_goals (id) VALUES ('{id}')"
                ));
                id
            })
            .collect()
    }

    fn entries(person: &str) -> String {
        list(&format!(
            "SELECT h.status || ' ' || h.progress || CASE WHEN h.paused_at IS NULL THEN '' ELSE ' since' END
                    || CASE WHEN h.completed_at IS NULL THEN '' ELSE ' at' END
             FROM forum.user_goal_history h WHERE h.user_id = '{person}' ORDER BY h.status"
        ))
    }

    #[pg_test]
    fn starting_twice_is_starting_once() {
        people("b1", 1);
        let goal = &goals("b1", 1)[0];
        as_person(&uuid("b1", 1));
        let first = text(&format!("SELECT id FROM forum.start_goal('{goal}')"));
        assert_eq!(
            text(&format!("SELECT id FROM forum.start_goal('{goal}')")),
            first
        );
        as_owner();
        assert_eq!(entries(&uuid("b1", 1)), "active 0");
        let second = format!(
            "INSERT INTO forum.user_goal_history (user_id, goal_id) VALUES ('{}', '{goal}')",
            uuid("b1", 1)
        );
        assert_eq!(sqlstate(&second), "23505");
    }

    #[pg_test]
    fn a_goal_goes_from_active_to_paused_and_back_and_to_completed_and_nowhere_else() {
        people("b2", 1);
        let goal = goals("b2", 1).remove(0);
        let me = uuid("b2", 1);
        as_person(&me);
        // Step, what comes of it, and the entries then. The function's own name tells the rest.
        for (step, expected, then) in [
            ("pause", "55000", ""),
            ("resume", "55000", ""),
            ("complete", "55000", ""),
            ("start", "00000", "active 0"),
            ("resume", "55000", "active 0"),
            ("pause", "00000", "paused 0 since"),
            ("pause", "55000", "paused 0 since"),
            ("complete", "55000", "paused 0 since"),
            ("start", "55000", "paused 0 since"),
            ("resume", "00000", "active 0"),
            ("complete", "00000", "completed 100 at"),
            ("complete", "55000", "completed 100 at"),
            ("pause", "55000", "completed 100 at"),
            ("resume", "55000", "completed 100 at"),
            ("start", "00000", "active 0 completed 100 at"),
            ("complete", "00000", "completed 100 at completed 100 at"),
        ] {
            assert_eq!(
                sqlstate(&format!("SELECT forum.{step}_goal('{goal}')")),
                expected,
                "{step}"
            );
            assert_eq!(entries(&me), then, "{step}");
        }
        let refused = message(&format!("SELECT forum.pause_goal('{goal}')"));
        assert_eq!(refused, format!("goal {goal} is completed, not active"));
    }

    #[pg_test]
    fn a_goal_that_is_not_there_is_refused_by_name() {
        people("b3", 1);
        as_person(&uuid("b3", 1));
        let unknown = uuid("b3", 999);
        assert_eq!(
            sqlstate(&format!("SELECT forum.start_goal('{unknown}')")),
            "23503"
        );
        assert_eq!(
            message(&format!("SELECT forum.start_goal('{unknown}')")),
            format!("there is no goal {unknown}")
        );
        assert_eq!(sqlstate("SELECT forum.start_goal(NULL)"), "23503");
        assert_eq!(
            message("SELECT forum.pause_goal(NULL)"),
            "goal <NULL> is not started, not active"
        );
    }

    #[pg_test]
    fn status_progress_and_dates_agree() {
        people("b4", 1);
        let goal = &goals("b4", 1)[0];
        let entry = |values: &str| {
            sqlstate(&format!(
                "INSERT INTO forum.user_goal_history
                     (user_id, goal_id, status, progress, started_at, completed_at, paused_at)
                 VALUES ('{}', '{goal}', {values})",
                uuid("b4", 1)
            ))
        };
        for wrong in [
            "'done', 0, now(), NULL, NULL",
            "'active', -1, now(), NULL, NULL",
            "'active', 101, now(), NULL, NULL",
            "'completed', 100, now(), NULL, NULL",
            "'active', 100, now(), now(), NULL",
            "'paused', 5, now(), NULL, NULL",
            "'active', 5, now(), NULL, now()",
            "'completed', 5, now(), now(), now()",
            "'completed', 100, now(), now() - interval '1 second', NULL",
            "'completed', 100, now(), 'infinity', NULL",
            "'active', 0, '-infinity', NULL, NULL",
        ] {
            assert_eq!(entry(wrong), "23514", "{wrong}");
        }
        assert_eq!(entry("'paused', 5, now(), NULL, now()"), "00000");
        assert_eq!(entry("'active', 0, now(), NULL, NULL"), "00000");
    }

    #[pg_test]
    fn the_profile_shows_the_goal_that_was_started_or_resumed_last() {
        people("b5", 1);
        let (goals, me) = (goals("b5", 2), uuid("b5", 1));
        let step = |step: &str, goal: &str| {
            as_person(&me);
            run(&format!("SELECT forum.{step}_goal('{goal}')"));
            as_owner();
            text(&format!(
                "SELECT current_goal_id FROM forum.profiles WHERE id = '{me}'"
            ))
        };
        let (one, two) = (goals[0].as_str(), goals[1].as_str());
        assert_eq!(step("start", one), one);
        assert_eq!(step("start", two), two);
        assert_eq!(step("pause", one), two);
        assert_eq!(step("resume", one), one);
        assert_eq!(step("complete", one), two, "the other one is still active");
        assert_eq!(step("pause", two), "");
        run(&format!("DELETE FROM forum.track_goals WHERE id = '{one}'"));
        assert_eq!(step("resume", two), two);
        run(&format!(
            "DELETE FROM forum.user_goal_history WHERE user_id = '{me}'"
        ));
        assert_eq!(
            text(&format!(
                "SELECT current_goal_id FROM forum.profiles WHERE id = '{me}'"
            )),
            ""
        );
    }

    #[pg_test]
    fn a_person_with_goals_behind_and_before_them_can_be_deleted() {
        people("b6", 2);
        let (goals, me) = (goals("b6", 2), uuid("b6", 1));
        as_person(&me);
        for goal in &goals {
            run(&format!("SELECT forum.start_goal('{goal}')"));
        }
        run(&format!("SELECT forum.complete_goal('{}')", goals[0]));
        as_owner();
        run(&format!("DELETE FROM auth.users WHERE id = '{me}'"));
        for table in ["user_goal_history", "profiles"] {
            let column = if table == "profiles" { "id" } else { "user_id" };
            assert_eq!(
                text(&format!(
                    "SELECT count(*) FROM forum.{table} WHERE {column} = '{me}'"
                )),
                "0"
            );
        }
    }
}
