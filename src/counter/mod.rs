//! The counter engine: a count stored in a parent row equals what a recount of its children would
//! give, after every commit, under any concurrency.
//!
//! A counter is four statement triggers on the child. Each reads the statement's transition table,
//! sums what changed per parent, locks those parents in the order of their keys, and adds. What a
//! trigger needs to know is in its arguments; nothing else records a counter.

mod attach;
mod delta;
mod image;
mod names;
mod recount;
mod resolve;
mod spec;
mod statement;
mod trigger;

pub use trigger::maintaining;

use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use spec::Spec;

/// The trigger behind every counter; `create_counter` attaches it.
#[pg_trigger]
fn keep_counter<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgTriggerError> {
    trigger::after_statement(trigger.trigger_data());
    Ok(None)
}

/// Keeps `counter` of `parent` equal to the number of its children.
#[pg_extern(volatile, parallel_unsafe)]
fn create_counter(
    child: PgRelation,
    child_key: &str,
    parent: PgRelation,
    counter: &str,
    counted: default!(Option<&str>, "NULL"),
    parent_key: default!(&str, "'id'"),
) {
    let spec = Spec {
        parent: (parent.namespace().to_owned(), parent.name().to_owned()),
        parent_key: vec![parent_key.to_owned()],
        child_key: vec![child_key.to_owned()],
        counter: counter.to_owned(),
        counted: counted.map(str::to_owned),
    };
    attach::create(spec, &child, &parent);
}

/// Takes the counter's triggers away; the column stays as it is.
#[pg_extern(volatile, parallel_unsafe)]
fn drop_counter(child: PgRelation, child_key: &str, parent: PgRelation, counter: &str) {
    catalog::require_owner(&child);
    let name = (parent.namespace().to_owned(), parent.name().to_owned());
    let dropped = attach::detach(&child, |spec| {
        spec.parent == name && spec.child_key == [child_key] && spec.counter == counter
    });
    if dropped == 0 {
        let (child, parent) = (
            catalog::qualified_name(&child),
            catalog::qualified_name(&parent),
        );
        error::raise(error::counter::no_such_counter(&child, &parent, counter));
    }
}

/// The counters that are attached, read from the triggers themselves.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)]
fn counters() -> TableIterator<
    'static,
    (
        name!(child, pg_sys::Oid),
        name!(child_key, String),
        name!(parent, String),
        name!(parent_key, String),
        name!(counter, String),
        name!(counted, Option<String>),
    ),
> {
    TableIterator::new(attach::attached(None).into_iter().map(|one| {
        let spec = one.spec;
        (
            one.child,
            names::join(&spec.child_key, ", "),
            spec.parent_name(),
            names::join(&spec.parent_key, ", "),
            spec.counter,
            spec.counted,
        )
    }))
}

/// One row for each parent whose counter is not what its children say.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)]
fn verify_counters(
    parent: default!(Option<PgRelation>, "NULL"),
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
    let mut rows = Vec::new();
    attach::each(parent.as_ref(), |attached, recount| {
        Spi::connect(|client| {
            let found = client
                .select(recount.differences.as_str(), None, &[])
                .unwrap_or_else(|e| error::raise(error::counter::spi(&e)));
            for row in found {
                rows.push((
                    attached.spec.parent_name(),
                    row.get::<String>(1).ok().flatten().unwrap_or_default(),
                    attached.spec.counter.clone(),
                    row.get::<AnyNumeric>(2).ok().flatten(),
                    row.get::<AnyNumeric>(3).ok().flatten(),
                ));
            }
        });
    });
    TableIterator::new(rows)
}

/// Sets the counters right; gives how many parents were wrong.
#[pg_extern(volatile, parallel_unsafe)]
fn recount_counters(parent: default!(Option<PgRelation>, "NULL")) -> i64 {
    let mut repaired = 0;
    attach::each(parent.as_ref(), |_, recount| {
        trigger::maintain(|| {
            attach::run(&recount.lock);
            repaired += attach::run(&recount.repair) as i64;
        });
    });
    repaired
}
