//! One row brought up to date where it lies: a unique index finds it, and it gets a new version.
//! That is what the executor does for `UPDATE … SET column = … WHERE key = …`, without its
//! preparations, which are the most of what a single row costs.
//!
//! It is done only where nothing else hangs on that UPDATE ([`plain`]), and only as long as all is
//! plain: a CHECK that does not hold, values that the caller does not like are left, untouched, to a
//! statement, which raises.
//!
//! A row that another writer holds is waited for in a line of its own. Who waits for the row itself
//! is woken with all the others when its writer is done, and they wake one another again for each
//! version; in line, one is woken, and finds the row free. Nobody waits there who would not wait for
//! the row, and for the same transaction: who is in front holds the row or waits for it.

mod find;
mod plain;

pub use find::Finder;

use crate::catalog::Column;
use crate::counter::{Expression, image};
use crate::lock;
use crate::rows::{Replaced, attribute, index_row, replace_row};
use find::slot_of;
use pgrx::{PgRelation, pg_sys};
use rustc_hash::FxBuildHasher;
use std::ffi::c_int;
use std::hash::BuildHasher;
use std::ptr;

pub struct Direct {
    row: Finder,
    /// The numbers of the columns that change.
    columns: Vec<i16>,
    checks: Vec<Expression>,
    /// What the values of the key are like.
    images: Vec<image::Column>,
    /// The table has foreign keys to others.
    refers: bool,
}

/// How a row was met.
enum Met {
    Changed,
    /// By another writer.
    Held,
    /// In a way that takes a statement.
    Other,
}

impl Direct {
    /// `key` are the columns that tell the row, with the types of the values that will be given for
    /// them; `columns` those that change; `events` what the statement does whose place it takes;
    /// `idle` a trigger function of ours that does nothing then. `None` where only the statement will
    /// do.
    pub fn of(
        table: &PgRelation,
        owner: pg_sys::Oid,
        key: &[(&str, pg_sys::Oid)],
        columns: &[&str],
        events: i16,
        idle: Option<&str>,
    ) -> Option<Direct> {
        let numbers = |columns: Vec<Column>| columns.into_iter().map(|column| column.number);
        let changed: Vec<_> = numbers(plain::columns(table, columns)).collect();
        if !plain::is_plain(table, owner, &changed, events, idle) {
            return None;
        }
        let checks = plain::checks(table);
        let given = key.iter().map(|(_, given)| *given);
        Some(Direct {
            row: Finder::of(table, key)?,
            columns: changed,
            // SAFETY: conditions of this table, as its description has them.
            checks: unsafe { checks.into_iter().map(|check| Expression::stored(check)) }.collect(),
            images: given.map(image::Column::of_type).collect(),
            refers: plain::refers(table),
        })
    }

    /// Sets the columns of the row with this key to what `new` makes of them. False where a statement
    /// has to do it, as when `new` gives `None`; then nothing is changed. `is_valid` says, once the
    /// table is locked, whether it is as it was.
    pub fn change(
        &self,
        key: &[pg_sys::Datum],
        is_valid: impl FnOnce() -> bool,
        mut new: impl FnMut(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> bool {
        let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
        let keep = pg_sys::NoLock as pg_sys::LOCKMODE;
        // SAFETY: the lock is an UPDATE's, and stays until the transaction ends; the table is closed
        // again, or by Postgres after an ERROR. It is as it was as long as `is_valid` says so.
        unsafe {
            let table = pg_sys::try_relation_open(self.row.table, lock);
            if table.is_null() {
                return false;
            }
            if !is_valid() {
                pg_sys::relation_close(table, keep);
                return false;
            }
            let mut met = self.meet(table, key, &mut new);
            // A snapshot that stays would see the row held however long one stands: the statement knows what to say.
            let sees_more = pg_sys::XactIsoLevel < pg_sys::XACT_REPEATABLE_READ as c_int;
            if matches!(met, Met::Held) && sees_more {
                let line = lock::Of::Row(self.row.table, self.place_of(key));
                lock::take(line, pg_sys::ExclusiveLock);
                met = self.meet(table, key, &mut new);
            }
            pg_sys::relation_close(table, keep);
            matches!(met, Met::Changed)
        }
    }

    /// Two rows of the same number, one pair in four billion, share a line: who waits in it may wait for nothing.
    fn place_of(&self, key: &[pg_sys::Datum]) -> u32 {
        let mut image = Vec::new();
        for (column, value) in self.images.iter().zip(key) {
            image::write(column, *value, &mut image);
        }
        FxBuildHasher.hash_one(image) as u32
    }

    /// # Safety
    /// The table is locked for writing, and as it was.
    unsafe fn meet(
        &self,
        table: pg_sys::Relation,
        key: &[pg_sys::Datum],
        new: &mut impl FnMut(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> Met {
        // SAFETY: the caller vouches for the table; the snapshot is popped again, or by Postgres after
        // an ERROR.
        unsafe {
            pg_sys::CommandCounterIncrement();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let lock = pg_sys::RowExclusiveLock;
            let update = |slot| self.update(table, slot, new);
            let met = self.row.find(table, lock, key, update);
            pg_sys::PopActiveSnapshot();
            let met = met.unwrap_or(Met::Other);
            if matches!(met, Met::Changed) {
                pg_sys::CommandCounterIncrement();
            }
            met
        }
    }

    /// # Safety
    /// `slot` holds a row of `table` that the active snapshot sees; no index of it is deferred.
    unsafe fn update(
        &self,
        table: pg_sys::Relation,
        slot: *mut pg_sys::TupleTableSlot,
        new: &mut impl FnMut(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> Met {
        // SAFETY: the row stays pinned as long as the slot holds it, and its new version is a copy in
        // the trigger's own memory.
        unsafe {
            let row = pg_sys::ExecFetchSlotHeapTuple(slot, false, ptr::null_mut());
            if self.refers && is_of_this_transaction(row) {
                return Met::Other;
            }
            if is_being_changed(row) {
                return Met::Held;
            }
            let stored: Vec<_> = self
                .columns
                .iter()
                .map(|number| attribute(slot, *number))
                .collect();
            let Some(mut values) = new(&stored) else {
                return Met::Other;
            };
            let mut numbers: Vec<_> = self.columns.iter().copied().map(c_int::from).collect();
            let mut nulls = vec![false; values.len()];
            let new = pg_sys::heap_modify_tuple_by_cols(
                row,
                (*table).rd_att,
                values.len() as c_int,
                numbers.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            let slot = slot_of(table, &raw const pg_sys::TTSOpsHeapTuple);
            pg_sys::ExecStoreHeapTuple(new, slot, false);
            let met = if self.checks.iter().any(|check| check.is_false(slot)) {
                Met::Other
            } else if self.replace(table, &mut (*row).t_self, slot) {
                Met::Changed
            } else {
                Met::Held
            };
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            met
        }
    }

    /// # Safety
    /// As for [`replace_row`].
    unsafe fn replace(
        &self,
        table: pg_sys::Relation,
        old: &mut pg_sys::ItemPointerData,
        new: *mut pg_sys::TupleTableSlot,
    ) -> bool {
        // SAFETY: the caller vouches for the row; the indexes are opened and closed here.
        unsafe {
            match replace_row(table, old, new) {
                Replaced::No => return false,
                Replaced::Yes => {}
                Replaced::WithEntries(entries) => {
                    let executor = pg_sys::CreateExecutorState();
                    let indexes = pg_sys::CatalogOpenIndexes(table);
                    index_row(indexes, executor, new, entries);
                    pg_sys::CatalogCloseIndexes(indexes);
                    pg_sys::FreeExecutorState(executor);
                }
            }
            true
        }
    }
}

/// Whether another writer, who may be done by now, has replaced the row or is doing so. One that
/// only locks it, as the foreign key of every child does, does not count.
///
/// # Safety
/// `row` is a row on a page that is pinned.
unsafe fn is_being_changed(row: pg_sys::HeapTuple) -> bool {
    // SAFETY: as the caller says. The flags change under the hand of others; whoever comes between
    // this look and the update is met there.
    let flags = u32::from(unsafe { (*(*row).t_data).t_infomask });
    let lock_kinds = pg_sys::HEAP_XMAX_KEYSHR_LOCK | pg_sys::HEAP_XMAX_EXCL_LOCK;
    let only_locked = flags & pg_sys::HEAP_XMAX_LOCK_ONLY != 0
        || flags & (pg_sys::HEAP_XMAX_IS_MULTI | lock_kinds) == pg_sys::HEAP_XMAX_EXCL_LOCK;
    flags & pg_sys::HEAP_XMAX_INVALID == 0 && !only_locked
}

/// A foreign key's check of a row that this transaction wrote may still be to come. It passes over a
/// row that has a later version, and trusts the UPDATE to have queued one for that.
///
/// # Safety
/// `row` is a row on a page that is pinned.
unsafe fn is_of_this_transaction(row: pg_sys::HeapTuple) -> bool {
    // SAFETY: as the caller says. A frozen row's own number is of no transaction that runs.
    unsafe {
        let header = &*(*row).t_data;
        let frozen =
            u32::from(header.t_infomask) & pg_sys::HEAP_XMIN_FROZEN == pg_sys::HEAP_XMIN_FROZEN;
        !frozen && pg_sys::TransactionIdIsCurrentTransactionId(header.t_choice.t_heap.t_xmin)
    }
}
