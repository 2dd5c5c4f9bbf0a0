//! Every way in which rows come, go and change.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{likes, no_differences, posts_and_likes, run, text};
    use pgrx::prelude::*;

    #[pg_test]
    fn a_counter_is_right_from_the_moment_it_is_attached() {
        posts_and_likes();
        assert_eq!(likes(), "2 1 0 0");
    }

    #[pg_test]
    fn inserted_moved_and_deleted_children_count() {
        posts_and_likes();
        run("INSERT INTO s.likes (post_id) VALUES (3), (3), (NULL)");
        assert_eq!(likes(), "2 1 2 0");
        run("UPDATE s.likes SET post_id = 4 WHERE post_id = 3");
        assert_eq!(likes(), "2 1 0 2");
        run("UPDATE s.likes SET post_id = NULL WHERE post_id = 4");
        assert_eq!(likes(), "2 1 0 0");
        run("DELETE FROM s.likes WHERE post_id = 1");
        assert_eq!(likes(), "0 1 0 0");
    }

    #[pg_test]
    fn only_what_an_upsert_really_inserted_counts() {
        posts_and_likes();
        run("INSERT INTO s.likes (person, post_id) VALUES (7, 3), (8, 3)");
        run(
            "INSERT INTO s.likes (person, post_id) VALUES (7, 3), (9, 3), (9, 4)
             ON CONFLICT (person, post_id) DO NOTHING",
        );
        assert_eq!(likes(), "2 1 3 1");
        run("INSERT INTO s.likes (person, post_id) VALUES (7, 3), (7, 1)
             ON CONFLICT (person, post_id) DO UPDATE SET post_id = 4");
        assert_eq!(likes(), "3 1 2 2");
    }

    #[pg_test]
    fn merge_counts_what_it_inserts_updates_and_deletes() {
        posts_and_likes();
        run("INSERT INTO s.likes (person, post_id) VALUES (1, 1), (2, 2)");
        run("MERGE INTO s.likes AS l
             USING (VALUES (1, 'go'), (2, 'move'), (3, 'come')) AS n(person, what)
             ON l.person = n.person
             WHEN MATCHED AND what = 'go' THEN DELETE
             WHEN MATCHED THEN UPDATE SET post_id = 4
             WHEN NOT MATCHED THEN INSERT (person, post_id) VALUES (n.person, 3)");
        assert_eq!(likes(), "2 1 1 1");
    }

    #[pg_test]
    fn rows_moved_through_delete_returning_count_once() {
        posts_and_likes();
        run(
            "WITH d AS (DELETE FROM s.likes WHERE post_id = 1 RETURNING person)
             INSERT INTO s.likes (person, post_id) SELECT person, 4 FROM d",
        );
        assert_eq!(likes(), "0 1 0 2");
    }

    #[pg_test]
    fn a_parent_and_its_children_in_one_statement_count() {
        posts_and_likes();
        run(
            "WITH p AS (INSERT INTO s.posts (id) VALUES (5), (6) RETURNING id)
             INSERT INTO s.likes (post_id) SELECT id FROM p, generate_series(1, 3)",
        );
        assert_eq!(likes(), "2 1 0 0 3 3");
    }

    #[pg_test]
    fn a_changed_primary_key_takes_its_count_along() {
        posts_and_likes();
        run("UPDATE s.posts SET id = id + 10 WHERE id < 3");
        assert_eq!(likes(), "0 0 2 1");
    }

    #[pg_test]
    fn a_changed_primary_key_and_a_new_child_in_one_statement_count() {
        posts_and_likes();
        run("WITH c AS (INSERT INTO s.likes (post_id) VALUES (1), (2))
             UPDATE s.posts SET id = 9 WHERE id = 1");
        assert_eq!(likes(), "2 0 0 3");
    }

    #[pg_test]
    fn soft_deleted_children_stop_counting_once_and_start_again() {
        posts_and_likes();
        run(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes',
                 counted => 'deleted_at IS NULL')",
        );
        assert_eq!(likes(), "2 1 0 0");
        run("UPDATE s.likes SET deleted_at = now() WHERE post_id = 1");
        assert_eq!(likes(), "0 1 0 0");
        run("UPDATE s.likes SET deleted_at = now() - interval '1 day' WHERE post_id = 1");
        assert_eq!(likes(), "0 1 0 0");
        run("UPDATE s.likes SET deleted_at = NULL WHERE id = (SELECT min(id) FROM s.likes)");
        assert_eq!(likes(), "1 1 0 0");
        run("DELETE FROM s.likes WHERE post_id = 1");
        assert_eq!(likes(), "0 1 0 0");
        run("INSERT INTO s.likes (post_id, deleted_at) VALUES (3, now()), (4, NULL)");
        assert_eq!(likes(), "0 1 0 1");
    }

    #[pg_test]
    fn a_child_for_which_counted_is_null_does_not_count() {
        posts_and_likes();
        run(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes',
                 counted => 'person > 5')",
        );
        assert_eq!(likes(), "0 0 0 0");
        run("INSERT INTO s.likes (person, post_id) VALUES (NULL, 1), (5, 1), (6, 1)");
        assert_eq!(likes(), "1 0 0 0");
    }

    #[pg_test]
    fn a_function_in_counted_is_compiled_anew_when_it_changes() {
        posts_and_likes();
        run(
            "CREATE FUNCTION s.grown(int) RETURNS boolean IMMUTABLE LANGUAGE sql
             AS 'SELECT $1 > 5';
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes',
                 counted => 's.grown(person)');
             INSERT INTO s.likes (person, post_id) VALUES (6, 1), (9, 1)",
        );
        assert_eq!(likes(), "2 0 0 0");
        run(
            "CREATE OR REPLACE FUNCTION s.grown(int) RETURNS boolean IMMUTABLE LANGUAGE sql
             AS 'SELECT $1 > 7'",
        );
        run("INSERT INTO s.likes (person, post_id) VALUES (6, 2), (9, 2)");
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 2"), "1");
    }

    #[pg_test]
    fn cascaded_deletes_of_nested_comments_count_at_both_levels() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, comments int NOT NULL DEFAULT 0);
             CREATE TABLE s.comments (id int PRIMARY KEY, replies int NOT NULL DEFAULT 0,
                 post_id int NOT NULL REFERENCES s.posts ON DELETE CASCADE,
                 parent_id int REFERENCES s.comments ON DELETE CASCADE);
             SELECT community_core.create_counter('s.comments', 'post_id', 's.posts', 'comments');
             SELECT community_core.create_counter('s.comments', 'parent_id', 's.comments', 'replies');
             INSERT INTO s.posts VALUES (1), (2);
             INSERT INTO s.comments (id, post_id, parent_id)
             SELECT n, 1 + n % 2, NULLIF(n / 2, 0) FROM generate_series(1, 100) AS n");
        no_differences();
        assert_eq!(text("SELECT sum(replies)::text FROM s.comments"), "99");
        run("DELETE FROM s.comments WHERE id = 5");
        no_differences();
        run("DELETE FROM s.posts WHERE id = 1");
        no_differences();
        run("DELETE FROM s.comments WHERE id = 1");
        assert_eq!(
            text("SELECT string_agg(comments::text, ' ') FROM s.posts"),
            "0"
        );
    }

    #[pg_test]
    fn a_child_of_its_own_table_counts_without_recursion() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.people (id int PRIMARY KEY, boss int REFERENCES s.people,
                 reports int NOT NULL DEFAULT 0);
             SELECT community_core.create_counter('s.people', 'boss', 's.people', 'reports');
             INSERT INTO s.people VALUES (1, NULL), (2, 1), (3, 1), (4, 4);
             UPDATE s.people SET boss = 2 WHERE id IN (3, 4)");
        no_differences();
        assert_eq!(
            text("SELECT string_agg(reports::text, ' ' ORDER BY id) FROM s.people"),
            "1 2 0 0"
        );
        run("DELETE FROM s.people WHERE id IN (3, 4)");
        no_differences();
    }

    #[pg_test]
    fn truncating_the_child_leaves_nothing_to_count() {
        posts_and_likes();
        run("TRUNCATE s.likes");
        assert_eq!(likes(), "0 0 0 0");
        run("INSERT INTO s.likes (post_id) VALUES (2)");
        assert_eq!(likes(), "0 1 0 0");
    }

    #[pg_test]
    fn truncating_the_parent_with_cascade_is_no_error() {
        posts_and_likes();
        run("TRUNCATE s.posts CASCADE");
        run("INSERT INTO s.posts VALUES (1); INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(likes(), "1");
    }

    #[pg_test]
    fn what_is_rolled_back_never_counted() {
        posts_and_likes();
        run("DO $$ BEGIN
                 INSERT INTO s.likes (post_id) VALUES (3);
                 BEGIN
                     INSERT INTO s.likes (post_id) VALUES (4), (4);
                     RAISE EXCEPTION 'back to the savepoint';
                 EXCEPTION WHEN raise_exception THEN NULL;
                 END;
                 DELETE FROM s.likes WHERE post_id = 2;
             END $$");
        assert_eq!(likes(), "2 0 1 0");
    }

    #[pg_test]
    fn copy_counts_as_one_statement() {
        posts_and_likes();
        run("COPY s.likes (post_id) FROM PROGRAM 'printf ''3\\n3\\n4\\n'''");
        assert_eq!(likes(), "2 1 2 1");
    }

    #[pg_test]
    fn many_parents_in_one_statement_count() {
        posts_and_likes();
        run("INSERT INTO s.posts SELECT generate_series(5, 3000)");
        run("INSERT INTO s.likes (post_id) SELECT 1 + n % 3000 FROM generate_series(1, 9001) AS n");
        no_differences();
        run("UPDATE s.likes SET post_id = 1 + (post_id + 7) % 3000 WHERE id % 3 = 0");
        no_differences();
        run("DELETE FROM s.likes WHERE id % 2 = 0");
        no_differences();
    }

    #[pg_test]
    fn a_like_by_another_role_counts_and_that_role_cannot_write_the_counter() {
        posts_and_likes();
        run("CREATE ROLE liker; GRANT USAGE ON SCHEMA s TO liker;
             ALTER TABLE s.posts ENABLE ROW LEVEL SECURITY;
             ALTER TABLE s.likes ENABLE ROW LEVEL SECURITY;
             CREATE POLICY posts_select ON s.posts FOR SELECT TO liker USING (id = 1);
             CREATE POLICY likes_insert ON s.likes FOR INSERT TO liker WITH CHECK (true);
             GRANT SELECT, UPDATE (id) ON s.posts TO liker; GRANT INSERT ON s.likes TO liker;
             GRANT USAGE ON SEQUENCE s.likes_id_seq TO liker;
             SET LOCAL ROLE liker;
             INSERT INTO s.likes (post_id) VALUES (1), (2), (2)");
        assert!(super::super::failure("UPDATE s.posts SET likes = 9").starts_with("42501"));
        run("RESET ROLE");
        assert_eq!(likes(), "3 3 0 0");
    }

    #[pg_test]
    fn forced_row_security_does_not_hide_parents_from_the_counter() {
        posts_and_likes();
        run("CREATE ROLE keeper; GRANT ALL ON SCHEMA s TO keeper;
             ALTER TABLE s.posts OWNER TO keeper; ALTER TABLE s.likes OWNER TO keeper;
             ALTER TABLE s.posts ENABLE ROW LEVEL SECURITY;
             ALTER TABLE s.posts FORCE ROW LEVEL SECURITY");
        run("INSERT INTO s.likes (post_id) VALUES (3)");
        assert_eq!(likes(), "2 1 1 0");
    }

    #[pg_test]
    fn the_callers_search_path_does_not_reach_the_owners_triggers() {
        posts_and_likes();
        run("CREATE SCHEMA trap; CREATE FUNCTION trap.sum(bigint) RETURNS bigint LANGUAGE sql
                 AS 'SELECT 1000::bigint';
             CREATE FUNCTION trap.plus(int, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1000::bigint';
             CREATE OPERATOR trap.+ (LEFTARG = int, RIGHTARG = bigint, FUNCTION = trap.plus);
             CREATE TABLE trap.seen (path text);
             CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO trap.seen VALUES (current_setting('search_path')); RETURN NEW; END $$;
             CREATE TRIGGER note BEFORE UPDATE ON s.posts FOR EACH ROW EXECUTE FUNCTION s.note();
             SET LOCAL search_path = trap, pg_catalog;
             INSERT INTO s.likes (post_id) VALUES (3);
             SET LOCAL search_path = public");
        assert_eq!(likes(), "2 1 1 0");
        assert_eq!(
            text("SELECT string_agg(path, ';') FROM trap.seen"),
            "pg_catalog, pg_temp"
        );
    }

    #[pg_test]
    fn code_that_a_parents_update_calls_gets_a_safe_search_path() {
        posts_and_likes();
        run("CREATE TABLE s.seen (path text);
             CREATE FUNCTION s.look(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
                 BEGIN PERFORM s.note_path(); RETURN true; END $$;
             CREATE FUNCTION s.note_path() RETURNS void LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO s.seen VALUES (current_setting('search_path')); END $$;
             INSERT INTO s.likes (post_id) VALUES (3)");
        for (make, drop) in [
            (
                "ADD CONSTRAINT look CHECK (s.look(likes))",
                "DROP CONSTRAINT look",
            ),
            (
                "ADD look boolean GENERATED ALWAYS AS (s.look(likes)) STORED",
                "DROP COLUMN look",
            ),
        ] {
            run(&format!(
                "ALTER TABLE s.posts {make}; TRUNCATE s.seen;
                 SET LOCAL search_path = public; INSERT INTO s.likes (post_id) VALUES (3)"
            ));
            assert_eq!(
                text("SELECT string_agg(DISTINCT path, ';') FROM s.seen"),
                "pg_catalog, pg_temp"
            );
            run(&format!("ALTER TABLE s.posts {drop}"));
        }
        run(
            "CREATE INDEX look ON s.posts (s.look(likes)); TRUNCATE s.seen;
             INSERT INTO s.likes (post_id) VALUES (3)",
        );
        assert_eq!(
            text("SELECT string_agg(DISTINCT path, ';') FROM s.seen"),
            "pg_catalog, pg_temp"
        );
        assert_eq!(likes(), "2 1 4 0");
    }

    /// What the engine tells other engines' triggers, for the triggers of a test to ask.
    #[pg_extern]
    fn the_counter_is_maintaining() -> bool {
        crate::counter::maintaining()
    }

    #[pg_test]
    fn only_the_parents_own_triggers_are_told_that_a_counter_is_maintained() {
        posts_and_likes();
        run(
            "CREATE TABLE s.seen (who text, maintaining boolean); CREATE TABLE s.other (n int);
             CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     INSERT INTO s.seen VALUES (TG_TABLE_NAME, tests.the_counter_is_maintaining());
                     IF TG_TABLE_NAME = 'posts' THEN INSERT INTO s.other VALUES (1); END IF;
                     RETURN NEW;
                 END $$;
             CREATE TRIGGER note BEFORE UPDATE ON s.posts FOR EACH ROW EXECUTE FUNCTION s.note();
             CREATE TRIGGER note BEFORE INSERT ON s.other FOR EACH ROW EXECUTE FUNCTION s.note();
             CREATE TRIGGER note BEFORE INSERT ON s.likes FOR EACH ROW EXECUTE FUNCTION s.note();
             INSERT INTO s.likes (post_id) VALUES (3);
             UPDATE s.posts SET likes = likes WHERE id = 3",
        );
        let seen = "SELECT string_agg(concat_ws(' ', who, maintaining), ', ') FROM s.seen";
        assert_eq!(text(seen), "likes f, posts t, other f, posts f, other f");
        run("TRUNCATE s.seen;
             ALTER TABLE s.posts ADD CONSTRAINT few CHECK (likes < 4)");
        let error = super::super::failure(
            "INSERT INTO s.likes (post_id) SELECT 3 FROM generate_series(1, 9)",
        );
        assert!(error.starts_with("23514"), "{error}");
        run("UPDATE s.posts SET likes = likes WHERE id = 3");
        assert_eq!(text(seen), "posts f, other f");
    }
}
