//! Every way in which PostgreSQL makes a copy of a database gives one that is the same: rows, counters,
//! chains, published figures, and what a user added. `docs/backup.md` says these commands.

use super::{Checkpoint, assert_same, faults, live, live_on, lived_in, portrait, rules, texts};
use crate::claims::sessions::cluster::{Cluster, Database, server_user, wait_until};
use postgres::Client;

const PSQL: &[&str] = &["-qX", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1"];

/// A database with life in it, how it looked, and a checkpoint that somebody kept.
struct Original {
    database: Database<'static>,
    portrait: Vec<String>,
    checkpoint: Checkpoint,
}

impl Original {
    fn new() -> Original {
        let database = lived_in();
        let mut client = database.connect();
        assert_eq!(faults(&mut client), Vec::<String>::new());
        let portrait = portrait(&mut client);
        for there in [
            "seen through founders.benchmark_stage_aggregates 1 ",
            "shop.clicks 90 ",
            "column shop.post.colour",
            "index CREATE INDEX mine ON",
            "policy founders.cohorts mine",
            "index CREATE INDEX cohorts_colour_mine",
            "view public.mine",
        ] {
            assert!(
                portrait.iter().any(|line| line.starts_with(there)),
                "{there}"
            );
        }
        let checkpoint = Checkpoint::take(&mut client);
        Original {
            database,
            portrait,
            checkpoint,
        }
    }

    fn file(&self, name: &str) -> String {
        let directory = &self.database.cluster.directory;
        let file = directory.join(format!("{}-{name}", self.database.name));
        file.display().to_string()
    }

    /// A dump of it, made with these arguments.
    fn dump(&self, arguments: &[&str]) -> String {
        let file = self.file(&format!("dump{}", arguments.concat()).replace(['-', '*', '.'], "_"));
        let run = |more| self.database.cluster.run("pg_dump", arguments, more);
        run(&["-f", &file, &self.database.name]);
        file
    }

    /// The copy is whole, the same, and goes on.
    fn assert_copied_to(&self, copy: &Database) {
        let mut client = copy.connect();
        assert_same(&self.portrait, &portrait(&mut client));
        assert_eq!(faults(&mut client), Vec::<String>::new());
        assert_eq!(self.checkpoint.faults(&mut client), Vec::<String>::new());
        live_on(&mut client);
        assert_eq!(faults(&mut client), Vec::<String>::new());
        assert_eq!(self.checkpoint.faults(&mut client), Vec::<String>::new());
    }
}

fn psql(database: &Database, arguments: &[&str]) {
    database.cluster.run(
        "psql",
        PSQL,
        &[&["-d", database.name.as_str()][..], arguments].concat(),
    );
}

fn pg_restore(database: &Database, arguments: &[&str]) {
    let into = ["--exit-on-error", "-d", database.name.as_str()];
    database.cluster.run("pg_restore", &into, arguments);
}

#[test]
fn a_plain_dump_restores_the_same() {
    let original = Original::new();
    let dump = original.dump(&[]);
    let copy = Database::bare(Cluster::shared());
    psql(&copy, &["-f", &dump]);
    original.assert_copied_to(&copy);
}

#[test]
fn a_custom_dump_restores_the_same() {
    let original = Original::new();
    let dump = original.dump(&["-Fc"]);
    let copy = Database::bare(Cluster::shared());
    pg_restore(&copy, &[&dump]);
    original.assert_copied_to(&copy);
}

#[test]
fn a_parallel_dump_and_restore_give_the_same() {
    let original = Original::new();
    let dump = original.dump(&["-Fd", "-j", "3"]);
    let copy = Database::bare(Cluster::shared());
    pg_restore(&copy, &["-j", "3", &dump]);
    original.assert_copied_to(&copy);
}

#[test]
fn a_clean_restore_over_a_lived_in_database_gives_the_same() {
    let original = Original::new();
    let dump = original.dump(&["-Fc"]);
    original
        .database
        .connect()
        .batch_execute(
            "DELETE FROM founders.social_feed_reactions; DROP TABLE founders.expert_listings;
             DELETE FROM shop.post; INSERT INTO shop.deeds VALUES (1000, 'after the dump')",
        )
        .expect("change it");
    pg_restore(&original.database, &["--clean", "--if-exists", &dump]);
    original.assert_copied_to(&original.database);
}

#[test]
fn a_schema_dump_and_a_data_dump_restore_the_same() {
    let original = Original::new();
    let (schema, data) = (
        original.dump(&["--schema-only"]),
        original.dump(&["--data-only"]),
    );
    let copy = Database::bare(Cluster::shared());
    psql(&copy, &["-f", &schema]);
    let replica = "SET session_replication_role = replica";
    psql(&copy, &["-1", "-c", replica, "-f", &data]);
    original.assert_copied_to(&copy);
}

/// What makes the new database know of the module is that it was installed there, and empty.
#[test]
fn one_schema_alone_moves_to_another_database() {
    let original = Original::new();
    let mut client = original.database.connect();
    let people = original.dump(&["--data-only", "-t", "auth.users"]);
    for schema in texts(
        &mut client,
        "SELECT schema FROM community_core.modules() WHERE module <> 'identity'",
    ) {
        let dump = original.dump(&["-n", &schema]);
        let copy = Database::with_modules(Cluster::shared(), &schema);
        let make_room = format!("DROP SCHEMA {schema} CASCADE");
        psql(&copy, &["-c", &make_room, "-f", &people, "-f", &dump]);
        let mut copied = copy.connect();
        copied
            .batch_execute(&format!("SELECT community_core.install_module('{schema}')"))
            .expect("what hangs outside the schema");
        let of_schema = format!("SELECT '{schema}'");
        assert_same(
            &rules(&mut client, &of_schema),
            &rules(&mut copied, &of_schema),
        );
        let rows = |client: &mut Client| -> Vec<String> {
            let lines = portrait(client).into_iter();
            lines
                .filter(|line| line.starts_with(&format!("{schema}.")))
                .collect()
        };
        assert_same(&rows(&mut client), &rows(&mut copied));
        assert_eq!(faults(&mut copied), Vec::<String>::new());
    }
}

#[test]
fn a_base_backup_is_rolled_forward_to_the_moment_before_an_accident() {
    let cluster = Cluster::private(&["fsync = off", "max_wal_senders = 2"]);
    let archive = cluster.directory.join("archive");
    std::fs::create_dir(&archive).expect("the archive");
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(&archive, Some(uid), Some(gid)).expect("chown");
    }
    let archive = archive.display();
    let mut client = cluster.connect("postgres", "postgres");
    for setting in [
        "archive_mode = on".to_owned(),
        format!("archive_command = 'cp %p {archive}/%f'"),
    ] {
        client
            .batch_execute(&format!("ALTER SYSTEM SET {setting}"))
            .expect("set up the archive");
    }
    drop(client);
    cluster.down("INT");
    cluster.up();

    let database = Database::with_modules(&cluster, "all");
    let restored = Cluster::made_by(
        |new| {
            let from = cluster.directory.display().to_string();
            cluster.run(
                "pg_basebackup",
                &["-h", &from, "-D", &new.data(), "-c", "fast"],
                &[],
            );
        },
        &[
            "fsync = off",
            &format!("restore_command = 'cp {archive}/%f %p'"),
            "recovery_target_name = 'before the accident'",
            "recovery_target_action = promote",
        ],
    );
    std::fs::write(format!("{}/recovery.signal", restored.data()), "").expect("the signal");
    let mut client = database.connect();
    live(&mut client);
    let checkpoint = Checkpoint::take(&mut client);
    let before = portrait(&mut client);
    client
        .batch_execute("SELECT pg_create_restore_point('before the accident')")
        .expect("a restore point");
    let segment = texts(&mut client, "SELECT pg_walfile_name(pg_current_wal_lsn())").concat();
    client
        .batch_execute("DELETE FROM shop.post; SELECT pg_switch_wal()")
        .expect("an accident");
    let archived =
        format!("SELECT left(last_archived_wal, 24) >= '{segment}' FROM pg_stat_archiver");
    wait_until(&mut client, &archived);
    restored.up();
    let mut client = restored.connect(&database.name, "postgres");
    wait_until(&mut client, "SELECT NOT pg_is_in_recovery()");
    assert_same(&before, &portrait(&mut client));
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(checkpoint.faults(&mut client), Vec::<String>::new());
    live_on(&mut client);
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(checkpoint.faults(&mut client), Vec::<String>::new());
}
