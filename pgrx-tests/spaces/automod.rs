//! Claims about the rules that look at what is written.

use super::{As, be, run, text_as};

fn rule(space: &str, by: &str, rule_type: &str, config: &str) -> String {
    text_as(
        As::Person(by),
        &format!(
            "INSERT INTO spaces.automod_rules (space_id, rule_type, config) VALUES ('{space}', '{rule_type}', '{config}') RETURNING id::text"
        ),
    )
}

fn posting(space: &str, author: &str, body: &str) -> String {
    format!(
        "INSERT INTO spaces.posts (space_id, author_id, title, body) VALUES ('{space}', '{author}', 'x', '{body}')"
    )
}

/// The message that a statement fails with.
fn complaint(who: As, sql: &str) -> String {
    be(As::Owner);
    run("CREATE OR REPLACE FUNCTION pg_temp.complaint(sql text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN EXECUTE sql; RETURN ''; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM; END $$");
    text_as(who, &format!("SELECT pg_temp.complaint($sql${sql}$sql$)"))
}

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn a_config_at_fault_is_refused_with_its_path() {
        let space = space("public");
        let moderator = member(&space, "moderator");
        let insert = |config: &str| {
            format!(
                "INSERT INTO spaces.automod_rules (space_id, rule_type, config) VALUES ('{space}', 'rate_limit', '{config}')"
            )
        };
        assert_eq!(
            complaint(As::Person(&moderator), &insert(r#"{"count": 5}"#)),
            "23514 the config of a rate_limit rule is wrong at $.seconds: missing"
        );
        run_as(
            As::Person(&moderator),
            &insert(r#"{"count": 5, "seconds": 60}"#),
        );
        assert_eq!(
            complaint(
                As::Person(&moderator),
                r#"UPDATE spaces.automod_rules SET config = config || '{"content": ["poll"]}'"#
            ),
            "23514 the config of a rate_limit rule is wrong at $.content[0]: no such content; it is post, answer, comment"
        );
        assert_eq!(
            outcome(
                As::Person(&member(&space, "member")),
                &insert(r#"{"count": 5, "seconds": 60}"#)
            ),
            "42501"
        );
    }

    #[pg_test]
    fn a_rate_limit_counts_what_the_author_wrote_in_the_space_within_its_time() {
        let (space, elsewhere) = (space("public"), space("public"));
        let (moderator, author, other) = (
            member(&space, "moderator"),
            member(&space, "member"),
            member(&space, "member"),
        );
        run(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id) VALUES ('{elsewhere}', '{author}')"
        ));
        rule(
            &space,
            &moderator,
            "rate_limit",
            r#"{"count": 2, "seconds": 60, "message": "Slowly"}"#,
        );
        let two = format!(
            "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{space}', '{author}', '1'), ('{space}', '{author}', '2')"
        );
        assert_eq!(
            outcome(
                As::Person(&author),
                &two.replace("'2')", &format!("'2'), ('{space}', '{author}', '3')"))
            ),
            "23514",
            "in one statement"
        );
        run_as(As::Person(&author), &two);
        assert_eq!(
            complaint(As::Person(&author), &posting(&space, &author, "3")),
            "23514 Slowly"
        );
        let post = text(&format!(
            "SELECT id::text FROM spaces.posts WHERE title = '1' AND author_id = '{author}'"
        ));
        assert_eq!(
            complaint(
                As::Person(&author),
                &format!(
                    "INSERT INTO spaces.comments (post_id, space_id, author_id, body) VALUES ('{post}', '{space}', '{author}', 'x')"
                )
            ),
            "23514 Slowly"
        );
        assert_eq!(
            outcome(As::Person(&other), &posting(&space, &other, "1")),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&author), &posting(&elsewhere, &author, "1")),
            "1"
        );
        run(
            "SET LOCAL session_replication_role = replica; UPDATE spaces.posts SET created_at = created_at - interval '61 seconds' WHERE title = '2'; SET LOCAL session_replication_role = origin",
        );
        assert_eq!(
            outcome(As::Person(&author), &posting(&space, &author, "3")),
            "1"
        );
    }

    #[pg_test]
    fn a_first_post_is_held_until_a_moderator_lets_it_pass() {
        let space = space("public");
        let (moderator, author, reader) = (
            member(&space, "moderator"),
            member(&space, "member"),
            member(&space, "member"),
        );
        rule(&space, &moderator, "first_post", "{}");
        let target = post(&space, &moderator);
        let comment = |body: &str| {
            text_as(
                As::Person(&author),
                &format!(
                    "INSERT INTO spaces.comments (post_id, space_id, author_id, body) VALUES ('{target}', '{space}', '{author}', '{body}') RETURNING state || ' ' || id"
                ),
            )
        };
        let held = comment(&format!("Hear, <@{reader}>"));
        assert!(held.starts_with("held "), "{held}");
        assert!(comment("and this").starts_with("held "));
        assert_eq!(
            text(&format!(
                "SELECT comment_count::text FROM spaces.posts WHERE id = '{target}'"
            )),
            "0"
        );
        assert_eq!(
            text_as(
                As::Person(&reader),
                "SELECT (SELECT count(*) FROM spaces.comments) + (SELECT count(*) FROM spaces.notifications) || ''"
            ),
            "0"
        );
        let report = text(&format!(
            "SELECT id::text FROM spaces.reports WHERE automatic AND target_id = '{}'",
            &held[5..]
        ));
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.resolve_report('{report}', 'dismissed')"),
        );
        assert_eq!(
            text_as(
                As::Person(&reader),
                "SELECT string_agg(type, ' ') FROM spaces.notifications WHERE channel = 'in_app'"
            ),
            "comment.mention"
        );
        assert_eq!(
            text(&format!(
                "SELECT comment_count::text FROM spaces.posts WHERE id = '{target}'"
            )),
            "1"
        );
        assert!(comment("once more").starts_with("published "));
    }

    #[pg_test]
    fn what_was_held_and_is_not_let_pass_is_removed_and_can_be_appealed() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        rule(&space, &moderator, "trust_score", r#"{"minimum": 10}"#);
        assert_eq!(
            text_as(
                As::Person(&author),
                &format!("{} RETURNING state", posting(&space, &author, "x"))
            ),
            "held"
        );
        run_as(
            As::Person(&moderator),
            "SELECT spaces.resolve_report(id, 'upheld') FROM spaces.reports",
        );
        assert_eq!(
            text(&format!(
                "SELECT state FROM spaces.posts WHERE author_id = '{author}'"
            )),
            "removed"
        );
        run_as(
            As::Person(&author),
            "SELECT spaces.appeal_sanction(id, 'x') FROM spaces.sanctions",
        );
        run_as(
            As::Person(&moderator),
            "SELECT spaces.reverse_sanction(id) FROM spaces.sanctions",
        );
        assert_eq!(
            text(&format!(
                "SELECT state FROM spaces.posts WHERE author_id = '{author}'"
            )),
            "published"
        );
    }

    #[pg_test]
    fn a_trust_score_goes_by_the_reputation_in_the_space() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        rule(
            &space,
            &moderator,
            "trust_score",
            r#"{"minimum": 10, "action": "refuse"}"#,
        );
        assert_eq!(
            outcome(As::Person(&author), &posting(&space, &author, "x")),
            "23514"
        );
        run(&format!(
            "INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points) VALUES ('{author}', '{space}', 'badge', 10)"
        ));
        assert_eq!(
            outcome(As::Person(&author), &posting(&space, &author, "x")),
            "1"
        );
    }

    #[pg_test]
    fn a_banned_domain_is_refused_in_title_body_and_content_and_in_an_edit() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        rule(
            &space,
            &moderator,
            "banned_domain",
            r#"{"domains": ["spam.example"], "message": "No spam"}"#,
        );
        let question = question(&space, &moderator);
        for statement in [
            posting(&space, &author, "see http://SPAM.example/x"),
            posting(&space, &author, "x").replace("'x', 'x'", "'spam.example', 'x'"),
            format!(
                r#"INSERT INTO spaces.posts (space_id, author_id, title, content) VALUES ('{space}', '{author}', 'x', '{{"a": ["b\nspam.example"]}}')"#
            ),
            format!(
                "INSERT INTO spaces.answers (question_id, space_id, author_id, body) VALUES ('{question}', '{space}', '{author}', 'www.spam.example')"
            ),
        ] {
            assert_eq!(
                complaint(As::Person(&author), &statement),
                "23514 No spam",
                "{statement}"
            );
        }
        run_as(As::Person(&author), &posting(&space, &author, "harmless"));
        assert_eq!(
            complaint(
                As::Person(&author),
                "UPDATE spaces.posts SET body = 'spam.example'"
            ),
            "23514 No spam"
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &posting(&space, &moderator, "spam.example")
            ),
            "1",
            "moderators are free"
        );
    }

    #[pg_test]
    fn a_rule_that_is_not_enabled_does_nothing() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        let id = rule(
            &space,
            &moderator,
            "trust_score",
            r#"{"minimum": 10, "action": "refuse"}"#,
        );
        assert_eq!(
            outcome(As::Person(&author), &posting(&space, &author, "x")),
            "23514"
        );
        run_as(
            As::Person(&moderator),
            &format!("UPDATE spaces.automod_rules SET enabled = false WHERE id = '{id}'"),
        );
        assert_eq!(
            text_as(
                As::Person(&author),
                &format!("{} RETURNING state", posting(&space, &author, "x"))
            ),
            "published"
        );
    }

    #[pg_test]
    fn a_refusal_goes_before_a_hold() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        rule(&space, &moderator, "first_post", "{}");
        rule(
            &space,
            &moderator,
            "banned_domain",
            r#"{"domains": ["spam.example"]}"#,
        );
        assert_eq!(
            outcome(
                As::Person(&author),
                &posting(&space, &author, "spam.example")
            ),
            "23514"
        );
        assert_eq!(
            outcome(As::Person(&author), &posting(&space, &author, "x")),
            "1"
        );
        assert_eq!(
            complaint(
                As::Owner,
                "SELECT community_core.automod_verdict('{first_post}', '{}', '{}', 'post', '{}')"
            ),
            "22023 there are 1 rule types, 0 configs and 0 facts"
        );
    }
}
