//! Errors of the module engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 22023
pub fn unknown(name: &str, known: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("there is no module \"{name}\""),
        format!(
            "The modules are: {}. The setting also takes all, none, and module:part.",
            known.join(", ")
        ),
    )
}

/// 22023
pub fn unknown_part(part: &str, module: &str, known: &[&str]) -> ErrorReport {
    let hint = if known.is_empty() {
        format!("Module {module} is one whole: leave the part out.")
    } else {
        format!("Its parts are, in this order: {}.", known.join(", "))
    };
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("module \"{module}\" has no part \"{part}\""),
        hint,
    )
}

/// 42704
pub fn part_not_installed(part: &str, schema: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("part \"{part}\" is not installed in schema \"{schema}\""),
        "SELECT schema, parts FROM community_core.modules() says what is.",
    )
}

/// 2BP01
pub fn part_needed(part: &str, schema: &str, later: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot remove part \"{part}\" in schema \"{schema}\": later parts need it"),
        format!(
            "Remove these first, the last one first: {}.",
            later.join(", ")
        ),
    )
}

/// 42704
pub fn not_installed(schema: &str, installed: &[String]) -> ErrorReport {
    let hint = if installed.is_empty() {
        "No module is installed. community_core.install_module(name) installs one.".to_owned()
    } else {
        format!("Modules are installed in: {}.", installed.join(", "))
    };
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("no module is installed in schema \"{schema}\""),
        hint,
    )
}

/// 55000
pub fn schema_taken(schema: &str, installed: &str, wanted: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("schema \"{schema}\" holds module \"{installed}\", not \"{wanted}\""),
        "Give another schema: install_module(module, schema => 'name').",
    )
}

/// 22023
pub fn reserved_schema(schema: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("schema \"{schema}\" cannot hold a module"),
        "Give a schema of the community's own: it must not be empty, over 40 bytes, auth, \
         community_core, community_state or one of Postgres' own, nor hold a quote ('), a $ or a \\.",
    )
}

/// 42809
pub fn not_adoptable(table: &str, kind: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
        format!("{table} exists and is a {kind}, where the module needs a table"),
        "Rename it, or install the module in another schema.",
    )
}

/// 42710
pub fn name_taken(kind: &str, name: &str, schema: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
        format!("there is a {kind} \"{name}\" in the way of the module in schema {schema}"),
        format!("Rename or drop the {kind}, or install the module in another schema."),
    )
}

/// 42804
pub fn column_type(table: &str, column: &str, expected: &str, actual: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!(
            "column \"{column}\" of existing table {table} has type {actual}, the module needs {expected}"
        ),
        format!("Change the column to {expected}, or install the module in another schema."),
    )
}

/// 2BP01
pub fn still_referenced(schema: &str, by: &[String]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot remove schema \"{schema}\": other schemas reference it"),
        format!("Drop these first: {}.", by.join("; ")),
    )
}

/// 55000
pub fn not_only_ours(schema: &str, theirs: &[String]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("cannot drop schema \"{schema}\": it holds what the module did not make"),
        format!(
            "Move these to another schema first, or call remove_module without drop_data: {}.",
            theirs.join(", ")
        ),
    )
}

/// 55000
pub fn part_not_only_ours(part: &str, schema: &str, theirs: &[String]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "cannot drop part \"{part}\" in schema \"{schema}\": it adopted tables that were there before"
        ),
        format!(
            "Move these to another schema first, or call remove_module without drop_data: {}.",
            theirs.join(", ")
        ),
    )
}

/// 25006
pub fn needs_rehearsal(schema: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
        format!(
            "what module schema \"{schema}\" should hold is not yet recorded for this version of \
             Postgres or of the extension"
        ),
        "Run community_core.migrate_modules() on the primary, then verify again.",
    )
}
