//! Many sessions at once: no deadlock, no drift, nothing lost.

use super::{Dice, at_once, counted, differences, number};
use crate::claims::sessions::cluster::{Database, sqlstate, wait_until, wait_until_blocked};

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
    for slots in [0, 4] {
        let database = counted();
        let (mut writer, mut observer) = (database.connect(), database.connect());
        observer
            .batch_execute(&format!(
                "SELECT community_core.create_counter('s.likes', 'post_id', 's.posts', 'likes',
                     slots => {slots});
                 UPDATE s.posts SET likes = 50 WHERE id = 1"
            ))
            .expect("attach and tamper");
        writer
            .batch_execute("BEGIN; INSERT INTO s.likes (post_id) VALUES (1)")
            .expect("like");
        std::thread::scope(|scope| {
            let recount = scope.spawn(|| {
                let recount = "SELECT community_core.recount_counters('s.posts')";
                number(&mut database.connect(), recount)
            });
            wait_until_blocked(&mut observer, 1);
            writer.batch_execute("COMMIT").expect("commit");
            assert_eq!(recount.join().expect("recount"), 1);
        });
        let value = "SELECT community_core.counter_value('s.posts', '1', 'likes')";
        assert_eq!(number(&mut observer, value), 1);
        assert_eq!(differences(&mut observer), 0);
    }
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
fn who_wait_for_a_parent_stand_in_line_and_who_holds_it_does_not_stand_behind_them() {
    let database = counted();
    let like = "INSERT INTO s.likes (post_id) VALUES (1)";
    for held_by in [
        "UPDATE s.posts SET id = id WHERE id = 1",
        "SELECT FROM s.posts WHERE id = 1 FOR UPDATE",
        like,
    ] {
        let (mut holder, mut observer) = (database.connect(), database.connect());
        observer
            .batch_execute("TRUNCATE s.likes; UPDATE s.posts SET likes = 0")
            .expect("start anew");
        holder
            .batch_execute(&format!("BEGIN; {held_by}"))
            .expect(held_by);
        let waiting: Vec<_> = (0..4)
            .map(|_| database.connect())
            .map(|mut client| std::thread::spawn(move || client.batch_execute(like)))
            .collect();
        wait_until_blocked(&mut observer, 4);
        if !held_by.starts_with("SELECT") {
            // Sessions also wait for a moment to add a page to the table.
            let in_line =
                "SELECT count(*) = 3 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                AND objsubid = 4 AND classid = 's.posts'::regclass";
            wait_until(&mut observer, in_line);
        }
        let likes = format!("{like}; SAVEPOINT a; {like}; ROLLBACK TO a; COMMIT");
        holder
            .batch_execute(&likes)
            .expect("like what is one's own");
        for one in waiting {
            one.join().expect("the thread").expect(like);
        }
        assert_eq!(differences(&mut observer), 0, "{held_by}");
        assert_eq!(
            number(&mut observer, "SELECT count(*) FROM s.likes"),
            5 + i64::from(held_by == like)
        );
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
fn in_repeatable_read_nobody_stands_in_line_for_what_it_cannot_see() {
    let database = counted();
    let [mut old, mut first, mut front, mut observer] = std::array::from_fn(|_| database.connect());
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM s.posts")
        .expect("take a snapshot");
    let like = "INSERT INTO s.likes (post_id) VALUES (1)";
    first.batch_execute(&format!("BEGIN; {like}")).expect(like);
    let waiting = std::thread::spawn(move || {
        front
            .batch_execute(&format!("BEGIN; {like}"))
            .expect("from the front of the line");
        front
    });
    wait_until_blocked(&mut observer, 1);
    first.batch_execute("COMMIT").expect("commit");
    let mut front = waiting.join().expect("the thread");
    // The front holds the line and the row: whoever stood behind it would wait, and time out.
    old.batch_execute("SET lock_timeout = '20s'")
        .expect("a limit");
    assert_eq!(sqlstate(old.batch_execute(like)), "40001");
    front.batch_execute("COMMIT").expect("commit");
    assert_eq!(differences(&mut observer), 0);
}
