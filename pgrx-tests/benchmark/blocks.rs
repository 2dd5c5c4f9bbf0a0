//! Policy `blocks`: whatever is published at any time, together, is about k people or more.

#[pgrx::pg_schema]
mod tests {
    use super::super::attacker::{Sum, isolated};
    use super::super::{COMMUNITY, run, text_as_person};
    use pgrx::prelude::*;
    use std::collections::BTreeSet;

    fn community() {
        run(COMMUNITY);
        run("SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{stage,industry}', consent => 'consent_preferences', policy => 'blocks',
                watch => '{\"profiles\": \"id\", \"scores\": \"user_id\"}', minimum => 0, maximum => 100)");
    }

    fn join_in(from: i32, to: i32, industry: &str) {
        run(&format!(
            "SELECT join_in(person, 'seed', '{industry}', 3 * person) FROM generate_series({from}, {to}) AS person"
        ));
    }

    fn refresh() {
        run("SELECT community_core.refresh_benchmark('irs')");
    }

    fn published() -> Vec<String> {
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

    fn coverage() -> String {
        Spi::get_one(
            "SELECT benchmark_coverage::text FROM community_core.benchmark_coverage('irs')",
        )
        .expect("coverage")
        .expect("a row")
    }

    #[pg_test]
    fn five_fresh_people_are_a_block_and_four_wait() {
        community();
        join_in(1, 4, "fintech");
        refresh();
        assert_eq!(published(), Vec::<String>::new());
        assert_eq!(coverage(), "(4,0,0.00000000000000000000)");
        join_in(5, 5, "fintech");
        refresh();
        assert_eq!(
            published(),
            ["seed fintech 5 9", "* fintech 5 9", "seed * 5 9", "* * 5 9"]
        );
        join_in(6, 9, "fintech");
        refresh();
        assert_eq!(published().len(), 4);
        assert_eq!(published()[0], "seed fintech 5 9", "four more wait");
        assert_eq!(coverage(), "(9,5,0.55000000000000000000)");
    }

    #[pg_test]
    fn small_cells_fall_back_to_the_coarser_one() {
        community();
        join_in(1, 3, "fintech");
        join_in(4, 6, "health");
        refresh();
        assert_eq!(published(), ["seed * 5 11", "* * 5 11"]);
    }

    #[pg_test]
    fn a_withdrawal_retires_the_block_and_the_survivors_need_five_fresh_people() {
        community();
        join_in(1, 10, "fintech");
        refresh();
        assert_eq!(published()[0], "seed fintech 10 17");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(1)");
        assert_eq!(published(), Vec::<String>::new());
        refresh();
        assert_eq!(
            published()[0],
            "seed fintech 5 24",
            "the other block stands"
        );
        run("UPDATE consent_preferences SET enabled = true WHERE user_id = person(1)");
        refresh();
        assert_eq!(
            published()[0],
            "seed fintech 5 24",
            "coming back is not being fresh"
        );
        join_in(11, 15, "fintech");
        refresh();
        assert_eq!(
            published()[0],
            "seed fintech 15 24",
            "ten and the five who came back"
        );
    }

    #[pg_test]
    fn no_other_role_reads_blocks_or_what_was_released() {
        community();
        join_in(1, 5, "fintech");
        refresh();
        run("DO $$ BEGIN CREATE ROLE benchmark_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             GRANT USAGE ON SCHEMA figures, community_core TO benchmark_reader;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO benchmark_reader;
             GRANT SELECT ON irs TO benchmark_reader;
             SET LOCAL ROLE benchmark_reader");
        assert_eq!(published().len(), 4);
        for table in [
            "_contributions",
            "_blocks",
            "_released",
            "_cells",
            "_histogram",
        ] {
            run(&format!(
                "DO $do$ BEGIN PERFORM FROM irs{table}; RAISE 'was allowed';
                 EXCEPTION WHEN insufficient_privilege THEN NULL; END $do$"
            ));
        }
        run(
            "DO $do$ BEGIN PERFORM community_core.benchmark_coverage('irs'); RAISE 'was allowed';
             EXCEPTION WHEN insufficient_privilege THEN NULL; END $do$",
        );
    }

    #[pg_test]
    fn a_position_is_told_from_published_figures_and_the_own_value_alone() {
        community();
        let position = |person: i32| {
            text_as_person(
                person,
                "SELECT coalesce(min(concat_ws(' ', position, 'of', coalesce(dimensions ->> 'industry', 'all'))), 'nowhere')
                 FROM community_core.benchmark_position('irs')",
            )
        };
        join_in(1, 20, "fintech");
        refresh();
        assert_eq!(position(1), "bottom quarter of fintech");
        assert_eq!(position(20), "top quarter of fintech");
        // Four more wait for a block: they are compared, and the figures are not about them.
        join_in(30, 32, "fintech");
        run("SELECT join_in(33, 'seed', 'fintech', 1)");
        let before = published();
        refresh();
        assert_eq!(published(), before);
        assert_eq!(position(30), "top quarter of fintech");
        assert_eq!(position(33), "bottom quarter of fintech");
        // Without a published cell of the industry, with everybody's.
        run("SELECT join_in(40, 'idea', 'health', 99)");
        refresh();
        assert_eq!(position(40), "top quarter of all");
        // Whose cells are hidden, and who withdrew, learns nothing.
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(2)");
        assert_eq!(published(), Vec::<String>::new());
        assert_eq!(position(1), "nowhere");
        assert_eq!(position(2), "nowhere");
        refresh();
        assert_eq!(position(2), "nowhere", "withdrawn");
        assert_ne!(position(1), "nowhere", "the other blocks stand");
    }

    #[pg_test]
    fn going_back_to_a_released_score_is_not_fresh() {
        community();
        join_in(1, 5, "fintech");
        refresh();
        run("INSERT INTO scores SELECT id, 99, now() + interval '1 h' FROM profiles");
        run("DELETE FROM scores WHERE overall_score = 99");
        run("UPDATE scores SET overall_score = overall_score + 1");
        refresh();
        assert_eq!(published()[0], "seed fintech 5 10", "five new scores");
        run("UPDATE scores SET overall_score = overall_score - 1");
        refresh();
        assert_eq!(published(), Vec::<String>::new());
    }

    /// The published sums, as sets of people with their values, read from the owner's tables.
    fn releases() -> Vec<Sum> {
        Spi::connect(|client| {
            let rows = client
                .select(
                    "SELECT part.of_cell, array_agg(subject::text ORDER BY subject), array_agg(value::text ORDER BY subject)
                     FROM irs_contributions JOIN irs_blocks USING (block)
                          JOIN (SELECT cell, unnest(part_of) AS of_cell FROM irs_cells) AS part USING (cell)
                          JOIN irs_cells AS shown ON shown.cell = of_cell AND shown.released_at IS NOT NULL
                     GROUP BY of_cell HAVING count(*) = min(shown.released_people) AND sum(value) IS NOT NULL",
                    None,
                    &[],
                )
                .expect("the tables can be read");
            rows.map(|row| {
                let people: Vec<String> = row.get(2).expect("people").expect("people");
                let values: Vec<String> = row.get(3).expect("values").expect("values");
                people.into_iter().zip(values).collect()
            })
            .collect()
        })
    }

    #[pg_test]
    fn an_attacker_with_exact_linear_algebra_isolates_nobody_in_random_histories() {
        run("SET LOCAL community_core.min_k = 2");
        community();
        run("SELECT community_core.drop_benchmark('irs');
             SELECT community_core.create_benchmark('irs',
                'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage, p.industry
                 FROM profiles p JOIN scores s ON s.user_id = p.id',
                dimensions => '{stage,industry}', consent => 'consent_preferences', policy => 'blocks', k => 3, band => 1,
                watch => '{\"profiles\": \"id\", \"scores\": \"user_id\"}', minimum => 0, maximum => 100);
             SELECT setseed(0.7)");
        let mut known: BTreeSet<Sum> = BTreeSet::new();
        for next in 0..25 {
            run(&format!(
                "SELECT join_in(person, (ARRAY['idea','seed'])[1 + (random() * 1.98)::int % 2],
                                (ARRAY['fintech','health'])[1 + (random() * 1.98)::int % 2], round((random() * 8)::numeric))
                 FROM generate_series({next}, {next}) AS person;
                 UPDATE consent_preferences SET enabled = random() < 0.7 WHERE random() < 0.3;
                 INSERT INTO scores SELECT id, round((random() * 8)::numeric), clock_timestamp() FROM profiles WHERE random() < 0.1;
                 UPDATE profiles SET stage = 'seed' WHERE random() < 0.05"
            ));
            refresh();
            known.extend(releases());
        }
        assert!(known.len() > 10, "only {} releases", known.len());
        assert_eq!(isolated(&known), None);
    }
}
