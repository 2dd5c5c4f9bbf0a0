//! Attaching a mutual choice. The state is made anew from the choices each time, so that doing it
//! again repairs.

use super::attachment;
use super::canonical::{find, keep_check, members, named, run};
use super::choice::Definition;
use super::order::Order;
use super::ready;
use super::said::yes_or_no;
use crate::catalog::{self, Column, quote_ident, quote_literal};
use crate::error;
use pgrx::PgRelation;
use pgrx::prelude::*;

pub struct Wanted<'a> {
    pub choices: pg_sys::Oid,
    pub scope: Vec<String>,
    pub chooser: &'a str,
    pub target: &'a str,
    pub choice: &'a str,
    pub matches: pg_sys::Oid,
}

const EVENTS: [(&str, &str); 4] = [
    ("AFTER INSERT", "REFERENCING NEW TABLE AS new_rows"),
    (
        "AFTER UPDATE",
        "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    ),
    ("AFTER DELETE", "REFERENCING OLD TABLE AS old_rows"),
    ("BEFORE TRUNCATE", ""),
];

const SUFFIX: &str = "mutual";

pub fn create(wanted: &Wanted) {
    let lock = pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE;
    let choices = catalog::open_table(wanted.choices, lock);
    let matches = catalog::open_table(wanted.matches, lock);
    catalog::require_owner(&choices);
    catalog::require_owner(&matches);
    ready::require_one_table(&choices);
    let owner = catalog::owner(&choices);
    if !catalog::is_owner(&matches, owner) {
        error::raise(error::not_owner(&catalog::qualified_name(&matches)));
    }
    let (low, high) = pair_of(&matches);
    check(wanted, &choices, &matches, &low, &high);
    if choices.name().len() + 1 + SUFFIX.len() >= pg_sys::NAMEDATALEN as usize {
        error::raise(error::pair::name_too_long(&catalog::qualified_name(
            &choices,
        )));
    }
    let schema = quote_ident(choices.namespace());
    let table = format!("{}_{SUFFIX}", choices.name());
    let definition = Definition {
        state: format!("{schema}.{}", quote_ident(&table)),
        matches: catalog::qualified_name(&matches),
        low,
        high,
        chooser: wanted.chooser.to_owned(),
        target: wanted.target.to_owned(),
        choice: wanted.choice.to_owned(),
        scope: wanted.scope.clone(),
    };
    let names = Names::of(&choices);
    let order = Order::of(&choices, &catalog::column(&choices, wanted.chooser));
    drop((choices, matches));
    catalog::as_role(owner, || {
        let attached = attachment::all();
        let standing = find(&definition.state);
        if let Some(other) =
            standing.and_then(|state| attachment::other_user(&attached, wanted.choices, state))
        {
            let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
            let other = catalog::qualified_name(&catalog::open_table(other, lock));
            error::raise(error::pair::state_of_another(&definition.state, &other));
        }
        let triggers = EVENTS.map(|(event, _)| names.trigger(event));
        attachment::remove_former(
            &attached,
            wanted.choices,
            &names.choices,
            &triggers,
            standing,
        );
        let is_ours =
            standing.is_some_and(|state| attachment::is_state_of(&attached, wanted.choices, state));
        create_state(&definition, &names, &table, &order, is_ours);
        attach(&definition, &names);
        let people = [&definition.chooser, &definition.target].map(|name| quote_ident(name));
        keep_check(
            &names.choices,
            &names.check,
            &order.differ(&people[0], &people[1]),
        );
        fill(&definition, &names, &order);
    });
}

/// What the statements need of the choices once they are closed.
struct Names {
    choices: String,
    triggers: String,
    check: String,
}

impl Names {
    fn of(choices: &PgRelation) -> Names {
        Names {
            choices: catalog::qualified_name(choices),
            triggers: named(choices.name(), "keep_mutual_choice_truncate")
                .trim_end_matches("truncate")
                .to_owned(),
            check: quote_ident(&named(choices.name(), "pair_check")),
        }
    }

    fn trigger(&self, event: &str) -> String {
        let verb = event.rsplit(' ').next().unwrap_or_default();
        format!("{}{}", self.triggers, verb.to_lowercase())
    }
}

fn check(wanted: &Wanted, choices: &PgRelation, matches: &PgRelation, low: &str, high: &str) {
    let name = catalog::qualified_name(choices);
    let (chooser, target) = members(choices, wanted.chooser, wanted.target);
    yes_or_no(choices, wanted.choice);
    let scope = wanted.scope.iter().map(String::as_str);
    let here = scope
        .clone()
        .chain([chooser.name.as_str(), target.name.as_str()]);
    let there = scope.chain([low, high]);
    for (one, other) in here.clone().zip(there.clone()) {
        let (one, other) = (
            catalog::column(choices, one),
            catalog::column(matches, other),
        );
        Order::of(choices, &one);
        if !one.not_null {
            error::raise(error::pair::nullable(&name, &one.name));
        }
        if (one.type_oid, one.collation) != (other.type_oid, other.collation) {
            let type_of = |column: &Column| catalog::type_name(column.type_oid, column.type_mod);
            error::raise(error::pair::matches_do_not_fit(
                &name,
                &one.name,
                &type_of(&one),
                &catalog::qualified_name(matches),
                &other.name,
                &type_of(&other),
            ));
        }
    }
    require_unique(choices, here.map(str::to_owned).collect());
    require_unique(matches, there.map(str::to_owned).collect());
}

/// The columns that `create_canonical_pair` keeps in order.
fn pair_of(matches: &PgRelation) -> (String, String) {
    let arguments = catalog::rows(
        "SELECT tgargs FROM pg_catalog.pg_trigger WHERE tgrelid = $1
         AND tgfoid = pg_catalog.to_regprocedure('community_core.canonicalize_pair()')",
        &[matches.oid().into()],
        |row| row.get::<Vec<u8>>(1),
    );
    let arguments = arguments.into_iter().flatten().next().unwrap_or_default();
    let mut names = catalog::trigger_arguments(&arguments).into_iter();
    match (names.next(), names.next()) {
        (Some(low), Some(high)) => (low, high),
        _ => error::raise(error::pair::not_a_pair_table(&catalog::qualified_name(
            matches,
        ))),
    }
}

fn require_unique(table: &PgRelation, columns: Vec<String>) {
    let found = catalog::rows(
        "SELECT true FROM pg_catalog.pg_index i
         WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
           AND i.indpred IS NULL AND i.indexprs IS NULL
           AND pg_catalog.cardinality($2) = i.indnkeyatts
           AND NOT EXISTS (
               SELECT FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS place
               JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
               WHERE a.attname::pg_catalog.text <> ALL ($2))",
        &[table.oid().into(), columns.clone().into()],
        |row| row.get::<bool>(1),
    );
    if found.is_empty() {
        let name = catalog::qualified_name(table);
        error::raise(error::pair::no_unique_key(&name, &columns));
    }
}

/// Whether a table ($1) is a state as it is made from the choices ($2): the columns ($3) of the types
/// of theirs ($4), NULL standing for boolean, all NOT NULL; the key ($5) and the order ($6); closed.
const STATE: &str = "
SELECT true FROM pg_catalog.pg_class AS s WHERE s.oid = $1 AND s.relkind = 'r' AND s.relrowsecurity
    AND (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped) = $3
    AND NOT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) AS w(name, source)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = s.oid AND a.attname = w.name
        LEFT JOIN pg_catalog.pg_attribute AS c ON c.attrelid = $2 AND c.attname = w.source
        WHERE NOT a.attnotnull OR a.atthasdef
           OR a.atttypid <> coalesce(c.atttypid, 'boolean'::pg_catalog.regtype)
           OR a.atttypmod <> coalesce(c.atttypmod, -1) OR a.attcollation <> coalesce(c.attcollation, 0))
    AND EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = s.oid AND k.contype = 'p'
        AND (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY u.place)
            FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(number, place)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = s.oid AND a.attnum = u.number) = $5)
    AND EXISTS (SELECT FROM pg_catalog.pg_constraint AS o WHERE o.conrelid = s.oid AND o.contype = 'c'
        AND o.convalidated AND pg_catalog.pg_get_constraintdef(o.oid, true) = $6)
    AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(s.relacl) AS g
        LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
        WHERE g.grantee = 0 OR r.rolname IN ('anon', 'authenticated', 'service_role'))";

/// The table beside the choices. Nobody but its owner may look into it: it tells who chose whom. One
/// that is not as it should be, and `is_ours`, is made anew.
fn create_state(definition: &Definition, names: &Names, table: &str, order: &Order, is_ours: bool) {
    let columns: Vec<String> = definition.key().map(str::to_owned).collect();
    let wanted = [columns.clone(), vec!["low_yes".into(), "high_yes".into()]].concat();
    let low_high = order.less(
        &quote_ident(&definition.low),
        &quote_ident(&definition.high),
    );
    let sources = definition
        .scope
        .iter()
        .chain([&definition.chooser, &definition.target])
        .cloned();
    if let Some(standing) = find(&definition.state) {
        let sources: Vec<_> = sources.clone().map(Some).chain([None, None]).collect();
        let stands = catalog::rows(
            STATE,
            &[
                standing.into(),
                find(&names.choices).into(),
                wanted.into(),
                sources.into(),
                columns.clone().into(),
                format!("CHECK ({low_high})").into(),
            ],
            |row| row.get::<bool>(1),
        );
        if !stands.is_empty() {
            return;
        }
        if is_ours {
            run(&format!("DROP TABLE {}", definition.state));
        }
    }
    let key: Vec<_> = columns.iter().map(|column| quote_ident(column)).collect();
    let of_choices = |name: &str| format!("c.{}", quote_ident(name));
    let selected: Vec<_> = sources
        .zip(&key)
        .map(|(source, column)| format!("{} AS {column}", of_choices(&source)))
        .collect();
    let state = &definition.state;
    let not_null: Vec<_> = key
        .iter()
        .map(|column| format!("ALTER {column} SET NOT NULL"))
        .collect();
    run(&format!(
        "CREATE TABLE {state} AS SELECT {}, false AS low_yes, false AS high_yes
             FROM {} AS c WITH NO DATA;
         ALTER TABLE {state} {}, ALTER low_yes SET NOT NULL, ALTER high_yes SET NOT NULL,
             ADD CONSTRAINT {} PRIMARY KEY ({}), ADD CONSTRAINT {} CHECK ({low_high}),
             ENABLE ROW LEVEL SECURITY;
         COMMENT ON TABLE {state} IS {};",
        selected.join(", "),
        names.choices,
        not_null.join(", "),
        quote_ident(&named(table, "pkey")),
        key.join(", "),
        quote_ident(&named(table, "pair_check")),
        quote_literal(
            "Who said yes to whom, one row per pair while one of them does. Kept by \
             community_core.create_mutual_choice and made anew by it; for nobody to read."
        ),
    ));
    for role in catalog::rows(
        "SELECT 'PUBLIC' UNION ALL SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles
         WHERE rolname IN ('anon', 'authenticated', 'service_role')",
        &[],
        |row| Ok(row.get::<String>(1)?.unwrap_or_default()),
    ) {
        run(&format!("REVOKE ALL ON TABLE {state} FROM {role}"));
    }
}

fn attach(definition: &Definition, names: &Names) {
    let arguments: Vec<_> = definition
        .to_arguments()
        .iter()
        .map(|argument| quote_literal(argument))
        .collect();
    for (event, transitions) in EVENTS {
        run(&format!(
            "CREATE OR REPLACE TRIGGER {} {event} ON {} {transitions} FOR EACH STATEMENT
             EXECUTE FUNCTION community_core.keep_mutual_choice({})",
            quote_ident(&names.trigger(event)),
            names.choices,
            arguments.join(", ")
        ));
    }
}

fn fill(definition: &Definition, names: &Names, order: &Order) {
    let key: Vec<_> = definition.key().map(quote_ident).collect();
    let columns = key.join(", ");
    let [chooser, target, choice] =
        [&definition.chooser, &definition.target, &definition.choice].map(|name| quote_ident(name));
    let scope: String = definition
        .scope
        .iter()
        .map(|column| format!("{}, ", quote_ident(column)))
        .collect();
    let (low_yes, high_yes) = (order.less(&chooser, &target), order.less(&target, &chooser));
    run(&format!(
        "DELETE FROM {state};
         INSERT INTO {state} ({columns}, low_yes, high_yes)
         SELECT {scope}LEAST({chooser}, {target}), GREATEST({chooser}, {target}),
                pg_catalog.bool_or({low_yes}), pg_catalog.bool_or({high_yes})
         FROM {} WHERE {choice} GROUP BY {scope}LEAST({chooser}, {target}), GREATEST({chooser}, {target});
         INSERT INTO {} ({columns}) SELECT {columns} FROM {state} WHERE low_yes AND high_yes
         ON CONFLICT ({columns}) DO NOTHING",
        names.choices,
        definition.matches,
        state = definition.state,
    ));
}
