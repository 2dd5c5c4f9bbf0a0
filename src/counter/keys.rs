//! A parent's key and the child's columns that refer to it: how they compare, as SQL that no
//! search_path misreads.

use super::spec::Spec;
use crate::catalog::{self, quote_ident};
use crate::error;
use pgrx::{PgRelation, pg_sys};
use std::ffi::CStr;
use std::ptr;

/// The number of a btree operator class's "equalimage" support function.
const BTREE_EQUAL_IMAGE: i16 = 4;

pub struct KeyPair {
    pub parent: String,
    pub child: String,
    pub child_type: pg_sys::Oid,
    /// `=` between the parent's column and the child's, and between two of the parent's.
    pub equals: String,
    pub same: String,
    /// Whether equal values always have the same image. If not (1.0 and 1.00), two keys of the
    /// hash map may name one parent.
    pub image_is_identity: bool,
}

pub fn pairs(spec: &Spec, child: &PgRelation, parent: &PgRelation) -> Vec<KeyPair> {
    let names = spec.parent_key.iter().zip(&spec.child_key);
    names
        .map(|(key, reference)| pair(parent, key, child, reference))
        .collect()
}

fn pair(parent: &PgRelation, key: &str, child: &PgRelation, reference: &str) -> KeyPair {
    let key = catalog::column(parent, key);
    let reference = catalog::column(child, reference);
    let (family, left) = btree(key.type_oid);
    let (child_family, right) = btree(reference.type_oid);
    let (Some(equals), Some(same)) = (equality(family, left, right), equality(family, left, left))
    else {
        error::raise(error::counter::keys_do_not_compare(
            &catalog::qualified_name(child),
            &reference.name,
            &catalog::type_name(reference.type_oid, -1),
            &catalog::qualified_name(parent),
            &catalog::type_name(key.type_oid, -1),
        ))
    };
    KeyPair {
        image_is_identity: image_is_identity(family, left, key.collation)
            && image_is_identity(child_family, right, reference.collation),
        parent: quote_ident(&key.name),
        child: quote_ident(&reference.name),
        child_type: reference.type_oid,
        equals,
        same,
    }
}

/// The default btree operator family of a type, and the type it is declared for.
fn btree(type_oid: pg_sys::Oid) -> (pg_sys::Oid, pg_sys::Oid) {
    // SAFETY: the type of an existing column; the entry lives as long as the backend.
    let entry = unsafe {
        &*pg_sys::lookup_type_cache(
            pg_sys::getBaseType(type_oid),
            pg_sys::TYPECACHE_BTREE_OPFAMILY as i32,
        )
    };
    (entry.btree_opf, entry.btree_opintype)
}

fn equality(family: pg_sys::Oid, left: pg_sys::Oid, right: pg_sys::Oid) -> Option<String> {
    // SAFETY: catalogue look-ups; InvalidOid for what is not there. format_operator_parts gives a
    // list of two names, schema and operator.
    unsafe {
        let equal = pg_sys::BTEqualStrategyNumber as i16;
        let operator = pg_sys::get_opfamily_member(family, left, right, equal);
        if operator == pg_sys::InvalidOid {
            return None;
        }
        let (mut names, mut types) = (ptr::null_mut::<pg_sys::List>(), ptr::null_mut());
        pg_sys::format_operator_parts(operator, &mut names, &mut types, false);
        let name = |i: usize| {
            CStr::from_ptr((*(*names).elements.add(i)).ptr_value.cast()).to_string_lossy()
        };
        Some(format!("OPERATOR({}.{})", quote_ident(&name(0)), name(1)))
    }
}

/// As btree deduplication asks it.
fn image_is_identity(family: pg_sys::Oid, of: pg_sys::Oid, collation: pg_sys::Oid) -> bool {
    // SAFETY: the support function is a btree's equalimage, which takes the OID of a type.
    unsafe {
        let function = pg_sys::get_opfamily_proc(family, of, of, BTREE_EQUAL_IMAGE);
        function != pg_sys::InvalidOid
            && pg_sys::OidFunctionCall1Coll(function, collation, pg_sys::Datum::from(of)).value()
                != 0
    }
}
