//! `counted`: an expression over one row of the child, compiled once and evaluated on the rows of
//! a transition table where they lie.

use crate::{catalog, error};
use pgrx::{PgRelation, pg_sys};
use std::ffi::{CStr, CString};
use std::ptr;

/// The expression in the form Postgres itself would print, every name in it qualified, so that it
/// reads the same under any search_path. Raises for one that is not an immutable boolean.
pub fn canonical(sql: &str, child: &PgRelation, forbidden: &[String]) -> String {
    let node = parse(sql, child);
    let name = catalog::qualified_name(child);
    // SAFETY: `node` is an analysed expression over the one relation, with varno 1.
    unsafe {
        if pg_sys::contain_mutable_functions(node) {
            error::raise(error::counter::counted_not_immutable(&name, sql));
        }
        let mut used: *mut pg_sys::Bitmapset = ptr::null_mut();
        pg_sys::pull_varattnos(node, 1, &mut used);
        let mut member = -1;
        loop {
            member = pg_sys::bms_next_member(used, member);
            if member < 0 {
                break;
            }
            let number = member + pg_sys::FirstLowInvalidHeapAttributeNumber;
            if number <= 0 {
                error::raise(error::counter::counted_whole_row(&name, sql));
            }
            let tuple = child.tuple_desc();
            if let Some(attribute) = tuple.get(number as usize - 1) {
                if attribute.attgenerated == b'v' as std::ffi::c_char {
                    error::raise(error::counter::virtual_column(&name, attribute.name()));
                }
                if forbidden.iter().any(|column| column == attribute.name()) {
                    error::raise(error::counter::counted_by_counter(&name, attribute.name()));
                }
            }
        }
        let alias = CString::new(child.name()).unwrap_or_default();
        let context = pg_sys::deparse_context_for(alias.as_ptr(), child.oid());
        let text = pg_sys::deparse_expression(node, context, false, false);
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

/// Parses and analyses one boolean expression; anything more than that is an error.
fn parse(sql: &str, child: &PgRelation) -> *mut pg_sys::Node {
    let name = catalog::qualified_name(child);
    let not_one = || error::raise(error::counter::counted_not_boolean(&name, sql));
    // On a line of its own, so that a comment in it cannot swallow the parenthesis.
    let Ok(query) = CString::new(format!("SELECT ({sql}\n)")) else {
        not_one()
    };
    // SAFETY: the parse trees are Postgres' own, read by the tags they carry; what could hide
    // beside a single target of a plain SELECT is looked at and refused.
    unsafe {
        let list = pg_sys::raw_parser(query.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        if list.is_null() || (*list).length != 1 {
            not_one()
        }
        let statement = (*(*(*list).elements).ptr_value.cast::<pg_sys::RawStmt>()).stmt;
        if (*statement).type_ != pg_sys::NodeTag::T_SelectStmt {
            not_one()
        }
        let select = &*statement.cast::<pg_sys::SelectStmt>();
        let plain = select.op == pg_sys::SetOperation::SETOP_NONE
            && select.distinctClause.is_null()
            && select.intoClause.is_null()
            && select.fromClause.is_null()
            && select.whereClause.is_null()
            && select.groupClause.is_null()
            && select.havingClause.is_null()
            && select.windowClause.is_null()
            && select.valuesLists.is_null()
            && select.sortClause.is_null()
            && select.limitOffset.is_null()
            && select.limitCount.is_null()
            && select.lockingClause.is_null()
            && select.withClause.is_null()
            && !select.targetList.is_null()
            && (*select.targetList).length == 1;
        if !plain {
            not_one()
        }
        let target = (*(*select.targetList).elements)
            .ptr_value
            .cast::<pg_sys::ResTarget>();
        if !(*target).name.is_null() || !(*target).indirection.is_null() {
            not_one()
        }
        let state = pg_sys::make_parsestate(ptr::null_mut());
        let item = pg_sys::addRangeTableEntryForRelation(
            state,
            child.as_ptr(),
            pg_sys::AccessShareLock as i32,
            ptr::null_mut(),
            false,
            true,
        );
        pg_sys::addNSItemToQuery(state, item, true, true, true);
        let kind = pg_sys::ParseExprKind::EXPR_KIND_INDEX_PREDICATE;
        let node = pg_sys::transformExpr(state, (*target).val, kind);
        let node = pg_sys::coerce_to_boolean(state, node, c"counted".as_ptr());
        pg_sys::assign_expr_collations(state, node);
        pg_sys::free_parsestate(state);
        node
    }
}

/// A compiled expression, with a memory context of its own that is deleted with it.
pub struct Expression {
    memory: pg_sys::MemoryContext,
    state: *mut pg_sys::ExprState,
    context: *mut pg_sys::ExprContext,
}

impl Expression {
    /// Compiles what [`canonical`] gave.
    pub fn compile(sql: &str, child: &PgRelation) -> Expression {
        // SAFETY: `parse` gives an analysed expression.
        unsafe { Expression::of(parse(sql, child)) }
    }

    /// Compiles a condition as the catalogue stores it.
    ///
    /// # Safety
    /// `text` is an analysed boolean expression over one relation, as `nodeToString` writes it.
    pub unsafe fn stored(text: *const std::ffi::c_char) -> Expression {
        // SAFETY: as the caller says.
        unsafe { Expression::of(pg_sys::stringToNode(text).cast()) }
    }

    /// # Safety
    /// `node` is an analysed boolean expression over one relation.
    unsafe fn of(node: *mut pg_sys::Node) -> Expression {
        // SAFETY: planning and compiling happen in a context that lives until the Expression is
        // dropped; the caller's context is current again afterwards. An ERROR in between leaves a
        // small context behind and nothing that points into it.
        unsafe {
            let memory = pg_sys::AllocSetContextCreateInternal(
                pg_sys::TopMemoryContext,
                c"community_core counted".as_ptr(),
                0,
                1024,
                8192,
            );
            let before = pg_sys::MemoryContextSwitchTo(memory);
            let planned = pg_sys::expression_planner(pg_sys::copyObjectImpl(node.cast()).cast());
            let state = pg_sys::ExecInitExpr(planned, ptr::null_mut());
            let context = pg_sys::CreateStandaloneExprContext();
            pg_sys::MemoryContextSwitchTo(before);
            Expression {
                memory,
                state,
                context,
            }
        }
    }

    /// Whether the expression is true of the row in `slot`; NULL is not.
    ///
    /// # Safety
    /// `slot` holds a row of the relation the expression was compiled for.
    pub unsafe fn holds(&self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: as the caller says.
        unsafe { self.value(slot) == Some(true) }
    }

    /// Whether the expression is false of the row in `slot`; NULL is not, as in a CHECK.
    ///
    /// # Safety
    /// As for [`Expression::holds`].
    pub unsafe fn is_false(&self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: as the caller says.
        unsafe { self.value(slot) == Some(false) }
    }

    unsafe fn value(&self, slot: *mut pg_sys::TupleTableSlot) -> Option<bool> {
        // SAFETY: state and context are alive as long as self; the per-tuple memory is emptied
        // after each row, and a boolean does not point into it.
        unsafe {
            (*self.context).ecxt_scantuple = slot;
            let mut is_null = false;
            let value = pg_sys::ExecEvalExprSwitchContext(self.state, self.context, &mut is_null);
            pg_sys::MemoryContextReset((*self.context).ecxt_per_tuple_memory);
            (*self.context).ecxt_scantuple = ptr::null_mut();
            (!is_null).then_some(value.value() != 0)
        }
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        // SAFETY: both were made by `compile` and are released once, the context's callbacks first.
        unsafe {
            pg_sys::FreeExprContext(self.context, false);
            pg_sys::MemoryContextDelete(self.memory);
        }
    }
}
