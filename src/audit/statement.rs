//! Entries written by INSERT, in portions: where the log has triggers, columns or policies of its
//! owner's, which only a whole statement respects.

use super::changes::Source;
use super::record::{Changed, Event, Recording, constant_datum, copied};
use super::sql::{self, Argument};
use crate::catalog;
use pgrx::{IntoDatum, pg_sys};

/// Rows of one INSERT into the log.
const PORTION: usize = 5000;

pub struct Statement<'a> {
    recording: &'a Recording,
    /// Of many rows, given as arrays, and of one.
    insert: String,
    insert_one: String,
    scalars: Vec<Argument>,
    /// One for each source that differs from row to row.
    arrays: Vec<Column<'a>>,
    rows: usize,
}

struct Column<'a> {
    source: &'a Source,
    /// Of the target's column, where the source is one.
    index: usize,
    type_oid: pg_sys::Oid,
    length: i16,
    by_value: bool,
    align: i8,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl<'a> Statement<'a> {
    pub fn new(event: &Event, recording: &'a Recording) -> Statement<'a> {
        let mut values = Vec::new();
        let mut sets = String::new();
        let mut scalars = vec![];
        let mut arrays = Vec::new();
        for (_, source) in &recording.columns {
            // The first parameter is the number of rows.
            let parameter = scalars.len() + arrays.len() + 2;
            if !source.of_row() {
                values.push(format!("${parameter}"));
                scalars.push(constant_datum(event, source));
                continue;
            }
            let (index, type_oid) = match source {
                Source::Column(column) => {
                    let column = catalog::column(&event.relation, column);
                    (column.number as usize - 1, column.type_oid)
                }
                _ => (0, pg_sys::JSONBOID),
            };
            // SAFETY: the types are those of columns; the array type of each exists or raises.
            let (length, by_value, align) = unsafe {
                let (mut length, mut by_value, mut align) = (0, false, 0);
                pg_sys::get_typlenbyvalalign(type_oid, &mut length, &mut by_value, &mut align);
                (length, by_value, align)
            };
            // Functions in the list that return sets go on in step, row by row, and store
            // nothing between.
            values.push(format!("e.v{parameter}"));
            sets.push_str(&format!(", unnest(${parameter}) AS v{parameter}"));
            let (values, nulls) = (Vec::new(), Vec::new());
            arrays.push(Column {
                source,
                index,
                type_oid,
                length,
                by_value,
                align,
                values,
                nulls,
            });
        }
        let name = |(name, _): &(String, Source)| catalog::quote_ident(name);
        let names: Vec<String> = recording.columns.iter().map(name).collect();
        let parameters: Vec<String> = (2..names.len() + 2).map(|i| format!("${i}")).collect();
        let (log, names) = (&recording.log, names.join(", "));
        // The first parameter is only there to be counted with the others.
        let insert_one = format!(
            "INSERT INTO {log} ({names}) SELECT {} WHERE $1 = 1",
            parameters.join(", ")
        );
        let insert = format!(
            "INSERT INTO {log} ({names}) SELECT {}
             FROM (SELECT generate_series(1, $1){sets}) e",
            values.join(", "),
        );
        Statement {
            recording,
            insert,
            insert_one,
            scalars,
            arrays,
            rows: 0,
        }
    }

    /// An entry that is about no row.
    pub fn without_row(&mut self) {
        for column in &mut self.arrays {
            column.values.push(pg_sys::Datum::from(0));
            column.nulls.push(true);
        }
        self.rows += 1;
    }

    pub fn add(&mut self, row: &Changed) {
        for column in &mut self.arrays {
            let datum = match column.source {
                // SAFETY: the value is one of the row's, of the column's type and not null; the
                // copy outlives the row.
                Source::Column(_) => (!row.nulls[column.index]).then(|| unsafe {
                    copied(row.values[column.index], column.by_value, column.length)
                }),
                source => row.object(&self.recording.builder, source),
            };
            column.nulls.push(datum.is_none());
            column.values.push(datum.unwrap_or(pg_sys::Datum::from(0)));
        }
        self.rows += 1;
        if self.rows == PORTION {
            self.flush();
        }
    }

    pub fn flush(&mut self) {
        if self.rows == 0 {
            return;
        }
        let mut arguments = vec![(pg_sys::INT4OID, (self.rows as i32).into_datum())];
        arguments.extend(self.scalars.iter().copied());
        let one = self.rows == 1;
        for column in &mut self.arrays {
            arguments.push(if one {
                column.take_one()
            } else {
                column.take()
            });
        }
        sql::write(
            if one { &self.insert_one } else { &self.insert },
            &arguments,
        );
        if !one {
            for array in arguments[1 + self.scalars.len()..]
                .iter()
                .filter_map(|a| a.1)
            {
                // SAFETY: the array was made for this statement, which is over.
                unsafe { pg_sys::pfree(array.cast_mut_ptr()) };
            }
        }
        self.rows = 0;
    }
}

impl Column<'_> {
    /// The only value.
    fn take_one(&mut self) -> Argument {
        let value = self
            .values
            .pop()
            .filter(|_| self.nulls.pop() == Some(false));
        (self.type_oid, value)
    }

    /// The values so far, as one array.
    fn take(&mut self) -> Argument {
        let mut values = std::mem::take(&mut self.values);
        let mut nulls = std::mem::take(&mut self.nulls);
        let (mut length, mut lower) = (values.len() as i32, 1);
        // SAFETY: values and nulls are equally long, and every value is of the type; those that
        // are pointers were palloc'ed for this array alone.
        unsafe {
            let array = pg_sys::construct_md_array(
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                1,
                &mut length,
                &mut lower,
                self.type_oid,
                i32::from(self.length),
                self.by_value,
                self.align,
            );
            if !self.by_value {
                for (value, is_null) in values.iter().zip(&nulls) {
                    if !is_null {
                        pg_sys::pfree(value.cast_mut_ptr());
                    }
                }
            }
            (
                pg_sys::get_array_type(self.type_oid),
                Some(pg_sys::Datum::from(array)),
            )
        }
    }
}
