//! Reading the source: each person's latest row, of some people or of everybody.

use super::name::Name;
use super::people::{People, Question, Value};
use super::refresh::Definition;
use super::rows::{self, Row};
use crate::{catalog, error};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use rustc_hash::{FxHashMap, FxHashSet};

/// The value that counts of each person, in the order of their ids, and which of the groups the
/// person is in.
pub struct Latest {
    pub people: Vec<(u128, Value, i32)>,
    pub groups: Groups,
}

/// A dimension that is nearly another for each person is a mistake, and would make a cell and up to
/// fifteen totals of each.
const MOST_GROUPS: usize = 100_000;

/// The combinations of dimensions that were met, by number.
pub struct Groups {
    benchmark: String,
    known: FxHashMap<Vec<u8>, i32>,
    /// Per dimension, the text of each combination.
    pub texts: Vec<Vec<Option<String>>>,
}

impl Groups {
    pub fn len(&self) -> usize {
        self.known.len()
    }

    fn number(&mut self, row: &Row, bytes: &mut Vec<u8>) -> i32 {
        bytes.clear();
        for dimension in 0..self.texts.len() {
            match row.text(FIRST_DIMENSION + dimension) {
                None => bytes.push(0),
                Some(text) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&(text.len() as u32).to_ne_bytes());
                    bytes.extend_from_slice(text);
                }
            }
        }
        if let Some(number) = self.known.get(bytes.as_slice()) {
            return *number;
        }
        if self.known.len() == MOST_GROUPS {
            error::raise(error::benchmark::too_many_groups(
                &self.benchmark,
                MOST_GROUPS,
            ));
        }
        let number = self.known.len() as i32;
        for (dimension, texts) in self.texts.iter_mut().enumerate() {
            let text = row.text(FIRST_DIMENSION + dimension);
            texts.push(text.map(|text| String::from_utf8_lossy(text).into_owned()));
        }
        self.known.insert(bytes.clone(), number);
        number
    }
}

const FIRST_DIMENSION: usize = 3;

struct Reading {
    people: People<i32>,
    groups: Groups,
    /// What the last row's group is written into.
    bytes: Vec<u8>,
}

impl Reading {
    fn take(&mut self, row: &Row) {
        if let (Some(subject), Some(value)) = (row.uuid(0), row.numeric(1)) {
            let observed_at = row.bigint(2).unwrap_or(i64::MIN);
            let group = self.groups.number(row, &mut self.bytes);
            self.people.add(subject, value, observed_at, group);
        }
    }
}

pub fn read(name: &Name, definition: &Definition, subjects: Option<&[pgrx::Uuid]>) -> Latest {
    let dimensions = definition.dimensions.len();
    let mut reading = Reading {
        people: People::new(Question::default()),
        groups: Groups {
            benchmark: name.of(""),
            known: FxHashMap::default(),
            texts: vec![Vec::new(); dimensions],
        },
        bytes: Vec::new(),
    };
    let texts: Vec<String> = (1..=dimensions)
        .map(|number| format!(", dimension_{number}::pg_catalog.text"))
        .collect();
    let columns = format!("subject, value, observed_at{}", texts.concat());
    let mut types = vec![pg_sys::UUIDOID, pg_sys::NUMERICOID, pg_sys::TIMESTAMPTZOID];
    types.extend(vec![pg_sys::TEXTOID; dimensions]);
    match subjects {
        None => read_everybody(name, &columns, &types, |row| reading.take(row)),
        Some(subjects) => read_some(name, &columns, &types, subjects, |row| reading.take(row)),
    }
    let mut people = Vec::new();
    reading
        .people
        .into_each(|person, value, group| people.push((person, value, group)));
    Latest {
        people,
        groups: reading.groups,
    }
}

/// All rows: the latest are picked out as they come. Postgres would have to sort them for it, which
/// takes longer than everything else that a first build does.
fn read_everybody(name: &Name, columns: &str, types: &[pg_sys::Oid], take: impl FnMut(&Row)) {
    let statement = format!("SELECT {columns} FROM {}", name.of("_source"));
    // What takes the rows in costs next to nothing: workers are worth their while.
    catalog::with_settings(&[(c"parallel_tuple_cost", "0.01")], || {
        catalog::with_settings(&[(c"work_mem", &most_memory())], || {
            rows::each(&statement, &[], types, take);
        });
    });
}

/// Reading everybody hashes everybody: maintenance, as building an index is.
fn most_memory() -> String {
    // SAFETY: two integers that only this backend changes.
    unsafe { pg_sys::work_mem.max(pg_sys::maintenance_work_mem) }.to_string()
}

/// The newest row of each, and only where there is none with a time, those without: an index on
/// subject and time leads to it alone. Of several of the same time all are read, and the largest
/// value counts.
fn read_some(
    name: &Name,
    columns: &str,
    types: &[pg_sys::Oid],
    subjects: &[pgrx::Uuid],
    mut take: impl FnMut(&Row),
) {
    let of_each = |which: &str| {
        format!(
            "SELECT {columns} FROM unnest($1) AS touched (person) CROSS JOIN LATERAL
                 (SELECT * FROM {} AS source WHERE source.subject = touched.person AND {which}) AS latest",
            name.of("_source")
        )
    };
    let mut met: FxHashSet<u128> = FxHashSet::default();
    let timed =
        of_each("observed_at IS NOT NULL ORDER BY observed_at DESC FETCH FIRST ROW WITH TIES");
    let all: DatumWithOid = subjects.to_vec().into();
    rows::each(&timed, &[all], types, |row| {
        met.extend(row.uuid(0));
        take(row);
    });
    let missing: Vec<pgrx::Uuid> = subjects
        .iter()
        .copied()
        .filter(|subject| !met.contains(&u128::from_be_bytes(*subject.as_bytes())))
        .collect();
    if !missing.is_empty() {
        let timeless = of_each("observed_at IS NULL ORDER BY value DESC LIMIT 1");
        rows::each(&timeless, &[missing.into()], types, take);
    }
}
