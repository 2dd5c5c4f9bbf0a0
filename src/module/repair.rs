//! Makes an existing schema what its module defines, where running the files again does not:
//! columns and constraints of tables that were there, disabled triggers, grants too many.

use super::describe::{Description, describe};
use super::difference::{Difference, compare};
use super::existing::has_key;
use super::registry::run;
use super::unfinished::qualified;
use crate::catalog::{quote_ident, with_settings};

/// Whether there was anything to repair.
pub fn repair(schema: &str, expected: &Description, adopted: &[String]) -> bool {
    let path = format!("{}, pg_temp", quote_ident(schema));
    let settings = [
        (c"search_path", path.as_str()),
        (c"client_min_messages", "warning"),
    ];
    let mut found = false;
    // Twice: to take a privilege on a table away takes those on its columns along.
    for _ in 0..2 {
        let differences = compare(expected, &describe(schema));
        found |= !differences.is_empty();
        for difference in &differences {
            with_settings(&settings, || mend(difference, adopted));
        }
        if !differences.iter().any(|d| d.key.kind == "grant") {
            break;
        }
    }
    found
}

/// Adds a column with its default and its NOT NULL, so that existing rows get the default.
pub fn add_column(table: &str, column: &str, column_type: &str, expected: &Description) {
    let fact = |kind: &'static str| {
        expected
            .of_kind(kind)
            .find(|(key, _)| key.relation == table && key.name == column)
            .map(|(_, definition)| definition.as_str())
    };
    let default = match fact("default") {
        Some(text) => match text.strip_prefix("stored ") {
            Some(expression) => format!(" GENERATED ALWAYS AS ({expression}) STORED"),
            None if text.starts_with("identity ") => " GENERATED ALWAYS AS IDENTITY".to_owned(),
            None => format!(" DEFAULT {text}"),
        },
        None => String::new(),
    };
    let not_null = if fact("not null").is_some() {
        " NOT NULL"
    } else {
        ""
    };
    run(
        &format!(
            "ALTER TABLE {} ADD COLUMN {} {column_type}{default}{not_null}",
            quote_ident(table),
            quote_ident(column)
        ),
        &[],
    );
}

/// Adds the keys that the foreign keys of tables to come refer to.
pub fn add_keys(table: &str, expected: &Description) {
    for (key, definition) in expected.of_kind("constraint") {
        let is_key = definition.starts_with("PRIMARY KEY") || definition.starts_with("UNIQUE");
        if key.relation == table && is_key && !has_key(table, &key.name, definition) {
            run(
                &format!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
                    quote_ident(table),
                    quote_ident(&key.name)
                ),
                &[],
            );
        }
    }
}

fn mend(difference: &Difference, adopted: &[String]) {
    let key = &difference.key;
    let (relation, name) = (quote_ident(&key.relation), quote_ident(&key.name));
    let definition = difference.expected.as_deref().unwrap_or_default();
    let users_own = adopted.contains(&key.relation);
    let statement = match (key.kind.as_str(), difference.what) {
        ("constraint", "missing") => {
            format!("ALTER TABLE {relation} ADD CONSTRAINT {name} {definition}")
        }
        ("constraint", "changed") if !users_own => format!(
            "ALTER TABLE {relation} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition}"
        ),
        ("index", "changed") if !users_own => format!("DROP INDEX {name}; {definition}"),
        ("not null", "missing") => format!("ALTER TABLE {relation} ALTER {name} SET NOT NULL"),
        ("default", what)
            if (what == "missing" || !users_own)
                && !definition.starts_with("stored ")
                && !definition.starts_with("identity ") =>
        {
            format!("ALTER TABLE {relation} ALTER {name} SET DEFAULT {definition}")
        }
        ("trigger state", _) => {
            let state = match definition {
                "always" => "ENABLE ALWAYS",
                "replica" => "ENABLE REPLICA",
                _ => "ENABLE",
            };
            format!(
                "ALTER TABLE {} {state} TRIGGER {name}",
                qualified(&key.relation)
            )
        }
        ("table", "changed")
            if !users_own
                && difference
                    .actual
                    .as_deref()
                    .is_some_and(|text| text.contains("forced")) =>
        {
            format!("ALTER TABLE {relation} NO FORCE ROW LEVEL SECURITY")
        }
        ("rule", "extra") if !users_own => format!("DROP RULE {name} ON {relation}"),
        ("grant", "extra") if !users_own => {
            format!(
                "REVOKE {} ON TABLE {relation} FROM {}",
                revoked(&key.name),
                role(&key.name)
            )
        }
        ("grant", "missing") => {
            format!(
                "GRANT {} ON TABLE {relation} TO {}",
                privilege(&key.name),
                role(&key.name)
            )
        }
        ("function grant", "extra") => format!(
            "REVOKE {} ON ROUTINE {} FROM {}",
            privilege(&key.name),
            callable(&key.relation),
            role(&key.name)
        ),
        ("replica identity", _) => format!("ALTER TABLE {relation} REPLICA IDENTITY FULL"),
        // Everything else either came with running the files again, or is not ours to change.
        _ => return,
    };
    run(&statement, &[]);
}

/// `f(user_id uuid)` as a description names it, with the name quoted for use in a statement.
pub fn callable(signature: &str) -> String {
    match signature.split_once('(') {
        Some((name, arguments)) => format!("{}({arguments}", quote_ident(name)),
        None => quote_ident(signature),
    }
}

/// `SELECT with grant option` gives only the option too much.
fn revoked(grant: &str) -> String {
    let privilege = privilege(grant);
    match privilege.strip_suffix(" with grant option") {
        Some(granted) => format!("GRANT OPTION FOR {granted}"),
        None => privilege.to_owned(),
    }
}

fn privilege(grant: &str) -> &str {
    grant
        .rsplit_once(" to ")
        .map_or(grant, |(privilege, _)| privilege)
}

fn role(grant: &str) -> String {
    match grant.rsplit_once(" to ") {
        Some((_, "PUBLIC")) | None => "PUBLIC".to_owned(),
        Some((_, role)) => quote_ident(role),
    }
}
