//! Texts, documents and bytes that nobody wrote, for every function of the extension that takes any:
//! lines of `corpus.txt`, cut, joined and changed by chance, from a seed.

use super::bad_input::is_accident;
use super::statement::{self, Dice};
use super::world::World;
use postgres::Client;

const CORPUS: &str = include_str!("corpus.txt");
const CALLS: usize = 80;

/// Letters that mean something to one of the readers.
const LETTERS: [char; 24] = [
    '\'', '"', '\\', '/', '%', ',', '{', '}', '[', ']', '(', ')', ':', '.', '+', '-', '=', '\n',
    '\t', '\0', 'é', '😀', '\u{feff}', '\u{202e}',
];

fn corpus() -> Vec<String> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.replace("\\n", "\n")).collect()
}

fn changed(corpus: &[String], dice: &mut Dice) -> String {
    let mut text: Vec<char> = dice.of(corpus).chars().collect();
    for _ in 0..dice.roll(6) {
        let at = dice.roll(text.len() + 1);
        match dice.roll(6) {
            0 => text.insert(at, *dice.of(&LETTERS)),
            1 => text.truncate(at),
            2 if at < text.len() => {
                text.remove(at);
            }
            3 if at < text.len() => text[at] = *dice.of(&LETTERS),
            4 => text.extend(dice.of(corpus).chars()),
            _ => {
                let part: Vec<char> = text[at..].to_vec();
                text.extend(part);
            }
        }
    }
    text.truncate(2_000);
    // No text of Postgres has a NUL.
    text.into_iter()
        .map(|letter| if letter == '\0' { '\u{1}' } else { letter })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A value of a type whose form is free; None for the others.
fn free(kind: &str, corpus: &[String], dice: &mut Dice) -> Option<String> {
    let text = changed(corpus, dice);
    Some(match kind {
        "text" | "name" | "character varying" => format!("{}::{kind}", quoted(&text)),
        // What is no JSON is refused before any function sees it: then as a string in one.
        "jsonb" | "json" => {
            let json = serde_json::from_str::<serde_json::Value>(&text)
                .unwrap_or_else(|_| serde_json::json!({ text.clone(): [text] }));
            format!(
                "{}::{kind}",
                quoted(&json.to_string().replace("\\u0000", ""))
            )
        }
        "bytea" => format!("convert_to({}, 'UTF8')", quoted(&text)),
        "text[]" | "name[]" => {
            let other = changed(corpus, dice);
            format!("ARRAY[{}, {}]::{kind}", quoted(&text), quoted(&other))
        }
        "bytea[]" => format!("ARRAY[convert_to({}, 'UTF8')]", quoted(&text)),
        _ => return None,
    })
}

/// The accidents, and how many calls there were.
pub fn fuzz(client: &mut Client, world: &World, dice: &mut Dice) -> (Vec<String>, usize) {
    let corpus = corpus();
    let (mut accidents, mut number) = (Vec::new(), 0);
    let mut attempt = |client: &mut Client, sql: &str| {
        number += 1;
        client
            .batch_execute("SAVEPOINT before")
            .expect("a savepoint");
        if let Err(error) = client.simple_query(sql)
            && let Some(accident) = is_accident(&error)
        {
            accidents.push(format!("{sql}\n    {accident}"));
        }
        client
            .batch_execute("ROLLBACK TO before; RELEASE before")
            .expect("undo the call");
    };
    client
        .batch_execute(
            "BEGIN; SET LOCAL statement_timeout = '20s'; SET LOCAL client_min_messages = error",
        )
        .expect("begin");
    for function in world
        .functions
        .iter()
        .filter(|function| function.name.starts_with("community_core."))
    {
        if !function
            .arguments
            .iter()
            .any(|kind| free(kind, &corpus, dice).is_some())
        {
            continue;
        }
        for _ in 0..CALLS {
            let arguments: Vec<_> = function
                .arguments
                .iter()
                .map(|kind| match dice.roll(5) {
                    0 => statement::of_type(world, kind, dice),
                    _ => free(kind, &corpus, dice)
                        .unwrap_or_else(|| statement::of_type(world, kind, dice)),
                })
                .collect();
            attempt(client, &statement::call_with(function, &arguments));
        }
    }
    // The types that are read from text.
    for _ in 0..CALLS * 5 {
        let text = quoted(&changed(&corpus, dice));
        attempt(
            client,
            &format!("SELECT ({text}::text)::community_core.contact_pair::text"),
        );
    }
    client.batch_execute("ROLLBACK").expect("rollback");
    (accidents, number)
}
