//! Of many rows the greatest of each person. Rows are dealt out by person into parts that fit the
//! processor's cache, and each part is looked through with a small hash table. One large table would
//! miss the cache with every row. Free of Postgres.

/// Of several rows of a person, the greatest in this order counts: the latest, then the largest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row<V, E> {
    pub person: u128,
    pub observed_at: i64,
    pub value: V,
    pub extra: E,
}

/// Fewer rows are one part: there may be a state for each of many groups.
const FEW: usize = 1 << 12;
const PARTS_BITS: u32 = 8;
const FEWEST_TO_THIN: usize = 1 << 15;

/// Rows in any order, one part or many.
pub struct Parts<V, E> {
    parts: Vec<Vec<Row<V, E>>>,
    len: usize,
    /// How many rows the last thinning left, and whether it was worth it.
    thinned: usize,
    repeats: bool,
}

/// All bits of an id, mixed, because the first bits of time-ordered ids are the same for all.
pub fn mixed(person: u128) -> u64 {
    let low = (person as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let both = (low ^ (person >> 64) as u64).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (both ^ both >> 32).wrapping_mul(0x94D0_49BB_1331_11EB)
}

fn part_of(person: u128) -> usize {
    (mixed(person) >> (64 - PARTS_BITS)) as usize
}

impl<V: Copy + Ord, E: Copy + Ord> Parts<V, E> {
    pub fn new() -> Parts<V, E> {
        Parts {
            parts: vec![Vec::new()],
            len: 0,
            thinned: 0,
            repeats: true,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn add(&mut self, row: Row<V, E>) {
        self.put(row);
        self.thin_where_due();
    }

    pub fn append(&mut self, rows: impl Iterator<Item = Row<V, E>>) {
        rows.for_each(|row| self.put(row));
        self.thin_where_due();
    }

    /// Later where the last time was not worth it: rows of as many people have to be kept anyway.
    fn thin_where_due(&mut self) {
        let growth = if self.repeats { 4 } else { 8 };
        if self.len >= FEWEST_TO_THIN.max(growth * self.thinned) {
            self.thin();
        }
    }

    fn put(&mut self, row: Row<V, E>) {
        if self.parts.len() == 1 {
            if self.len < FEW {
                self.parts[0].push(row);
                self.len += 1;
                return;
            }
            let few = std::mem::take(&mut self.parts[0]);
            self.parts.resize_with(1 << PARTS_BITS, Vec::new);
            for row in few {
                self.parts[part_of(row.person)].push(row);
            }
        }
        self.parts[part_of(row.person)].push(row);
        self.len += 1;
    }

    /// Keeps the greatest row of each person.
    pub fn thin(&mut self) {
        let mut places = Places::default();
        let before = self.len;
        self.len = 0;
        for part in &mut self.parts {
            let kept = places.keep_greatest(part);
            part.truncate(kept);
            self.len += kept;
        }
        self.thinned = self.len;
        self.repeats = self.len < before / 4 * 3;
    }

    /// The same where it is likely to be worth it: before the rows are sent elsewhere.
    pub fn thin_repeats(&mut self) {
        if self.repeats {
            self.thin();
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Row<V, E>> {
        self.parts.iter().flatten()
    }

    pub fn into_rows(self) -> impl Iterator<Item = Row<V, E>> {
        self.parts.into_iter().flatten()
    }
}

/// A hash table of one part: where each person's row lies, from 1; 0 is nobody.
#[derive(Default)]
struct Places(Vec<u32>);

impl Places {
    /// Moves the greatest row of each person to the front; returns how many there are.
    fn keep_greatest<V: Copy + Ord, E: Copy + Ord>(&mut self, rows: &mut [Row<V, E>]) -> usize {
        let size = (2 * rows.len()).next_power_of_two();
        self.0.clear();
        self.0.resize(size, 0);
        // Ids that were chosen to collide would make this slow; sorting is slow for no choice of ids.
        let mut patience = 16 * rows.len();
        let mut kept = 0;
        for next in 0..rows.len() {
            let row = rows[next];
            // The part was chosen by the first bits, which are the same for all that are in it.
            let mut place = mixed(row.person) as usize & (size - 1);
            loop {
                let known = self.0[place];
                if known == 0 {
                    rows[kept] = row;
                    kept += 1;
                    self.0[place] = kept as u32;
                    break;
                }
                let best = &mut rows[known as usize - 1];
                if best.person == row.person {
                    *best = (*best).max(row);
                    break;
                }
                place = (place + 1) & (size - 1);
                if patience == 0 {
                    // What was left behind on the way is never greater than what was kept.
                    rows.sort_unstable();
                    return keep_last(rows);
                }
                patience -= 1;
            }
        }
        kept
    }
}

/// Moves the last row of each run of one person to the front; returns how many there are.
fn keep_last<V: Copy, E: Copy>(rows: &mut [Row<V, E>]) -> usize {
    let mut kept = 0;
    for next in 0..rows.len() {
        if next + 1 == rows.len() || rows[next].person != rows[next + 1].person {
            rows[kept] = rows[next];
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinned(people: &[u128], rounds: i64) -> Vec<Row<i64, ()>> {
        let mut parts = Parts::new();
        for observed_at in 0..rounds {
            for person in people {
                parts.add(Row {
                    person: *person,
                    observed_at,
                    value: observed_at,
                    extra: (),
                });
            }
        }
        parts.thin();
        parts.into_rows().collect()
    }

    /// Ids whose mixtures are alike in their first bits, and in their last.
    #[test]
    fn ids_that_were_chosen_to_collide_are_kept_apart_too() {
        for mask in [0xFF << 56, 0xFFF] {
            let chosen: Vec<u128> = (0u128..)
                .filter(|person| mixed(*person) & mask == 0)
                .take(3000)
                .collect();
            let kept = thinned(&chosen, 5);
            assert_eq!(kept.len(), chosen.len());
            assert!(kept.iter().all(|row| row.value == 4));
        }
    }

    #[test]
    fn rows_are_thinned_before_they_fill_the_memory() {
        let mut parts = Parts::new();
        for row in 0..100_000 {
            parts.add(Row {
                person: row % 10,
                observed_at: row as i64,
                value: 1,
                extra: (),
            });
        }
        assert!(parts.len() <= FEWEST_TO_THIN);
        parts.thin();
        assert_eq!(parts.len(), 10);
    }
}
