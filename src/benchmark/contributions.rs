//! `<name>_contributions`, each consenting person's value: compared with what the source says now,
//! and brought up to date where the two differ.

use super::cells;
use super::columns::{numerics, places, uuids};
use super::name::Name;
use super::people::Value;
use super::refresh::{Definition, query};
use super::rows::{self, Place};
use super::source;
use super::standing::Move;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::spi::SpiClient;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// What folding changed.
#[derive(Default)]
pub struct Folded {
    /// By finest cell and value, how many more people have it now; fewer where negative.
    pub changes: FxHashMap<(i32, Value), i64>,
    /// The finest cells that somebody left, and for which.
    pub left: BTreeSet<(i32, Option<i32>)>,
    /// Blocks that somebody left, or in which somebody's value is another now.
    pub retired: BTreeSet<i32>,
    /// Who came or changed, where that was asked for.
    pub moves: Vec<Move>,
}

impl Folded {
    fn count(&mut self, leaf: i32, value: Value, people: i64) {
        *self.changes.entry((leaf, value)).or_default() += people;
    }

    fn go(&mut self, before: &Known, to: Option<i32>) {
        self.count(before.leaf, before.value, -1);
        self.retired.extend(before.block);
        if to != Some(before.leaf) {
            self.left.insert((before.leaf, to));
        }
    }
}

/// A row of the table.
struct Known {
    person: u128,
    leaf: i32,
    value: Value,
    block: Option<i32>,
    place: Place,
}

/// Brings the table up to date, for `subjects` or for everybody.
pub fn fold(
    client: &mut SpiClient,
    name: &Name,
    definition: &Definition,
    subjects: Option<&[pgrx::Uuid]>,
    with_moves: bool,
) -> Folded {
    let latest = source::read(name, definition, subjects);
    let leaves = cells::leaves(client, name, definition, latest.groups);
    let mut folded = Folded::default();
    let (mut came, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = known(name, subjects).into_iter().peekable();
    for (person, value, group) in latest.people {
        let leaf = leaves[group as usize];
        while let Some(other) = before.next_if(|other| other.person < person) {
            folded.go(&other, None);
            gone.push(other.place);
        }
        let same = before.next_if(|other| other.person == person);
        if let Some(known) = &same {
            if (known.leaf, known.value) == (leaf, value) {
                continue;
            }
            folded.go(known, Some(leaf));
            changed.push((known.place, leaf, value));
        } else {
            came.push((person, leaf, value));
        }
        folded.count(leaf, value, 1);
        if with_moves {
            folded.moves.push(Move {
                person,
                before: same.map(|known| (known.leaf, known.value.decimal())),
                after: (leaf, value.decimal()),
            });
        }
    }
    for other in before {
        folded.go(&other, None);
        gone.push(other.place);
    }
    folded.changes.retain(|_, people| *people != 0);
    write(client, name, came, changed, gone);
    folded
}

/// The rows of `subjects` or of everybody, in the order of the people's ids.
fn known(name: &Name, subjects: Option<&[pgrx::Uuid]>) -> Vec<Known> {
    let mut statement = format!(
        "SELECT subject, leaf, value, block, ctid FROM {}",
        name.of("_contributions")
    );
    let mut arguments: Vec<DatumWithOid> = Vec::new();
    if let Some(subjects) = subjects {
        statement.push_str(" WHERE subject = ANY ($1)");
        arguments.push(subjects.to_vec().into());
    }
    let types = [
        pg_sys::UUIDOID,
        pg_sys::INT4OID,
        pg_sys::NUMERICOID,
        pg_sys::INT4OID,
        pg_sys::TIDOID,
    ];
    let mut known = Vec::new();
    rows::each(&statement, &arguments, &types, |row| {
        let found = (row.uuid(0), row.integer(1), row.numeric(2), row.place(4));
        if let (Some(person), Some(leaf), Some(value), Some(place)) = found {
            known.push(Known {
                person,
                leaf,
                value,
                block: row.integer(3),
                place,
            });
        }
    });
    known.sort_unstable_by_key(|row| row.person);
    known
}

/// Rows that are there are found by where they lie: nobody but a refresh writes them, and there is
/// only one at a time.
fn write(
    client: &mut SpiClient,
    name: &Name,
    came: Vec<(u128, i32, Value)>,
    changed: Vec<(Place, i32, Value)>,
    gone: Vec<Place>,
) {
    let contributions = name.of("_contributions");
    if !gone.is_empty() {
        let statement = format!("DELETE FROM {contributions} WHERE ctid = ANY ($1)");
        query(client, &statement, &[places(gone.into_iter())]);
    }
    if !changed.is_empty() {
        let leaves: Vec<i32> = changed.iter().map(|row| row.1).collect();
        query(
            client,
            &format!(
                "UPDATE {contributions} AS present SET leaf = new.leaf, value = new.value, block = NULL
                 FROM unnest($1, $2, $3) AS new (place, leaf, value) WHERE present.ctid = new.place"
            ),
            &[
                places(changed.iter().map(|row| row.0)),
                leaves.into(),
                numerics(changed.iter().map(|row| row.2)),
            ],
        );
    }
    if !came.is_empty() {
        // Not from a FROM, which would put all rows aside before the first one is inserted.
        let leaves: Vec<i32> = came.iter().map(|row| row.1).collect();
        query(
            client,
            &format!(
                "INSERT INTO {contributions} (subject, leaf, value)
                 SELECT unnest($1), unnest($2), unnest($3)"
            ),
            &[
                uuids(came.iter().map(|row| row.0)),
                leaves.into(),
                numerics(came.iter().map(|row| row.2)),
            ],
        );
    }
}
