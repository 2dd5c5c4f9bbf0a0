//! Setting parents right by counting: when a counter is attached, when it was found wrong, when
//! its children were truncated, and for a parent that takes a key which children may already have.

use super::apply::numbers;
use super::delta::Key;
use super::image::{self, Column};
use super::orphans;
use super::resolve::{Counter, amount_types};
use super::spec::Measure;
use super::statement::{Statement, array, array_type};
use crate::lock;
use pgrx::{AnyNumeric, FromDatum, IntoDatum, pg_sys};

/// Counts all children and sets right what is wrong, at most `limit` parents, in batches that
/// `progress` is told of. Parents are locked before their children are counted: whoever changes a
/// child later waits, whoever changed one before is counted. SPI is connected.
pub fn all(counter: &Counter, batch: i64, limit: i64, mut progress: impl FnMut(i64)) -> i64 {
    let int8 = pg_sys::INT8OID;
    let wrong = Statement::custom(counter.sql.wrong_keys(), vec![int8, int8]);
    if counter.spec.slots > 0 {
        // Slots are written without a lock on the parent.
        let mode = "SHARE ROW EXCLUSIVE";
        super::query::run(&format!("LOCK TABLE {} IN {mode} MODE", counter.sql.side()));
    }
    let (lock, set) = (lock(counter), Set::new(counter));
    let mut done = 0;
    for mut row in wrong.query(&[batch.into(), limit.into()], std::ptr::null_mut()) {
        let Some(how_many) = row.pop().flatten() else {
            continue;
        };
        let keys: Vec<_> = row.into_iter().flatten().collect();
        lock.execute(&keys);
        set.to_children_of(&keys, std::ptr::null_mut());
        done += how_many.value() as i64;
        progress(done);
    }
    done
}

/// Moves what is in the slots of a counter into its column; gives how many parents.
pub fn fold(counter: &Counter) -> i64 {
    let full = Statement::custom(counter.sql.slotted_keys(), vec![pg_sys::INT8OID]);
    let fold = Statement::custom(counter.sql.fold(), key_lists(counter));
    let lock = lock(counter);
    let mut done = 0;
    for mut row in full.query(&[1000_i64.into()], std::ptr::null_mut()) {
        row.pop();
        let keys: Vec<_> = row.into_iter().flatten().collect();
        lock.execute(&keys);
        done += fold.execute(&keys) as i64;
    }
    done
}

/// A parent that has a key which it, or it as the row that it was, did not have.
pub struct NewKey {
    pub key: Key,
    /// The key that it had; none for a new row.
    pub left: Option<Key>,
    /// What its column said when it got the key; none for an average.
    pub stored: Option<AnyNumeric>,
}

/// An integer or a numeric, copied.
///
/// # Safety
/// `datum` is a value of type `type_oid`.
pub unsafe fn number(datum: pg_sys::Datum, type_oid: pg_sys::Oid) -> Option<AnyNumeric> {
    // SAFETY: as the caller says.
    unsafe {
        match type_oid {
            pg_sys::INT2OID => i16::from_datum(datum, false).map(AnyNumeric::from),
            pg_sys::INT4OID => i32::from_datum(datum, false).map(AnyNumeric::from),
            pg_sys::INT8OID => i64::from_datum(datum, false).map(AnyNumeric::from),
            pg_sys::NUMERICOID => AnyNumeric::from_datum(datum, false),
            _ => None,
        }
    }
}

/// Brings parents that are new under their keys to what their children come to, as far as the
/// triggers of `command` and of what ran within it have counted them; those that have not yet will
/// add what they count. So what is counted is the children as of the start of the statement, and
/// what has been added since stays: it is in the column beyond what the parent came with, or, where
/// the parent was not there yet, among the orphans.
pub fn new_keys(
    counter: &Counter,
    arrived: &[NewKey],
    is_update: bool,
    command: pg_sys::CommandId,
) {
    if counter.loose {
        lock::take(lock::Of::Orphans(counter.parent), pg_sys::ShareLock);
    }
    let keys = key_arrays(counter, arrived.iter().map(|new| &new.key));
    // SAFETY: a registered snapshot is ours to change, and is released by the resource owner when
    // the statement fails. Rows of others as of now, own rows as of the statement under way.
    unsafe {
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        (*snapshot).curcid = command;
        let beside = Beside::new(counter);
        // A row that another partition takes over comes as a new row, and does not say which it was.
        if beside.is_some() && !is_update && counter.parent_is_partitioned {
            Set::new(counter).to_children_of(&keys, snapshot);
        } else {
            add_what_is_owed(counter, arrived, keys, beside, command, snapshot);
        }
        pg_sys::UnregisterSnapshot(snapshot);
    }
}

/// What the side table says of one parent.
struct Beside(Statement);

impl Beside {
    fn new(counter: &Counter) -> Option<Beside> {
        let types = counter.parent_keys.iter().map(|column| column.type_oid);
        let sql = counter.sql.beside()?;
        Some(Beside(Statement::custom(sql, types.collect())))
    }

    fn of(
        &self,
        counter: &Counter,
        key: &Key,
        snapshot: pg_sys::Snapshot,
    ) -> Vec<Option<pg_sys::Datum>> {
        let values = image::values(&counter.parent_keys, key);
        self.0.query(&values, snapshot).pop().unwrap_or_default()
    }
}

fn add_what_is_owed(
    counter: &Counter,
    arrived: &[NewKey],
    mut values: Vec<pg_sys::Datum>,
    beside: Option<Beside>,
    command: pg_sys::CommandId,
    snapshot: pg_sys::Snapshot,
) {
    let is_average = matches!(counter.spec.measure, Measure::Average { .. });
    let (mut came_with, mut came_with_rows) = (Vec::new(), Vec::new());
    for new in arrived {
        let beside = match (&beside, &new.left) {
            (Some(beside), Some(left)) => beside.of(counter, left, snapshot),
            _ => Vec::new(),
        };
        let beside = |i: usize| beside.get(i).copied().flatten();
        let stored = new.stored.clone().unwrap_or_default();
        came_with.push(if is_average {
            // SAFETY: the first column beside an average is a numeric.
            beside(0).and_then(|datum| unsafe { AnyNumeric::from_datum(datum, false) })
        } else {
            Some(stored + beside(0).map_or(0, |datum| datum.value() as i64))
        });
        came_with_rows.push(beside(1).map_or(0, |datum| datum.value() as i64));
    }
    values.push(numerics(
        came_with.into_iter().map(Option::unwrap_or_default),
    ));
    if is_average {
        values.push(numbers(&came_with_rows));
    }
    let keys = values.clone();
    let orphans = orphans::since(counter, command);
    let lists = image::lists(&counter.keys, orphans.keys.iter());
    let lists = counter.keys.iter().zip(lists);
    values.extend(lists.map(|(column, list)| array(column, list)));
    match counter.spec.measure {
        Measure::Count { .. } => values.push(numbers(&orphans.rows)),
        Measure::Sum { .. } => values.push(numerics(orphans.totals.into_iter())),
        Measure::Average { .. } => {
            values.push(numerics(orphans.totals.into_iter()));
            values.push(numbers(&orphans.rows));
        }
    }
    let (owed, add) = settlement(counter);
    for row in owed.query(&values, snapshot) {
        let lists: Vec<_> = row.into_iter().flatten().collect();
        if lists.len() == keys.len() {
            add.execute(&lists);
        }
    }
}

/// What parents are owed, and adding it.
fn settlement(counter: &Counter) -> (Statement, Statement) {
    let amounts = amount_types(&counter.spec.measure);
    let mut added = key_lists(counter);
    // A count too may have come with any number.
    added.push(array_type(pg_sys::NUMERICOID));
    added.extend(amounts.iter().skip(1).map(|of| array_type(*of)));
    let orphans = counter.keys.iter().map(|column| column.type_oid);
    let orphans = orphans.chain(amounts.iter().copied()).map(array_type);
    let all = added.iter().copied().chain(orphans).collect();
    (
        Statement::custom(counter.sql.owed_to_parents(), all),
        Statement::custom(counter.sql.add_to_parents(), added),
    )
}

fn numerics(of: impl Iterator<Item = AnyNumeric>) -> pg_sys::Datum {
    let datums = of.filter_map(IntoDatum::into_datum).collect();
    array(&Column::of_type(pg_sys::NUMERICOID), datums)
}

fn key_arrays<'a>(counter: &Counter, keys: impl Iterator<Item = &'a Key>) -> Vec<pg_sys::Datum> {
    let lists = image::lists(&counter.parent_keys, keys);
    let columns = counter.parent_keys.iter().zip(lists);
    columns.map(|(column, list)| array(column, list)).collect()
}

fn key_lists(counter: &Counter) -> Vec<pg_sys::Oid> {
    counter
        .parent_keys
        .iter()
        .map(|column| array_type(column.type_oid))
        .collect()
}

fn lock(counter: &Counter) -> Statement {
    Statement::custom(counter.sql.lock_parents(), key_lists(counter))
}

struct Set {
    count: Statement,
    set: Vec<Statement>,
}

impl Set {
    fn new(counter: &Counter) -> Set {
        let keys = key_lists(counter);
        let amounts = amount_types(&counter.spec.measure)
            .iter()
            .map(|of| array_type(*of));
        let all: Vec<_> = keys.iter().copied().chain(amounts).collect();
        let set = counter.sql.set_parents();
        Set {
            count: Statement::custom(counter.sql.count_parents(), keys),
            set: set
                .into_iter()
                .map(|sql| Statement::custom(sql, all.clone()))
                .collect(),
        }
    }

    fn to_children_of(&self, keys: &[pg_sys::Datum], snapshot: pg_sys::Snapshot) {
        for row in self.count.query(keys, snapshot) {
            let lists: Vec<_> = row.into_iter().flatten().collect();
            if lists.len() == self.set[0].parameters() {
                self.set.iter().for_each(|set| {
                    set.execute(&lists);
                });
            }
        }
    }
}
