//! What the engine reads from the catalogue for every statement, kept in the backend until the
//! catalogue changes. Postgres tells a backend of a change before it gives it a lock on what was
//! changed: whoever holds the lock of a table and then finds nothing changed has the present.

use crate::changes::{self, Change, Watcher};
use pgrx::pg_sys;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};
use std::hash::Hash;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::thread::LocalKey;

thread_local! {
    /// The tables of which something is kept.
    static WATCHED: RefCell<FxHashSet<pg_sys::Oid>> = RefCell::default();
    /// Counts the changes after which what is kept may be wrong.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// Things of one sort, by what they are about. They may keep memory of Postgres', which is not to be
/// touched when the backend ends: so they go when the catalogue changes, and not with the thread.
pub type Cache<K, T> = ManuallyDrop<RefCell<Kept<K, T>>>;

pub struct Kept<K, T> {
    /// How many changes had been told of when they were read.
    at: u64,
    things: FxHashMap<K, Rc<T>>,
}

impl<K, T> Default for Kept<K, T> {
    fn default() -> Kept<K, T> {
        Kept {
            at: 0,
            things: FxHashMap::default(),
        }
    }
}

/// Grows with every change of a table that is watched, of a schema, a type or a function.
pub fn changes() -> u64 {
    CHANGES.get()
}

/// What is kept under the key, read now if it is not; `read` watches the tables that it looks at.
pub fn kept<K: Copy + Eq + Hash, T>(
    cache: &'static LocalKey<Cache<K, T>>,
    key: K,
    read: impl FnOnce() -> T,
) -> Rc<T> {
    listen();
    let at = changes();
    let found = cache.with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.at != at {
            cache.at = at;
            cache.things.clear();
        }
        cache.things.get(&key).cloned()
    });
    if let Some(found) = found {
        return found;
    }
    let thing = Rc::new(read());
    // A change that came while it was read may not be in it.
    if at == changes() {
        cache.with(|cache| cache.borrow_mut().things.insert(key, Rc::clone(&thing)));
    }
    thing
}

/// From now on a change of this table counts.
pub fn watch(relation: pg_sys::Oid) {
    WATCHED.with_borrow_mut(|watched| watched.insert(relation));
}

fn listen() {
    if LISTENING.replace(true) {
        return;
    }
    changes::tell(&Listener);
}

struct Listener;

impl Watcher for Listener {
    fn changed(&self, change: Change) {
        let matters = match change {
            Change::Table(table) => WATCHED.with_borrow(|watched| watched.contains(&table)),
            Change::Other => true,
        };
        if matters {
            forget();
        }
    }
}

/// What is kept goes when it is asked for next: somebody may be using it now.
pub fn forget() {
    CHANGES.set(changes() + 1);
    WATCHED.with_borrow_mut(FxHashSet::clear);
}
