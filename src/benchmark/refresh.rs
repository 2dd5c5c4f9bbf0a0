//! Folding what was written down, and publishing what may be published.
//!
//! A refresh empties the queues first and reads the source after that, in later snapshots. So a
//! withdrawal that commits meanwhile is either seen by the source's snapshot, or its row in
//! `_withdrawn` survives the refresh and hides what the refresh publishes. Nothing in between is
//! possible, and neither waits for the other.

use super::decimal::Decimal;
use super::name::Name;
use super::threshold::Rules;
use super::{bins, block_refresh, cells, contributions, publication};
use crate::{catalog, error, settings};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};
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

impl Definition {
    /// Whether cells that are shown can have people in common, so that one could be subtracted from
    /// another of another time.
    pub fn is_compared(&self) -> bool {
        !self.is_blocks && self.levels != [cells::top_level(self)]
    }
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
    let subjects = (!full).then_some(subjects.as_slice());
    let is_compared = definition.is_compared() && publication::is_anything_shown(client, name);
    let folded = contributions::fold(client, name, definition, subjects, is_compared);
    let changes = cells::changes(client, name, definition, &folded);
    cells::count_people(client, name, &changes);
    if definition.is_blocks {
        let histograms = bins::read(name, changes.values.keys().copied().collect(), &changes);
        bins::write(client, name, &histograms);
        let retired = folded.retired.iter().copied().collect();
        block_refresh::publish(client, name, definition, retired);
    } else {
        publication::publish(client, name, definition, &changes, &folded.moves);
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

/// The OID of the role that a benchmark's functions act as.
pub fn owner(name: &Name) -> pg_sys::Oid {
    catalog::owner(&name.definition())
}
