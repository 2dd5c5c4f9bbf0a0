//! Rows on their way into a table, by COPY.

use postgres::Transaction;
use std::io::Write;
use std::time::{Duration, Instant};

pub fn shorten(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// Rows on their way into a table, sent in batches so that a large site needs little memory and
/// the statement triggers of the counters see many rows at once.
pub struct Copy {
    statement: String,
    batch: String,
}

const BATCH: usize = 8 << 20;

impl Copy {
    pub fn new(table: &str, columns: &str) -> Copy {
        Copy { statement: format!("COPY {table} ({columns}) FROM STDIN"), batch: String::new() }
    }

    pub fn row(&mut self, transaction: &mut Transaction, values: &[Option<&str>]) -> Result<(), String> {
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.batch.push('\t');
            }
            match value {
                None => self.batch.push_str("\\N"),
                Some(text) => text.chars().for_each(|character| match character {
                    '\\' => self.batch.push_str("\\\\"),
                    '\t' => self.batch.push_str("\\t"),
                    '\n' => self.batch.push_str("\\n"),
                    '\r' => self.batch.push_str("\\r"),
                    '\0' => {}
                    other => self.batch.push(other),
                }),
            }
        }
        self.batch.push('\n');
        if self.batch.len() > BATCH { self.send(transaction) } else { Ok(()) }
    }

    pub fn send(&mut self, transaction: &mut Transaction) -> Result<(), String> {
        let describe = |error: postgres::Error| match error.as_db_error() {
            Some(database) => format!("{}: {database}", self.statement),
            None => format!("{}: {error}", self.statement),
        };
        let mut writer = transaction.copy_in(&self.statement).map_err(describe)?;
        writer.write_all(self.batch.as_bytes()).map_err(|error| error.to_string())?;
        writer.finish().map_err(describe)?;
        self.batch.clear();
        Ok(())
    }

    pub fn finish(mut self, transaction: &mut Transaction) -> Result<(), String> {
        if self.batch.is_empty() { Ok(()) } else { self.send(transaction) }
    }
}

/// A line every two seconds while a file is being read.
pub struct Progress {
    file: &'static str,
    shown: Instant,
}

impl Progress {
    pub fn new(file: &'static str) -> Progress {
        eprintln!("reading {file}");
        Progress { file, shown: Instant::now() }
    }

    pub fn show(&mut self, read: f64) {
        if self.shown.elapsed() >= Duration::from_secs(2) {
            eprintln!("reading {}: {:.0} %", self.file, read * 100.0);
            self.shown = Instant::now();
        }
    }
}
