//! Rows as jsonb, written natively in the form in which jsonb is stored. No setting of the session
//! shows in it: times are in UTC, whoever writes.

use super::numeric;
use super::row::with_varlena;
use pgrx::{PgRelation, pg_sys};
use std::cell::UnsafeCell;

const STRING: u32 = 0x0000_0000;
const NUMERIC: u32 = 0x1000_0000;
const FALSE: u32 = 0x2000_0000;
const TRUE: u32 = 0x3000_0000;
const NULL: u32 = 0x4000_0000;
const CONTAINER: u32 = 0x5000_0000;
const HAS_OFFSET: u32 = 0x8000_0000;
const OBJECT: u32 = 0x2000_0000;
const SCALAR: u32 = 0x1000_0000;
const COUNT: u32 = 0x0FFF_FFFF;
/// Every so many children the end is stored instead of the length.
const STRIDE: usize = 32;

/// A value as a child of a container: its kind, and its place in the bytes of the row.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Child {
    kind: u32,
    start: usize,
    end: usize,
}

/// One row, its values ready to be put into objects.
#[derive(Default)]
pub struct Row {
    bytes: Vec<u8>,
    children: Vec<Child>,
}

impl Row {
    fn value(&self, column: usize) -> (u32, &[u8]) {
        let child = self.children[column];
        (child.kind, &self.bytes[child.start..child.end])
    }
}

enum Kind {
    Boolean,
    Integer {
        width: i16,
    },
    Numeric,
    Text,
    Uuid,
    TimestampTz,
    Jsonb,
    /// What Postgres' own to_jsonb makes of it.
    Other(Box<UnsafeCell<pg_sys::FmgrInfo>>),
}

pub struct Builder {
    /// Names, numbers and kinds of the columns, in the order of the keys of an object.
    columns: Vec<(Vec<u8>, usize, Kind)>,
    needs_settings: bool,
}

impl Builder {
    /// The current memory context must live as long as what it makes.
    pub fn new(relation: &PgRelation) -> Builder {
        let mut columns: Vec<(Vec<u8>, usize, Kind)> = relation
            .tuple_desc()
            .iter()
            .filter(|a| !a.is_dropped() && a.attgenerated != b'v' as i8)
            .map(|a| (a.name().into(), a.attnum as usize - 1, Kind::of(a.atttypid)))
            .collect();
        columns.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
        let needs_settings = columns
            .iter()
            .any(|column| matches!(column.2, Kind::Other(_)));
        Builder {
            columns,
            needs_settings,
        }
    }

    pub fn needs_settings(&self) -> bool {
        self.needs_settings
    }

    /// # Safety
    /// `values` and `nulls` are a deformed row of the builder's relation.
    pub unsafe fn read(&self, row: &mut Row, values: &[pg_sys::Datum], nulls: &[bool]) {
        row.bytes.clear();
        row.children.clear();
        for (_, index, kind) in &self.columns {
            // Numbers and containers begin at a multiple of four wherever they are put.
            let start = row.bytes.len().next_multiple_of(4);
            row.bytes.resize(start, 0);
            let kind = if nulls[*index] {
                NULL
            } else {
                // SAFETY: the caller vouches for the value.
                unsafe { kind.write(&mut row.bytes, values[*index]) }
            };
            row.children.push(Child {
                kind,
                start,
                end: row.bytes.len(),
            });
        }
    }

    /// The object of all columns, or of those in which two rows differ, as a jsonb datum in the
    /// current memory context.
    pub fn object(&self, row: &Row, other: Option<&Row>) -> pg_sys::Datum {
        let chosen: Vec<usize> = (0..self.columns.len())
            .filter(|column| other.is_none_or(|other| row.value(*column) != other.value(*column)))
            .collect();
        let mut out = vec![0; 4];
        let entries_at = out.len() + 4;
        out.extend_from_slice(&(chosen.len() as u32 | OBJECT).to_ne_bytes());
        out.resize(entries_at + 8 * chosen.len(), 0);
        let data_at = out.len();
        let mut entry = 0;
        let mut end_child = |out: &mut Vec<u8>, kind: u32, start: usize| {
            let end = out.len() - data_at;
            let length = if entry % STRIDE == 0 {
                end as u32 | HAS_OFFSET
            } else {
                (out.len() - start) as u32
            };
            let at = entries_at + 4 * entry;
            out[at..at + 4].copy_from_slice(&(length | kind).to_ne_bytes());
            entry += 1;
        };
        for column in &chosen {
            let start = out.len();
            out.extend_from_slice(&self.columns[*column].0);
            end_child(&mut out, STRING, start);
        }
        for column in &chosen {
            let start = out.len();
            let (kind, bytes) = row.value(*column);
            if kind == NUMERIC || kind == CONTAINER {
                out.resize(start.next_multiple_of(4), 0);
            }
            out.extend_from_slice(bytes);
            end_child(&mut out, kind, start);
        }
        let length = numeric::length_word(out.len());
        out[..4].copy_from_slice(&length);
        // SAFETY: palloc gives that many bytes or raises.
        unsafe {
            let copy = pg_sys::palloc(out.len()).cast::<u8>();
            copy.copy_from_nonoverlapping(out.as_ptr(), out.len());
            pg_sys::Datum::from(copy)
        }
    }
}

impl Kind {
    fn of(type_oid: pg_sys::Oid) -> Kind {
        // SAFETY: the type is that of a column.
        match unsafe { pg_sys::getBaseType(type_oid) } {
            pg_sys::BOOLOID => Kind::Boolean,
            pg_sys::INT2OID => Kind::Integer { width: 2 },
            pg_sys::INT4OID => Kind::Integer { width: 4 },
            pg_sys::INT8OID => Kind::Integer { width: 8 },
            pg_sys::NUMERICOID => Kind::Numeric,
            pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::BPCHAROID => Kind::Text,
            pg_sys::UUIDOID => Kind::Uuid,
            pg_sys::TIMESTAMPTZOID => Kind::TimestampTz,
            pg_sys::JSONBOID => Kind::Jsonb,
            _ => Kind::Other(Box::new(UnsafeCell::new(to_jsonb(type_oid)))),
        }
    }

    /// # Safety
    /// `datum` is a not-null value of this kind's type.
    unsafe fn write(&self, out: &mut Vec<u8>, datum: pg_sys::Datum) -> u32 {
        // SAFETY: the caller vouches for the type; each arm reads its type as Postgres stores it.
        unsafe {
            match self {
                Kind::Boolean if datum.value() & 0xFF != 0 => TRUE,
                Kind::Boolean => FALSE,
                Kind::Integer { width } => {
                    let value = match width {
                        2 => datum.value() as i16 as i64,
                        4 => datum.value() as i32 as i64,
                        _ => datum.value() as i64,
                    };
                    numeric::from_integer(out, value);
                    NUMERIC
                }
                Kind::Numeric => {
                    let mut kind = NUMERIC;
                    with_varlena(datum, |payload| {
                        if payload.get(1).is_some_and(|high| high & 0xC0 == 0xC0) {
                            // JSON has no NaN and no infinity; to_jsonb makes strings of them.
                            numeric::digits(out, payload);
                            kind = STRING;
                        } else {
                            out.extend_from_slice(&numeric::length_word(payload.len() + 4));
                            out.extend_from_slice(payload);
                        }
                    });
                    kind
                }
                Kind::Text => {
                    with_varlena(datum, |text| out.extend_from_slice(text));
                    STRING
                }
                Kind::Uuid => {
                    uuid(out, &*datum.cast_mut_ptr::<[u8; 16]>());
                    STRING
                }
                Kind::TimestampTz => {
                    timestamptz(out, datum.value() as i64);
                    STRING
                }
                Kind::Jsonb => {
                    let mut kind = NULL;
                    with_varlena(datum, |jsonb| kind = embed(out, jsonb));
                    kind
                }
                Kind::Other(function) => {
                    let jsonb = pg_sys::FunctionCall1Coll(
                        function.get(),
                        pg_sys::DEFAULT_COLLATION_OID,
                        datum,
                    );
                    let mut kind = NULL;
                    with_varlena(jsonb, |jsonb| kind = embed(out, jsonb));
                    kind
                }
            }
        }
    }
}

/// The jsonb as a child: a container as it is, a scalar out of the array that it is stored in.
fn embed(out: &mut Vec<u8>, jsonb: &[u8]) -> u32 {
    let word = |index: usize| {
        jsonb
            .get(4 * index..4 * index + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u32::from_ne_bytes)
    };
    if word(0) & SCALAR == 0 || word(0) & COUNT != 1 {
        out.extend_from_slice(jsonb);
        return CONTAINER;
    }
    out.extend_from_slice(jsonb.get(8..).unwrap_or_default());
    word(1) & 0x7000_0000
}

/// to_jsonb, told which type it is called with.
fn to_jsonb(type_oid: pg_sys::Oid) -> pg_sys::FmgrInfo {
    let oid = pg_sys::Oid::from(pg_sys::F_TO_JSONB);
    // SAFETY: the function exists in every database; the expression that names the argument's
    // type is allocated in the current memory context, which lives as long as the builder.
    unsafe {
        let mut function = pg_sys::FmgrInfo::default();
        pg_sys::fmgr_info(oid, &mut function);
        let argument = pg_sys::makeNullConst(type_oid, -1, pg_sys::InvalidOid);
        let arguments = pg_sys::lappend(std::ptr::null_mut(), argument.cast());
        function.fn_expr = pg_sys::makeFuncExpr(
            oid,
            pg_sys::JSONBOID,
            arguments,
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast();
        function
    }
}

pub fn uuid(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// ISO 8601 in UTC, as to_jsonb writes it where TimeZone is UTC.
fn timestamptz(out: &mut Vec<u8>, microseconds: i64) {
    const DAY: i64 = 86_400_000_000;
    let (day, rest) = match microseconds {
        i64::MAX => return out.extend_from_slice(b"infinity"),
        i64::MIN => return out.extend_from_slice(b"-infinity"),
        finite => (finite.div_euclid(DAY), finite.rem_euclid(DAY)),
    };
    let (year, month, day) = civil(day);
    let (shown, era) = if year > 0 {
        (year, "")
    } else {
        (1 - year, " BC")
    };
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    padded(out, shown, 4);
    for (mark, number) in [
        (b'-', month),
        (b'-', day),
        (b'T', seconds / 3600),
        (b':', seconds / 60 % 60),
        (b':', seconds % 60),
    ] {
        out.push(mark);
        padded(out, number, 2);
    }
    if fraction != 0 {
        out.push(b'.');
        padded(out, fraction, 6);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.extend_from_slice(b"+00:00");
    out.extend_from_slice(era.as_bytes());
}

/// The digits of a number, with zeros before them up to a width.
fn padded(out: &mut Vec<u8>, mut number: i64, width: usize) {
    let start = out.len();
    while number > 0 || out.len() - start < width {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    out[start..].reverse();
}

/// Year, month and day of a number of days since 2000-01-01 in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that a leap day ends a year.
    let days = days + 730_425;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
