//! Claims about what one organization can learn of another: nothing, by table, key or message.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::tenancy::{by, done, refused, run, world};
    use pgrx::prelude::*;

    #[pg_test]
    fn a_customer_of_another_organization_cannot_be_referenced_and_looks_the_same_as_none() {
        let w = world();
        let nobody = "00000000-0000-4000-8000-0000000000ff";
        for (table, columns, values) in [
            ("revenue", "amount, date", "1, '2026-01-01'"),
            ("activities", "type", "'login'"),
        ] {
            let insert = |customer: &str| {
                by(
                    &w.a.admin,
                    &format!(
                        "INSERT INTO tenancy.{table} (organization_id, customer_id, {columns})
                         VALUES ('{}', '{customer}', {values})",
                        w.a.id
                    ),
                )
            };
            let update = |customer: &str| {
                by(
                    &w.a.admin,
                    &format!("UPDATE tenancy.{table} SET customer_id = '{customer}'"),
                )
            };
            for (theirs, none) in [
                (insert(&w.b.customer), insert(nobody)),
                (update(&w.b.customer), update(nobody)),
            ] {
                assert_eq!(theirs.state, "23503", "{table}: {}", theirs.message);
                assert_eq!(theirs, none, "{table}");
            }
        }
    }

    #[pg_test]
    fn nothing_is_put_into_another_organization_and_it_looks_the_same_as_none() {
        let w = world();
        let nowhere = "00000000-0000-4000-8000-0000000000ff";
        for (table, columns, values) in [
            ("customers", "name, status", "'n', 'active'"),
            ("revenue", "amount, date", "1, '2026-01-01'"),
            ("activities", "type", "'login'"),
        ] {
            let insert = |organization: &str| {
                by(
                    &w.a.admin,
                    &format!(
                        "INSERT INTO tenancy.{table} (organization_id, {columns})
                         VALUES ('{organization}', {values})"
                    ),
                )
            };
            assert_eq!(insert(&w.b.id).state, "42501", "{table}");
            assert_eq!(insert(&w.b.id), insert(nowhere), "{table}");
        }
    }

    /// Whoever may choose an id learns from a duplicate key what another organization has.
    #[pg_test]
    fn no_id_is_chosen_by_app_roles() {
        let w = world();
        for (table, columns, values) in [
            ("customers", "name, status", "'n', 'active'"),
            ("revenue", "amount, date", "1, '2026-01-01'"),
            ("activities", "type", "'login'"),
        ] {
            let insert = format!(
                "INSERT INTO tenancy.{table} (id, organization_id, {columns})
                 VALUES ('{}', '{}', {values}) ON CONFLICT DO NOTHING",
                w.b.customer, w.a.id
            );
            assert_eq!(refused(&w.a.admin, &insert), "42501", "{table}");
        }
    }

    #[pg_test]
    fn no_join_reaches_across() {
        let w = world();
        let tables = [
            "organizations",
            "profiles",
            "customers",
            "revenue",
            "activities",
            "audit_logs",
            "ai_usage_log",
            "user_preferences",
            "organization_invitations",
        ];
        for left in tables {
            for right in tables {
                let join = format!(
                    "SELECT FROM tenancy.{left} l CROSS JOIN tenancy.{right} r
                     WHERE to_jsonb(l)::text LIKE '%{0}%' OR to_jsonb(r)::text LIKE '%{0}%'",
                    w.b.id
                );
                assert_eq!(done(&w.a.admin, &join), 0, "{left}, {right}");
            }
        }
        for sql in [
            format!(
                "UPDATE tenancy.customers c SET name = 'x' FROM tenancy.revenue r
                 WHERE r.customer_id = c.id AND c.organization_id = '{}'",
                w.b.id
            ),
            format!(
                "DELETE FROM tenancy.revenue r USING tenancy.customers c
                 WHERE r.customer_id = c.id AND c.id = '{}'",
                w.b.customer
            ),
            format!(
                "INSERT INTO tenancy.activities (organization_id, type)
                 SELECT '{}', 'login' FROM tenancy.customers WHERE id = '{}'",
                w.a.id, w.b.customer
            ),
            format!(
                "MERGE INTO tenancy.customers c USING (SELECT '{}'::uuid AS id) s ON s.id = c.id
                 WHEN MATCHED THEN UPDATE SET name = 'x'",
                w.b.customer
            ),
        ] {
            assert_eq!(done(&w.a.admin, &sql), 0, "{sql}");
        }
    }

    #[pg_test]
    fn a_function_in_the_where_clause_is_shown_no_row_of_another_organization() {
        let w = world();
        run(
            "CREATE TEMP TABLE seen (organization_id uuid) ON COMMIT DROP;
             GRANT ALL ON seen TO authenticated;
             CREATE FUNCTION pg_temp.look(id uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0001
                 AS 'BEGIN INSERT INTO seen VALUES (id); RETURN true; END';
             GRANT EXECUTE ON FUNCTION pg_temp.look(uuid) TO authenticated",
        );
        for table in [
            "customers",
            "revenue",
            "activities",
            "audit_logs",
            "profiles",
        ] {
            done(
                &w.a.admin,
                &format!("SELECT FROM tenancy.{table} WHERE pg_temp.look(organization_id)"),
            );
        }
        let others = super::super::count(&format!(
            "SELECT FROM seen WHERE organization_id IS DISTINCT FROM '{}'",
            w.a.id
        ));
        assert_eq!(others, 0);
        assert!(super::super::count("SELECT FROM seen") > 0);
    }

    #[pg_test]
    fn without_claims_there_is_nothing() {
        world();
        for table in [
            "organizations",
            "profiles",
            "customers",
            "revenue",
            "activities",
            "audit_logs",
        ] {
            let select = format!("SELECT FROM tenancy.{table}");
            assert_eq!(done("", &select), 0, "{table}");
            assert_eq!(
                super::super::attempt("anon", "", &select).state,
                "42501",
                "{table}"
            );
        }
    }
}
