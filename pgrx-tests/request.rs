//! Acting as PostgREST would for a request, and what comes of a statement then.

use pgrx::prelude::*;

/// As who a statement is run.
#[derive(Clone, Copy)]
pub enum As<'a> {
    Anonymous,
    Person(&'a str),
    /// A signed-in request with these claims.
    Claims(&'a str),
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
        As::Claims(claims) => ("authenticated", claims.to_owned()),
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
