//! Children without a parent. Where no foreign key forbids them, a statement can add some from within
//! (a function that it calls, a trigger) and their parent after them. The parent is then counted for
//! as of the statement's start, when they were not there, and they were counted for when the parent
//! was not: so what they came to is remembered until then.

use super::delta::Key;
use super::resolve::Counter;
use pgrx::{AnyNumeric, pg_sys};
use std::cell::RefCell;

/// What one statement changed of parents that were not there.
#[derive(Default)]
pub struct Orphans {
    pub keys: Vec<Key>,
    pub rows: Vec<i64>,
    /// None for a count.
    pub totals: Vec<AnyNumeric>,
}

struct Batch {
    parent: pg_sys::Oid,
    column: String,
    transaction: pg_sys::TransactionId,
    command: pg_sys::CommandId,
    /// None for a TRUNCATE: what came before is gone.
    orphans: Option<Orphans>,
}

struct Memory {
    /// Of the client's message; a statement of an earlier one is over.
    message: pg_sys::TimestampTz,
    batches: Vec<Batch>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory { message: 0, batches: Vec::new() }) };
}

/// `command` is that of the statement that changed the children; `None` says that all children are gone.
pub fn remember(counter: &Counter, command: pg_sys::CommandId, orphans: Option<Orphans>) {
    // SAFETY: both read this backend's state; children were written, so there is a transaction id.
    let (message, transaction) = unsafe {
        (
            pg_sys::GetCurrentStatementStartTimestamp(),
            pg_sys::GetCurrentTransactionId(),
        )
    };
    MEMORY.with_borrow_mut(|memory| {
        if memory.message != message {
            memory.batches.clear();
            memory.message = message;
        }
        memory.batches.push(Batch {
            parent: counter.parent,
            column: counter.spec.measure.column().to_owned(),
            transaction,
            command,
            orphans,
        });
    });
}

/// Everything remembered since the statement of `command` began, without what was rolled back.
pub fn since(counter: &Counter, command: pg_sys::CommandId) -> Orphans {
    let mut found = Orphans::default();
    MEMORY.with_borrow(|memory| {
        for batch in &memory.batches {
            let is_of_counter =
                batch.parent == counter.parent && batch.column == counter.spec.measure.column();
            // SAFETY: reads this transaction's state; false for what was rolled back or is over.
            let stands =
                || unsafe { pg_sys::TransactionIdIsCurrentTransactionId(batch.transaction) };
            if !is_of_counter || batch.command < command || !stands() {
                continue;
            }
            match &batch.orphans {
                Some(orphans) => {
                    found.keys.extend_from_slice(&orphans.keys);
                    found.rows.extend_from_slice(&orphans.rows);
                    found.totals.extend_from_slice(&orphans.totals);
                }
                None => found = Orphans::default(),
            }
        }
    });
    found
}
