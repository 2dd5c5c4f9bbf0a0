//! The access matrix: what each role may do with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, be, outcome, person, run, text};
    use pgrx::prelude::*;
    use std::collections::HashMap;

    const MATRIX: &str = include_str!("access_matrix.txt");

    struct Line {
        table: &'static str,
        operation: &'static str,
        statement: &'static str,
        allowed: Vec<&'static str>,
    }

    fn lines() -> Vec<Line> {
        let rows = MATRIX
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        rows.map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 8, "{line}");
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
    fn statements(line: &Line) -> Vec<String> {
        let table = format!("founders.{}", line.table);
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
            ("select", "") => vec![format!("SELECT FROM {table}")],
            ("delete", "") => vec![format!("DELETE FROM {table}")],
            ("insert", values) => vec![format!("INSERT INTO {table} {values}")],
            ("update", set) => vec![format!("UPDATE {table} SET {set}")],
            (operation, _) => panic!("unknown operation {operation}"),
        }
    }

    #[pg_test]
    fn every_role_may_do_with_every_table_what_the_matrix_says_and_nothing_else() {
        let (owner, party, stranger) = (person(), person(), person());
        let name = |sql: &str| {
            sql.replace("{owner}", &format!("'{owner}'"))
                .replace("{party}", &format!("'{party}'"))
        };
        let fixture = MATRIX.lines().filter_map(|line| line.strip_prefix("#+ "));
        for statement in fixture {
            run(&name(statement));
        }
        let mut wrong = Vec::new();
        let roles = ["anon", "owner", "party", "stranger", "service_role"];
        for line in lines() {
            for statement in statements(&line) {
                for (role, wanted) in roles.iter().zip(&line.allowed) {
                    let who = match *role {
                        "anon" => As::Anonymous,
                        "owner" => As::Person(&owner),
                        "party" => As::Person(&party),
                        "stranger" => As::Person(&stranger),
                        _ => As::Service,
                    };
                    let outcome = outcome(who, &name(&statement));
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

    #[pg_test]
    fn every_table_and_view_of_the_module_is_in_the_matrix_with_every_operation() {
        let mut tried: HashMap<&str, Vec<&str>> = HashMap::new();
        for line in lines() {
            tried.entry(line.table).or_default().push(line.operation);
        }
        be(As::Owner);
        let relations = text(
            "SELECT string_agg(relname || ' ' || relkind::text, ',' ORDER BY relname) FROM pg_class
             WHERE relnamespace = 'founders'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        );
        for relation in relations.split(',') {
            let (table, kind) = relation.split_once(' ').expect("a name and a kind");
            let tried = tried.remove(table).unwrap_or_default();
            let wanted: &[&str] = if kind == "v" {
                &["select"]
            } else {
                &["select", "insert", "update", "delete"]
            };
            for operation in wanted {
                assert!(
                    tried.contains(operation) || tried.contains(&"any"),
                    "{operation} on {table} is not in access_matrix.txt"
                );
            }
        }
        assert!(tried.is_empty(), "no longer there: {:?}", tried.keys());
    }
}
