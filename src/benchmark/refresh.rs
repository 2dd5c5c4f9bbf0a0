//! Folding what was written down, and publishing what may be published.
//!
//! A refresh empties the queues first and reads the source after that, in later snapshots. So a
//! withdrawal that commits meanwhile is either seen by the source's snapshot, or its row in
//! `_withdrawn` survives the refresh and hides what the refresh publishes. Nothing in between is
//! possible, and neither waits for the other.

use super::decimal::Decimal;
use super::name::Name;
use super::publication;
use super::threshold::Rules;
use super::{block_refresh, everybody};
use crate::{catalog, error, settings};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};
use std::collections::BTreeMap;
use std::ffi::CStr;

/// How a dimension is written must not depend on who refreshes.
const SETTINGS: [(&CStr, &str); 7] = [
    catalog::SAFE_SEARCH_PATH,
    (c"TimeZone", "UTC"),
    (c"DateStyle", "ISO"),
    (c"IntervalStyle", "iso_8601"),
    (c"bytea_output", "hex"),
    (c"extra_float_digits", "1"),
    // Compiling takes longer than what a refresh does.
    (c"jit", "off"),
];

/// With so many people changed, reading everybody is cheaper than looking each one up.
const MANY: usize = 200_000;

pub struct Definition {
    pub dimensions: Vec<String>,
    pub rules: Rules,
    /// The levels that are published, ascending, as bits of the dimensions that they keep.
    pub levels: Vec<i32>,
    pub is_blocks: bool,
    full: bool,
}

pub fn refresh(name: &str, full: bool) -> bool {
    let name = Name::find(name);
    let definition = name.definition();
    catalog::require_owner(&definition);
    catalog::as_role_restricted(catalog::owner(&definition), || {
        catalog::with_settings(&SETTINGS, || {
            Spi::connect_mut(|client| match lock(client, &name) {
                Some(definition) => {
                    work(client, &name, &definition, full);
                    true
                }
                None => {
                    notice!(
                        "benchmark {} is being refreshed by another session",
                        name.of("")
                    );
                    false
                }
            })
        })
    })
}

pub fn query<'a>(
    client: &mut SpiClient<'a>,
    statement: &str,
    arguments: &[DatumWithOid],
) -> SpiTupleTable<'a> {
    client
        .update(statement, None, arguments)
        .unwrap_or_else(|problem| {
            error::raise(error::report(
                PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
                format!("{problem} in: {statement}"),
                "Look at the statement that is quoted.",
            ))
        })
}

/// One refresh at a time: whoever locks the definition's row works.
fn lock(client: &mut SpiClient, name: &Name) -> Option<Definition> {
    let rows = query(
        client,
        &format!(
            "SELECT dimensions, k, band, minimum::text, maximum::text, levels,
                    rebuild OR NOT is_watched, policy = 'blocks'
             FROM {} FOR UPDATE SKIP LOCKED",
            name.of("_benchmark")
        ),
        &[],
    );
    if rows.is_empty() {
        return None;
    }
    let row = rows.first();
    let bound =
        |column| -> Option<Decimal> { Decimal::parse(&row.get::<String>(column).ok().flatten()?) };
    Some(Definition {
        dimensions: row.get(1).ok()??,
        rules: Rules {
            k: i64::from(row.get::<i32>(2).ok()??.max(settings::min_k())),
            band: i64::from(row.get::<i32>(3).ok()??),
            range: bound(4).zip(bound(5)),
        },
        levels: row.get(6).ok()??,
        full: row.get(7).ok()??,
        is_blocks: row.get(8).ok()??,
    })
}

fn work(client: &mut SpiClient, name: &Name, definition: &Definition, full: bool) {
    let (subjects, everybody) = take_queues(client, name);
    let full = full || definition.full || everybody || subjects.len() > MANY;
    let folded = fold(client, name, definition, (!full).then_some(subjects));
    let affected = apply(client, name, definition, &folded);
    if definition.is_blocks {
        block_refresh::publish(client, name, definition, folded.retired);
    } else {
        publication::publish(client, name, definition, &affected);
    }
    query(
        client,
        &format!(
            "UPDATE {} SET rebuild = false, refreshed_at = now()",
            name.of("_benchmark")
        ),
        &[],
    );
}

/// The people written down since the last refresh, and whether everybody was.
fn take_queues(client: &mut SpiClient, name: &Name) -> (Vec<pgrx::Uuid>, bool) {
    let rows = query(
        client,
        &format!(
            "WITH changed AS (DELETE FROM {} RETURNING subject),
                  withdrawn AS (DELETE FROM {} RETURNING subject)
             SELECT array_agg(DISTINCT subject) FILTER (WHERE subject IS NOT NULL),
                    coalesce(bool_or(subject IS NULL), false)
             FROM (SELECT subject FROM changed UNION ALL SELECT subject FROM withdrawn) AS written",
            name.of("_queue"),
            name.of("_withdrawn")
        ),
        &[],
    )
    .first();
    (
        rows.get(1).ok().flatten().unwrap_or_default(),
        rows.get(2).ok().flatten().unwrap_or(false),
    )
}

/// What folding changed: the leaf cells' histograms, and who moved from where to where.
struct Folded {
    changed_leaf: Vec<i32>,
    changed_value: Vec<AnyNumeric>,
    change: Vec<i64>,
    left: Vec<i32>,
    left_for: Vec<Option<i32>>,
    /// Blocks that somebody left, or in which somebody's value is another now.
    retired: Vec<i32>,
}

/// Brings `_contributions` up to date, for `subjects` or for everybody, in one statement.
fn fold(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    subjects: Option<Vec<pgrx::Uuid>>,
) -> Folded {
    let leaf_level = top_level(definition);
    // Reading everybody hashes everybody: maintenance, as building an index is.
    // SAFETY: two integers that only this backend changes.
    let memory = unsafe { pg_sys::work_mem.max(pg_sys::maintenance_work_mem) }.to_string();
    let memory: &[(&CStr, &str)] = if subjects.is_none() {
        &[(c"work_mem", &memory)]
    } else {
        &[]
    };
    let (new, whom, arguments): (_, _, Vec<DatumWithOid>) = match subjects {
        Some(subjects) => (
            latest_of(name, definition),
            "WHERE subject = ANY ($1)",
            vec![subjects.into()],
        ),
        None => (
            everybody::rows(name, definition),
            "",
            // What takes the rows in costs next to nothing: workers are worth their while.
            catalog::with_settings(&[(c"parallel_tuple_cost", "0.01")], || {
                catalog::with_settings(memory, || everybody::read(name, definition))
            }),
        ),
    };
    let contributions = name.of("_contributions");
    let is_first = query(client, &format!("SELECT FROM {contributions} LIMIT 1"), &[]).is_empty();
    let put = if is_first {
        ""
    } else {
        "ON CONFLICT (subject) DO UPDATE
             SET leaf = excluded.leaf, value = excluded.value, block = NULL
             WHERE (present.leaf, present.value) IS DISTINCT FROM (excluded.leaf, excluded.value)"
    };
    let statement = format!(
        "WITH new AS MATERIALIZED ({new}),
         found AS (SELECT DISTINCT dimensions FROM new),
         made AS (
             INSERT INTO {cells} (level, dimensions)
             SELECT {leaf_level}, dimensions FROM found
             WHERE NOT EXISTS (SELECT FROM {cells} AS cells
                               WHERE level = {leaf_level} AND cells.dimensions = found.dimensions)
             RETURNING cell, dimensions),
         leaf AS (
             SELECT cell, dimensions FROM {cells} WHERE level = {leaf_level}
             UNION ALL SELECT cell, dimensions FROM made),
         placed AS MATERIALIZED (
             SELECT new.subject, leaf.cell AS leaf, new.value FROM new JOIN leaf USING (dimensions)),
         old AS MATERIALIZED (SELECT subject, leaf, value, block FROM {contributions} {whom}),
         gone AS (
             DELETE FROM {contributions} WHERE subject IN
                 (SELECT subject FROM old EXCEPT SELECT subject FROM placed)),
         put AS (
             INSERT INTO {contributions} AS present (subject, leaf, value) SELECT subject, leaf, value FROM placed
             {put}),
         change AS (
             SELECT leaf, value, sum(one) AS change
             FROM (SELECT leaf, value, 1 AS one FROM placed
                   UNION ALL SELECT leaf, value, -1 FROM old) AS step
             GROUP BY leaf, value HAVING sum(one) <> 0),
         leaving AS (
             SELECT DISTINCT old.leaf, placed.leaf AS left_for
             FROM old LEFT JOIN placed USING (subject)
             WHERE placed.leaf IS DISTINCT FROM old.leaf),
         change_arrays AS (
             SELECT array_agg(leaf) AS leaf, array_agg(value) AS value,
                    array_agg(change) AS change FROM change),
         leaving_arrays AS (
             SELECT array_agg(leaf) AS leaf, array_agg(left_for) AS left_for FROM leaving)
         SELECT change_arrays.leaf, change_arrays.value, change_arrays.change,
                leaving_arrays.leaf, leaving_arrays.left_for,
                (SELECT array_agg(DISTINCT old.block) FROM old LEFT JOIN placed USING (subject)
                 WHERE old.block IS NOT NULL
                   AND (placed.leaf, placed.value) IS DISTINCT FROM (old.leaf, old.value))
         FROM change_arrays, leaving_arrays",
        cells = name.of("_cells"),
    );
    let row = catalog::with_settings(memory, || query(client, &statement, &arguments).first());
    Folded {
        changed_leaf: row.get(1).ok().flatten().unwrap_or_default(),
        changed_value: row.get(2).ok().flatten().unwrap_or_default(),
        change: row.get(3).ok().flatten().unwrap_or_default(),
        left: row.get(4).ok().flatten().unwrap_or_default(),
        left_for: row.get(5).ok().flatten().unwrap_or_default(),
        retired: row.get(6).ok().flatten().unwrap_or_default(),
    }
}

/// The latest row of each person in $1, with the columns subject, value and dimensions.
fn latest_of(name: &Name, definition: &Definition) -> String {
    let dimensions: Vec<String> = (1..)
        .zip(&definition.dimensions)
        .map(|(number, dimension)| {
            format!("{}, dimension_{number}", catalog::quote_literal(dimension))
        })
        .collect();
    // The newest row with a time, and where there is none, one without: an index on subject and time
    // leads to it alone.
    let row = |when: &str, order: &str| {
        format!(
            "(SELECT * FROM {} AS source WHERE source.subject = touched.subject AND observed_at {when}
              ORDER BY {order}value DESC LIMIT 1)",
            name.of("_source")
        )
    };
    format!(
        "SELECT latest.subject, trim_scale(round(value, 30)) AS value, jsonb_build_object({}) AS dimensions
         FROM unnest($1) AS touched (subject) CROSS JOIN LATERAL
              (SELECT * FROM ({} UNION ALL {}) AS either
               ORDER BY observed_at DESC NULLS LAST LIMIT 1) AS latest",
        dimensions.join(", "),
        row("IS NOT NULL", "observed_at DESC, "),
        row("IS NULL", "")
    )
}

pub fn top_level(definition: &Definition) -> i32 {
    (1 << definition.dimensions.len()) - 1
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

/// Carries the changes into the histograms of the leaf cells and all their totals.
/// Returns the affected cells, and whether somebody left them.
fn apply(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    folded: &Folded,
) -> BTreeMap<i32, bool> {
    let cells = name.of("_cells");
    let histogram = name.of("_histogram");
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
    let mut affected = BTreeMap::new();
    if !folded.change.is_empty() {
        let rows = query(
            client,
            &format!(
                "WITH change AS (
                     SELECT part.cell, change.value, sum(change.change) AS change
                     FROM unnest($1, $2, $3) AS change (leaf, value, change)
                          JOIN {cells} AS leaf ON leaf.cell = change.leaf
                          CROSS JOIN unnest(leaf.part_of) AS part (cell)
                     GROUP BY part.cell, change.value HAVING sum(change.change) <> 0),
                 known AS (
                     UPDATE {histogram} AS bin SET current = bin.current + change.change
                     FROM change WHERE bin.cell = change.cell AND bin.value = change.value
                     RETURNING bin.cell, bin.value),
                 folded AS (
                     INSERT INTO {histogram} (cell, value, current, released)
                     SELECT cell, value, change, 0 FROM change
                     WHERE NOT EXISTS (SELECT FROM known
                                       WHERE known.cell = change.cell AND known.value = change.value)),
                 counted AS (
                     UPDATE {cells} AS cell SET people = cell.people + change.change
                     FROM (SELECT cell, sum(change) AS change FROM change GROUP BY cell) AS change
                     WHERE change.cell = cell.cell AND change.change <> 0)
                 SELECT DISTINCT cell FROM change"
            ),
            &[
                folded.changed_leaf.clone().into(),
                folded.changed_value.clone().into(),
                folded.change.clone().into(),
            ],
        );
        for row in rows {
            if let Ok(Some(cell)) = row.get::<i32>(1) {
                affected.insert(cell, false);
            }
        }
    }
    if !folded.left.is_empty() {
        let rows = query(
            client,
            &format!(
                "SELECT DISTINCT part.cell
                 FROM unnest($1, $2) AS leaving (leaf, left_for)
                      JOIN {cells} AS leaf ON leaf.cell = leaving.leaf
                      LEFT JOIN {cells} AS target ON target.cell = leaving.left_for
                      CROSS JOIN unnest(leaf.part_of) AS part (cell)
                 WHERE (part.cell = ANY (target.part_of)) IS NOT TRUE"
            ),
            &[folded.left.clone().into(), folded.left_for.clone().into()],
        );
        for row in rows {
            if let Ok(Some(cell)) = row.get::<i32>(1) {
                affected.insert(cell, true);
            }
        }
    }
    affected
}

/// The OID of the role that a benchmark's functions act as.
pub fn owner(name: &Name) -> pg_sys::Oid {
    catalog::owner(&name.definition())
}
