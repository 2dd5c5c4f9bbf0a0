//! How far a long run has come.

use pgrx::notice;
use std::time::{Duration, Instant};

/// Says how far a long run has come, every few seconds.
pub struct Progress {
    what: String,
    total: i64,
    done: i64,
    said: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(5);

    pub fn new(what: &str, total: i64) -> Progress {
        Progress {
            what: what.to_owned(),
            total,
            done: 0,
            said: Instant::now(),
        }
    }

    pub fn step(&mut self) {
        self.done += 1;
        if self.done % 10_000 == 0 && self.said.elapsed() >= Self::EVERY {
            self.said = Instant::now();
            notice!("{}: {} of {} entries", self.what, self.done, self.total);
        }
    }
}
