//! A person leaves a log, and the log verifies.

use super::super::cluster::Database;
use super::{PERSON, consent_log, count, faults, write};

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
