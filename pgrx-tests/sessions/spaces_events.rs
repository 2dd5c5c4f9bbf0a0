//! Claims about events and parts that need several sessions, commits or a dump.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;
use std::sync::Barrier;
use std::thread;

const SPACE: &str = "00000000-0000-4000-8000-00000000aaaa";
const EVENT: &str = "00000000-0000-4000-8000-00000000eeee";

fn nth(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// The module, so many people, the first of whom moderates a space, and a published event of it.
fn world(people: usize, capacity: usize) -> Database<'static> {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO auth.users (id) SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
             FROM generate_series(1, {people}) n;
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users;
             INSERT INTO spaces.spaces (id, slug, name) VALUES ('{SPACE}', 'town', 'Town');
             INSERT INTO spaces.space_members (space_id, profile_id, role) VALUES ('{SPACE}', '{}', 'owner');
             INSERT INTO spaces.events (id, space_id, title, start_at, end_at, capacity, price, currency)
             VALUES ('{EVENT}', '{SPACE}', 'A talk', now() + interval '1 day', now() + interval '2 days', {capacity}, 10, 'EUR');
             SELECT spaces.publish_event('{EVENT}')",
            nth(1)
        ))
        .expect("a world");
    database
}

/// From here on, the session acts as the person.
fn become_person(client: &mut Client, person: &str) {
    client
        .batch_execute(&format!(
            "SELECT set_config('request.jwt.claims', '{{\"sub\":\"{person}\",\"role\":\"authenticated\"}}', false);
             SET ROLE authenticated"
        ))
        .expect("become the person");
}

/// Each of `clients` sessions runs its statements, each as the person given with it; the SQLSTATEs.
fn at_once(
    database: &Database,
    clients: usize,
    statements: impl Fn(usize) -> Vec<(String, String)> + Sync,
) -> Vec<String> {
    let start = Barrier::new(clients);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|client| {
                let (start, statements) = (&start, &statements);
                scope.spawn(move || {
                    let mut session = database.connect();
                    start.wait();
                    statements(client)
                        .into_iter()
                        .map(|(person, sql)| {
                            become_person(&mut session, &person);
                            sqlstate(session.query(&sql, &[]))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker"))
            .collect()
    })
}

fn count(outcomes: &[String], wanted: &str) -> usize {
    outcomes.iter().filter(|outcome| *outcome == wanted).count()
}

fn whole(client: &mut Client) {
    for verifier in ["verify_counters()", "verify_module()", "verify_audit()"] {
        let faults = one(
            client,
            &format!("SELECT string_agg(v::text, '; ') FROM community_core.{verifier} v"),
        );
        assert_eq!(faults, "", "{verifier}");
    }
}

#[test]
fn of_32_clients_with_160_attempts_each_exactly_as_many_get_a_ticket_as_there_are_places() {
    let database = world(32 * 160, 100);
    let outcomes = at_once(&database, 32, |client| {
        (0..160)
            .map(|attempt| {
                (
                    nth(1 + client * 160 + attempt),
                    format!("SELECT spaces.book_ticket('{EVENT}')"),
                )
            })
            .collect()
    });
    assert_eq!(
        (count(&outcomes, "00000"), count(&outcomes, "23514")),
        (100, 32 * 160 - 100)
    );
    let mut client = database.connect();
    let sold = "SELECT count(*)::text FROM spaces.event_tickets WHERE status = 'booked'";
    assert_eq!(one(&mut client, sold), "100");
    let kept = "SELECT places_taken::text FROM spaces.events";
    assert_eq!(one(&mut client, kept), "100");
    whole(&mut client);
}

#[test]
fn in_repeatable_read_an_old_snapshot_sells_no_place_twice() {
    let database = world(3, 1);
    let (mut early, mut late) = (database.connect(), database.connect());
    become_person(&mut early, &nth(2));
    become_person(&mut late, &nth(3));
    late.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM spaces.spaces")
        .expect("a snapshot");
    let book = format!("SELECT spaces.book_ticket('{EVENT}')");
    early.batch_execute(&book).expect("the last place");
    assert_eq!(sqlstate(late.batch_execute(&book)), "40001");
}

#[test]
fn of_32_clients_with_one_coupon_for_ten_exactly_ten_redeem_it() {
    let database = world(32 * 10, 1000);
    database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO spaces.event_coupons (event_id, code, discount_type, discount_value, max_redemptions)
             VALUES ('{EVENT}', 'Ten', 'percent', 50, 10)"
        ))
        .expect("a coupon");
    let outcomes = at_once(&database, 32, |client| {
        (0..10)
            .map(|attempt| {
                (
                    nth(1 + client * 10 + attempt),
                    format!("SELECT spaces.book_ticket('{EVENT}', 'TEN')"),
                )
            })
            .collect()
    });
    assert_eq!(
        (count(&outcomes, "00000"), count(&outcomes, "55000")),
        (10, 310)
    );
    let mut client = database.connect();
    let used =
        "SELECT redemptions || ' ' || (SELECT count(*) FROM spaces.event_tickets WHERE price = 5)
                FROM spaces.event_coupons";
    assert_eq!(one(&mut client, used), "10 10");
    whole(&mut client);
}

#[test]
fn at_two_doors_a_code_opens_one() {
    let database = world(2, 1);
    let mut holder = database.connect();
    become_person(&mut holder, &nth(2));
    let code = one(
        &mut holder,
        &format!("SELECT qr_code FROM spaces.book_ticket('{EVENT}')"),
    );
    let enter = format!("SELECT spaces.check_in('{code}')");
    let mut first = database.connect();
    become_person(&mut first, &nth(1));
    first
        .batch_execute(&format!("BEGIN; {enter}"))
        .expect("the first door");
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut client = database.connect();
            become_person(&mut client, &nth(1));
            sqlstate(client.batch_execute(&enter))
        });
        wait_until_blocked(&mut database.connect(), 1);
        first.batch_execute("COMMIT").expect("commit");
        assert_eq!(second.join().expect("the second door"), "55000");
    });
}

#[test]
fn places_given_back_side_by_side_go_to_as_many_who_wait_each_to_one() {
    let database = world(60, 20);
    let outcomes = at_once(&database, 20, |client| {
        vec![(
            nth(1 + client),
            format!("SELECT spaces.book_ticket('{EVENT}')"),
        )]
    });
    assert_eq!(count(&outcomes, "00000"), 20);
    let outcomes = at_once(&database, 20, |client| {
        vec![
            (
                nth(21 + client),
                format!("SELECT spaces.join_waitlist('{EVENT}')"),
            ),
            (
                nth(41 + client),
                format!("SELECT spaces.join_waitlist('{EVENT}')"),
            ),
        ]
    });
    assert_eq!(count(&outcomes, "00000"), 40);
    let outcomes = at_once(&database, 20, |client| {
        let person = nth(1 + client);
        let mine = format!(
            "SELECT spaces.cancel_ticket(id) FROM spaces.event_tickets WHERE profile_id = '{person}'"
        );
        vec![(person, mine)]
    });
    assert_eq!(count(&outcomes, "00000"), 20);
    let mut client = database.connect();
    let offered = "SELECT count(*) || ' ' || count(DISTINCT w.profile_id) || ' ' ||
                          (max(w.id::text) < (SELECT min(id::text) FROM spaces.event_waitlist WHERE status = 'waiting'))
                   FROM spaces.event_waitlist w JOIN spaces.event_tickets t
                        ON t.profile_id = w.profile_id AND t.status = 'reserved' WHERE w.status = 'offered'";
    assert_eq!(one(&mut client, offered), "20 20 true");
    whole(&mut client);
}

#[test]
fn sessions_planned_side_by_side_are_numbered_one_after_the_other() {
    let database = world(1, 1);
    let mut client = database.connect();
    let workshop = one(
        &mut client,
        &format!(
            "INSERT INTO spaces.workshops (space_id, title) VALUES ('{SPACE}', 'Knitting') RETURNING id::text"
        ),
    );
    let outcomes = at_once(&database, 16, |_| {
        let plan = format!(
            "INSERT INTO spaces.workshop_sessions (workshop_id, start_at, end_at)
             VALUES ('{workshop}', now(), now() + interval '1 hour')"
        );
        vec![(nth(1), plan); 5]
    });
    assert_eq!(count(&outcomes, "00000"), 80);
    let numbers = "SELECT count(DISTINCT session_number) || ' ' || max(session_number) FROM spaces.workshop_sessions";
    assert_eq!(one(&mut client, numbers), "80 80");
}

#[test]
fn a_dump_of_a_sold_out_event_comes_back_with_its_rules() {
    let database = world(3, 1);
    let mut holder = database.connect();
    become_person(&mut holder, &nth(2));
    holder
        .batch_execute(&format!("SELECT spaces.book_ticket('{EVENT}')"))
        .expect("a ticket");
    let copy = database.restored();
    let mut client = copy.connect();
    whole(&mut client);
    become_person(&mut client, &nth(3));
    let book = format!("SELECT spaces.book_ticket('{EVENT}')");
    assert_eq!(sqlstate(client.batch_execute(&book)), "23514");
    let wait = format!("SELECT spaces.join_waitlist('{EVENT}')");
    assert_eq!(sqlstate(client.batch_execute(&wait)), "00000");
}

#[test]
fn the_setting_modules_stages_a_rollout_by_parts() {
    let database = Database::with_modules(Cluster::shared(), "tenancy, spaces:spaces");
    let mut client = database.connect();
    let parts = "SELECT parts::text FROM community_core.modules() WHERE module = 'spaces'";
    assert_eq!(one(&mut client, parts), "{spaces}");
    assert_eq!(
        sqlstate(client.batch_execute("SELECT FROM spaces.events")),
        "42P01"
    );
    client
        .batch_execute("SELECT community_core.install_module('spaces', part => 'content')")
        .expect("the next stage");
    assert_eq!(one(&mut client, parts), "{spaces,content}");
    whole(&mut client);
    // The parts come back after the extension was dropped, and no more than those.
    client
        .batch_execute("DROP EXTENSION community_core CASCADE")
        .expect("drop");
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE EXTENSION community_core;
             SELECT community_core.install_module(module, schema) FROM community_core.modules()",
        )
        .expect("back again");
    assert_eq!(one(&mut client, parts), "{spaces,content}");
    whole(&mut client);
    let unknown = Database::bare(database.cluster);
    let error = unknown
        .connect()
        .batch_execute(
            "SET community_core.modules = 'spaces:money'; CREATE EXTENSION community_core",
        )
        .expect_err("no such part");
    let error = error.as_db_error().expect("a database error");
    assert_eq!(error.code().code(), "22023");
    assert!(error.hint().is_some_and(|hint| hint.contains("commerce")));
}
