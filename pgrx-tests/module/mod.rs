//! Claims about the module engine that one backend can show.

mod adoption;

use pgrx::Spi;

fn count(sql: &str) -> i64 {
    Spi::get_one::<i64>(&format!("SELECT count(*) FROM ({sql}) AS rows"))
        .expect("a query")
        .expect("a count")
}

fn run(sql: &str) {
    Spi::run(sql).expect("a statement");
}

/// What verify_module finds, as `kind relation name: difference`.
fn found(schema: &str) -> Vec<String> {
    Spi::connect(|client| {
        client
            .select(
                "SELECT concat_ws(' ', kind, relation, name) || ': ' || difference
                 FROM community_core.verify_module($1)",
                None,
                &[schema.into()],
            )
            .expect("verify")
            .map(|row| row.get::<String>(1).expect("text").expect("not null"))
            .collect()
    })
}

/// The SQLSTATE and the hint with which a statement fails; what it did is undone.
fn failure(sql: &str) -> (String, String) {
    run("CREATE TEMP TABLE IF NOT EXISTS failure (state text, hint text) ON COMMIT DROP");
    run("DELETE FROM failure");
    run(&format!(
        "DO $do$ DECLARE s text; h text; BEGIN
             BEGIN {sql}; EXCEPTION WHEN OTHERS THEN
                 GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, h = PG_EXCEPTION_HINT;
             END;
             INSERT INTO failure VALUES (coalesce(s, '00000'), coalesce(h, ''));
         END $do$"
    ));
    let (state, hint) =
        Spi::get_two::<String, String>("SELECT state, hint FROM failure").expect("a row");
    (state.unwrap_or_default(), hint.unwrap_or_default())
}

#[pgrx::pg_schema]
mod tests {
    use super::{count, failure, found, run};
    use pgrx::prelude::*;

    #[pg_test]
    fn only_functions_aggregates_and_types_are_members() {
        let others = count(
            "SELECT d.classid::regclass, d.objid FROM pg_depend d
             JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
             WHERE e.extname = 'community_core' AND d.deptype = 'e'
               AND d.classid NOT IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_cast'::regclass,
                                     'pg_operator'::regclass, 'pg_opclass'::regclass,
                                     'pg_opfamily'::regclass, 'pg_amop'::regclass,
                                     'pg_amproc'::regclass)
               -- the schema of these tests themselves
               AND NOT (d.classid = 'pg_namespace'::regclass AND d.objid = 'tests'::regnamespace)",
        );
        assert_eq!(others, 0);
    }

    #[pg_test]
    fn every_function_of_the_extension_has_a_comment_and_is_closed_to_public() {
        let silent = Spi::get_one::<String>(
            "SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
             JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
             WHERE p.pronamespace = 'community_core'::regnamespace
               -- what takes internal is an aggregate's or a type's own and cannot be called
               AND ((obj_description(p.oid, 'pg_proc') IS NULL
                     AND NOT 'internal'::regtype = ANY (p.proargtypes))
                    OR has_function_privilege('public', p.oid, 'EXECUTE'))",
        );
        assert_eq!(silent, Ok(None));
    }

    // An installation does not check them.
    #[pg_test]
    fn postgres_accepts_the_body_of_every_function_of_every_module() {
        const CHECK: &str = "DECLARE made record;
             BEGIN
                 SET LOCAL check_function_bodies = on;
                 FOR made IN SELECT m.schema, pg_get_functiondef(p.oid) AS again FROM community_state.module m
                             JOIN pg_proc p ON p.pronamespace = m.schema::regnamespace AND p.prokind IN ('f', 'p')
                 LOOP
                     PERFORM set_config('search_path', quote_ident(made.schema), true);
                     EXECUTE made.again;
                 END LOOP;
             END";
        assert_eq!(failure(CHECK).0, "00000");
        run("SET LOCAL check_function_bodies = off");
        run(
            "CREATE FUNCTION founders.nothing() RETURNS integer LANGUAGE plpgsql AS 'RETURN nothing'",
        );
        assert_eq!(failure(CHECK).0, "42601");
        run(
            "CREATE OR REPLACE FUNCTION founders.nothing() RETURNS integer LANGUAGE sql AS 'SELECT n FROM nowhere'",
        );
        assert_eq!(failure(CHECK).0, "42P01");
    }

    #[pg_test]
    fn an_unknown_module_is_refused_with_the_known_ones() {
        let (state, hint) = failure("PERFORM community_core.install_module('forums')");
        assert_eq!(state, "22023");
        assert!(hint.contains("founders"), "{hint}");
        assert_eq!(
            failure("PERFORM community_core.install_module(NULL)").0,
            "22004"
        );
    }

    #[pg_test]
    fn a_schema_that_is_not_the_communitys_own_is_refused() {
        for schema in [
            "auth",
            "community_core",
            "community_state",
            "pg_catalog",
            "",
            "it''s",
            "a$$b",
        ] {
            let call = format!("PERFORM community_core.install_module('founders', '{schema}')");
            assert_eq!(failure(&call).0, "22023", "{schema}");
        }
    }

    #[pg_test]
    fn a_second_copy_is_complete_and_independent() {
        run("SELECT community_core.install_module('founders', 'Tenant \"A\"')");
        assert_eq!(found("Tenant \"A\""), Vec::<String>::new());
        run("INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000a001')");
        run(
            "INSERT INTO \"Tenant \"\"A\"\"\".social_feed_posts (author_id, content)
             VALUES ('00000000-0000-4000-8000-00000000a001', 'hello')",
        );
        assert_eq!(
            count("SELECT FROM founders.social_feed_posts WHERE content = 'hello'"),
            0
        );
        run("SELECT community_core.remove_module('Tenant \"A\"', drop_data => true)");
        assert_eq!(
            count("SELECT FROM pg_namespace WHERE nspname = 'Tenant \"A\"'"),
            0
        );
        assert_eq!(found("founders"), Vec::<String>::new());
    }

    #[pg_test]
    fn a_module_in_a_schema_of_another_module_is_refused() {
        run("UPDATE community_state.module SET module = 'forum' WHERE schema = 'founders'");
        assert_eq!(
            failure("PERFORM community_core.install_module('founders')").0,
            "55000"
        );
    }

    #[pg_test]
    fn every_kind_of_difference_is_named_and_a_second_install_mends_them() {
        run("SELECT community_core.install_module('founders', 'broken')");
        run("SET LOCAL search_path = broken");
        run("ALTER TABLE social_feed_posts DISABLE TRIGGER social_feed_posts_set_updated_at");
        run("ALTER TABLE social_feed_posts DISABLE ROW LEVEL SECURITY");
        run("ALTER TABLE cohorts DROP CONSTRAINT cohorts_status_check");
        run("ALTER TABLE cohorts ALTER max_members DROP NOT NULL");
        run("ALTER TABLE cohorts ALTER max_members SET DEFAULT 99");
        run("DROP INDEX idx_communities_parent");
        run("ALTER TABLE expert_listings DROP COLUMN description");
        run("DROP POLICY expert_listings_all_service_role ON expert_listings");
        run("DROP TRIGGER cohorts_set_updated_at ON cohorts");
        run("DROP TABLE engagement_streaks CASCADE");
        run("GRANT SELECT ON consent_preferences TO anon");
        run("GRANT UPDATE (reaction_count) ON social_feed_posts TO authenticated");
        run(
            "CREATE OR REPLACE FUNCTION has_consent(member uuid, category text) RETURNS boolean
             LANGUAGE sql AS 'SELECT true'",
        );
        run("REVOKE SELECT ON cohorts FROM authenticated");
        // What the user added is no difference.
        run(
            "ALTER TABLE cohorts ADD COLUMN colour text; CREATE INDEX mine ON cohorts (colour);
             CREATE TABLE mine_too (); GRANT SELECT ON mine_too TO anon;
             GRANT SELECT (colour) ON cohorts TO anon",
        );
        let differences = found("broken");
        for expected in [
            "trigger state social_feed_posts social_feed_posts_set_updated_at: not enabled as defined",
            "row security social_feed_posts: missing",
            "constraint cohorts cohorts_status_check: missing",
            "not null cohorts max_members: missing",
            "default cohorts max_members: changed",
            "index communities idx_communities_parent: missing",
            "column expert_listings description: missing",
            "policy expert_listings expert_listings_all_service_role: missing",
            "trigger cohorts cohorts_set_updated_at: missing",
            "table engagement_streaks: missing",
            "grant consent_preferences SELECT to anon: extra",
            "grant social_feed_posts UPDATE (reaction_count) to authenticated: extra",
            "grant cohorts SELECT to authenticated: missing",
        ] {
            assert!(
                differences.iter().any(|found| found == expected),
                "{expected}: {differences:#?}"
            );
        }
        assert!(
            differences
                .iter()
                .any(|found| found.starts_with("function has_consent"))
        );
        assert!(
            !differences
                .iter()
                .any(|found| found.contains("mine") || found.contains("colour"))
        );
        run("SELECT community_core.install_module('founders', 'broken')");
        assert_eq!(found("broken"), Vec::<String>::new());
        assert_eq!(count("SELECT colour FROM broken.cohorts"), 0);
    }

    /// A trigger outside the schema bears the schema's name, and no name may be cut short.
    #[pg_test]
    fn a_schema_of_the_longest_name_works_and_a_longer_one_is_refused() {
        let longest = "x".repeat(40);
        run(&format!(
            "SELECT community_core.install_module('founders', '{longest}')"
        ));
        assert_eq!(found(&longest), Vec::<String>::new());
        assert_eq!(
            count(&format!(
                "SELECT FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass
                 AND tgname IN ('{longest}_refuse_truncate', '{longest}_erase_audit_subject')"
            )),
            2
        );
        for module in ["founders", "forum", "linkup", "tenancy"] {
            let call = format!("PERFORM community_core.install_module('{module}', '{longest}x')");
            assert_eq!(failure(&call).0, "22023", "{module}");
        }
    }

    #[pg_test]
    fn who_is_asking_is_a_module_whose_differences_are_named_and_mended() {
        assert_eq!(found("auth"), Vec::<String>::new());
        run(
            "CREATE OR REPLACE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
                 AS $$ SELECT '00000000-0000-4000-8000-00000000a001'::uuid $$;
             ALTER TABLE auth.users DISABLE ROW LEVEL SECURITY;
             GRANT SELECT ON auth.users TO anon;
             DROP INDEX auth.users_email_key",
        );
        let differences = found("auth");
        for expected in [
            "function uid(): changed",
            "row security users: missing",
            "grant users SELECT to anon: extra",
            "index users users_email_key: missing",
        ] {
            assert!(
                differences.iter().any(|found| found == expected),
                "{expected}: {differences:#?}"
            );
        }
        run("SELECT community_core.install_module('identity')");
        assert_eq!(found("auth"), Vec::<String>::new());
    }

    /// As a database of 0.1.0 has it: made by the extension, and no module yet.
    #[pg_test]
    fn an_auth_made_before_it_was_a_module_becomes_one_with_the_next_migration() {
        run("DELETE FROM community_state.module WHERE schema = 'auth';
             UPDATE community_state.module_step SET schema = 'founders' WHERE schema = 'auth';
             DROP TRIGGER users_set_updated_at ON auth.users;
             SELECT community_core.migrate_modules()");
        assert_eq!(
            count("SELECT FROM community_state.module WHERE schema = 'auth' AND adopted = '{}'"),
            1
        );
        assert_eq!(found("auth"), Vec::<String>::new());
    }

    #[pg_test]
    fn a_trigger_of_a_modules_on_the_users_is_missed_when_it_is_gone_or_off() {
        run("DROP TRIGGER founders_erase_audit_subject ON auth.users;
             ALTER TABLE auth.users DISABLE TRIGGER founders_refuse_truncate");
        assert_eq!(
            found("founders"),
            [
                "trigger auth.users founders_erase_audit_subject: missing",
                "trigger state auth.users founders_refuse_truncate: not enabled as defined"
            ]
        );
        run("SELECT community_core.install_module('founders')");
        assert_eq!(found("founders"), Vec::<String>::new());
    }

    #[pg_test]
    fn who_is_asking_is_not_taken_away_while_a_module_needs_it_nor_put_elsewhere() {
        for drop_data in ["false", "true"] {
            let call = format!("PERFORM community_core.remove_module('auth', {drop_data})");
            assert_eq!(failure(&call).0, "2BP01", "{drop_data}");
        }
        for schema in ["identity", "mine"] {
            let call = format!("PERFORM community_core.install_module('identity', '{schema}')");
            assert_eq!(failure(&call).0, "22023", "{schema}");
        }
        run("DELETE FROM community_state.module WHERE schema = 'auth'");
        assert_eq!(
            failure("PERFORM community_core.install_module('identity')").0,
            "22023",
            "an auth of the user's own is not touched"
        );
    }

    #[pg_test]
    fn removing_the_rules_keeps_every_row_and_shows_it_to_nobody() {
        run("SELECT community_core.install_module('founders', 'resting')");
        run("INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000a003')");
        run("INSERT INTO resting.social_feed_posts (author_id, content)
             VALUES ('00000000-0000-4000-8000-00000000a003', 'still here')");
        run("SELECT community_core.remove_module('resting')");
        let rules = "SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE c.relnamespace = 'resting'::regnamespace AND NOT t.tgisinternal";
        assert_eq!(count(rules), 0);
        assert_eq!(
            count("SELECT FROM pg_policies WHERE schemaname = 'resting'"),
            0
        );
        assert_eq!(
            count("SELECT FROM pg_proc WHERE pronamespace = 'resting'::regnamespace"),
            0
        );
        assert_eq!(count("SELECT FROM resting.social_feed_posts"), 1);
        assert_eq!(
            count("SELECT FROM community_core.modules() WHERE schema = 'resting'"),
            0
        );
        run("SET LOCAL ROLE service_role");
        assert_eq!(count("SELECT FROM resting.social_feed_posts"), 0);
        run("RESET ROLE");
        run("SELECT community_core.install_module('founders', 'resting')");
        assert_eq!(found("resting"), Vec::<String>::new());
        run("SELECT community_core.remove_module('resting', drop_data => true)");
    }

    #[pg_test]
    fn a_schema_that_others_reference_is_not_removed() {
        run("SELECT community_core.install_module('founders', 'needed')");
        run("CREATE SCHEMA elsewhere;
             CREATE TABLE elsewhere.note (post uuid REFERENCES needed.social_feed_posts (id))");
        let (state, hint) =
            failure("PERFORM community_core.remove_module('needed', drop_data => true)");
        assert_eq!(state, "2BP01");
        assert!(hint.contains("elsewhere.note"), "{hint}");
        run("DROP TABLE elsewhere.note; CREATE TABLE needed.my_own ()");
        let (state, hint) =
            failure("PERFORM community_core.remove_module('needed', drop_data => true)");
        assert_eq!(state, "55000");
        assert!(hint.contains("my_own"), "{hint}");
    }

    #[pg_test]
    fn a_schema_without_a_module_is_an_error_that_lists_those_with_one() {
        for call in [
            "PERFORM community_core.remove_module('nowhere')",
            "PERFORM community_core.verify_module('nowhere')",
        ] {
            let (state, hint) = failure(call);
            assert_eq!(state, "42704", "{call}");
            assert!(hint.contains("founders"), "{hint}");
        }
    }

    #[pg_test]
    fn an_installation_that_fails_leaves_nothing() {
        run("CREATE SCHEMA half; CREATE TABLE half.profiles (id uuid PRIMARY KEY, stage integer)");
        let steps = count("SELECT FROM community_state.module_step");
        assert_eq!(
            failure("PERFORM community_core.install_module('founders', 'half')").0,
            "42804"
        );
        assert_eq!(
            count(
                "SELECT FROM pg_class c WHERE relnamespace = 'half'::regnamespace AND relkind = 'r'"
            ),
            1
        );
        assert_eq!(
            count("SELECT FROM community_state.module WHERE schema = 'half'"),
            0
        );
        assert_eq!(count("SELECT FROM community_state.module_step"), steps);
    }

    #[pg_test]
    fn each_step_is_recorded_with_its_times_and_rows() {
        run("SELECT community_core.install_module('founders', 'recorded')");
        let steps = "SELECT FROM community_state.module_step WHERE schema = 'recorded'";
        assert!(count(steps) > 2);
        assert_eq!(
            count(&format!(
                "{steps} AND (finished_at < started_at OR finished_at IS NULL
                                   OR rows_touched IS NULL OR error IS NOT NULL)"
            )),
            0
        );
    }

    #[pg_test]
    fn a_failed_migration_leaves_the_module_as_it_was_and_records_the_error() {
        run("SELECT community_core.install_module('founders', 'stuck')");
        run("UPDATE community_state.module SET version = '0.0.1' WHERE schema = 'stuck'");
        assert_eq!(
            failure("PERFORM community_core.verify_module('stuck')").0,
            "25006"
        );
        run("ALTER TABLE stuck.cohorts DROP CONSTRAINT cohorts_status_check");
        run("INSERT INTO stuck.cohorts (name, status) VALUES ('odd', 'undead')");
        let row = Spi::get_two::<String, String>(
            "SELECT to_version, error FROM community_core.migrate_modules() WHERE schema = 'stuck'",
        );
        let (version, error) = row.expect("a row");
        assert_eq!(version.as_deref(), Some("0.0.1"));
        assert!(error.is_some_and(|error| error.contains("cohorts_status_check")));
        assert_eq!(
            count(
                "SELECT FROM community_state.module_step WHERE schema = 'stuck' AND error IS NOT NULL"
            ),
            1
        );
        run("DELETE FROM stuck.cohorts");
        run("SELECT community_core.migrate_modules()");
        assert_eq!(found("stuck"), Vec::<String>::new());
    }

    #[pg_test]
    fn modules_lists_each_schema_with_its_tables() {
        let row = Spi::get_two::<String, i64>(
            "SELECT version, tables FROM community_core.modules() WHERE schema = 'founders'",
        );
        let (version, tables) = row.expect("a row");
        assert_eq!(version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        assert!(tables >= Some(19), "{tables:?}");
    }

    #[pg_test]
    fn reading_functions_take_no_transaction_id() {
        let read = "SELECT count(*) FROM community_core.modules(), community_core.verify_module()";
        Spi::connect(|client| client.select(read, None, &[]).map(|_| ())).expect("read");
        let unassigned = Spi::connect(|client| {
            let question = "SELECT pg_current_xact_id_if_assigned() IS NULL";
            client
                .select(question, None, &[])?
                .first()
                .get_one::<bool>()
        });
        assert_eq!(unassigned, Ok(Some(true)));
    }
}
