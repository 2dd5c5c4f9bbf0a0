//! One row brought up to date where it lies: a unique index finds it, and it gets a new version.
//! That is what the executor does for `UPDATE … SET column = … WHERE key = …`, without its
//! preparations, which are the most of what a single row costs.
//!
//! It is done only where nothing else hangs on that UPDATE ([`PLAIN`]), and only as long as all is
//! plain: a row that another writer holds, a CHECK that does not hold, values that the caller does
//! not like are left, untouched, to a statement, which waits, tries again and raises.

use crate::catalog::{self, Column};
use crate::counter::Expression;
use pgrx::{PgRelation, pg_sys};
use std::ffi::c_int;
use std::ptr;

pub struct Direct {
    table: pg_sys::Oid,
    index: pg_sys::Oid,
    /// One condition per column of the index, without its value, and the place of that value.
    conditions: Vec<(pg_sys::ScanKeyData, usize)>,
    /// The numbers of the columns that change.
    columns: Vec<c_int>,
    checks: Vec<Expression>,
}

/// An ordinary table on its own, of the given owner, who may read and write it. No trigger fires for
/// the given events, an UPDATE being one of the given columns, apart from the foreign keys', in none
/// of which they are. No column is computed, no constraint waits for the end of
/// the transaction: a foreign key's waiting check passes over a row that has a later version, and
/// trusts the UPDATE to have queued its own.
const PLAIN: &str = "
SELECT c.relkind = 'r' AND c.relowner = $3 AND NOT c.relispartition AND NOT c.relhassubclass
    AND NOT c.relhasrules AND NOT c.relforcerowsecurity
    AND (SELECT m.amname FROM pg_catalog.pg_am AS m WHERE m.oid = c.relam) = 'heap'
    AND (c.relacl IS NULL OR 2 = (SELECT pg_catalog.count(DISTINCT r.privilege_type)
        FROM pg_catalog.aclexplode(c.relacl) AS r
        WHERE r.grantee = c.relowner AND r.privilege_type IN ('SELECT', 'UPDATE')))
    AND pg_catalog.has_schema_privilege(c.relowner, c.relnamespace, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attgenerated <> '')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND NOT i.indimmediate)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f'
        AND (f.conrelid = c.oid AND (f.conkey && $2 OR f.condeferrable)
             OR f.confrelid = c.oid AND f.confkey && $2))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = c.oid AND t.tgtype & $4 <> 0 AND NOT t.tgisinternal
          AND (t.tgtype & $4 & 4 <> 0 OR t.tgattr::pg_catalog.int2[] = '{}'
               OR t.tgattr::pg_catalog.int2[] && $2))
FROM pg_catalog.pg_class AS c WHERE c.oid = $1";

/// A unique btree on exactly these columns, in the order and the collation that `=` has for them.
const INDEX: &str = "
SELECT i.indexrelid FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
WHERE i.indrelid = $1 AND m.amname = 'btree' AND i.indisunique AND i.indimmediate AND i.indisvalid
  AND i.indisready AND NOT i.indcheckxmin AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indnkeyatts = pg_catalog.cardinality($2)
  AND (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1] @> $2
  AND NOT EXISTS (SELECT FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS place
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
      JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[place]
      WHERE NOT o.opcdefault OR i.indcollation[place] <> a.attcollation)
ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1";

const CHECKS: &str = "
SELECT pg_catalog.pg_get_expr(conbin, conrelid) FROM pg_catalog.pg_constraint
WHERE conrelid = $1 AND contype = 'c'";

impl Direct {
    /// `key` are the columns that tell the row, with the types of the values that will be given for
    /// them; `columns` those that change; `events` what the statement does whose place it takes.
    /// `None` where only the statement will do.
    pub fn of(
        table: &PgRelation,
        owner: pg_sys::Oid,
        key: &[(&str, pg_sys::Oid)],
        columns: &[&str],
        events: i16,
    ) -> Option<Direct> {
        let number = |name: &str| catalog::column(table, name).number;
        let changed: Vec<i16> = columns.iter().map(|name| number(name)).collect();
        let oid = table.oid();
        let plain = [
            oid.into(),
            changed.clone().into(),
            owner.into(),
            events.into(),
        ];
        if catalog::values::<bool>(PLAIN, &plain) != [true] {
            return None;
        }
        let key: Vec<_> = key
            .iter()
            .map(|(name, given)| (catalog::column(table, name), *given))
            .collect();
        let numbers: Vec<_> = key.iter().map(|(column, _)| column.number).collect();
        let index = catalog::values::<pg_sys::Oid>(INDEX, &[oid.into(), numbers.into()]).pop()?;
        Some(Direct {
            table: oid,
            index,
            conditions: conditions(index, &key)?,
            columns: changed.into_iter().map(c_int::from).collect(),
            checks: checks(table),
        })
    }

    /// Sets the columns of the row with this key to what `new` makes of them. False where a statement
    /// has to do it, as when `new` gives `None`; then nothing is changed. `is_valid` says, once the
    /// table is locked, whether it is as it was.
    pub fn change(
        &self,
        key: &[pg_sys::Datum],
        is_valid: impl FnOnce() -> bool,
        new: impl FnOnce(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> bool {
        let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
        let keep = pg_sys::NoLock as pg_sys::LOCKMODE;
        // SAFETY: the locks are an UPDATE's, and stay until the transaction ends; what is opened,
        // pushed and made here is closed in the reverse order, or by Postgres after an ERROR. The
        // index is one of the table as long as `is_valid` says so.
        unsafe {
            let table = pg_sys::try_relation_open(self.table, lock);
            if table.is_null() {
                return false;
            }
            if !is_valid() {
                pg_sys::relation_close(table, keep);
                return false;
            }
            pg_sys::CheckCmdReplicaIdentity(table, pg_sys::CmdType::CMD_UPDATE);
            let index = pg_sys::index_open(self.index, lock);
            pg_sys::CommandCounterIncrement();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let scan = self.scan(table, index, key);
            let slot = slot_of(table, &raw const pg_sys::TTSOpsBufferHeapTuple);
            let found =
                pg_sys::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot);
            let changed = found && self.update(table, slot, new);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::index_endscan(scan);
            pg_sys::PopActiveSnapshot();
            pg_sys::index_close(index, keep);
            pg_sys::relation_close(table, keep);
            if changed {
                pg_sys::CommandCounterIncrement();
            }
            changed
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
        new: impl FnOnce(&[Option<pg_sys::Datum>]) -> Option<Vec<pg_sys::Datum>>,
    ) -> bool {
        // SAFETY: the row stays pinned as long as the slot holds it, and its new version is a copy in
        // the trigger's own memory.
        unsafe {
            let row = pg_sys::ExecFetchSlotHeapTuple(slot, false, ptr::null_mut());
            if is_being_changed(row) {
                return false;
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
                return false;
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
            if !self.checks.is_empty() {
                let slot = slot_of(table, &raw const pg_sys::TTSOpsHeapTuple);
                pg_sys::ExecStoreHeapTuple(new, slot, false);
                let broken = self.checks.iter().any(|check| check.is_false(slot));
                pg_sys::ExecDropSingleTupleTableSlot(slot);
                if broken {
                    return false;
                }
            }
            match replace(table, &mut (*row).t_self, new) {
                Replaced::No => return false,
                Replaced::WithIndexes { summarizing } => write_indexes(table, new, summarizing),
                Replaced::Yes => {}
            }
            true
        }
    }
}

fn checks(table: &PgRelation) -> Vec<Expression> {
    // SAFETY: rd_rel of an open relation points to its pg_class row.
    if unsafe { (*(*table.as_ptr()).rd_rel).relchecks } == 0 {
        return Vec::new();
    }
    catalog::values::<String>(CHECKS, &[table.oid().into()])
        .iter()
        .map(|check| Expression::compile(check, table))
        .collect()
}

/// One condition per column of the index, and the place of its value in `key`: columns of the table,
/// with the types of the values that they are compared with. `None` where they do not compare.
fn conditions(
    index: pg_sys::Oid,
    key: &[(Column, pg_sys::Oid)],
) -> Option<Vec<(pg_sys::ScanKeyData, usize)>> {
    // SAFETY: an index of a table that is locked.
    let index =
        unsafe { PgRelation::with_lock(index, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
    let conditions = (0..key.len()).map(|place| {
        let number = attribute_of(&index, place);
        let which = key.iter().position(|(column, _)| column.number == number)?;
        let (column, given) = &key[which];
        condition(&index, place, column, *given).map(|condition| (condition, which))
    });
    conditions.collect()
}

/// The number of the table's column that is at `place` in the index.
fn attribute_of(index: &PgRelation, place: usize) -> i16 {
    // SAFETY: an open index has as many numbers as it has columns.
    unsafe {
        let columns = &(*(*index.as_ptr()).rd_index).indkey;
        *columns.values.as_ptr().add(place)
    }
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

enum Replaced {
    No,
    Yes,
    WithIndexes { summarizing: bool },
}

/// Puts `new` in the place of the row at `old`, unless another writer was there first.
///
/// # Safety
/// `table` is locked for writing, and `new` made from the row at `old`.
unsafe fn replace(
    table: pg_sys::Relation,
    old: *mut pg_sys::ItemPointerData,
    new: pg_sys::HeapTuple,
) -> Replaced {
    let mut failure = pg_sys::TM_FailureData::default();
    let mut lock = 0;
    // SAFETY: as the caller says; a heap takes its rows as tuples.
    unsafe {
        let command = pg_sys::GetCurrentCommandId(true);
        #[cfg(feature = "pg15")]
        let (result, indexes) = {
            let result = pg_sys::heap_update(
                table,
                old,
                new,
                command,
                ptr::null_mut(),
                true,
                &mut failure,
                &mut lock,
            );
            let in_place = u32::from((*(*new).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0;
            (result, (!in_place).then_some(false))
        };
        #[cfg(not(feature = "pg15"))]
        let (result, indexes) = {
            let mut indexes = pg_sys::TU_UpdateIndexes::TU_None;
            let result = pg_sys::heap_update(
                table,
                old,
                new,
                command,
                ptr::null_mut(),
                true,
                &mut failure,
                &mut lock,
                &mut indexes,
            );
            let summarizing = indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing;
            let any = indexes != pg_sys::TU_UpdateIndexes::TU_None;
            (result, any.then_some(summarizing))
        };
        match (result, indexes) {
            (pg_sys::TM_Result::TM_Ok, None) => Replaced::Yes,
            (pg_sys::TM_Result::TM_Ok, Some(summarizing)) => Replaced::WithIndexes { summarizing },
            _ => Replaced::No,
        }
    }
}

/// Writes what the indexes hold of a new version that is not on its old page, or changes a column
/// of theirs.
///
/// # Safety
/// `new` was just written to `table`.
unsafe fn write_indexes(table: pg_sys::Relation, new: pg_sys::HeapTuple, _summarizing: bool) {
    // SAFETY: a result relation without a range table, as COPY has it, with its indexes opened and
    // closed here.
    unsafe {
        let state = pg_sys::CreateExecutorState();
        let relation: *mut pg_sys::ResultRelInfo =
            pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast();
        (*relation).type_ = pg_sys::NodeTag::T_ResultRelInfo;
        pg_sys::InitResultRelInfo(relation, table, 0, ptr::null_mut(), 0);
        pg_sys::ExecOpenIndices(relation, false);
        let slot = slot_of(table, &raw const pg_sys::TTSOpsHeapTuple);
        pg_sys::ExecStoreHeapTuple(new, slot, false);
        pg_sys::ExecInsertIndexTuples(
            relation,
            slot,
            state,
            true,
            false,
            ptr::null_mut(),
            ptr::null_mut(),
            #[cfg(not(feature = "pg15"))]
            _summarizing,
        );
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::ExecCloseIndices(relation);
        pg_sys::FreeExecutorState(state);
    }
}
