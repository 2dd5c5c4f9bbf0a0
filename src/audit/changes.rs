//! Which changes of a table are recorded in a log, and what fills the columns of an entry: read from
//! the mapping, and kept in the arguments of the triggers.

use super::sql;
use crate::{catalog, error};
use pgrx::{IntoDatum, PgRelation, pg_sys};
use serde_json::{Map, Value};

pub const RECORD: &str = "audit_record";

/// What a column of the log is filled with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    Operation,
    Table,
    Schema,
    Old,
    New,
    OldChanged,
    NewChanged,
    User,
    Role,
    Column(String),
}

impl Source {
    pub fn parse(text: &str) -> Option<Source> {
        Some(match text {
            "operation" => Source::Operation,
            "table" => Source::Table,
            "schema" => Source::Schema,
            "old" => Source::Old,
            "new" => Source::New,
            "old.changed" => Source::OldChanged,
            "new.changed" => Source::NewChanged,
            "user" => Source::User,
            "role" => Source::Role,
            _ => Source::Column(text.strip_prefix("row.")?.to_owned()),
        })
    }

    /// Whether it differs from row to row.
    pub fn of_row(&self) -> bool {
        use Source::{Column, New, NewChanged, Old, OldChanged};
        matches!(self, Old | New | OldChanged | NewChanged | Column(_))
    }
}

/// Attaches the triggers.
pub fn attach(target: pg_sys::Oid, log: pg_sys::Oid, mapping: Option<Value>) {
    let lock = pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE;
    let target = catalog::open_table(target, lock);
    catalog::require_owner(&target);
    let log = super::log::Log::open(log);
    let name = catalog::qualified_name(&target);
    if target.oid() == log.relation.oid() {
        error::raise(error::audit::log_of_itself(&name));
    }
    let mapping = match mapping {
        None | Some(Value::Null) => by_name(&target, &log),
        Some(Value::Object(mapping)) if mapping.is_empty() => by_name(&target, &log),
        Some(Value::Object(mapping)) => mapping,
        Some(other) => error::raise(error::audit::mapping(&format!("{other} is not an object"))),
    };
    for (column, source) in &mapping {
        catalog::column(&log.relation, column);
        let parsed = source.as_str().and_then(Source::parse);
        match parsed {
            None => error::raise(error::audit::mapping(&format!("{source} is not a source"))),
            Some(Source::Column(column)) => {
                catalog::column(&target, &column);
            }
            Some(_) => (),
        }
    }
    if mapping.is_empty() {
        error::raise(error::audit::mapping("no column of the log is filled"));
    }
    let arguments = [
        log.definition.schema.clone(),
        log.definition.table.clone(),
        Value::Object(mapping).to_string(),
    ]
    .map(|argument| catalog::quote_literal(&argument))
    .join(", ");
    let partitioned = target.is_partitioned_table();
    let oid = target.oid();
    // A table that is open gets no triggers.
    drop(target);
    drop(log);
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
        sql::frame(|| {
            triggers(&name, &arguments);
            if partitioned {
                partitions(oid)
                    .iter()
                    .for_each(|partition| triggers(partition, &arguments));
            }
        });
    });
}

/// The partitions of a table, and theirs. A statement sets off the triggers of the one table that
/// it names, so what all of them have in common is not recorded twice.
fn partitions(target: pg_sys::Oid) -> Vec<String> {
    // Postgres gives the triggers of a foreign table no transition tables.
    let rows = sql::read(
        "SELECT c.oid FROM pg_catalog.pg_partition_tree($1) p
         JOIN pg_catalog.pg_class c ON c.oid = p.relid
         WHERE p.level > 0 AND c.relkind <> 'f' ORDER BY c.oid",
        &[(pg_sys::OIDOID, target.into_datum())],
    );
    (0..rows.len())
        .filter_map(|row| rows.get(row, 1))
        .map(|oid| {
            let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
            let partition = catalog::open_table(oid, lock);
            catalog::require_owner(&partition);
            catalog::qualified_name(&partition)
        })
        .collect()
}

fn triggers(table: &str, arguments: &str) {
    for (event, rows) in [
        ("insert", "REFERENCING NEW TABLE AS new_rows"),
        (
            "update",
            "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
        ),
        ("delete", "REFERENCING OLD TABLE AS old_rows"),
        ("truncate", ""),
    ] {
        sql::define(&format!(
            "CREATE OR REPLACE TRIGGER audit_record_{event} AFTER {event} ON {table} {rows}
             FOR EACH STATEMENT EXECUTE FUNCTION community_core.{RECORD}({arguments})"
        ));
    }
}

/// Fills the columns of the log that have one of the usual names.
fn by_name(target: &PgRelation, log: &super::log::Log) -> Map<String, Value> {
    let has = |name: &str| {
        target
            .tuple_desc()
            .iter()
            .any(|a| !a.is_dropped() && a.name() == name)
    };
    let key = super::log::single_primary_key(target);
    let mut mapping = Map::new();
    for attribute in log.relation.tuple_desc().iter().filter(|a| !a.is_dropped()) {
        let name = attribute.name();
        let source = match name {
            "action" | "operation" => "operation".to_owned(),
            "table_name" => "table".to_owned(),
            "table_schema" | "schema_name" => "schema".to_owned(),
            "old_data" | "old_record" | "old_row" => "old".to_owned(),
            "new_data" | "new_record" | "new_row" => "new".to_owned(),
            "user_id" | "actor_id" => "user".to_owned(),
            "actor_role" | "role" => "role".to_owned(),
            "record_id" | "entity_id" => match &key {
                Some(key) => format!("row.{key}"),
                None => continue,
            },
            _ if name == log.key.name => continue,
            _ if has(name)
                && (name.ends_with("_id") || log.definition.chain_by.iter().any(|c| c == name)) =>
            {
                format!("row.{name}")
            }
            _ => continue,
        };
        mapping.insert(name.to_owned(), Value::String(source));
    }
    mapping
}
