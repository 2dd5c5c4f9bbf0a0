//! Taking a module away: its rules alone, or with `drop_data` its schema. For a part see `part`.

use super::definition::{self, Module};
use super::describe::{Description, Key};
use super::install::{database_owner, rehearsed};
use super::registry::{self, read, run};
use super::repair;
use crate::catalog::{as_role_restricted, quote_ident, with_settings};
use crate::error;
use pgrx::prelude::*;

/// Removes the module in `schema`, or its part called `part`, which is then the last one.
pub fn remove(schema: &str, drop_data: bool, part: Option<&str>) {
    as_role_restricted(database_owner(), || {
        let installed = match registry::installed(schema) {
            Some(installed) if !installed.removed || drop_data => installed,
            _ => not_installed(schema),
        };
        let module = definition::find(&installed.module);
        match part.map(|part| (part, module.parts_through(part))) {
            Some((part, parts)) if parts > 1 => {
                let left =
                    super::part::remove(module, schema, part, parts, &installed.adopted, drop_data);
                if !installed.removed {
                    repair::repair(schema, &left, &installed.adopted);
                    registry::record(module, schema, parts - 1, &left, &installed.adopted);
                }
            }
            first => {
                if let Some((part, parts)) = first {
                    super::part::refuse_if_needed(module, schema, part, parts);
                }
                remove_whole(module, schema, &installed.adopted, drop_data);
            }
        }
    });
}

fn remove_whole(module: &'static Module, schema: &str, adopted: &[String], drop_data: bool) {
    let standing = registry::installed_parts(module, schema, true);
    let expected = if standing > registry::installed_parts(module, schema, false) {
        // Tables of parts that were removed before are the module's, too.
        rehearsed(module, schema, standing)
    } else {
        registry::expected(schema)
    };
    if drop_data {
        refuse_to_take_along(schema, &expected, adopted);
    }
    let step = if drop_data {
        "remove with data"
    } else {
        "remove rules"
    };
    let step = registry::step_started(module.name, schema, step);
    let rows = if drop_data {
        drop_schema(schema, &expected)
    } else {
        drop_rules(schema, &expected);
        registry::set_removed(schema);
        0
    };
    registry::step_finished(step, rows);
}

/// Nothing of the user's is ever dropped unasked: neither what stands in the schema beside the
/// module's own tables, nor what another schema built on them.
fn refuse_to_take_along(schema: &str, expected: &Description, adopted: &[String]) {
    let references = references_from_outside(schema);
    if !references.is_empty() {
        error::raise(error::module::still_referenced(schema, &references));
    }
    let names = |kind: &str, pick: fn(&Key) -> &String| -> Vec<String> {
        expected
            .of_kind(kind)
            .map(|(key, _)| pick(key).clone())
            .collect()
    };
    let mut relations = names("table", |key| &key.relation);
    relations.extend(names("view", |key| &key.relation));
    relations.retain(|relation| !adopted.contains(relation));
    let functions = names("function", |key| &key.name);
    let types = names("enum type", |key| &key.name);
    let theirs = read(
        include_str!("theirs.sql"),
        &[
            schema.into(),
            relations.into(),
            functions.into(),
            types.into(),
        ],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    );
    if !theirs.is_empty() {
        error::raise(error::module::not_only_ours(schema, &theirs));
    }
}

fn drop_schema(schema: &str, expected: &Description) -> i64 {
    let rows = estimated_rows(schema, expected);
    notice!(
        "dropping schema {} with {} tables and about {rows} rows",
        quote_ident(schema),
        expected.of_kind("table").count()
    );
    drop_triggers(schema, expected, |relation| relation.contains('.'));
    with_settings(&[(c"client_min_messages", "warning")], || {
        run(
            &format!("DROP SCHEMA IF EXISTS {} CASCADE", quote_ident(schema)),
            &[],
        );
    });
    registry::forget(schema);
    rows
}

/// Triggers, policies, views and functions go; tables, constraints and indexes stay, and row
/// security stays on, so that without its policies nobody but the owner sees a row.
pub fn drop_rules(schema: &str, expected: &Description) {
    let count = |kind: &str| expected.of_kind(kind).count();
    notice!(
        "dropping {} triggers, {} policies, {} views and {} functions in schema {}; tables and rows stay",
        count("trigger"),
        count("policy"),
        count("view"),
        count("function"),
        quote_ident(schema)
    );
    in_schema(schema, || {
        drop_uses(schema, expected);
        drop_functions(schema, expected);
    });
}

/// Runs `work` where the schema's names need no qualification, and in silence.
pub fn in_schema(schema: &str, work: impl FnOnce()) {
    let path = format!("{}, pg_temp", quote_ident(schema));
    let settings = [
        (c"search_path", path.as_str()),
        (c"client_min_messages", "warning"),
    ];
    with_settings(&settings, work);
}

/// What uses the functions: triggers, policies and views.
pub fn drop_uses(schema: &str, expected: &Description) {
    drop_triggers(schema, expected, |_| true);
    for (key, _) in expected.of_kind("policy") {
        if table_exists(schema, &key.relation) {
            let (policy, table) = (quote_ident(&key.name), quote_ident(&key.relation));
            run(&format!("DROP POLICY IF EXISTS {policy} ON {table}"), &[]);
        }
    }
    let views: Vec<String> = expected
        .of_kind("view")
        .map(|(key, _)| quote_ident(&key.relation))
        .collect();
    if !views.is_empty() {
        run(&format!("DROP VIEW IF EXISTS {}", views.join(", ")), &[]);
    }
}

/// A function that a default, a constraint or an index of a table that stays needs stays with it.
pub fn drop_functions(schema: &str, expected: &Description) {
    let functions = read(
        "SELECT p.oid::regprocedure::text FROM pg_proc p
         JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = $1
           AND p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' = ANY ($2)
           AND NOT EXISTS (
               SELECT FROM pg_depend d
               WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
                 AND d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass))",
        &[
            schema.into(),
            expected
                .of_kind("function")
                .map(|(key, _)| key.name.clone())
                .collect::<Vec<_>>()
                .into(),
        ],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    );
    if !functions.is_empty() {
        run(&format!("DROP ROUTINE {}", functions.join(", ")), &[]);
    }
}

fn drop_triggers(schema: &str, expected: &Description, which: impl Fn(&str) -> bool) {
    for (key, _) in expected.of_kind("trigger") {
        if !which(&key.relation) {
            continue;
        }
        let outside = key.relation.contains('.');
        if !outside && !table_exists(schema, &key.relation) {
            continue;
        }
        let table = if outside {
            key.relation.clone()
        } else {
            format!("{}.{}", quote_ident(schema), quote_ident(&key.relation))
        };
        run(
            &format!(
                "DROP TRIGGER IF EXISTS {} ON {table}",
                quote_ident(&key.name)
            ),
            &[],
        );
    }
}

pub fn table_exists(schema: &str, table: &str) -> bool {
    read(
        "SELECT to_regclass(format('%I.%I', $1, $2)) IS NOT NULL",
        &[schema.into(), table.into()],
        |row| row.get::<bool>(1),
    )
    .pop()
    .flatten()
    .unwrap_or(false)
}

/// As of the last ANALYZE.
pub fn estimated_rows(schema: &str, expected: &Description) -> i64 {
    let tables: Vec<String> = expected
        .of_kind("table")
        .map(|(key, _)| key.relation.clone())
        .collect();
    read(
        "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname = ANY ($2)",
        &[schema.into(), tables.into()],
        |row| row.get::<i64>(1),
    )
    .pop()
    .flatten()
    .unwrap_or_default()
}

fn references_from_outside(schema: &str) -> Vec<String> {
    read(include_str!("references.sql"), &[schema.into()], |row| {
        Ok(row.get::<String>(1)?.unwrap_or_default())
    })
}

pub struct Listed {
    pub module: String,
    pub schema: String,
    pub version: String,
    pub installed_at: TimestampWithTimeZone,
    pub tables: i64,
    pub rows: i64,
    pub parts: Vec<String>,
}

/// One row per schema that holds a module.
pub fn list() -> Vec<Listed> {
    if !registry::exists() {
        return Vec::new();
    }
    let mut modules = read(
        "SELECT m.module, m.schema, m.version, m.installed_at,
                (SELECT count(*) FROM community_state.module_object o
                 WHERE o.schema = m.schema AND o.kind = 'table'),
                coalesce(t.rows, 0)
         FROM community_state.module m
         LEFT JOIN (SELECT n.nspname, sum(greatest(c.reltuples, 0))::bigint AS rows
                    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relkind = 'r' GROUP BY n.nspname) t ON t.nspname = m.schema
         WHERE m.removed_at IS NULL ORDER BY m.schema",
        &[],
        |row| {
            let text = |column: usize| row.get::<String>(column).map(Option::unwrap_or_default);
            let number = |column: usize| row.get::<i64>(column).map(Option::unwrap_or_default);
            let installed_at = row
                .get::<TimestampWithTimeZone>(4)?
                .unwrap_or_else(TimestampWithTimeZone::positive_infinity);
            Ok(Listed {
                module: text(1)?,
                schema: text(2)?,
                version: text(3)?,
                installed_at,
                tables: number(5)?,
                rows: number(6)?,
                parts: Vec::new(),
            })
        },
    );
    for listed in &mut modules {
        let module = definition::find(&listed.module);
        let installed = registry::installed_parts(module, &listed.schema, false);
        let names = module.part_names();
        listed.parts = names[..installed]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
    }
    modules
}

/// The module a registered schema holds.
pub fn module_of(schema: &str) -> &'static definition::Module {
    match registry::installed(schema) {
        Some(installed) if !installed.removed => definition::find(&installed.module),
        _ => not_installed(schema),
    }
}

fn not_installed(schema: &str) -> ! {
    let names = registry::schemas().into_iter().map(|(schema, _)| schema);
    error::raise(error::module::not_installed(
        schema,
        &names.collect::<Vec<_>>(),
    ))
}
