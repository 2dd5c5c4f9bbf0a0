//! Claims about reports, sanctions, appeals, and who sees what of whom.

use super::{As, be, run, text, text_as};

/// Runs a query as a person who is staff of the site; the first value.
pub fn text_as_staff(person: &str, sql: &str) -> String {
    staff(person);
    let value = text(sql);
    be(As::Owner);
    value
}

pub fn staff(person: &str) {
    be(As::Person(person));
    run(&format!(
        r#"SET LOCAL request.jwt.claims = '{{"sub":"{person}","role":"authenticated","app_metadata":{{"staff":["spaces"]}}}}'"#
    ));
}

/// The state of content, whoever is asking.
pub fn state(table: &str, id: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT state FROM spaces.{table} WHERE id = '{id}'"
    ))
}

pub fn sees(who: As, table: &str, id: &str) -> bool {
    text_as(
        who,
        &format!("SELECT count(*)::text FROM spaces.{table} WHERE id = '{id}'"),
    ) == "1"
}

pub fn report(target_type: &str, target: &str, reporter: &str) -> String {
    format!(
        "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason)
         VALUES ('{target_type}', '{target}', '{reporter}', 'Rude')"
    )
}

/// As if everything that ends had ended: triggers see nothing of it.
pub fn let_time_pass() {
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
pub fn impose(by: &str, person: &str, kind: &str, space: &str, expires: &str) -> String {
    text_as(
        As::Person(by),
        &format!(
            "SELECT id::text FROM spaces.sanction('{person}', '{kind}', 'Spam', '{space}', {expires})"
        ),
    )
}

pub fn impose_on(by: &str, target_type: &str, target: &str, kind: &str, expires: &str) -> String {
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
