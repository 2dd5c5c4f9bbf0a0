//! Errors of the pair engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 22P02
pub fn malformed(text: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type contact_pair: \"{text}\""),
        "Write two different uuids in parentheses: (id,id).",
    )
}

/// 22023
pub fn one_person(id: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("{id} cannot be paired with itself"),
        "A pair is two different people.",
    )
}

/// 22023
pub fn not_two(count: usize) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a contact_pair cannot be made of an array of {count} ids"),
        "Give exactly two ids, neither of them NULL.",
    )
}

/// 23514
pub fn self_pair(table: &str, a: &str, b: &str, value: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
        format!("columns \"{a}\" and \"{b}\" of table {table} are both {value}"),
        "A pair is two different people.",
    )
}

/// 23502
pub fn half_pair(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION,
        format!("column \"{column}\" of table {table} is NULL, and a pair needs both"),
        "Give both members of the pair.",
    )
}

/// 42P16
pub fn same_column(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("column \"{column}\" of table {table} cannot be both members of a pair"),
        "Name two columns.",
    )
}

/// 42804
pub fn different_types(table: &str, a: &str, a_type: &str, b: &str, b_type: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!(
            "column \"{a}\" of table {table} has type {a_type}, column \"{b}\" has type {b_type}"
        ),
        "Give both columns one type, collation included.",
    )
}

/// 42883
pub fn no_order(table: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
        format!("column \"{column}\" of table {table} has type {type_name}, which has no order"),
        "Use a type with a default btree operator class, such as uuid.",
    )
}

/// 39P01
pub fn not_as_a_trigger(name: &str, expected: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        format!("{name}() was not called as it is meant to be"),
        format!("Let community_core.{expected} attach it."),
    )
}

/// 55000
pub fn no_unique_key(table: &str, columns: &[String]) -> ErrorReport {
    let columns = columns.join(", ");
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table {table} has no unique constraint on ({columns})"),
        format!("First ALTER TABLE {table} ADD UNIQUE ({columns})."),
    )
}

/// 55000
pub fn not_a_pair_table(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table {table} does not keep its pairs in canonical order"),
        format!("First SELECT community_core.create_canonical_pair('{table}', a, b)."),
    )
}

/// 42804
pub fn matches_do_not_fit(
    choices: &str,
    column: &str,
    its_type: &str,
    matches: &str,
    other: &str,
    other_type: &str,
) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!(
            "column \"{column}\" of table {choices} has type {its_type}, and \"{other}\" of table \
             {matches} has type {other_type}"
        ),
        "What a match is made of has one type in both tables.",
    )
}

/// 42804
pub fn not_a_choice(table: &str, column: &str, type_name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of table {table} has type {type_name}, not boolean"),
        "A choice is boolean: true is yes.",
    )
}

/// 42P16
pub fn nullable(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_TABLE_DEFINITION,
        format!("column \"{column}\" of table {table} may be NULL"),
        format!("First ALTER TABLE {table} ALTER {column} SET NOT NULL."),
    )
}

/// 55000
pub fn not_one_table(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table {table} has partitions or children, or is one"),
        "Keep choices in one ordinary table: what is written into a part of it by another name makes \
         no match.",
    )
}

/// 55000
pub fn state_of_another(state: &str, table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("{state} holds what is known of the choices in {table}"),
        format!(
            "Table {table} was renamed: first call community_core.create_mutual_choice for it again."
        ),
    )
}

/// 42622
pub fn name_too_long(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NAME_TOO_LONG,
        format!("the name of table {table} leaves no room for that of the table beside it"),
        "Give the table a name of at most 56 bytes.",
    )
}
