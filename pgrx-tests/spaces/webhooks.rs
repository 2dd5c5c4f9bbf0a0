//! Claims about the outbox of webhooks.

use super::{As, be, member, outcome, post, run, run_as, space, text, text_as};

/// A webhook of the space; its id.
pub fn webhook(space: &str, owner: &str, types: &str) -> String {
    text_as(
        As::Person(owner),
        &format!(
            "INSERT INTO spaces.webhooks (space_id, target_url, event_types, secret)
             VALUES ('{space}', 'https://hooks.example.org/' || gen_random_uuid(), '{types}', repeat('s', 32)) RETURNING id::text"
        ),
    )
}

pub fn deliveries(webhook: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT coalesce(string_agg(event_type, ', ' ORDER BY id), '') FROM spaces.webhook_deliveries WHERE webhook_id = '{webhook}'"
    ))
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn no_role_of_an_application_reads_a_secret() {
        let space = space("public");
        let (owner, moderator) = (member(&space, "owner"), member(&space, "moderator"));
        webhook(&space, &owner, "{*}");
        for who in [
            As::Anonymous,
            As::Person(&owner),
            As::Person(&moderator),
            As::Service,
        ] {
            for statement in [
                "SELECT secret FROM spaces.webhooks",
                "SELECT * FROM spaces.webhooks",
                "SELECT 1 FROM spaces.webhooks WHERE secret LIKE 's%'",
                "UPDATE spaces.webhooks SET target_url = target_url || secret",
                "UPDATE spaces.webhooks SET status = 'paused' RETURNING secret",
                "COPY spaces.webhooks (secret) TO '/dev/null'",
                "SELECT community_core.webhook_signature('x', 1, 'x')",
            ] {
                assert_eq!(outcome(who, statement), "42501", "{statement}");
            }
        }
        assert_eq!(
            outcome(As::Person(&owner), "SELECT id, status FROM spaces.webhooks"),
            "1"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                "UPDATE spaces.webhooks SET secret = repeat('t', 32)"
            ),
            "1"
        );
        assert_eq!(
            outcome(As::Person(&moderator), "SELECT id FROM spaces.webhooks"),
            "0"
        );
    }

    #[pg_test]
    fn a_webhook_goes_to_https_and_to_no_private_address() {
        for (url, public) in [
            ("https://hooks.example.org/x?y=1", true),
            ("https://hooks.example.org:8443/", true),
            ("https://8.8.8.8/", true),
            ("https://[2606:4700::1111]/", true),
            ("http://hooks.example.org/", false),
            ("https://user@hooks.example.org/", false),
            ("https://hooks.example.org@10.0.0.1/", false),
            ("https://localhost/", false),
            ("https://a.localhost/", false),
            ("https://db/", false),
            ("https://db.internal/", false),
            ("https://db.internal./", false),
            ("https://127.0.0.1/", false),
            ("https://127.1/", false),
            ("https://2130706433/", false),
            ("https://0x7f.0.0.1/", false),
            ("https://0177.0.0.1/", false),
            ("https://10.1.2.3/", false),
            ("https://172.31.0.1/", false),
            ("https://192.168.0.1/", false),
            ("https://169.254.169.254/latest/", false),
            ("https://100.64.0.1/", false),
            ("https://256.1.1.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("https://[fe80::1]/", false),
            ("https://[fd00::1]/", false),
            ("https://[64:ff9b::a00:1]/", false),
            ("https://[:::]/", false),
            ("https://hooks.example.org/a b", false),
            ("https:///x", false),
            ("", false),
        ] {
            assert_eq!(
                text(&format!("SELECT spaces.is_public_https('{url}')::text")),
                public.to_string(),
                "{url}"
            );
        }
        let space = space("public");
        let owner = member(&space, "owner");
        assert_eq!(
            outcome(
                As::Person(&owner),
                &format!(
                    "INSERT INTO spaces.webhooks (space_id, target_url, secret) VALUES ('{space}', 'https://10.0.0.1/', repeat('s', 32))"
                )
            ),
            "23514"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                &format!(
                    "INSERT INTO spaces.webhooks (space_id, target_url, secret) VALUES ('{space}', 'https://a.example/', 'short')"
                )
            ),
            "23514"
        );
    }

    #[pg_test]
    fn a_webhook_is_told_of_the_events_it_wants_in_its_space_while_it_is_active() {
        let (here, there) = (space("public"), space("public"));
        let (owner, other) = (member(&here, "owner"), member(&there, "owner"));
        let (all, some, paused, elsewhere) = (
            webhook(&here, &owner, "{*}"),
            webhook(&here, &owner, "{answer.created,post.created}"),
            webhook(&here, &owner, "{*}"),
            webhook(&there, &other, "{*}"),
        );
        run(&format!(
            "UPDATE spaces.webhooks SET status = 'paused' WHERE id = '{paused}'"
        ));
        run(
            "INSERT INTO spaces.webhooks (target_url, event_types, secret) VALUES ('https://hooks.example.org/site', '{post.created}', repeat('s', 32))",
        );
        let site = text("SELECT id::text FROM spaces.webhooks WHERE space_id IS NULL");
        let post = post(&here, &owner);
        let joined = member(&here, "member");
        run_as(
            As::Person(&joined),
            &format!(
                "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason) VALUES ('post', '{post}', '{joined}', 'x')"
            ),
        );
        assert_eq!(
            deliveries(&all),
            "post.created, member.joined, report.created"
        );
        assert_eq!(deliveries(&some), "post.created");
        assert_eq!(deliveries(&site), "post.created");
        assert_eq!(deliveries(&paused) + &deliveries(&elsewhere), "");
        let told = text(&format!(
            "SELECT payload::text FROM spaces.webhook_deliveries WHERE webhook_id = '{all}' AND event_type = 'report.created'"
        ));
        assert!(
            told.contains(&post) && !told.contains(&joined),
            "not who reported: {told}"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                "INSERT INTO spaces.webhooks (target_url, secret) VALUES ('https://a.example/', repeat('s', 32))"
            ),
            "42501",
            "a webhook of the site"
        );
    }

    #[pg_test]
    fn what_a_worker_gets_is_signed_over_second_and_body() {
        let space = space("public");
        let owner = member(&space, "owner");
        webhook(&space, &owner, "{*}");
        post(&space, &owner);
        assert_eq!(
            text_as(
                As::Service,
                "SELECT signature || ' ' || signed_at || ' ' || body FROM spaces.claim_webhook_deliveries(1, '2030-01-01 00:00:00.5+00')"
            ),
            text(
                "SELECT community_core.webhook_signature(repeat('s', 32), 1893456000, payload::text) || ' 1893456000 ' || payload FROM spaces.webhook_deliveries"
            )
        );
        assert_eq!(
            text(
                "SELECT (payload ->> 'type') || ' ' || (payload ->> 'space_id') FROM spaces.webhook_deliveries"
            ),
            format!("post.created {space}")
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                "SELECT spaces.claim_webhook_deliveries(1)"
            ),
            "42501"
        );
    }

    #[pg_test]
    fn a_delivery_that_fails_is_tried_again_ever_later_and_is_dead_in_the_end() {
        let space = space("public");
        let owner = member(&space, "owner");
        webhook(&space, &owner, "{*}");
        post(&space, &owner);
        run("SET LOCAL community_core.spaces_webhook_attempts = 3");
        let finish = |more: &str, at: &str| {
            format!(
                "SELECT spaces.finish_webhook_delivery(id, attempts, {more}, at => {at})::text FROM spaces.webhook_deliveries"
            )
        };
        let claim = |at: &str| {
            format!("SELECT count(*)::text FROM spaces.claim_webhook_deliveries(9, {at})")
        };
        for attempt in 1..=3 {
            let now = format!("now() + interval '{attempt} days'");
            assert_eq!(text_as(As::Service, &claim(&now)), "1");
            assert_eq!(
                text_as(As::Service, &claim(&now)),
                "0",
                "nobody else has it"
            );
            assert_eq!(text_as(As::Service, &finish("500", &now)), "true");
            assert_eq!(
                text_as(As::Service, &finish("500", &now)),
                "false",
                "a claim ends once"
            );
            let seconds = 30 * (1 << (attempt - 1));
            assert_eq!(
                text(&format!(
                    "SELECT (available_at - ({now}) BETWEEN make_interval(secs => {seconds} * 0.5) AND make_interval(secs => {seconds} * 1.5))::text FROM spaces.webhook_deliveries"
                )),
                "true",
                "attempt {attempt}"
            );
        }
        assert_eq!(
            text("SELECT status || ' ' || response_code FROM spaces.webhook_deliveries"),
            "dead 500"
        );
        assert_eq!(outcome(As::Service, &finish("NULL", "now()")), "22023");
        let moderator = member(&space, "moderator");
        let replay = "SELECT spaces.replay_webhook_delivery(id) FROM spaces.webhook_deliveries WHERE status = 'dead'";
        let dead = text("SELECT id::text FROM spaces.webhook_deliveries WHERE status = 'dead'");
        assert_eq!(
            outcome(
                As::Person(&moderator),
                &format!("SELECT spaces.replay_webhook_delivery('{dead}')")
            ),
            "42501"
        );
        run_as(As::Person(&owner), replay);
        assert_eq!(
            text(
                "SELECT count(DISTINCT payload ->> 'id') || ' ' || count(*) FROM spaces.webhook_deliveries WHERE event_type = 'post.created'"
            ),
            "1 2"
        );
        run_as(
            As::Service,
            "SELECT spaces.finish_webhook_delivery(delivery_id, attempt, 204) FROM spaces.claim_webhook_deliveries(9)",
        );
        assert_eq!(
            text(
                "SELECT count(*)::text FROM spaces.webhook_deliveries WHERE status = 'delivered' AND sent_at IS NOT NULL AND event_type = 'post.created'"
            ),
            "1"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.webhooks WHERE last_delivery_at IS NOT NULL"),
            "1"
        );
    }

    #[pg_test]
    fn a_worker_that_was_taken_for_dead_finishes_nothing() {
        let space = space("public");
        let owner = member(&space, "owner");
        webhook(&space, &owner, "{*}");
        post(&space, &owner);
        let claim = |at: &str| {
            text_as(
                As::Service,
                &format!(
                    "SELECT attempt::text FROM spaces.claim_webhook_deliveries(9, now() + interval '{at}')"
                ),
            )
        };
        let finish = |attempt: &str| {
            text_as(
                As::Service,
                &format!(
                    "SELECT spaces.finish_webhook_delivery(id, {attempt}, 200)::text FROM spaces.webhook_deliveries"
                ),
            )
        };
        let (late, next) = (claim("0"), claim("1 hour"));
        assert_eq!((late.as_str(), next.as_str()), ("1", "2"));
        assert_eq!(finish(&late), "false");
        assert_eq!(finish(&next), "true");
    }

    #[pg_test]
    fn a_worker_that_dies_with_the_last_attempt_leaves_a_dead_delivery() {
        let space = space("public");
        let owner = member(&space, "owner");
        webhook(&space, &owner, "{*}");
        post(&space, &owner);
        run("SET LOCAL community_core.spaces_webhook_attempts = 1");
        let claim = |at: &str| {
            text_as(
                As::Service,
                &format!("SELECT count(*)::text FROM spaces.claim_webhook_deliveries(9, {at})"),
            )
        };
        assert_eq!(claim("now()"), "1");
        assert_eq!(claim("now() + interval '59 seconds'"), "0");
        assert_eq!(
            text("SELECT status FROM spaces.webhook_deliveries"),
            "sending"
        );
        assert_eq!(claim("now() + interval '60 seconds'"), "0");
        assert_eq!(text("SELECT status FROM spaces.webhook_deliveries"), "dead");
    }

    #[pg_test]
    fn payloads_are_purged_after_thirty_days_and_waiting_ones_with_them() {
        let space = space("public");
        let owner = member(&space, "owner");
        let webhook = webhook(&space, &owner, "{*}");
        post(&space, &owner);
        post(&space, &owner);
        run(&format!(
            "UPDATE spaces.webhook_deliveries SET created_at = now() - interval '31 days' WHERE id = (SELECT min(id::text)::uuid FROM spaces.webhook_deliveries WHERE webhook_id = '{webhook}')"
        ));
        for _ in 0..2 {
            run(
                "SELECT community_core.apply_retention_batch('spaces.webhook_deliveries', 'anonymize_created_at', 100, now(), gen_random_uuid())",
            );
        }
        assert_eq!(
            text(
                "SELECT string_agg(status || ' ' || (payload IS NULL), ', ' ORDER BY created_at) FROM spaces.webhook_deliveries"
            ),
            "dead true, pending false"
        );
        assert_eq!(
            outcome(
                As::Person(&owner),
                "SELECT spaces.replay_webhook_delivery(id) FROM spaces.webhook_deliveries WHERE status = 'dead'"
            ),
            "55000"
        );
    }
}
