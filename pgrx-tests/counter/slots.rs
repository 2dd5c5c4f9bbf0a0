//! Counters whose increments are spread over slots.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, no_differences, posts_and_likes, run, text};
    use pgrx::prelude::*;

    fn hot_posts() {
        posts_and_likes();
        run(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 16)",
        );
    }

    fn values() -> String {
        no_differences();
        text(
            "SELECT string_agg(community_core.counter_value('s.posts', id::text, 'likes')::text, ' ' ORDER BY id) FROM s.posts",
        )
    }

    #[pg_test]
    fn the_exact_value_is_there_at_once_and_the_column_after_folding() {
        hot_posts();
        assert_eq!(values(), "2 1 0 0");
        run(
            "INSERT INTO s.likes (post_id) VALUES (1); INSERT INTO s.likes (post_id) VALUES (1), (3), (4), (4)",
        );
        assert_eq!(values(), "4 1 1 2");
        assert_eq!(
            text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts"),
            "2 1 0 0"
        );
        assert_eq!(text("SELECT community_core.fold_counters()::text"), "3");
        assert_eq!(
            text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts"),
            "4 1 1 2"
        );
        assert_eq!(values(), "4 1 1 2");
        assert_eq!(
            text("SELECT community_core.fold_counters('s.posts')::text"),
            "0"
        );
    }

    #[pg_test]
    fn slots_follow_deleted_moved_and_truncated_rows() {
        hot_posts();
        run("INSERT INTO s.likes (post_id) VALUES (1), (3); UPDATE s.likes SET post_id = 4 WHERE post_id = 2;
             DELETE FROM s.likes WHERE post_id = 3");
        assert_eq!(values(), "3 0 0 1");
        run("UPDATE s.posts SET id = 8 WHERE id = 1");
        assert_eq!(values(), "0 0 1 3");
        run("DELETE FROM s.posts WHERE id = 8");
        assert_eq!(values(), "0 0 1");
        run("TRUNCATE s.likes");
        assert_eq!(values(), "0 0 0");
    }

    #[pg_test]
    fn a_recount_takes_slots_into_account() {
        hot_posts();
        run(
            "INSERT INTO s.likes (post_id) VALUES (1), (3); UPDATE s.posts SET likes = 50 WHERE id = 3",
        );
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', key, stored, actual), ',') FROM community_core.verify_counters('s.posts')"
            ),
            "3 51 1"
        );
        assert_eq!(
            text("SELECT community_core.recount_counters('s.posts')::text"),
            "1"
        );
        assert_eq!(values(), "3 1 1 0");
    }

    #[pg_test]
    fn attaching_with_other_slots_or_none_keeps_the_value() {
        hot_posts();
        run("INSERT INTO s.likes (post_id) VALUES (1), (3);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 2)");
        assert_eq!(values(), "3 1 1 0");
        run("INSERT INTO s.likes (post_id) VALUES (2);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
        assert_eq!(
            text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts"),
            "3 2 1 0"
        );
        assert_eq!(values(), "3 2 1 0");
    }

    #[pg_test]
    fn a_dropped_counter_folds_what_was_in_its_slots() {
        hot_posts();
        run("INSERT INTO s.likes (post_id) VALUES (1), (3);
             SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes')");
        assert_eq!(
            text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts"),
            "3 1 1 0"
        );
        assert_eq!(text("SELECT to_regclass('s.posts_likes_slots')::text"), "-");
    }

    #[pg_test]
    fn a_value_is_shown_only_to_who_may_see_the_parent() {
        hot_posts();
        run(
            "INSERT INTO s.likes (post_id) VALUES (1), (2); CREATE ROLE reader;
             GRANT USAGE ON SCHEMA s, community_core TO reader;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO reader",
        );
        let ask = "SELECT community_core.counter_value('s.posts', '1', 'likes')::text";
        run("SET LOCAL ROLE reader");
        assert!(failure(ask).starts_with("42501"));
        run("RESET ROLE; GRANT SELECT ON s.posts TO reader; ALTER TABLE s.posts ENABLE ROW LEVEL SECURITY;
             CREATE POLICY p ON s.posts TO reader USING (id = 2); SET LOCAL ROLE reader");
        assert_eq!(text(ask), "-");
        assert_eq!(
            text("SELECT community_core.counter_value('s.posts', '2', 'likes')::text"),
            "2"
        );
        assert!(failure("SELECT * FROM s.posts_likes_slots").starts_with("42501"));
    }

    #[pg_test]
    fn slots_without_a_foreign_key_are_refused() {
        posts_and_likes();
        run("ALTER TABLE s.likes DROP CONSTRAINT likes_post_id_fkey");
        let error = failure(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 16)",
        );
        assert!(
            error.starts_with("55000 | slots need a foreign key from s.likes to s.posts"),
            "{error}"
        );
        let error = failure("SELECT community_core.counter_value('s.posts', '1', 'id')");
        assert!(
            error.starts_with("42704 | s.posts has no counter \"id\""),
            "{error}"
        );
    }
}
