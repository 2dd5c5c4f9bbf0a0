//! community_core: the data layer of a community, with rules the database itself keeps.
//!
//! The extension's members are functions, aggregates and types in schema `community_core`, and
//! nothing else. Tables are ordinary tables, made by [`module`] from the files in `sql/`, so that
//! they dump, restore, move and are dropped like any table.
//!
//! Each engine has a folder: its `mod.rs` tells the promise and is the SQL surface; the other
//! files hold the logic, free of Postgres where that is possible.

use pgrx::prelude::*;

mod argument;
mod audit;
mod benchmark;
mod catalog;
mod changes;
mod counter;
mod direct;
mod error;
mod identity;
mod linkup;
mod lock;
mod module;
mod pair;
mod remembered;
mod retention;
mod rows;
mod settings;
mod spaces;
mod status;

::pgrx::pg_module_magic!(name, version);

extension_sql_file!("../sql/extension/finalize.sql", name = "finalize", finalize);

#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    settings::register();
}

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pgrx-tests/mod.rs"]
mod claims;

/// `cargo pgrx test` looks for this module at the root of the crate.
#[cfg(test)]
pub mod pg_test {
    pub fn setup(_options: Vec<&str>) {}

    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["max_prepared_transactions = 10"]
    }
}
