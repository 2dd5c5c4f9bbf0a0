//! Seals and heads written as Postgres writes its own catalogues: row by row, without the
//! executor, which takes longer to set up than a row takes to write. Only where both tables are as
//! the engine made them: with an index, a trigger or a constraint of somebody else's, SQL does it.

use super::cache::{self, Cache};
use super::encoding;
use super::hash::Hash;
use super::log::{HEAD, Log, SEAL, Typed, beside};
use super::pending::Batch;
use super::row::with_varlena;
use super::seal::Head;
use super::tree::Frontier;
use pgrx::pg_sys;
use pgrx::{IntoDatum, PgMemoryContexts, PgRelation};

/// A table that is open for writing.
struct Table {
    relation: pg_sys::Relation,
    indexes: pg_sys::CatalogIndexState,
}

impl Table {
    /// None where the table is gone. Its lock is held until the transaction ends, as that of every
    /// table that is written to.
    fn open(oid: pg_sys::Oid) -> Option<Table> {
        // SAFETY: the table is opened only where there is one of that OID.
        unsafe {
            let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
            let relation = pg_sys::try_table_open(oid, lock);
            (!relation.is_null()).then(|| Table {
                relation,
                indexes: pg_sys::CatalogOpenIndexes(relation),
            })
        }
    }

    fn is_as_made(&self, columns: &[Typed], key_type: pg_sys::Oid, indexes: i32) -> bool {
        // SAFETY: the relation is open, and so are what belongs to it and its indexes.
        unsafe {
            let class = &*(*self.relation).rd_rel;
            let ordinary = class.relkind as u8 == b'r'
                && class.relam == pg_sys::HEAP_TABLE_AM_OID
                && !class.relhassubclass
                && !class.relhasrules;
            // The engine's one trigger refuses to whole statements what is not done here.
            let unwatched = (*self.relation).trigdesc.as_ref().is_some_and(|triggers| {
                triggers.numtriggers == 1
                    && triggers.trig_update_before_statement
                    && triggers.trig_delete_before_statement
                    && triggers.trig_truncate_before_statement
            });
            let unchecked = (*(*self.relation).rd_att)
                .constr
                .as_ref()
                .is_none_or(|constraints| {
                    constraints.num_check == 0 && constraints.num_defval == 0
                });
            let relation = PgRelation::from_pg(self.relation);
            let descriptor = relation.tuple_desc();
            let same_columns = descriptor.len() == columns.len()
                && descriptor.iter().zip(columns).all(|(attribute, column)| {
                    !attribute.is_dropped()
                        && attribute.name() == column.0
                        && attribute.atttypid == column.1.unwrap_or(key_type)
                        && (column.0 != "chain"
                            || attribute.attcollation == pg_sys::C_COLLATION_OID)
                });
            let same_indexes = (*self.indexes).ri_NumIndices == indexes
                && (0..indexes as usize).all(|index| {
                    let index = &**(*self.indexes).ri_IndexRelationInfo.add(index);
                    index.ii_Unique
                        && index.ii_ReadyForInserts
                        && index.ii_Expressions.is_null()
                        && index.ii_Predicate.is_null()
                        && index.ii_ExclusionOps.is_null()
                });
            ordinary && unwatched && unchecked && same_columns && same_indexes
        }
    }

    /// The first index, where it is one of the first column alone.
    fn only_index(&self) -> Option<pg_sys::Oid> {
        // SAFETY: the indexes are open, and there is at least one.
        unsafe {
            if (*self.indexes).ri_NumIndices == 0 {
                return None;
            }
            let index = &**(*self.indexes).ri_IndexRelationInfo;
            let of_first = index.ii_NumIndexAttrs == 1 && index.ii_IndexAttrNumbers[0] == 1;
            of_first.then(|| (**(*self.indexes).ri_IndexRelationDescs).rd_id)
        }
    }

    /// Not done when an ERROR passes by: then the transaction lets go of both.
    fn close(self) {
        // SAFETY: both are open and used no more.
        unsafe {
            pg_sys::CatalogCloseIndexes(self.indexes);
            pg_sys::table_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }
}

/// Where the tables beside a log are, if they are as the engine made them.
#[derive(Clone, Copy)]
struct Places {
    seal: pg_sys::Oid,
    head: pg_sys::Oid,
    heads_by_chain: pg_sys::Oid,
}

thread_local! {
    static PLACES: Cache<pg_sys::Oid, Option<Places>> = Cache::default();
}

impl Places {
    fn find(log: &Log) -> Option<Places> {
        let oid = |suffix: &str| Some(beside(&log.relation, suffix)?.oid());
        // A table that is missing may come without a change of the log.
        let (Some(seal), Some(head)) = (oid("seal"), oid("head")) else {
            cache::forget();
            return None;
        };
        for table in [log.relation.oid(), seal, head] {
            cache::watch(table);
        }
        let index_of = |oid, columns: &[Typed], indexes| {
            let table = Table::open(oid)?;
            let as_made = table.is_as_made(columns, log.key.type_oid, indexes);
            let index = table.only_index();
            table.close();
            as_made.then_some(index)
        };
        index_of(seal, &SEAL, 2)?;
        let heads_by_chain = index_of(head, &HEAD, 1)??;
        Some(Places {
            seal,
            head,
            heads_by_chain,
        })
    }
}

/// The two tables beside a log.
pub struct Tables {
    seal: Table,
    head: Table,
    heads_by_chain: pg_sys::Oid,
}

impl Tables {
    /// None where they are not as the engine made them.
    pub fn open(log: &Log) -> Option<Tables> {
        for _ in 0..2 {
            let changes = cache::changes();
            let places = cache::kept(&PLACES, log.relation.oid(), || Places::find(log));
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
            };
            if cache::changes() == changes {
                return Some(tables);
            }
            // Something changed before the locks were there: look again, once.
            tables.close();
        }
        None
    }

    pub fn close(self) {
        self.seal.close();
        self.head.close();
    }

    /// Seals the batches, all of this chain. False, and nothing done, where the chain has no head
    /// yet, or one that this transaction's snapshot must not move on from: SQL knows what to say.
    pub fn seal(&self, chain: &str, batches: &[Batch]) -> bool {
        let Some((place, mut head)) = self.lock(chain) else {
            return false;
        };
        let mut context = PgMemoryContexts::new("audit seals");
        for batch in batches {
            self.append(&mut context, chain, &mut head, batch);
        }
        // SAFETY: what is made in the context is used in it only.
        unsafe {
            context.switch_to(|_| self.store(place, chain, &head));
            // The next statement of this transaction sees the seals and the head.
            pg_sys::CommandCounterIncrement();
        }
        true
    }

    /// The head of the chain, locked as `FOR NO KEY UPDATE` does, and where its row stands.
    fn lock(&self, chain: &str) -> Option<(pg_sys::ItemPointerData, Head)> {
        // SAFETY: the table is open and has the columns of HEAD; the scan, the
        // slot and the snapshot are let go of on every way out but an ERROR, which lets go of them itself.
        unsafe {
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            let snapshot = pg_sys::GetActiveSnapshot();
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
                snapshot,
                1,
                &mut key,
            );
            let tuple = pg_sys::systable_getnext(scan);
            let place = tuple.as_ref().map(|tuple| tuple.t_self);
            pg_sys::systable_endscan(scan);
            let Some(mut place) = place else {
                pg_sys::PopActiveSnapshot();
                return None;
            };
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
                snapshot,
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
                let size = u64::try_from(values[1].value() as i64).ok()?;
                let (mut hash, mut frontier) = (None, None);
                with_varlena(values[2], |bytes| hash = Hash::try_from(bytes).ok());
                with_varlena(values[3], |bytes| {
                    frontier = Frontier::from_bytes(size, bytes)
                });
                let head = Head {
                    size,
                    hash: hash?,
                    frontier: frontier?,
                };
                Some(((*slot).tts_tid, head))
            });
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::PopActiveSnapshot();
            locked.flatten()
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
                        &raw const pg_sys::TTSOpsHeapTuple,
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
                        pg_sys::ExecClearTuple(*slot);
                        for (column, value) in row.into_iter().enumerate() {
                            *(**slot).tts_values.add(column) =
                                value.unwrap_or(pg_sys::Datum::from(0));
                            *(**slot).tts_isnull.add(column) = value.is_none();
                        }
                        pg_sys::ExecStoreVirtualTuple(*slot);
                    }
                    pg_sys::CatalogTuplesMultiInsertWithInfo(
                        self.seal.relation,
                        slots.as_mut_ptr(),
                        (to - from) as i32,
                        self.seal.indexes,
                    );
                });
                context.reset();
                pgrx::check_for_interrupts!();
            }
            for slot in slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
        }
    }

    /// # Safety
    /// `place` is where the locked row of the head stands.
    unsafe fn store(&self, mut place: pg_sys::ItemPointerData, chain: &str, head: &Head) {
        let row: [Option<pg_sys::Datum>; HEAD.len()] = [
            chain.into_datum(),
            (head.size as i64).into_datum(),
            head.hash.as_slice().into_datum(),
            head.frontier.to_bytes().into_datum(),
        ];
        let mut nulls = row.map(|value| value.is_none());
        let mut values = row.map(|value| value.unwrap_or(pg_sys::Datum::from(0)));
        // SAFETY: the table is open and has the columns of HEAD; the caller vouches for the place.
        unsafe {
            let tuple = pg_sys::heap_form_tuple(
                (*self.head.relation).rd_att,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            pg_sys::CatalogTupleUpdateWithInfo(
                self.head.relation,
                &mut place,
                tuple,
                self.head.indexes,
            );
        }
    }
}
