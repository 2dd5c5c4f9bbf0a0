//! What a log is judged by beside its chains: that what protects it stands, that nothing was erased
//! without authority, and what waits to be sealed.

use super::Fault;
use crate::audit::log::{APPEND, KEEP, Log, REFUSE, attached, beside};
use crate::audit::row::Slots;
use crate::audit::sql;
use crate::catalog;
use pgrx::{IntoDatum, PgRelation, pg_sys};

/// The triggers that refuse changes and seal entries, on the log and on the tables beside it.
pub fn protection(log: &Log) -> Vec<Fault> {
    let arguments = log.definition.arguments();
    let problem = |relation: &PgRelation, function: &str| {
        let found = attached(relation)
            .into_iter()
            .find(|trigger| trigger.function == function);
        let problem = match found {
            None => "is missing",
            Some(trigger) if !trigger.enabled => "is disabled",
            Some(trigger) if trigger.arguments != arguments => "has other arguments",
            Some(_) => return None,
        };
        Some(format!(
            "trigger {function} on {} {problem}",
            catalog::qualified_name(relation)
        ))
    };
    let own = [APPEND, REFUSE]
        .into_iter()
        .filter_map(|name| problem(&log.relation, name));
    let others = log.definition.suffixes().into_iter().filter_map(|suffix| {
        match beside(&log.relation, suffix) {
            Some(relation) => problem(&relation, KEEP),
            None => Some(format!(
                "table {} is missing",
                log.definition.beside(suffix)
            )),
        }
    });
    own.chain(others)
        .map(|detail| Fault {
            fault: "protection",
            detail,
            ..Fault::default()
        })
        .collect()
}

/// Every erased value must be named by an erasure entry of its chain.
pub fn authority(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if beside(&log.relation, "erasure").is_none() {
        return faults;
    }
    let query = format!(
        "SELECT s.chain, s.sequence, s.entry::text, s.erased, array_agg(e.name)
         FROM {seal} s LEFT JOIN
              (SELECT e.chain, entry, name FROM {erasure} e, unnest(e.entries) entry,
                      unnest(e.columns) name) e
              ON e.chain = s.chain AND e.entry = s.sequence
         WHERE s.erased IS NOT NULL AND ($1 IS NULL OR s.chain = $1)
         GROUP BY s.chain, s.sequence, s.entry, s.erased ORDER BY s.chain, s.sequence",
        seal = log.definition.seal(),
        erasure = log.definition.erasure(),
    );
    sql::stream(
        &query,
        &[(pg_sys::TEXTOID, chain.into_datum())],
        |rows, row| {
            let erased: Vec<u8> = rows.get(row, 4).unwrap_or_default();
            let allowed: Vec<Option<String>> = rows.get(row, 5).unwrap_or_default();
            let slots = Slots {
                salt: &[],
                erased: &erased,
            };
            let gone: Vec<&str> = log
                .definition
                .erasable
                .iter()
                .enumerate()
                .filter(|(index, name)| {
                    slots.erased_of(*index).is_some()
                        && !allowed.iter().flatten().any(|a| a == *name)
                })
                .map(|(_, name)| name.as_str())
                .collect();
            if !gone.is_empty() {
                faults.push(Fault {
                    chain: Some(rows.text(row, 1)),
                    sequence: rows.get(row, 2),
                    entry: rows.get(row, 3),
                    fault: "erased without authority",
                    detail: format!("no erasure entry names {}", gone.join(", ")),
                    ..Fault::default()
                });
            }
        },
    );
    faults
}

/// Entries that wait for seal_audit prove nothing yet.
pub fn tail(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    if !log.definition.block {
        return Vec::new();
    }
    let query = format!(
        "SELECT t.chain, sum(cardinality(t.entries))::int8, min(t.written_at)::text
         FROM {} t WHERE $1 IS NULL OR t.chain = $1 GROUP BY t.chain ORDER BY t.chain",
        log.definition.tail()
    );
    let rows = sql::read(&query, &[(pg_sys::TEXTOID, chain.into_datum())]);
    (0..rows.len())
        .map(|row| {
            let count: i64 = rows.get(row, 2).unwrap_or_default();
            Fault {
                chain: Some(rows.text(row, 1)),
                fault: "unsealed",
                detail: format!("{count} entries, the oldest of {}", rows.text(row, 3)),
                ..Fault::default()
            }
        })
        .collect()
}
