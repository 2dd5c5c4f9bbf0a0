//! What one parent gains or loses: a number of rows, and for sums an exact total.

use pgrx::{AnyNumeric, FromDatum, IntoDatum, pg_sys};

#[derive(Default)]
pub struct Amount {
    pub rows: i64,
    integers: i128,
    numerics: Option<AnyNumeric>,
}

impl Amount {
    /// Adds `sign` rows of the value in `datum`, of integer or numeric type.
    ///
    /// # Safety
    /// `datum` is a value of type `type_oid`, not NULL.
    pub unsafe fn add(&mut self, datum: pg_sys::Datum, type_oid: pg_sys::Oid, sign: i64) {
        self.rows += sign;
        let integer = match type_oid {
            pg_sys::INT2OID => i64::from(datum.value() as i16),
            pg_sys::INT4OID => i64::from(datum.value() as i32),
            pg_sys::INT8OID => datum.value() as i64,
            _ => {
                // SAFETY: the caller says what the datum is; the value is copied out of it.
                if let Some(value) = unsafe { AnyNumeric::from_datum(datum, false) } {
                    let value = if sign < 0 { -value } else { value };
                    self.numerics = Some(match self.numerics.take() {
                        Some(total) => total + value,
                        None => value,
                    });
                }
                return;
            }
        };
        self.integers += i128::from(sign) * i128::from(integer);
    }

    pub fn is_nothing(&self) -> bool {
        self.rows == 0
            && self.integers == 0
            && self
                .numerics
                .as_ref()
                .is_none_or(|total| *total == AnyNumeric::from(0))
    }

    /// The total as a numeric datum in the current memory context.
    pub fn total(self) -> pg_sys::Datum {
        let integers = AnyNumeric::from(self.integers);
        let total = match self.numerics {
            Some(total) => total + integers,
            None => integers,
        };
        total.into_datum().unwrap_or(pg_sys::Datum::from(0))
    }
}
