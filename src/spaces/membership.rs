//! Who is a member of what: the question that every row of a feed is put to.

use crate::argument::Reference;
use crate::catalog;
use crate::direct::Finder;
use crate::identity::request_user;
use crate::remembered::{Registry, Remembered};
use crate::rows::attribute;
use pgrx::{IntoDatum, PgRelation, Uuid, pg_sys};
use rustc_hash::FxHashMap;
use std::ffi::c_char;

/// What is known of a table of members.
struct Members {
    table: pg_sys::Oid,
    /// `None` where no index tells a person's row in a space.
    person: Option<Finder>,
    status: i16,
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
        // SAFETY: an open relation points to its pg_class row.
        let persistence = unsafe { (*(*table.as_ptr()).rd_rel).relpersistence };
        // An unlogged table is not there on a standby.
        let fit = types == [pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID]
            && persistence != pg_sys::RELPERSISTENCE_UNLOGGED as c_char;
        let key = [
            ("space_id", pg_sys::UUIDOID),
            ("profile_id", pg_sys::UUIDOID),
        ];
        Members {
            table: table.oid(),
            person: fit.then(|| Finder::of(table, &key)).flatten(),
            status: status.number,
        }
    }
}

/// What one query has asked already, which is about its rows: the snapshot is one, and so is who asks.
#[derive(Default)]
pub struct Answers(FxHashMap<(Reference, [u8; 16]), bool>);

impl Answers {
    pub fn get(&mut self, table: Reference, space: Uuid) -> bool {
        let key = (table, *space.as_bytes());
        *self.0.entry(key).or_insert_with(|| is_active(table, space))
    }
}

/// Whether what is asked about is a column of a row: then the call belongs to one execution of one query. An
/// expression without rows, as PL/pgSQL keeps them, may be asked again when everything has changed.
///
/// # Safety
/// `call` is the call of a function with two arguments.
pub unsafe fn asks_about_rows(call: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: the caller of a function may tell what expression it is, or not; a FuncExpr has a list of arguments.
    unsafe {
        let expression = (*(*call).flinfo).fn_expr;
        if expression.is_null() || (*expression).type_ != pg_sys::NodeTag::T_FuncExpr {
            return false;
        }
        let arguments = (*expression.cast::<pg_sys::FuncExpr>()).args;
        let space = pg_sys::list_nth(arguments, 1).cast::<pg_sys::Node>();
        (*space).type_ == pg_sys::NodeTag::T_Var
    }
}

pub fn is_active(table: Reference, space: Uuid) -> bool {
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
unsafe fn is_text(slot: *mut pg_sys::TupleTableSlot, number: i16, text: &[u8]) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        attribute(slot, number).is_some_and(|value| {
            let value = pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr());
            pgrx::varlena_to_byte_slice(value) == text
        })
    }
}
