//! What the triggers do: read what a statement changed, sum it, and bring the parents up to date.

use super::amount::Amount;
use super::delta::{Deltas, Key};
use super::image::{self, Column};
use super::repair::NewKey;
use super::resolve::{self, Counter};
use super::spec::Measure;
use super::{apply, orphans, query, repair};
use crate::rows::attribute;
use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use std::cell::Cell;
use std::ops::ControlFlow;

thread_local! {
    /// The trigger depth at which the engine is updating a parent, or none.
    static MAINTAINING: Cell<Option<i32>> = const { Cell::new(None) };
}

/// Whether the trigger that asks was fired by the engine's own update of a parent. Triggers that
/// such a trigger fires in turn are the user's own business, and are told no.
pub fn maintaining() -> bool {
    MAINTAINING
        .get()
        .is_some_and(|depth| depth + 1 == trigger_depth())
}

/// Runs `work`, which updates a parent, with SPI connected and a search_path that is safe.
pub fn maintain<T>(work: impl FnOnce() -> T) -> T {
    query::safely(|| maintain_in_place(work))
}

/// The same under the caller's search_path: for a parent whose update calls no code that it could
/// mislead. Setting search_path and back is a fifth of what a single-row statement costs.
fn maintain_in_place<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(Option<i32>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MAINTAINING.set(self.0);
        }
    }
    let _restore = Restore(MAINTAINING.replace(Some(trigger_depth())));
    Spi::connect_mut(|_| work())
}

fn trigger_depth() -> i32 {
    // SAFETY: reads a counter of this backend; the function looks at no argument.
    unsafe { pg_sys::pg_trigger_depth(std::ptr::null_mut()) }.value() as i32
}

/// What fired a trigger.
struct Event<'a> {
    data: &'a pg_sys::TriggerData,
    relation: PgRelation,
    operation: u32,
    row: bool,
}

impl<'a> Event<'a> {
    fn of(data: &'a pg_sys::TriggerData) -> Event<'a> {
        Event {
            data,
            // SAFETY: the relation is open as long as its trigger runs.
            relation: unsafe { PgRelation::from_pg(data.tg_relation) },
            operation: data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK,
            row: data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0,
        }
    }

    fn trigger(&self) -> &'a pg_sys::Trigger {
        // SAFETY: a trigger's data points to its descriptor.
        unsafe { &*self.data.tg_trigger }
    }

    /// Whether the trigger is one that `create_counter` would make: after the event, with the
    /// transition tables that the event has.
    fn is_proper(&self) -> bool {
        let after =
            self.data.tg_event & pg_sys::TRIGGER_EVENT_TIMINGMASK == pg_sys::TRIGGER_EVENT_AFTER;
        let (old, new) = match self.operation {
            pg_sys::TRIGGER_EVENT_INSERT => (false, true),
            pg_sys::TRIGGER_EVENT_UPDATE => (true, true),
            pg_sys::TRIGGER_EVENT_DELETE => (true, false),
            _ => (false, false),
        };
        after
            && (self.row
                || (old != self.data.tg_oldtable.is_null()
                    && new != self.data.tg_newtable.is_null()))
    }

    fn require_proper(&self, proper: bool) {
        if !(proper && self.is_proper()) {
            let name = resolve::trigger_name(self.trigger());
            let table = catalog::qualified_name(&self.relation);
            error::raise(error::counter::bad_trigger(&name, &table));
        }
    }

    /// The number of the command that fired the trigger, within its transaction.
    fn command(&self) -> pg_sys::CommandId {
        // SAFETY: the snapshot of the statement that fired the trigger is active while it runs; that
        // there is one is asked first.
        unsafe {
            if pg_sys::ActiveSnapshotSet() {
                (*pg_sys::GetActiveSnapshot()).curcid
            } else {
                pg_sys::GetCurrentCommandId(false)
            }
        }
    }

    fn old_slot(&self) -> *mut pg_sys::TupleTableSlot {
        if self.operation == pg_sys::TRIGGER_EVENT_INSERT {
            std::ptr::null_mut()
        } else {
            self.data.tg_trigslot
        }
    }

    fn new_slot(&self) -> *mut pg_sys::TupleTableSlot {
        match self.operation {
            pg_sys::TRIGGER_EVENT_INSERT => self.data.tg_trigslot,
            pg_sys::TRIGGER_EVENT_UPDATE => self.data.tg_newslot,
            _ => std::ptr::null_mut(),
        }
    }

    /// Calls `each` with every row before the event (-1) and after it (1).
    ///
    /// # Safety
    /// `each` keeps nothing that points into the slot it is given.
    unsafe fn rows(&self, mut each: impl FnMut(*mut pg_sys::TupleTableSlot, i64)) {
        if self.row {
            for (slot, sign) in [(self.old_slot(), -1), (self.new_slot(), 1)] {
                if !slot.is_null() {
                    each(slot, sign);
                }
            }
            return;
        }
        for (rows, sign) in [(self.data.tg_oldtable, -1), (self.data.tg_newtable, 1)] {
            if rows.is_null() {
                continue;
            }
            // SAFETY: the transition table holds rows of the relation's type; a trigger reads it
            // from its start, as others of the same statement do. The slot is dropped when
            // nothing points into it any more.
            unsafe {
                let slot = pg_sys::MakeSingleTupleTableSlot(
                    (*self.data.tg_relation).rd_att,
                    &raw const pg_sys::TTSOpsMinimalTuple,
                );
                pg_sys::tuplestore_rescan(rows);
                while pg_sys::tuplestore_gettupleslot(rows, true, false, slot) {
                    each(slot, sign);
                }
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
        }
    }
}

/// A trigger on the child.
pub fn child_changed(data: &pg_sys::TriggerData) {
    let event = Event::of(data);
    event.require_proper(true);
    let command = event.command();
    catalog::as_role(catalog::owner(&event.relation), || {
        let counter = resolve::counter(event.trigger(), &event.relation);
        if event.operation == pg_sys::TRIGGER_EVENT_TRUNCATE {
            if counter.loose && counter.spec.partition_of.is_none() {
                orphans::remember(&counter, command, None);
            }
            let whole = resolve::of_partitioned(&counter);
            let counter = whole.as_ref().unwrap_or(&counter);
            maintain(|| repair::all(counter, i64::MAX, i64::MAX, |_| ()));
        } else if let Measure::Count { .. } = counter.spec.measure {
            let mut deltas = Deltas::<i64>::new();
            // SAFETY: the closure copies what it needs from the slot.
            unsafe {
                sum(&event, &counter, &mut deltas, |_, sign| {
                    move |count: &mut i64| *count += sign
                });
            }
            let changes = deltas.into_changes(|count| *count != 0);
            if !changes.is_empty() && !apply::count_directly(&counter, &changes) {
                let work = || apply::counts(&counter, command, &changes);
                if counter.calls_code {
                    maintain(work)
                } else {
                    maintain_in_place(work)
                }
            }
        } else if let Some(value) = &counter.value {
            let mut deltas = Deltas::<Amount>::new();
            // SAFETY: the value's column is of the type that `value` says; it is summed, copied,
            // before the slot goes on to the next row.
            unsafe {
                sum(&event, &counter, &mut deltas, |slot, sign| {
                    let datum = attribute(slot, value.number);
                    move |amount: &mut Amount| {
                        if let Some(datum) = datum {
                            amount.add(datum, value.type_oid, sign);
                        }
                    }
                });
            }
            let changes = deltas.into_changes(|amount| !amount.is_nothing());
            if !changes.is_empty() {
                let work = || apply::amounts(&counter, command, changes);
                if counter.calls_code {
                    maintain(work)
                } else {
                    maintain_in_place(work)
                }
            }
        }
    });
}

/// A trigger on the parent: some parents have keys that they did not have.
pub fn parent_changed(data: &pg_sys::TriggerData) {
    let event = Event::of(data);
    event.require_proper(
        event.operation == pg_sys::TRIGGER_EVENT_INSERT
            || (event.row && event.operation == pg_sys::TRIGGER_EVENT_UPDATE),
    );
    let command = event.command();
    catalog::as_role(catalog::owner(&event.relation), || {
        let counter = resolve::counter_of_parent(event.trigger(), &event.relation);
        // By name: a partition's columns may be in another order than the parent's.
        let column = |name: &String| Column::of(&event.relation, name);
        let columns: Vec<_> = counter.spec.parent_key.iter().map(column).collect();
        let figure = column(&counter.spec.measure.column().to_owned());
        let (mut arrived, mut left) = (Vec::new(), None);
        let mut bytes = Vec::new();
        // SAFETY: key and figure are copied out of the slot.
        unsafe {
            event.rows(|slot, sign| {
                let has_key = key(slot, &columns, &mut bytes).is_continue();
                let key = has_key.then(|| Key::Image(bytes.as_slice().into()));
                if sign < 0 {
                    left = key;
                } else if let Some(key) = key.filter(|key| left.as_ref() != Some(key)) {
                    arrived.push(NewKey {
                        key,
                        left: left.take(),
                        stored: attribute(slot, figure.number)
                            .and_then(|datum| repair::number(datum, figure.type_oid)),
                    });
                }
            });
        }
        if !arrived.is_empty() {
            let is_update = event.operation == pg_sys::TRIGGER_EVENT_UPDATE;
            maintain(|| repair::new_keys(&counter, &arrived, is_update, command));
        }
    });
}

/// Sums every row that counts into `deltas`; `change` says by how much one row changes a sum.
///
/// # Safety
/// The closures that `change` gives keep nothing of the slot.
unsafe fn sum<T: Default, F: FnOnce(&mut T)>(
    event: &Event,
    counter: &Counter,
    deltas: &mut Deltas<T>,
    change: impl Fn(*mut pg_sys::TupleTableSlot, i64) -> F,
) {
    let mut bytes = Vec::new();
    // SAFETY: slots hold rows of the relation that the counter was resolved for, so its columns
    // and its expression fit.
    unsafe {
        event.rows(|slot, sign| {
            if counter
                .counted
                .as_ref()
                .is_some_and(|counted| !counted.holds(slot))
            {
                return;
            }
            if let [column] = counter.keys.as_slice()
                && column.by_value
            {
                if let Some(datum) = attribute(slot, column.number) {
                    deltas.word(datum.value() as u64, change(slot, sign));
                }
            } else if key(slot, &counter.keys, &mut bytes).is_continue() {
                deltas.image(&bytes, change(slot, sign));
            }
        });
    }
}

/// Writes the image of the row's key, unless part of it is NULL.
///
/// # Safety
/// The slot holds a row in which the columns are.
unsafe fn key(
    slot: *mut pg_sys::TupleTableSlot,
    columns: &[Column],
    bytes: &mut Vec<u8>,
) -> ControlFlow<()> {
    bytes.clear();
    for column in columns {
        // SAFETY: as the caller says.
        match unsafe { attribute(slot, column.number) } {
            Some(datum) => image::write(column, datum, bytes),
            None => return ControlFlow::Break(()),
        }
    }
    ControlFlow::Continue(())
}
