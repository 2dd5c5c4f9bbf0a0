//! What the triggers do: read what a statement changed, sum it, and bring the parents up to date.

use super::delta::Deltas;
use super::resolve::{self, Counter};
use super::{attach, image};
use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use std::cell::Cell;

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

/// Runs `work`, which updates a parent.
pub fn maintain<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(Option<i32>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MAINTAINING.set(self.0);
        }
    }
    let _restore = Restore(MAINTAINING.replace(Some(trigger_depth())));
    work()
}

fn trigger_depth() -> i32 {
    // SAFETY: reads a counter of this backend; the function looks at no argument.
    unsafe { pg_sys::pg_trigger_depth(std::ptr::null_mut()) }.value() as i32
}

/// After a statement on the child.
pub fn after_statement(data: &pg_sys::TriggerData) {
    // SAFETY: a trigger's data points to its descriptor and its open relation.
    let (trigger, child) = unsafe { (&*data.tg_trigger, PgRelation::from_pg(data.tg_relation)) };
    let truncate = data.tg_event & pg_sys::TRIGGER_EVENT_OPMASK == pg_sys::TRIGGER_EVENT_TRUNCATE;
    let statement = data.tg_event & pg_sys::TRIGGER_EVENT_ROW == 0;
    let transitions = !data.tg_oldtable.is_null() || !data.tg_newtable.is_null();
    if !statement || transitions == truncate {
        let name = resolve::trigger_name(trigger);
        error::raise(error::counter::bad_trigger(
            &name,
            &catalog::qualified_name(&child),
        ));
    }
    let owner = catalog::owner(&child);
    if truncate {
        catalog::as_role(owner, || safely(|| attach::set_to_zero(trigger, &child)));
        return;
    }
    catalog::as_role(owner, || {
        let counter = resolve::counter(trigger, &child);
        let mut deltas = Deltas::default();
        sum(&counter, data.tg_oldtable, -1, &child, &mut deltas);
        sum(&counter, data.tg_newtable, 1, &child, &mut deltas);
        let changes = deltas.into_changes();
        if !changes.is_empty() {
            safely(|| {
                Spi::connect_mut(|_| {
                    maintain(|| counter.statements.apply(&counter.keys, &changes))
                });
            });
        }
    });
}

fn safely<T>(work: impl FnOnce() -> T) -> T {
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], work)
}

/// Adds `sign` for each row of a transition table to the row's parent.
fn sum(
    counter: &Counter,
    rows: *mut pg_sys::Tuplestorestate,
    sign: i64,
    child: &PgRelation,
    deltas: &mut Deltas,
) {
    if rows.is_null() {
        return;
    }
    let last = counter.keys.iter().map(|key| key.number).max().unwrap_or(1);
    let mut bytes = Vec::new();
    // SAFETY: the transition table holds rows of the child's type; a trigger may read it from its
    // start, as others of the same statement do. Values are copied out of the slot before the
    // next row takes its place, and the slot is dropped with nothing pointing into it.
    unsafe {
        let slot = pg_sys::MakeSingleTupleTableSlot(
            (*child.as_ptr()).rd_att,
            &raw const pg_sys::TTSOpsMinimalTuple,
        );
        pg_sys::tuplestore_rescan(rows);
        'rows: while pg_sys::tuplestore_gettupleslot(rows, true, false, slot) {
            if (*slot).tts_nvalid < last {
                pg_sys::slot_getsomeattrs_int(slot, last.into());
            }
            if let [key] = counter.keys.as_slice()
                && key.by_value
            {
                let i = key.number as usize - 1;
                if !*(*slot).tts_isnull.add(i) {
                    deltas.add_word((*(*slot).tts_values.add(i)).value() as u64, sign);
                }
                continue;
            }
            bytes.clear();
            for key in &counter.keys {
                let i = key.number as usize - 1;
                if *(*slot).tts_isnull.add(i) {
                    continue 'rows;
                }
                image::write(key, *(*slot).tts_values.add(i), &mut bytes);
            }
            deltas.add_image(&bytes, sign);
        }
        pg_sys::ExecDropSingleTupleTableSlot(slot);
    }
}
