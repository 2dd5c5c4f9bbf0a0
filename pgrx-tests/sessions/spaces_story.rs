//! One story of the spaces module from its beginning to its end, as the people's clients and the
//! service would go it, each statement committed; and then everything adds up.

use super::cluster::{Cluster, Database, sqlstate};
use postgres::Client;

fn person(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

#[test]
fn a_space_is_founded_a_question_answered_for_a_bounty_a_sanction_imposed_an_event_sold_out_a_donation_refunded_and_all_adds_up()
 {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    let mut observer = database.connect();
    observer
        .batch_execute(
            "INSERT INTO auth.users (id)
             SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 5) AS n;
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users",
        )
        .expect("five people");
    let mut service = database.connect();
    service
        .batch_execute("SET ROLE service_role")
        .expect("become the service");
    let mut founder = database.connect_as(&person(1));
    let mut asker = database.connect_as(&person(2));
    let mut expert = database.connect_as(&person(3));
    let mut heckler = database.connect_as(&person(4));
    let mut latecomer = database.connect_as(&person(5));

    // A space, a webhook of it, and people who join.
    let space = one(
        &mut founder,
        "SELECT id::text FROM spaces.create_space('garden', 'Garden')",
    );
    let secret = "a secret of at least thirty-two bytes";
    founder
        .execute(
            &format!(
                "INSERT INTO spaces.webhooks (space_id, target_url, event_types, secret)
                 VALUES ('{space}', 'https://hooks.example.org/garden', '{{answer.accepted}}', '{secret}')"
            ),
            &[],
        )
        .expect("a webhook");
    for member in [&mut asker, &mut expert, &mut heckler] {
        let joined = one(member, &format!("SELECT spaces.join_space('{space}')"));
        assert_eq!(joined, "active");
    }

    // A question with a bounty, an answer, and its acceptance, which pays the bounty.
    let question = one(
        &mut asker,
        &format!(
            "INSERT INTO spaces.posts (space_id, author_id, post_type, title)
             VALUES ('{space}', '{}', 'question', 'Why do the beans not grow?') RETURNING id::text",
            person(2)
        ),
    );
    let bounty = one(
        &mut asker,
        &format!(
            "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
             VALUES ('question', '{question}', '{}', 50, 'EUR', now() + interval '7 days') RETURNING id::text",
            person(2)
        ),
    );
    let funded = format!("SELECT status FROM spaces.fund_bounty('{bounty}', 'pi_1')");
    assert_eq!(one(&mut service, &funded), "funded");
    let answer = one(
        &mut expert,
        &format!(
            "INSERT INTO spaces.answers (question_id, author_id, body)
             VALUES ('{question}', '{}', 'They want water.') RETURNING id::text",
            person(3)
        ),
    );
    let accept = format!("SELECT spaces.accept_answer('{answer}')::text");
    assert_eq!(one(&mut asker, &accept), "true");
    assert_eq!(
        one(
            &mut asker,
            &format!(
                "SELECT status || ' ' || recipient_id FROM spaces.bounties WHERE id = '{bounty}'"
            )
        ),
        format!("released {}", person(3))
    );

    // A comment is reported, removed, and its author banned.
    let comment = one(
        &mut heckler,
        &format!(
            "INSERT INTO spaces.comments (post_id, answer_id, author_id, body)
             VALUES ('{question}', '{answer}', '{}', 'Rubbish') RETURNING id::text",
            person(4)
        ),
    );
    expert
        .execute(
            &format!(
                "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason)
                 VALUES ('comment', '{comment}', '{}', 'Rude')",
                person(3)
            ),
            &[],
        )
        .expect("a report");
    let report = one(
        &mut founder,
        &format!(
            "SELECT id::text FROM spaces.reports WHERE space_id = '{space}' AND status = 'open'"
        ),
    );
    founder
        .batch_execute(&format!(
            "SELECT spaces.sanction_content('comment', '{comment}', 'removal', 'Rude');
             SELECT spaces.sanction('{}', 'space_ban', 'Rude', '{space}', now() + interval '7 days');
             SELECT spaces.resolve_report('{report}', 'upheld')",
            person(4)
        ))
        .expect("moderation");
    let seen = format!("SELECT count(*)::text FROM spaces.comments WHERE id = '{comment}'");
    assert_eq!(
        one(&mut asker, &seen),
        "0",
        "a removed comment is read by nobody"
    );
    let more = heckler.execute(
        &format!(
            "INSERT INTO spaces.comments (post_id, author_id, body) VALUES ('{question}', '{}', 'Still')",
            person(4)
        ),
        &[],
    );
    assert_eq!(sqlstate(more), "42501", "who is banned writes nothing");

    // An event of two places is sold out; the next waits.
    let event = one(
        &mut founder,
        &format!(
            "INSERT INTO spaces.events (space_id, title, start_at, end_at, capacity)
             VALUES ('{space}', 'A talk', now() + interval '1 day', now() + interval '2 days', 2) RETURNING id::text"
        ),
    );
    founder
        .batch_execute(&format!("SELECT spaces.publish_event('{event}')"))
        .expect("publish");
    let book = format!("SELECT status FROM spaces.book_ticket('{event}')");
    assert_eq!(one(&mut asker, &book), "booked");
    assert_eq!(one(&mut expert, &book), "booked");
    assert_eq!(
        sqlstate(latecomer.query_one(&book, &[])),
        "23514",
        "sold out"
    );
    let wait = format!("SELECT status FROM spaces.join_waitlist('{event}')");
    assert_eq!(one(&mut latecomer, &wait), "waiting");

    // A donation is made, paid and given back.
    let donation = one(
        &mut asker,
        &format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency)
             VALUES ('{}', 'space', '{space}', 100, 'EUR') RETURNING id::text",
            person(2)
        ),
    );
    let complete = |donation: &str, charge: &str| {
        format!("SELECT status FROM spaces.complete_donation('{donation}', '{charge}')")
    };
    assert_eq!(one(&mut service, &complete(&donation, "ch_1")), "completed");
    let refund = one(
        &mut service,
        &format!("SELECT id::text FROM spaces.refund_donation('{donation}', 'ticket-1')"),
    );
    assert_eq!(one(&mut service, &complete(&refund, "re_1")), "completed");
    assert_eq!(
        one(
            &mut founder,
            &format!(
                "SELECT concat_ws(' ', given::int, refunded::int, received::int)
                      FROM spaces.donation_totals('space', '{space}')"
            )
        ),
        "100 100 0"
    );

    // The webhook is told of the acceptance, once, and can check who told it.
    let sent = service
        .query_one(
            "SELECT delivery_id::text, attempt, body, signed_at, signature FROM spaces.claim_webhook_deliveries(10)",
            &[],
        )
        .expect("one delivery");
    let (delivery, attempt): (String, i32) = (sent.get(0), sent.get(1));
    let (body, signed_at): (String, i64) = (sent.get(2), sent.get(3));
    assert!(body.contains(&answer), "{body}");
    let signed = observer
        .query_one(
            "SELECT community_core.webhook_signature($1, $2, $3)",
            &[&secret, &signed_at, &body],
        )
        .expect("a signature");
    assert_eq!(sent.get::<_, String>(4), signed.get::<_, String>(0));
    let finish =
        format!("SELECT spaces.finish_webhook_delivery('{delivery}', {attempt}, 204)::text");
    assert_eq!(one(&mut service, &finish), "true");
    let left =
        "SELECT count(*)::text FROM spaces.claim_webhook_deliveries(10, now() + interval '1 day')";
    assert_eq!(one(&mut service, left), "0");

    // Everything adds up.
    assert_eq!(
        one(
            &mut observer,
            &format!(
                "SELECT concat_ws(' ', accepted_answer_id = '{answer}', answer_count) FROM spaces.questions"
            )
        ),
        "t 1"
    );
    assert_eq!(
        one(
            &mut observer,
            &format!(
                "SELECT string_agg(account || ' ' || balance::int, ', ' ORDER BY account)
                      FROM spaces.bounty_balances('{bounty}')"
            )
        ),
        "escrow 0, recipient 50, sponsor -50"
    );
    assert_eq!(
        one(
            &mut observer,
            "SELECT string_agg(DISTINCT entity_type, ', ' ORDER BY entity_type) FROM spaces.audit_logs"
        ),
        "event, member, privilege_threshold, refund, report, sanction, space, webhook"
    );
    let unsealed = "SELECT count(*)::text FROM spaces.audit_logs l
        WHERE NOT EXISTS (SELECT FROM spaces.audit_logs_seal s WHERE s.entry = l.id)";
    assert_eq!(one(&mut observer, unsealed), "0");
    for nothing in [
        "SELECT count(*)::text FROM community_core.verify_audit('spaces.audit_logs')",
        "SELECT count(*)::text FROM community_core.verify_counters()",
        "SELECT count(*)::text FROM community_core.verify_module('spaces')",
    ] {
        assert_eq!(one(&mut observer, nothing), "0", "{nothing}");
    }
}
