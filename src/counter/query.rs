//! Small questions to the catalogue, and one-off statements, under a safe search_path.

use crate::{catalog, error};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// Runs one statement and says how many rows it touched.
pub fn run(sql: &str) -> usize {
    safely(|| {
        Spi::connect_mut(|client| {
            let result = client.update(sql, None, &[]);
            result
                .map(|rows| rows.len())
                .unwrap_or_else(|e| error::raise(error::counter::spi(&e)))
        })
    })
}

/// Whether the query's one boolean is true.
pub fn ask(sql: &str, arguments: &[DatumWithOid]) -> bool {
    values::<bool>(sql, arguments).pop().unwrap_or(false)
}

/// The texts of the query's first column, NULLs left out.
pub fn column(sql: &str, arguments: &[DatumWithOid]) -> Vec<String> {
    values(sql, arguments)
}

pub fn values<T: FromDatum + IntoDatum>(sql: &str, arguments: &[DatumWithOid]) -> Vec<T> {
    rows(sql, arguments, |row| row.get::<T>(1).ok().flatten())
}

/// What `read` makes of each row.
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid],
    read: impl Fn(&pgrx::spi::SpiHeapTupleData) -> Option<T>,
) -> Vec<T> {
    safely(|| {
        Spi::connect(|client| match client.select(sql, None, arguments) {
            Ok(rows) => rows.filter_map(|row| read(&row)).collect(),
            Err(e) => error::raise(error::counter::spi(&e)),
        })
    })
}

pub fn safely<T>(work: impl FnOnce() -> T) -> T {
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], work)
}
