//! What the rows of a transition table say: which pairs, and which of the two says yes.

use super::canonical;
use super::choice::Definition;
use super::order::Order;
use crate::catalog::{self, Column};
use crate::error;
use pgrx::{PgRelation, pg_sys};
use std::cmp::Ordering;

/// One pair in its scope, and which of the two sides a statement speaks of.
pub struct Said {
    pub key: Vec<pg_sys::Datum>,
    pub low: bool,
    pub high: bool,
}

/// The key's columns in `choices`: the scope, then the chooser and the target.
pub struct Keys {
    columns: Vec<(Column, Order, Storage)>,
    choice: Column,
}

/// The column that says yes, or 42804.
pub fn yes_or_no(choices: &PgRelation, name: &str) -> Column {
    let choice = catalog::column(choices, name);
    if choice.type_oid != pg_sys::BOOLOID {
        error::raise(error::pair::not_a_choice(
            &catalog::qualified_name(choices),
            &choice.name,
            &catalog::type_name(choice.type_oid, choice.type_mod),
        ));
    }
    choice
}

#[derive(Clone, Copy)]
struct Storage {
    length: i16,
    by_value: bool,
    alignment: std::ffi::c_char,
}

impl Keys {
    pub fn of(definition: &Definition, choices: &PgRelation) -> Keys {
        let people = [&definition.chooser, &definition.target];
        // What was so when the choice was made may have been altered since.
        canonical::members(choices, &definition.chooser, &definition.target);
        let columns = definition.scope.iter().chain(people).map(|name| {
            let column = catalog::column(choices, name);
            let order = Order::of(choices, &column);
            let storage = choices
                .tuple_desc()
                .get(column.number as usize - 1)
                .map(|attribute| Storage {
                    length: attribute.attlen,
                    by_value: attribute.attbyval,
                    alignment: attribute.attalign,
                })
                .unwrap_or_else(|| {
                    error::raise(error::undefined_column(
                        &catalog::qualified_name(choices),
                        name,
                    ))
                });
            (column, order, storage)
        });
        Keys {
            columns: columns.collect(),
            choice: yes_or_no(choices, &definition.choice),
        }
    }

    pub fn types(&self) -> Vec<pg_sys::Oid> {
        self.columns
            .iter()
            .map(|(column, ..)| column.type_oid)
            .collect()
    }

    pub fn orders(&self) -> Vec<&Order> {
        self.columns.iter().map(|(_, order, _)| order).collect()
    }

    fn compare(&self, a: &Said, b: &Said) -> Ordering {
        let places = self.columns.iter().zip(a.key.iter().zip(&b.key));
        places
            .map(|((_, order, _), (a, b))| order.compare(*a, *b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Every yes of a transition table, in the order of the pairs, each pair once.
    pub fn yeses(&self, choices: &PgRelation, rows: *mut pg_sys::Tuplestorestate) -> Vec<Said> {
        let mut said = Vec::new();
        each_row(choices, rows, |values, nulls| {
            let place = self.choice.number as usize - 1;
            if nulls[place] || values[place].value() as u8 == 0 {
                return;
            }
            let mut key: Vec<_> = self
                .columns
                .iter()
                .map(|(column, _, storage)| storage.copy(values[column.number as usize - 1]))
                .collect();
            let (target, chooser) = (key.len() - 1, key.len() - 2);
            let chose_higher = match self.columns[target].1.compare(key[chooser], key[target]) {
                Ordering::Less => true,
                Ordering::Greater => {
                    key.swap(chooser, target);
                    false
                }
                Ordering::Equal => return,
            };
            said.push(Said {
                key,
                low: chose_higher,
                high: !chose_higher,
            });
        });
        in_order(said, |a, b| self.compare(a, b))
    }

    /// What `said` says and `also` does not. Both are in order.
    pub fn without(&self, said: &[Said], also: &[Said]) -> Vec<Said> {
        let rest = said.iter().map(|one| {
            let place = also.binary_search_by(|other| self.compare(other, one));
            let (low, high) = place.map_or((false, false), |i| (also[i].low, also[i].high));
            Said {
                key: one.key.clone(),
                low: one.low && !low,
                high: one.high && !high,
            }
        });
        rest.filter(|one| one.low || one.high).collect()
    }

    /// The pairs of both, in order, with what `told` says of them.
    pub fn union(&self, told: &[Said], retracted: &[Said]) -> Vec<Said> {
        let silent = retracted.iter().map(|one| Said {
            key: one.key.clone(),
            low: false,
            high: false,
        });
        let loud = told.iter().map(|one| Said {
            key: one.key.clone(),
            low: one.low,
            high: one.high,
        });
        in_order(loud.chain(silent).collect(), |a, b| self.compare(a, b))
    }

    /// One array per column of the key, and two of flags.
    pub fn lists(&self, said: &[Said]) -> Vec<pg_sys::Datum> {
        let boolean = Storage {
            length: 1,
            by_value: true,
            alignment: b'c' as std::ffi::c_char,
        };
        let flags = |side: fn(&Said) -> bool| {
            let flags = said
                .iter()
                .map(|one| pg_sys::Datum::from(side(one)))
                .collect();
            boolean.array(pg_sys::BOOLOID, flags)
        };
        let columns = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, (column, _, storage))| {
                let values = said.iter().map(|one| one.key[place]).collect();
                storage.array(column.type_oid, values)
            });
        columns
            .chain([flags(|one| one.low), flags(|one| one.high)])
            .collect()
    }
}

/// Each pair once, with all that is said of it.
fn in_order(mut said: Vec<Said>, compare: impl Fn(&Said, &Said) -> Ordering) -> Vec<Said> {
    said.sort_by(&compare);
    said.dedup_by(|next, kept| {
        let same = compare(next, kept).is_eq();
        if same {
            kept.low |= next.low;
            kept.high |= next.high;
        }
        same
    });
    said
}

impl Storage {
    /// A copy that outlives the row.
    fn copy(self, value: pg_sys::Datum) -> pg_sys::Datum {
        if self.by_value {
            return value;
        }
        // SAFETY: a value passed by reference, not NULL: either a varlena or `length` bytes.
        unsafe {
            if self.length < 0 {
                return pg_sys::pg_detoast_datum_copy(value.cast_mut_ptr()).into();
            }
            let place = pg_sys::palloc(self.length as usize).cast::<u8>();
            place.copy_from_nonoverlapping(value.cast_mut_ptr(), self.length as usize);
            place.into()
        }
    }

    fn array(self, type_oid: pg_sys::Oid, mut values: Vec<pg_sys::Datum>) -> pg_sys::Datum {
        // SAFETY: the values are of the type that is described, none is NULL.
        unsafe {
            pg_sys::construct_array(
                values.as_mut_ptr(),
                values.len() as i32,
                type_oid,
                self.length.into(),
                self.by_value,
                self.alignment,
            )
            .into()
        }
    }
}

/// Reads a transition table from its start; there may be none.
fn each_row(
    relation: &PgRelation,
    rows: *mut pg_sys::Tuplestorestate,
    mut each: impl FnMut(&[pg_sys::Datum], &[bool]),
) {
    if rows.is_null() {
        return;
    }
    // SAFETY: the tuplestore belongs to the running trigger and holds rows of the relation; the
    // slot is dropped at the end, or with its memory context when an ERROR passes by.
    unsafe {
        let descriptor = (*relation.as_ptr()).rd_att;
        let columns = (*descriptor).natts as usize;
        let slot =
            pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsMinimalTuple);
        pg_sys::tuplestore_rescan(rows);
        while pg_sys::tuplestore_gettupleslot(rows, true, false, slot) {
            pg_sys::slot_getallattrs(slot);
            let values = std::slice::from_raw_parts((*slot).tts_values, columns);
            let nulls = std::slice::from_raw_parts((*slot).tts_isnull, columns);
            each(values, nulls);
        }
        pg_sys::ExecDropSingleTupleTableSlot(slot);
    }
}
