//! Claims about pairs that one connection cannot show.

use super::cluster::{Database, sqlstate, wait_until_blocked};
use postgres::Client;
use std::io::{Read, Write};

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";

fn choices_and_matches() -> Database<'static> {
    let database = Database::engines();
    database
        .connect()
        .batch_execute(
            "CREATE TABLE choices (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
                 choice boolean NOT NULL, UNIQUE (event, chooser, target));
             CREATE TABLE matches (event int NOT NULL, a uuid, b uuid, UNIQUE (event, a, b));
             SELECT community_core.create_canonical_pair('matches', 'a', 'b');
             SELECT community_core.create_mutual_choice('choices', '{event}', 'chooser', 'target',
                                                        'choice', 'matches')",
        )
        .expect("choices and matches");
    database
}

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).expect(sql).get(0)
}

fn yes(chooser: &str, target: &str) -> String {
    format!("INSERT INTO choices VALUES (1, '{chooser}', '{target}', true)")
}

#[test]
fn two_who_say_yes_at_the_same_moment_are_matched_by_the_second_commit() {
    let database = choices_and_matches();
    let (mut one, mut watch) = (database.connect(), database.connect());
    one.batch_execute(&format!("BEGIN; {}", yes(A, B)))
        .expect("the first yes");
    let mut other = database.connect();
    let second = std::thread::spawn(move || other.batch_execute(&yes(B, A)));
    wait_until_blocked(&mut watch, 1);
    one.batch_execute("COMMIT").expect("commit");
    second.join().expect("the thread").expect("the second yes");
    assert_eq!(number(&mut watch, "SELECT count(*) FROM matches"), 1);
}

#[test]
fn a_yes_taken_back_while_the_other_says_yes_is_no_match() {
    let database = choices_and_matches();
    let (mut one, mut watch) = (database.connect(), database.connect());
    one.batch_execute(&yes(A, B)).expect("the first yes");
    one.batch_execute("BEGIN; UPDATE choices SET choice = false")
        .expect("a changed mind");
    let mut other = database.connect();
    let second = std::thread::spawn(move || other.batch_execute(&yes(B, A)));
    wait_until_blocked(&mut watch, 1);
    one.batch_execute("COMMIT").expect("commit");
    second.join().expect("the thread").expect("the second yes");
    assert_eq!(number(&mut watch, "SELECT count(*) FROM matches"), 0);
    one.batch_execute("UPDATE choices SET choice = true")
        .expect("and back");
    assert_eq!(number(&mut watch, "SELECT count(*) FROM matches"), 1);
}

#[test]
fn a_stricter_isolation_is_told_to_try_again_and_never_misses_a_match() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let database = choices_and_matches();
        let (mut one, mut other) = (database.connect(), database.connect());
        other
            .batch_execute(&format!(
                "BEGIN ISOLATION LEVEL {level}; SELECT FROM choices"
            ))
            .expect("a snapshot");
        one.batch_execute(&yes(A, B)).expect("the first yes");
        assert_eq!(
            sqlstate(other.batch_execute(&yes(B, A))),
            "40001",
            "{level}"
        );
        other.batch_execute("ROLLBACK").expect("rollback");
        other.batch_execute(&yes(B, A)).expect("again");
        assert_eq!(
            number(&mut one, "SELECT count(*) FROM matches"),
            1,
            "{level}"
        );
    }
}

/// Every client writes both sides of many pairs, in an order of its own, alone and in bulk.
#[test]
fn sixteen_clients_choosing_at_once_make_every_match_once_and_no_deadlock() {
    const CLIENTS: i32 = 16;
    const PAIRS: i32 = 2_000;
    let database = choices_and_matches();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let mut connection = database.connect();
            std::thread::spawn(move || {
                let (chooser, target) = if client % 2 == 0 { (A, B) } else { (B, A) };
                let mine = client / 2;
                let (each, groups) = (PAIRS / (CLIENTS / 2), if client % 4 < 2 { 25 } else { 1 });
                for group in 0..each / groups {
                    let from = mine * each + group * groups + 1;
                    let direction = if client % 3 == 0 { "DESC" } else { "ASC" };
                    connection.batch_execute(&format!(
                        "INSERT INTO choices SELECT n, '{chooser}', '{target}', true
                         FROM generate_series({from}, {}) AS n ORDER BY n {direction}",
                        from + groups - 1
                    ))?;
                }
                Ok::<(), postgres::Error>(())
            })
        })
        .collect();
    for client in clients {
        assert_eq!(sqlstate(client.join().expect("the thread")), "00000");
    }
    let mut watch = database.connect();
    assert_eq!(
        number(&mut watch, "SELECT count(*) FROM matches"),
        i64::from(PAIRS)
    );
    assert_eq!(
        number(
            &mut watch,
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ),
        0
    );
}

#[test]
fn two_statements_about_the_same_pairs_in_opposite_order_do_not_deadlock() {
    let database = choices_and_matches();
    for round in 0..20 {
        let both = [("ASC", A, B), ("DESC", B, A)].map(|(order, chooser, target)| {
            let mut connection = database.connect();
            std::thread::spawn(move || {
                connection.batch_execute(&format!(
                    "INSERT INTO choices SELECT {round} * 500 + n, '{chooser}', '{target}', true
                     FROM generate_series(1, 500) AS n ORDER BY n {order}"
                ))
            })
        });
        for one in both {
            assert_eq!(sqlstate(one.join().expect("the thread")), "00000");
        }
    }
    assert_eq!(
        number(&mut database.connect(), "SELECT count(*) FROM matches"),
        10_000
    );
}

/// Each takes back the half of their choices that the other makes, and makes the other half.
#[test]
fn statements_that_take_back_and_choose_at_once_do_not_deadlock() {
    let database = choices_and_matches();
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO choices SELECT n, '{A}', '{B}', n % 2 = 0 FROM generate_series(1, 400) AS n;
             INSERT INTO choices SELECT n, '{B}', '{A}', n % 2 = 1 FROM generate_series(1, 400) AS n"
        ))
        .expect("choices");
    for _ in 0..20 {
        let both = [A, B].map(|chooser| {
            let mut connection = database.connect();
            std::thread::spawn(move || {
                connection.batch_execute(&format!(
                    "UPDATE choices SET choice = NOT choice WHERE chooser = '{chooser}'"
                ))
            })
        });
        for one in both {
            assert_eq!(sqlstate(one.join().expect("the thread")), "00000");
        }
    }
    let wrong = "SELECT count(*) FROM (
        (TABLE choices_mutual EXCEPT TABLE recount) UNION ALL (TABLE recount EXCEPT TABLE choices_mutual)) AS w";
    client
        .batch_execute(
            "CREATE VIEW recount AS
             SELECT event, LEAST(chooser, target) AS a, GREATEST(chooser, target) AS b,
                    bool_or(choice AND chooser < target) AS low_yes,
                    bool_or(choice AND chooser > target) AS high_yes
             FROM choices GROUP BY 1, 2, 3 HAVING bool_or(choice)",
        )
        .expect("a recount");
    assert_eq!(number(&mut client, wrong), 0);
    let unmatched = "SELECT count(*) FROM choices_mutual AS s WHERE low_yes AND high_yes
        AND NOT EXISTS (SELECT FROM matches AS m WHERE (m.event, m.a, m.b) = (s.event, s.a, s.b))";
    assert_eq!(number(&mut client, unmatched), 0);
}

#[test]
fn matches_cannot_be_taken_away_under_a_first_yes() {
    let database = choices_and_matches();
    let (mut one, mut watch) = (database.connect(), database.connect());
    one.batch_execute(&format!("BEGIN; {}", yes(A, B)))
        .expect("the first yes");
    let mut other = database.connect();
    let renaming =
        std::thread::spawn(move || other.batch_execute("ALTER TABLE matches RENAME TO were"));
    wait_until_blocked(&mut watch, 1);
    one.batch_execute("COMMIT").expect("commit");
    renaming.join().expect("the thread").expect("another name");
    for (chooser, target) in [(B, A), (A, "00000000-0000-4000-8000-00000000000c")] {
        assert_eq!(sqlstate(one.batch_execute(&yes(chooser, target))), "42P01");
    }
}

#[test]
fn a_pair_survives_a_copy_in_binary() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "SET search_path = public, community_core;
             CREATE TABLE pairs AS SELECT community_core.contact_pair('{B}', '{A}') AS pair;
             CREATE TABLE copied (LIKE pairs)"
        ))
        .expect("a pair");
    let mut bytes = Vec::new();
    client
        .copy_out("COPY pairs TO STDOUT (FORMAT binary)")
        .expect("copy out")
        .read_to_end(&mut bytes)
        .expect("read");
    let mut into = client
        .copy_in("COPY copied FROM STDIN (FORMAT binary)")
        .expect("copy in");
    into.write_all(&bytes).expect("write");
    into.finish().expect("finish");
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM copied JOIN pairs USING (pair)"
        ),
        1
    );
}
