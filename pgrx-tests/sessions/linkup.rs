//! Claims about linkup that need several sessions: races for the last place, the lock, webhooks.

use super::cluster::{Cluster, Database, at_once, sqlstate, wait_until_blocked};
use postgres::Client;
use std::thread;

/// The module, one region, and as many members as asked for, who may take part and initiate.
pub struct World {
    pub database: Database<'static>,
    pub region: String,
    pub members: Vec<String>,
}

pub fn one(client: &mut Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

pub fn world(members: usize) -> World {
    let database = Database::with_modules(Cluster::shared(), "linkup");
    let mut client = database.connect();
    let region = one(
        &mut client,
        "INSERT INTO linkup.regions (slug, display_name, state, geometry)
         VALUES ('town', 'Town', 'open', '{}') RETURNING id::text",
    );
    client
        .batch_execute(&format!(
            "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday,
                 sms_consent, age_consent, terms_consent, privacy_consent)
             SELECT '+1500555' || lpad(n::text, 4, '0'), linkup.phone_hash('+1500555' || lpad(n::text, 4, '0'), 'pepper'),
                    'Member', n::text, '1990-01-01', true, true, true, true FROM generate_series(1, {members}) n;
             UPDATE linkup.users SET state = 'verified'; UPDATE linkup.users SET state = 'interviewing';
             UPDATE linkup.users SET state = 'active';
             INSERT INTO linkup.region_memberships (user_id, region_id, status) SELECT id, '{region}', 'active' FROM linkup.users;
             INSERT INTO linkup.entitlements (user_id, eligible_to_participate, eligible_to_initiate)
             SELECT id, true, true FROM linkup.users"
        ))
        .expect("members");
    let members = client
        .query("SELECT id::text FROM linkup.users ORDER BY phone_e164", &[])
        .expect("members")
        .iter()
        .map(|row| row.get(0))
        .collect();
    World {
        database,
        region,
        members,
    }
}

impl World {
    /// A broadcasting LinkUp of the first member's, to which all the others are invited.
    pub fn broadcasting(&self, max_size: usize, event_time: &str) -> String {
        let mut client = self.database.connect();
        let linkup = one(
            &mut client,
            &format!(
                "SELECT id::text FROM linkup.create_linkup('{}', '{}', '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT\",
                     \"group_size\": {{\"min\": 2, \"max\": {max_size}}}}}', gen_random_uuid()::text, {event_time}, now() + interval '1 day')",
                self.members[0], self.region
            ),
        );
        client
            .batch_execute(&format!(
                "SELECT linkup.invite_user('{linkup}', id, '{linkup}' || id) FROM linkup.users WHERE id <> '{}';
                 SELECT linkup.broadcast('{linkup}')",
                self.members[0]
            ))
            .expect("a broadcast");
        linkup
    }

    pub fn at_once(&self, statements: &[String]) -> Vec<String> {
        at_once(statements, || self.database.connect())
    }
}

pub fn count(values: &[String], wanted: &str) -> usize {
    values.iter().filter(|value| *value == wanted).count()
}

#[test]
fn sixteen_accept_at_once_and_the_last_place_is_taken_once() {
    let world = world(17);
    let linkup = world.broadcasting(2, "NULL");
    let mut client = world.database.connect();
    let accepts = client
        .query(
            &format!("SELECT id::text FROM linkup.linkup_invites WHERE linkup_id = '{linkup}'"),
            &[],
        )
        .expect("invites")
        .iter()
        .map(|row| {
            format!(
                "SELECT linkup.accept_invite('{}')::text",
                row.get::<_, String>(0)
            )
        })
        .collect::<Vec<_>>();
    assert_eq!(accepts.len(), 16);
    let answers = world.at_once(&accepts);
    assert_eq!(
        (count(&answers, "accepted"), count(&answers, "closed")),
        (1, 15),
        "{answers:?}"
    );
}

#[test]
fn of_sixteen_locks_at_once_one_locks_and_the_others_are_told_so() {
    let world = world(5);
    let linkup = world.broadcasting(4, "NULL");
    let mut client = world.database.connect();
    client
        .batch_execute("SELECT linkup.accept_invite(id) FROM linkup.linkup_invites ORDER BY id")
        .expect("acceptances");
    let lock = format!("SELECT state::text FROM linkup.lock_linkup('{linkup}', 0)");
    let answers = world.at_once(&vec![lock; 16]);
    assert_eq!(
        (count(&answers, "locked"), count(&answers, "55000")),
        (1, 15),
        "{answers:?}"
    );
    assert_eq!(
        one(
            &mut client,
            "SELECT string_agg(role, ' ' ORDER BY role) FROM linkup.linkup_participants"
        ),
        "initiator participant participant participant"
    );
    let moves = "SELECT count(*)::text FROM linkup.domain_events WHERE to_state = 'locked'";
    assert_eq!(one(&mut client, moves), "1");
}

#[test]
fn an_acceptance_beside_the_lock_is_in_or_closed_and_nothing_between() {
    let world = world(4);
    let linkup = world.broadcasting(4, "NULL");
    let mut client = world.database.connect();
    let invites: Vec<String> = client
        .query(
            "SELECT id::text FROM linkup.linkup_invites ORDER BY id",
            &[],
        )
        .expect("invites")
        .iter()
        .map(|row| row.get(0))
        .collect();
    client
        .batch_execute(&format!("SELECT linkup.accept_invite('{}')", invites[0]))
        .expect("one is in");
    // The lock has begun and not committed when the second answer comes.
    let mut locker = world.database.connect();
    locker
        .batch_execute(&format!("BEGIN; SELECT linkup.lock_linkup('{linkup}', 0)"))
        .expect("a lock");
    thread::scope(|scope| {
        let late = scope.spawn(|| {
            let mut client = world.database.connect();
            one(
                &mut client,
                &format!("SELECT linkup.accept_invite('{}')::text", invites[1]),
            )
        });
        wait_until_blocked(&mut client, 1);
        locker.batch_execute("COMMIT").expect("commit");
        assert_eq!(late.join().expect("the late one"), "closed");
    });
    let unanswered = "SELECT count(*)::text FROM linkup.linkup_invites WHERE state = 'pending'";
    assert_eq!(one(&mut client, unanswered), "0");
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*)::text FROM linkup.linkup_participants"
        ),
        "2"
    );
}

#[test]
fn who_leaves_while_the_group_is_locked_is_not_in_it_and_nobody_deadlocks() {
    let world = world(3);
    let linkup = world.broadcasting(3, "NULL");
    let mut client = world.database.connect();
    client
        .batch_execute("SELECT linkup.accept_invite(id) FROM linkup.linkup_invites")
        .expect("both are in");
    let mut leaver = world.database.connect();
    leaver
        .batch_execute(&format!(
            "BEGIN; SELECT linkup.delete_user('{}')",
            world.members[1]
        ))
        .expect("one leaves");
    thread::scope(|scope| {
        let locker = scope.spawn(|| {
            let mut client = world.database.connect();
            one(
                &mut client,
                &format!("SELECT state::text FROM linkup.lock_linkup('{linkup}', 0)"),
            )
        });
        wait_until_blocked(&mut client, 1);
        leaver.batch_execute("COMMIT").expect("commit");
        assert_eq!(locker.join().expect("the lock"), "locked");
    });
    let there = format!(
        "SELECT count(*)::text FROM linkup.linkup_participants WHERE user_id = '{}'",
        world.members[1]
    );
    assert_eq!(one(&mut client, &there), "0");
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*)::text FROM linkup.linkup_participants"
        ),
        "2"
    );
}

#[test]
fn a_webhook_delivered_sixteen_times_at_once_is_processed_once() {
    let world = world(1);
    let user = &world.members[0];
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "DELETE FROM linkup.entitlements;
             INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{user}', 'cus_1')"
        ))
        .expect("a customer");
    let event = "SELECT id::text FROM linkup.ingest_stripe_event('evt_1', 'customer.subscription.updated',
        '{\"created\": 1700000000, \"data\": {\"object\": {\"id\": \"sub_1\", \"customer\": \"cus_1\", \"status\": \"active\"}}}')";
    let answers = world.at_once(&vec![event.to_owned(); 16]);
    assert_eq!(count(&answers, &answers[0]), 16, "{answers:?}");
    let moves =
        "SELECT count(*)::text FROM linkup.domain_events WHERE entity_type = 'subscriptions'";
    assert_eq!(one(&mut client, moves), "1");
    let entitled = "SELECT count(*)::text FROM linkup.entitlements WHERE eligible_to_participate";
    assert_eq!(one(&mut client, entitled), "1");
}

#[test]
fn events_that_arrive_side_by_side_in_any_order_leave_the_newest() {
    let world = world(1);
    let user = &world.members[0];
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{user}', 'cus_1')"
        ))
        .expect("a customer");
    let event = |number: i64| {
        let status = if number == 15 { "past_due" } else { "active" };
        format!(
            "SELECT processing_error FROM linkup.ingest_stripe_event('evt_{number}', 'customer.subscription.updated',
             '{{\"created\": {}, \"data\": {{\"object\": {{\"id\": \"sub_1\", \"customer\": \"cus_1\", \"status\": \"{status}\"}}}}}}')",
            1_700_000_000 + number
        )
    };
    let answers = world.at_once(&(0..16).map(event).collect::<Vec<_>>());
    assert_eq!(count(&answers, ""), 16, "{answers:?}");
    assert_eq!(
        one(
            &mut client,
            "SELECT state || ' ' || last_stripe_event_id FROM linkup.subscriptions"
        ),
        "past_due evt_15"
    );
}

#[test]
fn a_message_delivered_sixteen_times_at_once_is_one_row() {
    let world = world(1);
    let ingest = "SELECT id::text FROM linkup.ingest_sms('SM1', '+15005550001', '+15005550199', '\\x01', '\\x02', '\\x03')";
    let answers = world.at_once(&vec![ingest.to_owned(); 16]);
    assert_eq!(count(&answers, &answers[0]), 16, "{answers:?}");
}

#[test]
fn sixteen_workers_claim_every_job_once() {
    let world = world(0);
    let mut client = world.database.connect();
    client
        .batch_execute(
            "INSERT INTO linkup.sms_outbound_jobs (to_e164, purpose, idempotency_key)
             SELECT '+15005550001', 'invite', n::text FROM generate_series(1, 160) n",
        )
        .expect("jobs");
    let claim = "SELECT string_agg(id::text, ' ') FROM linkup.claim_sms_jobs(20)";
    let claims = world.at_once(&vec![claim.to_owned(); 16]);
    let mut claimed: Vec<&str> = claims
        .iter()
        .flat_map(|ids| ids.split_whitespace())
        .collect();
    let all = claimed.len();
    claimed.sort_unstable();
    claimed.dedup();
    assert_eq!(claimed.len(), all, "no job twice");
    let rest = one(
        &mut client,
        "SELECT count(*)::text FROM linkup.claim_sms_jobs(1000)",
    );
    assert_eq!(all + rest.parse::<usize>().expect("a number"), 160);
}

#[test]
fn of_sixteen_who_follow_a_magic_link_one_is_signed_in() {
    let world = world(1);
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO linkup.magic_links (user_id, token_hash, purpose, expires_at)
             VALUES ('{}', repeat('a', 64), 'dashboard', now() + interval '1 hour')",
            world.members[0]
        ))
        .expect("a link");
    let follow =
        "SELECT user_id::text FROM linkup.consume_magic_link(repeat('a', 64), 'dashboard')";
    let answers = world.at_once(&vec![follow.to_owned(); 16]);
    assert_eq!(
        (count(&answers, &world.members[0]), count(&answers, "")),
        (1, 15),
        "{answers:?}"
    );
}

#[test]
fn guesses_made_side_by_side_are_all_counted() {
    let world = world(1);
    let user = &world.members[0];
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "SELECT linkup.start_otp('{user}', repeat('a', 64), now() + interval '1 hour')"
        ))
        .expect("a code");
    let wrong = format!("SELECT linkup.verify_otp('{user}', repeat('b', 64))::text");
    let answers = world.at_once(&vec![wrong; 16]);
    assert_eq!(count(&answers, "false"), 16, "{answers:?}");
    let attempts = "SELECT attempts::text FROM linkup.otp_sessions";
    assert_eq!(one(&mut client, attempts), "5");
    let right = format!("SELECT linkup.verify_otp('{user}', repeat('a', 64))::text");
    assert_eq!(one(&mut client, &right), "false");
}

#[test]
fn two_strikes_at_the_same_moment_are_added_up() {
    let world = world(1);
    let strike = format!(
        "INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
         VALUES ('{}', 'late', 1, now() - interval '1 hour', now() + interval '1 day') RETURNING ''",
        world.members[0]
    );
    world.at_once(&vec![strike; 3]);
    let mut client = world.database.connect();
    assert_eq!(
        one(&mut client, "SELECT state::text FROM linkup.safety_holds"),
        "soft_hold"
    );
}

#[test]
fn both_say_yes_at_once_and_there_is_one_exchange() {
    let world = world(2);
    let linkup = world.broadcasting(2, "now() - interval '1 hour'");
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "SELECT linkup.accept_invite(id) FROM linkup.linkup_invites;
             SELECT linkup.lock_linkup('{linkup}', 0);
             UPDATE linkup.linkup_participants SET status = 'attended'"
        ))
        .expect("a meeting");
    let yes = |chooser: usize, target: usize| {
        format!(
            "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
             VALUES ('{linkup}', '{}', '{}', true) RETURNING ''",
            world.members[chooser], world.members[target]
        )
    };
    let answers = world.at_once(&[yes(0, 1), yes(1, 0)]);
    assert_eq!(answers, ["", ""]);
    let exchanges =
        "SELECT count(*)::text FROM linkup.contact_exchanges WHERE user_a_id < user_b_id";
    assert_eq!(one(&mut client, exchanges), "1");
}

#[test]
fn who_leaves_while_the_other_says_yes_leaves_no_exchange() {
    let world = world(2);
    let linkup = world.broadcasting(2, "now() - interval '1 hour'");
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "SELECT linkup.accept_invite(id) FROM linkup.linkup_invites;
             SELECT linkup.lock_linkup('{linkup}', 0);
             UPDATE linkup.linkup_participants SET status = 'attended'"
        ))
        .expect("a meeting");
    let yes = |chooser: usize, target: usize| {
        format!(
            "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
             VALUES ('{linkup}', '{}', '{}', true)",
            world.members[chooser], world.members[target]
        )
    };
    client.batch_execute(&yes(0, 1)).expect("a yes");
    let mut second = world.database.connect();
    second
        .batch_execute(&format!("BEGIN; {}", yes(1, 0)))
        .expect("the second yes");
    thread::scope(|scope| {
        let leaver = scope.spawn(|| {
            let mut client = world.database.connect();
            let leave = format!("SELECT linkup.delete_user('{}')::text", world.members[0]);
            one(&mut client, &leave)
        });
        wait_until_blocked(&mut client, 1);
        second.batch_execute("COMMIT").expect("commit");
        assert_eq!(leaver.join().expect("who leaves"), "true");
    });
    let left = "SELECT count(*)::text FROM linkup.contact_exchanges";
    assert_eq!(one(&mut client, left), "0");
}

#[test]
fn two_create_a_linkup_under_one_key_and_get_one() {
    let world = world(1);
    let create = format!(
        "SELECT id::text FROM linkup.create_linkup('{}', '{}', '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT\"}}', 'key')",
        world.members[0], world.region
    );
    let answers = world.at_once(&vec![create; 16]);
    assert_eq!(count(&answers, &answers[0]), 16, "{answers:?}");
}

#[test]
fn a_dump_comes_back_with_its_rules() {
    let world = world(3);
    world.broadcasting(3, "NULL");
    let copy = world.database.restored();
    let mut client = copy.connect();
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*)::text FROM community_core.verify_module('linkup')"
        ),
        "0"
    );
    assert_eq!(
        one(
            &mut client,
            "SELECT count(*)::text FROM community_core.verify_audit('linkup.admin_audit_log')"
        ),
        "0"
    );
    let illegal = client.batch_execute("UPDATE linkup.users SET state = 'unverified'");
    assert_eq!(sqlstate(illegal), "55000");
}
