//! The primary keys by which seals name their entries.

use pgrx::FromDatum;
use pgrx::pg_sys;
use pgrx::{IntoDatum, Uuid};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    Uuid,
    Integer,
    Text,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Key {
    Uuid([u8; 16]),
    Integer(i64),
    Text(String),
}

impl KeyKind {
    /// None for a type that no seal can name.
    pub fn of(type_oid: pg_sys::Oid) -> Option<KeyKind> {
        match type_oid {
            pg_sys::UUIDOID => Some(KeyKind::Uuid),
            pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => Some(KeyKind::Integer),
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Some(KeyKind::Text),
            _ => None,
        }
    }

    /// The type in which keys of this kind are handed to SQL.
    pub fn sql(self) -> &'static str {
        match self {
            KeyKind::Uuid => "uuid",
            KeyKind::Integer => "int8",
            KeyKind::Text => "text",
        }
    }

    pub fn oid(self) -> pg_sys::Oid {
        match self {
            KeyKind::Uuid => pg_sys::UUIDOID,
            KeyKind::Integer => pg_sys::INT8OID,
            KeyKind::Text => pg_sys::TEXTOID,
        }
    }

    pub fn array_oid(self) -> pg_sys::Oid {
        match self {
            KeyKind::Uuid => pg_sys::UUIDARRAYOID,
            KeyKind::Integer => pg_sys::INT8ARRAYOID,
            KeyKind::Text => pg_sys::TEXTARRAYOID,
        }
    }
}

impl Key {
    /// # Safety
    /// `datum` is a not-null value of `type_oid`, one of the types of [`KeyKind::of`].
    pub unsafe fn from_datum(datum: pg_sys::Datum, type_oid: pg_sys::Oid) -> Key {
        // SAFETY: the caller vouches for the type, and each type is read as itself.
        unsafe {
            match type_oid {
                pg_sys::UUIDOID => Key::Uuid(*datum.cast_mut_ptr::<[u8; 16]>()),
                pg_sys::INT2OID => Key::Integer(datum.value() as i16 as i64),
                pg_sys::INT4OID => Key::Integer(datum.value() as i32 as i64),
                pg_sys::INT8OID => Key::Integer(datum.value() as i64),
                _ => Key::Text(String::from_datum(datum, false).unwrap_or_default()),
            }
        }
    }
}

impl Key {
    /// As a value of the kind's type; a uuid's lives as long as the key.
    pub fn datum(&self) -> Option<pg_sys::Datum> {
        match self {
            Key::Uuid(bytes) => Some(pg_sys::Datum::from(bytes.as_ptr())),
            Key::Integer(value) => value.into_datum(),
            Key::Text(text) => text.as_str().into_datum(),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Uuid(bytes) => write!(f, "{}", Uuid::from_bytes(*bytes)),
            Key::Integer(value) => write!(f, "{value}"),
            Key::Text(text) => f.write_str(text),
        }
    }
}

/// The keys of many entries of one log, as SQL takes them.
pub fn to_array(kind: KeyKind, keys: &[Key]) -> Option<pg_sys::Datum> {
    let (length, by_value, align) = match kind {
        KeyKind::Uuid => (16, false, b'c'),
        KeyKind::Integer => (8, true, b'd'),
        KeyKind::Text => (-1, false, b'i'),
    };
    let mut datums: Vec<pg_sys::Datum> = keys.iter().filter_map(Key::datum).collect();
    // SAFETY: every datum is of the element's type, and lives until it is copied into the array.
    let array = unsafe {
        pg_sys::construct_array(
            datums.as_mut_ptr(),
            datums.len() as i32,
            kind.oid(),
            length,
            by_value,
            align as i8,
        )
    };
    Some(pg_sys::Datum::from(array))
}

/// # Safety
/// `datum` is an array of the kind's SQL type without NULLs.
pub unsafe fn from_array(kind: KeyKind, datum: pg_sys::Datum) -> Vec<Key> {
    // SAFETY: the caller vouches for the type.
    unsafe {
        match kind {
            KeyKind::Uuid => Vec::<Uuid>::from_datum(datum, false)
                .unwrap_or_default()
                .into_iter()
                .map(|uuid| Key::Uuid(*uuid.as_bytes()))
                .collect(),
            KeyKind::Integer => Vec::<i64>::from_datum(datum, false)
                .unwrap_or_default()
                .into_iter()
                .map(Key::Integer)
                .collect(),
            KeyKind::Text => Vec::<String>::from_datum(datum, false)
                .unwrap_or_default()
                .into_iter()
                .map(Key::Text)
                .collect(),
        }
    }
}
