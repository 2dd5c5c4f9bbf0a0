//! Partitioned children and partitioned parents.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, likes, run, text};
    use pgrx::prelude::*;

    fn partitioned_likes() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE s.likes (at int, post_id int REFERENCES s.posts ON DELETE CASCADE ON UPDATE CASCADE)
                 PARTITION BY RANGE (at);
             CREATE TABLE s.likes_1 PARTITION OF s.likes FOR VALUES FROM (0) TO (10);
             CREATE TABLE s.likes_2 (post_id int, at int);
             ALTER TABLE s.likes ATTACH PARTITION s.likes_2 FOR VALUES FROM (10) TO (20);
             INSERT INTO s.posts SELECT generate_series(1, 3);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
    }

    #[pg_test]
    fn rows_count_whether_written_through_the_parent_or_the_partition() {
        partitioned_likes();
        run("INSERT INTO s.likes (at, post_id) VALUES (1, 1), (11, 1), (11, 2)");
        assert_eq!(likes(), "2 1 0");
        run(
            "INSERT INTO s.likes_2 (at, post_id) VALUES (12, 3); INSERT INTO s.likes_1 (at, post_id) VALUES (1, 3)",
        );
        assert_eq!(likes(), "2 1 2");
        run(
            "UPDATE s.likes_2 SET post_id = 2 WHERE post_id = 3; DELETE FROM s.likes WHERE at = 1 AND post_id = 1",
        );
        assert_eq!(likes(), "1 2 1");
    }

    #[pg_test]
    fn a_row_that_changes_its_partition_and_its_parent_counts_once() {
        partitioned_likes();
        run(
            "INSERT INTO s.likes VALUES (1, 1), (2, 1); UPDATE s.likes SET at = at + 10, post_id = 2 WHERE at = 1",
        );
        assert_eq!(likes(), "1 1 0");
        run("UPDATE s.posts SET id = 9 WHERE id = 2; DELETE FROM s.posts WHERE id = 1");
        assert_eq!(likes(), "0 1");
    }

    #[pg_test]
    fn truncating_a_partition_takes_away_only_its_rows() {
        partitioned_likes();
        run("INSERT INTO s.likes VALUES (1, 1), (11, 1), (12, 2); TRUNCATE s.likes_2");
        assert_eq!(likes(), "1 0 0");
        run("TRUNCATE s.likes");
        assert_eq!(likes(), "0 0 0");
    }

    #[pg_test]
    fn a_new_partition_is_named_until_the_counter_is_attached_again() {
        partitioned_likes();
        run("CREATE TABLE s.likes_3 PARTITION OF s.likes FOR VALUES FROM (20) TO (30)");
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE child = 's.likes'"),
            "partition s.likes_3 has no triggers of its own"
        );
        run("INSERT INTO s.likes VALUES (21, 1)");
        assert_eq!(likes(), "1 0 0");
        run(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             INSERT INTO s.likes_3 VALUES (22, 1)",
        );
        assert_eq!(likes(), "2 0 0");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.counters() WHERE parent = 's.posts'"),
            "1"
        );
    }

    #[pg_test]
    fn a_detached_partition_says_so() {
        partitioned_likes();
        run(
            "INSERT INTO s.likes VALUES (1, 1), (11, 1); ALTER TABLE s.likes DETACH PARTITION s.likes_2",
        );
        let error = failure("INSERT INTO s.likes_2 (at, post_id) VALUES (11, 1)");
        assert!(
            error.starts_with("55000 | s.likes_2, on which trigger"),
            "{error}"
        );
        run("SELECT community_core.recount_counters('s.posts')");
        assert_eq!(likes(), "1 0 0");
    }

    #[pg_test]
    fn a_partitioned_parent_is_counted_for_also_when_its_row_moves() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0) PARTITION BY RANGE (id);
             CREATE TABLE s.posts_1 PARTITION OF s.posts FOR VALUES FROM (0) TO (10);
             CREATE TABLE s.posts_2 (likes int NOT NULL DEFAULT 0, id int NOT NULL);
             ALTER TABLE s.posts ATTACH PARTITION s.posts_2 FOR VALUES FROM (10) TO (20);
             CREATE TABLE s.likes (post_id int REFERENCES s.posts ON UPDATE CASCADE ON DELETE CASCADE);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             INSERT INTO s.posts (id) VALUES (1), (2), (11); INSERT INTO s.likes VALUES (1), (1), (11)");
        assert_eq!(likes(), "2 0 1");
        run("UPDATE s.posts SET id = 12 WHERE id = 1");
        assert_eq!(likes(), "0 1 2");
        run(
            "UPDATE s.posts SET id = 3 WHERE id = 2; INSERT INTO s.likes VALUES (3); DELETE FROM s.posts WHERE id = 11",
        );
        assert_eq!(likes(), "1 2");
    }

    #[pg_test]
    fn averages_and_slots_count_over_partitions() {
        partitioned_likes();
        run("ALTER TABLE s.posts ADD mean numeric(6,2);
             SELECT community_core.create_average('s.likes', 'post_id', 'at', 's.posts', 'mean');
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 3);
             INSERT INTO s.likes VALUES (1, 1), (12, 1), (13, 2); INSERT INTO s.likes_2 (at, post_id) VALUES (14, 2);
             SELECT community_core.fold_counters()");
        assert_eq!(likes(), "2 2 0");
        assert_eq!(
            text("SELECT string_agg(mean::text, ' ') FROM s.posts"),
            "6.50 13.50"
        );
    }
}
