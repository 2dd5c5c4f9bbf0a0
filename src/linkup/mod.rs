//! What the linkup module has natively: the shapes of its JSON documents, and where one departs
//! from its shape.

mod document;

use crate::error;
use pgrx::prelude::*;

/// Where a document departs from the shape of its kind, as a path and what is wrong there; NULL
/// where it does not.
///
/// - `kind`: `fingerprint`, `activity_patterns`, `boundaries` or `brief`; NULL is an error (22004).
/// - `document`: the JSON text; NULL is no document and so a fault.
///
/// Immutable, parallel safe. Error: 22023 no such kind.
///
/// ```sql
/// SELECT community_core.linkup_document_fault('fingerprint', '{"social_pace": {"range_value": 2, "confidence": 1}}');
/// ```
#[pg_extern(immutable, parallel_safe)]
fn linkup_document_fault(kind: Option<&str>, document: Option<&str>) -> Option<String> {
    let kind = kind.unwrap_or_else(|| error::raise(error::null_argument("kind")));
    match document::Kind::named(kind) {
        Some(kind) => document::fault(kind, document.unwrap_or("null")),
        None => error::raise(error::linkup::unknown_document(
            kind,
            &document::Kind::NAMES,
        )),
    }
}

extension_sql!(
    r#"
COMMENT ON FUNCTION linkup_document_fault(text, text) IS
'Where a JSON document departs from the shape of its kind, as a path and what is wrong there; NULL where it does not. kind: fingerprint, activity_patterns, boundaries or brief; document: JSON text, NULL is a fault. Immutable, parallel safe. Errors: 22004, 22023. Example: SELECT community_core.linkup_document_fault(''boundaries'', ''{"no_thanks": "bars"}'')';
"#,
    name = "linkup_comments",
    requires = [linkup_document_fault]
);
