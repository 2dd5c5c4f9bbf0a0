//! `<name>_cells`: the groups of people that figures are about, the finest and their totals.

use super::contributions::Folded;
use super::name::Name;
use super::people::Value;
use super::refresh::{Definition, query};
use super::source::Groups;
use crate::catalog;
use pgrx::PgRelation;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::spi::SpiClient;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

pub fn top_level(definition: &Definition) -> i32 {
    (1 << definition.dimensions.len()) - 1
}

/// The finest cell of each group, by its number. Cells that are missing are made.
pub fn leaves(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    groups: Groups,
) -> Vec<i32> {
    let mut leaves = vec![0; groups.len()];
    if leaves.is_empty() {
        return leaves;
    }
    let source = name.oid("_source").map(|view| {
        // SAFETY: the view exists; the lock is given back with the relation.
        unsafe { PgRelation::with_lock(view, pg_sys::AccessShareLock as pg_sys::LOCKMODE) }
    });
    let (mut lists, mut columns, mut pairs) = (String::new(), String::new(), Vec::new());
    for (number, dimension) in (1..).zip(&definition.dimensions) {
        let column = format!("dimension_{number}");
        let type_name = source.as_ref().map_or("text".to_owned(), |source| {
            let found = catalog::column(source, &column);
            catalog::type_name(found.type_oid, found.type_mod)
        });
        lists.push_str(&format!(", ${}", number + 1));
        columns.push_str(&format!(", {column}"));
        let key = catalog::quote_literal(dimension);
        pairs.push(format!("{key}, groups.{column}::{type_name}"));
    }
    let numbers: Vec<i32> = (0..groups.len() as i32).collect();
    let mut arguments: Vec<DatumWithOid> = vec![numbers.into()];
    arguments.extend(groups.texts.into_iter().map(DatumWithOid::from));
    let rows = query(
        client,
        &format!(
            "WITH found AS (
                 SELECT number, jsonb_build_object({pairs}) AS dimensions
                 FROM unnest($1{lists}) AS groups (number{columns})),
             known AS (SELECT cell, dimensions FROM {cells} WHERE level = {level}),
             made AS (
                 INSERT INTO {cells} (level, dimensions)
                 SELECT DISTINCT {level}, dimensions FROM found
                 WHERE NOT EXISTS (SELECT FROM known WHERE known.dimensions = found.dimensions)
                 RETURNING cell, dimensions)
             SELECT found.number, leaf.cell
             FROM found JOIN (TABLE known UNION ALL TABLE made) AS leaf USING (dimensions)",
            pairs = pairs.join(", "),
            cells = name.of("_cells"),
            level = top_level(definition),
        ),
        &arguments,
    );
    for row in rows {
        if let (Ok(Some(number)), Ok(Some(cell))) = (row.get::<i32>(1), row.get::<i32>(2)) {
            leaves[number as usize] = cell;
        }
    }
    leaves
}

/// What a refresh changed in the cells of all levels.
#[derive(Default)]
pub struct Changes {
    /// By cell and value, how many more people have it now; fewer where negative.
    pub values: BTreeMap<i32, FxHashMap<Value, i64>>,
    /// Every cell that changed, and whether somebody left it.
    pub affected: BTreeMap<i32, bool>,
}

/// Carries the changes from the finest cells into all their totals.
pub fn changes(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    folded: &Folded,
) -> Changes {
    let mut changes = Changes::default();
    let changed = folded.changes.keys().map(|(leaf, _)| *leaf);
    let left = folded.left.iter().map(|(leaf, _)| *leaf);
    let left_for = folded.left.iter().filter_map(|(_, target)| *target);
    let leaves: BTreeSet<i32> = changed.chain(left).chain(left_for).collect();
    if leaves.is_empty() {
        return changes;
    }
    let totals = totals_of(client, name, definition, &leaves);
    for ((leaf, value), people) in &folded.changes {
        for cell in &totals[leaf] {
            let of_cell = changes.values.entry(*cell).or_default();
            *of_cell.entry(*value).or_default() += people;
        }
    }
    for (cell, values) in &mut changes.values {
        values.retain(|_, people| *people != 0);
        if !values.is_empty() {
            changes.affected.insert(*cell, false);
        }
    }
    changes.values.retain(|_, values| !values.is_empty());
    for (leaf, target) in &folded.left {
        let stays = target.map(|target| &totals[&target]);
        let goes = |cell: &&i32| !stays.is_some_and(|stays| stays.contains(cell));
        let left = totals[leaf].iter().filter(goes);
        changes.affected.extend(left.map(|cell| (*cell, true)));
    }
    changes
}

/// The cells that each of these finest cells is part of, itself among them.
fn totals_of(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    leaves: &BTreeSet<i32>,
) -> BTreeMap<i32, Vec<i32>> {
    let numbers: Vec<i32> = leaves.iter().copied().collect();
    let read = |client: &mut SpiClient| -> BTreeMap<i32, Vec<i32>> {
        let statement = format!(
            "SELECT cell, part_of FROM {} WHERE cell = ANY ($1) AND part_of IS NOT NULL",
            name.of("_cells")
        );
        query(client, &statement, &[numbers.clone().into()])
            .filter_map(|row| Some((row.get(1).ok()??, row.get(2).ok()??)))
            .collect()
    };
    let totals = read(client);
    if totals.len() == leaves.len() {
        return totals;
    }
    make_totals(client, name, definition);
    read(client)
}

/// Makes the totals of the finest cells that are new.
fn make_totals(client: &mut SpiClient, name: &Name, definition: &Definition) {
    let cells = name.of("_cells");
    let levels = levels(definition);
    let leaf_level = top_level(definition);
    query(
        client,
        &format!(
            "INSERT INTO {cells} (level, dimensions)
             SELECT DISTINCT level.level, leaf.dimensions - level.left_out
             FROM {cells} AS leaf, (VALUES {levels}) AS level (level, left_out)
             WHERE leaf.level = {leaf_level} AND leaf.part_of IS NULL
               AND NOT EXISTS (SELECT FROM {cells} AS cell WHERE cell.level = level.level
                               AND cell.dimensions = leaf.dimensions - level.left_out)"
        ),
        &[],
    );
    query(
        client,
        &format!(
            "UPDATE {cells} AS part SET part_of =
                 (SELECT array_agg(cell.cell) FROM (VALUES {levels}) AS level (level, left_out)
                       JOIN {cells} AS cell ON cell.level = level.level
                        AND cell.dimensions = part.dimensions - level.left_out
                  WHERE level.level & part.level = level.level)
             WHERE part.part_of IS NULL"
        ),
        &[],
    );
}

/// Every level that is published, and the finest in any case, with the dimensions that it leaves
/// out, as SQL rows.
fn levels(definition: &Definition) -> String {
    let top = top_level(definition);
    let coarser = definition
        .levels
        .iter()
        .copied()
        .filter(|level| *level != top);
    let rows: Vec<String> = coarser
        .chain([top])
        .map(|level| {
            let left_out: Vec<String> = definition
                .dimensions
                .iter()
                .enumerate()
                .filter(|(bit, _)| level & (1 << bit) == 0)
                .map(|(_, dimension)| catalog::quote_literal(dimension))
                .collect();
            format!("({level}, ARRAY[{}]::text[])", left_out.join(", "))
        })
        .collect();
    rows.join(", ")
}

/// Writes down how many people are in each cell now.
pub fn count_people(client: &mut SpiClient, name: &Name, changes: &Changes) {
    let more: Vec<(i32, i64)> = changes
        .values
        .iter()
        .map(|(cell, values)| (*cell, values.values().sum()))
        .filter(|(_, people)| *people != 0)
        .collect();
    if more.is_empty() {
        return;
    }
    let (cells, people): (Vec<i32>, Vec<i64>) = more.into_iter().unzip();
    query(
        client,
        &format!(
            "UPDATE {} AS cell SET people = cell.people + more.people
             FROM unnest($1, $2) AS more (cell, people) WHERE more.cell = cell.cell",
            name.of("_cells")
        ),
        &[cells.into(), people.into()],
    );
}
