//! Locks that stand for something else than a table, held until the transaction ends. They are
//! advisory locks that no function of SQL can take: those have 1 or 2 for their kind.

use pgrx::pg_sys;

pub enum Of {
    /// Children that have no parent in this table: RowExclusive for who changes them, Share for who
    /// inserts parents, which exclude each other but not themselves.
    Orphans(pg_sys::Oid),
    /// The line of those who wait to write one row of this table.
    Row(pg_sys::Oid, u32),
}

pub fn take(of: Of, mode: u32) {
    let (kind, table, row) = match of {
        Of::Orphans(table) => (3, table, 0),
        Of::Row(table, row) => (4, table, row),
    };
    let tag = pg_sys::LOCKTAG {
        // SAFETY: reads a global of this backend.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: table.to_u32(),
        locktag_field3: row,
        locktag_field4: kind,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    };
    // SAFETY: a complete tag; the lock manager copies it.
    unsafe { pg_sys::LockAcquire(&tag, mode as i32, false, false) };
}
