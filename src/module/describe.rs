//! What a schema holds, as facts that two schemas can be compared by.

use super::script::Names;
use crate::catalog::{quote_ident, with_settings};
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// `relation` is empty for what belongs to no relation; `name` for what a relation has but once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub kind: String,
    pub relation: String,
    pub name: String,
}

/// Facts in the order a person reads them, which is also the order in which they can be repaired.
#[derive(Clone, Debug, Default)]
pub struct Description {
    pub facts: Vec<(Key, String)>,
}

impl Description {
    pub fn index(&self) -> BTreeMap<&Key, &str> {
        self.facts
            .iter()
            .map(|(key, definition)| (key, definition.as_str()))
            .collect()
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a (Key, String)> {
        self.facts.iter().filter(move |(key, _)| key.kind == kind)
    }

    /// The facts about what `other` says nothing of.
    pub fn without(self, other: &Description) -> Description {
        let others = other.index();
        let facts = self.facts.into_iter();
        Description {
            facts: facts.filter(|(key, _)| !others.contains_key(key)).collect(),
        }
    }

    /// The same facts about a schema of another name. `from` must be a name that needs quotes, so
    /// that the identifier and the bare text, in a trigger's arguments say, can be told apart.
    pub fn renamed(self, from: &Names, to: &Names) -> Description {
        let bare = |text: String| {
            text.replace(&from.identifier, &to.identifier)
                .replace(&from.raw, &to.raw)
        };
        let literal = to.raw.replace('\'', "''");
        let definition = |text: String| {
            text.replace(&from.identifier, &to.identifier)
                .replace(&from.raw, &literal)
        };
        let facts = self
            .facts
            .into_iter()
            .map(|(key, text)| {
                let key = Key {
                    kind: key.kind,
                    relation: bare(key.relation),
                    name: bare(key.name),
                };
                (key, definition(text))
            })
            .collect();
        Description { facts }
    }
}

/// Describes a schema; an absent one holds nothing. Takes no lock and no transaction id.
pub fn describe(schema: &str) -> Description {
    let path = format!("{}, pg_temp", quote_ident(schema));
    let settings = [
        (c"search_path", path.as_str()),
        (c"quote_all_identifiers", "off"),
    ];
    let facts = with_settings(&settings, || {
        Spi::connect(|client| -> spi::Result<Vec<(Key, String)>> {
            let namespace = client
                .select(
                    "SELECT oid FROM pg_namespace WHERE nspname = $1",
                    None,
                    &[schema.into()],
                )?
                .first()
                .get_one::<pg_sys::Oid>();
            let Ok(Some(namespace)) = namespace else {
                return Ok(Vec::new());
            };
            let rows = client.select(include_str!("describe.sql"), None, &[namespace.into()])?;
            let mut facts = Vec::with_capacity(rows.len());
            for row in rows {
                let text = |column: usize| -> spi::Result<String> {
                    Ok(row.get::<String>(column)?.unwrap_or_default())
                };
                let key = Key {
                    kind: text(1)?,
                    relation: text(2)?,
                    name: text(3)?,
                };
                facts.push((key, text(4)?));
            }
            Ok(facts)
        })
    });
    Description {
        facts: facts.unwrap_or_else(|error| crate::error::spi(error)),
    }
}
