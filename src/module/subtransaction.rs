//! Work that can fail, or be undone on purpose, without ending the transaction it is part of.

use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;

/// What the surrounding transaction works with, to be put back after a subtransaction.
struct Surroundings {
    context: pg_sys::MemoryContext,
    owner: pg_sys::ResourceOwner,
}

impl Surroundings {
    fn enter() -> Surroundings {
        // SAFETY: reads two globals and opens a subtransaction; both are valid in any backend that
        // runs a statement, which is the only place this is called from.
        unsafe {
            let here = Surroundings {
                context: pg_sys::CurrentMemoryContext,
                owner: pg_sys::CurrentResourceOwner,
            };
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::MemoryContextSwitchTo(here.context);
            here
        }
    }

    fn leave(&self, keep: bool) {
        // SAFETY: called exactly once for the subtransaction that `enter` opened; the context and
        // the owner belong to the surrounding transaction and outlive it.
        unsafe {
            if keep {
                pg_sys::ReleaseCurrentSubTransaction();
            } else {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            pg_sys::MemoryContextSwitchTo(self.context);
            pg_sys::CurrentResourceOwner = self.owner;
        }
    }
}

/// Runs `work`; an ERROR in it undoes what it did and is returned.
pub fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, CaughtError> {
    run(true, work)
}

/// Runs `work` and undoes whatever it did to the database; its value stays. Errors are raised.
pub fn rehearse<T>(work: impl FnOnce() -> T) -> T {
    run(false, work).unwrap_or_else(|error| error.rethrow())
}

fn run<T>(keep: bool, work: impl FnOnce() -> T) -> Result<T, CaughtError> {
    let surroundings = Surroundings::enter();
    let result = PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(Err)
        .execute();
    surroundings.leave(keep && result.is_ok());
    result
}

/// What a failure says, for a record of it.
pub fn message(error: &CaughtError) -> String {
    use CaughtError::{ErrorReport, PostgresError, RustPanic};
    match error {
        PostgresError(report) | ErrorReport(report) => report.message().to_owned(),
        RustPanic { ereport, .. } => ereport.message().to_owned(),
    }
}

pub fn sql_error_code(error: &CaughtError) -> PgSqlErrorCode {
    use CaughtError::{ErrorReport, PostgresError, RustPanic};
    match error {
        PostgresError(report) | ErrorReport(report) => report.sql_error_code(),
        RustPanic { ereport, .. } => ereport.sql_error_code(),
    }
}
