//! Claims about money that need several sessions, commits or a dump.

use super::cluster::{Cluster, Database, at_once, sqlstate, wait_until_blocked};
use postgres::Client;
use std::collections::HashSet;
use std::thread;

/// The module, a space, a sponsor who asks a question, and somebody who answers it.
struct World {
    database: Database<'static>,
    space: String,
    sponsor: String,
    author: String,
    question: String,
    answer: String,
}

fn one(client: &mut Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).expect(sql);
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

fn world() -> World {
    let database = Database::with_modules(Cluster::shared(), "spaces");
    let mut client = database.connect();
    client
        .batch_execute(
            "INSERT INTO auth.users (id) SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 40) n;
             INSERT INTO spaces.profiles (id) SELECT id FROM auth.users",
        )
        .expect("people");
    let (sponsor, author) = (nth(1), nth(2));
    let space = one(
        &mut client,
        "INSERT INTO spaces.spaces (slug, name) VALUES ('town', 'Town') RETURNING id::text",
    );
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id) VALUES ('{space}', '{sponsor}'), ('{space}', '{author}')"
        ))
        .expect("members");
    let question = one(
        &mut client,
        &format!(
            "INSERT INTO spaces.posts (space_id, author_id, post_type, title) VALUES ('{space}', '{sponsor}', 'question', 'Why?') RETURNING id::text"
        ),
    );
    let answer = one(
        &mut client,
        &format!(
            "INSERT INTO spaces.answers (question_id, space_id, author_id, body)
             VALUES ('{question}', '{space}', '{author}', 'Because') RETURNING id::text"
        ),
    );
    World {
        database,
        space,
        sponsor,
        author,
        question,
        answer,
    }
}

fn nth(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

impl World {
    fn funded(&self) -> String {
        let mut client = self.database.connect();
        let bounty = one(
            &mut client,
            &format!(
                "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
                 VALUES ('question', '{}', '{}', 50, 'EUR', now() + interval '7 days') RETURNING id::text",
                self.question, self.sponsor
            ),
        );
        one(
            &mut client,
            &format!("SELECT (spaces.fund_bounty('{bounty}', 'pi_{bounty}')).status"),
        );
        bounty
    }

    fn paid(&self, amount: i32) -> String {
        one(
            &mut self.database.connect(),
            &format!(
                "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency, status)
                 VALUES ('{}', 'space', '{}', {amount}, 'USD', 'completed') RETURNING id::text",
                self.sponsor, self.space
            ),
        )
    }

    fn check(&self, sql: &str, wanted: &str) {
        assert_eq!(one(&mut self.database.connect(), sql), wanted, "{sql}");
    }
}

fn count(values: &[String], wanted: &str) -> usize {
    values.iter().filter(|value| *value == wanted).count()
}

const PAID_OUT: &str = "SELECT count(*) || ' ' || trim_scale(sum(amount)) FROM spaces.bounty_transactions WHERE to_account = 'recipient'";

#[test]
fn sixteen_clients_release_one_bounty_and_it_is_paid_once() {
    let world = world();
    let bounty = world.funded();
    let release = format!(
        "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
        world.author
    );
    let answers = at_once(&vec![release; 16], || {
        world.database.connect_as(&world.sponsor)
    });
    assert_eq!(count(&answers, "released"), 16, "{answers:?}");
    world.check(PAID_OUT, "1 50");
    world.check(
        &format!("SELECT string_agg(account || ' ' || trim_scale(balance), ', ' ORDER BY account) FROM spaces.bounty_balances('{bounty}')"),
        "escrow 0, recipient 50, sponsor -50",
    );
}

#[test]
fn of_sixteen_recipients_named_at_once_one_gets_the_bounty() {
    let world = world();
    let bounty = world.funded();
    let releases: Vec<_> = (2..18)
        .map(|n| {
            format!(
                "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
                nth(n)
            )
        })
        .collect();
    let answers = at_once(&releases, || world.database.connect());
    assert_eq!(
        (count(&answers, "released"), count(&answers, "55000")),
        (1, 15),
        "{answers:?}"
    );
    world.check(PAID_OUT, "1 50");
}

#[test]
fn a_release_that_is_rolled_back_leaves_the_bounty_to_the_one_that_waited() {
    let world = world();
    let bounty = world.funded();
    let release = format!(
        "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
        world.author
    );
    let (mut first, mut observer) = (world.database.connect(), world.database.connect());
    first
        .batch_execute(&format!("BEGIN; {release}"))
        .expect("the first");
    thread::scope(|scope| {
        let second = scope.spawn(|| one(&mut world.database.connect(), &release));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("ROLLBACK").expect("rollback");
        assert_eq!(second.join().expect("the second"), "released");
    });
    world.check(PAID_OUT, "1 50");
}

#[test]
fn of_release_dispute_and_expiry_at_once_one_happens() {
    let world = world();
    for _ in 0..5 {
        let bounty = world.funded();
        let statements = [
            format!(
                "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
                world.author
            ),
            format!("SELECT (spaces.dispute_bounty('{bounty}', 'why')).status"),
            "SELECT status FROM spaces.expire_bounties(10, now() + interval '8 days')".to_owned(),
        ];
        at_once(&statements, || world.database.connect());
        let moves = format!(
            "SELECT count(*)::text FROM spaces.bounty_transactions WHERE bounty_id = '{bounty}'"
        );
        world.check(&moves, "2");
        let mut client = world.database.connect();
        client
            .batch_execute(
                "SELECT spaces.resolve_dispute(id) FROM spaces.bounties WHERE status = 'disputed'",
            )
            .expect("the next question's turn");
    }
}

#[test]
fn an_acceptance_and_a_release_meet_without_a_deadlock_and_pay_once() {
    let world = world();
    let bounty = world.funded();
    let mut accepting = world.database.connect_as(&world.sponsor);
    accepting
        .batch_execute(&format!(
            "BEGIN; SELECT spaces.accept_answer('{}')",
            world.answer
        ))
        .expect("an acceptance");
    let mut observer = world.database.connect();
    thread::scope(|scope| {
        let release = scope.spawn(|| {
            one(
                &mut world.database.connect_as(&world.sponsor),
                &format!("SELECT (spaces.release_bounty('{bounty}')).status"),
            )
        });
        wait_until_blocked(&mut observer, 1);
        accepting.batch_execute("COMMIT").expect("commit");
        assert_eq!(release.join().expect("the release"), "released");
    });
    world.check(PAID_OUT, "1 50");
}

#[test]
fn sixteen_refunds_at_once_never_exceed_what_was_paid_at_any_isolation() {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let world = world();
        let donation = world.paid(50);
        let refunds: Vec<_> = (0..16)
            .map(|n| format!("SELECT status FROM spaces.refund_donation('{donation}', 'r{n}', 20)"))
            .collect();
        let answers = at_once(&refunds, || {
            let mut client = world.database.connect();
            client
                .batch_execute(&format!(
                    "SET default_transaction_isolation = '{isolation}'"
                ))
                .expect("the isolation");
            client
        });
        let made = count(&answers, "pending");
        assert_eq!(
            made + count(&answers, "23514") + count(&answers, "40001"),
            16,
            "{answers:?}"
        );
        assert!(
            made == 2 || isolation != "read committed" && (1..=2).contains(&made),
            "{isolation}: {answers:?}"
        );
        world.check(
            "SELECT (sum(amount) <= 50 AND sum(amount) = (SELECT max(refunded_amount) FROM spaces.donations))::text
             FROM spaces.donations WHERE refund_of IS NOT NULL",
            "true",
        );
    }
}

#[test]
fn a_second_refund_waits_for_the_first_and_sees_what_is_left() {
    let world = world();
    let donation = world.paid(50);
    let refund =
        |key: &str| format!("SELECT status FROM spaces.refund_donation('{donation}', '{key}', 30)");
    let (mut first, mut observer) = (world.database.connect(), world.database.connect());
    first
        .batch_execute(&format!("BEGIN; {}", refund("a")))
        .expect("the first");
    thread::scope(|scope| {
        let second = scope.spawn(|| sqlstate(world.database.connect().query(&refund("b"), &[])));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        assert_eq!(second.join().expect("the second"), "23514");
    });
}

#[test]
fn eight_workers_charge_each_due_period_once() {
    let world = world();
    world
        .database
        .connect()
        .batch_execute(&format!(
            "INSERT INTO spaces.payment_methods (id, profile_id, provider, external_id)
             SELECT id, id, 'acme', 'pm_' || id FROM spaces.profiles;
             INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, payment_method_id)
             SELECT id, 'space', '{}', 'month', 5, 'EUR', id FROM spaces.profiles",
            world.space
        ))
        .expect("pledges");
    let claim = "SELECT string_agg(id::text, ' ') FROM spaces.claim_due_pledges(20)".to_owned();
    let answers = at_once(&vec![claim; 8], || world.database.connect());
    let mut handed: Vec<_> = answers
        .iter()
        .flat_map(|ids| ids.split_whitespace())
        .map(str::to_owned)
        .collect();
    // Whoever came while others held them all finds what is left afterwards.
    let rest = one(
        &mut world.database.connect(),
        "SELECT string_agg(id::text, ' ') FROM spaces.claim_due_pledges(100)",
    );
    handed.extend(rest.split_whitespace().map(str::to_owned));
    let different: HashSet<_> = handed.iter().collect();
    assert_eq!((handed.len(), different.len()), (40, 40), "{answers:?}");
    world.check("SELECT count(*)::text FROM spaces.donations", "40");
    world.check(
        "SELECT string_agg(DISTINCT period::text, ' ') FROM spaces.pledges",
        "1",
    );
}

#[test]
fn a_pledge_that_one_worker_has_is_passed_over_by_another() {
    let world = world();
    let (mut first, mut second) = (world.database.connect(), world.database.connect());
    first
        .batch_execute(&format!(
            "INSERT INTO spaces.payment_methods (id, profile_id, provider, external_id) VALUES ('{0}', '{0}', 'acme', 'pm');
             INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, payment_method_id)
             VALUES ('{0}', 'space', '{1}', 'month', 5, 'EUR', '{0}')",
            world.sponsor, world.space
        ))
        .expect("a pledge");
    let claim = "SELECT count(*)::text FROM spaces.claim_due_pledges(10)";
    let mut transaction = first.transaction().expect("a transaction");
    let mine: String = transaction.query_one(claim, &[]).expect(claim).get(0);
    assert_eq!(
        (mine.as_str(), one(&mut second, claim).as_str()),
        ("1", "0")
    );
    transaction.rollback().expect("rollback");
    assert_eq!(one(&mut second, claim), "1");
}

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
fn two_workers_that_rotate_keys_get_different_rows_and_one_that_dies_loses_none() {
    let world = world();
    let mut client = world.database.connect();
    client
        .batch_execute(
            "INSERT INTO spaces.payment_methods (profile_id, provider, external_id, pii_ciphertext, pii_iv, pii_tag)
             SELECT id, 'acme', 'pm_' || id, '\\xc1', uuid_send(id), '\\x7a' FROM spaces.profiles",
        )
        .expect("methods");
    let rotate = |chunk: i32| {
        format!(
            "SELECT coalesce(spaces.store_rotated('payment_methods', 2, array_agg(id), array_agg(pii_iv), array_agg('\\xc2'::bytea),
                 array_agg(pii_iv || '\\x02'), array_agg(pii_tag)), 0)::text FROM spaces.rotate_keys('payment_methods', 2, {chunk})"
        )
    };
    // Its connection ends in the middle of a chunk.
    let mut dying = world.database.connect();
    dying
        .batch_execute(&format!("BEGIN; {}", rotate(15)))
        .expect("a chunk");
    drop(dying);
    let answers = at_once(&vec![rotate(5); 8], || world.database.connect());
    assert_eq!(count(&answers, "5"), 8, "{answers:?}");
    assert_eq!(one(&mut client, &rotate(5)), "0");
    world.check(
        "SELECT concat_ws(' ', rows, finished_at IS NOT NULL) FROM spaces.key_rotations",
        "40 t",
    );
}

#[test]
fn what_was_paid_leaves_after_seven_years_and_a_donation_not_before_its_refunds() {
    let world = world();
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency, status, settled_at, external_id)
             SELECT '{0}', 'space', '{1}', 10, 'USD', 'completed', now() - age, age::text
             FROM unnest('{{7 years 1 day,7 years 2 days,6 years 364 days}}'::interval[]) AS age;
             INSERT INTO spaces.donations (refund_of, target_type, target_id, amount, currency, status)
             SELECT id, 'space', '{1}', 4, 'USD', 'completed' FROM spaces.donations WHERE external_id = '7 years 2 days'",
            world.sponsor, world.space
        ))
        .expect("donations");
    let bounty = world.funded();
    client
        .batch_execute(&format!(
            "SELECT spaces.release_bounty('{bounty}', '{}');
             ALTER TABLE spaces.bounties DISABLE TRIGGER bounties_keep;
             UPDATE spaces.bounties SET closed_at = now() - interval '7 years 1 day';
             ALTER TABLE spaces.bounties ENABLE TRIGGER bounties_keep",
            world.author
        ))
        .expect("an old bounty");
    client
        .batch_execute("CALL community_core.apply_retention()")
        .expect("a run");
    world.check(
        "SELECT count(*)::text FROM spaces.retention_log WHERE failure IS NOT NULL",
        "0",
    );
    world.check(
        "SELECT string_agg(coalesce(external_id, 'the refund'), ', ' ORDER BY external_id) FROM spaces.donations",
        "6 years 364 days, 7 years 2 days, the refund",
    );
    world.check("SELECT count(*)::text FROM spaces.bounties", "0");
    world.check("SELECT count(*)::text FROM spaces.bounty_transactions", "0");
}

#[test]
fn money_comes_back_from_a_dump_with_its_rules() {
    let world = world();
    let (bounty, donation) = (world.funded(), world.paid(50));
    let mut client = world.database.connect();
    client
        .batch_execute(&format!(
            "SELECT spaces.refund_donation('{donation}', 'r', 20)"
        ))
        .expect("a refund");
    let restored = world.database.restored();
    let mut client = restored.connect();
    let faults = "SELECT count(*)::text FROM community_core.verify_module('spaces')";
    assert_eq!(one(&mut client, faults), "0");
    let refund = format!("SELECT spaces.refund_donation('{donation}', 's', 31)");
    assert_eq!(sqlstate(client.batch_execute(&refund)), "23514");
    let change = format!("UPDATE spaces.donations SET amount = 1 WHERE id = '{donation}'");
    assert_eq!(sqlstate(client.batch_execute(&change)), "55000");
    let card = "UPDATE spaces.donations SET failure = '4111111111111111'";
    assert_eq!(sqlstate(client.batch_execute(card)), "23514");
    let release = format!(
        "SELECT (spaces.release_bounty('{bounty}', '{}')).status",
        world.author
    );
    assert_eq!(one(&mut client, &release), "released");
}
