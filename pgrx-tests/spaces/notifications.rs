//! Claims about what people are told of and what they want to be told of.

use super::{
    As, answer, be, comment, member, outcome, person, post, question, run, run_as, space, text,
    text_as,
};

fn notify(person: &str, kind: &str, space: &str) {
    be(As::Owner);
    run(&format!(
        "SELECT spaces.notify('{person}', '{kind}', '{{}}', {space})"
    ));
}

/// On which channels the person was told, and of what.
fn told(person: &str) -> String {
    text_as(
        As::Person(person),
        "SELECT coalesce(string_agg(type || ' ' || channel, ', ' ORDER BY type, channel), '') FROM spaces.notifications",
    )
}

/// What the person sees in the application.
fn in_app(person: &str) -> String {
    text_as(
        As::Person(person),
        "SELECT coalesce(string_agg(type, ', ' ORDER BY id), '') FROM spaces.notifications WHERE channel = 'in_app'",
    )
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    fn prefer(person: &str, space: &str, kind: &str, channel: &str, preference: &str) {
        run_as(As::Person(person), &format!(
            "INSERT INTO spaces.notification_preferences (profile_id, space_id, content_type, channel, preference)
             VALUES ('{person}', {space}, '{kind}', '{channel}', '{preference}')"));
    }

    #[pg_test]
    fn everything_is_on_until_a_person_switches_it_off_by_type_and_channel() {
        let someone = person();
        notify(&someone, "badge", "NULL");
        assert_eq!(told(&someone), "badge email, badge in_app, badge push");
        run("DELETE FROM spaces.notifications");
        prefer(&someone, "NULL", "badge", "email", "off");
        prefer(&someone, "NULL", "badge", "push", "off");
        notify(&someone, "badge", "NULL");
        notify(&someone, "digest", "NULL");
        assert_eq!(
            told(&someone),
            "badge in_app, digest email, digest in_app, digest push"
        );
        assert_eq!(
            text(
                "SELECT string_agg(DISTINCT channel || ' ' || delivery_status, ', ') FROM spaces.notifications"
            ),
            "email pending, in_app delivered, push pending"
        );
    }

    #[pg_test]
    fn what_is_said_for_a_space_goes_before_what_is_said_for_all() {
        let (loud, quiet) = (space("public"), space("public"));
        let someone = person();
        for channel in ["email", "push", "in_app"] {
            prefer(&someone, "NULL", "badge", channel, "off");
        }
        prefer(&someone, &format!("'{loud}'"), "badge", "email", "on");
        notify(&someone, "badge", &format!("'{loud}'"));
        notify(&someone, "badge", &format!("'{quiet}'"));
        assert_eq!(told(&someone), "badge email");
        let other = person();
        assert_eq!(
            outcome(
                As::Person(&other),
                &format!(
                    "INSERT INTO spaces.notification_preferences (profile_id, content_type, channel, preference) VALUES ('{someone}', 'badge', 'push', 'on')"
                )
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Person(&someone),
                &format!(
                    "INSERT INTO spaces.notification_preferences (profile_id, content_type, channel, preference) VALUES ('{someone}', 'badge', 'push', 'on')"
                )
            ),
            "23505",
            "one wish for all spaces"
        );
    }

    #[pg_test]
    fn one_marks_ones_own_as_read_one_by_one_or_all_of_a_space_or_all() {
        let space = space("public");
        let (someone, other) = (person(), person());
        for (who, place) in [
            (&someone, "NULL".to_owned()),
            (&someone, format!("'{space}'")),
            (&someone, format!("'{space}'")),
            (&other, "NULL".to_owned()),
        ] {
            notify(who, "badge", &place);
        }
        let first = text(&format!(
            "SELECT id::text FROM spaces.notifications WHERE profile_id = '{other}' AND channel = 'in_app'"
        ));
        assert_eq!(
            text_as(
                As::Person(&someone),
                &format!("SELECT spaces.mark_read('{first}')::text")
            ),
            "false"
        );
        assert_eq!(
            text_as(
                As::Person(&someone),
                &format!("SELECT spaces.mark_all_read('{space}')::text")
            ),
            "2"
        );
        assert_eq!(
            text_as(As::Person(&someone), "SELECT spaces.mark_all_read()::text"),
            "1"
        );
        assert_eq!(
            text_as(As::Person(&someone), "SELECT spaces.mark_all_read()::text"),
            "0"
        );
        assert_eq!(
            text_as(
                As::Person(&other),
                &format!("SELECT spaces.mark_read('{first}')::text")
            ),
            "true"
        );
        assert_eq!(
            outcome(
                As::Person(&someone),
                "UPDATE spaces.notifications SET read_at = NULL"
            ),
            "42501"
        );
    }

    #[pg_test]
    fn a_digest_holds_what_is_unread_and_was_in_none_before() {
        let someone = person();
        for kind in ["badge", "badge", "reply"] {
            notify(&someone, kind, "NULL");
        }
        let digest = format!(
            "SELECT coalesce(string_agg(type || ' ' || unread, ', ' ORDER BY type), '') FROM spaces.take_digest('{someone}')"
        );
        assert_eq!(text_as(As::Service, &digest), "badge 2, reply 1");
        assert_eq!(text_as(As::Service, &digest), "");
        notify(&someone, "reply", "NULL");
        notify(&someone, "badge", "NULL");
        run_as(
            As::Person(&someone),
            "SELECT spaces.mark_read(id) FROM spaces.notifications WHERE type = 'badge'",
        );
        assert_eq!(text_as(As::Service, &digest), "reply 1");
        assert_eq!(outcome(As::Person(&someone), &digest), "42501");
    }

    #[pg_test]
    fn who_is_answered_or_mentioned_is_told_once_for_each_comment() {
        let space = space("public");
        let (author, replier, third) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "member"),
        );
        let post = post(&space, &author);
        let first = comment(&post, &replier);
        assert_eq!(in_app(&author), "post.comment");
        run(&format!(
            "INSERT INTO spaces.comments (post_id, parent_id, author_id, body) VALUES ('{post}', '{first}', '{author}', 'As <@{replier}> and <@{third}> and <@{author}> say')"
        ));
        assert_eq!(in_app(&replier), "comment.reply");
        assert_eq!(in_app(&third), "comment.mention");
        assert_eq!(
            in_app(&author),
            "post.comment",
            "nobody is told of what they did"
        );
        run(&format!(
            "UPDATE spaces.comments SET body = body || '!' WHERE author_id = '{author}'"
        ));
        assert_eq!(
            in_app(&third),
            "comment.mention",
            "an edit mentions nobody again"
        );
        run(&format!(
            "UPDATE spaces.comments SET body = 'Ask <@{third}>' WHERE id = '{first}'"
        ));
        assert_eq!(in_app(&third), "comment.mention, comment.mention");
    }

    #[pg_test]
    fn who_asked_is_told_of_answers_and_who_answered_of_acceptance() {
        let space = space("public");
        let (asker, answerer, reader) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "member"),
        );
        let question = question(&space, &asker);
        let answer = answer(&question, &answerer);
        assert_eq!(in_app(&asker), "question.answer");
        run_as(
            As::Person(&asker),
            &format!("SELECT spaces.accept_answer('{answer}')"),
        );
        assert_eq!(in_app(&answerer), "answer.accepted");
        run(&format!(
            "INSERT INTO spaces.comments (post_id, answer_id, author_id, body) VALUES ('{question}', '{answer}', '{reader}', 'x')"
        ));
        assert_eq!(in_app(&answerer), "answer.accepted, answer.comment");
    }

    #[pg_test]
    fn nobody_is_told_of_what_they_may_not_read() {
        let space = space("private");
        let (author, gone, outsider) =
            (member(&space, "member"), member(&space, "member"), person());
        let post = post(&space, &gone);
        run(&format!(
            "DELETE FROM spaces.space_members WHERE profile_id = '{gone}'"
        ));
        run(&format!(
            "INSERT INTO spaces.comments (post_id, author_id, body) VALUES ('{post}', '{author}', 'Ask <@{outsider}>')"
        ));
        assert_eq!(
            (in_app(&gone), in_app(&outsider)),
            (String::new(), String::new())
        );
    }
}
