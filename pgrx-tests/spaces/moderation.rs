//! Claims about reports, sanctions, appeals, and who sees what of whom.

use super::{As, be, run, text, text_as};

/// Runs a query as a person who is staff of the site; the first value.
pub fn text_as_staff(person: &str, sql: &str) -> String {
    staff(person);
    let value = text(sql);
    be(As::Owner);
    value
}

fn staff(person: &str) {
    be(As::Person(person));
    run(&format!(
        r#"SET LOCAL request.jwt.claims = '{{"sub":"{person}","role":"authenticated","app_metadata":{{"staff":["spaces"]}}}}'"#
    ));
}

/// The state of content, whoever is asking.
fn state(table: &str, id: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT state FROM spaces.{table} WHERE id = '{id}'"
    ))
}

fn sees(who: As, table: &str, id: &str) -> bool {
    text_as(
        who,
        &format!("SELECT count(*)::text FROM spaces.{table} WHERE id = '{id}'"),
    ) == "1"
}

fn report(target_type: &str, target: &str, reporter: &str) -> String {
    format!(
        "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason)
         VALUES ('{target_type}', '{target}', '{reporter}', 'Rude')"
    )
}

/// As if everything that ends had ended: triggers see nothing of it.
fn let_time_pass() {
    be(As::Owner);
    run("SET LOCAL session_replication_role = replica;
         UPDATE spaces.sanctions SET created_at = created_at - interval '2 days', expires_at = expires_at - interval '2 days';
         UPDATE spaces.space_members SET banned_until = banned_until - interval '2 days';
         UPDATE spaces.posts SET hidden_until = hidden_until - interval '2 days';
         UPDATE spaces.answers SET hidden_until = hidden_until - interval '2 days';
         UPDATE spaces.comments SET hidden_until = hidden_until - interval '2 days';
         SET LOCAL session_replication_role = origin");
}

/// Imposes a sanction for a day, or for ever; its id.
fn impose(by: &str, person: &str, kind: &str, space: &str, expires: &str) -> String {
    text_as(
        As::Person(by),
        &format!(
            "SELECT id::text FROM spaces.sanction('{person}', '{kind}', 'Spam', '{space}', {expires})"
        ),
    )
}

fn impose_on(by: &str, target_type: &str, target: &str, kind: &str, expires: &str) -> String {
    text_as(
        As::Person(by),
        &format!(
            "SELECT id::text FROM spaces.sanction_content('{target_type}', '{target}', '{kind}', 'Spam', {expires})"
        ),
    )
}

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn something_is_reported_once_by_each_who_can_read_it() {
        let space = space("restricted");
        let (author, reader, stranger) =
            (member(&space, "member"), member(&space, "member"), person());
        let post = post(&space, &author);
        let comment = comment(&post, &author);
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &reader)),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("comment", &comment, &reader)),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&stranger), &report("post", &post, &stranger)),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &author)),
            "42501",
            "in another's name"
        );
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &reader, &reader)),
            "23503",
            "nothing there"
        );
        assert_eq!(
            outcome(As::Anonymous, &report("post", &post, &reader)),
            "42501"
        );
        run_as(As::Person(&reader), &report("post", &post, &reader));
        assert_eq!(
            outcome(As::Person(&reader), &report("post", &post, &reader)),
            "23505"
        );
        assert_eq!(
            text("SELECT space_id || ' ' || reported_id FROM spaces.reports"),
            format!("{space} {author}")
        );
        run(&format!(
            "UPDATE spaces.posts SET state = 'held' WHERE id = '{post}'"
        ));
        let other = member(&space, "member");
        assert_eq!(
            outcome(As::Person(&other), &report("post", &post, &other)),
            "42501",
            "held"
        );
    }

    #[pg_test]
    fn a_report_is_for_moderators_but_not_for_whom_it_is_about() {
        let space = space("public");
        let (accused, moderator) = (member(&space, "moderator"), member(&space, "moderator"));
        let (reader, member) = (member(&space, "member"), member(&space, "member"));
        let post = post(&space, &accused);
        run_as(As::Person(&reader), &report("post", &post, &reader));
        let report = text("SELECT id::text FROM spaces.reports");
        for (who, seen) in [
            (&accused, "0"),
            (&member, "0"),
            (&moderator, "1"),
            (&reader, "1"),
        ] {
            assert_eq!(
                text_as(As::Person(who), "SELECT count(*)::text FROM spaces.reports"),
                seen
            );
        }
        for who in [&accused, &member, &reader] {
            for call in [
                format!("SELECT spaces.claim_report('{report}')"),
                format!("SELECT spaces.resolve_report('{report}', 'dismissed')"),
            ] {
                assert_eq!(outcome(As::Person(who), &call), "42501");
            }
        }
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.resolve_report('{report}', 'burned')")
            ),
            "22023"
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.claim_report('{report}')"),
        );
        let another = super::super::member(&space, "moderator");
        assert_eq!(
            outcome(
                As::Person(&another),
                &format!("SELECT spaces.claim_report('{report}')")
            ),
            "55000"
        );
        run_as(
            As::Person(&another),
            &format!("SELECT spaces.resolve_report('{report}', 'upheld', 'True')"),
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.resolve_report('{report}', 'upheld')")
            ),
            "55000"
        );
        assert_eq!(
            text_as(
                As::Person(&reader),
                "SELECT type || ' ' || (payload ->> 'status') FROM spaces.notifications WHERE channel = 'in_app'"
            ),
            "report.resolved upheld"
        );
    }

    #[pg_test]
    fn only_moderators_sanction_and_nobody_themself_or_an_owner_above_them() {
        let space = space("public");
        let (owner, moderator) = (member(&space, "owner"), member(&space, "moderator"));
        let (member, outsider) = (member(&space, "member"), person());
        let call = |person: &str, kind: &str, place: &str| {
            format!("SELECT spaces.sanction('{person}', '{kind}', 'x'{place})")
        };
        let here = format!(", '{space}'");
        for (who, against, kind, place, expected) in [
            (&member, &outsider, "space_ban", here.as_str(), "42501"),
            (&outsider, &member, "space_ban", here.as_str(), "42501"),
            (&moderator, &moderator, "space_ban", here.as_str(), "42501"),
            (&moderator, &owner, "space_ban", here.as_str(), "42501"),
            (&moderator, &member, "space_ban", here.as_str(), "1"),
            (&owner, &moderator, "shadow_ban", here.as_str(), "1"),
            (&owner, &member, "site_ban", "", "42501"),
            (&owner, &member, "shadow_ban", "", "42501"),
            (&owner, &member, "removal", here.as_str(), "23514"),
            (&owner, &member, "space_ban", "", "42501"),
        ] {
            assert_eq!(
                outcome(As::Person(who), &call(against, kind, place)),
                expected,
                "{kind} {place}"
            );
        }
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.sanction('{member}', 'space_ban', ' ', '{space}')")
            ),
            "23514"
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.sanction('{member}', 'space_ban', 'x', '{space}', now())")
            ),
            "23514"
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!(
                    "INSERT INTO spaces.sanctions (space_id, profile_id, type, reason) VALUES ('{space}', '{member}', 'space_ban', 'x')"
                )
            ),
            "42501"
        );
        assert_eq!(
            text_as_staff(
                &outsider,
                &call(&member, "site_ban", "")
                    .replace("SELECT spaces.sanction", "SELECT (spaces.sanction")
                    .replace("'x')", "'x')).type")
            ),
            "site_ban"
        );
        let mine = post(&space, &moderator);
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.sanction_content('post', '{mine}', 'removal', 'x')")
            ),
            "42501"
        );
        let theirs = post(&space, &owner);
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.sanction_content('post', '{theirs}', 'removal', 'x')")
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                &format!("SELECT spaces.sanction_content('post', '{mine}', 'burning', 'x')")
            ),
            "23514"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                &format!("SELECT spaces.sanction_content('table', '{mine}', 'removal', 'x')")
            ),
            "22023"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                &format!("SELECT spaces.sanction_content('post', '{space}', 'removal', 'x')")
            ),
            "42704"
        );
    }

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
    fn a_quarantine_ends_by_itself_for_readers_and_with_the_job_for_the_counters() {
        let space = space("public");
        let (moderator, author, reader) = (
            member(&space, "moderator"),
            member(&space, "member"),
            person(),
        );
        let (post, question) = (post(&space, &author), question(&space, &author));
        let targets = [
            ("post", "posts", super::super::post(&space, &author)),
            ("answer", "answers", answer(&question, &author)),
            ("comment", "comments", comment(&post, &author)),
        ];
        for (kind, table, id) in &targets {
            impose_on(
                &moderator,
                kind,
                id,
                "quarantine",
                "now() + interval '1 day'",
            );
            assert_eq!(state(table, id), "quarantined");
            assert!(!sees(As::Person(&reader), table, id) && !sees(As::Anonymous, table, id));
            assert!(
                sees(As::Person(&author), table, id) && sees(As::Person(&moderator), table, id)
            );
        }
        let comments = format!("SELECT comment_count::text FROM spaces.posts WHERE id = '{post}'");
        assert_eq!(text(&comments), "0");
        let_time_pass();
        for (_, table, id) in &targets {
            assert!(
                sees(As::Person(&reader), table, id) && sees(As::Anonymous, table, id),
                "{table}"
            );
        }
        assert_eq!(text("SELECT spaces.expire_sanctions()::text"), "3");
        for (_, table, id) in &targets {
            assert_eq!(state(table, id), "published");
        }
        assert_eq!(text(&comments), "1");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_counters()"),
            "0"
        );
    }

    #[pg_test]
    fn content_comes_back_with_the_last_sanction_on_it_and_never_what_its_author_deleted() {
        let space = space("public");
        let (moderator, author) = (member(&space, "moderator"), member(&space, "member"));
        let post = post(&space, &author);
        let quarantine = impose_on(
            &moderator,
            "post",
            &post,
            "quarantine",
            "now() + interval '1 day'",
        );
        let removal = impose_on(&moderator, "post", &post, "removal", "NULL");
        assert_eq!(state("posts", &post), "removed");
        assert_eq!(
            text(&format!(
                "SELECT hidden_until::text FROM spaces.posts WHERE id = '{post}'"
            )),
            ""
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.reverse_sanction('{removal}')"),
        );
        assert_eq!(state("posts", &post), "quarantined");
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.reverse_sanction('{quarantine}')"),
        );
        assert_eq!(state("posts", &post), "published");
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.reverse_sanction('{quarantine}')")
            ),
            "55000"
        );
        let removal = impose_on(&moderator, "post", &post, "removal", "NULL");
        run_as(
            As::Person(&author),
            &format!("SELECT spaces.delete_post('{post}')"),
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.reverse_sanction('{removal}')"),
        );
        assert_eq!(state("posts", &post), "deleted");
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.sanction_content('post', '{post}', 'removal', 'x')")
            ),
            "55000"
        );
    }

    #[pg_test]
    fn an_appeal_is_made_once_by_whom_it_concerns_and_decided_by_another() {
        let space = space("public");
        let (owner, moderator, author) = (
            member(&space, "owner"),
            member(&space, "moderator"),
            member(&space, "member"),
        );
        let post = post(&space, &author);
        let sanction = impose_on(&moderator, "post", &post, "removal", "NULL");
        let appeal = format!("SELECT spaces.appeal_sanction('{sanction}', 'It was a quotation')");
        assert_eq!(outcome(As::Person(&owner), &appeal), "42704");
        assert_eq!(
            outcome(
                As::Person(&author),
                &appeal.replace("It was a quotation", " ")
            ),
            "23514"
        );
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.uphold_sanction('{sanction}')")
            ),
            "55000"
        );
        run_as(As::Person(&author), &appeal);
        assert_eq!(outcome(As::Person(&author), &appeal), "55000");
        assert_eq!(
            state("posts", &post),
            "removed",
            "an appealed sanction holds"
        );
        for decision in ["reverse_sanction", "uphold_sanction"] {
            assert_eq!(
                outcome(
                    As::Person(&author),
                    &format!("SELECT spaces.{decision}('{sanction}')")
                ),
                "42501"
            );
        }
        run_as(
            As::Person(&owner),
            &format!("SELECT spaces.uphold_sanction('{sanction}')"),
        );
        assert_eq!(outcome(As::Person(&author), &appeal), "55000", "once");
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.reverse_sanction('{sanction}')"),
        );
        assert_eq!(state("posts", &post), "published");
        assert_eq!(
            text_as(
                As::Person(&author),
                "SELECT string_agg(type, ' ' ORDER BY id) FROM spaces.notifications WHERE channel = 'in_app'"
            ),
            "sanction.imposed sanction.upheld sanction.reversed"
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
    fn sanctions_outlive_the_person_and_hide_nothing_else() {
        let space = space("public");
        let (moderator, banned, reader) = (
            member(&space, "moderator"),
            member(&space, "member"),
            person(),
        );
        let (removed, other) = (post(&space, &banned), post(&space, &moderator));
        impose(&moderator, &banned, "shadow_ban", &space, "NULL");
        impose_on(&moderator, "post", &removed, "removal", "NULL");
        run(&format!("DELETE FROM auth.users WHERE id = '{banned}'"));
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.sanctions WHERE profile_id IS NULL"),
            "2"
        );
        assert!(
            sees(As::Person(&reader), "posts", &other),
            "a ban of nobody hides nobody"
        );
        assert!(
            !sees(As::Person(&reader), "posts", &removed),
            "what was removed stays removed"
        );
    }
}
