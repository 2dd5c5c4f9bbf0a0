//! The Merkle tree of RFC 6962: roots, and proofs that a leaf is in a tree and that one tree
//! continues another. Free of Postgres.

use super::hash::{Hash, node};
use sha2::{Digest, Sha256};

/// The right edge of a growing tree: the roots of its full subtrees, largest first, one for each
/// bit that is set in `size`. It is all that is needed to append and to tell the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// None when the bytes cannot be the frontier of a tree of this size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Option<Frontier> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && peaks.len() == size.count_ones() as usize).then(|| Frontier {
            size,
            peaks: peaks.to_vec(),
        })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                subtree = node(&left, &subtree);
            }
        }
        self.peaks.push(subtree);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
        }
    }
}

/// The subtrees, as ranges of leaves, whose roots prove that leaf `index` is in a tree of `size`.
pub fn inclusion_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push((middle, to));
            to = middle;
        } else {
            path.push((from, middle));
            from = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose roots prove that a tree of `new` leaves continues one of `old`.
pub fn consistency_ranges(old: u64, new: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to) = (0, new);
    let mut whole = true;
    let mut path = Vec::new();
    if old == 0 {
        return path;
    }
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push((middle, to));
            to = middle;
        } else {
            path.push((from, middle));
            from = middle;
            whole = false;
        }
    }
    if !whole {
        path.push((from, to));
    }
    path.reverse();
    path
}

/// The largest power of two below `size`.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The roots of disjoint ranges of leaves, computed while the leaves pass by once, in order.
pub struct Roots {
    ranges: Vec<(u64, u64)>,
    frontiers: Vec<Frontier>,
    /// The ranges in the order in which the leaves come.
    order: Vec<usize>,
    current: usize,
    seen: u64,
}

impl Roots {
    pub fn new(ranges: Vec<(u64, u64)>) -> Roots {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_by_key(|range| ranges[*range]);
        let frontiers = vec![Frontier::default(); ranges.len()];
        Roots {
            ranges,
            frontiers,
            order,
            current: 0,
            seen: 0,
        }
    }

    pub fn push(&mut self, leaf: Hash) {
        while let Some(range) = self.order.get(self.current) {
            let (from, to) = self.ranges[*range];
            if self.seen >= to {
                self.current += 1;
                continue;
            }
            if self.seen >= from {
                self.frontiers[*range].push(leaf);
            }
            break;
        }
        self.seen += 1;
    }

    /// In the order of the ranges; None when fewer leaves came than they need.
    pub fn finish(self) -> Option<Vec<Hash>> {
        let complete = self.ranges.iter().all(|(_, to)| *to <= self.seen);
        complete.then(|| self.frontiers.iter().map(Frontier::root).collect())
    }
}

/// RFC 9162, 2.1.3.2.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut first, mut last) = (index, size - 1);
    let mut subtree = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            subtree = node(sibling, &subtree);
            while first & 1 == 0 && first != 0 {
                first >>= 1;
                last >>= 1;
            }
        } else {
            subtree = node(&subtree, sibling);
        }
        first >>= 1;
        last >>= 1;
    }
    last == 0 && subtree == *root
}

/// RFC 9162, 2.1.4.2; every tree continues the empty one.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    path: &[Hash],
) -> bool {
    if old > new {
        return false;
    }
    if old == 0 {
        return path.is_empty() && *old_root == Frontier::default().root();
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    // Where the old tree is one full subtree of the new one, its root is known already.
    let mut path = path.iter();
    let start = if old.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let Some(start) = start else { return false };
    let (mut first, mut last) = (old - 1, new - 1);
    while first & 1 == 1 {
        first >>= 1;
        last >>= 1;
    }
    let (mut in_old, mut in_new) = (*start, *start);
    for subtree in path {
        if last == 0 {
            return false;
        }
        if first & 1 == 1 || first == last {
            in_old = node(subtree, &in_old);
            in_new = node(subtree, &in_new);
            while first & 1 == 0 && first != 0 {
                first >>= 1;
                last >>= 1;
            }
        } else {
            in_new = node(&in_new, subtree);
        }
        first >>= 1;
        last >>= 1;
    }
    last == 0 && in_old == *old_root && in_new == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::hash::leaf;
    use proptest::prelude::*;

    fn hex(hash: &[u8]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The reference tree of the Certificate Transparency project.
    fn reference() -> Vec<Hash> {
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        entries.iter().map(|entry| leaf(entry)).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        frontier.root()
    }

    fn roots(ranges: Vec<(u64, u64)>, leaves: &[Hash]) -> Vec<Hash> {
        let mut roots = Roots::new(ranges);
        leaves.iter().for_each(|leaf| roots.push(*leaf));
        roots.finish().expect("every leaf was given")
    }

    #[test]
    fn the_roots_of_the_certificate_transparency_reference_tree() {
        let expected = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves = reference();
        for (size, expected) in expected.iter().enumerate() {
            assert_eq!(hex(&root(&leaves[..size])), *expected, "{size} leaves");
        }
    }

    #[test]
    fn the_paths_of_the_certificate_transparency_reference_tree() {
        let leaves = reference();
        let path = |index, size| -> Vec<String> {
            roots(inclusion_ranges(index, size), &leaves)
                .iter()
                .map(|hash| hex(hash))
                .collect()
        };
        assert_eq!(path(0, 1), Vec::<String>::new());
        assert_eq!(
            path(0, 8),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            path(5, 8),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        let consistency = |old, new| -> Vec<String> {
            roots(consistency_ranges(old, new), &leaves)
                .iter()
                .map(|hash| hex(hash))
                .collect()
        };
        assert_eq!(consistency(1, 1), Vec::<String>::new());
        assert_eq!(
            consistency(6, 8),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            consistency(2, 5),
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_proof_holds_and_holds_for_nothing_else(
            size in 1u64..200, at in any::<prop::sample::Index>(), bit in 0usize..8,
        ) {
            let leaves: Vec<Hash> = (0..size).map(|i| leaf(&i.to_be_bytes())).collect();
            let index = at.index(size as usize) as u64;
            let whole = root(&leaves);
            let path = roots(inclusion_ranges(index, size), &leaves);
            let this = &leaves[index as usize];
            prop_assert!(verify_inclusion(this, index, size, &path, &whole));
            prop_assert!(!verify_inclusion(this, index + 1, size, &path, &whole));
            let mut other = *this;
            other[0] ^= 1 << bit;
            prop_assert!(!verify_inclusion(&other, index, size, &path, &whole));
            let old = index + 1;
            let old_root = root(&leaves[..old as usize]);
            let path = roots(consistency_ranges(old, size), &leaves);
            prop_assert!(verify_consistency(old, size, &old_root, &whole, &path));
            let mut other = old_root;
            other[0] ^= 1 << bit;
            prop_assert!(!verify_consistency(old, size, &other, &whole, &path));
            prop_assert!(!verify_consistency(old, size, &old_root, &other, &path));
            if old < size {
                prop_assert!(!verify_consistency(old, size, &old_root, &whole, &[]));
            }
        }

        #[test]
        fn a_frontier_goes_on_from_its_bytes(size in 0u64..300) {
            let mut whole = Frontier::default();
            let mut stored = Frontier::default();
            for i in 0..size {
                whole.push(leaf(&i.to_be_bytes()));
                stored = Frontier::from_bytes(i, &stored.to_bytes()).expect("its own bytes");
                stored.push(leaf(&i.to_be_bytes()));
            }
            prop_assert_eq!(stored.root(), whole.root());
        }
    }
}
