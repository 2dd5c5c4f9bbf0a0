//! Entries written without a statement. Where nothing but the engine's own trigger looks at what
//! is inserted into a log, the row goes straight into the table, and is noted to be sealed from the
//! very values that it was made of.

use super::append::{self, Appender, with_text_settings};
use super::cache;
use super::changes::Source;
use super::log::{APPEND, Definition, Log, engine_function};
use super::record::{Changed, Event, Recording, constant, copied, each_changed, user};
use crate::catalog::{self, Column};
use crate::rows::{expression_context, write_rows};
use pgrx::{IntoDatum, PgMemoryContexts, PgRelation, pg_sys};

/// A log that takes rows without a statement, and what goes into its columns. What its pointers point
/// to lives as long as the recording that it is part of.
pub struct Target {
    log: pg_sys::Oid,
    /// The trigger that a statement would have set off.
    append: pg_sys::Oid,
    definition: Definition,
    width: usize,
    /// In the order of the recording's columns.
    places: Vec<Place>,
    /// The columns that nobody fills and their defaults.
    defaults: Vec<(usize, *mut pg_sys::Expr)>,
    /// Whether functions that are not Postgres' own run on the way.
    calls: bool,
    constraints: bool,
}

/// Where a value goes.
struct Place {
    column: usize,
    type_oid: pg_sys::Oid,
    length: i16,
    by_value: bool,
    /// Of the changed table's column, where that is the source.
    from: usize,
}

impl Target {
    /// None where only a statement does all that the log's owner wants done. Allocates in the current
    /// memory context.
    pub fn of(
        log: PgRelation,
        changed: &PgRelation,
        columns: &[(String, Source)],
    ) -> Option<Target> {
        cache::watch(log.oid());
        // SAFETY: rd_rel of an open relation points to its pg_class row.
        let class = unsafe { &*(*log.as_ptr()).rd_rel };
        let ordinary = class.relkind as u8 == b'r'
            && class.relam == pg_sys::HEAP_TABLE_AM_OID
            && !class.relhasrules
            && !class.relispartition;
        let (append, definition) = only_trigger(&log).filter(|_| ordinary)?;
        let indexed = Indexed::of(&log)?;
        let mut calls = indexed.calls;
        let descriptor = log.tuple_desc();
        let mut places: Vec<Option<Place>> = columns.iter().map(|_| None).collect();
        let mut defaults = Vec::new();
        for attribute in descriptor.iter().filter(|a| !a.is_dropped()) {
            // SAFETY: the type is that of a column.
            let domain = unsafe { pg_sys::getBaseType(attribute.atttypid) } != attribute.atttypid;
            if domain || attribute.attgenerated != 0 {
                return None;
            }
            let column = attribute.attnum as usize - 1;
            let source = columns
                .iter()
                .position(|(name, _)| name == attribute.name());
            match source {
                Some(index) => {
                    let always = attribute.attidentity as u8 == b'a';
                    let from = fits(&columns[index].1, attribute, changed).filter(|_| !always)?;
                    places[index] = Some(Place {
                        column,
                        type_oid: attribute.atttypid,
                        length: attribute.attlen,
                        by_value: attribute.attbyval,
                        from,
                    });
                }
                // SAFETY: the log is open and has the column.
                None => unsafe {
                    let number = i32::from(attribute.attnum);
                    let default = pg_sys::build_column_default(log.as_ptr(), number);
                    if !default.is_null() {
                        let planned = pg_sys::expression_planner(default.cast());
                        calls |= !of_postgres(planned);
                        defaults.push((column, planned));
                    }
                },
            }
        }
        // SAFETY: the descriptor of an open relation.
        let constraints = unsafe { (*(*log.as_ptr()).rd_att).constr.as_ref() };
        Some(Target {
            log: log.oid(),
            append,
            definition,
            width: descriptor.len(),
            places: places.into_iter().collect::<Option<_>>()?,
            defaults,
            calls: calls || constraints.is_some_and(|constraints| constraints.num_check > 0),
            constraints: constraints.is_some(),
        })
    }

    /// The log, locked as an INSERT locks it; None where the role may not insert, or only what a
    /// policy lets it: a statement says so.
    pub fn open(&self, role: pg_sys::Oid) -> Option<Log> {
        // SAFETY: the table is opened only where there is one of that OID. Its lock is held until
        // the transaction ends.
        unsafe {
            let replica = pg_sys::SESSION_REPLICATION_ROLE_REPLICA as i32;
            if pg_sys::SessionReplicationRole == replica {
                return None;
            }
            let lock = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;
            let relation = pg_sys::try_table_open(self.log, lock);
            if relation.is_null() {
                return None;
            }
            let relation = PgRelation::from_pg_owned(relation);
            let allowed =
                pg_sys::pg_class_aclcheck(self.log, role, pg_sys::ACL_INSERT as pg_sys::AclMode)
                    == pg_sys::AclResult::ACLCHECK_OK
                    && pg_sys::check_enable_rls(self.log, role, true)
                        != pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32;
            allowed.then(|| Log::by_trigger(relation, self.append, |_| self.definition.clone()))
        }
    }
}

/// The trigger that notes entries, where it is enabled and the only one that an INSERT sets off.
fn only_trigger(log: &PgRelation) -> Option<(pg_sys::Oid, Definition)> {
    // SAFETY: the trigger descriptor belongs to the open relation; its array has the length that it
    // says.
    let triggers = unsafe {
        let description = (*log.as_ptr()).trigdesc.as_ref()?;
        std::slice::from_raw_parts(description.triggers, description.numtriggers as usize)
    };
    let mut inserts = triggers
        .iter()
        .filter(|trigger| trigger.tgtype as u32 & pg_sys::TRIGGER_TYPE_INSERT != 0);
    let trigger = inserts.next().filter(|_| inserts.next().is_none())?;
    let stands = engine_function(trigger.tgfoid).is_some_and(|name| name == APPEND)
        && matches!(trigger.tgenabled as u8, b'O' | b'A')
        && trigger.tgqual.is_null();
    let arguments = super::record::arguments(trigger);
    let definition = Definition::from_arguments(&arguments).filter(|_| stands)?;
    Some((trigger.tgoid, definition))
}

/// What there is to know of a log's indexes.
struct Indexed {
    /// Whether one computes something.
    calls: bool,
}

impl Indexed {
    /// None where a row may be refused later than when it is inserted.
    fn of(log: &PgRelation) -> Option<Indexed> {
        let mut calls = false;
        // SAFETY: the log is open; each of its indexes is opened and closed again.
        unsafe {
            let list = pg_sys::RelationGetIndexList(log.as_ptr());
            let list = pgrx::PgList::<pg_sys::Oid>::from_pg(list);
            for oid in list.iter_oid() {
                let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
                let index = pg_sys::index_open(oid, lock);
                let form = &*(*index).rd_index;
                let at_once = form.indimmediate && !form.indisexclusion;
                calls |= !pg_sys::RelationGetIndexExpressions(index).is_null()
                    || !pg_sys::RelationGetIndexPredicate(index).is_null();
                pg_sys::index_close(index, lock);
                if !at_once {
                    return None;
                }
            }
        }
        Some(Indexed { calls })
    }
}

/// Where the value of the column comes from in the changed row; None where it would have to be
/// converted.
fn fits(
    source: &Source,
    attribute: &pg_sys::FormData_pg_attribute,
    changed: &PgRelation,
) -> Option<usize> {
    let type_oid = attribute.atttypid;
    let is = |fits: bool| fits.then_some(0);
    match source {
        Source::Column(name) => {
            let Column {
                number,
                type_oid: of_row,
                type_mod,
                ..
            } = catalog::column(changed, name);
            let same = type_oid == of_row && [-1, type_mod].contains(&attribute.atttypmod);
            same.then_some(number as usize - 1)
        }
        Source::User => is([pg_sys::UUIDOID, pg_sys::TEXTOID].contains(&type_oid)),
        source if source.of_row() => is(type_oid == pg_sys::JSONBOID),
        _ => is(type_oid == pg_sys::TEXTOID),
    }
}

/// Whether nothing but a function of Postgres' own is called, and that with constants.
unsafe fn of_postgres(default: *mut pg_sys::Expr) -> bool {
    // SAFETY: the caller vouches for the node; each is read as what its tag says.
    unsafe {
        match (*default).type_ {
            pg_sys::NodeTag::T_Const
            | pg_sys::NodeTag::T_SQLValueFunction
            | pg_sys::NodeTag::T_NextValueExpr => true,
            pg_sys::NodeTag::T_FuncExpr => {
                let call = &*default.cast::<pg_sys::FuncExpr>();
                let arguments = pgrx::PgList::<pg_sys::Node>::from_pg(call.args);
                call.funcid.to_u32() < pg_sys::FirstNormalObjectId
                    && arguments
                        .iter_ptr()
                        .all(|node| (*node).type_ == pg_sys::NodeTag::T_Const)
            }
            _ => false,
        }
    }
}

/// Writes an entry for each row that the statement changed, as `role`.
pub fn insert(event: &Event, recording: &Recording, target: &Target, log: Log, role: pg_sys::Oid) {
    catalog::as_role(role, || {
        let settings: &[_] = if target.calls {
            &[catalog::SAFE_SEARCH_PATH]
        } else {
            &[]
        };
        let fixed = recording.builder.needs_settings();
        with_some_settings(settings, || {
            with_text_settings(fixed, || {
                let mut insert = Insert::new(event, recording, target, &log);
                each_changed(event, recording, |row| insert.add(row));
                insert.finish();
            })
        });
    });
}

/// A level of settings of its own costs more than a row does.
fn with_some_settings<T>(settings: &[(&std::ffi::CStr, &str)], work: impl FnOnce() -> T) -> T {
    if settings.is_empty() {
        work()
    } else {
        catalog::with_settings(settings, work)
    }
}

/// Rows, and bytes of their values, that are written together.
const TOGETHER: usize = 500;
const ROOM: usize = 1 << 20;

struct Insert<'a> {
    recording: &'a Recording,
    target: &'a Target,
    log: &'a Log,
    appender: Appender<'a>,
    /// The values that are the same in every row, in the order of the recording's columns.
    constants: Vec<Option<pg_sys::Datum>>,
    defaults: Vec<(usize, *mut pg_sys::ExprState)>,
    executor: *mut pg_sys::EState,
    result: *mut pg_sys::ResultRelInfo,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
    used: usize,
    /// What the values of the rows in the slots point to.
    context: PgMemoryContexts,
}

impl<'a> Insert<'a> {
    fn new(
        event: &Event,
        recording: &'a Recording,
        target: &'a Target,
        log: &'a Log,
    ) -> Insert<'a> {
        let value = |((_, source), place): (&(String, Source), &Place)| match source {
            source if source.of_row() => None,
            Source::User if place.type_oid == pg_sys::UUIDOID => user().into_datum(),
            source => constant(event, source).into_datum(),
        };
        let constants = recording.columns.iter().zip(&target.places).map(value);
        // SAFETY: the log is open and locked, and outlives what is made for it here; all of it is
        // allocated in the memory context of the trigger's call.
        unsafe {
            let executor = pg_sys::CreateExecutorState();
            let result =
                pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast::<pg_sys::ResultRelInfo>();
            (*result).type_ = pg_sys::NodeTag::T_ResultRelInfo;
            let relation = log.relation.as_ptr();
            pg_sys::InitResultRelInfo(result, relation, 0, std::ptr::null_mut(), 0);
            pg_sys::ExecOpenIndices(result, false);
            let init = |(column, default): &(usize, *mut pg_sys::Expr)| {
                (
                    *column,
                    pg_sys::ExecInitExpr(*default, std::ptr::null_mut()),
                )
            };
            Insert {
                recording,
                target,
                log,
                appender: Appender::new(log),
                constants: constants.collect(),
                defaults: target.defaults.iter().map(init).collect(),
                executor,
                result,
                slots: Vec::new(),
                used: 0,
                context: PgMemoryContexts::new("audit entries"),
            }
        }
    }

    fn add(&mut self, row: &Changed) {
        // SAFETY: the context is alive.
        let room = unsafe { pg_sys::MemoryContextMemAllocated(self.context.value(), false) };
        if self.used == TOGETHER || room > ROOM {
            self.flush();
        }
        if self.used == self.slots.len() {
            // SAFETY: the log's descriptor outlives the slot.
            self.slots.push(unsafe {
                pg_sys::MakeSingleTupleTableSlot(
                    (*self.log.relation.as_ptr()).rd_att,
                    &raw const pg_sys::TTSOpsVirtual,
                )
            });
        }
        let slot = self.slots[self.used];
        self.used += 1;
        let (recording, target) = (self.recording, self.target);
        let (constants, defaults, executor) = (&self.constants, &self.defaults, self.executor);
        // SAFETY: the slot has room for every column of the log. Each gets a value of its type, as
        // `fits` saw to, or its default, or NULL; all of them live in the context until the slot
        // is cleared.
        let fill = || unsafe {
            pg_sys::ExecClearTuple(slot);
            let values = std::slice::from_raw_parts_mut((*slot).tts_values, target.width);
            let nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, target.width);
            nulls.fill(true);
            let parts = recording.columns.iter().zip(&target.places).zip(constants);
            for (((_, source), place), constant) in parts {
                let value = match source {
                    Source::Column(_) => (!row.nulls[place.from])
                        .then(|| copied(row.values[place.from], place.by_value, place.length)),
                    source if source.of_row() => row.object(&recording.builder, source),
                    _ => *constant,
                };
                nulls[place.column] = value.is_none();
                values[place.column] = value.unwrap_or(pg_sys::Datum::from(0));
            }
            if !defaults.is_empty() {
                let context = expression_context(executor);
                for (column, default) in defaults {
                    let null = &mut nulls[*column];
                    values[*column] = pg_sys::ExecEvalExpr(*default, context, null);
                }
            }
            pg_sys::ExecStoreVirtualTuple(slot);
        };
        // SAFETY: what is made in the context is used until it is reset.
        unsafe { self.context.switch_to(|_| fill()) };
    }

    fn flush(&mut self) {
        let (executor, result, target) = (self.executor, self.result, self.target);
        let slots = &mut self.slots[..self.used];
        if slots.is_empty() {
            return;
        }
        // SAFETY: the slots hold rows of the log, whose indexes are open.
        let mut write = || unsafe {
            if target.constraints {
                for slot in slots.iter() {
                    pg_sys::ExecConstraints(result, *slot, executor);
                }
            }
            write_rows(result, executor, slots);
        };
        // SAFETY: what is made in the context is used until it is reset.
        unsafe { self.context.switch_to(|_| write()) };
        let (appender, log) = (&mut self.appender, self.log);
        with_text_settings(log.entries().encoder.needs_settings, || {
            for slot in self.slots[..self.used].iter() {
                // SAFETY: a slot holds a value or NULL for each column of the log.
                unsafe {
                    let values = std::slice::from_raw_parts((**slot).tts_values, target.width);
                    let nulls = std::slice::from_raw_parts((**slot).tts_isnull, target.width);
                    appender.add(values, nulls);
                }
            }
        });
        for slot in &self.slots[..self.used] {
            // SAFETY: what the slot holds goes with the context.
            unsafe { pg_sys::ExecClearTuple(*slot) };
        }
        // SAFETY: nothing points into it any more.
        unsafe { self.context.reset() };
        self.used = 0;
        pgrx::check_for_interrupts!();
    }

    /// Not done when an ERROR passes by: then the transaction takes all of it along.
    fn finish(mut self) {
        self.flush();
        // SAFETY: all of it was made above and is used no more.
        unsafe {
            for slot in &self.slots {
                pg_sys::ExecDropSingleTupleTableSlot(*slot);
            }
            pg_sys::ExecCloseIndices(self.result);
            pg_sys::FreeExecutorState(self.executor);
        }
        append::note(self.log, self.appender.finish());
        // SAFETY: what comes next in this transaction sees the entries.
        unsafe { pg_sys::CommandCounterIncrement() };
    }
}
