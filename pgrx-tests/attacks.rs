//! Claims about attacks on the modules: each is a statement that once did harm.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    const A: &str = "00000000-0000-4000-8000-00000000f001";
    const B: &str = "00000000-0000-4000-8000-00000000f002";

    fn run(sql: &str) {
        Spi::run(sql).expect("a statement");
    }

    fn two_people() {
        run(&format!(
            "INSERT INTO auth.users (id) VALUES ('{A}'), ('{B}')"
        ));
    }

    fn act_as(person: &str) {
        run(&format!(
            "SET LOCAL request.jwt.claims = '{{\"sub\":\"{person}\",\"role\":\"authenticated\"}}';
             SET LOCAL ROLE authenticated"
        ));
    }

    #[pg_test]
    fn a_temporary_type_runs_no_code_in_a_definer_function() {
        two_people();
        act_as(A);
        run(
            "CREATE FUNCTION pg_temp.evil(pg_catalog.uuid) RETURNS boolean LANGUAGE plpgsql
                 AS $$ BEGIN RAISE EXCEPTION 'running as %', current_user; END $$;
             GRANT EXECUTE ON FUNCTION pg_temp.evil(pg_catalog.uuid) TO public;
             CREATE DOMAIN pg_temp.uuid AS pg_catalog.uuid CHECK (pg_temp.evil(value))",
        );
        run(&format!(
            "SELECT founders.block_member('{B}'::pg_catalog.uuid)"
        ));
    }

    #[pg_test]
    fn temporary_tables_of_a_modules_names_shadow_nothing() {
        two_people();
        run(&format!(
            "INSERT INTO founders.community_profiles (user_id, display_name)
             VALUES ('{A}', 'Ada'), ('{B}', 'Bob');
             INSERT INTO founders.founder_connections (requester_id, recipient_id, status, blocked_by)
             VALUES ('{B}', '{A}', 'blocked', '{{{B}}}')"
        ));
        act_as(A);
        run(&format!(
            "CREATE TEMP TABLE consent_preferences AS
                 SELECT '{B}'::uuid AS user_id, 'directory' AS category, true AS enabled;
             CREATE TEMP TABLE community_profiles AS SELECT '{B}'::uuid AS user_id;
             CREATE TEMP TABLE founder_connections (requester_id uuid, recipient_id uuid, status text);
             CREATE TEMP TABLE cohorts (id uuid);
             SET LOCAL search_path = pg_temp, founders, auth"
        ));
        let listed =
            "SELECT count(*) FROM founders.community_directory, founders.directory_members()";
        assert_eq!(Spi::get_one::<i64>(listed), Ok(Some(0)));
        run(&format!(
            "DO $$ BEGIN
                 INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
                 VALUES ('{A}', '{B}', 'hello');
                 RAISE 'sent in spite of the block' USING ERRCODE = 'data_exception';
             EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
        ));
        run("RESET ROLE; SELECT community_core.install_module('founders', 'shaded')");
        let differences = "SELECT count(*) FROM community_core.verify_module('shaded')";
        assert_eq!(Spi::get_one::<i64>(differences), Ok(Some(0)));
        let touched = "SELECT count(*) FROM pg_class WHERE oid = 'pg_temp.cohorts'::regclass
                       AND (relrowsecurity OR relhastriggers OR relacl IS NOT NULL)";
        assert_eq!(Spi::get_one::<i64>(touched), Ok(Some(0)));
    }

    /// Helpers that every signed-in user may call are closed to a request that says no person, and
    /// open to the service and to the owner, who have no claims at all.
    #[pg_test]
    fn helpers_tell_nothing_to_a_caller_who_is_nobody() {
        two_people();
        run(&format!(
            "INSERT INTO founders.community_profiles (user_id, display_name) VALUES ('{A}', 'Ada');
             INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{A}', 'directory', true), ('{A}', 'social_feed', true);
             INSERT INTO founders.social_feed_posts (author_id, content) VALUES ('{A}', 'news');
             INSERT INTO founders.reputation_events (user_id, event_type) VALUES ('{A}', 'help_given');
             SET LOCAL community_core.consent_gates = 'benchmarks,directory,social_feed'"
        ));
        for helper in ["directory_members", "directory_reputation", "feed_authors"] {
            let told = || {
                Spi::get_one::<i64>(&format!("SELECT count(*) FROM founders.{helper}()"))
                    .expect("a call")
            };
            assert_eq!(told(), Some(1), "the owner: {helper}");
            run("SET LOCAL ROLE service_role");
            assert_eq!(told(), Some(1), "the service: {helper}");
            for claims in [
                "",
                "{}",
                "{\"sub\":\"nobody\"}",
                "{\"role\":\"service_role\"}",
            ] {
                run(&format!(
                    "SET LOCAL request.jwt.claims = '{claims}'; SET LOCAL ROLE authenticated"
                ));
                assert_eq!(told(), Some(0), "{claims}: {helper}");
            }
            act_as(B);
            assert_eq!(told(), Some(1), "a person: {helper}");
            run("RESET ROLE; SET LOCAL request.jwt.claims = ''");
        }
    }

    #[pg_test]
    fn every_function_of_every_module_pins_its_search_path_with_pg_temp_last() {
        let loose = Spi::get_one::<String>(
            "SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
             JOIN community_state.module m ON m.schema::regnamespace = p.pronamespace
             WHERE p.prosecdef
               AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)",
        );
        assert_eq!(loose, Ok(None));
    }

    #[pg_test(error = "permission denied for table social_feed_posts")]
    fn service_role_does_not_write_counters() {
        two_people();
        run("SET LOCAL ROLE service_role");
        run(&format!(
            "INSERT INTO founders.social_feed_posts (author_id, content) VALUES ('{A}', 'x')"
        ));
        run("UPDATE founders.social_feed_posts SET comment_count = 99");
    }

    #[pg_test(
        error = "there is a function \"has_consent\" in the way of the module in schema mine"
    )]
    fn a_function_of_the_users_own_is_not_replaced() {
        run("CREATE SCHEMA mine;
             CREATE FUNCTION mine.has_consent(member uuid, category text) RETURNS boolean
                 LANGUAGE sql AS 'SELECT true';
             SELECT community_core.install_module('founders', 'mine')");
    }

    #[pg_test(error = "cannot drop schema \"shared\": it holds what the module did not make")]
    fn a_schema_with_a_function_of_the_users_own_is_not_dropped() {
        run("SELECT community_core.install_module('founders', 'shared');
             CREATE FUNCTION shared.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             SELECT community_core.remove_module('shared', drop_data => true)");
    }

    #[pg_test]
    fn forced_row_security_rules_and_disabled_foreign_keys_are_differences() {
        run("SELECT community_core.install_module('founders', 'bent');
             ALTER TABLE bent.founder_connections FORCE ROW LEVEL SECURITY;
             CREATE RULE swallow AS ON INSERT TO bent.consent_audit_log DO INSTEAD NOTHING;
             ALTER TABLE bent.social_feed_reactions DISABLE TRIGGER ALL");
        let found = Spi::get_one::<i64>(
            "SELECT count(*) FROM community_core.verify_module('bent')
             WHERE (kind = 'table' AND relation = 'founder_connections')
                OR (kind = 'rule' AND relation = 'consent_audit_log')
                OR (kind = 'constraint' AND name = 'social_feed_reactions_post_id_fkey')",
        );
        assert_eq!(found, Ok(Some(3)));
        run("SELECT community_core.install_module('founders', 'bent')");
        let left = Spi::get_one::<i64>("SELECT count(*) FROM community_core.verify_module('bent')");
        assert_eq!(left, Ok(Some(0)));
    }

    #[pg_test]
    fn a_log_whose_triggers_were_dropped_is_still_verified() {
        run("DROP TRIGGER audit_append ON founders.consent_audit_log;
             DROP TRIGGER audit_refuse ON founders.consent_audit_log");
        let faults = Spi::get_one::<i64>("SELECT count(*) FROM community_core.verify_audit()");
        assert!(faults.is_ok_and(|count| count > Some(0)));
    }

    #[pg_test(
        error = "community_core.consent_gates names \"Directory\", which is no consent category"
    )]
    fn a_misspelled_consent_gate_is_an_error_and_opens_nothing() {
        run("SET LOCAL community_core.consent_gates = 'benchmarks,Directory'");
        run("SELECT community_core.consent_gated('directory')");
    }

    #[pg_test(error = "TRUNCATE of auth.users is not allowed")]
    fn truncating_the_users_is_refused_because_the_log_would_keep_them() {
        run("TRUNCATE auth.users CASCADE");
    }

    #[pg_test(
        error = "insert or update on table \"social_feed_comments\" violates foreign key constraint \"social_feed_comments_parent_comment_id_fkey\""
    )]
    fn an_answer_stands_under_the_post_of_what_it_answers() {
        two_people();
        run(&format!(
            "INSERT INTO founders.social_feed_posts (id, author_id, content)
             VALUES ('{A}', '{A}', 'one'), ('{B}', '{A}', 'two');
             INSERT INTO founders.social_feed_comments (id, post_id, author_id, content)
             VALUES ('{A}', '{A}', '{A}', 'a comment')"
        ));
        run(&format!(
            "INSERT INTO founders.social_feed_comments (post_id, author_id, content, parent_comment_id)
             VALUES ('{B}', '{A}', 'elsewhere', '{A}')"
        ));
    }

    #[pg_test]
    fn ones_own_words_can_be_taken_back_from_a_post_gone_private() {
        two_people();
        run(&format!(
            "INSERT INTO founders.social_feed_posts (id, author_id, content) VALUES ('{A}', '{A}', 'one');
             INSERT INTO founders.social_feed_comments (post_id, author_id, content)
             VALUES ('{A}', '{B}', 'mine');
             UPDATE founders.social_feed_posts SET is_public = false"
        ));
        act_as(B);
        let gone = Spi::get_one::<i64>(
            "WITH gone AS (
                 DELETE FROM founders.social_feed_comments WHERE content = 'mine' RETURNING id)
             SELECT count(*) FROM gone",
        );
        assert_eq!(gone, Ok(Some(1)));
    }
}
