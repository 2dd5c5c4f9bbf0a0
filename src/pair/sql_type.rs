//! `contact_pair` as a type of Postgres: 32 bytes, compared as bytes, indexable by btree and hash.

use super::value::{ContactPair, parse};
use crate::error;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, Internal};
use pgrx::nullable::Nullable;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;
use pgrx::{FromDatum, IntoDatum, Uuid, pgrx_resolved_type};
use std::ffi::{CStr, CString};

extension_sql!(
    "CREATE TYPE contact_pair;",
    name = "contact_pair_shell",
    creates = [Type(ContactPair)],
    // Needs nothing of them, but has a place in the install script, the same in every build.
    requires = ["k_anonymous_aggregates"]
);

// SAFETY: the type is declared by the SQL above under the name that stands here.
unsafe impl SqlTranslatable for ContactPair {
    const TYPE_IDENT: &'static str = pgrx_resolved_type!(ContactPair);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::ThisExtension;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("contact_pair"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("contact_pair")));
}

impl FromDatum for ContactPair {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<ContactPair> {
        if is_null {
            return None;
        }
        // SAFETY: a value of the type is passed by reference and has 32 bytes, aligned to one.
        Some(unsafe { *datum.cast_mut_ptr::<ContactPair>() })
    }
}

impl IntoDatum for ContactPair {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // SAFETY: palloc gives that many bytes or raises.
        let place = unsafe { pg_sys::palloc(size_of::<ContactPair>()) }.cast::<ContactPair>();
        // SAFETY: freshly allocated, large enough, and any alignment will do for bytes.
        unsafe { place.write(self) };
        Some(place.into())
    }

    fn type_oid() -> pg_sys::Oid {
        pgrx::wrappers::rust_regtypein::<ContactPair>()
    }
}

// SAFETY: the argument is of the type named above, and read as such.
unsafe impl<'fcx> ArgAbi<'fcx> for ContactPair {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> ContactPair {
        // SAFETY: only reached for strict functions, whose arguments are not NULL.
        unsafe { arg.unbox_arg_using_from_datum() }
            .unwrap_or_else(|| error::raise(error::null_argument("contact_pair")))
    }

    unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<ContactPair> {
        // SAFETY: as above, with NULL told apart.
        unsafe { arg.unbox_arg_using_from_datum().into() }
    }
}

// SAFETY: returns a datum of the type named above.
unsafe impl BoxRet for ContactPair {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: allocated in the caller's memory context by into_datum.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_in(text: &CStr) -> ContactPair {
    let text = text.to_string_lossy();
    let Some((one, other)) = parse(&text) else {
        error::raise(error::pair::malformed(&text))
    };
    paired(Uuid::from_bytes(one), Uuid::from_bytes(other))
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_out(pair: ContactPair) -> CString {
    CString::new(pair.to_string()).unwrap_or_default()
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_recv(message: Internal) -> ContactPair {
    let Some(buffer) = message.unwrap() else {
        error::raise(error::null_argument("message"))
    };
    let mut bytes = [0; 32];
    // SAFETY: a receive function is called with a StringInfo; pq_copymsgbytes raises where fewer
    // bytes are left in it.
    unsafe { pg_sys::pq_copymsgbytes(buffer.cast_mut_ptr(), bytes.as_mut_ptr().cast(), 32) };
    let (one, other) = ContactPair::ids(&bytes);
    paired(Uuid::from_bytes(one), Uuid::from_bytes(other))
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_send(pair: ContactPair) -> Vec<u8> {
    pair.to_bytes().to_vec()
}

extension_sql!(
    "CREATE TYPE contact_pair (
        INPUT = contact_pair_in, OUTPUT = contact_pair_out,
        RECEIVE = contact_pair_recv, SEND = contact_pair_send,
        INTERNALLENGTH = 32, ALIGNMENT = char, STORAGE = plain
    );",
    name = "contact_pair_type",
    requires = [
        "contact_pair_shell",
        contact_pair_in,
        contact_pair_out,
        contact_pair_recv,
        contact_pair_send
    ]
);

fn paired(one: Uuid, other: Uuid) -> ContactPair {
    ContactPair::new(*one.as_bytes(), *other.as_bytes())
        .unwrap_or_else(|| error::raise(error::pair::one_person(&one.to_string())))
}

/// Two people as one value, the same whoever is named first.
///
/// - `a`, `b`: the two; neither may be NULL (22004), and they must differ (22023).
///
/// Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.contact_pair(recipient_id, requester_id) FROM founders.founder_connections;
/// ```
#[pg_extern(immutable, parallel_safe)]
fn contact_pair(a: Option<Uuid>, b: Option<Uuid>) -> ContactPair {
    match (a, b) {
        (Some(a), Some(b)) => paired(a, b),
        (None, _) => error::raise(error::null_argument("a")),
        (_, None) => error::raise(error::null_argument("b")),
    }
}

/// The lower id of a pair, as uuid orders. NULL for NULL. Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.pair_low(community_core.contact_pair(a, b)) = LEAST(a, b);
/// ```
#[pg_extern(immutable, strict, parallel_safe)]
fn pair_low(pair: ContactPair) -> Uuid {
    Uuid::from_bytes(pair.low)
}

/// The higher id of a pair, as uuid orders. NULL for NULL. Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.pair_high(community_core.contact_pair(a, b)) = GREATEST(a, b);
/// ```
#[pg_extern(immutable, strict, parallel_safe)]
fn pair_high(pair: ContactPair) -> Uuid {
    Uuid::from_bytes(pair.high)
}

/// Both ids, the lower first: what the cast to `uuid[]` gives. Immutable, parallel safe.
#[pg_extern(immutable, strict, parallel_safe)]
fn pair_members(pair: ContactPair) -> Vec<Uuid> {
    vec![Uuid::from_bytes(pair.low), Uuid::from_bytes(pair.high)]
}

/// The pair of the two ids of an array: what the cast from `uuid[]` gives. Errors: 22023 not two
/// ids, or twice the same. Immutable, parallel safe.
#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_of(members: Vec<Option<Uuid>>) -> ContactPair {
    match members.as_slice() {
        [Some(a), Some(b)] => paired(*a, *b),
        _ => error::raise(error::pair::not_two(members.len())),
    }
}

macro_rules! comparison {
    ($($name:ident $operator:tt),*) => {
        $(#[pg_extern(immutable, strict, parallel_safe)]
        fn $name(a: ContactPair, b: ContactPair) -> bool {
            a $operator b
        })*
    };
}
comparison! { contact_pair_eq ==, contact_pair_ne !=, contact_pair_lt <, contact_pair_le <=, contact_pair_gt >, contact_pair_ge >= }

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_cmp(a: ContactPair, b: ContactPair) -> i32 {
    a.cmp(&b) as i32
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_hash(pair: ContactPair) -> i32 {
    pair.hash(0) as i32
}

#[pg_extern(immutable, strict, parallel_safe)]
fn contact_pair_hash_extended(pair: ContactPair, seed: i64) -> i64 {
    pair.hash(seed as u64) as i64
}

extension_sql!(
    r#"
CREATE OPERATOR = (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR <> (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR < (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR <= (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR > (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR >= (LEFTARG = contact_pair, RIGHTARG = contact_pair, FUNCTION = contact_pair_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR CLASS contact_pair_btree DEFAULT FOR TYPE contact_pair USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 contact_pair_cmp(contact_pair, contact_pair), FUNCTION 4 btequalimage(oid);
CREATE OPERATOR CLASS contact_pair_hash DEFAULT FOR TYPE contact_pair USING hash AS
    OPERATOR 1 =, FUNCTION 1 contact_pair_hash(contact_pair),
    FUNCTION 2 contact_pair_hash_extended(contact_pair, bigint);
CREATE CAST (contact_pair AS uuid[]) WITH FUNCTION pair_members(contact_pair);
CREATE CAST (uuid[] AS contact_pair) WITH FUNCTION contact_pair_of(uuid[]);

COMMENT ON TYPE contact_pair IS
'Two people, the same value whoever is named first. Text form: (lower uuid,higher uuid). For queries and indexes of your own; a table column is better two uuids and create_canonical_pair, which stay when the extension is dropped.';
COMMENT ON FUNCTION contact_pair(uuid, uuid) IS
'Two people as one value, the same whoever is named first. Immutable, parallel safe. Errors: 22004 NULL, 22023 twice the same. Example: SELECT community_core.contact_pair(b, a) = community_core.contact_pair(a, b)';
COMMENT ON FUNCTION pair_low(contact_pair) IS
'The lower id of a pair, as uuid orders. NULL for NULL. Immutable, parallel safe. Example: SELECT community_core.pair_low(community_core.contact_pair(a, b)) = LEAST(a, b)';
COMMENT ON FUNCTION pair_high(contact_pair) IS
'The higher id of a pair, as uuid orders. NULL for NULL. Immutable, parallel safe. Example: SELECT community_core.pair_high(community_core.contact_pair(a, b)) = GREATEST(a, b)';
COMMENT ON FUNCTION pair_members(contact_pair) IS
'Both ids of a pair, the lower first; the cast to uuid[]. NULL for NULL. Immutable, parallel safe. Example: SELECT community_core.contact_pair(a, b)::uuid[]';
COMMENT ON FUNCTION contact_pair_of(uuid[]) IS
'The pair of the two ids of an array; the cast from uuid[]. NULL for NULL. Immutable, parallel safe. Errors: 22023 not two ids, or twice the same. Example: SELECT ARRAY[b, a]::community_core.contact_pair';
COMMENT ON FUNCTION contact_pair_in(cstring) IS 'Input of contact_pair. Errors: 22P02 malformed, 22023 twice the same.';
COMMENT ON FUNCTION contact_pair_out(contact_pair) IS 'Output of contact_pair.';
COMMENT ON FUNCTION contact_pair_recv(internal) IS 'Binary input of contact_pair: 32 bytes. Errors: 08P01 too few, 22023 twice the same.';
COMMENT ON FUNCTION contact_pair_send(contact_pair) IS 'Binary output of contact_pair: 32 bytes, the lower uuid first.';
COMMENT ON FUNCTION contact_pair_eq(contact_pair, contact_pair) IS 'Operator = of contact_pair.';
COMMENT ON FUNCTION contact_pair_ne(contact_pair, contact_pair) IS 'Operator <> of contact_pair.';
COMMENT ON FUNCTION contact_pair_lt(contact_pair, contact_pair) IS 'Operator < of contact_pair: by the lower id, then by the higher.';
COMMENT ON FUNCTION contact_pair_le(contact_pair, contact_pair) IS 'Operator <= of contact_pair.';
COMMENT ON FUNCTION contact_pair_gt(contact_pair, contact_pair) IS 'Operator > of contact_pair.';
COMMENT ON FUNCTION contact_pair_ge(contact_pair, contact_pair) IS 'Operator >= of contact_pair.';
COMMENT ON FUNCTION contact_pair_cmp(contact_pair, contact_pair) IS 'Btree support of contact_pair.';
COMMENT ON FUNCTION contact_pair_hash(contact_pair) IS 'Hash support of contact_pair.';
COMMENT ON FUNCTION contact_pair_hash_extended(contact_pair, bigint) IS 'Hash support of contact_pair, with a seed.';
"#,
    name = "contact_pair_operators",
    requires = [
        "contact_pair_type",
        contact_pair,
        pair_low,
        pair_high,
        pair_members,
        contact_pair_of,
        contact_pair_eq,
        contact_pair_ne,
        contact_pair_lt,
        contact_pair_le,
        contact_pair_gt,
        contact_pair_ge,
        contact_pair_cmp,
        contact_pair_hash,
        contact_pair_hash_extended
    ]
);
