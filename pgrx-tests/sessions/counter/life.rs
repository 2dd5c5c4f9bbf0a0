//! A counter's life: what other sessions alter, replication, two-phase commit, dump and restore; and
//! its documentation.

use super::{COUNTED, counted, differences, number};
use crate::claims::sessions::cluster::{
    Cluster, Database, sqlstate, wait_until, wait_until_blocked,
};
use postgres::NoTls;
use std::sync::{Arc, Mutex};

#[test]
fn a_session_notices_what_another_changed_about_its_counter() {
    let database = counted();
    let (mut writer, mut owner) = (database.connect(), database.connect());
    let like = "INSERT INTO s.likes (post_id) VALUES (1)";
    writer.batch_execute(like).expect(like);
    owner
        .batch_execute("ALTER TABLE s.posts RENAME TO articles")
        .expect("rename");
    assert_eq!(sqlstate(writer.batch_execute(like)), "42P01");
    owner
        .batch_execute("ALTER TABLE s.articles RENAME TO posts")
        .expect("rename back");
    writer.batch_execute(like).expect(like);
    // The key's name now belongs to another column, in which nobody has liked anything.
    owner
        .batch_execute(
            "ALTER TABLE s.likes RENAME post_id TO was;
             ALTER TABLE s.likes ADD post_id int REFERENCES s.posts;
             SELECT community_core.recount_counters('s.posts')",
        )
        .expect("take another column");
    writer.batch_execute(like).expect(like);
    assert_eq!(differences(&mut writer), 0);
    owner
        .batch_execute("INSERT INTO s.likes (post_id) VALUES (1), (1)")
        .expect("like twice more");
    writer
        .batch_execute("DELETE FROM s.likes WHERE was IS NOT NULL")
        .expect("tidy up");
    let likes = "SELECT likes::bigint FROM s.posts WHERE id = 1";
    assert_eq!(number(&mut writer, likes), 3);
    writer
        .batch_execute("DELETE FROM s.likes WHERE id IN (SELECT max(id) FROM s.likes)")
        .expect("take one back");
    owner
        .batch_execute(
            "ALTER TABLE s.likes DROP COLUMN id, ADD COLUMN id bigserial, ADD extra int;
             ALTER TABLE s.posts ALTER likes TYPE bigint",
        )
        .expect("alter");
    writer.batch_execute(like).expect(like);
    assert_eq!(
        number(&mut writer, "SELECT likes FROM s.posts WHERE id = 1"),
        3
    );
    owner
        .batch_execute(
            "SELECT community_core.drop_counter('s.likes', 'post_id', 's.posts', 'likes')",
        )
        .expect("drop");
    writer.batch_execute(like).expect(like);
    assert_eq!(
        number(&mut writer, "SELECT likes FROM s.posts WHERE id = 1"),
        3
    );
}

#[test]
fn a_trigger_that_another_session_adds_while_a_like_waits_fires_for_it() {
    let database = counted();
    let (mut writer, mut owner) = (database.connect(), database.connect());
    let like = "INSERT INTO s.likes (post_id) VALUES (1)";
    writer.batch_execute(like).expect(like);
    owner
        .batch_execute(
            "CREATE TABLE s.seen (n int);
             CREATE FUNCTION s.note() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO s.seen VALUES (1); RETURN NEW; END';
             BEGIN;
             CREATE TRIGGER note BEFORE UPDATE ON s.posts FOR EACH ROW EXECUTE FUNCTION s.note()",
        )
        .expect("a trigger that nobody sees yet");
    let waiting = std::thread::spawn(move || writer.batch_execute(like));
    let mut watch = database.connect();
    wait_until_blocked(&mut watch, 1);
    owner.batch_execute("COMMIT").expect("commit");
    waiting.join().expect("the thread").expect(like);
    assert_eq!(number(&mut watch, "SELECT count(*) FROM s.seen"), 1);
    assert_eq!(differences(&mut watch), 0);
}

#[test]
fn a_recount_tells_how_far_it_is() {
    let database = counted();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let mut client = database
        .cluster
        .config(&database.name, "postgres")
        .notice_callback(move |notice| {
            let message = notice.message().to_owned();
            listener.lock().expect("the list").push(message);
        })
        .connect(NoTls)
        .expect("connect");
    client
        .batch_execute(
            "INSERT INTO s.posts SELECT generate_series(100, 1599); UPDATE s.posts SET likes = 7 WHERE id >= 100",
        )
        .expect("1,500 wrong counters");
    let repaired = number(
        &mut client,
        "SELECT community_core.recount_counters('s.posts')",
    );
    assert_eq!((repaired, differences(&mut client)), (1500, 0));
    assert_eq!(
        *told.lock().expect("the list"),
        [
            "s.posts.likes: 1000 parents set right",
            "s.posts.likes: 1500 parents set right"
        ]
    );
}

#[test]
fn a_prepared_transaction_counts_when_it_is_committed() {
    let database = counted();
    let mut client = database.connect();
    let name = format!("two_phases_{}", database.name);
    client
        .batch_execute(&format!(
            "BEGIN; INSERT INTO s.likes (post_id) VALUES (1); PREPARE TRANSACTION '{name}'"
        ))
        .expect("prepare");
    assert_eq!(differences(&mut client), 0);
    client
        .batch_execute(&format!("COMMIT PREPARED '{name}'"))
        .expect("commit");
    assert_eq!(
        number(
            &mut client,
            "SELECT likes::bigint FROM s.posts WHERE id = 1"
        ),
        1
    );
    assert_eq!(differences(&mut client), 0);
}

/// Waits until a query of `client` says true.
/// A publisher and a subscriber in one cluster; the slot is made by hand, as a subscription that
/// makes its own would wait for the transaction it runs in.
#[test]
fn applied_rows_count_once_whether_the_parent_is_replicated_or_not() {
    let cluster = Cluster::private(&["wal_level = logical", "fsync = off"]);
    let publisher = Database::with_modules(&cluster, "none");
    let subscriber = Database::with_modules(&cluster, "none");
    let (mut here, mut there) = (publisher.connect(), subscriber.connect());
    for client in [&mut here, &mut there] {
        client
            .batch_execute(&format!(
                "{COUNTED};
                 CREATE TABLE s.local_posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
                 INSERT INTO s.local_posts SELECT generate_series(1, 20);
                 CREATE TABLE s.local_likes (id bigint PRIMARY KEY, post_id int,
                     gone boolean DEFAULT false)"
            ))
            .expect("make the tables");
    }
    there
        .batch_execute(
            "TRUNCATE s.posts CASCADE;
             SELECT community_core.create_counter('s.local_likes', 'post_id', 's.local_posts',
                 'likes', counted => 'NOT gone', applied => true)",
        )
        .expect("attach on the subscriber");
    here.batch_execute(
        "INSERT INTO s.likes (post_id) VALUES (1), (2);
         INSERT INTO s.local_likes VALUES (1, 1), (2, 1), (3, 2);
         CREATE PUBLICATION all_of_it FOR TABLE s.posts, s.likes, s.local_likes",
    )
    .expect("publish");
    here.batch_execute("SELECT pg_create_logical_replication_slot('counters', 'pgoutput')")
        .expect("make the slot");
    let connection = format!(
        "host={} dbname={} user=postgres",
        cluster.directory.display(),
        publisher.name
    );
    there
        .batch_execute(&format!(
            "CREATE SUBSCRIPTION all_of_it CONNECTION '{connection}' PUBLICATION all_of_it
                 WITH (create_slot = false, slot_name = 'counters')"
        ))
        .expect("subscribe");
    wait_until(&mut there, "SELECT count(*) = 3 FROM s.local_likes");
    wait_until(
        &mut there,
        "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel",
    );
    assert_eq!(differences(&mut there), 0);
    here.batch_execute(
        "INSERT INTO s.likes (post_id) VALUES (1), (3); DELETE FROM s.likes WHERE post_id = 2;
         UPDATE s.local_likes SET post_id = 4 WHERE id = 1; DELETE FROM s.local_likes WHERE id = 2;
         UPDATE s.local_likes SET gone = true WHERE id = 3;
         INSERT INTO s.local_likes VALUES (4, 5), (5, 5), (6, 5)",
    )
    .expect("change");
    wait_until(&mut there, "SELECT count(*) = 5 FROM s.local_likes");
    assert_eq!(differences(&mut there), 0);
    let likes = "SELECT string_agg(likes::text, ' ' ORDER BY id) FROM s.local_posts WHERE id < 6";
    let likes: String = there.query_one(likes, &[]).expect(likes).get(0);
    assert_eq!(likes, "0 0 0 1 3");
    assert_eq!(
        number(&mut there, "SELECT likes::bigint FROM s.posts WHERE id = 1"),
        2
    );
    here.batch_execute("TRUNCATE s.local_likes; INSERT INTO s.local_likes VALUES (9, 9)")
        .expect("truncate");
    wait_until(&mut there, "SELECT count(*) = 1 FROM s.local_likes");
    assert_eq!(differences(&mut there), 0);
    there
        .batch_execute(
            "ALTER SUBSCRIPTION all_of_it DISABLE;
             ALTER SUBSCRIPTION all_of_it SET (slot_name = NONE); DROP SUBSCRIPTION all_of_it",
        )
        .expect("unsubscribe");
}

#[test]
fn a_restored_dump_has_the_counters_and_goes_on_counting() {
    let cluster = Cluster::shared();
    let original = counted();
    let mut client = original.connect();
    client
        .batch_execute(
            "ALTER TABLE s.posts ADD mean numeric(4,2), ADD hot int DEFAULT 0;
             SELECT community_core.create_average('s.likes', 'post_id', 'post_id', 's.posts', 'mean');
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'hot', slots => 4);
             INSERT INTO s.likes (post_id) SELECT 1 + n % 20 FROM generate_series(1, 50) AS n",
        )
        .expect("fill");
    for format in ["plain", "custom"] {
        let file = cluster
            .directory
            .join(format!("{}.{format}", original.name));
        let file = file.display().to_string();
        cluster.run(
            "pg_dump",
            &["--format", format, "--file", &file],
            &[&original.name],
        );
        let copy = Database::bare(cluster);
        if format == "plain" {
            cluster.run(
                "psql",
                &["-v", "ON_ERROR_STOP=1", "-q", "-d", &copy.name, "-f", &file],
                &[],
            );
        } else {
            cluster.run(
                "pg_restore",
                &["--exit-on-error", "-d", &copy.name, &file],
                &[],
            );
        }
        let mut client = copy.connect();
        assert_eq!(number(&mut client, "SELECT sum(likes) FROM s.posts"), 50);
        client
            .batch_execute("INSERT INTO s.likes (post_id) VALUES (1), (2)")
            .expect("like");
        assert_eq!(number(&mut client, "SELECT sum(likes) FROM s.posts"), 52);
        assert_eq!(
            number(
                &mut client,
                "SELECT count(*) FROM community_core.counters() WHERE problem IS NULL"
            ),
            3
        );
        assert_eq!(differences(&mut client), 0);
    }
}

/// The figures that the page shows in comments are what its statements give.
#[test]
fn every_statement_of_the_counters_page_runs_and_gives_what_it_shows() {
    let page = include_str!("../../../docs/counters.md");
    let database = Database::engines();
    let mut client = database.connect();
    let mut shown = String::new();
    for block in page.split("```sql\n").skip(1) {
        let block = block.split("```").next().expect("an end of the block");
        for statement in block
            .split_inclusive(";\n")
            .flat_map(|part| part.split(';'))
        {
            let (comments, sql): (Vec<_>, Vec<_>) = statement
                .lines()
                .partition(|line| line.trim_start().starts_with("--"));
            for line in comments.iter().filter(|line| line.starts_with("--  ")) {
                let figures: Vec<_> = line[2..].split('|').map(str::trim).collect();
                let figures = figures.join("|");
                // The line of headings is the only one without a figure in it.
                if figures.contains(|c: char| c.is_ascii_digit()) {
                    assert!(
                        shown.contains(&format!("{figures}\n")),
                        "{figures} is not in:\n{shown}"
                    );
                }
            }
            let sql = sql.join("\n");
            if sql.trim().is_empty() {
                continue;
            }
            let rows = client
                .simple_query(&sql)
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
            shown.clear();
            for row in rows {
                if let postgres::SimpleQueryMessage::Row(row) = row {
                    let cells: Vec<_> = (0..row.len()).map(|i| row.get(i).unwrap_or("")).collect();
                    shown.push_str(&format!("{}\n", cells.join("|")));
                }
            }
        }
    }
    assert_eq!(differences(&mut client), 0);
}
