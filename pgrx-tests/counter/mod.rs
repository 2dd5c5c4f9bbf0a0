//! Claims about the counter. Every test that asks for figures also has them recounted.

mod attaching;
mod figures;
mod keys;
mod partitions;
mod rules;
mod single;
mod slots;

use pgrx::prelude::*;

fn run(sql: &str) {
    Spi::run(sql).unwrap();
}

/// One text; NULL is "-".
fn text(sql: &str) -> String {
    Spi::get_one::<String>(sql)
        .unwrap()
        .unwrap_or_else(|| "-".to_owned())
}

/// SQLSTATE, message and hint of a statement that must fail.
fn failure(sql: &str) -> String {
    if text("SELECT to_regprocedure('pg_temp.failure(text)')::text") == "-" {
        run(
            "CREATE FUNCTION pg_temp.failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE message text; hint text;
         BEGIN EXECUTE sql; RETURN 'no error';
         EXCEPTION WHEN OTHERS THEN
             GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
             RETURN concat_ws(' | ', SQLSTATE, message, hint);
         END $$",
        );
    }
    let quoted = pgrx::spi::quote_literal(sql);
    text(&format!("SELECT pg_temp.failure({quoted})"))
}

fn no_differences() {
    assert_eq!(
        text(
            "SELECT string_agg(concat_ws(' ', parent, key, counter, stored, actual), ', ')
             FROM community_core.verify_counters()"
        ),
        "-"
    );
}

/// Posts 1 to 4 with a counter of their likes; two likes for 1, one for 2.
fn posts_and_likes() {
    run("CREATE SCHEMA s;
         CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
         CREATE TABLE s.likes (id serial PRIMARY KEY, person int, deleted_at timestamptz,
             post_id int REFERENCES s.posts ON DELETE CASCADE ON UPDATE CASCADE,
             UNIQUE (person, post_id));
         INSERT INTO s.posts SELECT generate_series(1, 4);
         INSERT INTO s.likes (post_id) VALUES (1), (1), (2);
         SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
}

/// The likes in the order of the posts, after a recount found no difference.
fn likes() -> String {
    no_differences();
    text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts")
}
