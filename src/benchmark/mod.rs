//! The benchmark engine: no published figure is about fewer than k consenting people, and a
//! withdrawal takes effect in the transaction that makes it.
//!
//! A benchmark is a SELECT that gives one value per person and the dimensions to group by. The
//! engine keeps each consenting person's latest value and each cell's exact histogram in tables of
//! its own. Triggers write down whom a change is about; [`refresh`] folds what was written down and
//! publishes the cells that [`threshold`] allows; [`reading`] hides a cell from the moment one of
//! its people withdraws.

use pgrx::prelude::*;
use pgrx::{AnyNumeric, JsonB, PgRelation};

mod aggregate;
pub mod algebra;
mod block_refresh;
mod blocks;
mod decimal;
mod definition;
mod histogram;
mod name;
mod people;
mod publication;
mod queue;
mod reading;
mod refresh;
mod storage;
mod suppression;
mod threshold;

/// Makes a benchmark, or repairs and redefines the one of that name.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments)]
fn create_benchmark(
    name: &str,
    source: &str,
    dimensions: default!(Vec<Option<String>>, "'{}'"),
    consent_category: default!(&str, "'benchmarks'"),
    k: default!(i32, 5),
    policy: default!(&str, "'threshold'"),
    consent: default!(Option<PgRelation>, "NULL"),
    watch: default!(Option<JsonB>, "NULL"),
    minimum: default!(Option<AnyNumeric>, "NULL"),
    maximum: default!(Option<AnyNumeric>, "NULL"),
    totals: default!(bool, true),
    band: default!(Option<i32>, "NULL"),
) {
    definition::create(definition::Wish {
        name,
        source,
        dimensions: dimensions.into_iter().flatten().collect(),
        category: consent_category,
        k,
        policy,
        consent: consent.map(|table| table.oid()),
        watch: definition::watch(watch),
        minimum,
        maximum,
        totals,
        band,
    });
}

/// Drops a benchmark: its triggers, views and tables, nothing of the user's.
#[pg_extern(volatile, parallel_unsafe)]
fn drop_benchmark(name: &str) {
    definition::drop(name);
}

/// Brings a benchmark up to date. Returns false, with a notice, while another session does it.
#[pg_extern(volatile, parallel_unsafe)]
fn refresh_benchmark(name: &str, full: default!(bool, false)) -> bool {
    refresh::refresh(name, full)
}

/// The cells that may be seen now.
#[pg_extern(stable, parallel_restricted)]
fn benchmark(
    name: &str,
) -> TableIterator<
    'static,
    (
        name!(dimensions, JsonB),
        name!(contributors, i64),
        name!(average, AnyNumeric),
        name!(median, Option<AnyNumeric>),
        name!(p25, Option<AnyNumeric>),
        name!(p75, Option<AnyNumeric>),
        name!(p90, Option<AnyNumeric>),
        name!(released_at, TimestampWithTimeZone),
    ),
> {
    TableIterator::new(reading::cells(name).into_iter().map(|cell| {
        (
            cell.dimensions,
            cell.contributors,
            cell.average,
            cell.median,
            cell.p25,
            cell.p75,
            cell.p90,
            cell.released_at,
        )
    }))
}

/// The benchmarks that the caller may read.
#[pg_extern(stable, parallel_restricted)]
fn benchmarks() -> TableIterator<
    'static,
    (
        name!(name, String),
        name!(policy, String),
        name!(k, i32),
        name!(consent_category, String),
        name!(dimensions, Vec<String>),
        name!(totals, bool),
        name!(refreshed_at, Option<TimestampWithTimeZone>),
    ),
> {
    TableIterator::new(reading::benchmarks().into_iter().map(|found| {
        (
            found.name,
            found.policy,
            found.k,
            found.category,
            found.dimensions,
            found.totals,
            found.refreshed_at,
        )
    }))
}

/// How many consenting people with a value there are, how many of them are in a published cell,
/// and their share.
#[pg_extern(stable, parallel_restricted)]
fn benchmark_coverage(
    name: &str,
) -> TableIterator<
    'static,
    (
        name!(consenting, i64),
        name!(published, i64),
        name!(share, Option<AnyNumeric>),
    ),
> {
    let found = reading::coverage(name);
    let share = (found.consenting > 0).then(|| {
        let percent = 100 * found.published / found.consenting;
        AnyNumeric::from(percent) / AnyNumeric::from(100)
    });
    TableIterator::once((found.consenting, found.published, share))
}

/// Where the caller stands in the finest published cell: top quarter, upper half, lower half or
/// bottom quarter.
#[pg_extern(stable, parallel_restricted)]
fn benchmark_position(
    name: &str,
) -> TableIterator<'static, (name!(dimensions, JsonB), name!(position, &'static str))> {
    TableIterator::new(reading::position(name).into_iter())
}

/// Trigger: writes down that the person of the new row has to be looked up again.
#[pg_trigger]
fn benchmark_queue<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, core::convert::Infallible> {
    queue::changed(trigger);
    Ok(trigger.new())
}

/// Trigger: takes the person of the old row, or after TRUNCATE everybody, out of sight.
#[pg_trigger]
fn benchmark_withdraw<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, core::convert::Infallible> {
    queue::withdrawn(trigger);
    Ok(trigger.old())
}
