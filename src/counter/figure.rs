//! An integer that one row holds, the parent's counter or a slot's amount, added to without a
//! statement.

use crate::catalog;
use crate::direct::Direct;
use pgrx::{PgRelation, pg_sys};

pub struct Figure {
    row: Direct,
    type_oid: pg_sys::Oid,
    /// NULL counts as 0.
    nullable: bool,
}

/// Leaves a counter's upkeep alone, so that it need not be asked.
const IDLE: Option<&str> = Some("update_updated_at_column");

impl Figure {
    /// As [`Direct::of`].
    pub fn of(
        table: &PgRelation,
        owner: pg_sys::Oid,
        key: &[(&str, pg_sys::Oid)],
        name: &str,
    ) -> Option<Figure> {
        let column = catalog::column(table, name);
        let integers = [pg_sys::INT2OID, pg_sys::INT4OID, pg_sys::INT8OID];
        if !integers.contains(&column.type_oid) {
            return None;
        }
        Some(Figure {
            row: Direct::of(table, owner, key, &[name], catalog::ON_UPDATE, IDLE)?,
            type_oid: column.type_oid,
            nullable: !column.not_null,
        })
    }

    /// As [`Direct::change`].
    pub fn add(&self, key: &[pg_sys::Datum], amount: i64, is_valid: impl FnOnce() -> bool) -> bool {
        self.row
            .change(key, is_valid, |stored| self.sum(*stored.first()?, amount))
    }

    /// `None` where the sum is no value of the figure's type.
    fn sum(&self, stored: Option<pg_sys::Datum>, amount: i64) -> Option<Vec<pg_sys::Datum>> {
        let stored = match (stored, self.type_oid) {
            (None, _) => self.nullable.then_some(0)?,
            (Some(stored), pg_sys::INT2OID) => i64::from(stored.value() as i16),
            (Some(stored), pg_sys::INT4OID) => i64::from(stored.value() as i32),
            (Some(stored), _) => stored.value() as i64,
        };
        let sum = stored.checked_add(amount)?;
        Some(vec![match self.type_oid {
            pg_sys::INT2OID => pg_sys::Datum::from(i16::try_from(sum).ok()?),
            pg_sys::INT4OID => pg_sys::Datum::from(i32::try_from(sum).ok()?),
            _ => pg_sys::Datum::from(sum),
        }])
    }
}
