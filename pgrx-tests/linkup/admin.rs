//! Claims about admins, their log and backfills.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// An admin for whom the service acts from now on.
    fn admin() -> String {
        be(As::Owner);
        let id = text(
            "INSERT INTO linkup.admin_users (email, role) VALUES (gen_random_uuid() || '@Example.org', 'ops') RETURNING id::text",
        );
        be_admin(&id);
        id
    }

    fn be_admin(id: &str) {
        be(As::Owner);
        let email = text(&format!(
            "SELECT lower(email) FROM linkup.admin_users WHERE id = '{id}'"
        ));
        be(As::Service);
        run(&format!(
            "SELECT set_config('request.jwt.claims', '{{\"role\":\"service_role\",\"email\":\"{email}\"}}', true)"
        ));
    }

    fn entries(condition: &str) -> String {
        count(&format!("linkup.admin_audit_log WHERE {condition}"))
    }

    #[pg_test]
    fn what_an_admin_changes_is_in_the_log_with_who_and_what() {
        let region = region();
        let member = member(&region);
        registered();
        let admin = admin();
        run(&format!(
            "INSERT INTO linkup.safety_holds (user_id, state, reason) VALUES ('{0}', 'hard_hold', 'threats');
             INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
             VALUES ('{0}', 'rude', 1, now(), now() + interval '1 day');
             INSERT INTO linkup.safety_incidents (user_id, incident_type, severity) VALUES ('{0}', 'threat', 4);
             UPDATE linkup.safety_incidents SET status = 'resolved' WHERE user_id = '{0}';
             UPDATE linkup.users SET state = 'suspended' WHERE id = '{0}';
             UPDATE linkup.entitlements SET eligible_to_initiate = false WHERE user_id = '{0}';
             UPDATE linkup.region_memberships SET released_at = now() WHERE user_id = '{0}';
             UPDATE linkup.regions SET state = 'closed' WHERE id = '{region}';
             INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{0}', 'cus_' || '{0}');
             DELETE FROM linkup.auth_user_map WHERE user_id = '{0}';
             INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id)
             SELECT '{0}', id FROM linkup.users WHERE id <> '{0}' LIMIT 1",
            member.id
        ));
        be(As::Owner);
        for (table, action) in [
            ("safety_holds", "insert"),
            ("user_strikes", "insert"),
            ("safety_incidents", "insert"),
            ("safety_incidents", "update"),
            ("users", "update"),
            ("entitlements", "update"),
            ("region_memberships", "update"),
            ("regions", "update"),
            ("stripe_customers", "insert"),
            ("auth_user_map", "delete"),
            ("user_blocks", "insert"),
        ] {
            let found = entries(&format!(
                "admin_user_id = '{admin}' AND target_type = '{table}' AND action = '{action}'"
            ));
            assert_ne!(found, "0", "{action} of {table}");
        }
        let change = text(&format!(
            "SELECT payload #>> '{{changes,state}}' FROM linkup.admin_audit_log
             WHERE target_type = 'users' AND target_id = '{}' AND payload #> '{{changes,state}}' IS NOT NULL",
            member.id
        ));
        assert_eq!(change, r#"{"to": "suspended", "from": "active"}"#);
    }

    #[pg_test]
    fn what_users_and_jobs_do_is_no_admin_action() {
        let region = region();
        let ada = member(&region);
        run_as(
            ada.signed_in(),
            "UPDATE linkup.users SET first_name = 'Grace'",
        );
        run_as(
            As::Service,
            &format!(
                "UPDATE linkup.users SET first_name = 'Ada' WHERE id = '{}'",
                ada.id
            ),
        );
        assert_eq!(entries(&format!("target_id = '{}'", ada.id)), "0");
    }

    #[pg_test]
    fn a_user_who_claims_an_admins_email_is_no_admin() {
        let admin = admin();
        be(As::Owner);
        let email = text(&format!(
            "SELECT email FROM linkup.admin_users WHERE id = '{admin}'"
        ));
        let member = registered();
        be(member.signed_in());
        run(&format!(
            "SELECT set_config('request.jwt.claims',
                 '{{\"sub\":\"{}\",\"role\":\"authenticated\",\"email\":\"{email}\"}}', true)",
            member.account
        ));
        run("UPDATE linkup.users SET first_name = 'Grace'");
        be(As::Owner);
        assert_eq!(entries(&format!("target_id = '{}'", member.id)), "0");
    }

    #[pg_test]
    fn an_entry_is_neither_changed_nor_removed() {
        let id = text_as(
            As::Service,
            "SELECT linkup.log_admin_action('viewed', 'users', reason => 'ticket')::text",
        );
        for statement in [
            format!("UPDATE linkup.admin_audit_log SET reason = 'none' WHERE id = '{id}'"),
            format!("DELETE FROM linkup.admin_audit_log WHERE id = '{id}'"),
            "TRUNCATE linkup.admin_audit_log".to_owned(),
        ] {
            let refused = outcome(As::Owner, &statement);
            assert!(
                !refused.starts_with(|first: char| first.is_ascii_digit()) || refused.len() == 5,
                "{refused}"
            );
            assert_ne!(refused, "1", "{statement}");
        }
    }

    #[pg_test]
    fn one_admin_per_email_whatever_the_case() {
        let admin = admin();
        be(As::Owner);
        let again = format!(
            "INSERT INTO linkup.admin_users (email, role) SELECT upper(email), role FROM linkup.admin_users WHERE id = '{admin}'"
        );
        assert_eq!(outcome(As::Service, &again), "23505");
        assert_eq!(
            outcome(
                As::Service,
                &format!("DELETE FROM linkup.admin_users WHERE id = '{admin}'")
            ),
            "1"
        );
    }

    #[pg_test]
    fn a_chunk_of_a_backfill_is_recorded_once_and_tells_where_to_go_on() {
        let name = text("SELECT gen_random_uuid()::text");
        let record = |chunk: i32, token: &str, finished: bool| {
            text_as(
                As::Service,
                &format!(
                    "SELECT linkup.record_backfill('{name}', {chunk}, {token}, 100, {finished})::text"
                ),
            )
        };
        assert_eq!(record(1, "'row 100'", false), "true");
        assert_eq!(record(2, "'row 200'", false), "true");
        assert_eq!(record(2, "'row 200'", false), "false");
        let progress = format!(
            "SELECT concat_ws('|', chunks, rows, resume_token, finished) FROM linkup.backfill_progress('{name}')"
        );
        assert_eq!(text_as(As::Service, &progress), "2|200|row 200|f");
        assert_eq!(record(3, "NULL", true), "true");
        assert_eq!(text_as(As::Service, &progress), "3|300|t");
        let nothing = format!("SELECT linkup.record_backfill('{name}', 4, NULL, 100)");
        assert_eq!(outcome(As::Service, &nothing), "22004");
    }

    #[pg_test]
    fn the_seeds_are_there_once() {
        be(As::Service);
        run("SELECT linkup.seed_linkup_examples()");
        assert_eq!(
            text("SELECT concat_ws(' ', regions, activities) FROM linkup.seed_linkup_examples()"),
            "0 0"
        );
        be(As::Anonymous);
        assert_ne!(count("linkup.activity_catalogue"), "0");
        assert_ne!(count("linkup.regions"), "0");
    }
}
