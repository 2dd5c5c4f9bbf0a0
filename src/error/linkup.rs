//! Errors of what the linkup module has natively.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 22023
pub fn unknown_document(kind: &str, known: &[&str]) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("there is no kind of document \"{kind}\""),
        format!("The kinds are: {}.", known.join(", ")),
    )
}
