//! Errors of the counter engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

const ATTACH_AGAIN: &str = "Rename it back, or attach the counter again with \
     community_core.create_counter, or take it away with community_core.drop_counter.";

/// 42P01: the trigger names a table that is not there any more.
pub fn parent_missing(trigger: &str, child: &str, parent: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("table {parent}, whose counter trigger {trigger} on {child} keeps, does not exist"),
        ATTACH_AGAIN,
    )
}

/// 42703: the trigger names a column that is not there any more.
pub fn column_missing(trigger: &str, table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!(
            "column \"{column}\" of {table}, which counter trigger {trigger} uses, does not exist"
        ),
        ATTACH_AGAIN,
    )
}

/// 22023: somebody wrote the trigger by hand.
pub fn bad_arguments(trigger: &str, table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("trigger {trigger} on {table} has arguments that are no counter's"),
        "Attach counters with community_core.create_counter, not with CREATE TRIGGER.",
    )
}

/// 0A000: somebody wrote the trigger by hand.
pub fn bad_trigger(trigger: &str, table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("trigger {trigger} on {table} is not as community_core.create_counter makes it"),
        "Attach counters with community_core.create_counter, not with CREATE TRIGGER.",
    )
}

/// 42804
pub fn keys_do_not_compare(
    child: &str,
    column: &str,
    child_type: &str,
    parent: &str,
    parent_type: &str,
) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!(
            "column \"{column}\" of {child} has type {child_type}, which does not compare with \
             the key of {parent}, of type {parent_type}"
        ),
        "Give both columns the same type.",
    )
}

/// 42830
pub fn key_not_unique(parent: &str, key: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_FOREIGN_KEY,
        format!("({key}) is not a unique key of {parent}"),
        format!(
            "Name the columns of the primary key or of a unique constraint of {parent} that is \
             neither partial nor deferrable."
        ),
    )
}

/// 42804
pub fn counter_type(parent: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of {parent} cannot hold a count: its type is {type_name}"),
        "A counter is an integer, bigint, smallint or numeric column.",
    )
}

/// 22023
pub fn counter_default(parent: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" of {parent} does not start at 0"),
        format!("ALTER TABLE {parent} ALTER COLUMN {column} SET DEFAULT 0;"),
    )
}

/// 22023
pub fn key_lengths(child_key: usize, parent_key: usize) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the child's key has {child_key} columns, the parent's {parent_key}"),
        "Give as many columns on both sides, in the same order.",
    )
}

/// 0A000
pub fn inheritance(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("{table} takes part in table inheritance, which counters do not follow"),
        "Use declarative partitioning, which counters follow.",
    )
}

/// 42704
pub fn no_such_counter(child: &str, parent: &str, counter: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("no counter of {child} keeps \"{counter}\" of {parent}"),
        "SELECT * FROM community_core.counters() shows what is attached.",
    )
}

/// 42501
pub fn owners_differ(child: &str, parent: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("the owner of {child} does not own {parent}"),
        format!("Give {child} and {parent} the same owner: the counter acts as the child's."),
    )
}

/// 55000
pub fn spi(error: &pgrx::spi::Error) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the counter engine could not run its query: {error}"),
        "Run it again; if it stays, SELECT * FROM community_core.counters().",
    )
}
