//! `k_anonymous_count`, `_avg`, `_percentile` and `_histogram`: the glue between Postgres' aggregate
//! protocol and [`People`]. Written against the C interface, because arguments taken apart by a
//! wrapper would cost more than the aggregation.

use super::decimal::Decimal;
use super::people::{People, Question, Value};
use crate::{error, settings};
use pg_sys::FunctionCallInfo;
use pgrx::fcinfo::{direct_function_call_as_datum, pg_arg_is_null, pg_getarg_datum_raw};
use pgrx::prelude::*;
use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u};
use pgrx::{PgMemoryContexts, pg_sys};
use std::str::FromStr;

/// Tells Postgres that the function uses the version 1 calling convention.
macro_rules! version_1 {
    ($($function:ident $info:ident;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[doc(hidden)]
            pub extern "C" fn $info() -> &'static pg_sys::Pg_finfo_record {
                const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
                &VERSION_1
            }
        )*
    };
}

version_1! {
    k_anonymous_count_step pg_finfo_k_anonymous_count_step;
    k_anonymous_avg_step pg_finfo_k_anonymous_avg_step;
    k_anonymous_percentile_step pg_finfo_k_anonymous_percentile_step;
    k_anonymous_histogram_step pg_finfo_k_anonymous_histogram_step;
    k_anonymous_combine pg_finfo_k_anonymous_combine;
    k_anonymous_serialize pg_finfo_k_anonymous_serialize;
    k_anonymous_deserialize pg_finfo_k_anonymous_deserialize;
    k_anonymous_count_result pg_finfo_k_anonymous_count_result;
    k_anonymous_avg_result pg_finfo_k_anonymous_avg_result;
    k_anonymous_percentile_result pg_finfo_k_anonymous_percentile_result;
    k_anonymous_histogram_result pg_finfo_k_anonymous_histogram_result;
}

/// Arguments by position; 0 is the state.
struct Arguments(FunctionCallInfo);

impl Arguments {
    fn count(&self) -> usize {
        // SAFETY: Postgres passes a valid call info to every function below.
        unsafe { (*self.0).nargs as usize }
    }

    fn datum(&self, position: usize) -> Option<pg_sys::Datum> {
        // SAFETY: callers ask for positions that the function's declaration has.
        unsafe {
            (!pg_arg_is_null(self.0, position)).then(|| pg_getarg_datum_raw(self.0, position))
        }
    }

    /// The state in argument `position`, if there is one yet.
    fn state<'a>(&self, position: usize) -> Option<&'a mut People> {
        // SAFETY: an argument declared `internal` of these aggregates is what `allocate` leaked
        // into the aggregate's memory context, which lives until the aggregate ends; Postgres
        // calls one support function of a state at a time.
        self.datum(position)
            .map(|state| unsafe { &mut *state.cast_mut_ptr::<People>() })
    }

    fn uuid(&self, position: usize) -> Option<u128> {
        // SAFETY: an argument declared uuid points to 16 bytes.
        self.datum(position)
            .map(|datum| unsafe { u128::from_be_bytes(*datum.cast_mut_ptr::<[u8; 16]>()) })
    }

    fn int(&self, position: usize) -> Option<i64> {
        self.datum(position)
            .map(|datum| i64::from(datum.value() as i32))
    }

    fn numeric(&self, position: usize) -> Option<(Value, i32)> {
        // SAFETY: the argument is declared numeric.
        self.datum(position)
            .map(|datum| unsafe { read_numeric(datum) })
    }

    /// Moves the state to where it outlives this call.
    fn allocate<'a>(&self, people: People) -> &'a mut People {
        let mut context: pg_sys::MemoryContext = std::ptr::null_mut();
        // SAFETY: the call info is valid; outside of an aggregate the answer is 0.
        let kind = unsafe { pg_sys::AggCheckCallContext(self.0, &mut context) };
        if kind == 0 {
            error::raise(error::benchmark::not_an_aggregate());
        }
        // SAFETY: the pointer is fresh, and freed only with the aggregate's memory context.
        unsafe { &mut *PgMemoryContexts::For(context).leak_and_drop_on_delete(people) }
    }
}

/// Reads a numeric without turning it into text. The layout is the on-disk format, which is the
/// same in every supported version. Returns the value and how many decimals it was written with.
///
/// # Safety
/// `datum` must be a numeric.
pub unsafe fn read_numeric(datum: pg_sys::Datum) -> (Value, i32) {
    // SAFETY: as the caller says.
    match unsafe { try_numeric(datum) } {
        (Some(value), decimals) => (value, decimals),
        (None, _) => error::raise(error::benchmark::too_many_digits()),
    }
}

/// As [`read_numeric`], rounded to the 30 decimals that are kept.
///
/// # Safety
/// `datum` must be a numeric.
pub unsafe fn read_rounded(datum: pg_sys::Datum) -> Value {
    // SAFETY: as the caller says; numeric_round takes a numeric and an integer.
    unsafe {
        if let (Some(value), _) = try_numeric(datum) {
            return value;
        }
        let arguments = [Some(datum), (Decimal::DIGITS as i32).into_datum()];
        let rounded = direct_function_call_as_datum(pg_sys::numeric_round, &arguments);
        read_numeric(rounded.unwrap_or(datum)).0
    }
}

/// The value is None where it has more digits than a [`Decimal`].
///
/// # Safety
/// `datum` must be a numeric.
unsafe fn try_numeric(datum: pg_sys::Datum) -> (Option<Value>, i32) {
    // SAFETY: a numeric is a varlena; the bytes stay valid for this call.
    let bytes = unsafe {
        let mut numeric = datum.cast_mut_ptr::<pg_sys::varlena>();
        // Asking Postgres costs more than all the rest, and nearly every value lies there as it is.
        let is_plain = varatt_is_4b_u(numeric) || varatt_is_1b(numeric) && !varatt_is_1b_e(numeric);
        if !is_plain {
            numeric = pg_sys::pg_detoast_datum_packed(numeric);
        }
        std::slice::from_raw_parts(
            pgrx::varlena::vardata_any(numeric).cast::<u8>(),
            pgrx::varlena::varsize_any_exhdr(numeric),
        )
    };
    let words = |from: usize| {
        bytes[from..]
            .chunks_exact(2)
            .map(|word| i16::from_ne_bytes([word[0], word[1]]))
    };
    let header = words(0).next().unwrap_or(0) as u16;
    let (is_negative, decimals, weight, first) = match header & 0xC000 {
        0xC000 => error::raise(error::benchmark::not_finite()),
        0x8000 => {
            let low = i32::from(header & 0x3F);
            let weight = if header & 0x40 != 0 { low - 64 } else { low };
            (
                header & 0x2000 != 0,
                i32::from((header & 0x1F80) >> 7),
                weight,
                2,
            )
        }
        sign => {
            let weight = i32::from(words(2).next().unwrap_or(0));
            (sign == 0x4000, i32::from(header & 0x3FFF), weight, 4)
        }
    };
    if let Some(short) = Decimal::ten_thousandths_of_digits(is_negative, weight, words(first)) {
        return (Some(Value::TenThousandths(short)), decimals);
    }
    let value = Decimal::from_digits(is_negative, weight, words(first));
    (value.map(Value::from), decimals)
}

fn required_k(arguments: &Arguments, position: usize) -> i64 {
    let Some(k) = arguments.int(position) else {
        error::raise(error::null_argument("k"))
    };
    let min_k = i64::from(settings::min_k());
    if k < min_k {
        error::raise(error::benchmark::below_min_k(k, min_k));
    }
    k
}

/// Adds a row `(person, value, …, k [, observed_at])` to the state. The question is None where a row
/// asks for nothing else.
fn step(
    arguments: &Arguments,
    k_position: usize,
    value: impl Fn() -> Option<(Value, i32)>,
    question: Option<Question>,
) -> pg_sys::Datum {
    let k = required_k(arguments, k_position);
    let people = match arguments.state(0) {
        Some(people) if question.is_none_or(|question| people.question == question) => people,
        Some(_) => error::raise(error::benchmark::changing_question()),
        None => arguments.allocate(People::new(question.unwrap_or_default())),
    };
    people.k = people.k.max(k);
    if let (Some(person), Some((value, decimals))) = (arguments.uuid(1), value()) {
        let has_time = arguments.count() > k_position + 1;
        let observed_at = has_time.then(|| arguments.datum(k_position + 1)).flatten();
        people.decimals = people.decimals.max(decimals);
        // A row without a time is older than every row with one.
        people.add(
            person,
            value,
            observed_at.map_or(i64::MIN, |time| time.value() as i64),
            (),
        );
    }
    pg_sys::Datum::from(std::ptr::from_mut(people))
}

fn null(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: Postgres passes a valid call info.
    unsafe { (*fcinfo).isnull = true };
    pg_sys::Datum::null()
}

fn result<T: IntoDatum>(fcinfo: FunctionCallInfo, value: Option<T>) -> pg_sys::Datum {
    value
        .and_then(IntoDatum::into_datum)
        .unwrap_or_else(|| null(fcinfo))
}

fn numeric(text: &str) -> Option<AnyNumeric> {
    AnyNumeric::from_str(text).ok()
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_count_step(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    step(
        &Arguments(fcinfo),
        2,
        || Some((Value::TenThousandths(0), 0)),
        None,
    )
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_avg_step(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let arguments = Arguments(fcinfo);
    step(&arguments, 3, || arguments.numeric(2), None)
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_percentile_step(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let arguments = Arguments(fcinfo);
    let question = || {
        let bits = arguments.datum(3).map(|datum| datum.value() as u64);
        match bits.map(f64::from_bits) {
            Some(fraction) if (0.0..=1.0).contains(&fraction) => Question {
                fraction,
                ..Question::default()
            },
            fraction => error::raise(error::benchmark::bad_argument(
                "fraction",
                &fraction.map_or("NULL".to_owned(), |fraction| fraction.to_string()),
                "a number from 0 to 1",
            )),
        }
    };
    step(&arguments, 4, || arguments.numeric(2), Some(question()))
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_histogram_step(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let arguments = Arguments(fcinfo);
    let question = || {
        let bound = |position| {
            arguments
                .numeric(position)
                .map(|(value, _)| value.decimal())
        };
        let (lower, upper) = (bound(3), bound(4));
        match (lower, upper, arguments.int(5)) {
            (Some(lower), Some(upper), Some(buckets @ 1..=1000)) if lower < upper => Question {
                lower,
                upper,
                buckets,
                ..Question::default()
            },
            (_, _, buckets) => error::raise(error::benchmark::bad_argument(
                "buckets",
                &buckets.map_or("NULL".to_owned(), |buckets| buckets.to_string()),
                "a lower bound below the upper one, and 1 to 1000 buckets",
            )),
        }
    };
    step(&arguments, 6, || arguments.numeric(2), Some(question()))
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_combine(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let arguments = Arguments(fcinfo);
    let people = match (arguments.state(0), arguments.state(1)) {
        (Some(people), Some(other)) if people.question != other.question => {
            let _ = people;
            error::raise(error::benchmark::changing_question())
        }
        (Some(people), Some(other)) => {
            people.merge(other);
            people
        }
        (Some(people), None) => people,
        (None, Some(other)) => {
            let mut people = People::new(other.question);
            people.merge(other);
            arguments.allocate(people)
        }
        (None, None) => return null(fcinfo),
    };
    pg_sys::Datum::from(std::ptr::from_mut(people))
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_serialize(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    result(fcinfo, Arguments(fcinfo).state(0).map(People::serialize))
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_deserialize(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let arguments = Arguments(fcinfo);
    // SAFETY: the argument is declared bytea.
    let people = arguments.datum(0).and_then(|datum| unsafe {
        let bytes = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
        People::from_bytes(pgrx::varlena::varlena_to_byte_slice(bytes))
    });
    match people {
        Some(people) => pg_sys::Datum::from(std::ptr::from_mut(arguments.allocate(people))),
        None => null(fcinfo),
    }
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_count_result(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    result(fcinfo, Arguments(fcinfo).state(0).and_then(People::count))
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_avg_result(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let average = Arguments(fcinfo).state(0).and_then(|people| {
        let count = people.count()?;
        // With the decimals of the values, so that the division rounds as avg does.
        let sum = people.sum().with_decimals(people.decimals);
        Some(numeric(&sum)? / AnyNumeric::from(count))
    });
    result(fcinfo, average)
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_percentile_result(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    let percentile = Arguments(fcinfo).state(0).and_then(People::percentile);
    result(
        fcinfo,
        percentile.and_then(|value| numeric(&value.to_string())),
    )
}

#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn k_anonymous_histogram_result(fcinfo: FunctionCallInfo) -> pg_sys::Datum {
    result(fcinfo, Arguments(fcinfo).state(0).and_then(People::buckets))
}

extension_sql_file!(
    "../../src/benchmark/aggregate.sql",
    name = "k_anonymous_aggregates"
);
