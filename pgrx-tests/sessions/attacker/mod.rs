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

/// Random statements over everything; at least `succeed` of them do something.
fn nothing_of_others(attacker: Attacker, statements: usize, succeed: usize) {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, attacker);
    assert!(world.secrets.len() > 300, "{} secrets", world.secrets.len());
    let dice = &mut Dice(seed());
    let outcome = attack(
        &mut client,
        &world,
        "",
        statements,
        20,
        dice,
        statement::any,
    );
    assert!(
        outcome.faults.is_empty(),
        "\n{}",
        outcome.faults.join("\n\n")
    );
    assert!(
        outcome.succeeded > succeed,
        "{} succeeded",
        outcome.succeeded
    );
}

#[test]
fn ten_thousand_statements_of_a_member_read_and_change_nothing_of_others() {
    nothing_of_others(Attacker::Member, 10_000, 2_000);
}

#[test]
fn three_thousand_statements_of_who_runs_a_space_read_and_change_nothing_elsewhere() {
    nothing_of_others(Attacker::Owner, 3_000, 600);
}

#[test]
fn three_thousand_statements_of_a_guest_read_and_change_nothing_of_others() {
    nothing_of_others(Attacker::Guest, 3_000, 300);
}

const MODULES: [&str; 5] = ["founders", "forum", "tenancy", "linkup", "spaces"];

/// Policies whose loss the attacker does not find, since something else still holds.
const HELD_OTHERWISE: [&str; 7] = [
    // A trigger keeps the lifecycle of a connection, and asks whose move it is.
    "founders.founder_connections founder_connections_insert_requester",
    "founders.founder_connections founder_connections_update_party",
    // A trigger lets nobody but the recipient say that a message was read.
    "founders.founder_messages founder_messages_update_recipient",
    // A trigger admits only who was at a meeting that is over.
    "linkup.contact_exchange_choices contact_exchange_choices_insert_own",
    "linkup.contact_exchange_choices contact_exchange_choices_update_own",
    "linkup.linkup_outcomes linkup_outcomes_insert_own",
    "linkup.linkup_outcomes linkup_outcomes_update_own",
];

/// Whether a member who may do what `opened` lets through, tries it and is caught.
fn is_noticed(client: &mut Client, world: &World, relation: usize, opened: &str) -> bool {
    let dice = &mut Dice(seed());
    let outcome = attack(client, world, opened, 6_000, 1, dice, |world, dice| {
        statement::on(world, relation, dice)
    });
    !outcome.faults.is_empty()
}

/// Each policy in turn lets everything through; the same attacker must notice.
/// ATTACKER_POLICIES=spaces.pledges tries those of one module or table.
#[test]
fn a_policy_that_lets_everything_through_is_found() {
    let wanted = std::env::var("ATTACKER_POLICIES").unwrap_or_default();
    let (mut tried, mut unnoticed) = (0, Vec::new());
    for module in MODULES {
        if !wanted.is_empty() && wanted.split('.').next() != Some(module) {
            continue;
        }
        let (_database, mut client) = prepared(module);
        let world = World::read(&mut client, Attacker::Member);
        for (name, relation, opened) in policies(&mut client, &world) {
            if name.starts_with(&wanted) && !HELD_OTHERWISE.contains(&name.as_str()) {
                tried += 1;
                if !is_noticed(&mut client, &world, relation, &opened) {
                    unnoticed.push(name);
                }
            }
        }
    }
    assert_eq!(unnoticed, Vec::<String>::new());
    let least = if wanted.is_empty() { 200 } else { 1 };
    assert!(tried >= least, "{tried} policies");
}

/// What would let a member of a space do a little more than it should.
const TOO_WIDE: [(&str, &str); 10] = [
    (
        "spaces.space_members",
        "GRANT UPDATE (role) ON spaces.space_members TO authenticated;
         CREATE POLICY x ON spaces.space_members FOR UPDATE TO authenticated USING (profile_id = (SELECT auth.uid()));",
    ),
    (
        "spaces.donations",
        "GRANT UPDATE (status) ON spaces.donations TO authenticated;
         CREATE POLICY x ON spaces.donations FOR UPDATE TO authenticated USING (profile_id = (SELECT auth.uid()));",
    ),
    (
        "spaces.reports",
        "ALTER POLICY reports_select_reporter_and_moderators ON spaces.reports
         USING (space_id = ANY (ARRAY(SELECT spaces.readable_space_ids())));",
    ),
    (
        "spaces.votes",
        "ALTER POLICY votes_select_own ON spaces.votes USING (space_id = ANY (ARRAY(SELECT spaces.readable_space_ids())));",
    ),
    (
        "spaces.answers",
        "ALTER POLICY answers_select_authenticated ON spaces.answers
         USING (space_id = ANY (ARRAY(SELECT spaces.readable_space_ids())));",
    ),
    (
        "spaces.comments",
        "ALTER POLICY comments_select_authenticated ON spaces.comments
         USING (state = 'published' AND space_id = ANY (ARRAY(SELECT spaces.readable_space_ids())));",
    ),
    (
        "spaces.workshops",
        "ALTER POLICY workshops_update_moderator ON spaces.workshops
         USING (space_id = ANY (ARRAY(SELECT spaces.writable_space_ids())));",
    ),
    (
        "spaces.automod_rules",
        "ALTER POLICY automod_rules_select_moderators ON spaces.automod_rules
         USING (space_id = ANY (ARRAY(SELECT spaces.writable_space_ids())));",
    ),
    (
        "spaces.posts",
        "ALTER POLICY posts_insert_own ON spaces.posts WITH CHECK (author_id = (SELECT auth.uid()));",
    ),
    (
        "spaces.assignment_submissions",
        "ALTER POLICY assignment_submissions_insert_own ON spaces.assignment_submissions
         WITH CHECK (profile_id = (SELECT auth.uid()));",
    ),
];

#[test]
fn a_policy_that_is_a_little_too_wide_is_found() {
    let (_database, mut client) = prepared("spaces");
    let world = World::read(&mut client, Attacker::Member);
    let mut unnoticed = TOO_WIDE.to_vec();
    unnoticed.retain(|(table, opened)| {
        let relation = world.relation(table);
        !is_noticed(&mut client, &world, relation, opened)
    });
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
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
fn every_table_answers_a_bad_value_with_an_error_of_the_writers() {
    let (_database, mut client) = prepared("all");
    let world = World::read(&mut client, Attacker::Member);
    let mut accidents = Vec::new();
    for role in ["authenticated", "postgres"] {
        let (found, rows) =
            bad_input::write_everything(&mut client, &world, role, &mut Dice(seed()));
        assert!(rows > 4_000, "{rows} rows as {role}");
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
            let relation = world.relation(row.get(0));
            (row.get(2), relation, row.get(1))
        })
        .collect()
}
