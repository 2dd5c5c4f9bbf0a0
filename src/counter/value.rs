//! Reading and folding counters that have slots.

use super::query;
use super::{attach, repair, spec::Measure, trigger};
use crate::catalog::{self, quote_ident};
use crate::error;
use pgrx::{PgRelation, pg_sys};

/// The column's value as the caller may see it, and what is in the counter's slots.
pub fn counter_value(parent: &PgRelation, key: &[String], counter: &str) -> Option<i64> {
    let parent = catalog::open_table(parent.oid(), pg_sys::AccessShareLock as i32);
    catalog::column(&parent, counter);
    let Some(spec) = attach::feeding(parent.oid())
        .into_iter()
        .map(|one| one.spec)
        .find(|spec| spec.measure.column() == counter)
        .filter(|spec| matches!(spec.measure, Measure::Count { .. }))
    else {
        error::raise(error::counter::no_counter_column(
            &catalog::qualified_name(&parent),
            counter,
        ))
    };
    if spec.parent_key.len() != key.len() {
        error::raise(error::counter::key_lengths(
            key.len(),
            spec.parent_key.len(),
        ));
    }
    let where_key = |alias: &str| {
        let terms = spec.parent_key.iter().enumerate().map(|(i, name)| {
            let of = catalog::column(&parent, name);
            let of = catalog::type_name(of.type_oid, of.type_mod);
            format!(
                "{alias}.{} = ($1::pg_catalog.text[])[{}]::{of}",
                quote_ident(name),
                i + 1
            )
        });
        terms.collect::<Vec<_>>().join(" AND ")
    };
    // As the caller: what is not theirs to read, they do not learn from its slots either.
    let stored = query::values::<i64>(
        &format!(
            "SELECT COALESCE(p.{}, 0)::pg_catalog.int8 FROM {} AS p WHERE {}",
            quote_ident(counter),
            catalog::qualified_name(&parent),
            where_key("p")
        ),
        &[key.to_vec().into()],
    )
    .pop()?;
    if spec.slots == 0 {
        return Some(stored);
    }
    let slots = format!(
        "SELECT COALESCE(pg_catalog.sum(s.amount), 0)::pg_catalog.int8 FROM {} AS s WHERE {}",
        super::side::qualified_name(&spec),
        where_key("s")
    );
    let waiting = catalog::as_role(catalog::owner(&parent), || {
        query::values::<i64>(&slots, &[key.to_vec().into()]).pop()
    });
    Some(stored + waiting.unwrap_or(0))
}

pub fn fold(parent: Option<pg_sys::Oid>) -> i64 {
    let mut folded = 0;
    attach::each(parent, |counter| {
        if counter.spec.slots > 0 {
            folded += trigger::maintain(|| repair::fold(counter));
        }
    });
    folded
}
