//! The counter engine: a count, sum or average stored in a parent row equals what a recount of its
//! children would give, after every commit, under any concurrency.
//!
//! A counter is four statement triggers on the child. Each reads the statement's transition table,
//! sums what changed per parent, locks those parents in the order of their keys, and adds. What a
//! trigger needs to know is in its arguments; nothing else records a counter.

mod amount;
mod apply;
mod attach;
mod check;
mod comments;
mod delta;
mod expression;
mod figure;
pub mod image;
mod keys;
mod name;
mod names;
mod orphans;
mod query;
mod repair;
mod resolve;
mod side;
mod spec;
mod sql;
mod statement;
mod trigger;
mod value;

pub use expression::Expression;
pub use trigger::maintaining;

use crate::argument::{Regclass, Texts};
use crate::{catalog, error};
use name::Name;
use pgrx::pg_sys;
use pgrx::prelude::*;
use spec::{Empty, Measure, Spec};

/// The trigger behind every counter, on its child; `create_counter` attaches it.
#[pg_trigger]
fn keep_counter<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgTriggerError> {
    trigger::child_changed(trigger.trigger_data());
    Ok(None)
}

/// The trigger on a counter's parent, for rows that take a key; `create_counter` attaches it.
#[pg_trigger]
fn recount_new_key<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgTriggerError> {
    trigger::parent_changed(trigger.trigger_data());
    Ok(None)
}

/// What the three forms of `create_counter` have in common.
#[allow(clippy::too_many_arguments)]
fn create(
    child: Option<Regclass>,
    child_key: Option<Vec<String>>,
    parent: Option<Regclass>,
    parent_key: Option<Vec<String>>,
    measure: Measure,
    counted: Option<&str>,
    slots: Option<i32>,
    applied: Option<bool>,
) {
    let (child, parent) = (table(child, "child"), table(parent, "parent"));
    let slots = required(slots, "slots");
    if !(0..=1024).contains(&slots) {
        error::raise(error::counter::bad_option(
            "slots",
            &slots.to_string(),
            "0 to 1024",
        ));
    }
    let spec = Spec {
        parent: attach::table_named(parent),
        parent_key: required(parent_key, "parent_key"),
        child_key: required(child_key, "child_key"),
        measure,
        counted: counted.map(str::to_owned),
        slots: slots as u16,
        applied: required(applied, "applied"),
        partition_of: None,
    };
    query::safely(|| attach::create(spec, child, parent));
}

/// The columns of a table that the engine writes.
pub fn kept_columns(parent: pg_sys::Oid) -> Vec<String> {
    query::safely(|| attach::feeding(parent))
        .iter()
        .flat_map(|counter| counter.spec.measure.columns())
        .collect()
}

fn required<T>(argument: Option<T>, name: &str) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
}

/// An ordinary or partitioned table, closed again.
fn table(argument: Option<Regclass>, name: &str) -> pg_sys::Oid {
    let table = required(argument, name).oid();
    catalog::open_table(table, pg_sys::AccessShareLock as i32);
    table
}

/// Keeps `counter` of `parent` equal to the number of its children.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments)]
fn create_counter(
    child: Option<Regclass>,
    child_key: Option<Name>,
    parent: Option<Regclass>,
    counter: Option<Name>,
    counted: default!(Option<&str>, "NULL"),
    parent_key: default!(Option<Name>, "'id'"),
    slots: default!(Option<i32>, "0"),
    applied: default!(Option<bool>, "false"),
) {
    let measure = Measure::Count {
        counter: required(counter, "counter").0,
    };
    let (child_key, parent_key) = (child_key.map(Name::alone), parent_key.map(Name::alone));
    create(
        child, child_key, parent, parent_key, measure, counted, slots, applied,
    );
}

/// The same for keys of several columns, in the same order on both sides.
#[pg_extern(volatile, parallel_unsafe, name = "create_counter")]
#[allow(clippy::too_many_arguments)]
fn create_composite_counter(
    child: Option<Regclass>,
    child_keys: Option<Texts>,
    parent: Option<Regclass>,
    counter: Option<Name>,
    parent_keys: Option<Texts>,
    counted: default!(Option<&str>, "NULL"),
    slots: default!(Option<i32>, "0"),
    applied: default!(Option<bool>, "false"),
) {
    let measure = Measure::Count {
        counter: required(counter, "counter").0,
    };
    create(
        child,
        child_keys.map(|keys| keys.0),
        parent,
        parent_keys.map(|keys| keys.0),
        measure,
        counted,
        slots,
        applied,
    );
}

/// Keeps `sum` of `parent` equal to the sum of `value` over its children.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments)]
fn create_sum(
    child: Option<Regclass>,
    child_key: Option<Name>,
    value: Option<Name>,
    parent: Option<Regclass>,
    sum: Option<Name>,
    counted: default!(Option<&str>, "NULL"),
    parent_key: default!(Option<Name>, "'id'"),
    applied: default!(Option<bool>, "false"),
) {
    let measure = Measure::Sum {
        sum: required(sum, "sum").0,
        value: required(value, "value").0,
    };
    let (child_key, parent_key) = (child_key.map(Name::alone), parent_key.map(Name::alone));
    create(
        child,
        child_key,
        parent,
        parent_key,
        measure,
        counted,
        Some(0),
        applied,
    );
}

/// The same for keys of several columns, in the same order on both sides.
#[pg_extern(volatile, parallel_unsafe, name = "create_sum")]
#[allow(clippy::too_many_arguments)]
fn create_composite_sum(
    child: Option<Regclass>,
    child_keys: Option<Texts>,
    value: Option<Name>,
    parent: Option<Regclass>,
    sum: Option<Name>,
    parent_keys: Option<Texts>,
    counted: default!(Option<&str>, "NULL"),
    applied: default!(Option<bool>, "false"),
) {
    let measure = Measure::Sum {
        sum: required(sum, "sum").0,
        value: required(value, "value").0,
    };
    create(
        child,
        child_keys.map(|keys| keys.0),
        parent,
        parent_keys.map(|keys| keys.0),
        measure,
        counted,
        Some(0),
        applied,
    );
}

/// Keeps `average` of `parent` equal to the average of `value` over its children, and `count`, if
/// given, to their number.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments)]
fn create_average(
    child: Option<Regclass>,
    child_key: Option<Name>,
    value: Option<Name>,
    parent: Option<Regclass>,
    average: Option<Name>,
    count: default!(Option<Name>, "NULL"),
    counted: default!(Option<&str>, "NULL"),
    parent_key: default!(Option<Name>, "'id'"),
    empty: default!(Option<&str>, "'null'"),
    applied: default!(Option<bool>, "false"),
) {
    let empty = match required(empty, "empty") {
        "null" => Empty::Null,
        "default" => Empty::Default,
        other => error::raise(error::counter::bad_option(
            "empty",
            other,
            "'null' or 'default'",
        )),
    };
    let measure = Measure::Average {
        average: required(average, "average").0,
        count: count.map(|count| count.0),
        value: required(value, "value").0,
        empty,
    };
    let (child_key, parent_key) = (child_key.map(Name::alone), parent_key.map(Name::alone));
    create(
        child,
        child_key,
        parent,
        parent_key,
        measure,
        counted,
        Some(0),
        applied,
    );
}

/// Takes a counter's triggers away; its column stays, with what is in its slots.
#[pg_extern(volatile, parallel_unsafe)]
fn drop_counter(child: Regclass, child_key: Name, parent: Regclass, counter: Name) {
    drop(child, child_key.alone(), parent, counter);
}

/// The same for keys of several columns.
#[pg_extern(volatile, parallel_unsafe, name = "drop_counter")]
fn drop_composite_counter(child: Regclass, child_keys: Texts, parent: Regclass, counter: Name) {
    drop(child, child_keys.0, parent, counter);
}

fn drop(child: Regclass, child_key: Vec<String>, parent: Regclass, counter: Name) {
    let (child, parent) = (table(Some(child), "child"), table(Some(parent), "parent"));
    for table in [child, parent] {
        catalog::require_owner(&catalog::open_table(table, pg_sys::AccessShareLock as i32));
    }
    let name = attach::table_named(parent);
    let chosen = |spec: &Spec| {
        spec.parent == name && spec.child_key == child_key && spec.measure.column() == counter.0
    };
    query::safely(|| {
        attach::each(Some(parent), |counter| {
            if chosen(&counter.spec) && counter.spec.slots > 0 {
                trigger::maintain(|| repair::fold(counter));
            }
        });
        let dropped = attach::detach(child, None, chosen);
        if dropped.is_empty() {
            let (child, parent) = (attach::table_named(child), attach::table_named(parent));
            let (child, parent) = (spec::table_name(&child), spec::table_name(&parent));
            error::raise(error::counter::no_such_counter(&child, &parent, &counter.0));
        }
        dropped.iter().for_each(side::drop);
    });
}

/// The counters that are attached, read from the triggers themselves.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)]
fn counters() -> TableIterator<
    'static,
    (
        name!(child, String),
        name!(child_key, String),
        name!(parent, String),
        name!(parent_key, String),
        name!(counter, String),
        name!(kind, String),
        name!(value, Option<String>),
        name!(counted, Option<String>),
        name!(slots, i32),
        name!(problem, Option<String>),
    ),
> {
    let rows: Vec<_> = query::safely(|| {
        let found = attach::attached(None).into_iter();
        found
            .map(|one| {
                let child = catalog::open_table(one.child, pg_sys::AccessShareLock as i32);
                let problem = attach::problem(&one, &child);
                let spec = one.spec;
                (
                    catalog::qualified_name(&child),
                    names::join(&spec.child_key, ", "),
                    spec.parent_name(),
                    names::join(&spec.parent_key, ", "),
                    spec.measure.column().to_owned(),
                    spec.measure.kind().to_owned(),
                    spec.measure.value().map(str::to_owned),
                    spec.counted,
                    i32::from(spec.slots),
                    problem,
                )
            })
            .collect()
    });
    TableIterator::new(rows)
}

/// One row for each parent whose counter is not what its children say.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)]
fn verify_counters(
    parent: default!(Option<Regclass>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(parent, String),
        name!(key, String),
        name!(counter, String),
        name!(stored, Option<AnyNumeric>),
        name!(actual, Option<AnyNumeric>),
    ),
> {
    let mut all = Vec::new();
    attach::each(parent.map(|parent| parent.oid()), |counter| {
        let parent = counter.spec.parent_name();
        all.extend(query::rows(&counter.sql.differences(), &[], |row| {
            Some((
                parent.clone(),
                row.get(1).ok()??,
                row.get(2).ok()??,
                row.get(3).ok()?,
                row.get(4).ok()?,
            ))
        }));
    });
    TableIterator::new(all)
}

/// How many parents of a sample are wrong: the cheap form of `verify_counters`.
#[pg_extern(stable, parallel_unsafe)]
fn counter_drift(
    parents: default!(Option<i32>, "100"),
) -> TableIterator<
    'static,
    (
        name!(parent, String),
        name!(counter, String),
        name!(looked_at, i64),
        name!(wrong, i64),
    ),
> {
    let parents = required(parents, "parents");
    if parents < 1 {
        error::raise(error::counter::bad_option(
            "parents",
            &parents.to_string(),
            "1 or more",
        ));
    }
    // SAFETY: only reads the clock.
    let seed = (unsafe { pg_sys::GetCurrentTimestamp() } / 1000 % 1_000_000_000) as i32;
    let mut all = Vec::new();
    attach::each(None, |counter| {
        let sample = counter.sql.sample(parents, seed);
        all.extend(query::rows(&sample, &[], |row| {
            Some((
                counter.spec.parent_name(),
                counter.spec.measure.column().to_owned(),
                row.get(1).ok()??,
                row.get(2).ok()??,
            ))
        }));
    });
    TableIterator::new(all)
}

/// Sets wrong counters right, while others write; gives how many parents were wrong.
#[pg_extern(volatile, parallel_unsafe)]
fn recount_counters(
    parent: default!(Option<Regclass>, "NULL"),
    at_most: default!(Option<i64>, "NULL"),
) -> i64 {
    let mut repaired = 0;
    attach::each(parent.map(|parent| parent.oid()), |counter| {
        let left = at_most.map_or(i64::MAX, |at_most| (at_most - repaired).max(0));
        let name = format!(
            "{}.{}",
            counter.spec.parent_name(),
            counter.spec.measure.column()
        );
        repaired += trigger::maintain(|| {
            repair::all(counter, RECOUNT_BATCH, left, |done| {
                notice!("{name}: {done} parents set right");
            })
        });
    });
    repaired
}

const RECOUNT_BATCH: i64 = 1000;

/// A counter's exact value, with what is in its slots.
#[pg_extern(stable, parallel_unsafe)]
fn counter_value(parent: Regclass, key: &str, counter: Name) -> Option<i64> {
    value::counter_value(&parent.open(), &[key.to_owned()], &counter.0)
}

/// The same for a key of several columns.
#[pg_extern(stable, parallel_unsafe, name = "counter_value")]
fn composite_counter_value(parent: Regclass, keys: Texts, counter: Name) -> Option<i64> {
    value::counter_value(&parent.open(), &keys.0, &counter.0)
}

/// Moves what is in slots into the counters' columns; gives how many parents.
#[pg_extern(volatile, parallel_unsafe)]
fn fold_counters(parent: default!(Option<Regclass>, "NULL")) -> i64 {
    value::fold(parent.map(|parent| parent.oid()))
}
