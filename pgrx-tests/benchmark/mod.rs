//! The benchmark engine.

use pgrx::prelude::*;

mod access;
mod aggregates;
mod attacker;
mod blocks;
mod publication;
mod recount;
mod standing;
mod totals;

/// A community with a consent table, profiles and scores, and a benchmark by stage.
pub const COMMUNITY: &str = r#"
    CREATE SCHEMA figures;
    SET LOCAL search_path = figures;
    CREATE TABLE people (id uuid PRIMARY KEY);
    CREATE TABLE consent_preferences (
        user_id uuid REFERENCES people ON DELETE CASCADE, category text, enabled boolean);
    CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE, stage text, industry text);
    CREATE TABLE scores (
        user_id uuid REFERENCES people ON DELETE CASCADE, overall_score numeric, created_at timestamptz DEFAULT now());
    CREATE FUNCTION person(number integer) RETURNS uuid LANGUAGE sql IMMUTABLE
        AS $$ SELECT lpad(to_hex(number), 32, '0')::uuid $$;
    CREATE FUNCTION join_in(number integer, stage text, industry text, score numeric) RETURNS void LANGUAGE sql AS $$
        INSERT INTO people VALUES (person(number));
        INSERT INTO profiles VALUES (person(number), stage, industry);
        INSERT INTO consent_preferences VALUES (person(number), 'benchmarks', true);
        INSERT INTO scores SELECT person(number), score WHERE score IS NOT NULL;
    $$;
    SELECT community_core.create_benchmark('irs_by_stage',
        'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage
         FROM profiles p JOIN scores s ON s.user_id = p.id',
        dimensions => '{stage}', consent_category => 'benchmarks', consent => 'consent_preferences',
        watch => '{"profiles": "id", "scores": "user_id"}',
        minimum => 0, maximum => 100, totals => false);
"#;

pub fn community(scores: &[i32]) {
    Spi::run(COMMUNITY).expect("the community is made");
    for (number, score) in scores.iter().enumerate() {
        run(&format!(
            "SELECT join_in({number}, 'seed', 'fintech', {score})"
        ));
    }
    refresh();
}

pub fn run(statement: &str) {
    Spi::run(statement).expect(statement);
}

/// What a query gives to somebody who is signed in.
pub fn text_as_person(person: i32, query: &str) -> String {
    run("CREATE SCHEMA IF NOT EXISTS auth;
         DO $do$ BEGIN IF to_regprocedure('auth.uid()') IS NULL THEN
             CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$
                 SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
         END IF; END $do$");
    run(&format!(
        "SELECT set_config('request.jwt.claims', jsonb_build_object('sub', person({person}))::text, true)"
    ));
    Spi::get_one::<String>(query)
        .expect("a query")
        .expect("a text")
}

pub fn refresh() {
    run("SELECT community_core.refresh_benchmark('irs_by_stage')");
}

/// The published cells as text, one line.
pub fn published() -> String {
    Spi::get_one::<String>(
        "SELECT coalesce(string_agg(concat_ws(' ', stage, contributors, average, median), '; ' ORDER BY stage), 'nothing')
         FROM irs_by_stage",
    )
    .expect("the view can be read")
    .expect("a text")
}
