//! What the triggers of a mutual choice do. Each pair has one row of state with a flag for either
//! side, there only while one of them says yes. Whoever comes second waits for the first at that
//! row and then sees both flags; a statement about many pairs takes them in order.

use super::canonical;
use super::order::Order;
use super::plan::Plans;
use crate::catalog::{self, Column, ON_DELETE, ON_INSERT, ON_UPDATE};
use crate::direct::Direct;
use crate::error;
use crate::remembered::{Known, Registry, Remembered};
use pgrx::prelude::*;
use pgrx::{PgRelation, PgTrigger};
use std::cmp::Ordering;

/// What the arguments of the triggers say.
pub struct Definition {
    /// Both as `schema.table`, quoted.
    pub state: String,
    pub matches: String,
    pub low: String,
    pub high: String,
    pub chooser: String,
    pub target: String,
    pub choice: String,
    pub scope: Vec<String>,
}

impl Definition {
    pub fn to_arguments(&self) -> Vec<&str> {
        let mut arguments = vec![
            self.state.as_str(),
            &self.matches,
            &self.low,
            &self.high,
            &self.chooser,
            &self.target,
            &self.choice,
        ];
        arguments.extend(self.scope.iter().map(String::as_str));
        arguments
    }

    fn from_arguments(arguments: Vec<String>) -> Option<Definition> {
        let mut rest = arguments.into_iter();
        let mut next = || rest.next();
        let (state, matches, low, high) = (next()?, next()?, next()?, next()?);
        let (chooser, target, choice) = (next()?, next()?, next()?);
        Some(Definition {
            state,
            matches,
            low,
            high,
            chooser,
            target,
            choice,
            scope: rest.collect(),
        })
    }

    /// The columns of a pair's row, in the state and in the matches.
    pub fn key(&self) -> impl Iterator<Item = &str> {
        self.scope
            .iter()
            .map(String::as_str)
            .chain([self.low.as_str(), self.high.as_str()])
    }
}

/// One pair in its scope, and which of the two sides a statement speaks of.
struct Said {
    key: Vec<pg_sys::Datum>,
    low: bool,
    high: bool,
}

/// The key's columns in `choices`: the scope, then the chooser and the target.
struct Keys {
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
    fn of(definition: &Definition, choices: &PgRelation) -> Keys {
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

    fn types(&self) -> Vec<pg_sys::Oid> {
        self.columns
            .iter()
            .map(|(column, ..)| column.type_oid)
            .collect()
    }

    fn orders(&self) -> Vec<&Order> {
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
    fn yeses(&self, choices: &PgRelation, rows: *mut pg_sys::Tuplestorestate) -> Vec<Said> {
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
        said.sort_by(|a, b| self.compare(a, b));
        said.dedup_by(|next, kept| {
            let same = self.compare(next, kept).is_eq();
            if same {
                kept.low |= next.low;
                kept.high |= next.high;
            }
            same
        });
        said
    }

    /// What `said` says and `also` does not. Both are in order.
    fn without(&self, said: &[Said], also: &[Said]) -> Vec<Said> {
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

    /// One array per column of the key, and two of flags.
    fn lists(&self, said: &[Said]) -> Vec<pg_sys::Datum> {
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

/// A definition's names made into what the triggers run with.
struct MutualChoice {
    definition: Definition,
    keys: Keys,
    plans: Plans,
    /// Writing a yes and a match may call code that looks names up along search_path.
    calls_code: bool,
    /// How a yes is added to the state of its pair without a statement, where that can be.
    direct: Option<Direct>,
    tables: Vec<pg_sys::Oid>,
}

thread_local! {
    static KNOWN: &'static Registry<MutualChoice> = Registry::leak();
}

impl Remembered for MutualChoice {
    fn depends_on(&self, table: pg_sys::Oid) -> bool {
        self.tables.contains(&table)
    }
}

impl MutualChoice {
    fn of(trigger: &PgTrigger, choices: &PgRelation) -> MutualChoice {
        let definition = trigger
            .extra_args()
            .ok()
            .and_then(Definition::from_arguments)
            .unwrap_or_else(|| error::raise(misuse()));
        let keys = Keys::of(&definition, choices);
        let plans = Plans::new(&definition, &keys.types(), &keys.orders());
        let owner = catalog::owner(choices);
        let key: Vec<_> = definition.key().zip(keys.types()).collect();
        let mut tables = vec![choices.oid()];
        let (mut calls_code, mut direct) = (false, None);
        for (name, events) in [
            (&definition.state, ON_INSERT | ON_UPDATE | ON_DELETE),
            (&definition.matches, ON_INSERT),
        ] {
            // One that is missing is the statement's own error.
            if let Some(oid) = canonical::find(name) {
                let table = catalog::open_table(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
                // Whose triggers would else run as the owner of the choices.
                if !catalog::is_owner(&table, owner) {
                    error::raise(error::not_owner(&catalog::qualified_name(&table)));
                }
                calls_code |= catalog::calls_code(&table, events);
                if *name == definition.state && !calls_code {
                    let (flags, upsert) = (["low_yes", "high_yes"], ON_INSERT | ON_UPDATE);
                    let fit = flags
                        .iter()
                        .all(|flag| catalog::column(&table, flag).type_oid == pg_sys::BOOLOID);
                    direct = fit
                        .then(|| Direct::of(&table, owner, &key, &flags, upsert, None))
                        .flatten();
                }
                tables.push(oid);
            }
        }
        MutualChoice {
            definition,
            keys,
            plans,
            calls_code,
            direct,
            tables,
        }
    }
}

fn misuse() -> pgrx::pg_sys::panic::ErrorReport {
    error::pair::not_as_a_trigger("keep_mutual_choice", "create_mutual_choice")
}

/// After a statement on the choices, or before their TRUNCATE.
pub fn keep(trigger: &PgTrigger) {
    let data = trigger.trigger_data();
    if data.tg_event & pg_sys::TRIGGER_EVENT_ROW != 0 {
        error::raise(misuse());
    }
    // SAFETY: a trigger's relation is open while it runs, and its data points to its descriptor.
    let (choices, number) = unsafe {
        (
            PgRelation::from_pg(data.tg_relation),
            (*data.tg_trigger).tgoid,
        )
    };
    catalog::as_role(catalog::owner(&choices), || {
        let choice = KNOWN.with(|known| {
            known.get(number, || {
                catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
                    MutualChoice::of(trigger, &choices)
                })
            })
        });
        let (old, new) = (data.tg_oldtable, data.tg_newtable);
        if old.is_null() && new.is_null() {
            canonical::run(&format!("DELETE FROM {}", choice.definition.state));
        } else {
            changed(&choice, &choices, old, new);
        }
    });
}

fn changed(
    choice: &Known<MutualChoice>,
    choices: &PgRelation,
    old: *mut pg_sys::Tuplestorestate,
    new: *mut pg_sys::Tuplestorestate,
) {
    let MutualChoice { keys, plans, .. } = &**choice;
    let (before, after) = (keys.yeses(choices, old), keys.yeses(choices, new));
    let retracted = keys.without(&before, &after);
    let told = keys.without(&after, &before);
    let work = || {
        Spi::connect_mut(|_| {
            if !retracted.is_empty() {
                let mut lists = keys.lists(&retracted);
                plans.lock.run(&mut lists);
                plans.retract.run(&mut lists);
                plans.forget.run(&mut lists);
            }
            match told.as_slice() {
                [] => {}
                [one] => tell(choice, one),
                many => {
                    plans.tell_many.run(&mut keys.lists(many));
                }
            }
        });
    };
    match (retracted.as_slice(), told.as_slice()) {
        ([], []) => {}
        // The two statements of a single yes name no operator or function. Setting search_path and
        // back is a tenth of what they cost.
        ([], [_]) if !choice.calls_code => work(),
        _ => catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], work),
    }
}

/// One yes, and the match that it makes. A pair of which there is a row already is met where it lies.
fn tell(choice: &Known<MutualChoice>, one: &Said) {
    let mut both = false;
    let met = choice.direct.as_ref().is_some_and(|direct| {
        let is_valid = || choice.is_valid();
        direct.change(&one.key, is_valid, |stored| {
            let said = |place: usize| stored[place].is_some_and(|yes| yes.value() as u8 != 0);
            let (low, high) = (said(0) || one.low, said(1) || one.high);
            both = low && high;
            Some(vec![low.into(), high.into()])
        })
    });
    let mut values = one.key.clone();
    if !met {
        values.extend([one.low, one.high].map(pg_sys::Datum::from));
        both = choice.plans.tell.run(&mut values);
    }
    if both {
        choice.plans.matched.run(&mut values[..one.key.len()]);
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
