//! The order of a column's type: that of its default btree operator class, in the column's collation.

use crate::catalog::{self, Column, quote_ident};
use crate::error;
use pgrx::{PgRelation, pg_sys};
use std::cmp::Ordering;
use std::ffi::CStr;
use std::ptr;

pub struct Order {
    compare: *mut pg_sys::FmgrInfo,
    collation: pg_sys::Oid,
    family: pg_sys::Oid,
    of: pg_sys::Oid,
}

impl Order {
    pub fn of(relation: &PgRelation, column: &Column) -> Order {
        let wanted = pg_sys::TYPECACHE_CMP_PROC_FINFO | pg_sys::TYPECACHE_BTREE_OPFAMILY;
        // SAFETY: the type of an existing column; the entry lives as long as the backend.
        let order = unsafe {
            let entry = pg_sys::lookup_type_cache(column.type_oid, wanted as i32);
            Order {
                compare: &raw mut (*entry).cmp_proc_finfo,
                collation: column.collation,
                family: (*entry).btree_opf,
                of: (*entry).btree_opintype,
            }
        };
        // SAFETY: points into the entry.
        if unsafe { (*order.compare).fn_oid } == pg_sys::InvalidOid {
            error::raise(error::pair::no_order(
                &catalog::qualified_name(relation),
                &column.name,
                &catalog::type_name(column.type_oid, column.type_mod),
            ));
        }
        order
    }

    /// Both must be values of the column's type, not NULL.
    pub fn compare(&self, a: pg_sys::Datum, b: pg_sys::Datum) -> Ordering {
        // SAFETY: a btree comparison takes two values of its type and gives an int4.
        let result = unsafe { pg_sys::FunctionCall2Coll(self.compare, self.collation, a, b) };
        (result.value() as i32).cmp(&0)
    }

    /// `a < b` in this order, as SQL that no search_path misreads.
    pub fn less(&self, a: &str, b: &str) -> String {
        format!("{a} {} {b}", self.operator(pg_sys::BTLessStrategyNumber))
    }

    pub fn equal(&self, a: &str, b: &str) -> String {
        format!("{a} {} {b}", self.operator(pg_sys::BTEqualStrategyNumber))
    }

    pub fn differ(&self, a: &str, b: &str) -> String {
        match self.operator(pg_sys::BTEqualStrategyNumber).as_str() {
            "=" => format!("{a} <> {b}"),
            equal => format!("NOT {a} {equal} {b}"),
        }
    }

    /// Bare where it is Postgres' own, which is how Postgres writes it back.
    fn operator(&self, strategy: u32) -> String {
        // SAFETY: catalogue look-ups; a default btree operator class has every strategy, and the
        // parts of an existing operator are two lists of NUL-terminated names.
        unsafe {
            let operator =
                pg_sys::get_opfamily_member(self.family, self.of, self.of, strategy as i16);
            let (mut names, mut types) = (ptr::null_mut::<pg_sys::List>(), ptr::null_mut());
            pg_sys::format_operator_parts(operator, &mut names, &mut types, false);
            let name = |i: usize| {
                CStr::from_ptr((*(*names).elements.add(i)).ptr_value.cast()).to_string_lossy()
            };
            match name(0).as_ref() {
                "pg_catalog" => name(1).into_owned(),
                schema => format!("OPERATOR({}.{})", quote_ident(schema), name(1)),
            }
        }
    }
}
