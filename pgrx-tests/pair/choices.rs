//! Claims about choices that become matches.

#[pgrx::pg_schema]
mod tests {
    use super::super::{A, B, failure, run, text};
    use pgrx::prelude::*;

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
