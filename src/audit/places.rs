//! The tables beside a log, where they are as the engine made them: with an index, a trigger or a
//! constraint of somebody else's, SQL writes to them.

use super::cache::{self, Cache};
use super::log::{HEAD, Log, SEAL, Typed, beside};
use pgrx::{PgRelation, pg_sys};
use std::rc::Rc;

/// A table that is open for writing.
pub struct Table {
    pub relation: pg_sys::Relation,
    pub indexes: pg_sys::CatalogIndexState,
}

impl Table {
    /// None where the table is gone. Its lock is held until the transaction ends, as that of every
    /// table that is written to.
    pub fn open(oid: pg_sys::Oid) -> Option<Table> {
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
    pub fn close(self) {
        // SAFETY: both are open and used no more.
        unsafe {
            pg_sys::CatalogCloseIndexes(self.indexes);
            pg_sys::table_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }
}

/// Where the tables beside a log are, if they are as the engine made them.
#[derive(Clone, Copy)]
pub struct Places {
    pub seal: pg_sys::Oid,
    pub head: pg_sys::Oid,
    pub heads_by_chain: pg_sys::Oid,
}

thread_local! {
    static PLACES: Cache<pg_sys::Oid, Option<Places>> = Cache::default();
}

impl Places {
    pub fn of(log: &Log) -> Rc<Option<Places>> {
        cache::kept(&PLACES, log.relation.oid(), || Places::find(log))
    }

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
