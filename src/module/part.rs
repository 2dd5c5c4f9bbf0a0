//! Taking the last part of a module away, with its tables or without.

use super::definition::Module;
use super::describe::{Description, Key};
use super::install::rehearsed;
use super::registry::{self, run};
use super::remove;
use crate::catalog::quote_ident;
use crate::error;
use pgrx::prelude::*;

/// Removes the part called `part`, the last of the first `parts`, and what it gave to tables of the
/// parts before it. Returns what those define.
pub fn remove(
    module: &'static Module,
    schema: &str,
    part: &str,
    parts: usize,
    adopted: &[String],
    drop_data: bool,
) -> Description {
    refuse_if_needed(module, schema, part, parts);
    registry::create();
    registry::record_parts(
        module,
        schema,
        registry::installed_parts(module, schema, false),
    );
    let others = rehearsed(module, schema, parts - 1);
    let own = rehearsed(module, schema, parts).without(&others);
    if drop_data {
        let tables = own.of_kind("table").map(|(key, _)| key.relation.clone());
        let theirs: Vec<_> = tables.filter(|table| adopted.contains(table)).collect();
        if !theirs.is_empty() {
            error::raise(error::module::part_not_only_ours(part, schema, &theirs));
        }
    }
    let step = if drop_data {
        format!("remove part {part} with data")
    } else {
        format!("remove rules of part {part}")
    };
    let step = registry::step_started(module.name, schema, &step);
    let rows = if drop_data {
        drop_tables(schema, part, &own)
    } else {
        remove::drop_rules(schema, &own);
        0
    };
    registry::set_part_removed(schema, part, drop_data);
    registry::step_finished(step, rows);
    others
}

/// Parts go in the reverse order of their coming, and one that is not there does not go.
pub fn refuse_if_needed(module: &'static Module, schema: &str, part: &str, parts: usize) {
    let installed = registry::installed_parts(module, schema, false);
    if installed > parts {
        let later = &module.part_names()[parts..installed];
        error::raise(error::module::part_needed(part, schema, later));
    }
    if registry::installed_parts(module, schema, true) < parts {
        error::raise(error::module::part_not_installed(part, schema));
    }
}

/// Without CASCADE: Postgres refuses, and names it, where anything else was built on the tables.
fn drop_tables(schema: &str, part: &str, own: &Description) -> i64 {
    let rows = remove::estimated_rows(schema, own);
    let tables: Vec<&Key> = own
        .of_kind("table")
        .map(|(key, _)| key)
        .filter(|key| remove::table_exists(schema, &key.relation))
        .collect();
    notice!(
        "dropping part {part} in schema {} with {} tables and about {rows} rows",
        quote_ident(schema),
        tables.len()
    );
    remove::in_schema(schema, || {
        remove::drop_uses(schema, own);
        // Functions that speak of the tables, then the tables, then the functions that these needed.
        remove::drop_functions(schema, own);
        if !tables.is_empty() {
            let names: Vec<_> = tables
                .iter()
                .map(|key| quote_ident(&key.relation))
                .collect();
            run(&format!("DROP TABLE {}", names.join(", ")), &[]);
        }
        for (kind, verb) in [("constraint", "CONSTRAINT"), ("column", "COLUMN")] {
            for (key, _) in own.of_kind(kind) {
                run(
                    &format!(
                        "ALTER TABLE IF EXISTS {} DROP {verb} IF EXISTS {}",
                        quote_ident(&key.relation),
                        quote_ident(&key.name)
                    ),
                    &[],
                );
            }
        }
        for (key, _) in own.of_kind("index") {
            run(
                &format!("DROP INDEX IF EXISTS {}", quote_ident(&key.name)),
                &[],
            );
        }
        remove::drop_functions(schema, own);
        for (key, _) in own.of_kind("enum type") {
            run(
                &format!("DROP TYPE IF EXISTS {}", quote_ident(&key.name)),
                &[],
            );
        }
    });
    rows
}
