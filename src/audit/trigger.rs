//! The triggers that the engine attaches: what records, what notes entries to be sealed, what refuses.

use super::log::Log;
use super::{append, log, record, seal};
use crate::{catalog, error};
use pgrx::PgRelation;
use pgrx::prelude::*;

/// Writes the entries of one statement into the log that the trigger names.
#[pg_trigger]
fn audit_record<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    let data = trigger.trigger_data();
    record::record(&record::Event {
        relation: relation(trigger),
        operation: operation(trigger),
        old: data.tg_oldtable,
        new: data.tg_newtable,
        // SAFETY: a trigger that runs has a description.
        trigger: unsafe { &*data.tg_trigger },
    });
    Ok(None)
}

/// Notes the entries that a statement wrote, to be sealed.
#[pg_trigger]
fn audit_append<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    let data = trigger.trigger_data();
    // SAFETY: a trigger that runs has a description.
    let oid = unsafe { (*data.tg_trigger).tgoid };
    let log = Log::by_trigger(relation(trigger), oid, |relation| {
        let arguments = trigger.extra_args().ok();
        arguments
            .and_then(|arguments| log::Definition::from_arguments(&arguments))
            .unwrap_or_else(|| {
                error::raise(error::audit::no_log(&catalog::qualified_name(relation)))
            })
    });
    append::statement(&log, data.tg_newtable);
    Ok(None)
}

/// Refuses to change or remove an entry.
#[pg_trigger]
fn audit_refuse<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    if !seal::acting() {
        let table = catalog::qualified_name(&relation(trigger));
        error::raise(error::audit::append_only(&table, operation(trigger)));
    }
    Ok(None)
}

/// Refuses to change what the engine keeps beside a log.
#[pg_trigger]
fn audit_keep<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByRust>>, PgHeapTupleError> {
    if !seal::acting() {
        let table = catalog::qualified_name(&relation(trigger));
        error::raise(error::audit::kept_by_engine(&table, operation(trigger)));
    }
    Ok(None)
}

fn relation(trigger: &PgTrigger) -> PgRelation {
    // SAFETY: the relation of a running trigger is open and stays so until it ends.
    unsafe { PgRelation::from_pg(trigger.trigger_data().tg_relation) }
}

fn operation(trigger: &PgTrigger) -> &'static str {
    match trigger.op() {
        Ok(PgTriggerOperation::Update) => "UPDATE",
        Ok(PgTriggerOperation::Delete) => "DELETE",
        Ok(PgTriggerOperation::Truncate) => "TRUNCATE",
        _ => "INSERT",
    }
}
