//! Who may read what, and what a reader can find out beside the figures.

#[pgrx::pg_schema]
mod tests {
    use super::super::{COMMUNITY, community, published, run};
    use pgrx::prelude::*;

    const READER: &str = "DO $$ BEGIN CREATE ROLE benchmark_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT USAGE ON SCHEMA figures, community_core TO benchmark_reader;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO benchmark_reader;
        GRANT SELECT ON irs_by_stage TO benchmark_reader";

    fn refused(statement: &str, sqlstate: &str) {
        run(&format!(
            "DO $test$ BEGIN EXECUTE {}; RAISE 'was allowed';
             EXCEPTION WHEN SQLSTATE '{sqlstate}' THEN NULL; END $test$",
            pgrx::spi::quote_literal(statement)
        ));
    }

    #[pg_test]
    fn no_role_but_the_owner_reads_anything_but_the_view_whatever_the_default_privileges() {
        run("DO $$ BEGIN CREATE ROLE benchmark_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO benchmark_reader, PUBLIC");
        community(&[50, 60, 70, 80, 90]);
        run(READER);
        run("SET LOCAL ROLE benchmark_reader");
        assert_eq!(published(), "seed 5 70 70");
        for table in [
            "_benchmark",
            "_contributions",
            "_cells",
            "_histogram",
            "_queue",
            "_withdrawn",
            "_standing",
            "_source",
        ] {
            refused(&format!("SELECT FROM irs_by_stage{table}"), "42501");
        }
        for table in [
            "_benchmark",
            "_contributions",
            "_cells",
            "_histogram",
            "_queue",
            "_withdrawn",
            "_standing",
        ] {
            refused(&format!("DELETE FROM irs_by_stage{table}"), "42501");
        }
        refused(
            "SELECT community_core.refresh_benchmark('irs_by_stage')",
            "42501",
        );
        refused(
            "SELECT community_core.drop_benchmark('irs_by_stage')",
            "42501",
        );
    }

    #[pg_test]
    fn without_select_on_the_view_the_function_refuses() {
        community(&[50, 60, 70, 80, 90]);
        run(READER);
        run("REVOKE SELECT ON irs_by_stage FROM benchmark_reader; SET LOCAL ROLE benchmark_reader");
        refused(
            "SELECT * FROM community_core.benchmark('irs_by_stage')",
            "42501",
        );
        assert_eq!(
            Spi::get_one::<i64>("SELECT count(*) FROM community_core.benchmarks()"),
            Ok(Some(0))
        );
    }

    #[pg_test]
    fn explain_and_leaky_filters_see_only_published_cells() {
        community(&[50, 60, 70, 80, 90]);
        for person in 20..24 {
            run(&format!(
                "SELECT join_in({person}, 'secret', 'x', {person})"
            ));
        }
        run("SELECT community_core.refresh_benchmark('irs_by_stage')");
        run(
            "CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
                 BEGIN RAISE EXCEPTION 'seen %', $1; END $$",
        );
        run(READER);
        run("SET LOCAL ROLE benchmark_reader");
        let plan: Vec<String> = Spi::connect(|client| {
            client
                .select("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF) SELECT * FROM irs_by_stage WHERE stage <> 'none'", None, &[])
                .expect("a plan")
                .filter_map(|row| row.get(1).ok().flatten())
                .collect()
        });
        let plan = plan.join("\n");
        for word in [
            "secret",
            "_cells",
            "_contributions",
            "_withdrawn",
            "Removed by Filter",
        ] {
            assert!(!plan.contains(word), "{plan}");
        }
        run(
            "DO $$ BEGIN PERFORM * FROM irs_by_stage WHERE leak(stage) AND stage <> 'seed';
             EXCEPTION WHEN raise_exception THEN
                 IF SQLERRM <> 'seen seed' THEN RAISE 'leaked: %', SQLERRM; END IF; END $$",
        );
    }

    #[pg_test]
    fn the_owner_need_not_be_a_superuser() {
        run(
            "CREATE ROLE community_owner; GRANT CREATE ON DATABASE pgrx_tests TO community_owner;
             GRANT USAGE ON SCHEMA community_core TO community_owner;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO community_owner;
             SET LOCAL ROLE community_owner",
        );
        community(&[50, 60, 70, 80, 90]);
        assert_eq!(published(), "seed 5 70 70");
        run("UPDATE consent_preferences SET enabled = false WHERE user_id = person(0)");
        assert_eq!(published(), "nothing");
        run("SELECT community_core.drop_benchmark('figures.irs_by_stage')");
    }

    #[pg_test]
    fn a_benchmark_over_somebody_elses_tables_is_refused() {
        run(COMMUNITY);
        run("CREATE ROLE stranger; GRANT USAGE, CREATE ON SCHEMA figures TO stranger; GRANT USAGE ON SCHEMA community_core TO stranger;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO stranger;
             GRANT ALL ON ALL TABLES IN SCHEMA figures TO stranger; SET LOCAL ROLE stranger");
        refused(
            "SELECT community_core.create_benchmark('mine', 'SELECT id AS subject, 1 AS value, now() AS observed_at FROM profiles', consent => 'consent_preferences')",
            "42501",
        );
        run("CREATE TABLE mine (user_id uuid, category text, enabled boolean)");
        refused(
            "SELECT community_core.create_benchmark('mine', 'SELECT id AS subject, 1 AS value, now() AS observed_at FROM profiles', consent => 'mine', watch => '{\"profiles\":\"id\"}')",
            "42501",
        );
    }

    #[pg_test]
    fn a_trigger_attached_by_hand_writes_into_nobody_elses_queue() {
        community(&[50, 60, 70, 80, 90]);
        run("CREATE ROLE stranger; GRANT USAGE, CREATE ON SCHEMA figures TO stranger; GRANT USAGE ON SCHEMA community_core TO stranger;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO stranger; SET LOCAL ROLE stranger;
             CREATE TABLE bait (id uuid);
             CREATE TRIGGER bait AFTER DELETE ON bait FOR EACH ROW
                 EXECUTE FUNCTION community_core.benchmark_withdraw('figures', 'irs_by_stage_withdrawn', 'id');
             INSERT INTO bait VALUES (gen_random_uuid())");
        refused("DELETE FROM bait", "55000");
    }

    #[pg_test]
    fn odd_names_are_quoted() {
        run("CREATE SCHEMA \"Odd 'schema\"\"\"; SET LOCAL search_path = \"Odd 'schema\"\"\";
             CREATE TABLE \"Consent table\" (user_id uuid, category text, enabled boolean);
             CREATE TABLE \"The people\" (\"person's id\" uuid, \"Stage \"\"x\"\"\" text, score integer);
             SELECT community_core.create_benchmark('\"By stage''s\"',
                 'SELECT \"person''s id\" AS subject, score AS value, now() AS observed_at, \"Stage \"\"x\"\"\" FROM \"The people\" -- done',
                 dimensions => ARRAY['Stage \"x\"'], consent_category => 'it''s', consent => '\"Consent table\"',
                 watch => '{\"\\\"The people\\\"\": \"person''s id\"}', minimum => 0, maximum => 100);
             INSERT INTO \"The people\" SELECT gen_random_uuid(), 'it''s \"x\"', n FROM generate_series(1, 7) n;
             INSERT INTO \"Consent table\" SELECT \"person's id\", 'it''s', true FROM \"The people\";
             SELECT community_core.refresh_benchmark('\"By stage''s\"')");
        let shown = Spi::get_one::<String>(
            "SELECT string_agg(concat_ws(' ', \"Stage \"\"x\"\"\", average), ';') FROM \"By stage's\"",
        );
        assert_eq!(shown, Ok(Some("it's \"x\" 4;4".to_owned())));
        run("DELETE FROM \"The people\" WHERE score = 1");
        let shown = Spi::get_one::<i64>("SELECT count(*) FROM \"By stage's\"");
        assert_eq!(shown, Ok(Some(0)));
    }

    #[pg_test]
    fn mistakes_are_named() {
        run(COMMUNITY);
        let create = |arguments: &str| {
            format!(
                "SELECT community_core.create_benchmark('other', {arguments}, consent => 'consent_preferences')"
            )
        };
        let source =
            "'SELECT id AS subject, 1 AS value, now() AS observed_at, stage FROM profiles'";
        refused(&create(&format!("{source}, k => 4")), "22023");
        refused(&create(&format!("{source}, policy => 'none'")), "22023");
        refused(&create(&format!("{source}, minimum => 3")), "22023");
        refused(
            &create(&format!("{source}, minimum => 3, maximum => 3")),
            "22023",
        );
        refused(&create(&format!("{source}, watch => '[]'")), "22023");
        refused(
            &create(&format!("{source}, watch => '{{\"nowhere\":\"id\"}}'")),
            "42P01",
        );
        refused(
            &create(&format!("{source}, watch => '{{\"profiles\":\"ident\"}}'")),
            "42703",
        );
        refused(
            &create(&format!("{source}, watch => '{{\"profiles\":\"stage\"}}'")),
            "42804",
        );
        refused(
            &create(&format!("{source}, dimensions => '{{weather}}'")),
            "42703",
        );
        refused(
            &create("'SELECT id AS subject, stage AS value, now() AS observed_at FROM profiles'"),
            "42804",
        );
        refused(
            &create("'SELECT id::text AS subject, 1 AS value, now() AS observed_at FROM profiles'"),
            "42804",
        );
        refused(
            &create("'SELECT id AS subject, 1 AS value FROM profiles'"),
            "42703",
        );
        refused(&create("'SELEC'"), "42601");
        refused(
            "SELECT community_core.refresh_benchmark('nothing')",
            "42P01",
        );
        refused("SELECT community_core.benchmark('no.thing')", "42P01");
        refused(
            "SELECT community_core.create_benchmark('irs_by_stage', 'SELECT id AS subject, 1 AS value, now() AS observed_at FROM profiles', consent => 'consent_preferences')",
            "55000",
        );
    }
}
