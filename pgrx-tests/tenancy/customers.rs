//! Claims about customers, their revenue and activities.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::tenancy::{World, by, count, done, refused, run, value, world};
    use pgrx::prelude::*;

    fn add(w: &World, amount: &str, date: &str) {
        let rows = done(
            &w.a.admin,
            &format!(
                "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
                 VALUES ('{}', '{}', {amount}, '{date}')",
                w.a.id, w.a.customer
            ),
        );
        assert_eq!(rows, 1);
    }

    /// Total and day of the last purchase, and that they are what a recount gives.
    fn standing(customer: &str) -> String {
        run("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED");
        value(&format!(
            "SELECT total_revenue || ' ' || coalesce(to_char(last_purchase_date AT TIME ZONE 'UTC',
                                                             'YYYY-MM-DD HH24:MI'), 'never')
             FROM tenancy.customers WHERE id = '{customer}'"
        ))
    }

    #[pg_test]
    fn a_deleted_customer_is_invisible_and_its_revenue_and_activities_stay() {
        let w = world();
        let delete = format!("SELECT tenancy.delete_customer('{}')", w.a.customer);
        for person in [&w.a.member, &w.b.admin, &w.loner] {
            assert_eq!(refused(person, &delete), "42704");
        }
        done(&w.a.admin, &delete);
        for person in [&w.a.admin, &w.a.member] {
            assert_eq!(done(person, "SELECT FROM tenancy.customers"), 0);
            assert_eq!(done(person, "SELECT FROM tenancy.revenue"), 1);
            assert_eq!(done(person, "SELECT FROM tenancy.activities"), 1);
        }
        // Not even by statements that read no column.
        assert_eq!(
            done(&w.a.admin, "UPDATE tenancy.customers SET name = 'x'"),
            0
        );
        assert_eq!(done(&w.a.admin, "DELETE FROM tenancy.customers"), 0);
        assert_eq!(refused(&w.a.admin, &delete), "42704");
        let restore = format!("SELECT tenancy.restore_customer('{}')", w.a.customer);
        assert_eq!(refused(&w.b.admin, &restore), "42704");
        done(&w.a.admin, &restore);
        assert_eq!(done(&w.a.member, "SELECT FROM tenancy.customers"), 1);
    }

    #[pg_test]
    fn a_customer_of_another_organization_looks_the_same_as_none() {
        let w = world();
        let nobody = "00000000-0000-4000-8000-0000000000ff";
        let delete = |id: &str| {
            by(
                &w.a.admin,
                &format!("SELECT tenancy.delete_customer('{id}')"),
            )
        };
        let (theirs, none) = (delete(&w.b.customer), delete(nobody));
        assert_eq!(theirs.state, none.state);
        assert_eq!(
            theirs.message.replace(&w.b.customer, "…"),
            none.message.replace(nobody, "…")
        );
    }

    #[pg_test]
    fn a_customer_that_goes_for_good_leaves_its_revenue_to_the_organization() {
        let w = world();
        assert_eq!(done(&w.a.admin, "DELETE FROM tenancy.customers"), 1);
        for table in ["revenue", "activities"] {
            let left = count(&format!(
                "SELECT FROM tenancy.{table} WHERE organization_id = '{}' AND customer_id IS NULL",
                w.a.id
            ));
            assert_eq!(left, 1, "{table}");
        }
    }

    #[pg_test]
    fn the_total_and_the_last_purchase_follow_the_revenue() {
        let w = world();
        let (id, customer) = (&w.a.id, &w.a.customer);
        assert_eq!(standing(customer), "100.00 2026-01-01 00:00");
        add(&w, "50.25", "2026-03-05");
        add(&w, "7", "2026-02-01");
        assert_eq!(standing(customer), "157.25 2026-03-05 00:00");
        add(&w, "-50.25", "2026-04-01");
        assert_eq!(
            standing(customer),
            "107.00 2026-03-05 00:00",
            "a refund is no purchase"
        );
        done(
            &w.a.admin,
            "DELETE FROM tenancy.revenue WHERE date = '2026-03-05'",
        );
        assert_eq!(standing(customer), "56.75 2026-02-01 00:00");
        done(
            &w.a.admin,
            "UPDATE tenancy.revenue SET date = '2026-05-01' WHERE amount = 100",
        );
        assert_eq!(standing(customer), "56.75 2026-05-01 00:00");
        done(
            &w.a.admin,
            "UPDATE tenancy.revenue SET amount = -amount WHERE amount = 100",
        );
        assert_eq!(standing(customer), "-143.25 2026-02-01 00:00");
        let other = value(&format!(
            "INSERT INTO tenancy.customers (organization_id, name, status)
             VALUES ('{id}', 'Other', 'active') RETURNING id::text"
        ));
        done(
            &w.a.admin,
            &format!("UPDATE tenancy.revenue SET customer_id = '{other}' WHERE amount = 7"),
        );
        assert_eq!(standing(customer), "-150.25 never");
        assert_eq!(standing(&other), "7.00 2026-02-01 00:00");
        run("DELETE FROM tenancy.revenue");
        assert_eq!(standing(&other), "0.00 never");
        assert_eq!(
            count("SELECT FROM community_core.verify_counters('tenancy.customers')"),
            0
        );
    }

    #[pg_test]
    fn opposite_amounts_in_one_statement_still_make_a_purchase() {
        let w = world();
        done(
            &w.a.admin,
            &format!(
                "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
                 VALUES ('{0}', '{1}', 5, '2026-06-01'), ('{0}', '{1}', -5, '2026-06-02')",
                w.a.id, w.a.customer
            ),
        );
        assert_eq!(standing(&w.a.customer), "100.00 2026-06-01 00:00");
    }

    #[pg_test]
    fn the_last_purchase_is_the_same_day_in_every_time_zone() {
        let w = world();
        run("SET LOCAL TimeZone = 'Pacific/Kiritimati'");
        add(&w, "1", "2026-07-01");
        assert_eq!(standing(&w.a.customer), "101.00 2026-07-01 00:00");
    }

    #[pg_test]
    fn kept_columns_are_not_written_by_app_roles() {
        let w = world();
        for change in [
            "total_revenue = 1",
            "last_purchase_date = now()",
            "deleted_at = now()",
            "organization_id = organization_id",
            "id = id",
        ] {
            let update = format!("UPDATE tenancy.customers SET {change}");
            assert_eq!(refused(&w.a.admin, &update), "42501", "{change}");
        }
        for change in ["admin_count = 5", "ai_monthly_budget_usd = 5", "id = id"] {
            let update = format!("UPDATE tenancy.organizations SET {change}");
            assert_eq!(refused(&w.a.admin, &update), "42501", "{change}");
        }
    }

    #[pg_test]
    fn admins_manage_and_members_read() {
        let w = world();
        for (table, columns, values, change) in [
            ("customers", "name, status", "'n', 'active'", "name = 'm'"),
            ("revenue", "amount, date", "1, '2026-01-01'", "amount = 2"),
            ("activities", "type", "'login'", "type = 'export'"),
        ] {
            let insert = format!(
                "INSERT INTO tenancy.{table} (organization_id, {columns}) VALUES ('{}', {values})",
                w.a.id
            );
            let update = format!("UPDATE tenancy.{table} SET {change}");
            let delete = format!("DELETE FROM tenancy.{table}");
            assert_eq!(refused(&w.a.member, &insert), "42501", "{table}");
            assert_eq!(done(&w.a.member, &update), 0, "{table}");
            assert_eq!(done(&w.a.member, &delete), 0, "{table}");
            assert_eq!(done(&w.a.admin, &insert), 1, "{table}");
            assert_eq!(
                done(&w.a.member, &format!("SELECT FROM tenancy.{table}")),
                2,
                "{table}"
            );
            assert_eq!(done(&w.a.admin, &update), 2, "{table}");
            assert_eq!(done(&w.a.admin, &delete), 2, "{table}");
        }
        assert_eq!(
            done(&w.a.member, "UPDATE tenancy.organizations SET name = 'x'"),
            0
        );
        assert_eq!(
            done(&w.a.admin, "UPDATE tenancy.organizations SET name = 'x'"),
            1
        );
    }

    #[pg_test]
    fn documented_values_are_the_only_ones() {
        let w = world();
        for sql in [
            format!(
                "INSERT INTO tenancy.customers (organization_id, name, status) VALUES ('{}', 'n', 'gone')",
                w.a.id
            ),
            format!(
                "INSERT INTO tenancy.activities (organization_id, type) VALUES ('{}', 'dance')",
                w.a.id
            ),
            "UPDATE tenancy.organizations SET slug = 'Not for a URL'".to_owned(),
            "UPDATE tenancy.organizations SET name = ' '".to_owned(),
        ] {
            assert_eq!(refused(&w.a.admin, &sql), "23514", "{sql}");
        }
    }
}
