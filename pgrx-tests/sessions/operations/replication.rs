//! A physical standby reads everything and takes over; a logical subscriber gets counters and chains
//! as they are.

use super::{Checkpoint, assert_same, faults, live, live_on, portrait, texts};
use crate::claims::sessions::cluster::{Cluster, Database, sqlstate, wait_until};
use postgres::Client;

/// Functions of the extension that can be called without arguments and change nothing, and each view
/// of each module.
const READINGS: &str = "
    SELECT format('SELECT * FROM community_core.%I()', proname) FROM pg_proc
    WHERE pronamespace = 'community_core'::regnamespace AND provolatile <> 'v' AND prokind = 'f'
      AND pronargs = pronargdefaults
      AND prorettype <> 'trigger'::regtype
    UNION ALL
    SELECT format('SELECT * FROM %I.%I', nspname, relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'v' AND nspname IN (SELECT schema FROM community_core.modules())
    ORDER BY 1";

const MORE_READINGS: &[&str] = &[
    "SELECT community_core.audit_checkpoint('shop.deeds')",
    "SELECT * FROM community_core.verify_audit('shop.clicks')",
    "SELECT community_core.export_audit('shop.deeds')",
    "SELECT * FROM community_core.verify_module('tenancy')",
    "SELECT * FROM community_core.retention_due(now())",
    "SELECT community_core.contact_pair('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002')",
    "SELECT community_core.k_anonymous_count(id, 5) FROM auth.users",
    "SELECT community_core.k_anonymous_avg(user_id, overall_score, 5) FROM founders.investor_readiness_scores",
];

fn position(client: &mut Client) -> String {
    texts(client, "SELECT pg_current_wal_lsn()::text").concat()
}

#[test]
fn a_standby_answers_every_reading_function_and_a_promoted_one_continues_the_chains() {
    let primary = Cluster::private(&["fsync = off", "max_wal_senders = 4"]);
    let database = Database::with_modules(&primary, "all");
    let standby = Cluster::made_by(
        |new| {
            let from = primary.directory.display().to_string();
            primary.run(
                "pg_basebackup",
                &["-h", &from, "-D", &new.data(), "-c", "fast"],
                &[],
            );
        },
        &[
            "fsync = off",
            &format!(
                "primary_conninfo = 'host={} user=postgres'",
                primary.directory.display()
            ),
        ],
    );
    std::fs::write(format!("{}/standby.signal", standby.data()), "").expect("the signal");
    standby.up();
    let mut client = database.connect();
    live(&mut client);
    let checkpoint = Checkpoint::take(&mut client);
    let (before, written) = (portrait(&mut client), position(&mut client));

    let mut reader = standby.connect(&database.name, "postgres");
    wait_until(
        &mut reader,
        &format!("SELECT pg_last_wal_replay_lsn() >= '{written}'"),
    );
    assert_eq!(faults(&mut reader), Vec::<String>::new());
    assert_eq!(checkpoint.faults(&mut reader), Vec::<String>::new());
    assert_same(&before, &portrait(&mut reader));
    let readings = texts(&mut reader, READINGS);
    assert!(readings.len() > 10, "{readings:?}");
    for reading in readings
        .iter()
        .map(String::as_str)
        .chain(MORE_READINGS.iter().copied())
    {
        assert_eq!(
            (reading, &*sqlstate(reader.query(reading, &[]))),
            (reading, "00000")
        );
    }
    let write = "INSERT INTO shop.likes VALUES (1, 1)";
    assert_eq!(sqlstate(reader.batch_execute(write)), "25006");

    drop(client);
    primary.down("KILL");
    reader
        .batch_execute("SELECT pg_promote()")
        .expect("promote");
    live_on(&mut reader);
    assert_eq!(faults(&mut reader), Vec::<String>::new());
    assert_eq!(checkpoint.faults(&mut reader), Vec::<String>::new());
}

#[test]
fn a_logical_subscriber_gets_counters_and_chains_as_they_are() {
    let publisher = Cluster::private(&["fsync = off", "wal_level = logical"]);
    let subscriber = Cluster::private(&[
        "fsync = off",
        "wal_level = logical",
        "max_worker_processes = 16",
        "max_logical_replication_workers = 8",
        "max_sync_workers_per_subscription = 4",
        "wal_retrieve_retry_interval = 50ms",
    ]);
    let here = Database::with_modules(&publisher, "all");
    let mut client = here.connect();
    live(&mut client);
    let checkpoint = Checkpoint::take(&mut client);

    let schema = subscriber
        .directory
        .join("schema.sql")
        .display()
        .to_string();
    publisher.run(
        "pg_dump",
        &["--schema-only", "--no-publications", "-f", &schema],
        &[&here.name],
    );
    let there = Database::bare(&subscriber);
    subscriber.run(
        "psql",
        &[
            "-qX",
            "-o",
            "/dev/null",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            &schema,
        ],
        &[&there.name],
    );
    client
        .batch_execute("CREATE PUBLICATION everything FOR ALL TABLES")
        .expect("publish");
    let mut copy = there.connect();
    copy.batch_execute(&format!(
        "CREATE SUBSCRIPTION everything CONNECTION 'host={} user=postgres dbname={}' PUBLICATION everything",
        publisher.directory.display(),
        here.name
    ))
    .expect("subscribe");
    let ready = "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel";
    wait_until(&mut copy, ready);
    let arrived = |client: &mut Client, copy: &mut Client| {
        client
            .batch_execute("INSERT INTO auth.users (id) VALUES (gen_random_uuid())")
            .expect("something that is sent");
        let written = position(client);
        let applied =
            format!("SELECT bool_and(replay_lsn >= '{written}') FROM pg_stat_replication");
        wait_until(client, &applied);
        assert_eq!(faults(copy), Vec::<String>::new());
    };
    arrived(&mut client, &mut copy);
    assert_same(&portrait(&mut client), &portrait(&mut copy));
    assert_eq!(checkpoint.faults(&mut copy), Vec::<String>::new());

    live_on(&mut client);
    arrived(&mut client, &mut copy);
    assert_same(&portrait(&mut client), &portrait(&mut copy));
    assert_eq!(checkpoint.faults(&mut copy), Vec::<String>::new());
    copy.batch_execute("DROP SUBSCRIPTION everything")
        .expect("unsubscribe");
}
