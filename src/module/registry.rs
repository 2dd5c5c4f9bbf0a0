//! `community_state.module`, the one central table: which module is in which schema. Its presence
//! also tells CREATE EXTENSION, during a restore, that the tables come with the dump.

use super::definition::{Module, VERSION};
use super::describe::{Description, Key};
use crate::error;
use pgrx::prelude::*;

const TABLES: &str = include_str!("registry.sql");
const PARTS: &str = include_str!("registry_parts.sql");

pub struct Installed {
    pub module: String,
    pub version: String,
    pub server_version: i32,
    pub adopted: Vec<String>,
    pub removed: bool,
}

/// Whether there is a registry to read.
pub fn exists() -> bool {
    is_true("SELECT to_regclass('community_state.module') IS NOT NULL")
}

/// Whether the tables come with a dump. A restore makes schemas first, extensions next and tables
/// after that, so the schema alone is the mark.
pub fn is_restoring() -> bool {
    is_true("SELECT to_regnamespace('community_state') IS NOT NULL")
}

fn is_true(query: &str) -> bool {
    read(query, &[], |row| row.get::<bool>(1))
        .first()
        .copied()
        .flatten()
        .unwrap_or(false)
}

pub fn create() {
    if !exists() {
        run(TABLES, &[]);
    }
    // A registry made before modules had parts lacks their table.
    if !knows_parts() {
        run(PARTS, &[]);
    }
}

fn knows_parts() -> bool {
    is_true("SELECT to_regclass('community_state.module_part') IS NOT NULL")
}

/// The parts whose tables stand in a schema, each with whether its rules are removed.
fn parts(schema: &str) -> Vec<(String, bool)> {
    if !knows_parts() {
        return Vec::new();
    }
    read(
        "SELECT part, removed_at IS NOT NULL FROM community_state.module_part WHERE schema = $1",
        &[schema.into()],
        |row| {
            Ok((
                row.get::<String>(1)?.unwrap_or_default(),
                row.get::<bool>(2)?.unwrap_or_default(),
            ))
        },
    )
}

/// How many of a module's parts are installed in a schema, or stand there with their tables alone,
/// counted from the first; none where the schema never held the module.
pub fn installed_parts(module: &Module, schema: &str, tables_alone: bool) -> usize {
    if installed(schema).is_none() {
        return 0;
    }
    let parts = parts(schema);
    if parts.is_empty() {
        return module.parts.len();
    }
    let last = module.parts.iter().rposition(|(name, _)| {
        parts
            .iter()
            .any(|(part, removed)| part == name && (tables_alone || !removed))
    });
    last.map_or(0, |last| last + 1)
}

/// Notes that the first `parts` parts are installed.
pub fn record_parts(module: &Module, schema: &str, parts: usize) {
    run(
        "INSERT INTO community_state.module_part AS p (schema, part) SELECT $1, unnest($2::text[])
         ON CONFLICT (schema, part) DO UPDATE SET removed_at = NULL, installed_at = now()
         WHERE p.removed_at IS NOT NULL",
        &[schema.into(), module.part_names()[..parts].to_vec().into()],
    );
}

/// The rules of a part are gone, and with `drop_data` its tables.
pub fn set_part_removed(schema: &str, part: &str, drop_data: bool) {
    let statement = if drop_data {
        "DELETE FROM community_state.module_part WHERE schema = $1 AND part = $2"
    } else {
        "UPDATE community_state.module_part SET removed_at = now() WHERE schema = $1 AND part = $2"
    };
    run(statement, &[schema.into(), part.into()]);
}

pub fn installed(schema: &str) -> Option<Installed> {
    if !exists() {
        return None;
    }
    read(
        "SELECT module, version, server_version, adopted, removed_at IS NOT NULL
         FROM community_state.module WHERE schema = $1",
        &[schema.into()],
        |row| {
            Ok(Installed {
                module: row.get::<String>(1)?.unwrap_or_default(),
                version: row.get::<String>(2)?.unwrap_or_default(),
                server_version: row.get::<i32>(3)?.unwrap_or_default(),
                adopted: row.get::<Vec<String>>(4)?.unwrap_or_default(),
                removed: row.get::<bool>(5)?.unwrap_or_default(),
            })
        },
    )
    .pop()
}

/// The schemas that hold a module, with the module's name.
pub fn schemas() -> Vec<(String, String)> {
    if !exists() {
        return Vec::new();
    }
    read(
        "SELECT schema, module FROM community_state.module WHERE removed_at IS NULL ORDER BY schema",
        &[],
        |row| {
            let text = |column: usize| row.get::<String>(column).map(Option::unwrap_or_default);
            Ok((text(1)?, text(2)?))
        },
    )
}

pub fn record(
    module: &Module,
    schema: &str,
    parts: usize,
    expected: &Description,
    adopted: &[String],
) {
    run(
        "INSERT INTO community_state.module AS m (schema, module, version, server_version, adopted)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (schema) DO UPDATE
         SET removed_at = NULL, version = excluded.version, server_version = excluded.server_version,
             adopted = ARRAY(SELECT DISTINCT unnest(m.adopted || excluded.adopted) ORDER BY 1)",
        &[
            schema.into(),
            module.name.into(),
            VERSION.into(),
            server_version().into(),
            adopted.to_vec().into(),
        ],
    );
    record_parts(module, schema, parts);
    let column = |pick: fn(&(Key, String)) -> &str| -> Vec<String> {
        expected
            .facts
            .iter()
            .map(|fact| pick(fact).to_owned())
            .collect()
    };
    run(
        "DELETE FROM community_state.module_object WHERE schema = $1",
        &[schema.into()],
    );
    run(
        "INSERT INTO community_state.module_object (schema, ordinal, kind, relation, name, definition)
         SELECT $1, o.ordinal, o.kind, o.relation, o.name, o.definition
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
              WITH ORDINALITY AS o (kind, relation, name, definition, ordinal)",
        &[
            schema.into(),
            column(|fact| &fact.0.kind).into(),
            column(|fact| &fact.0.relation).into(),
            column(|fact| &fact.0.name).into(),
            column(|fact| &fact.1).into(),
        ],
    );
}

/// What the module in `schema` should hold, as recorded when it was installed or migrated.
pub fn expected(schema: &str) -> Description {
    let facts = read(
        "SELECT kind, relation, name, definition FROM community_state.module_object
         WHERE schema = $1 ORDER BY ordinal",
        &[schema.into()],
        |row| {
            let text = |column: usize| -> spi::Result<String> {
                Ok(row.get::<String>(column)?.unwrap_or_default())
            };
            Ok((
                Key {
                    kind: text(1)?,
                    relation: text(2)?,
                    name: text(3)?,
                },
                text(4)?,
            ))
        },
    );
    Description { facts }
}

/// Whether schema `auth` was made by this extension before it was a module of its own.
pub fn made_identity() -> bool {
    exists()
        && is_true(
            "SELECT EXISTS (SELECT FROM community_state.module_step WHERE step = 'auth.sql')
                AND NOT EXISTS (SELECT FROM community_state.module_step WHERE schema = 'auth')",
        )
}

/// The tables stay, the rules are gone: a later install must not take the tables for the user's.
pub fn set_removed(schema: &str) {
    run(
        "UPDATE community_state.module SET removed_at = now() WHERE schema = $1",
        &[schema.into()],
    );
}

pub fn forget(schema: &str) {
    run(
        "DELETE FROM community_state.module WHERE schema = $1",
        &[schema.into()],
    );
}

/// Notes that a step begins; the number is for `step_finished` or `step_failed`.
pub fn step_started(module: &str, schema: &str, step: &str) -> i64 {
    Spi::connect_mut(|client| {
        client
            .update(
                "INSERT INTO community_state.module_step (module, schema, version, step)
                 VALUES ($1, $2, $3, $4) RETURNING id",
                None,
                &[module.into(), schema.into(), VERSION.into(), step.into()],
            )?
            .first()
            .get_one::<i64>()
    })
    .unwrap_or_else(|failure| error::spi(failure))
    .unwrap_or_default()
}

pub fn step_finished(id: i64, rows_touched: i64) {
    run(
        "UPDATE community_state.module_step
         SET finished_at = clock_timestamp(), rows_touched = $2 WHERE id = $1",
        &[id.into(), rows_touched.into()],
    );
}

pub fn step_failed(module: &str, schema: &str, step: &str, message: &str) {
    run(
        "INSERT INTO community_state.module_step
             (module, schema, version, step, finished_at, error)
         VALUES ($1, $2, $3, $4, clock_timestamp(), $5)",
        &[
            module.into(),
            schema.into(),
            VERSION.into(),
            step.into(),
            message.into(),
        ],
    );
}

/// 15 for 15.4: how Postgres writes definitions changes with its major version.
pub fn server_version() -> i32 {
    pg_sys::PG_VERSION_NUM as i32 / 10_000
}

pub fn run(sql: &str, arguments: &[pgrx::datum::DatumWithOid]) {
    Spi::connect_mut(|client| client.update(sql, None, arguments).map(|_| ()))
        .unwrap_or_else(|failure| error::spi(failure))
}

/// Rows of a query that takes no transaction id.
pub fn read<T>(
    sql: &str,
    arguments: &[pgrx::datum::DatumWithOid],
    mut each: impl FnMut(spi::SpiHeapTupleData) -> spi::Result<T>,
) -> Vec<T> {
    Spi::connect(|client| -> spi::Result<Vec<T>> {
        client
            .select(sql, None, arguments)?
            .map(&mut each)
            .collect()
    })
    .unwrap_or_else(|failure| error::spi(failure))
}
