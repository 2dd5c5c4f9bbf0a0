//! The four hashes. Each begins with a byte of its own, so that no one of them can be passed off
//! as another; leaf and node are those of RFC 6962.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// What stands before the first entry of a chain.
pub const NOTHING: Hash = [0; 32];

/// SHA-256(0x00 ‖ entry)
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new_with_prefix([0x00])
        .chain_update(entry)
        .finalize()
        .into()
}

/// SHA-256(0x01 ‖ left ‖ right)
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// SHA-256(0x02 ‖ chain ‖ sequence ‖ previous ‖ leaf); the name is the only part whose length
/// varies, so nothing else can be read into it.
pub fn link(chain: &str, sequence: u64, previous: &Hash, leaf: &Hash) -> Hash {
    Sha256::new_with_prefix([0x02])
        .chain_update(chain.as_bytes())
        .chain_update(sequence.to_be_bytes())
        .chain_update(previous)
        .chain_update(leaf)
        .finalize()
        .into()
}

/// SHA-256(0x10 ‖ salt ‖ value): stands in an entry for a value that may be erased one day.
pub fn commitment(salt: &[u8], value: &[u8]) -> Hash {
    Sha256::new_with_prefix([0x10])
        .chain_update(salt)
        .chain_update(value)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_is_what_its_formula_says() {
        let plain = |bytes: &[u8]| -> Hash { Sha256::digest(bytes).into() };
        assert_eq!(leaf(b"x"), plain(b"\x00x"));
        assert_eq!(
            node(&[3; 32], &[4; 32]),
            plain(&[&[1][..], &[3; 32], &[4; 32]].concat())
        );
        let link_bytes = [&b"\x02a/b"[..], &7u64.to_be_bytes(), &[5; 32], &[6; 32]].concat();
        assert_eq!(link("a/b", 7, &[5; 32], &[6; 32]), plain(&link_bytes));
        assert_eq!(
            commitment(&[9; 32], b"v"),
            plain(&[&[0x10][..], &[9; 32], b"v"].concat())
        );
    }
}
