//! Policy `threshold`: a cell's last release stands while others are released anew. Whoever reads
//! all of them together, each about the people of its own time, must not be able to subtract them.

#[pgrx::pg_schema]
mod tests {
    use super::super::attacker::{Sum, isolated};
    use super::super::{COMMUNITY, run};
    use pgrx::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn community(k: i32) {
        run(COMMUNITY);
        benchmark(k);
    }

    fn benchmark(k: i32) {
        run(&format!(
            "SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{{stage,industry}}', consent => 'consent_preferences', k => {k}, band => 1,
                watch => '{{\"profiles\": \"id\", \"scores\": \"user_id\"}}', minimum => 0, maximum => 100)"
        ));
    }

    fn refresh() {
        run("SELECT community_core.refresh_benchmark('irs')");
    }

    /// Industry, contributors and average of seed's cells and of its total.
    fn read_as_app_role() -> BTreeMap<String, (i64, i64)> {
        run("SET LOCAL ROLE benchmark_reader");
        let read = Spi::connect(|client| {
            let rows = client
                .select(
                    "SELECT coalesce(industry, 'all'), contributors, average::bigint FROM irs WHERE stage = 'seed'",
                    None,
                    &[],
                )
                .expect("the view can be read");
            rows.filter_map(|row| {
                let figures = (row.get(2).ok()??, row.get(3).ok()??);
                Some((row.get(1).ok()??, figures))
            })
            .collect()
        });
        run("RESET ROLE");
        read
    }

    #[pg_test]
    fn a_newcomers_score_is_not_what_a_new_total_has_more_than_the_old_cell() {
        community(5);
        run("DO $$ BEGIN CREATE ROLE benchmark_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             GRANT USAGE ON SCHEMA figures, community_core TO benchmark_reader;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO benchmark_reader;
             GRANT SELECT ON irs TO benchmark_reader");
        run("SELECT join_in(number, 'seed', 'fintech', 40 + 5 * number) FROM generate_series(0, 4) AS number;
             SELECT join_in(10 + number, 'seed', 'health', 50 + 4 * number) FROM generate_series(0, 5) AS number");
        refresh();
        let before = read_as_app_role();
        assert_eq!(before.len(), 3);
        run("SELECT join_in(5, 'seed', 'fintech', 8);
             SELECT join_in(20 + number, 'seed', 'health', 50 + 5 * number) FROM generate_series(0, 4) AS number");
        refresh();
        let shown = read_as_app_role();
        let sum = |of: &str| {
            let (people, average) = shown[of];
            people * average
        };
        assert_eq!(
            shown["fintech"], before["fintech"],
            "the release of the five"
        );
        assert_ne!(sum("all") - sum("health") - sum("fintech"), 8, "{shown:?}");
        // What is new is shown all the same, as far as it can be.
        assert_ne!(shown, before);
    }

    /// Who came since is not known then, so nothing may stand.
    #[pg_test]
    fn a_benchmark_without_the_table_gets_it_and_shows_nothing_until_the_next_refresh() {
        community(5);
        run(
            "SELECT join_in(number, 'seed', 'fintech', 40 + 5 * number) FROM generate_series(0, 6) AS number",
        );
        refresh();
        let cells = || Spi::get_one::<i64>("SELECT count(*) FROM irs");
        assert_eq!(cells(), Ok(Some(4)));
        run("DROP TABLE irs_standing");
        benchmark(5);
        assert_eq!(cells(), Ok(Some(0)));
        refresh();
        assert_eq!(cells(), Ok(Some(4)));
    }

    const RELEASED_BEFORE: &str =
        "UPDATE irs_cells SET released_at = '2000-01-01' WHERE released_at IS NOT NULL";

    /// By cell, whether it was released since [`RELEASED_BEFORE`], and everybody who is in it now,
    /// counted from the community's own tables.
    fn cells_that_are_shown() -> Vec<(i32, bool, Sum)> {
        Spi::connect(|client| {
            let rows = client
                .select(
                    "SELECT cell.cell, cell.released_at > '2000-01-01',
                            array_agg(id::text ORDER BY id), array_agg(score::text ORDER BY id)
                     FROM irs_cells AS cell
                          JOIN irs AS shown
                            ON cell.dimensions @> jsonb_strip_nulls(jsonb_build_object('stage', shown.stage, 'industry', shown.industry))
                           AND cell.level = (shown.stage IS NOT NULL)::integer + 2 * (shown.industry IS NOT NULL)::integer
                          JOIN profiles ON (shown.stage IS NULL OR shown.stage = profiles.stage)
                                       AND (shown.industry IS NULL OR shown.industry = profiles.industry)
                          CROSS JOIN LATERAL (
                              SELECT overall_score AS score FROM scores WHERE user_id = profiles.id
                              ORDER BY created_at DESC LIMIT 1) AS latest
                     WHERE EXISTS (SELECT FROM consent_preferences WHERE user_id = profiles.id AND enabled)
                     GROUP BY cell.cell",
                    None,
                    &[],
                )
                .expect("the tables can be read");
            rows.map(|row| {
                let people: Vec<String> = row.get(3).expect("people").expect("people");
                let scores: Vec<String> = row.get(4).expect("scores").expect("scores");
                (
                    row.get(1).expect("cell").expect("cell"),
                    row.get(2).expect("moment").expect("moment"),
                    people.into_iter().zip(scores).collect(),
                )
            })
            .collect()
        })
    }

    #[pg_test]
    fn whoever_reads_all_cells_at_any_moment_of_random_histories_isolates_fewer_than_k_nowhere() {
        run("SET LOCAL community_core.min_k = 2");
        community(3);
        run("SELECT setseed(0.3)");
        let (mut mixed, mut cells) = (0, 0);
        for history in 0..24 {
            run("DELETE FROM people; SELECT community_core.drop_benchmark('irs')");
            benchmark(3);
            let mut released: BTreeMap<i32, Sum> = BTreeMap::new();
            for step in 0..18 {
                let next = 3 * step;
                run(&format!(
                    "SELECT join_in(person, (ARRAY['idea','seed'])[1 + floor(random() * 2)::int],
                                    (ARRAY['fintech','health',NULL])[1 + floor(random() * 2.1)::int], floor(random() * 100)::int)
                     FROM generate_series({next}, {next} + floor(random() * 3)::int) AS person;
                     UPDATE consent_preferences SET enabled = NOT enabled WHERE random() < 0.02;
                     INSERT INTO scores SELECT id, floor(random() * 100)::int, clock_timestamp() FROM profiles WHERE random() < 0.05;
                     DELETE FROM scores WHERE random() < 0.01 AND EXISTS (SELECT FROM scores AS older WHERE older.user_id = scores.user_id AND older.created_at < scores.created_at);
                     UPDATE profiles SET industry = (ARRAY['fintech','health'])[1 + floor(random() * 2)::int] WHERE random() < 0.01;
                     {RELEASED_BEFORE}"
                ));
                refresh();
                let shown = cells_that_are_shown();
                let mut now: BTreeMap<i32, Sum> = BTreeMap::new();
                let mut is_mixed = (false, false);
                for (cell, is_new, present) in shown {
                    let sum = if is_new {
                        is_mixed.0 = true;
                        present
                    } else {
                        is_mixed.1 |= released[&cell] != present;
                        released[&cell].clone()
                    };
                    now.insert(cell, sum);
                }
                released = now;
                mixed += i32::from(is_mixed == (true, true));
                cells += released.len();
                let sums: BTreeSet<Sum> = released.values().cloned().collect();
                assert_eq!(
                    isolated(&sums),
                    None,
                    "history {history}, step {step}: {released:?}"
                );
            }
        }
        assert!(
            mixed > 100 && cells > 1000,
            "{mixed} readings of several moments, {cells} cells"
        );
    }
}
