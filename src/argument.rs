//! Types of arguments that anybody may get wrong: each says so in the caller's terms, where pgrx and
//! Postgres would call it an internal error.

use crate::error;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, PgRelation, pg_sys};
use serde_json::Value;
use std::ffi::CStr;

/// A relation that is there, by its OID: `regclass`. It is not opened, and no lock is held.
#[derive(Clone, Copy)]
pub struct Regclass(pg_sys::Oid);

impl Regclass {
    fn of(oid: pg_sys::Oid) -> Regclass {
        // SAFETY: a look into the catalogue's cache; any OID is acceptable.
        if unsafe { pg_sys::get_rel_relkind(oid) } == 0 {
            error::raise(error::undefined_relation(oid));
        }
        Regclass(oid)
    }

    pub fn oid(self) -> pg_sys::Oid {
        self.0
    }

    /// Opened for reading.
    pub fn open(self) -> PgRelation {
        // SAFETY: relation_open raises an ordinary ERROR for what is gone meanwhile. PgRelation
        // gives the lock back when it is dropped.
        unsafe { PgRelation::with_lock(self.0, pg_sys::AccessShareLock as pg_sys::LOCKMODE) }
    }
}

impl FromDatum for Regclass {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Regclass> {
        if is_null {
            return None;
        }
        // SAFETY: a datum of type regclass is an OID.
        unsafe { pg_sys::Oid::from_datum(datum, false) }.map(Regclass::of)
    }
}

/// The same for what is asked for every row: whether it is there is found out when it matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference(pg_sys::Oid);

impl Reference {
    pub fn look_up(self) -> Regclass {
        Regclass::of(self.0)
    }
}

impl FromDatum for Reference {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Reference> {
        // SAFETY: a datum of type regclass is an OID.
        unsafe { pg_sys::Oid::from_datum(datum, is_null) }.map(Reference)
    }
}

/// An array without NULLs: `text[]`.
pub struct Texts(pub Vec<String>);

impl FromDatum for Texts {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        type_oid: pg_sys::Oid,
    ) -> Option<Texts> {
        // SAFETY: as the caller promises.
        let texts: Vec<Option<String>> =
            unsafe { FromDatum::from_polymorphic_datum(datum, is_null, type_oid) }?;
        let whole = texts.into_iter().collect::<Option<Vec<_>>>();
        Some(Texts(
            whole.unwrap_or_else(|| error::raise(error::null_element())),
        ))
    }
}

/// A document: `jsonb`.
pub struct Document(pub Value);

impl FromDatum for Document {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Document> {
        if is_null {
            return None;
        }
        // SAFETY: the datum is a jsonb, and jsonb_out gives its text.
        let text =
            unsafe { pgrx::direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) }?;
        // jsonb is well-formed; what serde_json does not take is nested deeper than it goes.
        let value = serde_json::from_slice(text.to_bytes());
        Some(Document(
            value.unwrap_or_else(|_| error::raise(error::too_deep())),
        ))
    }
}

macro_rules! argument {
    ($type:ident, $sql:literal) => {
        // SAFETY: the argument's SQL type is what `from_polymorphic_datum` reads.
        unsafe impl<'fcx> ArgAbi<'fcx> for $type {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> $type {
                // SAFETY: as the trait promises.
                unsafe { arg.unbox_arg_using_from_datum() }
                    .unwrap_or_else(|| error::raise(error::null_argument($sql)))
            }
        }

        // SAFETY: as above.
        unsafe impl SqlTranslatable for $type {
            const TYPE_IDENT: &'static str =
                concat!("community_core::argument::", stringify!($type));
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
                Ok(SqlMappingRef::literal($sql));
            const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal($sql)));
        }
    };
}

argument!(Regclass, "regclass");
argument!(Reference, "regclass");
argument!(Texts, "text[]");
argument!(Document, "jsonb");
