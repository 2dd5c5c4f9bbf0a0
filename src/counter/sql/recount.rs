//! The SQL that counts: what children come to, what is stored beside it, and setting that right.

use super::{PLUS, Sql};
use crate::catalog::{self, quote_ident, quote_literal};
use crate::counter::spec::Measure;

impl Sql {
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

    /// The same less what the parents came with, a list of amounts, and with the amounts of a second
    /// list, of children's keys.
    pub fn owed_to_parents(&self) -> String {
        let keys = self.each(", ", |_, key| {
            format!("pg_catalog.array_agg(d.{})", key.parent)
        });
        let amounts = (0..self.amounts())
            .map(|i| {
                format!(
                    "pg_catalog.array_agg(COALESCE(a.a{i}, 0) OPERATOR(pg_catalog.-) d.a{i} \
                     {PLUS} COALESCE(o.a{i}, 0))"
                )
            })
            .collect::<Vec<_>>()
            .join(", ");
        let all = self.keys.len() + self.amounts();
        let orphans = (all + 1..=2 * all)
            .map(|i| format!("pg_catalog.unnest(${i})"))
            .collect::<Vec<_>>()
            .join(", ");
        let orphan_keys = self.each(", ", |i, _| format!("k{i}"));
        let orphan_of = self.each(" AND ", |i, key| {
            format!("p.{} {} l.k{i}", key.parent, key.equals)
        });
        let sums = (0..self.amounts())
            .map(|i| {
                let of = catalog::type_name(self.amount_types()[i], -1);
                format!("pg_catalog.sum(l.a{i})::{of} AS a{i}")
            })
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "SELECT {keys}, {amounts} FROM {} LEFT JOIN {} AS a ON {} \
             LEFT JOIN (SELECT {own}, {sums} FROM {} JOIN ROWS FROM ({orphans}) AS l({orphan_keys}, {}) \
             ON {orphan_of} GROUP BY {own}) AS o ON {}",
            self.parents("d", true),
            self.actual(&self.parents("p", false)),
            self.same("d", "a"),
            self.parents("p", false),
            self.amount_columns(""),
            self.same("d", "o"),
            own = self.key_of("p"),
        )
    }

    /// What the side table holds of one parent, its key as parameters.
    pub fn beside(&self) -> Option<String> {
        let what = match &self.measure {
            Measure::Average { .. } => {
                "COALESCE(pg_catalog.sum(s.total), 0), \
                 COALESCE(pg_catalog.sum(s.n), 0)::pg_catalog.int8"
            }
            _ if self.slots > 0 => "COALESCE(pg_catalog.sum(s.amount), 0)::pg_catalog.int8",
            _ => return None,
        };
        Some(format!(
            "SELECT {what} FROM {} AS s WHERE {}",
            self.side,
            self.each(" AND ", |i, key| format!(
                "s.{} {} ${}",
                key.parent,
                key.same,
                i + 1
            ))
        ))
    }

    /// Adds a list of amounts to a list of parents, to those that are still there.
    pub fn add_to_parents(&self) -> String {
        let list = self.parents("d", true);
        match &self.measure {
            Measure::Average { count, .. } => {
                let there = format!(
                    "(SELECT d.* FROM {list} JOIN {} AS p ON {}) AS d",
                    self.parent,
                    self.same("p", "d")
                );
                self.add_averages(&there, count.as_deref())
            }
            _ => format!(
                "UPDATE {} AS p SET {} FROM {list} WHERE {}",
                self.parent,
                self.plus("d.a0"),
                self.same("p", "d")
            ),
        }
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
