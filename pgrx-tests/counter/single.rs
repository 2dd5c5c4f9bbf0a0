//! A single row's count goes into its parent without a statement. Whatever an UPDATE of the parent
//! would bring about comes about all the same, also what was added to the parent since the last one.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, likes, no_differences, posts_and_likes, run, text};
    use pgrx::prelude::*;

    const LIKE: &str = "INSERT INTO s.likes (post_id) VALUES (1)";

    fn refused(sql: &str, sqlstate: &str) {
        let error = failure(sql);
        assert!(error.starts_with(sqlstate), "{error}");
    }

    #[pg_test]
    fn a_check_on_the_parent_holds_for_a_single_row() {
        posts_and_likes();
        run(LIKE);
        run("ALTER TABLE s.posts ADD CONSTRAINT few CHECK (likes < 5)");
        run(LIKE);
        refused(LIKE, "23514");
        assert_eq!(likes(), "4 1 0 0");
        run("ALTER TABLE s.posts DROP CONSTRAINT few");
        run(LIKE);
        assert_eq!(likes(), "5 1 0 0");
    }

    #[pg_test]
    fn a_figure_beyond_its_type_is_an_error_for_a_single_row() {
        posts_and_likes();
        for (of, greatest) in [
            ("smallint", i64::from(i16::MAX)),
            ("int", i64::from(i32::MAX)),
            ("bigint", i64::MAX),
        ] {
            run(&format!(
                "ALTER TABLE s.posts ALTER likes TYPE {of};
                 UPDATE s.posts SET likes = {greatest} - 1 WHERE id = 1"
            ));
            run(LIKE);
            let stored = "SELECT likes::text FROM s.posts WHERE id = 1";
            assert_eq!(text(stored), greatest.to_string());
            refused(LIKE, "22003");
            assert_eq!(text(stored), greatest.to_string());
            run("UPDATE s.posts SET likes = 2 WHERE id = 1;
                 DELETE FROM s.likes WHERE id IN (SELECT max(id) FROM s.likes)");
        }
    }

    #[pg_test]
    fn a_counter_that_is_null_starts_at_0_for_a_single_row() {
        posts_and_likes();
        run("ALTER TABLE s.posts ALTER likes DROP NOT NULL; UPDATE s.posts SET likes = NULL");
        run("INSERT INTO s.likes (post_id) VALUES (3)");
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 3"), "1");
    }

    #[pg_test]
    fn a_deferred_foreign_key_of_a_parent_made_in_the_same_transaction_is_still_checked() {
        posts_and_likes();
        run(
            "CREATE TABLE s.authors (id int PRIMARY KEY);
             ALTER TABLE s.posts ADD COLUMN author int REFERENCES s.authors DEFERRABLE INITIALLY DEFERRED;
             INSERT INTO s.posts (id, author) VALUES (99, 1);
             INSERT INTO s.likes (post_id) VALUES (99)",
        );
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 99"), "1");
        refused("SET CONSTRAINTS ALL IMMEDIATE", "23503");
    }

    #[pg_test]
    fn a_parent_that_the_same_statement_makes_is_still_checked() {
        posts_and_likes();
        run("CREATE TABLE s.authors (id int PRIMARY KEY);
             ALTER TABLE s.posts ADD COLUMN author int REFERENCES s.authors");
        run(LIKE);
        refused(
            "WITH post AS (INSERT INTO s.posts (id, author) VALUES (99, 1))
             INSERT INTO s.likes (post_id) VALUES (99)",
            "23503",
        );
    }

    #[pg_test]
    fn policies_forced_on_the_owner_do_not_keep_a_single_row_from_being_counted() {
        run("CREATE ROLE keeper");
        posts_and_likes();
        run("GRANT ALL ON SCHEMA s TO keeper;
             ALTER TABLE s.posts OWNER TO keeper; ALTER TABLE s.likes OWNER TO keeper");
        run(LIKE);
        run(
            "ALTER TABLE s.posts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY nothing ON s.posts TO keeper USING (false)",
        );
        run(LIKE);
        run("INSERT INTO s.likes (post_id) VALUES (1), (2)");
        assert_eq!(likes(), "5 2 0 0");
    }

    #[pg_test]
    fn a_trigger_that_the_parent_got_meanwhile_fires_for_a_single_row() {
        posts_and_likes();
        run(LIKE);
        run(
            "CREATE TABLE s.seen (what text);
             CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO s.seen VALUES (TG_ARGV[0]); RETURN NEW; END $$;
             CREATE TRIGGER one BEFORE UPDATE ON s.posts FOR EACH ROW EXECUTE FUNCTION s.note('before');
             CREATE TRIGGER two AFTER UPDATE OF likes ON s.posts FOR EACH ROW
                 EXECUTE FUNCTION s.note('after');
             CREATE TRIGGER three AFTER UPDATE ON s.posts FOR EACH STATEMENT
                 EXECUTE FUNCTION s.note('statement');
             CREATE TRIGGER other AFTER UPDATE OF id ON s.posts FOR EACH ROW
                 EXECUTE FUNCTION s.note('another column')",
        );
        let seen = "SELECT string_agg(what, ' ') FROM s.seen";
        run(LIKE);
        assert_eq!(text(seen), "before after statement");
        run("TRUNCATE s.seen; DROP TRIGGER one ON s.posts; DROP TRIGGER two ON s.posts");
        run(LIKE);
        assert_eq!(text(seen), "statement");
        run("TRUNCATE s.seen; DROP TRIGGER three ON s.posts");
        run(LIKE);
        assert_eq!(text(seen), "-");
        assert_eq!(likes(), "6 1 0 0");
    }

    #[pg_test]
    fn a_rule_on_the_parent_is_followed_for_a_single_row() {
        posts_and_likes();
        run(LIKE);
        run("CREATE RULE frozen AS ON UPDATE TO s.posts DO INSTEAD NOTHING");
        run(LIKE);
        assert_eq!(text("SELECT likes::text FROM s.posts WHERE id = 1"), "3");
    }

    #[pg_test]
    fn a_generated_column_follows_a_single_row() {
        posts_and_likes();
        run(LIKE);
        run("ALTER TABLE s.posts ADD twice int GENERATED ALWAYS AS (2 * likes) STORED");
        run(LIKE);
        assert_eq!(text("SELECT twice::text FROM s.posts WHERE id = 1"), "8");
    }

    #[pg_test]
    fn every_index_of_the_parent_finds_what_a_single_row_made_of_it() {
        posts_and_likes();
        run("ALTER TABLE s.posts ADD body text;
             CREATE INDEX ON s.posts (lower(body)); CREATE INDEX ON s.posts (id) WHERE likes > 2;
             CREATE INDEX brin ON s.posts USING brin (likes);
             SET LOCAL enable_seqscan = off");
        let by = |condition: &str| {
            text(&format!(
                "SELECT string_agg(id || ':' || likes, ' ' ORDER BY id) FROM s.posts WHERE {condition}"
            ))
        };
        run(LIKE);
        assert_eq!(by("id = 1 AND likes > 2"), "1:3");
        run("CREATE INDEX ON s.posts (likes)");
        run(LIKE);
        assert_eq!(by("likes = 4"), "1:4");
        assert_eq!(by("likes = 3"), "-");
        // The page is full, so that the next version goes to another.
        run("UPDATE s.posts SET body = 'Here' WHERE id = 1;
             INSERT INTO s.posts (id, body) SELECT n, repeat('x', 1500) FROM generate_series(5, 40) AS n");
        for _ in 0..20 {
            run(LIKE);
        }
        assert_eq!(by("lower(body) = 'here'"), "1:24");
        assert_eq!(by("id = 1"), "1:24");
        assert_eq!(by("likes = 24"), "1:24");
        assert_eq!(by("id = 1 AND likes > 2"), "1:24");
        run(
            "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;
             DROP INDEX s.posts_likes_idx",
        );
        assert_eq!(by("likes BETWEEN 20 AND 30"), "1:24");
        no_differences();
    }

    #[pg_test]
    fn unique_and_foreign_keys_over_a_counter_hold_for_a_single_row() {
        posts_and_likes();
        run(LIKE);
        run(
            "UPDATE s.posts SET likes = id + 3 WHERE id > 2; CREATE UNIQUE INDEX level ON s.posts (likes)",
        );
        refused("INSERT INTO s.likes (post_id) VALUES (3)", "23505");
        run(
            "DROP INDEX s.level; ALTER TABLE s.posts ADD UNIQUE (likes) DEFERRABLE INITIALLY DEFERRED",
        );
        run("INSERT INTO s.likes (post_id) VALUES (3)");
        refused("SET CONSTRAINTS ALL IMMEDIATE", "23505");
        run(
            "INSERT INTO s.likes (post_id) VALUES (3); SET CONSTRAINTS ALL IMMEDIATE;
             ALTER TABLE s.posts DROP CONSTRAINT posts_likes_key;
             CREATE TABLE s.levels AS SELECT generate_series(1, 8) AS n;
             ALTER TABLE s.levels ADD PRIMARY KEY (n);
             ALTER TABLE s.posts ADD FOREIGN KEY (likes) REFERENCES s.levels",
        );
        refused("INSERT INTO s.likes (post_id) VALUES (3)", "23503");
    }

    #[pg_test]
    fn an_owner_without_the_right_to_write_the_parent_counts_nothing() {
        run("CREATE ROLE keeper");
        posts_and_likes();
        run("GRANT ALL ON SCHEMA s TO keeper;
             ALTER TABLE s.posts OWNER TO keeper; ALTER TABLE s.likes OWNER TO keeper");
        run(LIKE);
        run("REVOKE UPDATE ON s.posts FROM keeper; GRANT UPDATE (id) ON s.posts TO keeper");
        refused(LIKE, "42501");
        run("GRANT UPDATE ON s.posts TO keeper");
        run(LIKE);
        run(
            "ALTER TABLE s.posts OWNER TO CURRENT_USER; REVOKE ALL ON s.posts FROM keeper;
             GRANT SELECT ON s.posts TO keeper",
        );
        refused(LIKE, "42501");
        assert_eq!(likes(), "4 1 0 0");
    }

    #[pg_test]
    fn a_parent_that_is_published_without_an_identity_is_refused_as_by_any_update() {
        posts_and_likes();
        run(LIKE);
        run(
            "ALTER TABLE s.posts REPLICA IDENTITY NOTHING; CREATE PUBLICATION all_posts FOR TABLE s.posts",
        );
        refused(LIKE, "55000");
        run("ALTER TABLE s.posts REPLICA IDENTITY DEFAULT");
        run(LIKE);
        assert_eq!(likes(), "4 1 0 0");
    }

    #[pg_test]
    fn a_key_of_another_type_or_order_finds_its_parent_for_a_single_row() {
        run("CREATE SCHEMA s; CREATE DOMAIN s.number AS int;
             CREATE TABLE s.posts (kind varchar(9), id bigint, likes smallint NOT NULL DEFAULT 0,
                 UNIQUE (id, kind));
             CREATE TABLE s.likes (post s.number, kind varchar(9),
                 FOREIGN KEY (post, kind) REFERENCES s.posts (id, kind));
             INSERT INTO s.posts VALUES ('a', 1), ('b', 1), ('a', 2);
             SELECT community_core.create_counter('s.likes', ARRAY['kind', 'post'], 's.posts', 'likes',
                                                  ARRAY['kind', 'id'])");
        for (post, kind) in [(1, "a"), (2, "a"), (2, "a"), (1, "b"), (1, "b"), (1, "b")] {
            run(&format!("INSERT INTO s.likes VALUES ({post}, '{kind}')"));
        }
        let all = "SELECT string_agg(concat_ws(' ', kind, id, likes), ', ' ORDER BY kind, id) FROM s.posts";
        assert_eq!(text(all), "a 1 1, a 2 2, b 1 3");
        no_differences();
    }

    #[pg_test]
    fn code_that_a_slot_calls_gets_a_safe_search_path() {
        posts_and_likes();
        run("SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes');
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 2)");
        run(LIKE);
        run("CREATE TABLE s.seen (path text);
             CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO s.seen VALUES (current_setting('search_path')); RETURN NEW; END $$;
             CREATE TRIGGER note BEFORE UPDATE ON s.posts_likes_slots FOR EACH ROW
                 EXECUTE FUNCTION s.note(); SET LOCAL search_path = public");
        run(LIKE);
        assert_eq!(
            text("SELECT string_agg(path, ';') FROM s.seen"),
            "pg_catalog, pg_temp"
        );
        no_differences();
    }
}
