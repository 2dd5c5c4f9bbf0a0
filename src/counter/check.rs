//! What must be true of two tables before a counter is attached to them.

use super::query::{ask, column};
use super::spec::{Empty, Measure, Spec};
use super::{expression, keys};
use crate::catalog::{self, quote_ident};
use crate::error;
use pgrx::{PgRelation, pg_sys};

const INTEGERS: [pg_sys::Oid; 3] = [pg_sys::INT2OID, pg_sys::INT4OID, pg_sys::INT8OID];

/// Raises for the first thing that is not as it must be; puts `counted` into its canonical form.
pub fn check(spec: &mut Spec, child: &PgRelation, parent: &PgRelation) {
    let (child_name, parent_name) = (
        catalog::qualified_name(child),
        catalog::qualified_name(parent),
    );
    for table in [child, parent] {
        catalog::require_owner(table);
        if takes_part_in_inheritance(table) {
            error::raise(error::counter::inheritance(&catalog::qualified_name(table)));
        }
    }
    // The child's triggers act as its owner, and write the parent.
    if catalog::owner(child) != catalog::owner(parent) {
        error::raise(error::counter::owners_differ(&child_name, &parent_name));
    }
    if spec.child_key.len() != spec.parent_key.len() || spec.child_key.is_empty() {
        error::raise(error::counter::key_lengths(
            spec.child_key.len(),
            spec.parent_key.len(),
        ));
    }
    for name in spec
        .child_key
        .iter()
        .map(String::as_str)
        .chain(spec.measure.value())
    {
        catalog::column(child, name);
        if is_virtual(child, name) {
            error::raise(error::counter::virtual_column(&child_name, name));
        }
    }
    keys::pairs(spec, child, parent);
    if !is_unique(parent, &spec.parent_key) {
        error::raise(error::counter::key_not_unique(
            &parent_name,
            &spec.parent_key.join(", "),
        ));
    }
    check_columns(spec, child, parent);
    if spec.slots > 0 && !has_foreign_key(spec, child, parent) {
        error::raise(error::counter::slots_need_a_foreign_key(
            &child_name,
            &parent_name,
        ));
    }
    if let Some(counted) = &spec.counted {
        let written = if child.oid() == parent.oid() {
            spec.measure.columns()
        } else {
            Vec::new()
        };
        spec.counted = Some(expression::canonical(counted, child, &written));
    }
}

fn check_columns(spec: &Spec, child: &PgRelation, parent: &PgRelation) {
    let parent_name = catalog::qualified_name(parent);
    for name in spec.measure.columns() {
        let found = catalog::column(parent, &name);
        let average = matches!(&spec.measure, Measure::Average { average, .. } if *average == name);
        let fits = INTEGERS.contains(&found.type_oid)
            || found.type_oid == pg_sys::NUMERICOID
            || (average && [pg_sys::FLOAT4OID, pg_sys::FLOAT8OID].contains(&found.type_oid));
        if !fits || is_generated(parent, &name) {
            let type_name = shown(&found);
            error::raise(error::counter::counter_type(
                &parent_name,
                &name,
                &type_name,
            ));
        }
        if spec.parent_key.contains(&name) {
            error::raise(error::counter::counter_in_key(&parent_name, &name));
        }
        if !average {
            if !default_of(parent, &found).is_some_and(|default| is_zero(&default)) {
                let quoted = quote_ident(&name);
                error::raise(error::counter::counter_default(&parent_name, &quoted));
            }
        } else if let Measure::Average {
            empty: Empty::Null, ..
        } = spec.measure
            && (found.not_null || default_of(parent, &found).is_some())
        {
            error::raise(error::counter::average_not_null(&parent_name, &name));
        }
    }
    if let Some(value) = spec.measure.value() {
        let found = catalog::column(child, value);
        // SAFETY: the type of an existing column.
        let base = unsafe { pg_sys::getBaseType(found.type_oid) };
        if !INTEGERS.contains(&base) && base != pg_sys::NUMERICOID {
            error::raise(error::counter::value_type(
                &catalog::qualified_name(child),
                value,
                &shown(&found),
            ));
        }
    }
}

/// A column's type as a person reads it.
fn shown(column: &catalog::Column) -> String {
    catalog::type_name(column.type_oid, column.type_mod).replace("pg_catalog.", "")
}

/// A validated foreign key, checked at the end of each statement, from the child's key to the
/// parent's: then no child is ever without its parent.
pub fn has_foreign_key(spec: &Spec, child: &PgRelation, parent: &PgRelation) -> bool {
    let numbers = |table: &PgRelation, names: &[String]| -> Vec<i16> {
        names
            .iter()
            .map(|name| catalog::column(table, name).number)
            .collect()
    };
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' \
         AND f.conrelid = $1 AND f.confrelid = $2 AND f.convalidated AND NOT f.condeferrable \
         AND (SELECT pg_catalog.array_agg((c, p) ORDER BY c, p) \
              FROM ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) AS k(c, p)) \
           = (SELECT pg_catalog.array_agg((c, p) ORDER BY c, p) \
              FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS k(c, p)))",
        &[
            child.oid().into(),
            parent.oid().into(),
            numbers(child, &spec.child_key).into(),
            numbers(parent, &spec.parent_key).into(),
        ],
    )
}

/// The column's default as SQL.
pub fn default_of(table: &PgRelation, of: &catalog::Column) -> Option<String> {
    column(
        "SELECT pg_catalog.pg_get_expr(adbin, adrelid) FROM pg_catalog.pg_attrdef \
         WHERE adrelid = $1 AND adnum = $2",
        &[table.oid().into(), of.number.into()],
    )
    .pop()
    .filter(|default| !default.starts_with("NULL"))
}

fn is_zero(default: &str) -> bool {
    let number = default.split("::").next().unwrap_or_default();
    number
        .trim_matches(|c| "('\")".contains(c))
        .parse::<f64>()
        .is_ok_and(|value| value == 0.0)
}

fn is_unique(parent: &PgRelation, key: &[String]) -> bool {
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = $1 \
         AND i.indisunique AND i.indisvalid AND i.indimmediate \
         AND i.indpred IS NULL AND i.indexprs IS NULL \
         AND (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text \
                                          ORDER BY a.attname::pg_catalog.text) \
              FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = i.indrelid \
              AND a.attnum = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])) \
           = (SELECT pg_catalog.array_agg(k ORDER BY k) FROM pg_catalog.unnest($2) AS k))",
        &[parent.oid().into(), key.to_vec().into()],
    )
}

fn takes_part_in_inheritance(table: &PgRelation) -> bool {
    ask(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits AS i \
         JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
         WHERE NOT c.relispartition AND $1 IN (i.inhrelid, i.inhparent))",
        &[table.oid().into()],
    )
}

fn generation(table: &PgRelation, name: &str) -> u8 {
    let tuple = table.tuple_desc();
    tuple
        .iter()
        .find(|a| !a.is_dropped() && a.name() == name)
        .map_or(0, |a| a.attgenerated as u8)
}

fn is_generated(table: &PgRelation, name: &str) -> bool {
    generation(table, name) != 0
}

/// Virtual columns (PostgreSQL 18) are not in the rows that a trigger reads.
fn is_virtual(table: &PgRelation, name: &str) -> bool {
    generation(table, name) == b'v'
}
