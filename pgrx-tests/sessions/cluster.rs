//! A throwaway cluster: its socket lies in its own directory, it listens nowhere else, and it is
//! stopped by the pid that was started. `Database` gives each test a database of its own.

use pgrx_pg_config::{PgConfig, Pgrx};
use postgres::{Client, Config, NoTls};
use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Cluster {
    pub directory: PathBuf,
    server: Mutex<Option<Child>>,
    /// Databases to copy, by the modules that they hold.
    templates: Mutex<HashMap<String, String>>,
}

impl Cluster {
    /// The one that tests share when they need only connections.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Cluster::start(&["fsync = off", "max_connections = 200"]);
            pgrx_tests::add_shutdown_hook(|| Cluster::shared().remove());
            cluster
        })
    }

    /// One that a test may crash, restart or reconfigure; gone when it is dropped.
    pub fn private(settings: &[&str]) -> PrivateCluster {
        PrivateCluster(Cluster::start(settings))
    }

    /// A private one whose server runs pg_cron, with its jobs in database postgres; none where that is not installed.
    pub fn with_pg_cron() -> Option<PrivateCluster> {
        let available = "SELECT FROM pg_available_extensions WHERE name = 'pg_cron'";
        let mut client = Cluster::shared().connect("postgres", "postgres");
        if client.query(available, &[]).expect(available).is_empty() {
            eprintln!("skipped: pg_cron is not installed");
            return None;
        }
        Some(Cluster::private(&[
            "shared_preload_libraries = 'pg_cron'",
            "cron.use_background_workers = on",
        ]))
    }

    /// A private one whose data directory `fill` makes, a base backup say; not started yet.
    pub fn made_by(fill: impl FnOnce(&Cluster), settings: &[&str]) -> PrivateCluster {
        let cluster = PrivateCluster(Cluster::empty());
        fill(&cluster);
        cluster.configure(settings);
        cluster
    }

    fn start(settings: &[&str]) -> Cluster {
        let cluster = Cluster::empty();
        cluster.run(
            "initdb",
            &[
                "--pgdata",
                &cluster.data(),
                "--username",
                "postgres",
                "--auth",
                "trust",
            ],
            &["--encoding", "UTF8", "--locale", "C", "--no-sync"],
        );
        cluster.configure(settings);
        cluster.up();
        cluster
    }

    /// A directory of the server's user, with nothing in it.
    fn empty() -> Cluster {
        library_is_installed();
        let directory = std::env::temp_dir().join(format!(
            "community_core-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&directory).expect("create the cluster's directory");
        if let Some((uid, gid)) = server_user() {
            std::os::unix::fs::chown(&directory, Some(uid), Some(gid)).expect("chown");
        }
        Cluster {
            directory,
            server: Mutex::new(None),
            templates: Mutex::default(),
        }
    }

    fn configure(&self, settings: &[&str]) {
        let mut configuration = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_prepared_transactions = 10\n",
            self.directory.display()
        );
        for setting in settings {
            configuration.push_str(setting);
            configuration.push('\n');
        }
        let file = self.directory.join("data/postgresql.auto.conf");
        std::fs::write(file, configuration).expect("write the configuration");
    }

    pub fn data(&self) -> String {
        self.directory.join("data").display().to_string()
    }

    /// Starts the server and waits until it takes connections. After a crash the old server's
    /// backends may need a moment to notice: it is started again until they have.
    pub fn up(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut child = self.spawn();
        while self.config("postgres", "postgres").connect(NoTls).is_err() {
            assert!(
                Instant::now() < deadline,
                "the server did not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
            if child.try_wait().expect("look at the server").is_some() {
                child = self.spawn();
            }
        }
        *self.server.lock().expect("the server's lock") = Some(child);
    }

    fn spawn(&self) -> Child {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("open the log");
        self.program("postgres")
            .args(["-D", &self.data()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("clone the log's handle"))
            .stderr(log)
            .spawn()
            .expect("start the server")
    }

    /// Stops the server: `INT` is a fast shutdown, `QUIT` and `KILL` are crashes.
    pub fn down(&self, signal: &str) {
        if let Some(mut child) = self.server.lock().expect("the server's lock").take() {
            assert!(send(signal, child.id().into()), "the server was there");
            let _ = child.wait();
        }
    }

    /// A database with the extension that nobody connects to: copying it is quicker than installing
    /// the modules anew.
    fn template(&self, modules: &str) -> String {
        let mut templates = self.templates.lock().expect("the templates' lock");
        let name = templates.entry(modules.to_owned()).or_insert_with(|| {
            let name = self.create("template0");
            self.connect(&name, "postgres")
                .batch_execute(&format!(
                    "SET community_core.modules = '{modules}'; CREATE EXTENSION community_core"
                ))
                .expect("create the extension");
            name
        });
        name.clone()
    }

    /// A new database, a copy of one to which nobody is connected.
    fn create(&self, template: &str) -> String {
        let name = format!("d{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.connect("postgres", "postgres")
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .expect("create the database");
        name
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn remove(&self) {
        self.down("INT");
        let _ = std::fs::remove_dir_all(&self.directory);
    }

    pub fn config(&self, database: &str, user: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.directory)
            .dbname(database)
            .user(user);
        config
    }

    pub fn connect(&self, database: &str, user: &str) -> Client {
        self.config(database, user).connect(NoTls).expect("connect")
    }

    /// A program of the server's version, run as the server's user, with PGHOST set.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(bin_directory().join(name));
        if let Some((uid, gid)) = server_user() {
            command.uid(uid).gid(gid);
        }
        command
            .current_dir(&self.directory)
            .env("PGHOST", &self.directory)
            .env("PGUSER", "postgres")
            .env_remove("PGPORT")
            .env_remove("PGDATABASE");
        command
    }

    /// Runs a program to its end; a failure shows what it printed.
    pub fn run(&self, name: &str, arguments: &[&str], more: &[&str]) -> Output {
        let output = self
            .program(name)
            .args(arguments)
            .args(more)
            .output()
            .expect("run the program");
        assert!(
            output.status.success(),
            "{name} {arguments:?} {more:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}

pub struct PrivateCluster(Cluster);

impl std::ops::Deref for PrivateCluster {
    type Target = Cluster;
    fn deref(&self) -> &Cluster {
        &self.0
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// A database of one test's own, dropped with the value.
pub struct Database<'a> {
    pub cluster: &'a Cluster,
    pub name: String,
}

impl<'a> Database<'a> {
    /// Empty, without the extension.
    pub fn bare(cluster: &'a Cluster) -> Database<'a> {
        Database::copy(cluster, "template0")
    }

    /// With the extension, `modules` as in the setting community_core.modules.
    pub fn with_modules(cluster: &'a Cluster, modules: &str) -> Database<'a> {
        Database::copy(cluster, &cluster.template(modules))
    }

    /// A copy of a database to which nobody is connected.
    pub fn copy(cluster: &'a Cluster, template: &str) -> Database<'a> {
        let name = cluster.create(template);
        Database { cluster, name }
    }

    /// The engines alone.
    pub fn engines() -> Database<'static> {
        Database::with_modules(Cluster::shared(), "none")
    }

    /// What a dump of this one brings back where there was nothing.
    pub fn restored(&self) -> Database<'a> {
        let file = self.cluster.directory.join(format!("{}.dump", self.name));
        let file = file.display().to_string();
        self.cluster
            .run("pg_dump", &["-Fc", "-f", &file], &[&self.name]);
        let copy = Database::bare(self.cluster);
        self.cluster
            .run("pg_restore", &["-e", "-d", &copy.name], &[&file]);
        copy
    }

    /// A connection as the superuser.
    pub fn connect(&self) -> Client {
        self.cluster.connect(&self.name, "postgres")
    }

    /// A connection that acts as `user` (a uuid), as PostgREST would open it.
    pub fn connect_as(&self, user: &str) -> Client {
        let mut client = self.connect();
        client
            .batch_execute(&format!(
                "SELECT set_config('request.jwt.claims',
                     '{{\"sub\":\"{user}\",\"role\":\"authenticated\"}}', false);
                 SET ROLE authenticated"
            ))
            .expect("become the user");
        client
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if let Ok(mut client) = self.cluster.config("postgres", "postgres").connect(NoTls) {
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// Sends a signal, by the shell's own kill: a bare machine has no program of that name. False when
/// there is no such process.
pub fn send(signal: &str, pid: i64) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status()
        .expect("run sh")
        .success()
}

/// Runs each statement in a session of its own, all at once; the first value or the SQLSTATE.
pub fn at_once(statements: &[String], open: impl Fn() -> Client + Sync) -> Vec<String> {
    let start = Barrier::new(statements.len());
    thread::scope(|scope| {
        let workers: Vec<_> = statements
            .iter()
            .map(|sql| {
                let (start, open) = (&start, &open);
                scope.spawn(move || {
                    let mut client = open();
                    start.wait();
                    match client.query(sql, &[]) {
                        Ok(rows) => rows
                            .first()
                            .and_then(|row| row.get::<_, Option<String>>(0))
                            .unwrap_or_default(),
                        error => sqlstate(error),
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"))
            .collect()
    })
}

/// Waits until some other session of the database waits for a lock: the way to know that a
/// concurrent statement has reached its point, without sleeping and hoping.
pub fn wait_until_blocked(observer: &mut Client, how_many: i64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let blocked: i64 = observer
            .query_one(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
                &[],
            )
            .expect("look at pg_stat_activity")
            .get(0);
        if blocked >= how_many {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "no session came to wait for a lock"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a query that gives a boolean gives true.
pub fn wait_until(client: &mut Client, condition: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !client
        .query_one(condition, &[])
        .expect(condition)
        .get::<_, bool>(0)
    {
        assert!(Instant::now() < deadline, "never came true: {condition}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The SQLSTATE of a failed call.
pub fn sqlstate<T>(result: Result<T, postgres::Error>) -> String {
    match result {
        Ok(_) => "00000".to_owned(),
        Err(error) => error
            .code()
            .map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

/// Where the data for real-input tests lies, or None, said aloud, where it is not there.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn library_is_installed() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let settings = crate::pg_test::postgresql_conf_options();
        pgrx_tests::run_test("the_library_is_installed", None, settings)
            .expect("pgrx installs the library before its first test");
    });
}

fn pg_config() -> PgConfig {
    let version = format!("pg{}", pgrx::pg_sys::get_pg_major_version_num());
    Pgrx::from_config()
        .and_then(|pgrx| pgrx.get(&version))
        .expect("`cargo pgrx init` has been run for this version")
}

fn bin_directory() -> PathBuf {
    pg_config().bin_dir().expect("pg_config --bindir")
}

/// Where the server looks for install and upgrade scripts.
pub fn extension_directory() -> PathBuf {
    pg_config().extension_dir().expect("pg_config --sharedir")
}

/// The user to run a server as when the tests run as root, which Postgres refuses.
pub fn server_user() -> Option<(u32, u32)> {
    // SAFETY: geteuid has no preconditions and cannot fail.
    if unsafe { geteuid() } != 0 {
        return None;
    }
    let name = std::env::var("CARGO_PGRX_TEST_RUNAS").unwrap_or_else(|_| "postgres".to_owned());
    let number = |option: &str| -> u32 {
        let output = Command::new("id")
            .args([option, &name])
            .output()
            .expect("run id");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .expect("a user id")
    };
    Some((number("-u"), number("-g")))
}

unsafe extern "C" {
    fn geteuid() -> u32;
}
