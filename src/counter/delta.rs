//! What a statement changed, summed per parent. Free of Postgres: a key is the image of its
//! columns' values, which is the key itself for types whose equality is equality of the image.

use rustc_hash::FxHashMap;

#[derive(Debug, PartialEq, Eq, Hash, Clone)]
pub enum Key {
    /// One by-value column: the word it is.
    Word(u64),
    Image(Box<[u8]>),
}

/// The sums of one statement, `T` per parent.
pub struct Deltas<T> {
    words: FxHashMap<u64, T>,
    images: FxHashMap<Box<[u8]>, T>,
}

impl<T: Default> Deltas<T> {
    pub fn new() -> Deltas<T> {
        Deltas {
            words: FxHashMap::default(),
            images: FxHashMap::default(),
        }
    }

    pub fn word(&mut self, key: u64, change: impl FnOnce(&mut T)) {
        change(self.words.entry(key).or_default());
    }

    /// The key is copied only when it is new.
    pub fn image(&mut self, key: &[u8], change: impl FnOnce(&mut T)) {
        if let Some(sum) = self.images.get_mut(key) {
            change(sum);
        } else {
            let mut sum = T::default();
            change(&mut sum);
            self.images.insert(key.into(), sum);
        }
    }

    /// The parents that change, in no order; `keep` says for which a sum is a change.
    pub fn into_changes(self, keep: impl Fn(&T) -> bool) -> Vec<(Key, T)> {
        let words = self
            .words
            .into_iter()
            .map(|(key, sum)| (Key::Word(key), sum));
        let images = self
            .images
            .into_iter()
            .map(|(key, sum)| (Key::Image(key), sum));
        words.chain(images).filter(|(_, sum)| keep(sum)).collect()
    }
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
            let mut deltas = Deltas::<i64>::new();
            let mut expected = BTreeMap::<u8, i64>::new();
            for (rows, sign) in [(&old, -1), (&new, 1)] {
                for row in rows {
                    deltas.image(&[*row], |sum| *sum += sign);
                    deltas.word(u64::from(*row), |sum| *sum += sign);
                    *expected.entry(*row).or_default() += sign;
                }
            }
            expected.retain(|_, amount| *amount != 0);
            let changes = deltas.into_changes(|sum| *sum != 0);
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
