//! The attack itself: statements in transactions that are undone, and after each what came of it.

use super::bad_input::is_accident;
use super::statement::{Dice, Statement};
use super::world::World;
use postgres::{Client, SimpleQueryMessage};

/// Statements in one transaction, so that one can build on another.
const STATEMENTS: usize = 25;

#[derive(Default)]
pub struct Outcome {
    /// What was read or changed and should not have been.
    pub faults: Vec<String>,
    pub statements: usize,
    /// How many did something; an attack that is all errors proves nothing.
    pub succeeded: usize,
}

/// Becomes the attacker, in a role, until the transaction ends. A plan that is compiled takes longer than one that is not
/// for the few rows there are.
pub fn disguise(client: &mut Client, world: &World, role: &str, limit: &str) {
    let person = world.attacker.person();
    client
        .batch_execute(&format!(
            "SELECT set_config('request.jwt.claims', json_build_object('role', '{role}', 'sub', {person})::text, true);
             SET LOCAL statement_timeout = '{limit}'; SET LOCAL jit = off; SET LOCAL client_min_messages = error; SET LOCAL ROLE {role}"
        ))
        .expect("become the attacker");
}

/// At most `how_many` statements from `next`, until there are `enough` faults, with `prepared` run
/// first, as the superuser, in each transaction.
pub fn attack(
    client: &mut Client,
    world: &World,
    prepared: &str,
    how_many: usize,
    enough: usize,
    dice: &mut Dice,
    next: impl Fn(&World, &mut Dice) -> Statement,
) -> Outcome {
    let mut outcome = Outcome::default();
    while outcome.statements < how_many {
        client
            .batch_execute(&format!("BEGIN; {prepared}"))
            .expect("begin");
        disguise(client, world, world.attacker.role(), "10s");
        // What the attacker wrote in this transaction, it may read back.
        let mut tried = String::new();
        for _ in 0..STATEMENTS.min(how_many - outcome.statements) {
            let statement = next(world, dice);
            outcome.statements += 1;
            tried += &format!("\n    {}", statement.sql);
            client
                .batch_execute("SAVEPOINT before")
                .expect("a savepoint");
            let end = match client.simple_query(&statement.sql) {
                Ok(messages) => {
                    outcome.succeeded += 1;
                    for message in messages {
                        if let SimpleQueryMessage::Row(row) = message
                            && let Some(text) = row.get(0)
                            && let Some(fault) = read(world, &statement, text, &tried)
                        {
                            outcome
                                .faults
                                .push(format!("{}\n    tells {fault}", statement.sql));
                        }
                    }
                    "RELEASE before"
                }
                Err(error) => {
                    if let Some(fault) = refused(world, &error, &tried) {
                        outcome
                            .faults
                            .push(format!("{}\n    {fault}", statement.sql));
                    }
                    "ROLLBACK TO before; RELEASE before"
                }
            };
            client.batch_execute(end).expect("the savepoint's end");
        }
        client
            .batch_execute("RESET ROLE; SET LOCAL statement_timeout = 0")
            .expect("the superuser again");
        for row in client
            .query("SELECT world.faults()", &[])
            .expect("look at every row")
        {
            let fault: String = row.get(0);
            outcome
                .faults
                .push(format!("{fault}\n    by one of{tried}"));
        }
        client.batch_execute("ROLLBACK").expect("undo it");
        if outcome.faults.len() >= enough {
            break;
        }
    }
    outcome
}

fn read(world: &World, statement: &Statement, text: &str, tried: &str) -> Option<String> {
    if let Some(relation) = statement.returns {
        let relation = &world.relations[relation];
        if relation.forbidden.contains(text) {
            return Some(format!(
                "a row of {} that is another's: {text}",
                relation.name
            ));
        }
    }
    world
        .told(text, tried)
        .map(|word| format!("{word}, in {text}"))
}

fn refused(world: &World, error: &postgres::Error, tried: &str) -> Option<String> {
    if let Some(accident) = is_accident(error) {
        return Some(format!("is answered by {accident}"));
    }
    let error = error.as_db_error()?;
    let said = [
        Some(error.message()),
        error.detail(),
        error.hint(),
        error.where_(),
    ];
    let said: Vec<_> = said.into_iter().flatten().collect();
    world
        .told(&said.join("\n"), tried)
        .map(|word| format!("is told {word} by: {}", said.join(" / ")))
}
