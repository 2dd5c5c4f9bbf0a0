//! Rows written without a statement, and their entries in the indexes of the table.

use pgrx::pg_sys;

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
                index_row(result, executor, *slot);
            }
        }
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

/// Enters a row that was just written into the indexes.
///
/// # Safety
/// As for [`write_rows`].
pub unsafe fn index_row(
    result: *mut pg_sys::ResultRelInfo,
    executor: *mut pg_sys::EState,
    slot: *mut pg_sys::TupleTableSlot,
) {
    let (no_flag, no_list) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the caller vouches for all three.
    unsafe {
        #[cfg(feature = "pg15")]
        pg_sys::ExecInsertIndexTuples(result, slot, executor, false, false, no_flag, no_list);
        #[cfg(not(feature = "pg15"))]
        pg_sys::ExecInsertIndexTuples(
            result, slot, executor, false, false, no_flag, no_list, false,
        );
        pg_sys::MemoryContextReset((*expression_context(executor)).ecxt_per_tuple_memory);
    }
}
