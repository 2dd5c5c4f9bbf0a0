//! What the attacker knows, which is everything: names, ids and values of the whole database, read by
//! a superuser beforehand. Only the rules say which of it an answer may contain.

use postgres::Client;
use std::collections::HashSet;

/// Who attacks: Ann, who is signed in, Amy, who also runs what both belong to, or a guest.
#[derive(Clone, Copy, PartialEq)]
pub enum Attacker {
    Member,
    Owner,
    Guest,
}

impl Attacker {
    pub fn role(self) -> &'static str {
        match self {
            Attacker::Member | Attacker::Owner => "authenticated",
            Attacker::Guest => "anon",
        }
    }

    /// Who that is in world.person, as SQL: nobody, where it is a guest.
    pub fn person(self) -> &'static str {
        match self {
            Attacker::Member => "(SELECT id FROM world.person WHERE n = 1)",
            Attacker::Owner => "(SELECT id FROM world.person WHERE n = 2)",
            Attacker::Guest => "NULL::uuid",
        }
    }
}

pub struct Column {
    pub name: String,
    pub kind: String,
    /// Values that are there, or could be, as literals.
    pub values: Vec<String>,
    pub readable: bool,
    pub insertable: bool,
    pub updatable: bool,
}

pub struct Relation {
    pub name: String,
    pub is_view: bool,
    pub columns: Vec<Column>,
    /// Whole rows that are there: for each column a literal or NULL.
    pub rows: Vec<Vec<String>>,
    /// What the readable columns of rows that may not be seen look like, and of no other row.
    pub forbidden: HashSet<String>,
}

impl Relation {
    /// The columns that the attacker may read, as one text.
    pub fn projection(&self) -> Option<String> {
        let readable: Vec<_> = self
            .columns
            .iter()
            .filter(|column| column.readable)
            .collect();
        let names: Vec<_> = readable
            .iter()
            .map(|column| format!("t.{}", column.name))
            .collect();
        (!names.is_empty()).then(|| format!("ROW({})::text", names.join(", ")))
    }
}

pub struct Function {
    /// Qualified and quoted.
    pub name: String,
    pub arguments: Vec<String>,
    /// For each argument, values of columns of its name, or the rows that it names, as literals.
    pub likely: Vec<Vec<String>>,
    /// As in pg_proc: f, p or a.
    pub kind: String,
    pub callable: bool,
}

pub struct World {
    pub attacker: Attacker,
    pub relations: Vec<Relation>,
    pub functions: Vec<Function>,
    /// Ids of people and rows, as literals without a type.
    pub ids: Vec<String>,
    /// Words that stand in rows that may not be seen, and in no other row.
    pub secrets: HashSet<String>,
}

fn texts(client: &mut Client, sql: &str) -> Vec<String> {
    let rows = client
        .query(sql, &[])
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.into_iter().map(|row| row.get(0)).collect()
}

/// Makes the world in a database that has the modules; what no rule could fill is an error that says
/// which line is missing.
pub fn make(client: &mut Client, rules: &str) {
    client
        .batch_execute(include_str!("world.sql"))
        .expect("world.sql");
    let mut meanings: Vec<(String, String)> = Vec::new();
    for line in rules
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let (word, rest) = line.split_once(' ').expect("a word and what it is about");
        let (object, rest) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let rest = meanings
            .iter()
            .fold(rest.to_owned(), |rest, (name, meaning)| {
                rest.replace(name, meaning)
            });
        if word == "means" {
            meanings.push((object.to_owned(), rest));
            continue;
        }
        let rest = rest.as_str();
        let (sql, values) = match word {
            "value" => {
                let (relation, attribute) = object.rsplit_once('.').expect("table.column");
                (
                    "INSERT INTO world.value VALUES ($1, $2, $3)",
                    vec![relation, attribute, rest],
                )
            }
            "moves" => (
                "INSERT INTO world.moves VALUES ($1, $2)",
                vec![object, rest],
            ),
            "sees" | "guests" | "changes" | "makes" | "person" | "shared" | "again" => (
                "INSERT INTO world.rule VALUES ($1, $2, $3)",
                vec![object, word, rest],
            ),
            _ => panic!("rules.txt: {line}"),
        };
        // A rule of a module that is not installed has nothing to speak of.
        let relation = values[0];
        let installed: bool = client
            .query_one(
                "SELECT EXISTS (SELECT FROM community_state.module WHERE schema = split_part($1, '.', 1))",
                &[&relation],
            )
            .expect("look for the module")
            .get(0);
        if !installed {
            continue;
        }
        let there: bool = client
            .query_one(
                "SELECT to_regclass($1) IS NOT NULL OR to_regnamespace($1) IS NOT NULL",
                &[&relation],
            )
            .expect("look for the table")
            .get(0);
        assert!(there, "rules.txt: there is no {relation}: {line}");
        let values: Vec<_> = values
            .iter()
            .map(|value| value as &(dyn postgres::types::ToSql + Sync))
            .collect();
        client
            .execute(sql, &values)
            .unwrap_or_else(|error| panic!("{line}: {error:?}"));
    }
    client
        .batch_execute(
            "INSERT INTO world.moves SELECT to_regclass(parent)::text, counter FROM community_core.counters() ON CONFLICT DO NOTHING;
             INSERT INTO world.moves SELECT relation::text, name FROM world.attribute WHERE name = 'updated_at' ON CONFLICT DO NOTHING;
             SELECT world.fill_all();
             ANALYZE",
        )
        .expect("fill the tables");
    let unfilled = texts(
        client,
        "SELECT name || ': ' || trouble FROM world.relation WHERE trouble IS NOT NULL",
    );
    assert!(
        unfilled.is_empty(),
        "rules.txt needs a value for {unfilled:#?}"
    );
}

impl World {
    pub fn read(client: &mut Client, attacker: Attacker) -> World {
        client
            .execute(&format!("SELECT world.watch({})", attacker.person()), &[])
            .expect("watch the world");
        let role = attacker.role();
        let mut relations = Vec::new();
        let names = client
            .query(
                "SELECT c.oid::regclass::text, c.relkind IN ('v', 'm') FROM pg_class c
                 JOIN community_state.module m ON m.schema::regnamespace = c.relnamespace
                 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition ORDER BY 1",
                &[],
            )
            .expect("the relations");
        for row in names {
            relations.push(read_relation(client, row.get(0), row.get(1), role));
        }
        let rows = client
            .query(
                "SELECT format('%I.%I', n.nspname, p.proname), p.prokind::text, has_function_privilege($1, p.oid, 'EXECUTE'),
                        array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, o) ORDER BY o),
                        array(SELECT coalesce(p.proargnames[o], '') FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, o) ORDER BY o),
                        n.nspname::text
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE (n.nspname IN ('community_core', 'auth') OR n.oid IN (SELECT schema::regnamespace FROM community_state.module))
                   AND p.prorettype <> 'trigger'::regtype AND p.prokind IN ('f', 'p', 'a')
                   AND NOT p.proargtypes::oid[] && ARRAY['internal', 'cstring']::regtype[]::oid[]
                 ORDER BY p.oid::regprocedure::text",
                &[&role],
            )
            .expect("the functions");
        let functions = rows
            .into_iter()
            .map(|row| {
                let (names, schema): (Vec<String>, String) = (row.get(4), row.get(5));
                Function {
                    name: row.get(0),
                    kind: row.get(1),
                    callable: row.get(2),
                    arguments: row.get(3),
                    likely: names
                        .iter()
                        .map(|name| likely(&relations, &schema, name))
                        .collect(),
                }
            })
            .collect();
        let ids = texts(
            client,
            "SELECT quote_literal(id) FROM world.person UNION ALL
             SELECT quote_literal(world.id(r.id, n)) FROM world.relation r, generate_series(1, 14) AS n
             WHERE EXISTS (SELECT FROM world.attribute a WHERE a.relation = r.id AND a.is_key AND a.kind = 'uuid')",
        );
        // Short words and round numbers stand everywhere; tokens and ids do not.
        let word = "'[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z-]{22}|[a-z]+_[a-z_]+_[0-9]+'";
        let secrets = texts(
            client,
            &format!(
                "SELECT m[1] FROM world.now, regexp_matches(shown, {word}, 'g') AS m WHERE NOT seen
                 EXCEPT SELECT m[1] FROM world.now, regexp_matches(shown, {word}, 'g') AS m WHERE seen"
            ),
        );
        World {
            attacker,
            relations,
            functions,
            ids,
            secrets: secrets.into_iter().collect(),
        }
    }

    /// Where a relation is among them all.
    pub fn relation(&self, name: &str) -> usize {
        self.relations
            .iter()
            .position(|relation| relation.name == name)
            .unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// A word of a text that only others may see, and that the attacker did not say first.
    pub fn told(&self, text: &str, given: &str) -> Option<String> {
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '-')
            .find(|word| self.secrets.contains(*word) && !given.contains(*word))
            .map(str::to_owned)
    }
}

/// What an argument may mean: report_id a row of reports, question what a column question_id refers to,
/// status what columns of that name have.
fn likely(relations: &[Relation], schema: &str, argument: &str) -> Vec<String> {
    let stem = argument.trim_end_matches("_id");
    let (reference, table) = (format!("{stem}_id"), format!("{schema}.{stem}s"));
    let mut values: Vec<String> = relations
        .iter()
        .filter(|relation| relation.name.starts_with(&format!("{schema}.")))
        .flat_map(|relation| {
            relation
                .columns
                .iter()
                .map(move |column| (relation, column))
        })
        .filter(|(relation, column)| {
            column.name == argument
                || column.name == reference
                || (relation.name == table && column.name == "id")
        })
        .flat_map(|(_, column)| column.values.clone())
        .collect();
    values.sort();
    values.dedup();
    values
}

fn read_relation(client: &mut Client, name: String, is_view: bool, role: &str) -> Relation {
    let rows = client
        .query(
            "SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                    has_column_privilege($2, a.attrelid, a.attnum, 'SELECT'),
                    has_column_privilege($2, a.attrelid, a.attnum, 'INSERT'), has_column_privilege($2, a.attrelid, a.attnum, 'UPDATE'),
                    coalesce(w.parent::text, $1), coalesce(quote_ident(w.parent_attribute), quote_ident(a.attname))
             FROM pg_attribute a LEFT JOIN world.attribute w ON w.relation = a.attrelid AND w.attnum = a.attnum
             WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            &[&name, &role],
        )
        .expect("the columns");
    let mut columns = Vec::new();
    for row in rows {
        let (column, kind): (String, String) = (row.get(0), row.get(1));
        // Of a column that refers to another table, the values that it could have.
        let (source, from): (String, String) = (row.get(5), row.get(6));
        let values = texts(
            client,
            &format!(
                "(SELECT DISTINCT quote_literal({from}::text) FROM {source} WHERE {from} IS NOT NULL ORDER BY 1 LIMIT 8) UNION
                 SELECT quote_literal(unnest(choices)) FROM world.attribute WHERE relation = '{name}'::regclass AND quote_ident(name) = '{column}' ORDER BY 1"
            ),
        );
        columns.push(Column {
            name: column,
            kind,
            values,
            readable: row.get(2),
            insertable: row.get(3),
            updatable: row.get(4),
        });
    }
    let literals: Vec<_> = columns
        .iter()
        .map(|column| format!("quote_nullable({}::text)", column.name))
        .collect();
    let rows = client
        .query(
            &format!(
                "SELECT ARRAY[{}] FROM {name} ORDER BY 1 LIMIT 8",
                literals.join(", ")
            ),
            &[],
        )
        .expect("the rows");
    let rows = rows.iter().map(|row| row.get(0)).collect();
    let mut relation = Relation {
        name,
        is_view,
        columns,
        rows,
        forbidden: HashSet::new(),
    };
    if let Some(projection) = relation.projection()
        && !is_view
    {
        let name = &relation.name;
        let shown = |seen: &str| {
            format!(
                "SELECT {projection} FROM {name} t JOIN world.before b ON b.relation = '{name}' AND b.shown = t::text WHERE {seen}"
            )
        };
        relation.forbidden = texts(
            client,
            &format!("{} EXCEPT {}", shown("NOT b.seen"), shown("b.seen")),
        )
        .into_iter()
        .collect();
    }
    relation
}
