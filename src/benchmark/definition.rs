//! What a DBA asks for when creating a benchmark: checked, and written down.

use super::name::Name;
use super::storage::{self, Target};
use crate::{catalog, error, settings};
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use serde_json::Value;

/// More dimensions would mean more than sixteen levels of totals.
const MOST_DIMENSIONS: usize = 4;

pub struct Wish<'a> {
    pub name: &'a str,
    pub source: &'a str,
    pub dimensions: Vec<String>,
    pub category: &'a str,
    pub k: i32,
    pub policy: &'a str,
    pub consent: Option<pg_sys::Oid>,
    pub watch: Vec<(String, String)>,
    pub minimum: Option<AnyNumeric>,
    pub maximum: Option<AnyNumeric>,
    pub totals: bool,
    pub band: Option<i32>,
    pub levels: Option<Vec<String>>,
}

impl Wish<'_> {
    /// The levels to publish, each as the bits of the dimensions that it keeps.
    fn levels(&self) -> Vec<i32> {
        let top = (1 << self.dimensions.len()) - 1;
        let Some(levels) = &self.levels else {
            return if self.totals {
                (0..=top).collect()
            } else {
                vec![top]
            };
        };
        let mut bits: Vec<i32> = levels.iter().map(|level| self.level(level)).collect();
        bits.sort_unstable();
        bits.dedup();
        if bits.is_empty() {
            error::raise(error::benchmark::bad_argument(
                "levels",
                "{}",
                "at least one level",
            ));
        }
        bits
    }

    fn level(&self, level: &str) -> i32 {
        let names = level
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names
            .map(
                |name| match self.dimensions.iter().position(|known| known == name) {
                    Some(bit) => 1 << bit,
                    None => error::raise(error::benchmark::bad_argument(
                        "levels",
                        level,
                        "names of the dimensions, with commas between them",
                    )),
                },
            )
            .fold(0, |level, bit| level | bit)
    }
}

pub fn run(statement: &str) {
    if let Err(problem) = Spi::run(statement) {
        error::raise(error::report(
            PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
            format!("{problem} in: {statement}"),
            "Look at the statement that is quoted.",
        ));
    }
}

pub fn create(wish: Wish) {
    check_numbers(&wish);
    wish.levels();
    let (schema, table) = Name::parse(wish.name);
    let (name, owner, consent, watched) = {
        // Closed again before the triggers are made, because Postgres refuses to alter a table
        // that is open; the locks stay.
        let consent = consent_table(&schema, &table, wish.consent);
        catalog::require_owner(&consent);
        check_consent(&consent);
        let watched = watched(&wish.watch, &consent);
        let schema = schema.unwrap_or_else(|| consent.namespace().to_owned());
        (
            Name { schema, table },
            catalog::owner(&consent),
            Target::of(&consent, "user_id"),
            watched,
        )
    };

    catalog::as_role(owner, || {
        check_shape(&name, &wish);
        let types = source_types(&name, &wish);
        // The source is written for the caller's search_path; everything else is qualified.
        let source_changed = make_source(&name, &wish, &consent);
        catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
            let tables_missing = storage::make_tables(&name, wish.policy);
            let rules_changed = define(&name, &wish);
            let triggers_missing = storage::make_triggers(&name, wish.category, &consent, &watched);
            if source_changed || rules_changed || tables_missing || triggers_missing {
                // What is published may be about people who have withdrawn unseen.
                run(&format!(
                    "UPDATE {} SET rebuild = true",
                    name.of("_benchmark")
                ));
                run(&format!(
                    "UPDATE {} SET released_at = NULL",
                    name.of("_cells")
                ));
            }
            storage::make_published_view(&name, &wish.dimensions, &types);
            tell_of_others(&name, wish.category, &consent, &watched);
        });
    });
}

/// Each benchmark withholds what its own figures would tell, and knows nothing of another's.
fn tell_of_others(name: &Name, category: &str, consent: &Target, watched: &[Target]) {
    let triggers = storage::triggers();
    let is_on = |other: &Name, table: &Target| {
        let mut theirs = triggers.iter().filter(|trigger| trigger.name == *other);
        theirs.any(|trigger| trigger.table == table.name)
    };
    let mut others: Vec<&Name> = triggers
        .iter()
        .map(|trigger| &trigger.name)
        .filter(|other| *other != name && is_on(other, consent))
        .filter(|other| watched.iter().any(|table| is_on(other, table)))
        .filter(|other| category_of(other).as_deref() == Some(category))
        .collect();
    others.sort();
    others.dedup();
    for other in others {
        notice!(
            "benchmarks {} and {} are about the same people: one could be subtracted from the other. \
             A single benchmark with the dimensions and levels of both withholds what that would tell",
            name.of(""),
            other.of("")
        );
    }
}

fn category_of(name: &Name) -> Option<String> {
    name.oid("_benchmark")?;
    Spi::connect(|client| {
        client
            .select(
                &format!("SELECT category FROM {}", name.of("_benchmark")),
                None,
                &[],
            )
            .and_then(|rows| rows.first().get_one::<String>())
    })
    .ok()
    .flatten()
}

fn check_numbers(wish: &Wish) {
    let min_k = settings::min_k();
    if wish.k < min_k {
        error::raise(error::benchmark::below_min_k(wish.k.into(), min_k.into()));
    }
    if !matches!(wish.policy, "threshold" | "blocks") {
        error::raise(error::benchmark::bad_argument(
            "policy",
            wish.policy,
            "threshold or blocks",
        ));
    }
    if wish.dimensions.len() > MOST_DIMENSIONS {
        error::raise(error::benchmark::bad_argument(
            "dimensions",
            &wish.dimensions.join(", "),
            &format!("at most {MOST_DIMENSIONS}"),
        ));
    }
    if let Some(band) = wish.band.filter(|band| *band < 1) {
        error::raise(error::benchmark::bad_argument(
            "band",
            &band.to_string(),
            "1 or more",
        ));
    }
    let range = wish.minimum.as_ref().zip(wish.maximum.as_ref());
    let is_range = range.is_none_or(|(minimum, maximum)| minimum < maximum)
        && wish.minimum.is_some() == wish.maximum.is_some()
        && !range.is_some_and(|(minimum, maximum)| minimum.is_nan() || maximum.is_nan());
    if !is_range {
        error::raise(error::benchmark::bad_argument(
            "minimum",
            &wish
                .minimum
                .as_ref()
                .map_or("NULL".to_owned(), ToString::to_string),
            "both minimum and maximum, the smaller first, or neither",
        ));
    }
}

fn consent_table(schema: &Option<String>, table: &str, given: Option<pg_sys::Oid>) -> PgRelation {
    let oid = match (given, schema) {
        (Some(oid), _) => Some(oid),
        (None, Some(schema)) => catalog::find(schema, "consent_preferences"),
        (None, None) => None,
    };
    match oid {
        Some(oid) => catalog::open_table(oid, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE),
        None => error::raise(error::benchmark::no_consent_table(table)),
    }
}

fn check_consent(consent: &PgRelation) {
    for (column, wanted) in [
        ("user_id", pg_sys::UUIDOID),
        ("category", pg_sys::TEXTOID),
        ("enabled", pg_sys::BOOLOID),
    ] {
        require_type(consent, column, wanted);
    }
}

fn require_type(table: &PgRelation, column: &str, wanted: pg_sys::Oid) {
    let found = catalog::column(table, column);
    if found.type_oid != wanted {
        error::raise(error::benchmark::wrong_column_type(
            &catalog::qualified_name(table),
            column,
            &catalog::type_name(found.type_oid, -1),
            &catalog::type_name(wanted, -1),
        ));
    }
}

fn watched(watch: &[(String, String)], consent: &PgRelation) -> Vec<Target> {
    watch
        .iter()
        .map(|(table, column)| {
            let oid = Spi::connect(|client| {
                client
                    .select(
                        "SELECT pg_catalog.to_regclass($1)::oid",
                        None,
                        &[table.as_str().into()],
                    )
                    .and_then(|rows| rows.first().get_one::<pg_sys::Oid>())
            });
            let Ok(Some(oid)) = oid else {
                error::raise(error::benchmark::no_such_table(table));
            };
            let relation =
                catalog::open_table(oid, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
            catalog::require_owner(&relation);
            if catalog::owner(&relation) != catalog::owner(consent) {
                error::raise(error::benchmark::other_owner(
                    &catalog::qualified_name(&relation),
                    &catalog::qualified_name(consent),
                ));
            }
            require_type(&relation, column, pg_sys::UUIDOID);
            Target::of(&relation, column)
        })
        .collect()
}

/// A benchmark that exists keeps its dimensions: its cells are made of them.
fn check_shape(name: &Name, wish: &Wish) {
    if name.oid("_benchmark").is_none() {
        return;
    }
    let same = Spi::connect(|client| {
        client
            .select(
                &format!(
                    "SELECT dimensions = $1 AND levels = $2 AND policy = $3 FROM {}",
                    name.of("_benchmark")
                ),
                None,
                &[
                    wish.dimensions.clone().into(),
                    wish.levels().into(),
                    wish.policy.into(),
                ],
            )
            .ok()
            .filter(|rows| !rows.is_empty())
            .map(|rows| rows.first().get_one::<bool>().ok().flatten())
    });
    if same.is_some_and(|same| same != Some(true)) {
        error::raise(error::benchmark::other_shape(&name.of("")));
    }
}

/// The types of the dimensions, after a look at the types of the other columns.
fn source_types(name: &Name, wish: &Wish) -> Vec<String> {
    let columns: Vec<String> = ["subject", "value", "observed_at"]
        .into_iter()
        .chain(wish.dimensions.iter().map(String::as_str))
        .map(|column| format!("source.{}", catalog::quote_ident(column)))
        .collect();
    let found: Vec<pg_sys::Oid> = Spi::connect(|client| {
        let statement = format!(
            "SELECT {} FROM (\n{}\n) AS source LIMIT 0",
            columns.join(", "),
            source_text(wish)
        );
        let rows = client.select(&statement, None, &[]);
        (1..=columns.len())
            .filter_map(|column| rows.as_ref().ok()?.column_type_oid(column).ok())
            .map(|oid| oid.value())
            .collect()
    });
    let numbers = [
        pg_sys::NUMERICOID,
        pg_sys::INT2OID,
        pg_sys::INT4OID,
        pg_sys::INT8OID,
        pg_sys::FLOAT4OID,
        pg_sys::FLOAT8OID,
    ];
    let wanted: [(&[pg_sys::Oid], &str); 3] = [
        (&[pg_sys::UUIDOID], "uuid"),
        (&numbers, "numeric"),
        (&[pg_sys::TIMESTAMPTZOID], "timestamptz"),
    ];
    for ((column, (allowed, type_name)), oid) in columns.iter().zip(wanted).zip(&found) {
        if !allowed.contains(oid) {
            error::raise(error::benchmark::wrong_column_type(
                &format!("the source of benchmark {}", name.of("")),
                column.trim_start_matches("source."),
                &catalog::type_name(*oid, -1),
                type_name,
            ));
        }
    }
    found
        .iter()
        .skip(3)
        .map(|oid| catalog::type_name(*oid, -1))
        .collect()
}

fn source_text<'a>(wish: &Wish<'a>) -> &'a str {
    wish.source.trim().trim_end_matches(';')
}

/// `<name>_source`: the people who consent and have a value, as the refresh reads them. A view,
/// because then Postgres itself checks it, keeps it through renames and dumps it.
/// Returns whether it is another one than before.
fn make_source(name: &Name, wish: &Wish, consent: &Target) -> bool {
    let dimensions: Vec<String> = (1..)
        .zip(&wish.dimensions)
        .map(|(number, dimension)| {
            let column = catalog::quote_ident(dimension);
            // One person's endless text must not be able to break an index, and so the refresh.
            format!(
                "CASE WHEN pg_catalog.octet_length(source.{column}::text) <= 256 \
                 THEN source.{column} END AS dimension_{number}, "
            )
        })
        .collect();
    // Within a CASE, because the planner takes one value in 200 to lie between two bounds, where
    // nearly all do, and then looks each person up by index. NaN and the infinities are beyond every
    // bound.
    let within = match (&wish.minimum, &wish.maximum) {
        (Some(minimum), Some(maximum)) => {
            format!("source.value::numeric >= {minimum} AND source.value::numeric <= {maximum}")
        }
        _ => "source.value::numeric > -1e30::numeric AND source.value::numeric < 1e30::numeric"
            .to_owned(),
    };
    let before = definition_of_source(name);
    run(&format!(
        "CREATE OR REPLACE VIEW {view} AS
         SELECT {dimensions}source.subject, source.value::numeric AS value, source.observed_at
         FROM (\n{source}\n) AS source
         WHERE source.subject IS NOT NULL AND CASE WHEN {within} THEN true ELSE false END
           AND EXISTS (SELECT FROM {consent} AS consent
                       WHERE consent.user_id = source.subject
                         AND consent.category = {category} AND consent.enabled)",
        view = name.of("_source"),
        dimensions = dimensions.concat(),
        source = source_text(wish),
        consent = consent.name,
        category = catalog::quote_literal(wish.category),
    ));
    storage::keep_private(name, "_source");
    definition_of_source(name) != before
}

fn definition_of_source(name: &Name) -> Option<String> {
    let oid = name.oid("_source")?;
    Spi::connect(|client| {
        client
            .select("SELECT pg_catalog.pg_get_viewdef($1)", None, &[oid.into()])
            .and_then(|rows| rows.first().get_one::<String>())
    })
    .ok()
    .flatten()
}

/// Writes the definition; returns whether what is published follows other rules than these.
fn define(name: &Name, wish: &Wish) -> bool {
    let band = wish.band.unwrap_or(wish.k);
    let number = |value: &Option<AnyNumeric>| {
        value.as_ref().map_or("NULL::numeric".to_owned(), |value| {
            format!("{value}::numeric")
        })
    };
    let values = format!(
        "{}, {}, {band}, {}, {}",
        catalog::quote_literal(wish.category),
        wish.k,
        number(&wish.minimum),
        number(&wish.maximum)
    );
    Spi::connect_mut(|client| {
        let is_watched = !wish.watch.is_empty();
        let created = client
            .update(
                &format!(
                    "INSERT INTO {} (dimensions, levels, policy, category, k, band, minimum, maximum, is_watched, rebuild)
                     VALUES ($1, $2, $3, {values}, $4, true) ON CONFLICT DO NOTHING",
                    name.of("_benchmark")
                ),
                None,
                &[
                    wish.dimensions.clone().into(),
                    wish.levels().into(),
                    wish.policy.into(),
                    is_watched.into(),
                ],
            )
            .map_or(0, |rows| rows.len());
        let changed = client
            .update(
                &format!(
                    "UPDATE {} SET (category, k, band, minimum, maximum, is_watched) = ({values}, $1)
                     WHERE (category, k, band, minimum, maximum, is_watched) IS DISTINCT FROM ({values}, $1)",
                    name.of("_benchmark")
                ),
                None,
                &[is_watched.into()],
            )
            .map_or(0, |rows| rows.len());
        created + changed > 0
    })
}

/// `{"table": "column", ...}` as pairs.
pub fn watch(given: Option<Value>) -> Vec<(String, String)> {
    let wanted = "an object {\"table\": \"column with the person's id\"}";
    let Some(given) = given else {
        return Vec::new();
    };
    let pairs = given.as_object().and_then(|tables| {
        tables
            .iter()
            .map(|(table, column)| Some((table.clone(), column.as_str()?.to_owned())))
            .collect()
    });
    pairs.unwrap_or_else(|| {
        error::raise(error::benchmark::bad_argument(
            "watch",
            &given.to_string(),
            wanted,
        ))
    })
}

pub fn drop(name: &str) {
    let name = Name::find(name);
    let owner = {
        let definition = name.definition();
        catalog::require_owner(&definition);
        catalog::owner(&definition)
    };
    catalog::as_role(owner, || {
        catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
            storage::drop_everything(&name)
        });
    });
}
