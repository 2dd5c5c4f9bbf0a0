//! Claims about attaching a mutual choice: to which tables, again, and after they were changed.

#[pgrx::pg_schema]
mod tests {
    use super::super::{A, B, failure, run, text};
    use pgrx::prelude::*;

    const AGAIN: &str =
        "SELECT community_core.create_mutual_choice('choices', '{event}', 'chooser',
                             'target', 'choice', 'matches')";

    fn choices_and_matches() {
        run("CREATE SCHEMA attached; SET LOCAL search_path = attached;
             CREATE TABLE choices (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
                 choice boolean, UNIQUE (event, chooser, target));
             CREATE TABLE matches (event int NOT NULL, b uuid, a uuid, UNIQUE (event, a, b));
             SELECT community_core.create_canonical_pair('matches', 'a', 'b')");
        run(AGAIN);
    }

    fn says(table: &str, event: i32, chooser: &str, target: &str, choice: bool) -> String {
        format!("INSERT INTO {table} VALUES ({event}, '{chooser}', '{target}', {choice})")
    }

    /// The SQLSTATE of a statement whose effects are undone also where it succeeds.
    fn tried(sql: &str) -> String {
        match failure(&format!("{sql}; SELECT 1 / 0")).as_str() {
            "22012" => "done".to_owned(),
            state => state.to_owned(),
        }
    }

    fn count(of: &str) -> String {
        text(&format!("SELECT count(*)::text FROM {of}"))
    }

    fn triggers(table: &str) -> String {
        text(&format!(
            "SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger
             WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal"
        ))
    }

    /// Else the failure would say that the other one said yes.
    #[pg_test]
    fn where_a_match_cannot_be_written_the_first_yes_fails_as_the_second_does() {
        choices_and_matches();
        run(&says("choices", 1, A, B, true));
        for (broken, state) in [
            ("ALTER TABLE matches RENAME TO were", "42P01"),
            ("DROP TABLE matches", "42P01"),
            ("ALTER TABLE matches RENAME a TO x", "42703"),
            ("ALTER TABLE matches DROP event", "42703"),
            (
                "ALTER TABLE matches DROP CONSTRAINT matches_event_a_b_key",
                "42P10",
            ),
            (
                "ALTER TABLE matches ALTER event TYPE date USING now()",
                "42804",
            ),
        ] {
            for event in [1, 2] {
                let yes = format!("{broken}; {}", says("choices", event, B, A, true));
                assert_eq!(tried(&yes), state, "event {event}: {broken}");
            }
            let no = format!("{broken}; {}", says("choices", 1, B, A, false));
            assert_eq!(tried(&no), "done", "{broken}");
            let taken_back = format!("{broken}; DELETE FROM choices");
            assert_eq!(tried(&taken_back), "done", "{broken}");
        }
        run(
            "CREATE ROLE chooser; GRANT USAGE ON SCHEMA attached TO chooser;
             ALTER TABLE choices OWNER TO chooser; ALTER TABLE choices_mutual OWNER TO chooser;
             ALTER TABLE matches OWNER TO chooser; REVOKE INSERT ON matches FROM chooser",
        );
        for event in [1, 2] {
            assert_eq!(
                failure(&says("choices", event, B, A, true)),
                "42501",
                "{event}"
            );
        }
        run("GRANT INSERT ON matches TO chooser");
        run(&says("choices", 1, B, A, true));
        assert_eq!(count("matches"), "1");
    }

    #[pg_test]
    fn attaching_again_repairs_the_state_whatever_became_of_it() {
        choices_and_matches();
        run(&says("choices", 1, A, B, true));
        let shape = || {
            text(
                "SELECT concat_ws('; ', (SELECT string_agg(concat_ws(' ', attname, atttypid::regtype, attnotnull), ', ' ORDER BY attnum)
                     FROM pg_attribute WHERE attrelid = 'choices_mutual'::regclass AND attnum > 0 AND NOT attisdropped),
                 (SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY contype)
                     FROM pg_constraint WHERE conrelid = 'choices_mutual'::regclass AND contype IN ('c', 'p')),
                 (SELECT relrowsecurity FROM pg_class WHERE oid = 'choices_mutual'::regclass))",
            )
        };
        let made = shape();
        for damage in [
            "ALTER TABLE choices_mutual ALTER event TYPE bigint",
            "ALTER TABLE choices_mutual ALTER low_yes TYPE text",
            "ALTER TABLE choices_mutual DROP CONSTRAINT choices_mutual_pkey",
            "ALTER TABLE choices_mutual DROP CONSTRAINT choices_mutual_pair_check",
            "ALTER TABLE choices_mutual ALTER high_yes DROP NOT NULL",
            "ALTER TABLE choices_mutual DROP low_yes",
            "ALTER TABLE choices_mutual DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE choices_mutual ADD note text",
            "DROP TABLE choices_mutual",
        ] {
            run(damage);
            if !damage.starts_with("DROP TABLE") {
                assert_ne!(shape(), made, "{damage} changes something");
            }
            run(AGAIN);
            assert_eq!(shape(), made, "{damage}");
        }
        run(&says("choices", 1, B, A, true));
        assert_eq!(count("matches"), "1");
    }

    #[pg_test]
    fn a_renamed_table_goes_on_and_attaching_again_renames_what_belongs_to_it() {
        choices_and_matches();
        let (named_triggers, checks) = (
            triggers("choices"),
            count("pg_constraint WHERE conrelid = 'choices'::regclass"),
        );
        run(&says("choices", 1, A, B, true));
        run("ALTER TABLE choices RENAME TO picks; CREATE SCHEMA elsewhere; ALTER TABLE picks SET SCHEMA elsewhere;
             SET LOCAL search_path = elsewhere, attached");
        run(&says("picks", 1, B, A, true));
        assert_eq!(count("matches"), "1");
        let again = AGAIN.replace("'choices'", "'picks'");
        for _ in 0..2 {
            run(&again);
            assert_eq!(
                triggers("picks"),
                named_triggers.replace("choices", "picks")
            );
            assert_eq!(
                count("pg_constraint WHERE conrelid = 'picks'::regclass"),
                checks
            );
            assert_eq!(
                text("SELECT to_regclass('attached.choices_mutual')::text"),
                ""
            );
            assert_eq!(count("elsewhere.picks_mutual"), "1");
        }
        run(&says("picks", 2, B, A, true));
        run(&says("picks", 2, A, B, true));
        assert_eq!(count("matches"), "2");
    }

    #[pg_test]
    fn a_renamed_column_or_table_of_matches_is_followed_by_attaching_again() {
        choices_and_matches();
        run(&says("choices", 1, A, B, true));
        run("ALTER TABLE matches RENAME TO contacts; ALTER TABLE contacts RENAME a TO low;
             ALTER TABLE contacts RENAME b TO high; ALTER TABLE contacts RENAME event TO meeting;
             ALTER TABLE choices RENAME event TO meeting; ALTER TABLE choices RENAME chooser TO who");
        assert_eq!(failure(&says("choices", 1, B, A, true)), "42703");
        run("SELECT community_core.create_canonical_pair('contacts', 'low', 'high');
             SELECT community_core.create_mutual_choice('choices', '{meeting}', 'who', 'target', 'choice', 'contacts')");
        assert_eq!(triggers("contacts"), "contacts_canonicalize_pair");
        run(&says("choices", 1, B, A, true));
        assert_eq!(count("contacts"), "1");
    }

    #[pg_test]
    fn a_state_that_another_table_uses_is_left_to_it() {
        choices_and_matches();
        run(&says("choices", 1, A, B, true));
        run("ALTER TABLE choices RENAME TO picks;
             CREATE TABLE choices (LIKE picks INCLUDING ALL)");
        assert_eq!(failure(AGAIN), "55000");
        run(&says("picks", 1, B, A, true));
        assert_eq!(count("matches"), "1");
        run(&AGAIN.replace("'choices'", "'picks'"));
        run(AGAIN);
        assert_eq!(
            (count("picks_mutual"), count("choices_mutual")),
            ("1".into(), "0".into())
        );
    }

    #[pg_test]
    fn a_table_that_is_somebody_elses_is_never_taken_for_the_state() {
        run("CREATE SCHEMA taken; SET LOCAL search_path = taken;
             CREATE TABLE choices (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
                 choice boolean, UNIQUE (event, chooser, target));
             CREATE TABLE matches (event int NOT NULL, b uuid, a uuid, UNIQUE (event, a, b));
             SELECT community_core.create_canonical_pair('matches', 'a', 'b');
             CREATE TABLE choices_mutual (mine text); INSERT INTO choices_mutual VALUES ('kept')");
        assert_eq!(failure(AGAIN), "42P07");
        assert_eq!(count("choices_mutual"), "1");
    }

    /// Choices written into a part by its own name would not be seen.
    #[pg_test]
    fn choices_lie_in_one_table() {
        choices_and_matches();
        run(
            "CREATE TABLE parts (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
                 choice boolean, UNIQUE (event, chooser, target)) PARTITION BY LIST (event);
             CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);
             CREATE TABLE parent (LIKE choices INCLUDING ALL);
             CREATE TABLE child (UNIQUE (event, chooser, target)) INHERITS (parent)",
        );
        for table in ["parts", "part", "parent", "child"] {
            let attach = AGAIN.replace("'choices'", &format!("'{table}'"));
            assert_eq!(failure(&attach), "55000", "{table}");
        }
        run(&says("choices", 1, A, B, true));
        for later in [
            "CREATE TABLE later () INHERITS (choices)",
            "CREATE TABLE above (event int, chooser uuid, target uuid, choice boolean); ALTER TABLE choices INHERIT above",
            "CREATE TABLE above (LIKE choices) PARTITION BY LIST (event);
             ALTER TABLE above ATTACH PARTITION choices FOR VALUES IN (1, 2)",
        ] {
            for event in [1, 2] {
                let yes = format!("{later}; {}", says("choices", event, B, A, true));
                assert_eq!(tried(&yes), "55000", "event {event}: {later}");
            }
            let no = format!("{later}; {}", says("choices", 1, B, A, false));
            assert_eq!(tried(&no), "done", "{later}");
        }
        run("CREATE TABLE later () INHERITS (choices); DROP TABLE later");
        run(&says("choices", 1, B, A, true));
        assert_eq!(count("matches"), "1");
    }
}
