//! The table beside a parent that holds what its counter column cannot: the slots of a hot
//! counter, or the sum behind an average. An ordinary table in the parent's schema, named after
//! it, owned by its owner, closed to everybody else.

use super::names;
use super::query::run;
use super::spec::{Measure, Spec};
use crate::catalog::{self, quote_ident, quote_literal};
use crate::error;
use pgrx::{PgRelation, pg_sys};

/// `None` for a counter that needs no such table.
fn suffix(spec: &Spec) -> Option<&'static str> {
    match spec.measure {
        Measure::Average { .. } => Some("sum"),
        _ if spec.slots > 0 => Some("slots"),
        _ => None,
    }
}

pub fn name(spec: &Spec) -> String {
    let base = format!("{}_{}", spec.parent.1, spec.measure.column());
    names::fit(&base, suffix(spec).unwrap_or("slots"))
}

pub fn qualified_name(spec: &Spec) -> String {
    format!(
        "{}.{}",
        quote_ident(&spec.parent.0),
        quote_ident(&name(spec))
    )
}

/// The table, where the counter has one.
pub fn find(spec: &Spec) -> Option<pg_sys::Oid> {
    suffix(spec)?;
    super::resolve::find_table(&(spec.parent.0.clone(), name(spec)))
}

/// Makes the table unless it is there.
pub fn create(spec: &Spec, parent: pg_sys::Oid) {
    let Some(suffix) = suffix(spec) else { return };
    let table = qualified_name(spec);
    let (columns, more_key, comment) = match suffix {
        "sum" => (
            "ADD COLUMN total numeric NOT NULL DEFAULT 0, ADD COLUMN n bigint NOT NULL DEFAULT 0",
            "",
            "Exact sums and counts behind an average; kept by community_core.",
        ),
        _ => (
            "ADD COLUMN slot smallint NOT NULL, ADD COLUMN amount bigint NOT NULL DEFAULT 0",
            ", slot",
            "Increments not yet folded into their counter; kept by community_core.",
        ),
    };
    if let Some(oid) = find(spec) {
        let existing = open(oid);
        let column = if suffix == "sum" { "total" } else { "amount" };
        if !super::resolve::has_column(&existing, column) {
            error::raise(error::counter::side_table_taken(&table));
        }
        return;
    }
    let key = spec
        .parent_key
        .iter()
        .map(|k| quote_ident(k))
        .collect::<Vec<_>>()
        .join(", ");
    let parent_name = catalog::qualified_name(&open(parent));
    let constraint = |what: &str| quote_ident(&names::fit(&name(spec), what));
    // Made from the parent, so that types and collations are the parent's.
    run(&format!(
        "CREATE TABLE {table} AS SELECT {key} FROM {parent_name} WITH NO DATA"
    ));
    run(&format!(
        "ALTER TABLE {table} {columns}, \
         ADD CONSTRAINT {} PRIMARY KEY ({key}{more_key}), \
         ADD CONSTRAINT {} FOREIGN KEY ({key}) REFERENCES {parent_name} ({key}) \
         ON UPDATE CASCADE ON DELETE CASCADE, SET (fillfactor = 70)",
        constraint("pkey"),
        constraint("fkey")
    ));
    run(&format!(
        "COMMENT ON TABLE {table} IS {}",
        quote_literal(comment)
    ));
    run(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
    for grantee in grantees(&table) {
        run(&format!("REVOKE ALL ON TABLE {table} FROM {grantee}"));
    }
    run(&format!(
        "ALTER TABLE {table} OWNER TO {}",
        owner_name(&open(parent))
    ));
}

pub fn drop(spec: &Spec) {
    if suffix(spec).is_some() {
        run(&format!("DROP TABLE IF EXISTS {}", qualified_name(spec)));
    }
}

fn open(table: pg_sys::Oid) -> PgRelation {
    catalog::open_table(table, pg_sys::AccessShareLock as i32)
}

/// Whom default privileges gave something, other than the owner.
fn grantees(table: &str) -> Vec<String> {
    super::query::column(
        "SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' \
         ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END \
         FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a \
         WHERE c.oid = $1::pg_catalog.regclass AND a.grantee <> c.relowner",
        &[table.into()],
    )
}

fn owner_name(table: &PgRelation) -> String {
    super::query::column(
        "SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid($1))",
        &[catalog::owner(table).into()],
    )
    .pop()
    .unwrap_or_default()
}
