//! The SQL that brings a parent up to date, and its plans, prepared when first needed and kept.
//!
//! Parents are locked in the order of their keys, and only `FOR NO KEY UPDATE`: the foreign key of
//! a child being inserted holds its parent `FOR KEY SHARE`, and two children of one parent would
//! each wait for the other's if the lock were stronger.

use super::delta::Key;
use super::resolve::KeyColumn;
use super::spec::Spec;
use crate::catalog::{self, quote_ident};
use crate::error;
use pgrx::{PgRelation, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::ptr;

/// Above this many parents the planner is asked anew: whether to join by index or by hash depends
/// on how many there are.
const FEW: usize = 100;

/// The number of a btree operator class's "equalimage" support function.
const BTREE_EQUAL_IMAGE: i16 = 4;

pub struct Statements {
    one: Statement,
    lock: Statement,
    lock_many: Statement,
    update: Statement,
    update_many: Statement,
}

impl Statements {
    pub fn new(spec: &Spec, child: &PgRelation, parent: &PgRelation) -> Statements {
        let parent_name = catalog::qualified_name(parent);
        let counter = quote_ident(&spec.counter);
        let keys = KeyPair::all(spec, child, parent);
        let width = keys.len();
        let amount = format!("${}", width + 1);
        let types: Vec<_> = keys.iter().map(|key| key.child_type).collect();
        let lists: Vec<_> = types.iter().map(|oid| array_of(*oid)).collect();
        let with = |types: &[pg_sys::Oid], last| [types, &[last]].concat();

        let matches = |right: &dyn Fn(usize) -> String| {
            keys.iter()
                .enumerate()
                .map(|(i, key)| format!("p.{} {} {}", key.parent, key.equals, right(i)))
                .collect::<Vec<_>>()
                .join(" AND ")
        };
        let by_parameter = matches(&|i| format!("${}", i + 1));
        let by_list = matches(&|i| format!("d.k{i}"));
        let order = keys
            .iter()
            .map(|key| format!("p.{}", key.parent))
            .collect::<Vec<_>>()
            .join(", ");
        let columns = (0..width)
            .map(|i| format!("k{i}"))
            .collect::<Vec<_>>()
            .join(", ");
        let lists_of = |count: usize| {
            (1..=count)
                .map(|i| format!("pg_catalog.unnest(${i})"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let plus = |amount: &str| {
            format!("{counter} = COALESCE(p.{counter}, 0) OPERATOR(pg_catalog.+) {amount}")
        };

        let one = format!(
            "UPDATE {parent_name} AS p SET {} WHERE {by_parameter}",
            plus(&amount)
        );
        let lock = format!(
            "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {parent_name} AS p, \
             ROWS FROM ({}) AS d({columns}) WHERE {by_list} \
             ORDER BY {order} FOR NO KEY UPDATE OF p) AS locked",
            lists_of(width)
        );
        let changes = format!(
            "ROWS FROM ({}) AS d({columns}, amount)",
            lists_of(width + 1)
        );
        let update = if keys.iter().all(|key| key.image_is_identity) {
            format!(
                "UPDATE {parent_name} AS p SET {} FROM {changes} WHERE {by_list}",
                plus("d.amount")
            )
        } else {
            // Values that are equal but differ in their image (1.0 and 1.00) name one parent.
            let chosen = keys
                .iter()
                .enumerate()
                .map(|(i, key)| format!("p.{} AS k{i}", key.parent))
                .collect::<Vec<_>>()
                .join(", ");
            let same = keys
                .iter()
                .enumerate()
                .map(|(i, key)| format!("p.{} {} d.k{i}", key.parent, key.same))
                .collect::<Vec<_>>()
                .join(" AND ");
            format!(
                "UPDATE {parent_name} AS p SET {} FROM (SELECT {chosen}, \
                 pg_catalog.sum(d.amount) AS amount FROM {parent_name} AS p, {changes} \
                 WHERE {by_list} GROUP BY {order}) AS d WHERE {same}",
                plus("d.amount")
            )
        };
        let int8 = pg_sys::INT8OID;
        let (generic, custom) = (
            pg_sys::CURSOR_OPT_GENERIC_PLAN,
            pg_sys::CURSOR_OPT_CUSTOM_PLAN,
        );
        Statements {
            one: Statement::new(one, with(&types, int8), generic),
            lock: Statement::new(lock.clone(), lists.clone(), generic),
            lock_many: Statement::new(lock, lists.clone(), custom),
            update: Statement::new(update.clone(), with(&lists, array_of(int8)), generic),
            update_many: Statement::new(update, with(&lists, array_of(int8)), custom),
        }
    }

    /// Adds each amount to its parent; parents that are gone are passed over. Needs SPI.
    pub fn apply(&self, keys: &[KeyColumn], changes: &[(Key, i64)]) {
        if let [(key, amount)] = changes {
            let mut values = key_datums(keys, key);
            values.push(pg_sys::Datum::from(*amount));
            self.one.execute(&mut values);
            return;
        }
        let (lock, update) = if changes.len() <= FEW {
            (&self.lock, &self.update)
        } else {
            (&self.lock_many, &self.update_many)
        };
        let mut columns = vec![Vec::with_capacity(changes.len()); keys.len()];
        for (key, _) in changes {
            for (column, value) in columns.iter_mut().zip(key_datums(keys, key)) {
                column.push(value);
            }
        }
        let mut values: Vec<_> = keys
            .iter()
            .zip(&mut columns)
            .map(|(key, values)| {
                array(
                    values,
                    key.type_oid,
                    key.length,
                    key.by_value,
                    key.alignment,
                )
            })
            .collect();
        lock.execute(&mut values);
        let mut amounts: Vec<_> = changes
            .iter()
            .map(|(_, amount)| pg_sys::Datum::from(*amount))
            .collect();
        values.push(array(
            &mut amounts,
            pg_sys::INT8OID,
            8,
            true,
            b'd' as std::ffi::c_char,
        ));
        update.execute(&mut values);
    }
}

struct Statement {
    sql: String,
    types: Vec<pg_sys::Oid>,
    options: u32,
    plan: Cell<pg_sys::SPIPlanPtr>,
}

impl Statement {
    fn new(sql: String, types: Vec<pg_sys::Oid>, options: u32) -> Statement {
        Statement {
            sql,
            types,
            options,
            plan: Cell::new(ptr::null_mut()),
        }
    }

    fn execute(&self, values: &mut [pg_sys::Datum]) {
        if self.plan.get().is_null() {
            let sql = CString::new(self.sql.as_str()).unwrap_or_default();
            let mut types = self.types.clone();
            // SAFETY: SPI is connected; the text and the types are copied into the plan, and a
            // kept plan lives until SPI_freeplan.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(
                    sql.as_ptr(),
                    types.len() as i32,
                    types.as_mut_ptr(),
                    self.options as i32,
                );
                pg_sys::SPI_keepplan(plan);
                self.plan.set(plan);
            }
        }
        // SAFETY: as many values as the plan has parameters, of their types, none NULL.
        unsafe {
            pg_sys::SPI_execute_plan(self.plan.get(), values.as_mut_ptr(), ptr::null(), false, 0);
            pg_sys::SPI_freetuptable(pg_sys::SPI_tuptable);
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if !self.plan.get().is_null() {
            // SAFETY: the plan was kept by SPI_keepplan and is freed once.
            unsafe { pg_sys::SPI_freeplan(self.plan.get()) };
        }
    }
}

/// A column of the parent's key and the child's column that refers to it.
pub struct KeyPair {
    pub parent: String,
    pub child: String,
    pub child_type: pg_sys::Oid,
    /// `=` between the two, and between two of the parent's, as SQL that no search_path misreads.
    pub equals: String,
    pub same: String,
    pub image_is_identity: bool,
}

impl KeyPair {
    pub fn all(spec: &Spec, child: &PgRelation, parent: &PgRelation) -> Vec<KeyPair> {
        let pairs = spec.parent_key.iter().zip(&spec.child_key);
        pairs
            .map(|(p, c)| KeyPair::new(parent, p, child, c))
            .collect()
    }

    fn new(parent: &PgRelation, key: &str, child: &PgRelation, reference: &str) -> KeyPair {
        let key = catalog::column(parent, key);
        let reference = catalog::column(child, reference);
        let (family, left) = btree(key.type_oid);
        let (child_family, right) = btree(reference.type_oid);
        let equals = operator(family, left, right);
        let same = operator(family, left, left);
        let (Some(equals), Some(same)) = (equals, same) else {
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
}

/// The default btree operator family of a type, and the type it is declared for.
pub fn btree(type_oid: pg_sys::Oid) -> (pg_sys::Oid, pg_sys::Oid) {
    // SAFETY: the type of an existing column; the entry lives as long as the backend.
    let entry = unsafe {
        &*pg_sys::lookup_type_cache(
            pg_sys::getBaseType(type_oid),
            pg_sys::TYPECACHE_BTREE_OPFAMILY as i32,
        )
    };
    (entry.btree_opf, entry.btree_opintype)
}

fn operator(family: pg_sys::Oid, left: pg_sys::Oid, right: pg_sys::Oid) -> Option<String> {
    // SAFETY: catalogue look-ups that give InvalidOid, or NULL, for what is not there.
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

/// Whether equal values of the type always have the same image, as btree deduplication asks.
fn image_is_identity(family: pg_sys::Oid, of: pg_sys::Oid, collation: pg_sys::Oid) -> bool {
    // SAFETY: the support function is a btree's equalimage, which takes the OID of a type.
    unsafe {
        let function = pg_sys::get_opfamily_proc(family, of, of, BTREE_EQUAL_IMAGE);
        function != pg_sys::InvalidOid
            && pg_sys::OidFunctionCall1Coll(function, collation, pg_sys::Datum::from(of)).value()
                != 0
    }
}

fn array_of(type_oid: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_array_type(type_oid) }
}

fn array(
    values: &mut [pg_sys::Datum],
    type_oid: pg_sys::Oid,
    length: i16,
    by_value: bool,
    alignment: std::ffi::c_char,
) -> pg_sys::Datum {
    // SAFETY: the values are of the type described, none is NULL.
    unsafe {
        pg_sys::Datum::from(pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            type_oid,
            length.into(),
            by_value,
            alignment,
        ))
    }
}

/// The values that [`super::image`] put into a key.
fn key_datums(keys: &[KeyColumn], key: &Key) -> Vec<pg_sys::Datum> {
    match key {
        Key::Word(word) => vec![pg_sys::Datum::from(*word as usize)],
        Key::Image(image) => super::image::read(keys, image),
    }
}
