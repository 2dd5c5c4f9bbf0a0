//! `name`, Postgres' type for the names of its objects, as an argument.

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, pg_sys};
use std::ffi::CStr;

pub struct Name(pub String);

impl Name {
    /// As a list of one.
    pub fn alone(self) -> Vec<String> {
        vec![self.0]
    }
}

impl FromDatum for Name {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _type: pg_sys::Oid,
    ) -> Option<Name> {
        // SAFETY: a datum of type name points to a NUL-terminated string.
        (!is_null).then(|| {
            let text = unsafe { CStr::from_ptr(datum.cast_mut_ptr()) };
            Name(text.to_string_lossy().into_owned())
        })
    }
}

// SAFETY: the argument's SQL type is name, which `from_polymorphic_datum` reads.
unsafe impl<'fcx> ArgAbi<'fcx> for Name {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Name {
        // SAFETY: as the trait promises.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Name(String::new()))
    }
}

// SAFETY: `name` is what the implementations above read.
unsafe impl SqlTranslatable for Name {
    const TYPE_IDENT: &'static str = "community_core::counter::Name";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("name"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("name")));
}
