//! Claims about the audit that one connection cannot show.

mod concurrency;

use super::cluster::{Database, sqlstate};
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
fn an_entry_changed_by_a_superuser_is_named() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 5);
    client
        .batch_execute(
            "ALTER TABLE founders.consent_audit_log DISABLE TRIGGER USER;
             UPDATE founders.consent_audit_log SET category = 'directory'
             WHERE ip_address = '10.0.0.3';
             ALTER TABLE founders.consent_audit_log ENABLE TRIGGER USER",
        )
        .expect("tamper");
    assert_eq!(faults(&mut client), ["changed 3"]);
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
fn an_erased_person_leaves_a_log_that_verifies() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 3);
    write(&mut client, "22222222-2222-4222-8222-222222222222", 2);
    let erased = client
        .query(
            "SELECT log, entries FROM community_core.erase_audit_subject($1::text::uuid)",
            &[&PERSON],
        )
        .expect("erase");
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0].get::<_, i64>(1), 3);
    let left = "SELECT count(*) FROM founders.consent_audit_log
                WHERE num_nonnulls(user_id, ip_address, user_agent) > 0";
    assert_eq!(count(&mut client, left), 2);
    let salts = "SELECT count(*) FROM founders.consent_audit_log_seal
                 WHERE encode(salt, 'hex') ~ '[1-9a-f]'";
    assert_eq!(count(&mut client, salts), 2);
    assert_eq!(faults(&mut client), Vec::<String>::new());
    let whole: String = client
        .query_one(
            "SELECT string_agg(e::text, '') FROM founders.consent_audit_log_erasure e",
            &[],
        )
        .expect("read the erasure")
        .get(0);
    assert!(
        whole.contains("{1,2,3}") && !whole.contains(PERSON),
        "{whole}"
    );
}

#[test]
fn a_person_taken_out_behind_the_back_is_erased_without_authority() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 2);
    client
        .batch_execute(
            "ALTER TABLE founders.consent_audit_log DISABLE TRIGGER USER;
             ALTER TABLE founders.consent_audit_log_seal DISABLE TRIGGER USER;
             UPDATE founders.consent_audit_log_seal
             SET erased = sha256(salt) || '\\x00'::bytea || substr(sha256(''), 2)
                          || decode(repeat('00', 32), 'hex'), salt = decode(repeat('00', 96), 'hex')
             WHERE sequence = 1;
             UPDATE founders.consent_audit_log SET user_id = NULL, ip_address = NULL
             WHERE ip_address = '10.0.0.1';
             ALTER TABLE founders.consent_audit_log ENABLE TRIGGER USER;
             ALTER TABLE founders.consent_audit_log_seal ENABLE TRIGGER USER",
        )
        .expect("tamper");
    assert_eq!(
        faults(&mut client),
        ["changed 1", "erased without authority 1"]
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

/// Nine entries in one chain, an erasure of the first two, and what a superuser may do to them.
#[test]
fn each_way_to_tamper_is_named_and_nothing_else() {
    let entry = |number: i32| format!("(SELECT id FROM log WHERE note = 'n{number}')");
    let swap = |what: &str, a: i32, b: i32| {
        format!(
            "WITH old AS (SELECT * FROM log_seal)
             UPDATE log_seal s SET {what} FROM old o
             WHERE s.sequence IN ({a}, {b}) AND o.sequence = {a} + {b} - s.sequence"
        )
    };
    let cases: Vec<(&str, String, &[&str])> = vec![
        (
            "value changed",
            "UPDATE log SET note = 'x' WHERE note = 'n4'".into(),
            &["changed 4"],
        ),
        (
            "NULL for empty",
            "UPDATE log SET more = '' WHERE note = 'n4'".into(),
            &["changed 4"],
        ),
        (
            "entry deleted",
            "DELETE FROM log WHERE note = 'n5'".into(),
            &["missing 5"],
        ),
        (
            "entry inserted",
            "INSERT INTO log (note) VALUES ('n5')".into(),
            &["inserted"],
        ),
        (
            "entry replaced by a copy under another key",
            "UPDATE log SET id = gen_random_uuid() WHERE note = 'n5'".into(),
            &["missing 5", "inserted"],
        ),
        (
            "seals exchanged",
            "ALTER TABLE log_seal DROP CONSTRAINT log_seal_pkey;
             UPDATE log_seal SET sequence = 10 - sequence WHERE sequence IN (4, 6)"
                .into(),
            &["reordered 4", "reordered 6"],
        ),
        (
            "entries of seals exchanged",
            format!(
                "ALTER TABLE log_seal DROP CONSTRAINT log_seal_entry_key; {}",
                swap("entry = o.entry, salt = o.salt", 4, 5)
            ),
            &["reordered 4", "reordered 5"],
        ),
        (
            "tail cut, seals and all",
            format!(
                "DELETE FROM log_seal WHERE entry IN ({}, {}); DELETE FROM log WHERE note IN ('n8', 'n9')",
                entry(8),
                entry(9)
            ),
            &["truncated tail 9", "truncated tail 10"],
        ),
        (
            "link replaced",
            "UPDATE log_seal SET hash = sha256('x') WHERE sequence = 4".into(),
            &["broken link 4"],
        ),
        (
            "leaf replaced",
            "UPDATE log_seal SET leaf = sha256('x') WHERE sequence = 4".into(),
            &["broken link 4"],
        ),
        (
            "tree replaced",
            "UPDATE log_head SET frontier = sha256('x') || sha256('y')".into(),
            &["wrong root 10"],
        ),
        (
            "end replaced",
            "UPDATE log_head SET hash = sha256('x')".into(),
            &["broken link 10"],
        ),
        (
            "head rolled back",
            "UPDATE log_head SET size = 9".into(),
            &["inserted 10"],
        ),
        ("head gone", "DELETE FROM log_head".into(), &["missing"]),
        (
            "seal gone",
            "DELETE FROM log_seal WHERE sequence = 5".into(),
            &["missing 5", "inserted"],
        ),
        (
            "erased in silence",
            "UPDATE log SET person = NULL WHERE note = 'n4';
             UPDATE log_seal SET erased = sha256('\\x10' || salt || '\\x75'
                 || decode(repeat('22', 16), 'hex')), salt = decode(repeat('00', 32), 'hex')
             WHERE sequence = 4"
                .into(),
            &["erased without authority 4"],
        ),
        (
            "erasure covered up",
            "UPDATE log_erasure SET entries = '{1}'".into(),
            &["changed 8", "erased without authority 2"],
        ),
        (
            "salt replaced",
            "UPDATE log_seal SET salt = sha256('x') WHERE sequence = 4".into(),
            &["changed 4"],
        ),
        (
            "value put back",
            "UPDATE log SET person = gen_random_uuid() WHERE note = 'n1'".into(),
            &["changed 1"],
        ),
        (
            "protection disabled",
            "ALTER TABLE log DISABLE TRIGGER audit_append".into(),
            &["protection"],
        ),
        (
            "protection dropped",
            "DROP TRIGGER audit_refuse ON log".into(),
            &["protection"],
        ),
        (
            "everything dropped",
            "DROP TRIGGER audit_refuse ON log; DROP TRIGGER audit_append ON log".into(),
            &["protection", "protection"],
        ),
    ];
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text,
                               more text, person uuid);
             SELECT community_core.create_audit_log('log', erasable => '{person}');
             INSERT INTO log (note, person) SELECT 'n' || i, '11111111-1111-4111-8111-111111111111'
             FROM generate_series(1, 2) i;
             INSERT INTO log (note, person) SELECT 'n' || i, '22222222-2222-2222-2222-222222222222'
             FROM generate_series(3, 6) i;
             INSERT INTO log (note) SELECT 'n' || i FROM generate_series(7, 7) i;
             SELECT community_core.erase_audit_subject('11111111-1111-4111-8111-111111111111');
             INSERT INTO log (note) SELECT 'n' || i FROM generate_series(8, 9) i;",
        )
        .expect("create the log");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    let ordered = "SELECT fault, sequence FROM community_core.verify_audit('log')";
    for (name, tampering, expected) in cases {
        let mut transaction = client.transaction().expect("begin");
        for table in ["log", "log_seal", "log_head", "log_erasure"] {
            transaction
                .batch_execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER"))
                .expect("disable");
        }
        transaction.batch_execute(&tampering).expect(name);
        if !name.starts_with("protection") && !name.starts_with("everything") {
            for table in ["log", "log_seal", "log_head", "log_erasure"] {
                transaction
                    .batch_execute(&format!("ALTER TABLE {table} ENABLE TRIGGER USER"))
                    .expect("enable");
            }
        } else {
            transaction
                .batch_execute(
                    "ALTER TABLE log_seal ENABLE TRIGGER USER;
                     ALTER TABLE log_head ENABLE TRIGGER USER;
                     ALTER TABLE log_erasure ENABLE TRIGGER USER",
                )
                .expect("enable");
            if name == "protection disabled" {
                transaction
                    .batch_execute("ALTER TABLE log ENABLE TRIGGER audit_refuse")
                    .expect("enable");
            } else if name == "protection dropped" {
                transaction
                    .batch_execute("ALTER TABLE log ENABLE TRIGGER audit_append")
                    .expect("enable");
            }
        }
        let found: Vec<String> = transaction
            .query(ordered, &[])
            .expect(name)
            .iter()
            .map(|row| match row.get::<_, Option<i64>>(1) {
                Some(sequence) => format!("{} {sequence}", row.get::<_, String>(0)),
                None => row.get(0),
            })
            .collect();
        assert_eq!(found, expected, "{name}");
        transaction.rollback().expect("rollback");
    }
}

#[test]
fn entries_of_a_block_log_wait_for_seal_audit_and_are_seen_waiting() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org text, u uuid);
             SELECT community_core.create_audit_log('log', '{org}', '{u}', 'block');
             INSERT INTO log (org, u) SELECT 'o' || i % 3, gen_random_uuid()
             FROM generate_series(1, 6000) i;",
        )
        .expect("write");
    assert_eq!(faults(&mut client), ["unsealed", "unsealed", "unsealed"]);
    assert_eq!(
        count(
            &mut client,
            "SELECT unsealed FROM community_core.audit_logs()"
        ),
        6_000
    );
    let mut writer = database.connect();
    let mut open = writer.transaction().expect("begin");
    open.batch_execute("INSERT INTO log (org) VALUES ('o1')")
        .expect("write");
    assert_eq!(
        count(&mut client, "SELECT community_core.seal_audit('log')"),
        6_000
    );
    assert_eq!(faults(&mut client), Vec::<String>::new());
    open.commit().expect("commit");
    assert_eq!(faults(&mut client), ["unsealed"]);
    assert_eq!(count(&mut client, "SELECT community_core.seal_audit()"), 1);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn the_tail_of_a_block_log_says_its_age_and_is_sealed_in_blocks_of_at_most_a_hundred_thousand() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
             SELECT community_core.create_audit_log('log', seal => 'block');
             CREATE TABLE moves (size bigint);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN INSERT INTO public.moves VALUES (NEW.size); RETURN NULL; END $$;
             CREATE TRIGGER note AFTER UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .expect("create the log");
    let age = "SELECT count(*) FROM community_core.audit_logs() a
               WHERE unsealed_since = (SELECT min(written_at) FROM log_tail)";
    assert_eq!(count(&mut client, age), 0, "nothing waits");
    client
        .batch_execute("INSERT INTO log SELECT FROM generate_series(1, 100001)")
        .expect("write");
    client
        .batch_execute("INSERT INTO log SELECT FROM generate_series(1, 100000)")
        .expect("write later");
    assert_eq!(count(&mut client, age), 1, "the age is that of the oldest");
    let seal = "SELECT community_core.seal_audit('log')";
    assert_eq!(count(&mut client, seal), 200_001);
    let moves: Vec<i64> = client
        .query("SELECT size FROM moves ORDER BY size", &[])
        .expect("read how the head moved")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(moves, [100_000, 100_001, 200_001]);
    assert_eq!(count(&mut client, "SELECT count(*) FROM log_tail"), 0);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn a_table_beside_a_log_that_its_owner_altered_is_named_and_not_read() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY);
             SELECT community_core.create_audit_log('log');
             INSERT INTO log VALUES (1);",
        )
        .expect("write");
    for (table, column) in [("log_seal", "leaf"), ("log_head", "hash")] {
        let mut transaction = client.transaction().expect("begin");
        transaction
            .batch_execute(&format!(
                "ALTER TABLE {table} ALTER {column} TYPE bigint USING 1"
            ))
            .expect("alter");
        let found: (String, String) = transaction
            .query_one(
                "SELECT fault, detail FROM community_core.verify_audit()",
                &[],
            )
            .map(|row| (row.get(0), row.get(1)))
            .expect("verify");
        assert_eq!(found.0, "protection");
        assert!(
            found
                .1
                .contains(&format!("column {column} of public.{table}")),
            "{}",
            found.1
        );
        transaction
            .batch_execute("INSERT INTO log VALUES (2)")
            .expect("write");
        assert_eq!(sqlstate(transaction.commit()), "55000", "{table}");
    }
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn an_index_or_a_trigger_of_the_owners_changes_nothing_of_what_is_sealed() {
    let database = Database::engines();
    let mut client = database.connect();
    // Each in a transaction of its own.
    for statement in [
        "CREATE TABLE log (id integer PRIMARY KEY, org integer)",
        "SELECT community_core.create_audit_log('log', '{org}')",
        "INSERT INTO log SELECT i, i % 2 FROM generate_series(1, 4) i",
        "INSERT INTO log VALUES (5, 1)",
        "CREATE INDEX ON log_seal (encode(leaf, 'hex'))",
        "CREATE TABLE moves (size bigint)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN INSERT INTO public.moves VALUES (NEW.size); RETURN NULL; END $$",
        "CREATE TRIGGER note AFTER UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION note()",
        "INSERT INTO log VALUES (6, 1)",
        "INSERT INTO log SELECT i, i % 2 FROM generate_series(7, 500) i",
    ] {
        client.batch_execute(statement).expect(statement);
    }
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(count(&mut client, "SELECT count(*) FROM moves"), 3);
    let indexed = "SELECT count(*) FROM log_seal
                   WHERE encode(leaf, 'hex') = (SELECT encode(leaf, 'hex') FROM log_seal
                                                WHERE entry = 6)";
    let mut transaction = client.transaction().expect("begin");
    transaction
        .batch_execute("SET LOCAL enable_seqscan = off")
        .expect("set");
    let found: i64 = transaction.query_one(indexed, &[]).expect(indexed).get(0);
    assert_eq!(found, 1);
}

#[test]
fn a_checkpoint_kept_outside_catches_a_rewritten_chain_and_a_cut_tail() {
    let database = Database::engines();
    let mut client = database.connect();
    consent_log(&mut client);
    write(&mut client, PERSON, 9);
    let body: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("body")
        .get(0);
    assert!(
        body.starts_with("founders/consent_audit_log\n9\n"),
        "{body}"
    );
    let (note, vkey) = signed("example.org", &body);
    let check = |client: &mut Client| -> Vec<String> {
        client
            .query(
                "SELECT fault FROM community_core.verify_checkpoint($1, $2)",
                &[&note, &vkey],
            )
            .expect("verify the checkpoint")
            .iter()
            .map(|row| row.get(0))
            .collect()
    };
    assert_eq!(check(&mut client), Vec::<String>::new());
    write(&mut client, PERSON, 5);
    assert_eq!(check(&mut client), Vec::<String>::new());

    // Cutting the tail with heads and all: nothing inside the database can tell.
    let rebuild = |keep: &str| {
        format!(
            "BEGIN;
             CREATE TEMP TABLE kept AS SELECT * FROM founders.consent_audit_log WHERE {keep};
             DROP TABLE founders.consent_audit_log_seal, founders.consent_audit_log_head,
                        founders.consent_audit_log_erasure;
             ALTER TABLE founders.consent_audit_log DISABLE TRIGGER USER;
             DELETE FROM founders.consent_audit_log;
             INSERT INTO founders.consent_audit_log SELECT * FROM kept;
             SELECT community_core.create_audit_log('founders.consent_audit_log',
                        erasable => '{{user_id,ip_address,user_agent}}');"
        )
    };
    client
        .batch_execute(&rebuild("ip_address < '10.0.0.4'"))
        .expect("cut");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(check(&mut client), ["truncated tail"]);
    client.batch_execute("ROLLBACK").expect("rollback");
    client.batch_execute(&rebuild("true")).expect("rewrite");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    assert_eq!(check(&mut client), ["wrong root"]);
    client.batch_execute("ROLLBACK").expect("rollback");
    assert_eq!(check(&mut client), Vec::<String>::new());

    let forged = note.replace("\n9\n", "\n8\n");
    let verify = "SELECT * FROM community_core.verify_checkpoint($1, $2)";
    assert_eq!(sqlstate(client.query(verify, &[&forged, &vkey])), "28000");
    assert_eq!(sqlstate(client.query(verify, &[&body, &vkey])), "22023");
}

/// Signs a text as C2SP's signed-note says.
pub fn signed(name: &str, text: &str) -> (String, String) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signer, SigningKey};
    use sha2::{Digest, Sha256};
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = [&[1][..], key.verifying_key().as_bytes()].concat();
    let id = Sha256::digest([name.as_bytes(), b"\n", &public].concat())[..4].to_vec();
    let signature = [&id[..], &key.sign(text.as_bytes()).to_bytes()].concat();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let note = format!("{text}\n— {name} {}\n", STANDARD.encode(signature));
    (note, format!("{name}+{hex}+{}", STANDARD.encode(public)))
}

#[test]
fn every_entry_of_every_chain_has_a_proof_that_holds() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY, org integer);
             SELECT community_core.create_audit_log('log', '{org}');
             INSERT INTO log SELECT i, i % 3 FROM generate_series(1, 40) i;",
        )
        .expect("write");
    let held = "SELECT count(*) FILTER (WHERE community_core.verify_inclusion(
                           leaf, leaf_index, tree_size, root, path))
                FROM log, community_core.audit_inclusion_proof('log', log.id::text)";
    assert_eq!(count(&mut client, held), 40);
    let held = "SELECT count(*) FILTER (WHERE community_core.verify_consistency(
                           old_size, new_size, old_root, new_root, path))
                FROM generate_series(0, 13) old,
                     community_core.audit_consistency_proof('log', old, NULL, '2')";
    assert_eq!(count(&mut client, held), 14);
    let text: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("checkpoint")
        .get(0);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.starts_with("community_core/"), "{text}");
    let (note, vkey) = signed("example.org", &text);
    let verify = "SELECT * FROM community_core.verify_checkpoint($1, $2)";
    assert!(
        client
            .query(verify, &[&note, &vkey])
            .expect("verify")
            .is_empty()
    );
}

/// Runs the program that a legal reviewer runs: its exit status and what it says.
fn review(export: &str, arguments: &[&str]) -> (i32, String) {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/verify_export/verify_export.py"
    );
    let file = std::env::temp_dir().join(format!(
        "{:x}.jsonl",
        export.len() ^ export.as_ptr() as usize
    ));
    std::fs::write(&file, export).expect("write the export");
    let output = std::process::Command::new("python3")
        .arg(program)
        .arg(&file)
        .args(arguments)
        .output()
        .expect("run python3");
    std::fs::remove_file(&file).expect("remove the export");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn export(client: &mut Client, arguments: &str) -> String {
    client
        .query(
            &format!("SELECT community_core.export_audit({arguments})"),
            &[],
        )
        .expect("export")
        .iter()
        .map(|row| row.get::<_, String>(0) + "\n")
        .collect()
}

#[test]
fn an_export_is_checked_without_postgres() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE log (id integer PRIMARY KEY, org text, person uuid, d numeric, j jsonb,
                               a text[], at timestamptz, r int4range);
             SELECT community_core.create_audit_log('log', '{org}', '{person,j}');
             INSERT INTO log SELECT i, 'org ' || i % 3, md5((i % 5)::text)::uuid, i / 7.0,
                 jsonb_build_object('n', i / 8.0, 'ü', array[i, NULL], 'b', i > 3),
                 array['x', NULL, i::text], '2026-01-01'::timestamptz + i * interval '1 hour',
                 int4range(i, i + 5)
             FROM generate_series(1, 2500) i;
             SELECT community_core.erase_audit_subject(md5('3')::uuid);
             INSERT INTO log (id) VALUES (0)",
        )
        .expect("write");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    if std::process::Command::new("python3")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: python3 is not there");
        return;
    }
    let whole = export(&mut client, "'log'");
    assert_eq!(
        review(&whole, &[]),
        (0, "2504 entries in 4 chains: intact\n".to_owned())
    );
    let part = export(&mut client, "'log', 'org%201', 100");
    assert_eq!(review(&part, &[]).0, 0, "{}", review(&part, &[]).1);

    let checkpoint: String = client
        .query_one("SELECT community_core.audit_checkpoint()", &[])
        .expect("body")
        .get(0);
    let note = database
        .cluster
        .directory
        .join(format!("{}.note", database.name));
    std::fs::write(&note, checkpoint).expect("write the note");
    let note = note.display().to_string();
    let (status, said) = review(&whole, &["--checkpoint", &note]);
    assert_eq!((status, said.contains("4 of 4 trees")), (0, true), "{said}");

    // What a forger might do to the file.
    let lines: Vec<&str> = whole.lines().collect();
    let without: String = lines
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != 7)
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    assert_eq!(review(&without, &[]).0, 1);
    let cut: String = lines[..lines.len() - 1]
        .iter()
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(review(&cut, &[]).0, 1);
    let swapped = whole.replacen("\"sequence\":5,", "\"sequence\":6,", 1);
    assert_eq!(review(&swapped, &[]).0, 1);
    let entry = lines[9].find("\"entry\":\"").expect("an entry") + 40;
    let mut changed = lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    let digit = if &lines[9][entry..=entry] == "0" {
        "1"
    } else {
        "0"
    };
    changed[9].replace_range(entry..=entry, digit);
    assert_eq!(review(&(changed.join("\n") + "\n"), &[]).0, 1);
    assert_eq!(review("{}\n", &[]).0, 2);

    // What a superuser might do to the log.
    client
        .batch_execute(
            "ALTER TABLE log DISABLE TRIGGER USER; UPDATE log SET d = 0 WHERE id = 17;
             DELETE FROM log WHERE id = 18",
        )
        .expect("tamper");
    let (status, said) = review(&export(&mut client, "'log'"), &[]);
    assert_eq!(status, 1);
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn a_deleted_user_is_erased_from_every_kind_of_log() {
    let database = Database::engines();
    let mut client = database.connect();
    client
        .batch_execute(
            "CREATE TABLE users (id uuid PRIMARY KEY);
             CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), who uuid, other uuid);
             CREATE TABLE b (id integer PRIMARY KEY, org integer, data jsonb, who text);
             CREATE TABLE c (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who uuid);
             SELECT community_core.create_audit_log('a', erasable => '{who,other}');
             SELECT community_core.create_audit_log('b', '{org}', '{data,who}');
             SELECT community_core.create_audit_log('c', erasable => '{who}', seal => 'block');
             CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                 SET search_path = '' AS $$
                 BEGIN PERFORM community_core.erase_audit_subject(OLD.id); RETURN NULL; END $$;
             CREATE TRIGGER forget AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION forget();
             INSERT INTO users SELECT md5(i::text)::uuid FROM generate_series(1, 4) i;
             INSERT INTO a (who, other) SELECT u.id, v.id FROM users u, users v;
             INSERT INTO b SELECT row_number() OVER (), row_number() OVER () % 3,
                 jsonb_build_object('deep', jsonb_build_array(id)), CASE WHEN n = 1 THEN id::text END
                 FROM users, generate_series(1, 6) n;
             INSERT INTO c (who) SELECT id FROM users;
             BEGIN;
             INSERT INTO a (who) VALUES (md5('1')::uuid);
             DELETE FROM users WHERE id IN (md5('1')::uuid, md5('2')::uuid);
             COMMIT;",
        )
        .expect("delete users");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    let left = "SELECT (SELECT count(*) FROM a WHERE md5('1')::uuid IN (who, other))
                     + (SELECT count(*) FROM b WHERE b::text LIKE '%' || md5('1')::uuid || '%')
                     + (SELECT count(*) FROM c WHERE who = md5('2')::uuid)";
    assert_eq!(count(&mut client, left), 0);
    let others = "SELECT count(*) FROM a WHERE md5('3')::uuid IN (who, other)";
    assert_eq!(count(&mut client, others), 7, "another person's uuid stays");
    let erasures = "SELECT count(*) FROM b_erasure";
    assert!(
        count(&mut client, erasures) >= 6,
        "three chains, two people"
    );
}
