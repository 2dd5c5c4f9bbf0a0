//! The retention engine. Promise: data leaves on the day the document says, in batches, with a
//! record.
//!
//! A policy is a trigger of the table it is about: it goes where the table goes, and its arguments
//! are all there is to know. The trigger itself has nothing to do.

mod apply;
mod create;
mod policy;
mod statement;

use crate::argument::{Document, Regclass};
use crate::catalog::{self, SAFE_SEARCH_PATH, with_settings};
use crate::error;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use pgrx::{AllocatedByPostgres, JsonB};

/// Lets rows of a table leave, or lose what they say, once they are old enough. The policy is called
/// `<action>_<age_column>`; calling it again with another `keep` changes it.
///
/// - `target`: an ordinary or partitioned table of the caller's, and not an audit log.
/// - `age_column`: timestamptz, timestamp (read as UTC) or date; a row whose value is NULL stays.
/// - `keep`: how long a row stays, more than nothing.
/// - `action`: `delete`; `null` with `columns` a list of columns; `anonymize` with `columns` an
///   object from columns to SQL expressions over the row; `summarize` with `columns` an object from
///   columns of `summary` to SQL expressions, of which count(…), sum(…), min(…) and max(…) are added
///   up and the others are the unique key.
/// - `condition`: an SQL condition that a row must also meet; names outside pg_catalog are qualified.
/// - `log`: the audit log, in the schema of the table, that each batch is recorded in; made where
///   it is missing.
///
/// Returns the policy's name. Volatile. Errors: 22004 NULL, 22023 what does not fit together, 42501
/// not the owner, 42703 no such column, 42809 not a table, 55000 an audit log, and Postgres' own for
/// an expression that it cannot read.
///
/// ```sql
/// SELECT community_core.create_retention_policy('sms_messages', 'created_at', '90 days', 'null',
///     '["body_ciphertext", "body_iv", "body_tag"]');
/// ```
#[pg_extern]
#[allow(clippy::too_many_arguments)]
fn create_retention_policy(
    target: Option<Regclass>,
    age_column: Option<&str>,
    keep: Option<Interval>,
    action: Option<&str>,
    columns: default!(Option<Document>, "NULL"),
    summary: default!(Option<Regclass>, "NULL"),
    condition: default!(Option<&str>, "NULL"),
    log: default!(Option<&str>, "'retention_log'"),
) -> String {
    let target = given(target, "target").oid();
    let wanted = create::Wanted {
        age_column: given(age_column, "age_column").to_owned(),
        keep: given(keep, "keep"),
        action: given(action, "action").to_owned(),
        columns: columns.map(|columns| columns.0),
        summary: summary.map(|summary| catalog::qualified_name(&summary.open())),
        condition: condition.map(str::to_owned),
        log: given(log, "log").to_owned(),
    };
    safely(|| create::create(target, wanted))
}

/// Takes a policy away; its log stays.
///
/// - `target`: a table of the caller's; `policy`: the name that `create_retention_policy` gave.
///
/// Returns whether there was one. Volatile. Errors: 22004 NULL, 42501 not the owner.
///
/// ```sql
/// SELECT community_core.drop_retention_policy('linkup.magic_links', 'delete_expires_at');
/// ```
#[pg_extern]
fn drop_retention_policy(target: Option<Regclass>, policy: Option<&str>) -> bool {
    let target = given(target, "target").oid();
    let policy = given(policy, "policy");
    safely(|| create::remove(target, policy))
}

/// Whether a table has a policy of that name. NULL gives NULL. Stable.
///
/// ```sql
/// SELECT community_core.has_retention_policy('linkup.magic_links', 'delete_expires_at');
/// ```
#[pg_extern(stable, strict)]
fn has_retention_policy(target: Regclass, policy: &str) -> bool {
    let target = target.oid();
    safely(|| apply::policy(target, policy).is_some())
}

/// Every policy of the caller's tables, read from the triggers themselves. Stable; takes no
/// transaction id.
///
/// ```sql
/// SELECT * FROM community_core.retention_policies();
/// ```
#[pg_extern(stable)]
#[allow(clippy::type_complexity)]
fn retention_policies() -> TableIterator<
    'static,
    (
        name!(target, pg_sys::Oid),
        name!(table_name, String),
        name!(policy, String),
        name!(age_column, String),
        name!(keep, String),
        name!(action, String),
        name!(columns, Option<JsonB>),
        name!(summary, Option<String>),
        name!(condition, Option<String>),
        name!(log, String),
    ),
> {
    let policies = safely(apply::policies_of_caller);
    TableIterator::new(policies.into_iter().map(|(target, table, policy)| {
        (
            target,
            table,
            policy.name,
            policy.age_column,
            policy.keep,
            policy.action.name().to_owned(),
            policy.columns.map(JsonB),
            policy.summary,
            policy.condition,
            policy.log,
        )
    }))
}

/// What would leave if the policies of the caller's tables were applied at `now`: one row per
/// policy. Stable; takes no transaction id and no lock but those of reading.
///
/// ```sql
/// SELECT * FROM community_core.retention_due();
/// ```
#[pg_extern(stable)]
#[allow(clippy::type_complexity)]
fn retention_due(
    now: default!(TimestampWithTimeZone, "now()"),
) -> TableIterator<
    'static,
    (
        name!(table_name, String),
        name!(policy, String),
        name!(action, String),
        name!(cutoff, TimestampWithTimeZone),
        name!(rows, i64),
        name!(oldest, Option<TimestampWithTimeZone>),
    ),
> {
    let due = safely(|| {
        apply::policies_of_caller()
            .into_iter()
            .map(|(target, table, policy)| {
                let due = apply::due(target, &table, &policy, now);
                (
                    table,
                    policy.name,
                    policy.action.name().to_owned(),
                    due.cutoff,
                    due.rows,
                    due.oldest,
                )
            })
            .collect::<Vec<_>>()
    });
    TableIterator::new(due)
}

/// One batch of one policy, and its entry in the log, in the caller's transaction.
///
/// - `batch`: at most so many rows; `now`: the time to go by; `run`: what the entries of one run share.
///
/// Returns how many rows it touched; rows that others hold locked are left for later, and of rows
/// that stayed, which a BEFORE trigger can bring about, the entry says how many. Volatile. Errors:
/// 22004 NULL, 22023 batch, or an anonymized value that never comes to rest, 42501 not the owner,
/// 42704 no such policy, 55000 an audit log.
#[pg_extern]
fn apply_retention_batch(
    target: Option<Regclass>,
    policy: Option<&str>,
    batch: Option<i32>,
    now: Option<TimestampWithTimeZone>,
    run: Option<pgrx::Uuid>,
) -> i64 {
    one_batch(target, policy, batch, now, run, Some(0)).touched
}

/// As `apply_retention_batch`, for `apply_retention`, which commits after each.
///
/// - `passed`: over how many of the oldest rows to pass because they stayed; NULL as long as none
///   has, which costs less: then the entry does not say how many of this batch did.
///
/// Returns one row: how many rows it touched, and how many stayed though it was their time. Volatile.
/// Errors: those of `apply_retention_batch`, 22023 passed.
#[pg_extern]
fn apply_retention_step(
    target: Option<Regclass>,
    policy: Option<&str>,
    batch: Option<i32>,
    now: Option<TimestampWithTimeZone>,
    run: Option<pgrx::Uuid>,
    passed: Option<i64>,
) -> TableIterator<'static, (name!(touched, i64), name!(kept, i64))> {
    let done = one_batch(target, policy, batch, now, run, passed);
    TableIterator::once((done.touched, done.kept))
}

fn one_batch(
    target: Option<Regclass>,
    policy: Option<&str>,
    batch: Option<i32>,
    now: Option<TimestampWithTimeZone>,
    run: Option<pgrx::Uuid>,
    passed: Option<i64>,
) -> apply::Batch {
    let target = given(target, "target").oid();
    let policy = given(policy, "policy");
    let batch = given(batch, "batch");
    let (now, run) = (given(now, "now"), given(run, "run"));
    safely(|| apply::batch(target, policy, batch, now, run, passed))
}

/// The entry in the log of a policy that failed. For `apply_retention`.
///
/// Volatile. Errors: 22004 NULL, 42501 not the owner, 42704 no such policy.
#[pg_extern]
fn record_retention_failure(
    target: Option<Regclass>,
    policy: Option<&str>,
    now: Option<TimestampWithTimeZone>,
    run: Option<pgrx::Uuid>,
    failure: Option<&str>,
) {
    let target = given(target, "target").oid();
    let policy = given(policy, "policy");
    let (now, run, failure) = (
        given(now, "now"),
        given(run, "run"),
        given(failure, "failure"),
    );
    safely(|| apply::record_failure(target, policy, now, run, failure));
}

/// The trigger that a policy is. It fires before TRUNCATE and does nothing.
#[pg_trigger]
fn retention_policy<'a>(
    _trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgHeapTupleError> {
    Ok(None)
}

fn given<T>(argument: Option<T>, name: &str) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
}

/// Names resolve in Postgres' own schema only, and a day is a day of UTC, whoever calls.
fn safely<T>(work: impl FnOnce() -> T) -> T {
    with_settings(&[SAFE_SEARCH_PATH, (c"timezone", "UTC")], work)
}

extension_sql_file!(
    "../../sql/extension/retention.sql",
    name = "retention_procedure",
    requires = [
        create_retention_policy,
        drop_retention_policy,
        has_retention_policy,
        retention_policies,
        retention_due,
        apply_retention_batch,
        apply_retention_step,
        record_retention_failure,
        retention_policy
    ]
);
