//! What the pages say is what happens. README.md and every page of docs/ are run: a page's ```sql
//! blocks, in order, in one session of a database of its own, and a ```text block is what psql
//! prints for the block right before it. A page that nowhere creates the extension finds it there.

use super::cluster::{Cluster, Database};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a fence may be; a misspelled one would leave its block unread in silence.
const FENCES: [&str; 5] = ["sql", "text", "sh", "json", "mermaid"];

struct Block {
    line: usize,
    sql: String,
    output: Option<String>,
}

/// The ```sql blocks of a page, each with the ```text block that follows it at once, if one does.
fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut lines = page.lines().enumerate();
    // Whether nothing but blank lines came since the last ```sql block.
    let mut follows = false;
    while let Some((number, line)) = lines.next() {
        let Some(fence) = line.trim_start().strip_prefix("```") else {
            follows = follows && line.trim().is_empty();
            continue;
        };
        let line = number + 1;
        assert!(FENCES.contains(&fence), "line {line}: a fence {fence:?}");
        let mut body = String::new();
        loop {
            match lines.next() {
                Some((_, text)) if text.trim() == "```" => break,
                Some((_, text)) => body += &format!("{text}\n"),
                None => panic!("line {line}: the block does not end"),
            }
        }
        match fence {
            "sql" => found.push(Block {
                line,
                sql: body,
                output: None,
            }),
            "text" => match found.last_mut() {
                Some(block) if follows => block.output = Some(body),
                _ => panic!("line {line}: a text block is what the SQL block before it prints"),
            },
            _ => {}
        }
        follows = fence == "sql";
    }
    found
}

/// Trailing blanks are lost in editors, and mean nothing.
fn trimmed(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

fn difference(directory: &Path, name: &str, says: &str, prints: &str) -> String {
    let file = |which: &str, text: &str| {
        let path = directory.join(format!("{name}.{which}"));
        std::fs::write(&path, text).expect("write a file");
        path
    };
    let output = Command::new("diff")
        .args(["-u", "--label", "the page", "--label", "psql"])
        .args([file("says", says), file("prints", prints)])
        .output()
        .expect("run diff");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is wrong with a page, as text; empty where it is right.
fn run_page(page: &Path) -> String {
    let name = page.display();
    let text = std::fs::read_to_string(page).expect("the page");
    let blocks = blocks(&text);
    let database = Database::bare(Cluster::shared());
    // One session plays the whole page, as a reader would; marks tell the blocks' outputs apart.
    let mut script = String::new();
    if !text.contains("CREATE EXTENSION") {
        script += "SET client_min_messages = warning; CREATE EXTENSION community_core; RESET client_min_messages;\n";
    }
    for (number, block) in blocks.iter().enumerate() {
        script += &format!("\\echo ---- {number}\n{}\n", block.sql);
    }
    let directory = &database.cluster.directory;
    let file = directory.join(format!("{}.sql", database.name));
    std::fs::write(&file, script).expect("write the script");
    let output = database
        .cluster
        .program("psql")
        .args(["-qX", "-v", "ON_ERROR_STOP=1", "-P", "footer=off", "-f"])
        .args([&file.display().to_string(), &database.name])
        .output()
        .expect("run psql");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut printed: Vec<&str> = printed.split("---- ").skip(1).collect();
    let mut wrong = String::new();
    if !output.status.success() {
        let line = blocks
            .get(printed.len().saturating_sub(1))
            .map_or(0, |b| b.line);
        let error = String::from_utf8_lossy(&output.stderr);
        wrong += &format!("{name}:{line}: the block fails\n{error}\n");
        printed.pop();
    }
    for (block, printed) in blocks.iter().zip(printed) {
        let prints = printed.split_once('\n').map_or("", |(_, text)| text);
        if let Some(says) = &block.output
            && trimmed(says) != trimmed(prints)
        {
            let difference =
                difference(directory, &database.name, &trimmed(says), &trimmed(prints));
            wrong += &format!(
                "{name}:{}: prints something else\n{difference}\n",
                block.line
            );
        }
    }
    wrong
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root.join("docs"))
        .expect("the folder docs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

#[test]
fn every_page_prints_what_it_says() {
    let pages = pages();
    assert!(pages.len() > 10, "{pages:?}");
    // Two at a time: a page spends its time in the server.
    let halves = pages.split_at(pages.len() / 2);
    let run = |pages: &[PathBuf]| pages.iter().map(|page| run_page(page)).collect::<String>();
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(halves.1));
        run(halves.0) + &other.join().expect("the other half")
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_readme_has_blocks_that_print() {
    let readme = pages().into_iter().find(|page| page.ends_with("README.md"));
    let text = std::fs::read_to_string(readme.expect("the readme")).expect("read it");
    assert!(blocks(&text).iter().any(|block| block.output.is_some()));
}

#[test]
#[should_panic(expected = "a text block is what the SQL block before it prints")]
fn a_text_block_after_other_words_is_refused() {
    blocks("```sql\nSELECT 1;\n```\nIt prints:\n```text\n1\n```\n");
}

#[test]
#[should_panic(expected = "a fence \"postgres\"")]
fn a_fence_that_nobody_runs_is_refused() {
    blocks("```postgres\nSELECT 1;\n```\n");
}
