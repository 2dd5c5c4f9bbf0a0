//! Claims about the counter that one connection cannot show.

mod life;
mod races;

use super::cluster::Database;
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
