//! Claims about consent and its log.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, gates, outcome, person, run, run_as, text, text_as};
    use pgrx::prelude::*;

    fn log_of(person: &str) -> String {
        text(&format!(
            "SELECT string_agg(category || ':' || previous_value || '>' || new_value, ' '
                               ORDER BY changed_at, category, previous_value DESC)
             FROM founders.consent_audit_log WHERE user_id = '{person}'"
        ))
    }

    fn faults() -> String {
        text("SELECT count(*)::text FROM community_core.verify_audit('founders.consent_audit_log')")
    }

    #[pg_test]
    fn every_change_of_consent_is_logged_with_the_old_and_the_new_value() {
        let me = person();
        consent(&me, "messaging", true);
        assert_eq!(log_of(&me), "messaging:false>true");
        consent(&me, "messaging", true);
        assert_eq!(log_of(&me), "messaging:false>true");
        let changes = |sql: &str, entry: &str| {
            run("DELETE FROM founders.consent_preferences");
            run(&format!(
                "INSERT INTO founders.consent_preferences (user_id, category, enabled)
                 VALUES ('{me}', 'directory', true)"
            ));
            let before = text("SELECT count(*)::text FROM founders.consent_audit_log");
            run(sql);
            assert_eq!(
                text(&format!(
                    "SELECT string_agg(category || ':' || previous_value || '>' || new_value, ' '
                                       ORDER BY category)
                     FROM (SELECT * FROM founders.consent_audit_log ORDER BY ctid OFFSET {before}) x"
                )),
                entry,
                "{sql}"
            );
        };
        changes(
            "UPDATE founders.consent_preferences SET enabled = false",
            "directory:true>false",
        );
        changes(
            "DELETE FROM founders.consent_preferences",
            "directory:true>false",
        );
        changes(
            "UPDATE founders.consent_preferences SET category = 'benchmarks'",
            "benchmarks:false>true directory:true>false",
        );
    }

    #[pg_test]
    fn a_first_no_is_logged_as_a_no_that_was_no() {
        let me = person();
        consent(&me, "benchmarks", false);
        assert_eq!(log_of(&me), "benchmarks:false>false");
    }

    #[pg_test]
    fn the_log_says_where_a_request_came_from_and_never_fails_over_its_headers() {
        let from = |headers: &str| {
            let me = person();
            run(&format!(
                "SET LOCAL request.headers = $headers${headers}$headers$"
            ));
            consent(&me, "messaging", true);
            text(&format!(
                "SELECT coalesce(ip_address, '-') || ' ' || coalesce(user_agent, '-')
                 FROM founders.consent_audit_log WHERE user_id = '{me}'"
            ))
        };
        let both = r#"{"x-forwarded-for": "192.0.2.7, 10.0.0.1", "user-agent": "A browser"}"#;
        assert_eq!(from(both), "192.0.2.7 A browser");
        assert_eq!(from(r#"{"x-real-ip": "192.0.2.8"}"#), "192.0.2.8 -");
        for malformed in [
            "",
            "{",
            "null",
            "[]",
            "7",
            r#""text""#,
            r#"{"user-agent": null}"#,
            r#"{"a":"\u0000"}"#,
        ] {
            assert_eq!(from(malformed), "- -", "{malformed}");
        }
        assert_eq!(
            from(r#"{"user-agent": {"nested": [1]}}"#),
            r#"- {"nested": [1]}"#
        );
        let long = format!(r#"{{"user-agent": "{}"}}"#, "x".repeat(100_000));
        assert_eq!(from(&long).len(), 502);
        assert_eq!(from(&"[".repeat(1_000_000)), "- -");
    }

    #[pg_test]
    fn nobody_changes_or_removes_an_entry_of_the_log_not_even_its_owner() {
        let me = person();
        consent(&me, "messaging", true);
        run("SET CONSTRAINTS ALL IMMEDIATE");
        for who in [As::Person(&me), As::Service, As::Owner] {
            for sql in [
                "UPDATE founders.consent_audit_log SET new_value = false",
                "DELETE FROM founders.consent_audit_log",
            ] {
                assert_eq!(outcome(who, sql), "42501", "{sql}");
            }
        }
        assert_eq!(log_of(&me), "messaging:false>true");
    }

    #[pg_test]
    fn a_deleted_person_is_gone_from_the_log_which_still_verifies() {
        let (me, other) = (person(), person());
        run(r#"SET LOCAL request.headers = '{"x-real-ip": "192.0.2.9", "user-agent": "mine"}'"#);
        consent(&me, "messaging", true);
        consent(&me, "directory", true);
        consent(&other, "directory", true);
        run("SELECT community_core.seal_audit('founders.consent_audit_log')");
        run(&format!("DELETE FROM auth.users WHERE id = '{me}'"));
        assert_eq!(
            text(&format!(
                "SELECT count(*) || ' ' || count(user_id) || ' ' || count(ip_address)
                        || ' ' || count(*) FILTER (WHERE user_id = '{me}')
                 FROM founders.consent_audit_log"
            )),
            "3 1 1 0"
        );
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM founders.consent_preferences WHERE user_id = '{me}'"
            )),
            "0"
        );
        assert_eq!(faults(), "0");
    }

    #[pg_test]
    fn nobody_reads_the_consent_of_another() {
        let (me, stranger) = (person(), person());
        consent(&me, "benchmarks", true);
        for sql in [
            "SELECT FROM founders.consent_preferences",
            "SELECT FROM founders.consent_audit_log",
        ] {
            assert_eq!(outcome(As::Person(&stranger), sql), "0");
            assert_eq!(outcome(As::Person(&me), sql), "1");
        }
        for sql in [
            format!("SELECT founders.has_consent('{me}', 'benchmarks')"),
            "SELECT founders.members_with_consent('benchmarks')".to_owned(),
        ] {
            assert_eq!(outcome(As::Person(&stranger), &sql), "42501");
            assert_eq!(outcome(As::Anonymous, &sql), "42501");
            assert_eq!(outcome(As::Service, &sql), "1");
        }
    }

    #[pg_test]
    fn consent_cannot_be_given_in_anothers_name_nor_moved_to_another() {
        let (me, stranger) = (person(), person());
        consent(&me, "directory", true);
        let given = format!(
            "INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{me}', 'benchmarks', true)"
        );
        assert_eq!(outcome(As::Person(&stranger), &given), "42501");
        let moved = format!("UPDATE founders.consent_preferences SET user_id = '{stranger}'");
        assert_eq!(outcome(As::Person(&me), &moved), "42501");
        assert_eq!(outcome(As::Person(&stranger), &moved), "0");
    }

    #[pg_test]
    fn a_category_that_is_no_gate_needs_no_consent() {
        let (yes, no, silent) = (person(), person(), person());
        consent(&yes, "messaging", true);
        consent(&no, "messaging", false);
        let asked = |who: &str| {
            text(&format!(
                "SELECT founders.has_consent('{who}', 'messaging')::text"
            ))
        };
        let all = || {
            text(&format!(
                "SELECT count(*)::text FROM founders.members_with_consent('messaging') AS m
                 WHERE m IN ('{yes}', '{no}', '{silent}')"
            ))
        };
        assert_eq!(
            [asked(&yes), asked(&no), asked(&silent), all()],
            ["true", "true", "true", "3"]
        );
        gates("benchmarks, messaging");
        assert_eq!(
            [asked(&yes), asked(&no), asked(&silent), all()],
            ["true", "false", "false", "1"]
        );
    }

    #[pg_test]
    fn a_client_can_upsert_its_consent_as_postgrest_does() {
        let me = person();
        consent(&me, "directory", true);
        run_as(
            As::Person(&me),
            &format!(
                "INSERT INTO founders.consent_preferences (user_id, category, enabled)
                 VALUES ('{me}', 'directory', false)
                 ON CONFLICT (user_id, category) DO UPDATE SET user_id = excluded.user_id,
                     category = excluded.category, enabled = excluded.enabled"
            ),
        );
        let mine =
            "SELECT string_agg(category || ' ' || enabled, ',') FROM founders.consent_preferences";
        assert_eq!(text_as(As::Person(&me), mine), "directory false");
    }
}
