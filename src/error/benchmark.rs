//! Errors of the benchmark engine.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 42P01
pub fn no_such_benchmark(name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("benchmark {name} does not exist"),
        "SELECT name FROM community_core.benchmarks() lists what there is.",
    )
}

/// 42P01
pub fn no_consent_table(name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!(
            "benchmark {name} has no consent table: there is no consent_preferences in its schema"
        ),
        "Name the table: consent => 'schema.table', with columns user_id uuid, category text, enabled boolean.",
    )
}

/// 42P01
pub fn no_such_table(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("table {table} in watch does not exist"),
        "Give watch as {\"table\": \"column with the person's id\"}.",
    )
}

/// 42501
pub fn may_not_read(name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("permission denied for benchmark {name}"),
        format!("Its owner can GRANT SELECT ON {name}."),
    )
}

/// 42501
pub fn other_owner(table: &str, consent: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("table {table} does not belong to the owner of the consent table {consent}"),
        "A benchmark acts as one owner: watch only tables of the consent table's owner.",
    )
}

/// 22023
pub fn bad_argument(argument: &str, value: &str, wanted: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"{argument}\" of a benchmark cannot be {value}"),
        format!("Give {wanted}."),
    )
}

/// 22023
pub fn below_min_k(k: i64, min_k: i64) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("k = {k} is below community_core.min_k = {min_k}"),
        format!("Give k = {min_k} or more; only a superuser can change the setting."),
    )
}

/// 42804
pub fn wrong_column_type(of: &str, column: &str, found: &str, wanted: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{column}\" of {of} is {found}, not {wanted}"),
        format!("Cast it: {column}::{wanted}."),
    )
}

/// 55000
pub fn other_shape(name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("benchmark {name} exists with other dimensions, levels or policy"),
        format!("Drop it first: SELECT community_core.drop_benchmark('{name}')."),
    )
}

/// 0A000
pub fn not_a_queue(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the queue {table} of a benchmark is not there or not the table owner's"),
        "Call community_core.create_benchmark again to repair it, or drop the triggers.",
    )
}

/// 39P01
pub fn not_a_benchmark_trigger(function: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        format!(
            "{function} can only be a row trigger after a change, or a statement trigger after TRUNCATE"
        ),
        "community_core.create_benchmark makes the triggers.",
    )
}

/// 22003
pub fn not_finite() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        "NaN and infinity are no value of a person",
        "Leave such rows out: FILTER (WHERE value < 'Infinity' AND value > '-Infinity').",
    )
}

/// 22003
pub fn too_many_digits() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        "a value has more than 30 digits before or after the point",
        "Round it: round(value, 30).",
    )
}

/// 22023
pub fn changing_question() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        "fraction, bounds and buckets of a k_anonymous aggregate must be the same in every row",
        "Give constants, or group by them.",
    )
}

/// 39P01
pub fn not_an_aggregate() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        "a k_anonymous support function was called outside of an aggregate",
        "Call the aggregate, for example community_core.k_anonymous_avg.",
    )
}

/// 42883
pub fn no_identity() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
        "function auth.uid() does not exist, so nobody knows who is calling",
        "Install a module of community_core, or create auth.uid() as Supabase does.",
    )
}

/// 54000
pub fn too_many_groups(name: &str, most: usize) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        format!("benchmark {name} has more than {most} combinations of its dimensions"),
        "Group by something that many people have in common: bands of a number, a chosen list instead of free text.",
    )
}
