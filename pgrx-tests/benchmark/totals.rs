//! Two dimensions with their totals: what is withheld cannot be computed from what is shown.

#[pgrx::pg_schema]
mod tests {
    use super::super::{COMMUNITY, run};
    use pgrx::prelude::*;

    fn community() {
        run(COMMUNITY);
        run("SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{stage,industry}', consent => 'consent_preferences',
                watch => '{\"profiles\": \"id\", \"scores\": \"user_id\"}', minimum => 0, maximum => 100)");
    }

    /// Two tables, by stage and by industry, and neither the cells between them nor a total.
    fn community_with_two_tables() {
        run(COMMUNITY);
        run("SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{stage,industry}', consent => 'consent_preferences',
                watch => '{\"profiles\": \"id\", \"scores\": \"user_id\"}', minimum => 0, maximum => 100,
                levels => '{stage,industry}')");
    }

    fn join_in(from: i32, how_many: i32, stage: &str, industry: &str, score: &str) {
        run(&format!(
            "SELECT join_in(person, '{stage}', {industry}, {score}) FROM generate_series({from}, {from} + {how_many} - 1) AS person"
        ));
    }

    fn published() -> Vec<String> {
        run("SELECT community_core.refresh_benchmark('irs')");
        Spi::connect(|client| {
            client
                .select(
                    "SELECT concat_ws(' ', coalesce(stage, '*'), coalesce(industry, '*'), contributors, average) FROM irs",
                    None,
                    &[],
                )
                .expect("the view can be read")
                .filter_map(|row| row.get(1).ok().flatten())
                .collect()
        })
    }

    #[pg_test]
    fn every_level_is_published_where_nothing_is_secret() {
        community();
        join_in(0, 10, "seed", "'fintech'", "person % 10");
        join_in(10, 10, "seed", "'health'", "50 + person % 10");
        assert_eq!(
            published(),
            [
                "seed fintech 10 5",
                "seed health 10 55",
                "* fintech 10 5",
                "* health 10 55",
                "seed * 20 30",
                "* * 20 30"
            ]
        );
    }

    #[pg_test]
    fn the_suppressed_80_cannot_be_computed() {
        community();
        join_in(0, 5, "seed", "'fintech'", "50");
        join_in(5, 5, "seed", "'health'", "66");
        join_in(10, 1, "seed", "'climate'", "80");
        assert_no_subtraction(&published());
    }

    #[pg_test]
    fn the_last_cell_of_a_published_total_cannot_be_computed() {
        community();
        join_in(0, 5, "seed", "'fintech'", "50 + person");
        join_in(5, 6, "seed", "'health'", "66 + person");
        join_in(11, 1, "seed", "'climate'", "80");
        let cells = published();
        assert!(
            cells.iter().any(|cell| cell.starts_with("seed *")),
            "{cells:?}"
        );
        assert_no_subtraction(&cells);
    }

    /// Not both the total and all cells but climate.
    fn assert_no_subtraction(cells: &[String]) {
        let shown = |start: &str| cells.iter().any(|cell| cell.starts_with(start));
        let total = shown("seed *") || shown("* *");
        let fintech = shown("seed fintech") || shown("* fintech");
        let health = shown("seed health") || shown("* health");
        assert!(!(total && fintech && health), "{cells:?}");
    }

    #[pg_test]
    fn people_without_an_industry_cannot_be_computed_from_the_totals() {
        community();
        join_in(0, 7, "seed", "'fintech'", "person % 10");
        join_in(10, 2, "seed", "NULL", "90");
        let cells = published();
        let shown = |start: &str| cells.iter().any(|cell| cell.starts_with(start));
        assert!(!(shown("seed fintech") && shown("seed *")), "{cells:?}");
    }

    #[pg_test]
    fn only_the_levels_that_were_asked_for_are_published() {
        community_with_two_tables();
        join_in(0, 10, "seed", "'fintech'", "person % 10");
        join_in(10, 10, "idea", "'health'", "50 + person % 10");
        join_in(20, 6, "grown", "NULL", "person");
        assert_eq!(
            published(),
            [
                "* fintech 10 5",
                "* health 10 55",
                "grown * 5 23",
                "idea * 10 55",
                "seed * 10 5"
            ]
        );
        run("SELECT community_core.refresh_benchmark('irs', full => true)");
        assert_eq!(published().len(), 5);
    }

    /// The document's two tables: whoever has both must not be able to compute the only founder in
    /// climate as the founders in seed without those in fintech and health.
    #[pg_test]
    fn of_two_tables_about_the_same_people_neither_completes_the_other() {
        community_with_two_tables();
        join_in(0, 5, "seed", "'fintech'", "50 + person");
        join_in(5, 6, "seed", "'health'", "66 + person");
        join_in(11, 1, "seed", "'climate'", "80");
        let cells = published();
        assert!(!cells.is_empty());
        assert_no_subtraction(&cells);
        // And the other way round: one founder of an industry is in another stage than the rest.
        join_in(20, 9, "idea", "'games'", "person");
        join_in(40, 1, "grown", "'games'", "99");
        let cells = published();
        let shown = |start: &str| cells.iter().any(|cell| cell.starts_with(start));
        assert!(!(shown("idea *") && shown("* games")), "{cells:?}");
    }

    /// What docs/benchmarks.md says is not guaranteed: each benchmark looks at its own figures.
    #[pg_test]
    fn two_benchmarks_about_the_same_people_do_complete_each_other() {
        run(COMMUNITY);
        run("SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{industry}', consent => 'consent_preferences', minimum => 0, maximum => 100,
                levels => '{industry}')");
        join_in(0, 5, "seed", "'fintech'", "50 + person");
        join_in(5, 6, "seed", "'health'", "66 + person");
        join_in(11, 1, "seed", "'climate'", "80");
        super::super::refresh();
        run("SELECT community_core.refresh_benchmark('irs')");
        let industries = Spi::get_one::<i64>("SELECT count(*) FROM irs");
        assert_eq!(
            (super::super::published().as_str(), industries),
            ("seed 10 65 66", Ok(Some(2)))
        );
    }

    #[pg_test(error = "argument \"levels\" of a benchmark cannot be industries")]
    fn a_level_of_no_dimension_is_refused() {
        run(COMMUNITY);
        run("SELECT community_core.create_benchmark('irs', 'SELECT id AS subject, 1 AS value, now() AS observed_at, industry FROM profiles',
                dimensions => '{industry}', consent => 'consent_preferences', levels => '{industries}')");
    }

    #[pg_test]
    fn contributors_and_averages_equal_an_independent_recount() {
        community();
        run("SELECT setseed(0.4);
             SELECT join_in(person, (ARRAY['idea','seed','growth',NULL])[1 + person % 4],
                            (ARRAY['fintech','health','climate'])[1 + (random() * 2.99)::int % 3], round((random() * 100)::numeric))
             FROM generate_series(1, 400) AS person;
             UPDATE consent_preferences SET enabled = random() < 0.9;
             INSERT INTO scores SELECT id, round((random() * 100)::numeric), now() + interval '1 h' FROM profiles WHERE random() < 0.3;
             UPDATE profiles SET stage = 'seed' WHERE random() < 0.1;
             DELETE FROM people WHERE random() < 0.05");
        published();
        run("INSERT INTO scores SELECT id, round((random() * 100)::numeric), now() + interval '2 h' FROM profiles WHERE random() < 0.1;
             UPDATE consent_preferences SET enabled = true WHERE random() < 0.2;
             DELETE FROM people WHERE random() < 0.05");
        published();
        let difference = Spi::get_one::<i64>(
            "WITH recount AS (
                 SELECT stage, industry, count(*) AS people, sum(score) AS sum
                 FROM profiles JOIN consent_preferences USING (user_id), LATERAL
                      (SELECT overall_score AS score FROM scores WHERE scores.user_id = profiles.user_id ORDER BY created_at DESC, overall_score DESC LIMIT 1) AS latest
                 WHERE enabled AND category = 'benchmarks' GROUP BY CUBE (stage, industry)),
             kept AS (
                 SELECT cell.dimensions ->> 'stage' AS stage, cell.dimensions ->> 'industry' AS industry, cell.level,
                        cell.people, sum(bin.value * bin.current) AS sum
                 FROM irs_cells AS cell JOIN irs_histogram AS bin USING (cell) WHERE people > 0 GROUP BY 1, 2, 3, 4)
             SELECT count(*) FROM (
                 (SELECT stage, industry, people, sum FROM recount EXCEPT ALL SELECT stage, industry, people, sum FROM kept)
                 UNION ALL (SELECT stage, industry, people, sum FROM kept EXCEPT ALL SELECT stage, industry, people, sum FROM recount)) AS difference"
                .replace("profiles JOIN consent_preferences USING (user_id)", "(SELECT id AS user_id, stage, industry FROM profiles) AS profiles JOIN consent_preferences USING (user_id)").as_str(),
        );
        assert_eq!(difference, Ok(Some(0)));
        // What is shown is what the recount gives, wherever the present state is the release.
        let wrong = Spi::get_one::<i64>(
            "SELECT count(*) FROM irs_cells JOIN (
                 SELECT cell, sum(current) AS people, round(sum(value * current) / sum(current)) AS average
                 FROM irs_histogram GROUP BY cell HAVING bool_and(current = released)) AS now USING (cell)
             WHERE released_at IS NOT NULL AND (contributors, irs_cells.average) IS DISTINCT FROM (now.people::bigint / 5 * 5, now.average)",
        );
        assert_eq!(wrong, Ok(Some(0)));
    }
}
