//! The order of a column's type: that of its default btree operator class, in the column's collation.

use crate::catalog::{self, Column};
use crate::error;
use pgrx::{PgRelation, pg_sys};
use std::cmp::Ordering;

pub struct Order {
    compare: *mut pg_sys::FmgrInfo,
    collation: pg_sys::Oid,
}

impl Order {
    pub fn of(relation: &PgRelation, column: &Column) -> Order {
        // SAFETY: the type of an existing column; the entry lives as long as the backend.
        let compare = unsafe {
            let entry =
                pg_sys::lookup_type_cache(column.type_oid, pg_sys::TYPECACHE_CMP_PROC_FINFO as i32);
            &raw mut (*entry).cmp_proc_finfo
        };
        // SAFETY: points into the entry.
        if unsafe { (*compare).fn_oid } == pg_sys::InvalidOid {
            error::raise(error::pair::no_order(
                &catalog::qualified_name(relation),
                &column.name,
                &catalog::type_name(column.type_oid, column.type_mod),
            ));
        }
        Order {
            compare,
            collation: column.collation,
        }
    }

    /// Both must be values of the column's type, not NULL.
    pub fn compare(&self, a: pg_sys::Datum, b: pg_sys::Datum) -> Ordering {
        // SAFETY: a btree comparison takes two values of its type and gives an int4.
        let result = unsafe { pg_sys::FunctionCall2Coll(self.compare, self.collation, a, b) };
        (result.value() as i32).cmp(&0)
    }
}
