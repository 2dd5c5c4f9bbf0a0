//! Which cells are shown from now on: the policy's decision for each, and what has to be withheld
//! beside it so that nothing withheld can be computed.

use super::bins::{self, Kept};
use super::cells::{Changes, top_level};
use super::decimal::Decimal;
use super::histogram::Histogram;
use super::name::Name;
use super::refresh::{Definition, query};
use super::suppression::{self, Group};
use super::threshold::{self, Figures, Rules};
use pgrx::datum::DatumWithOid;
use pgrx::spi::SpiClient;
use std::collections::{BTreeMap, BTreeSet};

struct Cell {
    cell: i32,
    is_published: bool,
    is_shown: bool,
}

/// The affected cells, and those that were withheld and might not be any more.
fn read_cells(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    affected: &BTreeMap<i32, bool>,
) -> Vec<Cell> {
    let rows = query(
        client,
        &format!(
            "SELECT cell, level = ANY ($3), released_at IS NOT NULL FROM {}
             WHERE cell = ANY ($1) OR (released_at IS NULL AND people >= $2)",
            name.of("_cells")
        ),
        &[
            affected.keys().copied().collect::<Vec<i32>>().into(),
            definition.rules.k.into(),
            definition.levels.clone().into(),
        ],
    );
    rows.filter_map(|row| {
        Some(Cell {
            cell: row.get(1).ok()??,
            is_published: row.get(2).ok()??,
            is_shown: row.get(3).ok()??,
        })
    })
    .collect()
}

enum Decision {
    Stands,
    Release(Box<Figures>),
    Withhold,
}

/// A release about people who are all still there stands until there is a new one. A new one needs
/// the cell to be fit, and to differ from the last in no value or in k: otherwise the two
/// subtracted would tell about fewer.
fn decide(cell: &Cell, histogram: &Histogram, somebody_left: bool, rules: &Rules) -> Decision {
    let distance = histogram.distance_from_release();
    if cell.is_shown && !somebody_left && distance < rules.k {
        return Decision::Stands;
    }
    if !cell.is_published && threshold::is_fit(histogram, rules) {
        // Nobody sees it, and it may be known.
        return Decision::Stands;
    }
    match threshold::figures(histogram, rules) {
        Some(figures) if distance == 0 || distance >= rules.k => {
            Decision::Release(Box::new(figures))
        }
        _ => Decision::Withhold,
    }
}

pub fn publish(client: &mut SpiClient, name: &Name, definition: &Definition, changes: &Changes) {
    let cells = read_cells(client, name, definition, &changes.affected);
    let numbers = cells.iter().map(|cell| cell.cell).collect();
    let mut histograms = bins::read(name, numbers, changes);
    let mut withheld: BTreeSet<i32> = BTreeSet::new();
    let mut unfit: BTreeSet<i32> = BTreeSet::new();
    let mut released: BTreeMap<i32, Figures> = BTreeMap::new();
    for cell in &cells {
        let Some(kept) = histograms.get(&cell.cell) else {
            continue;
        };
        let somebody_left = changes.affected.get(&cell.cell) == Some(&true);
        match decide(cell, &kept.histogram, somebody_left, &definition.rules) {
            Decision::Stands => {}
            Decision::Release(figures) => {
                released.insert(cell.cell, *figures);
            }
            Decision::Withhold => {
                unfit.insert(cell.cell);
                withheld.extend(cell.is_shown.then_some(cell.cell));
            }
        }
    }
    if definition.levels != [top_level(definition)] {
        for cell in suppressed(client, name, definition, &withheld, &unfit, &released) {
            released.remove(&cell);
            withheld.insert(cell);
        }
    }
    withhold(client, name, withheld);
    write_figures(client, name, &released);
    for cell in released.keys() {
        histograms.get_mut(cell).map(Kept::release);
    }
    bins::write(client, name, &histograms);
}

/// The cells that have to be withheld because others could be computed from them.
fn suppressed(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    withheld: &BTreeSet<i32>,
    unfit: &BTreeSet<i32>,
    released: &BTreeMap<i32, Figures>,
) -> Vec<i32> {
    let rows = query(
        client,
        &format!(
            "SELECT cell.cell, cell.people, cell.released_at IS NOT NULL,
                    jsonb_path_exists(cell.dimensions, '$.* ? (@ == null)'),
                    CASE WHEN level = {} THEN part_of END
             FROM {} AS cell WHERE people > 0 ORDER BY cell",
            top_level(definition),
            name.of("_cells")
        ),
        &[],
    );
    let mut cells: Vec<i32> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut leaves: Vec<Vec<i32>> = Vec::new();
    for row in rows {
        let (Ok(Some(cell)), Ok(Some(people)), Ok(Some(was_shown)), Ok(Some(of_nobody))) = (
            row.get::<i32>(1),
            row.get::<i64>(2),
            row.get::<bool>(3),
            row.get::<bool>(4),
        ) else {
            continue;
        };
        let is_shown = !of_nobody
            && (released.contains_key(&cell) || (was_shown && !withheld.contains(&cell)));
        let is_secret = people < definition.rules.k || unfit.contains(&cell);
        cells.push(cell);
        groups.push(Group {
            people,
            is_shown,
            is_secret,
            leaves: Vec::new(),
        });
        leaves.extend(row.get::<Vec<i32>>(5).ok().flatten());
    }
    for (leaf, part_of) in leaves.iter().enumerate() {
        for cell in part_of {
            if let Ok(place) = cells.binary_search(cell) {
                groups[place].leaves.push(leaf);
            }
        }
    }
    let places = suppression::suppress(&groups, definition.rules.k);
    places.into_iter().map(|place| cells[place]).collect()
}

pub fn withhold(client: &mut SpiClient, name: &Name, cells: BTreeSet<i32>) {
    if cells.is_empty() {
        return;
    }
    query(
        client,
        &format!(
            "UPDATE {} SET released_at = NULL, released_people = NULL, contributors = NULL, average = NULL, median = NULL,
                    p25 = NULL, p75 = NULL, p90 = NULL WHERE cell = ANY ($1)",
            name.of("_cells")
        ),
        &[cells.into_iter().collect::<Vec<i32>>().into()],
    );
}

pub fn write_figures(client: &mut SpiClient, name: &Name, released: &BTreeMap<i32, Figures>) {
    if released.is_empty() {
        return;
    }
    let text = |of: fn(&Figures) -> Option<Decimal>| -> DatumWithOid {
        released
            .values()
            .map(|figures| of(figures).map(|value| value.to_string()))
            .collect::<Vec<Option<String>>>()
            .into()
    };
    let cells: Vec<i32> = released.keys().copied().collect();
    let people: Vec<i64> = released.values().map(|figures| figures.people).collect();
    let contributors: Vec<i64> = released
        .values()
        .map(|figures| figures.contributors)
        .collect();
    query(
        client,
        &format!(
            "UPDATE {} AS cell
             SET released_at = now(), released_people = new.people, contributors = new.contributors,
                 average = new.average::numeric, median = new.median::numeric,
                 p25 = new.p25::numeric, p75 = new.p75::numeric, p90 = new.p90::numeric
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                  AS new (cell, people, contributors, average, median, p25, p75, p90)
             WHERE cell.cell = new.cell",
            name.of("_cells")
        ),
        &[
            cells.into(),
            people.into(),
            contributors.into(),
            text(|figures| Some(figures.average)),
            text(|figures| figures.median),
            text(|figures| figures.p25),
            text(|figures| figures.p75),
            text(|figures| figures.p90),
        ],
    );
}
