//! Whatever dies, fills up, takes too long or is cancelled: the error is one that can be understood,
//! and afterwards nothing is half done. What is drawn by chance comes from a fixed seed.

use super::upgrade::{extension_version, last_release_in};
use super::{faults, live, live_on, texts};
use crate::claims::sessions::cluster::{
    Cluster, Database, PrivateCluster, send, server_user, sqlstate,
};
use postgres::{Client, NoTls};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a database is busy with: loading, sealing, publishing, forgetting.
const WORKS: &[(&str, &str)] = &[
    (
        "bulk load",
        "INSERT INTO shop.likes SELECT 1 + n % 20, 1 + n % 5 FROM generate_series(1, 5000) AS n;
         INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
         SELECT organization_id, id, n, '2026-04-01' FROM tenancy.customers, generate_series(1, 30) AS n;
         DELETE FROM shop.likes WHERE ctid IN (SELECT ctid FROM shop.likes LIMIT 4000)",
    ),
    (
        "sealing",
        "INSERT INTO shop.clicks (id, org) SELECT (SELECT max(id) FROM shop.clicks) + n, n % 3 FROM generate_series(1, 500) AS n;
         INSERT INTO shop.deeds SELECT (SELECT max(id) FROM shop.deeds) + n, 'deed' FROM generate_series(1, 200) AS n;
         SELECT community_core.seal_audit('shop.clicks')",
    ),
    (
        "refresh",
        "UPDATE founders.consent_preferences SET enabled = NOT enabled WHERE category = 'benchmarks' AND random() < 0.2;
         UPDATE founders.investor_readiness_scores SET overall_score = 20 + random() * 60;
         SELECT founders.refresh_benchmark_aggregates()",
    ),
    (
        "retention",
        "INSERT INTO shop.visit SELECT (SELECT coalesce(max(id), 0) FROM shop.visit) + n, '192.0.2.1', now() - make_interval(days => n % 60)
         FROM generate_series(1, 2000) AS n;
         CALL community_core.apply_retention(200)",
    ),
    ("upgrade", "ALTER EXTENSION community_core UPDATE"),
];

/// Numbers that look drawn, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Statement by statement, as retention commits in between.
fn work(client: &mut Client, statements: &str) -> Result<(), postgres::Error> {
    statements
        .split(';')
        .try_for_each(|statement| client.batch_execute(statement))
}

/// Entries of a block log wait for the next sealing, after a fault too.
fn faults_after_sealing(client: &mut Client) -> Vec<String> {
    client
        .batch_execute("SELECT community_core.seal_audit()")
        .expect("seal what waits");
    faults(client)
}

/// A cluster with a database that is lived in, and one as the last release left it.
struct Place {
    cluster: PrivateCluster,
    lived: String,
    released: String,
}

impl Place {
    fn new(settings: &[&str]) -> Place {
        let cluster = Cluster::private(settings);
        let lived = Database::with_modules(&cluster, "all");
        live(&mut lived.connect());
        let released = last_release_in(&cluster);
        let names = (lived.name.clone(), released.name.clone());
        // Both go with the cluster.
        std::mem::forget((lived, released));
        Place {
            cluster,
            lived: names.0,
            released: names.1,
        }
    }

    /// The database that a work is done in; an upgrade is done in a copy, so that it can be done again.
    fn database_for(&self, work: &str) -> Database<'_> {
        let template = if work == "upgrade" {
            &self.released
        } else {
            &self.lived
        };
        match work {
            "upgrade" => Database::copy(&self.cluster, template),
            _ => Database {
                cluster: &self.cluster,
                name: template.clone(),
            },
        }
    }

    /// Whole, whichever version it has, and it can be brought to this one.
    fn assert_whole(&self, work: &str, database: Database) {
        let mut client = database.connect();
        if work == "upgrade" {
            if extension_version(&mut client) != env!("CARGO_PKG_VERSION") {
                let verify = "SELECT v::text FROM community_core.verify_counters() v
                              UNION ALL SELECT v::text FROM community_core.verify_audit() v";
                assert_eq!(texts(&mut client, verify), Vec::<String>::new());
                client
                    .batch_execute("ALTER EXTENSION community_core UPDATE")
                    .expect("upgrade after all");
            }
            assert_eq!(faults(&mut client), Vec::<String>::new());
        } else {
            assert_eq!(faults_after_sealing(&mut client), Vec::<String>::new());
            std::mem::forget(database);
        }
    }
}

/// How many rounds: `make faults` plays more.
fn rounds(usually: u64) -> u64 {
    match std::env::var("COMMUNITY_CORE_FAULTS") {
        Ok(rounds) => rounds.parse().expect("COMMUNITY_CORE_FAULTS is a number"),
        Err(_) => usually,
    }
}

#[test]
fn whatever_is_killed_while_it_works_everything_is_whole_after_recovery() {
    let place = Place::new(&["fsync = off", "max_wal_size = 128MB"]);
    let mut chance = Chance(20_261_125);
    for round in 0..rounds(10) {
        let (name, statements) = WORKS[(round % WORKS.len() as u64) as usize];
        let kills_server = chance.below(2) == 0;
        let delay = Duration::from_millis(chance.below(400));
        let database = place.database_for(name);
        let mut client = database.connect();
        let pid: i32 = client
            .query_one("SELECT pg_backend_pid()", &[])
            .expect("pid")
            .get(0);
        let worker = std::thread::spawn(move || {
            while work(&mut client, statements).is_ok() {
                // An upgrade is done once; the connection is then idle when it is killed.
                if name == "upgrade" {
                    return;
                }
            }
        });
        std::thread::sleep(delay);
        if kills_server {
            place.cluster.down("KILL");
            place.cluster.up();
        } else {
            // Nothing is there to be killed where the upgrade was done already.
            send("KILL", pid.into());
            wait_for_recovery(&place.cluster, pid);
        }
        worker.join().expect("the worker");
        eprintln!(
            "round {round}: {name}, {} killed after {delay:?}",
            if kills_server { "server" } else { "backend" }
        );
        place.assert_whole(name, database);
    }
    let mut client = place.cluster.connect(&place.lived, "postgres");
    live_on(&mut client);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

/// After one backend is killed, the server ends all of them and recovers.
fn wait_for_recovery(cluster: &Cluster, pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "no recovery: {}", cluster.log());
        if let Ok(mut client) = cluster.config("postgres", "postgres").connect(NoTls) {
            let there = "SELECT 1 FROM pg_stat_activity WHERE pid = $1";
            if client
                .query(there, &[&pid])
                .is_ok_and(|rows| rows.is_empty())
            {
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn timeouts_and_cancels_at_any_moment_leave_nothing_half_done() {
    let place = Place::new(&["fsync = off", "max_wal_size = 128MB"]);
    let mut chance = Chance(1_125);
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..rounds(30) {
        let (name, statements) = WORKS[(round % WORKS.len() as u64) as usize];
        let database = place.database_for(name);
        let (mut client, mut other) = (database.connect(), database.connect());
        let milliseconds = 1 + chance.below(if name == "upgrade" { 600 } else { 60 });
        let kind = chance.below(3);
        let outcome = match kind {
            0 => {
                let timeout = format!("SET statement_timeout = {milliseconds}");
                client.batch_execute(&timeout).expect("set");
                work(&mut client, statements)
            }
            1 => {
                other
                    .batch_execute(
                        "BEGIN; SELECT FROM shop.post ORDER BY id LIMIT 5 FOR UPDATE;
                         SELECT FROM tenancy.customers FOR UPDATE; LOCK shop.visit IN SHARE MODE;
                         LOCK founders.investor_readiness_scores, shop.clicks_head IN SHARE MODE",
                    )
                    .expect("hold locks");
                client.batch_execute("SET lock_timeout = 20").expect("set");
                work(&mut client, statements)
            }
            _ => {
                let token = client.cancel_token();
                let canceller = std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(milliseconds));
                    token.cancel_query(NoTls)
                });
                let outcome = work(&mut client, statements);
                canceller.join().expect("the thread").expect("cancel");
                outcome
            }
        };
        let code = sqlstate(outcome);
        assert!(
            ["00000", "57014", "55P03"].contains(&&*code),
            "{name}, {kind}, {milliseconds} ms: {code}"
        );
        *seen.entry(code).or_insert(0) += 1;
        drop((client, other));
        place.assert_whole(name, database);
    }
    assert!(
        seen.contains_key("57014") && seen.contains_key("55P03"),
        "{seen:?}"
    );
}

/// A file system that is gone with the value.
struct SmallDisk(String);

impl SmallDisk {
    fn mount(directory: &str, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir(directory).expect("the directory");
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs", directory])
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(directory.to_owned()));
        }
        eprintln!("skipped: a tmpfs can be mounted by root only");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

#[test]
fn a_full_disk_is_told_as_one_and_leaves_nothing_half_done() {
    let cluster = Cluster::private(&["fsync = off", "max_wal_size = 128MB"]);
    let directory = cluster.directory.join("small").display().to_string();
    let Some(disk) = SmallDisk::mount(&directory, "96m") else {
        return;
    };
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(&disk.0, Some(uid), Some(gid)).expect("chown");
    }
    let mut client = cluster.connect("postgres", "postgres");
    client
        .batch_execute(&format!("CREATE TABLESPACE small LOCATION '{directory}'"))
        .expect("a tablespace");
    client
        .batch_execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")
        .expect("a database");
    let mut client = cluster.connect("small", "postgres");
    client
        .batch_execute("CREATE EXTENSION community_core")
        .expect("create");
    live(&mut client);
    client
        .batch_execute("CREATE TABLE ballast AS SELECT repeat(md5(n::text), 30) FROM generate_series(1, 2000) AS n")
        .expect("what can be thrown away later");
    let mut full = 0;
    for round in 0..400 {
        let (name, statements) = WORKS[round % (WORKS.len() - 1)];
        let code = sqlstate(work(&mut client, statements));
        // What retention could not do is a warning and a record, if there is room for one.
        assert!(["00000", "53100"].contains(&&*code), "{name}: {code}");
        full += usize::from(code == "53100");
        if full == 8 {
            break;
        }
    }
    assert_eq!(full, 8, "the disk was full");
    client
        .batch_execute("DROP TABLE ballast")
        .expect("make room");
    assert_eq!(faults_after_sealing(&mut client), Vec::<String>::new());
    live_on(&mut client);
    assert_eq!(faults(&mut client), Vec::<String>::new());
    drop(client);
    cluster.down("INT");
}

/// Takes away what a backend may still allocate but for two megabytes, as the server's user.
fn starve(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let Some(size) = size else {
        return false;
    };
    let mut prlimit = Command::new("prlimit");
    if let Some((uid, gid)) = server_user() {
        prlimit.uid(uid).gid(gid);
    }
    let limit = format!("--as={}", (size << 10) + (2 << 20));
    let limited = prlimit.args(["--pid", &pid.to_string(), &limit]).status();
    limited.is_ok_and(|status| status.success())
}

/// Postgres' own allocations fail with 53200. Rust's cannot fail but by ending the process, as the
/// kernel's out-of-memory killer would; then the server recovers.
#[test]
fn one_backend_that_runs_out_of_memory_leaves_nothing_half_done() {
    let place = Place::new(&["fsync = off", "max_wal_size = 128MB"]);
    for statement in [
        "INSERT INTO shop.likes SELECT 1, 1 FROM generate_series(1, 400000)",
        "INSERT INTO shop.deeds SELECT 1000 + n FROM (SELECT generate_series(1, 400000) AS n) AS g",
        "SELECT community_core.k_anonymous_percentile(gen_random_uuid(), n, 0.5, 5)
         FROM (SELECT generate_series(1, 400000) AS n) AS g",
    ] {
        let database = place.database_for("bulk load");
        let mut client = database.connect();
        for (name, warming) in &WORKS[..4] {
            work(&mut client, warming).expect(name);
        }
        let pid: i32 = client
            .query_one("SELECT pg_backend_pid()", &[])
            .expect("pid")
            .get(0);
        if !starve(pid) {
            eprintln!("skipped: prlimit cannot limit a backend here");
            return;
        }
        let code = sqlstate(client.batch_execute(statement));
        assert!(["53200", "connection closed"].contains(&&*code), "{code}");
        drop(client);
        wait_for_recovery(&place.cluster, pid);
        place.assert_whole("bulk load", database);
    }
}
