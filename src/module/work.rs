//! Running a module's files in a schema, statement by statement, and what every table gets beside
//! them. What is there already is kept.

use super::definition::Module;
use super::describe::Description;
use super::existing::{
    column_type, has_column, has_policy, has_trigger, keeps_columns_back, privileges_of_policies,
    relation_kind, routine_names, signatures, writable_columns,
};
use super::registry::{self, run};
use super::repair;
use super::script::{self, Kind, Names, Statement};
use super::subtransaction::{attempt, sql_error_code};
use super::unfinished::{RULES, Unfinished};
use crate::catalog::{quote_ident, with_settings};
use crate::error;
use pgrx::prelude::*;
use std::collections::BTreeSet;

const APP_ROLES: &str = "anon, authenticated, service_role";
/// Calls whose whole effect on an installed module is in its description.
const ATTACHING: &[&str] = &[
    "community_core.create_counter(",
    "community_core.create_sum(",
    "community_core.create_average(",
    "community_core.create_audit_log(",
    "community_core.audit_changes(",
    "community_core.create_retention_policy(",
    "community_core.create_canonical_pair(",
    "community_core.create_unordered_pair(",
    "community_core.create_mutual_choice(",
];

pub struct Work<'a> {
    module: &'static Module,
    files: &'static [(&'static str, &'static str)],
    names: Names,
    /// None while rehearsing, when nothing is recorded and nothing can be there already.
    expected: Option<&'a Description>,
    /// How many of the files the schema has held before.
    pub known: usize,
    /// Whether it never held the file that is run.
    is_first: bool,
    /// None where everything is to be made.
    pub unfinished: Option<Unfinished>,
    tables: Vec<String>,
    /// Names of routines that the schema has.
    routines: BTreeSet<String>,
    pub adopted: Vec<String>,
}

impl<'a> Work<'a> {
    pub fn new(
        module: &'static Module,
        parts: usize,
        names: Names,
        expected: Option<&'a Description>,
    ) -> Work<'a> {
        Work {
            module,
            files: module.files_of(parts),
            names,
            expected,
            known: 0,
            is_first: false,
            unfinished: None,
            tables: Vec::new(),
            routines: BTreeSet::new(),
            adopted: Vec::new(),
        }
    }

    /// Runs every file in `schema`. Types that depend on what a user has there already are looked
    /// up in `home`, the schema that is meant, also while rehearsing.
    pub fn run_all(&mut self, schema: &str, home: &str) {
        let path = format!("{}, pg_temp", quote_ident(schema));
        let settings = [
            (c"search_path", path.as_str()),
            (c"client_min_messages", "warning"),
            // PL/pgSQL keeps each function that it checks for as long as the connection lives, and the bodies
            // are the same everywhere: a test checks them.
            (c"check_function_bodies", "off"),
            (c"standard_conforming_strings", "on"),
            (c"default_tablespace", ""),
            (c"default_table_access_method", "heap"),
            (c"row_security", "on"),
        ];
        self.routines = routine_names(schema);
        with_settings(&settings, || {
            for (number, (file, text)) in self.files.iter().enumerate() {
                self.is_first = self.expected.is_some() && number >= self.known;
                let text =
                    script::fill_types(text, |table, column| column_type(home, table, column));
                let step = self
                    .expected
                    .map(|_| registry::step_started(self.module.name, schema, file));
                let mut rows = 0;
                for statement in script::split(&self.names.fill(&text)) {
                    rows += self.run_statement(schema, &statement);
                }
                if let Some(step) = step {
                    registry::step_finished(step, rows);
                }
            }
            let step = self
                .expected
                .map(|_| registry::step_started(self.module.name, schema, "rules"));
            for table in &self.tables {
                let is_done = self.unfinished.as_ref().is_some_and(|unfinished| {
                    !unfinished.concerns(&quote_ident(table), |key| {
                        RULES.contains(&key.kind.as_str()) || key.kind == "column"
                    })
                });
                if !is_done {
                    self.standard_rules(table);
                }
            }
            run(
                &format!(
                    "GRANT USAGE ON SCHEMA {} TO {APP_ROLES}",
                    quote_ident(schema)
                ),
                &[],
            );
            if let Some(step) = step {
                registry::step_finished(step, 0);
            }
        });
    }

    /// Whether what a statement would make is there already, as it should be.
    fn is_done(&self, statement: &Statement) -> bool {
        let Some(unfinished) = &self.unfinished else {
            return false;
        };
        match &statement.kind {
            Kind::CreateView(view) => !unfinished.concerns(&quote_ident(view), |_| true),
            Kind::ChangeTable(table) => !unfinished.concerns(&quote_ident(table), |key| {
                !RULES.contains(&key.kind.as_str())
            }),
            Kind::CreatePolicy { policy, table } => !unfinished
                .concerns(&quote_ident(table), |key| {
                    key.kind == "policy" && key.name == *policy
                }),
            Kind::CreateTrigger { trigger, table } => !unfinished.concerns(table, |key| {
                key.kind.starts_with("trigger") && key.name == *trigger
            }),
            // An engine may change more tables than the one it is attached to.
            Kind::Call => {
                ATTACHING.iter().any(|call| statement.text.contains(call))
                    && !unfinished.concerns_engines()
            }
            _ => false,
        }
    }

    fn run_statement(&mut self, schema: &str, statement: &Statement) -> i64 {
        if self.is_done(statement) {
            return 0;
        }
        match &statement.kind {
            Kind::CreateTable(table) => {
                self.tables.push(table.clone());
                if let Some(kind) = relation_kind(schema, table) {
                    self.adopt(schema, table, &kind);
                    return 0;
                }
                execute(&statement.text);
                self.close_to_app_roles("TABLE", &quote_ident(table));
                0
            }
            Kind::CreateView(view) => {
                let new = relation_kind(schema, view).is_none();
                self.refuse_to_replace(!new, "view", view);
                execute(&statement.text);
                if new {
                    self.close_to_app_roles("TABLE", &quote_ident(view));
                }
                0
            }
            Kind::CreateFunction(function) => {
                // The only one of its name need not be told from others by its arguments.
                let only = self.routines.insert(function.clone());
                let name = format!("{}.{}", quote_ident(schema), quote_ident(function));
                let before = if only {
                    Vec::new()
                } else {
                    signatures(schema, function)
                };
                execute(&statement.text);
                let after = if only {
                    vec![name]
                } else {
                    signatures(schema, function)
                };
                self.refuse_to_replace(after.len() == before.len(), "function", function);
                for signature in after {
                    if !before.contains(&signature) {
                        self.close_to_app_roles("ROUTINE", &signature);
                    }
                }
                0
            }
            Kind::CreateTrigger { trigger, table } => {
                self.refuse_to_replace(has_trigger(table, trigger), "trigger", trigger);
                unless_already_there(|| execute(&statement.text))
            }
            Kind::CreatePolicy { policy, table } => {
                self.refuse_to_replace(has_policy(table, policy), "policy", policy);
                run(
                    &format!(
                        "DROP POLICY IF EXISTS {} ON {}",
                        quote_ident(policy),
                        quote_ident(table)
                    ),
                    &[],
                );
                execute(&statement.text);
                0
            }
            // A rehearsal is for the description, which has no comments.
            Kind::Comment if self.expected.is_none() => 0,
            Kind::Comment | Kind::Data => execute(&statement.text),
            Kind::ChangeTable(_) | Kind::Call | Kind::Other => {
                unless_already_there(|| execute(&statement.text))
            }
        }
    }

    /// A table the user has already is kept with its rows; a column the module needs is added, one
    /// of another type is refused.
    fn adopt(&mut self, schema: &str, table: &str, kind: &str) {
        let name = format!("{}.{}", quote_ident(schema), quote_ident(table));
        if kind != "table" {
            error::raise(error::module::not_adoptable(&name, kind));
        }
        let Some(expected) = self.expected else {
            return;
        };
        if self.is_first {
            self.adopted.push(table.to_owned());
        }
        for (key, wanted) in expected.of_kind("column") {
            if key.relation != table {
                continue;
            }
            match column_type(schema, table, &key.name) {
                Some(actual) if &actual == wanted => {}
                Some(actual) => error::raise(error::module::column_type(
                    &name, &key.name, wanted, &actual,
                )),
                None => repair::add_column(table, &key.name, wanted, expected),
            }
        }
        repair::add_keys(table, expected);
    }

    /// On the first installation whatever bears a name of the module's is the user's: it is not
    /// replaced, and the module's removal would take it along.
    fn refuse_to_replace(&self, exists: bool, kind: &str, name: &str) {
        if exists && self.is_first {
            error::raise(error::module::name_taken(
                kind,
                name,
                &self.names.identifier,
            ));
        }
    }

    /// Default privileges of the database may have opened what was just made.
    fn close_to_app_roles(&self, kind: &str, object: &str) {
        run(
            &format!("REVOKE ALL ON {kind} {object} FROM PUBLIC, {APP_ROLES}"),
            &[],
        );
    }

    /// What every table of a module has, said here once: row security, everything for
    /// service_role (but what a topic file keeps back even from it), for each policy the privilege it speaks of, and a kept `updated_at`.
    fn standard_rules(&self, table: &str) {
        let (quoted, policy) = (
            quote_ident(table),
            quote_ident(&format!("{table}_all_service_role")),
        );
        run(
            &format!("ALTER TABLE {quoted} ENABLE ROW LEVEL SECURITY"),
            &[],
        );
        run(&format!("DROP POLICY IF EXISTS {policy} ON {quoted}"), &[]);
        run(
            &format!(
                "CREATE POLICY {policy} ON {quoted} FOR ALL TO service_role
                 USING (true) WITH CHECK (true)"
            ),
            &[],
        );
        let writable = writable_columns(table);
        let readable = if keeps_columns_back(table) {
            ""
        } else {
            "SELECT, "
        };
        run(
            &format!(
                "GRANT {readable}DELETE, INSERT{writable}, UPDATE{writable} ON {quoted} TO service_role"
            ),
            &[],
        );
        for (role, privilege) in privileges_of_policies(table) {
            run(
                &format!("GRANT {privilege} ON {quoted} TO {}", quote_ident(&role)),
                &[],
            );
        }
        if has_column(table, "updated_at") {
            run(
                &format!(
                    "CREATE OR REPLACE TRIGGER {} BEFORE UPDATE ON {quoted} FOR EACH ROW
                     EXECUTE FUNCTION community_core.update_updated_at_column()",
                    quote_ident(&format!("{table}_set_updated_at"))
                ),
                &[],
            );
        }
    }
}

/// Runs one statement of a topic file; the number of rows it touched.
fn execute(sql: &str) -> i64 {
    Spi::connect_mut(|client| {
        client.update(sql, None, &[])?;
        // SAFETY: set by the call above; SPI_finish, at the end of this closure, takes it away.
        Ok(unsafe { pg_sys::SPI_processed as i64 })
    })
    .unwrap_or_else(|failure: spi::Error| error::spi(failure))
}

/// What exists already is done: that is how a second run repairs instead of failing.
fn unless_already_there(work: impl FnOnce() -> i64) -> i64 {
    match attempt(work) {
        Ok(rows) => rows,
        Err(error) => match sql_error_code(&error) {
            PgSqlErrorCode::ERRCODE_DUPLICATE_TABLE
            | PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT
            | PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN
            | PgSqlErrorCode::ERRCODE_DUPLICATE_FUNCTION => 0,
            _ => error.rethrow(),
        },
    }
}
