//! A benchmark's name, and the names of what belongs to it.

use crate::{catalog, error};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};

/// The longest names made from it are `benchmark_<name>_<nine letters>`, of at most 63 bytes.
const LONGEST: usize = 40;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub schema: String,
    pub table: String,
}

impl Name {
    /// Reads `name` or `schema.name` as SQL does.
    pub fn parse(text: &str) -> (Option<String>, String) {
        let parts = Spi::connect(|client| {
            client
                .select("SELECT pg_catalog.parse_ident($1)", None, &[text.into()])
                .and_then(|rows| rows.first().get_one::<Vec<String>>())
        });
        match parts {
            Ok(Some(mut parts)) if matches!(parts.len(), 1 | 2) => {
                let table = parts.pop().unwrap_or_default();
                if table.len() > LONGEST || table.is_empty() {
                    error::raise(error::benchmark::bad_argument(
                        "name",
                        &table,
                        &format!("a name of 1 to {LONGEST} bytes"),
                    ));
                }
                (parts.pop(), table)
            }
            _ => error::raise(error::benchmark::bad_argument(
                "name",
                text,
                "name or schema.name",
            )),
        }
    }

    /// An existing benchmark; an unqualified name is looked up along the search_path.
    pub fn find(text: &str) -> Name {
        let missing = || -> ! { error::raise(error::benchmark::no_such_benchmark(text)) };
        let found = match Name::parse(text) {
            (Some(schema), table) => Some(Name { schema, table }),
            (None, table) => schemas_of_search_path()
                .into_iter()
                .map(|schema| Name {
                    schema,
                    table: table.clone(),
                })
                .find(|name| name.oid("_benchmark").is_some()),
        };
        match found {
            Some(name) if name.oid("_benchmark").is_some() => name,
            _ => missing(),
        }
    }

    /// The benchmark's relation with this suffix: `_cells`, `_queue` and so on; `""` is the view.
    pub fn of(&self, suffix: &str) -> String {
        format!(
            "{}.{}",
            catalog::quote_ident(&self.schema),
            catalog::quote_ident(&format!("{}{suffix}", self.table))
        )
    }

    pub fn oid(&self, suffix: &str) -> Option<pg_sys::Oid> {
        catalog::find(&self.schema, &format!("{}{suffix}", self.table))
    }

    /// The definition table, whose owner is the benchmark's owner.
    pub fn definition(&self) -> PgRelation {
        match self.oid("_benchmark") {
            Some(oid) => catalog::open_table(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE),
            None => error::raise(error::benchmark::no_such_benchmark(&self.of(""))),
        }
    }
}

fn schemas_of_search_path() -> Vec<String> {
    Spi::connect(|client| {
        client
            .select(
                "SELECT pg_catalog.current_schemas(false)::text[]",
                None,
                &[],
            )
            .and_then(|rows| rows.first().get_one::<Vec<String>>())
    })
    .ok()
    .flatten()
    .unwrap_or_default()
}
