//! Claims about payouts that need several sessions.

use super::cluster::{at_once, wait_until_blocked};
use super::spaces_money::{World, count, one, world};
use std::collections::HashSet;
use std::thread;

/// A verified account of the author's.
fn account(world: &World) -> String {
    format!(
        "INSERT INTO spaces.payout_accounts (profile_id, provider, external_account_id, kyc_status)
         VALUES ('{}', 'acme', 'acct', 'verified') RETURNING id::text",
        world.author
    )
}

fn release(world: &World, bounty: &str) -> String {
    format!(
        "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
        world.author
    )
}

const PAYOUTS: &str =
    "SELECT count(*) || ' ' || coalesce(trim_scale(sum(amount))::text, '') FROM spaces.payout_jobs";

#[test]
fn eight_workers_have_one_payout_of_an_account_at_a_time() {
    let world = world();
    world
        .database
        .connect()
        .batch_execute(
            "INSERT INTO spaces.payout_accounts (id, profile_id, provider, external_account_id, kyc_status)
             SELECT id, id, 'acme', 'acct_' || id, 'verified' FROM spaces.profiles WHERE id::text <= '00000000-0000-4000-8000-000000000004';
             SELECT spaces.enqueue_payout(n || ':' || a.id, a.id, n, 'EUR')
             FROM generate_series(1, 3) n, spaces.payout_accounts a ORDER BY n",
        )
        .expect("payouts");
    let claim = "SELECT string_agg(id::text || ' ' || attempts || ' ' || trim_scale(amount), ',') FROM spaces.claim_payout_jobs(10)".to_owned();
    for round in 1..=3 {
        let mut answers = at_once(&vec![claim.clone(); 8], || world.database.connect());
        answers.push(one(&mut world.database.connect(), &claim));
        let jobs: Vec<Vec<&str>> = answers
            .iter()
            .flat_map(|answer| answer.split(','))
            .filter(|job| !job.is_empty())
            .map(|job| job.split(' ').collect())
            .collect();
        assert_eq!(jobs.len(), 4, "{answers:?}");
        let mut client = world.database.connect();
        for job in jobs {
            assert_eq!(job[2], round.to_string(), "the oldest first");
            let finish = format!(
                "SELECT spaces.finish_payout_job('{0}', {1}, external_id => 'po_{0}')::text",
                job[0], job[1]
            );
            assert_eq!(one(&mut client, &finish), "true");
        }
    }
    world.check(
        "SELECT string_agg(DISTINCT status || ' ' || attempts, ' ') FROM spaces.payout_jobs",
        "paid 1",
    );
}

#[test]
fn sixteen_enqueue_one_payout_at_once_and_it_is_one_job() {
    let world = world();
    let account = one(
        &mut world.database.connect(),
        &format!(
            "INSERT INTO spaces.payout_accounts (profile_id, provider, external_account_id, kyc_status)
             VALUES ('{}', 'acme', 'acct', 'verified') RETURNING id::text",
            world.author
        ),
    );
    let enqueue =
        format!("SELECT id::text FROM spaces.enqueue_payout('bounty:7', '{account}', 50, 'EUR')");
    let answers = at_once(&vec![enqueue; 16], || world.database.connect());
    let different: HashSet<_> = answers.iter().collect();
    assert_eq!(different.len(), 1, "{answers:?}");
    world.check("SELECT count(*)::text FROM spaces.payout_jobs", "1");
}

#[test]
fn sixteen_clients_release_one_bounty_and_it_is_paid_out_once() {
    let world = world();
    one(&mut world.database.connect(), &account(&world));
    let bounty = world.funded();
    let mut statements = vec![release(&world, &bounty); 16];
    statements.extend(vec![
        "SELECT spaces.enqueue_bounty_payouts()::text"
            .to_owned();
        8
    ]);
    let answers = at_once(&statements, || world.database.connect());
    assert_eq!(count(&answers, "released"), 16, "{answers:?}");
    world.check(PAYOUTS, "1 50");
    world.check(
        "SELECT idempotency_key FROM spaces.payout_jobs",
        &format!("bounty:{bounty}"),
    );
}

#[test]
fn a_bounty_that_is_released_while_the_account_is_verified_is_paid_out_once_whichever_comes_first()
{
    for released_first in [true, false] {
        let world = world();
        let bounty = world.funded();
        let (mut first, second) = if released_first {
            (release(&world, &bounty), account(&world))
        } else {
            (account(&world), release(&world, &bounty))
        };
        first.insert_str(0, "BEGIN; ");
        let (mut one_session, mut observer) = (world.database.connect(), world.database.connect());
        one_session.batch_execute(&first).expect("the first");
        thread::scope(|scope| {
            let other = scope.spawn(|| one(&mut world.database.connect(), &second));
            wait_until_blocked(&mut observer, 1);
            one_session.batch_execute("COMMIT").expect("commit");
            other.join().expect("the second");
        });
        world.check(PAYOUTS, "1 50");
    }
}
