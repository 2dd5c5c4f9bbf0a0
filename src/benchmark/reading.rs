//! What readers see. The caller's right is SELECT on the benchmark's view; the tables are read as
//! their owner, in one statement and so in one snapshot.

use super::name::Name;
use super::refresh::owner;
use super::storage;
use crate::{catalog, error, settings};
use pgrx::prelude::*;
use pgrx::{JsonB, pg_sys};

pub struct Cell {
    pub dimensions: JsonB,
    pub contributors: i64,
    pub average: AnyNumeric,
    pub median: Option<AnyNumeric>,
    pub p25: Option<AnyNumeric>,
    pub p75: Option<AnyNumeric>,
    pub p90: Option<AnyNumeric>,
    pub released_at: TimestampWithTimeZone,
}

fn may_read(name: &Name) -> bool {
    name.oid("").is_some_and(|view| {
        // SAFETY: reads the catalogue's access list of an existing relation for the current user.
        let access = unsafe {
            pg_sys::pg_class_aclcheck(
                view,
                pg_sys::GetUserId(),
                pg_sys::ACL_SELECT as pg_sys::AclMode,
            )
        };
        access == pg_sys::AclResult::ACLCHECK_OK
    })
}

fn require_reader(name: &Name) {
    if !may_read(name) {
        error::raise(error::benchmark::may_not_read(&name.of("")));
    }
}

pub fn cells(name: &str) -> Vec<Cell> {
    let name = Name::find(name);
    require_reader(&name);
    as_owner(&name, || {
        Spi::connect(|client| {
            let rows = client.select(&visible_cells(&name), None, &[]);
            let mut cells = Vec::new();
            for row in rows.into_iter().flatten() {
                let cell = (|| {
                    Some(Cell {
                        dimensions: row.get(1).ok()??,
                        contributors: row.get(2).ok()??,
                        average: row.get(3).ok()??,
                        median: row.get(4).ok()?,
                        p25: row.get(5).ok()?,
                        p75: row.get(6).ok()?,
                        p90: row.get(7).ok()?,
                        released_at: row.get(8).ok()??,
                    })
                })();
                cells.extend(cell);
            }
            cells
        })
    })
}

fn as_owner<T>(name: &Name, work: impl FnOnce() -> T) -> T {
    catalog::as_role_restricted(owner(name), || {
        catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], work)
    })
}

/// A cell is out of sight as soon as one of its people is written down as withdrawn, and a cell
/// "of nobody's stage" is never shown.
fn visible_cells(name: &Name) -> String {
    // Under policy `blocks` a person is only in the cells that the block is in.
    let cell_of_person = if name.oid("_blocks").is_some() {
        format!(
            "JOIN {} AS block USING (block) JOIN {} AS part ON part.cell = block.cell",
            name.of("_blocks"),
            name.of("_cells")
        )
    } else {
        format!(
            "JOIN {} AS part ON part.cell = contribution.leaf",
            name.of("_cells")
        )
    };
    format!(
        "WITH hidden AS (
             SELECT unnest(part.part_of) AS cell
             FROM {withdrawn} AS withdrawn
                  JOIN {contributions} AS contribution USING (subject) {cell_of_person})
         SELECT dimensions, contributors, average, median, p25, p75, p90, released_at, cell
         FROM {cells} AS cell
         WHERE released_at IS NOT NULL AND released_people >= {min_k}
           AND NOT jsonb_path_exists(dimensions, '$.* ? (@ == null)')
           AND cell NOT IN (SELECT cell FROM hidden)
           AND NOT EXISTS (SELECT FROM {withdrawn} WHERE subject IS NULL)
         ORDER BY level DESC, dimensions",
        withdrawn = name.of("_withdrawn"),
        contributions = name.of("_contributions"),
        cells = name.of("_cells"),
        min_k = settings::min_k(),
    )
}

pub struct Coverage {
    pub consenting: i64,
    pub published: i64,
}

/// How many of the consenting people with a value are in a cell that is shown.
pub fn coverage(name: &str) -> Coverage {
    let name = Name::find(name);
    catalog::require_owner(&name.definition());
    let statement = format!(
        "WITH visible AS ({}),
              person AS ({})
         SELECT count(*), count(*) FILTER (WHERE EXISTS (
                    SELECT FROM visible WHERE visible.cell = ANY (person.part_of)))
         FROM person",
        visible_cells(&name),
        if name.oid("_blocks").is_some() {
            format!(
                "SELECT part.part_of FROM {} AS contribution LEFT JOIN {} AS block USING (block)
                 LEFT JOIN {} AS part ON part.cell = block.cell",
                name.of("_contributions"),
                name.of("_blocks"),
                name.of("_cells")
            )
        } else {
            format!(
                "SELECT part.part_of FROM {} AS contribution JOIN {} AS part ON part.cell = contribution.leaf",
                name.of("_contributions"),
                name.of("_cells")
            )
        }
    );
    as_owner(&name, || {
        Spi::connect(|client| {
            let row = client
                .select(&statement, None, &[])
                .map(|rows| rows.first());
            let number = |column| {
                row.as_ref()
                    .ok()
                    .and_then(|row| row.get::<i64>(column).ok().flatten())
                    .unwrap_or(0)
            };
            Coverage {
                consenting: number(1),
                published: number(2),
            }
        })
    })
}

/// Where the caller stands in the finest published cell: told from the published figures alone, so
/// that nobody learns more by trying out values.
pub fn position(name: &str) -> Option<(JsonB, &'static str)> {
    let name = Name::find(name);
    require_reader(&name);
    let caller = caller()?;
    let statement = format!(
        "WITH visible AS ({})
         SELECT visible.dimensions,
                CASE WHEN contribution.value >= visible.p75 THEN 3
                     WHEN contribution.value >= visible.median THEN 2
                     WHEN contribution.value <= visible.p25 THEN 0 ELSE 1 END
         FROM {} AS contribution JOIN {} AS leaf ON leaf.cell = contribution.leaf
              JOIN visible ON visible.cell = ANY (leaf.part_of)
         WHERE contribution.subject = $1 AND visible.median IS NOT NULL
           AND NOT EXISTS (SELECT FROM {} AS withdrawn WHERE withdrawn.subject = $1)
         ORDER BY (SELECT count(*) FROM jsonb_object_keys(visible.dimensions)) DESC LIMIT 1",
        visible_cells(&name),
        name.of("_contributions"),
        name.of("_cells"),
        name.of("_withdrawn"),
    );
    as_owner(&name, || {
        Spi::connect(|client| {
            let row = client
                .select(&statement, None, &[caller.into()])
                .ok()?
                .first();
            let words = ["bottom quarter", "lower half", "upper half", "top quarter"];
            let place: i32 = row.get(2).ok()??;
            Some((row.get(1).ok()??, words[place.clamp(0, 3) as usize]))
        })
    })
}

/// The person who calls, as `auth.uid()` says.
fn caller() -> Option<pgrx::Uuid> {
    Spi::connect(|client| {
        let known = client
            .select(
                "SELECT pg_catalog.to_regprocedure('auth.uid()') IS NOT NULL",
                None,
                &[],
            )
            .and_then(|rows| rows.first().get_one::<bool>());
        if known != Ok(Some(true)) {
            error::raise(error::benchmark::no_identity());
        }
        client
            .select("SELECT auth.uid()", None, &[])
            .and_then(|rows| rows.first().get_one::<pgrx::Uuid>())
            .ok()
            .flatten()
    })
}

pub struct Benchmark {
    pub name: String,
    pub policy: String,
    pub k: i32,
    pub category: String,
    pub dimensions: Vec<String>,
    pub totals: bool,
    pub refreshed_at: Option<TimestampWithTimeZone>,
}

pub fn benchmarks() -> Vec<Benchmark> {
    let mut names: Vec<Name> = storage::triggers()
        .into_iter()
        .map(|found| found.name)
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| name.oid("_benchmark").is_some() && may_read(name))
        .filter_map(|name| {
            as_owner(&name, || {
                Spi::connect(|client| {
                    let row = client
                        .select(
                            &format!(
                                "SELECT policy, k, category, dimensions, 0 = ANY (levels), refreshed_at FROM {}",
                                name.of("_benchmark")
                            ),
                            None,
                            &[],
                        )
                        .ok()?
                        .first();
                    Some(Benchmark {
                        name: name.of(""),
                        policy: row.get(1).ok()??,
                        k: row.get(2).ok()??,
                        category: row.get(3).ok()??,
                        dimensions: row.get(4).ok()??,
                        totals: row.get(5).ok()??,
                        refreshed_at: row.get(6).ok()?,
                    })
                })
            })
        })
        .collect()
}
