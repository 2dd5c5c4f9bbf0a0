//! Stored against counted: the SQL that compares, and that repairs.

use super::spec::Spec;
use super::statement::KeyPair;
use crate::catalog::{self, quote_ident};
use pgrx::PgRelation;

pub struct Recount {
    /// Rows (key, stored, actual) of the parents whose counter is not what their children say.
    pub differences: String,
    /// Locks those, in the order of their keys.
    pub lock: String,
    /// Sets those right, seen anew under the locks.
    pub repair: String,
    /// What holds when the child is empty.
    pub zero: String,
}

impl Recount {
    pub fn new(spec: &Spec, child: &PgRelation, parent: &PgRelation) -> Recount {
        let keys = KeyPair::all(spec, child, parent);
        let (child, parent) = (
            catalog::qualified_name(child),
            catalog::qualified_name(parent),
        );
        let counter = quote_ident(&spec.counter);
        let children = keys
            .iter()
            .map(|key| format!("c.{}", key.child))
            .collect::<Vec<_>>();
        let matches = keys
            .iter()
            .zip(&children)
            .map(|(key, child)| format!("p.{} {} {child}", key.parent, key.equals))
            .collect::<Vec<_>>()
            .join(" AND ");
        let own = keys
            .iter()
            .map(|key| format!("p.{}", key.parent))
            .collect::<Vec<_>>();
        let order = own.join(", ");
        let key = match own.as_slice() {
            [one] => format!("{one}::pg_catalog.text"),
            _ => format!("ROW({order})::pg_catalog.text"),
        };
        let counted = spec.counted.as_deref().unwrap_or("true");
        // Grouped by the parent's key, not the child's, whose equality may be finer.
        let actual = format!(
            "(SELECT {order}, pg_catalog.count(*) AS n FROM {parent} AS p \
             JOIN (SELECT * FROM {child} WHERE {counted}) AS c ON {matches} GROUP BY {order})"
        );
        let same = keys
            .iter()
            .map(|key| format!("p.{0} {1} a.{0}", key.parent, key.same))
            .collect::<Vec<_>>()
            .join(" AND ");
        let wrong =
            format!("p.{counter} IS NULL OR p.{counter} OPERATOR(pg_catalog.<>) COALESCE(a.n, 0)");
        Recount {
            differences: format!(
                "SELECT {key}, p.{counter}::pg_catalog.numeric, \
                 COALESCE(a.n, 0)::pg_catalog.numeric \
                 FROM {parent} AS p LEFT JOIN {actual} AS a ON {same} \
                 WHERE {wrong} ORDER BY {order}"
            ),
            lock: format!(
                "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {parent} AS p JOIN \
                 (SELECT {order} FROM {parent} AS p LEFT JOIN {actual} AS a ON {same} \
                 WHERE {wrong}) AS w ON {} ORDER BY {order} FOR NO KEY UPDATE OF p) AS locked",
                same.replace(" a.", " w.")
            ),
            repair: format!(
                "UPDATE {parent} AS p SET {counter} = w.n FROM \
                 (SELECT {order}, COALESCE(a.n, 0) AS n FROM {parent} AS p \
                 LEFT JOIN {actual} AS a ON {same} WHERE {wrong}) AS w WHERE {}",
                same.replace(" a.", " w.")
            ),
            zero: format!(
                "UPDATE {parent} AS p SET {counter} = 0 \
                 WHERE p.{counter} OPERATOR(pg_catalog.<>) 0"
            ),
        }
    }
}
