//! What is common to all modules that a dump is loaded into: the people, their ids, and the report.

use crate::copy::{Copy, Progress};
use crate::dump::{Row, rows};
use postgres::Transaction;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// What was taken over, and what was not and why.
#[derive(Default)]
pub struct Report {
    pub loaded: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<String, u64>,
}

impl Report {
    pub fn skip(&mut self, why: String) {
        *self.skipped.entry(why).or_default() += 1;
    }

    pub fn count(&mut self, what: &'static str) {
        *self.loaded.entry(what).or_default() += 1;
    }
}

/// Ids become uuids that a person can read back: the kind in front, the dump's own id behind.
#[derive(Clone, Copy)]
pub enum Kind {
    Post = 1,
    Comment = 2,
    User = 3,
    /// Whoever wrote something and has left since; the dump keeps no id of them.
    Departed = 4,
    /// The public dump carries no voter: the nth up-vote of a post is given to the nth stand-in.
    StandIn = 5,
    Tag = 6,
}

pub fn uuid(kind: Kind, id: i64) -> String {
    let id = id as u64;
    format!("{:08x}-0000-8000-{:04x}-{:012x}", kind as u8, 0x8000 | (id >> 48 & 0x3fff), id & 0xffff_ffff_ffff)
}

/// Everybody who has an account, into auth.users, before anything that refers to them.
pub fn load_people(
    folder: &Path,
    transaction: &mut Transaction,
    report: &mut Report,
) -> Result<HashSet<i64>, String> {
    let mut users = HashSet::new();
    let mut people = Copy::new("auth.users", "id, created_at");
    let mut progress = Progress::new("Users.xml");
    rows(folder, "Users.xml", |row, read| {
        progress.show(read);
        let id = row.required_number("Id")?;
        if !users.insert(id) {
            report.skip(format!("Users.xml: a second row with Id {id}"));
            return Ok(());
        }
        people.row(transaction, &[Some(&uuid(Kind::User, id)), Some(row.moment("CreationDate")?)])
    })?;
    people.finish(transaction)?;
    Ok(users)
}

/// How a person is called.
pub fn display_name(row: &Row) -> Result<String, String> {
    let name = row.text("DisplayName").map(str::trim).filter(|name| !name.is_empty());
    Ok(match name {
        Some(name) => name.to_owned(),
        None => format!("user {}", row.required_number("Id")?),
    })
}
