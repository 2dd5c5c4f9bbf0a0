//! Claims about pairs.

mod attached;
mod canonical;
mod choices;

use pgrx::prelude::*;

fn run(sql: &str) {
    Spi::run(sql).expect(sql);
}

fn text(sql: &str) -> String {
    Spi::get_one::<String>(sql).expect(sql).unwrap_or_default()
}

/// The SQLSTATE with which a statement fails; what it did is undone.
fn failure(sql: &str) -> String {
    if text("SELECT to_regprocedure('pg_temp.failure(text)')::text").is_empty() {
        run(
            "CREATE FUNCTION pg_temp.failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN EXECUTE sql; RETURN 'none'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$",
        );
    }
    text(&format!("SELECT pg_temp.failure($sql${sql}$sql$)"))
}

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "0A000000-0000-4000-8000-00000000000b";
