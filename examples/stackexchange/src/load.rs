//! Writes a dump's rows into schema `founders`, by COPY, in the caller's transaction.

use crate::dump::{Row, rows};
use postgres::Transaction;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// What was taken over, and what was not and why.
#[derive(Default)]
pub struct Report {
    pub loaded: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<String, u64>,
    /// The dump's own CommentCount and up-votes of each post that was loaded.
    pub answer_key: HashMap<i64, (i64, i64)>,
}

impl Report {
    fn skip(&mut self, why: String) {
        *self.skipped.entry(why).or_default() += 1;
    }

    fn count(&mut self, what: &'static str) {
        *self.loaded.entry(what).or_default() += 1;
    }
}

/// Ids become uuids that a person can read back: the kind in front, the dump's own id behind.
#[derive(Clone, Copy)]
enum Kind {
    Post = 1,
    Comment = 2,
    User = 3,
    /// Whoever wrote something and has left since; the dump keeps no id of them.
    Departed = 4,
    /// The public dump carries no voter: the nth up-vote of a post is given to the nth stand-in.
    StandIn = 5,
}

fn uuid(kind: Kind, id: i64) -> String {
    let id = id as u64;
    format!("{:08x}-0000-8000-{:04x}-{:012x}", kind as u8, 0x8000 | (id >> 48 & 0x3fff), id & 0xffff_ffff_ffff)
}

fn author(row: &Row, name: &str, users: &HashSet<i64>) -> Result<String, String> {
    Ok(match row.number(name)? {
        Some(id) if users.contains(&id) => uuid(Kind::User, id),
        _ => uuid(Kind::Departed, 0),
    })
}

pub fn load(folder: &Path, transaction: &mut Transaction) -> Result<Report, String> {
    let mut report = Report::default();
    let limits = Limits::read(transaction)?;
    let users = load_users(folder, transaction, &limits, &mut report)?;
    let posts = load_posts(folder, transaction, &users, &limits, &mut report)?;
    load_comments(folder, transaction, &users, &posts, &limits, &mut report)?;
    load_votes(folder, transaction, &posts, &mut report)?;
    Ok(report)
}

/// The lengths that the module's own CHECK constraints allow, asked of the database.
struct Limits {
    display_name: usize,
    bio: usize,
    title: usize,
    post: usize,
    comment: usize,
}

impl Limits {
    fn read(transaction: &mut Transaction) -> Result<Limits, String> {
        let mut limit = |table: &str, column: &str| -> Result<usize, String> {
            let row = transaction
                .query_opt(
                    r"SELECT (regexp_match(pg_get_constraintdef(c.oid),
                              '(?:char_length|length)\([^()]*\m' || $2 || '\M[^<=]*\)* *<= *(\d+)'))[1]
                      FROM pg_constraint c
                      WHERE c.conrelid = to_regclass('founders.' || $1) AND c.contype = 'c'
                        AND pg_get_constraintdef(c.oid) ~ ('length\([^()]*\m' || $2 || '\M[^<=]*<=')",
                    &[&table, &column],
                )
                .map_err(|error| error.to_string())?;
            let text: Option<String> = row.and_then(|row| row.get(0));
            Ok(text.and_then(|text| text.parse().ok()).unwrap_or(usize::MAX))
        };
        Ok(Limits {
            display_name: limit("community_profiles", "display_name")?,
            bio: limit("community_profiles", "bio")?,
            title: limit("social_feed_posts", "title")?,
            post: limit("social_feed_posts", "content")?,
            comment: limit("social_feed_comments", "content")?,
        })
    }
}

fn load_users(
    folder: &Path,
    transaction: &mut Transaction,
    limits: &Limits,
    report: &mut Report,
) -> Result<HashSet<i64>, String> {
    let mut users = HashSet::new();
    let mut people = Copy::new("auth.users", "id, created_at");
    let mut profiles =
        Copy::new("founders.community_profiles", "user_id, display_name, bio, avatar_url, created_at");
    let mut progress = Progress::new("Users.xml");
    rows(folder, "Users.xml", |row, read| {
        progress.show(read);
        let id = row.required_number("Id")?;
        if !users.insert(id) {
            report.skip(format!("Users.xml: a second row with Id {id}"));
            return Ok(());
        }
        let created_at = row.moment("CreationDate")?;
        let name = row.text("DisplayName").map(str::trim).filter(|name| !name.is_empty());
        let unnamed = format!("user {id}");
        let name = shorten(name.unwrap_or(&unnamed), limits.display_name);
        let bio = row.text("AboutMe").unwrap_or_default();
        if bio.chars().count() > limits.bio {
            report.skip("Users.xml: the end of an AboutMe over the length of a bio".to_owned());
        }
        people.row(transaction, &[Some(&uuid(Kind::User, id)), Some(created_at)])?;
        profiles.row(
            transaction,
            &[
                Some(&uuid(Kind::User, id)),
                Some(&name),
                Some(&shorten(bio, limits.bio)),
                row.text("ProfileImageUrl"),
                Some(created_at),
            ],
        )?;
        report.count("people and their profiles");
        Ok(())
    })?;
    people.row(transaction, &[Some(&uuid(Kind::Departed, 0)), Some("2008-07-31T00:00:00")])?;
    people.finish(transaction)?;
    profiles.finish(transaction)?;
    Ok(users)
}

fn load_posts(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    limits: &Limits,
    report: &mut Report,
) -> Result<HashSet<i64>, String> {
    let mut posts = HashSet::new();
    let mut copy = Copy::new(
        "founders.social_feed_posts",
        "id, author_id, post_type, title, content, metadata, view_count, created_at, updated_at",
    );
    let mut progress = Progress::new("Posts.xml");
    rows(folder, "Posts.xml", |row, read| {
        progress.show(read);
        let id = row.required_number("Id")?;
        let kind = match row.required_number("PostTypeId")? {
            1 => "question",
            2 => "answer",
            other => {
                report.skip(format!("Posts.xml: PostTypeId {other} is neither question nor answer"));
                return Ok(());
            }
        };
        let content = row.text("Body").unwrap_or_default();
        if content.trim().is_empty() {
            report.skip("Posts.xml: the body is empty".to_owned());
            return Ok(());
        }
        if content.chars().count() > limits.post {
            report.skip("Posts.xml: the body is over the length of a post".to_owned());
            return Ok(());
        }
        if !posts.insert(id) {
            report.skip(format!("Posts.xml: a second row with Id {id}"));
            return Ok(());
        }
        let parent = row.number("ParentId")?.map_or("null".to_owned(), |id| id.to_string());
        let metadata = format!(r#"{{"stackexchange_id":{id},"kind":"{kind}","parent":{parent}}}"#);
        let created_at = row.moment("CreationDate")?;
        copy.row(
            transaction,
            &[
                Some(&uuid(Kind::Post, id)),
                Some(&author(&row, "OwnerUserId", users)?),
                Some("update"),
                Some(&shorten(row.text("Title").unwrap_or_default(), limits.title)),
                Some(content),
                Some(&metadata),
                Some(&row.number("ViewCount")?.unwrap_or_default().to_string()),
                Some(created_at),
                Some(row.text("LastEditDate").unwrap_or(created_at)),
            ],
        )?;
        let comments = row.number("CommentCount")?.unwrap_or_default();
        report.answer_key.insert(id, (comments, 0));
        report.count("questions and answers");
        Ok(())
    })?;
    copy.finish(transaction)?;
    Ok(posts)
}

fn load_comments(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    posts: &HashSet<i64>,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), String> {
    let mut copy = Copy::new(
        "founders.social_feed_comments",
        "id, post_id, author_id, content, created_at, updated_at",
    );
    let mut progress = Progress::new("Comments.xml");
    rows(folder, "Comments.xml", |row, read| {
        progress.show(read);
        let id = row.required_number("Id")?;
        let post = row.required_number("PostId")?;
        if !posts.contains(&post) {
            report.skip("Comments.xml: the post was not loaded".to_owned());
            return Ok(());
        }
        let content = row.text("Text").filter(|text| !text.trim().is_empty()).unwrap_or("(empty)");
        let created_at = row.moment("CreationDate")?;
        copy.row(
            transaction,
            &[
                Some(&uuid(Kind::Comment, id)),
                Some(&uuid(Kind::Post, post)),
                Some(&author(&row, "UserId", users)?),
                Some(&shorten(content, limits.comment)),
                Some(created_at),
                Some(created_at),
            ],
        )?;
        report.count("comments");
        Ok(())
    })?;
    copy.finish(transaction)
}

fn load_votes(
    folder: &Path,
    transaction: &mut Transaction,
    posts: &HashSet<i64>,
    report: &mut Report,
) -> Result<(), String> {
    let mut people = Copy::new("auth.users", "id, created_at");
    let mut copy =
        Copy::new("founders.social_feed_reactions", "post_id, user_id, reaction_type, created_at");
    let mut stand_ins = 0;
    let mut progress = Progress::new("Votes.xml");
    rows(folder, "Votes.xml", |row, read| {
        progress.show(read);
        row.required_number("Id")?;
        let post = row.required_number("PostId")?;
        let kind = row.required_number("VoteTypeId")?;
        if kind != 2 {
            report.skip(format!("Votes.xml: VoteTypeId {kind} is no up-vote"));
            return Ok(());
        }
        let Some(key) = report.answer_key.get_mut(&post).filter(|_| posts.contains(&post)) else {
            report.skip("Votes.xml: the post was not loaded".to_owned());
            return Ok(());
        };
        key.1 += 1;
        let voter = key.1;
        if voter > stand_ins {
            stand_ins = voter;
            let moment = "2008-07-31T00:00:00";
            people.row(transaction, &[Some(&uuid(Kind::StandIn, voter)), Some(moment)])?;
        }
        copy.row(
            transaction,
            &[
                Some(&uuid(Kind::Post, post)),
                Some(&uuid(Kind::StandIn, voter)),
                Some("encourage"),
                Some(row.moment("CreationDate")?),
            ],
        )?;
        report.count("up-votes as reactions");
        Ok(())
    })?;
    people.finish(transaction)?;
    copy.finish(transaction)
}

fn shorten(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// Rows on their way into a table, sent in batches so that a large site needs little memory and
/// the statement triggers of the counters see many rows at once.
struct Copy {
    statement: String,
    batch: String,
}

const BATCH: usize = 8 << 20;

impl Copy {
    fn new(table: &str, columns: &str) -> Copy {
        Copy { statement: format!("COPY {table} ({columns}) FROM STDIN"), batch: String::new() }
    }

    fn row(&mut self, transaction: &mut Transaction, values: &[Option<&str>]) -> Result<(), String> {
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

    fn send(&mut self, transaction: &mut Transaction) -> Result<(), String> {
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

    fn finish(mut self, transaction: &mut Transaction) -> Result<(), String> {
        if self.batch.is_empty() { Ok(()) } else { self.send(transaction) }
    }
}

/// A line every two seconds while a file is being read.
struct Progress {
    file: &'static str,
    shown: Instant,
}

impl Progress {
    fn new(file: &'static str) -> Progress {
        eprintln!("reading {file}");
        Progress { file, shown: Instant::now() }
    }

    fn show(&mut self, read: f64) {
        if self.shown.elapsed() >= Duration::from_secs(2) {
            eprintln!("reading {}: {:.0} %", self.file, read * 100.0);
            self.shown = Instant::now();
        }
    }
}
