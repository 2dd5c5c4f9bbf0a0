//! HMAC-SHA256 (RFC 2104, FIPS 198-1), by which a receiver knows who sent a webhook and when.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The signature of a body that is sent at a time, in lower-case hexadecimal: over the seconds in
/// decimal digits, a full stop, and the body.
pub fn signature(secret: &[u8], timestamp: i64, body: &[u8]) -> String {
    authenticate(secret, &[timestamp.to_string().as_bytes(), b".", body])
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn authenticate(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    // A key of any length will do: RFC 2104 hashes what is longer than a block.
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod signatures {
    use super::*;

    fn hexadecimal(key: &[u8], message: &[u8]) -> String {
        authenticate(key, &[message])
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        let ascending: Vec<u8> = (1..=25).collect();
        let vectors: [(&[u8], &[u8], &str); 6] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&ascending, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (&[0xaa; 131], b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.", "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (key, message, expected) in vectors {
            assert_eq!(hexadecimal(key, message), expected);
        }
    }

    #[test]
    fn what_is_signed_is_time_and_body_together() {
        assert_eq!(
            signature(b"Jefe", 12, b"3.4"),
            hexadecimal(b"Jefe", b"12.3.4")
        );
        assert_ne!(signature(b"Jefe", 12, b"a"), signature(b"Jefe", 13, b"a"));
    }
}
