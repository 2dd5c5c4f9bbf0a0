//! Rows read from slots, and written without a statement with their entries in the indexes of the table.

use pgrx::pg_sys;

pub enum Replaced {
    /// Another writer was there first, and nothing is done.
    No,
    Yes,
    /// Yes, and the new version has to be entered into the indexes.
    WithEntries(Entries),
}

/// What it is that the indexes get to know.
#[derive(Clone, Copy)]
pub enum Entries {
    NewRow,
    /// Only indexes that sum up whole pages need to know where that is all that changed.
    NewVersion {
        summarizing: bool,
    },
}

/// Inserts the rows in the slots.
///
/// # Safety
/// The slots hold rows of the relation, which is locked and whose indexes are open; what is allocated
/// meanwhile goes with the current memory context.
pub unsafe fn write_rows(
    result: *mut pg_sys::ResultRelInfo,
    executor: *mut pg_sys::EState,
    slots: &mut [*mut pg_sys::TupleTableSlot],
) {
    // SAFETY: the caller vouches for all three.
    unsafe {
        let relation = (*result).ri_RelationDesc;
        let command = pg_sys::GetCurrentCommandId(true);
        let none = std::ptr::null_mut();
        match slots {
            [slot] => pg_sys::table_tuple_insert(relation, *slot, command, 0, none),
            _ => {
                let (first, count) = (slots.as_mut_ptr(), slots.len() as i32);
                pg_sys::table_multi_insert(relation, first, count, command, 0, none);
            }
        }
        if (*result).ri_NumIndices > 0 {
            for slot in slots.iter() {
                index_row(result, executor, *slot, Entries::NewRow);
            }
        }
    }
}

/// The value of a column, unless it is NULL; it lives as long as the slot holds the row.
///
/// # Safety
/// The slot holds a row in which the column is.
pub unsafe fn attribute(slot: *mut pg_sys::TupleTableSlot, number: i16) -> Option<pg_sys::Datum> {
    let i = number as usize - 1;
    // SAFETY: the arrays of a slot have an entry for each column that was deformed.
    unsafe {
        if (*slot).tts_nvalid < number {
            pg_sys::slot_getsomeattrs_int(slot, number.into());
        }
        (!*(*slot).tts_isnull.add(i)).then(|| *(*slot).tts_values.add(i))
    }
}

/// # Safety
/// `executor` is alive.
pub unsafe fn expression_context(executor: *mut pg_sys::EState) -> *mut pg_sys::ExprContext {
    // SAFETY: the caller vouches for it.
    unsafe {
        if (*executor).es_per_tuple_exprcontext.is_null() {
            return pg_sys::MakePerTupleExprContext(executor);
        }
        (*executor).es_per_tuple_exprcontext
    }
}

/// Puts the row in the slot in the place of the one at `old`, waiting for whoever is about to.
///
/// # Safety
/// The relation is locked for writing, the slot holds a row of it, `old` is where one stands.
pub unsafe fn replace_row(
    relation: pg_sys::Relation,
    old: &mut pg_sys::ItemPointerData,
    slot: *mut pg_sys::TupleTableSlot,
) -> Replaced {
    let nothing = std::ptr::null_mut();
    let (mut failure, mut lock) = (pg_sys::TM_FailureData::default(), 0);
    #[cfg(feature = "pg15")]
    let (mut all, summarizing) = (false, false);
    #[cfg(not(feature = "pg15"))]
    let mut indexes = pg_sys::TU_UpdateIndexes::TU_None;
    // SAFETY: the caller vouches for all three.
    let result = unsafe {
        // A publication may want more of a table that is updated.
        pg_sys::CheckCmdReplicaIdentity(relation, pg_sys::CmdType::CMD_UPDATE);
        pg_sys::table_tuple_update(
            relation,
            old,
            slot,
            pg_sys::GetCurrentCommandId(true),
            nothing,
            nothing,
            true,
            &mut failure,
            &mut lock,
            #[cfg(feature = "pg15")]
            &mut all,
            #[cfg(not(feature = "pg15"))]
            &mut indexes,
        )
    };
    #[cfg(not(feature = "pg15"))]
    let (all, summarizing) = (
        indexes == pg_sys::TU_UpdateIndexes::TU_All,
        indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing,
    );
    if result != pg_sys::TM_Result::TM_Ok {
        Replaced::No
    } else if all || summarizing {
        Replaced::WithEntries(Entries::NewVersion { summarizing })
    } else {
        Replaced::Yes
    }
}

/// Enters a row that was just written into the indexes.
///
/// # Safety
/// As for [`write_rows`].
pub unsafe fn index_row(
    result: *mut pg_sys::ResultRelInfo,
    executor: *mut pg_sys::EState,
    slot: *mut pg_sys::TupleTableSlot,
    entries: Entries,
) {
    let (is_update, _summarizing) = match entries {
        Entries::NewRow => (false, false),
        Entries::NewVersion { summarizing } => (true, summarizing),
    };
    // SAFETY: the caller vouches for all three.
    unsafe {
        pg_sys::ExecInsertIndexTuples(
            result,
            slot,
            executor,
            is_update,
            false,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            #[cfg(not(feature = "pg15"))]
            _summarizing,
        );
        pg_sys::MemoryContextReset((*expression_context(executor)).ecxt_per_tuple_memory);
    }
}
