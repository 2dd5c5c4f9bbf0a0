//! Keys as bytes: what a hash map needs to tell them apart, and to give them back.

use super::delta::Key;
use crate::catalog;
use pgrx::{PgRelation, pg_sys};

/// Where a value lies in a row, and what its type's values are like in memory.
pub struct Column {
    pub number: i16,
    pub type_oid: pg_sys::Oid,
    pub length: i16,
    pub by_value: bool,
    pub alignment: std::ffi::c_char,
}

impl Column {
    pub fn of(relation: &PgRelation, name: &str) -> Column {
        let column = catalog::column(relation, name);
        Column {
            number: column.number,
            ..Column::of_type(column.type_oid)
        }
    }

    pub fn of_type(type_oid: pg_sys::Oid) -> Column {
        // SAFETY: the OID of a type that exists; the entry lives as long as the backend.
        let entry = unsafe { &*pg_sys::lookup_type_cache(type_oid, 0) };
        Column {
            number: 0,
            type_oid,
            length: entry.typlen,
            by_value: entry.typbyval,
            alignment: entry.typalign,
        }
    }
}

/// One list of values per column, from the keys of [`write`].
pub fn lists<'a>(
    columns: &[Column],
    keys: impl Iterator<Item = &'a Key>,
) -> Vec<Vec<pg_sys::Datum>> {
    let mut lists = vec![Vec::new(); columns.len()];
    for key in keys {
        for (list, value) in lists.iter_mut().zip(values(columns, key)) {
            list.push(value);
        }
    }
    lists
}

pub fn values(columns: &[Column], key: &Key) -> Vec<pg_sys::Datum> {
    match key {
        Key::Word(word) => vec![pg_sys::Datum::from(*word as usize)],
        Key::Image(image) => read(columns, image),
    }
}

/// Appends the image of `value` to `image`.
pub fn write(column: &Column, value: pg_sys::Datum, image: &mut Vec<u8>) {
    if column.by_value {
        image.extend_from_slice(&value.value().to_ne_bytes());
    } else if column.length > 0 {
        // SAFETY: a by-reference value of fixed length points to that many bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts(value.cast_mut_ptr::<u8>(), column.length as usize)
        };
        image.extend_from_slice(bytes);
    } else {
        // SAFETY: a varlena, fetched and decompressed where it was stored elsewhere; one header
        // byte or four, the image holds the content alone.
        unsafe {
            let datum = value.cast_mut_ptr::<pg_sys::varlena>();
            let packed = pg_sys::pg_detoast_datum_packed(datum);
            let bytes = pgrx::varlena_to_byte_slice(packed);
            image.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
            image.extend_from_slice(bytes);
            if packed != datum {
                pg_sys::pfree(packed.cast());
            }
        }
    }
}

/// The values whose images were written one after another, allocated in the current context.
fn read(columns: &[Column], mut image: &[u8]) -> Vec<pg_sys::Datum> {
    columns
        .iter()
        .map(|column| {
            if column.by_value {
                let mut word = [0; size_of::<usize>()];
                word.copy_from_slice(take(&mut image, size_of::<usize>()));
                pg_sys::Datum::from(usize::from_ne_bytes(word))
            } else if column.length > 0 {
                copy(take(&mut image, column.length as usize), 0)
            } else {
                let mut length = [0; 4];
                length.copy_from_slice(take(&mut image, 4));
                let content = take(&mut image, u32::from_ne_bytes(length) as usize);
                let datum = copy(content, pg_sys::VARHDRSZ);
                // SAFETY: `copy` left room for the header before the content.
                unsafe {
                    let size = content.len() + pg_sys::VARHDRSZ;
                    pgrx::set_varsize_4b(datum.cast_mut_ptr(), size as i32);
                }
                datum
            }
        })
        .collect()
}

fn take<'a>(image: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = image.split_at(length);
    *image = rest;
    taken
}

fn copy(bytes: &[u8], header: usize) -> pg_sys::Datum {
    // SAFETY: the allocation has room for the header and the bytes.
    unsafe {
        let memory = pg_sys::palloc(header + bytes.len()).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory.add(header), bytes.len());
        pg_sys::Datum::from(memory)
    }
}
