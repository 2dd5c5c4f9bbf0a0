//! An access matrix: what each role may do with each table of a module, as data in a text file.
//! A line is `table | operation | statement | what role 1 gets | what role 2 gets | …`; a line that
//! begins with `#+` is a statement run beforehand; other lines with `#` are for the reader. The
//! operation `call` is a function of the module's, given with its arguments.

use super::request::{As, be, outcome, run, text};
use std::collections::HashMap;

pub struct Matrix<'a> {
    pub schema: &'a str,
    pub text: &'static str,
    /// What a name in braces stands for.
    pub names: Vec<(&'static str, String)>,
    /// The columns, each with what the file calls it.
    pub roles: Vec<(&'static str, As<'a>)>,
}

struct Line {
    table: &'static str,
    operation: &'static str,
    statement: &'static str,
    allowed: Vec<&'static str>,
}

impl Matrix<'_> {
    fn lines(&self) -> Vec<Line> {
        let rows = self
            .text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        rows.map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3 + self.roles.len(), "{line}");
            Line {
                table: cells[0],
                operation: cells[1],
                statement: cells[2],
                allowed: cells[3..].to_vec(),
            }
        })
        .collect()
    }

    /// `any` stands for the four operations, written so that only the permission is tried.
    fn statements(&self, line: &Line) -> Vec<String> {
        let table = format!("{}.{}", self.schema, line.table);
        match (line.operation, line.statement) {
            ("any", _) => {
                let column = text(&format!(
                    "SELECT quote_ident(attname) FROM pg_attribute
                     WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped LIMIT 1"
                ));
                vec![
                    format!("SELECT FROM {table}"),
                    format!("INSERT INTO {table} DEFAULT VALUES"),
                    format!("UPDATE {table} SET {column} = DEFAULT"),
                    format!("DELETE FROM {table}"),
                ]
            }
            ("call", call) => vec![format!("SELECT FROM {}.{call}", self.schema)],
            ("select", "") => vec![format!("SELECT FROM {table}")],
            ("delete", "") => vec![format!("DELETE FROM {table}")],
            ("select", rest) => {
                match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
                    Some((columns, rest)) => vec![format!("SELECT {columns} FROM {table}{rest}")],
                    None => vec![format!("SELECT FROM {table} {rest}")],
                }
            }
            ("delete", rest) => vec![format!("DELETE FROM {table} {rest}")],
            ("insert", values) => vec![format!("INSERT INTO {table} {values}")],
            ("update", set) => vec![format!("UPDATE {table} SET {set}")],
            (operation, _) => panic!("unknown operation {operation}"),
        }
    }

    fn named(&self, sql: &str) -> String {
        self.names.iter().fold(sql.to_owned(), |sql, (name, id)| {
            sql.replace(&format!("{{{name}}}"), &format!("'{id}'"))
        })
    }

    /// Every role may do with every table what the matrix says and nothing else.
    pub fn holds(&self) {
        for statement in self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("#+ "))
        {
            run(&self.named(statement));
        }
        let mut wrong = Vec::new();
        for line in self.lines() {
            for statement in self.statements(&line) {
                for ((role, who), wanted) in self.roles.iter().zip(&line.allowed) {
                    let outcome = outcome(*who, &self.named(&statement));
                    let got = if outcome == "42501" {
                        "denied"
                    } else {
                        &outcome
                    };
                    if got != *wanted {
                        wrong.push(format!("{role}: {statement}: {got}, not {wanted}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    /// Every table and view of the schema is in the matrix with every operation.
    pub fn covers_everything(&self) {
        let mut tried: HashMap<&str, Vec<&str>> = HashMap::new();
        for line in self.lines() {
            tried.entry(line.table).or_default().push(line.operation);
        }
        be(As::Owner);
        let relations = text(&format!(
            "SELECT string_agg(relname || ' ' || relkind::text, ',' ORDER BY relname) FROM pg_class
             WHERE relnamespace = '{}'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
            self.schema
        ));
        let mut missing = Vec::new();
        for relation in relations.split(',') {
            let (table, kind) = relation.split_once(' ').expect("a name and a kind");
            let tried = tried.remove(table).unwrap_or_default();
            let wanted: &[&str] = if kind == "v" {
                &["select"]
            } else {
                &["select", "insert", "update", "delete"]
            };
            for operation in wanted {
                if !tried.contains(operation) && !tried.contains(&"any") {
                    missing.push(format!("{operation} on {table}"));
                }
            }
        }
        assert!(
            missing.is_empty(),
            "not in the matrix: {}",
            missing.join(", ")
        );
        assert!(tried.is_empty(), "no longer there: {:?}", tried.keys());
    }
}
