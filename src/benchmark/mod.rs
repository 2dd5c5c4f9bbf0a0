//! The benchmark engine: no published figure is about fewer than k consenting people, and a
//! withdrawal takes effect in the transaction that makes it.
//!
//! A benchmark is a SELECT that gives one value per person and the dimensions to group by. The
//! engine keeps each consenting person's latest value and each cell's exact histogram in tables of
//! its own. Triggers write down whom a change is about; [`refresh`] folds what was written down and
//! publishes the cells that [`threshold`] allows; [`reading`] hides a cell from the moment one of
//! its people withdraws.

use crate::argument::{Document, Regclass, Texts};
use crate::error;
use pgrx::prelude::*;
use pgrx::{AnyNumeric, JsonB};

mod aggregate;
pub mod algebra;
mod bins;
mod block_refresh;
mod blocks;
mod cells;
mod columns;
mod contributions;
mod decimal;
mod definition;
mod few;
mod histogram;
mod name;
mod overlap;
mod people;
mod publication;
mod queue;
mod reading;
mod refresh;
mod rows;
mod source;
mod standing;
mod storage;
mod suppression;
mod thin;
mod threshold;

/// Makes a benchmark, or repairs and redefines the one of that name.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments)]
fn create_benchmark(
    name: Option<&str>,
    source: Option<&str>,
    dimensions: default!(Option<Texts>, "'{}'"),
    consent_category: default!(Option<&str>, "'benchmarks'"),
    k: default!(Option<i32>, 5),
    policy: default!(Option<&str>, "'threshold'"),
    consent: default!(Option<Regclass>, "NULL"),
    watch: default!(Option<Document>, "NULL"),
    minimum: default!(Option<AnyNumeric>, "NULL"),
    maximum: default!(Option<AnyNumeric>, "NULL"),
    totals: default!(Option<bool>, true),
    band: default!(Option<i32>, "NULL"),
    levels: default!(Option<Texts>, "NULL"),
) {
    definition::create(definition::Wish {
        name: given(name, "name"),
        source: given(source, "source"),
        dimensions: given(dimensions, "dimensions").0,
        category: given(consent_category, "consent_category"),
        k: given(k, "k"),
        policy: given(policy, "policy"),
        consent: consent.map(|table| table.oid()),
        watch: definition::watch(watch.map(|watch| watch.0)),
        minimum,
        maximum,
        totals: given(totals, "totals"),
        band,
        levels: levels.map(|levels| levels.0),
    });
}

fn given<T>(argument: Option<T>, name: &str) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
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
#[allow(clippy::type_complexity)]
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
#[allow(clippy::type_complexity)]
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
    TableIterator::new(reading::position(name))
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

extension_sql!(
    r#"
COMMENT ON FUNCTION create_benchmark(text, text, text[], text, integer, text, regclass, jsonb, numeric, numeric, boolean, integer, text[]) IS
'Makes a benchmark, or repairs and redefines the one of that name. name: name or schema.name, at most 40 bytes; the schema defaults to that of the consent table. source: a SELECT that gives subject uuid, value (any number type), observed_at timestamptz and one column per dimension; of a subject''s rows the latest counts. dimensions: at most 4. consent_category: the category in the consent table. k: fewest people, at least community_core.min_k. policy: threshold or blocks. consent: a table (user_id uuid, category text, enabled boolean), by default consent_preferences in the schema of name. watch: {"table": "column with the subject"}; without it every refresh reads everything. minimum, maximum: the range of a bounded measure; values outside are no values; without them the dominance rules apply. totals: publish every subset of the dimensions too. band: contributors are rounded down to a multiple of it (default k). levels: publish these subsets of the dimensions and no others, each as names with commas between them, the empty text for everybody; NULL: as totals says. Two tables about the same people belong into one benchmark, each a level of it: a notice says where another benchmark is about the same people. Volatile. Errors: 22004 a NULL where none is meant, 42501 not the owner of the tables, 22023 bad argument, 42P01, 42703 and 42804 for a wrong table, column or type, 55000 for other dimensions, levels or policy than it has. Example: SELECT community_core.create_benchmark(''founders.irs'', ''SELECT user_id AS subject, score AS value, created_at AS observed_at, stage FROM founders.scores'', dimensions => ''{stage}'', watch => ''{"founders.scores": "user_id"}'', minimum => 0, maximum => 100);';
COMMENT ON FUNCTION drop_benchmark(text) IS
'Drops a benchmark: its triggers, views and tables, nothing of the user''s. Volatile. Errors: 42P01 no such benchmark, 42501 not its owner, 2BP01 while a view of the user''s reads it. Example: SELECT community_core.drop_benchmark(''founders.irs'');';
COMMENT ON FUNCTION refresh_benchmark(text, boolean) IS
'Brings a benchmark up to date with what changed since the last refresh; with full => true it reads everything again. Returns true, or false with a notice while another session does it. Volatile. Errors: 42P01 no such benchmark, 42501 not its owner, 54000 more than 100,000 combinations of the dimensions. Example: SELECT community_core.refresh_benchmark(''founders.irs'');';
COMMENT ON FUNCTION benchmark(text) IS
'The cells that may be seen now: dimensions (those that the cell keeps), contributors (rounded down to the band), average, median, p25, p75 and p90 (NULL where too few people lie beyond), released_at. A cell is gone from the moment one of its people withdraws, in the same transaction. Stable. Errors: 42P01 no such benchmark, 42501 without SELECT on the view of that name. Rules: docs/benchmarks.md. Example: SELECT * FROM community_core.benchmark(''founders.irs'');';
COMMENT ON FUNCTION benchmarks() IS
'The benchmarks whose view the caller may SELECT: name, policy, k, consent_category, dimensions, totals, refreshed_at. Stable. Example: SELECT name, refreshed_at FROM community_core.benchmarks();';
COMMENT ON FUNCTION benchmark_coverage(text) IS
'What a policy costs: consenting (people with a value, at the last refresh), published (those in a cell that is shown), share (0 to 1, two decimals; NULL for nobody). Exact, so for the owner only. Stable. Errors: 42P01, 42501. Example: SELECT share FROM community_core.benchmark_coverage(''founders.irs'');';
COMMENT ON FUNCTION benchmark_position(text) IS
'Where the caller (auth.uid()) stands in the finest published cell: dimensions and position (top quarter, upper half, lower half, bottom quarter). No row unless the caller consents and the cell is published. Told from the published figures and the caller''s own value alone, so also where the caller is not among those figures: with policy blocks somebody who waits for a block. Stable. Errors: 42P01, 42501 without SELECT on the view, 42883 without auth.uid(). Example: SELECT position FROM community_core.benchmark_position(''founders.irs'');';
COMMENT ON FUNCTION benchmark_queue() IS
'Trigger of create_benchmark: writes down that the person of the new row is to be looked up again. Arguments: schema and name of the queue, column of the person. Errors: 39P01, 55000, 42703.';
COMMENT ON FUNCTION benchmark_withdraw() IS
'Trigger of create_benchmark: takes the person of the old row, or after TRUNCATE everybody, out of sight at once. Arguments: schema and name of the table of the withdrawn, column of the person. Errors: 39P01, 55000, 42703.';
"#,
    name = "benchmark_comments",
    requires = [
        create_benchmark,
        drop_benchmark,
        refresh_benchmark,
        benchmark,
        benchmarks,
        benchmark_coverage,
        benchmark_position,
        benchmark_queue,
        benchmark_withdraw
    ],
);
