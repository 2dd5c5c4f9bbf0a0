//! One row for two people, in two ways: in canonical order, or, where it matters who asked, in the
//! order written but only once.

use super::order::Order;
use crate::catalog::{self, Column, quote_ident, quote_literal};
use crate::error;
use pgrx::prelude::*;
use pgrx::{PgRelation, PgTrigger, PgTupleDesc};
use std::cmp::Ordering;

/// Attaches the trigger and the CHECK, and turns the rows that are there.
pub fn create_canonical(table: pg_sys::Oid, a: &str, b: &str) {
    let relation = catalog::open_table(table, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
    catalog::require_owner(&relation);
    let (a, b) = members(&relation, a, b);
    let order = Order::of(&relation, &a);
    let name = catalog::qualified_name(&relation);
    let trigger = quote_ident(&named(relation.name(), "canonicalize_pair"));
    let check = quote_ident(&named(relation.name(), "pair_check"));
    let arguments = format!("{}, {}", quote_literal(&a.name), quote_literal(&b.name));
    let (a, b) = (quote_ident(&a.name), quote_ident(&b.name));
    let (in_order, turned) = (order.less(&a, &b), order.less(&b, &a));
    drop(relation);
    for former in read(
        "SELECT pg_catalog.quote_ident(tgname) FROM pg_catalog.pg_trigger
         WHERE tgrelid = $1 AND tgparentid = 0 AND pg_catalog.quote_ident(tgname) <> $2
           AND tgname LIKE '%\\_canonicalize\\_pair'
           AND tgfoid = pg_catalog.to_regprocedure('community_core.canonicalize_pair()')",
        &[table.into(), trigger.as_str().into()],
    ) {
        // Of the name that the table had before.
        run(&format!("DROP TRIGGER {former} ON {name}"));
    }
    run(&format!(
        "CREATE OR REPLACE TRIGGER {trigger} BEFORE INSERT OR UPDATE OF {a}, {b} ON {name}
         FOR EACH ROW EXECUTE FUNCTION community_core.canonicalize_pair({arguments});
         UPDATE {name} SET {a} = {b}, {b} = {a} WHERE {turned};
         ALTER TABLE {name} ALTER {a} SET NOT NULL, ALTER {b} SET NOT NULL"
    ));
    keep_check(&name, &check, &in_order);
}

/// Plain Postgres and nothing else, so that the rule stays when the extension goes.
pub fn create_unordered(table: pg_sys::Oid, a: &str, b: &str) {
    let relation = catalog::open_table(table, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
    catalog::require_owner(&relation);
    let (a, b) = members(&relation, a, b);
    let order = Order::of(&relation, &a);
    let name = catalog::qualified_name(&relation);
    let check = quote_ident(&named(relation.name(), "pair_check"));
    let index = quote_ident(&named(relation.name(), "pair_key"));
    let schema = quote_ident(relation.namespace());
    let (a, b) = (quote_ident(&a.name), quote_ident(&b.name));
    let differ = order.differ(&a, &b);
    drop(relation);
    run(&format!(
        "ALTER TABLE {name} ALTER {a} SET NOT NULL, ALTER {b} SET NOT NULL"
    ));
    keep_check(&name, &check, &differ);
    let wanted = format!(
        "CREATE UNIQUE INDEX {index} ON {name} USING btree (LEAST({a}, {b}), GREATEST({a}, {b}))"
    );
    let stands = "SELECT pg_catalog.pg_get_indexdef(indexrelid) FROM pg_catalog.pg_index
                  WHERE indexrelid = pg_catalog.to_regclass($1) AND indisvalid";
    if read(stands, &[format!("{schema}.{index}").into()]) != [wanted.as_str()] {
        run(&format!("DROP INDEX IF EXISTS {schema}.{index}; {wanted}"));
    }
}

/// A CHECK that stands as it should is left alone, for adding it reads the whole table. One that was
/// made when the table had another name goes.
pub fn keep_check(table: &str, check: &str, condition: &str) {
    for former in read(
        "SELECT pg_catalog.quote_ident(conname) FROM pg_catalog.pg_constraint
         WHERE conrelid = pg_catalog.to_regclass($1) AND contype = 'c' AND coninhcount = 0
           AND pg_catalog.quote_ident(conname) <> $2 AND conname LIKE '%\\_pair\\_check'
           AND pg_catalog.pg_get_constraintdef(oid, true) = $3",
        &[
            table.into(),
            check.into(),
            format!("CHECK ({condition})").into(),
        ],
    ) {
        run(&format!("ALTER TABLE {table} DROP CONSTRAINT {former}"));
    }
    let stands = "SELECT pg_catalog.pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint
                  WHERE conrelid = pg_catalog.to_regclass($1)
                    AND pg_catalog.quote_ident(conname) = $2 AND convalidated";
    if read(stands, &[table.into(), check.into()]) != [format!("CHECK ({condition})")] {
        run(&format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check},
                 ADD CONSTRAINT {check} CHECK ({condition})"
        ));
    }
}

/// The row with its lower member first. Values are swapped as they are, whatever their type.
pub fn canonicalize<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Option<PgHeapTuple<'a, pgrx::AllocatedByPostgres>> {
    let misuse = || error::pair::not_as_a_trigger("canonicalize_pair", "create_canonical_pair");
    let relation = trigger
        .relation()
        .unwrap_or_else(|_| error::raise(misuse()));
    let names = trigger.extra_args().unwrap_or_default();
    let ([a, b], Some(new)) = (names.as_slice(), trigger.new()) else {
        error::raise(misuse())
    };
    let (a, b) = members(&relation, a, b);
    let (row, description) = (new.into_pg(), relation.tuple_desc());
    let member = |column: &Column| {
        let mut is_null = false;
        // SAFETY: the row is of this relation, and so is the column.
        let value = unsafe {
            pg_sys::heap_getattr(
                row,
                column.number.into(),
                description.as_ptr(),
                &mut is_null,
            )
        };
        if is_null {
            error::raise(error::pair::half_pair(&qualified(&relation), &column.name));
        }
        value
    };
    let (first, second) = (member(&a), member(&b));
    let row = match Order::of(&relation, &a).compare(first, second) {
        Ordering::Less => row,
        Ordering::Equal => error::raise(error::pair::self_pair(
            &qualified(&relation),
            &a.name,
            &b.name,
            &text(a.type_oid, first),
        )),
        Ordering::Greater => {
            let mut columns = [i32::from(a.number), i32::from(b.number)];
            let mut values = [second, first];
            // SAFETY: two columns of this relation with values of their common type, not NULL,
            // which heap_modify_tuple copies into the new row.
            unsafe {
                pg_sys::heap_modify_tuple_by_cols(
                    row,
                    description.as_ptr(),
                    2,
                    columns.as_mut_ptr(),
                    values.as_mut_ptr(),
                    [false; 2].as_mut_ptr(),
                )
            }
        }
    };
    // SAFETY: a row of this relation, alive until the trigger's caller has taken it; the copied
    // description outlives the relation's handle.
    unsafe {
        let description = PgTupleDesc::from_pg_copy(description.as_ptr());
        Some(PgHeapTuple::from_heap_tuple(description, row))
    }
}

fn qualified(relation: &PgRelation) -> String {
    catalog::qualified_name(relation)
}

/// Two columns of one type.
pub fn members(relation: &PgRelation, a: &str, b: &str) -> (Column, Column) {
    let (a, b) = (catalog::column(relation, a), catalog::column(relation, b));
    if a.number == b.number {
        let name = catalog::qualified_name(relation);
        error::raise(error::pair::same_column(&name, &a.name));
    }
    if (a.type_oid, a.collation) != (b.type_oid, b.collation) {
        error::raise(error::pair::different_types(
            &catalog::qualified_name(relation),
            &a.name,
            &catalog::type_name(a.type_oid, a.type_mod),
            &b.name,
            &catalog::type_name(b.type_oid, b.type_mod),
        ));
    }
    (a, b)
}

/// `<table>_<rule>`, cut to the length of a name.
pub fn named(table: &str, rule: &str) -> String {
    let mut table = table.to_owned();
    while table.len() + 1 + rule.len() >= pg_sys::NAMEDATALEN as usize {
        table.pop();
    }
    format!("{table}_{rule}")
}

pub fn run(sql: &str) {
    let settings = [
        catalog::SAFE_SEARCH_PATH,
        (c"client_min_messages", "warning"),
    ];
    catalog::with_settings(&settings, || {
        Spi::run(sql).unwrap_or_else(|failure| error::spi(failure));
    });
}

/// The table of a qualified and quoted name, if there is one.
pub fn find(table: &str) -> Option<pg_sys::Oid> {
    let found = read(
        "SELECT found::pg_catalog.oid::pg_catalog.text FROM pg_catalog.to_regclass($1) AS found
         WHERE found IS NOT NULL",
        &[table.into()],
    );
    Some(found.first()?.parse::<u32>().ok()?.into())
}

/// The texts that a query of the catalogue gives.
pub fn read(sql: &str, arguments: &[pgrx::datum::DatumWithOid]) -> Vec<String> {
    catalog::rows(sql, arguments, |row| {
        Ok(row.get::<String>(1)?.unwrap_or_default())
    })
}

fn text(type_oid: pg_sys::Oid, value: pg_sys::Datum) -> String {
    // SAFETY: the output function of the value's own type returns a NUL-terminated string.
    unsafe {
        let (mut function, mut is_varlena) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(type_oid, &mut function, &mut is_varlena);
        std::ffi::CStr::from_ptr(pg_sys::OidOutputFunctionCall(function, value))
            .to_string_lossy()
            .into_owned()
    }
}
