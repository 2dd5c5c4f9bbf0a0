//! The SQL of one counter. Everything is qualified, so that no search_path misreads it; `p` is
//! the parent, `c` the child, `d` the changes that come in as arrays, `a` what a recount gives,
//! `s` the side table.
//!
//! Parents are locked in the order of their keys, and only `FOR NO KEY UPDATE`: the foreign key of
//! a child being inserted holds its parent `FOR KEY SHARE`, and two children of one parent would
//! each wait for the other if the lock were stronger.

use super::keys::KeyPair;
use super::side;
use super::spec::{Empty, Measure, Spec};
use crate::catalog::{self, quote_ident, quote_literal};
use pgrx::PgRelation;

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
    /// The type of the column the counter is named after.
    column_type: String,
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

    fn amounts(&self) -> usize {
        if matches!(self.measure, Measure::Average { .. }) {
            2
        } else {
            1
        }
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
        format!("{column} = COALESCE(p.{column}, 0) {PLUS} {amount}")
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
                let key = self.key_columns();
                let side = &self.side;
                format!(
                    "WITH changed AS (INSERT INTO {side} AS s ({key}, total, n) \
                     SELECT {0}, d.a0, d.a1 FROM {grouped} AS d ON CONFLICT ({key}) DO UPDATE \
                     SET total = s.total {PLUS} excluded.total, n = s.n {PLUS} excluded.n \
                     RETURNING {1}, s.total AS a0, s.n AS a1) \
                     UPDATE {2} AS p SET {3} FROM changed AS d WHERE {4}",
                    self.key_of("d"),
                    self.key_of("s"),
                    self.parent,
                    self.average_set("d", count.as_deref()),
                    self.same("p", "d")
                )
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

    /// What the children of the rows of `source`, which has alias `p`, come to, by parent key.
    fn actual(&self, source: &str) -> String {
        let value = self.measure.value().map(quote_ident).unwrap_or_default();
        let aggregates = match self.measure {
            Measure::Count { .. } => "pg_catalog.count(*) AS a0".to_owned(),
            Measure::Sum { .. } => {
                format!("pg_catalog.sum(c.{value})::pg_catalog.numeric AS a0")
            }
            Measure::Average { .. } => format!(
                "pg_catalog.sum(c.{value})::pg_catalog.numeric AS a0, \
                 pg_catalog.count(c.{value}) AS a1"
            ),
        };
        let matches = self.each(" AND ", |_, key| {
            format!("p.{} {} c.{}", key.parent, key.equals, key.child)
        });
        format!(
            "(SELECT {0}, {aggregates} FROM {source} JOIN (SELECT * FROM {1} WHERE {2}) AS c \
             ON {matches} GROUP BY {0})",
            self.key_of("p"),
            self.child,
            self.counted
        )
    }

    /// Every parent with what is stored and what a recount gives: `FROM ...` with `v` for each
    /// stored figure (name, stored, actual), only where they differ.
    fn wrong(&self) -> String {
        self.wrong_among(&format!("{} AS p", self.parent))
    }

    /// The same of the rows of `parents`, which has alias `p`.
    fn wrong_among(&self, parents: &str) -> String {
        let column = self.measure.column();
        let stored = |column: &str| format!("p.{}::pg_catalog.numeric", quote_ident(column));
        let row = |name: &str, stored: &str, actual: &str| {
            format!(
                "({}, {stored}, ({actual})::pg_catalog.numeric)",
                quote_literal(name)
            )
        };
        let count = "COALESCE(a.a0, 0)";
        let mut side = String::new();
        let mut rows = Vec::new();
        match &self.measure {
            Measure::Average { count, .. } => {
                side = format!(" LEFT JOIN {} AS s ON {}", self.side, self.same("p", "s"));
                let average = format!("{}::{}", self.average("a"), self.column_type);
                rows.push(row(column, &stored(column), &average));
                if let Some(count) = count {
                    rows.push(row(count, &stored(count), "COALESCE(a.a1, 0)"));
                }
                let name = format!("{column} (its sum)");
                rows.push(row(&name, "COALESCE(s.total, 0)", "COALESCE(a.a0, 0)"));
                let name = format!("{column} (its count)");
                rows.push(row(
                    &name,
                    "COALESCE(s.n, 0)::pg_catalog.numeric",
                    "COALESCE(a.a1, 0)",
                ));
            }
            _ if self.slots > 0 => {
                side = format!(
                    " LEFT JOIN (SELECT {0}, pg_catalog.sum(s.amount) AS amount FROM {1} AS s \
                     GROUP BY {0}) AS s ON {2}",
                    self.key_of("s"),
                    self.side,
                    self.same("p", "s")
                );
                let value = format!("{} {PLUS} COALESCE(s.amount, 0)", stored(column));
                rows.push(row(column, &value, count));
            }
            _ => rows.push(row(column, &stored(column), count)),
        }
        format!(
            "FROM {parents} LEFT JOIN {} AS a ON {}{side} \
             CROSS JOIN LATERAL (VALUES {}) AS v(name, stored, actual) \
             WHERE v.stored IS DISTINCT FROM v.actual AND ({}) IS FALSE",
            self.actual(parents),
            self.same("p", "a"),
            rows.join(", "),
            self.each(" OR ", |_, key| format!("p.{} IS NULL", key.parent))
        )
    }

    /// (key, counter, stored, actual) of every difference.
    pub fn differences(&self) -> String {
        let key = match self.keys.as_slice() {
            [one] => format!("p.{}::pg_catalog.text", one.parent),
            _ => format!("ROW({})::pg_catalog.text", self.key_of("p")),
        };
        format!(
            "SELECT {key}, v.name, v.stored, v.actual {} ORDER BY {}, v.name",
            self.wrong(),
            self.key_of("p")
        )
    }

    /// (parents that were looked at, how many of them are wrong) in a sample of the blocks of the
    /// parent; with one seed the sample is the same wherever it is read.
    pub fn sample(&self, parents: i32, seed: i32) -> String {
        let parents = format!(
            "{0} AS p TABLESAMPLE SYSTEM ((SELECT 100.0 OPERATOR(pg_catalog.*) {parents} \
             OPERATOR(pg_catalog./) GREATEST(t.reltuples::pg_catalog.numeric, {parents}) \
             FROM pg_catalog.pg_class AS t WHERE t.oid OPERATOR(pg_catalog.=) {1}::pg_catalog.regclass)) \
             REPEATABLE ({seed})",
            self.parent,
            quote_literal(&self.parent)
        );
        format!(
            "SELECT (SELECT pg_catalog.count(*) FROM {parents}), \
             (SELECT pg_catalog.count(DISTINCT ROW({})::pg_catalog.text) {})",
            self.key_of("p"),
            self.wrong_among(&parents)
        )
    }

    /// The keys of wrong parents, as arrays of at most $1, in order; at most $2 of them in all.
    pub fn wrong_keys(&self) -> String {
        let arrays = self.each(", ", |_, key| {
            format!("pg_catalog.array_agg(w.{} ORDER BY w.i)", key.parent)
        });
        format!(
            "SELECT {arrays}, pg_catalog.count(*) FROM (SELECT k.*, pg_catalog.row_number() \
             OVER (ORDER BY {0}) AS i FROM (SELECT DISTINCT {1} {2}) AS k \
             ORDER BY i LIMIT $2) AS w \
             GROUP BY (w.i OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) $1 \
             ORDER BY pg_catalog.min(w.i)",
            self.key_of("k"),
            self.key_of("p"),
            self.wrong()
        )
    }

    /// Locks a list of parents.
    pub fn lock_parents(&self) -> String {
        format!(
            "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {} AS p, {} WHERE {} \
             ORDER BY {} FOR NO KEY UPDATE OF p) AS locked",
            self.parent,
            self.parents("d", false),
            self.same("p", "d"),
            self.key_of("p")
        )
    }

    /// Arrays of the keys of a list of parents and of what their children come to.
    pub fn count_parents(&self) -> String {
        let keys = self.each(", ", |_, key| {
            format!("pg_catalog.array_agg(d.{})", key.parent)
        });
        let amounts = (0..self.amounts())
            .map(|i| format!("pg_catalog.array_agg(COALESCE(a.a{i}, 0))"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "SELECT {keys}, {amounts} FROM {} LEFT JOIN {} AS a ON {}",
            self.parents("d", false),
            self.actual(&self.parents("p", false)),
            self.same("d", "a")
        )
    }

    /// Sets a list of parents to a list of figures; first what the side table holds of them.
    pub fn set_parents(&self) -> Vec<String> {
        let list = self.parents("d", true);
        let column = quote_ident(self.measure.column());
        let mut statements = Vec::new();
        let set = match &self.measure {
            Measure::Average { count, .. } => {
                let key = self.key_columns();
                statements.push(format!(
                    "INSERT INTO {} AS s ({key}, total, n) SELECT {}, d.a0, d.a1 FROM {list} \
                     ON CONFLICT ({key}) DO UPDATE SET total = excluded.total, n = excluded.n",
                    self.side,
                    self.key_of("d")
                ));
                self.average_set("d", count.as_deref())
            }
            _ => {
                if self.slots > 0 {
                    statements.push(format!(
                        "DELETE FROM {} AS s USING {list} WHERE {}",
                        self.side,
                        self.same("s", "d")
                    ));
                }
                format!("{column} = d.a0")
            }
        };
        statements.push(format!(
            "UPDATE {} AS p SET {set} FROM {list} WHERE {}",
            self.parent,
            self.same("p", "d")
        ));
        statements
    }

    /// The keys of parents with something in their slots, as [`Sql::wrong_keys`] gives them.
    pub fn slotted_keys(&self) -> String {
        let arrays = self.each(", ", |_, key| {
            format!("pg_catalog.array_agg(w.{} ORDER BY w.i)", key.parent)
        });
        format!(
            "SELECT {arrays}, pg_catalog.count(*) FROM (SELECT k.*, pg_catalog.row_number() \
             OVER (ORDER BY {0}) AS i FROM (SELECT DISTINCT {1} FROM {2} AS s \
             WHERE s.amount OPERATOR(pg_catalog.<>) 0) AS k) AS w \
             GROUP BY (w.i OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) $1 \
             ORDER BY pg_catalog.min(w.i)",
            self.key_of("k"),
            self.key_of("s"),
            self.side
        )
    }

    /// Moves the slots of a list of locked parents into their column. What is taken from a slot is
    /// what was read under its lock, so that an increment that comes in between stays.
    pub fn fold(&self) -> String {
        format!(
            "WITH full_slots AS MATERIALIZED (SELECT {0}, s.slot, s.amount FROM {1} AS s, {2} \
             WHERE {3} AND s.amount OPERATOR(pg_catalog.<>) 0 \
             ORDER BY {0}, s.slot FOR NO KEY UPDATE OF s), \
             emptied AS (UPDATE {1} AS s SET amount = s.amount OPERATOR(pg_catalog.-) f.amount \
             FROM full_slots AS f WHERE {4} AND s.slot OPERATOR(pg_catalog.=) f.slot) \
             UPDATE {5} AS p SET {6} FROM (SELECT {7}, pg_catalog.sum(f.amount) AS amount \
             FROM full_slots AS f GROUP BY {7}) AS d WHERE {8}",
            self.key_of("s"),
            self.side,
            self.parents("d", false),
            self.same("s", "d"),
            self.same("s", "f"),
            self.parent,
            self.plus("d.amount"),
            self.key_of("f"),
            self.same("p", "d")
        )
    }
}
