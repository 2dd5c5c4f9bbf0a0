//! The entries that this transaction wrote and has not sealed yet. They are remembered with the
//! subtransaction that wrote them, so that a savepoint rolled back takes them along, and are
//! sealed by a callback right before the commit, after every deferred trigger has had its say.

use super::hash::Hash;
use super::key::Key;
use super::{log::Log, seal};
use crate::error;
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, pg_sys};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

/// Entries of one chain that one statement wrote, in the order in which it wrote them.
pub struct Batch {
    pub log: pg_sys::Oid,
    pub chain: String,
    pub columns: i16,
    pub keys: Vec<Key>,
    pub leaves: Vec<Hash>,
    /// Empty where the log has no erasable columns.
    pub salts: Vec<Vec<u8>>,
    pub subtransaction: pg_sys::SubTransactionId,
}

thread_local! {
    static BATCHES: RefCell<Vec<Batch>> = const { RefCell::new(Vec::new()) };
    /// Whether this transaction wrote to an audit log at all.
    static WROTE: Cell<bool> = const { Cell::new(false) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

pub fn add(batches: Vec<Batch>) {
    listen();
    WROTE.set(true);
    BATCHES.with_borrow_mut(|all| all.extend(batches));
}

/// Takes out what is pending for the log, or for all logs.
pub fn take(log: Option<pg_sys::Oid>) -> Vec<Batch> {
    BATCHES.with_borrow_mut(|all| {
        all.extract_if(.., |batch| log.is_none_or(|oid| batch.log == oid))
            .collect()
    })
}

/// The keys of the log's entries that will be sealed when this transaction commits.
pub fn keys(log: pg_sys::Oid) -> HashSet<Key> {
    BATCHES.with_borrow(|all| {
        all.iter()
            .filter(|b| b.log == log)
            .flat_map(|b| b.keys.iter().cloned())
            .collect()
    })
}

/// Called once in a backend; the callbacks do nothing in a transaction that wrote to no log.
fn listen() {
    if LISTENING.replace(true) {
        return;
    }
    // SAFETY: both functions live as long as the library, which is never unloaded.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_transaction), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(at_subtransaction), std::ptr::null_mut());
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction(
    event: pg_sys::XactEvent::Type,
    _argument: *mut std::ffi::c_void,
) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT => {
            let batches = take(None);
            if !batches.is_empty() {
                // A procedure that commits goes on in the memory that it had before, and would
                // keep what each sealing leaves there until it ends.
                PgMemoryContexts::TopTransactionContext.switch_to(|_| seal_all(batches));
            }
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE if WROTE.get() => {
            error::raise(error::audit::prepared_transaction());
        }
        pg_sys::XactEvent::XACT_EVENT_COMMIT | pg_sys::XactEvent::XACT_EVENT_ABORT => {
            BATCHES.with_borrow_mut(Vec::clear);
            WROTE.set(false);
        }
        _ => (),
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_subtransaction(
    event: pg_sys::SubXactEvent::Type,
    subtransaction: pg_sys::SubTransactionId,
    parent: pg_sys::SubTransactionId,
    _argument: *mut std::ffi::c_void,
) {
    BATCHES.with_borrow_mut(|all| match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => {
            all.retain(|batch| batch.subtransaction != subtransaction);
        }
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => {
            for batch in all
                .iter_mut()
                .filter(|b| b.subtransaction == subtransaction)
            {
                batch.subtransaction = parent;
            }
        }
        _ => (),
    });
}

/// Logs in the order of their OIDs, and in each its chains in order: whoever seals more than one
/// takes the heads in the same order as everybody else.
fn seal_all(mut batches: Vec<Batch>) {
    batches.sort_by_key(|batch| batch.log.to_u32());
    // SAFETY: the commit has not begun yet, so a snapshot can be taken and is popped again; an
    // ERROR pops it with the transaction.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    while let Some(oid) = batches.first().map(|batch| batch.log) {
        let rest = batches.split_off(batches.partition_point(|batch| batch.log == oid));
        // SAFETY: the transaction holds a lock on every table it wrote to; NULL means that it
        // dropped the table afterwards, and the entries with it.
        let still_there = unsafe {
            let relation = pg_sys::try_relation_open(oid, pg_sys::NoLock as pg_sys::LOCKMODE);
            let found = !relation.is_null();
            if found {
                pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
            }
            found
        };
        if still_there {
            seal::seal(&Log::open(oid), batches);
        }
        batches = rest;
    }
    // SAFETY: pops what was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
}
