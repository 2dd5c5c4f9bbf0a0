//! Errors of the retention engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 55000
pub fn audit_log(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("{table} is an audit log, from which nothing leaves"),
        "People are erased from it by community_core.erase_audit_subject(uuid).",
    )
}

/// 22023
pub fn unknown_action(action: &str, known: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("there is no retention action \"{action}\""),
        format!("The actions are: {}.", known.join(", ")),
    )
}

/// 22023
pub fn keep_nothing(keep: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("rows cannot be kept for {keep}"),
        "Give an interval of more than nothing whose parts have one sign, such as 90 days.",
    )
}

/// 42804
pub fn not_an_age(table: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of table {table} has type {type_name} and tells no age"),
        "Give a column of type timestamptz, timestamp or date.",
    )
}

/// 22023
pub fn columns_do_not_fit(action: &str, wanted: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"columns\" does not fit action {action}"),
        format!("Action {action} takes {wanted}."),
    )
}

/// 22023
pub fn not_nullable(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" of table {table} is NOT NULL"),
        "Use action anonymize with a value for it.",
    )
}

/// 22023
pub fn no_summary(action: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"summary\" does not fit action {action}"),
        "Action summarize needs the table to summarize in, and no other action takes one.",
    )
}

/// 22023
pub fn summary_is_target(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("{table} cannot be summarized in itself"),
        "Give another table.",
    )
}

/// 42622
pub fn name_too_long(policy: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NAME_TOO_LONG,
        format!("policy name \"{policy}\" is too long"),
        "The action, the age column and their prefix have 63 bytes together.",
    )
}

/// 42501
pub fn log_of_another(log: &str, table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("{log} does not belong to the owner of {table}"),
        "Name a log of its own: create_retention_policy(..., log => 'name').",
    )
}

/// 55000
pub fn not_a_log(log: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table {log} is there and is no log of retention"),
        "Name a table that is not there yet: create_retention_policy(..., log => 'name').",
    )
}

/// 42704
pub fn no_such_policy(table: &str, policy: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("table {table} has no retention policy \"{policy}\""),
        "community_core.retention_policies() lists them.",
    )
}

/// 22023
pub fn batch_of_nothing(batch: i32) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a batch cannot have {batch} rows"),
        "Give a number of rows from 1 on.",
    )
}

/// 22023
pub fn passed_negative(passed: i64) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a batch cannot pass over {passed} rows"),
        "Give how many rows stayed before, from 0 on, or NULL.",
    )
}

/// 22023
pub fn never_rests(table: &str, policy: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!(
            "retention policy \"{policy}\" of table {table} gives a row another value each time"
        ),
        "Anonymize to an expression that gives an anonymized row the values it has.",
    )
}
