//! What Postgres tells a backend of changes to the catalogue, told on to who keeps something made of it.
//! A backend is told before it gets a lock on what was changed: whoever holds a table's lock and was
//! told of nothing since has the present.

use pgrx::{pg_guard, pg_sys};
use std::cell::RefCell;

#[derive(Clone, Copy)]
pub enum Change {
    /// To a table: its columns, indexes, constraints, triggers, owner or rights.
    Table(pg_sys::Oid),
    /// To a schema's name, a type, a function or a role, or to any number of tables.
    Other,
}

pub trait Watcher {
    /// Called from within Postgres at any time.
    fn changed(&self, change: Change);
}

thread_local! {
    static WATCHERS: RefCell<Vec<&'static dyn Watcher>> = {
        listen();
        RefCell::default()
    };
}

/// From now on the watcher is told of every change.
pub fn tell(watcher: &'static dyn Watcher) {
    WATCHERS.with_borrow_mut(|watchers| watchers.push(watcher));
}

fn listen() {
    // SAFETY: registers callbacks that live as long as the library, which is never unloaded.
    unsafe {
        let nothing = pg_sys::Datum::from(0);
        pg_sys::CacheRegisterRelcacheCallback(Some(table_changed), nothing);
        for cache in [
            pg_sys::SysCacheIdentifier::NAMESPACEOID,
            pg_sys::SysCacheIdentifier::TYPEOID,
            pg_sys::SysCacheIdentifier::PROCOID,
            pg_sys::SysCacheIdentifier::AUTHOID,
            pg_sys::SysCacheIdentifier::AUTHMEMMEMROLE,
        ] {
            pg_sys::CacheRegisterSyscacheCallback(cache as i32, Some(other_changed), nothing);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn table_changed(_argument: pg_sys::Datum, table: pg_sys::Oid) {
    tell_all(if table == pg_sys::InvalidOid {
        Change::Other
    } else {
        Change::Table(table)
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn other_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    tell_all(Change::Other);
}

fn tell_all(change: Change) {
    WATCHERS.with(|watchers| {
        if let Ok(watchers) = watchers.try_borrow() {
            watchers.iter().for_each(|watcher| watcher.changed(change));
        }
    });
}
