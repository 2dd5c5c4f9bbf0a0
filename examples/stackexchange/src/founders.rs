//! Writes a dump's rows into schema `founders`, by COPY, in the caller's transaction.

use crate::copy::{Copy, Progress, shorten};
use crate::dump::{Row, rows};
use crate::site::{Kind, Report, display_name, uuid};
use postgres::Transaction;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The dump's own CommentCount and up-votes of each post that was loaded.
type AnswerKey = HashMap<i64, (i64, i64)>;

fn author(row: &Row, name: &str, users: &HashSet<i64>) -> Result<String, String> {
    Ok(match row.number(name)? {
        Some(id) if users.contains(&id) => uuid(Kind::User, id),
        _ => uuid(Kind::Departed, 0),
    })
}

/// Loads the site; how many posts there are, and for how many the counters differ from the dump's.
pub fn load(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    report: &mut Report,
) -> Result<(usize, u64), String> {
    let limits = Limits::read(transaction)?;
    load_profiles(folder, transaction, &limits, report)?;
    let mut answer_key = load_posts(folder, transaction, users, &limits, report)?;
    load_comments(folder, transaction, users, &answer_key, &limits, report)?;
    load_votes(folder, transaction, &mut answer_key, report)?;
    let differences = differences(transaction, &answer_key).map_err(|error| error.to_string())?;
    Ok((answer_key.len(), differences))
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

fn load_profiles(
    folder: &Path,
    transaction: &mut Transaction,
    limits: &Limits,
    report: &mut Report,
) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut departed = Copy::new("auth.users", "id, created_at");
    departed.row(transaction, &[Some(&uuid(Kind::Departed, 0)), Some("2008-07-31T00:00:00")])?;
    departed.finish(transaction)?;
    let mut profiles =
        Copy::new("founders.community_profiles", "user_id, display_name, bio, avatar_url, created_at");
    rows(folder, "Users.xml", |row, _| {
        let id = row.required_number("Id")?;
        if !seen.insert(id) {
            return Ok(());
        }
        let bio = row.text("AboutMe").unwrap_or_default();
        if bio.chars().count() > limits.bio {
            report.skip("Users.xml: the end of an AboutMe over the length of a bio".to_owned());
        }
        profiles.row(
            transaction,
            &[
                Some(&uuid(Kind::User, id)),
                Some(&shorten(&display_name(&row)?, limits.display_name)),
                Some(&shorten(bio, limits.bio)),
                row.text("ProfileImageUrl"),
                Some(row.moment("CreationDate")?),
            ],
        )?;
        report.count("people and their profiles");
        Ok(())
    })?;
    profiles.finish(transaction)
}

fn load_posts(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    limits: &Limits,
    report: &mut Report,
) -> Result<AnswerKey, String> {
    let mut posts = AnswerKey::new();
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
        let comments = row.number("CommentCount")?.unwrap_or_default();
        if posts.insert(id, (comments, 0)).is_some() {
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
    posts: &AnswerKey,
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
        if !posts.contains_key(&post) {
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
    posts: &mut AnswerKey,
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
        let Some(key) = posts.get_mut(&post) else {
            report.skip("Votes.xml: the post was not loaded".to_owned());
            return Ok(());
        };
        key.1 += 1;
        let voter = key.1;
        if voter > stand_ins {
            stand_ins = voter;
            let moment = "2008-07-31T00:00:00";
            people.row(transaction, &[Some(&uuid(Kind::StandIn, voter)), Some(moment)])?;
            // At once: the votes may be sent before the last of the people.
            people.send(transaction)?;
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
    copy.finish(transaction)
}

fn differences(transaction: &mut Transaction, answer_key: &AnswerKey) -> Result<u64, postgres::Error> {
    let rows = transaction.query(
        "SELECT (metadata ->> 'stackexchange_id')::bigint, comment_count::bigint,
                reaction_count::bigint
         FROM founders.social_feed_posts",
        &[],
    )?;
    let mut differences = answer_key.len().abs_diff(rows.len()) as u64;
    for row in rows {
        let (id, comments, reactions): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if answer_key.get(&id) != Some(&(comments, reactions)) {
            eprintln!("post {id}: {comments} comments and {reactions} reactions are stored");
            differences += 1;
        }
    }
    Ok(differences)
}
