//! From every released version, kept in `releases/`, the extension is brought to this one: the same
//! functions and tables as freshly installed, the data in place, nobody kept waiting.

use super::{ADDITIONS, assert_same, faults, live_on, rules, texts};
use crate::claims::sessions::cluster::{Cluster, Database, extension_directory, sqlstate};
use postgres::{Client, NoTls};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const UPDATE: &str = "ALTER EXTENSION community_core UPDATE";
const THIS_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Without identity, which comes with the first module.
const MODULES: &str =
    "SELECT schema FROM community_core.modules() WHERE module <> 'identity' ORDER BY schema";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of the released versions, the last one last.
fn releases() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(repository().join("pgrx-tests/releases")).expect("releases");
    let mut folders: Vec<PathBuf> = folders
        .map(|entry| entry.expect("a folder").path())
        .collect();
    folders.sort_by_key(|folder| {
        let numbers = version(folder)
            .split('.')
            .map(|part| part.parse::<u32>().expect("a number"));
        numbers.collect::<Vec<_>>()
    });
    folders
}

fn version(folder: &Path) -> &str {
    folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a version")
}

/// A released version's install script, where the server finds it for as long as this lives.
struct InstallScript(PathBuf);

impl InstallScript {
    fn of(release: &Path) -> InstallScript {
        let name = format!("community_core--{}.sql", version(release));
        let (from, to) = (release.join(&name), extension_directory().join(&name));
        if std::fs::copy(&from, &to).is_err() {
            let copied = Command::new("sudo").arg("cp").args([&from, &to]).status();
            assert!(copied.is_ok_and(|status| status.success()), "copy {name}");
        }
        InstallScript(to)
    }
}

impl Drop for InstallScript {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.0).is_err() {
            let _ = Command::new("sudo").arg("rm").arg(&self.0).status();
        }
    }
}

/// A dump says no version: it may be restored into a server that has only a later one.
#[test]
fn a_dump_of_an_older_release_is_restored_into_this_version() {
    for release in releases() {
        let dump = std::fs::read_to_string(release.join("database.sql")).expect("the dump");
        let clause = format!(" VERSION '{}'", version(&release));
        assert!(dump.contains(&clause));
        let database = loaded(Cluster::shared(), &dump.replacen(&clause, "", 1));
        let mut client = database.connect();
        live_on(&mut client);
        assert_eq!(
            sqlstate(client.query("SELECT * FROM community_core.verify_module()", &[])),
            "25006"
        );
        let migrate = "SELECT error FROM community_core.migrate_modules() WHERE error IS NOT NULL";
        assert_eq!(texts(&mut client, migrate), Vec::<String>::new());
        assert_eq!(faults(&mut client), Vec::<String>::new());
    }
}

/// A database that the release made, as it was dumped then.
fn restored<'a>(cluster: &'a Cluster, release: &Path) -> Database<'a> {
    let _script = InstallScript::of(release);
    let dump = std::fs::read_to_string(release.join("database.sql")).expect("the dump");
    loaded(cluster, &dump)
}

/// What a script makes in an empty database. It is read where the cluster is: the checkout need not
/// be open to the user that the server runs as.
fn loaded<'a>(cluster: &'a Cluster, script: &str) -> Database<'a> {
    let database = Database::bare(cluster);
    let file = cluster.directory.join(format!("{}.sql", database.name));
    std::fs::write(&file, script).expect("write");
    let quietly = ["-qX", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1"];
    let file = file.display().to_string();
    cluster.run("psql", &quietly, &["-d", &database.name, "-f", &file]);
    database
}

pub fn last_release_in(cluster: &Cluster) -> Database<'_> {
    restored(cluster, &releases().pop().expect("a release"))
}

/// The same, made once and copied.
fn released(release: &Path) -> Database<'static> {
    static TEMPLATES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut templates = TEMPLATES.lock().expect("the templates");
    let template = templates
        .entry(version(release).to_owned())
        .or_insert_with(|| {
            let database = restored(Cluster::shared(), release);
            let name = database.name.clone();
            // It goes with the cluster.
            std::mem::forget(database);
            name
        });
    Database::copy(Cluster::shared(), template)
}

fn last_release() -> Database<'static> {
    released(&releases().pop().expect("a release"))
}

pub fn extension_version(client: &mut Client) -> String {
    texts(
        client,
        "SELECT extversion FROM pg_extension WHERE extname = 'community_core'",
    )
    .concat()
}

/// A query for each table of the modules that gives its rows, in the columns of its own that it has now; but not
/// for those in which a benchmark keeps what it makes from others.
fn queries_of_rows(client: &mut Client) -> Vec<String> {
    texts(
        client,
        &format!(
            "SELECT format('SELECT concat_ws('' '', %L, count(*), md5(string_agg(t::text, '','' ORDER BY t::text)))
                            FROM (SELECT %s FROM %I.%I) AS t', c.oid::regclass, columns, nspname, relname)
             FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
             CROSS JOIN LATERAL (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS a (columns)
             WHERE relkind IN ('r', 'p') AND (nspname IN ('auth', 'shop') OR nspname IN ({MODULES}))
               AND coalesce(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'Benchmark %'"
        ),
    )
}

fn rows(client: &mut Client, queries: &[String]) -> Vec<String> {
    queries
        .iter()
        .flat_map(|query| texts(client, query))
        .collect()
}

fn definitions(client: &mut Client) -> Vec<String> {
    client
        .batch_execute("SET search_path = pg_catalog")
        .expect("search_path");
    let mut lines = texts(client, include_str!("members.sql"));
    lines.extend(rules(
        client,
        "SELECT schema FROM community_core.modules() UNION SELECT 'auth'",
    ));
    lines.extend(texts(
        client,
        "SELECT o::text FROM community_state.module_object AS o ORDER BY schema, ordinal",
    ));
    lines.extend(texts(
        client,
        "SELECT concat_ws(' ', schema, module, version, server_version, adopted) FROM community_state.module ORDER BY schema",
    ));
    lines
}

#[test]
fn an_upgrade_from_every_release_gives_what_a_fresh_installation_gives_with_the_data_in_place() {
    for release in releases() {
        let database = released(&release);
        let mut client = database.connect();
        assert_eq!(extension_version(&mut client), version(&release));
        let (modules, queries) = (texts(&mut client, MODULES), queries_of_rows(&mut client));
        let before = rows(&mut client, &queries);
        assert!(
            before.len() > 50,
            "the release's database holds its modules: {before:?}"
        );
        client.batch_execute(UPDATE).expect("upgrade");
        drop(client);

        let mut client = database.connect();
        assert_eq!(extension_version(&mut client), THIS_VERSION);
        assert_eq!(
            texts(&mut client, MODULES),
            modules,
            "none is installed unasked"
        );
        assert_same(&before, &rows(&mut client, &queries));
        let fresh = Database::with_modules(Cluster::shared(), &modules.join(","));
        fresh
            .connect()
            .batch_execute(ADDITIONS)
            .expect("what the user of the release added");
        assert_same(
            &definitions(&mut fresh.connect()),
            &definitions(&mut client),
        );
        let members = "SELECT count(*) FROM pg_depend JOIN pg_class ON classid = 'pg_class'::regclass AND objid = pg_class.oid
                       WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass AND relkind = 'r'";
        assert_eq!(
            client
                .query_one(members, &[])
                .expect(members)
                .get::<_, i64>(0),
            0
        );
        assert_eq!(faults(&mut client), Vec::<String>::new());
        live_on(&mut client);
        assert_eq!(faults(&mut client), Vec::<String>::new());
    }
}

#[test]
fn the_upgrade_script_says_how_this_version_differs_from_the_last_release() {
    // Brings this version's install script to where the server looks for it.
    Cluster::shared();
    let release = releases().pop().expect("a release");
    let from = version(&release);
    let check = Command::new("python3")
        .arg(repository().join("scripts/upgrade-script"))
        .arg(release.join(format!("community_core--{from}.sql")))
        .arg(extension_directory().join(format!("community_core--{THIS_VERSION}.sql")))
        .arg("--check")
        .arg(repository().join(format!("sql/community_core--{from}--{THIS_VERSION}.sql")))
        .output()
        .expect("run python3");
    assert!(
        check.status.success(),
        "{}",
        String::from_utf8_lossy(&check.stderr)
    );
}

/// Whoever took part in the release's database goes on while it is upgraded, without an error.
#[test]
fn others_read_and_write_through_an_upgrade() {
    let database = last_release();
    let done = AtomicBool::new(false);
    let config = database.cluster.config(&database.name, "postgres");
    let rounds = std::thread::scope(|scope| {
        let (done, config) = (&done, &config);
        let other = scope.spawn(move || {
            let mut client = config.connect(NoTls).expect("connect");
            let mut rounds = 0;
            loop {
                let last = done.load(Ordering::SeqCst);
                live_on(&mut client);
                let posts = "SELECT count(*) FROM founders.social_feed_posts";
                client.query_one(posts, &[]).expect("read");
                rounds += 1;
                if last {
                    return rounds;
                }
            }
        });
        let upgraded = database.connect().batch_execute(UPDATE);
        done.store(true, Ordering::SeqCst);
        upgraded.expect("upgrade");
        other.join().expect("the other connection")
    });
    assert!(rounds > 1);
    let mut client = database.connect();
    assert_eq!(extension_version(&mut client), THIS_VERSION);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

/// The locks of the modules' tables that somebody who reads or writes has to wait for. A benchmark puts
/// its triggers and views anew each time.
const LOCKED: &str = r"SELECT DISTINCT c.oid::regclass::text || ' ' || mode
    FROM pg_locks JOIN pg_class c ON c.oid = relation AND relkind IN ('r', 'p', 'v')
    WHERE pid = pg_backend_pid() AND relnamespace IN (SELECT schema::regnamespace FROM community_core.modules())
      AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgfoid::regproc::text LIKE '%benchmark\_%')
      AND NOT EXISTS (SELECT FROM community_core.benchmarks() b
                      WHERE starts_with(relname, split_part(b.name, '.', 2)))
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
                      WHERE w.ev_class = c.oid AND d.refobjid = 'community_core.benchmark(text)'::regprocedure)";

#[test]
fn a_table_on_which_an_upgrade_changes_nothing_is_not_locked() {
    let database = super::lived_in();
    let mut client = database.connect();
    client
        .batch_execute("BEGIN; SELECT community_core.upgrade_modules()")
        .expect("upgrade");
    assert_eq!(texts(&mut client, LOCKED), Vec::<String>::new());
    client.batch_execute("ROLLBACK").expect("rollback");
    client
        .batch_execute(
            "DROP POLICY cohorts_all_service_role ON founders.cohorts;
             BEGIN; SELECT community_core.upgrade_modules()",
        )
        .expect("upgrade");
    assert_eq!(
        texts(&mut client, LOCKED)
            .into_iter()
            .filter(|lock| !lock.starts_with("founders.cohorts "))
            .filter(|lock| lock.ends_with("AccessExclusiveLock"))
            .collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    client.batch_execute("COMMIT").expect("commit");
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn an_upgrade_that_would_wait_too_long_gives_up_and_the_old_version_goes_on() {
    let database = last_release();
    let (mut client, mut reader) = (database.connect(), database.connect());
    client
        .batch_execute(
            "DROP POLICY cohorts_all_service_role ON founders.cohorts; SET lock_timeout = '50ms'",
        )
        .expect("something to be done");
    reader
        .batch_execute("BEGIN; SELECT * FROM founders.cohorts")
        .expect("a long reader");
    assert_eq!(sqlstate(client.batch_execute(UPDATE)), "55P03");
    let old = version(&releases().pop().expect("a release")).to_owned();
    assert_eq!(extension_version(&mut client), old);
    reader.batch_execute("COMMIT").expect("commit");
    live_on(&mut client);
    assert_eq!(
        texts(
            &mut client,
            "SELECT v::text FROM community_core.verify_audit() v"
        ),
        Vec::<String>::new()
    );
    client.batch_execute(UPDATE).expect("upgrade");
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn an_upgrade_that_cannot_be_is_refused_as_a_whole_and_the_old_version_goes_on() {
    let database = last_release();
    let mut client = database.connect();
    client
        .batch_execute("ALTER TABLE linkup.stripe_events ALTER processing_error TYPE varchar")
        .expect("another type");
    let old = definitions(&mut client);
    let error = client.batch_execute(UPDATE).expect_err("another type");
    let error = error.as_db_error().expect("an error of the server's");
    assert_eq!(error.code().code(), "42804");
    assert!(
        error.message().contains("processing_error"),
        "{}",
        error.message()
    );
    assert_same(&old, &definitions(&mut client));
    client
        .batch_execute("RESET search_path")
        .expect("search_path");
    live_on(&mut client);
    client
        .batch_execute("ALTER TABLE linkup.stripe_events ALTER processing_error TYPE text")
        .expect("the type");
    client.batch_execute(UPDATE).expect("upgrade");
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn an_index_that_was_built_before_is_taken_as_it_is_while_others_write() {
    let database = super::lived_in();
    let (mut client, mut writer) = (database.connect(), database.connect());
    let index = "SELECT pg_get_indexdef('founders.cohort_members_user_id_idx'::regclass)";
    let concurrently =
        texts(&mut client, index)
            .concat()
            .replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1);
    client
        .batch_execute("DROP INDEX founders.cohort_members_user_id_idx")
        .expect("an index that a release adds");
    let write = "BEGIN; UPDATE founders.cohort_members SET role = role";
    writer.batch_execute(write).expect("write");
    client
        .batch_execute("SET lock_timeout = '50ms'")
        .expect("set");
    let upgrade = "SELECT community_core.upgrade_modules()";
    assert_eq!(sqlstate(client.batch_execute(upgrade)), "55P03");
    writer.batch_execute("COMMIT").expect("commit");
    client
        .batch_execute(&concurrently)
        .expect("build it without a lock");
    writer.batch_execute(write).expect("write");
    client
        .batch_execute(upgrade)
        .expect("nothing is left to build");
    writer.batch_execute("COMMIT").expect("commit");
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

/// As though the version before had defined what this one does not.
#[test]
fn what_a_module_defines_no_more_goes_and_what_the_user_added_stays() {
    let database = super::lived_in();
    let mut client = database.connect();
    let before = rules(&mut client, MODULES);
    client
        .batch_execute(
            "CREATE FUNCTION founders.old(whose uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
             CREATE FUNCTION founders.old_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE POLICY old ON founders.cohorts FOR SELECT TO anon USING (founders.old(id));
             CREATE TRIGGER old BEFORE UPDATE ON founders.cohorts FOR EACH ROW EXECUTE FUNCTION founders.old_trigger();
             CREATE INDEX old_idx ON founders.cohorts (status);
             ALTER TABLE founders.cohorts ADD CONSTRAINT old_check CHECK (max_members < 1000);
             CREATE VIEW founders.old_view AS SELECT 1 AS one;
             INSERT INTO community_state.module_object (schema, ordinal, kind, relation, name, definition)
             VALUES ('founders', -1, 'function', '', 'old(whose uuid)', ''), ('founders', -2, 'function', '', 'old_trigger()', ''),
                    ('founders', -3, 'policy', 'cohorts', 'old', ''), ('founders', -4, 'trigger', 'cohorts', 'old', ''),
                    ('founders', -5, 'index', 'cohorts', 'old_idx', ''), ('founders', -6, 'constraint', 'cohorts', 'old_check', ''),
                    ('founders', -7, 'view', 'old_view', '', '')",
        )
        .expect("an earlier version");
    assert!(
        before
            .iter()
            .any(|line| line.starts_with("policy founders.cohorts mine"))
    );
    client
        .batch_execute("SELECT community_core.upgrade_modules()")
        .expect("upgrade");
    assert_same(&before, &rules(&mut client, MODULES));
    assert_eq!(faults(&mut client), Vec::<String>::new());
}
