//! A topic file as statements, split by Postgres' own parser, with the placeholders filled in.

use crate::catalog::quote_ident;
use pgrx::{PgList, pg_sys};
use std::ffi::{CStr, CString};

/// `text ~ '@visible@'`: a character that can be seen. White space, controls and what Unicode lets a
/// program leave out (zero-width characters, fillers, marks of direction, tags) are not.
const VISIBLE: &str = concat!(
    r"[^\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F",
    r"\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0",
    r"\uFFF0-\uFFFB\U000E0000-\U000E0FFF]",
);

/// A schema's name as the topic files use it: `@schema@` is the identifier, quoted where it must be,
/// `@schema:raw@` its bare text for use inside a quoted identifier.
#[derive(Clone)]
pub struct Names {
    pub identifier: String,
    pub raw: String,
}

impl Names {
    pub fn of(schema: &str) -> Names {
        Names {
            identifier: quote_ident(schema),
            raw: schema.to_owned(),
        }
    }

    pub fn fill(&self, text: &str) -> String {
        text.replace("@schema@", &self.identifier)
            .replace("@schema:raw@", &self.raw.replace('"', "\"\""))
            .replace("@visible@", VISIBLE)
    }
}

const TYPE_OF: &str = "@type_of:";

/// Fills in `@type_of:table.column:default@`: the column's type where the table is there already,
/// the default where it is not. `existing` looks the type up.
pub fn fill_types(text: &str, existing: impl Fn(&str, &str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(TYPE_OF) {
        filled.push_str(before);
        let parts = after
            .split_once('@')
            .and_then(|(inside, tail)| Some((inside.split_once(':')?, tail)))
            .and_then(|((column, default), tail)| Some((column.split_once('.')?, default, tail)));
        match parts {
            Some(((table, column), default, tail)) => {
                // What follows the default's type, `uuid DEFAULT …`, goes with that type.
                match existing(table, column) {
                    Some(actual) if !default.starts_with(&actual) => filled.push_str(&actual),
                    _ => filled.push_str(default),
                }
                rest = tail;
            }
            None => {
                filled.push_str(TYPE_OF);
                rest = after;
            }
        }
    }
    filled + rest
}

/// What the installer must know of a statement beyond its text.
#[derive(Debug, PartialEq)]
pub enum Kind {
    CreateTable(String),
    CreateView(String),
    CreateFunction(String),
    /// The table as SQL names it, with its schema where the statement gives one.
    CreateTrigger {
        trigger: String,
        table: String,
    },
    CreatePolicy {
        policy: String,
        table: String,
    },
    /// Changes an existing table of the schema: CREATE INDEX or ALTER TABLE.
    ChangeTable(String),
    /// SELECT of a function, which attaches an engine to tables, say.
    Call,
    Data,
    Comment,
    Other,
}

pub struct Statement {
    pub text: String,
    pub kind: Kind,
}

/// Splits `text` into statements. A syntax error is raised by Postgres itself.
pub fn split(text: &str) -> Vec<Statement> {
    let source = CString::new(text).unwrap_or_default();
    // SAFETY: raw_parser reads a NUL-terminated string and returns a list of RawStmt in the current
    // memory context; the tree is only read, and `source` outlives it.
    unsafe {
        let list = pg_sys::raw_parser(source.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        PgList::<pg_sys::RawStmt>::from_pg(list)
            .iter_ptr()
            .map(|raw| {
                let start = (*raw).stmt_location.max(0) as usize;
                let length = (*raw).stmt_len as usize;
                let end = if length == 0 {
                    text.len()
                } else {
                    start + length
                };
                Statement {
                    text: text[start..end].trim().to_owned(),
                    kind: kind((*raw).stmt),
                }
            })
            .collect()
    }
}

/// # Safety
/// `node` is a statement of a raw parse tree.
unsafe fn kind(node: *mut pg_sys::Node) -> Kind {
    // SAFETY: the tag of a node tells its struct, and the parser fills the names that its grammar
    // demands; a name it may leave out is checked for NULL in `text`.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_CreateStmt => {
                let create = node.cast::<pg_sys::CreateStmt>();
                Kind::CreateTable(name((*(*create).relation).relname))
            }
            pg_sys::NodeTag::T_ViewStmt => {
                let create = node.cast::<pg_sys::ViewStmt>();
                Kind::CreateView(name((*(*create).view).relname))
            }
            pg_sys::NodeTag::T_CreateFunctionStmt => {
                let create = node.cast::<pg_sys::CreateFunctionStmt>();
                let parts = PgList::<pg_sys::Node>::from_pg((*create).funcname);
                let last = parts.tail().unwrap_or(std::ptr::null_mut());
                Kind::CreateFunction(string_value(last))
            }
            pg_sys::NodeTag::T_CreateTrigStmt => {
                let create = node.cast::<pg_sys::CreateTrigStmt>();
                let table = quote_ident(&name((*(*create).relation).relname));
                let schema = name((*(*create).relation).schemaname);
                Kind::CreateTrigger {
                    trigger: name((*create).trigname),
                    table: if schema.is_empty() {
                        table
                    } else {
                        format!("{}.{table}", quote_ident(&schema))
                    },
                }
            }
            pg_sys::NodeTag::T_CreatePolicyStmt => {
                let create = node.cast::<pg_sys::CreatePolicyStmt>();
                Kind::CreatePolicy {
                    policy: name((*create).policy_name),
                    table: name((*(*create).table).relname),
                }
            }
            pg_sys::NodeTag::T_IndexStmt => {
                let create = node.cast::<pg_sys::IndexStmt>();
                Kind::ChangeTable(name((*(*create).relation).relname))
            }
            pg_sys::NodeTag::T_AlterTableStmt => {
                let alter = node.cast::<pg_sys::AlterTableStmt>();
                Kind::ChangeTable(name((*(*alter).relation).relname))
            }
            pg_sys::NodeTag::T_SelectStmt => Kind::Call,
            pg_sys::NodeTag::T_InsertStmt
            | pg_sys::NodeTag::T_UpdateStmt
            | pg_sys::NodeTag::T_DeleteStmt => Kind::Data,
            pg_sys::NodeTag::T_CommentStmt => Kind::Comment,
            _ => Kind::Other,
        }
    }
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn name(text: *const std::ffi::c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not NULL, and NUL-terminated by this function's contract.
    unsafe { CStr::from_ptr(text).to_string_lossy().into_owned() }
}

/// # Safety
/// `node` is NULL or a String node.
unsafe fn string_value(node: *mut pg_sys::Node) -> String {
    if node.is_null() {
        return String::new();
    }
    // SAFETY: a function's name is a list of String nodes, so strVal reads its text.
    unsafe { name((*node.cast::<pg_sys::String>()).sval) }
}

#[cfg(test)]
mod placeholders {
    use super::*;

    #[test]
    fn a_type_placeholder_takes_the_type_of_an_existing_column_and_else_its_default() {
        let text = "milestone_id @type_of:milestones.id:uuid@ NULL, x @type_of:a.b:text@";
        let existing = |table: &str, _: &str| (table == "milestones").then(|| "bigint".to_owned());
        assert_eq!(
            fill_types(text, existing),
            "milestone_id bigint NULL, x text"
        );
        let text = "id @type_of:t.id:uuid DEFAULT gen_random_uuid()@";
        let of_type = |name: &str| fill_types(text, |_, _| Some(name.to_owned()));
        assert_eq!(of_type("uuid"), "id uuid DEFAULT gen_random_uuid()");
        assert_eq!(of_type("bigint"), "id bigint");
    }
}
