//! Claims about the counter.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    fn run(sql: &str) {
        Spi::run(sql).unwrap();
    }

    fn text(sql: &str) -> String {
        Spi::get_one::<String>(sql).unwrap().unwrap_or_default()
    }

    fn posts_and_likes() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE s.likes (id serial PRIMARY KEY,
                 post_id int REFERENCES s.posts ON DELETE CASCADE ON UPDATE CASCADE);
             INSERT INTO s.posts SELECT generate_series(1, 4);
             INSERT INTO s.likes (post_id) VALUES (1), (1), (2);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
    }

    /// The counters in the order of the posts, once they are known to equal a recount.
    fn likes() -> String {
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters('s.posts')"),
            "0"
        );
        text("SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.posts")
    }

    #[pg_test]
    fn a_counter_is_right_from_the_moment_it_is_attached() {
        posts_and_likes();
        assert_eq!(likes(), "2 1 0 0");
    }

    #[pg_test]
    fn inserts_updates_and_deletes_count() {
        posts_and_likes();
        run("INSERT INTO s.likes (post_id) VALUES (3), (3), (NULL)");
        assert_eq!(likes(), "2 1 2 0");
        run("UPDATE s.likes SET post_id = 4 WHERE post_id = 3");
        assert_eq!(likes(), "2 1 0 2");
        run("DELETE FROM s.likes WHERE post_id IN (1, 4)");
        assert_eq!(likes(), "0 1 0 0");
    }

    #[pg_test]
    fn truncating_the_child_sets_every_counter_to_zero() {
        posts_and_likes();
        run("TRUNCATE s.likes");
        assert_eq!(likes(), "0 0 0 0");
    }

    #[pg_test]
    fn attaching_twice_is_attaching_once() {
        posts_and_likes();
        run("SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')");
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(likes(), "3 1 0 0");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.counters() WHERE child = 's.likes'"),
            "1"
        );
    }

    #[pg_test]
    fn a_recount_repairs_what_verify_names() {
        posts_and_likes();
        run("UPDATE s.posts SET likes = 9 WHERE id = 2");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', parent, key, counter, stored, actual), ',')
                  FROM community_core.verify_counters('s.posts')"
            ),
            "s.posts 2 likes 9 1"
        );
        assert_eq!(
            text("SELECT community_core.recount_counters('s.posts')::text"),
            "1"
        );
        assert_eq!(likes(), "2 1 0 0");
    }

    #[pg_test]
    fn a_dropped_counter_counts_no_more() {
        posts_and_likes();
        run("SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes')");
        run("INSERT INTO s.likes (post_id) VALUES (1)");
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 1"), "2");
    }

    #[pg_test]
    fn text_and_uuid_keys_count() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 slug text UNIQUE, price numeric UNIQUE, likes bigint DEFAULT 0,
                 slugs int DEFAULT 0, prices int DEFAULT 0);
             CREATE TABLE s.likes (post uuid, slug text, price numeric);
             INSERT INTO s.posts (slug, price) VALUES ('a', 1.0), (repeat('long', 2000), 2);
             SELECT community_core.create_counter('s.likes', 'post', 's.posts', 'likes');
             SELECT community_core.create_counter('s.likes', 'slug', 's.posts', 'slugs', parent_key => 'slug');
             SELECT community_core.create_counter('s.likes', 'price', 's.posts', 'prices', parent_key => 'price');
             INSERT INTO s.likes SELECT id, slug, price FROM s.posts, generate_series(1, 3);
             INSERT INTO s.likes (price) VALUES (1), (1.000), (2.0)");
        assert_eq!(
            text(
                "SELECT string_agg(concat(likes, slugs, prices), ' ' ORDER BY price) FROM s.posts"
            ),
            "335 334"
        );
        assert_eq!(likes(), "3 3");
    }
}
