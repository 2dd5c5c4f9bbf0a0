//! What is left to do in a schema that holds its module already.

use super::describe::Key;
use super::difference::Difference;
use crate::catalog::quote_ident;

/// What of an installed module is not as it should be. The rest is left alone: putting a policy back
/// that is there already would lock its table against everybody.
pub struct Unfinished(Vec<Key>);

/// What a table has beside its structure.
pub const RULES: &[&str] = &[
    "policy",
    "row security",
    "grant",
    "trigger",
    "trigger state",
];

impl Unfinished {
    pub fn of(differences: Vec<Difference>) -> Unfinished {
        Unfinished(
            differences
                .into_iter()
                .map(|difference| difference.key)
                .collect(),
        )
    }

    /// Whether something is to be done about a table, named as SQL names it: it is missing itself,
    /// or `part` of it.
    pub fn concerns(&self, table: &str, part: impl Fn(&Key) -> bool) -> bool {
        self.0
            .iter()
            .any(|key| qualified(&key.relation) == table && (key.kind == "table" || part(key)))
    }

    /// Whether something is to be done that attaching an engine could do: it makes no policy, view or grant.
    pub fn concerns_engines(&self) -> bool {
        const OTHERS: [&str; 4] = ["policy", "view", "grant", "function grant"];
        self.0
            .iter()
            .any(|key| !key.relation.is_empty() && !OTHERS.contains(&key.kind.as_str()))
    }
}

/// A table outside the schema is named as Postgres wrote it, `auth.users`, quoted already.
pub fn qualified(relation: &str) -> String {
    if relation.contains('.') {
        relation.to_owned()
    } else {
        quote_ident(relation)
    }
}
