//! Whether a match can be written, asked before any yes is taken. An error that came with the second
//! yes alone would tell that there was a first.

use super::canonical::{read, run};
use super::choice::Definition;
use crate::catalog::{self, quote_ident};
use crate::error;
use pgrx::PgRelation;

/// Raises what the writing of a match would raise: nothing is written, and no trigger fires.
pub fn require(definition: &Definition, choices: &PgRelation) {
    require_one_table(choices);
    let key: Vec<_> = definition.key().map(quote_ident).collect();
    let columns = key.join(", ");
    run(&format!(
        "EXPLAIN INSERT INTO {} ({columns}) SELECT {columns} FROM {} ON CONFLICT ({columns}) DO NOTHING",
        definition.matches, definition.state
    ));
}

/// A statement trigger does not see what is written into a part of the table by the part's own name,
/// nor what is written into the table by the name of its parent.
pub fn require_one_table(choices: &PgRelation) {
    let is_one_of_many = choices.is_partitioned_table()
        || !read(
            "SELECT inhrelid::pg_catalog.text FROM pg_catalog.pg_inherits
             WHERE $1 IN (inhrelid, inhparent) LIMIT 1",
            &[choices.oid().into()],
        )
        .is_empty();
    if is_one_of_many {
        error::raise(error::pair::not_one_table(&catalog::qualified_name(
            choices,
        )));
    }
}
