//! Attaching a policy: everything is checked, the statement is run once on no row, and then the
//! trigger is made.

use super::apply;
use super::policy::{Action, Policy};
use crate::catalog::{self, as_role, as_role_restricted, quote_ident, quote_literal};
use crate::error;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use pgrx::{PgRelation, pg_sys};
use serde_json::Value;

pub const TRIGGER: &str = "retention_";

pub struct Wanted {
    pub age_column: String,
    pub keep: Interval,
    pub action: String,
    pub columns: Option<Value>,
    pub summary: Option<String>,
    pub condition: Option<String>,
    pub log: String,
}

pub fn create(target: pg_sys::Oid, wanted: Wanted) -> String {
    let relation = apply::open(target, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
    let (table, schema) = (
        catalog::qualified_name(&relation),
        relation.namespace().to_owned(),
    );
    let owner = catalog::owner(&relation);
    let policy = checked(&relation, &table, wanted);
    if TRIGGER.len() + policy.name.len() >= pg_sys::NAMEDATALEN as usize {
        error::raise(error::retention::name_too_long(&policy.name));
    }
    make_log(&schema, &policy.log, &table, owner);
    as_role_restricted(owner, || apply::rehearse(&relation, &table, &policy));
    as_role(owner, || {
        // A table that is open cannot be altered.
        drop(relation);
        let arguments = policy.arguments().map(|argument| quote_literal(&argument));
        Spi::run(&format!(
            "CREATE OR REPLACE TRIGGER {} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT
             EXECUTE FUNCTION community_core.retention_policy({})",
            quote_ident(&format!("{TRIGGER}{}", policy.name)),
            arguments.join(", ")
        ))
        .unwrap_or_else(|failure| error::spi(failure));
    });
    policy.name
}

pub fn remove(target: pg_sys::Oid, policy: &str) -> bool {
    let relation = catalog::open_table(target, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE);
    catalog::require_owner(&relation);
    let table = catalog::qualified_name(&relation);
    drop(relation);
    let found = apply::policy(target, policy).is_some();
    if found {
        let trigger = quote_ident(&format!("{TRIGGER}{policy}"));
        Spi::run(&format!("DROP TRIGGER {trigger} ON {table}"))
            .unwrap_or_else(|failure| error::spi(failure));
    }
    found
}

fn checked(relation: &PgRelation, table: &str, wanted: Wanted) -> Policy {
    let action = Action::named(&wanted.action).unwrap_or_else(|| {
        error::raise(error::retention::unknown_action(
            &wanted.action,
            &Action::ALL.map(Action::name),
        ))
    });
    let age = catalog::column(relation, &wanted.age_column);
    if ![
        pg_sys::TIMESTAMPTZOID,
        pg_sys::TIMESTAMPOID,
        pg_sys::DATEOID,
    ]
    .contains(&age.type_oid)
    {
        let type_name = catalog::type_name(age.type_oid, age.type_mod);
        error::raise(error::retention::not_an_age(table, &age.name, &type_name));
    }
    match (action, &wanted.summary) {
        (Action::Summarize, Some(summary)) if summary == table => {
            error::raise(error::retention::summary_is_target(table))
        }
        (Action::Summarize, Some(_)) => {}
        (Action::Summarize, None) | (_, Some(_)) => {
            error::raise(error::retention::no_summary(action.name()))
        }
        (_, None) => {}
    }
    check_columns(relation, table, action, wanted.columns.as_ref());
    Policy {
        name: format!("{}_{}", action.name(), age.name),
        age_column: age.name,
        keep: interval(&wanted.keep),
        action,
        columns: wanted.columns,
        summary: wanted.summary,
        condition: wanted.condition.filter(|text| !text.trim().is_empty()),
        log: wanted.log,
    }
}

fn check_columns(relation: &PgRelation, table: &str, action: Action, columns: Option<&Value>) {
    let refuse = |wanted: &str| -> ! {
        error::raise(error::retention::columns_do_not_fit(action.name(), wanted))
    };
    match (action, columns) {
        (Action::Delete, None) => {}
        (Action::Delete, Some(_)) => refuse("no columns: the whole row goes"),
        (Action::Null, Some(Value::Array(names))) if !names.is_empty() => {
            for name in names {
                let Some(name) = name.as_str() else {
                    refuse("a list of column names, such as [\"body\"]")
                };
                if catalog::column(relation, name).not_null {
                    error::raise(error::retention::not_nullable(table, name));
                }
            }
        }
        (Action::Null, _) => refuse("a list of column names, such as [\"body\"]"),
        (_, Some(Value::Object(expressions)))
            if !expressions.is_empty() && expressions.values().all(Value::is_string) =>
        {
            if action == Action::Anonymize {
                for name in expressions.keys() {
                    catalog::column(relation, name);
                }
            }
        }
        (Action::Anonymize, _) => {
            refuse("an object from columns to SQL expressions, such as {\"name\": \"'gone'\"}")
        }
        (Action::Summarize, _) => refuse(
            "an object from columns of the summary to SQL expressions, such as \
             {\"day\": \"created_at::date\", \"events\": \"count(*)\"}",
        ),
    }
}

/// In words that mean the same under every IntervalStyle.
fn interval(keep: &Interval) -> String {
    let (months, days, micros) = (keep.months(), keep.days(), keep.micros());
    let parts: Vec<String> = [
        (i64::from(months), "months"),
        (i64::from(days), "days"),
        (micros, "microseconds"),
    ]
    .iter()
    .filter(|(count, _)| *count != 0)
    .map(|(count, unit)| format!("{count} {unit}"))
    .collect();
    if parts.is_empty() || months < 0 || days < 0 || micros < 0 {
        let said = if parts.is_empty() {
            "no time".to_owned()
        } else {
            parts.join(" ")
        };
        error::raise(error::retention::keep_nothing(&said));
    }
    parts.join(" ")
}

const LOG_COLUMNS: [&str; 8] = [
    "id",
    "run_id",
    "table_name",
    "policy",
    "cutoff",
    "rows",
    "failure",
    "logged_at",
];

/// The log that batches are recorded in, made by the table's owner where it is missing.
fn make_log(schema: &str, log: &str, table: &str, owner: pg_sys::Oid) {
    let name = format!("{}.{}", quote_ident(schema), quote_ident(log));
    let existing = apply::regclass(&name);
    match existing {
        Some(oid) => {
            let relation = catalog::open_table(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
            if catalog::owner(&relation) != owner {
                error::raise(error::retention::log_of_another(&name, table));
            }
            let is_ours = LOG_COLUMNS.iter().all(|wanted| {
                (relation.tuple_desc().iter()).any(|column| column.name() == *wanted)
            });
            if !is_ours {
                error::raise(error::retention::not_a_log(&name));
            }
        }
        None => as_role(owner, || {
            Spi::run(&format!(
                "CREATE TABLE {name} (
                     id         uuid        NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
                     run_id     uuid        NOT NULL,
                     table_name text        NOT NULL,
                     policy     text        NOT NULL,
                     cutoff     timestamptz NOT NULL,
                     rows       bigint      NOT NULL,
                     failure    text,
                     logged_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
                     CONSTRAINT {} PRIMARY KEY (id));
                 ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
                 REVOKE ALL ON {name} FROM PUBLIC, anon, authenticated, service_role;
                 COMMENT ON TABLE {name} IS 'What retention policies did, a row per batch; the last batch of a policy in a run touches no row, or says why it failed.'",
                quote_ident(&format!("{log}_pkey"))
            ))
            .unwrap_or_else(|failure| error::spi(failure));
        }),
    }
    Spi::run(&format!(
        "SELECT community_core.create_audit_log({}::pg_catalog.regclass)",
        quote_literal(&name)
    ))
    .unwrap_or_else(|failure| error::spi(failure));
}
