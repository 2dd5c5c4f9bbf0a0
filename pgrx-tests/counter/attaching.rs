//! Attaching, taking away, renaming; and what is refused.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, likes, no_differences, posts_and_likes, run, text};
    use pgrx::prelude::*;

    #[pg_test]
    fn attaching_twice_is_attaching_once() {
        posts_and_likes();
        run("SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(likes(), "3 1 0 0");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', child, child_key, parent, parent_key,
                 counter, kind, slots, COALESCE(problem, 'ok')), ',') FROM community_core.counters()
                 WHERE parent = 's.posts'"
            ),
            "s.likes post_id s.posts id likes count 0 ok"
        );
    }

    #[pg_test]
    fn a_counters_triggers_carry_the_childs_name() {
        posts_and_likes();
        assert_eq!(
            text(
                "SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger
                  WHERE tgrelid = 's.likes'::regclass AND NOT tgisinternal"
            ),
            "likes_counts_likes_by_post_id_delete likes_counts_likes_by_post_id_insert \
             likes_counts_likes_by_post_id_truncate likes_counts_likes_by_post_id_update"
        );
    }

    #[pg_test]
    fn attaching_again_repairs_a_counter_that_was_taken_apart() {
        posts_and_likes();
        run(
            "DROP TRIGGER likes_counts_likes_by_post_id_delete ON s.likes;
             ALTER TABLE s.likes DISABLE TRIGGER likes_counts_likes_by_post_id_insert;
             INSERT INTO s.likes (post_id) VALUES (4); DELETE FROM s.likes WHERE post_id = 1",
        );
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE parent = 's.posts'"),
            "trigger likes_counts_likes_by_post_id_insert is disabled"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters('s.posts')"),
            "2"
        );
        run("SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
        assert_eq!(likes(), "0 1 0 1");
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE parent = 's.posts'"),
            "-"
        );
    }

    #[pg_test]
    fn a_counter_is_found_by_its_foreign_key_when_the_parents_trigger_was_dropped() {
        posts_and_likes();
        run(
            "DROP TRIGGER posts_recounts_likes_of_likes_by_post_id_update ON s.posts;
             CREATE TABLE s.votes (post_id int REFERENCES s.posts)",
        );
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE parent = 's.posts'"),
            "the parent's trigger is missing or disabled"
        );
        assert_eq!(
            text("SELECT community_core.counter_value('s.posts', '1', 'likes')::text"),
            "2"
        );
        let error = failure(
            "SELECT community_core.create_counter('s.votes', 'post_id', 's.posts', 'likes')",
        );
        assert!(
            error.starts_with("42710 | \"likes\" of s.posts already counts s.likes by post_id"),
            "{error}"
        );
        run("SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE parent = 's.posts'"),
            "-"
        );
        assert_eq!(likes(), "2 1 0 0");
    }

    #[pg_test]
    fn a_recount_repairs_what_verify_names() {
        posts_and_likes();
        run("UPDATE s.posts SET likes = 9 WHERE id IN (2, 4)");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', parent, key, counter, stored, actual), ', ')
                  FROM community_core.verify_counters('s.posts')"
            ),
            "s.posts 2 likes 9 1, s.posts 4 likes 9 0"
        );
        assert_eq!(
            text("SELECT community_core.recount_counters('s.posts', 1)::text"),
            "1"
        );
        assert_eq!(
            text("SELECT string_agg(key, ' ') FROM community_core.verify_counters('s.posts')"),
            "4"
        );
        assert_eq!(
            text("SELECT community_core.recount_counters('s.posts')::text"),
            "1"
        );
        assert_eq!(likes(), "2 1 0 0");
        assert_eq!(
            text("SELECT community_core.recount_counters('s.posts')::text"),
            "0"
        );
    }

    #[pg_test]
    fn a_dropped_counter_counts_no_more_and_leaves_no_trigger() {
        posts_and_likes();
        run("SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes')");
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 1"), "2");
        assert_eq!(
            text(
                "SELECT count(*)::text FROM pg_trigger WHERE NOT tgisinternal
                 AND tgrelid IN ('s.posts'::regclass, 's.likes'::regclass)"
            ),
            "0"
        );
        assert!(
            failure("SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes')")
                .starts_with("42704 | no counter of s.likes keeps \"likes\" of s.posts")
        );
    }

    #[pg_test]
    fn a_renamed_parent_is_a_clear_error_and_attaching_again_heals_it() {
        posts_and_likes();
        run("ALTER TABLE s.posts RENAME TO articles");
        let error = failure("INSERT INTO s.likes (post_id) VALUES (1)");
        assert!(
            error.starts_with("42P01 | table s.posts, whose counter trigger"),
            "{error}"
        );
        assert!(error.contains("create_counter"), "{error}");
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE child = 's.likes'"),
            "table s.posts does not exist"
        );
        run("SELECT community_core.create_counter('s.likes', 'post_id', 's.articles', 'likes')");
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(text("SELECT likes::text FROM s.articles WHERE id = 1"), "3");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.counters() WHERE child = 's.likes'"),
            "1"
        );
        no_differences();
    }

    #[pg_test]
    fn renamed_columns_and_schemas_are_clear_errors() {
        posts_and_likes();
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        for (rename, back, message) in [
            (
                "TABLE s.posts RENAME likes TO hearts",
                "TABLE s.posts RENAME hearts TO likes",
                "42703 | column \"likes\" of s.posts, which counter trigger",
            ),
            (
                "TABLE s.likes RENAME post_id TO post",
                "TABLE s.likes RENAME post TO post_id",
                "42703 | column \"post_id\" of s.likes, which counter trigger",
            ),
            (
                "TABLE s.posts RENAME id TO number",
                "TABLE s.posts RENAME number TO id",
                "42703 | column \"id\" of s.posts, which counter trigger",
            ),
        ] {
            run(&format!("ALTER {rename}"));
            let error = failure("DELETE FROM s.likes");
            assert!(error.starts_with(message), "{error}");
            run(&format!("ALTER {back}"));
        }
        run("ALTER SCHEMA s RENAME TO t");
        let error = failure("DELETE FROM t.likes");
        assert!(
            error.starts_with("42P01 | table s.posts, whose counter trigger"),
            "{error}"
        );
        run("ALTER SCHEMA t RENAME TO s; DELETE FROM s.likes WHERE post_id = 1");
        assert_eq!(likes(), "0 1 0 0");
    }

    #[pg_test]
    fn a_column_added_or_dropped_before_the_key_changes_nothing() {
        posts_and_likes();
        run("INSERT INTO s.likes (post_id) VALUES (1);
             ALTER TABLE s.likes DROP COLUMN person; ALTER TABLE s.posts ADD COLUMN body text;
             INSERT INTO s.likes (post_id) VALUES (1); ALTER TABLE s.likes ADD COLUMN x int;
             INSERT INTO s.likes (x, post_id) VALUES (1, 4)");
        assert_eq!(likes(), "4 1 0 1");
    }

    #[pg_test]
    fn what_cannot_be_counted_is_refused_by_name() {
        posts_and_likes();
        run(
            "CREATE TABLE s.other (id int, note text, real_key real, posts int DEFAULT 0,
                 started int DEFAULT 5, plain int, generated int GENERATED ALWAYS AS (1) STORED);
             CREATE UNIQUE INDEX ON s.other (id) WHERE note IS NULL;
             CREATE VIEW s.seen AS SELECT * FROM s.posts;
             CREATE TABLE s.heir () INHERITS (s.other)",
        );
        for (arguments, message) in [
            (
                "'s.likes', 'nothing', 's.posts', 'likes'",
                "42703 | column \"nothing\" of table s.likes",
            ),
            (
                "'s.likes', 'post_id', 's.posts', 'nothing'",
                "42703 | column \"nothing\" of table s.posts",
            ),
            (
                "'s.likes', 'post_id', 's.posts', 'likes', parent_key => 'x'",
                "42703 | column \"x\" of table s.posts",
            ),
            (
                "'s.likes', 'deleted_at', 's.posts', 'likes'",
                "42804 | column \"deleted_at\" of s.likes has type timestamp with time zone",
            ),
            (
                "'s.likes', 'post_id', 's.seen', 'likes'",
                "42809 | s.seen is not a table",
            ),
            (
                "'s.likes', 'post_id', 's.other', 'posts'",
                "0A000 | s.other takes part in table inheritance",
            ),
            (
                "'s.likes', 'post_id', 's.posts', 'likes', slots => 2000",
                "22023 | slots cannot be 2000",
            ),
            (
                "'s.likes', 'post_id', 's.posts', NULL",
                "22004 | argument \"counter\" must not be NULL",
            ),
            (
                "'s.likes', ARRAY['post_id', 'id'], 's.posts', 'likes', ARRAY['id']",
                "22023 | the child's key has 2 columns",
            ),
        ] {
            let error = failure(&format!(
                "SELECT community_core.create_counter({arguments})"
            ));
            assert!(error.starts_with(message), "{arguments}: {error}");
        }
        run("DROP TABLE s.heir");
        for (arguments, message) in [
            (
                "'s.likes', 'post_id', 's.other', 'posts'",
                "42830 | (id) is not a unique key of s.other",
            ),
            (
                "'s.likes', 'post_id', 's.posts', 'id'",
                "42P17 | \"id\" of s.posts cannot be both",
            ),
        ] {
            let error = failure(&format!(
                "SELECT community_core.create_counter({arguments})"
            ));
            assert!(error.starts_with(message), "{arguments}: {error}");
        }
        run("ALTER TABLE s.other ADD UNIQUE (id)");
        for (counter, message) in [
            (
                "note",
                "42804 | column \"note\" of s.other cannot hold a count: its type is text",
            ),
            (
                "generated",
                "42804 | column \"generated\" of s.other cannot hold a count",
            ),
            (
                "started",
                "22023 | column \"started\" of s.other does not start at 0",
            ),
            (
                "plain",
                "22023 | column \"plain\" of s.other does not start at 0",
            ),
        ] {
            let error = failure(&format!(
                "SELECT community_core.create_counter('s.likes', 'post_id', 's.other', '{counter}')"
            ));
            assert!(error.starts_with(message), "{counter}: {error}");
        }
    }

    #[pg_test]
    fn what_may_change_by_itself_cannot_be_counted_by() {
        posts_and_likes();
        run("CREATE FUNCTION s.moody(int) RETURNS boolean LANGUAGE sql AS 'SELECT true'");
        for (counted, message) in [
            (
                "deleted_at < now()",
                "42P17 | \"deleted_at < now()\" may change",
            ),
            ("s.moody(person)", "42P17 | \"s.moody(person)\" may change"),
            ("person", "42804 | "),
            ("person > 1, true", "42804 | "),
            ("true) FROM s.posts WHERE (true", "42601 | "),
            ("true); DROP TABLE s.posts; SELECT (true", "42601 | "),
            ("EXISTS (SELECT FROM s.posts)", "0A000 | "),
            ("count(*) > 1", "42803 | "),
            ("ctid IS NOT NULL", "0A000 | \"ctid IS NOT NULL\" uses"),
            ("likes IS NOT NULL", "0A000 | \"likes IS NOT NULL\" uses"),
            ("nobody = 1", "42703 | "),
            ("", "42601 | "),
        ] {
            let error = failure(&format!(
                "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', $${counted}$$)"
            ));
            assert!(error.starts_with(message), "{counted}: {error}");
        }
        assert_eq!(likes(), "2 1 0 0");
        run("ALTER TABLE s.likes ADD COLUMN n int DEFAULT 0, ADD COLUMN up int");
        let error = failure(
            "SELECT community_core.create_counter('s.likes', 'up', 's.likes', 'n', 'n < 3')",
        );
        assert!(
            error.starts_with("42P17 | what counts cannot depend on \"n\""),
            "{error}"
        );
    }

    #[pg_test]
    fn only_the_owner_of_both_tables_attaches() {
        posts_and_likes();
        run("CREATE ROLE stranger; CREATE ROLE owner_of_likes;
             GRANT USAGE ON SCHEMA s, community_core TO stranger, owner_of_likes;
             GRANT ALL ON ALL TABLES IN SCHEMA s TO stranger, owner_of_likes;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO stranger, owner_of_likes;
             ALTER TABLE s.likes OWNER TO owner_of_likes");
        let attach =
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')";
        let error = failure(attach);
        assert!(
            error.starts_with("42501 | the owner of s.likes does not own s.posts"),
            "{error}"
        );
        for (role, table) in [("stranger", "s.likes"), ("owner_of_likes", "s.posts")] {
            run(&format!("SET LOCAL ROLE {role}"));
            let error = failure(attach);
            assert!(
                error.starts_with(&format!("42501 | must be owner of table {table}")),
                "{error}"
            );
            for call in [
                "recount_counters('s.posts')",
                "verify_counters('s.posts')",
                "fold_counters('s.posts')",
                "drop_counter('s.likes', 'post_id', 's.posts', 'likes')",
            ] {
                let error = failure(&format!("SELECT community_core.{call}"));
                assert!(
                    error.starts_with("42501 | must be owner of table"),
                    "{role} {call}: {error}"
                );
            }
            run("RESET ROLE");
        }
    }

    #[pg_test]
    fn an_owner_who_is_no_superuser_can_attach_everything() {
        run("CREATE ROLE plain_owner; CREATE SCHEMA \"odd \"\"schema\" AUTHORIZATION plain_owner;
             GRANT USAGE ON SCHEMA community_core TO plain_owner;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO plain_owner;
             ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
             SET LOCAL ROLE plain_owner; SET LOCAL search_path = \"odd \"\"schema\";
             CREATE TABLE \"Posts, all\" (\"the id\" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 \"Likes\" int DEFAULT 0, stars numeric(3,2));
             CREATE TABLE \"order\" (\"user\" uuid REFERENCES \"Posts, all\" ON DELETE CASCADE, n int);
             SELECT community_core.create_counter('\"order\"', 'user', '\"Posts, all\"', 'Likes',
                 counted => 'n > 0', parent_key => 'the id', slots => 4);
             SELECT community_core.create_average('\"order\"', 'user', 'n', '\"Posts, all\"', 'stars',
                 parent_key => 'the id');
             INSERT INTO \"Posts, all\" DEFAULT VALUES;
             INSERT INTO \"order\" SELECT \"the id\", n FROM \"Posts, all\", generate_series(0, 2) AS n");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
        run("SELECT community_core.fold_counters()");
        assert_eq!(
            text("SELECT concat_ws(' ', \"Likes\", stars) FROM \"Posts, all\""),
            "2 1.00"
        );
        run(
            "RESET ROLE; CREATE ROLE nosy; GRANT USAGE ON SCHEMA \"odd \"\"schema\" TO nosy; SET LOCAL ROLE nosy",
        );
        let error = failure("SELECT * FROM \"odd \"\"schema\".\"Posts, all_Likes_slots\"");
        assert!(error.starts_with("42501"), "{error}");
    }

    #[pg_test]
    fn a_trigger_attached_by_hand_is_refused_when_it_is_not_what_the_engine_makes() {
        posts_and_likes();
        run("CREATE TABLE s.mine (post_id int);
             CREATE TRIGGER t BEFORE INSERT ON s.mine FOR EACH ROW
             EXECUTE FUNCTION community_core.keep_counter('s.posts', 'id', 'post_id', 'count=likes')");
        let error = failure("INSERT INTO s.mine VALUES (1)");
        assert!(
            error.starts_with("0A000 | trigger t on s.mine is not as"),
            "{error}"
        );
        run("DROP TRIGGER t ON s.mine;
             CREATE TRIGGER t AFTER INSERT ON s.mine REFERENCING NEW TABLE AS n FOR EACH STATEMENT
             EXECUTE FUNCTION community_core.keep_counter('s.posts', 'id')");
        let error = failure("INSERT INTO s.mine VALUES (1)");
        assert!(
            error.starts_with("22023 | trigger t on s.mine has arguments"),
            "{error}"
        );
    }

    #[pg_test]
    fn a_trigger_attached_by_hand_does_no_more_than_its_tables_owner_may() {
        posts_and_likes();
        run("CREATE ROLE attacker; CREATE SCHEMA den AUTHORIZATION attacker;
             GRANT USAGE ON SCHEMA community_core, s TO attacker;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO attacker;
             SET LOCAL ROLE attacker; CREATE TABLE den.t (post_id int);
             CREATE TRIGGER t AFTER INSERT ON den.t REFERENCING NEW TABLE AS n FOR EACH STATEMENT
             EXECUTE FUNCTION community_core.keep_counter('s.posts', 'id', 'post_id', 'count=likes')");
        let error = failure("INSERT INTO den.t VALUES (1)");
        assert!(
            error.starts_with("42501 | permission denied for table posts"),
            "{error}"
        );
        run("RESET ROLE");
        assert_eq!(likes(), "2 1 0 0");
    }
}
