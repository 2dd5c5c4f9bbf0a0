//! What `audit_changes` writes, whichever way it gets into the log: most logs take rows without a
//! statement, one with a trigger or a column of its owner's takes an INSERT.

use super::super::cluster::{Database, sqlstate};
use super::{count, faults};
use postgres::Client;

fn run(client: &mut Client, statements: &str) {
    client.batch_execute(statements).expect(statements);
}

#[test]
fn a_log_that_wants_a_statement_gets_the_same_entries_as_one_that_does_not() {
    let database = Database::engines();
    let mut client = database.connect();
    run(
        &mut client,
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TYPE mood AS ENUM ('low', 'high')",
    );
    for name in ["plain", "watched"] {
        run(
            &mut client,
            &format!(
                "CREATE TABLE {name} (id integer PRIMARY KEY, owner_id uuid, gone text, words text, amount numeric,
                                      net inet, numbers integer[], document jsonb, bytes bytea, mood mood,
                                      at timestamptz, span interval, short varchar(20));
                 ALTER TABLE {name} DROP COLUMN gone;
                 CREATE TABLE {name}_log (
                     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone text, action text NOT NULL,
                     old_data jsonb, new_data jsonb, record_id integer, owner_id uuid, net inet, amount numeric,
                     words text, user_id uuid, role text, tag text DEFAULT lower('TAG'), by name DEFAULT current_user,
                     CONSTRAINT {name}_log_action_check CHECK (action <> 'nothing'));
                 ALTER TABLE {name}_log DROP COLUMN gone;
                 CREATE INDEX ON {name}_log USING gin (new_data);
                 CREATE INDEX ON {name}_log (lower(words)) WHERE words IS NOT NULL;
                 SELECT community_core.create_audit_log('{name}_log', '{{owner_id}}', '{{old_data,new_data}}');
                 SELECT community_core.audit_changes('{name}', '{name}_log', '{{\"action\": \"operation\", \"old_data\": \"old.changed\",
                     \"new_data\": \"new\", \"record_id\": \"row.id\", \"owner_id\": \"row.owner_id\", \"net\": \"row.net\",
                     \"amount\": \"row.amount\", \"words\": \"row.words\", \"user_id\": \"user\", \"role\": \"role\"}}')"
            ),
        );
    }
    run(
        &mut client,
        "CREATE TRIGGER nothing BEFORE INSERT ON watched_log FOR EACH ROW EXECUTE FUNCTION nothing();
         SET TimeZone = 'Asia/Tokyo'; SET request.jwt.claims = '{\"sub\": \"11111111-1111-4111-8111-111111111111\"}'",
    );
    for name in ["plain", "watched"] {
        run(
            &mut client,
            &format!(
                "INSERT INTO {name} SELECT i, md5((i % 3)::text)::uuid, repeat('word ' || i, 2000), i * 1.50,
                     ('10.0.0.' || i % 200)::inet, ARRAY[i, NULL], jsonb_build_object('n', i), '\\x00ff', 'low',
                     timestamptz '2026-01-01' + i * interval '1 day', i * interval '1 hour', 'short'
                 FROM generate_series(1, 1203) i;
                 INSERT INTO {name} (id) VALUES (5000);
                 UPDATE {name} SET words = NULL, amount = 'NaN', mood = 'high' WHERE id % 2 = 0;
                 UPDATE {name} SET id = -id WHERE id = 7;
                 DELETE FROM {name} WHERE id > 600;
                 TRUNCATE {name}"
            ),
        );
    }
    let rest = "action, old_data, new_data, record_id, owner_id, net, amount, words, user_id, role, tag, by, id";
    for (one, other) in [("plain", "watched"), ("watched", "plain")] {
        let differ = format!(
            "SELECT count(*) FROM (SELECT {rest} FROM {one}_log EXCEPT ALL SELECT {rest} FROM {other}_log) d"
        );
        assert_eq!(
            count(&mut client, &differ),
            0,
            "in {one} and not in {other}"
        );
    }
    assert_eq!(
        count(&mut client, "SELECT count(*) FROM plain_log"),
        1203 + 1 + 602 + 1 + 604 + 1
    );
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn what_a_log_refuses_leaves_nothing_behind() {
    let database = Database::engines();
    let mut client = database.connect();
    run(
        &mut client,
        "CREATE TABLE goods (id integer PRIMARY KEY, name text);
         CREATE TABLE log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text, name text NOT NULL,
                           CONSTRAINT log_name_key UNIQUE (name));
         SELECT community_core.create_audit_log('log');
         SELECT community_core.audit_changes('goods', 'log', '{\"action\": \"operation\", \"name\": \"row.name\"}');
         INSERT INTO goods VALUES (1, 'a')",
    );
    for (statement, state) in [
        ("INSERT INTO goods VALUES (2, 'a')", "23505"),
        (
            "INSERT INTO goods SELECT i, 'n' || i % 7 FROM generate_series(2, 9) i",
            "23505",
        ),
        ("INSERT INTO goods VALUES (2, NULL)", "23502"),
    ] {
        assert_eq!(
            sqlstate(client.batch_execute(statement)),
            state,
            "{statement}"
        );
    }
    run(
        &mut client,
        "BEGIN; INSERT INTO goods VALUES (2, 'b'); SAVEPOINT s; INSERT INTO goods VALUES (3, 'c');
         ROLLBACK TO s; INSERT INTO goods VALUES (4, 'd'); COMMIT",
    );
    let names = "SELECT string_agg(name, '' ORDER BY name) FROM log";
    let logged: String = client.query_one(names, &[]).expect(names).get(0);
    assert_eq!(logged, "abd");
    assert_eq!(count(&mut client, "SELECT count(*) FROM goods"), 3);
    assert_eq!(faults(&mut client), Vec::<String>::new());
}

#[test]
fn a_default_of_the_log_runs_as_the_owner_and_finds_postgres_own_functions_first() {
    let database = Database::engines();
    let mut client = database.connect();
    run(
        &mut client,
        "DROP ROLE IF EXISTS recording_owner; DROP ROLE IF EXISTS recording_clerk;
         CREATE ROLE recording_owner; CREATE ROLE recording_clerk;
         CREATE SCHEMA shop AUTHORIZATION recording_owner;
         CREATE FUNCTION public.tag() RETURNS text LANGUAGE plpgsql AS
             $$BEGIN RETURN lower('TAG ') || current_user; END$$;
         SET ROLE recording_owner;
         CREATE TABLE shop.goods (id integer PRIMARY KEY);
         CREATE TABLE shop.log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text, role text,
                                tag text DEFAULT public.tag());
         GRANT USAGE ON SCHEMA shop TO recording_clerk; GRANT INSERT ON shop.goods TO recording_clerk;
         RESET ROLE;
         SELECT community_core.create_audit_log('shop.log');
         SELECT community_core.audit_changes('shop.goods', 'shop.log');
         CREATE SCHEMA evil AUTHORIZATION recording_clerk; GRANT USAGE ON SCHEMA evil TO PUBLIC;
         SET ROLE recording_clerk;
         CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'evil '::text $$;
         SET search_path = evil, pg_catalog;
         INSERT INTO shop.goods VALUES (1);
         INSERT INTO shop.goods VALUES (2), (3);
         RESET ROLE; RESET search_path",
    );
    let said = "SELECT string_agg(DISTINCT role || ' ' || tag, ', ') FROM shop.log";
    let said: String = client.query_one(said, &[]).expect(said).get(0);
    assert_eq!(said, "recording_clerk tag recording_owner");
    assert_eq!(faults(&mut client), Vec::<String>::new());
    run(
        &mut client,
        "DROP SCHEMA evil CASCADE; DROP OWNED BY recording_owner, recording_clerk CASCADE;
         DROP ROLE recording_owner, recording_clerk",
    );
}
