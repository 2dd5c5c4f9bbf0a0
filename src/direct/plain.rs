//! Whether an UPDATE of some columns of a table is nothing but a new version of a row, and which
//! index tells the row. Read from what the backend knows of the table anyway: to ask the catalogue
//! would cost a new session more than it saves in a thousand rows.

use crate::catalog::{self, Column, ON_INSERT};
use pgrx::{PgRelation, pg_sys};
use std::ffi::{CStr, c_char, c_int};

/// A table on its own, of `owner`, who may read and write it. No trigger fires for the
/// given events, an UPDATE being one of `columns`, apart from the foreign keys', in none of which
/// they are, and `idle`, a function of ours. No column is computed, no uniqueness waits for the end
/// of the transaction.
pub fn is_plain(
    table: &PgRelation,
    owner: pg_sys::Oid,
    columns: &[i16],
    events: i16,
    idle: Option<&str>,
) -> bool {
    // SAFETY: an open relation points to its pg_class row and its description.
    let (on_its_own, computes) = unsafe {
        let relation = &*table.as_ptr();
        let class = &*relation.rd_rel;
        let on_its_own = class.relowner == owner
            && !class.relispartition
            && !class.relhassubclass
            && !class.relhasrules;
        (on_its_own, computes((*relation.rd_att).constr))
    };
    on_its_own
        && !computes
        && may(table, owner, pg_sys::ACL_SELECT)
        && may(table, owner, pg_sys::ACL_UPDATE)
        && may_use_schema(table, owner)
        && !fires(table, columns, events, idle)
        && !in_foreign_key(table, columns)
        && indexes(table).iter().all(|index| row(index).indimmediate)
}

/// # Safety
/// `constraints` are those of an open relation, or null.
unsafe fn computes(constraints: *const pg_sys::TupleConstr) -> bool {
    // SAFETY: as the caller says.
    let Some(constraints) = (unsafe { constraints.as_ref() }) else {
        return false;
    };
    #[cfg(feature = "pg18")]
    if constraints.has_generated_virtual {
        return true;
    }
    constraints.has_generated_stored
}

fn may(table: &PgRelation, role: pg_sys::Oid, right: u32) -> bool {
    // SAFETY: reads the system caches.
    let answer = unsafe { pg_sys::pg_class_aclcheck(table.oid(), role, right as pg_sys::AclMode) };
    answer == pg_sys::AclResult::ACLCHECK_OK
}

fn may_use_schema(table: &PgRelation, role: pg_sys::Oid) -> bool {
    let (schema, right) = (table.namespace_oid(), pg_sys::ACL_USAGE as pg_sys::AclMode);
    // SAFETY: reads the system caches.
    #[cfg(feature = "pg15")]
    let answer = unsafe { pg_sys::pg_namespace_aclcheck(schema, role, right) };
    // SAFETY: as above.
    #[cfg(not(feature = "pg15"))]
    let answer =
        unsafe { pg_sys::object_aclcheck(pg_sys::NamespaceRelationId, schema, role, right) };
    answer == pg_sys::AclResult::ACLCHECK_OK
}

fn fires(table: &PgRelation, columns: &[i16], events: i16, idle: Option<&str>) -> bool {
    // SAFETY: an open relation's triggers are an array, and so are the columns of each; there may be
    // none.
    let triggers = unsafe {
        match (*table.as_ptr()).trigdesc.as_ref() {
            Some(all) => std::slice::from_raw_parts(all.triggers, all.numtriggers as usize),
            None => &[],
        }
    };
    triggers.iter().any(|trigger| {
        let events = trigger.tgtype & events;
        let count = trigger.tgnattr as usize;
        let all_columns = count == 0 || events & ON_INSERT != 0;
        // SAFETY: as above.
        let concerned = all_columns
            || unsafe { std::slice::from_raw_parts(trigger.tgattr, count) }
                .iter()
                .any(|number| columns.contains(number));
        // The internal ones are those of foreign keys, and of constraints that wait.
        events != 0 && !trigger.tgisinternal && concerned && !is_ours(trigger.tgfoid, idle)
    })
}

fn is_ours(function: pg_sys::Oid, name: Option<&str>) -> bool {
    let Some(name) = name else { return false };
    // SAFETY: look-ups of an existing function; names are NUL-terminated, or null when it is gone.
    unsafe {
        let is = |found: *mut c_char, wanted: &str| {
            !found.is_null() && CStr::from_ptr(found).to_bytes() == wanted.as_bytes()
        };
        let schema = pg_sys::get_func_namespace(function);
        is(pg_sys::get_func_name(function), name)
            && is(pg_sys::get_namespace_name(schema), "community_core")
    }
}

/// Whether the table has a foreign key to another.
pub fn refers(table: &PgRelation) -> bool {
    // SAFETY: the list belongs to the open relation; null is the empty one.
    unsafe { !pg_sys::RelationGetFKeyList(table.as_ptr()).is_null() }
}

/// Whether a foreign key is over one of the columns, or could refer to one.
fn in_foreign_key(table: &PgRelation, columns: &[i16]) -> bool {
    // SAFETY: the keys and the lists belong to the open relation, or are copies.
    unsafe {
        let kind = pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_KEY;
        let keys = pg_sys::RelationGetIndexAttrBitmap(table.as_ptr(), kind);
        let referable = |number: &i16| {
            let place = c_int::from(*number) - pg_sys::FirstLowInvalidHeapAttributeNumber;
            pg_sys::bms_is_member(place, keys)
        };
        let list = pg_sys::RelationGetFKeyList(table.as_ptr());
        let count = list.as_ref().map_or(0, |list| list.length as usize);
        let refers = |number: &i16| {
            (0..count).any(|i| {
                let key = &*(*(*list).elements.add(i))
                    .ptr_value
                    .cast::<pg_sys::ForeignKeyCacheInfo>();
                key.conkey[..key.nkeys as usize].contains(number)
            })
        };
        columns
            .iter()
            .any(|number| referable(number) || refers(number))
    }
}

/// A unique btree on exactly these columns, in the order and the collation that `=` has for them.
pub fn unique_index(table: &PgRelation, key: &[&Column]) -> Option<PgRelation> {
    let fits = |index: &PgRelation| {
        let about = row(index);
        let width = about.indnkeyatts as usize;
        about.indisunique
            && about.indimmediate
            && about.indisvalid
            && about.indisready
            && !about.indcheckxmin
            && width == key.len()
            && is_whole_btree(index)
            && (0..width).all(|place| {
                let number = attribute_of(index, place);
                key.iter()
                    .any(|column| column.number == number && orders(index, place, column))
            })
    };
    let mut fitting: Vec<_> = indexes(table).into_iter().filter(fits).collect();
    fitting.sort_by_key(|index| !row(index).indisprimary);
    fitting.into_iter().next()
}

fn is_whole_btree(index: &PgRelation) -> bool {
    // SAFETY: an open index; what it computes and which rows it has are lists, null for none.
    unsafe {
        (*(*index.as_ptr()).rd_rel).relam == pg_sys::BTREE_AM_OID
            && pg_sys::RelationGetIndexExpressions(index.as_ptr()).is_null()
            && pg_sys::RelationGetIndexPredicate(index.as_ptr()).is_null()
    }
}

/// Whether the index has the column in its type's default order and its own collation.
fn orders(index: &PgRelation, place: usize, column: &Column) -> bool {
    // SAFETY: the arrays of an open index have an entry per column; the entry of a type lives as long
    // as the backend.
    unsafe {
        let index = &*index.as_ptr();
        let wanted = pg_sys::TYPECACHE_BTREE_OPFAMILY as c_int;
        let of = pg_sys::lookup_type_cache(pg_sys::getBaseType(column.type_oid), wanted);
        *index.rd_opfamily.add(place) == (*of).btree_opf
            && *index.rd_indcollation.add(place) == column.collation
    }
}

/// The number of the table's column that is at `place` in the index.
pub fn attribute_of(index: &PgRelation, place: usize) -> i16 {
    // SAFETY: an open index has as many numbers as it has columns.
    unsafe { *row(index).indkey.values.as_ptr().add(place) }
}

fn row(index: &PgRelation) -> &pg_sys::FormData_pg_index {
    // SAFETY: an open index points to its pg_index row.
    unsafe { &*(*index.as_ptr()).rd_index }
}

fn indexes(table: &PgRelation) -> Vec<PgRelation> {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: a list of the OIDs of a locked table's indexes, which stay as long as it is locked.
    unsafe {
        let list = pg_sys::RelationGetIndexList(table.as_ptr());
        let count = list.as_ref().map_or(0, |list| list.length as usize);
        (0..count)
            .map(|i| PgRelation::with_lock((*(*list).elements.add(i)).oid_value, lock))
            .collect()
    }
}

/// The conditions that every row of the table meets, as the backend has them.
pub fn checks(table: &PgRelation) -> Vec<*const c_char> {
    // SAFETY: an open relation's description has an array of them, or no constraints at all.
    unsafe {
        match (*(*table.as_ptr()).rd_att).constr.as_ref() {
            Some(all) => (0..all.num_check as usize)
                .map(|i| &*all.check.add(i))
                .filter(|_check| {
                    #[cfg(feature = "pg18")]
                    return _check.ccenforced;
                    #[cfg(not(feature = "pg18"))]
                    true
                })
                .map(|check| check.ccbin.cast_const())
                .collect(),
            None => Vec::new(),
        }
    }
}

/// The columns of these names.
pub fn columns(table: &PgRelation, names: &[&str]) -> Vec<Column> {
    let of = |name: &&str| catalog::column(table, name);
    names.iter().map(of).collect()
}
