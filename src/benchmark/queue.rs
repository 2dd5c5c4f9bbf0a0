//! What the triggers of a benchmark do: they write down whom a change is about, and lock nobody.
//!
//! `<name>_queue` holds the people whose value the next refresh looks up again. `<name>_withdrawn`
//! holds those who withdrew: every reader looks at it, so a cell they are in is out of sight from
//! the moment the row is written. Both are heaps without indexes, and a row is a plain insert: no
//! withdrawal waits for another one, or for a refresh.

use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use std::ffi::CStr;

/// The trigger's arguments: schema and name of the queue, and the column with the person's id.
struct Arguments<'a> {
    schema: &'a CStr,
    table: &'a CStr,
    column: &'a CStr,
}

impl Arguments<'_> {
    fn queue(&self) -> String {
        let quoted = |name: &CStr| catalog::quote_ident(&name.to_string_lossy());
        format!("{}.{}", quoted(self.schema), quoted(self.table))
    }
}

fn arguments<'a>(trigger: &PgTrigger<'a>, function: &str) -> Arguments<'a> {
    let is_after = matches!(trigger.when(), Ok(pgrx::PgTriggerWhen::After));
    let definition = trigger.trigger();
    if !is_after || definition.tgnargs != 3 {
        error::raise(error::benchmark::not_a_benchmark_trigger(function));
    }
    // SAFETY: tgargs has tgnargs NUL-terminated strings that live as long as the trigger data.
    let argument = |number| unsafe { CStr::from_ptr(*definition.tgargs.add(number)) };
    Arguments {
        schema: argument(0),
        table: argument(1),
        column: argument(2),
    }
}

/// The person a row is about; a row about nobody is of no interest.
fn subject_of(
    row: pg_sys::HeapTuple,
    trigger: &PgTrigger,
    arguments: &Arguments,
) -> Option<pg_sys::Datum> {
    // SAFETY: the row is of the trigger's relation, which Postgres keeps open during the call.
    unsafe {
        let columns = (*trigger.trigger_data().tg_relation).rd_att;
        let number = pg_sys::SPI_fnumber(columns, arguments.column.as_ptr());
        if number <= 0 || pg_sys::SPI_gettypeid(columns, number) != pg_sys::UUIDOID {
            let table = trigger
                .relation()
                .map(|table| catalog::qualified_name(&table));
            error::raise(error::undefined_column(
                &table.unwrap_or_default(),
                &arguments.column.to_string_lossy(),
            ));
        }
        let mut is_null = false;
        let subject = pg_sys::SPI_getbinval(row, columns, number, &mut is_null);
        (!is_null).then_some(subject)
    }
}

pub fn changed(trigger: &PgTrigger) {
    let arguments = arguments(trigger, "benchmark_queue");
    let data = trigger.trigger_data();
    let row = match trigger.op() {
        Ok(pgrx::PgTriggerOperation::Insert) => data.tg_trigtuple,
        Ok(pgrx::PgTriggerOperation::Update) => data.tg_newtuple,
        _ => std::ptr::null_mut(),
    };
    if row.is_null() {
        error::raise(error::benchmark::not_a_benchmark_trigger("benchmark_queue"));
    }
    if let Some(subject) = subject_of(row, trigger, &arguments) {
        insert(trigger, &arguments, Some(subject));
    }
}

pub fn withdrawn(trigger: &PgTrigger) {
    let arguments = arguments(trigger, "benchmark_withdraw");
    if matches!(trigger.op(), Ok(pgrx::PgTriggerOperation::Truncate)) {
        return insert(trigger, &arguments, None);
    }
    let row = trigger.trigger_data().tg_trigtuple;
    if row.is_null() {
        error::raise(error::benchmark::not_a_benchmark_trigger(
            "benchmark_withdraw",
        ));
    }
    if let Some(subject) = subject_of(row, trigger, &arguments) {
        insert(trigger, &arguments, Some(subject));
    }
}

/// Writes the row without SQL, which costs a third of the time. The right to do so is the same that
/// SQL would ask for when run as the owner of the trigger's table: that the queue is the owner's.
fn insert(trigger: &PgTrigger, arguments: &Arguments, subject: Option<pg_sys::Datum>) {
    let missing = || -> ! { error::raise(error::benchmark::not_a_queue(&arguments.queue())) };
    let Some(oid) = catalog::find_named(arguments.schema, arguments.table) else {
        missing()
    };
    // SAFETY: an OID just found in the catalogue; relation_open raises an ERROR if it went away.
    let queue = unsafe { PgRelation::with_lock(oid, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE) };
    // SAFETY: the trigger's relation is open, and rd_rel of an open relation is its pg_class row.
    let owner = unsafe { (*(*trigger.trigger_data().tg_relation).rd_rel).relowner };
    let is_queue = queue.is_table() && catalog::owner(&queue) == owner && is_one_uuid(&queue);
    if !is_queue {
        missing();
    }
    let mut values = [subject.unwrap_or(pg_sys::Datum::null())];
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
    // SAFETY: rd_rel and rd_att of an open relation are its pg_class row and its columns.
    unsafe {
        let has_index = (*(*queue.as_ptr()).rd_rel).relhasindex;
        let columns = (*queue.as_ptr()).rd_att;
        !has_index && (*columns).natts == 1 && pg_sys::SPI_gettypeid(columns, 1) == pg_sys::UUIDOID
    }
}
