//! Reading a whole table natively, in the order in which it is stored.

use pgrx::{PgRelation, pg_sys};

pub struct Scan {
    scan: pg_sys::TableScanDesc,
    slot: *mut pg_sys::TupleTableSlot,
    columns: usize,
}

impl Scan {
    /// Of what the calling query's snapshot shows.
    pub fn new(relation: &PgRelation) -> Scan {
        // SAFETY: the relation is open and locked and outlives the scan; a snapshot is active
        // because a query is running. Without synchronization, or the scan would begin somewhere
        // in the middle.
        unsafe {
            let scan = pg_sys::table_beginscan_strat(
                relation.as_ptr(),
                pg_sys::GetActiveSnapshot(),
                0,
                std::ptr::null_mut(),
                true,
                false,
            );
            let slot = pg_sys::table_slot_create(relation.as_ptr(), std::ptr::null_mut());
            Scan {
                scan,
                slot,
                columns: relation.tuple_desc().len(),
            }
        }
    }

    /// The next row, deformed; it lives until the call after.
    pub fn next(&mut self) -> Option<(&[pg_sys::Datum], &[bool])> {
        // SAFETY: scan and slot were made for the same relation and live as long as `self`.
        unsafe {
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            if !pg_sys::table_scan_getnextslot(self.scan, forward, self.slot) {
                return None;
            }
            pg_sys::slot_getallattrs(self.slot);
            Some((
                std::slice::from_raw_parts((*self.slot).tts_values, self.columns),
                std::slice::from_raw_parts((*self.slot).tts_isnull, self.columns),
            ))
        }
    }

    /// Not done when an ERROR passes by: then the transaction lets go of both.
    pub fn close(self) {
        // SAFETY: both are alive and used no more.
        unsafe {
            pg_sys::ExecDropSingleTupleTableSlot(self.slot);
            pg_sys::table_endscan(self.scan);
        }
    }
}
