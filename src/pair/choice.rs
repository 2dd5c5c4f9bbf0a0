//! What the triggers of a mutual choice do. Each pair has one row of state with a flag for either
//! side, there only while one of them says yes. Whoever comes second waits for the first at that
//! row and then sees both flags; a statement about many pairs takes them in order.

use super::canonical;
use super::plan::Plans;
use super::ready;
use super::said::{Keys, Said};
use crate::catalog::{self, ON_DELETE, ON_INSERT, ON_UPDATE};
use crate::direct::Direct;
use crate::error;
use crate::remembered::{Known, Registry, Remembered};
use pgrx::prelude::*;
use pgrx::{PgRelation, PgTrigger};
use std::cell::Cell;

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

    pub fn from_arguments(arguments: Vec<String>) -> Option<Definition> {
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
    matches: Option<pg_sys::Oid>,
    /// Whether it is known that a match can be written.
    ready: Cell<bool>,
}

thread_local! {
    static KNOWN: &'static Registry<MutualChoice> = Registry::leak();
}

impl Remembered for MutualChoice {
    /// Where one of the three is missing, any may become it.
    fn depends_on(&self, table: pg_sys::Oid) -> bool {
        self.tables.len() < 3 || self.tables.contains(&table)
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
        let mut calls_code = false;
        // One that is missing is the statement's own error.
        let mut open = |name: &str, events| {
            let oid = canonical::find(name)?;
            let table = catalog::open_table(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
            // Whose triggers would else run as the owner of the choices.
            if !catalog::is_owner(&table, owner) {
                error::raise(error::not_owner(&catalog::qualified_name(&table)));
            }
            calls_code |= catalog::calls_code(&table, events);
            tables.push(oid);
            Some(table)
        };
        let state = open(&definition.state, ON_INSERT | ON_UPDATE | ON_DELETE);
        let matches = open(&definition.matches, ON_INSERT).map(|matches| matches.oid());
        let direct = state.filter(|_| !calls_code).and_then(|state| {
            let (flags, upsert) = (["low_yes", "high_yes"], ON_INSERT | ON_UPDATE);
            let fit = flags
                .iter()
                .all(|flag| catalog::column(&state, flag).type_oid == pg_sys::BOOLOID);
            fit.then(|| Direct::of(&state, owner, &key, &flags, upsert, None))?
        });
        MutualChoice {
            definition,
            keys,
            plans,
            calls_code,
            direct,
            tables,
            matches,
            ready: Cell::new(false),
        }
    }

    /// What a statement takes back, and the yeses that it says.
    fn difference(
        &self,
        choices: &PgRelation,
        old: *mut pg_sys::Tuplestorestate,
        new: *mut pg_sys::Tuplestorestate,
    ) -> (Vec<Said>, Vec<Said>) {
        let keys = &self.keys;
        let (before, after) = (keys.yeses(choices, old), keys.yeses(choices, new));
        (keys.without(&before, &after), keys.without(&after, &before))
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
        let known = || {
            KNOWN.with(|known| {
                known.get(number, || {
                    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
                        MutualChoice::of(trigger, &choices)
                    })
                })
            })
        };
        let (old, new) = (data.tg_oldtable, data.tg_newtable);
        let mut choice = known();
        if old.is_null() && new.is_null() {
            canonical::run(&format!("DELETE FROM {}", choice.definition.state));
            return;
        }
        let (mut retracted, mut told) = choice.difference(&choices, old, new);
        if !told.is_empty() {
            // What is held cannot change any more: a match is as possible at the end as it is now.
            while !hold_matches(&choice) {
                choice = known();
                (retracted, told) = choice.difference(&choices, old, new);
            }
            if !choice.ready.get() {
                ready::require(&choice.definition, &choices);
                choice.ready.set(true);
            }
        }
        changed(&choice, &retracted, &told);
    });
}

/// Locks the matches as the second yes does; says whether what is known is still so.
fn hold_matches(choice: &Known<MutualChoice>) -> bool {
    if let Some(matches) = choice.matches {
        // SAFETY: any OID can be locked, also one that is gone.
        unsafe { pg_sys::LockRelationOid(matches, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE) };
    }
    choice.is_valid()
}

fn changed(choice: &Known<MutualChoice>, retracted: &[Said], told: &[Said]) {
    let MutualChoice { keys, plans, .. } = &**choice;
    let take_back = || {
        let mut lists = keys.lists(retracted);
        plans.retract.run(&mut lists);
        plans.forget.run(&mut lists);
    };
    let work = || {
        Spi::connect_mut(|_| match (retracted, told) {
            ([], []) => {}
            ([], [one]) => tell(choice, one),
            ([], many) => {
                plans.tell_many.run(&mut keys.lists(many));
            }
            (many, []) => {
                plans.lock.run(&mut keys.lists(many));
                take_back();
            }
            (taken_back, said) => {
                // All of them in one order, or two such statements could wait for each other.
                let all = keys.union(said, taken_back);
                plans.claim.run(&mut keys.lists(&all));
                take_back();
                plans.match_claimed.run(&mut keys.lists(said));
            }
        });
    };
    match (retracted, told) {
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
