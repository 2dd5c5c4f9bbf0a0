//! Claims about the figures of a completed goal, each against values computed by hand.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    fn goal(topic: &str) -> String {
        let id = uuid(topic, 400);
        run(&format!(
            "INSERT INTO forum.track_goals (id) VALUES ('{id}') ON CONFLICT DO NOTHING"
        ));
        id
    }

    /// Person `number` completes the goal after so long.
    fn complete(topic: &str, number: usize, after: &str) {
        run(&format!(
            "INSERT INTO forum.user_goal_history (user_id, goal_id, status, started_at, completed_at)
             VALUES ('{}', '{}', 'completed', '2026-01-01', '2026-01-01'::timestamptz + interval '{after}')",
            uuid(topic, number),
            goal(topic)
        ));
    }

    /// Days, rank and pace of everybody, in the order of the people.
    fn board(topic: &str) -> String {
        list(&format!(
            "SELECT m.days_to_complete || '/' || m.ranking || '/' || m.execution_pace
             FROM forum.goal_metrics m JOIN forum.user_goal_history h ON h.id = m.user_goal_history_id
             WHERE h.goal_id = '{}' ORDER BY h.user_id",
            goal(topic)
        ))
    }

    #[pg_test]
    fn learn_and_execution_rate_are_made_of_the_actions_of_this_goal_in_its_time() {
        people("c1", 2);
        let (me, other, goal) = (uuid("c1", 1), uuid("c1", 2), goal("c1"));
        let course = uuid("c1", 500);
        run(&format!(
            "INSERT INTO forum.courses (id) VALUES ('{course}');
             INSERT INTO forum.track_goals (id) VALUES ('{course}');
             INSERT INTO forum.user_actions (user_id, goal_id, course_id, action_date)
             SELECT '{me}', '{goal}', CASE WHEN n <= 3 THEN '{course}'::uuid END,
                    '2026-01-01'::timestamptz + n * interval '1 hour' FROM generate_series(1, 7) n;
             -- the very first and the very last moment count
             INSERT INTO forum.user_actions (user_id, goal_id, action_date) VALUES
                 ('{me}', '{goal}', '2026-01-01'),
             -- and these do not: before, after, another goal, no goal, another person
                 ('{me}', '{goal}', '2025-12-31 23:59:59.999999'),
                 ('{me}', '{goal}', '2026-01-03 00:00:00.000001'),
                 ('{me}', '{course}', '2026-01-02'), ('{me}', NULL, '2026-01-02'),
                 ('{other}', '{goal}', '2026-01-02')"
        ));
        complete("c1", 1, "2 days");
        complete("c1", 2, "0");
        let rates = |person: &str| {
            text(&format!(
                "SELECT concat_ws(' ', coalesce(m.learn_rate::text, 'NULL'), coalesce(m.execution_rate::text, 'NULL'))
                 FROM forum.goal_metrics m JOIN forum.user_goal_history h ON h.id = m.user_goal_history_id
                 WHERE h.user_id = '{person}'"
            ))
        };
        // 3 lessons of 8 actions: 60 * 3 / 8 = 22.5 and 100 * 5 / 8 = 62.5
        assert_eq!(rates(&me), "23 63");
        assert_eq!(rates(&other), "NULL NULL");
    }

    #[pg_test]
    fn an_action_without_a_date_counts_by_when_it_was_recorded() {
        people("c2", 1);
        run(&format!(
            "INSERT INTO forum.courses (id) VALUES ('{1}');
             INSERT INTO forum.user_actions (user_id, goal_id, course_id, action_date, created_at)
             VALUES ('{0}', '{1}', '{1}', NULL, '2026-01-01 12:00'), ('{0}', '{1}', NULL, NULL, '2026-01-02 12:00')",
            uuid("c2", 1),
            goal("c2")
        ));
        complete("c2", 1, "1 day");
        let rates = format!(
            "SELECT m.learn_rate || ' ' || m.execution_rate FROM forum.goal_metrics m
             JOIN forum.user_goal_history h ON h.id = m.user_goal_history_id WHERE h.user_id = '{}'",
            uuid("c2", 1)
        );
        assert_eq!(text(&rates), "60 0");
    }

    #[pg_test]
    fn where_actions_have_days_the_first_and_the_last_day_count_whole() {
        run("CREATE SCHEMA daily;
             CREATE TABLE daily.user_actions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL,
                 goal_id uuid, points numeric, description varchar(200), action_date date NOT NULL);
             SELECT community_core.install_module('forum', 'daily')");
        people("c3", 1);
        run(&format!(
            "INSERT INTO daily.track_goals (id) VALUES ('{1}');
             INSERT INTO daily.user_actions (user_id, goal_id, action_date)
             SELECT '{0}', '{1}', d::date FROM generate_series('2026-01-01'::date, '2026-01-06', '1 day') d;
             INSERT INTO daily.courses (id) VALUES ('{1}');
             UPDATE daily.user_actions SET course_id = '{1}' WHERE action_date = '2026-01-05';
             INSERT INTO daily.user_goal_history (user_id, goal_id, status, started_at, completed_at)
             VALUES ('{0}', '{1}', 'completed', '2026-01-02 20:00', '2026-01-05 08:00')",
            uuid("c3", 1),
            uuid("c3", 400)
        ));
        // 2, 3, 4 and 5 January, the last a lesson; 2.5 times 24 hours.
        let figures = "SELECT concat_ws(' ', learn_rate, execution_rate, days_to_complete) FROM daily.goal_metrics";
        assert_eq!(text(figures), "15 75 3");
        assert_eq!(
            text("SELECT count(*) FROM community_core.verify_module('daily')"),
            "0"
        );
    }

    #[pg_test]
    fn days_are_periods_of_24_hours_begun_and_at_least_one() {
        people("c4", 5);
        for (number, after) in [
            "0",
            "24 hours",
            "24 hours 1 microsecond",
            "47 hours",
            "400 days",
        ]
        .iter()
        .enumerate()
        {
            complete("c4", number + 1, after);
        }
        let days = board("c4");
        let days: Vec<_> = days
            .split(' ')
            .filter_map(|one| one.split('/').next())
            .collect();
        assert_eq!(days, ["1", "1", "2", "2", "400"]);
    }

    #[pg_test]
    fn ties_share_a_rank_and_pace_is_against_the_median() {
        people("c5", 6);
        for (number, days) in [4, 3, 8, 4, 5, 2].iter().enumerate() {
            complete("c5", number + 1, &format!("{days} days"));
        }
        // Sorted: 2 3 4 4 5 8, so the median is 4: fast up to 3, slow from 5 on.
        assert_eq!(
            board("c5"),
            "4/3/steady 3/2/fast 8/6/slow 4/3/steady 5/5/slow 2/1/fast"
        );
    }

    #[pg_test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        people("c6", 4);
        for (number, days) in [1, 2, 3, 4].iter().enumerate() {
            complete("c6", number + 1, &format!("{days} days"));
        }
        // Median 2.5: fast up to 1.875, slow from 3.125 on.
        assert_eq!(board("c6"), "1/1/fast 2/2/steady 3/3/steady 4/4/slow");
    }

    #[pg_test]
    fn the_only_one_is_first_and_steady() {
        people("c7", 1);
        complete("c7", 1, "9 days");
        assert_eq!(board("c7"), "9/1/steady");
    }

    #[pg_test]
    fn the_ranking_stays_right_when_another_completes_reopens_moves_or_goes() {
        people("c8", 4);
        complete("c8", 1, "4 days");
        complete("c8", 2, "8 days");
        // Median 6: slow from 7.5 on.
        assert_eq!(board("c8"), "4/1/fast 8/2/slow");
        complete("c8", 3, "2 days");
        assert_eq!(board("c8"), "4/2/steady 8/3/slow 2/1/fast");
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{}'",
            uuid("c8", 3)
        ));
        assert_eq!(board("c8"), "4/1/fast 8/2/slow");
        complete("c8", 4, "1 day");
        assert_eq!(board("c8"), "4/2/steady 8/3/slow 1/1/fast");
        let person = |number| uuid("c8", number);
        run(&format!(
            "UPDATE forum.user_goal_history SET status = 'active', completed_at = NULL WHERE user_id = '{}'",
            person(4)
        ));
        assert_eq!(board("c8"), "4/1/fast 8/2/slow");
        run(&format!(
            "UPDATE forum.user_goal_history SET completed_at = started_at + interval '3 days' WHERE user_id = '{}'",
            person(2)
        ));
        assert_eq!(board("c8"), "4/2/steady 3/1/steady");
        run(&format!(
            "INSERT INTO forum.track_goals (id) VALUES ('{0}');
             UPDATE forum.user_goal_history SET goal_id = '{0}' WHERE user_id = '{1}'",
            uuid("c8", 500),
            person(2)
        ));
        assert_eq!(board("c8"), "4/1/steady");
        assert_eq!(
            text(&format!(
                "SELECT ranking FROM forum.goal_metrics m JOIN forum.user_goal_history h
                 ON h.id = user_goal_history_id WHERE goal_id = '{}'",
                uuid("c8", 500)
            )),
            "1"
        );
        run(&format!(
            "DELETE FROM forum.track_goals WHERE id = '{}'",
            goal("c8")
        ));
        assert_eq!(board("c8"), "");
    }

    #[pg_test]
    fn whatever_the_order_of_completion_the_board_is_the_same_as_made_at_once() {
        people("c9", 12);
        let days = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
        for (step, _) in days.iter().enumerate() {
            let number = step * 7 % 12;
            complete("c9", number + 1, &format!("{} days", days[number]));
        }
        // Sorted: 1 1 2 3 3 4 5 5 5 6 8 9, median 4.5: fast up to 3.375, slow from 5.625 on.
        let expected: Vec<_> = days
            .iter()
            .map(|days| {
                let rank = 1 + [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
                    .iter()
                    .filter(|other| *other < days)
                    .count();
                let pace = match days {
                    1..=3 => "fast",
                    4..=5 => "steady",
                    _ => "slow",
                };
                format!("{days}/{rank}/{pace}")
            })
            .collect();
        assert_eq!(board("c9"), expected.join(" "));
    }

    #[pg_test]
    fn completing_by_the_person_gives_the_figures_at_once() {
        people("ca", 1);
        let goal = goal("ca");
        as_person(&uuid("ca", 1));
        run(&format!("SELECT forum.start_goal('{goal}')"));
        assert_eq!(text("SELECT count(*) FROM forum.goal_metrics"), "0");
        run(&format!("SELECT forum.complete_goal('{goal}')"));
        assert_eq!(
            text("SELECT days_to_complete || execution_pace FROM forum.goal_metrics"),
            "1steady"
        );
    }

    #[pg_test]
    fn progress_alone_measures_nothing_anew() {
        people("cb", 1);
        complete("cb", 1, "2 days");
        let version = format!(
            "SELECT m.xmin || ' ' || m.cmin || ' ' || m.ctid FROM forum.goal_metrics m JOIN forum.user_goal_history h
             ON h.id = user_goal_history_id WHERE h.user_id = '{}'",
            uuid("cb", 1)
        );
        let before = text(&version);
        run(&format!(
            "UPDATE forum.user_goal_history SET progress = 99 WHERE user_id = '{}'",
            uuid("cb", 1)
        ));
        assert_eq!(text(&version), before);
    }
}
