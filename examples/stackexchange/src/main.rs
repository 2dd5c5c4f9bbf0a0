//! Loads a public Stack Exchange data dump (Users, Posts, Comments, Votes as XML) into the founders
//! module: users and profiles, questions and answers as feed posts, comments, up-votes as reactions.
//! All or nothing. At the end it compares every post's comment_count and reaction_count with the
//! dump's own CommentCount and up-votes: an answer key that nobody here wrote.
//!
//! usage: stackexchange FOLDER "host=... dbname=... user=..."

mod dump;
mod load;

use postgres::{Client, NoTls};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, connection] = arguments.as_slice() else {
        eprintln!("usage: stackexchange FOLDER \"host=... dbname=... user=...\"");
        return ExitCode::from(2);
    };
    match run(Path::new(folder), connection) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("stackexchange: {message}; nothing was loaded");
            ExitCode::FAILURE
        }
    }
}

/// The number of posts whose counters differ from the dump's.
fn run(folder: &Path, connection: &str) -> Result<u64, String> {
    let say = |error: postgres::Error| match error.as_db_error() {
        Some(database) => database.to_string(),
        None => error.to_string(),
    };
    let mut client = Client::connect(connection, NoTls).map_err(say)?;
    client.batch_execute("SET TimeZone = 'UTC'").map_err(say)?;
    let installed = "SELECT to_regclass('founders.social_feed_posts') IS NOT NULL";
    if !client.query_one(installed, &[]).map_err(say)?.get::<_, bool>(0) {
        return Err("the database has no module founders; run CREATE EXTENSION community_core".into());
    }
    let occupied = "SELECT EXISTS (SELECT FROM founders.social_feed_posts)";
    if client.query_one(occupied, &[]).map_err(say)?.get(0) {
        return Err("schema founders holds posts already; give a fresh database".into());
    }
    let mut transaction = client.transaction().map_err(say)?;
    let report = load::load(folder, &mut transaction)?;
    let differences = differences(&mut transaction, &report).map_err(say)?;
    transaction.commit().map_err(say)?;

    for (what, count) in &report.loaded {
        println!("{count:>8} {what}");
    }
    for (why, count) in &report.skipped {
        println!("{count:>8} skipped. {why}");
    }
    println!(
        "{differences:>8} differences between the counters of {} posts and the dump's own",
        report.answer_key.len()
    );
    Ok(differences)
}

fn differences(
    transaction: &mut postgres::Transaction,
    report: &load::Report,
) -> Result<u64, postgres::Error> {
    let rows = transaction.query(
        "SELECT (metadata ->> 'stackexchange_id')::bigint, comment_count::bigint,
                reaction_count::bigint
         FROM founders.social_feed_posts",
        &[],
    )?;
    let mut differences = report.answer_key.len().abs_diff(rows.len()) as u64;
    for row in rows {
        let (id, comments, reactions): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        if report.answer_key.get(&id) != Some(&(comments, reactions)) {
            eprintln!("post {id}: {comments} comments and {reactions} reactions are stored");
            differences += 1;
        }
    }
    Ok(differences)
}
