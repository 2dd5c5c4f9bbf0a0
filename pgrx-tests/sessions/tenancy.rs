//! Claims about tenancy that need several sessions or a dump.

use super::cluster::{Cluster, Database, sqlstate, wait_until_blocked};
use postgres::Client;

const A: &str = "00000000-0000-4000-8000-0000000000a0";
const CUSTOMERS: [&str; 2] = [
    "00000000-0000-4000-8000-00000000ca01",
    "00000000-0000-4000-8000-00000000ca02",
];

fn person(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// One organization with so many admins, and two customers.
fn with_admins(admins: usize) -> Database<'static> {
    let database = Database::with_modules(Cluster::shared(), "tenancy");
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO tenancy.organizations (id, name, slug) VALUES ('{A}', 'A', 'a');
             INSERT INTO auth.users (id, email)
             SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n || '@x.test'
             FROM generate_series(1, 32) n;
             INSERT INTO tenancy.profiles (id, email, organization_id, role)
             SELECT id, email, '{A}', 'admin' FROM auth.users ORDER BY id LIMIT {admins};
             INSERT INTO tenancy.customers (id, organization_id, name, status)
             VALUES ('{}', '{A}', 'One', 'active'), ('{}', '{A}', 'Two', 'active')",
            CUSTOMERS[0], CUSTOMERS[1]
        ))
        .expect("fill the tables");
    database
}

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).expect(sql).get(0)
}

/// What the verifiers find in a database that should be whole.
fn faults(client: &mut Client) -> Vec<String> {
    ["verify_module()", "verify_counters()", "verify_audit()"]
        .iter()
        .flat_map(|verifier| {
            let sql = format!("SELECT v::text FROM community_core.{verifier} v");
            client.query(&sql, &[]).expect("verify")
        })
        .map(|row| row.get(0))
        .collect()
}

fn demote(number: usize) -> String {
    format!(
        "SELECT tenancy.set_member_role('{}', 'member')",
        person(number)
    )
}

#[test]
fn of_two_admins_who_demote_each_other_one_stays() {
    for (isolation, state) in [("READ COMMITTED", "42501"), ("REPEATABLE READ", "40001")] {
        let database = with_admins(2);
        let (mut first, mut second) = (
            database.connect_as(&person(1)),
            database.connect_as(&person(2)),
        );
        let mut observer = database.connect();
        for client in [&mut first, &mut second] {
            client
                .batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}; SELECT 1"))
                .expect("begin");
        }
        first.batch_execute(&demote(2)).expect("demote the second");
        let other = std::thread::spawn(move || sqlstate(second.batch_execute(&demote(1))));
        wait_until_blocked(&mut observer, 1);
        first.batch_execute("COMMIT").expect("commit");
        assert_eq!(
            other.join().expect("the second session"),
            state,
            "{isolation}"
        );
        let admins = "SELECT count(*) FROM tenancy.profiles WHERE role = 'admin'";
        assert_eq!(number(&mut observer, admins), 1);
        assert!(faults(&mut observer).is_empty());
    }
}

#[test]
fn admins_who_all_leave_at_once_leave_one_behind_also_past_the_functions() {
    for isolation in ["read committed", "repeatable read"] {
        for by_function in [true, false] {
            let database = with_admins(8);
            let sessions: Vec<_> = (1..=8)
                .map(|n| {
                    let mut client = if by_function {
                        database.connect_as(&person(n))
                    } else {
                        database.connect()
                    };
                    let sql = format!("SET default_transaction_isolation = '{isolation}'");
                    client.batch_execute(&sql).expect("isolation");
                    std::thread::spawn(move || {
                        let leave = if by_function {
                            format!("SELECT tenancy.remove_member('{}')", person(n))
                        } else {
                            format!("DELETE FROM tenancy.profiles WHERE id = '{}'", person(n))
                        };
                        loop {
                            let state = sqlstate(client.batch_execute(&leave));
                            if state != "40001" {
                                return state;
                            }
                        }
                    })
                })
                .collect();
            let mut states: Vec<_> = sessions
                .into_iter()
                .map(|session| session.join().expect("a session"))
                .collect();
            states.sort();
            let mut expected = vec!["00000"; 7];
            expected.push("23514");
            assert_eq!(states, expected, "{isolation} {by_function}");
            assert!(faults(&mut database.connect()).is_empty());
        }
    }
}

#[test]
fn sixteen_clients_spend_the_last_of_a_budget_exactly() {
    for isolation in ["read committed", "repeatable read"] {
        let database = with_admins(1);
        let mut observer = database.connect();
        observer
            .batch_execute("UPDATE tenancy.organizations SET ai_monthly_budget_usd = 1")
            .expect("a budget");
        let clients: Vec<_> = (0..16)
            .map(|_| {
                let mut client = database.connect();
                client
                    .batch_execute(&format!(
                        "SET ROLE service_role; SET default_transaction_isolation = '{isolation}'"
                    ))
                    .expect("become the service role");
                std::thread::spawn(move || {
                    let record = format!(
                        "SELECT tenancy.record_ai_usage('{A}', '{}', gen_random_uuid(), 'large', 1, 1, 0.03, '2026-05-05')",
                        person(1)
                    );
                    let mut recorded = 0;
                    for _ in 0..5 {
                        loop {
                            match sqlstate(client.batch_execute(&record)).as_str() {
                                "40001" => continue,
                                "00000" => recorded += 1,
                                state => assert_eq!(state, "23514"),
                            }
                            break;
                        }
                    }
                    recorded
                })
            })
            .collect();
        let recorded: i32 = clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .sum();
        assert_eq!(recorded, 33, "{isolation}: 33 × 0.03 = 0.99");
        let spent = "SELECT (cost_usd * 100)::bigint FROM tenancy.ai_usage_months";
        assert_eq!(number(&mut observer, spent), 99);
        assert!(faults(&mut observer).is_empty());
    }
}

#[test]
fn one_query_recorded_by_sixteen_clients_is_one_row() {
    let database = with_admins(1);
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let mut client = database.connect();
            std::thread::spawn(move || {
                let record = format!(
                    "SELECT tenancy.record_ai_usage('{A}', '{}', '{}', 'large', 1, 1, 0.5)::text",
                    person(1),
                    person(99)
                );
                let id: String = client.query_one(&record, &[]).expect("record").get(0);
                id
            })
        })
        .collect();
    let ids: std::collections::BTreeSet<_> = clients
        .into_iter()
        .map(|client| client.join().expect("a client"))
        .collect();
    assert_eq!(ids.len(), 1);
    let cost = "SELECT (sum(cost_usd) * 10)::bigint FROM tenancy.ai_usage_months";
    assert_eq!(number(&mut database.connect(), cost), 5);
}

#[test]
fn an_invitation_accepted_twice_at_once_is_accepted_once() {
    let database = with_admins(1);
    let mut admin = database.connect_as(&person(1));
    let mut accepts = Vec::new();
    for _ in 0..2 {
        let invite = "SELECT tenancy.invite_member('2@x.test')::text";
        let id: String = admin.query_one(invite, &[]).expect("invite").get(0);
        accepts.push(format!("SELECT tenancy.accept_invitation('{id}')"));
    }
    assert_eq!(accepts[0], accepts[1], "inviting again renews");
    let mut first = database.connect_as(&person(2));
    first
        .batch_execute(&format!("BEGIN; {}", accepts[0]))
        .expect("accept");
    let mut second = database.connect_as(&person(2));
    let accept = accepts[1].clone();
    let other = std::thread::spawn(move || sqlstate(second.batch_execute(&accept)));
    wait_until_blocked(&mut database.connect(), 1);
    first.batch_execute("COMMIT").expect("commit");
    assert_eq!(other.join().expect("the second session"), "55000");
}

#[test]
fn imports_of_the_same_customers_in_any_order_neither_deadlock_nor_drift() {
    let database = with_admins(1);
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let mut client = database.connect();
            std::thread::spawn(move || {
                for round in 0..10 {
                    let order = if n % 2 == 0 { [0, 1] } else { [1, 0] };
                    let sql = format!(
                        "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
                         VALUES ('{A}', '{}', 1, date '2026-01-01' + {}),
                                ('{A}', '{}', 2, date '2026-01-01' + {});
                         DELETE FROM tenancy.revenue WHERE id IN (
                             SELECT id FROM tenancy.revenue ORDER BY date DESC LIMIT 1
                             FOR UPDATE SKIP LOCKED)",
                        CUSTOMERS[order[0]],
                        n * 10 + round,
                        CUSTOMERS[order[1]],
                        n * 10 + 9 - round,
                    );
                    // Each statement a transaction of its own: what is claimed is about a statement.
                    for statement in sql.split(';') {
                        client.batch_execute(statement).expect("an import");
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("a client");
    }
    let mut observer = database.connect();
    let wrong = "SELECT count(*) FROM tenancy.customers c WHERE last_purchase_date IS DISTINCT FROM
        (SELECT max(date)::timestamp AT TIME ZONE 'UTC'
         FROM tenancy.revenue r WHERE r.customer_id = c.id)";
    assert_eq!(number(&mut observer, wrong), 0);
    assert!(faults(&mut observer).is_empty());
}

#[test]
fn a_second_copy_in_a_schema_of_any_name_is_a_world_of_its_own() {
    let database = with_admins(1);
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            r#"SELECT community_core.install_module('tenancy', schema => 'Ten"ant 2');
               INSERT INTO "Ten""ant 2".organizations (id, name, slug) VALUES ('{A}', 'A', 'a');
               INSERT INTO "Ten""ant 2".profiles (id, email, organization_id, role)
               VALUES ('{}', '2@x.test', '{A}', 'admin')"#,
            person(2)
        ))
        .expect("a second copy");
    let mut admin = database.connect_as(&person(2));
    admin
        .batch_execute(&format!(
            r#"INSERT INTO "Ten""ant 2".customers (organization_id, name, status) VALUES ('{A}', 'C', 'active');
               INSERT INTO "Ten""ant 2".revenue (organization_id, customer_id, amount, date)
               SELECT organization_id, id, 5, '2026-01-01' FROM "Ten""ant 2".customers"#
        ))
        .expect("an admin of the second copy");
    let paid = r#"SELECT sum(total_revenue)::bigint FROM "Ten""ant 2".customers"#;
    assert_eq!(number(&mut admin, paid), 5);
    assert_eq!(
        number(&mut admin, "SELECT count(*) FROM tenancy.customers"),
        0
    );
    assert!(faults(&mut client).is_empty());
}

#[test]
fn a_restored_dump_is_whole_and_keeps_its_rules() {
    let database = with_admins(1);
    let mut client = database.connect();
    client
        .batch_execute(&format!(
            "INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
             VALUES ('{A}', '{}', 12, '2026-03-04');
             SELECT tenancy.record_ai_usage('{A}', '{}', gen_random_uuid(), 'large', 1, 1, 0.5)",
            CUSTOMERS[0],
            person(1)
        ))
        .expect("some life");
    let restored = database.restored();
    let mut client = restored.connect();
    assert!(faults(&mut client).is_empty());
    let total = "SELECT sum(total_revenue)::bigint FROM tenancy.customers";
    assert_eq!(number(&mut client, total), 12);
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM tenancy.customers WHERE last_purchase_date IS NOT NULL"
        ),
        1
    );
    let mut admin = restored.connect_as(&person(1));
    assert_eq!(sqlstate(admin.batch_execute(&demote(1))), "23514");
}
