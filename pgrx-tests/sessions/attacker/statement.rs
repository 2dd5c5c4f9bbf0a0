//! Random statements over everything there is: seeded, so that a run can be had again.

use super::world::{Column, Function, Relation, World};

/// splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, faces: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % faces as u64) as usize
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.roll(choices.len())]
    }
}

pub struct Statement {
    pub sql: String,
    /// The relation whose rows, as its projection shows them, the statement returns.
    pub returns: Option<usize>,
}

pub fn any(world: &World, dice: &mut Dice) -> Statement {
    if dice.roll(3) == 0 {
        return call(world, dice);
    }
    let relation = dice.roll(world.relations.len());
    on(world, relation, dice)
}

/// A statement on one relation.
pub fn on(world: &World, index: usize, dice: &mut Dice) -> Statement {
    let relation = &world.relations[index];
    let projection = relation.projection();
    let returning = |dice: &mut Dice| match &projection {
        Some(projection) if dice.roll(2) == 0 => (format!(" RETURNING {projection}"), Some(index)),
        _ => (String::new(), None),
    };
    let name = &relation.name;
    match dice.roll(if relation.is_view { 4 } else { 10 }) {
        0..3 => Statement {
            sql: format!(
                "SELECT {} FROM {name} t{}{}",
                projection.as_deref().unwrap_or("t::text"),
                condition(world, relation, dice),
                ["", " FOR UPDATE", " FOR KEY SHARE", " LIMIT 3"][dice.roll(4)]
            ),
            returns: Some(index),
        },
        // An error message is an answer too.
        3 => Statement {
            sql: format!(
                "SELECT count(*)::text FROM {name} t WHERE t.{}::text::{} IS NULL",
                dice.of(&relation.columns).name,
                ["int", "uuid", "timestamptz", "jsonb"][dice.roll(4)]
            ),
            returns: None,
        },
        4..6 => {
            let updatable: Vec<_> = relation
                .columns
                .iter()
                .filter(|column| column.updatable)
                .collect();
            let how_many = 1 + dice.roll(2);
            let sets: Vec<_> = (0..how_many)
                .map(|_| {
                    let column = if updatable.is_empty() || dice.roll(10) == 0 {
                        dice.of(&relation.columns)
                    } else {
                        *dice.of(&updatable)
                    };
                    format!("{} = {}", column.name, value(world, column, dice))
                })
                .collect();
            let (returning, returns) = returning(dice);
            Statement {
                sql: format!(
                    "UPDATE {name} t SET {}{}{returning}",
                    sets.join(", "),
                    condition(world, relation, dice)
                ),
                returns,
            }
        }
        6..8 => {
            let (returning, returns) = returning(dice);
            Statement {
                sql: format!(
                    "DELETE FROM {name} t{}{returning}",
                    condition(world, relation, dice)
                ),
                returns,
            }
        }
        _ => insert(world, index, dice),
    }
}

/// A row like one that is there, with something else in one or two columns or in many, or one out of
/// thin air.
fn insert(world: &World, index: usize, dice: &mut Dice) -> Statement {
    let relation = &world.relations[index];
    let bold = dice.roll(10) == 0;
    let like = if relation.rows.is_empty() || dice.roll(4) == 0 {
        None
    } else {
        Some(dice.of(&relation.rows))
    };
    let few = (like.is_some() && dice.roll(2) == 0)
        .then(|| [(); 2].map(|()| dice.roll(relation.columns.len())));
    let mut chosen = Vec::new();
    for (number, column) in relation.columns.iter().enumerate() {
        if !(column.insertable || bold) || (few.is_none() && dice.roll(8) == 0) {
            continue;
        }
        let same = few.map_or_else(|| dice.roll(3) > 0, |few| !few.contains(&number));
        let value = match like {
            Some(row) if same => format!("{}::{}", row[number], column.kind),
            _ if dice.roll(3) == 0 && column.kind == "uuid" => "gen_random_uuid()".to_owned(),
            _ => value(world, column, dice),
        };
        chosen.push((column, value));
    }
    if chosen.is_empty() {
        return Statement {
            sql: format!("INSERT INTO {} DEFAULT VALUES", relation.name),
            returns: None,
        };
    }
    let names: Vec<_> = chosen
        .iter()
        .map(|(column, _)| column.name.as_str())
        .collect();
    let values: Vec<_> = chosen.iter().map(|(_, value)| value.as_str()).collect();
    let conflict = match dice.roll(4) {
        0 => " ON CONFLICT DO NOTHING".to_owned(),
        1 => format!(
            " ON CONFLICT ({}) DO UPDATE SET {} = {}",
            relation.columns[0].name,
            names[0],
            value(world, chosen[0].0, dice)
        ),
        _ => String::new(),
    };
    let (returning, returns) = match relation.projection() {
        Some(projection) if dice.roll(2) == 0 => (
            format!(" RETURNING {}", projection.replace("t.", "")),
            Some(index),
        ),
        _ => (String::new(), None),
    };
    Statement {
        sql: format!(
            "INSERT INTO {} ({}) VALUES ({}){conflict}{returning}",
            relation.name,
            names.join(", "),
            values.join(", ")
        ),
        returns,
    }
}

fn condition(world: &World, relation: &Relation, dice: &mut Dice) -> String {
    let column = dice.of(&relation.columns);
    match dice.roll(4) {
        0 | 1 => String::new(),
        2 => format!(" WHERE t.{} = {}", column.name, value(world, column, dice)),
        _ => format!(" WHERE t.{} IS NOT NULL", column.name),
    }
}

fn value(world: &World, column: &Column, dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 => "DEFAULT".to_owned(),
        1 => "NULL".to_owned(),
        2..7 if !column.values.is_empty() => {
            format!("{}::{}", dice.of(&column.values), column.kind)
        }
        _ => of_type(world, &column.kind, dice),
    }
    .replace(
        "DEFAULT",
        if dice.roll(2) == 0 { "NULL" } else { "DEFAULT" },
    )
}

/// A call of any function; of one that the attacker may call more often.
fn call(world: &World, dice: &mut Dice) -> Statement {
    let callable: Vec<_> = world
        .functions
        .iter()
        .filter(|function| function.callable)
        .collect();
    let function = if dice.roll(10) > 0 && !callable.is_empty() {
        *dice.of(&callable)
    } else {
        dice.of(&world.functions)
    };
    let arguments: Vec<_> = function
        .arguments
        .iter()
        .zip(&function.likely)
        .map(|(kind, likely)| match dice.roll(4) {
            1.. if !likely.is_empty() => format!("{}::{kind}", dice.of(likely)),
            _ => of_type(world, kind, dice),
        })
        .collect();
    Statement {
        sql: call_with(function, &arguments),
        returns: None,
    }
}

pub fn call_with(function: &Function, arguments: &[String]) -> String {
    let arguments = arguments.join(", ");
    match function.kind.as_str() {
        "p" => format!("CALL {}({arguments})", function.name),
        "a" => format!("SELECT {}({arguments})::text", function.name),
        _ => format!(
            "SELECT t::text FROM {}({arguments}) AS t LIMIT 50",
            function.name
        ),
    }
}

/// A value of a type, such as there are.
pub fn of_type(world: &World, kind: &str, dice: &mut Dice) -> String {
    let base = kind.split('(').next().unwrap_or(kind);
    let literal = match base {
        "uuid" => dice.of(&world.ids).clone(),
        "text" | "character varying" | "name" | "character" => match dice.roll(5) {
            0 => "'x'".to_owned(),
            1 => "''".to_owned(),
            2 => dice.of(&world.ids).clone(),
            _ => some_text(world, dice),
        },
        "integer" | "bigint" | "smallint" | "numeric" | "double precision" | "real" => {
            ["0", "1", "2", "3", "20", "-1", "32767"][dice.roll(7)].to_owned()
        }
        "boolean" => ["true", "false"][dice.roll(2)].to_owned(),
        "timestamp with time zone" | "timestamp without time zone" | "date" => [
            "now()",
            "now() + interval '1 day'",
            "now() - interval '1 day'",
            "'infinity'",
        ][dice.roll(4)]
        .to_owned(),
        "jsonb" | "json" => {
            ["'{}'", "'[]'", "'null'", "'{\"a\": [1, \"x\"]}'", "'\"x\"'"][dice.roll(5)].to_owned()
        }
        "bytea" => ["''", "'\\x00ff'"][dice.roll(2)].to_owned(),
        "regclass" => format!("'{}'", dice.of(&world.relations).name),
        "inet" => "'192.0.2.1'".to_owned(),
        "interval" => ["'1 day'", "'-1 day'", "'0'"][dice.roll(3)].to_owned(),
        array if array.ends_with("[]") => "'{}'".to_owned(),
        _ => "NULL".to_owned(),
    };
    if dice.roll(12) == 0 {
        return format!("NULL::{kind}");
    }
    format!("({literal})::{kind}")
}

/// A text that stands somewhere: a state, a name, a secret.
fn some_text(world: &World, dice: &mut Dice) -> String {
    for _ in 0..20 {
        let relation = dice.of(&world.relations);
        let column = dice.of(&relation.columns);
        if matches!(column.kind.as_str(), "text") && !column.values.is_empty() {
            return dice.of(&column.values).clone();
        }
    }
    "'x'".to_owned()
}
