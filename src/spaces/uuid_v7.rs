//! Version 7 of RFC 9562: 48 bits of Unix milliseconds, 12 bits of their fraction, 62 random bits.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// The next id of this session.
pub fn next(random: [u8; 8]) -> [u8; 16] {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let time = LAST.with(|last| {
        let time = after(last.get(), time(since_epoch.as_nanos()));
        last.set(time);
        time
    });
    compose(time, random)
}

/// Milliseconds and twelve bits of their fraction.
fn time(nanoseconds: u128) -> u64 {
    let (milliseconds, rest) = (nanoseconds / 1_000_000, nanoseconds % 1_000_000);
    ((milliseconds as u64) << 12) | (rest * 4096 / 1_000_000) as u64
}

/// A clock that stands still or steps back must not give an id before the last one.
fn after(last: u64, now: u64) -> u64 {
    now.max(last + 1)
}

fn compose(time: u64, random: [u8; 8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&(time >> 12).to_be_bytes()[2..]);
    bytes[6..8].copy_from_slice(&(0x7000 | (time & 0xfff) as u16).to_be_bytes());
    bytes[8..].copy_from_slice(&random);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    bytes
}

#[cfg(test)]
mod ids {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_9562_appendix_a_6_is_composed() {
        let time = (0x017F_22E2_79B0_u64 << 12) | 0xCC3;
        let random = 0x98C4_DC0C_0C07_398F_u64.to_be_bytes();
        let expected = 0x017F22E2_79B0_7CC3_98C4_DC0C0C07398F_u128;
        assert_eq!(u128::from_be_bytes(compose(time, random)), expected);
    }

    #[test]
    fn ids_of_one_session_rise_strictly_whatever_the_random_bits() {
        let mut last = next([0xff; 8]);
        for _ in 0..10_000 {
            let id = next([0; 8]);
            assert!(id > last);
            last = id;
        }
    }

    proptest! {
        #[test]
        fn a_clock_that_steps_back_gives_no_id_before_the_last(last in 0..u64::MAX >> 4, now in 0..u64::MAX >> 4) {
            prop_assert!(after(last, now) > last);
        }

        #[test]
        fn version_and_variant_are_those_of_version_7(nanoseconds in any::<u64>(), random in any::<[u8; 8]>()) {
            let id = compose(time(u128::from(nanoseconds)), random);
            prop_assert_eq!((id[6] >> 4, id[8] >> 6), (7, 0b10));
        }

        #[test]
        fn ids_are_in_the_order_of_time(a in any::<u32>(), b in any::<u32>(), r in any::<[u8; 8]>(), s in any::<[u8; 8]>()) {
            let at = |tick: u32, random| compose(time(u128::from(tick) * 1_000_000), random);
            prop_assert!(a == b || (a < b) == (at(a, r) < at(b, s)));
        }
    }
}
