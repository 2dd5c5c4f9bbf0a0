//! Whoever rules the database changes a log behind its triggers' back, and is named.

use super::super::cluster::{Database, sqlstate};
use super::{PERSON, consent_log, count, faults, write};

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
