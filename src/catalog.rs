//! What the engines ask of the catalogue, and the one way they act as a table's owner.

use crate::error;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use std::ffi::{CStr, CString};

/// `name` as it must be written in SQL.
pub fn quote_ident(name: &str) -> String {
    pgrx::spi::quote_identifier(name)
}

pub fn quote_literal(text: &str) -> String {
    pgrx::spi::quote_literal(text)
}

/// `schema.table`, quoted; never depends on search_path.
pub fn qualified_name(relation: &PgRelation) -> String {
    pgrx::spi::quote_qualified_identifier(relation.namespace(), relation.name())
}

/// The relation `schema.name`, if there is one, whether or not the current user may use the schema.
pub fn find(schema: &str, name: &str) -> Option<pg_sys::Oid> {
    find_named(&CString::new(schema).ok()?, &CString::new(name).ok()?)
}

/// As [`find`].
pub fn find_named(schema: &CStr, name: &CStr) -> Option<pg_sys::Oid> {
    // SAFETY: both names are NUL-terminated, and both look-ups answer InvalidOid for what is not there.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}

/// As [`find`], open for reading.
pub fn find_open(schema: &str, name: &str) -> Option<PgRelation> {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: a relation that is gone meanwhile is an ordinary ERROR.
    find(schema, name).map(|oid| unsafe { PgRelation::with_lock(oid, lock) })
}

/// Opens an ordinary or partitioned table with `lock`, or says why not.
pub fn open_table(oid: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> PgRelation {
    // SAFETY: relation_open raises an ordinary ERROR for an OID that is no relation. PgRelation
    // gives the lock back when it is dropped.
    let relation = unsafe { PgRelation::with_lock(oid, lock) };
    if !(relation.is_table() || relation.is_partitioned_table()) {
        error::raise(error::not_a_table(&qualified_name(&relation)));
    }
    relation
}

/// Whether `role` owns the relation, is a member of its owner, or is a superuser.
pub fn is_owner(relation: &PgRelation, role: pg_sys::Oid) -> bool {
    let owner = owner(relation);
    // SAFETY: has_privs_of_role reads the role catalogue; any two OIDs are acceptable.
    unsafe { pg_sys::has_privs_of_role(role, owner) }
}

pub fn owner(relation: &PgRelation) -> pg_sys::Oid {
    // SAFETY: rd_rel of an open relation points to its pg_class row.
    unsafe { (*(*relation.as_ptr()).rd_rel).relowner }
}

/// Raises 42501 unless the current user owns the table.
pub fn require_owner(relation: &PgRelation) {
    // SAFETY: GetUserId only reads backend state.
    if !is_owner(relation, unsafe { pg_sys::GetUserId() }) {
        error::raise(error::not_owner(&qualified_name(relation)));
    }
}

pub struct Column {
    pub name: String,
    pub number: i16,
    pub type_oid: pg_sys::Oid,
    pub type_mod: i32,
    pub collation: pg_sys::Oid,
    pub not_null: bool,
}

/// The column called `name`, or 42703 naming the table and the column.
pub fn column(relation: &PgRelation, name: &str) -> Column {
    relation
        .tuple_desc()
        .iter()
        .find(|attribute| !attribute.is_dropped() && attribute.name() == name)
        .map(|attribute| Column {
            name: name.to_owned(),
            number: attribute.attnum,
            type_oid: attribute.atttypid,
            type_mod: attribute.atttypmod,
            collation: attribute.attcollation,
            not_null: attribute.attnotnull,
        })
        .unwrap_or_else(|| error::raise(error::undefined_column(&qualified_name(relation), name)))
}

/// Events of a trigger, as `pg_trigger.tgtype` has them.
pub const ON_INSERT: i16 = 4;
pub const ON_DELETE: i16 = 8;
pub const ON_UPDATE: i16 = 16;

/// Whether what `events` say, done to the table, may run code of a user's, which looks names up
/// along search_path: a trigger that is not C, or a function or operator of theirs in a constraint,
/// an index, a default or a domain. Partitions may have more of each.
pub fn calls_code(table: &PgRelation, events: i16) -> bool {
    table.is_partitioned_table()
        || values::<bool>(CALLS_CODE, &[table.oid().into(), events.into()]) != [false]
}

/// The first column of what a query of the catalogue gives, NULLs left out.
pub fn values<T: FromDatum + IntoDatum>(sql: &str, arguments: &[DatumWithOid]) -> Vec<T> {
    let values = rows(sql, arguments, |row| row.get::<T>(1));
    values.into_iter().flatten().collect()
}

/// What `read` makes of each row that a query of the catalogue gives.
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid],
    read: impl FnMut(pgrx::spi::SpiHeapTupleData) -> pgrx::spi::Result<T>,
) -> Vec<T> {
    with_settings(&[SAFE_SEARCH_PATH], || {
        Spi::connect(|client| -> pgrx::spi::Result<Vec<T>> {
            client.select(sql, None, arguments)?.map(read).collect()
        })
        .unwrap_or_else(|failure| error::spi(failure))
    })
}

/// A trigger's arguments as `pg_trigger.tgargs` has them: each ends with a zero byte.
pub fn trigger_arguments(bytes: &[u8]) -> Vec<String> {
    let ended = bytes.split_inclusive(|byte| *byte == 0);
    ended
        .map(|argument| String::from_utf8_lossy(&argument[..argument.len() - 1]).into_owned())
        .collect()
}

const CALLS_CODE: &str = "
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
    JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang
    WHERE t.tgrelid = $1 AND t.tgtype & $2 <> 0
      AND (l.lanname NOT IN ('c', 'internal') OR t.tgqual IS NOT NULL))
OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = $1)
OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
    JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = $1 AND a.attnum > 0 AND t.typtype = 'd' AND $2 & 4 <> 0)
OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
        'pg_catalog.pg_operator'::pg_catalog.regclass,
        'pg_catalog.pg_opclass'::pg_catalog.regclass)
      AND (d.classid, d.objid) IN (
        SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid
            FROM pg_catalog.pg_constraint WHERE conrelid = $1
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid
            FROM pg_catalog.pg_index WHERE indrelid = $1
        UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid
            FROM pg_catalog.pg_attrdef WHERE adrelid = $1))";

/// The type as SQL writes it, `numeric(5,2)` and the like.
pub fn type_name(type_oid: pg_sys::Oid, type_mod: i32) -> String {
    // SAFETY: format_type_extended returns a palloc'ed NUL-terminated string for any OID.
    unsafe {
        let name = pg_sys::format_type_extended(
            type_oid,
            type_mod,
            (pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN | pg_sys::FORMAT_TYPE_FORCE_QUALIFY) as u16,
        );
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// Runs `work` as `role`, as Postgres' own foreign key triggers do: the engine may do what the
/// table's owner may do and nothing more, and is not subject to the caller's row policies.
/// The caller's identity comes back also when `work` raises.
pub fn as_role<T>(role: pg_sys::Oid, work: impl FnOnce() -> T) -> T {
    as_role_with(role, 0, work)
}

/// As [`as_role`], and nothing that `work` sets off may outlast it: a deferred trigger of the role's
/// would run with the caller's rights at the end of the transaction.
pub fn as_role_restricted<T>(role: pg_sys::Oid, work: impl FnOnce() -> T) -> T {
    // SAFETY: GetUserId only reads backend state.
    let acts_for_another = unsafe { pg_sys::GetUserId() } != role;
    let flag = if acts_for_another {
        pg_sys::SECURITY_RESTRICTED_OPERATION
    } else {
        0
    };
    as_role_with(role, flag, work)
}

fn as_role_with<T>(role: pg_sys::Oid, more_flags: u32, work: impl FnOnce() -> T) -> T {
    struct Restore(pg_sys::Oid, i32);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the values were read by GetUserIdAndSecContext in this backend.
            unsafe { pg_sys::SetUserIdAndSecContext(self.0, self.1) }
        }
    }
    let mut restore = Restore(pg_sys::InvalidOid, 0);
    // SAFETY: both calls only touch this backend's user id and security flags; `restore` puts
    // them back on every way out, an unwinding ERROR included.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut restore.0, &mut restore.1);
        let flags =
            pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_NOFORCE_RLS | more_flags;
        pg_sys::SetUserIdAndSecContext(role, restore.1 | flags as i32);
    }
    let result = work();
    drop(restore);
    result
}

/// Runs `work` with settings changed for its time only, as a function with SET clauses does.
pub fn with_settings<T>(settings: &[(&CStr, &str)], work: impl FnOnce() -> T) -> T {
    struct Nest(i32);
    impl Drop for Nest {
        fn drop(&mut self) {
            // SAFETY: the level was opened by NewGUCNestLevel below and nobody closed it since;
            // after an ERROR the transaction's own abort closes it again, which is harmless.
            unsafe { pg_sys::AtEOXact_GUC(true, self.0) }
        }
    }
    // SAFETY: opens a GUC nest level that `Nest` closes on every way out.
    let nest = Nest(unsafe { pg_sys::NewGUCNestLevel() });
    for (name, value) in settings {
        let value = CString::new(*value).unwrap_or_default();
        // SAFETY: name and value are NUL-terminated and copied by set_config_option.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
    let result = work();
    drop(nest);
    result
}

/// Postgres' own tables first and nothing else: what code running as an owner must resolve in.
pub const SAFE_SEARCH_PATH: (&CStr, &str) = (c"search_path", "pg_catalog, pg_temp");
