//! From the stored columns of a row to the canonical bytes of its entry. Each value is read from
//! its own bytes; nothing goes through text that a setting could change.

use super::encoding::{self, Subject};
use super::hash;
use super::jsonb::{self, ToUtf8};
use super::numeric;
use crate::{catalog, error};
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// How the values of a type are read.
enum Kind {
    Boolean,
    Integer {
        width: i16,
    },
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Name,
    Enum {
        output: pg_sys::Oid,
    },
    Bytes,
    Uuid,
    TimestampTz,
    Timestamp,
    Date,
    Time,
    Interval,
    Jsonb,
    Array {
        element: Box<Kind>,
        type_oid: pg_sys::Oid,
        length: i16,
        by_value: bool,
        align: i8,
    },
    Other {
        output: pg_sys::Oid,
        name: Vec<u8>,
    },
}

impl Field {
    /// Where its value stands in a deformed row.
    fn index(&self) -> usize {
        self.number as usize - 1
    }
}

struct Field {
    name: Vec<u8>,
    /// Counted from 1, dropped columns included; a column added later has a higher one.
    number: i16,
    kind: Kind,
    /// The place of the column in the list of erasable columns.
    erasable: Option<usize>,
}

/// Salts and, after an erasure, what is left of the values: 32 bytes for each erasable column,
/// zeros where there is none.
#[derive(Clone, Copy, Default)]
pub struct Slots<'a> {
    pub salt: &'a [u8],
    pub erased: &'a [u8],
}

impl<'a> Slots<'a> {
    fn slot(bytes: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let slot = bytes.get(32 * index..32 * index + 32)?;
        slot.iter().any(|byte| *byte != 0).then_some(slot)
    }

    pub fn salt_of(&self, index: usize) -> Option<&'a [u8]> {
        Self::slot(self.salt, index)
    }

    pub fn erased_of(&self, index: usize) -> Option<&'a [u8]> {
        Self::slot(self.erased, index)
    }
}

pub struct Encoder {
    fields: Vec<Field>,
    subject: Subject,
    to_utf8: ToUtf8,
    /// Room for a value that is hashed before its entry.
    value: Cell<Vec<u8>>,
    pub needs_settings: bool,
}

/// The settings under which the text of a type without an encoding of its own is made.
pub const TEXT_SETTINGS: [(&CStr, &str); 7] = [
    (c"DateStyle", "ISO, YMD"),
    (c"IntervalStyle", "postgres"),
    (c"TimeZone", "UTC"),
    (c"extra_float_digits", "1"),
    (c"bytea_output", "hex"),
    (c"lc_monetary", "C"),
    (c"xmlbinary", "base64"),
];

impl Encoder {
    /// For rows of `relation`, whose `erasable` columns enter as commitments.
    pub fn new(relation: &pgrx::PgRelation, subject: Subject, erasable: &[String]) -> Encoder {
        let to_utf8 = to_utf8();
        let convert = |text: &str| to_utf8.map_or_else(|| text.into(), |f| f(text.as_bytes()));
        let mut fields = Vec::new();
        let mut needs_settings = false;
        for attribute in relation.tuple_desc().iter() {
            // A virtual generated column is computed when read: nothing of it is stored.
            if attribute.is_dropped() || attribute.attgenerated == b'v' as i8 {
                continue;
            }
            let kind = Kind::of(attribute.atttypid, &mut needs_settings);
            fields.push(Field {
                name: convert(attribute.name()),
                number: attribute.attnum,
                kind,
                erasable: erasable.iter().position(|name| name == attribute.name()),
            });
        }
        Encoder {
            fields,
            subject,
            to_utf8,
            value: Cell::default(),
            needs_settings,
        }
    }

    /// The highest column number: which columns an entry made now consists of.
    pub fn columns(&self) -> i16 {
        self.fields.last().map_or(0, |field| field.number)
    }

    /// A fresh salt for each erasable value of the row, zeros for each that is NULL.
    pub fn salt(&self, erasable: usize, nulls: &[bool]) -> Vec<u8> {
        let mut salt = vec![0; 32 * erasable];
        for field in &self.fields {
            if let Some(index) = field.erasable.filter(|_| !nulls[field.index()]) {
                random(&mut salt[32 * index..32 * index + 32]);
            }
        }
        salt
    }

    /// Writes the entry's canonical bytes into `out`, with the columns numbered up to `columns`.
    ///
    /// # Safety
    /// `values` and `nulls` are the columns of a row of this encoder's relation, deformed.
    pub unsafe fn encode(
        &self,
        out: &mut Vec<u8>,
        values: &[pg_sys::Datum],
        nulls: &[bool],
        columns: i16,
        slots: Slots,
    ) {
        let mut value_bytes = self.value.take();
        let count = self
            .fields
            .iter()
            .filter(|field| field.number <= columns)
            .count();
        encoding::begin(out, self.subject, count);
        for field in self.fields.iter().filter(|field| field.number <= columns) {
            encoding::name(out, &field.name);
            let is_null = nulls[field.index()];
            let erased = field.erasable.and_then(|index| slots.erased_of(index));
            let salt = field.erasable.and_then(|index| slots.salt_of(index));
            match (erased, salt) {
                (Some(commitment), _) if is_null => encoding::commitment(out, commitment),
                (_, Some(salt)) => {
                    value_bytes.clear();
                    // SAFETY: the caller vouches for the value.
                    unsafe { self.value(&mut value_bytes, field, values[field.index()], is_null) };
                    encoding::commitment(out, &hash::commitment(salt, &value_bytes));
                }
                // SAFETY: the caller vouches for the value.
                _ => unsafe { self.value(out, field, values[field.index()], is_null) },
            }
        }
        self.value.set(value_bytes);
    }

    /// The bytes of the erasable column `index`, to which an entry commits.
    ///
    /// # Safety
    /// As for [`Encoder::encode`].
    pub unsafe fn erasable_value(
        &self,
        index: usize,
        values: &[pg_sys::Datum],
        nulls: &[bool],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(field) = self
            .fields
            .iter()
            .find(|field| field.erasable == Some(index))
        {
            // SAFETY: the caller vouches for the value.
            unsafe {
                self.value(
                    &mut bytes,
                    field,
                    values[field.index()],
                    nulls[field.index()],
                )
            };
        }
        bytes
    }

    unsafe fn value(&self, out: &mut Vec<u8>, field: &Field, datum: pg_sys::Datum, is_null: bool) {
        if is_null {
            encoding::null(out);
        } else {
            // SAFETY: the value is not null and of the field's type.
            unsafe { field.kind.encode(out, datum, self.to_utf8) }
        }
    }
}

impl Kind {
    fn of(type_oid: pg_sys::Oid, needs_settings: &mut bool) -> Kind {
        // SAFETY: the catalogue functions below take any type that a column has.
        unsafe {
            let base = pg_sys::getBaseType(type_oid);
            match base {
                pg_sys::BOOLOID => Kind::Boolean,
                pg_sys::INT2OID => Kind::Integer { width: 2 },
                pg_sys::INT4OID => Kind::Integer { width: 4 },
                // Money is a whole number of the smallest unit; how many make one is a setting.
                pg_sys::INT8OID | pg_sys::MONEYOID => Kind::Integer { width: 8 },
                pg_sys::OIDOID => Kind::Oid,
                pg_sys::FLOAT4OID => Kind::Float4,
                pg_sys::FLOAT8OID => Kind::Float8,
                pg_sys::NUMERICOID => Kind::Numeric,
                pg_sys::TEXTOID
                | pg_sys::VARCHAROID
                | pg_sys::BPCHAROID
                | pg_sys::JSONOID
                | pg_sys::XMLOID => Kind::Text,
                pg_sys::NAMEOID => Kind::Name,
                pg_sys::BYTEAOID => Kind::Bytes,
                pg_sys::UUIDOID => Kind::Uuid,
                pg_sys::TIMESTAMPTZOID => Kind::TimestampTz,
                pg_sys::TIMESTAMPOID => Kind::Timestamp,
                pg_sys::DATEOID => Kind::Date,
                pg_sys::TIMEOID => Kind::Time,
                pg_sys::INTERVALOID => Kind::Interval,
                pg_sys::JSONBOID => Kind::Jsonb,
                _ if pg_sys::type_is_enum(base) => Kind::Enum {
                    output: output_function(base),
                },
                _ => {
                    let element = pg_sys::get_base_element_type(base);
                    if element != pg_sys::InvalidOid {
                        let (mut length, mut by_value, mut align) = (0, false, 0);
                        pg_sys::get_typlenbyvalalign(
                            element,
                            &mut length,
                            &mut by_value,
                            &mut align,
                        );
                        let kind = Box::new(Kind::of(element, needs_settings));
                        return Kind::Array {
                            element: kind,
                            type_oid: element,
                            length,
                            by_value,
                            align,
                        };
                    }
                    *needs_settings = true;
                    let name = catalog::type_name(base, -1).into_bytes();
                    Kind::Other {
                        output: output_function(base),
                        name,
                    }
                }
            }
        }
    }

    /// # Safety
    /// `datum` is a not-null value of this kind's type.
    unsafe fn encode(&self, out: &mut Vec<u8>, datum: pg_sys::Datum, to_utf8: ToUtf8) {
        let text = |out: &mut Vec<u8>, bytes: &[u8]| match to_utf8 {
            None => encoding::text(out, bytes),
            Some(convert) => encoding::text(out, &convert(bytes)),
        };
        // SAFETY: the caller vouches for the type; each arm reads its type as Postgres stores it.
        unsafe {
            match self {
                Kind::Boolean => encoding::boolean(out, datum.value() & 0xFF != 0),
                Kind::Integer { width: 2 } => encoding::integer(out, datum.value() as i16 as i64),
                Kind::Integer { width: 4 } => encoding::integer(out, datum.value() as i32 as i64),
                Kind::Integer { .. } => encoding::integer(out, datum.value() as i64),
                Kind::Oid => encoding::integer(out, datum.value() as u32 as i64),
                Kind::Float4 => encoding::float4(out, f32::from_bits(datum.value() as u32)),
                Kind::Float8 => encoding::float8(out, f64::from_bits(datum.value() as u64)),
                Kind::Numeric => with_varlena(datum, |payload| {
                    let mut digits = Vec::with_capacity(24);
                    numeric::digits(&mut digits, payload);
                    encoding::decimal(out, &digits);
                }),
                Kind::Text => with_varlena(datum, |payload| text(out, payload)),
                Kind::Name => text(out, CStr::from_ptr(datum.cast_mut_ptr()).to_bytes()),
                Kind::Enum { output } => {
                    let label = pg_sys::OidOutputFunctionCall(*output, datum);
                    text(out, CStr::from_ptr(label).to_bytes());
                    pg_sys::pfree(label.cast());
                }
                Kind::Bytes => with_varlena(datum, |payload| encoding::bytes(out, payload)),
                Kind::Uuid => encoding::uuid(out, &*datum.cast_mut_ptr::<[u8; 16]>()),
                Kind::TimestampTz => encoding::timestamptz(out, datum.value() as i64),
                Kind::Timestamp => encoding::timestamp(out, datum.value() as i64),
                Kind::Date => encoding::date(out, datum.value() as i32),
                Kind::Time => encoding::time(out, datum.value() as i64),
                Kind::Interval => {
                    let interval = &*datum.cast_mut_ptr::<pg_sys::Interval>();
                    encoding::interval(out, interval.month, interval.day, interval.time);
                }
                Kind::Jsonb => with_varlena(datum, |payload| {
                    encoding::jsonb(out);
                    jsonb::encode(out, payload, to_utf8);
                }),
                Kind::Array {
                    element,
                    type_oid,
                    length,
                    by_value,
                    align,
                } => {
                    let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr());
                    let header = array.cast::<pg_sys::ArrayType>();
                    let dimensions = usize::try_from((*header).ndim).unwrap_or(0);
                    let numbers = header.add(1).cast::<i32>();
                    encoding::array(
                        out,
                        (0..dimensions).map(|i| (*numbers.add(i), *numbers.add(dimensions + i))),
                    );
                    let mut values = std::ptr::null_mut();
                    let mut nulls = std::ptr::null_mut();
                    let mut count = 0;
                    pg_sys::deconstruct_array(
                        header,
                        *type_oid,
                        i32::from(*length),
                        *by_value,
                        *align,
                        &mut values,
                        &mut nulls,
                        &mut count,
                    );
                    for index in 0..usize::try_from(count).unwrap_or(0) {
                        if *nulls.add(index) {
                            encoding::null(out);
                        } else {
                            element.encode(out, *values.add(index), to_utf8);
                        }
                    }
                    pg_sys::pfree(values.cast());
                    pg_sys::pfree(nulls.cast());
                    if array.cast() != datum.cast_mut_ptr::<pg_sys::varlena>() {
                        pg_sys::pfree(array.cast());
                    }
                }
                Kind::Other { output, name } => {
                    let shown = pg_sys::OidOutputFunctionCall(*output, datum);
                    let bytes = CStr::from_ptr(shown).to_bytes();
                    match to_utf8 {
                        None => encoding::other(out, name, bytes),
                        Some(convert) => encoding::other(out, name, &convert(bytes)),
                    }
                    pg_sys::pfree(shown.cast());
                }
            }
        }
    }
}

fn output_function(type_oid: pg_sys::Oid) -> pg_sys::Oid {
    let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
    // SAFETY: the type is that of a column; both results are written before the call returns.
    unsafe { pg_sys::getTypeOutputInfo(type_oid, &mut output, &mut is_varlena) };
    output
}

/// The bytes of a variable-length value, decompressed and fetched if need be.
///
/// # Safety
/// `datum` points to a varlena.
pub unsafe fn with_varlena(datum: pg_sys::Datum, read: impl FnOnce(&[u8])) {
    // SAFETY: the caller vouches for the pointer; a detoasted copy lives until it is freed below.
    unsafe {
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        let plain = pg_sys::pg_detoast_datum_packed(stored);
        let bytes = pgrx::varlena::vardata_any(plain).cast::<u8>();
        read(std::slice::from_raw_parts(
            bytes,
            pgrx::varlena::varsize_any_exhdr(plain),
        ));
        if plain != stored {
            pg_sys::pfree(plain.cast());
        }
    }
}

/// None in a UTF-8 database, and in SQL_ASCII, which does not know what its bytes mean.
pub fn to_utf8() -> ToUtf8 {
    // SAFETY: reads the database's encoding, set at the start of the backend.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        pg_sys::pg_enc::PG_UTF8 | pg_sys::pg_enc::PG_SQL_ASCII => None,
        _ => Some(|bytes| {
            let source = CString::new(bytes).unwrap_or_default();
            // SAFETY: the source is text in the database's encoding and NUL-terminated; the
            // result is a NUL-terminated string, the source itself where nothing changes.
            unsafe {
                let length = source.as_bytes().len() as i32;
                let utf8 = pg_sys::pg_server_to_any(
                    source.as_ptr(),
                    length,
                    pg_sys::pg_enc::PG_UTF8 as i32,
                );
                CStr::from_ptr(utf8).to_bytes().to_vec()
            }
        }),
    }
}

/// Fills `bytes` from the system's source, in larger portions than one salt.
fn random(bytes: &mut [u8]) {
    use std::cell::RefCell;
    thread_local! {
        static POOL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    POOL.with_borrow_mut(|pool| {
        if pool.len() < bytes.len() {
            pool.resize(4096, 0);
            // SAFETY: the pool is exactly that long.
            let filled = unsafe { pg_sys::pg_strong_random(pool.as_mut_ptr().cast(), pool.len()) };
            if !filled {
                pool.clear();
                error::raise(error::audit::no_randomness());
            }
        }
        let rest = pool.len() - bytes.len();
        bytes.copy_from_slice(&pool[rest..]);
        pool.truncate(rest);
    });
}
