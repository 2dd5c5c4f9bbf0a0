//! What a trigger works out from the catalogue: once per backend and trigger, and again when the
//! catalogue says that something it depends on changed.

use pgrx::{pg_guard, pg_sys};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

/// What is worked out from tables, and from functions, roles and the names of schemas.
pub trait Remembered {
    /// Whether it is made from this table: its columns, indexes, constraints, triggers, owner, rights.
    fn depends_on(&self, table: pg_sys::Oid) -> bool;
}

pub struct Known<T> {
    what: T,
    valid: Cell<bool>,
}

impl<T> Known<T> {
    /// Whether nothing that it is made from changed. Asked again after a lock was taken, for a lock
    /// is when a backend learns of changes.
    pub fn is_valid(&self) -> bool {
        self.valid.get()
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

/// By trigger. Leaked by who makes one, so that nothing is freed while the process exits and memory
/// contexts are gone.
pub struct Registry<T>(RefCell<FxHashMap<pg_sys::Oid, Rc<Known<T>>>>);

impl<T: Remembered> Registry<T> {
    pub fn leak() -> &'static Registry<T> {
        let registry: &'static Registry<T> = Box::leak(Box::new(Registry(RefCell::default())));
        WATCHED.with_borrow_mut(|watched| watched.push(registry));
        registry
    }

    /// What is known of the trigger, or what `work_out` gives.
    pub fn get(&self, trigger: pg_sys::Oid, work_out: impl FnOnce() -> T) -> Rc<Known<T>> {
        let known = self.0.borrow().get(&trigger).cloned();
        if let Some(known) = known.filter(|known| known.is_valid()) {
            return known;
        }
        let before = CHANGES.get();
        let what = work_out();
        // What changed meanwhile may have been read before it did: that is used once and no more.
        let fresh = Rc::new(Known {
            what,
            valid: Cell::new(CHANGES.get() == before),
        });
        let old: Vec<_> = {
            let mut known = self.0.borrow_mut();
            let mut old: Vec<_> = known
                .extract_if(|_, known| !known.is_valid())
                .map(|(_, old)| old)
                .collect();
            old.extend(known.insert(trigger, Rc::clone(&fresh)));
            old
        };
        // Plans are freed here, when nothing borrows the registry: freeing calls Postgres.
        drop(old);
        fresh
    }
}

trait Watched {
    fn forget(&self, change: Change);
}

#[derive(Clone, Copy)]
enum Change {
    /// All tables when it is no table's OID.
    Table(pg_sys::Oid),
    Other,
}

impl<T: Remembered> Watched for Registry<T> {
    /// Called from within Postgres at any time; a registry is never borrowed for writing across a
    /// call to Postgres, so it can be read here.
    fn forget(&self, change: Change) {
        let Ok(known) = self.0.try_borrow() else {
            return;
        };
        for known in known.values() {
            let concerned = match change {
                Change::Table(table) => table == pg_sys::InvalidOid || known.depends_on(table),
                Change::Other => true,
            };
            if concerned {
                known.valid.set(false);
            }
        }
    }
}

thread_local! {
    /// How many changes this backend was told of.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    static WATCHED: RefCell<Vec<&'static dyn Watched>> = {
        watch_the_catalogue();
        RefCell::default()
    };
}

fn watch_the_catalogue() {
    // SAFETY: registers callbacks that live as long as the library, which is never unloaded.
    unsafe {
        let nothing = pg_sys::Datum::from(0);
        pg_sys::CacheRegisterRelcacheCallback(Some(table_changed), nothing);
        for cache in [
            pg_sys::SysCacheIdentifier::NAMESPACEOID,
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
    forget(Change::Table(table));
}

#[pg_guard]
unsafe extern "C-unwind" fn other_changed(_argument: pg_sys::Datum, _cache: i32, _hash: u32) {
    forget(Change::Other);
}

fn forget(change: Change) {
    CHANGES.set(CHANGES.get().wrapping_add(1));
    WATCHED.with(|watched| {
        if let Ok(watched) = watched.try_borrow() {
            watched.iter().for_each(|registry| registry.forget(change));
        }
    });
}
