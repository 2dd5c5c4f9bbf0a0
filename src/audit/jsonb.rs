//! The canonical bytes of a jsonb, read from its stored form: no text is made, no setting asked.
//! Free of Postgres; the layout is that of `utils/jsonb.h`, unchanged since 9.4 because it is
//! what is on disk.

use super::{encoding::sized, numeric};

const COUNT: u32 = 0x0FFF_FFFF;
const SCALAR: u32 = 0x1000_0000;
const OBJECT: u32 = 0x2000_0000;
const ENTRY_LENGTH: u32 = 0x0FFF_FFFF;
const ENTRY_TYPE: u32 = 0x7000_0000;
const ENTRY_HAS_OFFSET: u32 = 0x8000_0000;

/// How strings become UTF-8; None where the database is UTF-8 already.
pub type ToUtf8 = Option<fn(&[u8]) -> Vec<u8>>;

/// Appends the node that `container` holds.
pub fn encode(out: &mut Vec<u8>, container: &[u8], to_utf8: ToUtf8) {
    let Some(header) = word(container, 0) else {
        return;
    };
    let count = (header & COUNT) as usize;
    if header & OBJECT != 0 {
        out.push(b'{');
        out.extend_from_slice(&(count as u32).to_be_bytes());
        let mut keys = Children::new(container, 2 * count);
        let mut values = Children::new(container, 2 * count);
        values.skip(count);
        for _ in 0..count {
            let (Some((_, key)), Some((kind, value))) = (keys.next(), values.next()) else {
                return;
            };
            string(out, key, to_utf8);
            node(out, kind, value, to_utf8);
        }
        return;
    }
    if header & SCALAR == 0 {
        out.push(b'[');
        out.extend_from_slice(&(count as u32).to_be_bytes());
    }
    let mut elements = Children::new(container, count);
    while let Some((kind, value)) = elements.next() {
        node(out, kind, value, to_utf8);
    }
}

fn node(out: &mut Vec<u8>, kind: u32, value: &[u8], to_utf8: ToUtf8) {
    match kind {
        0x0000_0000 => {
            out.push(b'"');
            string(out, value, to_utf8);
        }
        0x1000_0000 => {
            out.push(b'#');
            let length_at = out.len();
            out.extend_from_slice(&[0; 4]);
            // A numeric inside a jsonb always has the plain four-byte length word.
            numeric::digits(out, value.get(4..).unwrap_or_default());
            let length = (out.len() - length_at - 4) as u32;
            out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        }
        0x2000_0000 => out.push(b'f'),
        0x3000_0000 => out.push(b't'),
        0x5000_0000 => encode(out, value, to_utf8),
        _ => out.push(b'n'),
    }
}

fn string(out: &mut Vec<u8>, bytes: &[u8], to_utf8: ToUtf8) {
    match to_utf8 {
        None => sized(out, bytes),
        Some(convert) => sized(out, &convert(bytes)),
    }
}

/// The children of a container, in stored order. Numbers and containers begin at the next
/// multiple of four, counted from the start of the data.
struct Children<'a> {
    container: &'a [u8],
    data: &'a [u8],
    index: usize,
    count: usize,
    offset: usize,
}

impl<'a> Children<'a> {
    fn new(container: &'a [u8], count: usize) -> Children<'a> {
        let data = container.get(4 + 4 * count..).unwrap_or_default();
        Children {
            container,
            data,
            index: 0,
            count,
            offset: 0,
        }
    }

    fn next_entry(&mut self) -> Option<(u32, usize, usize)> {
        if self.index == self.count {
            return None;
        }
        self.index += 1;
        let entry = word(self.container, self.index)?;
        let start = self.offset;
        let length = (entry & ENTRY_LENGTH) as usize;
        self.offset = if entry & ENTRY_HAS_OFFSET != 0 {
            length
        } else {
            start + length
        };
        Some((entry & ENTRY_TYPE, start, self.offset))
    }

    fn skip(&mut self, how_many: usize) {
        for _ in 0..how_many {
            self.next_entry();
        }
    }

    fn next(&mut self) -> Option<(u32, &'a [u8])> {
        let (kind, start, end) = self.next_entry()?;
        let start = match kind {
            0x1000_0000 | 0x5000_0000 => start.next_multiple_of(4),
            _ => start,
        };
        Some((kind, self.data.get(start..end).unwrap_or_default()))
    }
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes
        .get(4 * index..4 * index + 4)?
        .try_into()
        .ok()
        .map(u32::from_ne_bytes)
}
