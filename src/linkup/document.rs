//! The shapes of the documents. A shape is a function that looks at a value at a path; the first
//! departure ends the look.

use serde_json::{Map, Number, Value};
use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Fingerprint,
    ActivityPatterns,
    Boundaries,
    Brief,
}

impl Kind {
    pub const NAMES: [&'static str; 4] =
        ["fingerprint", "activity_patterns", "boundaries", "brief"];

    pub fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "fingerprint" => Kind::Fingerprint,
            "activity_patterns" => Kind::ActivityPatterns,
            "boundaries" => Kind::Boundaries,
            "brief" => Kind::Brief,
            _ => return None,
        })
    }
}

/// The factors of a Friend Fingerprint.
pub const FACTORS: [&str; 12] = [
    "connection_depth",
    "social_pace",
    "group_size_comfort",
    "conversation_style",
    "emotional_openness",
    "humor_style",
    "energy_level",
    "novelty_seeking",
    "planning_style",
    "reliability",
    "shared_values",
    "conflict_style",
];

/// A name or a text longer than this is no name.
const LONGEST: usize = 200;

type Look = Result<(), String>;
type Shape = fn(&Value, &str) -> Look;

/// What is wrong with the document and where; `None` where nothing is.
pub fn fault(kind: Kind, text: &str) -> Option<String> {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(failure) => return Some(format!("$: not JSON that can be read ({failure})")),
    };
    let shape = match kind {
        Kind::Fingerprint => fingerprint,
        Kind::ActivityPatterns => activity_patterns,
        Kind::Boundaries => boundaries,
        Kind::Brief => brief,
    };
    shape(&value, "$").err()
}

fn fingerprint(value: &Value, path: &str) -> Look {
    for (name, found) in object(value, path)? {
        let path = format!("{path}.{name}");
        if !FACTORS.contains(&name.as_str()) {
            return wrong(
                &path,
                &format!("no such factor; the factors are {}", FACTORS.join(", ")),
            );
        }
        record(
            found,
            &path,
            &["range_value", "confidence"],
            &[
                ("range_value", unit),
                ("confidence", unit),
                ("freshness_days", days),
                ("sources", weights),
            ],
        )?;
    }
    Ok(())
}

fn activity_patterns(value: &Value, path: &str) -> Look {
    let mut keys = HashSet::new();
    for (place, pattern) in list(value, path)?.iter().enumerate() {
        let path = format!("{path}[{place}]");
        record(
            pattern,
            &path,
            &["activity_key"],
            &[
                ("activity_key", name),
                ("motive_weights", weights),
                ("constraints", flags),
                ("preferred_windows", names),
                ("confidence", unit),
                ("freshness_days", days),
            ],
        )?;
        if !keys.insert(pattern.get("activity_key").and_then(Value::as_str)) {
            return wrong(
                &format!("{path}.activity_key"),
                "an activity that is there already",
            );
        }
    }
    Ok(())
}

fn boundaries(value: &Value, path: &str) -> Look {
    record(
        value,
        path,
        &[],
        &[("no_thanks", names), ("hard_constraints", flags)],
    )
}

fn brief(value: &Value, path: &str) -> Look {
    record(
        value,
        path,
        &["activity_key", "time_window"],
        &[
            ("activity_key", name),
            ("time_window", words),
            ("motive_emphasis", weights),
            ("constraints", flags),
            ("group_size", group_size),
        ],
    )
}

fn group_size(value: &Value, path: &str) -> Look {
    record(
        value,
        path,
        &["min", "max"],
        &[("min", people), ("max", people)],
    )?;
    let number = |key| value.get(key).and_then(Value::as_u64);
    if number("min") > number("max") {
        return wrong(&format!("{path}.min"), "more than max");
    }
    Ok(())
}

/// An object with these keys and no others, the `needed` ones among them.
fn record(value: &Value, path: &str, needed: &[&str], known: &[(&str, Shape)]) -> Look {
    let object = object(value, path)?;
    for (key, found) in object {
        let path = format!("{path}.{key}");
        match known.iter().find(|(name, _)| name == key) {
            Some((_, shape)) => shape(found, &path)?,
            None => {
                let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
                return wrong(
                    &path,
                    &format!("no such key; the keys are {}", names.join(", ")),
                );
            }
        }
    }
    match needed.iter().find(|key| !object.contains_key(**key)) {
        Some(key) => wrong(&format!("{path}.{key}"), "missing"),
        None => Ok(()),
    }
}

/// An object from names to values of one shape.
fn map(value: &Value, path: &str, shape: Shape) -> Look {
    for (key, found) in object(value, path)? {
        let path = format!("{path}.{key}");
        if !is_name(key) {
            return wrong(&path, "the key is no name (a-z, 0-9, _)");
        }
        shape(found, &path)?;
    }
    Ok(())
}

fn weights(value: &Value, path: &str) -> Look {
    map(value, path, unit)
}

fn flags(value: &Value, path: &str) -> Look {
    map(value, path, |value, path| match value {
        Value::Bool(_) => Ok(()),
        other => wrong(path, &format!("{} is not true or false", said(other))),
    })
}

fn names(value: &Value, path: &str) -> Look {
    let mut seen = HashSet::new();
    for (place, found) in list(value, path)?.iter().enumerate() {
        let path = format!("{path}[{place}]");
        name(found, &path)?;
        if !seen.insert(found.as_str()) {
            return wrong(&path, "there already");
        }
    }
    Ok(())
}

fn name(value: &Value, path: &str) -> Look {
    match value.as_str() {
        Some(text) if is_name(text) => Ok(()),
        _ => wrong(
            path,
            &format!("{} is not a name (a-z, 0-9, _)", said(value)),
        ),
    }
}

fn words(value: &Value, path: &str) -> Look {
    match value.as_str() {
        Some(text) if !text.trim().is_empty() && text.chars().count() <= LONGEST => Ok(()),
        _ => wrong(path, &format!("{} is not a short text", said(value))),
    }
}

fn unit(value: &Value, path: &str) -> Look {
    match value {
        Value::Number(number) if is_unit(number) => Ok(()),
        other => wrong(
            path,
            &format!("{} is not a number from 0 to 1", said(other)),
        ),
    }
}

fn days(value: &Value, path: &str) -> Look {
    match value.as_u64() {
        Some(days) if days <= 100_000 => Ok(()),
        _ => wrong(path, &format!("{} is not a count of days", said(value))),
    }
}

fn people(value: &Value, path: &str) -> Look {
    match value.as_u64() {
        Some(2..=1_000) => Ok(()),
        _ => wrong(
            path,
            &format!("{} is not a count of at least 2 people", said(value)),
        ),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, String> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(format!("{path}: {} is not an object", said(other))),
    }
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>, String> {
    match value {
        Value::Array(list) => Ok(list),
        other => Err(format!("{path}: {} is not a list", said(other))),
    }
}

fn wrong(path: &str, what: &str) -> Look {
    Err(format!("{path}: {what}"))
}

/// The value as a message quotes it: long ones cut.
fn said(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(57).chain("...".chars()).collect()
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LONGEST
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Exactly, by the digits: as a float, 1.00000000000000000001 is 1.
fn is_unit(number: &Number) -> bool {
    let text = number.to_string();
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().unwrap_or(i64::MAX)),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_zero = digits
        .bytes()
        .all(|byte| !byte.is_ascii_digit() || byte == b'0');
    if is_zero {
        return true;
    }
    // The value is 0.ddd × 10^place, with no zero at the front and none at the end.
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let zeros = (all.len() - significant.len()) as i64;
    let place = (whole.len() as i64 - zeros).saturating_add(exponent);
    !digits.starts_with('-')
        && (place < 1 || (place == 1 && significant.trim_end_matches('0') == "1"))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
