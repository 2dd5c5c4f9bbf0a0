//! Reading the policies, and carrying one out.

use super::create::TRIGGER;
use super::policy::{Action, Policy};
use super::statement::{self, Change, Figure, Merge};
use crate::catalog::{self, as_role_restricted, quote_ident};
use crate::error;
use pgrx::prelude::*;
use pgrx::spi::SpiTupleTable;
use pgrx::{PgRelation, pg_sys};
use serde_json::Value;

/// Opens a table of the caller's that policies can be about.
pub fn open(target: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> PgRelation {
    let relation = catalog::open_table(target, lock);
    catalog::require_owner(&relation);
    let is_log = !read(
        "SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
         WHERE t.tgrelid = $1 AND p.pronamespace = 'community_core'::regnamespace
           AND p.proname IN ('audit_append', 'audit_refuse', 'audit_keep')",
        &[target.into()],
        |_| Ok(()),
    )
    .is_empty();
    if is_log {
        let table = catalog::qualified_name(&relation);
        error::raise(error::retention::audit_log(&table));
    }
    relation
}

const POLICIES: &str = "SELECT t.tgrelid, t.tgargs, t.tgname::text,
         quote_ident(n.nspname) || '.' || quote_ident(c.relname)
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE t.tgfoid = 'community_core.retention_policy()'::regprocedure AND NOT t.tgisinternal
       AND t.tgparentid = 0";

type Found = Option<(pg_sys::Oid, String, Policy)>;

fn found(row: &spi::SpiHeapTupleData) -> Result<Found, spi::Error> {
    let Some(target) = row.get::<pg_sys::Oid>(1)? else {
        return Ok(None);
    };
    let bytes = row.get::<Vec<u8>>(2)?.unwrap_or_default();
    let trigger = row.get::<String>(3)?.unwrap_or_default();
    let table = row.get::<String>(4)?.unwrap_or_default();
    let arguments = catalog::trigger_arguments(&bytes);
    // A trigger made by hand under another name is no policy.
    Ok(Policy::from_arguments(&arguments)
        .filter(|policy| trigger == format!("{TRIGGER}{}", policy.name))
        .map(|policy| (target, table, policy)))
}

pub fn policy(target: pg_sys::Oid, name: &str) -> Option<Policy> {
    read(
        &format!("{POLICIES} AND t.tgrelid = $1 ORDER BY t.tgname"),
        &[target.into()],
        found,
    )
    .into_iter()
    .flatten()
    .map(|(.., policy)| policy)
    .find(|policy| policy.name == name)
}

/// The policies of every table that the caller owns, with the table's number and qualified name. No
/// table is opened for it, so that nobody waits for what is done to another's.
pub fn policies_of_caller() -> Vec<(pg_sys::Oid, String, Policy)> {
    let own = "pg_has_role(c.relowner, 'USAGE')";
    let policies = read(
        &format!("{POLICIES} AND {own} ORDER BY t.tgrelid::regclass::text, t.tgname"),
        &[],
        found,
    );
    policies.into_iter().flatten().collect()
}

pub struct Due {
    pub cutoff: TimestampWithTimeZone,
    pub rows: i64,
    pub oldest: Option<TimestampWithTimeZone>,
}

pub fn due(target: pg_sys::Oid, table: &str, policy: &Policy, now: TimestampWithTimeZone) -> Due {
    let relation = catalog::open_table(target, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
    let cutoff = cutoff(policy, now);
    let age = quote_ident(&policy.age_column);
    let sql = statement::due(table, &age, policy, &changes(&relation, policy));
    as_role_restricted(catalog::owner(&relation), || {
        let mut rows = read(&sql, &[cutoff.into()], |row| {
            Ok((row.get::<i64>(1)?, row.get::<TimestampWithTimeZone>(2)?))
        });
        let (rows, oldest) = rows.pop().unwrap_or_default();
        Due {
            cutoff,
            rows: rows.unwrap_or_default(),
            oldest,
        }
    })
}

/// Runs the policy's statement on no row: Postgres says what it cannot read.
pub fn rehearse(relation: &PgRelation, table: &str, policy: &Policy) {
    let now = pgrx::datum::datetime_support::now();
    for exactly in [None, Some(0)] {
        run_batch(relation, table, policy, cutoff(policy, now), 0, exactly);
    }
}

/// What became of the rows that a batch chose: `kept` are those that did not change or go, as when
/// a BEFORE trigger says no.
pub struct Batch {
    pub touched: i64,
    pub kept: i64,
}

/// `passed`: over how many rows to pass that stayed before; where it is given, rows that stay are said
/// in the log.
pub fn batch(
    target: pg_sys::Oid,
    name: &str,
    size: i32,
    now: TimestampWithTimeZone,
    run: pgrx::Uuid,
    passed: Option<i64>,
) -> Batch {
    if size < 1 {
        error::raise(error::retention::batch_of_nothing(size));
    }
    if let Some(passed) = passed.filter(|passed| *passed < 0) {
        error::raise(error::retention::passed_negative(passed));
    }
    let relation = open(target, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
    let table = catalog::qualified_name(&relation);
    let policy = policy(target, name)
        .unwrap_or_else(|| error::raise(error::retention::no_such_policy(&table, name)));
    let cutoff = cutoff(&policy, now);
    as_role_restricted(catalog::owner(&relation), || {
        // Whatever the owner's triggers do they do now and as the owner, not at the end as whoever commits.
        write("SET CONSTRAINTS ALL IMMEDIATE", &[], |_| Ok(()));
        let (batch, again) = run_batch(&relation, &table, &policy, cutoff, size, passed);
        if again > 0 {
            error::raise(error::retention::never_rests(&table, name));
        }
        let failure = (passed.is_some() && batch.kept > 0)
            .then(|| format!("{} rows that are due stayed", batch.kept));
        record(
            &relation,
            &table,
            &policy,
            run,
            cutoff,
            batch.touched,
            failure.as_deref(),
        );
        batch
    })
}

pub fn record_failure(
    target: pg_sys::Oid,
    name: &str,
    now: TimestampWithTimeZone,
    run: pgrx::Uuid,
    failure: &str,
) {
    let relation = catalog::open_table(target, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
    catalog::require_owner(&relation);
    let table = catalog::qualified_name(&relation);
    let policy = policy(target, name)
        .unwrap_or_else(|| error::raise(error::retention::no_such_policy(&table, name)));
    let cutoff = cutoff(&policy, now);
    as_role_restricted(catalog::owner(&relation), || {
        write("SET CONSTRAINTS ALL IMMEDIATE", &[], |_| Ok(()));
        record(&relation, &table, &policy, run, cutoff, 0, Some(failure));
    });
}

fn run_batch(
    relation: &PgRelation,
    table: &str,
    policy: &Policy,
    cutoff: TimestampWithTimeZone,
    size: i32,
    passed: Option<i64>,
) -> (Batch, i64) {
    let exactly = passed.is_some();
    let age = quote_ident(&policy.age_column);
    let sql = match policy.action {
        Action::Delete => statement::delete(table, &age, policy, exactly),
        Action::Null | Action::Anonymize => {
            statement::change(table, &age, policy, &changes(relation, policy), exactly)
        }
        Action::Summarize => {
            let figures = figures(policy);
            if figures
                .iter()
                .all(|figure| Merge::of(&figure.expression) != Merge::Key)
            {
                error::raise(error::retention::columns_do_not_fit(
                    policy.action.name(),
                    "at least one column that is not counted or summed up: the unique key",
                ));
            }
            statement::summarize(table, &age, policy, &figures, exactly)
        }
    };
    let limits = [
        cutoff.into(),
        i64::from(size).into(),
        passed.unwrap_or_default().into(),
    ];
    let counted = write(&sql, &limits, |row| {
        let number = |place| Ok::<_, spi::Error>(row.get::<i64>(place)?.unwrap_or_default());
        Ok([number(1)?, number(2)?, number(3)?])
    });
    let [chosen, touched, again] = counted.into_iter().next().unwrap_or_default();
    let kept = chosen - touched;
    (Batch { touched, kept }, again)
}

fn record(
    relation: &PgRelation,
    table: &str,
    policy: &Policy,
    run: pgrx::Uuid,
    cutoff: TimestampWithTimeZone,
    rows: i64,
    failure: Option<&str>,
) {
    write(
        &format!(
            "INSERT INTO {}.{} (run_id, table_name, policy, cutoff, rows, failure)
             VALUES ($1, $2, $3, $4, $5, $6)",
            quote_ident(relation.namespace()),
            quote_ident(&policy.log)
        ),
        &[
            run.into(),
            table.into(),
            policy.name.as_str().into(),
            cutoff.into(),
            rows.into(),
            failure.into(),
        ],
        |_| Ok(()),
    );
}

fn cutoff(policy: &Policy, now: TimestampWithTimeZone) -> TimestampWithTimeZone {
    read(
        "SELECT $1 - $2::interval",
        &[now.into(), policy.keep.as_str().into()],
        |row| row.get::<TimestampWithTimeZone>(1),
    )
    .pop()
    .flatten()
    .unwrap_or(now)
}

/// What the policy sets columns to; nothing for one that deletes.
fn changes(relation: &PgRelation, policy: &Policy) -> Vec<Change> {
    let change = |name: &str, expression: &str| {
        let column = catalog::column(relation, name);
        Change {
            column: quote_ident(name),
            type_name: catalog::type_name(column.type_oid, column.type_mod),
            expression: expression.to_owned(),
        }
    };
    match (policy.action, &policy.columns) {
        (Action::Null, Some(Value::Array(names))) => names
            .iter()
            .filter_map(Value::as_str)
            .map(|name| change(name, "NULL"))
            .collect(),
        (Action::Anonymize, Some(Value::Object(expressions))) => expressions
            .iter()
            .map(|(name, expression)| change(name, expression.as_str().unwrap_or("NULL")))
            .collect(),
        _ => Vec::new(),
    }
}

fn figures(policy: &Policy) -> Vec<Figure> {
    let Some(Value::Object(expressions)) = &policy.columns else {
        return Vec::new();
    };
    expressions
        .iter()
        .map(|(column, expression)| Figure {
            column: quote_ident(column),
            expression: expression.as_str().unwrap_or("NULL").to_owned(),
        })
        .collect()
}

pub fn regclass(name: &str) -> Option<pg_sys::Oid> {
    read("SELECT to_regclass($1)::oid", &[name.into()], |row| {
        row.get::<pg_sys::Oid>(1)
    })
    .pop()
    .flatten()
}

type Row<T> = fn(&spi::SpiHeapTupleData) -> Result<T, spi::Error>;

/// Reads without taking a transaction id.
fn read<T>(sql: &str, arguments: &[pgrx::datum::DatumWithOid], row: Row<T>) -> Vec<T> {
    Spi::connect(|client| rows(client.select(sql, None, arguments)?, row))
        .unwrap_or_else(|failure| error::spi(failure))
}

fn write<T>(sql: &str, arguments: &[pgrx::datum::DatumWithOid], row: Row<T>) -> Vec<T> {
    Spi::connect_mut(|client| rows(client.update(sql, None, arguments)?, row))
        .unwrap_or_else(|failure| error::spi(failure))
}

fn rows<T>(table: SpiTupleTable, row: Row<T>) -> Result<Vec<T>, spi::Error> {
    table.map(|found| row(&found)).collect()
}
