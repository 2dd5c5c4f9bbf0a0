//! Recording what a statement did to a table: one entry for each row, read natively from the
//! transition tables, written with the rights of the table's owner.

use super::append::{Rows, each_row, with_text_settings};
use super::cache::{self, Cache};
use super::changes::Source;
use super::insert::Target;
use super::json::{Builder, Row};
use super::statement::Statement;
use super::{insert, sql};
use crate::{catalog, error};
use pgrx::{IntoDatum, PgMemoryContexts, PgRelation, pg_sys};
use serde_json::{Map, Value};
use std::ffi::CStr;
use std::rc::Rc;

/// What the trigger was called for.
pub struct Event<'a> {
    pub relation: PgRelation,
    pub operation: &'static str,
    pub old: *mut pg_sys::Tuplestorestate,
    pub new: *mut pg_sys::Tuplestorestate,
    pub trigger: &'a pg_sys::Trigger,
}

/// What the arguments of a trigger say.
pub struct Recording {
    /// The log's name as SQL writes it.
    pub log: String,
    /// The columns of the log that are filled, those last that differ from row to row.
    pub columns: Vec<(String, Source)>,
    /// Makes the rows jsonb, where a column wants that.
    pub builder: Builder,
    /// Where the log takes rows without a statement.
    target: Option<Target>,
    /// Whether old and new rows are wanted together.
    pairs: bool,
    /// What the builder and the target keep.
    _context: PgMemoryContexts,
}

thread_local! {
    /// By the trigger.
    static RECORDINGS: Cache<pg_sys::Oid, Recording> = Cache::default();
}

impl Recording {
    fn of(event: &Event) -> Rc<Recording> {
        cache::kept(&RECORDINGS, event.trigger.tgoid, || Recording::read(event))
    }

    fn read(event: &Event) -> Recording {
        cache::watch(event.relation.oid());
        let arguments = arguments(event.trigger);
        let [schema, table, mapping] = &arguments[..] else {
            let target = catalog::qualified_name(&event.relation);
            error::raise(error::audit::mapping(&format!(
                "the trigger of {target} has none"
            )))
        };
        let mapping: Map<String, Value> = serde_json::from_str(mapping).unwrap_or_default();
        let mut columns: Vec<(String, Source)> = mapping
            .into_iter()
            .filter_map(|(column, source)| Some((column, Source::parse(source.as_str()?)?)))
            .collect();
        columns.sort_by_key(|(_, source)| source.of_row());
        use Source::{NewChanged, Old, OldChanged};
        let pairs = columns
            .iter()
            .any(|(_, source)| matches!(source, Old | OldChanged | NewChanged));
        // What Postgres computes of a default beforehand, it computes as the owner too.
        let owner = catalog::owner(&event.relation);
        let (context, builder, target) = catalog::as_role(owner, || {
            catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
                // SAFETY: what is made in the context stays there until the recording is dropped.
                unsafe {
                    let mut context = PgMemoryContexts::TopMemoryContext
                        .switch_to(|_| PgMemoryContexts::new("audit recording"));
                    let (builder, target) = context.switch_to(|_| {
                        let log = catalog::find_open(schema, table);
                        let target = log.and_then(|log| Target::of(log, &event.relation, &columns));
                        (Builder::new(&event.relation), target)
                    });
                    (context, builder, target)
                }
            })
        });
        Recording {
            log: pgrx::spi::quote_qualified_identifier(schema, table),
            columns,
            builder,
            target,
            pairs,
            _context: context,
        }
    }
}

/// One row of the changed table.
pub struct Changed<'a> {
    pub values: &'a [pg_sys::Datum],
    pub nulls: &'a [bool],
    old: Option<&'a Row>,
    new: Option<&'a Row>,
}

impl Changed<'_> {
    /// A row as jsonb, in the current memory context.
    pub fn object(&self, builder: &Builder, source: &Source) -> Option<pg_sys::Datum> {
        let (row, other) = match source {
            Source::Old => (self.old, None),
            Source::New => (self.new, None),
            Source::OldChanged => (self.old, self.new),
            _ => (self.new, self.old),
        };
        row.map(|row| builder.object(row, other))
    }
}

/// Writes the entries of one statement, as the owner of the table that it changed.
pub fn record(event: &Event) {
    let owner = catalog::owner(&event.relation);
    for _ in 0..2 {
        let changes = cache::changes();
        let recording = Recording::of(event);
        let Some(target) = recording.target.as_ref() else {
            break;
        };
        if event.old.is_null() && event.new.is_null() {
            break;
        }
        let Some(log) = target.open(owner) else {
            break;
        };
        // Something changed before the lock was there: look again, once.
        if cache::changes() == changes {
            insert::insert(event, &recording, target, log, owner);
            return;
        }
    }
    let recording = Recording::of(event);
    catalog::as_role(owner, || {
        catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
            with_text_settings(recording.builder.needs_settings(), || {
                sql::frame(|| {
                    let mut statement = Statement::new(event, &recording);
                    if event.operation == "TRUNCATE" {
                        statement.without_row();
                    } else {
                        each_changed(event, &recording, |row| statement.add(row));
                    }
                    statement.flush();
                })
            })
        });
    });
}

/// The rows that the statement changed.
pub fn each_changed(event: &Event, recording: &Recording, mut each: impl FnMut(&Changed)) {
    let builder = &recording.builder;
    let (mut old_row, mut new_row) = (Row::default(), Row::default());
    let both = !event.old.is_null() && !event.new.is_null();
    if both && recording.pairs {
        // The old rows one by one, in step with the new ones.
        let mut old_rows = Rows::new(&event.relation, event.old);
        each_row(&event.relation, event.new, |values, nulls| {
            if let Some((old_values, old_nulls)) = old_rows.next() {
                // SAFETY: both transition tables hold rows of the trigger's table.
                unsafe {
                    builder.read(&mut old_row, old_values, old_nulls);
                    builder.read(&mut new_row, values, nulls);
                }
                let (old, new) = (Some(&old_row), Some(&new_row));
                each(&Changed {
                    values,
                    nulls,
                    old,
                    new,
                });
            }
        });
        old_rows.close();
        return;
    }
    let only_old = event.new.is_null();
    let rows = if only_old { event.old } else { event.new };
    each_row(&event.relation, rows, |values, nulls| {
        // SAFETY: the transition table holds rows of the trigger's table.
        unsafe { builder.read(&mut new_row, values, nulls) };
        let row = Some(&new_row);
        let (old, new) = if only_old { (row, None) } else { (None, row) };
        each(&Changed {
            values,
            nulls,
            old,
            new,
        });
    });
}

/// What a source says that is the same for every row of the statement.
pub fn constant(event: &Event, source: &Source) -> Option<String> {
    match source {
        Source::Operation => Some(event.operation.to_owned()),
        Source::Table => Some(event.relation.name().to_owned()),
        Source::Schema => Some(event.relation.namespace().to_owned()),
        Source::Role => Some(role()),
        _ => user().map(|uuid| uuid.to_string()),
    }
}

/// A copy of a value in the current memory context.
///
/// # Safety
/// `datum` is a not-null value of a type of that length.
pub unsafe fn copied(datum: pg_sys::Datum, by_value: bool, length: i16) -> pg_sys::Datum {
    // SAFETY: the caller vouches for the value; palloc gives as many bytes as are copied.
    unsafe {
        let length = match (by_value, length) {
            (true, _) => return datum,
            (_, -1) => return pg_sys::pg_detoast_datum_copy(datum.cast_mut_ptr()).into(),
            (_, -2) => CStr::from_ptr(datum.cast_mut_ptr())
                .to_bytes_with_nul()
                .len(),
            (_, length) => length as usize,
        };
        let copy = pg_sys::palloc(length).cast::<u8>();
        copy.copy_from_nonoverlapping(datum.cast_mut_ptr(), length);
        copy.into()
    }
}

pub fn arguments(trigger: &pg_sys::Trigger) -> Vec<String> {
    // SAFETY: a trigger has as many arguments as it says, each NUL-terminated.
    let argument = |index| unsafe { CStr::from_ptr(*trigger.tgargs.add(index)) };
    (0..trigger.tgnargs as usize)
        .map(|index| argument(index).to_string_lossy().into_owned())
        .collect()
}

/// Who is behind the request, as `auth.uid()` reads it; nobody where the claim is malformed.
pub fn user() -> Option<pgrx::Uuid> {
    let setting = |name: &CStr| -> Option<String> {
        // SAFETY: the name is NUL-terminated; NULL comes back for a setting that is not there.
        unsafe {
            let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
        }
    };
    let legacy = setting(c"request.jwt.claim.sub").filter(|sub| !sub.is_empty());
    let sub = legacy.or_else(|| {
        let claims: Value = serde_json::from_str(&setting(c"request.jwt.claims")?).ok()?;
        Some(claims.get("sub")?.as_str()?.to_owned())
    })?;
    uuid_of(&sub)
}

fn uuid_of(text: &str) -> Option<pgrx::Uuid> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 32 && text.len() == 36;
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| plain)?;
    Some(pgrx::Uuid::from_bytes(number.to_be_bytes()))
}

/// The role that issued the statement.
fn role() -> String {
    // SAFETY: every user has a name, palloc'ed and NUL-terminated.
    unsafe {
        CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetOuterUserId(), false))
            .to_string_lossy()
            .into_owned()
    }
}

/// The value of a constant source as the type that it has.
pub fn constant_datum(event: &Event, source: &Source) -> (pg_sys::Oid, Option<pg_sys::Datum>) {
    match source {
        Source::User => (pg_sys::UUIDOID, user().into_datum()),
        _ => (pg_sys::TEXTOID, constant(event, source).into_datum()),
    }
}
