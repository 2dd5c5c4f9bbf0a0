//! Claims about posts, their versions and their templates.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn versions(post: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT string_agg(version_number || ' ' || (metadata ->> 'body'), ', ' ORDER BY version_number)
             FROM spaces.post_versions WHERE post_id = '{post}'"
        ))
    }

    #[pg_test]
    fn each_change_of_what_a_post_says_is_a_version_and_nothing_else_is() {
        let space = space("public");
        let author = member(&space, "member");
        let post = post(&space, &author);
        let says = |body: &str| {
            run_as(
                As::Person(&author),
                &format!("UPDATE spaces.posts SET body = '{body}' WHERE id = '{post}'"),
            );
        };
        says("Second");
        says("Second");
        run(&format!(
            "UPDATE spaces.posts SET state = 'held' WHERE id = '{post}'"
        ));
        says("Third");
        assert_eq!(versions(&post), "1 What it says, 2 Second, 3 Third");
        let undone = format!("UPDATE spaces.posts SET body = 'Never' WHERE id = '{post}'");
        assert_eq!(outcome(As::Person(&author), &undone), "1");
        says("Fourth");
        assert_eq!(
            versions(&post),
            "1 What it says, 2 Second, 3 Third, 4 Fourth"
        );
    }

    #[pg_test]
    fn a_version_is_changed_by_nobody_and_goes_only_with_its_post() {
        let space = space("public");
        let author = member(&space, "member");
        let post = post(&space, &author);
        for who in [As::Service, As::Owner] {
            for change in [
                "UPDATE spaces.post_versions SET content = '{\"x\": 1}'",
                "UPDATE spaces.post_versions SET created_by = NULL",
                "UPDATE spaces.post_versions SET version_number = 7",
                "DELETE FROM spaces.post_versions",
            ] {
                assert_eq!(outcome(who, change), "42501", "{change}");
            }
        }
        run(&format!("DELETE FROM auth.users WHERE id = '{author}'"));
        assert_eq!(
            text("SELECT (created_by IS NULL)::text FROM spaces.post_versions"),
            "true"
        );
        run(&format!("DELETE FROM spaces.posts WHERE id = '{post}'"));
        assert_eq!(text("SELECT count(*)::text FROM spaces.post_versions"), "0");
    }

    #[pg_test]
    fn a_post_fills_in_the_sections_that_its_template_requires() {
        let space = space("public");
        let author = member(&space, "member");
        let template = text(&format!(
            "INSERT INTO spaces.post_templates (space_id, title, config)
             VALUES ('{space}', 'Bug', '{{\"required\": [\"steps\", \"version\"]}}') RETURNING id::text"
        ));
        let with = |content: &str| {
            outcome(
                As::Person(&author),
                &format!(
                    "INSERT INTO spaces.posts (space_id, author_id, title, template_id, content)
                     VALUES ('{space}', '{author}', 'It broke', '{template}', '{content}')"
                ),
            )
        };
        assert_eq!(with(r#"{"steps": "click", "version": 2}"#), "1");
        for missing in [
            "{}",
            r#"{"steps": "click"}"#,
            r#"{"steps": " ", "version": "2"}"#,
            r#"{"steps": [], "version": "2"}"#,
            r#"{"steps": {}, "version": "2"}"#,
            r#"{"steps": null, "version": "2"}"#,
        ] {
            assert_eq!(with(missing), "23514", "{missing}");
        }
        let written = text_as(
            As::Person(&author),
            &format!(
                "INSERT INTO spaces.posts (space_id, author_id, title, template_id, content)
                 VALUES ('{space}', '{author}', 'x', '{template}', '{{\"steps\": \"a\", \"version\": \"b\"}}')
                 RETURNING id::text"
            ),
        );
        let emptied = format!("UPDATE spaces.posts SET content = '{{}}' WHERE id = '{written}'");
        assert_eq!(outcome(As::Person(&author), &emptied), "23514");
        let question = format!(
            "INSERT INTO spaces.posts (space_id, author_id, post_type, title, template_id, content)
             VALUES ('{space}', '{author}', 'question', 'x', '{template}', '{{\"steps\": \"a\", \"version\": \"b\"}}')"
        );
        assert_eq!(outcome(As::Person(&author), &question), "23514");
        let elsewhere = super::super::space("public");
        let stranger = member(&elsewhere, "member");
        let foreign = format!(
            "INSERT INTO spaces.posts (space_id, author_id, title, template_id, content)
             VALUES ('{elsewhere}', '{stranger}', 'x', '{template}', '{{\"steps\": \"a\", \"version\": \"b\"}}')"
        );
        assert_eq!(outcome(As::Person(&stranger), &foreign), "23503");
    }

    #[pg_test]
    fn what_a_template_requires_is_a_list_of_names() {
        let space = space("public");
        let moderator = member(&space, "moderator");
        let with = |config: &str| {
            outcome(
                As::Person(&moderator),
                &format!(
                    "INSERT INTO spaces.post_templates (space_id, title, config) VALUES ('{space}', 'x', '{config}')"
                ),
            )
        };
        assert_eq!(with(r#"{"required": ["a"], "fields": {"a": "text"}}"#), "1");
        assert_eq!(with("{}"), "1");
        for bad in [
            "[]",
            r#"{"required": "a"}"#,
            r#"{"required": [1]}"#,
            r#"{"required": [""]}"#,
            r#"{"required": null}"#,
        ] {
            assert_eq!(with(bad), "23514", "{bad}");
        }
    }

    #[pg_test]
    fn a_deleted_post_takes_what_stands_under_it_out_of_sight() {
        let space = space("public");
        let (author, other, moderator) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "moderator"),
        );
        let question = question(&space, &author);
        let answer = answer(&question, &other);
        comment(&question, &other);
        run(&format!(
            "INSERT INTO spaces.comments (post_id, answer_id, body) VALUES ('{question}', '{answer}', 'x')"
        ));
        let seen = |who: As| {
            ["posts", "questions", "answers", "comments", "post_versions"]
                .map(|table| outcome(who, &format!("SELECT FROM spaces.{table}")))
                .join(" ")
        };
        assert_eq!(seen(As::Anonymous), "1 1 1 2 1");
        let delete = format!("SELECT spaces.delete_post('{question}')");
        run_as(As::Person(&other), &delete);
        assert_eq!(seen(As::Anonymous), "1 1 1 2 1", "another's is not deleted");
        run_as(As::Person(&author), &delete);
        assert_eq!(seen(As::Anonymous), "0 0 0 0 0");
        assert_eq!(seen(As::Person(&author)), "0 0 0 0 0");
        assert_eq!(
            seen(As::Person(&other)),
            "0 0 1 2 0",
            "one's own words, and what is said of them"
        );
        assert_eq!(seen(As::Person(&moderator)), "1 1 1 2 1");
    }

    #[pg_test]
    fn the_shadow_banned_see_what_they_write_and_others_do_not() {
        let space = space("public");
        let (banned, other, moderator) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "moderator"),
        );
        let question = question(&space, &other);
        post(&space, &banned);
        answer(&question, &banned);
        comment(&question, &banned);
        run(&format!(
            "INSERT INTO spaces.sanctions (space_id, profile_id, type, reason)
             VALUES ('{space}', '{banned}', 'shadow_ban', 'trolling')"
        ));
        let seen = |who: As| {
            ["posts", "answers", "comments"]
                .map(|table| {
                    outcome(
                        who,
                        &format!("SELECT FROM spaces.{table} WHERE author_id = '{banned}'"),
                    )
                })
                .join(" ")
        };
        assert_eq!(seen(As::Person(&banned)), "1 1 1");
        assert_eq!(seen(As::Person(&moderator)), "1 1 1");
        assert_eq!(seen(As::Person(&other)), "0 0 0");
        assert_eq!(seen(As::Anonymous), "0 0 0");
    }

    #[pg_test]
    fn what_follows_rules_is_not_written_by_people() {
        let space = space("public");
        let author = member(&space, "owner");
        let question = question(&space, &author);
        answer(&question, &author);
        comment(&question, &author);
        for write in [
            "posts SET state = 'published'",
            "posts SET score = 9",
            "posts SET comment_count = 9",
            "posts SET author_id = NULL",
            "posts SET created_at = now()",
            "questions SET bounty_amount = 9, bounty_currency = 'EUR'",
            "questions SET accepted_answer_id = NULL",
            "answers SET is_accepted = true",
            "answers SET score = 9",
            "comments SET path = 'x'",
            "comments SET parent_id = NULL",
            "comments SET mentions = '{}'",
            "reputation_aggregates SET decayed_points = 9",
        ] {
            assert_eq!(
                outcome(As::Person(&author), &format!("UPDATE spaces.{write}")),
                "42501",
                "{write}"
            );
        }
        assert_eq!(
            outcome(As::Service, "UPDATE spaces.posts SET score = 9"),
            "42501"
        );
    }

    #[pg_test]
    fn a_member_is_seen_to_be_active_when_writing() {
        let space = space("public");
        let author = member(&space, "member");
        post(&space, &author);
        assert_eq!(
            text(&format!(
                "SELECT (last_active_at = now())::text FROM spaces.space_members WHERE profile_id = '{author}'"
            )),
            "true"
        );
    }

    #[pg_test]
    fn what_nobody_can_see_is_no_name_title_body_or_reason() {
        let space = space("public");
        let author = member(&space, "owner");
        let (post, question) = (post(&space, &author), question(&space, &author));
        for statement in [
            "spaces (slug, name) VALUES ('unseen', {text})".to_owned(),
            format!("post_templates (space_id, title) VALUES ('{space}', {{text}})"),
            format!("posts (space_id, title) VALUES ('{space}', {{text}})"),
            format!("answers (question_id, body) VALUES ('{question}', {{text}})"),
            format!("comments (post_id, body) VALUES ('{post}', {{text}})"),
            format!("reports (target_type, target_id, reason) VALUES ('post', '{post}', {{text}})"),
            format!(
                "sanctions (space_id, profile_id, type, reason)
                 VALUES ('{space}', '{author}', 'shadow_ban', {{text}})"
            ),
            format!("workshops (space_id, title) VALUES ('{space}', {{text}})"),
            format!(
                "events (space_id, title, start_at, end_at)
                 VALUES ('{space}', {{text}}, now(), now() + interval '1 hour')"
            ),
        ] {
            let insert = |text: &str| {
                let insert = format!("INSERT INTO spaces.{}", statement.replace("{text}", text));
                outcome(As::Owner, &insert)
            };
            assert_eq!(insert("'x'"), "1", "{statement}");
            // A blank, a zero-width space, a Hangul filler.
            for unseen in ["' '", "chr(8203)", "chr(12644)"] {
                assert_eq!(insert(unseen), "23514", "{statement}: {unseen}");
            }
        }
    }
}
