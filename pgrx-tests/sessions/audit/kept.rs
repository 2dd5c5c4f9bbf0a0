//! A session that has written before keeps what it read from the catalogue. Whatever another session
//! changes there, the next entry is written and sealed by the rules of then.

use super::super::cluster::{Database, sqlstate};
use super::{count, faults};
use postgres::Client;

/// A table whose changes are recorded; `writer` has written to it, `owner` is another session.
struct Shop {
    writer: Client,
    owner: Client,
    _database: Database<'static>,
}

impl Shop {
    fn open() -> Shop {
        let database = Database::engines();
        let mut owner = database.connect();
        owner
            .batch_execute(
                "CREATE TABLE goods (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
                 CREATE TABLE log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text,
                                   table_schema text, table_name text, record_id uuid, new_data jsonb);
                 SELECT community_core.create_audit_log('log');
                 SELECT community_core.audit_changes('goods', 'log')",
            )
            .expect("a table and its log");
        let mut writer = database.connect();
        writer
            .batch_execute(
                "INSERT INTO goods (name) VALUES ('before');
                 INSERT INTO goods (name) SELECT 'many' FROM generate_series(1, 3)",
            )
            .expect("write before");
        Shop {
            _database: database,
            writer,
            owner,
        }
    }

    fn change(&mut self, definition: &str) {
        self.owner.batch_execute(definition).expect(definition);
    }

    /// One row more, in the table that has this name now; what the latest entry says.
    fn written(&mut self, table: &str, says: &str) -> Option<String> {
        self.writer
            .batch_execute(&format!("INSERT INTO {table} (name) VALUES ('after')"))
            .expect("write after");
        let latest = format!("SELECT ({says})::text FROM log WHERE new_data->>'name' = 'after'");
        let row = self.writer.query_one(&latest, &[]).expect(&latest);
        row.get(0)
    }

    fn intact(&mut self) {
        assert_eq!(faults(&mut self.owner), Vec::<String>::new());
    }
}

#[test]
fn a_column_that_the_table_got_is_in_the_next_entry() {
    let mut shop = Shop::open();
    shop.change("ALTER TABLE goods ADD COLUMN price integer DEFAULT 7");
    let price = shop.written("goods", "new_data->>'price'");
    assert_eq!(price.as_deref(), Some("7"));
    shop.intact();
}

#[test]
fn a_table_that_was_renamed_is_recorded_by_its_new_name() {
    let mut shop = Shop::open();
    shop.change("ALTER TABLE goods RENAME TO wares");
    let name = shop.written("wares", "table_name");
    assert_eq!(name.as_deref(), Some("wares"));
    shop.intact();
}

#[test]
fn a_table_whose_schema_was_renamed_is_recorded_by_its_new_schema() {
    let mut shop = Shop::open();
    shop.change(
        "CREATE SCHEMA early;
         CREATE TABLE early.goods (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
         SELECT community_core.audit_changes('early.goods', 'log')",
    );
    shop.writer
        .batch_execute("INSERT INTO early.goods (name) VALUES ('before')")
        .expect("write before");
    shop.change("ALTER SCHEMA early RENAME TO late");
    let schema = shop.written("late.goods", "table_schema");
    assert_eq!(schema.as_deref(), Some("late"));
    shop.intact();
}

#[test]
fn a_new_mapping_fills_the_next_entry() {
    let mut shop = Shop::open();
    shop.change(
        "SELECT community_core.audit_changes('goods', 'log',
                    '{\"action\": \"schema\", \"new_data\": \"new\"}')",
    );
    let action = shop.written("goods", "action || coalesce(table_name, '')");
    assert_eq!(action.as_deref(), Some("public"));
    shop.intact();
}

#[test]
fn a_default_that_the_log_got_is_in_the_next_entry() {
    let mut shop = Shop::open();
    shop.change("ALTER TABLE log ADD COLUMN origin text; ALTER TABLE log ALTER COLUMN origin SET DEFAULT 'web'");
    let origin = shop.written("goods", "origin");
    assert_eq!(origin.as_deref(), Some("web"));
    shop.intact();
}

#[test]
fn a_function_that_a_default_calls_is_the_latest() {
    let mut shop = Shop::open();
    let function = |answer: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION origin() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '{answer}'::text $$"
        )
    };
    shop.change(&function("old"));
    shop.change("ALTER TABLE log ADD COLUMN origin text DEFAULT origin()");
    shop.writer
        .batch_execute("INSERT INTO goods (name) VALUES ('before')")
        .expect("write before");
    shop.change(&function("new"));
    let origin = shop.written("goods", "origin");
    assert_eq!(origin.as_deref(), Some("new"));
    shop.intact();
}

#[test]
fn a_trigger_and_a_check_that_the_log_got_hold_for_the_next_entry() {
    let mut shop = Shop::open();
    shop.change(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN NEW.action := NEW.action || '!'; RETURN NEW; END$$;
         CREATE TRIGGER shout BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION shout()",
    );
    let action = shop.written("goods", "action");
    assert_eq!(action.as_deref(), Some("INSERT!"));
    shop.intact();
    shop.change(
        "DROP TRIGGER shout ON log;
         ALTER TABLE log ADD CONSTRAINT log_no_more_check CHECK (action <> 'INSERT') NOT VALID",
    );
    let refused = shop
        .writer
        .batch_execute("INSERT INTO goods (name) VALUES ('no more')");
    assert_eq!(sqlstate(refused), "23514");
    shop.intact();
}

#[test]
fn a_log_that_became_somebody_elses_is_written_to_by_their_leave_only() {
    let mut shop = Shop::open();
    shop.change(
        "DROP ROLE IF EXISTS kept_shop; DROP ROLE IF EXISTS kept_auditor;
         CREATE ROLE kept_shop; CREATE ROLE kept_auditor;
         ALTER TABLE goods OWNER TO kept_shop",
    );
    let refused = shop
        .writer
        .batch_execute("INSERT INTO goods (name) VALUES ('x')");
    assert_eq!(sqlstate(refused), "42501");
    shop.change("GRANT INSERT ON log TO kept_shop");
    shop.written("goods", "action");
    shop.change("ALTER TABLE log OWNER TO kept_auditor; ALTER TABLE log ENABLE ROW LEVEL SECURITY");
    let refused = shop
        .writer
        .batch_execute("INSERT INTO goods (name) VALUES ('x')");
    assert_eq!(
        sqlstate(refused),
        "42501",
        "no policy lets the table's owner in"
    );
    shop.change("REVOKE INSERT ON log FROM kept_shop; ALTER TABLE log DISABLE ROW LEVEL SECURITY");
    let refused = shop
        .writer
        .batch_execute("INSERT INTO goods (name) VALUES ('x')");
    assert_eq!(sqlstate(refused), "42501", "revoked");
    shop.change("ALTER TABLE log OWNER TO CURRENT_USER");
    shop.intact();
    shop.change(
        "ALTER TABLE goods OWNER TO CURRENT_USER;
         DROP OWNED BY kept_shop, kept_auditor; DROP ROLE kept_shop, kept_auditor",
    );
}

#[test]
fn a_log_made_anew_under_the_name_of_a_dropped_one_gets_the_entries() {
    let mut shop = Shop::open();
    shop.change(
        "DROP TABLE log, log_seal, log_head;
         CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, action text, new_data jsonb);
         SELECT community_core.create_audit_log('log', seal => 'block');
         SELECT community_core.audit_changes('goods', 'log')",
    );
    assert_eq!(shop.written("goods", "id").as_deref(), Some("1"));
    let waiting = "SELECT unsealed FROM community_core.audit_logs()";
    assert_eq!(count(&mut shop.owner, waiting), 1);
    assert_eq!(
        count(&mut shop.owner, "SELECT community_core.seal_audit()"),
        1
    );
    shop.intact();
}

#[test]
fn a_column_that_became_erasable_is_erasable_from_the_next_entry_on() {
    let mut shop = Shop::open();
    shop.change("SELECT community_core.create_audit_log('log', erasable => '{new_data}')");
    shop.written("goods", "action");
    let salted = "SELECT count(salt) FROM log_seal";
    assert_eq!(count(&mut shop.owner, salted), 1);
    shop.intact();
}

#[test]
fn a_trigger_on_the_seals_sees_the_next_one_and_a_table_of_seals_made_anew_gets_it() {
    let mut shop = Shop::open();
    shop.change(
        "CREATE TABLE seen (sequence bigint);
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN INSERT INTO public.seen VALUES (NEW.sequence); RETURN NULL; END$$;
         CREATE TRIGGER see AFTER INSERT ON log_seal FOR EACH ROW EXECUTE FUNCTION see()",
    );
    shop.written("goods", "action");
    assert_eq!(count(&mut shop.owner, "SELECT max(sequence) FROM seen"), 5);
    shop.intact();
    shop.change(
        "DROP TRIGGER see ON log_seal;
         ALTER TABLE log_seal RENAME TO seals_before;
         CREATE TABLE log_seal (LIKE seals_before INCLUDING ALL);
         INSERT INTO log_seal SELECT * FROM seals_before;
         SELECT community_core.create_audit_log('log')",
    );
    shop.writer
        .batch_execute("INSERT INTO goods (name) VALUES ('later')")
        .expect("write");
    assert_eq!(
        count(&mut shop.owner, "SELECT max(sequence) FROM log_seal"),
        6
    );
    shop.intact();
}

#[test]
fn a_type_that_was_renamed_is_sealed_by_its_new_name() {
    let mut shop = Shop::open();
    shop.change(
        "CREATE TYPE place AS (x integer, y integer);
         ALTER TABLE log ADD COLUMN place place DEFAULT '(1,2)'",
    );
    shop.written("goods", "place");
    shop.change("ALTER TYPE place RENAME TO spot");
    shop.writer
        .batch_execute("INSERT INTO goods (name) VALUES ('later')")
        .expect("write");
    // What was sealed under the old name says so; what came after is right.
    assert_eq!(faults(&mut shop.owner), ["changed 5"]);
}

#[test]
fn a_head_that_is_published_without_an_identity_is_refused_as_any_update_of_it_is() {
    let mut shop = Shop::open();
    shop.change(
        "ALTER TABLE log_head REPLICA IDENTITY NOTHING;
         CREATE PUBLICATION heads FOR TABLE log_head",
    );
    let refused = shop
        .writer
        .batch_execute("INSERT INTO goods (name) VALUES ('x')");
    assert_eq!(sqlstate(refused), "55000");
    shop.change("ALTER TABLE log_head REPLICA IDENTITY DEFAULT");
    shop.written("goods", "action");
    shop.intact();
}
