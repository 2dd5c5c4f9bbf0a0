//! Who is a member of what: the question that every row of a feed is put to.

use crate::argument::Reference;
use crate::catalog;
use crate::direct::Finder;
use crate::identity::request_user;
use crate::remembered::{Registry, Remembered};
use pgrx::{IntoDatum, PgRelation, Uuid, pg_sys};
use rustc_hash::FxHashMap;
use std::ffi::c_int;
use std::ptr;

/// What is known of a table of members.
struct Members {
    table: pg_sys::Oid,
    /// `None` where no index tells a person's row in a space.
    person: Option<Finder>,
    status: c_int,
}

impl Remembered for Members {
    fn depends_on(&self, table: pg_sys::Oid) -> bool {
        table == self.table
    }
}

thread_local! {
    static KNOWN: &'static Registry<Members> = Registry::leak();
}

impl Members {
    fn of(table: &PgRelation) -> Members {
        let [space, person, status] =
            ["space_id", "profile_id", "status"].map(|name| catalog::column(table, name));
        let types = [space.type_oid, person.type_oid, status.type_oid];
        let fit = types == [pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID];
        let key = [
            ("space_id", pg_sys::UUIDOID),
            ("profile_id", pg_sys::UUIDOID),
        ];
        Members {
            table: table.oid(),
            person: fit.then(|| Finder::of(table, &key)).flatten(),
            status: c_int::from(status.number),
        }
    }
}

/// What one query has asked already.
#[derive(Default)]
pub struct Answers {
    as_of: Option<Moment>,
    known: FxHashMap<(Reference, [u8; 16]), bool>,
}

/// Tells snapshots apart: nothing can become visible to a backend without a change in one of these.
#[derive(PartialEq, Clone, Copy)]
struct Moment {
    oldest: pg_sys::TransactionId,
    next: pg_sys::TransactionId,
    running: u32,
    command: pg_sys::CommandId,
}

impl Moment {
    fn now() -> Option<Moment> {
        // SAFETY: an active snapshot stays where it is while the function that asks runs.
        unsafe {
            pg_sys::ActiveSnapshotSet().then(|| {
                let snapshot = &*pg_sys::GetActiveSnapshot();
                Moment {
                    oldest: snapshot.xmin,
                    next: snapshot.xmax,
                    running: snapshot.xcnt,
                    command: snapshot.curcid,
                }
            })
        }
    }
}

impl Answers {
    pub fn get(&mut self, table: Reference, space: Uuid) -> bool {
        let now = Moment::now();
        if now.is_none() || now != self.as_of {
            self.known.clear();
            self.as_of = now;
        }
        let key = (table, *space.as_bytes());
        if let Some(answer) = self.known.get(&key) {
            return *answer;
        }
        let answer = is_active(table, space);
        self.known.insert(key, answer);
        answer
    }
}

fn is_active(table: Reference, space: Uuid) -> bool {
    let Some(person) = request_user() else {
        return false;
    };
    let lock = pg_sys::AccessShareLock;
    let table = catalog::open_table(table.look_up().oid(), lock as pg_sys::LOCKMODE);
    let members = KNOWN.with(|known| known.get(table.oid(), || Members::of(&table)));
    let key: Vec<_> = [space, person]
        .into_iter()
        .filter_map(IntoDatum::into_datum)
        .collect();
    members.person.as_ref().is_some_and(|row| {
        // SAFETY: the table is locked, and what is known of it was asked for after that; the column is
        // a text.
        unsafe {
            row.find(table.as_ptr(), lock, &key, |slot| {
                is_text(slot, members.status, b"active")
            })
            .unwrap_or(false)
        }
    })
}

/// # Safety
/// The slot holds a row of a table whose column `number` is a text.
unsafe fn is_text(slot: *mut pg_sys::TupleTableSlot, number: c_int, text: &[u8]) -> bool {
    let mut is_null = false;
    // SAFETY: as the caller says; the value lives as long as the slot holds the row.
    unsafe {
        let row = pg_sys::ExecFetchSlotHeapTuple(slot, false, ptr::null_mut());
        let value = pg_sys::heap_getattr(row, number, (*slot).tts_tupleDescriptor, &mut is_null);
        !is_null && {
            let value = pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr());
            pgrx::varlena_to_byte_slice(value) == text
        }
    }
}
