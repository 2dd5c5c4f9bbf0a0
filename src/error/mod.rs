//! Every error a user can see: SQLSTATE, one sentence that names the object and the value, and a
//! hint that says what to do. One file per engine; what several engines say stands here.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

pub mod audit;
pub mod benchmark;
pub mod counter;
pub mod linkup;
pub mod module;
pub mod pair;
pub mod retention;
pub mod spaces;

/// Raises the report as an ERROR. A trigger must use this: the `Err` of a `#[pg_trigger]` loses
/// its SQLSTATE and hint.
pub fn raise(report: ErrorReport) -> ! {
    report.report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}

pub fn report(
    code: PgSqlErrorCode,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> ErrorReport {
    ErrorReport::new(code, message.into(), "community_core").set_hint(hint.into())
}

/// 42501
pub fn not_owner(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("must be owner of table {table}"),
        format!("Run this as the owner of {table} or as a superuser."),
    )
}

/// 22023
pub fn unknown_setting(name: &str, known: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("there is no setting \"{name}\""),
        format!("The settings are {}.", known.join(", ")),
    )
}

/// 42703
pub fn undefined_column(table: &str, column: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("column \"{column}\" of table {table} does not exist"),
        format!("Look at the columns with \\d {table}."),
    )
}

/// 42809
pub fn not_a_table(name: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE,
        format!("{name} is not a table"),
        "Give an ordinary or a partitioned table.",
    )
}

/// 22023
pub fn unknown_consent_gate(name: &str, known: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("community_core.consent_gates names \"{name}\", which is no consent category"),
        format!("The categories are: {}.", known.join(", ")),
    )
}

/// 42P01
pub fn undefined_relation(oid: pgrx::pg_sys::Oid) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
        format!("there is no relation with OID {}", oid.to_u32()),
        "Name the table, for example 'public.posts'.",
    )
}

/// 22004
pub fn null_element() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        "an array of names has a NULL in it",
        "Give a name for each element.",
    )
}

/// 54001
pub fn too_deep() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_STATEMENT_TOO_COMPLEX,
        "a JSON document is nested deeper than 127 levels",
        "Give a flatter document.",
    )
}

/// 39P01
pub fn misplaced_trigger(table: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
        format!(
            "a trigger of table {table} is not one that community_core makes: it has no transition table"
        ),
        "Drop it, and let the engine attach its triggers.",
    )
}

/// 22004
pub fn null_argument(argument: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        format!("argument \"{argument}\" must not be NULL"),
        format!("Give a value for {argument}."),
    )
}

/// SPI's own complaint: a mistake of ours, not the user's. XX000, as Postgres has it.
pub fn spi(failure: pgrx::spi::Error) -> ! {
    raise(report(
        PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        format!("community_core could not run a query of its own: {failure}"),
        "Please report this as a bug of community_core.",
    ))
}
