//! The statements of a policy. Each takes the cutoff ($1), the size of the batch ($2) and how many
//! rows to pass over ($3), and says how many rows it chose, how many of them it touched, and how many
//! of those would be touched again at once.
//!
//! The names `doomed` and its columns are the only ones that the expressions of a policy could
//! collide with.

use super::policy::{Action, Policy};

/// What a policy does to a column: its name and type as SQL writes them, and the expression.
pub struct Change {
    pub column: String,
    pub type_name: String,
    pub expression: String,
}

/// One column of a summary, as SQL writes it, and the expression that fills it.
pub struct Figure {
    pub column: String,
    pub expression: String,
}

/// How two figures of the same key become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Merge {
    Key,
    Add,
    Least,
    Greatest,
}

impl Merge {
    /// By the function that the whole expression is a call of. What is made of such calls cannot be
    /// merged, nor can what counts each value once: it is taken for a key, and no key holds an
    /// aggregate (42803).
    pub fn of(expression: &str) -> Merge {
        let Some((name, arguments)) = whole_call(expression) else {
            return Merge::Key;
        };
        let first = arguments.split_whitespace().next().unwrap_or_default();
        if first.eq_ignore_ascii_case("distinct") {
            return Merge::Key;
        }
        let function = name.to_ascii_lowercase();
        match function.trim_start_matches("pg_catalog.") {
            "count" | "sum" => Merge::Add,
            "min" => Merge::Least,
            "max" => Merge::Greatest,
            _ => Merge::Key,
        }
    }
}

/// Name and arguments of a call that is all of the expression, but for a FILTER.
fn whole_call(expression: &str) -> Option<(&str, &str)> {
    let (name, rest) = expression.trim().split_once('(')?;
    let (arguments, rest) = rest.split_at_checked(closing(rest)?)?;
    let rest = rest[1..].trim_start();
    let is_whole = rest.is_empty()
        || rest
            .get(..6)
            .is_some_and(|word| word.eq_ignore_ascii_case("filter"))
            && rest[6..]
                .trim_start()
                .strip_prefix('(')
                .is_some_and(|inside| {
                    closing(inside).is_some_and(|end| inside[end + 1..].trim().is_empty())
                });
    is_whole.then_some((name.trim(), arguments))
}

/// Where the parenthesis ends that was opened before `text`; what is quoted does not count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (place, character) in text.char_indices() {
        match (quote, character) {
            (Some(mark), _) if character == mark => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(place),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The rows whose time has come: in the order of their age, those that somebody else holds left out,
/// nor, where $3 says so, the first ones. `exactly`: rows of one age have an order too, which no
/// index on the age gives.
fn doomed(table: &str, age: &str, policy: &Policy, unless_done: &str, exactly: bool) -> String {
    let place = if exactly { ", t.tableoid, t.ctid" } else { "" };
    format!(
        "doomed AS MATERIALIZED (
             SELECT t.tableoid AS doomed_part, t.ctid AS doomed_place FROM {table} AS t
             WHERE t.{age} < $1 {} {unless_done}
             ORDER BY t.{age}{place} LIMIT $2 OFFSET $3 FOR UPDATE SKIP LOCKED)",
        condition(policy)
    )
}

/// The line's end ends a comment that the condition might end with.
fn condition(policy: &Policy) -> String {
    match &policy.condition {
        Some(condition) => format!("AND ({condition}\n)"),
        None => String::new(),
    }
}

const HERE: &str = "t.ctid = doomed_place AND t.tableoid = doomed_part";

const CHOSEN: &str = "(SELECT pg_catalog.count(*) FROM doomed)";

pub fn delete(table: &str, age: &str, policy: &Policy, exactly: bool) -> String {
    format!(
        "WITH {}, gone AS (DELETE FROM {table} AS t USING doomed WHERE {HERE} RETURNING 1)
         SELECT {CHOSEN}, pg_catalog.count(*), 0::bigint FROM gone",
        doomed(table, age, policy, "", exactly)
    )
}

pub fn change(
    table: &str,
    age: &str,
    policy: &Policy,
    changes: &[Change],
    exactly: bool,
) -> String {
    let value =
        |change: &Change| format!("CAST(({}\n) AS {})", change.expression, change.type_name);
    let different = changes
        .iter()
        .map(|change| format!("t.{} IS DISTINCT FROM {}", change.column, value(change)))
        .collect::<Vec<_>>()
        .join(" OR ");
    let set = changes
        .iter()
        .map(|change| format!("{} = {}", change.column, value(change)))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "WITH {}, changed AS (UPDATE {table} AS t SET {set} FROM doomed WHERE {HERE}
                              RETURNING ({different}) AS again)
         SELECT {CHOSEN}, pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE again) FROM changed",
        doomed(table, age, policy, &format!("AND ({different})"), exactly)
    )
}

pub fn summarize(
    table: &str,
    age: &str,
    policy: &Policy,
    figures: &[Figure],
    exactly: bool,
) -> String {
    let summary = policy.summary.as_deref().unwrap_or_default();
    let list =
        |of: &dyn Fn(&Figure) -> String| figures.iter().map(of).collect::<Vec<_>>().join(", ");
    let keys: Vec<&Figure> = figures
        .iter()
        .filter(|figure| Merge::of(&figure.expression) == Merge::Key)
        .collect();
    let key_columns: Vec<_> = keys.iter().map(|key| key.column.as_str()).collect();
    let key_expressions: Vec<_> = keys
        .iter()
        .map(|key| format!("({}\n)", key.expression))
        .collect();
    let merged: Vec<_> = figures
        .iter()
        .filter_map(|figure| {
            let column = &figure.column;
            let (old, new) = (format!("s.{column}"), format!("excluded.{column}"));
            let value = match Merge::of(&figure.expression) {
                Merge::Key => return None,
                Merge::Add => format!("coalesce({old} + {new}, {old}, {new})"),
                Merge::Least => format!("LEAST({old}, {new})"),
                Merge::Greatest => format!("GREATEST({old}, {new})"),
            };
            Some(format!("{column} = {value}"))
        })
        .collect();
    let conflict = if merged.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", merged.join(", "))
    };
    format!(
        "WITH {}, gone AS (DELETE FROM {table} AS t USING doomed WHERE {HERE} RETURNING t.*),
         summarized AS (
             INSERT INTO {summary} AS s ({})
             SELECT {} FROM gone GROUP BY {}
             ON CONFLICT ({}) DO {conflict})
         SELECT {CHOSEN}, pg_catalog.count(*), 0::bigint FROM gone",
        doomed(table, age, policy, "", exactly),
        list(&|figure| figure.column.clone()),
        list(&|figure| format!("({}\n)", figure.expression)),
        key_expressions.join(", "),
        key_columns.join(", "),
    )
}

/// Takes the cutoff ($1): how many rows are due, and the oldest of them.
pub fn due(table: &str, age: &str, policy: &Policy, changes: &[Change]) -> String {
    let unless_done = match policy.action {
        Action::Null | Action::Anonymize => {
            let different: Vec<_> = changes
                .iter()
                .map(|change| {
                    format!(
                        "t.{} IS DISTINCT FROM CAST(({}\n) AS {})",
                        change.column, change.expression, change.type_name
                    )
                })
                .collect();
            format!("AND ({})", different.join(" OR "))
        }
        Action::Delete | Action::Summarize => String::new(),
    };
    format!(
        "SELECT pg_catalog.count(*), pg_catalog.min(t.{age})::timestamptz FROM {table} AS t
         WHERE t.{age} < $1 {} {unless_done}",
        condition(policy)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_of_a_figure_says_how_it_is_added_up() {
        assert_eq!(Merge::of("count(*)"), Merge::Add);
        assert_eq!(Merge::of("SUM (amount)"), Merge::Add);
        assert_eq!(Merge::of("pg_catalog.min(created_at)"), Merge::Least);
        assert_eq!(Merge::of("max(created_at)"), Merge::Greatest);
        assert_eq!(Merge::of("date_trunc('day', created_at)"), Merge::Key);
        assert_eq!(Merge::of("event_type"), Merge::Key);
        assert_eq!(Merge::of("counter(x)"), Merge::Key);
        assert_eq!(Merge::of("sum(a) / count(*)"), Merge::Key);
        assert_eq!(Merge::of("max(a) - min(a)"), Merge::Key);
        assert_eq!(Merge::of("count(DISTINCT who)"), Merge::Key);
        assert_eq!(Merge::of("sum(coalesce(a, (b)))"), Merge::Add);
        assert_eq!(Merge::of("count(*) FILTER (WHERE kind = ')')"), Merge::Add);
        assert_eq!(Merge::of("count(*) FILTER (WHERE a) + 1"), Merge::Key);
    }

    #[test]
    fn a_comment_at_the_end_of_a_condition_ends_with_it() {
        let policy = Policy {
            name: "delete_at".into(),
            age_column: "at".into(),
            keep: "1 day".into(),
            action: Action::Delete,
            columns: None,
            summary: None,
            condition: Some("true -- all".into()),
            log: "retention_log".into(),
        };
        assert!(delete("t", "at", &policy, false).contains("AND (true -- all\n)"));
    }
}
