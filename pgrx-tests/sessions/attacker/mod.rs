//! Somebody who is signed in tries everything: thousands of random statements over all tables and
//! functions of every module. What may be read and changed is said in `rules.txt`, apart from the
//! policies, so that a policy that is too wide is found. That it is found is a claim of its own.

mod attack;
mod bad_input;
mod fuzz;
mod statement;
mod world;

use super::cluster::{Cluster, Database};
use attack::attack;
use postgres::Client;
use statement::Dice;
use world::{Attacker, World};

const RULES: &str = include_str!("rules.txt");

fn prepared(modules: &str) -> (Database<'static>, Client) {
    let database = Database::with_modules(Cluster::shared(), modules);
    let mut client = database.connect();
    world::make(&mut client, RULES);
    (database, client)
}

/// Another seed than the usual can be tried: ATTACKER_SEED=7 cargo pgrx test …
fn seed() -> u64 {
    let seed = std::env::var("ATTACKER_SEED").ok();
    seed.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn ten_thousand_statements_of_a_member_read_and_change_nothing_of_others() {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, Attacker::Member);
    assert!(world.secrets.len() > 300, "{} secrets", world.secrets.len());
    let outcome = attack(
        &mut client,
        &world,
        "",
        10_000,
        20,
        &mut Dice(seed()),
        statement::any,
    );
    assert!(
        outcome.faults.is_empty(),
        "\n{}",
        outcome.faults.join("\n\n")
    );
    assert!(outcome.succeeded > 2_000, "{} succeeded", outcome.succeeded);
}

#[test]
fn three_thousand_statements_of_a_guest_read_and_change_nothing_of_others() {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, Attacker::Guest);
    let outcome = attack(
        &mut client,
        &world,
        "",
        3_000,
        20,
        &mut Dice(seed()),
        statement::any,
    );
    assert!(
        outcome.faults.is_empty(),
        "\n{}",
        outcome.faults.join("\n\n")
    );
    assert!(outcome.succeeded > 300, "{} succeeded", outcome.succeeded);
}

/// The modules of which each policy is taken away in turn.
const PROVEN: &str = "founders,forum,tenancy,linkup";

/// Policies whose loss the attacker does not find, since something else still holds.
const HELD_OTHERWISE: [&str; 6] = [
    // A trigger keeps the lifecycle of a connection, and asks whose move it is.
    "founders.founder_connections founder_connections_insert_requester",
    "founders.founder_connections founder_connections_update_party",
    // A trigger admits only who was at a meeting that is over.
    "linkup.contact_exchange_choices contact_exchange_choices_insert_own",
    "linkup.contact_exchange_choices contact_exchange_choices_update_own",
    "linkup.linkup_outcomes linkup_outcomes_insert_own",
    "linkup.linkup_outcomes linkup_outcomes_update_own",
];

/// Each policy in turn lets everything through; the same attacker must notice. Every tenth policy in
/// an ordinary run; ATTACKER_POLICIES=all tries all, which takes long, and spaces.pledges those of
/// that table.
#[test]
fn a_policy_that_lets_everything_through_is_found() {
    let wanted = std::env::var("ATTACKER_POLICIES").ok();
    let every = if wanted.is_none() { 10 } else { 1 };
    let only = wanted.as_deref().filter(|wanted| *wanted != "all");
    let (_database, mut client) = prepared(only.map_or(PROVEN, |only| {
        only.split_once('.').map_or(only, |(module, _)| module)
    }));
    let world = World::read(&mut client, Attacker::Member);
    let mut policies = policies(&mut client, &world);
    match only {
        None => assert!(policies.len() > 90, "{} policies", policies.len()),
        Some(only) => {
            policies.retain(|(name, ..)| name.starts_with(only));
            assert!(!policies.is_empty(), "no policies of {only}");
        }
    }
    let mut unnoticed = Vec::new();
    for (name, relation, opened) in policies.into_iter().step_by(every) {
        let dice = &mut Dice(seed());
        let most = if HELD_OTHERWISE.contains(&name.as_str()) {
            100
        } else {
            6_000
        };
        let outcome = attack(
            &mut client,
            &world,
            &opened,
            most,
            1,
            dice,
            |world, dice| statement::on(world, relation, dice),
        );
        if outcome.faults.is_empty() {
            unnoticed.push(name);
        }
    }
    unnoticed.retain(|name| !HELD_OTHERWISE.contains(&name.as_str()));
    assert_eq!(unnoticed, Vec::<String>::new());
}

#[test]
fn every_function_answers_bad_input_with_an_error_of_the_callers() {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, Attacker::Member);
    let mut accidents = Vec::new();
    for role in ["anon", "authenticated", "service_role", "postgres"] {
        let (found, calls) =
            bad_input::call_everything(&mut client, &world, role, &mut Dice(seed()));
        assert!(calls > 2_000, "{calls} calls as {role}");
        accidents.extend(found);
    }
    assert!(accidents.is_empty(), "\n{}", accidents.join("\n"));
}

#[test]
fn every_native_function_takes_any_text_document_and_bytes() {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, Attacker::Member);
    let (accidents, calls) = fuzz::fuzz(&mut client, &world, &mut Dice(seed()));
    assert!(calls > 3_000, "{calls} calls");
    assert!(
        accidents.is_empty(),
        "add to corpus.txt what is new in\n{}",
        accidents.join("\n")
    );
}

#[test]
fn every_trigger_function_survives_where_it_does_not_belong() {
    let database = Database::engines();
    let (accidents, fired) = bad_input::fire_everything(&mut database.connect());
    assert!(fired > 100, "{fired} triggers");
    assert!(accidents.is_empty(), "\n{}", accidents.join("\n"));
}

/// The policies that keep a person who is signed in from rows, and a statement that opens each. What
/// everybody may see anyway needs no policy to keep it.
fn policies(client: &mut Client, world: &World) -> Vec<(String, usize, String)> {
    let rows = client
        .query(
            "SELECT p.polrelid::regclass::text,
                    format('ALTER POLICY %I ON %s %s %s', p.polname, p.polrelid::regclass,
                           CASE WHEN p.polqual IS NOT NULL THEN 'USING (true)' END,
                           CASE WHEN p.polwithcheck IS NOT NULL THEN 'WITH CHECK (true)' END),
                    p.polrelid::regclass || ' ' || p.polname
             FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
             JOIN community_state.module m ON m.schema::regnamespace = c.relnamespace
             WHERE 'authenticated'::regrole = ANY (p.polroles)
               AND NOT (p.polcmd = 'r' AND NOT EXISTS (SELECT FROM world.before b WHERE b.relation = p.polrelid::regclass::text AND NOT b.seen))
             ORDER BY 3",
            &[],
        )
        .expect("the policies");
    rows.into_iter()
        .map(|row| {
            let table: String = row.get(0);
            let index = world
                .relations
                .iter()
                .position(|relation| relation.name == table);
            (row.get(2), index.expect("a table of the world"), row.get(1))
        })
        .collect()
}
