//! Claims about the forum module. Each topic has its own people, so that tests do not wait for one
//! another.

mod access;
mod downloads;
mod goals;
mod metrics;
mod posts;
mod resources;

use pgrx::prelude::*;

pub fn run(sql: &str) {
    Spi::run(sql).expect(sql);
}

/// The first value of the first row as text; empty for NULL and for no row.
pub fn text(sql: &str) -> String {
    let one = format!("SELECT (SELECT t FROM ({sql}) AS q (t) LIMIT 1)::text");
    Spi::get_one::<String>(&one).expect(sql).unwrap_or_default()
}

/// The values of all rows, one after the other.
pub fn list(sql: &str) -> String {
    text(&format!(
        "SELECT string_agg(t::text, ' ') FROM ({sql}) AS rows (t)"
    ))
}

/// What came of a statement: how many rows it touched, or the SQLSTATE it failed with. What it did
/// is undone.
pub fn outcome(sql: &str) -> String {
    attempt(sql, true)
}

/// The SQLSTATE a statement fails with, `00000` where it does not; then what it did stays.
pub fn sqlstate(sql: &str) -> String {
    attempt(sql, false)
}

fn attempt(sql: &str, undo: bool) -> String {
    let end = if undo {
        "RAISE EXCEPTION SQLSTATE 'UNDO0' USING MESSAGE = touched"
    } else {
        "PERFORM set_config('forum_test.outcome', '00000', true)"
    };
    run(&format!(
        "DO $do$ DECLARE touched bigint; BEGIN
             EXECUTE $statement${sql}$statement$;
             GET DIAGNOSTICS touched = ROW_COUNT;
             {end};
         EXCEPTION WHEN OTHERS THEN
             PERFORM set_config('forum_test.outcome',
                                CASE SQLSTATE WHEN 'UNDO0' THEN SQLERRM ELSE SQLSTATE END, true);
         END $do$"
    ));
    text("SELECT current_setting('forum_test.outcome')")
}

/// The message of the error a statement fails with.
pub fn message(sql: &str) -> String {
    run(&format!(
        "DO $do$ BEGIN
             EXECUTE $statement${sql}$statement$;
             PERFORM set_config('forum_test.message', '', true);
         EXCEPTION WHEN OTHERS THEN
             PERFORM set_config('forum_test.message', SQLERRM, true);
         END $do$"
    ));
    text("SELECT current_setting('forum_test.message')")
}

/// A uuid of its own for each topic and number.
pub fn uuid(topic: &str, number: usize) -> String {
    format!("{:0<8.8}-0000-4000-8000-{number:012}", topic)
}

/// Makes people 1 to `how_many` of a topic, with profiles.
pub fn people(topic: &str, how_many: usize) {
    for number in 1..=how_many {
        let id = uuid(topic, number);
        run(&format!(
            "INSERT INTO auth.users (id, email) VALUES ('{id}', '{id}@example.org');
             INSERT INTO forum.profiles (id) VALUES ('{id}')"
        ));
    }
}

/// Asks as `role` with these claims, as PostgREST would, until `as_owner`.
pub fn ask_as(role: &str, claims: &str) {
    as_owner();
    run(&format!(
        "SELECT set_config('request.jwt.claims', $claims${claims}$claims$, true); SET LOCAL ROLE {role}"
    ));
}

pub fn as_person(id: &str) {
    ask_as(
        "authenticated",
        &format!(r#"{{"sub":"{id}","role":"authenticated"}}"#),
    );
}

pub fn as_staff(id: &str) {
    ask_as(
        "authenticated",
        &format!(r#"{{"sub":"{id}","role":"authenticated","app_metadata":{{"staff":["forum"]}}}}"#),
    );
}

pub fn as_guest() {
    ask_as("anon", r#"{"role":"anon"}"#);
}

pub fn as_owner() {
    run("RESET ROLE; SELECT set_config('request.jwt.claims', '', true)");
}
