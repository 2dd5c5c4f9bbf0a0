//! Seals and heads written as Postgres writes its own catalogues: row by row, without the
//! executor, which takes longer to set up than a row takes to write.

use super::cache;
use super::encoding;
use super::hash::Hash;
use super::log::{HEAD, Log, SEAL};
use super::pending::Batch;
use super::places::{Places, Table};
use super::row::with_varlena;
use super::seal::Head;
use super::tree::Frontier;
use crate::rows::{Replaced, index_row, replace_row, write_rows};
use pgrx::pg_sys;
use pgrx::{IntoDatum, PgMemoryContexts};

/// The two tables beside a log.
pub struct Tables {
    seal: Table,
    head: Table,
    heads_by_chain: pg_sys::Oid,
    executor: *mut pg_sys::EState,
}

impl Tables {
    /// None where they are not as the engine made them.
    pub fn open(log: &Log) -> Option<Tables> {
        for _ in 0..2 {
            let changes = cache::changes();
            let places = Places::of(log);
            let Places {
                seal,
                head,
                heads_by_chain,
            } = (*places)?;
            let seal = Table::open(seal)?;
            let Some(head) = Table::open(head) else {
                seal.close();
                return None;
            };
            let tables = Tables {
                seal,
                head,
                heads_by_chain,
                // SAFETY: lives in the current memory context until it is freed below.
                executor: unsafe { pg_sys::CreateExecutorState() },
            };
            if cache::changes() == changes {
                return Some(tables);
            }
            // Something changed before the locks were there: look again, once.
            tables.close();
        }
        None
    }

    /// Not done when an ERROR passes by: then the transaction takes all of it along.
    pub fn close(self) {
        self.seal.close();
        self.head.close();
        // SAFETY: nobody uses it any more.
        unsafe { pg_sys::FreeExecutorState(self.executor) };
    }

    /// Seals the batches, all of this chain. False, and nothing done, where the chain has no head
    /// yet, or one that this transaction's snapshot must not move on from: SQL knows what to say.
    pub fn seal(&self, chain: &str, batches: &[Batch]) -> bool {
        let mut context = PgMemoryContexts::new("audit seals");
        if !(self.seal_at_once(&mut context, chain, batches)
            || self.seal_locked(&mut context, chain, batches))
        {
            return false;
        }
        // SAFETY: the next statement of this transaction sees the seals and the head.
        unsafe { pg_sys::CommandCounterIncrement() };
        true
    }

    /// Few entries: one reading and one writing of the head, where nobody comes in between.
    fn seal_at_once(&self, context: &mut PgMemoryContexts, chain: &str, batches: &[Batch]) -> bool {
        const FEW: usize = 16;
        let leaves = || batches.iter().flat_map(|batch| &batch.leaves);
        if leaves().count() > FEW {
            return false;
        }
        let found = self.find(chain, |row| {
            let (mut values, mut nulls) =
                ([pg_sys::Datum::from(0); HEAD.len()], [false; HEAD.len()]);
            let mut row = *row;
            // SAFETY: a row of the table of heads has as many columns as HEAD, and none is NULL.
            let head = unsafe {
                let descriptor = (*self.head.relation).rd_att;
                pg_sys::heap_deform_tuple(
                    &mut row,
                    descriptor,
                    values.as_mut_ptr(),
                    nulls.as_mut_ptr(),
                );
                head(&values)
            };
            Some((row.t_self, head?))
        });
        let Some((place, mut head)) = found else {
            return false;
        };
        let mut after = head.clone();
        for leaf in leaves() {
            after.push(chain, leaf);
        }
        // SAFETY: it is the place of the head that was read; where that is not the latest one any
        // more, nothing is stored.
        if !unsafe { context.switch_to(|_| self.store(place, chain, &after)) } {
            return false;
        }
        for batch in batches {
            self.append(context, chain, &mut head, batch);
        }
        true
    }

    fn seal_locked(&self, context: &mut PgMemoryContexts, chain: &str, batches: &[Batch]) -> bool {
        let Some((place, mut head)) = self.lock(chain) else {
            return false;
        };
        for batch in batches {
            self.append(context, chain, &mut head, batch);
        }
        // SAFETY: it is the place of the head that was locked, so it is stored.
        unsafe { context.switch_to(|_| self.store(place, chain, &head)) }
    }

    /// The head of the chain, locked as `FOR NO KEY UPDATE` does, and where its row stands.
    fn lock(&self, chain: &str) -> Option<(pg_sys::ItemPointerData, Head)> {
        // SAFETY: the table is open and has the columns of HEAD; the slot is dropped again, or goes
        // with an ERROR.
        self.find(chain, |row| unsafe {
            let mut place = row.t_self;
            let latest = if pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 {
                0
            } else {
                pg_sys::TUPLE_LOCK_FLAG_FIND_LAST_VERSION
            };
            let slot = pg_sys::table_slot_create(self.head.relation, std::ptr::null_mut());
            let mut failure = pg_sys::TM_FailureData::default();
            let result = pg_sys::table_tuple_lock(
                self.head.relation,
                &mut place,
                pg_sys::GetActiveSnapshot(),
                slot,
                pg_sys::GetCurrentCommandId(false),
                pg_sys::LockTupleMode::LockTupleNoKeyExclusive,
                pg_sys::LockWaitPolicy::LockWaitBlock,
                (pg_sys::TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | latest) as u8,
                &mut failure,
            );
            let locked = (result == pg_sys::TM_Result::TM_Ok).then(|| {
                pg_sys::slot_getallattrs(slot);
                let values = std::slice::from_raw_parts((*slot).tts_values, HEAD.len());
                Some(((*slot).tts_tid, head(values)?))
            });
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            locked.flatten()
        })
    }

    /// What `read` makes of the head of the chain, as a new snapshot shows it, which is active
    /// meanwhile; None where there is no head.
    fn find<T>(
        &self,
        chain: &str,
        read: impl FnOnce(&pg_sys::HeapTupleData) -> Option<T>,
    ) -> Option<T> {
        // SAFETY: the table is open and has the columns of HEAD; the scan and the snapshot are let
        // go of, or go with an ERROR.
        unsafe {
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let mut key = pg_sys::ScanKeyData::default();
            pg_sys::ScanKeyEntryInitialize(
                &mut key,
                0,
                1,
                pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
                pg_sys::InvalidOid,
                pg_sys::C_COLLATION_OID,
                pg_sys::Oid::from(pg_sys::F_TEXTEQ),
                chain.into_datum().unwrap_or(pg_sys::Datum::from(0)),
            );
            let scan = pg_sys::systable_beginscan(
                self.head.relation,
                self.heads_by_chain,
                true,
                pg_sys::GetActiveSnapshot(),
                1,
                &mut key,
            );
            let found = pg_sys::systable_getnext(scan).as_ref().and_then(read);
            pg_sys::systable_endscan(scan);
            pg_sys::PopActiveSnapshot();
            found
        }
    }

    fn append(&self, context: &mut PgMemoryContexts, chain: &str, head: &mut Head, batch: &Batch) {
        const TOGETHER: usize = 200;
        // SAFETY: the table of seals is open and has the columns of SEAL; each slot was made for
        // it, holds a value or NULL for each column, and is dropped at the end. What the values
        // point to lives in `context` until the rows are written.
        unsafe {
            let mut slots: Vec<*mut pg_sys::TupleTableSlot> = (0..batch.keys.len().min(TOGETHER))
                .map(|_| {
                    pg_sys::MakeSingleTupleTableSlot(
                        (*self.seal.relation).rd_att,
                        &raw const pg_sys::TTSOpsVirtual,
                    )
                })
                .collect();
            for from in (0..batch.keys.len()).step_by(TOGETHER) {
                let to = batch.keys.len().min(from + TOGETHER);
                context.switch_to(|_| {
                    let name = chain.into_datum();
                    for (slot, place) in slots.iter().zip(from..to) {
                        let leaf = &batch.leaves[place];
                        let hash = head.push(chain, leaf);
                        let salt = batch.salts.get(place);
                        let row: [Option<pg_sys::Datum>; SEAL.len()] = [
                            name,
                            (head.size as i64).into_datum(),
                            batch.keys[place].datum(),
                            i16::from(encoding::VERSION).into_datum(),
                            batch.columns.into_datum(),
                            leaf.as_slice().into_datum(),
                            hash.as_slice().into_datum(),
                            salt.and_then(|salt| salt.as_slice().into_datum()),
                            None,
                        ];
                        fill(*slot, &row);
                    }
                    write_rows(self.seal.indexes, self.executor, &mut slots[..to - from]);
                });
                context.reset();
                pgrx::check_for_interrupts!();
            }
            for slot in slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
        }
    }

    /// Stores the head in place of the one that stands there, waiting for whoever is about to; false,
    /// and nothing done, where they did.
    ///
    /// # Safety
    /// `place` is where a row of a head stands.
    unsafe fn store(&self, mut place: pg_sys::ItemPointerData, chain: &str, head: &Head) -> bool {
        let row: [Option<pg_sys::Datum>; HEAD.len()] = [
            chain.into_datum(),
            (head.size as i64).into_datum(),
            head.hash.as_slice().into_datum(),
            head.frontier.to_bytes().into_datum(),
        ];
        // SAFETY: the table is open and has the columns of HEAD; the caller vouches for the place.
        unsafe {
            let slot = stored_slot(self.head.relation, &row);
            let replaced = replace_row(self.head.relation, &mut place, slot);
            if let Replaced::WithEntries(entries) = replaced {
                index_row(self.head.indexes, self.executor, slot, entries);
            }
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            !matches!(replaced, Replaced::No)
        }
    }
}

/// The head that a row of these values says; None where its parts do not fit together.
///
/// # Safety
/// They are those of a row of the table of heads.
unsafe fn head(values: &[pg_sys::Datum]) -> Option<Head> {
    let size = u64::try_from(values[1].value() as i64).ok()?;
    let (mut hash, mut frontier) = (None, None);
    // SAFETY: the caller vouches for the values; both columns are bytea.
    unsafe {
        with_varlena(values[2], |bytes| hash = Hash::try_from(bytes).ok());
        with_varlena(values[3], |bytes| {
            frontier = Frontier::from_bytes(size, bytes)
        });
    }
    Some(Head {
        size,
        hash: hash?,
        frontier: frontier?,
    })
}

/// A slot that holds a new row.
///
/// # Safety
/// The relation is open and has columns of the values' types.
unsafe fn stored_slot(
    relation: pg_sys::Relation,
    row: &[Option<pg_sys::Datum>],
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: the caller vouches for relation and row.
    unsafe {
        let kind = &raw const pg_sys::TTSOpsVirtual;
        let slot = pg_sys::MakeSingleTupleTableSlot((*relation).rd_att, kind);
        fill(slot, row);
        slot
    }
}

/// Makes the row the slot's.
///
/// # Safety
/// The slot has columns of the values' types; what they point to outlives it there.
unsafe fn fill(slot: *mut pg_sys::TupleTableSlot, row: &[Option<pg_sys::Datum>]) {
    // SAFETY: the caller vouches for slot and row.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        for (column, value) in row.iter().enumerate() {
            *(*slot).tts_values.add(column) = value.unwrap_or(pg_sys::Datum::from(0));
            *(*slot).tts_isnull.add(column) = value.is_none();
        }
        pg_sys::ExecStoreVirtualTuple(slot);
    }
}
