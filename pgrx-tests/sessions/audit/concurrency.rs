//! Many writers, crashes, and conflicts: no fork, no gap.

use super::super::cluster::{Cluster, Database, send, sqlstate, wait_until_blocked};
use super::{count, faults};
use postgres::Client;

fn make_log(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TABLE log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), org integer, n integer);
             SELECT community_core.create_audit_log('log', '{org}')",
        )
        .expect("create the log");
}

/// Runs one transaction until it commits; how often it had to be tried.
fn insist(client: &mut Client, isolation: &str, work: &str) -> usize {
    for attempt in 1.. {
        let begun = client.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}; {work}"));
        match begun.and_then(|()| client.batch_execute("COMMIT")) {
            Ok(()) => return attempt,
            Err(error) => {
                assert_eq!(sqlstate::<()>(Err(error)), "40001");
                client.batch_execute("ROLLBACK").expect("rollback");
            }
        }
    }
    unreachable!()
}

fn eight_writers(chains: i32, isolation: &str) {
    const CLIENTS: i32 = 8;
    const TRANSACTIONS: i32 = 200;
    let database = Database::engines();
    make_log(&mut database.connect());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let database = &database;
            scope.spawn(move || {
                let mut connection = database.connect();
                for n in 0..TRANSACTIONS {
                    let org = (client + n) % chains;
                    // Every third writes to two chains, every fifth rolls a savepoint back.
                    let second = if n % 3 == 0 {
                        format!(
                            "INSERT INTO log (org, n) VALUES ({}, {n});",
                            (org + 1) % chains
                        )
                    } else {
                        String::new()
                    };
                    let lost = if n % 5 == 0 {
                        "SAVEPOINT s; INSERT INTO log (org, n) VALUES (0, -1); ROLLBACK TO s;"
                    } else {
                        ""
                    };
                    let work =
                        format!("INSERT INTO log (org, n) VALUES ({org}, {n}); {lost} {second}");
                    insist(&mut connection, isolation, &work);
                }
            });
        }
    });
    let mut client = database.connect();
    assert_eq!(faults(&mut client), Vec::<String>::new());
    let expected = i64::from(CLIENTS * (TRANSACTIONS + (TRANSACTIONS + 2) / 3));
    assert_eq!(count(&mut client, "SELECT count(*) FROM log"), expected);
    assert_eq!(
        count(&mut client, "SELECT count(*) FROM log_seal"),
        expected
    );
    assert_eq!(
        count(&mut client, "SELECT sum(size)::int8 FROM log_head"),
        expected
    );
    assert_eq!(
        count(&mut client, "SELECT count(*) FROM log_head"),
        i64::from(chains)
    );
    let gaps = "SELECT count(*) FROM (SELECT max(sequence) <> count(*) AS gap FROM log_seal
                GROUP BY chain) s WHERE gap";
    assert_eq!(count(&mut client, gaps), 0);
}

#[test]
fn eight_writers_of_one_chain_leave_no_fork_and_no_gap() {
    eight_writers(1, "READ COMMITTED");
}

#[test]
fn eight_writers_of_eight_chains_leave_no_fork_and_no_gap() {
    eight_writers(8, "READ COMMITTED");
}

#[test]
fn eight_writers_under_repeatable_read_leave_no_fork_and_no_gap() {
    eight_writers(1, "REPEATABLE READ");
    eight_writers(8, "REPEATABLE READ");
}

#[test]
fn a_conflict_under_repeatable_read_is_40001_and_says_what_to_do() {
    let database = Database::engines();
    let mut first = database.connect();
    make_log(&mut first);
    first
        .batch_execute("INSERT INTO log (org) VALUES (1)")
        .expect("begin the chain");
    let mut second = database.connect();
    second
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO log (org) VALUES (1)")
        .expect("write");
    first
        .batch_execute("INSERT INTO log (org) VALUES (1)")
        .expect("get ahead");
    let error = second.batch_execute("COMMIT").expect_err("a conflict");
    let error = error.as_db_error().expect("an error of the database");
    assert_eq!(error.code().code(), "40001");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("again")),
        "{:?}",
        error.hint()
    );
    assert_eq!(faults(&mut first), Vec::<String>::new());
}

#[test]
fn whoever_seals_second_waits_and_goes_on_behind_the_first() {
    let database = Database::engines();
    let mut first = database.connect();
    make_log(&mut first);
    first
        .batch_execute("INSERT INTO log (org, n) VALUES (1, 0)")
        .expect("begin the chain");
    let mut open = first.transaction().expect("begin");
    open.batch_execute(
        "INSERT INTO log (org, n) VALUES (1, 1); SELECT community_core.seal_audit('log')",
    )
    .expect("hold the head");
    let mut second = database.connect();
    let writer = std::thread::spawn(move || {
        second
            .batch_execute("INSERT INTO log (org, n) VALUES (1, 2)")
            .expect("wait and write");
    });
    wait_until_blocked(&mut database.connect(), 1);
    open.commit().expect("commit");
    writer.join().expect("the second writer");
    let order: String = first
        .query_one(
            "SELECT string_agg(n::text, ' ' ORDER BY sequence)
             FROM log_seal JOIN log ON id = entry",
            &[],
        )
        .expect("order")
        .get(0);
    assert_eq!(order, "0 1 2");
    assert_eq!(faults(&mut first), Vec::<String>::new());
}

#[test]
fn a_log_outlives_crashes_of_a_backend_and_of_the_server() {
    let cluster = Cluster::private(&["fsync = on", "restart_after_crash = on"]);
    let database = Database::with_modules(&cluster, "none");
    let mut client = database.connect();
    make_log(&mut client);
    drop(client);
    for round in 0..2 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let database = &database;
                scope.spawn(move || {
                    let Ok(mut writer) = database
                        .cluster
                        .config(&database.name, "postgres")
                        .connect(postgres::NoTls)
                    else {
                        return;
                    };
                    let mut n = 0;
                    while writer
                        .batch_execute(&format!(
                            "BEGIN; INSERT INTO log (org, n) VALUES ({n} % 3, {n});
                             INSERT INTO log (org, n) SELECT i % 3, i FROM generate_series(1, 20) i;
                             COMMIT"
                        ))
                        .is_ok()
                    {
                        n += 1;
                    }
                });
            }
            let mut observer = database.connect();
            let written = "SELECT count(*) FROM log";
            let before = count(&mut observer, written);
            while count(&mut observer, written) < before + 500 {}
            if round == 0 {
                let pid = count(
                    &mut observer,
                    "SELECT min(pid)::int8 FROM pg_stat_activity
                     WHERE query LIKE 'BEGIN; INSERT%' AND pid <> pg_backend_pid()",
                );
                assert!(send("KILL", pid));
            } else {
                cluster.down("KILL");
            }
        });
        if round == 1 {
            cluster.up();
        }
        let config = cluster.config(&database.name, "postgres");
        let mut client = loop {
            if let Ok(client) = config.connect(postgres::NoTls) {
                break client;
            }
            std::thread::yield_now();
        };
        assert_eq!(faults(&mut client), Vec::<String>::new());
        let same = "SELECT (SELECT count(*) FROM log) - (SELECT sum(size)::int8 FROM log_head)";
        assert_eq!(count(&mut client, same), 0);
        client
            .batch_execute("INSERT INTO log (org) VALUES (0)")
            .expect("go on");
        assert_eq!(faults(&mut client), Vec::<String>::new());
    }
}

#[test]
fn verifying_while_others_write_finds_no_fault_and_takes_no_transaction_id() {
    let database = Database::engines();
    let mut client = database.connect();
    make_log(&mut client);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut writer = database.connect();
                    for n in 0..200 {
                        writer
                            .batch_execute(&format!("INSERT INTO log (org, n) VALUES ({n} % 2, 1)"))
                            .expect("write");
                    }
                })
            })
            .collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            let mut transaction = client.transaction().expect("begin");
            let faults = transaction
                .query("SELECT * FROM community_core.verify_audit('log')", &[])
                .expect("verify");
            let assigned: Option<String> = transaction
                .query_one("SELECT pg_current_xact_id_if_assigned()::text", &[])
                .expect("ask for the transaction id")
                .get(0);
            assert_eq!((faults.len(), assigned), (0, None));
        }
    });
}
