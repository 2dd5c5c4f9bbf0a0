//! Claims about the counter that one connection cannot show.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;
use std::sync::Barrier;

const COUNTED: &str = "
    CREATE SCHEMA s;
    CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0);
    CREATE TABLE s.likes (id bigserial PRIMARY KEY,
        post_id int REFERENCES s.posts ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE INDEX ON s.likes (post_id);
    INSERT INTO s.posts SELECT generate_series(1, 20);
    SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')";

fn counted() -> Database<'static> {
    let database = Database::engines();
    database
        .connect()
        .batch_execute(COUNTED)
        .expect("make the tables");
    database
}

fn differences(client: &mut Client) -> i64 {
    client
        .query_one("SELECT count(*) FROM community_core.verify_counters()", &[])
        .expect("verify")
        .get(0)
}

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).expect(sql).get(0)
}

/// Runs `work` in as many sessions at once.
fn at_once(database: &Database, sessions: usize, work: impl Fn(usize, &mut Client) + Sync) {
    let barrier = Barrier::new(sessions);
    std::thread::scope(|scope| {
        for session in 0..sessions {
            let (work, barrier) = (&work, &barrier);
            scope.spawn(move || {
                let mut client = database.connect();
                barrier.wait();
                work(session, &mut client);
            });
        }
    });
}

/// A sequence of numbers that looks random and is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn sixteen_sessions_on_one_parent_never_deadlock_and_never_drift() {
    let database = counted();
    at_once(&database, 16, |session, client| {
        for turn in 0..40 {
            client
                .execute("INSERT INTO s.likes (post_id) VALUES (1)", &[])
                .expect("like");
            if (session + turn) % 4 == 0 {
                let one = "DELETE FROM s.likes WHERE id = (SELECT id FROM s.likes LIMIT 1 FOR UPDATE SKIP LOCKED)";
                client.execute(one, &[]).expect("take a like back");
            }
        }
    });
    let mut client = database.connect();
    assert_eq!(differences(&mut client), 0);
    assert!(
        number(
            &mut client,
            "SELECT likes::bigint FROM s.posts WHERE id = 1"
        ) >= 16 * 30
    );
}

#[test]
fn sixteen_sessions_with_ten_rows_over_twenty_parents_never_deadlock_and_never_drift() {
    let database = counted();
    at_once(&database, 16, |session, client| {
        let mut dice = Dice(session as u64);
        for _ in 0..40 {
            let rows: Vec<_> = (0..10)
                .map(|_| format!("({})", 1 + dice.roll(20)))
                .collect();
            let insert = format!("INSERT INTO s.likes (post_id) VALUES {}", rows.join(", "));
            client.batch_execute(&insert).expect("like many");
        }
    });
    let mut client = database.connect();
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM s.likes"),
        16 * 40 * 10
    );
    assert_eq!(differences(&mut client), 0);
}

#[test]
fn sixteen_sessions_on_slots_while_others_fold_never_drift() {
    let database = counted();
    database
        .connect()
        .batch_execute(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => 4)",
        )
        .expect("attach with slots");
    at_once(&database, 16, |session, client| {
        for _ in 0..30 {
            if session == 0 {
                client
                    .batch_execute("SELECT community_core.fold_counters()")
                    .expect("fold");
            } else {
                client
                    .batch_execute("INSERT INTO s.likes (post_id) VALUES (1); INSERT INTO s.likes (post_id) VALUES (3), (2), (1)")
                    .expect("like");
            }
        }
    });
    let mut client = database.connect();
    assert_eq!(differences(&mut client), 0);
    let value = "SELECT community_core.counter_value('s.posts', '1', 'likes')";
    assert_eq!(number(&mut client, value), 15 * 30 * 2);
    client
        .batch_execute("SELECT community_core.fold_counters()")
        .expect("fold");
    assert_eq!(
        number(
            &mut client,
            "SELECT likes::bigint FROM s.posts WHERE id = 1"
        ),
        15 * 30 * 2
    );
}

#[test]
fn averages_never_drift_under_concurrent_ratings() {
    let database = counted();
    database
        .connect()
        .batch_execute(
            "ALTER TABLE s.posts ADD mean numeric(8,3), ADD n int DEFAULT 0;
             ALTER TABLE s.likes ADD stars int;
             SELECT community_core.create_average('s.likes', 'post_id', 'stars', 's.posts', 'mean', 'n')",
        )
        .expect("attach an average");
    at_once(&database, 8, |session, client| {
        let mut dice = Dice(session as u64);
        for _ in 0..40 {
            let insert = format!(
                "INSERT INTO s.likes (post_id, stars) VALUES ({}, {}), ({}, {})",
                1 + dice.roll(5),
                dice.roll(6),
                1 + dice.roll(5),
                dice.roll(6)
            );
            client.batch_execute(&insert).expect("rate");
        }
    });
    assert_eq!(differences(&mut database.connect()), 0);
}

#[test]
fn recounting_while_others_write_never_drifts() {
    let database = counted();
    for slots in ["0", "4"] {
        let attach = format!(
            "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes', slots => {slots})"
        );
        database.connect().batch_execute(&attach).expect("attach");
        at_once(&database, 8, |session, client| {
            let mut dice = Dice(session as u64);
            for _ in 0..30 {
                if session == 0 {
                    // Wrong on purpose, so that the recount has something to set right.
                    for sql in [
                        "UPDATE s.posts SET likes = likes + 5 WHERE id = 3",
                        "UPDATE s.posts SET likes = likes + 5 WHERE id = 11",
                        "SELECT community_core.recount_counters('s.posts', 2)",
                        "SELECT community_core.recount_counters()",
                    ] {
                        client.batch_execute(sql).expect(sql);
                    }
                } else {
                    let one = 1 + dice.roll(20);
                    let insert = format!("INSERT INTO s.likes (post_id) VALUES ({one}), (7), (3)");
                    client.batch_execute(&insert).expect("like");
                    let delete = "DELETE FROM s.likes WHERE id IN
                        (SELECT id FROM s.likes WHERE post_id = 11 LIMIT 1 FOR UPDATE SKIP LOCKED)";
                    client.batch_execute(delete).expect("take a like back");
                }
            }
        });
        assert_eq!(differences(&mut database.connect()), 0);
    }
}

#[test]
fn a_recount_waits_for_a_child_that_is_not_committed_yet() {
    let database = counted();
    let (mut writer, mut observer) = (database.connect(), database.connect());
    observer
        .batch_execute("UPDATE s.posts SET likes = 50 WHERE id = 1")
        .expect("tamper");
    writer
        .batch_execute("BEGIN; INSERT INTO s.likes (post_id) VALUES (1)")
        .expect("like");
    std::thread::scope(|scope| {
        let recount = scope.spawn(|| {
            number(
                &mut database.connect(),
                "SELECT community_core.recount_counters('s.posts')",
            )
        });
        wait_until_blocked(&mut observer, 1);
        writer.batch_execute("COMMIT").expect("commit");
        assert_eq!(recount.join().expect("recount"), 1);
    });
    assert_eq!(
        number(
            &mut observer,
            "SELECT likes::bigint FROM s.posts WHERE id = 1"
        ),
        1
    );
    assert_eq!(differences(&mut observer), 0);
}

/// Two people, each the author of ten posts, each having liked all of the other's.
const MUTUAL_LIKES: &str = "
    CREATE SCHEMA s;
    CREATE TABLE s.people (id int PRIMARY KEY, likes_given int NOT NULL DEFAULT 0);
    CREATE TABLE s.posts (id int PRIMARY KEY, likes int NOT NULL DEFAULT 0,
        author int REFERENCES s.people ON DELETE CASCADE);
    CREATE TABLE s.likes (person int REFERENCES s.people ON DELETE CASCADE,
        post_id int REFERENCES s.posts ON DELETE CASCADE, PRIMARY KEY (person, post_id));
    CREATE INDEX ON s.likes (post_id);
    INSERT INTO s.people SELECT generate_series(1, 3);
    INSERT INTO s.posts SELECT n, 0, 1 + n % 3 FROM generate_series(1, 30) AS n;
    INSERT INTO s.likes SELECT p.id, q.id FROM s.people p, s.posts q;
    SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes');
    SELECT community_core.create_counter('s.likes', 'person', 's.people', 'likes_given')";

#[test]
fn two_people_who_liked_each_other_are_erased_at_once_and_nothing_is_lost() {
    for _ in 0..5 {
        let database = Database::engines();
        database
            .connect()
            .batch_execute(MUTUAL_LIKES)
            .expect("make the tables");
        at_once(&database, 2, |session, client| {
            let erase = format!("DELETE FROM s.people WHERE id = {}", session + 1);
            loop {
                match sqlstate(client.batch_execute(&erase)).as_str() {
                    "00000" => break,
                    // The documented answer to a deadlock or a serialization failure: try again.
                    "40P01" | "40001" => {}
                    other => panic!("{other}"),
                }
            }
        });
        let mut client = database.connect();
        assert_eq!(number(&mut client, "SELECT count(*) FROM s.people"), 1);
        assert_eq!(number(&mut client, "SELECT count(*) FROM s.posts"), 10);
        assert_eq!(number(&mut client, "SELECT sum(likes) FROM s.posts"), 10);
        assert_eq!(number(&mut client, "SELECT count(*) FROM s.likes"), 10);
        assert_eq!(differences(&mut client), 0);
    }
}

#[test]
fn without_a_foreign_key_a_parent_and_its_child_made_at_once_find_each_other() {
    let database = counted();
    let mut observer = database.connect();
    observer
        .batch_execute(
            "ALTER TABLE s.likes DROP CONSTRAINT likes_post_id_fkey;
             SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes')",
        )
        .expect("attach without a foreign key");
    let (parent, child) = (
        "INSERT INTO s.posts VALUES (100)",
        "INSERT INTO s.likes (post_id) VALUES (100)",
    );
    for (first, second) in [(parent, child), (child, parent)] {
        let mut session = database.connect();
        session
            .batch_execute(&format!("BEGIN; {first}"))
            .expect(first);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| database.connect().batch_execute(second).expect(second));
            wait_until_blocked(&mut observer, 1);
            session.batch_execute("COMMIT").expect("commit");
            other.join().expect(second);
        });
        assert_eq!(
            number(
                &mut observer,
                "SELECT likes::bigint FROM s.posts WHERE id = 100"
            ),
            1
        );
        observer
            .batch_execute(
                "DELETE FROM s.posts WHERE id = 100; DELETE FROM s.likes WHERE post_id = 100",
            )
            .expect("clean up");
    }
    let mut old = database.connect();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM s.posts")
        .expect("take a snapshot");
    observer.batch_execute(parent).expect(parent);
    assert_eq!(sqlstate(old.batch_execute(child)), "40001");
    old.batch_execute("ROLLBACK").expect("roll back");
    old.batch_execute(child).expect(child);
    assert_eq!(differences(&mut observer), 0);
}

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
fn in_repeatable_read_a_counter_never_overwrites_what_it_did_not_see() {
    let database = counted();
    let (mut old, mut new) = (database.connect(), database.connect());
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM s.posts")
        .expect("take a snapshot");
    let like = "INSERT INTO s.likes (post_id) VALUES (1)";
    new.batch_execute(like).expect(like);
    assert_eq!(sqlstate(old.batch_execute(like)), "40001");
    old.batch_execute("ROLLBACK").expect("roll back");
    assert_eq!(differences(&mut new), 0);
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
fn wait_for(client: &mut Client, condition: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !client
        .query_one(condition, &[])
        .expect(condition)
        .get::<_, bool>(0)
    {
        assert!(
            std::time::Instant::now() < deadline,
            "never came true: {condition}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

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
    wait_for(&mut there, "SELECT count(*) = 3 FROM s.local_likes");
    wait_for(
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
    wait_for(&mut there, "SELECT count(*) = 5 FROM s.local_likes");
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
    wait_for(&mut there, "SELECT count(*) = 1 FROM s.local_likes");
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
