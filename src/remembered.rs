//! What a trigger works out from the catalogue: once per backend and trigger, and again when the
//! catalogue says that something it depends on changed.

use crate::changes::{self, Change, Watcher};
use pgrx::pg_sys;
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
        changes::tell(registry);
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

impl<T: Remembered> Watcher for Registry<T> {
    /// A registry is never borrowed for writing across a call to Postgres, so it can be read here.
    fn changed(&self, change: Change) {
        CHANGES.set(CHANGES.get().wrapping_add(1));
        let Ok(known) = self.0.try_borrow() else {
            return;
        };
        for known in known.values() {
            let concerned = match change {
                Change::Table(table) => known.depends_on(table),
                Change::Other => true,
            };
            if concerned {
                known.valid.set(false);
            }
        }
    }
}

thread_local! {
    /// Grows with every change that this backend was told of.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}
