//! A counter's names made into what a trigger runs with: column numbers, types, plans. Done once
//! per backend and trigger, and again when the catalogue says that something changed.

use super::spec::Spec;
use super::statement::Statements;
use crate::{catalog, error};
use pgrx::{PgRelation, pg_guard, pg_sys};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::rc::Rc;

pub struct KeyColumn {
    pub number: i16,
    pub type_oid: pg_sys::Oid,
    pub length: i16,
    pub by_value: bool,
    pub alignment: std::ffi::c_char,
}

pub struct Counter {
    pub owner: pg_sys::Oid,
    pub keys: Vec<KeyColumn>,
    pub statements: Statements,
    child: pg_sys::Oid,
    parent: pg_sys::Oid,
    valid: Cell<bool>,
}

type Registry = RefCell<FxHashMap<pg_sys::Oid, Rc<Counter>>>;

thread_local! {
    // Leaked, so that nothing is freed while the process exits and memory contexts are gone.
    static COUNTERS: &'static Registry = {
        watch_the_catalogue();
        Box::leak(Box::default())
    };
}

/// The counter that `trigger` on `child` keeps, by the trigger's arguments.
pub fn counter(trigger: &pg_sys::Trigger, child: &PgRelation) -> Rc<Counter> {
    let known = COUNTERS.with(|counters| {
        counters
            .borrow()
            .get(&trigger.tgoid)
            .filter(|counter| counter.valid.get())
            .cloned()
    });
    if let Some(counter) = known {
        return counter;
    }
    let counter = Rc::new(resolve(trigger, child));
    let old = COUNTERS.with(|counters| {
        let mut counters = counters.borrow_mut();
        let old: Vec<_> = counters
            .extract_if(|_, counter| !counter.valid.get())
            .collect();
        counters.insert(trigger.tgoid, Rc::clone(&counter));
        old
    });
    // Plans are freed here, when nothing borrows the registry: freeing calls Postgres.
    drop(old);
    counter
}

/// The trigger's arguments as text.
pub fn arguments(trigger: &pg_sys::Trigger) -> Vec<String> {
    (0..trigger.tgnargs as usize)
        .map(|i| {
            // SAFETY: tgargs holds tgnargs NUL-terminated strings.
            unsafe { CStr::from_ptr(*trigger.tgargs.add(i)) }
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

pub fn trigger_name(trigger: &pg_sys::Trigger) -> String {
    // SAFETY: tgname is a NUL-terminated string for as long as the trigger descriptor lives.
    unsafe { CStr::from_ptr(trigger.tgname) }
        .to_string_lossy()
        .into_owned()
}

/// The OID of `schema.table`, if there is one.
pub fn find_table(name: &(String, String)) -> Option<pg_sys::Oid> {
    let schema = CString::new(name.0.as_str()).ok()?;
    let table = CString::new(name.1.as_str()).ok()?;
    // SAFETY: both look up a NUL-terminated name in the system caches; InvalidOid when missing.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        pg_sys::get_relname_relid(table.as_ptr(), schema)
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}

/// What the trigger's arguments say, and the parent they name, with every name checked.
pub fn spec(trigger: &pg_sys::Trigger, child: &PgRelation) -> (Spec, PgRelation) {
    let name = trigger_name(trigger);
    let child_name = catalog::qualified_name(child);
    let spec = Spec::from_arguments(&arguments(trigger))
        .unwrap_or_else(|| error::raise(error::counter::bad_arguments(&name, &child_name)));
    let Some(parent) = find_table(&spec.parent) else {
        error::raise(error::counter::parent_missing(
            &name,
            &child_name,
            &spec.parent_name(),
        ))
    };
    let parent = catalog::open_table(parent, pg_sys::AccessShareLock as i32);
    for (table, columns) in [
        (child, &spec.child_key),
        (&parent, &spec.parent_key),
        (&parent, &vec![spec.counter.clone()]),
    ] {
        for column in columns {
            if !has_column(table, column) {
                let table = catalog::qualified_name(table);
                error::raise(error::counter::column_missing(&name, &table, column));
            }
        }
    }
    (spec, parent)
}

fn resolve(trigger: &pg_sys::Trigger, child: &PgRelation) -> Counter {
    let (spec, parent) = spec(trigger, child);
    let keys = spec
        .child_key
        .iter()
        .map(|column| {
            let column = catalog::column(child, column);
            // SAFETY: any type OID of an existing column is in the type cache.
            let entry = unsafe { &*pg_sys::lookup_type_cache(column.type_oid, 0) };
            KeyColumn {
                number: column.number,
                type_oid: column.type_oid,
                length: entry.typlen,
                by_value: entry.typbyval,
                alignment: entry.typalign,
            }
        })
        .collect();
    Counter {
        owner: catalog::owner(child),
        keys,
        statements: Statements::new(&spec, child, &parent),
        child: child.oid(),
        parent: parent.oid(),
        valid: Cell::new(true),
    }
}

fn has_column(table: &PgRelation, column: &str) -> bool {
    table
        .tuple_desc()
        .iter()
        .any(|a| !a.is_dropped() && a.name() == column)
}

fn watch_the_catalogue() {
    // SAFETY: registers callbacks that live as long as the library, which is never unloaded.
    unsafe {
        let nothing = pg_sys::Datum::from(0);
        pg_sys::CacheRegisterRelcacheCallback(Some(table_changed), nothing);
        for cache in [
            pg_sys::SysCacheIdentifier::NAMESPACEOID,
            pg_sys::SysCacheIdentifier::PROCOID,
            pg_sys::SysCacheIdentifier::TYPEOID,
        ] {
            pg_sys::CacheRegisterSyscacheCallback(cache as i32, Some(anything_changed), nothing);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn table_changed(_argument: pg_sys::Datum, table: pg_sys::Oid) {
    invalidate(|counter| {
        table == pg_sys::InvalidOid || counter.child == table || counter.parent == table
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn anything_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    invalidate(|_| true);
}

/// Called from within Postgres at any time; the registry is never borrowed across a call to
/// Postgres, so it can be read here.
fn invalidate(concerned: impl Fn(&Counter) -> bool) {
    COUNTERS.with(|counters| {
        if let Ok(counters) = counters.try_borrow() {
            counters
                .values()
                .filter(|c| concerned(c))
                .for_each(|c| c.valid.set(false));
        }
    });
}
