//! What the extension is built from: where it comes from, and under which licences. It needs no network.

use serde_json::Value;
use std::process::Command;

/// Licences that let us pass the work on under the PostgreSQL licence, with their notices.
const ACCEPTED: [&str; 9] = [
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The packages that are built here; those of other platforms need not be on this machine.
fn packages() -> Vec<Value> {
    let rustc = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("run rustc");
    let told = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = told
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("the host");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            host,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run cargo metadata");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("its JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Whether an SPDX expression can be met with accepted licences: of OR one, of AND all.
fn is_accepted(expression: &str) -> bool {
    let text = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    let accepted = alternatives(&words, &mut at);
    accepted && at == words.len()
}

fn alternatives(words: &[&str], at: &mut usize) -> bool {
    let mut accepted = all(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        accepted |= all(words, at);
    }
    accepted
}

fn all(words: &[&str], at: &mut usize) -> bool {
    let mut accepted = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        accepted &= one(words, at);
    }
    accepted
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let accepted = alternatives(words, at);
        *at += 1;
        return accepted;
    }
    // An exception gives more rights, never fewer.
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    ACCEPTED.contains(word)
}

#[test]
fn every_dependency_has_a_licence_that_lets_us_pass_it_on() {
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    let refused: Vec<_> = packages
        .iter()
        .filter(|package| !is_accepted(package["license"].as_str().unwrap_or_default()))
        .map(|package| format!("{} {}", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn every_dependency_comes_from_the_public_registry() {
    let strangers: Vec<_> = packages()
        .into_iter()
        .filter(|package| package["name"] != "community_core")
        .filter(|package| {
            package["source"] != "registry+https://github.com/rust-lang/crates.io-index"
        })
        .map(|package| package["id"].to_string())
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    for accepted in [
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "(MIT OR GPL-3.0) AND Zlib",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_accepted(accepted), "{accepted}");
    }
    for refused in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR AGPL-3.0) AND MIT",
        "MIT)",
    ] {
        assert!(!is_accepted(refused), "{refused}");
    }
}
