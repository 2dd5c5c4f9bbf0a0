//! What the triggers of a benchmark do: they write down whom a change is about, and lock nobody.
//!
//! `<name>_queue` holds the people whose value the next refresh looks up again. `<name>_withdrawn`
//! holds those who withdrew: every reader looks at it, so a cell they are in is out of sight from
//! the moment the row is written. Both are heaps without indexes, and a row is a plain insert: no
//! withdrawal waits for another one, or for a refresh.

use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use std::ffi::CString;

/// The trigger's arguments: schema and name of the queue, and the column with the person's id.
struct Arguments {
    schema: String,
    table: String,
    column: String,
}

fn arguments(trigger: &PgTrigger, function: &str) -> Arguments {
    let is_after = matches!(trigger.when(), Ok(pgrx::PgTriggerWhen::After));
    match trigger.extra_args().unwrap_or_default() {
        mut words if is_after && words.len() == 3 => {
            let column = words.pop().unwrap_or_default();
            let table = words.pop().unwrap_or_default();
            Arguments {
                schema: words.pop().unwrap_or_default(),
                table,
                column,
            }
        }
        _ => error::raise(error::benchmark::not_a_benchmark_trigger(function)),
    }
}

/// The person a row is about; a row about nobody is of no interest.
fn subject_of(
    row: Option<PgHeapTuple<'_, impl WhoAllocated>>,
    trigger: &PgTrigger,
    column: &str,
) -> Option<pgrx::Uuid> {
    let row = row?;
    match row.get_by_name::<pgrx::Uuid>(column) {
        Ok(subject) => subject,
        Err(_) => {
            let table = trigger
                .relation()
                .map(|table| catalog::qualified_name(&table));
            error::raise(error::undefined_column(&table.unwrap_or_default(), column))
        }
    }
}

pub fn changed(trigger: &PgTrigger) {
    let arguments = arguments(trigger, "benchmark_queue");
    if let Some(subject) = subject_of(trigger.new(), trigger, &arguments.column) {
        insert(trigger, &arguments, Some(subject));
    }
}

pub fn withdrawn(trigger: &PgTrigger) {
    let arguments = arguments(trigger, "benchmark_withdraw");
    let is_truncate = matches!(trigger.op(), Ok(pgrx::PgTriggerOperation::Truncate));
    let subject = subject_of(trigger.old(), trigger, &arguments.column);
    if is_truncate || subject.is_some() {
        insert(trigger, &arguments, subject);
    }
}

/// Writes the row without SQL, which costs a third of the time. The right to do so is the same that
/// SQL would ask for when run as the owner of the trigger's table: that the queue is the owner's.
fn insert(trigger: &PgTrigger, arguments: &Arguments, subject: Option<pgrx::Uuid>) {
    let name = format!(
        "{}.{}",
        catalog::quote_ident(&arguments.schema),
        catalog::quote_ident(&arguments.table)
    );
    let oid = relation_oid(&arguments.schema, &arguments.table)
        .unwrap_or_else(|| error::raise(error::benchmark::not_a_queue(&name)));
    // SAFETY: an OID just found in the catalogue; relation_open raises an ERROR if it went away.
    let queue = unsafe { PgRelation::with_lock(oid, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE) };
    let Ok(table) = trigger.relation() else {
        error::raise(error::benchmark::not_a_queue(&name));
    };
    let is_queue =
        queue.is_table() && catalog::owner(&queue) == catalog::owner(&table) && is_one_uuid(&queue);
    if !is_queue {
        error::raise(error::benchmark::not_a_queue(&name));
    }
    let mut values = [subject.into_datum().unwrap_or(pg_sys::Datum::null())];
    let mut nulls = [subject.is_none()];
    // SAFETY: the relation is open and locked, an ordinary table of exactly one uuid column without
    // indexes (checked above), so that a heap insert is all that an INSERT would do.
    unsafe {
        let tuple = pg_sys::heap_form_tuple(
            (*queue.as_ptr()).rd_att,
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
        );
        pg_sys::simple_heap_insert(queue.as_ptr(), tuple);
        pg_sys::heap_freetuple(tuple);
    }
}

fn is_one_uuid(queue: &PgRelation) -> bool {
    // SAFETY: rd_rel of an open relation points to its pg_class row.
    let has_index = unsafe { (*(*queue.as_ptr()).rd_rel).relhasindex };
    let columns = queue.tuple_desc();
    !has_index
        && columns.len() == 1
        && columns
            .get(0)
            .is_some_and(|column| !column.is_dropped() && column.atttypid == pg_sys::UUIDOID)
}

/// Looks a relation up without asking whether the current user may use its schema.
pub fn relation_oid(schema: &str, name: &str) -> Option<pg_sys::Oid> {
    let (schema, name) = (CString::new(schema).ok()?, CString::new(name).ok()?);
    // SAFETY: both are NUL-terminated and only read; an unknown name gives InvalidOid.
    let oid = unsafe {
        let namespace = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        if namespace == pg_sys::InvalidOid {
            return None;
        }
        pg_sys::get_relname_relid(name.as_ptr(), namespace)
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}
