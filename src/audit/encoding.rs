//! The canonical bytes of an entry, version 1; docs/audit.md is its specification. Every part
//! says its own length, so two different rows cannot have the same bytes. Free of Postgres.

pub const VERSION: u8 = 1;

/// What an entry is about; the second byte of its encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A row of the log.
    Row = b'R' as isize,
    /// A row of the table of erasures.
    Erasure = b'E' as isize,
}

/// `version ‖ subject ‖ number of fields`
pub fn begin(out: &mut Vec<u8>, subject: Subject, fields: usize) {
    out.clear();
    out.push(VERSION);
    out.push(subject as u8);
    out.extend_from_slice(&(fields as u32).to_be_bytes());
}

/// `length ‖ name`, before each field's value.
pub fn name(out: &mut Vec<u8>, name: &[u8]) {
    sized(out, name);
}

pub fn null(out: &mut Vec<u8>) {
    out.push(b'N');
}

pub fn commitment(out: &mut Vec<u8>, hash: &[u8]) {
    out.push(b'C');
    out.extend_from_slice(hash);
}

pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(&[b'b', u8::from(value)]);
}

/// All widths alike, so that widening a column changes no hash.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    out.push(b'i');
    out.extend_from_slice(&value.to_be_bytes());
}

/// Decimal digits with their scale: 1.0 is not 1.00.
pub fn decimal(out: &mut Vec<u8>, digits: &[u8]) {
    out.push(b'd');
    sized(out, digits);
}

pub fn float4(out: &mut Vec<u8>, value: f32) {
    out.push(b'e');
    let bits = if value.is_nan() {
        0x7fc0_0000
    } else {
        value.to_bits()
    };
    out.extend_from_slice(&bits.to_be_bytes());
}

pub fn float8(out: &mut Vec<u8>, value: f64) {
    out.push(b'f');
    let bits = if value.is_nan() {
        0x7ff8_0000_0000_0000
    } else {
        value.to_bits()
    };
    out.extend_from_slice(&bits.to_be_bytes());
}

pub fn text(out: &mut Vec<u8>, utf8: &[u8]) {
    out.push(b's');
    sized(out, utf8);
}

pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'x');
    sized(out, value);
}

pub fn uuid(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'u');
    out.extend_from_slice(value);
}

/// Microseconds since 2000-01-01 00:00:00 UTC.
pub fn timestamptz(out: &mut Vec<u8>, microseconds: i64) {
    out.push(b'z');
    out.extend_from_slice(&microseconds.to_be_bytes());
}

/// Microseconds since 2000-01-01 00:00:00, wherever that clock hangs.
pub fn timestamp(out: &mut Vec<u8>, microseconds: i64) {
    out.push(b't');
    out.extend_from_slice(&microseconds.to_be_bytes());
}

/// Days since 2000-01-01.
pub fn date(out: &mut Vec<u8>, days: i32) {
    out.push(b'D');
    out.extend_from_slice(&days.to_be_bytes());
}

/// Microseconds since midnight.
pub fn time(out: &mut Vec<u8>, microseconds: i64) {
    out.push(b'T');
    out.extend_from_slice(&microseconds.to_be_bytes());
}

pub fn interval(out: &mut Vec<u8>, months: i32, days: i32, microseconds: i64) {
    out.push(b'I');
    out.extend_from_slice(&months.to_be_bytes());
    out.extend_from_slice(&days.to_be_bytes());
    out.extend_from_slice(&microseconds.to_be_bytes());
}

/// One node of a JSON value follows, see [`super::jsonb`].
pub fn jsonb(out: &mut Vec<u8>) {
    out.push(b'j');
}

/// `(length, lower bound)` of each dimension; the elements follow as values.
pub fn array(out: &mut Vec<u8>, dimensions: impl ExactSizeIterator<Item = (i32, i32)>) {
    out.push(b'a');
    out.extend_from_slice(&(dimensions.len() as u32).to_be_bytes());
    for (length, lower) in dimensions {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&lower.to_be_bytes());
    }
}

/// Any other type: its name and its text under the settings that the specification fixes.
pub fn other(out: &mut Vec<u8>, type_name: &[u8], utf8: &[u8]) {
    out.push(b'o');
    sized(out, type_name);
    sized(out, utf8);
}

/// Lengths are 32 bits: no value of Postgres is longer than 1 GB.
pub fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
