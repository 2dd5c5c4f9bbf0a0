//! Keys of every kind, and parents that come after their children.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, likes, no_differences, posts_and_likes, run, text};
    use pgrx::prelude::*;

    #[pg_test]
    fn uuid_text_and_numeric_keys_count() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 slug text UNIQUE, price numeric UNIQUE, likes bigint DEFAULT 0,
                 slugs int DEFAULT 0, prices int DEFAULT 0);
             CREATE TABLE s.likes (post uuid, slug text, price numeric);
             INSERT INTO s.posts (slug, price) VALUES ('a', 1.0), (repeat('long', 2000), 2);
             SELECT community_core.create_counter('s.likes', 'post', 's.posts', 'likes');
             SELECT community_core.create_counter('s.likes', 'slug', 's.posts', 'slugs', parent_key => 'slug');
             SELECT community_core.create_counter('s.likes', 'price', 's.posts', 'prices', parent_key => 'price');
             INSERT INTO s.likes SELECT id, slug, price FROM s.posts, generate_series(1, 3)");
        run("INSERT INTO s.likes (price) VALUES (1), (1.000), (2.0)");
        assert_eq!(
            text(
                "SELECT string_agg(concat(likes, slugs, prices), ' ' ORDER BY price) FROM s.posts"
            ),
            "335 334"
        );
        no_differences();
    }

    #[pg_test]
    fn keys_that_differ_in_type_or_case_but_are_equal_count() {
        run("CREATE SCHEMA s; CREATE COLLATION s.caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE DOMAIN s.number AS bigint;
             CREATE TABLE s.posts (id bigint PRIMARY KEY, name text COLLATE s.caseless UNIQUE, code varchar(9) UNIQUE,
                 likes int DEFAULT 0, names int DEFAULT 0, codes int DEFAULT 0);
             CREATE TABLE s.likes (post_id smallint, name text, code text, again s.number);
             INSERT INTO s.posts VALUES (1, 'Ann', 'x'), (2, 'Bob', 'y');
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             SELECT community_core.create_counter('s.likes', 'name', 's.posts', 'names', parent_key => 'name');
             SELECT community_core.create_counter('s.likes', 'code', 's.posts', 'codes', parent_key => 'code');
             INSERT INTO s.likes VALUES (1, 'ann', 'x'), (1, 'ANN', 'x'), (2, 'bob', 'y')");
        no_differences();
        assert_eq!(
            text("SELECT string_agg(concat(likes, names, codes), ' ' ORDER BY id) FROM s.posts"),
            "222 111"
        );
        run("DELETE FROM s.likes WHERE name = 'ANN'");
        no_differences();
        let error =
            failure("SELECT community_core.create_counter('s.likes', 'again', 's.posts', 'likes')");
        assert!(
            error.starts_with("42710 | \"likes\" of s.posts already counts s.likes by post_id"),
            "{error}"
        );
        run(
            "SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes');
             SELECT community_core.create_counter('s.likes', 'again', 's.posts', 'likes');
             INSERT INTO s.likes (again) VALUES (2), (2)",
        );
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 2"), "2");
    }

    #[pg_test]
    fn composite_keys_count_only_when_no_part_is_null() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.members (org int, person text, posts int DEFAULT 0, PRIMARY KEY (org, person));
             CREATE TABLE s.posts (id serial, author text, org int,
                 FOREIGN KEY (org, author) REFERENCES s.members ON UPDATE CASCADE ON DELETE CASCADE);
             INSERT INTO s.members VALUES (1, 'a'), (1, 'b'), (2, 'a');
             SELECT community_core.create_counter('s.posts', ARRAY['author', 'org'], 's.members', 'posts', ARRAY['person', 'org']);
             INSERT INTO s.posts (org, author) VALUES (1, 'a'), (1, 'a'), (2, 'a'), (1, NULL), (NULL, 'a')");
        no_differences();
        assert_eq!(
            text("SELECT string_agg(posts::text, ' ' ORDER BY org, person) FROM s.members"),
            "2 0 1"
        );
        run(
            "UPDATE s.posts SET author = 'b' WHERE org = 1; DELETE FROM s.posts WHERE org = 2;
             UPDATE s.members SET org = 7 WHERE org = 1 AND person = 'b'",
        );
        no_differences();
        run("UPDATE s.members SET posts = 5 WHERE org = 2");
        assert_eq!(
            text(
                "SELECT string_agg(concat(key, stored, actual), ' ') FROM community_core.verify_counters('s.members')"
            ),
            "(a,2)50"
        );
        run(
            "SELECT community_core.drop_counter('s.posts', ARRAY['author', 'org'], 's.members', 'posts')",
        );
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.counters() WHERE parent = 's.members'"),
            "0"
        );
    }

    #[pg_test]
    fn a_sum_is_kept_for_keys_of_several_columns() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.members (org int, person text, total bigint NOT NULL DEFAULT 0, PRIMARY KEY (org, person));
             CREATE TABLE s.points (person text, org int, amount int,
                 FOREIGN KEY (org, person) REFERENCES s.members ON DELETE CASCADE);
             INSERT INTO s.members VALUES (1, 'a'), (2, 'a');
             INSERT INTO s.points VALUES ('a', 1, 7);
             SELECT community_core.create_sum('s.points', ARRAY['person', 'org'], 'amount', 's.members', 'total', ARRAY['person', 'org']);
             INSERT INTO s.points VALUES ('a', 1, 5), ('a', 2, -3), ('a', 2, NULL), (NULL, 1, 9);
             UPDATE s.points SET org = 2 WHERE amount = 5");
        no_differences();
        assert_eq!(
            text("SELECT string_agg(total::text, ' ' ORDER BY org) FROM s.members"),
            "7 2"
        );
        run("UPDATE s.members SET total = 9 WHERE org = 1");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', key, stored, actual), ';') FROM community_core.verify_counters('s.members')"
            ),
            "(a,1) 9 7"
        );
        run(
            "SELECT community_core.create_sum('s.points', ARRAY['person', 'org'], 'amount', 's.members', 'total', ARRAY['person', 'org'])",
        );
        no_differences();
    }

    #[pg_test]
    fn a_parent_that_comes_after_its_children_has_them_counted() {
        posts_and_likes();
        run("ALTER TABLE s.likes DROP CONSTRAINT likes_post_id_fkey;
             ALTER TABLE s.likes ADD FOREIGN KEY (post_id) REFERENCES s.posts DEFERRABLE INITIALLY DEFERRED");
        assert_eq!(
            text("SELECT problem FROM community_core.counters() WHERE parent = 's.posts'"),
            "there is no foreign key any more: attach the counter again"
        );
        run(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             INSERT INTO s.likes (post_id) VALUES (5), (5), (6);
             INSERT INTO s.posts VALUES (5), (6), (7)",
        );
        assert_eq!(likes(), "2 1 0 0 2 1 0");
        run(
            "DELETE FROM s.posts WHERE id = 5; INSERT INTO s.likes (post_id) VALUES (5);
             INSERT INTO s.posts (id, likes) VALUES (5, 77)",
        );
        assert_eq!(likes(), "2 1 0 0 3 1 0");
        run("WITH p AS (INSERT INTO s.posts VALUES (8) RETURNING id)
             INSERT INTO s.likes (post_id) SELECT id FROM p, generate_series(1, 4)");
        assert_eq!(likes(), "2 1 0 0 3 1 0 4");
        run("SET CONSTRAINTS ALL IMMEDIATE");
    }

    #[pg_test]
    fn without_a_foreign_key_orphans_count_when_their_parent_takes_their_key() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE s.likes (post_id int);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             INSERT INTO s.likes VALUES (1), (1), (2); INSERT INTO s.posts VALUES (1), (9)");
        assert_eq!(likes(), "2 0");
        run("UPDATE s.posts SET id = 2 WHERE id = 1");
        assert_eq!(likes(), "1 0");
        run("DELETE FROM s.likes WHERE post_id = 1; UPDATE s.likes SET post_id = 9");
        assert_eq!(likes(), "0 1");
    }

    /// The children are written, and counted, before the parent's trigger runs.
    #[pg_test]
    fn children_counted_before_their_parent_takes_its_key_in_one_statement_stay_counted() {
        posts_and_likes();
        run(
            "WITH p AS (UPDATE s.posts SET id = 9 WHERE id = 1 RETURNING id)
             INSERT INTO s.likes (post_id) VALUES (9), (2), (9)",
        );
        assert_eq!(likes(), "2 0 0 4");
    }

    /// Its row beside the parent cannot take the new key from the parent's old one any more.
    #[pg_test]
    fn an_average_refuses_children_of_a_key_that_its_parent_takes_in_the_same_statement() {
        posts_and_likes();
        run("ALTER TABLE s.posts ADD stars numeric(3, 2);
             ALTER TABLE s.likes ADD stars int DEFAULT 5;
             SELECT community_core.create_average('s.likes', 'post_id', 'stars', 's.posts', 'stars')");
        let error = failure(
            "WITH p AS (UPDATE s.posts SET id = 9 WHERE id = 1)
             INSERT INTO s.likes (post_id, stars) VALUES (9, 1)",
        );
        assert!(error.starts_with("23505"), "{error}");
        run(
            "UPDATE s.posts SET id = 9 WHERE id = 1; INSERT INTO s.likes (post_id, stars) VALUES (9, 2)",
        );
        assert_eq!(text("SELECT stars::text FROM s.posts WHERE id = 9"), "4.00");
        no_differences();
    }

    /// Posts and likes with a count, a sum and an average, and nothing between them but that.
    fn loose_posts_and_likes() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0,
                 tips numeric NOT NULL DEFAULT 0, stars numeric(3, 2), rated int NOT NULL DEFAULT 0);
             CREATE TABLE s.likes (post_id bigint, tip numeric DEFAULT 0.5, stars int DEFAULT 4);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             SELECT community_core.create_sum('s.likes', 'post_id', 'tip', 's.posts', 'tips');
             SELECT community_core.create_average('s.likes', 'post_id', 'stars', 's.posts', 'stars', 'rated')");
    }

    fn figures() -> String {
        text(
            "SELECT string_agg(concat_ws(' ', id, likes, tips, stars, rated), ', ' ORDER BY id) FROM s.posts",
        )
    }

    #[pg_test]
    fn without_a_foreign_key_children_may_come_before_their_parent_in_one_statement() {
        loose_posts_and_likes();
        run("WITH p AS (INSERT INTO s.posts VALUES (5), (6))
             INSERT INTO s.likes VALUES (5), (5), (7)");
        assert_eq!(figures(), "5 2 1.0 4.00 2, 6 0 0 0");
        run(
            "WITH c AS (INSERT INTO s.likes VALUES (8)) INSERT INTO s.posts (id, likes) VALUES (7, 3), (8, 9)",
        );
        assert_eq!(
            figures(),
            "5 2 1.0 4.00 2, 6 0 0 0, 7 1 0.5 4.00 1, 8 1 0.5 4.00 1"
        );
        run(
            "SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'stars');
             WITH p AS (UPDATE s.posts SET id = 9 WHERE id = 6) INSERT INTO s.likes VALUES (9), (8)",
        );
        assert_eq!(
            figures(),
            "5 2 1.0 4.00 2, 7 1 0.5 4.00 1, 8 2 1.0 4.00 1, 9 1 0.5 0"
        );
        no_differences();
    }

    #[pg_test]
    fn children_that_a_parents_own_insert_adds_before_it_are_counted_once() {
        loose_posts_and_likes();
        run(
            "CREATE FUNCTION s.like() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO s.likes VALUES (NEW.id), (NEW.id), (100);
                 BEGIN
                     INSERT INTO s.likes VALUES (NEW.id);
                     RAISE EXCEPTION 'never mind';
                 EXCEPTION WHEN raise_exception THEN NULL;
                 END;
                 UPDATE s.likes SET stars = 2 WHERE post_id = NEW.id;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER likes BEFORE INSERT ON s.posts FOR EACH ROW EXECUTE FUNCTION s.like();
             INSERT INTO s.likes VALUES (2); INSERT INTO s.posts VALUES (1), (2)",
        );
        assert_eq!(figures(), "1 2 1.0 2.00 2, 2 3 1.5 2.00 3");
        run("INSERT INTO s.posts VALUES (100)");
        assert_eq!(
            text("SELECT concat_ws(' ', likes, tips, rated) FROM s.posts WHERE id = 100"),
            "5 2.5 5"
        );
        no_differences();
    }

    #[pg_test]
    fn children_truncated_within_a_parents_own_insert_are_not_counted() {
        loose_posts_and_likes();
        run(
            "CREATE FUNCTION s.forget(id int) RETURNS int LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO s.likes VALUES (id), (id); TRUNCATE s.likes; INSERT INTO s.likes VALUES (id);
                 RETURN id;
             END $$;
             INSERT INTO s.likes VALUES (1); INSERT INTO s.posts SELECT s.forget(1)",
        );
        assert_eq!(figures(), "1 1 0.5 4.00 1");
        no_differences();
    }

    #[pg_test]
    fn keys_that_are_swapped_in_one_statement_swap_their_counts() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.posts (id int UNIQUE DEFERRABLE, name int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
             CREATE TABLE s.likes (post_id int)");
        let error = failure(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')",
        );
        assert!(
            error.starts_with("42830 | (id) is not a unique key"),
            "{error}"
        );
        run("ALTER TABLE s.posts DROP CONSTRAINT posts_id_key, ADD UNIQUE (id);
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
             INSERT INTO s.posts VALUES (1, 1), (2, 2); INSERT INTO s.likes VALUES (1), (1), (1), (2);
             UPDATE s.posts SET id = id + 1 WHERE id = 2; UPDATE s.posts SET id = id + 1 WHERE id = 1");
        assert_eq!(likes(), "1 0");
    }
}
