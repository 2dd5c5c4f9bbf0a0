//! What is in a schema already, as the installer asks it. Names without a schema are looked up along
//! the search_path, which is the target's.

use super::registry;
use crate::catalog::quote_ident;
use pgrx::pg_sys;
use std::collections::BTreeSet;

pub fn relation_kind(schema: &str, name: &str) -> Option<String> {
    registry::read(
        "SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
                WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                WHEN 'f' THEN 'foreign table' ELSE 'relation of another kind' END
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2",
        &[schema.into(), name.into()],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    )
    .pop()
}

pub fn column_type(schema: &str, table: &str, column: &str) -> Option<String> {
    registry::read(
        "SELECT format_type(a.atttypid, a.atttypmod)
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3
           AND a.attnum > 0 AND NOT a.attisdropped",
        &[schema.into(), table.into(), column.into()],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    )
    .pop()
}

pub fn has_column(table: &str, column: &str) -> bool {
    !registry::read(
        "SELECT 1 FROM pg_attribute
         WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped",
        &[quote_ident(table).into(), column.into()],
        |_| Ok(()),
    )
    .is_empty()
}

/// A key of this name or, under whatever name, like it; a table has one primary key.
pub fn has_key(table: &str, name: &str, definition: &str) -> bool {
    !registry::read(
        "SELECT 1 FROM pg_constraint
         WHERE conrelid = to_regclass($1)
           AND (conname = $2 OR pg_get_constraintdef(oid, true) = $3
                OR contype = 'p' AND $3 LIKE 'PRIMARY KEY%')",
        &[quote_ident(table).into(), name.into(), definition.into()],
        |_| Ok(()),
    )
    .is_empty()
}

pub fn has_trigger(table: &str, trigger: &str) -> bool {
    let query = "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2";
    !registry::read(query, &[table.into(), trigger.into()], |_| Ok(())).is_empty()
}

pub fn has_policy(table: &str, policy: &str) -> bool {
    let query = "SELECT 1 FROM pg_policy WHERE polrelid = to_regclass($1) AND polname = $2";
    !registry::read(query, &[quote_ident(table).into(), policy.into()], |_| {
        Ok(())
    })
    .is_empty()
}

/// The columns an app role may write, as GRANT takes them; nothing where that is all. Only the
/// counter engine writes a counter.
pub fn writable_columns(table: &str) -> String {
    let kept: Vec<String> = registry::read(
        "SELECT to_regclass($1)::oid",
        &[quote_ident(table).into()],
        |row| row.get::<pg_sys::Oid>(1),
    )
    .into_iter()
    .flatten()
    .flat_map(crate::counter::kept_columns)
    .collect();
    if kept.is_empty() {
        return String::new();
    }
    registry::read(
        "SELECT format(' (%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
         FROM pg_attribute a
         WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = '' AND a.attname <> ALL ($2)
         HAVING count(*) > 0",
        &[quote_ident(table).into(), kept.into()],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    )
    .pop()
    .unwrap_or_default()
}

/// Whether the topic file lets service_role read some columns only, by a grant of its own.
pub fn keeps_columns_back(table: &str) -> bool {
    !registry::read(
        "SELECT 1 FROM pg_attribute a, aclexplode(a.attacl) g
         WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
           AND g.grantee = 'service_role'::regrole AND g.privilege_type = 'SELECT'",
        &[quote_ident(table).into()],
        |_| Ok(()),
    )
    .is_empty()
}

/// The names of a schema's routines, found by what depends on the schema: each of many schemas that hold
/// a module has routines of the same names, and to look for a name reads them all.
pub fn routine_names(schema: &str) -> BTreeSet<String> {
    registry::read(
        "SELECT DISTINCT p.proname::text
         FROM pg_namespace n
         JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
         JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
         WHERE n.nspname = $1",
        &[schema.into()],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    )
    .into_iter()
    .collect()
}

/// The routines called `name`, as GRANT and REVOKE write them. Not as regprocedure does, which reads all
/// routines of that name in the database to see whether the schema could be left out.
pub fn signatures(schema: &str, name: &str) -> Vec<String> {
    registry::read(
        "SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
         FROM pg_proc p
         JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.proname = $2",
        &[schema.into(), name.into()],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    )
}

/// For each policy its role and privilege, where the topic file has not granted columns of its own.
pub fn privileges_of_policies(table: &str) -> Vec<(String, String)> {
    registry::read(
        "SELECT r.rolname::text, c.privilege
         FROM pg_policy p CROSS JOIN unnest(p.polroles) AS role JOIN pg_roles r ON r.oid = role
         JOIN (VALUES ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE'))
              AS c (command, privilege) ON c.command = p.polcmd::text
         WHERE p.polrelid = to_regclass($1)
           AND CASE c.privilege
               WHEN 'DELETE' THEN NOT has_table_privilege(role, p.polrelid, 'DELETE')
               ELSE NOT has_any_column_privilege(role, p.polrelid, c.privilege) END
         ORDER BY r.rolname, c.privilege",
        &[quote_ident(table).into()],
        |row| {
            Ok((
                row.get::<String>(1)?.unwrap_or_default(),
                row.get::<String>(2)?.unwrap_or_default(),
            ))
        },
    )
}
