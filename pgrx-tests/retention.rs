//! Claims about retention policies, each on a table of the test's own.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::founders::{As, be, outcome, run, text};
    use pgrx::prelude::*;

    /// A schema of the test's own with a table of ten rows, one a day old, one two days, and so on.
    fn rows() -> String {
        be(As::Owner);
        let schema = text("SELECT 's' || replace(gen_random_uuid()::text, '-', '')");
        run(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.notes (id int PRIMARY KEY, kind text NOT NULL, body text, amount int,
                                          made_at timestamptz NOT NULL);
             INSERT INTO {schema}.notes
             SELECT n, CASE n % 2 WHEN 0 THEN 'even' ELSE 'odd' END, 'note ' || n, n, now() - make_interval(days => n)
             FROM generate_series(1, 10) n"
        ));
        schema
    }

    fn policy(schema: &str, keep: &str, rest: &str) -> String {
        format!(
            "SELECT community_core.create_retention_policy('{schema}.notes', 'made_at', '{keep}', {rest})"
        )
    }

    fn batch(schema: &str, policy: &str, size: i32) -> String {
        text(&format!(
            "SELECT community_core.apply_retention_batch('{schema}.notes', '{policy}', {size}, now(), gen_random_uuid())::text"
        ))
    }

    fn due(schema: &str) -> String {
        text(&format!(
            "SELECT string_agg(policy || ' ' || rows, ', ') FROM community_core.retention_due()
             WHERE table_name = '{schema}.notes'"
        ))
    }

    fn count(sql: &str) -> String {
        text(&format!("SELECT count(*)::text FROM {sql}"))
    }

    #[pg_test]
    fn old_rows_leave_in_batches_the_oldest_first_and_each_batch_is_recorded() {
        let schema = rows();
        run(&policy(&schema, "4 days 1 hour", "'delete'"));
        assert_eq!(due(&schema), "delete_made_at 6");
        assert_eq!(batch(&schema, "delete_made_at", 4), "4");
        assert_eq!(
            text(&format!("SELECT max(id)::text FROM {schema}.notes")),
            "6"
        );
        assert_eq!(batch(&schema, "delete_made_at", 4), "2");
        assert_eq!(batch(&schema, "delete_made_at", 4), "0");
        assert_eq!(count(&format!("{schema}.notes")), "4");
        assert_eq!(due(&schema), "delete_made_at 0");
        let recorded = format!(
            "SELECT string_agg(rows::text, ' ' ORDER BY logged_at) FROM {schema}.retention_log WHERE policy = 'delete_made_at'"
        );
        assert_eq!(text(&recorded), "4 2 0");
    }

    #[pg_test]
    fn a_row_stays_until_its_time_to_the_microsecond() {
        let schema = rows();
        run(&policy(&schema, "3 days", "'delete'"));
        assert_eq!(
            due(&schema),
            "delete_made_at 7",
            "the one of exactly three days stays"
        );
    }

    #[pg_test]
    fn a_condition_keeps_what_does_not_meet_it() {
        let schema = rows();
        run(&policy(
            &schema,
            "1 hour",
            "'delete', condition => 'kind = ''odd'' -- and that is all'",
        ));
        assert_eq!(batch(&schema, "delete_made_at", 100), "5");
        assert_eq!(count(&format!("{schema}.notes WHERE kind = 'odd'")), "0");
    }

    #[pg_test]
    fn nulled_columns_are_nulled_once_and_the_rest_of_the_row_stays() {
        let schema = rows();
        run(&policy(
            &schema,
            "5 days 1 hour",
            "'null', '[\"body\", \"amount\"]'",
        ));
        assert_eq!(due(&schema), "null_made_at 5");
        assert_eq!(batch(&schema, "null_made_at", 100), "5");
        assert_eq!(batch(&schema, "null_made_at", 100), "0");
        assert_eq!(due(&schema), "null_made_at 0");
        assert_eq!(
            count(&format!("{schema}.notes WHERE num_nulls(body, amount) = 2")),
            "5"
        );
        assert_eq!(count(&format!("{schema}.notes")), "10");
    }

    #[pg_test]
    fn anonymized_values_come_to_rest() {
        let schema = rows();
        run(&policy(
            &schema,
            "5 days 1 hour",
            r#"'anonymize', '{"body": "''gone '' || id", "amount": "NULL"}'"#,
        ));
        assert_eq!(batch(&schema, "anonymize_made_at", 100), "5");
        assert_eq!(batch(&schema, "anonymize_made_at", 100), "0");
        assert_eq!(
            text(&format!("SELECT body FROM {schema}.notes WHERE id = 7")),
            "gone 7"
        );
        assert_eq!(
            text(&format!("SELECT body FROM {schema}.notes WHERE id = 3")),
            "note 3"
        );
    }

    #[pg_test]
    fn an_anonymization_that_never_rests_is_refused_and_changes_nothing() {
        let schema = rows();
        run(&policy(
            &schema,
            "5 days",
            r#"'anonymize', '{"body": "md5(body)"}'"#,
        ));
        let apply = format!(
            "SELECT community_core.apply_retention_batch('{schema}.notes', 'anonymize_made_at', 10, now(), gen_random_uuid())"
        );
        assert_eq!(outcome(As::Owner, &apply), "22023");
    }

    #[pg_test]
    fn summarized_rows_add_up_across_batches() {
        let schema = rows();
        run(&format!(
            "CREATE TABLE {schema}.summary (kind text PRIMARY KEY, notes bigint, total bigint,
                                            first timestamptz, last timestamptz)"
        ));
        run(&policy(
            &schema,
            "1 hour",
            &format!(
                r#"'summarize', '{{"kind": "kind", "notes": "count(*)", "total": "sum(amount)",
                                   "first": "min(made_at)", "last": "max(made_at)"}}', '{schema}.summary'"#
            ),
        ));
        for left in ["3", "3", "3", "1", "0"] {
            assert_eq!(batch(&schema, "summarize_made_at", 3), left);
        }
        let summary = text(&format!(
            "SELECT string_agg(concat_ws(' ', kind, notes, total, extract(day FROM last - first)), ', ' ORDER BY kind) FROM {schema}.summary"
        ));
        assert_eq!(summary, "even 5 30 8, odd 5 25 8");
        assert_eq!(count(&format!("{schema}.notes")), "0");
    }

    #[pg_test]
    fn a_policy_on_an_audit_log_is_refused_and_the_log_of_retention_is_one() {
        let schema = rows();
        run(&policy(&schema, "1 day", "'delete'"));
        let refused = format!(
            "SELECT community_core.create_retention_policy('{schema}.retention_log', 'logged_at', '1 day', 'delete')"
        );
        assert_eq!(outcome(As::Owner, &refused), "55000");
        assert_eq!(
            count(&format!(
                "community_core.verify_audit('{schema}.retention_log')"
            )),
            "0"
        );
        // Nor does one that came first apply to a table that became a log.
        run(&format!(
            "SELECT community_core.create_audit_log('{schema}.notes')"
        ));
        let apply = format!(
            "SELECT community_core.apply_retention_batch('{schema}.notes', 'delete_made_at', 10, now(), gen_random_uuid())"
        );
        assert_eq!(outcome(As::Owner, &apply), "55000");
    }

    #[pg_test]
    fn what_does_not_fit_together_is_refused_before_anything_is_made() {
        let schema = rows();
        for (keep, rest, state) in [
            ("0 days", "'delete'", "22023"),
            ("-1 day", "'delete'", "22023"),
            ("1 mon -1 day", "'delete'", "22023"),
            ("1 day", "'forget'", "22023"),
            ("1 day", "NULL", "22004"),
            ("1 day", "'delete', '[\"body\"]'", "22023"),
            ("1 day", "'null'", "22023"),
            ("1 day", "'null', '[]'", "22023"),
            ("1 day", "'null', '[\"nothing\"]'", "42703"),
            ("1 day", "'null', '[\"kind\"]'", "22023"),
            ("1 day", "'anonymize', '{\"nothing\": \"1\"}'", "42703"),
            (
                "1 day",
                "'anonymize', '{\"amount\": \"no_such_column\"}'",
                "42703",
            ),
            ("1 day", "'anonymize', '{\"amount\": 1}'", "22023"),
            (
                "1 day",
                "'delete', condition => 'no_such_column > 1'",
                "42703",
            ),
            ("1 day", "'delete', condition => 'kind'", "42804"),
            ("1 day", "'delete', condition => '(kind'", "42601"),
            ("1 day", "'summarize', '{\"kind\": \"kind\"}'", "22023"),
        ] {
            assert_eq!(
                outcome(As::Owner, &policy(&schema, keep, rest)),
                state,
                "{keep} {rest}"
            );
        }
        let not_a_time = format!(
            "SELECT community_core.create_retention_policy('{schema}.notes', 'amount', '1 day', 'delete')"
        );
        assert_eq!(outcome(As::Owner, &not_a_time), "42804");
        assert_eq!(
            text(&format!(
                "SELECT to_regclass('{schema}.retention_log')::text"
            )),
            ""
        );
    }

    #[pg_test]
    fn a_summary_without_its_unique_key_or_of_itself_is_refused() {
        let schema = rows();
        run(&format!(
            "CREATE TABLE {schema}.summary (kind text, notes bigint)"
        ));
        let into = |table: &str, columns: &str| {
            outcome(
                As::Owner,
                &policy(
                    &schema,
                    "1 day",
                    &format!("'summarize', '{columns}', '{schema}.{table}'"),
                ),
            )
        };
        let columns = r#"{"kind": "kind", "notes": "count(*)"}"#;
        assert_eq!(into("summary", columns), "42P10");
        assert_eq!(into("notes", columns), "22023");
        assert_eq!(into("summary", r#"{"notes": "count(*)"}"#), "22023");
    }

    /// What two batches of a day make of these is not what one would.
    #[pg_test]
    fn a_figure_that_cannot_be_added_up_across_batches_is_refused() {
        let schema = rows();
        run(&format!(
            "CREATE TABLE {schema}.summary (kind text PRIMARY KEY, figure numeric)"
        ));
        for figure in [
            "sum(amount) / count(*)",
            "max(amount) - min(amount)",
            "count(DISTINCT amount)",
            "avg(amount)",
        ] {
            let summary = format!(
                r#"'summarize', '{{"kind": "kind", "figure": "{figure}"}}', '{schema}.summary'"#
            );
            assert_eq!(
                outcome(As::Owner, &policy(&schema, "1 day", &summary)),
                "42803",
                "{figure}"
            );
        }
    }

    #[pg_test]
    fn an_ordinary_table_is_not_made_the_log_of_retention() {
        let schema = rows();
        run(&format!(
            "CREATE TABLE {schema}.members (id uuid PRIMARY KEY, name text)"
        ));
        let rest = "'delete', log => 'members'";
        assert_eq!(outcome(As::Owner, &policy(&schema, "1 day", rest)), "55000");
        run(&format!("UPDATE {schema}.members SET name = 'still'"));
    }

    #[pg_test]
    fn the_same_policy_again_changes_its_window() {
        let schema = rows();
        run(&policy(&schema, "9 days 1 hour", "'delete'"));
        run(&policy(&schema, "1 mon", "'delete'"));
        assert_eq!(due(&schema), "delete_made_at 0");
        let keep = format!(
            "SELECT keep FROM community_core.retention_policies() WHERE table_name = '{schema}.notes'"
        );
        assert_eq!(text(&keep), "1 months");
        assert_eq!(
            text(&format!(
                "SELECT community_core.drop_retention_policy('{schema}.notes', 'delete_made_at')::text"
            )),
            "true"
        );
        assert_eq!(
            text(&format!(
                "SELECT community_core.drop_retention_policy('{schema}.notes', 'delete_made_at')::text"
            )),
            "false"
        );
        assert_eq!(due(&schema), "");
    }

    #[pg_test]
    fn only_the_owner_makes_applies_and_drops_a_policy() {
        let schema = rows();
        run(&policy(&schema, "1 day", "'delete'"));
        run("CREATE ROLE retention_stranger");
        run(&format!(
            "GRANT USAGE ON SCHEMA community_core, {schema} TO retention_stranger;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO retention_stranger;
             GRANT ALL ON {schema}.notes TO retention_stranger;
             CREATE FUNCTION pg_temp.state(sql text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE sql; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
             GRANT EXECUTE ON FUNCTION pg_temp.state(text) TO retention_stranger;
             SET LOCAL ROLE retention_stranger"
        ));
        for call in [
            policy(&schema, "1 hour", "'delete'"),
            format!(
                "SELECT community_core.drop_retention_policy('{schema}.notes', 'delete_made_at')"
            ),
            format!(
                "SELECT community_core.apply_retention_batch('{schema}.notes', 'delete_made_at', 10, now(), gen_random_uuid())"
            ),
            format!(
                "SELECT community_core.record_retention_failure('{schema}.notes', 'delete_made_at', now(), gen_random_uuid(), 'x')"
            ),
        ] {
            assert_eq!(
                text(&format!("SELECT pg_temp.state($sql${call}$sql$)")),
                "42501",
                "{call}"
            );
        }
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.retention_due()"),
            "0"
        );
        be(As::Owner);
    }

    #[pg_test]
    fn a_policy_holds_in_odd_names_and_under_any_settings() {
        be(As::Owner);
        run(
            "CREATE SCHEMA \"Odd \"\"schema\"\"\";
             SET LOCAL search_path = \"Odd \"\"schema\"\"\"; SET LOCAL timezone = 'Asia/Tokyo';
             SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL datestyle = 'German';
             CREATE TABLE \"Te'st\" (id int PRIMARY KEY, \"Made at\" date);
             INSERT INTO \"Te'st\" VALUES (1, (now() AT TIME ZONE 'UTC')::date - 31), (2, (now() AT TIME ZONE 'UTC')::date - 29), (3, NULL);
             SELECT community_core.create_retention_policy('\"Te''st\"', 'Made at', '30 days', 'delete', log => 'The \"log')",
        );
        let apply = "SELECT community_core.apply_retention_batch('\"Te''st\"', 'delete_Made at', 10, now(), gen_random_uuid())::text";
        assert_eq!(text(apply), "1");
        assert_eq!(
            text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM \"Te'st\""),
            "2 3"
        );
        assert_eq!(count("\"The \"\"log\""), "1");
    }

    #[pg_test]
    fn a_partitioned_table_loses_the_right_rows() {
        let schema = rows();
        run(&format!(
            "CREATE TABLE {schema}.parts (id int, made_at timestamptz) PARTITION BY RANGE (id);
             CREATE TABLE {schema}.low PARTITION OF {schema}.parts FOR VALUES FROM (0) TO (6);
             CREATE TABLE {schema}.high PARTITION OF {schema}.parts FOR VALUES FROM (6) TO (100);
             INSERT INTO {schema}.parts SELECT id, made_at FROM {schema}.notes;
             SELECT community_core.create_retention_policy('{schema}.parts', 'made_at', '3 days 1 hour', 'delete')"
        ));
        let apply = format!(
            "SELECT community_core.apply_retention_batch('{schema}.parts', 'delete_made_at', 100, now(), gen_random_uuid())::text"
        );
        assert_eq!(text(&apply), "7");
        assert_eq!(
            text(&format!(
                "SELECT string_agg(id::text, ' ' ORDER BY id) FROM {schema}.parts"
            )),
            "1 2 3"
        );
    }
}
