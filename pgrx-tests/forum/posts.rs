//! Claims about posts, likes, replies and the feed.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    fn post(topic: &str, number: usize, author: usize) -> String {
        let id = uuid(topic, 100 + number);
        run(&format!(
            "INSERT INTO forum.community_posts (id, author_id, content)
             VALUES ('{id}', '{}', 'post {number} about {topic}')",
            uuid(topic, author)
        ));
        id
    }

    fn reply(topic: &str, number: usize, post: &str, author: usize) -> String {
        let id = uuid(topic, 200 + number);
        run(&format!(
            "INSERT INTO forum.community_post_replies (id, post_id, author_id, content)
             VALUES ('{id}', '{post}', '{}', 'reply')",
            uuid(topic, author)
        ));
        id
    }

    fn counts(post: &str) -> String {
        text(&format!(
            "SELECT likes_count || ' likes, ' || replies_count || ' replies'
             FROM forum.community_posts WHERE id = '{post}'"
        ))
    }

    #[pg_test]
    fn anothers_like_counts_once_and_is_no_edit_of_the_post() {
        people("a1", 2);
        let post = uuid("a1", 100);
        run(&format!(
            "INSERT INTO forum.community_posts (id, author_id, content, updated_at)
             VALUES ('{post}', '{}', 'x', '2020-01-01')",
            uuid("a1", 1)
        ));
        let edited = || {
            text(&format!(
                "SELECT updated_at > '2020-01-01' FROM forum.community_posts WHERE id = '{post}'"
            ))
        };
        let like = format!(
            "INSERT INTO forum.community_post_likes (post_id, user_id) VALUES ('{post}', '{}')",
            uuid("a1", 2)
        );
        as_person(&uuid("a1", 2));
        assert_eq!(sqlstate(&like), "00000");
        assert_eq!(sqlstate(&like), "23505");
        assert_eq!(sqlstate(&format!("{like} ON CONFLICT DO NOTHING")), "00000");
        as_owner();
        assert_eq!(counts(&post), "1 likes, 0 replies");
        assert_eq!(edited(), "false");
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{}'",
            uuid("a1", 2)
        ));
        assert_eq!(counts(&post), "0 likes, 0 replies");
        run(&format!(
            "UPDATE forum.community_posts SET content = 'y' WHERE id = '{post}'"
        ));
        assert_eq!(edited(), "true");
    }

    #[pg_test]
    fn a_deleted_reply_leaves_the_count_and_comes_back() {
        people("a2", 2);
        let post = post("a2", 1, 1);
        let first = reply("a2", 1, &post, 2);
        reply("a2", 2, &post, 1);
        as_person(&uuid("a2", 2));
        run(&format!("SELECT forum.soft_delete_reply('{first}')"));
        run(&format!("SELECT forum.soft_delete_reply('{first}')"));
        as_owner();
        assert_eq!(counts(&post), "0 likes, 1 replies");
        as_staff(&uuid("a2", 1));
        assert_eq!(
            text(&format!("SELECT forum.restore_reply('{first}')")),
            "true"
        );
        assert_eq!(
            text(&format!("SELECT forum.restore_reply('{first}')")),
            "false"
        );
        as_owner();
        assert_eq!(counts(&post), "0 likes, 2 replies");
        run(&format!(
            "UPDATE forum.community_post_replies SET deleted_at = now() WHERE id = '{first}';
             DELETE FROM forum.community_post_replies WHERE id = '{first}'"
        ));
        assert_eq!(counts(&post), "0 likes, 1 replies");
        let wrong = "SELECT count(*) FROM community_core.verify_counters('forum.community_posts')";
        assert_eq!(text(wrong), "0");
    }

    #[pg_test]
    fn a_deleted_post_leaves_the_feed_and_the_search_and_comes_back() {
        people("a3", 1);
        let post = post("a3", 1, 1);
        let seen = || {
            as_staff(&uuid("a3", 1));
            let found = [
                text(&format!(
                    "SELECT count(*) FROM forum.feed() WHERE id = '{post}'"
                )),
                text(&format!(
                    "SELECT count(*) FROM forum.search_posts('a3') WHERE id = '{post}'"
                )),
            ];
            as_owner();
            found
        };
        assert_eq!(seen(), ["1", "1"]);
        as_staff(&uuid("a3", 1));
        run(&format!("SELECT forum.soft_delete_post('{post}')"));
        assert_eq!(seen(), ["0", "0"]);
        as_staff(&uuid("a3", 1));
        run(&format!("SELECT forum.restore_post('{post}')"));
        assert_eq!(seen(), ["1", "1"]);
    }

    #[pg_test]
    fn a_refused_deletion_does_not_tell_whether_the_post_exists() {
        people("a4", 2);
        let post = post("a4", 1, 1);
        as_person(&uuid("a4", 2));
        let unknown = uuid("a4", 999);
        for kind in ["post", "reply"] {
            let refused = message(&format!("SELECT forum.soft_delete_{kind}('{unknown}')"));
            assert_eq!(
                refused,
                format!("there is no {kind} {unknown} that you may delete")
            );
        }
        let refused = message(&format!("SELECT forum.soft_delete_post('{post}')"));
        assert_eq!(
            refused,
            format!("there is no post {post} that you may delete")
        );
    }

    #[pg_test]
    fn what_staff_deleted_its_author_does_not_bring_back() {
        people("a5", 2);
        let post = post("a5", 1, 1);
        as_staff(&uuid("a5", 2));
        run(&format!("SELECT forum.soft_delete_post('{post}')"));
        as_person(&uuid("a5", 1));
        assert_eq!(
            sqlstate(&format!("SELECT forum.restore_post('{post}')")),
            "42501"
        );
        let visible = format!("SELECT count(*) FROM forum.community_posts WHERE id = '{post}'");
        assert_eq!(text(&visible), "1");
        as_person(&uuid("a5", 2));
        assert_eq!(text(&visible), "0");
    }

    #[pg_test]
    fn staff_of_another_community_is_nobody_here() {
        people("a6", 1);
        let me = uuid("a6", 1);
        for metadata in [
            r#""app_metadata":{"staff":["founders"]}"#,
            r#""app_metadata":{"staff":{"forum":false}}"#,
            r#""app_metadata":{"staff":[["forum"]]}"#,
            r#""app_metadata":{"staff":null}"#,
            r#""app_metadata":["staff","forum"]"#,
            r#""user_metadata":{"staff":["forum"]}"#,
            r#""staff":["forum"]"#,
            r#""app_metadata":{"staff":"forums"}"#,
        ] {
            ask_as("authenticated", &format!(r#"{{"sub":"{me}",{metadata}}}"#));
            assert_eq!(text("SELECT forum.is_staff()"), "false", "{metadata}");
        }
        ask_as("authenticated", r#"{"role":"service_role"}"#);
        assert_eq!(
            text("SELECT forum.is_staff()"),
            "false",
            "a claim is no role"
        );
        ask_as("authenticated", r#"{"app_metadata":{"staff":["forum"]}}"#);
        assert_eq!(
            text("SELECT forum.is_staff()"),
            "false",
            "nobody is no staff"
        );
    }

    #[pg_test]
    fn pinned_posts_come_first_and_go_back_to_their_place() {
        people("a7", 1);
        let posts: Vec<_> = (1..=3).map(|number| post("a7", number, 1)).collect();
        run(&format!(
            "UPDATE forum.community_posts SET created_at = '2100-01-01'::timestamptz
             + right(id::text, 3)::int * interval '1 second' WHERE author_id = '{}'",
            uuid("a7", 1)
        ));
        let order = || {
            as_staff(&uuid("a7", 1));
            list(&format!(
                "SELECT right(id::text, 1) FROM forum.feed() WHERE id::text LIKE '{:.8}%'",
                posts[0]
            ))
        };
        assert_eq!(order(), "3 2 1");
        assert_eq!(
            text(&format!("SELECT forum.pin_post('{}')", posts[0])),
            "true"
        );
        assert_eq!(
            text(&format!("SELECT forum.pin_post('{}')", posts[0])),
            "false"
        );
        assert_eq!(order(), "1 3 2");
        assert_eq!(
            text(&format!(
                "SELECT forum.pin_post('{}', pinned => false)",
                posts[0]
            )),
            "true"
        );
        assert_eq!(order(), "3 2 1");
    }

    #[pg_test]
    fn pages_of_the_feed_hold_every_post_once_also_among_equals_and_past_a_deleted_one() {
        people("a8", 1);
        let me = uuid("a8", 1);
        run(&format!(
            "INSERT INTO forum.community_posts (author_id, content, is_pinned, created_at)
             SELECT '{me}', 'x', n % 10 = 0, '2100-01-01'::timestamptz + n / 9 * interval '1 second'
             FROM generate_series(1, 40) AS n"
        ));
        as_person(&me);
        let own = format!(
            "SELECT string_agg(id::text, ' ' ORDER BY is_pinned DESC, created_at DESC, id DESC)
                           FROM forum.community_posts WHERE author_id = '{me}'"
        );
        let expected = text(&own);
        let (mut found, mut before) = (Vec::new(), "NULL".to_owned());
        // Those of other tests come after ours, which are of the year 2100.
        while found.len() < 40 {
            let page = list(&format!("SELECT id FROM forum.feed({before}, 7)"));
            found.extend(page.split(' ').map(str::to_owned));
            before = format!("'{}'", found[found.len() - 1]);
            run(&format!("SELECT forum.soft_delete_post({before})"));
        }
        found.truncate(40);
        assert_eq!(found.join(" "), expected);
    }

    #[pg_test]
    fn a_page_is_at_most_a_hundred_posts_and_goes_on_from_one_that_exists() {
        people("a9", 1);
        run(&format!(
            "INSERT INTO forum.community_posts (author_id, content) SELECT '{}', 'x' FROM generate_series(1, 120)",
            uuid("a9", 1)
        ));
        as_person(&uuid("a9", 1));
        assert_eq!(
            text("SELECT count(*) FROM forum.feed(page_size => 5000)"),
            "100"
        );
        assert_eq!(
            text("SELECT count(*) FROM forum.feed(page_size => NULL)"),
            "100"
        );
        assert_eq!(text("SELECT count(*) FROM forum.feed(page_size => 0)"), "0");
        assert_eq!(sqlstate("SELECT forum.feed(page_size => -1)"), "2201W");
        assert_eq!(
            sqlstate(&format!("SELECT forum.feed('{}')", uuid("a9", 999))),
            "22023"
        );
    }

    #[pg_test]
    fn search_takes_what_a_person_types() {
        people("aa", 1);
        run(&format!(
            "INSERT INTO forum.community_posts (author_id, content)
             SELECT '{}', unnest(ARRAY['zebrafish in cold water', 'A zebrafish swims: zebrafish!', 'cold zebrafishes'])",
            uuid("aa", 1)
        ));
        as_person(&uuid("aa", 1));
        let found = |query: &str| {
            text(&format!(
                "SELECT count(*) FROM forum.search_posts($q${query}$q$)"
            ))
        };
        assert_eq!(found("Zebrafish"), "3");
        assert_eq!(found("zebrafish -water"), "2");
        assert_eq!(found("\"cold water\" zebrafish"), "1");
        assert_eq!(found("zebrafish or nothing"), "3");
        for odd in ["", "\"", "& | !", "-", "':*", "\\"] {
            assert_eq!(found(odd), "0", "{odd}");
        }
        assert_eq!(text("SELECT count(*) FROM forum.search_posts(NULL)"), "0");
        let best = text("SELECT content FROM forum.search_posts('zebrafish')");
        assert_eq!(best, "A zebrafish swims: zebrafish!");
    }

    #[pg_test]
    fn a_post_is_not_blank_and_not_a_book() {
        people("ab", 1);
        let post = |content: &str| {
            sqlstate(&format!(
                "INSERT INTO forum.community_posts (author_id, content) VALUES ('{}', {content})",
                uuid("ab", 1)
            ))
        };
        assert_eq!(post("''"), "23514");
        assert_eq!(post("E' \\n\\t'"), "23514");
        assert_eq!(post("repeat('x', 100001)"), "23514");
        // Words enough to fill a tsvector, if the limit were higher.
        assert_eq!(
            post(
                "(SELECT left(string_agg(md5(n::text), ' '), 100000) FROM generate_series(1, 4000) n)"
            ),
            "00000"
        );
    }

    #[pg_test]
    fn posts_likes_and_replies_are_published_where_realtime_is() {
        run("SELECT forum.publish_realtime()");
        run("CREATE PUBLICATION supabase_realtime; SELECT forum.publish_realtime()");
        run("SELECT forum.publish_realtime()");
        let published = "SELECT tablename FROM pg_publication_tables WHERE pubname = 'supabase_realtime' ORDER BY 1";
        assert_eq!(
            list(published),
            "community_post_likes community_post_replies community_posts"
        );
        let whole = "SELECT relname FROM pg_class WHERE relnamespace = 'forum'::regnamespace
                     AND relreplident = 'f' ORDER BY 1";
        assert_eq!(list(whole), list(published));
    }
}
