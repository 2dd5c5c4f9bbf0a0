//! The cells of all levels together, each with the people of its last release or of today: what has
//! to be kept back so that nothing can be computed from what is shown.

use super::cells::top_level;
use super::columns::uuids;
use super::decimal::Decimal;
use super::name::Name;
use super::refresh::{Definition, query};
use super::standing::{Move, Standing};
use super::suppression::{self, Group, Laggard, State};
use pgrx::spi::SpiClient;
use std::collections::{BTreeMap, BTreeSet};

struct Cell {
    people: i64,
    was_shown: bool,
    /// The finest cells: what they are part of.
    part_of: Option<Vec<i32>>,
    /// Of somebody without a value in a dimension: never shown.
    of_nobody: bool,
}

/// A row of the table: the person, a former value or None for the present one, and the cell.
type Row = (u128, Option<Decimal>, i32);

pub struct Overlap {
    cells: BTreeMap<i32, Cell>,
    standing: Standing,
    written: Vec<Row>,
}

/// What each cell should come to be if nothing could be computed.
pub struct Wishes<'a> {
    pub withheld: &'a BTreeSet<i32>,
    pub released: &'a BTreeSet<i32>,
    /// Those of the released whose last release may go on being shown instead.
    pub may_stand: &'a BTreeSet<i32>,
    /// Those that must not be known, however many they are.
    pub unfit: &'a BTreeSet<i32>,
}

impl Overlap {
    /// After the contributions were brought up to date.
    pub fn read(client: &mut SpiClient, name: &Name, definition: &Definition) -> Overlap {
        let rows = query(
            client,
            &format!(
                "SELECT cell, people, released_at IS NOT NULL,
                        jsonb_path_exists(dimensions, '$.* ? (@ == null)'),
                        CASE WHEN level = {} THEN part_of END
                 FROM {}",
                top_level(definition),
                name.of("_cells")
            ),
            &[],
        );
        let cells = rows
            .filter_map(|row| {
                let cell = Cell {
                    people: row.get(2).ok()??,
                    was_shown: row.get(3).ok()??,
                    of_nobody: row.get(4).ok()??,
                    part_of: row.get(5).ok()?,
                };
                Some((row.get(1).ok()??, cell))
            })
            .collect();
        let mut overlap = Overlap {
            cells,
            standing: Standing::default(),
            written: Vec::new(),
        };
        overlap.read_standing(client, name);
        overlap
    }

    fn read_standing(&mut self, client: &mut SpiClient, name: &Name) {
        let rows = query(
            client,
            &format!(
                "SELECT subject, standing.value::text, cell, contribution.leaf
                 FROM {} AS standing LEFT JOIN {} AS contribution USING (subject)",
                name.of("_standing"),
                name.of("_contributions")
            ),
            &[],
        );
        for row in rows {
            let found = (|| {
                let person = u128::from_be_bytes(*row.get::<pgrx::Uuid>(1).ok()??.as_bytes());
                let value: Option<String> = row.get(2).ok()?;
                let value = value.and_then(|value| Decimal::parse(&value));
                Some((person, value, row.get(3).ok()??))
            })();
            let Some((person, value, cell)) = found else {
                continue;
            };
            self.written.push((person, value, cell));
            // Who is gone has left every cell.
            let Ok(Some(leaf)) = row.get::<i32>(4) else {
                continue;
            };
            let known = self.standing.people.entry(person).or_default();
            known.leaf = leaf;
            match value {
                Some(value) => known.past.entry(value).or_default().insert(cell),
                None => known.missing.insert(cell),
            };
        }
        self.standing
            .retain(|cell| self.cells.get(&cell).is_some_and(|cell| cell.was_shown));
        self.written.sort_unstable();
    }

    /// Cells that stand although k people or more differ.
    pub fn behind(&self, k: i64) -> Vec<i32> {
        self.standing.behind(k)
    }

    /// Who moved, and which cells then change from what is wished to something less.
    pub fn settle(&mut self, wishes: &Wishes, moves: &[Move], k: i64) -> BTreeMap<i32, State> {
        let cells = &self.cells;
        let can_stand: BTreeSet<i32> = cells
            .iter()
            .filter(|(number, cell)| {
                cell.was_shown
                    && !cell.of_nobody
                    && !wishes.withheld.contains(number)
                    && (!wishes.released.contains(number) || wishes.may_stand.contains(number))
            })
            .map(|(number, _)| *number)
            .collect();
        self.standing.follow(moves, |leaf| {
            let parts = cells.get(&leaf).and_then(|leaf| leaf.part_of.as_ref());
            let parts = parts.into_iter().flatten().copied();
            parts.filter(|number| can_stand.contains(number)).collect()
        });
        self.standing.retain(|number| can_stand.contains(&number));
        let numbers: Vec<i32> = cells
            .iter()
            .filter(|(_, cell)| cell.people > 0)
            .map(|(number, _)| *number)
            .collect();
        let mut groups: Vec<Group> = numbers
            .iter()
            .map(|number| {
                let cell = &cells[number];
                let state = if cell.of_nobody {
                    State::Withheld
                } else if wishes.released.contains(number) {
                    State::Released
                } else if can_stand.contains(number) {
                    State::Standing
                } else {
                    State::Withheld
                };
                Group {
                    people: cell.people,
                    state,
                    was_shown: cell.was_shown,
                    can_stand: can_stand.contains(number),
                    is_secret: cell.people < k || wishes.unfit.contains(number),
                    leaves: Vec::new(),
                }
            })
            .collect();
        let mut leaves: BTreeMap<i32, usize> = BTreeMap::new();
        for number in &numbers {
            let Some(part_of) = &cells[number].part_of else {
                continue;
            };
            let leaf = leaves.len();
            leaves.insert(*number, leaf);
            for cell in part_of {
                if let Ok(place) = numbers.binary_search(cell) {
                    groups[place].leaves.push(leaf);
                }
            }
        }
        let states = suppression::suppress(&groups, &self.laggards(&numbers, &leaves), k);
        let changed = numbers.iter().zip(groups.iter().zip(&states));
        let changed: BTreeMap<i32, State> = changed
            .filter(|(_, (group, state))| group.state != **state)
            .map(|(number, (_, state))| (*number, *state))
            .collect();
        let stands = |number: i32| {
            let place = numbers.binary_search(&number);
            place.is_ok_and(|place| states[place] == State::Standing)
        };
        self.standing.retain(stands);
        changed
    }

    /// People in the same finest cell and the same releases are told from others, not from one another.
    fn laggards(&self, numbers: &[i32], leaves: &BTreeMap<i32, usize>) -> Vec<Laggard> {
        let places = |of: &BTreeSet<i32>| -> Vec<usize> {
            let found = of
                .iter()
                .filter_map(|cell| numbers.binary_search(cell).ok());
            found.collect()
        };
        let mut together: BTreeMap<Laggard, i64> = BTreeMap::new();
        for person in self.standing.people.values() {
            let Some(leaf) = leaves.get(&person.leaf) else {
                continue;
            };
            let mut past: Vec<Vec<usize>> = person.past.values().map(places).collect();
            past.sort_unstable();
            let laggard = Laggard {
                leaf: *leaf,
                missing: places(&person.missing),
                past,
                people: 0,
            };
            *together.entry(laggard).or_default() += 1;
        }
        let together = together.into_iter();
        together
            .map(|(laggard, people)| Laggard { people, ..laggard })
            .collect()
    }

    /// Who differs from the releases that stand, written anew where it is not what was read: they are
    /// few, because a cell from whose release many differ is released again.
    pub fn write(self, client: &mut SpiClient, name: &Name) {
        let mut rows: Vec<Row> = Vec::new();
        for (person, known) in &self.standing.people {
            rows.extend(known.missing.iter().map(|cell| (*person, None, *cell)));
            for (value, cells) in &known.past {
                rows.extend(cells.iter().map(|cell| (*person, Some(*value), *cell)));
            }
        }
        rows.sort_unstable();
        if rows == self.written {
            return;
        }
        let standing = name.of("_standing");
        query(client, &format!("DELETE FROM {standing}"), &[]);
        let values: Vec<Option<String>> = rows
            .iter()
            .map(|(_, value, _)| value.map(|value| value.to_string()))
            .collect();
        let cells: Vec<i32> = rows.iter().map(|(_, _, cell)| *cell).collect();
        query(
            client,
            &format!(
                "INSERT INTO {standing} (subject, value, cell)
                 SELECT subject, value::numeric, cell FROM unnest($1, $2, $3) AS new (subject, value, cell)"
            ),
            &[
                uuids(rows.iter().map(|(person, _, _)| *person)),
                values.into(),
                cells.into(),
            ],
        );
    }
}
