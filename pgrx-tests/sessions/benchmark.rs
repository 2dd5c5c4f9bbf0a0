//! Benchmarks with several sessions: withdrawals that meet a refresh, crashes, dumps.

use super::cluster::{Cluster, Database, send, wait_until_blocked};
use crate::claims::benchmark::COMMUNITY;
use postgres::Client;

/// A database with six people: 50, 60, 70, 80, 90 and 100, all consenting, not yet refreshed.
fn community() -> Database<'static> {
    community_in(Database::engines())
}

fn community_in(database: Database) -> Database {
    let mut client = database.connect();
    client
        .batch_execute(&COMMUNITY.replace("SET LOCAL", "SET"))
        .expect("the community");
    client
        .batch_execute(
            "SELECT join_in(number, 'seed', 'fintech', 50 + 10 * number) FROM generate_series(0, 5) AS number",
        )
        .expect("people");
    database
}

/// A session that must never wait for a lock.
fn session(database: &Database) -> Client {
    let mut client = database.connect();
    client
        .batch_execute("SET search_path = figures; SET lock_timeout = '5s'")
        .expect("settings");
    client
}

fn refresh(client: &mut Client) -> bool {
    client
        .query_one(
            "SELECT community_core.refresh_benchmark('irs_by_stage')",
            &[],
        )
        .expect("a refresh")
        .get(0)
}

fn withdraw(client: &mut Client, person: i32) {
    client
        .execute(
            "UPDATE consent_preferences SET enabled = false WHERE user_id = person($1)",
            &[&person],
        )
        .expect("a withdrawal");
}

fn published(client: &mut Client) -> String {
    client
        .query_one(
            "SELECT coalesce(string_agg(concat_ws(' ', stage, contributors, average), '; ' ORDER BY stage), 'nothing')
             FROM irs_by_stage",
            &[],
        )
        .expect("the view")
        .get(0)
}

#[test]
fn a_withdrawal_during_a_refresh_does_not_wait_and_is_never_published() {
    let database = community();
    let (mut refreshing, mut person, mut reader) =
        (session(&database), session(&database), session(&database));
    refreshing.batch_execute("BEGIN").expect("begin");
    assert!(refresh(&mut refreshing));
    assert_eq!(published(&mut refreshing), "seed 5 75");
    withdraw(&mut person, 0);
    refreshing.batch_execute("COMMIT").expect("commit");
    assert_eq!(published(&mut reader), "nothing");
    refresh(&mut person);
    assert_eq!(published(&mut reader), "nothing");
}

#[test]
fn a_withdrawal_between_the_queue_and_the_source_is_not_published() {
    let database = community();
    let (mut locker, mut person, mut reader) =
        (session(&database), session(&database), session(&database));
    locker
        .batch_execute("BEGIN; LOCK TABLE scores IN ACCESS EXCLUSIVE MODE")
        .expect("lock");
    let mut refreshing = database.connect();
    refreshing
        .batch_execute("SET search_path = figures")
        .expect("settings");
    let refresher = std::thread::spawn(move || {
        // The queue is taken by now, the source is not read.
        refresh(&mut refreshing)
    });
    wait_until_blocked(&mut reader, 1);
    withdraw(&mut person, 0);
    withdraw(&mut person, 1);
    locker.batch_execute("COMMIT").expect("unlock");
    assert!(refresher.join().expect("the refresh"));
    assert_eq!(published(&mut reader), "nothing", "four are left");
}

#[test]
fn a_withdrawal_while_the_refresh_waits_for_its_queue_is_not_published() {
    let database = community();
    let (mut locker, mut person, mut reader) =
        (session(&database), session(&database), session(&database));
    refresh(&mut reader);
    // With six more, the cell may be released again.
    reader
        .batch_execute(
            "SELECT join_in(number, 'seed', 'fintech', 100) FROM generate_series(10, 15) AS number",
        )
        .expect("people");
    // Withdrawals are written elsewhere, so only the refresh waits. If it had read the source by
    // now, it would take the withdrawal off the list and publish the person nevertheless.
    locker
        .batch_execute("BEGIN; LOCK TABLE irs_by_stage_queue IN EXCLUSIVE MODE")
        .expect("lock");
    let mut refreshing = database.connect();
    refreshing
        .batch_execute("SET search_path = figures")
        .expect("settings");
    let refresher = std::thread::spawn(move || refresh(&mut refreshing));
    wait_until_blocked(&mut reader, 1);
    withdraw(&mut person, 0);
    locker.batch_execute("COMMIT").expect("unlock");
    assert!(refresher.join().expect("the refresh"));
    let of_person_0: i64 = reader
        .query_one(
            "SELECT count(*) FROM irs_by_stage_contributions
             WHERE subject = person(0) AND subject NOT IN (SELECT subject FROM irs_by_stage_withdrawn)",
            &[],
        )
        .expect("contributions")
        .get(0);
    assert_eq!(of_person_0, 0);
    refresh(&mut reader);
    assert_eq!(published(&mut reader), "seed 10 91");
}

#[test]
fn an_uncommitted_withdrawal_is_published_only_until_it_commits() {
    let database = community();
    let (mut refreshing, mut person, mut reader) =
        (session(&database), session(&database), session(&database));
    person.batch_execute("BEGIN").expect("begin");
    withdraw(&mut person, 0);
    assert!(refresh(&mut refreshing));
    assert_eq!(published(&mut reader), "seed 5 75");
    assert_eq!(
        published(&mut person),
        "nothing",
        "in the withdrawing transaction itself"
    );
    person.batch_execute("COMMIT").expect("commit");
    assert_eq!(published(&mut reader), "nothing");
}

#[test]
fn a_withdrawal_that_is_rolled_back_changes_nothing() {
    let database = community();
    let (mut person, mut reader) = (session(&database), session(&database));
    refresh(&mut reader);
    person.batch_execute("BEGIN").expect("begin");
    withdraw(&mut person, 0);
    person.batch_execute("ROLLBACK").expect("rollback");
    assert_eq!(published(&mut reader), "seed 5 75");
}

#[test]
fn withdrawals_from_one_cell_do_not_wait_for_each_other() {
    let database = community();
    let (mut one, mut other, mut reader) =
        (session(&database), session(&database), session(&database));
    refresh(&mut reader);
    one.batch_execute("BEGIN").expect("begin");
    withdraw(&mut one, 0);
    withdraw(&mut other, 1);
    assert_eq!(published(&mut reader), "nothing");
    one.batch_execute("COMMIT").expect("commit");
}

#[test]
fn of_two_refreshes_one_works_and_the_other_returns() {
    let database = community();
    let (mut one, mut other) = (session(&database), session(&database));
    one.batch_execute("BEGIN").expect("begin");
    assert!(refresh(&mut one));
    assert!(!refresh(&mut other));
    one.batch_execute("COMMIT").expect("commit");
    assert!(refresh(&mut other));
    assert_eq!(published(&mut other), "seed 5 75");
}

/// Six more come, and the refresh that is to take them up is ended by `end` while it waits for a table
/// that is locked as `lock` says.
fn refresh_is_ended(database: &Database, lock: &str, end: impl FnOnce(&mut Client, i32)) {
    let (mut locker, mut reader) = (session(database), session(database));
    refresh(&mut reader);
    reader
        .batch_execute(
            "SELECT join_in(number, 'seed', 'fintech', 100) FROM generate_series(10, 15) AS number",
        )
        .expect("people");
    locker
        .batch_execute(&format!("BEGIN; LOCK TABLE {lock}"))
        .expect("lock");
    let mut refreshing = database.connect();
    refreshing
        .batch_execute("SET search_path = figures")
        .expect("settings");
    let pid: i32 = refreshing
        .query_one("SELECT pg_backend_pid()", &[])
        .expect("pid")
        .get(0);
    let refresher = std::thread::spawn(move || {
        let statement = "SELECT community_core.refresh_benchmark('irs_by_stage')";
        refreshing.query_one(statement, &[]).is_err()
    });
    wait_until_blocked(&mut reader, 1);
    end(&mut reader, pid);
    assert!(
        refresher.join().expect("the refresh"),
        "the refresh was killed"
    );
}

fn last_release_stands_and_the_next_has_all(client: &mut Client) {
    assert_eq!(published(client), "seed 5 75");
    assert!(refresh(client));
    assert_eq!(published(client), "seed 10 88");
}

#[test]
fn a_killed_refresh_leaves_the_last_release_and_loses_no_change() {
    let database = community();
    let lock = "scores IN ACCESS EXCLUSIVE MODE";
    refresh_is_ended(&database, lock, |reader, pid| {
        reader
            .execute("SELECT pg_terminate_backend($1)", &[&pid])
            .expect("terminate");
    });
    last_release_stands_and_the_next_has_all(&mut session(&database));
}

#[test]
fn a_refresh_killed_while_it_writes_leaves_the_last_release_and_the_next_is_right() {
    let cluster = Cluster::private(&["fsync = on", "restart_after_crash = on"]);
    let database = community_in(Database::with_modules(&cluster, "none"));
    // Contributions and cells are written by the time that the histograms are.
    let lock = "irs_by_stage_histogram IN SHARE MODE";
    refresh_is_ended(&database, lock, |reader, pid| {
        assert!(send("KILL", pid.into()));
        // Until the server has noticed and ends everybody, it takes connections that it will end, too.
        while reader.batch_execute("").is_ok() {}
    });
    let config = cluster.config(&database.name, "postgres");
    let mut client = loop {
        if let Ok(client) = config.connect(postgres::NoTls) {
            break client;
        }
    };
    client
        .batch_execute("SET search_path = figures")
        .expect("settings");
    last_release_stands_and_the_next_has_all(&mut client);
}

#[test]
fn a_reader_takes_no_transaction_id() {
    let database = community();
    let mut reader = session(&database);
    refresh(&mut reader);
    reader.batch_execute("BEGIN").expect("begin");
    published(&mut reader);
    reader
        .query("SELECT * FROM community_core.benchmarks()", &[])
        .expect("benchmarks");
    reader
        .query(
            "SELECT * FROM community_core.benchmark_coverage('irs_by_stage')",
            &[],
        )
        .expect("coverage");
    let id: Option<String> = reader
        .query_one("SELECT pg_current_xact_id_if_assigned()::text", &[])
        .expect("id")
        .get(0);
    assert_eq!(id, None);
}

#[test]
fn a_restored_dump_publishes_the_same_and_still_hides_a_withdrawal() {
    let database = community();
    refresh(&mut session(&database));
    let restored = database.restored();
    let mut client = session(&restored);
    assert_eq!(published(&mut client), "seed 5 75");
    withdraw(&mut client, 3);
    assert_eq!(published(&mut client), "nothing");
    refresh(&mut client);
    assert_eq!(
        published(&mut client),
        "nothing",
        "five are left, but one less than before"
    );
}

#[test]
fn dropping_the_extension_keeps_the_tables_and_nothing_stays_readable() {
    let database = community();
    let mut client = session(&database);
    refresh(&mut client);
    client
        .batch_execute("DROP EXTENSION community_core CASCADE")
        .expect("drop");
    assert!(client.query("SELECT * FROM irs_by_stage", &[]).is_err());
    let rows: i64 = client
        .query_one("SELECT count(*) FROM irs_by_stage_contributions", &[])
        .expect("rows")
        .get(0);
    assert_eq!(rows, 6);
    withdraw(&mut client, 0);
    client
        .batch_execute("SET community_core.modules = 'none'; CREATE EXTENSION community_core")
        .expect("create");
    let again = COMMUNITY
        .split("SELECT community_core")
        .nth(1)
        .expect("the creation");
    client
        .batch_execute(&format!("SELECT community_core{again}"))
        .expect("repair");
    assert_eq!(
        published(&mut client),
        "nothing",
        "who withdrew meanwhile is not known yet"
    );
    refresh(&mut client);
    let rows: i64 = client
        .query_one("SELECT count(*) FROM irs_by_stage_contributions", &[])
        .expect("rows")
        .get(0);
    assert_eq!(rows, 5);
    assert_eq!(published(&mut client), "nothing");
}

#[test]
fn a_second_benchmark_about_the_same_people_is_told_of() {
    let database = community();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = told.clone();
    let mut client = database
        .cluster
        .config(&database.name, "postgres")
        .notice_callback(move |notice| {
            let message = notice.message().to_owned();
            listener.lock().expect("the list").push(message);
        })
        .connect(postgres::NoTls)
        .expect("connect");
    let mut create = |name: &str, category: &str| {
        told.lock().expect("the list").clear();
        client
            .batch_execute(&format!(
                "SET search_path = figures;
                 SELECT community_core.create_benchmark('{name}',
                    'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.industry
                     FROM profiles p JOIN scores s ON s.user_id = p.id',
                    dimensions => '{{industry}}', consent_category => '{category}', consent => 'consent_preferences',
                    watch => '{{\"scores\": \"user_id\"}}', minimum => 0, maximum => 100)"
            ))
            .expect("a benchmark");
        told.lock().expect("the list").join("; ")
    };
    assert_eq!(create("of_others", "messaging"), "");
    let told_of = create("irs_by_industry", "benchmarks");
    assert!(
        told_of.starts_with(
            "benchmarks figures.irs_by_industry and figures.irs_by_stage are about the same people"
        ),
        "{told_of}"
    );
}
