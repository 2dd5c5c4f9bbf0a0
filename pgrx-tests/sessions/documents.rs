//! What the pages say is what happens: every SQL block of the README is run, in order, in one
//! database, and prints what the page says it prints.

use super::cluster::{Cluster, Database};
use std::path::Path;

/// The ```sql blocks of a page, each with the ```text block that follows it at once, if one does.
fn blocks(page: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("```sql\n") {
        let Some((sql, tail)) = after.split_once("\n```\n") else {
            break;
        };
        rest = tail;
        let output = tail
            .trim_start()
            .strip_prefix("```text\n")
            .and_then(|text| text.split_once("\n```"))
            .map(|(output, _)| output.to_owned());
        found.push((sql.to_owned(), output));
    }
    found
}

/// Trailing blanks are lost in editors, and mean nothing.
fn trimmed(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn run_page(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let page = std::fs::read_to_string(&path).expect("the page");
    let blocks = blocks(&page);
    assert!(!blocks.is_empty(), "{name} has SQL blocks");
    let database = Database::bare(Cluster::shared());
    // One session plays the whole page, as a reader would; marks tell the blocks' outputs apart.
    let script: String = blocks
        .iter()
        .enumerate()
        .map(|(number, (sql, _))| format!("\\echo ---- {number}\n{sql}\n"))
        .collect();
    let file = database
        .cluster
        .directory
        .join(format!("{}.sql", database.name));
    std::fs::write(&file, script).expect("write the script");
    let file = file.display().to_string();
    let output = database.cluster.run(
        "psql",
        &[
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-P",
            "footer=off",
            "-f",
            &file,
        ],
        &[&database.name],
    );
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut printed = output.split("---- ").skip(1);
    for (number, (sql, expected)) in blocks.iter().enumerate() {
        let got = printed.next().unwrap_or_default();
        let got = got.split_once('\n').map_or("", |(_, text)| text);
        if let Some(expected) = expected {
            assert_eq!(
                trimmed(got),
                trimmed(expected),
                "{name}, block {number}:\n{sql}"
            );
        }
    }
}

#[test]
fn the_readme_prints_what_it_says() {
    run_page("README.md");
}

#[test]
fn the_page_on_modules_runs() {
    run_page("docs/modules.md");
}

#[test]
fn the_page_on_founders_prints_what_it_says() {
    run_page("docs/founders.md");
}

#[test]
fn the_page_on_pairs_prints_what_it_says() {
    run_page("docs/pairs.md");
}

#[test]
fn the_page_on_tenancy_prints_what_it_says() {
    run_page("docs/tenancy.md");
}

#[test]
fn the_page_on_the_forum_prints_what_it_says() {
    run_page("docs/forum.md");
}

#[test]
fn the_page_on_linkup_runs() {
    run_page("docs/linkup.md");
}

#[test]
fn the_page_on_retention_runs() {
    run_page("docs/retention.md");
}
