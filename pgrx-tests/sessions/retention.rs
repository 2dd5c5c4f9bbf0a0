//! Claims about retention that need commits, crashes or several sessions.

use super::cluster::{Cluster, Database, sqlstate};
use postgres::{Client, NoTls};

const NOTES: &str = "CREATE TABLE notes (id int PRIMARY KEY, made_at timestamptz NOT NULL);
     CREATE INDEX ON notes (made_at);
     INSERT INTO notes SELECT n, now() - make_interval(hours => n) FROM generate_series(1, 1000) n;
     SELECT community_core.create_retention_policy('notes', 'made_at', '100 hours 30 minutes', 'delete')";

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).expect(sql).get(0)
}

#[test]
fn a_run_commits_each_batch_and_returns_the_counts() {
    let database = Database::engines();
    let mut client = database.connect();
    client.batch_execute(NOTES).expect("notes");
    let counts = client
        .simple_query("CALL community_core.apply_retention(100)")
        .expect("a run")
        .iter()
        .find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
    let counts = counts.unwrap_or_default();
    assert_eq!(counts, r#"{"public.notes delete_made_at": 900}"#);
    assert_eq!(number(&mut client, "SELECT count(*) FROM notes"), 100);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM retention_log";
    assert_eq!(
        number(&mut client, transactions),
        10,
        "nine batches and the empty one"
    );
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM community_core.verify_audit('retention_log')"
        ),
        0
    );
}

#[test]
fn inside_a_transaction_a_run_is_refused() {
    let database = Database::engines();
    let mut client = database.connect();
    client.batch_execute(NOTES).expect("notes");
    let refused = client.batch_execute("BEGIN; CALL community_core.apply_retention(100)");
    assert_eq!(sqlstate(refused), "2D000");
}

#[test]
fn a_row_that_somebody_holds_does_not_stop_the_run_and_leaves_with_the_next() {
    let database = Database::engines();
    let (mut client, mut other) = (database.connect(), database.connect());
    client.batch_execute(NOTES).expect("notes");
    other
        .batch_execute("BEGIN; SELECT FROM notes WHERE id = 500 FOR UPDATE")
        .expect("hold a row");
    client
        .batch_execute("CALL community_core.apply_retention(100)")
        .expect("a run");
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM notes WHERE id > 100"),
        1
    );
    other.batch_execute("COMMIT").expect("let go");
    client
        .batch_execute("CALL community_core.apply_retention(100)")
        .expect("a run");
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM notes WHERE id > 100"),
        0
    );
}

#[test]
fn a_policy_that_fails_is_recorded_and_the_others_are_kept() {
    let database = Database::engines();
    let mut client = database.connect();
    client.batch_execute(NOTES).expect("notes");
    client
        .batch_execute(
            "CREATE TABLE authors (id int PRIMARY KEY, made_at timestamptz);
             INSERT INTO authors VALUES (1, now() - interval '1 year');
             CREATE TABLE books (author_id int NOT NULL REFERENCES authors);
             INSERT INTO books VALUES (1);
             SELECT community_core.create_retention_policy('authors', 'made_at', '1 day', 'delete')",
        )
        .expect("authors with books");
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("a run");
    assert_eq!(number(&mut client, "SELECT count(*) FROM notes"), 100);
    assert_eq!(number(&mut client, "SELECT count(*) FROM authors"), 1);
    let recorded = "SELECT count(*) FROM retention_log WHERE table_name = 'public.authors' AND failure LIKE '%foreign key%'";
    assert_eq!(number(&mut client, recorded), 1);
}

/// The oldest two batches are kept by a trigger: what is due after them leaves all the same.
#[test]
fn rows_that_a_trigger_keeps_are_told_of_and_stop_nothing() {
    let database = Database::engines();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = std::sync::Arc::clone(&told);
    let mut config = database.cluster.config(&database.name, "postgres");
    config.notice_callback(move |notice| {
        if notice.severity() == "WARNING" {
            listener
                .lock()
                .expect("a list")
                .push(notice.message().to_owned());
        }
    });
    let mut client = config.connect(NoTls).expect("connect");
    client.batch_execute(NOTES).expect("notes");
    client
        .batch_execute(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER keep BEFORE DELETE ON notes FOR EACH ROW WHEN (OLD.id > 900) EXECUTE FUNCTION keep();
             CREATE TABLE others (id int, made_at date, body text);
             INSERT INTO others SELECT n, current_date - 10, 'x' FROM generate_series(1, 120) n;
             CREATE TRIGGER keep BEFORE UPDATE ON others FOR EACH ROW WHEN (OLD.id % 2 = 0) EXECUTE FUNCTION keep();
             SELECT community_core.create_retention_policy('others', 'made_at', '1 day', 'null', '[\"body\"]')",
        )
        .expect("a trigger that keeps rows");
    client
        .batch_execute("CALL community_core.apply_retention(50)")
        .expect("a run");
    assert_eq!(number(&mut client, "SELECT count(*) FROM notes"), 200);
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM others WHERE body IS NOT NULL"
        ),
        60
    );
    let recorded = "SELECT sum(substring(failure FROM '^[0-9]+')::bigint)::bigint FROM retention_log WHERE table_name = ";
    assert_eq!(
        number(&mut client, &format!("{recorded} 'public.notes'")),
        100
    );
    assert_eq!(
        number(&mut client, &format!("{recorded} 'public.others'")),
        60
    );
    assert_eq!(
        number(&mut client, "SELECT sum(rows)::bigint FROM retention_log"),
        860
    );
    assert_eq!(
        *told.lock().expect("a list"),
        [
            "retention policy delete_made_at of public.notes: 100 rows that are due stayed",
            "retention policy null_made_at of public.others: 60 rows that are due stayed"
        ]
    );
}

#[test]
fn policies_of_others_are_neither_opened_nor_waited_for() {
    let database = Database::engines();
    let mut client = database.connect();
    let role = format!("stranger_{}", database.name);
    client
        .batch_execute(&format!(
            "{NOTES}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA community_core TO {role};
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO {role}"
        ))
        .and_then(|()| client.batch_execute("BEGIN; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"))
        .expect("a table that is held");
    let mut stranger = database.cluster.connect(&database.name, &role);
    let look = "SET lock_timeout = 1;
        SELECT FROM community_core.retention_policies(); SELECT FROM community_core.retention_due()";
    assert_eq!(sqlstate(stranger.batch_execute(look)), "00000");
    client
        .batch_execute(&format!("COMMIT; DROP OWNED BY {role}; DROP ROLE {role}"))
        .expect("no stranger");
}

#[test]
fn a_crash_in_the_middle_loses_nothing_and_the_next_run_finishes() {
    let cluster = Cluster::private(&["fsync = on"]);
    let database = Database::with_modules(&cluster, "none");
    let mut client = database.connect();
    client.batch_execute(NOTES).expect("notes");
    // The third batch waits for a lock that the log's own trigger takes: the crash comes then.
    let mut holder = database.connect();
    client
        .batch_execute(
            "CREATE FUNCTION wait_at_third() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF (SELECT count(*) FROM public.retention_log) = 3 THEN
                     PERFORM pg_catalog.pg_advisory_xact_lock(7);
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER z_wait AFTER INSERT ON retention_log FOR EACH ROW EXECUTE FUNCTION wait_at_third()",
        )
        .expect("a trigger that waits");
    holder
        .batch_execute("SELECT pg_advisory_lock(7)")
        .expect("the lock");
    let mut config = cluster.config(&database.name, "postgres");
    config.dbname(&database.name);
    let worker = std::thread::spawn(move || {
        let mut client = config.connect(NoTls).expect("connect");
        sqlstate(client.batch_execute("CALL community_core.apply_retention(100)"))
    });
    super::cluster::wait_until_blocked(&mut holder, 1);
    cluster.down("KILL");
    assert_ne!(worker.join().expect("the worker"), "00000");
    cluster.up();
    let mut client = database.connect();
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM notes"),
        800,
        "two batches were committed"
    );
    assert_eq!(
        number(&mut client, "SELECT sum(rows)::bigint FROM retention_log"),
        200
    );
    for statement in [
        "DROP TRIGGER z_wait ON retention_log",
        "CALL community_core.apply_retention(100)",
    ] {
        client.batch_execute(statement).expect(statement);
    }
    assert_eq!(number(&mut client, "SELECT count(*) FROM notes"), 100);
    assert_eq!(
        number(&mut client, "SELECT sum(rows)::bigint FROM retention_log"),
        900
    );
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM community_core.verify_audit('retention_log')"
        ),
        0
    );
}

#[test]
fn a_policy_comes_back_with_a_dump() {
    let database = Database::engines();
    database.connect().batch_execute(NOTES).expect("notes");
    let copy = database.restored();
    let mut client = copy.connect();
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("a run");
    assert_eq!(number(&mut client, "SELECT count(*) FROM notes"), 100);
}

#[test]
fn a_database_owner_who_is_no_superuser_keeps_and_applies_policies() {
    let database = Database::engines();
    let mut client = database.connect();
    let role = format!("owner_{}", database.name);
    client
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}; ALTER SCHEMA public OWNER TO {role}",
            database.name
        ))
        .expect("an owner");
    let mut owner = database.cluster.connect(&database.name, &role);
    owner.batch_execute(NOTES).expect("notes");
    owner
        .batch_execute("CALL community_core.apply_retention(250)")
        .expect("a run");
    assert_eq!(number(&mut owner, "SELECT count(*) FROM notes"), 100);
    client
        .batch_execute(&format!(
            "DROP OWNED BY {role} CASCADE; ALTER DATABASE {} OWNER TO postgres",
            database.name
        ))
        .and_then(|()| client.batch_execute(&format!("DROP ROLE {role}")))
        .expect("no owner");
}

/// The owner's triggers and conditions write down who they run as, and try to be run later.
const SPIES: &str = "CREATE TABLE spied (who text DEFAULT current_user);
     CREATE TABLE bait (n int);
     CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
         INSERT INTO public.spied DEFAULT VALUES;
         IF NEW.n = 1 THEN
             SET CONSTRAINTS ALL DEFERRED;
             INSERT INTO public.bait VALUES (2);
         END IF;
         RETURN NULL;
     END $$;
     CREATE CONSTRAINT TRIGGER spy AFTER INSERT ON bait DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION spy();
     CREATE FUNCTION lay_bait(n int) RETURNS boolean LANGUAGE plpgsql AS $$
     BEGIN
         INSERT INTO public.bait VALUES (n);
         RETURN true;
     END $$;
     CREATE TABLE letters (id int, made_at timestamptz);
     INSERT INTO letters VALUES (1, now() - interval '10 days')";

#[test]
fn a_superuser_who_applies_policies_runs_nothing_of_their_owners_in_his_own_name() {
    let database = Database::engines();
    let mut client = database.connect();
    let role = format!("spy_{}", database.name);
    client
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}; ALTER SCHEMA public OWNER TO {role}",
            database.name
        ))
        .expect("an owner");
    let mut owner = database.cluster.connect(&database.name, &role);
    owner.batch_execute(SPIES).expect("spies");
    let policy = |n: i32| {
        format!(
            "SELECT community_core.create_retention_policy('letters', 'made_at', '1 day', 'delete',
                 condition => 'public.lay_bait({n})')"
        )
    };
    let in_his_name = "SELECT count(*) FROM spied WHERE who = 'postgres'";
    owner.batch_execute(&policy(1)).expect("a policy");
    let look = "SELECT * FROM community_core.retention_due()";
    assert_eq!(sqlstate(client.batch_execute(look)), "42501");
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("a run");
    assert_eq!(number(&mut client, in_his_name), 0);
    assert_eq!(number(&mut client, "SELECT count(*) FROM letters"), 1);
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM retention_log WHERE failure IS NOT NULL"
        ),
        1
    );
    // What is deferred in good faith runs at once, as the owner.
    owner.batch_execute(&policy(0)).expect("another policy");
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("a run");
    assert_eq!(number(&mut client, "SELECT count(*) FROM letters"), 0);
    assert_eq!(number(&mut client, in_his_name), 0);
    assert_eq!(
        number(
            &mut client,
            &format!("SELECT count(*) FROM spied WHERE who = '{role}'")
        ),
        1
    );
    client
        .batch_execute(&format!(
            "DROP OWNED BY {role} CASCADE; ALTER DATABASE {} OWNER TO postgres",
            database.name
        ))
        .and_then(|()| client.batch_execute(&format!("DROP ROLE {role}")))
        .expect("no owner");
}

/// The line that docs/retention.md gives, where pg_cron is installed.
#[test]
fn pg_cron_runs_the_documented_line() {
    let Some(cluster) = Cluster::with_pg_cron() else {
        return;
    };
    let mut client = cluster.connect("postgres", "postgres");
    client
        .batch_execute("SET community_core.modules = 'none'; CREATE EXTENSION community_core; CREATE EXTENSION pg_cron")
        .expect("extensions");
    client.batch_execute(NOTES).expect("notes");
    let page = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/retention.md"),
    )
    .expect("the page");
    let line = page
        .lines()
        .find(|line| line.contains("cron.schedule"))
        .expect("a line for pg_cron")
        .replace("17 3 * * *", "* * * * *");
    client.batch_execute(&line).expect("a schedule");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(180);
    while number(&mut client, "SELECT count(*) FROM notes") != 100 {
        assert!(
            std::time::Instant::now() < deadline,
            "pg_cron did not run the line: {}",
            cluster.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
