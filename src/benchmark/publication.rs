//! Which cells are shown from now on: the policy's decision for each, and what has to be withheld
//! beside it so that nothing withheld can be computed.

use super::bins::{self, Kept};
use super::cells::Changes;
use super::decimal::Decimal;
use super::histogram::Histogram;
use super::name::Name;
use super::overlap::{Overlap, Wishes};
use super::refresh::{Definition, query};
use super::standing::Move;
use super::suppression::State;
use super::threshold::{self, Figures, Rules};
use pgrx::datum::DatumWithOid;
use pgrx::spi::SpiClient;
use std::collections::{BTreeMap, BTreeSet};

struct Cell {
    cell: i32,
    is_published: bool,
    is_shown: bool,
}

/// The affected cells, those that are behind, and those that were withheld and might not be any more.
fn read_cells(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    affected: &BTreeMap<i32, bool>,
    mut chosen: Vec<i32>,
) -> Vec<Cell> {
    chosen.extend(affected.keys());
    let rows = query(
        client,
        &format!(
            "SELECT cell, level = ANY ($3), released_at IS NOT NULL FROM {}
             WHERE cell = ANY ($1) OR (released_at IS NULL AND people >= $2)",
            name.of("_cells")
        ),
        &[
            chosen.into(),
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

/// A release from which so many times k differ does not stand: with everybody changed, everybody
/// would have to be told apart.
const MOST_BEHIND: i64 = 1000;

pub fn publish(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    changes: &Changes,
    moves: &[Move],
) {
    let rules = &definition.rules;
    let mut overlap = definition
        .is_compared()
        .then(|| Overlap::read(client, name, definition));
    let behind = overlap
        .as_ref()
        .map_or(Vec::new(), |overlap| overlap.behind(rules.k));
    let cells = read_cells(client, name, definition, &changes.affected, behind);
    let numbers = cells.iter().map(|cell| cell.cell).collect();
    let mut histograms = bins::read(name, numbers, changes);
    let mut withheld: BTreeSet<i32> = BTreeSet::new();
    let mut unfit: BTreeSet<i32> = BTreeSet::new();
    let mut may_stand: BTreeSet<i32> = BTreeSet::new();
    let mut released: BTreeMap<i32, Figures> = BTreeMap::new();
    for cell in &cells {
        let Some(kept) = histograms.get(&cell.cell) else {
            continue;
        };
        let somebody_left = changes.affected.get(&cell.cell) == Some(&true);
        match decide(cell, &kept.histogram, somebody_left, rules) {
            Decision::Stands => {}
            Decision::Release(figures) => {
                released.insert(cell.cell, *figures);
                let behind = kept.histogram.distance_from_release();
                let stands = cell.is_shown && !somebody_left && behind < MOST_BEHIND * rules.k;
                may_stand.extend(stands.then_some(cell.cell));
            }
            Decision::Withhold => {
                unfit.insert(cell.cell);
                withheld.extend(cell.is_shown.then_some(cell.cell));
            }
        }
    }
    if let Some(overlap) = &mut overlap {
        let wishes = Wishes {
            withheld: &withheld,
            released: &released.keys().copied().collect(),
            may_stand: &may_stand,
            unfit: &unfit,
        };
        for (cell, state) in overlap.settle(&wishes, moves, rules.k) {
            released.remove(&cell);
            if state == State::Withheld {
                withheld.insert(cell);
            }
        }
    }
    withhold(client, name, withheld);
    write_figures(client, name, &released);
    for cell in released.keys() {
        histograms.get_mut(cell).map(Kept::release);
    }
    bins::write(client, name, &histograms);
    if let Some(overlap) = overlap {
        overlap.write(client, name);
    }
}

/// Whether there is any release that could be compared with another.
pub fn is_anything_shown(client: &mut SpiClient, name: &Name) -> bool {
    let statement = format!(
        "SELECT EXISTS (SELECT FROM {} WHERE released_at IS NOT NULL)",
        name.of("_cells")
    );
    let found = query(client, &statement, &[]).first().get_one::<bool>();
    found.ok().flatten() == Some(true)
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
