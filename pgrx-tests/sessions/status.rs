//! Claims about status that need a standby, a job scheduler or a committed state.

use super::cluster::{Cluster, Database, PrivateCluster};
use postgres::{Client, NoTls};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).expect(sql).get(0)
}

#[test]
fn status_and_metrics_take_no_transaction_id() {
    let database = Database::with_modules(Cluster::shared(), "all");
    let mut client = database.connect();
    client
        .batch_execute("BEGIN; SELECT community_core.status(); SELECT community_core.metrics()")
        .expect("look");
    let taken: bool = client
        .query_one("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", &[])
        .expect("the transaction")
        .get(0);
    assert!(!taken);
}

/// A standby of a cluster: it is stopped when this is dropped.
struct Standby(Child);

impl Drop for Standby {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn standby(cluster: &PrivateCluster, port: &str) -> Standby {
    let copy = cluster.directory.join("standby").display().to_string();
    cluster.run("pg_basebackup", &["-D", &copy, "-R", "-c", "fast"], &[]);
    let server = cluster
        .program("postgres")
        .args(["-D", &copy, "-c", &format!("port={port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start the standby");
    Standby(server)
}

#[test]
fn status_is_told_on_a_standby_as_on_the_primary() {
    let cluster = Cluster::private(&["fsync = off"]);
    let database = Database::with_modules(&cluster, "all");
    let _standby = standby(&cluster, "5999");
    let mut config = cluster.config(&database.name, "postgres");
    config.port(5999);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut there = loop {
        match config.connect(NoTls) {
            Ok(client) => break client,
            Err(error) => assert!(
                Instant::now() < deadline,
                "the standby does not answer: {error}"
            ),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        number(&mut there, "SELECT pg_is_in_recovery()::int::bigint"),
        1
    );
    // Ages grow between the two looks.
    let told = "SELECT string_agg(format('%s %s %s', thing, object, level), E'\\n') FROM community_core.status()";
    let (here, there_told): (String, String) = (
        database
            .connect()
            .query_one(told, &[])
            .expect("the primary")
            .get(0),
        there.query_one(told, &[]).expect("the standby").get(0),
    );
    assert_eq!(here, there_told);
    let metrics: String = there
        .query_one("SELECT community_core.metrics()", &[])
        .expect("metrics")
        .get(0);
    assert!(metrics.contains("community_core_level{thing=\"module\",object=\"founders\"} 0"));
}

/// The jobs that docs/monitoring.md schedules, where pg_cron is installed: each is run by it and
/// succeeds.
#[test]
fn pg_cron_runs_the_jobs_of_the_page_on_monitoring() {
    let Some(cluster) = Cluster::with_pg_cron() else {
        return;
    };
    let mut client = cluster.connect("postgres", "postgres");
    client
        .batch_execute("CREATE EXTENSION community_core; CREATE EXTENSION pg_cron")
        .expect("extensions");
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/monitoring.md"))
            .expect("the page");
    let table = page
        .split("```sql\n")
        .find(|block| block.starts_with("CREATE TABLE trouble"))
        .and_then(|block| block.split_once("\n```"))
        .map(|(block, _)| block)
        .expect("the table of the page");
    client.batch_execute(table).expect(table);
    let jobs: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("SELECT cron.schedule("))
        .collect();
    assert!(jobs.len() >= 5, "{jobs:?}");
    for job in &jobs {
        // The name, then the time in quotes, then the command.
        let parts: Vec<&str> = job.splitn(5, '\'').collect();
        let every_minute = format!(
            "{}'{}'{}'* * * * *'{}",
            parts[0], parts[1], parts[2], parts[4]
        );
        client.batch_execute(&every_minute).expect(&every_minute);
    }
    let deadline = Instant::now() + Duration::from_secs(180);
    let done = "SELECT count(DISTINCT jobid) FROM cron.job_run_details WHERE status = 'succeeded'";
    while number(&mut client, done) < jobs.len() as i64 {
        let failed: Option<String> = client
            .query_one("SELECT string_agg(command || ': ' || return_message, ', ') FROM cron.job_run_details WHERE status = 'failed'", &[])
            .expect("the runs")
            .get(0);
        assert_eq!(failed, None);
        assert!(
            Instant::now() < deadline,
            "pg_cron did not run every job: {}",
            cluster.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
