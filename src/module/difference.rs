//! The differences between what a module defines and what is there. What the user added is none.

use super::describe::{Description, Key};
use std::collections::HashSet;

#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub key: Key,
    pub what: &'static str,
    pub expected: Option<String>,
    pub actual: Option<String>,
}

/// Facts of these kinds are about a relation's parts, and go without saying when it is missing.
const PARTS: &[&str] = &[
    "column",
    "default",
    "not null",
    "constraint",
    "index",
    "trigger",
    "trigger state",
    "row security",
    "policy",
    "replica identity",
    "grant",
];

pub fn compare(expected: &Description, actual: &Description) -> Vec<Difference> {
    let there = actual.index();
    let mut missing: HashSet<(&str, &str, &str)> = HashSet::new();
    let mut differences = Vec::new();
    for (key, definition) in &expected.facts {
        let relation_missing = PARTS.contains(&key.kind.as_str())
            && (missing.contains(&("table", &key.relation, ""))
                || missing.contains(&("view", &key.relation, "")));
        let implied = match key.kind.as_str() {
            "default" | "not null" => missing.contains(&("column", &key.relation, &key.name)),
            "trigger state" => missing.contains(&("trigger", &key.relation, &key.name)),
            "function grant" => missing.contains(&("function", "", &key.relation)),
            _ => false,
        };
        if relation_missing || implied {
            continue;
        }
        let what = match there.get(key) {
            Some(found) if *found == definition => continue,
            Some(_) => changed(&key.kind),
            None if same_under_another_name(key, definition, actual) => continue,
            None => {
                missing.insert((&key.kind, &key.relation, &key.name));
                "missing"
            }
        };
        differences.push(Difference {
            key: key.clone(),
            what,
            expected: Some(definition.clone()),
            actual: there.get(key).map(|found| (*found).to_owned()),
        });
    }
    differences.extend(extras(expected, actual));
    differences
}

fn changed(kind: &str) -> &'static str {
    if kind == "trigger state" {
        "not enabled as defined"
    } else {
        "changed"
    }
}

/// A user's own `users_pk` does what `users_pkey` would; an adopted table keeps its names.
fn same_under_another_name(key: &Key, definition: &str, actual: &Description) -> bool {
    if key.kind != "constraint" && key.kind != "index" {
        return false;
    }
    let nameless = |name: &str, definition: &str| match definition.split_once(" ON ") {
        Some((head, tail)) if key.kind == "index" => {
            format!("{} ON {tail}", head.replace(name, ""))
        }
        _ => definition.to_owned(),
    };
    let wanted = nameless(&key.name, definition);
    actual.of_kind(&key.kind).any(|(other, found)| {
        other.relation == key.relation && nameless(&other.name, found) == wanted
    })
}

/// What is a difference also where the module does not speak of it: a grant to an app role on
/// something the module defines, and a rule that rewrites what is done to it.
const EXTRAS: &[&str] = &["grant", "function grant", "schema grant", "rule"];

fn extras(expected: &Description, actual: &Description) -> Vec<Difference> {
    let wanted = expected.index();
    let ours: HashSet<&str> = expected
        .facts
        .iter()
        .filter_map(|(key, _)| match key.kind.as_str() {
            "table" | "view" => Some(key.relation.as_str()),
            "function" => Some(key.name.as_str()),
            _ => None,
        })
        .collect();
    let columns: HashSet<(&str, &str)> = expected
        .of_kind("column")
        .map(|(key, _)| (key.relation.as_str(), key.name.as_str()))
        .collect();
    actual
        .facts
        .iter()
        .filter(|(key, _)| EXTRAS.contains(&key.kind.as_str()))
        .filter(|(key, _)| {
            // Who may look into a schema that was there before is its owner's affair.
            (key.kind == "schema grant" && key.name.starts_with("CREATE"))
                || ours.contains(key.relation.as_str())
        })
        .filter(|(key, _)| !wanted.contains_key(key))
        .filter(|(key, _)| match granted_column(&key.name) {
            Some(column) => columns.contains(&(key.relation.as_str(), column.as_str())),
            None => true,
        })
        .map(|(key, _)| Difference {
            key: key.clone(),
            what: "extra",
            expected: None,
            actual: Some(key.name.clone()),
        })
        .collect()
}

/// The column in `UPDATE ("is read") to authenticated`, unquoted.
fn granted_column(grant: &str) -> Option<String> {
    let inside = grant.split_once(" (")?.1.rsplit_once(") to ")?.0;
    Some(
        match inside
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
        {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => inside.to_owned(),
        },
    )
}

#[cfg(test)]
mod comparing {
    use super::*;

    fn description(facts: &[(&str, &str, &str, &str)]) -> Description {
        let facts = facts
            .iter()
            .map(|(kind, relation, name, definition)| {
                let key = Key {
                    kind: (*kind).into(),
                    relation: (*relation).into(),
                    name: (*name).into(),
                };
                (key, (*definition).to_owned())
            })
            .collect();
        Description { facts }
    }

    #[test]
    fn a_missing_table_is_named_once_and_not_its_columns() {
        let expected = description(&[("table", "t", "", "ordinary"), ("column", "t", "a", "text")]);
        let found = compare(&expected, &description(&[]));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].key.kind.as_str(), found[0].what),
            ("table", "missing")
        );
    }

    #[test]
    fn what_the_user_added_is_no_difference_but_a_grant_on_what_is_ours_is() {
        let expected = description(&[("table", "t", "", "ordinary"), ("column", "t", "a", "text")]);
        let actual = description(&[
            ("table", "t", "", "ordinary"),
            ("table", "mine", "", "ordinary"),
            ("column", "t", "a", "text"),
            ("column", "t", "extra", "text"),
            ("grant", "t", "SELECT (extra) to anon", ""),
            ("grant", "mine", "SELECT to anon", ""),
            ("grant", "t", "SELECT (a) to anon", ""),
            ("grant", "t", "INSERT to anon", ""),
        ]);
        let found: Vec<_> = compare(&expected, &actual)
            .into_iter()
            .map(|found| found.key.name)
            .collect();
        assert_eq!(found, ["SELECT (a) to anon", "INSERT to anon"]);
    }

    #[test]
    fn an_equal_constraint_or_index_under_another_name_counts() {
        let expected = description(&[
            ("constraint", "t", "t_pkey", "PRIMARY KEY (id)"),
            (
                "index",
                "t",
                "t_a_idx",
                "CREATE INDEX t_a_idx ON t USING btree (a)",
            ),
        ]);
        let actual = description(&[
            ("constraint", "t", "t_pk", "PRIMARY KEY (id)"),
            (
                "index",
                "t",
                "other",
                "CREATE INDEX other ON t USING btree (a)",
            ),
        ]);
        assert_eq!(compare(&expected, &actual), []);
    }
}
