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

mod plain;

use crate::catalog::Column;
use crate::counter::{Expression, image};
use crate::lock;
use crate::rows::{Replaced, index_row, replace_row};
use pgrx::{PgRelation, pg_sys};
use rustc_hash::FxBuildHasher;
use std::ffi::c_int;
use std::hash::BuildHasher;
use std::ptr;

pub struct Direct {
    table: pg_sys::Oid,
    index: pg_sys::Oid,
    /// One condition per column of the index, without its value, and the place of that value.
    conditions: Vec<(pg_sys::ScanKeyData, usize)>,
    /// The numbers of the columns that change.
    columns: Vec<c_int>,
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
        let (names, given): (Vec<_>, Vec<_>) = key.iter().copied().unzip();
        let key = plain::columns(table, &names);
        let index = plain::unique_index(table, &key.iter().collect::<Vec<_>>())?;
        let checks = plain::checks(table);
        Some(Direct {
            table: table.oid(),
            index: index.oid(),
            conditions: conditions(&index, &key, &given)?,
            columns: changed.into_iter().map(c_int::from).collect(),
            // SAFETY: conditions of this table, as its description has them.
            checks: unsafe { checks.into_iter().map(|check| Expression::stored(check)) }.collect(),
            images: given.into_iter().map(image::Column::of_type).collect(),
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
        // SAFETY: the locks are an UPDATE's, and stay until the transaction ends; what is opened here
        // is closed in the reverse order, or by Postgres after an ERROR. The index is one of the table
        // as long as `is_valid` says so.
        unsafe {
            let table = pg_sys::try_relation_open(self.table, lock);
            if table.is_null() {
                return false;
            }
            if !is_valid() {
                pg_sys::relation_close(table, keep);
                return false;
            }
            let index = pg_sys::index_open(self.index, lock);
            let mut met = self.meet(table, index, key, &mut new);
            if matches!(met, Met::Held) {
                lock::take(
                    lock::Of::Row(self.table, self.place_of(key)),
                    pg_sys::ExclusiveLock,
                );
                met = self.meet(table, index, key, &mut new);
            }
            pg_sys::index_close(index, keep);
            pg_sys::relation_close(table, keep);
            matches!(met, Met::Changed)
        }
    }

    /// Rows of the same number stand in the same line, which is no harm.
    fn place_of(&self, key: &[pg_sys::Datum]) -> u32 {
        let mut image = Vec::new();
        for (column, value) in self.images.iter().zip(key) {
            image::write(column, *value, &mut image);
        }
        FxBuildHasher.hash_one(image) as u32
    }

    /// # Safety
    /// The table is locked for writing, and `index` is the one that the conditions were made for.
    unsafe fn meet(
        &self,
        table: pg_sys::Relation,
        index: pg_sys::Relation,
        key: &[pg_sys::Datum],
        new: &mut impl FnMut(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> Met {
        // SAFETY: what is pushed and made here is popped and dropped in the reverse order, or by
        // Postgres after an ERROR.
        unsafe {
            pg_sys::CommandCounterIncrement();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let scan = self.scan(table, index, key);
            let slot = slot_of(table, &raw const pg_sys::TTSOpsBufferHeapTuple);
            let found =
                pg_sys::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            let met = if found {
                self.update(table, slot, new)
            } else {
                Met::Other
            };
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::index_endscan(scan);
            pg_sys::PopActiveSnapshot();
            if matches!(met, Met::Changed) {
                pg_sys::CommandCounterIncrement();
            }
            met
        }
    }

    /// # Safety
    /// `index` is the index that the conditions were made for, `key` as they expect it.
    unsafe fn scan(
        &self,
        table: pg_sys::Relation,
        index: pg_sys::Relation,
        key: &[pg_sys::Datum],
    ) -> pg_sys::IndexScanDesc {
        let mut conditions: Vec<_> = self
            .conditions
            .iter()
            .map(|(condition, place)| pg_sys::ScanKeyData {
                sk_argument: key[*place],
                ..*condition
            })
            .collect();
        let count = conditions.len() as c_int;
        // SAFETY: both relations are open; index_rescan copies the conditions.
        unsafe {
            let snapshot = pg_sys::GetActiveSnapshot();
            #[cfg(not(feature = "pg18"))]
            let scan = pg_sys::index_beginscan(table, index, snapshot, count, 0);
            #[cfg(feature = "pg18")]
            let scan = pg_sys::index_beginscan(table, index, snapshot, ptr::null_mut(), count, 0);
            pg_sys::index_rescan(scan, conditions.as_mut_ptr(), count, ptr::null_mut(), 0);
            scan
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
            let description = (*table).rd_att;
            let stored: Vec<_> = self
                .columns
                .iter()
                .map(|number| {
                    let mut is_null = false;
                    let value = pg_sys::heap_getattr(row, *number, description, &mut is_null);
                    (!is_null).then_some(value)
                })
                .collect();
            let Some(mut values) = new(&stored) else {
                return Met::Other;
            };
            let mut numbers = self.columns.clone();
            let mut nulls = vec![false; values.len()];
            let new = pg_sys::heap_modify_tuple_by_cols(
                row,
                description,
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

/// One condition per column of the index, and the place of its value in `key`: columns of the table,
/// which are compared with values of the types `given`. `None` where they do not compare.
fn conditions(
    index: &PgRelation,
    key: &[Column],
    given: &[pg_sys::Oid],
) -> Option<Vec<(pg_sys::ScanKeyData, usize)>> {
    let conditions = (0..key.len()).map(|place| {
        let number = plain::attribute_of(index, place);
        let which = key.iter().position(|column| column.number == number)?;
        condition(index, place, &key[which], given[which]).map(|condition| (condition, which))
    });
    conditions.collect()
}

/// `column = ` a value of type `given`, by the index's own operators; `None` where they have none.
fn condition(
    index: &PgRelation,
    place: usize,
    column: &Column,
    given: pg_sys::Oid,
) -> Option<pg_sys::ScanKeyData> {
    let mut condition = pg_sys::ScanKeyData::default();
    // SAFETY: the arrays of an open index have an entry per column; the others are look-ups in the
    // catalogue, InvalidOid where there is nothing. The function's own data are allocated where they
    // outlive the transaction.
    unsafe {
        let index = &*index.as_ptr();
        let (family, of) = (
            *index.rd_opfamily.add(place),
            *index.rd_opcintype.add(place),
        );
        let given = if given == column.type_oid {
            of
        } else {
            pg_sys::getBaseType(given)
        };
        let equal = pg_sys::BTEqualStrategyNumber as u16;
        let operator = pg_sys::get_opfamily_member(family, of, given, equal as i16);
        if operator == pg_sys::InvalidOid {
            return None;
        }
        let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        pg_sys::ScanKeyEntryInitialize(
            &mut condition,
            0,
            place as i16 + 1,
            equal,
            given,
            *index.rd_indcollation.add(place),
            pg_sys::get_opcode(operator),
            pg_sys::Datum::from(0),
        );
        pg_sys::MemoryContextSwitchTo(before);
    }
    Some(condition)
}

/// # Safety
/// `table` is open until the slot is dropped.
unsafe fn slot_of(
    table: pg_sys::Relation,
    kind: *const pg_sys::TupleTableSlotOps,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: as the caller says.
    unsafe { pg_sys::MakeSingleTupleTableSlot((*table).rd_att, kind) }
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
