//! What is published and what is withheld, in one dimension.

#[pgrx::pg_schema]
mod tests {
    use super::super::{COMMUNITY, community, published, refresh, run, text_as_person};
    use pgrx::prelude::*;

    #[pg_test]
    fn the_fifth_consenting_score_appears_after_a_refresh() {
        community(&[50, 60, 70, 80]);
        assert_eq!(published(), "nothing");
        run("SELECT join_in(4, 'seed', 'fintech', 90)");
        assert_eq!(published(), "nothing");
        refresh();
        assert_eq!(published(), "seed 5 70 70");
    }

    #[pg_test]
    fn one_score_of_83_and_four_without_a_score_publish_nothing() {
        community(&[83]);
        for number in 1..5 {
            run(&format!(
                "SELECT join_in({number}, 'seed', 'fintech', NULL)"
            ));
        }
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn five_consent_rows_and_five_scores_of_one_person_are_one_contributor() {
        community(&[50, 60, 70, 80]);
        for score in [10, 20, 30, 40] {
            run("INSERT INTO consent_preferences VALUES (person(0), 'benchmarks', true)");
            run(&format!(
                "INSERT INTO scores VALUES (person(0), {score}, now() + interval '1 day')"
            ));
        }
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn a_withdrawal_hides_the_cell_in_the_same_transaction() {
        for withdrawal in [
            "UPDATE consent_preferences SET enabled = false WHERE user_id = person(2)",
            "UPDATE consent_preferences SET category = 'other' WHERE user_id = person(2)",
            "UPDATE consent_preferences SET enabled = NULL WHERE user_id = person(2)",
            "DELETE FROM consent_preferences WHERE user_id = person(2)",
            "DELETE FROM people WHERE id = person(2)",
            "DELETE FROM scores WHERE user_id = person(2)",
            "TRUNCATE consent_preferences",
            "TRUNCATE scores",
        ] {
            community(&[50, 60, 70, 80, 90]);
            assert_eq!(published(), "seed 5 70 70");
            run(withdrawal);
            assert_eq!(published(), "nothing", "{withdrawal}");
            refresh();
            assert_eq!(published(), "nothing", "{withdrawal}, after a refresh");
            run("DROP SCHEMA figures CASCADE");
        }
    }

    #[pg_test]
    fn others_stay_visible_when_somebody_withdraws() {
        community(&[50, 60, 70, 80, 90]);
        for number in 10..15 {
            run(&format!(
                "SELECT join_in({number}, 'idea', 'fintech', {})",
                number * 3
            ));
        }
        refresh();
        assert_eq!(published(), "idea 5 36 36; seed 5 70 70");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(12)");
        assert_eq!(published(), "seed 5 70 70");
    }

    #[pg_test]
    fn a_sixth_score_does_not_change_a_published_cell_alone() {
        // {40, 50, 60, 70, 80} then + 90: two averages and counts would tell the 90.
        community(&[40, 50, 60, 70, 80]);
        let before = published();
        run("SELECT join_in(5, 'seed', 'fintech', 90)");
        refresh();
        assert_eq!(published(), before);
        for number in 6..10 {
            run(&format!("SELECT join_in({number}, 'seed', 'fintech', 90)"));
        }
        refresh();
        assert_eq!(published(), "seed 10 75 80");
    }

    #[pg_test]
    fn after_one_of_six_withdrew_the_rest_is_not_published_alone() {
        community(&[40, 50, 60, 70, 80, 90]);
        assert_eq!(published(), "seed 5 65 65");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(5)");
        refresh();
        assert_eq!(published(), "nothing");
        // The same person with the same score: the same release as before.
        run("UPDATE consent_preferences SET enabled = true WHERE user_id = person(5)");
        refresh();
        assert_eq!(published(), "seed 5 65 65");
    }

    #[pg_test]
    fn somebody_who_moved_on_is_not_shown_in_the_old_cell() {
        community(&[40, 50, 60, 70, 80]);
        run("UPDATE profiles SET stage = 'growth' WHERE id = person(0)");
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn a_person_without_a_stage_is_in_no_published_cell() {
        Spi::run(COMMUNITY).expect("the community is made");
        for number in 0..6 {
            run(&format!(
                "SELECT join_in({number}, NULL, 'fintech', {})",
                10 * number
            ));
        }
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn values_that_are_no_numbers_or_out_of_range_are_no_values() {
        community(&[50, 60, 70, 80]);
        for (number, score) in ["'NaN'", "'Infinity'", "101", "-1"].iter().enumerate() {
            run(&format!(
                "SELECT join_in({}, 'seed', 'fintech', {score})",
                number + 10
            ));
        }
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn a_score_without_a_time_counts_only_where_there_is_none_with_one() {
        community(&[50, 60, 70, 80]);
        run("SELECT join_in(4, 'seed', 'fintech', NULL);
             INSERT INTO scores VALUES (person(4), 10, NULL), (person(4), 40, NULL), (person(0), 100, NULL)");
        refresh();
        assert_eq!(published(), "seed 5 60 60");
        run("SELECT community_core.refresh_benchmark('irs_by_stage', full => true)");
        assert_eq!(published(), "seed 5 60 60");
    }

    #[pg_test]
    fn of_two_scores_of_one_moment_the_larger_counts() {
        community(&[50, 60, 70, 80]);
        run("SELECT join_in(4, 'seed', 'fintech', NULL);
             INSERT INTO scores VALUES (person(4), 40, '2020-01-02'), (person(4), 90, '2020-01-02'),
                                       (person(4), 20, '2020-01-02'), (person(4), 100, '2020-01-01')");
        refresh();
        assert_eq!(published(), "seed 5 70 70");
        run("SELECT community_core.refresh_benchmark('irs_by_stage', full => true)");
        assert_eq!(published(), "seed 5 70 70");
    }

    #[pg_test]
    fn a_refresh_reads_only_the_rows_of_those_who_changed() {
        community(&[50, 60, 70, 80, 90]);
        run("SELECT join_in(number, 'seed', 'fintech', number % 100) FROM generate_series(1000, 3999) AS number;
             CREATE INDEX ON scores (user_id, created_at);
             CREATE INDEX ON consent_preferences (user_id)");
        refresh();
        run("ANALYZE scores, profiles, consent_preferences, irs_by_stage_contributions");
        let read = || {
            Spi::get_one::<i64>(
                "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables
                 WHERE relname IN ('scores', 'profiles', 'consent_preferences', 'irs_by_stage_contributions')",
            )
        };
        run(
            "INSERT INTO scores VALUES (person(0), 55, now() + interval '1 h'), (person(2000), 33, now() + interval '1 h')",
        );
        let before = read().expect("a number").expect("a number");
        refresh();
        let after = read().expect("a number").expect("a number");
        assert!(
            (2..40).contains(&(after - before)),
            "{} rows",
            after - before
        );
    }

    #[pg_test]
    fn values_of_thirty_decimals_are_kept_exactly() {
        community(&[10, 20, 30, 40]);
        let kept = || {
            Spi::get_one::<String>(
                "SELECT string_agg(concat(value, '*', current), ' ' ORDER BY value) FROM irs_by_stage_histogram WHERE current > 0",
            )
        };
        run(
            "SELECT join_in(4, 'seed', 'fintech', 50.000000000000000000000000000001),
                    join_in(5, 'seed', 'fintech', 60.5), join_in(6, 'seed', 'fintech', 60.50),
                    join_in(7, 'seed', 'fintech', 99.0000000000000000000000000000014)",
        );
        let expected = "10*1 20*1 30*1 40*1 50.000000000000000000000000000001*1 60.5*2 99.000000000000000000000000000001*1";
        refresh();
        assert_eq!(kept(), Ok(Some(expected.to_owned())));
        run("TRUNCATE irs_by_stage_contributions, irs_by_stage_histogram; UPDATE irs_by_stage_cells SET people = 0;
             SELECT community_core.refresh_benchmark('irs_by_stage', full => true)");
        assert_eq!(kept(), Ok(Some(expected.to_owned())));
    }

    #[pg_test]
    fn creating_twice_changes_nothing_and_repairs_a_dropped_trigger() {
        community(&[50, 60, 70, 80, 90]);
        let again = COMMUNITY
            .split("SELECT community_core")
            .nth(1)
            .expect("the creation");
        run(&format!("SELECT community_core{again}"));
        assert_eq!(published(), "seed 5 70 70");
        run("DROP TRIGGER benchmark_irs_by_stage_refused ON consent_preferences");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(0)");
        run(&format!("SELECT community_core{again}"));
        assert_eq!(published(), "nothing");
        refresh();
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn dropping_a_benchmark_leaves_nothing_of_it() {
        community(&[50, 60, 70, 80, 90]);
        run("SELECT community_core.drop_benchmark('irs_by_stage')");
        let left = Spi::get_one::<i64>(
            "SELECT (SELECT count(*) FROM pg_class
                     WHERE relname LIKE 'irs\\_by\\_stage%' AND relnamespace = 'figures'::regnamespace)
                  + (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                     WHERE tgname LIKE 'benchmark\\_irs%' AND c.relnamespace = 'figures'::regnamespace)",
        );
        assert_eq!(left, Ok(Some(0)));
        run("INSERT INTO scores VALUES (person(1), 3)");
    }

    #[pg_test]
    fn raising_min_k_hides_what_is_below_it() {
        community(&[50, 60, 70, 80, 90]);
        run("SET LOCAL community_core.min_k = 6");
        assert_eq!(published(), "nothing");
    }

    #[pg_test]
    fn a_full_refresh_finds_what_was_changed_behind_the_triggers() {
        community(&[50, 60, 70, 80, 90]);
        run("ALTER TABLE consent_preferences DISABLE TRIGGER USER;
             UPDATE consent_preferences SET enabled = false WHERE user_id = person(0);
             ALTER TABLE consent_preferences ENABLE TRIGGER USER");
        refresh();
        assert_eq!(published(), "seed 5 70 70");
        run("SELECT community_core.refresh_benchmark('irs_by_stage', full => true)");
        assert_eq!(published(), "nothing");
    }

    #[pg_test(
        error = "benchmark figures.by_person has more than 100000 combinations of its dimensions"
    )]
    fn a_dimension_that_is_another_for_each_person_is_refused() {
        run(COMMUNITY);
        run("CREATE TABLE consents (user_id uuid PRIMARY KEY, category text, enabled boolean);
             INSERT INTO consents SELECT person(number), 'benchmarks', true FROM generate_series(0, 100000) AS number;
             SELECT community_core.create_benchmark('by_person',
                'SELECT user_id AS subject, 50 AS value, now() AS observed_at, user_id::text AS name FROM consents',
                dimensions => '{name}', consent => 'consents', minimum => 0, maximum => 100);
             SELECT community_core.refresh_benchmark('by_person')");
    }

    #[pg_test]
    fn without_watch_every_refresh_reads_everything() {
        community(&[50, 60, 70, 80]);
        run("SELECT community_core.create_benchmark('unwatched',
                'SELECT user_id AS subject, overall_score AS value, created_at AS observed_at FROM scores',
                consent => 'consent_preferences', minimum => 0, maximum => 100);
             SELECT community_core.refresh_benchmark('unwatched');
             SELECT join_in(9, 'seed', 'fintech', 90);
             SELECT community_core.refresh_benchmark('unwatched')");
        let shown = Spi::get_one::<String>("SELECT (average, contributors)::text FROM unwatched");
        assert_eq!(shown, Ok(Some("(70,5)".to_owned())));
    }

    #[pg_test]
    fn a_person_learns_the_own_position_only_with_consent_and_in_a_published_cell() {
        community(&(0..40).map(|number| 2 * number).collect::<Vec<i32>>());
        let position = |person: i32| {
            text_as_person(
                person,
                "SELECT coalesce(min(position || ' of ' || (dimensions ->> 'stage')), 'nowhere')
                 FROM community_core.benchmark_position('irs_by_stage')",
            )
        };
        assert_eq!(position(39), "top quarter of seed");
        assert_eq!(position(25), "upper half of seed");
        assert_eq!(position(15), "lower half of seed");
        assert_eq!(position(0), "bottom quarter of seed");
        assert_eq!(position(99), "nowhere");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(39)");
        assert_eq!(position(39), "nowhere", "withdrawn");
        assert_eq!(position(0), "nowhere", "the cell is hidden");
    }
}
