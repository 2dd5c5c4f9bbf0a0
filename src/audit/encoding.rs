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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Value {
        Null,
        Commitment([u8; 32]),
        Boolean(bool),
        Integer(i64),
        Decimal(String),
        Float4(u32),
        Float8(u64),
        Text(String),
        Bytes(Vec<u8>),
        Uuid([u8; 16]),
        TimestampTz(i64),
        Timestamp(i64),
        Date(i32),
        Time(i64),
        Interval(i32, i32, i64),
        Array(Vec<(i32, i32)>, Vec<Value>),
        Other(String, String),
    }

    fn write(out: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Null => null(out),
            Value::Commitment(hash) => commitment(out, hash),
            Value::Boolean(value) => boolean(out, *value),
            Value::Integer(value) => integer(out, *value),
            Value::Decimal(digits) => decimal(out, digits.as_bytes()),
            Value::Float4(bits) => float4(out, f32::from_bits(*bits)),
            Value::Float8(bits) => float8(out, f64::from_bits(*bits)),
            Value::Text(value) => text(out, value.as_bytes()),
            Value::Bytes(value) => bytes(out, value),
            Value::Uuid(value) => uuid(out, value),
            Value::TimestampTz(value) => timestamptz(out, *value),
            Value::Timestamp(value) => timestamp(out, *value),
            Value::Date(value) => date(out, *value),
            Value::Time(value) => time(out, *value),
            Value::Interval(months, days, rest) => interval(out, *months, *days, *rest),
            Value::Array(dimensions, values) => {
                array(out, dimensions.iter().copied());
                values.iter().for_each(|value| write(out, value));
            }
            Value::Other(name, value) => other(out, name.as_bytes(), value.as_bytes()),
        }
    }

    /// Reads back what was written; that this can be done is why no two rows share their bytes.
    struct Reader<'a>(&'a [u8]);

    impl Reader<'_> {
        fn take<const N: usize>(&mut self) -> [u8; N] {
            let (taken, rest) = self.0.split_at(N);
            self.0 = rest;
            taken.try_into().expect("N bytes")
        }

        fn sized(&mut self) -> Vec<u8> {
            let length = u32::from_be_bytes(self.take()) as usize;
            let (taken, rest) = self.0.split_at(length);
            self.0 = rest;
            taken.to_vec()
        }

        fn string(&mut self) -> String {
            String::from_utf8(self.sized()).expect("UTF-8")
        }

        fn value(&mut self) -> Value {
            let [tag] = self.take();
            match tag {
                b'N' => Value::Null,
                b'C' => Value::Commitment(self.take()),
                b'b' => Value::Boolean(self.take::<1>() == [1]),
                b'i' => Value::Integer(i64::from_be_bytes(self.take())),
                b'd' => Value::Decimal(self.string()),
                b'e' => Value::Float4(u32::from_be_bytes(self.take())),
                b'f' => Value::Float8(u64::from_be_bytes(self.take())),
                b's' => Value::Text(self.string()),
                b'x' => Value::Bytes(self.sized()),
                b'u' => Value::Uuid(self.take()),
                b'z' => Value::TimestampTz(i64::from_be_bytes(self.take())),
                b't' => Value::Timestamp(i64::from_be_bytes(self.take())),
                b'D' => Value::Date(i32::from_be_bytes(self.take())),
                b'T' => Value::Time(i64::from_be_bytes(self.take())),
                b'I' => {
                    let (months, days) = (self.take(), self.take());
                    let rest = i64::from_be_bytes(self.take());
                    Value::Interval(i32::from_be_bytes(months), i32::from_be_bytes(days), rest)
                }
                b'a' => {
                    let count = u32::from_be_bytes(self.take());
                    let mut dimension = || {
                        let length = i32::from_be_bytes(self.take());
                        (length, i32::from_be_bytes(self.take()))
                    };
                    let dimensions: Vec<_> = (0..count).map(|_| dimension()).collect();
                    let elements: i32 = dimensions.iter().map(|(length, _)| length).product();
                    let elements = if dimensions.is_empty() { 0 } else { elements };
                    let values = (0..elements).map(|_| self.value()).collect();
                    Value::Array(dimensions, values)
                }
                b'o' => Value::Other(self.string(), self.string()),
                tag => panic!("unknown tag {tag}"),
            }
        }
    }

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<[u8; 32]>().prop_map(Value::Commitment),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            "-?[0-9]{1,9}(\\.[0-9]{1,9})?".prop_map(Value::Decimal),
            any::<f32>()
                .prop_filter("NaN", |f| !f.is_nan())
                .prop_map(|f| Value::Float4(f.to_bits())),
            any::<f64>()
                .prop_filter("NaN", |f| !f.is_nan())
                .prop_map(|f| Value::Float8(f.to_bits())),
            ".{0,8}".prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            any::<i64>().prop_map(Value::TimestampTz),
            any::<i64>().prop_map(Value::Timestamp),
            any::<i32>().prop_map(Value::Date),
            any::<i64>().prop_map(Value::Time),
            any::<(i32, i32, i64)>().prop_map(|(m, d, r)| Value::Interval(m, d, r)),
            (".{0,4}", ".{0,4}").prop_map(|(name, value)| Value::Other(name, value)),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        let array = prop::collection::vec(scalar(), 0..5).prop_map(|values| {
            let dimensions = match values.len() as i32 {
                0 => Vec::new(),
                length => vec![(length, 1)],
            };
            Value::Array(dimensions, values)
        });
        prop_oneof![4 => scalar(), 1 => array]
    }

    proptest! {
        #[test]
        fn the_encoding_of_a_row_is_injective(
            row in prop::collection::vec((".{0,6}", value()), 0..8), erasure in any::<bool>(),
        ) {
            let subject = if erasure { Subject::Erasure } else { Subject::Row };
            let mut out = vec![9, 9];
            begin(&mut out, subject, row.len());
            for (field, content) in &row {
                name(&mut out, field.as_bytes());
                write(&mut out, content);
            }
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.take(), [VERSION, subject as u8]);
            let count = u32::from_be_bytes(reader.take());
            let back: Vec<_> = (0..count).map(|_| (reader.string(), reader.value())).collect();
            prop_assert_eq!(back, row);
            prop_assert!(reader.0.is_empty());
        }
    }
}
