//! What an earlier version of a module defined and this one does not: rules and code go. Tables and
//! columns stay, since they hold data.

use super::describe::{Description, Key};
use super::install::qualified;
use super::registry::run;
use super::repair::callable;
use crate::catalog::{quote_ident, with_settings};

/// Rules, before those that may take their place are made.
pub fn rules(schema: &str, before: &Description, expected: &Description) {
    retire(schema, before, expected, |key| {
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

/// Views and functions, once nothing that was made anew needs them.
pub fn code(schema: &str, before: &Description, expected: &Description) {
    for wanted in ["view", "function"] {
        retire(schema, before, expected, |key| match key.kind.as_str() {
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
    statement: impl Fn(&Key) -> Option<String>,
) {
    let path = format!("{}, pg_temp", quote_ident(schema));
    let settings = [
        (c"search_path", path.as_str()),
        (c"client_min_messages", "warning"),
    ];
    let wanted = expected.index();
    with_settings(&settings, || {
        for (key, _) in &before.facts {
            if !wanted.contains_key(key)
                && let Some(statement) = statement(key)
            {
                run(&statement, &[]);
            }
        }
    });
}
