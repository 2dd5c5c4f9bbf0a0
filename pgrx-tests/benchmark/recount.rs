//! Refreshes that fold what changed, beside a recount of the community's own tables and beside a
//! benchmark that is made anew.

#[pgrx::pg_schema]
mod tests {
    use super::super::{COMMUNITY, run};
    use pgrx::prelude::*;

    const CREATE: &str = "SELECT community_core.create_benchmark('irs',
        'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
         FROM profiles p JOIN scores s ON s.user_id = p.id',
        dimensions => '{stage,industry}', consent => 'consent_preferences', policy => 'POLICY', band => 1,
        watch => '{\"profiles\": \"id\", \"scores\": \"user_id\"}', minimum => 0, maximum => 100)";

    /// Of everybody who consents, the value that counts, from the tables that people write.
    const PRESENT: &str = "CREATE VIEW present AS
        SELECT id, stage, industry, latest.score
        FROM profiles CROSS JOIN LATERAL (
            SELECT overall_score AS score FROM scores
            WHERE user_id = profiles.id AND overall_score BETWEEN 0 AND 100
            ORDER BY created_at DESC NULLS LAST, overall_score DESC LIMIT 1) AS latest
        WHERE EXISTS (SELECT FROM consent_preferences
                      WHERE user_id = profiles.id AND enabled AND category = 'benchmarks')";

    /// A hundred ways in which people come, go, change their minds and their values.
    const CHANGES: &str = "
        SELECT join_in(person, (ARRAY['idea','seed','growth',NULL])[1 + floor(random() * 4)::int],
                       (ARRAY['fintech','health',NULL])[1 + floor(random() * 3)::int], floor(random() * 110)::int)
        FROM generate_series(100 * ROUND, 100 * ROUND + 29) AS person;
        UPDATE consent_preferences SET enabled = NOT enabled WHERE random() < 0.08;
        UPDATE consent_preferences SET category = 'other' WHERE random() < 0.02;
        UPDATE consent_preferences SET category = 'benchmarks' WHERE random() < 0.1;
        INSERT INTO consent_preferences SELECT id, 'benchmarks', true FROM people WHERE random() < 0.02;
        INSERT INTO scores SELECT id, floor(random() * 100)::int, clock_timestamp() FROM people WHERE random() < 0.1;
        INSERT INTO scores SELECT id, floor(random() * 100)::int, NULL FROM people WHERE random() < 0.02;
        UPDATE scores SET overall_score = floor(random() * 100)::int WHERE random() < 0.02;
        DELETE FROM scores WHERE random() < 0.02;
        UPDATE profiles SET industry = (ARRAY['fintech','health',NULL])[1 + floor(random() * 3)::int] WHERE random() < 0.05;
        UPDATE profiles SET stage = NULL WHERE random() < 0.01;
        DELETE FROM people WHERE random() < 0.02";

    fn number(statement: &str) -> i64 {
        Spi::get_one::<i64>(statement)
            .expect(statement)
            .expect("a number")
    }

    /// Cells whose people or sum are not those of the recount, both ways.
    fn differences() -> i64 {
        number(
            "WITH recount AS (
                 SELECT stage, industry, grouping(stage, industry) AS left_out, count(*) AS people, sum(score) AS sum
                 FROM present GROUP BY CUBE (stage, industry)),
             kept AS (
                 SELECT cell.dimensions ->> 'stage' AS stage, cell.dimensions ->> 'industry' AS industry,
                        2 * (NOT cell.dimensions ? 'stage')::int + (NOT cell.dimensions ? 'industry')::int AS left_out,
                        cell.people, sum(bin.value * bin.current) AS sum
                 FROM irs_cells AS cell JOIN irs_histogram AS bin USING (cell)
                 GROUP BY cell.cell, cell.people HAVING sum(bin.current) > 0 OR cell.people > 0)
             SELECT count(*) FROM (
                 (SELECT * FROM (TABLE recount EXCEPT ALL TABLE kept) AS missing WHERE people > 0)
                 UNION ALL (TABLE kept EXCEPT ALL TABLE recount)) AS difference",
        )
    }

    fn fold_and_recount(policy: &str) {
        run(COMMUNITY);
        run(PRESENT);
        let create = CREATE.replace("POLICY", policy);
        run(&create);
        run("SELECT setseed(0.6)");
        for round in 0..14 {
            run(&CHANGES.replace("ROUND", &round.to_string()));
            match round {
                5 => run("CREATE TEMP TABLE aside AS TABLE scores; TRUNCATE scores"),
                6 => {
                    run("INSERT INTO scores SELECT aside.* FROM aside JOIN people ON id = user_id")
                }
                8 => run("TRUNCATE consent_preferences"),
                9 => run(
                    "INSERT INTO consent_preferences SELECT id, 'benchmarks', random() < 0.8 FROM people",
                ),
                _ => {}
            }
            run("SELECT community_core.refresh_benchmark('irs')");
            assert_eq!(differences(), 0, "{policy}, round {round}");
        }
        assert!(number("SELECT count(*) FROM irs") > 3);
        run("CREATE TEMP TABLE folded_cells AS
                 SELECT level, dimensions, value, current FROM irs_cells JOIN irs_histogram USING (cell) WHERE current > 0;
             CREATE TEMP TABLE folded_people AS
                 SELECT subject, dimensions, value FROM irs_contributions JOIN irs_cells ON cell = leaf;
             SELECT community_core.drop_benchmark('irs')");
        run(&create);
        run("SELECT community_core.refresh_benchmark('irs')");
        let anew = "SELECT level, dimensions, value, current FROM irs_cells JOIN irs_histogram USING (cell)";
        let people = "SELECT subject, dimensions, value FROM irs_contributions JOIN irs_cells ON cell = leaf";
        for (folded, anew) in [("folded_cells", anew), ("folded_people", people)] {
            let differ = format!(
                "SELECT count(*) FROM ((TABLE {folded} EXCEPT ALL {anew}) UNION ALL ({anew} EXCEPT ALL TABLE {folded})) AS difference"
            );
            assert_eq!(number(&differ), 0, "{policy}: {folded}");
        }
    }

    #[pg_test]
    fn folding_what_changed_equals_building_anew() {
        fold_and_recount("threshold");
        // Made anew, a figure is that of today's people.
        let wrong = number(
            "SELECT count(*) FROM irs CROSS JOIN LATERAL (
                 SELECT count(*) AS people, round(avg(score)) AS counted FROM present
                 WHERE (irs.stage IS NULL OR irs.stage = present.stage)
                   AND (irs.industry IS NULL OR irs.industry = present.industry)) AS recount
             WHERE (contributors, average) IS DISTINCT FROM (people, counted)",
        );
        assert_eq!(wrong, 0);
        // So are the quantiles: the mean of the k values around each, rounded.
        let wrong = number(
            "WITH person AS (
                 SELECT irs.*, score, row_number() OVER cell - 1 AS place, count(*) OVER (PARTITION BY irs.stage, irs.industry) AS n
                 FROM irs JOIN present ON (irs.stage IS NULL OR irs.stage = present.stage)
                                      AND (irs.industry IS NULL OR irs.industry = present.industry)
                 WINDOW cell AS (PARTITION BY irs.stage, irs.industry ORDER BY score)),
             around AS (
                 SELECT person.*, q, published, length,
                        least(greatest(floor((floor(2 * (n - 1) * q) - (length - 1)) / 2), 0), n - length) AS first
                 FROM person CROSS JOIN LATERAL (VALUES
                     (0.5, median, 5 + (n - 5) % 2), (0.25, p25, 5), (0.75, p75, 5), (0.9, p90, 5)) AS quantile (q, published, length)),
             recount AS (
                 SELECT published, q, n, round(avg(score) FILTER (WHERE place >= first AND place < first + length)) AS counted
                 FROM around GROUP BY stage, industry, published, q, n)
             SELECT count(*) FROM recount
             WHERE published IS DISTINCT FROM CASE WHEN q = 0.5 OR least(q, 1 - q) * n >= 5 THEN counted END",
        );
        assert_eq!(wrong, 0);
        assert!(number("SELECT count(*) FROM irs") > 3);
    }

    #[pg_test]
    fn folding_what_changed_equals_building_anew_in_blocks() {
        fold_and_recount("blocks");
        // What is published is what the people of whole live blocks add up to.
        let wrong = number(
            "SELECT count(*) FROM irs CROSS JOIN LATERAL (
                 SELECT count(*) AS people, round(avg(score)) AS counted
                 FROM present JOIN irs_contributions ON subject = id JOIN irs_blocks USING (block)
                      JOIN irs_cells AS of_block USING (cell)
                 WHERE (irs.stage IS NULL OR irs.stage = of_block.dimensions ->> 'stage')
                   AND (irs.industry IS NULL OR irs.industry = of_block.dimensions ->> 'industry')) AS recount
             WHERE (contributors, average) IS DISTINCT FROM (people, counted)",
        );
        assert_eq!(wrong, 0);
        assert!(number("SELECT count(*) FROM irs") > 3);
    }
}
