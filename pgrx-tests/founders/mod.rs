//! Claims about the founders module, one file per topic, and the access matrix.

mod access;
mod cohorts;
mod communities;
mod connections;
mod consent;
mod directory;
mod feed;
mod messages;
mod reputation;
mod schema;

use pgrx::prelude::*;

/// As who a statement is run.
#[derive(Clone, Copy)]
pub enum As<'a> {
    Anonymous,
    Person(&'a str),
    Service,
    Owner,
}

/// From here on, the session acts as PostgREST would for this request.
pub fn be(who: As) {
    let (role, claims) = match who {
        As::Anonymous => ("anon", r#"{"role":"anon"}"#.to_owned()),
        As::Person(id) => (
            "authenticated",
            format!(r#"{{"sub":"{id}","role":"authenticated"}}"#),
        ),
        As::Service => ("service_role", r#"{"role":"service_role"}"#.to_owned()),
        As::Owner => ("none", String::new()),
    };
    run("RESET ROLE");
    run(&format!(
        "SET LOCAL request.jwt.claims = '{claims}'; SET LOCAL ROLE {role}"
    ));
}

pub fn run(sql: &str) {
    Spi::run(sql).expect(sql);
}

pub fn run_as(who: As, sql: &str) {
    be(who);
    run(sql);
    be(As::Owner);
}

/// The first value of a query, as text; nothing for NULL.
pub fn text(sql: &str) -> String {
    Spi::get_one::<String>(sql).expect(sql).unwrap_or_default()
}

pub fn text_as(who: As, sql: &str) -> String {
    be(who);
    let value = text(sql);
    be(As::Owner);
    value
}

/// How many rows a statement touches, or the SQLSTATE it fails with; what it did is undone.
pub fn outcome(who: As, sql: &str) -> String {
    be(As::Owner);
    run(
        "CREATE OR REPLACE FUNCTION pg_temp.outcome(sql text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE touched bigint; state text; message text;
         BEGIN
             EXECUTE sql;
             GET DIAGNOSTICS touched = ROW_COUNT;
             RAISE EXCEPTION '%', touched USING ERRCODE = 'ZZ000';
         EXCEPTION WHEN OTHERS THEN
             GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
             RETURN CASE state WHEN 'ZZ000' THEN message ELSE state END;
         END $$",
    );
    text_as(who, &format!("SELECT pg_temp.outcome($sql${sql}$sql$)"))
}

/// A new user.
pub fn person() -> String {
    be(As::Owner);
    text("INSERT INTO auth.users DEFAULT VALUES RETURNING id::text")
}

/// Says yes or no to a category, as the person.
pub fn consent(person: &str, category: &str, enabled: bool) {
    run_as(
        As::Person(person),
        &format!(
            "INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{person}', '{category}', {enabled})
             ON CONFLICT (user_id, category) DO UPDATE SET enabled = excluded.enabled"
        ),
    );
}

/// Enforces these consent categories for the rest of the transaction.
pub fn gates(categories: &str) {
    run(&format!(
        "SET LOCAL community_core.consent_gates = '{categories}'"
    ));
}
