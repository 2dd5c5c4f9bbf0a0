//! The module engine installs, repairs, migrates, verifies and removes modules. A module is plain
//! SQL in `sql/<module>/`, run into one schema; the tables are ordinary tables, owned by the
//! database's owner, never by the extension. `community_state.module` is the only registry.

mod definition;
mod describe;
mod difference;
mod existing;
mod install;
mod part;
mod registry;
mod remove;
mod repair;
mod retire;
mod script;
mod subtransaction;
mod unfinished;
mod work;

pub use definition::VERSION;

use crate::catalog::{SAFE_SEARCH_PATH, with_settings};
use crate::{error, settings};
use pgrx::prelude::*;

/// Installs a module in a schema, or repairs it where it is installed already: what is there is
/// kept, what is missing is made. All of it happens in the caller's transaction.
///
/// A table that exists under a name the module uses is adopted with its rows; a column it lacks is
/// added.
///
/// - `module`: a name from `founders`, …; NULL is an error (22004).
/// - `schema`: where to; NULL for a schema of the module's own name. It is created where missing.
/// - `part`: of a module that has parts, the last one wanted; those before it come along, and those
///   that are there already stay. NULL for what is installed already, or else for all of them.
///
/// Returns the schema. Volatile. Errors: 22023 unknown module or part (the hint lists the known
/// ones) or reserved schema, 55000 the schema holds another module, 42804 an adopted column has
/// another type, 42809 a view stands where a table is needed.
///
/// ```sql
/// SELECT community_core.install_module('founders', schema => 'tenant_a');
/// SELECT community_core.install_module('spaces', part => 'content');
/// ```
#[pg_extern]
fn install_module(
    module: Option<&str>,
    schema: default!(Option<&str>, "NULL"),
    part: default!(Option<&str>, "NULL"),
) -> String {
    let Some(name) = module else {
        error::raise(error::null_argument("module"))
    };
    safely(|| {
        let module = definition::find(name);
        let schema = schema.unwrap_or(module.home());
        install::install(module, schema, part);
        schema.to_owned()
    })
}

/// Takes a module away. Without `drop_data` only what makes the rules goes: triggers, policies,
/// views and functions; tables and rows stay, and row security stays on, so that app roles see
/// nothing. With it the schema goes. A NOTICE says what is dropped.
///
/// - `schema`: a schema that holds a module; NULL is an error (22004).
/// - `drop_data`: NULL is false.
/// - `part`: only this part of the module, the last that is installed; NULL for the whole module.
///
/// Volatile. Errors: 22023 the module has no such part, 42704 no module in that schema or the part is
/// not installed, 2BP01 another schema references it or a later part needs it, 55000 the schema
/// holds tables that the module did not make.
///
/// ```sql
/// SELECT community_core.remove_module('tenant_a', drop_data => true);
/// SELECT community_core.remove_module('spaces', part => 'commerce');
/// ```
#[pg_extern]
fn remove_module(
    schema: Option<&str>,
    drop_data: default!(Option<bool>, "false"),
    part: default!(Option<&str>, "NULL"),
) {
    let Some(schema) = schema else {
        error::raise(error::null_argument("schema"))
    };
    safely(|| remove::remove(schema, drop_data.unwrap_or(false), part));
}

/// The installed modules: one row per schema that holds one. `rows` is Postgres' own estimate,
/// as of the last ANALYZE; `parts` are those installed, empty for a module without parts. Stable; takes no transaction id.
///
/// ```sql
/// SELECT * FROM community_core.modules();
/// ```
#[pg_extern(stable)]
fn modules() -> TableIterator<
    'static,
    (
        name!(module, String),
        name!(schema, String),
        name!(version, String),
        name!(installed_at, TimestampWithTimeZone),
        name!(tables, i64),
        name!(rows, i64),
        name!(parts, Vec<String>),
    ),
> {
    let modules = safely(remove::list).into_iter();
    TableIterator::new(modules.map(|module| {
        (
            module.module,
            module.schema,
            module.version,
            module.installed_at,
            module.tables,
            module.rows,
            module.parts,
        )
    }))
}

/// One row for each difference between what a module defines and what is there: a missing or
/// changed table, column, constraint, index, trigger, policy, view or function, a trigger that is
/// not enabled, row security off, a missing or an extra grant to an app role. What the user added
/// is no difference. No row: all is as defined.
///
/// - `schema`: a schema that holds a module; NULL for all of them.
///
/// Stable; takes no transaction id and no lock but those of reading the catalogue. Errors: 42704 no
/// module in that schema, 25006 what should be there is recorded for another major version of
/// Postgres (`migrate_modules()` records it anew).
///
/// ```sql
/// SELECT * FROM community_core.verify_module('founders');
/// ```
#[pg_extern(stable)]
fn verify_module(
    schema: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(schema, String),
        name!(kind, String),
        name!(relation, Option<String>),
        name!(name, Option<String>),
        name!(difference, String),
        name!(expected, Option<String>),
        name!(actual, Option<String>),
    ),
> {
    let rows = safely(|| {
        let schemas = match schema {
            Some(schema) => {
                remove::module_of(schema);
                vec![schema.to_owned()]
            }
            None => registry::schemas()
                .into_iter()
                .map(|(schema, _)| schema)
                .collect(),
        };
        schemas
            .into_iter()
            .flat_map(differences)
            .collect::<Vec<_>>()
    });
    let filled = |text: String| (!text.is_empty()).then_some(text);
    TableIterator::new(rows.into_iter().map(move |(schema, found)| {
        (
            schema,
            found.key.kind,
            filled(found.key.relation),
            filled(found.key.name),
            found.what.to_owned(),
            found.expected,
            found.actual,
        )
    }))
}

fn differences(schema: String) -> Vec<(String, difference::Difference)> {
    let recorded = registry::installed(&schema);
    if recorded.is_some_and(|module| {
        module.server_version != registry::server_version() || module.version != definition::VERSION
    }) {
        error::raise(error::module::needs_rehearsal(&schema));
    }
    let found = difference::compare(&registry::expected(&schema), &describe::describe(&schema));
    found
        .into_iter()
        .map(|difference| (schema.clone(), difference))
        .collect()
}

/// Brings every installed module to this version of the extension, and records anew what it should
/// hold. A module that fails is left as it was, and the error is recorded and returned.
///
/// Returns one row per module: from which version to which, and the error or NULL. Volatile.
///
/// ```sql
/// SELECT * FROM community_core.migrate_modules();
/// ```
#[pg_extern]
fn migrate_modules() -> TableIterator<
    'static,
    (
        name!(module, String),
        name!(schema, String),
        name!(from_version, String),
        name!(to_version, String),
        name!(error, Option<String>),
    ),
> {
    let rows = safely(|| {
        registry::schemas()
            .into_iter()
            .map(|(schema, module)| migrate(module, schema))
            .collect::<Vec<_>>()
    });
    TableIterator::new(rows)
}

fn migrate(module: String, schema: String) -> (String, String, String, String, Option<String>) {
    let from = registry::installed(&schema)
        .map(|installed| installed.version)
        .unwrap_or_default();
    let outcome =
        subtransaction::attempt(|| install::install(definition::find(&module), &schema, None));
    let failure = outcome.err().map(|failure| {
        // A cancel is about the whole call.
        if subtransaction::sql_error_code(&failure) == PgSqlErrorCode::ERRCODE_QUERY_CANCELED {
            failure.rethrow();
        }
        let message = subtransaction::message(&failure);
        catalog_owner(|| registry::step_failed(&module, &schema, "migrate", &message));
        message
    });
    let to = if failure.is_some() {
        from.clone()
    } else {
        definition::VERSION.to_owned()
    };
    (module, schema, from, to, failure)
}

fn catalog_owner(work: impl FnOnce()) {
    crate::catalog::as_role_restricted(install::database_owner(), work);
}

/// The last step of CREATE EXTENSION: installs the modules that the setting
/// `community_core.modules` names, unless schema `community_state` says that the tables come with a
/// dump. What it makes belongs to the database, not to the extension.
#[pg_extern]
fn install_chosen_modules() {
    let _ordinary = OrdinaryObjects::begin();
    safely(|| {
        if registry::is_restoring() {
            return;
        }
        let words = settings::modules();
        let chosen = definition::chosen(&words);
        crate::catalog::as_role_restricted(install::database_owner(), registry::create);
        for (module, part) in chosen {
            install::install(module, module.name, part);
        }
    });
}

/// The last step of ALTER EXTENSION community_core UPDATE: brings every installed module to this
/// version, in the same transaction. Where one cannot be, nothing is upgraded. No module is installed
/// that was not, and a table on which nothing changes is not locked.
#[pg_extern]
fn upgrade_modules() {
    let _ordinary = OrdinaryObjects::begin();
    safely(|| install::upgrade(&registry::schemas()));
}

/// While it lives, CREATE makes ordinary objects and not members of the extension, also in a script
/// of the extension.
struct OrdinaryObjects {
    creating_extension: bool,
}

impl OrdinaryObjects {
    fn begin() -> OrdinaryObjects {
        // SAFETY: a plain flag of this backend, which gets back the value it had when this is dropped.
        unsafe {
            let before = OrdinaryObjects {
                creating_extension: pg_sys::creating_extension,
            };
            pg_sys::creating_extension = false;
            before
        }
    }
}

impl Drop for OrdinaryObjects {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { pg_sys::creating_extension = self.creating_extension }
    }
}

/// Whoever calls, names resolve in Postgres' own schema only.
fn safely<T>(work: impl FnOnce() -> T) -> T {
    with_settings(&[SAFE_SEARCH_PATH], work)
}

/// Keeps `updated_at`: a BEFORE UPDATE row trigger that the installer attaches to every table of a
/// module that has the column. A counter's upkeep is no change of the row, so that a like does not
/// make a post look edited.
#[pg_trigger]
fn update_updated_at_column<'a>(
    trigger: &'a pgrx::PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, spi::Error> {
    let Some(new) = trigger.new() else {
        return Ok(None);
    };
    let mut new = new.into_owned();
    if !crate::counter::maintaining() {
        let now = pgrx::datum::datetime_support::now();
        if new.set_by_name("updated_at", now).is_err() {
            let table = trigger.table_name().unwrap_or_default();
            error::raise(error::undefined_column(&table, "updated_at"));
        }
    }
    Ok(Some(new))
}

extension_sql!(
    r#"
COMMENT ON FUNCTION install_module(text, text, text) IS
'Installs a module in a schema, or repairs it where it is installed already. module: its name; schema: where to, NULL for one of the module''s name; part: the last part wanted, NULL for what is installed or else for all. Returns the schema. Volatile. Errors: 22004, 22023, 42804, 42809, 55000. Example: SELECT community_core.install_module(''founders'', schema => ''tenant_a'')';
COMMENT ON FUNCTION remove_module(text, boolean, text) IS
'Takes away a module''s triggers, policies, views and functions, and with drop_data its schema. schema: one that holds a module; part: only this one, the last that is installed. Volatile. Errors: 22004, 22023, 2BP01, 42704, 55000. Example: SELECT community_core.remove_module(''tenant_a'')';
COMMENT ON FUNCTION modules() IS
'The installed modules, one row per schema; rows is estimated as of the last ANALYZE; parts are those installed. Stable. Example: SELECT * FROM community_core.modules()';
COMMENT ON FUNCTION verify_module(text) IS
'One row for each difference between what a module defines and what is there; what the user added is none. schema: NULL for all. Stable. Errors: 25006, 42704. Example: SELECT * FROM community_core.verify_module(''founders'')';
COMMENT ON FUNCTION migrate_modules() IS
'Brings every installed module to this version of the extension; one that fails is left as it was and its error is returned and recorded. Volatile. Example: SELECT * FROM community_core.migrate_modules()';
COMMENT ON FUNCTION install_chosen_modules() IS
'The last step of CREATE EXTENSION: installs what the setting community_core.modules names, unless schema community_state exists. Volatile. Errors: 22023.';
COMMENT ON FUNCTION upgrade_modules() IS
'The last step of ALTER EXTENSION community_core UPDATE: brings every installed module to this version; where one cannot be, nothing is upgraded. Volatile. Errors: whatever stands against it.';
COMMENT ON FUNCTION update_updated_at_column() IS
'Row trigger BEFORE UPDATE: sets updated_at to now(), except where the counter engine keeps a counter. Error: 42703.';
"#,
    name = "module_comments",
    requires = [
        install_module,
        remove_module,
        modules,
        verify_module,
        migrate_modules,
        install_chosen_modules,
        upgrade_modules,
        update_updated_at_column
    ]
);
