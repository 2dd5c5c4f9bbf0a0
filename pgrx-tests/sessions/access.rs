//! Who may do what with every table of a module, from one text file per module.
//!
//! The file names the roles, fills the tables, and has one section for each table and view:
//!
//! ```text
//! role member authenticated 00000000-0000-4000-8000-00000000a002
//! sql INSERT INTO …;
//! == customers
//! own organization_id = '…'
//! insert INSERT INTO tenancy.customers (organization_id) VALUES ('{own|another}')
//! update UPDATE tenancy.customers SET name = name || '!'
//! columns INSERT name, UPDATE name
//! member 1/0 no/no 0/0 0/0
//! == functions
//! remove_member(uuid) authenticated
//! ```
//!
//! A line of a role gives SELECT, INSERT, UPDATE and DELETE. `1/0` is: one of the own rows, none of
//! the others, seen or touched by a statement without WHERE; for INSERT `yes/no` is: into what is
//! its own, and into what is another's. `rows` says which rows are
//! counted, all if it is missing. `-` is 42501 before any row is looked at. `columns` are the
//! columns that `authenticated` may write where not all of them are.

use super::cluster::Database;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Table {
    own: String,
    rows: String,
    insert: String,
    update: String,
    columns: BTreeSet<String>,
    cells: Vec<(String, Vec<String>)>,
}

#[derive(Default)]
struct Matrix {
    roles: Vec<(String, String, String)>,
    sql: String,
    tables: BTreeMap<String, Table>,
    functions: BTreeMap<String, BTreeSet<String>>,
}

fn parse(text: &str) -> Matrix {
    let mut matrix = Matrix::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match (section.as_str(), word) {
            (_, "==") => {
                section = rest.to_owned();
                if section != "functions" {
                    matrix.tables.insert(section.clone(), Table::default());
                }
            }
            ("", "role") => {
                let (name, rest) = rest.split_once(' ').expect("role name role [person]");
                let (role, person) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
                matrix
                    .roles
                    .push((name.to_owned(), role.to_owned(), person.trim().to_owned()));
            }
            ("", "sql") => matrix.sql += &format!("{rest}\n"),
            ("", _) => matrix.sql += &format!("{line}\n"),
            ("functions", _) => {
                let (signature, roles) = line.rsplit_once(") ").unwrap_or((line, ""));
                let signature = format!("{})", signature.trim_end_matches(')'));
                let roles = roles.split(", ").filter(|role| !role.is_empty());
                matrix
                    .functions
                    .insert(signature, roles.map(str::to_owned).collect());
            }
            (name, _) => {
                let table = matrix.tables.get_mut(name).expect("a section");
                match word {
                    "own" => table.own = rest.to_owned(),
                    "rows" => table.rows = rest.to_owned(),
                    "insert" => table.insert = rest.to_owned(),
                    "update" => table.update = rest.to_owned(),
                    "columns" => {
                        let mut verb = "";
                        for part in rest.split(", ") {
                            let column = part.split_once(' ').map_or(part, |(which, column)| {
                                verb = which;
                                column
                            });
                            table.columns.insert(format!("{verb} {column}"));
                        }
                    }
                    role => table.cells.push((
                        role.to_owned(),
                        rest.split_whitespace().map(str::to_owned).collect(),
                    )),
                }
            }
        }
    }
    matrix
}

/// Compares what the file says with what happens, in `schema` of `database`.
pub fn check(database: &Database, schema: &str, file: &str) {
    let matrix = parse(file);
    let mut client = database.connect();
    client.batch_execute(&matrix.sql).expect("the matrix' rows");
    let mut wrong = Vec::new();
    every_object_is_listed(&mut client, schema, &matrix, &mut wrong);
    for (name, table) in &matrix.tables {
        let mut listed: Vec<_> = table.cells.iter().map(|(role, _)| role).collect();
        let mut roles: Vec<_> = matrix.roles.iter().map(|(name, ..)| name).collect();
        listed.sort();
        roles.sort();
        if listed != roles {
            wrong.push(format!(
                "{name}: the rows are {listed:?}, the roles {roles:?}"
            ));
            continue;
        }
        for (role, expected) in &table.cells {
            let (_, database_role, person) = matrix
                .roles
                .iter()
                .find(|(name, ..)| name == role)
                .expect("compared above");
            let who = Who {
                role: database_role,
                person,
            };
            let actual = cells(&mut client, schema, name, table, &who);
            if &actual != expected {
                wrong.push(format!(
                    "{name} {role}: {expected:?} in the file, is {actual:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

struct Who<'a> {
    role: &'a str,
    person: &'a str,
}

fn cells(client: &mut Client, schema: &str, name: &str, table: &Table, who: &Who) -> Vec<String> {
    let relation = format!("{schema}.{name}");
    let choose = |which: usize| {
        let mut text = String::new();
        let mut rest = table.insert.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, tail) = after.split_once('}').expect("a closing brace");
            text += before;
            text += inside.split('|').nth(which).expect("two choices");
            rest = tail;
        }
        text + rest
    };
    let or_all = |condition: &str| match condition {
        "" => "true".to_owned(),
        condition => condition.to_owned(),
    };
    let (own, rows) = (or_all(&table.own), or_all(&table.rows));
    let seen = |client: &mut Client| -> Result<String, postgres::Error> {
        let row = client.query_one(
            &format!("SELECT count(*) FILTER (WHERE {own}), count(*) FILTER (WHERE NOT ({own})) FROM {relation} WHERE {rows}"),
            &[],
        )?;
        Ok(format!("{}/{}", row.get::<_, i64>(0), row.get::<_, i64>(1)))
    };
    let select = attempt(client, who, seen, |_| Ok(()), |_, seen| seen);
    let insert = |which: usize, client: &mut Client| {
        let sql = choose(which);
        let sql = if sql.is_empty() {
            format!("INSERT INTO {relation} DEFAULT VALUES")
        } else {
            sql
        };
        attempt(
            client,
            who,
            move |client| client.batch_execute(&sql),
            |_| Ok(()),
            |_, ()| "yes".to_owned(),
        )
    };
    let inserts = (insert(0, client), insert(1, client));
    let no = |cell: String| if cell == "-" { "no".to_owned() } else { cell };
    let insert = match inserts {
        (first, second) if first == "-" && second == "-" => "-".to_owned(),
        (first, second) => format!("{}/{}", no(first), no(second)),
    };
    let update = if table.update.is_empty() {
        let column: String = client
            .query_one(
                "SELECT quote_ident(attname) FROM pg_attribute
                 WHERE attrelid = $1::text::regclass AND attnum = 1",
                &[&relation],
            )
            .expect("the first column")
            .get(0);
        format!("UPDATE {relation} SET {column} = {column}")
    } else {
        table.update.clone()
    };
    let mut touched = |sql: String| {
        let before = format!(
            "CREATE TEMP TABLE before ON COMMIT DROP AS SELECT *, ({own}) AS own_row, t::text AS whole FROM {relation} t WHERE {rows}"
        );
        let after = format!(
            "SELECT count(*) FILTER (WHERE own_row), count(*) FILTER (WHERE NOT own_row) FROM before
             WHERE whole NOT IN (SELECT t::text FROM {relation} t)"
        );
        attempt(
            client,
            who,
            move |client| client.batch_execute(&sql),
            move |client| client.batch_execute(&before),
            move |client, ()| {
                let row = client.query_one(&after, &[]).expect("compare the rows");
                format!("{}/{}", row.get::<_, i64>(0), row.get::<_, i64>(1))
            },
        )
    };
    let update = touched(update);
    let delete = touched(format!("DELETE FROM {relation}"));
    vec![select, insert, update, delete]
}

/// Runs `work` as `who` in a transaction that is rolled back. 42501 is `-`; another error its state.
fn attempt<T>(
    client: &mut Client,
    who: &Who,
    work: impl Fn(&mut Client) -> Result<T, postgres::Error>,
    before: impl Fn(&mut Client) -> Result<(), postgres::Error>,
    after: impl Fn(&mut Client, T) -> String,
) -> String {
    client.batch_execute("BEGIN").expect("begin");
    before(client).expect("look before");
    client
        .batch_execute(&format!(
            "SELECT set_config('request.jwt.claims',
                 json_build_object('sub', '{}', 'role', '{1}')::text, true);
             SET LOCAL ROLE {1}",
            who.person, who.role
        ))
        .expect("become the role");
    let cell = match work(client) {
        Ok(value) => {
            client.batch_execute("RESET ROLE").expect("reset");
            after(client, value)
        }
        Err(error) => match error.code().map(|code| code.code().to_owned()) {
            Some(code) if code == "42501" => "-".to_owned(),
            Some(code) => code,
            None => error.to_string(),
        },
    };
    client.batch_execute("ROLLBACK").expect("rollback");
    cell
}

fn every_object_is_listed(
    client: &mut Client,
    schema: &str,
    matrix: &Matrix,
    wrong: &mut Vec<String>,
) {
    let rows = client
        .query(
            "SELECT relname::text FROM pg_class
             WHERE relnamespace = $1::text::regnamespace AND relkind IN ('r', 'p', 'v', 'm')",
            &[&schema],
        )
        .expect("the tables");
    let tables: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let listed: BTreeSet<String> = matrix.tables.keys().cloned().collect();
    for name in tables.symmetric_difference(&listed) {
        wrong.push(format!("{name} is not both in the schema and in the file"));
    }
    let rows = client
        .query(
            "SELECT c.relname::text, a.privilege_type || ' ' || t.attname
             FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
             WHERE c.relnamespace = $1::text::regnamespace
               AND a.grantee = 'authenticated'::regrole",
            &[&schema],
        )
        .expect("the column grants");
    let mut grants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        grants.entry(row.get(0)).or_default().insert(row.get(1));
    }
    for (name, table) in &matrix.tables {
        let granted = grants.remove(name).unwrap_or_default();
        for column in granted.symmetric_difference(&table.columns) {
            wrong.push(format!(
                "{name}: {column} is not both granted and in the file"
            ));
        }
    }
    let rows = client
        .query(
            "SELECT p.proname || '(' || coalesce((SELECT string_agg(format_type(a, NULL), ', ' ORDER BY n)
                       FROM unnest(p.proargtypes) WITH ORDINALITY AS t (a, n)), '') || ')',
                    array(SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
                          FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
                          WHERE g.grantee <> p.proowner)
             FROM pg_proc p WHERE p.pronamespace = $1::text::regnamespace",
            &[&schema],
        )
        .expect("the functions");
    let mut functions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let roles: Vec<String> = row.get(1);
        functions.insert(row.get(0), roles.into_iter().collect());
    }
    let names: BTreeSet<&String> = functions.keys().chain(matrix.functions.keys()).collect();
    for name in names {
        let (is, says) = (functions.get(name), matrix.functions.get(name));
        if is != says {
            wrong.push(format!("{name}: callable by {is:?}, in the file {says:?}"));
        }
    }
}
