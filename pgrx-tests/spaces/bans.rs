//! Claims about bans: from a space, from the site, and those that are not told.

use super::moderation::{impose, let_time_pass, report, sees};

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn whoever_is_banned_from_a_space_writes_nothing_there_until_the_ban_ends_by_itself() {
        let (space, elsewhere) = (space("public"), space("public"));
        let (moderator, banned, other) = (
            member(&space, "moderator"),
            member(&space, "member"),
            member(&space, "member"),
        );
        run(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id) VALUES ('{elsewhere}', '{banned}')"
        ));
        let (post, question) = (post(&space, &other), question(&space, &other));
        let writing = [
            format!(
                "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{space}', '{banned}', 'x')"
            ),
            format!(
                "INSERT INTO spaces.answers (question_id, space_id, author_id, body) VALUES ('{question}', '{space}', '{banned}', 'x')"
            ),
            format!(
                "INSERT INTO spaces.comments (post_id, space_id, author_id, body) VALUES ('{post}', '{space}', '{banned}', 'x')"
            ),
            format!(
                "INSERT INTO spaces.votes (post_id, space_id, profile_id, value) VALUES ('{post}', '{space}', '{banned}', 1)"
            ),
            report("post", &post, &banned),
        ];
        for statement in &writing {
            assert_eq!(outcome(As::Person(&banned), statement), "1");
        }
        impose(
            &moderator,
            &banned,
            "space_ban",
            &space,
            "now() + interval '1 day'",
        );
        for statement in &writing {
            assert_eq!(
                outcome(As::Person(&banned), statement),
                "42501",
                "{statement}"
            );
        }
        assert_eq!(
            outcome(
                As::Person(&banned),
                &format!("SELECT spaces.join_space('{space}')")
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Service,
                &format!(
                    "UPDATE spaces.space_members SET status = 'active', banned_until = NULL WHERE profile_id = '{banned}'"
                )
            ),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&banned), &writing[0].replace(&space, &elsewhere)),
            "1"
        );
        let_time_pass();
        for statement in &writing {
            assert_eq!(outcome(As::Person(&banned), statement), "1", "{statement}");
        }
        assert_eq!(
            text_as(
                As::Person(&banned),
                &format!("SELECT spaces.join_space('{space}')")
            ),
            "active"
        );
        assert_eq!(text("SELECT spaces.expire_sanctions()::text"), "1");
        assert_eq!(
            text(&format!(
                "SELECT status FROM spaces.space_members WHERE space_id = '{space}' AND profile_id = '{banned}'"
            )),
            "active"
        );
    }

    #[pg_test]
    fn whoever_is_banned_from_the_site_writes_nothing_anywhere() {
        let (space, own) = (space("public"), space("public"));
        let (banned, other) = (member(&space, "member"), member(&space, "member"));
        run(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id, role) VALUES ('{own}', '{banned}', 'owner')"
        ));
        let post = post(&space, &other);
        run(&format!(
            "SELECT spaces.sanction('{banned}', 'site_ban', 'x')"
        ));
        for statement in [
            format!(
                "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{own}', '{banned}', 'x')"
            ),
            format!(
                "INSERT INTO spaces.comments (post_id, space_id, author_id, body) VALUES ('{post}', '{space}', '{banned}', 'x')"
            ),
            report("post", &post, &banned),
            format!("SELECT spaces.send_message('{other}', 'x')"),
            format!("SELECT spaces.sanction('{other}', 'space_ban', 'x', '{own}')"),
            "SELECT spaces.create_space('mine', 'Mine')".to_owned(),
        ] {
            assert_eq!(
                outcome(As::Person(&banned), &statement),
                "42501",
                "{statement}"
            );
        }
    }

    #[pg_test]
    fn banned_moderators_give_up_their_role_and_who_waited_to_be_let_in_waits_no_more() {
        let space = space("restricted");
        let (owner, moderator, waiting) = (
            member(&space, "owner"),
            member(&space, "moderator"),
            person(),
        );
        run_as(
            As::Person(&waiting),
            &format!("SELECT spaces.join_space('{space}')"),
        );
        impose(&owner, &moderator, "space_ban", &space, "NULL");
        impose(&owner, &waiting, "space_ban", &space, "NULL");
        assert_eq!(
            text(&format!(
                "SELECT string_agg(role || ' ' || status, ', ' ORDER BY role) FROM spaces.space_members WHERE space_id = '{space}'"
            )),
            "member banned, owner active"
        );
        assert_eq!(
            outcome(
                As::Person(&waiting),
                &format!("SELECT spaces.join_space('{space}')")
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.space_members (space_id, profile_id) VALUES ('{space}', '{waiting}')"
                )
            ),
            "42501"
        );
    }

    #[pg_test]
    fn what_a_shadow_banned_person_writes_is_seen_by_that_person_and_moderators_alone() {
        let space = space("public");
        let (moderator, banned, reader) = (
            member(&space, "moderator"),
            member(&space, "member"),
            member(&space, "member"),
        );
        let (post, question) = (post(&space, &reader), question(&space, &reader));
        run(&format!(
            "INSERT INTO spaces.webhooks (space_id, target_url, secret) VALUES ('{space}', 'https://hooks.example.org/', repeat('s', 32))"
        ));
        impose(
            &moderator,
            &banned,
            "shadow_ban",
            &space,
            "now() + interval '1 day'",
        );
        run("DELETE FROM spaces.webhook_deliveries; DELETE FROM spaces.notifications");
        let write =
            |sql: String| text_as(As::Person(&banned), &format!("{sql} RETURNING id::text"));
        let written = [
            (
                "posts",
                write(format!(
                    "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{space}', '{banned}', 'x')"
                )),
            ),
            (
                "answers",
                write(format!(
                    "INSERT INTO spaces.answers (question_id, space_id, author_id, body) VALUES ('{question}', '{space}', '{banned}', 'x')"
                )),
            ),
            (
                "comments",
                write(format!(
                    "INSERT INTO spaces.comments (post_id, space_id, author_id, body) VALUES ('{post}', '{space}', '{banned}', 'Hear, <@{reader}>')"
                )),
            ),
            (
                "votes",
                write(format!(
                    "INSERT INTO spaces.votes (post_id, space_id, profile_id, value) VALUES ('{post}', '{space}', '{banned}', 1)"
                )),
            ),
        ];
        for (table, id) in &written {
            assert!(sees(As::Person(&banned), table, id), "{table}");
            assert!(!sees(As::Person(&reader), table, id), "{table}");
            assert!(
                *table == "votes" || !sees(As::Anonymous, table, id),
                "{table}"
            );
            assert!(
                sees(As::Person(&moderator), table, id) || *table == "votes",
                "{table}"
            );
        }
        let thread = format!("SELECT count(*)::text FROM spaces.comment_thread('{post}')");
        assert_eq!(text_as(As::Person(&reader), &thread), "0");
        assert_eq!(text_as(As::Person(&banned), &thread), "1");
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.notifications"),
            "0",
            "nobody is told, of the ban neither"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.webhook_deliveries"),
            "0"
        );
        assert_eq!(
            text_as(
                As::Person(&banned),
                "SELECT count(*)::text FROM spaces.sanctions"
            ),
            "0",
            "nor shown it"
        );
        let sanction = text("SELECT id::text FROM spaces.sanctions");
        assert_eq!(
            outcome(
                As::Person(&banned),
                &format!("SELECT spaces.appeal_sanction('{sanction}', 'x')")
            ),
            "42704"
        );
        let_time_pass();
        assert!(sees(As::Person(&reader), "posts", &written[0].1));
    }

    #[pg_test]
    fn a_membership_is_banned_exactly_while_a_sanction_bans_whoever_writes_it() {
        let space = space("public");
        let (moderator, person, free) = (
            member(&space, "moderator"),
            member(&space, "member"),
            member(&space, "member"),
        );
        let set = |status: &str| {
            format!("SELECT spaces.set_member_status('{space}', '{person}', '{status}')::text")
        };
        let standing = || {
            be(As::Owner);
            text(&format!(
                "SELECT concat_ws(' ', m.status, m.banned_until IS NOT NULL,
                        (SELECT count(*) FROM spaces.active_sanctions s WHERE s.profile_id = m.profile_id AND s.type = 'space_ban'))
                 FROM spaces.space_members m WHERE m.profile_id = '{person}'"
            ))
        };
        assert_eq!(text_as(As::Person(&moderator), &set("banned")), "true");
        assert_eq!(standing(), "banned f 1");
        assert_eq!(text_as(As::Person(&moderator), &set("banned")), "false");
        for who in [As::Service, As::Owner] {
            for (set, profile, wanted) in [
                ("status = 'active'", &person, "42501"),
                ("status = 'banned'", &free, "23514"),
                ("status = 'banned', banned_until = now()", &free, "23514"),
            ] {
                let update =
                    format!("UPDATE spaces.space_members SET {set} WHERE profile_id = '{profile}'");
                assert_eq!(outcome(who, &update), wanted, "{set}");
            }
        }
        // An end by hand has no effect.
        run(&format!(
            "UPDATE spaces.space_members SET banned_until = now() WHERE profile_id = '{person}'"
        ));
        assert_eq!(standing(), "banned f 1");
        run_as(
            As::Person(&person),
            "SELECT spaces.appeal_sanction(id, 'Why?') FROM spaces.sanctions",
        );
        impose(
            &moderator,
            &person,
            "space_ban",
            &space,
            "now() + interval '1 day'",
        );
        assert_eq!(standing(), "banned f 2");
        assert_eq!(text_as(As::Person(&moderator), &set("active")), "true");
        assert_eq!(standing(), "active f 0");
        let id = impose(&moderator, &person, "space_ban", &space, "NULL");
        run(&format!("DELETE FROM spaces.sanctions WHERE id = '{id}'"));
        assert_eq!(standing(), "active f 0");
    }
}
