//! The decimal digits of a stored numeric, read from its own bytes: the text that Postgres'
//! numeric output gives, which no setting changes. Free of Postgres.

const KIND: u16 = 0xC000;
const SHORT: u16 = 0x8000;
const SPECIAL: u16 = 0xC000;

/// Appends the digits of `payload`, a numeric without its length word.
pub fn digits(out: &mut Vec<u8>, payload: &[u8]) {
    let word = |at: usize| -> u16 {
        payload
            .get(at..at + 2)
            .map_or(0, |bytes| u16::from_ne_bytes([bytes[0], bytes[1]]))
    };
    let header = word(0);
    let (negative, scale, weight, start) = match header & KIND {
        SPECIAL => {
            out.extend_from_slice(match header & 0xF000 {
                0xD000 => b"Infinity".as_slice(),
                0xF000 => b"-Infinity",
                _ => b"NaN",
            });
            return;
        }
        SHORT => {
            // The weight is seven bits wide, its highest bit the sign.
            let weight = i32::from(((header & 0x7F) << 9) as i16 >> 9);
            (header & 0x2000 != 0, (header & 0x1F80) >> 7, weight, 2)
        }
        kind => (
            kind == 0x4000,
            header & 0x3FFF,
            i32::from(word(2) as i16),
            4,
        ),
    };
    let groups = payload.len().saturating_sub(start) / 2;
    let group = |index: i32| -> u16 {
        if (0..groups as i32).contains(&index) {
            word(start + 2 * index as usize)
        } else {
            0
        }
    };
    if negative {
        out.push(b'-');
    }
    if weight < 0 {
        out.push(b'0');
    } else {
        out.extend_from_slice(group(0).to_string().as_bytes());
        for index in 1..=weight {
            out.extend_from_slice(&four(group(index)));
        }
    }
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + usize::from(scale);
        let mut index = weight + 1;
        while out.len() < end {
            out.extend_from_slice(&four(group(index)));
            index += 1;
        }
        out.truncate(end);
    }
}

fn four(group: u16) -> [u8; 4] {
    let digit = |divisor: u16| b'0' + (group / divisor % 10) as u8;
    [digit(1000), digit(100), digit(10), digit(1)]
}

/// Appends `value` as a stored numeric, its length word included.
pub fn from_integer(out: &mut Vec<u8>, value: i64) {
    let mut groups = [0u16; 5];
    let mut rest = value.unsigned_abs();
    let mut first = groups.len();
    while rest > 0 {
        first -= 1;
        groups[first] = (rest % 10_000) as u16;
        rest /= 10_000;
    }
    let weight = (groups.len() - 1).saturating_sub(first) as u16;
    let end = groups
        .iter()
        .rposition(|group| *group != 0)
        .map_or(first, |last| last + 1);
    let digits = groups.get(first..end).unwrap_or_default();
    let sign = if value < 0 { 0x2000 } else { 0 };
    out.extend_from_slice(&length_word(6 + 2 * digits.len()));
    out.extend_from_slice(&(SHORT | sign | weight).to_ne_bytes());
    digits
        .iter()
        .for_each(|group| out.extend_from_slice(&group.to_ne_bytes()));
}

/// The length word of a plain variable-length value of `length` bytes, itself included.
pub fn length_word(length: usize) -> [u8; 4] {
    let length = length as u32;
    if cfg!(target_endian = "little") {
        (length << 2).to_ne_bytes()
    } else {
        length.to_ne_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_integer_made_a_numeric_reads_as_its_digits(value in any::<i64>(), shift in 0u32..63) {
            let value = value >> shift;
            let mut stored = Vec::new();
            from_integer(&mut stored, value);
            let mut shown = Vec::new();
            digits(&mut shown, &stored[4..]);
            prop_assert_eq!(String::from_utf8(shown).expect("digits"), value.to_string());
        }
    }
}
