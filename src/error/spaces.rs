//! Errors of what the spaces module has natively.

use super::report;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// 58000
pub fn no_randomness() -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_SYSTEM_ERROR,
        "the operating system gave no random bytes",
        "Look at the server's log and at its entropy source.",
    )
}
