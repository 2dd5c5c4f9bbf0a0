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
