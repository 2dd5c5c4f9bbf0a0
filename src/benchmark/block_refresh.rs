//! Keeping the blocks: retiring those that are no longer true, forming new ones, and publishing
//! what they add up to.

use super::blocks::{self, Waiting};
use super::cells::top_level;
use super::decimal::Decimal;
use super::histogram::{Bin, Histogram};
use super::name::Name;
use super::publication::{withhold, write_figures};
use super::refresh::{Definition, query};
use pgrx::spi::SpiClient;
use std::collections::{BTreeMap, BTreeSet};

pub fn publish(client: &mut SpiClient, name: &Name, definition: &Definition, retired: Vec<i32>) {
    let mut affected = retire(client, name, definition, retired);
    affected.extend(form(client, name, definition));
    let affected = published_with(client, name, definition, &affected);
    let mut released = BTreeMap::new();
    let mut withheld: BTreeSet<i32> = affected.iter().copied().collect();
    for (cell, histogram) in histograms(client, name, affected) {
        if let Some(figures) = blocks::figures(&histogram, &definition.rules) {
            withheld.remove(&cell);
            released.insert(cell, figures);
        }
    }
    withhold(client, name, withheld);
    write_figures(client, name, &released);
}

/// Takes blocks apart. Those of a smaller k than is asked for now go too.
fn retire(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    retired: Vec<i32>,
) -> Vec<i32> {
    let rows = query(
        client,
        &format!(
            "WITH retired AS (DELETE FROM {} WHERE block = ANY ($1) OR fresh < $2 RETURNING block, cell),
                  released AS (UPDATE {} AS contribution SET block = NULL
                               FROM retired WHERE contribution.block = retired.block)
             SELECT DISTINCT cell FROM retired",
            name.of("_blocks"),
            name.of("_contributions")
        ),
        &[retired.into(), definition.rules.k.into()],
    );
    rows.filter_map(|row| row.get::<i32>(1).ok().flatten())
        .collect()
}

/// The person and the value as a keyed hash: enough to know that a block contained them, also after
/// the person withdrew and nothing else is left of them.
const FINGERPRINT: &str = "left(encode(sha256(convert_to(
    definition.secret::text || contribution.subject::text || contribution.value::text, 'UTF8')), 'hex'), 32)::uuid";

/// Forms new blocks of those who are in none; returns their cells.
fn form(client: &mut SpiClient, name: &Name, definition: &Definition) -> Vec<i32> {
    let places = places(client, name, definition);
    let rows = query(
        client,
        &format!(
            "SELECT subject, leaf, value::text,
                    NOT EXISTS (SELECT FROM {} AS released WHERE released.fingerprint = waiting.fingerprint),
                    fingerprint
             FROM (SELECT contribution.*, {FINGERPRINT} AS fingerprint
                   FROM {} AS contribution, {} AS definition WHERE block IS NULL) AS waiting
             ORDER BY subject",
            name.of("_released"),
            name.of("_contributions"),
            name.of("_benchmark")
        ),
        &[],
    );
    let (mut subjects, mut fingerprints, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let found = (|| {
            let person = Waiting {
                value: Decimal::parse(&row.get::<String>(3).ok()??)?,
                is_fresh: row.get(4).ok()??,
                places: places.get(&row.get::<i32>(2).ok()??)?.clone(),
            };
            Some((
                row.get::<pgrx::Uuid>(1).ok()??,
                row.get::<pgrx::Uuid>(5).ok()??,
                person,
            ))
        })();
        if let Some((subject, fingerprint, person)) = found {
            subjects.push(subject);
            fingerprints.push(fingerprint);
            waiting.push(person);
        }
    }
    let formed = blocks::plan(&waiting, &definition.rules);
    if formed.is_empty() {
        return Vec::new();
    }
    let (mut cells, mut fresh) = (Vec::new(), Vec::new());
    let (mut of_block, mut members, mut prints) = (Vec::new(), Vec::new(), Vec::new());
    for (number, block) in (1i32..).zip(&formed) {
        cells.push(block.cell);
        fresh.push(block.fresh);
        for member in &block.members {
            of_block.push(number);
            members.push(subjects[*member]);
            prints.push(fingerprints[*member]);
        }
    }
    query(
        client,
        &format!(
            "WITH made AS (
                 INSERT INTO {blocks} (cell, fresh) SELECT cell, fresh
                 FROM unnest($1, $2) WITH ORDINALITY AS new (cell, fresh, number) ORDER BY number
                 RETURNING block),
             numbered AS (SELECT block, row_number() OVER (ORDER BY block) AS number FROM made),
             remembered AS (
                 INSERT INTO {released} SELECT unnest($5) ON CONFLICT DO NOTHING)
             UPDATE {contributions} AS contribution SET block = numbered.block
             FROM unnest($3, $4) AS member (number, subject) JOIN numbered USING (number)
             WHERE contribution.subject = member.subject",
            blocks = name.of("_blocks"),
            released = name.of("_released"),
            contributions = name.of("_contributions"),
        ),
        &[
            cells.clone().into(),
            fresh.into(),
            of_block.into(),
            members.into(),
            prints.into(),
        ],
    );
    cells
}

/// For each finest cell, the cells a block of its people may be in: itself, then with the last
/// dimension left out, and so on; not where a kept dimension is unknown.
fn places(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
) -> BTreeMap<i32, Vec<Option<i32>>> {
    let top = top_level(definition);
    let rows = query(
        client,
        &format!(
            "SELECT leaf.cell, cell.cell, cell.level
             FROM {cells} AS leaf JOIN {cells} AS cell ON cell.cell = ANY (leaf.part_of)
             WHERE leaf.level = {top} AND NOT jsonb_path_exists(cell.dimensions, '$.* ? (@ == null)')",
            cells = name.of("_cells")
        ),
        &[],
    );
    let levels: Vec<i32> = (0..=definition.dimensions.len())
        .rev()
        .map(|kept| (1 << kept) - 1)
        .collect();
    let mut places: BTreeMap<i32, Vec<Option<i32>>> = BTreeMap::new();
    for row in rows {
        let (Ok(Some(leaf)), Ok(Some(cell)), Ok(Some(level))) =
            (row.get::<i32>(1), row.get::<i32>(2), row.get::<i32>(3))
        else {
            continue;
        };
        let of_leaf = places
            .entry(leaf)
            .or_insert_with(|| vec![None; levels.len()]);
        if let Some(depth) = levels.iter().position(|known| *known == level) {
            of_leaf[depth] = Some(cell);
        }
    }
    places
}

/// The published cells that these are part of.
fn published_with(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    cells: &[i32],
) -> Vec<i32> {
    let rows = query(
        client,
        &format!(
            "SELECT DISTINCT whole.cell FROM {cells} AS part JOIN {cells} AS whole ON whole.cell = ANY (part.part_of)
             WHERE part.cell = ANY ($1) AND whole.level = ANY ($2)",
            cells = name.of("_cells")
        ),
        &[cells.to_vec().into(), definition.levels.clone().into()],
    );
    rows.filter_map(|row| row.get::<i32>(1).ok().flatten())
        .collect()
}

/// The values of everybody in a live block, by cell.
fn histograms(client: &mut SpiClient, name: &Name, cells: Vec<i32>) -> BTreeMap<i32, Histogram> {
    let rows = query(
        client,
        &format!(
            "SELECT part.of_cell, contribution.value::text, count(*)
             FROM {contributions} AS contribution JOIN {blocks} AS block USING (block)
                  JOIN (SELECT cell, unnest(part_of) AS of_cell FROM {cells}) AS part USING (cell)
             WHERE part.of_cell = ANY ($1)
             GROUP BY part.of_cell, contribution.value ORDER BY part.of_cell, contribution.value",
            contributions = name.of("_contributions"),
            blocks = name.of("_blocks"),
            cells = name.of("_cells"),
        ),
        &[cells.into()],
    );
    let mut histograms: BTreeMap<i32, Histogram> = BTreeMap::new();
    for row in rows {
        let (Ok(Some(cell)), Ok(Some(value)), Ok(Some(current))) =
            (row.get::<i32>(1), row.get::<String>(2), row.get::<i64>(3))
        else {
            continue;
        };
        if let Some(value) = Decimal::parse(&value) {
            histograms.entry(cell).or_default().bins.push(Bin {
                value,
                current,
                released: 0,
            });
        }
    }
    histograms
}
