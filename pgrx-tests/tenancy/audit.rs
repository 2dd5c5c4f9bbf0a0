//! Claims about the audit of customers, revenue and activities.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::request::{As, outcome};
    use crate::claims::tenancy::{Organization, attempt, count, done, refused, run, world};
    use pgrx::prelude::*;

    /// Whether the organization's log has exactly one such entry about an activity.
    fn recorded(organization: &Organization, entry: &str) -> bool {
        count(&format!(
            "SELECT FROM tenancy.audit_logs
             WHERE organization_id = '{}' AND table_name = 'activities'
               AND concat_ws(' ', action, coalesce(user_id::text, 'nobody'), role,
                             coalesce(old_data ->> 'type', '-'), coalesce(new_data ->> 'type', '-'))
                   = '{entry}'",
            organization.id
        )) == 1
    }

    #[pg_test]
    fn every_change_is_recorded_with_its_organization_and_who_did_it() {
        let w = world();
        let (a, admin) = (&w.a, &w.a.admin);
        done(
            admin,
            &format!(
                "INSERT INTO tenancy.activities (organization_id, type) VALUES ('{}', 'login')",
                a.id
            ),
        );
        assert!(recorded(
            a,
            &format!("INSERT {admin} authenticated - login")
        ));
        done(
            admin,
            "UPDATE tenancy.activities SET type = 'export' WHERE type = 'login'",
        );
        assert!(recorded(
            a,
            &format!("UPDATE {admin} authenticated login export")
        ));
        done(
            admin,
            "DELETE FROM tenancy.activities WHERE type = 'export'",
        );
        assert!(recorded(
            a,
            &format!("DELETE {admin} authenticated export -")
        ));
    }

    #[pg_test]
    fn the_service_role_is_recorded_as_a_role_without_a_user() {
        let w = world();
        let delete = format!(
            "DELETE FROM tenancy.activities WHERE organization_id = '{}'",
            w.b.id
        );
        let outcome = attempt("service_role", "", &delete);
        assert_eq!(
            (outcome.state.as_str(), outcome.rows),
            ("00000", 1),
            "{}",
            outcome.message
        );
        assert!(recorded(&w.b, "DELETE nobody service_role signup -"));
    }

    #[pg_test]
    fn a_deleted_organization_leaves_its_log() {
        let w = world();
        let entries = |action: &str| {
            count(&format!(
                "SELECT FROM tenancy.audit_logs
                 WHERE organization_id = '{}' AND action = '{action}'",
                w.a.id
            ))
        };
        let before = entries("INSERT");
        run(&format!(
            "DELETE FROM tenancy.organizations WHERE id = '{}'",
            w.a.id
        ));
        assert_eq!(entries("INSERT"), before);
        assert_eq!(entries("DELETE"), 3, "its customer, revenue and activity");
        assert_eq!(
            count("SELECT FROM tenancy.audit_logs WHERE organization_id IS NULL"),
            0
        );
    }

    #[pg_test]
    fn what_the_database_itself_changes_of_a_customer_is_recorded_too() {
        let w = world();
        done(
            &w.a.admin,
            &format!(
                "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
             VALUES ('{}', '{}', 11, '2026-09-09')",
                w.a.id, w.a.customer
            ),
        );
        let with_the_new_total = format!(
            "SELECT FROM tenancy.audit_logs WHERE record_id = '{}'
               AND (new_data ->> 'total_revenue')::numeric = 111",
            w.a.customer
        );
        assert!(count(&with_the_new_total) > 0);
    }

    #[pg_test]
    fn nobody_writes_the_log_but_the_database() {
        let w = world();
        let insert = format!(
            "INSERT INTO tenancy.audit_logs (organization_id, role, action, table_name)
             VALUES ('{}', 'authenticated', 'DELETE', 'customers')",
            w.a.id
        );
        assert_eq!(refused(&w.a.admin, &insert), "42501");
        assert_eq!(attempt("service_role", "", &insert).state, "42501");
        for sql in [
            "UPDATE tenancy.audit_logs SET action = 'nothing'",
            "DELETE FROM tenancy.audit_logs",
        ] {
            assert_eq!(refused(&w.a.admin, sql), "42501", "{sql}");
            assert_eq!(attempt("service_role", "", sql).state, "42501", "{sql}");
        }
    }

    #[pg_test]
    fn a_table_is_not_emptied_without_a_record() {
        world();
        run("SET CONSTRAINTS ALL IMMEDIATE");
        for table in ["customers", "revenue", "activities", "organizations"] {
            let state = outcome(As::Owner, &format!("TRUNCATE tenancy.{table} CASCADE"));
            assert_eq!(state, "42501", "{table}");
        }
    }

    #[pg_test]
    fn admins_read_the_log_of_their_own_organization_and_members_none() {
        let w = world();
        let own = count(&format!(
            "SELECT FROM tenancy.audit_logs WHERE organization_id = '{}'",
            w.a.id
        ));
        assert!(own > 0);
        assert_eq!(done(&w.a.admin, "SELECT FROM tenancy.audit_logs"), own);
        for person in [&w.a.member, &w.loner] {
            assert_eq!(done(person, "SELECT FROM tenancy.audit_logs"), 0);
        }
    }
}
