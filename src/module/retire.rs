//! What an earlier version of a module defined and this one does not: rules and code go. Tables and
//! columns stay, since they hold data, but for columns that were generated from others.

use super::describe::{Description, Key};
use super::install::qualified;
use super::registry::{self, run};
use super::repair::callable;
use crate::catalog::{quote_ident, quote_literal, with_settings};
use std::collections::HashSet;

/// Rules, before those that may take their place are made.
pub fn rules(schema: &str, before: &Description, expected: &Description) {
    retire(schema, before, expected, |key, _| {
        let (relation, name) = (qualified(&key.relation), quote_ident(&key.name));
        match key.kind.as_str() {
            "trigger" => Some(format!("DROP TRIGGER IF EXISTS {name} ON {relation}")),
            "policy" => Some(format!("DROP POLICY IF EXISTS {name} ON {relation}")),
            "constraint" => Some(format!(
                "ALTER TABLE {relation} DROP CONSTRAINT IF EXISTS {name}"
            )),
            "index" => Some(format!("DROP INDEX IF EXISTS {name}")),
            _ => None,
        }
    });
}

/// Benchmarks, generated columns, views and functions, once nothing that was made anew needs them. What a benchmark
/// keeps in tables is made from other tables, and is nobody's data.
pub fn code(schema: &str, before: &Description, expected: &Description) {
    retire(schema, before, expected, |key, _| {
        let benchmark = key.relation.strip_suffix("_benchmark")?;
        (key.kind == "table").then(|| {
            let names = [schema, benchmark, &key.relation].map(quote_literal);
            format!(
                "SELECT community_core.drop_benchmark(format('%I.%I', {0}, {1}))
                 WHERE to_regclass(format('%I.%I', {0}, {2})) IS NOT NULL",
                names[0], names[1], names[2]
            )
        })
    });
    let columns: HashSet<(&str, &str)> = expected
        .of_kind("column")
        .map(|(key, _)| (key.relation.as_str(), key.name.as_str()))
        .collect();
    let adopted = registry::installed(schema).map_or_else(Vec::new, |module| module.adopted);
    retire(schema, before, expected, |key, definition| {
        let column = (key.relation.as_str(), key.name.as_str());
        let generated = key.kind == "default" && definition.starts_with("stored ");
        (generated && !columns.contains(&column) && !adopted.contains(&key.relation)).then(|| {
            format!(
                "ALTER TABLE {} DROP COLUMN IF EXISTS {}",
                qualified(&key.relation),
                quote_ident(&key.name)
            )
        })
    });
    for wanted in ["view", "function"] {
        retire(schema, before, expected, |key, _| match key.kind.as_str() {
            kind if kind != wanted => None,
            "view" => Some(format!(
                "DROP VIEW IF EXISTS {}",
                quote_ident(&key.relation)
            )),
            _ => Some(format!("DROP ROUTINE IF EXISTS {}", callable(&key.name))),
        });
    }
}

fn retire(
    schema: &str,
    before: &Description,
    expected: &Description,
    statement: impl Fn(&Key, &str) -> Option<String>,
) {
    let path = format!("{}, pg_temp", quote_ident(schema));
    let settings = [
        (c"search_path", path.as_str()),
        (c"client_min_messages", "warning"),
    ];
    let wanted = expected.index();
    with_settings(&settings, || {
        for (key, definition) in &before.facts {
            if !wanted.contains_key(key)
                && let Some(statement) = statement(key, definition)
            {
                run(&statement, &[]);
            }
        }
    });
}
