//! Statements of the engine. All of them run as the owner of a log, under a safe search_path.
//! A reading statement sees the snapshot of the query that called the engine, so that several
//! of them see one state, and takes no transaction id.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CString;

pub type Argument = (pg_sys::Oid, Option<pg_sys::Datum>);

pub fn text(value: &str) -> Argument {
    (pg_sys::TEXTOID, value.into_datum())
}

pub fn bigint(value: i64) -> Argument {
    (pg_sys::INT8OID, value.into_datum())
}

pub fn bytea(value: &[u8]) -> Argument {
    (pg_sys::BYTEAOID, value.into_datum())
}

/// The rows of a result; they live until the SPI frame closes or they are freed.
pub struct Rows(*mut pg_sys::SPITupleTable, usize);

impl Rows {
    pub fn len(&self) -> usize {
        self.1
    }

    pub fn datum(&self, row: usize, column: usize) -> Option<pg_sys::Datum> {
        if row >= self.1 {
            return None;
        }
        let mut is_null = false;
        // SAFETY: the table is alive and has that row; SPI answers NULL for a missing column.
        let datum = unsafe {
            let tuple = *(*self.0).vals.add(row);
            pg_sys::SPI_getbinval(tuple, (*self.0).tupdesc, column as i32, &mut is_null)
        };
        (!is_null).then_some(datum)
    }

    pub fn get<T: FromDatum>(&self, row: usize, column: usize) -> Option<T> {
        // SAFETY: the engine's own statements decide the type of each column.
        self.datum(row, column)
            .and_then(|datum| unsafe { T::from_datum(datum, false) })
    }

    pub fn text(&self, row: usize, column: usize) -> String {
        self.get(row, column).unwrap_or_default()
    }

    /// Deforms columns `from ..` of a row into `values` and `nulls`, at the given places.
    pub fn deform(
        &self,
        row: usize,
        from: usize,
        places: &[usize],
        values: &mut [pg_sys::Datum],
        nulls: &mut [bool],
    ) {
        for (offset, place) in places.iter().enumerate() {
            let datum = self.datum(row, from + offset);
            nulls[*place] = datum.is_none();
            values[*place] = datum.unwrap_or(pg_sys::Datum::from(0));
        }
    }

    pub fn free(self) {
        // SAFETY: the table came from SPI and nothing of it is used any more.
        unsafe { pg_sys::SPI_freetuptable(self.0) }
    }
}

fn current_rows() -> Rows {
    // SAFETY: read right after a successful SPI call of this backend.
    unsafe {
        let table = pg_sys::SPI_tuptable;
        if table.is_null() {
            return Rows(table, pg_sys::SPI_processed as usize);
        }
        Rows(table, (*table).numvals as usize)
    }
}

fn split(arguments: &[Argument]) -> (Vec<pg_sys::Oid>, Vec<pg_sys::Datum>, Vec<i8>) {
    let types = arguments.iter().map(|argument| argument.0).collect();
    let values = arguments
        .iter()
        .map(|a| a.1.unwrap_or(pg_sys::Datum::from(0)))
        .collect();
    let nulls = arguments
        .iter()
        .map(|a| if a.1.is_some() { b' ' } else { b'n' } as i8)
        .collect();
    (types, values, nulls)
}

/// The plan of a statement, made once in a backend.
fn plan(sql: &str, types: &mut [pg_sys::Oid]) -> pg_sys::SPIPlanPtr {
    thread_local! {
        static PLANS: RefCell<HashMap<String, pg_sys::SPIPlanPtr>> = RefCell::default();
    }
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(sql).copied()) {
        return plan;
    }
    let source = CString::new(sql).unwrap_or_default();
    // SAFETY: inside an SPI frame; a plan that is kept lives as long as the backend.
    let plan = unsafe {
        // Arrays of one element and of many take the same plan; making one each time would cost
        // more than running it.
        let plan = pg_sys::SPI_prepare_cursor(
            source.as_ptr(),
            types.len() as i32,
            types.as_mut_ptr(),
            pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
        );
        pg_sys::SPI_keepplan(plan);
        plan
    };
    PLANS.with_borrow_mut(|plans| plans.insert(sql.to_owned(), plan));
    plan
}

fn execute(sql: &str, arguments: &[Argument], read_only: bool) -> Rows {
    let (mut types, mut values, nulls) = split(arguments);
    let plan = plan(sql, &mut types);
    // SAFETY: the arguments match the plan's types, which are part of the statement's text.
    unsafe {
        pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), read_only, 0);
    }
    current_rows()
}

/// Runs a statement that reads, inside [`frame`].
pub fn read(sql: &str, arguments: &[Argument]) -> Rows {
    execute(sql, arguments, true)
}

/// Runs a statement that writes, inside [`frame`].
pub fn write(sql: &str, arguments: &[Argument]) -> Rows {
    execute(sql, arguments, false)
}

/// Runs a statement that defines something, inside [`frame`].
pub fn define(sql: &str) {
    let source = CString::new(sql).unwrap_or_default();
    // SAFETY: a NUL-terminated statement; errors of the statement are raised as such.
    unsafe { pg_sys::SPI_execute(source.as_ptr(), false, 0) };
}

/// Opens an SPI frame.
pub fn frame<T>(work: impl FnOnce() -> T) -> T {
    Spi::connect(|_| work())
}

/// Reads a result in portions, in constant memory.
pub fn stream(sql: &str, arguments: &[Argument], mut each: impl FnMut(&Rows, usize)) {
    const PORTION: i64 = 1000;
    let (mut types, mut values, nulls) = split(arguments);
    let source = CString::new(sql).unwrap_or_default();
    // SAFETY: inside an SPI frame; the cursor is closed below, or with the transaction when an
    // ERROR passes by.
    unsafe {
        let portal = pg_sys::SPI_cursor_open_with_args(
            std::ptr::null(),
            source.as_ptr(),
            types.len() as i32,
            types.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_ptr(),
            true,
            0,
        );
        loop {
            pg_sys::SPI_cursor_fetch(portal, true, PORTION as _);
            let rows = current_rows();
            if rows.len() == 0 {
                break;
            }
            for row in 0..rows.len() {
                each(&rows, row);
            }
            rows.free();
            pgrx::check_for_interrupts!();
        }
        pg_sys::SPI_cursor_close(portal);
    }
}

/// [`stream`], but of what is there now, the calling query's own changes included.
pub fn stream_latest(sql: &str, arguments: &[Argument], each: impl FnMut(&Rows, usize)) {
    // SAFETY: the snapshot is popped below, or with the transaction when an ERROR passes by.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    stream(sql, arguments, each);
    // SAFETY: pops what was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
}
