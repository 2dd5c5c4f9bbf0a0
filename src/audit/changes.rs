//! Recording what happens to a table in a log: one entry per changed row, written by statement
//! triggers that read the transition tables natively.

use super::append::{Rows, each_row, with_text_settings};
use super::json::{Builder, Row};
use super::sql::{self, Argument};
use crate::{catalog, error};
use pgrx::{IntoDatum, PgRelation, pg_sys};
use serde_json::{Map, Value};
use std::ffi::CStr;

pub const RECORD: &str = "audit_record";

/// What a column of the log is filled with.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Source {
    Operation,
    Table,
    Schema,
    Old,
    New,
    OldChanged,
    NewChanged,
    User,
    Role,
    Column(String),
}

impl Source {
    fn parse(text: &str) -> Option<Source> {
        Some(match text {
            "operation" => Source::Operation,
            "table" => Source::Table,
            "schema" => Source::Schema,
            "old" => Source::Old,
            "new" => Source::New,
            "old.changed" => Source::OldChanged,
            "new.changed" => Source::NewChanged,
            "user" => Source::User,
            "role" => Source::Role,
            _ => Source::Column(text.strip_prefix("row.")?.to_owned()),
        })
    }

    /// Whether it differs from row to row.
    fn of_row(&self) -> bool {
        use Source::{Column, New, NewChanged, Old, OldChanged};
        matches!(self, Old | New | OldChanged | NewChanged | Column(_))
    }
}

/// Attaches the triggers.
pub fn attach(target: pg_sys::Oid, log: pg_sys::Oid, mapping: Option<Value>) {
    let lock = pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE;
    let target = catalog::open_table(target, lock);
    catalog::require_owner(&target);
    let log = super::log::Log::open(log);
    let name = catalog::qualified_name(&target);
    if target.oid() == log.relation.oid() {
        error::raise(error::audit::log_of_itself(&name));
    }
    let mapping = match mapping {
        None | Some(Value::Null) => by_name(&target, &log),
        Some(Value::Object(mapping)) if mapping.is_empty() => by_name(&target, &log),
        Some(Value::Object(mapping)) => mapping,
        Some(other) => error::raise(error::audit::mapping(&format!("{other} is not an object"))),
    };
    for (column, source) in &mapping {
        catalog::column(&log.relation, column);
        let parsed = source.as_str().and_then(Source::parse);
        match parsed {
            None => error::raise(error::audit::mapping(&format!("{source} is not a source"))),
            Some(Source::Column(column)) => {
                catalog::column(&target, &column);
            }
            Some(_) => (),
        }
    }
    if mapping.is_empty() {
        error::raise(error::audit::mapping("no column of the log is filled"));
    }
    let arguments = [
        log.definition.schema.clone(),
        log.definition.table.clone(),
        Value::Object(mapping).to_string(),
    ]
    .map(|argument| catalog::quote_literal(&argument))
    .join(", ");
    drop(target);
    drop(log);
    catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
        sql::frame(|| {
            for (event, tables) in [
                ("insert", "REFERENCING NEW TABLE AS new_rows"),
                (
                    "update",
                    "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
                ),
                ("delete", "REFERENCING OLD TABLE AS old_rows"),
                ("truncate", ""),
            ] {
                let trigger = format!("audit_record_{event}");
                sql::define(&format!(
                    "CREATE OR REPLACE TRIGGER {trigger} AFTER {event} ON {name} {tables}
                     FOR EACH STATEMENT
                     EXECUTE FUNCTION community_core.{RECORD}({arguments})"
                ));
            }
        });
    });
}

/// Fills the columns of the log that have one of the usual names.
fn by_name(target: &PgRelation, log: &super::log::Log) -> Map<String, Value> {
    let has = |name: &str| {
        target
            .tuple_desc()
            .iter()
            .any(|a| !a.is_dropped() && a.name() == name)
    };
    let key = super::log::single_primary_key(target);
    let mut mapping = Map::new();
    for attribute in log.relation.tuple_desc().iter().filter(|a| !a.is_dropped()) {
        let name = attribute.name();
        let source = match name {
            "action" | "operation" => "operation".to_owned(),
            "table_name" => "table".to_owned(),
            "table_schema" | "schema_name" => "schema".to_owned(),
            "old_data" | "old_record" | "old_row" => "old".to_owned(),
            "new_data" | "new_record" | "new_row" => "new".to_owned(),
            "user_id" | "actor_id" => "user".to_owned(),
            "actor_role" | "role" => "role".to_owned(),
            "record_id" | "entity_id" => match &key {
                Some(key) => format!("row.{key}"),
                None => continue,
            },
            _ if name == log.key.name => continue,
            _ if has(name)
                && (name.ends_with("_id") || log.definition.chain_by.iter().any(|c| c == name)) =>
            {
                format!("row.{name}")
            }
            _ => continue,
        };
        mapping.insert(name.to_owned(), Value::String(source));
    }
    mapping
}

/// What the trigger was called for.
pub struct Event<'a> {
    pub relation: PgRelation,
    pub operation: &'static str,
    pub old: *mut pg_sys::Tuplestorestate,
    pub new: *mut pg_sys::Tuplestorestate,
    pub arguments: &'a [String],
}

/// Rows of one INSERT into the log.
const PORTION: usize = 5000;

/// Writes the entries of one statement, as the owner of the table that it changed.
pub fn record(event: &Event) {
    let target = catalog::qualified_name(&event.relation);
    let [schema, table, mapping] = event.arguments else {
        error::raise(error::audit::mapping(&format!(
            "the trigger of {target} has none"
        )))
    };
    let log = pgrx::spi::quote_qualified_identifier(schema, table);
    let mapping: Map<String, Value> = serde_json::from_str(mapping).unwrap_or_default();
    let columns: Vec<(String, Source)> = mapping
        .into_iter()
        .filter_map(|(column, source)| Some((column, Source::parse(source.as_str()?)?)))
        .collect();
    let mut recorder = Recorder::new(event, &log, columns);
    let owner = catalog::owner(&event.relation);
    catalog::as_role(owner, || {
        catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || {
            let fixed = recorder.builder.needs_settings();
            with_text_settings(fixed, || sql::frame(|| recorder.run(event)));
        });
    });
}

struct Recorder {
    /// Of many rows, given as arrays, and of one.
    insert: String,
    insert_one: String,
    scalars: Vec<Argument>,
    sources: Vec<Source>,
    builder: Builder,
    /// One for each source that differs from row to row.
    arrays: Vec<Column>,
    rows: usize,
}

struct Column {
    source: Source,
    /// Of the target's column, where the source is one.
    index: usize,
    type_oid: pg_sys::Oid,
    length: i16,
    by_value: bool,
    align: i8,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl Recorder {
    fn new(event: &Event, log: &str, columns: Vec<(String, Source)>) -> Recorder {
        let mut names = Vec::new();
        let mut values = Vec::new();
        let mut sets = String::new();
        let mut scalars = vec![];
        let mut arrays = Vec::new();
        let sources: Vec<Source> = columns.iter().map(|(_, source)| source.clone()).collect();
        let (constant, of_row): (Vec<_>, Vec<_>) = columns
            .into_iter()
            .partition(|(_, source)| !source.of_row());
        let user = user();
        for (name, source) in constant {
            names.push(catalog::quote_ident(&name));
            let value = match source {
                Source::Operation => Some(event.operation.to_owned()),
                Source::Table => Some(event.relation.name().to_owned()),
                Source::Schema => Some(event.relation.namespace().to_owned()),
                Source::Role => Some(role()),
                _ => user.clone(),
            };
            let uuid = user.as_ref().filter(|_| source == Source::User);
            // The first parameter is the number of rows.
            values.push(format!("${}", scalars.len() + 2));
            scalars.push(match (&source, uuid.and_then(|text| uuid_of(text))) {
                (Source::User, uuid) => (pg_sys::UUIDOID, uuid.into_datum()),
                _ => (pg_sys::TEXTOID, value.into_datum()),
            });
        }
        for (name, source) in of_row {
            names.push(catalog::quote_ident(&name));
            let (index, type_oid) = match &source {
                Source::Column(column) => {
                    let column = catalog::column(&event.relation, column);
                    (column.number as usize - 1, column.type_oid)
                }
                _ => (0, pg_sys::JSONBOID),
            };
            // SAFETY: the types are those of columns; the array type of each exists or raises.
            let (length, by_value, align) = unsafe {
                let (mut length, mut by_value, mut align) = (0, false, 0);
                pg_sys::get_typlenbyvalalign(type_oid, &mut length, &mut by_value, &mut align);
                (length, by_value, align)
            };
            let parameter = scalars.len() + arrays.len() + 2;
            // Functions in the list that return sets go on in step, row by row, and store
            // nothing between.
            values.push(format!("e.v{parameter}"));
            sets.push_str(&format!(", unnest(${parameter}) AS v{parameter}"));
            let (values, nulls) = (Vec::new(), Vec::new());
            arrays.push(Column {
                source,
                index,
                type_oid,
                length,
                by_value,
                align,
                values,
                nulls,
            });
        }
        let parameters: Vec<String> = (2..names.len() + 2).map(|i| format!("${i}")).collect();
        let names = names.join(", ");
        // The first parameter is only there to be counted with the others.
        let insert_one = format!(
            "INSERT INTO {log} ({names}) SELECT {} WHERE $1 = 1",
            parameters.join(", ")
        );
        let insert = format!(
            "INSERT INTO {log} ({names}) SELECT {}
             FROM (SELECT generate_series(1, $1){sets}) e",
            values.join(", "),
        );
        let builder = Builder::new(&event.relation);
        Recorder {
            insert,
            insert_one,
            scalars,
            sources,
            builder,
            arrays,
            rows: 0,
        }
    }

    fn run(&mut self, event: &Event) {
        if event.operation == "TRUNCATE" {
            for column in &mut self.arrays {
                column.values.push(pg_sys::Datum::from(0));
                column.nulls.push(true);
            }
            self.rows = 1;
            self.flush();
            return;
        }
        use Source::{NewChanged, Old, OldChanged};
        let wants = |list: &[Source]| self.sources.iter().any(|source| list.contains(source));
        let wants_old = wants(&[Old, OldChanged, NewChanged]);
        let both = !event.old.is_null() && !event.new.is_null();
        let (mut old_row, mut new_row) = (Row::default(), Row::default());
        if both && wants_old {
            // The old rows one by one, in step with the new ones.
            let mut old_rows = Rows::new(&event.relation, event.old);
            each_row(&event.relation, event.new, |values, nulls| {
                if let Some((old_values, old_nulls)) = old_rows.next() {
                    // SAFETY: both transition tables hold rows of the trigger's table.
                    unsafe {
                        self.builder.read(&mut old_row, old_values, old_nulls);
                        self.builder.read(&mut new_row, values, nulls);
                    }
                    self.add(values, nulls, Some(&old_row), Some(&new_row));
                }
            });
            old_rows.close();
        } else {
            let only_old = event.new.is_null();
            let rows = if only_old { event.old } else { event.new };
            each_row(&event.relation, rows, |values, nulls| {
                // SAFETY: the transition table holds rows of the trigger's table.
                unsafe { self.builder.read(&mut new_row, values, nulls) };
                if only_old {
                    self.add(values, nulls, Some(&new_row), None);
                } else {
                    self.add(values, nulls, None, Some(&new_row));
                }
            });
        }
        self.flush();
    }

    fn add(
        &mut self,
        values: &[pg_sys::Datum],
        nulls: &[bool],
        old: Option<&Row>,
        new: Option<&Row>,
    ) {
        for column in &mut self.arrays {
            let changed = old.zip(new);
            let datum = match &column.source {
                Source::Old => old.map(|row| self.builder.object(row, None)),
                Source::New => new.map(|row| self.builder.object(row, None)),
                Source::OldChanged => {
                    old.map(|row| self.builder.object(row, changed.map(|both| both.1)))
                }
                Source::NewChanged => {
                    new.map(|row| self.builder.object(row, changed.map(|both| both.0)))
                }
                // SAFETY: the value is one of the row's, of the column's type and not null; the
                // copy outlives the row.
                _ => (!nulls[column.index]).then(|| unsafe {
                    copied(values[column.index], column.by_value, column.length)
                }),
            };
            column.nulls.push(datum.is_none());
            column.values.push(datum.unwrap_or(pg_sys::Datum::from(0)));
        }
        self.rows += 1;
        if self.rows == PORTION {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.rows == 0 {
            return;
        }
        let mut arguments = vec![(pg_sys::INT4OID, (self.rows as i32).into_datum())];
        arguments.extend(self.scalars.iter().copied());
        let one = self.rows == 1;
        for column in &mut self.arrays {
            arguments.push(if one {
                column.take_one()
            } else {
                column.take()
            });
        }
        sql::write(
            if one { &self.insert_one } else { &self.insert },
            &arguments,
        );
        if !one {
            for array in arguments[1 + self.scalars.len()..]
                .iter()
                .filter_map(|a| a.1)
            {
                // SAFETY: the array was made for this statement, which is over.
                unsafe { pg_sys::pfree(array.cast_mut_ptr()) };
            }
        }
        self.rows = 0;
    }
}

impl Column {
    /// The only value.
    fn take_one(&mut self) -> Argument {
        let value = self
            .values
            .pop()
            .filter(|_| self.nulls.pop() == Some(false));
        (self.type_oid, value)
    }

    /// The values so far, as one array.
    fn take(&mut self) -> Argument {
        let mut values = std::mem::take(&mut self.values);
        let mut nulls = std::mem::take(&mut self.nulls);
        let (mut length, mut lower) = (values.len() as i32, 1);
        // SAFETY: values and nulls are equally long, and every value is of the type; those that
        // are pointers were palloc'ed for this array alone.
        unsafe {
            let array = pg_sys::construct_md_array(
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                1,
                &mut length,
                &mut lower,
                self.type_oid,
                i32::from(self.length),
                self.by_value,
                self.align,
            );
            if !self.by_value {
                for (value, is_null) in values.iter().zip(&nulls) {
                    if !is_null {
                        pg_sys::pfree(value.cast_mut_ptr());
                    }
                }
            }
            (
                pg_sys::get_array_type(self.type_oid),
                Some(pg_sys::Datum::from(array)),
            )
        }
    }
}

/// # Safety
/// `datum` is a not-null value of a type of that length.
unsafe fn copied(datum: pg_sys::Datum, by_value: bool, length: i16) -> pg_sys::Datum {
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

/// Who is behind the request, as `auth.uid()` reads it; nobody where the claim is malformed.
fn user() -> Option<String> {
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
    uuid_of(&sub).map(|uuid| uuid.to_string())
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
