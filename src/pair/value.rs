//! Two people as one value: whoever is named first, the lower id comes first.

use std::fmt;

pub type Id = [u8; 16];

/// Ordered by the lower id, then by the higher, each as uuid orders: byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct ContactPair {
    pub low: Id,
    pub high: Id,
}

impl ContactPair {
    /// None for a pair of one.
    pub fn new(one: Id, other: Id) -> Option<ContactPair> {
        match one.cmp(&other) {
            std::cmp::Ordering::Less => Some(ContactPair {
                low: one,
                high: other,
            }),
            std::cmp::Ordering::Greater => Some(ContactPair {
                low: other,
                high: one,
            }),
            std::cmp::Ordering::Equal => None,
        }
    }

    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.low);
        bytes[16..].copy_from_slice(&self.high);
        bytes
    }

    /// The two ids of 32 bytes, in the order in which they stand.
    pub fn ids(bytes: &[u8; 32]) -> (Id, Id) {
        let (mut one, mut other) = ([0; 16], [0; 16]);
        one.copy_from_slice(&bytes[..16]);
        other.copy_from_slice(&bytes[16..]);
        (one, other)
    }

    /// A hash that hash indexes and hash partitions keep on disk, so it must never change. With
    /// seed 0 its lower half is the hash without a seed, as Postgres asks.
    pub fn hash(&self, seed: u64) -> u64 {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for word in self.to_bytes().chunks_exact(8) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            state = mix(state ^ u64::from_be_bytes(bytes));
        }
        state
    }
}

/// The finalizer of SplitMix64: every bit of the input changes half the bits of the output.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl fmt::Display for ContactPair {
    fn fmt(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("(")?;
        write_id(text, &self.low)?;
        text.write_str(",")?;
        write_id(text, &self.high)?;
        text.write_str(")")
    }
}

fn write_id(text: &mut fmt::Formatter, id: &Id) -> fmt::Result {
    for (place, byte) in id.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.write_str("-")?;
        }
        write!(text, "{byte:02x}")?;
    }
    Ok(())
}

/// The two ids of `(id,id)`, in either order and with blanks around them; None for another text.
pub fn parse(text: &str) -> Option<(Id, Id)> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let (one, other) = inside.split_once(',')?;
    Some((parse_id(one.trim())?, parse_id(other.trim())?))
}

/// A uuid as RFC 9562 writes it.
fn parse_id(text: &str) -> Option<Id> {
    let text = text.as_bytes();
    if text.len() != 36 {
        return None;
    }
    let mut digits = [0_u8; 32];
    let mut count = 0;
    for (place, character) in text.iter().enumerate() {
        if [8, 13, 18, 23].contains(&place) {
            if *character != b'-' {
                return None;
            }
            continue;
        }
        digits[count] = (*character as char).to_digit(16)? as u8;
        count += 1;
    }
    let mut id = [0; 16];
    for (byte, nibbles) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibbles[0] << 4 | nibbles[1];
    }
    Some(id)
}

#[cfg(test)]
mod claims {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whoever_is_named_first_the_pair_is_the_same(a in any::<Id>(), b in any::<Id>()) {
            prop_assume!(a != b);
            let pair = ContactPair::new(a, b);
            prop_assert_eq!(pair, ContactPair::new(b, a));
            prop_assert!(pair.is_some_and(|pair| pair.low < pair.high));
        }

        #[test]
        fn text_and_bytes_give_the_pair_back(a in any::<Id>(), b in any::<Id>()) {
            prop_assume!(a != b);
            let pair = ContactPair::new(a, b).expect("two people");
            let (one, other) = parse(&pair.to_string()).expect("its own text");
            prop_assert_eq!(ContactPair::new(one, other), Some(pair));
            let (one, other) = ContactPair::ids(&pair.to_bytes());
            prop_assert_eq!(ContactPair::new(one, other), Some(pair));
            let shouted = pair.to_string().to_uppercase().replace(',', " , ");
            prop_assert_eq!(parse(&shouted), Some((pair.low, pair.high)));
        }

        #[test]
        fn pairs_order_as_their_bytes_do(
            a in any::<Id>(), b in any::<Id>(), c in any::<Id>(), d in any::<Id>()
        ) {
            if let (Some(one), Some(other)) = (ContactPair::new(a, b), ContactPair::new(c, d)) {
                prop_assert_eq!(one.cmp(&other), one.to_bytes().cmp(&other.to_bytes()));
            }
        }

        #[test]
        fn any_text_is_a_pair_or_nothing_and_never_a_panic(text in ".{0,100}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn nobody_is_paired_with_themself() {
        assert_eq!(ContactPair::new([7; 16], [7; 16]), None);
    }

    /// The value is on disk in hash indexes and hash partitions.
    #[test]
    fn the_hash_of_a_known_pair_never_changes() {
        let pair = ContactPair::new([1; 16], [2; 16]).expect("two people");
        assert_eq!(pair.hash(0), KNOWN);
        assert_ne!(pair.hash(0), pair.hash(1));
    }

    const KNOWN: u64 = 1_980_118_177_646_087_796;
}
