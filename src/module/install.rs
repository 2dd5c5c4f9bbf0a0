//! Installing a module, which is also how it is repaired and migrated: what is there already is
//! kept, what is missing is made.

use super::definition::{IDENTITY, IDENTITY_SCHEMA, Module};
use super::describe::{Description, describe};
use super::registry::{self, run};
use super::script::Names;
use super::subtransaction::rehearse;
use super::unfinished::Unfinished;
use super::work::Work;
use super::{difference, repair, retire};
use crate::catalog::{as_role_restricted, quote_ident, quote_literal};
use crate::error;
use pgrx::prelude::*;

/// A trigger outside the schema bears the schema's name and what it does, in 63 bytes.
const LONGEST_SCHEMA: usize = 40;
/// Needs quotes, so that wherever it stands it shows whether it stands there as an identifier.
const SCRATCH: &str = "community_core scratch";
/// Installs `module` in `schema`, as far as the part called `part`, if one is named; parts that are
/// installed already stay. Everything happens in the caller's transaction.
pub fn install(module: &'static Module, schema: &str, part: Option<&str>) {
    if module.name == IDENTITY.name {
        check_identity(schema);
    } else {
        check_schema_name(schema);
    }
    let wanted = part.map(|part| module.parts_through(part));
    as_role_restricted(database_owner(), || {
        prepare(module, schema);
        let standing = registry::installed_parts(module, schema, false);
        let parts = match wanted {
            Some(wanted) => wanted.max(standing),
            None if registry::installed(schema).is_none() => module.parts.len(),
            None => standing,
        };
        bring_about(module, schema, parts, &rehearsed(module, schema, parts));
    });
}

/// Brings modules to this version. What takes long, finding out what they should hold, comes first
/// and locks nothing that others use.
pub fn upgrade(modules: &[(String, String)]) {
    as_role_restricted(database_owner(), || {
        let rehearsed: Vec<_> = modules
            .iter()
            .map(|(schema, module)| {
                let module = super::definition::find(module);
                prepare(module, schema);
                let parts = registry::installed_parts(module, schema, false);
                (module, schema, parts, rehearsed(module, schema, parts))
            })
            .collect();
        for (module, schema, parts, expected) in &rehearsed {
            bring_about(module, schema, *parts, expected);
        }
    });
}

fn prepare(module: &Module, schema: &str) {
    registry::create();
    if let Some(installed) = registry::installed(schema)
        && installed.module != module.name
    {
        error::raise(error::module::schema_taken(
            schema,
            &installed.module,
            module.name,
        ));
    }
    create_identity(schema);
}

fn bring_about(module: &'static Module, schema: &str, parts: usize, expected: &Description) {
    if !schema_exists(schema) {
        run(&format!("CREATE SCHEMA {}", quote_ident(schema)), &[]);
    }
    let mut work = Work::new(module, parts, Names::of(schema), Some(expected));
    let is_first = registry::installed(schema).is_none() && !made_before(schema);
    if !is_first {
        let known = registry::installed_parts(module, schema, true);
        work.known = module.files_of(known).len();
    }
    let before = registry::expected(schema);
    retire::rules(schema, &before, expected);
    work.unfinished =
        (!is_first).then(|| Unfinished::of(difference::compare(expected, &describe(schema))));
    work.run_all(schema, schema);
    retire::code(schema, &before, expected);
    let repaired = repair::repair(schema, expected, &work.adopted);
    registry::record(module, schema, parts, expected, &work.adopted);
    let left = if repaired {
        difference::compare(expected, &describe(schema)).len()
    } else {
        0
    };
    if left > 0 {
        warning!(
            "{left} differences are left in schema {schema}: see community_core.verify_module({})",
            quote_literal(schema)
        );
    }
}

/// What the first `parts` parts of the module define, found by installing them in a scratch schema
/// and undoing that. Only Postgres itself knows how it will write what it is given.
pub fn rehearsed(module: &'static Module, schema: &str, parts: usize) -> Description {
    let scratch = Names::of(SCRATCH);
    let description = rehearse(|| {
        run(&format!("CREATE SCHEMA {}", scratch.identifier), &[]);
        Work::new(module, parts, scratch.clone(), None).run_all(SCRATCH, schema);
        describe(SCRATCH)
    });
    description.renamed(&scratch, &Names::of(schema))
}

/// Objects belong to the database's owner, also when a superuser ran CREATE EXTENSION: then nothing
/// in a module has more rights than that owner, who can do everything with it.
pub fn database_owner() -> pg_sys::Oid {
    // SAFETY: superuser() and GetUserId() only read backend state.
    let (superuser, user) = unsafe { (pg_sys::superuser(), pg_sys::GetUserId()) };
    if !superuser {
        return user;
    }
    registry::read(
        "SELECT datdba FROM pg_database WHERE datname = current_database()",
        &[],
        |row| row.get::<pg_sys::Oid>(1),
    )
    .into_iter()
    .flatten()
    .next()
    .unwrap_or(user)
}

fn check_schema_name(schema: &str) {
    let reserved = [
        "",
        "auth",
        "community_core",
        "community_state",
        "information_schema",
    ];
    // A topic file also names the schema inside string literals and function bodies.
    if reserved.contains(&schema)
        || schema.contains(['\'', '$', '\\'])
        || schema.starts_with("pg_")
        || schema == SCRATCH
        || schema.len() > LONGEST_SCHEMA
    {
        error::raise(error::module::reserved_schema(schema));
    }
}

fn schema_exists(schema: &str) -> bool {
    !registry::read(
        "SELECT 1 FROM pg_namespace WHERE nspname = $1",
        &[schema.into()],
        |_| Ok(()),
    )
    .is_empty()
}

/// `auth` as Supabase has it, where the database does not have it already.
fn create_identity(schema: &str) {
    if schema != IDENTITY_SCHEMA
        && (!schema_exists(IDENTITY_SCHEMA) || made_before(IDENTITY_SCHEMA))
    {
        install(&IDENTITY, IDENTITY_SCHEMA, None);
    }
}

/// Whether it is an `auth` that this extension made before that was a module of its own.
fn made_before(schema: &str) -> bool {
    schema == IDENTITY_SCHEMA && registry::made_identity()
}

/// An `auth` that is not this extension's is used untouched.
fn check_identity(schema: &str) {
    let ours = registry::installed(schema).is_some_and(|found| found.module == IDENTITY.name)
        || made_before(schema);
    if schema != IDENTITY_SCHEMA || (schema_exists(schema) && !ours) {
        error::raise(error::module::reserved_schema(schema));
    }
}
