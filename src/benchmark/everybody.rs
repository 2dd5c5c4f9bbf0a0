//! Reading everybody: each person's latest row, picked out as the rows come. Postgres would have to
//! sort them all for it, which takes longer than everything else that a first build does.

use super::aggregate::read_numeric;
use super::decimal::Decimal;
use super::name::Name;
use super::people::{People, Question, Value};
use super::refresh::Definition;
use crate::{catalog, error};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, varlena_to_byte_slice};
use pgrx::{AnyNumeric, PgRelation, pg_sys};
use rustc_hash::FxHashMap;
use std::ffi::CString;
use std::str::FromStr;

/// The arguments of a statement that begins `WITH new AS (`[`rows`]`)`.
pub fn read(name: &Name, definition: &Definition) -> Vec<DatumWithOid<'static>> {
    let texts: Vec<String> = (1..=definition.dimensions.len())
        .map(|number| format!(", dimension_{number}::pg_catalog.text"))
        .collect();
    let query = format!(
        "SELECT subject, CASE WHEN scale(value) > 30 THEN round(value, 30) ELSE value END, observed_at{} FROM {}",
        texts.concat(),
        name.of("_source")
    );
    let mut reading = Reading {
        receiver: pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(nothing),
            rDestroy: Some(nothing),
            mydest: pg_sys::CommandDest::DestTuplestore,
        },
        people: People::new(Question::default()),
        places: Places {
            dimensions: definition.dimensions.len(),
            known: FxHashMap::default(),
            texts: vec![Vec::new(); definition.dimensions.len()],
        },
    };
    let text = CString::new(query.as_str()).unwrap_or_default();
    let options = pg_sys::SPIExecuteOptions {
        dest: &raw mut reading.receiver,
        ..pg_sys::SPIExecuteOptions::default()
    };
    // SAFETY: SPI is connected; the receiver is the first field of a `Reading` that outlives the
    // execution, which is what the callbacks take it for.
    let status = unsafe { pg_sys::SPI_execute_extended(text.as_ptr(), &options) };
    if status != pg_sys::SPI_OK_SELECT as i32 {
        error::raise(error::report(
            PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            format!("SPI says {status} to: {query}"),
            "Look at the statement that is quoted.",
        ));
    }
    reading.into_arguments()
}

/// The people that [`read`] gives as arguments, with the columns subject, value and dimensions.
pub fn rows(name: &Name, definition: &Definition) -> String {
    let source = name.oid("_source").map(|view| {
        // SAFETY: the view exists; the lock is given back with the relation.
        unsafe { PgRelation::with_lock(view, pg_sys::AccessShareLock as pg_sys::LOCKMODE) }
    });
    let (mut lists, mut columns, mut pairs) = (String::new(), String::new(), Vec::new());
    for (number, dimension) in (1..).zip(&definition.dimensions) {
        let column = format!("dimension_{number}");
        let type_name = source.as_ref().map_or("text".to_owned(), |source| {
            let found = catalog::column(source, &column);
            catalog::type_name(found.type_oid, found.type_mod)
        });
        lists.push_str(&format!(", ${}", number + 4));
        columns.push_str(&format!(", {column}"));
        let key = catalog::quote_literal(dimension);
        pairs.push(format!("{key}, place.{column}::{type_name}"));
    }
    format!(
        "SELECT person.subject, person.value, place.dimensions
         FROM unnest($1, $2, $3) AS person (subject, value, place) JOIN (
             SELECT number, jsonb_build_object({}) AS dimensions
             FROM unnest($4{lists}) AS place (number{columns})) AS place ON place.number = person.place",
        pairs.join(", ")
    )
}

#[repr(C)]
struct Reading {
    receiver: pg_sys::DestReceiver,
    people: People<i32>,
    places: Places,
}

/// The combinations of dimensions that were met.
struct Places {
    dimensions: usize,
    known: FxHashMap<Vec<u8>, i32>,
    /// Per dimension, by number.
    texts: Vec<Vec<Option<String>>>,
}

impl Places {
    /// # Safety
    /// The slot holds a row of [`read`]'s query.
    unsafe fn number(&mut self, slot: *mut pg_sys::TupleTableSlot, bytes: &mut Vec<u8>) -> i32 {
        bytes.clear();
        for dimension in 0..self.dimensions {
            // SAFETY: the columns after the third are texts.
            match unsafe { column(slot, 3 + dimension) } {
                None => bytes.push(0),
                Some(datum) => {
                    let text = unsafe { content(datum) };
                    bytes.push(1);
                    bytes.extend_from_slice(&(text.len() as u32).to_ne_bytes());
                    bytes.extend_from_slice(text);
                }
            }
        }
        if let Some(number) = self.known.get(bytes.as_slice()) {
            return *number;
        }
        let number = self.known.len() as i32;
        for dimension in 0..self.dimensions {
            // SAFETY: as above.
            let text = unsafe { column(slot, 3 + dimension) }
                .map(|datum| String::from_utf8_lossy(unsafe { content(datum) }).into_owned());
            self.texts[dimension].push(text);
        }
        self.known.insert(bytes.clone(), number);
        number
    }
}

/// # Safety
/// The slot has that many columns, and all of them are deformed.
unsafe fn column(slot: *mut pg_sys::TupleTableSlot, number: usize) -> Option<pg_sys::Datum> {
    // SAFETY: as the caller says.
    unsafe {
        let is_null = *(*slot).tts_isnull.add(number);
        (!is_null).then(|| *(*slot).tts_values.add(number))
    }
}

/// # Safety
/// `datum` is a varlena that lives as long as the slice is used.
unsafe fn content<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: as the caller says.
    unsafe {
        let mut value = datum.cast_mut_ptr::<pg_sys::varlena>();
        if !(varatt_is_4b_u(value) || varatt_is_1b(value) && !varatt_is_1b_e(value)) {
            value = pg_sys::pg_detoast_datum_packed(value);
        }
        varlena_to_byte_slice(value)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn receive(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the receiver is the first field of the `Reading` that `read` made, which nobody else
    // uses meanwhile. The slot holds a row of its query: a uuid, a numeric, a timestamptz, texts.
    unsafe {
        let reading = &mut *receiver.cast::<Reading>();
        let width = 3 + reading.places.dimensions;
        if ((*slot).tts_nvalid as usize) < width {
            pg_sys::slot_getsomeattrs_int(slot, width as i32);
        }
        if let (Some(subject), Some(value)) = (column(slot, 0), column(slot, 1)) {
            let subject = u128::from_be_bytes(*subject.cast_mut_ptr::<[u8; 16]>());
            let (value, _) = read_numeric(value);
            let observed_at = column(slot, 2).map_or(i64::MIN, |time| time.value() as i64);
            let mut bytes = Vec::new();
            let place = reading.places.number(slot, &mut bytes);
            reading.people.add(subject, value, observed_at, place);
        }
    }
    true
}

#[pg_guard]
unsafe extern "C-unwind" fn startup(
    _receiver: *mut pg_sys::DestReceiver,
    _operation: i32,
    _columns: pg_sys::TupleDesc,
) {
}

#[pg_guard]
unsafe extern "C-unwind" fn nothing(_receiver: *mut pg_sys::DestReceiver) {}

impl Reading {
    fn into_arguments(self) -> Vec<DatumWithOid<'static>> {
        let (mut subjects, mut values, mut places) = (Vec::new(), Vec::new(), Vec::new());
        // In the order of their ids, so that the index is written from one end to the other. Most
        // values are those of many.
        let mut known: FxHashMap<i64, pg_sys::Datum> = FxHashMap::default();
        self.people.into_each(|person, value, place| {
            subjects.push(person.to_be_bytes());
            values.push(match value {
                Value::TenThousandths(short) => *known
                    .entry(short)
                    .or_insert_with(|| numeric(Decimal::from_ten_thousandths(short))),
                Value::Wide(value) => numeric(value),
            });
            places.push(place);
        });
        let subjects_at = subjects
            .iter()
            .map(|subject| pg_sys::Datum::from(subject.as_ptr()))
            .collect();
        let mut arguments = vec![
            array(pg_sys::UUIDOID, pg_sys::UUIDARRAYOID, subjects_at),
            array(pg_sys::NUMERICOID, pg_sys::NUMERICARRAYOID, values),
            places.into(),
            (0..self.places.known.len() as i32)
                .collect::<Vec<i32>>()
                .into(),
        ];
        arguments.extend(self.places.texts.into_iter().map(DatumWithOid::from));
        arguments
    }
}

fn numeric(value: Decimal) -> pg_sys::Datum {
    AnyNumeric::from_str(&value.to_string())
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
