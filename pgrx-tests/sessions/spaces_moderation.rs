//! Claims about moderation, automod, webhooks and messages that need several connections, or a dump.

use super::cluster::{Cluster, Database, sqlstate};
use super::spaces_content::meet;
use postgres::Client;
use std::collections::HashSet;
use std::sync::Barrier;

const SPACE: &str = "00000000-0000-4000-8000-0000000000aa";
const GUEST: usize = 99;

fn person(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A public space of eight: its owner, a moderator, and members; and a guest who is none.
fn world() -> Database<'static> {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO auth.users (id)
             SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 8) AS n
             UNION ALL SELECT '{guest}';
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users;
             INSERT INTO spaces.spaces (id, slug, name) VALUES ('{SPACE}', 'garden', 'Garden');
             INSERT INTO spaces.space_members (space_id, profile_id, role)
             SELECT '{SPACE}', id, CASE id WHEN '{owner}' THEN 'owner' WHEN '{moderator}' THEN 'moderator' ELSE 'member' END
             FROM auth.users WHERE id <> '{guest}'",
            guest = person(GUEST),
            owner = person(1),
            moderator = person(2),
        ))
        .expect("a space and its members");
    database
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client
        .query_one(&format!("SELECT ({sql})::text"), &[])
        .expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

fn posting(author: usize) -> String {
    format!(
        "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{SPACE}', '{}', 'A post')",
        person(author)
    )
}

fn limit(database: &Database, count: usize) {
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO spaces.automod_rules (space_id, rule_type, config)
             VALUES ('{SPACE}', 'rate_limit', '{{\"count\": {count}, \"seconds\": 3600}}')"
        ))
        .expect("a rule");
}

#[test]
fn a_rate_limit_lets_as_many_pass_as_it_says_of_sixteen_at_once() {
    let database = world();
    limit(&database, 5);
    let start = Barrier::new(16);
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.connect_as(&person(3));
                    start.wait();
                    sqlstate(client.batch_execute(&posting(3)))
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"))
            .collect()
    });
    let count = |state: &str| outcomes.iter().filter(|outcome| *outcome == state).count();
    assert_eq!((count("00000"), count("23514")), (5, 11), "{outcomes:?}");
}

#[test]
fn a_rate_limit_is_exact_at_every_isolation_level() {
    for (isolation, second) in [
        ("READ COMMITTED", "23514"),
        ("REPEATABLE READ", "40001"),
        ("SERIALIZABLE", "40001"),
    ] {
        let database = world();
        limit(&database, 1);
        let outcome = meet(&database, isolation, (3, &posting(3)), (3, &posting(3)));
        assert_eq!(outcome, ("00000".into(), second.into()), "{isolation}");
    }
}

#[test]
fn whoever_is_banned_while_joining_is_no_member() {
    let ban = format!(
        "SELECT spaces.sanction('{}', 'space_ban', 'Spam', '{SPACE}')",
        person(GUEST)
    );
    let join = format!("SELECT spaces.join_space('{SPACE}')");
    let database = world();
    let outcome = meet(&database, "READ COMMITTED", (2, &ban), (GUEST, &join));
    assert_eq!(outcome, ("00000".into(), "42501".into()));
    let database = world();
    let outcome = meet(&database, "READ COMMITTED", (GUEST, &join), (2, &ban));
    assert_eq!(outcome, ("00000".into(), "00000".into()));
    let status = format!(
        "SELECT status FROM spaces.space_members WHERE profile_id = '{}'",
        person(GUEST)
    );
    assert_eq!(one(&mut database.connect(), &status), "banned");
}

#[test]
fn two_sanctions_on_one_post_reversed_at_once_bring_it_back() {
    let database = world();
    let mut client = database.connect();
    client.batch_execute(&posting(3)).expect("a post");
    let sanctions = ["removal", "quarantine"].map(|kind| {
        one(&mut client, &format!("SELECT id FROM spaces.sanction_content('post', (SELECT id FROM spaces.posts), '{kind}', 'x')"))
    });
    let reversals = sanctions.map(|id| format!("SELECT spaces.reverse_sanction('{id}')"));
    let outcome = meet(
        &database,
        "READ COMMITTED",
        (1, &reversals[0]),
        (2, &reversals[1]),
    );
    assert_eq!(outcome, ("00000".into(), "00000".into()));
    assert_eq!(
        one(&mut client, "SELECT state FROM spaces.posts"),
        "published"
    );
}

#[test]
fn a_report_that_two_claim_at_once_is_claimed_by_one() {
    let database = world();
    let mut client = database.connect();
    client.batch_execute(&posting(3)).expect("a post");
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason) SELECT 'post', id, '{}', 'x' FROM spaces.posts",
            person(4)
        ))
        .expect("a report");
    let claim = format!(
        "SELECT spaces.claim_report('{}')",
        one(&mut client, "SELECT id FROM spaces.reports")
    );
    let outcome = meet(&database, "READ COMMITTED", (1, &claim), (2, &claim));
    assert_eq!(outcome, ("00000".into(), "55000".into()));
}

#[test]
fn a_message_and_a_block_at_once_come_one_before_the_other() {
    let database = world();
    let send = format!("SELECT spaces.send_message('{}', 'Hello')", person(4));
    let block = format!("SELECT spaces.block_direct_messages('{}')", person(3));
    assert_eq!(
        meet(&database, "READ COMMITTED", (3, &send), (4, &block)),
        ("00000".into(), "00000".into())
    );
    let unblock = format!("SELECT spaces.unblock_direct_messages('{}')", person(3));
    database
        .connect_as(&person(4))
        .batch_execute(&unblock)
        .expect("unblocked");
    assert_eq!(
        meet(&database, "READ COMMITTED", (4, &block), (3, &send)),
        ("00000".into(), "42501".into())
    );
    assert_eq!(
        one(
            &mut database.connect(),
            "SELECT count(*) FROM spaces.direct_message_messages"
        ),
        "1"
    );
}

#[test]
fn two_who_first_write_to_each_other_at_once_have_one_thread() {
    let database = world();
    let write = |to: usize| format!("SELECT spaces.send_message('{}', 'Hello')", person(to));
    assert_eq!(
        meet(&database, "READ COMMITTED", (3, &write(4)), (4, &write(3))),
        ("00000".into(), "00000".into())
    );
    let both = "SELECT (SELECT count(*) FROM spaces.direct_messages) || ' ' || count(DISTINCT sender_id) FROM spaces.direct_message_messages";
    assert_eq!(one(&mut database.connect(), both), "1 2");
}

fn webhook(client: &mut Client) {
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.webhooks (space_id, target_url, secret)
             VALUES ('{SPACE}', 'https://hooks.example.org/', repeat('s', 32))"
        ))
        .expect("a webhook");
}

#[test]
fn an_event_is_in_the_outbox_when_and_only_when_it_happened() {
    let database = world();
    let mut client = database.connect();
    webhook(&mut client);
    let undone = format!("BEGIN; {}; ROLLBACK", posting(3));
    client
        .batch_execute(&undone)
        .expect("a post that never was");
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*) FROM spaces.webhook_deliveries"
        ),
        "0"
    );
    client.batch_execute(&posting(3)).expect("a post");
    assert_eq!(
        one(
            &mut client,
            "SELECT d.payload #>> '{data,post_id}' = p.id::text FROM spaces.webhook_deliveries d, spaces.posts p"
        ),
        "true"
    );
}

#[test]
fn eight_workers_get_each_delivery_once_and_none_waits_for_another() {
    let database = world();
    let mut client = database.connect();
    webhook(&mut client);
    for _ in 0..100 {
        client.batch_execute(&posting(3)).expect("a post");
    }
    let mut slow = database.connect();
    slow.batch_execute("BEGIN").expect("begin");
    let held = slow
        .query(
            "SELECT delivery_id::text FROM spaces.claim_webhook_deliveries(10)",
            &[],
        )
        .expect("a claim");
    assert_eq!(held.len(), 10);
    let start = Barrier::new(8);
    let claimed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = database.connect();
                    let mut mine = Vec::new();
                    start.wait();
                    loop {
                        let rows = client
                            .query(
                                "SELECT delivery_id::text FROM spaces.claim_webhook_deliveries(7)",
                                &[],
                            )
                            .expect("a claim");
                        if rows.is_empty() {
                            return mine;
                        }
                        mine.extend(rows.iter().map(|row| row.get::<_, String>(0)));
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker"))
            .collect()
    });
    slow.batch_execute("COMMIT").expect("commit");
    let distinct: HashSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (90, 90));
    assert!(
        held.iter()
            .all(|row| !claimed.contains(&row.get::<_, String>(0)))
    );
}

#[test]
fn the_log_is_one_chain_for_each_space_and_one_for_the_site() {
    let database = world();
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.spaces (slug, name) VALUES ('kitchen', 'Kitchen');
             SELECT spaces.sanction('{}', 'site_ban', 'x')",
            person(4)
        ))
        .expect("another space, and a ban from the site");
    // What concerns no space is in a chain of that name.
    let entries = "SELECT string_agg(chain || ' ' || size, ', ' ORDER BY chain)
                   FROM (SELECT coalesce(space_id::text, '%00') COLLATE \"C\" AS chain, count(*) AS size
                         FROM spaces.audit_logs GROUP BY 1) AS entries";
    let chains =
        "SELECT string_agg(chain || ' ' || size, ', ' ORDER BY chain) FROM spaces.audit_logs_head";
    let entries = one(&mut client, entries);
    assert_eq!(entries.split(", ").count(), 3, "{entries}");
    assert_eq!(one(&mut client, chains), entries);
    let verified = "SELECT count(*) FROM community_core.verify_audit()";
    assert_eq!(one(&mut client, verified), "0");
}

#[test]
fn a_restored_dump_keeps_the_log_the_sanctions_and_the_outbox() {
    let database = world();
    let mut client = database.connect();
    webhook(&mut client);
    client.batch_execute(&posting(3)).expect("a post");
    let mut owner = database.connect_as(&person(1));
    owner
        .batch_execute(&format!(
            "SELECT spaces.sanction('{}', 'space_ban', 'x', '{SPACE}');
             SELECT spaces.sanction_content('post', id, 'quarantine', 'x') FROM spaces.posts;
             INSERT INTO spaces.automod_rules (space_id, rule_type) VALUES ('{SPACE}', 'first_post')",
            person(4)
        ))
        .expect("moderation");
    let figures = "SELECT concat_ws(' ', (SELECT count(*) FROM spaces.audit_logs), (SELECT count(*) FROM spaces.webhook_deliveries),
                          (SELECT count(*) FROM spaces.notifications), (SELECT string_agg(state, ',') FROM spaces.posts),
                          (SELECT count(*) FROM spaces.space_members WHERE status = 'banned'))";
    let before = one(&mut client, figures);
    assert!(before.ends_with(" quarantined 1"), "{before}");
    let restored = database.restored();
    let mut client = restored.connect();
    assert_eq!(one(&mut client, figures), before);
    for check in [
        "verify_audit()",
        "verify_counters()",
        "verify_module('spaces')",
    ] {
        let faults = format!("SELECT count(*) FROM community_core.{check}");
        assert_eq!(one(&mut client, &faults), "0", "{check}");
    }
    let banned = restored.connect_as(&person(4)).batch_execute(&posting(4));
    assert_eq!(sqlstate(banned), "42501");
    let held = restored
        .connect_as(&person(5))
        .query_one(&format!("{} RETURNING state", posting(5)), &[])
        .expect("a post");
    assert_eq!(held.get::<_, String>(0), "held");
}

#[test]
fn a_secret_that_was_opened_is_closed_by_one_repair() {
    let database = world();
    let mut client = database.connect();
    client
        .batch_execute(
            "GRANT SELECT ON spaces.webhooks TO authenticated, service_role;
             SELECT community_core.install_module('spaces')",
        )
        .expect("a repair");
    let faults = "SELECT count(*) FROM community_core.verify_module('spaces')";
    assert_eq!(one(&mut client, faults), "0");
    client
        .batch_execute("SET ROLE service_role; SELECT id FROM spaces.webhooks")
        .expect("what is open stays open");
    let secret = client.batch_execute("SELECT secret FROM spaces.webhooks");
    assert_eq!(sqlstate(secret), "42501");
}
