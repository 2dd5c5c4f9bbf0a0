//! The SQL of one counter. Everything is qualified, so that no search_path misreads it; `p` is
//! the parent, `c` the child, `d` the changes that come in as arrays, `a` what a recount gives,
//! `s` the side table.
//!
//! Parents are locked in the order of their keys, and only `FOR NO KEY UPDATE`: the foreign key of
//! a child being inserted holds its parent `FOR KEY SHARE`, and two children of one parent would
//! each wait for the other if the lock were stronger.

mod recount;

use super::keys::KeyPair;
use super::side;
use super::spec::{Empty, Measure, Spec};
use crate::catalog::{self, quote_ident};
use pgrx::{PgRelation, pg_sys};

pub struct Sql {
    parent: String,
    child: String,
    counted: String,
    keys: Vec<KeyPair>,
    measure: Measure,
    slots: u16,
    side: String,
    /// What an average is of no children, as SQL.
    empty: String,
    /// The type of the column the counter is named after, and whether it may be NULL.
    column_type: String,
    nullable: bool,
}

const PLUS: &str = "OPERATOR(pg_catalog.+)";

impl Sql {
    pub fn new(spec: &Spec, child: &PgRelation, parent: &PgRelation, keys: Vec<KeyPair>) -> Sql {
        let column = catalog::column(parent, spec.measure.column());
        let empty = match &spec.measure {
            Measure::Average {
                empty: Empty::Default,
                ..
            } => super::check::default_of(parent, &column),
            _ => None,
        };
        Sql {
            parent: catalog::qualified_name(parent),
            child: catalog::qualified_name(child),
            counted: spec.counted.clone().unwrap_or_else(|| "true".to_owned()),
            keys,
            measure: spec.measure.clone(),
            slots: spec.slots,
            side: side::qualified_name(spec),
            empty: empty.unwrap_or_else(|| "NULL".to_owned()),
            column_type: catalog::type_name(column.type_oid, column.type_mod),
            nullable: !column.not_null,
        }
    }

    pub fn side(&self) -> &str {
        &self.side
    }

    fn each(&self, separator: &str, one: impl Fn(usize, &KeyPair) -> String) -> String {
        self.keys
            .iter()
            .enumerate()
            .map(|(i, k)| one(i, k))
            .collect::<Vec<_>>()
            .join(separator)
    }

    /// The parent's key columns, as `alias` has them.
    fn key_of(&self, alias: &str) -> String {
        self.each(", ", |_, key| format!("{alias}.{}", key.parent))
    }

    fn key_columns(&self) -> String {
        self.each(", ", |_, key| key.parent.clone())
    }

    /// `left` and `right` both have the parent's key columns.
    fn same(&self, left: &str, right: &str) -> String {
        self.each(" AND ", |_, key| {
            format!("{left}.{0} {1} {right}.{0}", key.parent, key.same)
        })
    }

    /// The parent against child keys that came in as `d.k0`, `d.k1`, ...
    fn listed(&self) -> String {
        self.each(" AND ", |i, key| {
            format!("p.{} {} d.k{i}", key.parent, key.equals)
        })
    }

    fn amount_types(&self) -> &'static [pg_sys::Oid] {
        super::resolve::amount_types(&self.measure)
    }

    fn amounts(&self) -> usize {
        self.amount_types().len()
    }

    fn amount_columns(&self, prefix: &str) -> String {
        (0..self.amounts())
            .map(|i| format!("{prefix}a{i}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Arrays of child keys and amounts as rows of `d`; of the keys alone without `amounts`.
    fn changes(&self, amounts: bool) -> String {
        let width = self.keys.len();
        let count = if amounts {
            width + self.amounts()
        } else {
            width
        };
        let lists = (1..=count)
            .map(|i| format!("pg_catalog.unnest(${i})"))
            .collect::<Vec<_>>();
        let mut columns = self.each(", ", |i, _| format!("k{i}"));
        if amounts {
            columns = format!("{columns}, {}", self.amount_columns(""));
        }
        format!("ROWS FROM ({}) AS d({columns})", lists.join(", "))
    }

    /// Arrays of parent keys as rows of `alias`, under the parent's column names.
    fn parents(&self, alias: &str, amounts: bool) -> String {
        let width = self.keys.len();
        let count = if amounts {
            width + self.amounts()
        } else {
            width
        };
        let lists = (1..=count)
            .map(|i| format!("pg_catalog.unnest(${i})"))
            .collect::<Vec<_>>();
        let mut columns = self.key_columns();
        if amounts {
            columns = format!("{columns}, {}", self.amount_columns(""));
        }
        format!("ROWS FROM ({}) AS {alias}({columns})", lists.join(", "))
    }

    fn plus(&self, amount: &str) -> String {
        let column = quote_ident(self.measure.column());
        if self.nullable {
            format!("{column} = COALESCE(p.{column}, 0) {PLUS} {amount}")
        } else {
            format!("{column} = p.{column} {PLUS} {amount}")
        }
    }

    /// One parent, its key and the amount as parameters. `None` for averages.
    pub fn add_one(&self) -> Option<String> {
        let width = self.keys.len();
        let key = |alias: &str| {
            self.each(" AND ", |i, key| {
                format!("{alias}.{} {} ${}", key.parent, key.equals, i + 1)
            })
        };
        match (&self.measure, self.slots) {
            (Measure::Average { .. }, _) => None,
            (_, 0) => Some(format!(
                "UPDATE {} AS p SET {} WHERE {}",
                self.parent,
                self.plus(&format!("${}", width + 1)),
                key("p")
            )),
            (_, _) => Some(format!(
                "UPDATE {} AS s SET amount = s.amount {PLUS} ${} \
                 WHERE {} AND s.slot OPERATOR(pg_catalog.=) ${}",
                self.side,
                width + 1,
                key("s"),
                width + 2
            )),
        }
    }

    /// Locks the parents of a list of child keys; gives how many there are.
    pub fn lock(&self) -> String {
        format!(
            "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {} AS p, {} WHERE {} \
             ORDER BY {} FOR NO KEY UPDATE OF p) AS locked",
            self.parent,
            self.changes(false),
            self.listed(),
            self.key_of("p")
        )
    }

    /// How many parents a list of child keys has, without a lock.
    pub fn present(&self) -> String {
        format!(
            "SELECT pg_catalog.count(*) FROM {} AS p, {} WHERE {}",
            self.parent,
            self.changes(false),
            self.listed()
        )
    }

    /// Adds a list of amounts to their parents. Parents that are gone are passed over.
    pub fn add(&self) -> String {
        // Keyed by the parent's own key, of which two images of one value have but one.
        let sums = (0..self.amounts())
            .map(|i| format!("pg_catalog.sum(d.a{i}) AS a{i}"))
            .collect::<Vec<_>>()
            .join(", ");
        let grouped = format!(
            "(SELECT {0}, {sums} FROM {1} AS p, {2} WHERE {3} GROUP BY {0})",
            self.key_of("p"),
            self.parent,
            self.changes(true),
            self.listed()
        );
        match &self.measure {
            Measure::Average { count, .. } => {
                self.add_averages(&format!("{grouped} AS d"), count.as_deref())
            }
            _ if self.slots > 0 => {
                let key = self.key_columns();
                format!(
                    "INSERT INTO {} AS s ({key}, slot, amount) SELECT {}, ${}, d.a0 \
                     FROM {grouped} AS d ORDER BY {} ON CONFLICT ({key}, slot) DO UPDATE \
                     SET amount = s.amount {PLUS} excluded.amount",
                    self.side,
                    self.key_of("d"),
                    self.keys.len() + 2,
                    self.key_of("d")
                )
            }
            _ if self.keys.iter().all(|key| key.image_is_identity) => format!(
                "UPDATE {} AS p SET {} FROM {} WHERE {}",
                self.parent,
                self.plus("d.a0"),
                self.changes(true),
                self.listed()
            ),
            _ => format!(
                "UPDATE {} AS p SET {} FROM {grouped} AS d WHERE {}",
                self.parent,
                self.plus("d.a0"),
                self.same("p", "d")
            ),
        }
    }

    /// Adds the sums and numbers of `d`, by parent key, to the side table, and sets the averages.
    fn add_averages(&self, d: &str, count: Option<&str>) -> String {
        let key = self.key_columns();
        let side = &self.side;
        format!(
            "WITH changed AS (INSERT INTO {side} AS s ({key}, total, n) \
             SELECT {0}, d.a0, d.a1 FROM {d} ON CONFLICT ({key}) DO UPDATE \
             SET total = s.total {PLUS} excluded.total, n = s.n {PLUS} excluded.n \
             RETURNING {1}, s.total AS a0, s.n AS a1) \
             UPDATE {2} AS p SET {3} FROM changed AS d WHERE {4}",
            self.key_of("d"),
            self.key_of("s"),
            self.parent,
            self.average_set("d", count),
            self.same("p", "d")
        )
    }

    fn average(&self, of: &str) -> String {
        format!(
            "(CASE WHEN {of}.a1 OPERATOR(pg_catalog.>) 0 \
             THEN {of}.a0 OPERATOR(pg_catalog./) {of}.a1 ELSE {} END)",
            self.empty
        )
    }

    fn average_set(&self, from: &str, count: Option<&str>) -> String {
        let mut set = format!(
            "{} = {}",
            quote_ident(self.measure.column()),
            self.average(from)
        );
        if let Some(count) = count {
            set.push_str(&format!(", {} = {from}.a1", quote_ident(count)));
        }
        set
    }

    /// Which of a list of child keys have no parent, by their places from 1.
    pub fn orphans(&self) -> String {
        let lists = (1..=self.keys.len())
            .map(|i| format!("pg_catalog.unnest(${i})"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "SELECT d.i FROM ROWS FROM ({lists}) WITH ORDINALITY AS d({}, i) \
             WHERE NOT EXISTS (SELECT FROM {} AS p WHERE {})",
            self.each(", ", |i, _| format!("k{i}")),
            self.parent,
            self.listed()
        )
    }
}
