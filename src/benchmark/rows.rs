//! The rows of a statement, one after the other as they come. SPI would make a table of them all
//! first, which costs more than what is done with them.

use super::aggregate::read_rounded;
use super::people::Value;
use crate::error;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, varlena_to_byte_slice};
use std::ffi::CString;

/// A row while it is there. Its columns are numbered from 0, and of the types that [`each`] was told.
pub struct Row {
    slot: *mut pg_sys::TupleTableSlot,
}

/// Where a row lies in its table, for as long as this transaction keeps others from moving it.
pub type Place = [u8; 6];

impl Row {
    fn datum(&self, number: usize) -> Option<pg_sys::Datum> {
        // SAFETY: `receive` deformed as many columns as there are types, and callers ask for those.
        unsafe {
            let is_null = *(*self.slot).tts_isnull.add(number);
            (!is_null).then(|| *(*self.slot).tts_values.add(number))
        }
    }

    pub fn uuid(&self, number: usize) -> Option<u128> {
        // SAFETY: a uuid points to 16 bytes.
        self.datum(number)
            .map(|datum| unsafe { u128::from_be_bytes(*datum.cast_mut_ptr::<[u8; 16]>()) })
    }

    pub fn place(&self, number: usize) -> Option<Place> {
        // SAFETY: a tid points to 6 bytes.
        self.datum(number)
            .map(|datum| unsafe { *datum.cast_mut_ptr::<Place>() })
    }

    pub fn integer(&self, number: usize) -> Option<i32> {
        self.datum(number).map(|datum| datum.value() as i32)
    }

    /// Also the microseconds of a timestamptz.
    pub fn bigint(&self, number: usize) -> Option<i64> {
        self.datum(number).map(|datum| datum.value() as i64)
    }

    /// To the 30 decimals that are kept.
    pub fn numeric(&self, number: usize) -> Option<Value> {
        // SAFETY: the column is a numeric.
        self.datum(number)
            .map(|datum| unsafe { read_rounded(datum) })
    }

    pub fn text(&self, number: usize) -> Option<&[u8]> {
        // SAFETY: the column is a text, which lives as long as the row.
        self.datum(number).map(|datum| unsafe {
            let mut value = datum.cast_mut_ptr::<pg_sys::varlena>();
            let is_plain = varatt_is_4b_u(value) || varatt_is_1b(value) && !varatt_is_1b_e(value);
            if !is_plain {
                value = pg_sys::pg_detoast_datum_packed(value);
            }
            varlena_to_byte_slice(value)
        })
    }
}

#[repr(C)]
struct Receiver<'a> {
    base: pg_sys::DestReceiver,
    types: &'a [pg_sys::Oid],
    each: &'a mut dyn FnMut(&Row),
}

#[pg_guard]
unsafe extern "C-unwind" fn receive(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the receiver is the first field of the `Receiver` of `each`, which nobody else uses
    // meanwhile; the slot holds a row of the columns that `startup` checked.
    unsafe {
        let receiver = &mut *receiver.cast::<Receiver>();
        if ((*slot).tts_nvalid as usize) < receiver.types.len() {
            pg_sys::slot_getsomeattrs_int(slot, receiver.types.len() as i32);
        }
        (receiver.each)(&Row { slot });
    }
    true
}

#[pg_guard]
unsafe extern "C-unwind" fn startup(
    receiver: *mut pg_sys::DestReceiver,
    _operation: i32,
    columns: pg_sys::TupleDesc,
) {
    // SAFETY: as in `receive`; the executor gives the description of the rows to come.
    let (types, columns) = unsafe {
        let types = (*receiver.cast::<Receiver>()).types;
        let columns = pgrx::PgTupleDesc::from_pg_unchecked(columns);
        (types, columns)
    };
    let found: Vec<pg_sys::Oid> = columns.iter().map(|column| column.atttypid).collect();
    if found != types {
        error::raise(error::report(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!("a benchmark's rows are of types {found:?}, not {types:?}"),
            "Call create_benchmark again with the same arguments: it repairs the benchmark's tables.",
        ));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn nothing(_receiver: *mut pg_sys::DestReceiver) {}

/// Runs a SELECT whose columns are of these types. SPI must be connected.
pub fn each(
    statement: &str,
    arguments: &[DatumWithOid],
    types: &[pg_sys::Oid],
    mut each: impl FnMut(&Row),
) {
    let mut receiver = Receiver {
        base: pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(nothing),
            rDestroy: Some(nothing),
            mydest: pg_sys::CommandDest::DestTuplestore,
        },
        types,
        each: &mut each,
    };
    let text = CString::new(statement).unwrap_or_default();
    let mut of_arguments: Vec<pg_sys::Oid> =
        arguments.iter().map(|argument| argument.oid()).collect();
    // SAFETY: SPI is connected; the text and the types are read during the call, and the receiver,
    // whose first field is given, outlives the execution; makeParamList made room for as many
    // parameters as there are arguments.
    let status = unsafe {
        let plan = pg_sys::SPI_prepare_cursor(
            text.as_ptr(),
            of_arguments.len() as i32,
            of_arguments.as_mut_ptr(),
            pg_sys::CURSOR_OPT_PARALLEL_OK as i32,
        );
        if plan.is_null() {
            pg_sys::SPI_result
        } else {
            let parameters = pg_sys::makeParamList(arguments.len() as i32);
            let list = (*parameters).params.as_mut_slice(arguments.len());
            for (parameter, argument) in list.iter_mut().zip(arguments) {
                let datum = argument.datum().map(|datum| datum.sans_lifetime());
                parameter.isnull = datum.is_none();
                parameter.value = datum.unwrap_or(pg_sys::Datum::null());
                parameter.pflags = pg_sys::PARAM_FLAG_CONST as u16;
                parameter.ptype = argument.oid();
            }
            let options = pg_sys::SPIExecuteOptions {
                params: parameters,
                dest: &raw mut receiver.base,
                ..pg_sys::SPIExecuteOptions::default()
            };
            let status = pg_sys::SPI_execute_plan_extended(plan, &options);
            pg_sys::SPI_freeplan(plan);
            status
        }
    };
    if status != pg_sys::SPI_OK_SELECT as i32 {
        error::raise(error::report(
            PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            format!("SPI says {status} to: {statement}"),
            "Look at the statement that is quoted.",
        ));
    }
}
