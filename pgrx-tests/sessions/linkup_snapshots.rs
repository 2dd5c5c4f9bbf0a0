//! Claims about linkup and what changed since a session last looked: an older snapshot is told to try
//! again, and a block counts from its commit on.

use super::cluster::{sqlstate, wait_until_blocked};
use super::linkup::{World, count, one, world};
use postgres::Client;
use std::thread;

const SNAPSHOTS: [&str; 2] = ["REPEATABLE READ", "SERIALIZABLE"];

/// A session that has looked at the LinkUps and will see nothing that is committed from now on.
fn looking(world: &World, level: &str) -> Client {
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM linkup.linkups"
        ))
        .expect("a snapshot");
    client
}

fn accept(world: &World, linkup: &str, member: usize) -> String {
    format!(
        "SELECT linkup.accept_invite(id)::text FROM linkup.linkup_invites
         WHERE linkup_id = '{linkup}' AND invited_user_id = '{}'",
        world.members[member]
    )
}

/// A LinkUp for three that the two who are invited have accepted.
fn accepted_by_two() -> (World, String, Client) {
    let world = world(3);
    let linkup = world.broadcasting(3, "NULL");
    let mut client = world.database.connect();
    for member in [1, 2] {
        let answer = one(&mut client, &accept(&world, &linkup, member));
        assert_eq!(answer, "accepted");
    }
    (world, linkup, client)
}

fn lock(linkup: &str) -> String {
    format!("SELECT state::text FROM linkup.lock_linkup('{linkup}', 0)")
}

fn block(world: &World, blocker: usize, blocked: usize) -> String {
    format!(
        "INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id) VALUES ('{}', '{}') RETURNING ''",
        world.members[blocker], world.members[blocked]
    )
}

/// A LinkUp that everybody attended.
fn meeting(world: &World) -> String {
    let linkup = world.broadcasting(world.members.len(), "now() - interval '1 hour'");
    world
        .database
        .connect()
        .batch_execute(&format!(
            "SELECT linkup.accept_invite(id) FROM linkup.linkup_invites WHERE linkup_id = '{linkup}';
             SELECT linkup.lock_linkup('{linkup}', 0);
             UPDATE linkup.linkup_participants SET status = 'attended' WHERE linkup_id = '{linkup}'"
        ))
        .expect("a meeting");
    linkup
}

fn yes(world: &World, linkup: &str, chooser: usize, target: usize) -> String {
    format!(
        "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
         VALUES ('{linkup}', '{}', '{}', true) RETURNING ''",
        world.members[chooser], world.members[target]
    )
}

/// Two who each counted the places before the other had answered.
#[test]
fn an_acceptance_in_an_older_snapshot_is_told_to_try_again() {
    let world = world(3);
    let linkup = world.broadcasting(2, "NULL");
    let mut client = world.database.connect();
    let accept = |member| accept(&world, &linkup, member);
    let mut late = looking(&world, "REPEATABLE READ");
    assert_eq!(one(&mut client, &accept(1)), "accepted");
    assert_eq!(sqlstate(late.query(&accept(2), &[])), "40001");
    late.batch_execute("ROLLBACK").expect("an end");
    assert_eq!(one(&mut late, &accept(2)), "closed");
}

#[test]
fn a_strike_in_an_older_snapshot_is_told_to_try_again() {
    let world = world(1);
    let strike = format!(
        "INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
         VALUES ('{}', 'late', 2, now() - interval '1 hour', now() + interval '1 day')",
        world.members[0]
    );
    let (mut first, mut late) = (world.database.connect(), world.database.connect());
    late.batch_execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM linkup.user_strikes",
    )
    .expect("a snapshot");
    first.batch_execute(&strike).expect("a strike");
    assert_eq!(sqlstate(late.execute(&strike, &[])), "40001");
    late.batch_execute("ROLLBACK").expect("an end");
    late.batch_execute(&strike).expect("another try");
    assert_eq!(
        one(&mut late, "SELECT state::text FROM linkup.safety_holds"),
        "soft_hold"
    );
}

#[test]
fn a_lock_in_an_older_snapshot_does_not_miss_an_invite() {
    for level in SNAPSHOTS {
        let world = world(3);
        let linkup = world.broadcasting(3, "NULL");
        let mut client = world.database.connect();
        let newcomer = &world.members[2];
        client
            .batch_execute(&format!(
                "DELETE FROM linkup.linkup_invites WHERE invited_user_id = '{newcomer}'"
            ))
            .expect("one is not invited yet");
        assert_eq!(one(&mut client, &accept(&world, &linkup, 1)), "accepted");
        let mut late = looking(&world, level);
        let invite =
            format!("SELECT state::text FROM linkup.invite_user('{linkup}', '{newcomer}', 'late')");
        assert_eq!(one(&mut client, &invite), "pending");
        assert_eq!(
            sqlstate(late.query(&lock(&linkup), &[])),
            "40001",
            "{level}"
        );
        late.batch_execute("ROLLBACK").expect("an end");
        assert_eq!(one(&mut late, &lock(&linkup)), "locked");
        let open = "SELECT count(*)::text FROM linkup.linkup_invites WHERE state = 'pending'";
        assert_eq!(one(&mut client, open), "0");
        // Made again, the invite is the same, whatever became of the LinkUp.
        assert_eq!(one(&mut client, &invite), "closed");
    }
}

#[test]
fn a_lock_in_an_older_snapshot_does_not_miss_a_block() {
    for level in SNAPSHOTS {
        for (blocker, blocked) in [(1, 2), (2, 1)] {
            let (world, linkup, mut client) = accepted_by_two();
            let mut late = looking(&world, level);
            one(&mut client, &block(&world, blocker, blocked));
            assert_eq!(
                sqlstate(late.query(&lock(&linkup), &[])),
                "40001",
                "{level}"
            );
            late.batch_execute("ROLLBACK").expect("an end");
            assert_eq!(one(&mut late, &lock(&linkup)), "locked");
            let there = "SELECT count(*)::text FROM linkup.linkup_participants";
            assert_eq!(
                one(&mut client, there),
                "2",
                "the second of the two is closed"
            );
        }
    }
}

#[test]
fn a_lock_waits_for_a_block_and_sees_it() {
    let (world, linkup, mut client) = accepted_by_two();
    let mut blocker = world.database.connect();
    blocker
        .batch_execute(&format!("BEGIN; {}", block(&world, 2, 1)))
        .expect("a block");
    thread::scope(|scope| {
        let locker = scope.spawn(|| one(&mut world.database.connect(), &lock(&linkup)));
        wait_until_blocked(&mut client, 1);
        blocker.batch_execute("COMMIT").expect("commit");
        assert_eq!(locker.join().expect("the lock"), "locked");
    });
    let there = "SELECT count(*)::text FROM linkup.linkup_participants";
    assert_eq!(one(&mut client, there), "2");
}

const EXCHANGES: &str = "SELECT count(*)::text FROM linkup.contact_exchanges";

#[test]
fn a_yes_in_an_older_snapshot_does_not_miss_a_block() {
    for level in SNAPSHOTS {
        for (blocker, blocked) in [(0, 1), (1, 0)] {
            let world = world(2);
            let linkup = meeting(&world);
            let mut client = world.database.connect();
            one(&mut client, &yes(&world, &linkup, 0, 1));
            let mut late = looking(&world, level);
            one(&mut client, &block(&world, blocker, blocked));
            let second = yes(&world, &linkup, 1, 0);
            assert_eq!(sqlstate(late.query(&second, &[])), "40001", "{level}");
            late.batch_execute("ROLLBACK").expect("an end");
            one(&mut late, &second);
            assert_eq!(one(&mut client, EXCHANGES), "0");
        }
    }
}

#[test]
fn a_block_and_the_second_yes_at_once_count_in_the_order_of_their_locks() {
    for blocks_first in [true, false] {
        let world = world(2);
        let linkup = meeting(&world);
        let mut client = world.database.connect();
        one(&mut client, &yes(&world, &linkup, 0, 1));
        let both = [block(&world, 0, 1), yes(&world, &linkup, 1, 0)];
        let (first, second) = if blocks_first {
            (&both[0], &both[1])
        } else {
            (&both[1], &both[0])
        };
        let mut one_of_them = world.database.connect();
        one_of_them
            .batch_execute(&format!("BEGIN; {first}"))
            .expect("the first");
        thread::scope(|scope| {
            let other = scope.spawn(|| one(&mut world.database.connect(), second));
            wait_until_blocked(&mut client, 1);
            one_of_them.batch_execute("COMMIT").expect("commit");
            other.join().expect("the other");
        });
        let wanted = if blocks_first { "0" } else { "1" };
        assert_eq!(one(&mut client, EXCHANGES), wanted);
        let blocks = "SELECT count(*)::text FROM linkup.user_blocks";
        assert_eq!(one(&mut client, blocks), "1");
    }
}

/// Everybody chooses all the others in an order of their own, and blocks two of them.
#[test]
fn choices_and_blocks_at_once_do_not_deadlock() {
    const PEOPLE: usize = 6;
    let world = world(PEOPLE);
    let linkup = meeting(&world);
    let mut statements = Vec::new();
    for person in 0..PEOPLE {
        let me = &world.members[person];
        let order = if person % 2 == 0 { "ASC" } else { "DESC" };
        statements.push(format!(
            "INSERT INTO linkup.contact_exchange_choices (linkup_id, chooser_user_id, target_user_id, choice)
             SELECT '{linkup}', '{me}', user_id, true FROM linkup.linkup_participants
             WHERE user_id <> '{me}' AND status = 'attended' ORDER BY user_id {order} RETURNING ''"
        ));
        let (next, after) = ((person + 1) % PEOPLE, (person + 2) % PEOPLE);
        let pair = if person % 2 == 0 {
            [next, after]
        } else {
            [after, next]
        };
        statements.push(format!(
            "INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id) VALUES ('{me}', '{}'), ('{me}', '{}') RETURNING ''",
            world.members[pair[0]], world.members[pair[1]]
        ));
    }
    let answers = world.at_once(&statements);
    assert_eq!(count(&answers, ""), answers.len(), "{answers:?}");
    let mut client = world.database.connect();
    let deadlocks =
        "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(one(&mut client, deadlocks), "0");
}
