//! A statement of the engine's own: prepared when first needed, its plan kept.

use super::image::Column;
use crate::error;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CString;
use std::ptr;

pub struct Statement {
    sql: String,
    types: Vec<pg_sys::Oid>,
    options: u32,
    plan: Cell<pg_sys::SPIPlanPtr>,
}

impl Statement {
    /// One plan for every execution.
    pub fn generic(sql: String, types: Vec<pg_sys::Oid>) -> Statement {
        Statement::new(sql, types, pg_sys::CURSOR_OPT_GENERIC_PLAN)
    }

    /// Planned anew for the values of each execution: whether to join by index or by hash depends
    /// on how many there are.
    pub fn custom(sql: String, types: Vec<pg_sys::Oid>) -> Statement {
        Statement::new(sql, types, pg_sys::CURSOR_OPT_CUSTOM_PLAN)
    }

    fn new(sql: String, types: Vec<pg_sys::Oid>, options: u32) -> Statement {
        Statement {
            sql,
            types,
            options,
            plan: Cell::new(ptr::null_mut()),
        }
    }

    pub fn parameters(&self) -> usize {
        self.types.len()
    }

    /// Runs the statement and says how many rows it touched. SPI is connected.
    pub fn execute(&self, values: &[pg_sys::Datum]) -> u64 {
        self.run(values, ptr::null_mut(), false);
        // SAFETY: set by the execution; the rows, if any, are of no interest.
        unsafe {
            let processed = pg_sys::SPI_processed;
            pg_sys::SPI_freetuptable(pg_sys::SPI_tuptable);
            processed
        }
    }

    /// The one bigint of the one row that the statement gives.
    pub fn number(&self, values: &[pg_sys::Datum]) -> i64 {
        let rows = self.query(values, ptr::null_mut());
        rows.first()
            .and_then(|row| row[0])
            .map_or(0, |datum| datum.value() as i64)
    }

    /// Rows of datums, which live until SPI is left. `snapshot` is what a read-only statement
    /// shall see; null is everything there is now.
    pub fn query(
        &self,
        values: &[pg_sys::Datum],
        snapshot: pg_sys::Snapshot,
    ) -> Vec<Vec<Option<pg_sys::Datum>>> {
        self.run(values, snapshot, !snapshot.is_null());
        // SAFETY: the tuple table of the statement just run; SPI_getbinval reads by its own
        // descriptor.
        unsafe {
            let table = pg_sys::SPI_tuptable;
            if table.is_null() {
                return Vec::new();
            }
            let descriptor = (*table).tupdesc;
            (0..(*table).numvals as usize)
                .map(|row| {
                    (1..=(*descriptor).natts)
                        .map(|column| {
                            let mut is_null = false;
                            let tuple = *(*table).vals.add(row);
                            let datum =
                                pg_sys::SPI_getbinval(tuple, descriptor, column, &mut is_null);
                            (!is_null).then_some(datum)
                        })
                        .collect()
                })
                .collect()
        }
    }

    fn run(&self, values: &[pg_sys::Datum], snapshot: pg_sys::Snapshot, read_only: bool) {
        if self.plan.get().is_null() {
            self.prepare();
        }
        let mut values = values.to_vec();
        // SAFETY: as many values as the plan has parameters, of their types, none NULL.
        let status = unsafe {
            pg_sys::SPI_execute_snapshot(
                self.plan.get(),
                values.as_mut_ptr(),
                ptr::null(),
                snapshot,
                ptr::null_mut(),
                read_only,
                true,
                0,
            )
        };
        if status < 0 {
            error::raise(error::counter::statement_failed(&self.sql, status));
        }
    }

    fn prepare(&self) {
        let sql = CString::new(self.sql.as_str()).unwrap_or_default();
        let mut types = self.types.clone();
        // SAFETY: SPI is connected; the text and the types are copied into the plan, and a kept
        // plan lives until SPI_freeplan.
        unsafe {
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                types.len() as i32,
                types.as_mut_ptr(),
                self.options as i32,
            );
            if plan.is_null() {
                error::raise(error::counter::statement_failed(
                    &self.sql,
                    pg_sys::SPI_result,
                ));
            }
            pg_sys::SPI_keepplan(plan);
            self.plan.set(plan);
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if !self.plan.get().is_null() {
            // SAFETY: the plan was kept by SPI_keepplan and is freed once.
            unsafe { pg_sys::SPI_freeplan(self.plan.get()) };
        }
    }
}

pub fn array_type(of: pg_sys::Oid) -> pg_sys::Oid {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_array_type(of) }
}

/// An array of values of the column's type, none NULL, in the current memory context.
pub fn array(column: &Column, mut values: Vec<pg_sys::Datum>) -> pg_sys::Datum {
    // SAFETY: the column describes the type of every value.
    unsafe {
        pg_sys::Datum::from(pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            column.type_oid,
            column.length.into(),
            column.by_value,
            column.alignment,
        ))
    }
}
