//! Bringing parents up to date with what a statement changed.

use super::amount::Amount;
use super::delta::Key;
use super::image::{self, Column};
use super::orphans::{self, Orphans};
use super::resolve::Counter;
use super::spec::Measure;
use super::statement::array;
use crate::error;
use crate::lock;
use crate::remembered::Known;
use pgrx::{AnyNumeric, FromDatum, pg_sys};

/// Above this many parents the planner is asked anew.
const FEW: usize = 100;

/// Adds to the one parent that gained something, without a statement. False where [`counts`] has to
/// do it.
pub fn count_directly(counter: &Known<Counter>, changes: &[(Key, i64)]) -> bool {
    let ([(key, amount)], Some(direct), false) = (changes, &counter.direct, counter.loose) else {
        return false;
    };
    let mut values = image::values(&counter.keys, key);
    values.extend(slot(counter));
    direct.add(&values, *amount, || counter.is_valid())
}

/// Adds to each parent what it gained; parents that are gone are passed over. `command` is that of
/// the statement that changed the children. SPI is connected.
pub fn counts(counter: &Counter, command: pg_sys::CommandId, changes: &[(Key, i64)]) {
    let fits = |amount: i64| !counter.adds_integers || i32::try_from(amount).is_ok();
    if let ([(key, amount)], Some(add_one), false) = (changes, &counter.add_one, counter.loose)
        && fits(*amount)
    {
        let mut values = image::values(&counter.keys, key);
        values.push(pg_sys::Datum::from(*amount));
        values.extend(slot(counter));
        // A slot's row is made by the first increment that finds none.
        if add_one.execute(&values) > 0 || counter.spec.slots == 0 {
            return;
        }
    }
    let amounts: Vec<_> = changes.iter().map(|(_, amount)| *amount).collect();
    let amounts = numbers(&amounts);
    let orphans = bulk(counter, changes.iter().map(|(key, _)| key), vec![amounts]);
    if !orphans.is_empty() {
        let (keys, rows) = orphans.iter().map(|i| changes[*i].clone()).unzip();
        let totals = Vec::new();
        let orphans = Orphans { keys, rows, totals };
        orphans::remember(counter, command, Some(orphans));
    }
}

/// As [`counts`], for sums and averages.
pub fn amounts(counter: &Counter, command: pg_sys::CommandId, changes: Vec<(Key, Amount)>) {
    let (keys, amounts): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
    let rows: Vec<_> = amounts.iter().map(|amount| amount.rows).collect();
    let totals: Vec<_> = amounts.into_iter().map(Amount::total).collect();
    if let ([key], [total], Some(add_one), false) = (
        keys.as_slice(),
        totals.as_slice(),
        &counter.add_one,
        counter.loose,
    ) {
        let mut values = image::values(&counter.keys, key);
        values.push(*total);
        add_one.execute(&values);
        return;
    }
    let mut lists = vec![array(&Column::of_type(pg_sys::NUMERICOID), totals.clone())];
    if matches!(counter.spec.measure, Measure::Average { .. }) {
        lists.push(numbers(&rows));
    }
    let orphans = bulk(counter, keys.iter(), lists);
    if !orphans.is_empty() {
        let orphans = Orphans {
            keys: orphans.iter().map(|i| keys[*i].clone()).collect(),
            rows: orphans.iter().map(|i| rows[*i]).collect(),
            // SAFETY: numerics that `Amount::total` gave.
            totals: orphans
                .iter()
                .filter_map(|i| unsafe { AnyNumeric::from_datum(totals[*i], false) })
                .collect(),
        };
        orphans::remember(counter, command, Some(orphans));
    }
}

/// A bigint array.
pub fn numbers(of: &[i64]) -> pg_sys::Datum {
    let datums = of.iter().map(|n| pg_sys::Datum::from(*n)).collect();
    array(&Column::of_type(pg_sys::INT8OID), datums)
}

/// Gives the places of the keys that have no parent.
fn bulk<'a>(
    counter: &Counter,
    keys: impl ExactSizeIterator<Item = &'a Key>,
    amounts: Vec<pg_sys::Datum>,
) -> Vec<usize> {
    let how_many = keys.len() as i64;
    let statements = if keys.len() <= FEW {
        &counter.few
    } else {
        &counter.many
    };
    let lists = image::lists(&counter.keys, keys);
    let mut values: Vec<_> = counter
        .keys
        .iter()
        .zip(lists)
        .map(|(column, list)| array(column, list))
        .collect();
    let mut orphans = Vec::new();
    if counter.spec.slots == 0 {
        let locked = statements.lock.number(&values);
        if counter.loose && locked < how_many {
            wait_for_parents(counter, &values);
            let places = counter.orphans.query(&values, std::ptr::null_mut());
            orphans.extend(places.iter().filter_map(|row| Some(row[0]?.value() - 1)));
        }
    }
    values.extend(amounts);
    values.extend(slot(counter));
    statements.add.execute(&values);
    orphans
}

/// The row of a hot parent's slots that this backend writes: as many backends write at once as
/// there are slots, and each keeps to its own.
fn slot(counter: &Counter) -> Option<pg_sys::Datum> {
    let slots = i32::from(counter.spec.slots);
    (slots > 0).then(|| pg_sys::Datum::from(backend_number() % slots))
}

/// Numbers of backends that are alive are close together; process ids are not.
fn backend_number() -> i32 {
    // SAFETY: reads a global of this backend.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    unsafe {
        pg_sys::MyBackendId
    }
    // SAFETY: reads a global of this backend.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::MyProcNumber
    }
}

/// Without a foreign key a parent may come after its children. Who inserts parents and who
/// changes orphans wait for each other, so that one of them sees what the other did.
fn wait_for_parents(counter: &Counter, keys: &[pg_sys::Datum]) {
    lock::take(lock::Of::Orphans(counter.parent), pg_sys::RowExclusiveLock);
    let locked = counter.few.lock.number(keys);
    // SAFETY: reads the isolation level; a registered snapshot is released by the resource owner
    // when the statement fails.
    unsafe {
        if pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 {
            let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
            let rows = counter.present.query(keys, snapshot);
            pg_sys::UnregisterSnapshot(snapshot);
            let present = rows
                .first()
                .and_then(|row| row[0])
                .map_or(0, |n| n.value() as i64);
            if present > locked {
                error::raise(error::counter::parent_is_newer(&counter.spec.parent_name()));
            }
        }
    }
}
