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

/// 22023
pub fn automod_config(rule_type: &str, fault: &str) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the config of a {rule_type} rule is wrong at {fault}"),
        "See community_core.automod_config_fault for what a config may say.",
    )
}

/// 22023
pub fn uneven_rules(types: usize, configs: usize, facts: usize) -> ErrorReport {
    report(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("there are {types} rule types, {configs} configs and {facts} facts"),
        "Give one of each for every rule.",
    )
}
