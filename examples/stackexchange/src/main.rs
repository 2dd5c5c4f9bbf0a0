//! Loads a public Stack Exchange data dump (Users, Posts, Comments, Votes, Badges as XML) into the
//! modules that the database has: `founders` as a feed with reactions, `spaces` as a space of
//! questions and answers. All or nothing. At the end it compares every post's counters with the
//! dump's own: an answer key that nobody here wrote.
//!
//! usage: stackexchange FOLDER "host=... dbname=... user=..."

mod copy;
mod dump;
mod founders;
mod site;
mod spaces;

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
    let mut modules = Vec::new();
    for (module, posts) in [("founders", "founders.social_feed_posts"), ("spaces", "spaces.posts")] {
        let installed = format!("SELECT to_regclass('{posts}') IS NOT NULL");
        if !client.query_one(&installed, &[]).map_err(say)?.get::<_, bool>(0) {
            continue;
        }
        let occupied = format!("SELECT EXISTS (SELECT FROM {posts})");
        if client.query_one(&occupied, &[]).map_err(say)?.get(0) {
            return Err(format!("schema {module} holds posts already; give a fresh database"));
        }
        modules.push(module);
    }
    if modules.is_empty() {
        return Err("the database has no module founders or spaces; run CREATE EXTENSION community_core".into());
    }
    let mut transaction = client.transaction().map_err(say)?;
    let mut report = site::Report::default();
    let users = site::load_people(folder, &mut transaction, &mut report)?;
    let mut results = Vec::new();
    for module in modules {
        let load = if module == "founders" { founders::load } else { spaces::load };
        results.push((module, load(folder, &mut transaction, &users, &mut report)?));
    }
    transaction.commit().map_err(say)?;

    for (what, count) in &report.loaded {
        println!("{count:>8} {what}");
    }
    for (why, count) in &report.skipped {
        println!("{count:>8} skipped. {why}");
    }
    for (module, (posts, differences)) in &results {
        println!("{differences:>8} differences between the counters of {posts} posts and the dump's own, in {module}");
    }
    Ok(results.iter().map(|(_, (_, differences))| differences).sum())
}
