//! Columns of values as arrays, for statements that take them apart with unnest.

use super::people::Value;
use super::rows::Place;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::{AnyNumeric, pg_sys};
use rustc_hash::FxHashMap;
use std::str::FromStr;

pub fn uuids(values: impl Iterator<Item = u128>) -> DatumWithOid<'static> {
    let bytes: Vec<[u8; 16]> = values.map(u128::to_be_bytes).collect();
    let values = bytes.iter().map(|value| value.as_ptr().into()).collect();
    array(pg_sys::UUIDOID, pg_sys::UUIDARRAYOID, values)
}

pub fn places(values: impl Iterator<Item = Place>) -> DatumWithOid<'static> {
    let places: Vec<Place> = values.collect();
    let values = places.iter().map(|value| value.as_ptr().into()).collect();
    array(pg_sys::TIDOID, pg_sys::TIDARRAYOID, values)
}

pub fn numerics(values: impl Iterator<Item = Value>) -> DatumWithOid<'static> {
    // Most values are those of many.
    let mut known: FxHashMap<Value, pg_sys::Datum> = FxHashMap::default();
    let values = values
        .map(|value| *known.entry(value).or_insert_with(|| numeric(value)))
        .collect();
    array(pg_sys::NUMERICOID, pg_sys::NUMERICARRAYOID, values)
}

/// Every value is at most 30 digits before and 30 after the point, which are a numeric.
fn numeric(value: Value) -> pg_sys::Datum {
    AnyNumeric::from_str(&value.decimal().to_string())
        .ok()
        .and_then(IntoDatum::into_datum)
        .unwrap_or(pg_sys::Datum::null())
}

fn array(
    element: pg_sys::Oid,
    array: pg_sys::Oid,
    mut values: Vec<pg_sys::Datum>,
) -> DatumWithOid<'static> {
    // SAFETY: every value is one of the element's type, by reference and not NULL; the array is
    // copied from them into the current memory context, which outlives the statement it is for.
    unsafe {
        let (mut length, mut by_value, mut alignment) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut alignment);
        let made = pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            element,
            length.into(),
            by_value,
            alignment,
        );
        DatumWithOid::new(pg_sys::Datum::from(made), array)
    }
}
