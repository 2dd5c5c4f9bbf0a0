//! What no function should choke on: each one is called as each role with NULLs, with empty, huge and
//! malformed values of its arguments' types, with other people's ids, and with random mixes of these;
//! and each table's triggers and policies get rows of which one value is such.

use super::attack::disguise;
use super::statement::{self, Dice};
use super::world::{Function, Relation, World};
use postgres::Client;

const HUGE: usize = 300_000;

/// Random calls of each function as each role, besides those where all arguments are bad alike.
const MIXED: usize = 12;

/// Bad values of a type, as SQL.
fn bad(kind: &str) -> Vec<String> {
    let base = kind.split('(').next().unwrap_or(kind);
    let texts: Vec<String> = match base {
        "text" | "character varying" | "character" | "name" | "unknown" => vec![
            "''".to_owned(),
            format!("repeat('x', {HUGE})"),
            "E'\\\\'' \"; DROP TABLE x; -- \\n\\t\\u2028 \\U0001F600'".to_owned(),
            "repeat('(', 5000)".to_owned(),
            "'%s %I %'".to_owned(),
            "'pg_catalog'".to_owned(),
            "'0, 1, , \"'".to_owned(),
        ],
        "jsonb" | "json" => vec![
            "'null'".to_owned(),
            "'{}'".to_owned(),
            "'[]'".to_owned(),
            "'\"x\"'".to_owned(),
            "'1e400'".to_owned(),
            "'{\"\": {\"a\": [null, {\"b\": 1e-400}]}, \"columns\": 1, \"schema\": []}'".to_owned(),
            "(repeat('[', 3000) || repeat(']', 3000))".to_owned(),
            format!("to_json(repeat('x', {HUGE}))"),
            "'{\"a\\u00e9\": \"\\ud83d\\ude00\", \"b\": [[], {}, true]}'".to_owned(),
        ],
        "bytea" => vec![
            "''".to_owned(),
            "'\\x00'".to_owned(),
            "'\\xff00ff00'".to_owned(),
            format!("convert_to(repeat('x', {HUGE}), 'UTF8')"),
            "sha256('')".to_owned(),
        ],
        "smallint" => ["0", "-1", "32767", "-32768"].map(str::to_owned).to_vec(),
        "integer" => ["0", "-1", "2147483647", "-2147483648"]
            .map(str::to_owned)
            .to_vec(),
        "bigint" => ["0", "-1", "9223372036854775807", "-9223372036854775808"]
            .map(str::to_owned)
            .to_vec(),
        "double precision" | "real" => ["'NaN'", "'Infinity'", "'-Infinity'", "1e-30", "-1"]
            .map(str::to_owned)
            .to_vec(),
        "numeric" => [
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "-1",
            "1e400",
            "1e-400",
            "0",
        ]
        .map(str::to_owned)
        .to_vec(),
        "timestamp with time zone" | "timestamp without time zone" => [
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'294276-12-31'",
            "'epoch'",
        ]
        .map(str::to_owned)
        .to_vec(),
        "date" => [
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'5874897-12-31'",
        ]
        .map(str::to_owned)
        .to_vec(),
        "interval" => ["'0'", "'-1 year'", "'178000000 years'", "'1 microsecond'"]
            .map(str::to_owned)
            .to_vec(),
        "uuid" => vec![
            "'00000000-0000-0000-0000-000000000000'".to_owned(),
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'".to_owned(),
        ],
        "boolean" => vec!["true".to_owned(), "false".to_owned()],
        "regclass" => vec![
            "0".to_owned(),
            "4294967295".to_owned(),
            "'pg_class'".to_owned(),
            "'auth.users'".to_owned(),
            "'pg_stats'".to_owned(),
            "'auth.users_pkey'".to_owned(),
        ],
        "inet" => vec!["'::/0'".to_owned(), "'0.0.0.0'".to_owned()],
        array if array.ends_with("[]") => {
            let of = array.trim_end_matches("[]");
            let mut arrays = vec![
                "'{}'".to_owned(),
                "'{NULL}'".to_owned(),
                "'{{NULL},{NULL}}'".to_owned(),
                "'[5:5]={NULL}'".to_owned(),
            ];
            arrays.extend(
                bad(of)
                    .first()
                    .map(|one| format!("array_fill(({one})::{of}, ARRAY[20000])")),
            );
            arrays
        }
        _ => vec![format!("NULL::{kind}")],
    };
    texts
        .into_iter()
        .map(|text| format!("({text})::{kind}"))
        .collect()
}

/// The calls of one function that are tried.
fn calls(world: &World, function: &Function, dice: &mut Dice) -> Vec<String> {
    let mut calls = vec![
        function
            .arguments
            .iter()
            .map(|kind| format!("NULL::{kind}"))
            .collect::<Vec<_>>(),
    ];
    let worst: Vec<Vec<String>> = function.arguments.iter().map(|kind| bad(kind)).collect();
    let most = worst.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..most {
        calls.push(
            worst
                .iter()
                .map(|values| values[number % values.len()].clone())
                .collect(),
        );
    }
    for _ in 0..if function.arguments.is_empty() {
        0
    } else {
        MIXED
    } {
        let mix = function
            .arguments
            .iter()
            .zip(&worst)
            .map(|(kind, values)| match dice.roll(3) {
                0 => dice.of(values).clone(),
                _ => statement::of_type(world, kind, dice),
            });
        calls.push(mix.collect());
    }
    calls
        .iter()
        .map(|arguments| statement::call_with(function, arguments))
        .collect()
}

/// An error whose state says that the program and not the caller is at fault, or that it panicked.
pub fn is_accident(error: &postgres::Error) -> Option<String> {
    let Some(error) = error.as_db_error() else {
        return Some(format!("the connection is lost: {error}"));
    };
    let state = error.code().code();
    let said = format!(
        "{state}: {} {}",
        error.message(),
        error.detail().unwrap_or_default()
    );
    // 57014 is the time limit: nobody waits that long for an answer to a bad value.
    (state.starts_with("XX")
        || state == "57014"
        || said.contains("panicked")
        || said.contains("unwrap"))
    .then_some(said)
}

/// Runs statements as `role`, each list in a transaction of its own and each statement undone; the
/// accidents, and how many statements there were.
fn attempt(
    client: &mut Client,
    world: &World,
    role: &str,
    lists: impl Iterator<Item = Vec<String>>,
) -> (Vec<String>, usize) {
    let (mut accidents, mut number) = (Vec::new(), 0);
    for statements in lists {
        client.batch_execute("BEGIN").expect("begin");
        disguise(client, world, role, "20s");
        for sql in &statements {
            client
                .batch_execute("SAVEPOINT before")
                .expect("a savepoint");
            if let Err(error) = client.simple_query(sql)
                && let Some(accident) = is_accident(&error)
            {
                accidents.push(format!("as {role}: {sql}\n    {accident}"));
            }
            client
                .batch_execute("ROLLBACK TO before; RELEASE before")
                .expect("undo the statement");
        }
        client.batch_execute("ROLLBACK").expect("rollback");
        number += statements.len();
    }
    (accidents, number)
}

/// Calls every function as `role`; returns the accidents and how many calls there were.
pub fn call_everything(
    client: &mut Client,
    world: &World,
    role: &str,
    dice: &mut Dice,
) -> (Vec<String>, usize) {
    let functions = world.functions.iter();
    let lists = functions.map(|function| calls(world, function, dice));
    attempt(client, world, role, lists)
}

/// Inserts into and updates of a table in which one value is NULL or one of the bad, the others as they
/// are in a row that is there.
fn rows(relation: &Relation, dice: &mut Dice) -> Vec<String> {
    let mut statements = Vec::new();
    let Some(like) = relation.rows.first() else {
        return statements;
    };
    for (number, column) in relation.columns.iter().enumerate() {
        for value in ["NULL".to_owned(), dice.of(&bad(&column.kind)).clone()] {
            let (mut names, mut row) = (vec![column.name.as_str()], vec![value.clone()]);
            for (other, column) in relation.columns.iter().enumerate() {
                if other != number && column.insertable {
                    names.push(&column.name);
                    row.push(format!("{}::{}", like[other], column.kind));
                }
            }
            let (table, names, row) = (&relation.name, names.join(", "), row.join(", "));
            statements.push(format!("INSERT INTO {table} ({names}) VALUES ({row})"));
            statements.push(format!("UPDATE {table} SET {} = {value}", column.name));
        }
    }
    statements
}

/// Writes bad rows into every table as `role`; returns the accidents and how many there were.
pub fn write_everything(
    client: &mut Client,
    world: &World,
    role: &str,
    dice: &mut Dice,
) -> (Vec<String>, usize) {
    let tables = world.relations.iter().filter(|relation| !relation.is_view);
    let lists = tables.map(|relation| rows(relation, dice));
    attempt(client, world, role, lists)
}

/// Attaches each trigger function of the extension where it does not belong, with arguments that are
/// none, and lets it fire.
pub fn fire_everything(client: &mut Client) -> (Vec<String>, usize) {
    let functions = client
        .query(
            "SELECT p.oid::regproc::text FROM pg_proc p WHERE p.pronamespace = 'community_core'::regnamespace
               AND p.prorettype = 'trigger'::regtype ORDER BY 1",
            &[],
        )
        .expect("the trigger functions");
    let arguments = [
        "",
        "''",
        "'x'",
        "'public.bare', 'id', 'n', 'count=n'",
        "'public.bare', 'n', 'id', 'sum=n', '\"'",
        "'{\"version\": 1}', '[]', 'null'",
    ];
    let (mut accidents, mut number) = (Vec::new(), 0);
    client
        .batch_execute("CREATE TABLE public.bare (id int PRIMARY KEY, n int, updated_at text)")
        .expect("a table");
    for function in functions {
        let function: String = function.get(0);
        for (time, level) in [
            ("BEFORE", "ROW"),
            ("AFTER", "ROW"),
            ("BEFORE", "STATEMENT"),
            ("AFTER", "STATEMENT"),
        ] {
            for arguments in arguments {
                number += 1;
                client.batch_execute("BEGIN").expect("begin");
                let sql = format!(
                    "CREATE TRIGGER wrong {time} INSERT OR UPDATE OR DELETE ON public.bare FOR EACH {level} EXECUTE FUNCTION {function}({arguments});
                     INSERT INTO public.bare VALUES (1, 1), (2, 2); UPDATE public.bare SET id = id + 5, n = NULL; DELETE FROM public.bare;
                     SET CONSTRAINTS ALL IMMEDIATE"
                );
                if let Err(error) = client.batch_execute(&sql)
                    && let Some(accident) = is_accident(&error)
                {
                    accidents.push(format!("{sql}\n    {accident}"));
                }
                client.batch_execute("ROLLBACK").expect("rollback");
            }
        }
    }
    (accidents, number)
}
