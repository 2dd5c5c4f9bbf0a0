//! Claims about tenancy: two organizations that know nothing of each other, and a person in none.

mod access;
mod ai_usage;
mod audit;
mod customers;
mod isolation;
mod members;

use pgrx::prelude::*;

pub struct Organization {
    pub id: String,
    pub admin: String,
    pub member: String,
    pub customer: String,
}

pub struct World {
    pub a: Organization,
    pub b: Organization,
    pub loner: String,
}

/// Two organizations with an admin, a member and one customer each, with a revenue and an activity.
pub fn world() -> World {
    let person = |email: &str| -> String {
        value(&format!(
            "INSERT INTO auth.users (email) VALUES ('{email}-' || gen_random_uuid() || '@x.test')
             RETURNING id::text"
        ))
    };
    let organization = |name: &str| {
        let id = value(&format!(
            "INSERT INTO tenancy.organizations (name, slug)
             VALUES ('{name}', '{name}-' || gen_random_uuid()) RETURNING id::text"
        ));
        let (admin, member) = (person("admin"), person("member"));
        run(&format!(
            "INSERT INTO tenancy.profiles (id, email, organization_id, role)
             SELECT u.id, u.email, '{id}', r.role
             FROM (VALUES ('{admin}'::uuid, 'admin'), ('{member}', 'member')) AS r (id, role)
             JOIN auth.users u ON u.id = r.id"
        ));
        let customer = value(&format!(
            "INSERT INTO tenancy.customers (organization_id, name, status)
             VALUES ('{id}', 'Customer of {name}', 'active') RETURNING id::text"
        ));
        run(&format!(
            "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
             VALUES ('{id}', '{customer}', 100, '2026-01-01');
             INSERT INTO tenancy.activities (organization_id, customer_id, type)
             VALUES ('{id}', '{customer}', 'signup')"
        ));
        Organization {
            id,
            admin,
            member,
            customer,
        }
    };
    World {
        a: organization("a"),
        b: organization("b"),
        loner: person("loner"),
    }
}

pub fn run(sql: &str) {
    Spi::run(sql).expect("a statement");
}

/// One value as text.
pub fn value(sql: &str) -> String {
    Spi::get_one::<String>(sql)
        .expect("a query")
        .expect("a value")
}

pub fn count(sql: &str) -> i64 {
    Spi::get_one::<i64>(&format!("SELECT count(*) FROM ({sql}) AS rows"))
        .expect("a query")
        .expect("a count")
}

/// What came of a statement: how many rows it gave or touched, or the error; an error undoes it.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub state: String,
    pub message: String,
    pub rows: i64,
}

/// Runs one statement as the application would: under a role, with the claims of a person.
pub fn attempt(role: &str, person: &str, sql: &str) -> Outcome {
    run(
        "CREATE TEMP TABLE IF NOT EXISTS outcome (state text, message text, rows bigint) ON COMMIT DROP",
    );
    run("DELETE FROM outcome");
    run(&format!(
        "DO $do$ DECLARE s text := '00000'; m text := ''; n bigint := 0; BEGIN
             BEGIN
                 PERFORM set_config('request.jwt.claims',
                     json_build_object('sub', '{person}', 'role', '{role}')::text, true);
                 SET LOCAL ROLE {role};
                 EXECUTE $sql${sql}$sql$;
                 GET DIAGNOSTICS n = ROW_COUNT;
                 RESET ROLE;
             EXCEPTION WHEN OTHERS THEN
                 GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT;
                 n := 0;
             END;
             PERFORM set_config('request.jwt.claims', '', true);
             INSERT INTO outcome VALUES (s, m, n);
         END $do$"
    ));
    Spi::connect(|client| {
        let rows = client.select("SELECT * FROM outcome", None, &[])?;
        let row = rows.first();
        Ok::<_, spi::Error>(Outcome {
            state: row.get(1)?.unwrap_or_default(),
            message: row.get(2)?.unwrap_or_default(),
            rows: row.get(3)?.unwrap_or_default(),
        })
    })
    .expect("the outcome")
}

/// As a signed-in person.
pub fn by(person: &str, sql: &str) -> Outcome {
    attempt("authenticated", person, sql)
}

/// As a signed-in person, who must be allowed to; how many rows.
pub fn done(person: &str, sql: &str) -> i64 {
    let outcome = by(person, sql);
    assert_eq!(outcome.state, "00000", "{sql}: {}", outcome.message);
    outcome.rows
}

/// The SQLSTATE with which a signed-in person's statement fails.
pub fn refused(person: &str, sql: &str) -> String {
    by(person, sql).state
}
