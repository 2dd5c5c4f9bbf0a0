//! Writes a dump's rows into schema `spaces`, as one public space, by COPY, in the caller's
//! transaction.

use crate::copy::{Copy, Progress, shorten};
use crate::dump::{Row, rows};
use crate::site::{Kind, Report, display_name, uuid};
use postgres::Transaction;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A question or an answer that was loaded, with what the dump says of it.
struct Post {
    id: String,
    /// The question's own id, or that of the question it answers.
    question: String,
    is_answer: bool,
    answers: i64,
    comments: i64,
    score: i64,
}

type Posts = HashMap<i64, Post>;

/// Loads the site; how many posts there are, and for how many the counters differ from the dump's.
pub fn load(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    report: &mut Report,
) -> Result<(usize, u64), String> {
    let space = found_space(transaction)?;
    load_members(folder, transaction, &space, report)?;
    let mut posts = Posts::new();
    load_questions(folder, transaction, users, &space, &mut posts, report)?;
    load_answers(folder, transaction, users, &space, &mut posts, report)?;
    load_comments(folder, transaction, users, &space, &posts, report)?;
    load_votes(folder, transaction, &space, &posts, report)?;
    accept_answers(folder, transaction, &posts, report)?;
    load_badges(folder, transaction, users, &space, report)?;
    let differences = differences(transaction, &posts).map_err(|error| error.to_string())?;
    Ok((posts.len(), differences))
}

fn found_space(transaction: &mut Transaction) -> Result<String, String> {
    let row = transaction
        .query_one(
            "INSERT INTO spaces.spaces (slug, name) VALUES ('stack-exchange', 'Stack Exchange') RETURNING id::text",
            &[],
        )
        .map_err(|error| error.to_string())?;
    Ok(row.get(0))
}

fn load_members(
    folder: &Path,
    transaction: &mut Transaction,
    space: &str,
    report: &mut Report,
) -> Result<(), String> {
    for (table, columns) in [
        ("spaces.profiles", "id, display_name, created_at"),
        ("spaces.space_members", "profile_id, space_id, joined_at"),
    ] {
        let mut seen = HashSet::new();
        let mut copy = Copy::new(table, columns);
        rows(folder, "Users.xml", |row, _| {
            let id = row.required_number("Id")?;
            if !seen.insert(id) {
                return Ok(());
            }
            let created_at = row.moment("CreationDate")?;
            let name = display_name(&row)?;
            let second = if table == "spaces.profiles" { name.as_str() } else { space };
            copy.row(transaction, &[Some(&uuid(Kind::User, id)), Some(second), Some(created_at)])?;
            if table == "spaces.space_members" {
                report.count("members of the space");
            }
            Ok(())
        })?;
        copy.finish(transaction)?;
    }
    Ok(())
}

fn author(row: &Row, name: &str, users: &HashSet<i64>) -> Result<Option<String>, String> {
    Ok(row.number(name)?.filter(|id| users.contains(id)).map(|id| uuid(Kind::User, id)))
}

/// A body that the tables take, or why not.
fn body<'a>(row: &'a Row, report: &mut Report) -> Option<&'a str> {
    let body = row.text("Body").unwrap_or_default();
    let fault = match body.chars().count() {
        _ if body.trim().is_empty() => "is empty",
        100_001.. => "is over the length of a post",
        _ => return Some(body),
    };
    report.skip(format!("Posts.xml: the body {fault}, for spaces"));
    None
}

fn load_questions(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    space: &str,
    posts: &mut Posts,
    report: &mut Report,
) -> Result<(), String> {
    let mut copy = Copy::new(
        "spaces.posts",
        "id, space_id, author_id, post_type, title, body, created_at, updated_at",
    );
    let mut tagged: Vec<(String, String)> = Vec::new();
    let mut progress = Progress::new("Posts.xml for questions");
    rows(folder, "Posts.xml", |row, read| {
        progress.show(read);
        let id = row.required_number("Id")?;
        let kind = row.required_number("PostTypeId")?;
        if kind != 1 {
            if kind != 2 {
                report.skip(format!("Posts.xml: PostTypeId {kind} is neither question nor answer, for spaces"));
            }
            return Ok(());
        }
        let Some(body) = body(&row, report) else { return Ok(()) };
        let created_at = row.moment("CreationDate")?;
        let question = timed(created_at, Kind::Post, id)?;
        let title = row.text("Title").map(str::trim).filter(|title| !title.is_empty());
        copy.row(
            transaction,
            &[
                Some(&question),
                Some(space),
                author(&row, "OwnerUserId", users)?.as_deref(),
                Some("question"),
                Some(&shorten(title.unwrap_or("(untitled)"), 300)),
                Some(body),
                Some(created_at),
                Some(row.text("LastEditDate").unwrap_or(created_at)),
            ],
        )?;
        let tags = row.text("Tags").unwrap_or_default().split(['<', '>', '|']);
        let tags = tags.filter(|tag| !tag.is_empty()).map(|tag| (question.clone(), tag.to_lowercase()));
        tagged.extend(tags);
        let post = Post {
            id: question.clone(),
            question,
            is_answer: false,
            answers: row.number("AnswerCount")?.unwrap_or_default(),
            comments: row.number("CommentCount")?.unwrap_or_default(),
            score: row.number("Score")?.unwrap_or_default(),
        };
        if posts.insert(id, post).is_some() {
            return Err(format!("Posts.xml: there are two rows with Id {id}"));
        }
        report.count("questions");
        Ok(())
    })?;
    copy.finish(transaction)?;
    load_tags(transaction, space, &tagged, report)
}

fn load_tags(
    transaction: &mut Transaction,
    space: &str,
    tagged: &[(String, String)],
    report: &mut Report,
) -> Result<(), String> {
    let mut ids: HashMap<&str, String> = HashMap::new();
    let mut tags = Copy::new("spaces.tags", "id, space_id, name");
    for (_, tag) in tagged {
        let number = ids.len() as i64;
        if !ids.contains_key(tag.as_str()) {
            let id = uuid(Kind::Tag, number);
            tags.row(transaction, &[Some(&id), Some(space), Some(tag)])?;
            ids.insert(tag, id);
            report.count("tags");
        }
    }
    tags.finish(transaction)?;
    let mut copy = Copy::new("spaces.post_tags", "post_id, tag_id, space_id");
    for (question, tag) in tagged {
        copy.row(transaction, &[Some(question), Some(&ids[tag.as_str()]), Some(space)])?;
    }
    copy.finish(transaction)
}

fn load_answers(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    space: &str,
    posts: &mut Posts,
    report: &mut Report,
) -> Result<(), String> {
    let mut copy = Copy::new(
        "spaces.answers",
        "id, question_id, space_id, author_id, body, created_at, updated_at",
    );
    let mut progress = Progress::new("Posts.xml for answers");
    rows(folder, "Posts.xml", |row, read| {
        progress.show(read);
        if row.required_number("PostTypeId")? != 2 {
            return Ok(());
        }
        let id = row.required_number("Id")?;
        let Some(body) = body(&row, report) else { return Ok(()) };
        let Some(question) = row.number("ParentId")?.and_then(|parent| posts.get(&parent)) else {
            report.skip("Posts.xml: the question of an answer was not loaded, for spaces".to_owned());
            return Ok(());
        };
        let question = question.question.clone();
        let created_at = row.moment("CreationDate")?;
        let answer = timed(created_at, Kind::Post, id)?;
        copy.row(
            transaction,
            &[
                Some(&answer),
                Some(&question),
                Some(space),
                author(&row, "OwnerUserId", users)?.as_deref(),
                Some(body),
                Some(created_at),
                Some(row.text("LastEditDate").unwrap_or(created_at)),
            ],
        )?;
        let post = Post {
            id: answer,
            question,
            is_answer: true,
            answers: 0,
            comments: row.number("CommentCount")?.unwrap_or_default(),
            score: row.number("Score")?.unwrap_or_default(),
        };
        if posts.insert(id, post).is_some() {
            return Err(format!("Posts.xml: there are two rows with Id {id}"));
        }
        report.count("answers");
        Ok(())
    })?;
    copy.finish(transaction)
}

fn load_comments(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    space: &str,
    posts: &Posts,
    report: &mut Report,
) -> Result<(), String> {
    let mut copy = Copy::new(
        "spaces.comments",
        "id, space_id, post_id, answer_id, author_id, body, created_at, updated_at",
    );
    let mut progress = Progress::new("Comments.xml");
    rows(folder, "Comments.xml", |row, read| {
        progress.show(read);
        let Some(post) = posts.get(&row.required_number("PostId")?) else {
            report.skip("Comments.xml: the post was not loaded, for spaces".to_owned());
            return Ok(());
        };
        let text = row.text("Text").filter(|text| !text.trim().is_empty()).unwrap_or("(empty)");
        let created_at = row.moment("CreationDate")?;
        copy.row(
            transaction,
            &[
                Some(&timed(created_at, Kind::Comment, row.required_number("Id")?)?),
                Some(space),
                Some(&post.question),
                Some(post.id.as_str()).filter(|_| post.is_answer),
                author(&row, "UserId", users)?.as_deref(),
                Some(&shorten(text, 10_000)),
                Some(created_at),
                Some(created_at),
            ],
        )?;
        report.count("comments on questions and answers");
        Ok(())
    })?;
    copy.finish(transaction)
}

/// The public dump carries no voters, so the votes have none.
fn load_votes(
    folder: &Path,
    transaction: &mut Transaction,
    space: &str,
    posts: &Posts,
    report: &mut Report,
) -> Result<(), String> {
    let mut copy = Copy::new("spaces.votes", "space_id, post_id, answer_id, value, created_at");
    let mut progress = Progress::new("Votes.xml");
    rows(folder, "Votes.xml", |row, read| {
        progress.show(read);
        let value = match row.required_number("VoteTypeId")? {
            2 => "1",
            3 => "-1",
            _ => return Ok(()),
        };
        let Some(post) = posts.get(&row.required_number("PostId")?) else {
            report.skip("Votes.xml: the post was not loaded, for spaces".to_owned());
            return Ok(());
        };
        let id = Some(post.id.as_str());
        copy.row(
            transaction,
            &[
                Some(space),
                id.filter(|_| !post.is_answer),
                id.filter(|_| post.is_answer),
                Some(value),
                Some(row.moment("CreationDate")?),
            ],
        )?;
        report.count("votes up and down");
        Ok(())
    })?;
    copy.finish(transaction)
}

/// Accepting and closing come last: a closed question takes no answers.
fn accept_answers(
    folder: &Path,
    transaction: &mut Transaction,
    posts: &Posts,
    report: &mut Report,
) -> Result<(), String> {
    transaction
        .batch_execute(
            "CREATE TEMPORARY TABLE verdicts (question uuid, answer uuid, closed_at timestamptz) ON COMMIT DROP",
        )
        .map_err(|error| error.to_string())?;
    let mut copy = Copy::new("verdicts", "question, answer, closed_at");
    rows(folder, "Posts.xml", |row, _| {
        let Some(post) = posts.get(&row.required_number("Id")?).filter(|post| !post.is_answer) else {
            return Ok(());
        };
        let accepted = row.number("AcceptedAnswerId")?.and_then(|id| posts.get(&id));
        let closed_at = match row.text("ClosedDate") {
            Some(_) => Some(row.moment("ClosedDate")?),
            None => None,
        };
        if accepted.is_some() {
            report.count("accepted answers");
        }
        copy.row(transaction, &[Some(&post.id), accepted.map(|answer| answer.id.as_str()), closed_at])
    })?;
    copy.finish(transaction)?;
    transaction
        .batch_execute(
            "UPDATE spaces.questions q
             SET accepted_answer_id = v.answer, closed_at = v.closed_at,
                 close_reason = CASE WHEN v.closed_at IS NOT NULL THEN 'closed on Stack Exchange' END
             FROM verdicts v
             WHERE q.post_id = v.question AND num_nonnulls(v.answer, v.closed_at) > 0",
        )
        .map_err(|error| error.to_string())
}

/// A badge is worth no points on Stack Exchange; it is kept as what it is.
fn load_badges(
    folder: &Path,
    transaction: &mut Transaction,
    users: &HashSet<i64>,
    space: &str,
    report: &mut Report,
) -> Result<(), String> {
    if !folder.join("Badges.xml").exists() {
        report.skip("Badges.xml: the dump has none".to_owned());
        return Ok(());
    }
    let mut copy =
        Copy::new("spaces.reputation_events", "profile_id, space_id, event_type, points, metadata, created_at");
    rows(folder, "Badges.xml", |row, _| {
        let user = row.required_number("UserId")?;
        if !users.contains(&user) {
            report.skip("Badges.xml: the person was not loaded".to_owned());
            return Ok(());
        }
        let name = row.required("Name")?.replace('\\', "\\\\").replace('"', "\\\"");
        let class = row.number("Class")?.unwrap_or_default();
        copy.row(
            transaction,
            &[
                Some(&uuid(Kind::User, user)),
                Some(space),
                Some("badge"),
                Some("0"),
                Some(&format!(r#"{{"name":"{name}","class":{class}}}"#)),
                Some(row.moment("Date")?),
            ],
        )?;
        report.count("badges as reputation events");
        Ok(())
    })?;
    copy.finish(transaction)
}

fn differences(transaction: &mut Transaction, posts: &Posts) -> Result<u64, postgres::Error> {
    let rows = transaction.query(
        "SELECT p.id::text, q.answer_count::bigint, p.comment_count::bigint, p.score::bigint
         FROM spaces.posts p JOIN spaces.questions q ON q.post_id = p.id
         UNION ALL
         SELECT a.id::text, 0::bigint, a.comment_count::bigint, a.score::bigint FROM spaces.answers a",
        &[],
    )?;
    let stored: HashMap<String, (i64, i64, i64)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    let mut differences = posts.len().abs_diff(stored.len()) as u64;
    for (id, post) in posts {
        let own = (post.answers, post.comments, post.score);
        if stored.get(&post.id) != Some(&own) {
            eprintln!("post {id}: {:?} answers, comments and score are stored, not {own:?}", stored.get(&post.id));
            differences += 1;
        }
    }
    Ok(differences)
}

/// A time-ordered id (version 7) that a person can read back: the moment in front, the dump's own id
/// behind.
fn timed(moment: &str, kind: Kind, id: i64) -> Result<String, String> {
    let digits = |from: usize, to: usize| -> i64 {
        moment.get(from..to).and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let (year, month, day) = (digits(0, 4), digits(5, 7), digits(8, 10));
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return Err(format!("{moment} is not a time after 1970"));
    }
    // Years that begin in March end with the day that leap years add.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let seconds = ((days * 24 + digits(11, 13)) * 60 + digits(14, 16)) * 60 + digits(17, 19);
    let fraction = format!("{:0<3}", moment.get(20..).unwrap_or_default());
    let milliseconds = seconds * 1000 + fraction.parse::<i64>().unwrap_or_default();
    Ok(format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        milliseconds >> 16,
        milliseconds & 0xffff,
        kind as u16,
        0x8000 | (id >> 48 & 0x3fff),
        id & 0xffff_ffff_ffff
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_the_milliseconds_of_its_moment() {
        let id = timed("2022-02-22T19:22:22.000", Kind::Post, 7).expect("a moment");
        assert_eq!(id, "017f22e2-79b0-7001-8000-000000000007");
        let leap = timed("2024-02-29T00:00:00.5", Kind::Comment, 1).expect("a moment");
        let next = timed("2024-03-01T00:00:00", Kind::Comment, 1).expect("a moment");
        let milliseconds = |id: &str| i64::from_str_radix(&id[..13].replace('-', ""), 16).expect("digits");
        assert_eq!(milliseconds(&next) - milliseconds(&leap), 86_400_000 - 500);
        assert_eq!(milliseconds(&timed("1970-01-01T00:00:00", Kind::Post, 1).expect("a moment")), 0);
    }
}
