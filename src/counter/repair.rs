//! Setting parents right by counting: when a counter is attached, when it was found wrong, when
//! its children were truncated, and for a parent that takes a key which children may already have.

use super::apply::orphan_lock;
use super::delta::Key;
use super::image;
use super::resolve::{Counter, amount_types};
use super::statement::{Statement, array, array_type};
use pgrx::pg_sys;

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

/// Sets parents that are new under their keys to what their children come to, as far as the
/// triggers of earlier statements have counted them: the ones of the statement that is under way
/// have not, and will add what it changes.
pub fn new_keys(counter: &Counter, keys: &[Key], under_way: pg_sys::Snapshot) {
    if counter.loose {
        orphan_lock(counter.parent, pg_sys::ShareLock);
    }
    let lists = image::lists(&counter.parent_keys, keys.iter());
    let keys: Vec<_> = counter
        .parent_keys
        .iter()
        .zip(lists)
        .map(|(column, list)| array(column, list))
        .collect();
    // SAFETY: a registered snapshot is ours to change, and is released by the resource owner when
    // the statement fails. Rows of others as of now, own rows as of the statement under way.
    unsafe {
        let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
        (*snapshot).curcid = (*under_way).curcid;
        Set::new(counter).to_children_of(&keys, snapshot);
        pg_sys::UnregisterSnapshot(snapshot);
    }
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
