//! Claims about comments: where they stand, whom they mention, and what happens to what they answer.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// A comment that answers another.
    fn under(parent: &str, author: &str) -> String {
        be(As::Owner);
        inserted(&format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body)
             SELECT post_id, id, '{author}', 'Indeed' FROM spaces.comments WHERE id = '{parent}'"
        ))
    }

    fn says(comment: &str, body: &str) {
        run(&format!(
            "UPDATE spaces.comments SET body = '{body}' WHERE id = '{comment}'"
        ));
    }

    /// The thread as somebody sees it: depth and body, a tombstone as a cross.
    fn thread(who: As, post: &str) -> String {
        text_as(
            who,
            &format!(
                "SELECT string_agg(depth || ' ' || coalesce(body, '+'), ', ' ORDER BY n)
                 FROM spaces.comment_thread('{post}') WITH ORDINALITY
                 AS t (id, answer_id, parent_id, thread_root_id, depth, author_id, body, state, created_at, n)"
            ),
        )
    }

    struct Thread {
        space: String,
        author: String,
        post: String,
        /// a, under it b, under that c; then d beside a.
        comments: [String; 4],
    }

    fn threaded() -> Thread {
        let space = space("public");
        let author = member(&space, "member");
        let post = post(&space, &author);
        let a = comment(&post, &author);
        let d = comment(&post, &author);
        let b = under(&a, &author);
        let c = under(&b, &author);
        for (id, body) in [(&a, "a"), (&b, "b"), (&c, "c"), (&d, "d")] {
            says(id, body);
        }
        Thread {
            space,
            author,
            post,
            comments: [a, b, c, d],
        }
    }

    #[pg_test]
    fn comments_stand_in_the_order_of_their_threads_whoever_writes_when() {
        let Thread {
            author,
            post,
            comments: [a, b, ..],
            ..
        } = threaded();
        let late = under(&a, &author);
        says(&late, "e");
        assert_eq!(thread(As::Anonymous, &post), "1 a, 2 b, 3 c, 2 e, 1 d");
        assert_eq!(
            text(&format!(
                "SELECT string_agg(DISTINCT thread_root_id::text, ',') FROM spaces.comments WHERE starts_with(path, replace('{a}', '-', ''))"
            )),
            a
        );
        let forge = format!(
            "UPDATE spaces.comments SET path = replace(id::text, '-', '') WHERE id = '{b}'"
        );
        assert_eq!(outcome(As::Service, &forge), "23514");
    }

    #[pg_test]
    fn an_answer_stands_under_the_same_post_and_answer_as_what_it_answers() {
        let Thread {
            space,
            author,
            comments: [a, ..],
            ..
        } = threaded();
        let other = question(&space, &author);
        let given = answer(&other, &author);
        let foreign = format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body) VALUES ('{other}', '{a}', '{author}', 'x')"
        );
        assert_eq!(outcome(As::Person(&author), &foreign), "23503");
        let on_answer = inserted(&format!(
            "INSERT INTO spaces.comments (post_id, answer_id, author_id, body)
             VALUES ('{other}', '{given}', '{author}', 'x')"
        ));
        let below = under(&on_answer, &author);
        assert_eq!(
            text(&format!(
                "SELECT answer_id::text FROM spaces.comments WHERE id = '{below}'"
            )),
            given
        );
        let second = answer(&other, &author);
        let elsewhere = format!(
            "INSERT INTO spaces.comments (post_id, answer_id, parent_id, author_id, body)
             VALUES ('{other}', '{second}', '{on_answer}', '{author}', 'x')"
        );
        assert_eq!(outcome(As::Person(&author), &elsewhere), "23514");
    }

    #[pg_test]
    fn threads_are_as_deep_as_the_setting_allows_and_no_deeper() {
        run("SET LOCAL community_core.spaces_comment_depth = 3");
        let Thread {
            author,
            post,
            comments: [a, _, c, d],
            ..
        } = threaded();
        let deeper = format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body) VALUES ('{post}', '{c}', '{author}', 'x')"
        );
        assert_eq!(outcome(As::Person(&author), &deeper), "23514");
        let moved = format!("SELECT spaces.move_comment('{a}', '{d}')");
        assert_eq!(outcome(As::Service, &moved), "23514");
        run("SET LOCAL community_core.spaces_comment_depth = 4");
        assert_eq!(outcome(As::Person(&author), &deeper), "1");
        assert_eq!(outcome(As::Service, &moved), "1");
    }

    #[pg_test]
    fn a_moved_comment_takes_its_answers_along_and_never_moves_below_itself() {
        let Thread {
            space,
            author,
            post,
            comments: [a, b, c, d],
        } = threaded();
        let moderator = member(&space, "moderator");
        let to = |comment: &str, parent: &str| {
            format!("SELECT spaces.move_comment('{comment}', {parent})")
        };
        assert_eq!(outcome(As::Person(&author), &to(&a, "NULL")), "42501");
        for below in [&a, &b, &c] {
            let state = outcome(As::Person(&moderator), &to(&a, &format!("'{below}'")));
            assert_eq!(state, "23514");
        }
        run_as(As::Person(&moderator), &to(&b, &format!("'{d}'")));
        assert_eq!(thread(As::Anonymous, &post), "1 a, 1 d, 2 b, 3 c");
        run_as(As::Person(&moderator), &to(&c, "NULL"));
        assert_eq!(thread(As::Anonymous, &post), "1 a, 1 d, 2 b, 1 c");
        let elsewhere = comment(&super::super::post(&space, &author), &author);
        assert_eq!(
            outcome(As::Person(&moderator), &to(&a, &format!("'{elsewhere}'"))),
            "23503"
        );
    }

    #[pg_test]
    fn a_deleted_comment_with_answers_stays_as_a_tombstone_and_one_without_vanishes() {
        let Thread {
            space,
            author,
            post,
            comments: [a, b, c, d],
        } = threaded();
        let moderator = member(&space, "moderator");
        let reader = member(&space, "member");
        for id in [&b, &d] {
            run_as(
                As::Person(&author),
                &format!("SELECT spaces.delete_comment('{id}')"),
            );
        }
        assert_eq!(thread(As::Anonymous, &post), "1 a, 2 +, 3 c");
        assert_eq!(thread(As::Person(&reader), &post), "1 a, 2 +, 3 c");
        assert_eq!(thread(As::Person(&moderator), &post), "1 a, 2 b, 3 c, 1 d");
        let reply = format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body) VALUES ('{post}', '{b}', '{reader}', 'x')"
        );
        assert_eq!(outcome(As::Person(&reader), &reply), "55000");
        run_as(
            As::Person(&author),
            &format!("SELECT spaces.delete_comment('{c}')"),
        );
        assert_eq!(thread(As::Anonymous, &post), "1 a");
        run(&format!(
            "UPDATE spaces.comments SET state = 'removed' WHERE id = '{a}'"
        ));
        assert_eq!(thread(As::Anonymous, &post), "");
        let erase = format!("DELETE FROM spaces.comments WHERE id = '{a}'");
        assert_eq!(outcome(As::Service, &erase), "23503");
        run(&format!("DELETE FROM spaces.posts WHERE id = '{post}'"));
        assert_eq!(text("SELECT count(*)::text FROM spaces.comments"), "0");
    }

    #[pg_test]
    fn the_words_of_a_deleted_account_stay_without_a_name() {
        let Thread { author, post, .. } = threaded();
        run(&format!("DELETE FROM auth.users WHERE id = '{author}'"));
        assert_eq!(thread(As::Anonymous, &post), "1 a, 2 b, 3 c, 1 d");
        assert_eq!(
            text("SELECT count(author_id)::text FROM spaces.comments"),
            "0"
        );
    }

    #[pg_test]
    fn mentions_are_those_who_may_read_the_space_each_once_and_follow_the_text() {
        let space = space("private");
        let (author, friend, stranger) =
            (member(&space, "member"), member(&space, "member"), person());
        let post = post(&space, &author);
        let written = comment(&post, &author);
        let mentions = |body: &str| {
            run_as(
                As::Person(&author),
                &format!("UPDATE spaces.comments SET body = '{body}' WHERE id = '{written}'"),
            );
            text(&format!(
                "SELECT array_to_string(mentions, ',') FROM spaces.comments WHERE id = '{written}'"
            ))
        };
        let shouted = friend.to_uppercase();
        assert_eq!(
            mentions(&format!(
                "<@{friend}> <@{shouted}> <@{stranger}> @{author} <@nobody>"
            )),
            friend
        );
        assert_eq!(mentions("nobody"), "");
        run(&format!(
            "UPDATE spaces.spaces SET visibility = 'public' WHERE id = '{space}'"
        ));
        assert_eq!(mentions(&format!("<@{stranger}>")), stranger);
        run("INSERT INTO auth.users SELECT FROM generate_series(1, 51);
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users ON CONFLICT DO NOTHING");
        let everybody = format!(
            "UPDATE spaces.comments SET body = (SELECT string_agg('<@' || id || '>', '') FROM (SELECT id FROM spaces.profiles LIMIT 51) AS p)
             WHERE id = '{written}'"
        );
        assert_eq!(outcome(As::Person(&author), &everybody), "23514");
    }
}
