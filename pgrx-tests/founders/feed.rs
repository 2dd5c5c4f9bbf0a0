//! Claims about the feed.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, gates, outcome, person, run, run_as, text, text_as};
    use pgrx::prelude::*;

    fn post(author: &str, is_public: bool) -> String {
        text_as(
            As::Person(author),
            &format!(
                "INSERT INTO founders.social_feed_posts (author_id, content, is_public)
                 VALUES ('{author}', 'news', {is_public}) RETURNING id::text"
            ),
        )
    }

    fn react(person: &str, post: &str) -> String {
        format!(
            "INSERT INTO founders.social_feed_reactions (post_id, user_id) VALUES ('{post}', '{person}')"
        )
    }

    fn comment(person: &str, post: &str) -> String {
        format!(
            "INSERT INTO founders.social_feed_comments (post_id, author_id, content)
             VALUES ('{post}', '{person}', 'well done')"
        )
    }

    /// reactions and comments of a post, once they equal a recount.
    fn counts(post: &str) -> String {
        text(&format!(
            "SELECT CASE WHEN reaction_count = (SELECT count(*) FROM founders.social_feed_reactions WHERE post_id = p.id)
                          AND comment_count = (SELECT count(*) FROM founders.social_feed_comments WHERE post_id = p.id)
                         THEN reaction_count || ' ' || comment_count ELSE 'wrong' END
             FROM founders.social_feed_posts p WHERE id = '{post}'"
        ))
    }

    #[pg_test]
    fn the_counts_of_a_post_equal_a_recount_after_whatever_happens() {
        let (a, b) = (person(), person());
        let (one, two) = (post(&a, true), post(&a, true));
        for who in [&a, &b] {
            run_as(As::Person(who), &react(who, &one));
            run_as(As::Person(who), &comment(who, &one));
        }
        assert_eq!(counts(&one), "2 2");
        run(&format!(
            "UPDATE founders.social_feed_comments SET post_id = '{two}' WHERE author_id = '{b}'"
        ));
        assert_eq!(
            (counts(&one).as_str(), counts(&two).as_str()),
            ("2 1", "0 1")
        );
        run(&format!(
            "INSERT INTO founders.social_feed_comments (post_id, author_id, content, parent_comment_id)
             SELECT post_id, '{b}', 'an answer', id FROM founders.social_feed_comments WHERE author_id = '{a}'"
        ));
        assert_eq!(counts(&one), "2 2");
        run(&format!(
            "DELETE FROM founders.social_feed_comments WHERE author_id = '{a}'"
        ));
        assert_eq!(counts(&one), "2 0");
        run(&format!("DELETE FROM auth.users WHERE id = '{b}'"));
        assert_eq!(
            (counts(&one).as_str(), counts(&two).as_str()),
            ("1 0", "0 0")
        );
    }

    #[pg_test]
    fn an_author_cannot_write_the_counts() {
        let me = person();
        let mine = post(&me, true);
        for column in [
            "reaction_count",
            "comment_count",
            "view_count",
            "author_id",
            "created_at",
        ] {
            let sql = format!(
                "UPDATE founders.social_feed_posts SET {column} = DEFAULT WHERE id = '{mine}'"
            );
            assert_eq!(outcome(As::Person(&me), &sql), "42501", "{column}");
        }
        for column in [
            "reaction_count",
            "comment_count",
            "view_count",
            "created_at",
        ] {
            let sql = format!(
                "INSERT INTO founders.social_feed_posts (author_id, content, {column})
                 VALUES ('{me}', 'x', DEFAULT)"
            );
            assert_eq!(outcome(As::Person(&me), &sql), "42501", "{column}");
        }
    }

    #[pg_test]
    fn a_post_that_is_not_public_is_its_authors_alone_and_so_is_what_is_said_of_it() {
        let (author, other) = (person(), person());
        let secret = post(&author, false);
        run(&react(&author, &secret));
        run(&comment(&author, &secret));
        for table in ["posts", "reactions", "comments"] {
            let sql = format!("SELECT FROM founders.social_feed_{table}");
            assert_eq!(outcome(As::Person(&author), &sql), "1", "{table}");
            assert_eq!(outcome(As::Person(&other), &sql), "0", "{table}");
            assert_eq!(outcome(As::Anonymous, &sql), "42501", "{table}");
        }
        assert_eq!(
            outcome(As::Person(&other), &react(&other, &secret)),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&other), &comment(&other, &secret)),
            "42501"
        );
        run("UPDATE founders.social_feed_posts SET is_public = true");
        assert_eq!(outcome(As::Person(&other), &react(&other, &secret)), "1");
    }

    #[pg_test]
    fn where_the_feed_is_a_gate_others_see_posts_only_while_their_author_agrees() {
        let (author, other) = (person(), person());
        let news = post(&author, true);
        run(&react(&author, &news));
        let seen = |who: &str| {
            text_as(
                As::Person(who),
                "SELECT (SELECT count(*) FROM founders.social_feed_posts) || ' ' ||
                        (SELECT count(*) FROM founders.social_feed_reactions)",
            )
        };
        assert_eq!([seen(&author), seen(&other)], ["1 1", "1 1"]);
        gates("social_feed");
        assert_eq!([seen(&author), seen(&other)], ["1 1", "0 0"]);
        consent(&author, "social_feed", true);
        assert_eq!([seen(&author), seen(&other)], ["1 1", "1 1"]);
        consent(&author, "social_feed", false);
        assert_eq!([seen(&author), seen(&other)], ["1 1", "0 0"]);
        let authors = "SELECT FROM founders.feed_authors()";
        consent(&other, "social_feed", true);
        assert_eq!(outcome(As::Person(&author), authors), "0");
    }

    #[pg_test]
    fn posts_and_comments_are_not_empty_and_have_a_length() {
        let me = person();
        let mine = post(&me, true);
        let with = |content: &str| {
            outcome(
                As::Person(&me),
                &format!(
                    "INSERT INTO founders.social_feed_posts (author_id, content) VALUES ('{me}', {content})"
                ),
            )
        };
        assert_eq!(with("''"), "23514");
        assert_eq!(with("E' \\n\\t '"), "23514");
        assert_eq!(with("repeat('x', 100000)"), "1");
        assert_eq!(with("repeat('x', 100001)"), "23514");
        let blank = comment(&me, &mine).replace("well done", "  ");
        assert_eq!(outcome(As::Person(&me), &blank), "23514");
        let long = comment(&me, &mine).replace("'well done'", "repeat('x', 10001)");
        assert_eq!(outcome(As::Person(&me), &long), "23514");
    }

    #[pg_test]
    fn nobody_reacts_comments_or_edits_in_anothers_name() {
        let (author, other) = (person(), person());
        let news = post(&author, true);
        assert_eq!(outcome(As::Person(&other), &react(&author, &news)), "42501");
        assert_eq!(
            outcome(As::Person(&other), &comment(&author, &news)),
            "42501"
        );
        run(&comment(&author, &news));
        let edit = "UPDATE founders.social_feed_comments SET content = 'changed'";
        assert_eq!(outcome(As::Person(&other), edit), "0");
        assert_eq!(outcome(As::Person(&author), edit), "1");
        let twice = format!("{}; {}", react(&other, &news), react(&other, &news));
        assert_eq!(outcome(As::Person(&other), &twice), "23505");
    }
}
