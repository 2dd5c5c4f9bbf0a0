//! What a statement changed, summed per parent. Free of Postgres: a key is the image of its
//! columns' values, which is the key itself for types whose equality is equality of the image.

use rustc_hash::FxHashMap;

/// The sums of one statement. Keys of one by-value column are kept as the word they are.
#[derive(Default)]
pub struct Deltas {
    words: FxHashMap<u64, i64>,
    images: FxHashMap<Box<[u8]>, i64>,
}

impl Deltas {
    pub fn add_word(&mut self, key: u64, amount: i64) {
        *self.words.entry(key).or_default() += amount;
    }

    pub fn add_image(&mut self, key: &[u8], amount: i64) {
        if let Some(sum) = self.images.get_mut(key) {
            *sum += amount;
        } else {
            self.images.insert(key.into(), amount);
        }
    }

    /// The parents that change, in no order; what cancelled out is left out.
    pub fn into_changes(self) -> Vec<(Key, i64)> {
        let words = self
            .words
            .into_iter()
            .map(|(key, amount)| (Key::Word(key), amount));
        let images = self
            .images
            .into_iter()
            .map(|(key, amount)| (Key::Image(key), amount));
        words
            .chain(images)
            .filter(|(_, amount)| *amount != 0)
            .collect()
    }
}

#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub enum Key {
    Word(u64),
    Image(Box<[u8]>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn deltas_are_the_difference_of_two_counts(
            old in proptest::collection::vec(0u8..20, 0..60),
            new in proptest::collection::vec(0u8..20, 0..60),
        ) {
            let mut deltas = Deltas::default();
            let mut expected = BTreeMap::<u8, i64>::new();
            for (rows, sign) in [(&old, -1), (&new, 1)] {
                for row in rows {
                    deltas.add_image(&[*row], sign);
                    deltas.add_word(u64::from(*row), sign);
                    *expected.entry(*row).or_default() += sign;
                }
            }
            expected.retain(|_, amount| *amount != 0);
            let changes = deltas.into_changes();
            prop_assert_eq!(changes.len(), 2 * expected.len());
            for (key, amount) in changes {
                let row = match key {
                    Key::Word(word) => word as u8,
                    Key::Image(image) => image[0],
                };
                prop_assert_eq!(expected.get(&row), Some(&amount));
            }
        }
    }
}
