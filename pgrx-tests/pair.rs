//! Claims about pairs.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    fn run(sql: &str) {
        Spi::run(sql).expect(sql);
    }

    fn text(sql: &str) -> String {
        Spi::get_one::<String>(sql).expect(sql).unwrap_or_default()
    }

    /// The SQLSTATE with which a statement fails; what it did is undone.
    fn failure(sql: &str) -> String {
        if text("SELECT to_regprocedure('pg_temp.failure(text)')::text").is_empty() {
            run("CREATE FUNCTION pg_temp.failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
                 BEGIN EXECUTE sql; RETURN 'none'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$");
        }
        text(&format!("SELECT pg_temp.failure($sql${sql}$sql$)"))
    }

    const A: &str = "00000000-0000-4000-8000-00000000000a";
    const B: &str = "0A000000-0000-4000-8000-00000000000b";
    const LOW_HIGH: &str =
        "(00000000-0000-4000-8000-00000000000a,0a000000-0000-4000-8000-00000000000b)";

    #[pg_test]
    fn a_pair_is_the_same_whoever_is_named_first() {
        for sql in [
            format!("SELECT community_core.contact_pair('{A}', '{B}')::text"),
            format!("SELECT community_core.contact_pair('{B}', '{A}')::text"),
            format!("SELECT '({B}, {A})'::community_core.contact_pair::text"),
            format!("SELECT ARRAY['{B}', '{A}']::uuid[]::community_core.contact_pair::text"),
            format!(
                "SELECT array_to_string(community_core.contact_pair('{B}', '{A}')::uuid[], ',')"
            ),
        ] {
            assert_eq!(
                text(&sql).trim_matches(['(', ')']),
                LOW_HIGH.trim_matches(['(', ')']),
                "{sql}"
            );
        }
        assert_eq!(
            text(&format!(
                "SELECT (community_core.pair_low(p) = LEAST('{A}'::uuid, '{B}')
                     AND community_core.pair_high(p) = GREATEST('{A}'::uuid, '{B}'))::text
                 FROM community_core.contact_pair('{B}', '{A}') AS p"
            )),
            "true"
        );
    }

    #[pg_test]
    fn a_pair_of_one_or_of_nobody_is_refused_with_a_sqlstate_of_its_own() {
        for (state, sql) in [
            (
                "22023",
                format!("SELECT community_core.contact_pair('{A}', '{A}')"),
            ),
            (
                "22023",
                format!("SELECT '({A},{A})'::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}', '{A}']::uuid[]::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}']::uuid[]::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}', NULL]::uuid[]::community_core.contact_pair"),
            ),
            (
                "22004",
                format!("SELECT community_core.contact_pair('{A}', NULL)"),
            ),
            (
                "22004",
                "SELECT community_core.contact_pair(NULL, NULL)".to_owned(),
            ),
            (
                "22P02",
                format!("SELECT '({A})'::community_core.contact_pair"),
            ),
            ("22P02", "SELECT ''::community_core.contact_pair".to_owned()),
            (
                "22P02",
                format!("SELECT '({A},{{{B}}})'::community_core.contact_pair"),
            ),
        ] {
            assert_eq!(failure(&sql), state, "{sql}");
        }
    }

    #[pg_test]
    fn pairs_are_found_by_btree_and_by_hash_and_sorted_as_their_ids() {
        run("CREATE TEMP TABLE t AS
             SELECT n, community_core.contact_pair(gen_random_uuid(), gen_random_uuid()) AS pair
             FROM generate_series(1, 2000) AS n;
             CREATE INDEX t_btree ON t (pair); CREATE INDEX t_hash ON t USING hash (pair);
             ANALYZE t; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
             SET LOCAL search_path = public, community_core");
        let wanted = text("SELECT pair::text FROM t WHERE n = 7");
        for (index, other) in [("t_btree", "t_hash"), ("t_hash", "t_btree")] {
            let plan = explain(&format!("SELECT n FROM t WHERE pair = '{wanted}'"), other);
            assert!(plan.contains(index), "{plan}");
        }
        assert_eq!(
            text(
                "SELECT (array_agg(n ORDER BY pair) = array_agg(n ORDER BY
                      community_core.pair_low(pair), community_core.pair_high(pair)))::text FROM t"
            ),
            "true"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM t a JOIN t b ON a.pair = b.pair"),
            "2000"
        );
    }

    /// The plan of a query while an index is not there.
    fn explain(query: &str, without: &str) -> String {
        run(
            "CREATE OR REPLACE FUNCTION pg_temp.plan(query text, without text) RETURNS text
             LANGUAGE plpgsql AS $$
             DECLARE line text; lines text := '';
             BEGIN
                 BEGIN
                     EXECUTE 'DROP INDEX pg_temp.' || without;
                     FOR line IN EXECUTE 'EXPLAIN ' || query LOOP lines := lines || line; END LOOP;
                     RAISE EXCEPTION USING ERRCODE = 'ZZ000';
                 EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
                 END;
                 RETURN lines;
             END $$",
        );
        text(&format!("SELECT pg_temp.plan($q${query}$q$, '{without}')"))
    }

    #[pg_test]
    fn a_pair_goes_through_its_binary_form() {
        assert_eq!(
            text(&format!(
                "SELECT encode(community_core.contact_pair_send('({B},{A})'), 'hex')"
            )),
            format!("{A}{B}").to_lowercase().replace('-', "")
        );
    }

    #[pg_test]
    fn a_row_written_the_wrong_way_round_is_turned_on_insert_and_on_update() {
        run(
            "CREATE TEMP TABLE c (a uuid, note text, b uuid, UNIQUE (a, b));
             SELECT community_core.create_canonical_pair('c', 'a', 'b')",
        );
        run(&format!(
            "INSERT INTO c VALUES ('{B}', 'kept', '{A}');
             INSERT INTO c VALUES ('{A}', 'lost', '{B}') ON CONFLICT DO NOTHING"
        ));
        let stands = format!("{A} kept {B}").to_lowercase();
        let row = "SELECT string_agg(concat_ws(' ', a, note, b), ';') FROM c";
        assert_eq!(text(row), stands);
        run(&format!("UPDATE c SET a = '{B}', b = '{A}'"));
        assert_eq!(text(row), stands);
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{B}', '', '{A}')")),
            "23505"
        );
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{A}', '', '{A}')")),
            "23514"
        );
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{A}', '', NULL)")),
            "23502"
        );
        assert_eq!(failure(&format!("UPDATE c SET b = '{A}'")), "23514");
    }

    #[pg_test]
    fn the_check_keeps_the_order_where_the_trigger_does_not_run() {
        run("CREATE TEMP TABLE c (a text, b text);
             SELECT community_core.create_canonical_pair('c', 'a', 'b');
             ALTER TABLE c DISABLE TRIGGER ALL");
        assert_eq!(failure("INSERT INTO c VALUES ('b', 'a')"), "23514");
        assert_eq!(failure("INSERT INTO c VALUES ('a', NULL)"), "23502");
    }

    #[pg_test]
    fn rows_that_are_there_are_turned_and_attaching_twice_is_attaching_once() {
        run("CREATE TEMP TABLE c (b int, a int); INSERT INTO c (a, b) VALUES (2, 1), (3, 9)");
        for _ in 0..2 {
            run("SELECT community_core.create_canonical_pair('c', 'a', 'b')");
            assert_eq!(
                text("SELECT string_agg(a || '<' || b, ' ' ORDER BY a) FROM c"),
                "1<2 3<9"
            );
        }
        let attached = "SELECT count(*)::text FROM pg_trigger WHERE tgrelid = 'c'::regclass";
        assert_eq!(text(attached), "1");
    }

    /// citext has an order of its own, which text, to which it casts, does not share.
    #[pg_test]
    fn the_order_is_that_of_the_type_also_where_its_operators_are_elsewhere() {
        if text("SELECT count(*)::text FROM pg_available_extensions WHERE name = 'citext'") == "0" {
            return;
        }
        run("CREATE SCHEMA types; CREATE EXTENSION citext SCHEMA types;
             CREATE TEMP TABLE c (a types.citext, b types.citext, UNIQUE (a, b));
             CREATE TEMP TABLE u (a types.citext, b types.citext);
             SELECT community_core.create_canonical_pair('c', 'a', 'b');
             SELECT community_core.create_unordered_pair('u', 'a', 'b')");
        run("INSERT INTO c VALUES ('B', 'a'); INSERT INTO u VALUES ('B', 'a')");
        assert_eq!(text("SELECT a || b FROM c"), "aB");
        for (table, values, state) in [
            ("c", "('A', 'b')", "23505"),
            ("u", "('A', 'b')", "23505"),
            ("c", "('x', 'X')", "23514"),
            ("u", "('x', 'X')", "23514"),
        ] {
            assert_eq!(
                failure(&format!("INSERT INTO {table} VALUES {values}")),
                state,
                "{values}"
            );
        }
    }

    #[pg_test]
    fn an_unordered_pair_keeps_who_asked_and_refuses_the_way_back() {
        run("CREATE TEMP TABLE asked (a uuid, b uuid);
             SELECT community_core.create_unordered_pair('asked', 'a', 'b');
             SELECT community_core.create_unordered_pair('asked', 'a', 'b')");
        run(&format!("INSERT INTO asked VALUES ('{B}', '{A}')"));
        assert_eq!(text("SELECT a::text FROM asked"), B.to_lowercase());
        assert_eq!(
            failure(&format!("INSERT INTO asked VALUES ('{A}', '{B}')")),
            "23505"
        );
        assert_eq!(
            failure(&format!("INSERT INTO asked VALUES ('{A}', '{A}')")),
            "23514"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM pg_trigger WHERE tgrelid = 'asked'::regclass"),
            "0"
        );
    }

    #[pg_test]
    fn what_cannot_be_a_pair_is_refused_by_name() {
        run(
            "CREATE TEMP TABLE t (a uuid, b text, c uuid, d point, e point);
             CREATE TEMP VIEW v AS SELECT * FROM t",
        );
        for (state, arguments) in [
            ("42804", "'t', 'a', 'b'"),
            ("42703", "'t', 'a', 'x'"),
            ("42P16", "'t', 'a', 'a'"),
            ("42883", "'t', 'd', 'e'"),
            ("42809", "'v', 'a', 'c'"),
            ("22004", "NULL, 'a', 'c'"),
            ("22004", "'t', NULL, 'c'"),
        ] {
            for function in ["create_canonical_pair", "create_unordered_pair"] {
                let sql = format!("SELECT community_core.{function}({arguments})");
                assert_eq!(failure(&sql), state, "{sql}");
            }
        }
        run(
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO authenticated;
             SET LOCAL ROLE authenticated",
        );
        let mine = "SELECT community_core.create_canonical_pair('t', 'a', 'c')";
        assert_eq!(failure(mine), "42501");
    }

    fn choices_and_matches() {
        run(
            "CREATE SCHEMA \"Odd ' pairs\"; SET LOCAL search_path = \"Odd ' pairs\";
             CREATE TABLE choices (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
                 choice boolean, UNIQUE (event, chooser, target));
             CREATE TABLE matches (event int NOT NULL, b uuid, a uuid, UNIQUE (event, a, b));
             SELECT community_core.create_canonical_pair('matches', 'a', 'b');
             SELECT community_core.create_mutual_choice('choices', '{event}', 'chooser', 'target',
                                                        'choice', 'matches')",
        );
    }

    fn says(event: i32, chooser: &str, target: &str, choice: bool) {
        run(&format!(
            "INSERT INTO choices VALUES ({event}, '{chooser}', '{target}', {choice})
             ON CONFLICT (event, chooser, target) DO UPDATE SET choice = excluded.choice"
        ));
    }

    fn matches() -> String {
        text(
            "SELECT string_agg(event || (CASE WHEN a < b THEN '' ELSE '!' END), ' ' ORDER BY event)
              FROM matches",
        )
    }

    fn state() -> String {
        text("SELECT string_agg(concat_ws(' ', event, low_yes, high_yes), ';') FROM choices_mutual")
    }

    #[pg_test]
    fn a_match_is_made_with_the_second_yes_and_not_before() {
        choices_and_matches();
        says(1, B, A, true);
        assert_eq!(matches(), "");
        says(1, A, B, true);
        assert_eq!(matches(), "1");
        says(2, A, B, true);
        says(3, B, A, true);
        assert_eq!(matches(), "1");
        says(2, B, A, false);
        assert_eq!(matches(), "1");
    }

    #[pg_test]
    fn a_changed_mind_counts_before_the_match_and_not_after() {
        choices_and_matches();
        says(1, A, B, true);
        says(1, A, B, false);
        says(1, B, A, true);
        assert_eq!(matches(), "");
        says(1, A, B, true);
        assert_eq!(matches(), "1");
        says(1, A, B, false);
        run("DELETE FROM choices");
        assert_eq!((matches().as_str(), state().as_str()), ("1", ""));
    }

    #[pg_test]
    fn a_choice_that_is_deleted_moved_or_truncated_is_taken_back() {
        choices_and_matches();
        says(1, A, B, true);
        run("UPDATE choices SET event = 2");
        says(1, B, A, true);
        assert_eq!(matches(), "");
        says(2, B, A, true);
        assert_eq!(matches(), "2");
        says(3, A, B, true);
        run("DELETE FROM choices WHERE event = 3");
        says(3, B, A, true);
        assert_eq!(matches(), "2");
        run("TRUNCATE choices");
        assert_eq!(state(), "");
        says(3, A, B, true);
        assert_eq!(matches(), "2");
    }

    #[pg_test]
    fn many_choices_in_one_statement_match_as_one_by_one() {
        choices_and_matches();
        run(&format!(
            "INSERT INTO choices
             SELECT n, '{A}'::uuid, '{B}'::uuid, n % 2 = 0 FROM generate_series(1, 30) AS n
             UNION ALL SELECT n, '{B}', '{A}', n % 3 = 0 FROM generate_series(1, 30) AS n"
        ));
        assert_eq!(matches(), "6 12 18 24 30");
        run("UPDATE choices SET choice = NOT choice WHERE event IN (1, 2, 3, 4, 5, 6)");
        assert_eq!(matches(), "1 5 6 12 18 24 30");
        assert_eq!(
            text("SELECT count(*)::text FROM (
                      SELECT event, low_yes, high_yes FROM choices_mutual EXCEPT
                      SELECT event, bool_or(choice AND chooser < target), bool_or(choice AND chooser > target)
                      FROM choices GROUP BY event) x"),
            "0"
        );
    }

    #[pg_test]
    fn attaching_again_repairs_what_happened_in_between() {
        choices_and_matches();
        run(&format!(
            "ALTER TABLE choices DISABLE TRIGGER USER;
             INSERT INTO choices VALUES (1, '{A}', '{B}', true), (1, '{B}', '{A}', true), (2, '{A}', '{B}', true);
             ALTER TABLE choices ENABLE TRIGGER USER"
        ));
        assert_eq!((matches(), state()), (String::new(), String::new()));
        run(
            "SELECT community_core.create_mutual_choice('choices', '{event}', 'chooser', 'target',
                 'choice', 'matches')",
        );
        assert_eq!(matches(), "1");
        says(2, B, A, true);
        assert_eq!(matches(), "1 2");
    }

    #[pg_test]
    fn nobody_learns_of_a_one_sided_yes() {
        run(
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, anon, authenticated, service_role",
        );
        choices_and_matches();
        run(
            "GRANT USAGE ON SCHEMA \"Odd ' pairs\" TO anon, authenticated, service_role;
             GRANT ALL ON choices, matches TO authenticated",
        );
        says(1, A, B, true);
        for role in ["anon", "authenticated", "service_role"] {
            run(&format!("SET LOCAL ROLE {role}"));
            assert_eq!(failure("SELECT FROM choices_mutual"), "42501", "{role}");
            run("RESET ROLE");
        }
        run("SET LOCAL ROLE authenticated");
        assert_eq!(
            failure(&format!(
                "INSERT INTO choices VALUES (1, '{B}', '{A}', false)"
            )),
            "none"
        );
        says(1, B, A, true);
        run("RESET ROLE");
        assert_eq!(matches(), "1");
    }

    #[pg_test]
    fn a_renamed_column_is_seen_by_the_next_choice() {
        choices_and_matches();
        says(1, A, B, true);
        let yes = format!("INSERT INTO choices VALUES (1, '{B}', '{A}', true)");
        for (table, column) in [("choices", "target"), ("choices", "choice")] {
            run(&format!("ALTER TABLE {table} RENAME {column} TO was"));
            assert_eq!(failure(&yes), "42703", "{table}.{column}");
            run(&format!("ALTER TABLE {table} RENAME was TO {column}"));
        }
        run("ALTER TABLE matches RENAME TO was");
        assert_eq!(failure(&yes), "42P01");
        run("ALTER TABLE was RENAME TO matches");
        // The names of the two who choose now belong to each other's columns.
        run("ALTER TABLE choices RENAME chooser TO was; ALTER TABLE choices RENAME target TO chooser;
             ALTER TABLE choices RENAME was TO target");
        run(&yes);
        assert_eq!(matches(), "");
        says(2, A, B, true);
        says(2, B, A, true);
        assert_eq!(matches(), "2");
    }

    #[pg_test]
    fn a_no_that_became_a_text_is_no_yes() {
        choices_and_matches();
        says(1, A, B, true);
        run(
            "ALTER TABLE choices ALTER choice TYPE text USING CASE WHEN choice THEN 'yes' ELSE 'no' END",
        );
        let no = format!("INSERT INTO choices VALUES (1, '{B}', '{A}', 'no')");
        assert_eq!(failure(&no), "42804");
        assert_eq!(matches(), "");
    }

    #[pg_test]
    fn flags_and_people_of_another_type_are_an_error() {
        choices_and_matches();
        let yes = format!("INSERT INTO choices VALUES (1, '{B}', '{A}', true)");
        for (table, column, of) in [
            ("choices_mutual", "low_yes", "text USING 'xx'"),
            ("choices_mutual", "high_yes", "numeric USING 1"),
        ] {
            says(1, A, B, true);
            let altered = format!("ALTER TABLE {table} ALTER {column} TYPE {of}; {yes}");
            assert_eq!(failure(&altered), "42804", "{column}");
        }
        run("ALTER TABLE choices DROP CONSTRAINT choices_pair_check;
             ALTER TABLE choices ALTER target TYPE text");
        assert_eq!(failure(&yes), "42804");
    }

    #[pg_test]
    fn a_trigger_attached_by_hand_to_columns_of_two_types_is_refused_when_it_fires() {
        run("CREATE TABLE pg_temp.odd (a text, b int);
             CREATE TRIGGER odd BEFORE INSERT ON pg_temp.odd FOR EACH ROW
                 EXECUTE FUNCTION community_core.canonicalize_pair('a', 'b')");
        assert_eq!(failure("INSERT INTO pg_temp.odd VALUES ('a', 1)"), "42804");
    }

    #[pg_test]
    fn what_the_owner_hangs_on_the_state_and_the_matches_runs_under_a_safe_search_path() {
        choices_and_matches();
        says(1, A, B, true);
        says(1, B, A, true);
        run("CREATE TABLE seen (what text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SET client_min_messages = warning AS $$
                 BEGIN
                     EXECUTE format('INSERT INTO %I.seen VALUES ($1)', TG_TABLE_SCHEMA)
                     USING concat_ws(' ', TG_TABLE_NAME, TG_OP, current_setting('search_path'));
                     RETURN NEW;
                 END $$;
             CREATE TRIGGER note AFTER UPDATE ON choices_mutual FOR EACH ROW EXECUTE FUNCTION note()");
        says(2, A, B, true);
        says(2, B, A, true);
        let seen = "SELECT string_agg(what, '; ') FROM seen";
        assert_eq!(text(seen), "choices_mutual UPDATE pg_catalog, pg_temp");
        run("DROP TRIGGER note ON choices_mutual; TRUNCATE seen;
             CREATE TRIGGER note BEFORE INSERT ON matches FOR EACH ROW EXECUTE FUNCTION note()");
        says(3, A, B, true);
        says(3, B, A, true);
        assert_eq!(text(seen), "matches INSERT pg_catalog, pg_temp");
        run("DROP TRIGGER note ON matches; TRUNCATE seen;
             CREATE FUNCTION look() RETURNS date LANGUAGE plpgsql AS $$
                 BEGIN RAISE 'path: %', current_setting('search_path'); END $$;
             ALTER TABLE matches ADD made date DEFAULT NULL");
        run("ALTER TABLE matches ALTER made SET DEFAULT look()");
        says(4, A, B, true);
        assert_eq!(
            failure(&format!(
                "INSERT INTO choices VALUES (4, '{B}', '{A}', true)"
            )),
            "P0001"
        );
        assert_eq!(matches(), "1 2 3");
    }

    #[pg_test]
    fn choices_act_as_their_owner_also_when_that_is_another() {
        choices_and_matches();
        says(1, A, B, true);
        run(
            "CREATE ROLE keeper; GRANT USAGE ON SCHEMA \"Odd ' pairs\" TO keeper;
             ALTER TABLE choices OWNER TO keeper",
        );
        let yes = format!("INSERT INTO choices VALUES (1, '{B}', '{A}', true)");
        assert_eq!(failure(&yes), "42501");
        run("ALTER TABLE choices_mutual OWNER TO keeper");
        assert_eq!(failure(&yes), "42501");
        run("ALTER TABLE matches OWNER TO keeper");
        run(&yes);
        assert_eq!(matches(), "1");
    }

    #[pg_test]
    fn whoever_chooses_themself_is_refused() {
        choices_and_matches();
        let alone = format!("INSERT INTO choices VALUES (1, '{A}', '{A}', true)");
        assert_eq!(failure(&alone), "23514");
    }

    #[pg_test]
    fn a_mutual_choice_wants_tables_that_fit() {
        run("CREATE SCHEMA misfits; SET LOCAL search_path = misfits;
             CREATE TABLE good (event int NOT NULL, c uuid NOT NULL, t uuid NOT NULL, yes boolean,
                 word text, UNIQUE (event, c, t));
             CREATE TABLE loose (event int NOT NULL, c uuid NOT NULL, t uuid NOT NULL, yes boolean);
             CREATE TABLE nulls (event int, c uuid NOT NULL, t uuid NOT NULL, yes boolean,
                 UNIQUE (event, c, t));
             CREATE TABLE matches (event int, a uuid, b uuid, UNIQUE (event, a, b));
             CREATE TABLE plain (event int, a uuid, b uuid, UNIQUE (event, a, b));
             CREATE TABLE many (event int, a uuid, b uuid);
             CREATE TABLE other (event bigint, a uuid, b uuid, UNIQUE (event, a, b));
             SELECT community_core.create_canonical_pair(t, 'a', 'b')
             FROM (VALUES ('matches'::regclass), ('many'), ('other')) AS v (t)");
        for (state, arguments) in [
            ("none", "'good', '{event}', 'c', 't', 'yes', 'matches'"),
            ("55000", "'loose', '{event}', 'c', 't', 'yes', 'matches'"),
            ("55000", "'good', '{event}', 'c', 't', 'yes', 'plain'"),
            ("55000", "'good', '{event}', 'c', 't', 'yes', 'many'"),
            ("42P16", "'nulls', '{event}', 'c', 't', 'yes', 'matches'"),
            ("42804", "'good', '{event}', 'c', 't', 'yes', 'other'"),
            ("42804", "'good', '{event}', 'c', 't', 'word', 'matches'"),
            ("42703", "'good', '{nothing}', 'c', 't', 'yes', 'matches'"),
            ("42P16", "'good', '{event}', 'c', 'c', 'yes', 'matches'"),
            ("22004", "'good', NULL, 'c', 't', 'yes', 'matches'"),
            ("22004", "'good', '{NULL}', 'c', 't', 'yes', 'matches'"),
        ] {
            let sql = format!("SELECT community_core.create_mutual_choice({arguments})");
            assert_eq!(failure(&sql), state, "{sql}");
        }
    }
}
