//! The one row of a table that has a key, by a unique index and without a statement.

use super::plain;
use crate::catalog::Column;
use pgrx::{PgRelation, pg_sys};
use std::ffi::{c_char, c_int};
use std::ptr;

pub struct Finder {
    pub table: pg_sys::Oid,
    index: pg_sys::Oid,
    /// One condition per column of the index, without its value, and the place of that value.
    conditions: Vec<(pg_sys::ScanKeyData, usize)>,
}

impl Finder {
    /// `key` are the columns that tell the row, with the types of the values that will be given for
    /// them. `None` where no index tells rows by them.
    pub fn of(table: &PgRelation, key: &[(&str, pg_sys::Oid)]) -> Option<Finder> {
        // SAFETY: an open relation points to its pg_class row and its access method.
        let ordinary = unsafe {
            let relation = &*table.as_ptr();
            (*relation.rd_rel).relkind == pg_sys::RELKIND_RELATION as c_char
                && ptr::eq(relation.rd_tableam, pg_sys::GetHeapamTableAmRoutine())
        };
        if !ordinary {
            return None;
        }
        let (names, given): (Vec<_>, Vec<_>) = key.iter().copied().unzip();
        let key = plain::columns(table, &names);
        let index = plain::unique_index(table, &key.iter().collect::<Vec<_>>())?;
        Some(Finder {
            table: table.oid(),
            index: index.oid(),
            conditions: conditions(&index, &key, &given)?,
        })
    }

    /// What `read` makes of the row that the active snapshot sees.
    ///
    /// # Safety
    /// `table` is the one that this was made for, with the columns and indexes that it had, and locked
    /// at least as `lock` says; the values of `key` are of the types that were said.
    pub unsafe fn find<T>(
        &self,
        table: pg_sys::Relation,
        lock: u32,
        key: &[pg_sys::Datum],
        read: impl FnOnce(*mut pg_sys::TupleTableSlot) -> T,
    ) -> Option<T> {
        // SAFETY: the caller vouches for table and key; what is opened and made here is closed and
        // dropped in the reverse order, or by Postgres after an ERROR.
        unsafe {
            let index = pg_sys::index_open(self.index, lock as pg_sys::LOCKMODE);
            let scan = self.scan(table, index, key);
            let slot = slot_of(table, &raw const pg_sys::TTSOpsBufferHeapTuple);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            let row = pg_sys::index_getnext_slot(scan, forward, slot).then(|| read(slot));
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::index_endscan(scan);
            pg_sys::index_close(index, pg_sys::NoLock as pg_sys::LOCKMODE);
            row
        }
    }

    /// # Safety
    /// `index` is the one that the conditions were made for, `key` as they expect it.
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
}

/// # Safety
/// `table` is open until the slot is dropped.
pub unsafe fn slot_of(
    table: pg_sys::Relation,
    kind: *const pg_sys::TupleTableSlotOps,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: as the caller says.
    unsafe { pg_sys::MakeSingleTupleTableSlot((*table).rd_att, kind) }
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
