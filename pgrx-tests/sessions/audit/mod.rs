//! Claims about the audit that one connection cannot show.

mod blocks;
mod concurrency;
mod erasing;
mod evidence;
mod kept;
mod recording;
mod tampering;

use super::cluster::{Database, sqlstate};
pub use evidence::signed;
use postgres::Client;

const PERSON: &str = "11111111-1111-4111-8111-111111111111";

/// A consent log as the founders module has it: written by a trigger of a role without rights.
fn consent_log(client: &mut Client) {
    client
        .batch_execute(
            "CREATE SCHEMA founders;
             CREATE TABLE founders.consent_audit_log (
                 id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid, category text,
                 previous_value boolean, new_value boolean,
                 changed_at timestamptz DEFAULT now(), ip_address text, user_agent text);
             SELECT community_core.create_audit_log('founders.consent_audit_log',
                        erasable => '{user_id,ip_address,user_agent}')",
        )
        .expect("create the log");
}

fn write(client: &mut Client, user: &str, how_many: i32) {
    client
        .execute(
            "INSERT INTO founders.consent_audit_log (user_id, category, new_value, ip_address)
             SELECT $1::text::uuid, 'benchmarks', i % 2 = 0, '10.0.0.' || i
             FROM generate_series(1, $2) i",
            &[&user, &how_many],
        )
        .expect("write entries");
}

/// The faults as `fault sequence`.
fn faults(client: &mut Client) -> Vec<String> {
    client
        .query(
            "SELECT fault, sequence FROM community_core.verify_audit()",
            &[],
        )
        .expect("verify")
        .iter()
        .map(|row| {
            let sequence: Option<i64> = row.get(1);
            let fault: String = row.get(0);
            sequence.map_or(fault.clone(), |sequence| format!("{fault} {sequence}"))
        })
        .collect()
}

fn count(client: &mut Client, query: &str) -> i64 {
    client.query_one(query, &[]).expect(query).get(0)
}

#[test]
fn entries_are_sealed_when_the_transaction_commits() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 3);
    let seals = "SELECT count(*) FROM founders.consent_audit_log_seal";
    assert_eq!(count(&mut client, seals), 3);
    let mut transaction = client.transaction().expect("begin");
    transaction
        .batch_execute(
            "INSERT INTO founders.consent_audit_log (category) VALUES ('a');
             SAVEPOINT s;
             INSERT INTO founders.consent_audit_log (category) VALUES ('rolled back');
             ROLLBACK TO s;
             SAVEPOINT t;
             INSERT INTO founders.consent_audit_log (category) VALUES ('kept');
             RELEASE t;
             SET CONSTRAINTS ALL IMMEDIATE",
        )
        .expect("write");
    let before: i64 = transaction.query_one(seals, &[]).expect("count").get(0);
    assert_eq!(before, 3, "nothing is sealed before the commit");
    transaction.commit().expect("commit");
    assert_eq!(count(&mut client, seals), 5);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn nobody_changes_an_entry_while_the_triggers_stand() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 2);
    for table in [
        "consent_audit_log",
        "consent_audit_log_seal",
        "consent_audit_log_head",
    ] {
        for statement in ["DELETE FROM founders.", "TRUNCATE founders."] {
            let state = sqlstate(client.batch_execute(&format!("{statement}{table}")));
            assert_eq!(state, "42501", "{statement}{table}");
        }
    }
    let error = client.batch_execute("UPDATE founders.consent_audit_log SET category = 'x'");
    let error = error.expect_err("refused");
    let error = error.as_db_error().expect("an error of the database");
    assert_eq!(
        error.message(),
        "UPDATE of audit log founders.consent_audit_log is not allowed"
    );
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("erase_audit_subject"))
    );
}

#[test]
fn a_transaction_with_entries_cannot_be_prepared() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    let state = sqlstate(client.batch_execute(
        "BEGIN; INSERT INTO founders.consent_audit_log (category) VALUES ('x');
         PREPARE TRANSACTION 'p'",
    ));
    assert_eq!(state, "0A000");
}

#[test]
fn a_role_without_rights_on_the_log_writes_through_a_trigger_and_deletes_a_person() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE ROLE audit_owner; CREATE ROLE audit_app;
             CREATE SCHEMA community AUTHORIZATION audit_owner;
             GRANT USAGE ON SCHEMA community_core TO audit_owner;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO audit_owner;
             SET ROLE audit_owner;
             CREATE TABLE community.consent (person uuid, enabled boolean);
             CREATE TABLE community.\"consent log\" (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person uuid, enabled boolean);
             SELECT community_core.create_audit_log('community.\"consent log\"',
                        erasable => '{person}');
             CREATE FUNCTION community.note() RETURNS trigger LANGUAGE plpgsql
                 SECURITY DEFINER SET search_path = '' AS $$
                 BEGIN
                     IF TG_OP = 'DELETE' THEN
                         PERFORM community_core.erase_audit_subject(OLD.person);
                     ELSE
                         INSERT INTO community.\"consent log\" (person, enabled)
                         VALUES (NEW.person, NEW.enabled);
                     END IF;
                     RETURN NULL;
                 END $$;
             CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON community.consent
                 FOR EACH ROW EXECUTE FUNCTION community.note();
             GRANT USAGE ON SCHEMA community TO audit_app;
             GRANT SELECT, INSERT, DELETE ON community.consent TO audit_app;
             RESET ROLE; SET ROLE audit_app;
             INSERT INTO community.consent
             VALUES ('11111111-1111-4111-8111-111111111111', true);
             BEGIN;
             INSERT INTO community.consent
             VALUES ('11111111-1111-4111-8111-111111111111', false);
             DELETE FROM community.consent;
             COMMIT",
        )
        .expect("work as the application");
    for table in [
        "consent log",
        "consent log_seal",
        "consent log_head",
        "consent log_erasure",
    ] {
        let query = format!("SELECT FROM community.\"{table}\"");
        assert_eq!(sqlstate(client.batch_execute(&query)), "42501", "{table}");
    }
    client.batch_execute("RESET ROLE").expect("reset");
    let query = "SELECT count(*) FROM community.\"consent log\" WHERE person IS NULL";
    assert_eq!(count(&mut client, query), 2);
    let erasures = "SELECT count(*) FROM community.\"consent log_seal\" WHERE entry IS NULL";
    assert!(count(&mut client, erasures) >= 1);
    assert_eq!(faults(&mut client), Vec::<String>::new());
    client
        .batch_execute("DROP OWNED BY audit_owner, audit_app; DROP ROLE audit_owner, audit_app")
        .expect("drop the roles");
}

#[test]
fn creating_a_log_again_seals_nothing_twice() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY, org uuid, note text);
             INSERT INTO log SELECT i, NULL, 'before' FROM generate_series(1, 5) i;
             SELECT community_core.create_audit_log('log', chain_by => '{org}');
             SELECT community_core.create_audit_log('log', chain_by => '{org}');
             INSERT INTO log VALUES (6, gen_random_uuid(), 'after');
             ALTER TABLE log DISABLE TRIGGER audit_refuse;
             DROP TRIGGER audit_keep ON log_seal;",
        )
        .expect("create the log twice");
    assert_eq!(faults(&mut client), ["protection", "protection"]);
    client
        .batch_execute("SELECT community_core.create_audit_log('log', chain_by => '{org}')")
        .expect("repair");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(count(&mut client, "SELECT count(*) FROM log_seal"), 6);
    assert_eq!(
        count(
            &mut client,
            "SELECT count(*) FROM log_seal WHERE chain = '%00'"
        ),
        5
    );
    let other = client.batch_execute("SELECT community_core.create_audit_log('log')");
    assert_eq!(sqlstate(other), "55000");

    // What came in while nobody looked is not made good by the way, only on demand.
    client
        .batch_execute(
            "SET session_replication_role = replica;
             INSERT INTO log VALUES (7, NULL, 'unseen'); RESET session_replication_role;
             SELECT community_core.create_audit_log('log', chain_by => '{org}')",
        )
        .expect("create again");
    assert_eq!(faults(&mut client), ["inserted"]);
    let adopted = "SELECT community_core.seal_audit('log', adopt => true)";
    assert_eq!(count(&mut client, adopted), 1);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn a_restored_dump_verifies_and_goes_on() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 10);
    client
        .execute(
            "SELECT community_core.erase_audit_subject($1::text::uuid)",
            &[&PERSON],
        )
        .expect("erase");
    write(&mut client, "22222222-2222-4222-8222-222222222222", 2);
    let cluster = database.cluster;
    let file = cluster
        .directory
        .join(format!("{}.dump", database.name))
        .display()
        .to_string();
    cluster.run("pg_dump", &["-Fc", "-f", &file, &database.name], &[]);
    let restored = Database::bare(cluster);
    cluster.run(
        "pg_restore",
        &["--exit-on-error", "-j", "2", "-d", &restored.name, &file],
        &[],
    );
    let mut client = restored.connect();
    assert_eq!(faults(&mut client), Vec::<String>::new());
    write(&mut client, "22222222-2222-4222-8222-222222222222", 2);
    assert_eq!(faults(&mut client), Vec::<String>::new());
    let seals = "SELECT count(*) FROM founders.consent_audit_log_seal";
    assert_eq!(count(&mut client, seals), 15);

    // Data alone, into tables that are there already with their triggers.
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    let script = cluster
        .run("pg_restore", &["--data-only", "-f", "-", &file], &[])
        .stdout;
    let script = format!(
        "SET session_replication_role = replica;\n{}",
        String::from_utf8_lossy(&script)
    );
    let path = cluster.directory.join(format!("{}.sql", database.name));
    std::fs::write(&path, script).expect("write the script");
    let path = path.display().to_string();
    cluster.run(
        "psql",
        &[
            "-v",
            "ON_ERROR_STOP=1",
            "-q",
            "-d",
            &database.name,
            "-f",
            &path,
        ],
        &[],
    );
    assert_eq!(faults(&mut client), Vec::<String>::new());
}
