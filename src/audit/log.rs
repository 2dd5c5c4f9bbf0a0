//! What an audit log is: a table, the tables beside it, and what its triggers' arguments say.

use super::cache::{self, Cache};
use super::encoding::Subject;
use super::key::{Key, KeyKind};
use super::row::Encoder;
use crate::catalog::{self, Column};
use crate::error;
use pgrx::PgRelation;
use pgrx::pg_sys;
use std::cell::OnceCell;
use std::ffi::CStr;
use std::ops::Deref;
use std::rc::Rc;

pub const APPEND: &str = "audit_append";
pub const REFUSE: &str = "audit_refuse";
pub const KEEP: &str = "audit_keep";

/// A column of a table beside a log, and its type; an entry has that of the log's key.
pub type Typed = (&'static str, Option<pg_sys::Oid>);

pub const SEAL: [Typed; 9] = [
    ("chain", Some(pg_sys::TEXTOID)),
    ("sequence", Some(pg_sys::INT8OID)),
    ("entry", None),
    ("version", Some(pg_sys::INT2OID)),
    ("columns", Some(pg_sys::INT2OID)),
    ("leaf", Some(pg_sys::BYTEAOID)),
    ("hash", Some(pg_sys::BYTEAOID)),
    ("salt", Some(pg_sys::BYTEAOID)),
    ("erased", Some(pg_sys::BYTEAOID)),
];
pub const HEAD: [Typed; 4] = [
    ("chain", Some(pg_sys::TEXTOID)),
    ("size", Some(pg_sys::INT8OID)),
    ("hash", Some(pg_sys::BYTEAOID)),
    ("frontier", Some(pg_sys::BYTEAOID)),
];
const ERASURE: [Typed; 6] = [
    ("chain", Some(pg_sys::TEXTOID)),
    ("sequence", Some(pg_sys::INT8OID)),
    ("erased_at", Some(pg_sys::TIMESTAMPTZOID)),
    ("erased_by", Some(pg_sys::TEXTOID)),
    ("entries", Some(pg_sys::INT8ARRAYOID)),
    ("columns", Some(pg_sys::TEXTARRAYOID)),
];
/// Without the entries, which are cast when they are read.
const TAIL: [Typed; 6] = [
    ("id", Some(pg_sys::INT8OID)),
    ("written_at", Some(pg_sys::TIMESTAMPTZOID)),
    ("chain", Some(pg_sys::TEXTOID)),
    ("columns", Some(pg_sys::INT2OID)),
    ("leaves", Some(pg_sys::BYTEAOID)),
    ("salts", Some(pg_sys::BYTEAOID)),
];

pub struct Log {
    pub relation: PgRelation,
    pub owner: pg_sys::Oid,
    shape: Rc<Shape>,
}

/// What is read from the catalogue once.
pub struct Shape {
    pub key: Column,
    pub key_kind: KeyKind,
    pub definition: Definition,
    entries: OnceCell<Entries>,
}

/// How rows become entries.
pub struct Entries {
    pub encoder: Encoder,
    /// The columns by which chains are told apart.
    pub chain_columns: Vec<Column>,
}

impl Deref for Log {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        &self.shape
    }
}

thread_local! {
    /// By the log, and the trigger that says the definition, if it was one.
    static SHAPES: Cache<(pg_sys::Oid, pg_sys::Oid), Shape> = Cache::default();
}

/// The arguments of every trigger that the engine puts on a log and on the tables beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    pub schema: String,
    pub table: String,
    pub chain_by: Vec<String>,
    pub erasable: Vec<String>,
    pub block: bool,
}

impl Definition {
    pub fn arguments(&self) -> [String; 5] {
        let list = |names: &[String]| serde_json::json!(names).to_string();
        [
            self.schema.clone(),
            self.table.clone(),
            list(&self.chain_by),
            list(&self.erasable),
            if self.block { "block" } else { "commit" }.to_owned(),
        ]
    }

    pub fn from_arguments(arguments: &[String]) -> Option<Definition> {
        let [schema, table, chain_by, erasable, seal] = arguments else {
            return None;
        };
        Some(Definition {
            schema: schema.clone(),
            table: table.clone(),
            chain_by: serde_json::from_str(chain_by).ok()?,
            erasable: serde_json::from_str(erasable).ok()?,
            block: seal == "block",
        })
    }

    /// The log's name as SQL writes it.
    pub fn name(&self) -> String {
        pgrx::spi::quote_qualified_identifier(&self.schema, &self.table)
    }

    /// The name of a table beside the log.
    pub fn beside(&self, suffix: &str) -> String {
        pgrx::spi::quote_qualified_identifier(&self.schema, &format!("{}_{suffix}", self.table))
    }

    pub fn seal(&self) -> String {
        self.beside("seal")
    }

    pub fn head(&self) -> String {
        self.beside("head")
    }

    pub fn erasure(&self) -> String {
        self.beside("erasure")
    }

    pub fn tail(&self) -> String {
        self.beside("tail")
    }

    /// The tables beside a log of this definition, by their suffixes.
    pub fn suffixes(&self) -> Vec<&'static str> {
        let mut suffixes = vec!["seal", "head"];
        if !self.erasable.is_empty() {
            suffixes.push("erasure");
        }
        if self.block {
            suffixes.push("tail");
        }
        suffixes
    }
}

impl Log {
    pub fn new(relation: PgRelation, definition: Definition) -> Log {
        let shape = Rc::new(Shape::of(&relation, definition));
        Log::shaped(relation, shape)
    }

    fn shaped(relation: PgRelation, shape: Rc<Shape>) -> Log {
        Log {
            owner: catalog::owner(&relation),
            relation,
            shape,
        }
    }

    /// The log that the table is, or 55000.
    pub fn open(oid: pg_sys::Oid) -> Log {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        Log::of(catalog::open_table(oid, lock))
    }

    /// The log that the open table is, or 55000.
    pub fn of(relation: PgRelation) -> Log {
        let key = (relation.oid(), pg_sys::InvalidOid);
        let shape = cache::kept(&SHAPES, key, || {
            cache::watch(relation.oid());
            let definition = definition_of(&relation).unwrap_or_else(|| {
                error::raise(error::audit::no_log(&catalog::qualified_name(&relation)))
            });
            // It may be the triggers beside the log that say it.
            if let Some(seal) = beside(&relation, "seal") {
                cache::watch(seal.oid());
            }
            Shape::of(&relation, definition)
        });
        Log::shaped(relation, shape)
    }

    /// The open table as the arguments of a trigger of its own say it, read by `definition`.
    pub fn by_trigger(
        relation: PgRelation,
        trigger: pg_sys::Oid,
        definition: impl FnOnce(&PgRelation) -> Definition,
    ) -> Log {
        let shape = cache::kept(&SHAPES, (relation.oid(), trigger), || {
            cache::watch(relation.oid());
            Shape::of(&relation, definition(&relation))
        });
        Log::shaped(relation, shape)
    }

    pub fn entries(&self) -> &Entries {
        self.shape.entries.get_or_init(|| Entries {
            encoder: Encoder::new(&self.relation, Subject::Row, &self.definition.erasable),
            chain_columns: self.chain_columns(),
        })
    }

    /// As the owner, with names resolved in Postgres' own schema only, inside an SPI frame.
    pub fn as_owner<T>(&self, work: impl FnOnce() -> T) -> T {
        catalog::as_role_restricted(self.owner, || {
            catalog::with_settings(&[catalog::SAFE_SEARCH_PATH], || super::sql::frame(work))
        })
    }

    /// A column beside the log that its owner gave another type than the engine did. The engine
    /// reads values as what it made them, so nothing may be read then.
    pub fn altered(&self) -> Option<String> {
        let fits = |type_oid: pg_sys::Oid, made: Option<pg_sys::Oid>| match made {
            Some(made) => type_oid == made,
            None => KeyKind::of(type_oid) == Some(self.key_kind),
        };
        self.definition.suffixes().into_iter().find_map(|suffix| {
            let table = beside(&self.relation, suffix)?;
            let columns: &[Typed] = match suffix {
                "seal" => &SEAL,
                "head" => &HEAD,
                "erasure" => &ERASURE,
                _ => &TAIL,
            };
            let descriptor = table.tuple_desc();
            let stands = |(name, made): &Typed| {
                descriptor.iter().any(|attribute| {
                    !attribute.is_dropped()
                        && attribute.name() == *name
                        && fits(attribute.atttypid, *made)
                })
            };
            let (name, _) = columns.iter().find(|column| !stands(column))?;
            let table = self.definition.beside(suffix);
            Some(format!(
                "column {name} of {table} is missing or has another type"
            ))
        })
    }

    pub fn require_unaltered(&self) {
        if let Some(what) = self.altered() {
            error::raise(error::audit::altered(&self.definition.name(), &what));
        }
    }

    /// The columns by which chains are told apart.
    pub fn chain_columns(&self) -> Vec<Column> {
        let column = |name: &String| catalog::column(&self.relation, name);
        self.definition.chain_by.iter().map(column).collect()
    }
}

impl Shape {
    fn of(relation: &PgRelation, definition: Definition) -> Shape {
        let key = primary_key(relation);
        let key_kind = KeyKind::of(key.type_oid)
            .unwrap_or_else(|| error::raise(error::audit::no_key(&definition.name())));
        Shape {
            key,
            key_kind,
            definition,
            entries: OnceCell::new(),
        }
    }
}

/// The name of a chain: its values, percent-encoded as in a URL, joined with a slash. `%00`
/// stands for NULL; no text of Postgres contains that character.
pub fn chain_name(values: &[Option<Key>]) -> String {
    let mut name = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            name.push('/');
        }
        match value {
            None => name.push_str("%00"),
            Some(Key::Uuid(bytes)) => {
                let mut text = Vec::with_capacity(36);
                super::json::uuid(&mut text, bytes);
                name.extend(text.into_iter().map(char::from));
            }
            Some(Key::Integer(number)) => name.push_str(&number.to_string()),
            Some(Key::Text(text)) => name.push_str(&percent_encoded(text)),
        }
    }
    name
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The one column of the table's primary key.
pub fn primary_key(relation: &PgRelation) -> Column {
    match single_primary_key(relation) {
        Some(name) => catalog::column(relation, &name),
        None => error::raise(error::audit::no_key(&catalog::qualified_name(relation))),
    }
}

/// The name of the table's primary key where that is one column.
pub fn single_primary_key(relation: &PgRelation) -> Option<String> {
    // SAFETY: the relation is open; the list is read to fill rd_pkindex, and the bitmap that
    // comes back is only asked.
    let number = unsafe {
        pg_sys::RelationGetIndexList(relation.as_ptr());
        let set = pg_sys::RelationGetIndexAttrBitmap(
            relation.as_ptr(),
            pg_sys::IndexAttrBitmapKind::INDEX_ATTR_BITMAP_PRIMARY_KEY,
        );
        let mut member = 0;
        if set.is_null() || !pg_sys::bms_get_singleton_member(set, &mut member) {
            return None;
        }
        member + pg_sys::FirstLowInvalidHeapAttributeNumber
    };
    let descriptor = relation.tuple_desc();
    let key = descriptor
        .iter()
        .find(|attribute| i32::from(attribute.attnum) == number)?;
    Some(key.name().to_owned())
}

/// A trigger of the engine's on a table.
pub struct Attached {
    pub function: String,
    pub enabled: bool,
    pub arguments: Vec<String>,
}

/// The engine's triggers on an open table.
pub fn attached(relation: &PgRelation) -> Vec<Attached> {
    // SAFETY: the trigger descriptor belongs to the open relation; its arrays have the lengths
    // that it says, and its strings are NUL-terminated.
    unsafe {
        let description = (*relation.as_ptr()).trigdesc;
        if description.is_null() {
            return Vec::new();
        }
        let count = (*description).numtriggers as usize;
        std::slice::from_raw_parts((*description).triggers, count)
            .iter()
            .filter_map(|trigger| {
                let function = engine_function(trigger.tgfoid)?;
                let arguments = (0..trigger.tgnargs as usize).map(|i| {
                    CStr::from_ptr(*trigger.tgargs.add(i))
                        .to_string_lossy()
                        .into_owned()
                });
                let enabled = matches!(trigger.tgenabled as u8, b'O' | b'A');
                Some(Attached {
                    function,
                    enabled,
                    arguments: arguments.collect(),
                })
            })
            .collect()
    }
}

/// The name of the function when it is one of the engine's trigger functions.
pub fn engine_function(oid: pg_sys::Oid) -> Option<String> {
    // SAFETY: both look-ups answer NULL or InvalidOid for a function that is not there.
    unsafe {
        let name = pg_sys::get_func_name(oid);
        let namespace = pg_sys::get_namespace_name(pg_sys::get_func_namespace(oid));
        if name.is_null() || namespace.is_null() || CStr::from_ptr(namespace) != c"community_core" {
            return None;
        }
        let name = CStr::from_ptr(name).to_str().ok()?;
        [APPEND, REFUSE, KEEP]
            .contains(&name)
            .then(|| name.to_owned())
    }
}

/// What the log's triggers say, or, where they were taken away, those of the seals beside it.
pub fn definition_of(relation: &PgRelation) -> Option<Definition> {
    let say = |relation: &PgRelation, keeper: bool| {
        attached(relation)
            .iter()
            .filter(|trigger| (trigger.function == KEEP) == keeper)
            .find_map(|trigger| Definition::from_arguments(&trigger.arguments))
    };
    say(relation, false).or_else(|| say(&beside(relation, "seal")?, true))
}

/// The table named after the relation, in its schema, if there is one.
pub fn beside(relation: &PgRelation, suffix: &str) -> Option<PgRelation> {
    catalog::find_open(
        relation.namespace(),
        &format!("{}_{suffix}", relation.name()),
    )
}
