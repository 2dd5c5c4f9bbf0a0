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

/// 42710
pub fn counted_already(parent: &str, column: &str, child: &str, key: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT,
        format!("\"{column}\" of {parent} already counts {child} by {key}"),
        "Give each counter a column of its own, or drop the other with drop_counter.",
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

/// 42P01: as [`parent_missing`], from the parent's side.
pub fn child_missing(trigger: &str, parent: &str, child: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("table {child}, which trigger {trigger} on {parent} counts, does not exist"),
        ATTACH_AGAIN,
    )
}

/// 55000: the table was detached from the partitioned table whose counter it kept.
pub fn not_a_partition(trigger: &str, table: &str, root: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("{table}, on which trigger {trigger} counts for {root}, is no partition of it"),
        format!("DROP TRIGGER its counter triggers, or attach it to {root} again."),
    )
}

/// 42804
pub fn counted_not_boolean(child: &str, sql: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_SYNTAX_ERROR,
        format!("\"{sql}\" is not one boolean expression over the columns of {child}"),
        "Give an expression as it would stand in WHERE: counted => 'deleted_at IS NULL'.",
    )
}

/// 42P17
pub fn counted_not_immutable(child: &str, sql: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
        format!("\"{sql}\" may change while the row of {child} does not: it is not immutable"),
        "Use columns, constants and functions marked IMMUTABLE.",
    )
}

/// 0A000
pub fn counted_whole_row(child: &str, sql: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("\"{sql}\" uses a system column or the whole row of {child}"),
        "Name the columns.",
    )
}

/// 42P17
pub fn counted_by_counter(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
        format!("what counts cannot depend on \"{column}\" of {table}, the counter itself"),
        "Leave the counter's own column out of the expression.",
    )
}

/// 0A000
pub fn virtual_column(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("\"{column}\" of {table} is a virtual column, which triggers do not see"),
        "Use a stored column.",
    )
}

/// 42P17
pub fn counter_in_key(parent: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_OBJECT_DEFINITION,
        format!("\"{column}\" of {parent} cannot be both its key and a counter"),
        "Give the counter a column of its own.",
    )
}

/// 42804
pub fn value_type(child: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of {child} cannot be summed exactly: its type is {type_name}"),
        "Sums and averages are of smallint, integer, bigint or numeric columns.",
    )
}

/// 22023
pub fn average_not_null(parent: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!(
            "\"{column}\" of {parent} has a default or is NOT NULL, but no children would give NULL"
        ),
        "Say empty => 'default', or drop the column's default and its NOT NULL.",
    )
}

/// 22023
pub fn bad_option(option: &str, value: &str, allowed: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("{option} cannot be {value}"),
        format!("Give {allowed}."),
    )
}

/// 55000
pub fn slots_need_a_foreign_key(child: &str, parent: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("slots need a foreign key from {child} to {parent}, and there is none"),
        "Add the foreign key, validated and not deferrable, on just the counter's key.",
    )
}

/// 42P07
pub fn side_table_taken(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DUPLICATE_TABLE,
        format!("{table} is there already, and is not what the counter would make of it"),
        format!("Rename {table}."),
    )
}

/// 40001
pub fn parent_is_newer(parent: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
        format!("a row of {parent} whose children are counted came after this transaction began"),
        "Try the transaction again.",
    )
}

/// 55000
pub fn statement_failed(sql: &str, status: i32) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the counter engine could not run \"{sql}\" (SPI status {status})"),
        "Look at SELECT * FROM community_core.counters().",
    )
}

/// 42704
pub fn no_counter_column(parent: &str, counter: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("{parent} has no counter \"{counter}\""),
        "SELECT * FROM community_core.counters() shows what is attached.",
    )
}
