//! Claims that let a module's schema be placed on another node as a whole, as Citus' schema-based
//! sharding does it: nothing in it reaches into another schema, no SQL reads a transition table
//! (Citus: "unrecognized RTE kind: 7"), and no trigger finds a table by the name of its own (on a
//! worker that is `reactions_102012`). Each query names what offends.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    const MODULE: &str =
        "WITH module AS (SELECT schema, schema::regnamespace AS oid FROM community_state.module)";

    /// Triggers with functions of the extension's that are told something, and what they are told.
    /// A retention policy's trigger does nothing: whoever applies the policy finds it from the table,
    /// and its log in the table's schema.
    const ENGINE: &str = "engine AS (
         SELECT t.tgrelid::regclass || ': ' || t.tgname AS name, m.schema, p.proname, t.tgnargs,
                string_to_array(encode(t.tgargs, 'escape'), '\\000') AS arguments
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN module m ON m.oid = c.relnamespace
         JOIN pg_proc p ON p.oid = t.tgfoid
         WHERE p.pronamespace = 'community_core'::regnamespace AND t.tgnargs > 0 AND p.proname <> 'retention_policy')";

    const TRANSITION_TABLE_IN_SQL: &str = "SELECT t.tgrelid::regclass || ': ' || t.tgname
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN module m ON m.oid = c.relnamespace
         JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
         WHERE (t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL)
           AND (l.lanname <> 'c' OR p.pronamespace <> 'community_core'::regnamespace)";

    /// The table that a trigger writes comes first, in one argument with its schema or in two.
    const UNQUALIFIED_TARGET: &str = "SELECT name FROM engine
         -- It changes the row it is fired for, and is told its two columns.
         WHERE proname <> 'canonicalize_pair'
           AND NOT (arguments[1] = schema AND to_regclass(format('%I.%I', schema, arguments[2])) IS NOT NULL
                    OR arguments[1] ~ '[.]' AND to_regclass(arguments[1]) IS NOT NULL)";

    const BARE_TABLE: &str = "SELECT format('%s told %s', name, arguments[n])
         FROM engine JOIN module m USING (schema) CROSS JOIN generate_series(1, tgnargs) n
         WHERE EXISTS (SELECT FROM pg_class c WHERE c.relname = arguments[n] AND c.relnamespace = m.oid
                                                AND c.relkind IN ('r', 'p', 'v', 'm'))
           AND arguments[n - 1] IS DISTINCT FROM schema
           -- A schema may have a table of its own name.
           AND NOT (n = 1 AND arguments[1] = schema)";

    const FOREIGN_KEY_ABROAD: &str = "SELECT k.conrelid::regclass || ': ' || k.conname
         FROM pg_constraint k JOIN module m ON m.oid = k.connamespace JOIN pg_class r ON r.oid = k.confrelid
         WHERE k.contype = 'f' AND r.relnamespace <> k.connamespace AND k.confrelid <> 'auth.users'::regclass";

    const VIEW_ABROAD: &str = "SELECT DISTINCT r.ev_class::regclass || ' reads ' || d.refobjid::regclass
         FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class JOIN module m ON m.oid = v.relnamespace
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
         JOIN pg_class c ON c.oid = d.refobjid
         WHERE c.relnamespace <> v.relnamespace AND c.oid <> 'auth.users'::regclass";

    const FUNCTION_ABROAD: &str = "SELECT p.oid::regprocedure || ' names ' || o.schema
         FROM pg_proc p JOIN module m ON m.oid = p.pronamespace
         JOIN module o ON o.schema <> m.schema AND o.schema <> 'auth'
         WHERE p.prosrc ~ ('\\m' || o.schema || '[.]')";

    fn offenders(query: &str) -> Vec<String> {
        Spi::connect(|client| {
            client
                .select(&format!("{MODULE}, {ENGINE} {query}"), None, &[])?
                .map(|row| Ok(row.get::<String>(1)?.unwrap_or_default()))
                .collect::<Result<Vec<_>, spi::Error>>()
        })
        .expect("a query of the catalogue")
    }

    fn nothing(query: &str) {
        assert_eq!(offenders(query), Vec::<String>::new());
    }

    #[pg_test]
    fn no_sql_reads_a_transition_table() {
        nothing(TRANSITION_TABLE_IN_SQL);
    }

    #[pg_test]
    fn every_engine_trigger_is_told_its_tables_with_their_schema() {
        nothing(UNQUALIFIED_TARGET);
        nothing(BARE_TABLE);
    }

    #[pg_test]
    fn a_modules_schema_is_self_contained_but_for_the_users() {
        nothing(FOREIGN_KEY_ABROAD);
        nothing(VIEW_ABROAD);
        nothing(FUNCTION_ABROAD);
    }

    #[pg_test]
    fn a_second_copy_of_each_module_is_as_self_contained_as_the_first() {
        Spi::run(
            "SELECT community_core.install_module('founders', 'second_founders');
             SELECT community_core.install_module('tenancy', 'second_tenancy')",
        )
        .expect("two copies");
        every_engine_trigger_is_told_its_tables_with_their_schema();
        a_modules_schema_is_self_contained_but_for_the_users();
    }

    #[pg_test]
    fn what_is_written_past_a_partitioned_table_is_logged_once() {
        Spi::run(
            "CREATE SCHEMA parted;
             CREATE TABLE parted.events (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
             CREATE TABLE parted.early PARTITION OF parted.events FOR VALUES FROM (0) TO (10);
             CREATE TABLE parted.late PARTITION OF parted.events FOR VALUES FROM (10) TO (20);
             CREATE TABLE parted.log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text, table_name text);
             SELECT community_core.create_audit_log('parted.log');
             SELECT community_core.audit_changes('parted.events', 'parted.log');
             INSERT INTO parted.events VALUES (1, 1), (2, 11);
             INSERT INTO parted.late VALUES (3, 12);
             UPDATE parted.events SET at = at + 10 WHERE id = 1;
             UPDATE parted.late SET at = 13 WHERE id = 3;
             DELETE FROM parted.events",
        )
        .expect("a partitioned table and its log");
        let logged = Spi::get_one::<String>(
            "SELECT string_agg(concat_ws(' ', action, table_name, entries), ', ' ORDER BY table_name, action)
             FROM (SELECT action, table_name, count(*) AS entries FROM parted.log GROUP BY 1, 2) AS entry",
        );
        assert_eq!(
            logged.expect("the log").as_deref(),
            Some("DELETE events 3, INSERT events 2, UPDATE events 1, INSERT late 1, UPDATE late 1")
        );
    }

    #[pg_test]
    fn a_partition_that_came_later_is_named_until_it_is_recorded_too() {
        Spi::run(
            "CREATE SCHEMA later;
             CREATE TABLE later.events (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
             CREATE TABLE later.early PARTITION OF later.events FOR VALUES FROM (0) TO (10);
             CREATE TABLE later.log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text, table_name text);
             SELECT community_core.create_audit_log('later.log');
             SELECT community_core.audit_changes('later.events', 'later.log')",
        )
        .expect("a partitioned table and its log");
        let named = || {
            Spi::get_one::<String>(
                "SELECT concat_ws(' ', level, value, detail) FROM community_core.status()
                 WHERE thing = 'audit_unrecorded' AND object = 'later.events'",
            )
            .expect("status")
            .unwrap_or_default()
        };
        assert_eq!(named(), "ok 0 every partition is recorded");
        Spi::run(
            "CREATE TABLE later.late PARTITION OF later.events FOR VALUES FROM (10) TO (20)
                 PARTITION BY RANGE (at);
             CREATE TABLE later.latest PARTITION OF later.late FOR VALUES FROM (15) TO (20)",
        )
        .expect("a new partition");
        assert_eq!(
            named(),
            "error 2 not recorded by its own name: later.late, later.latest"
        );
        Spi::run(
            "SELECT community_core.audit_changes('later.events', 'later.log');
             INSERT INTO later.latest VALUES (1, 15);
             INSERT INTO later.late VALUES (2, 16)",
        )
        .expect("recorded too");
        assert_eq!(named(), "ok 0 every partition is recorded");
        let logged = Spi::get_one::<String>(
            "SELECT string_agg(table_name, ', ' ORDER BY table_name) FROM later.log",
        );
        assert_eq!(logged.expect("the log").as_deref(), Some("late, latest"));
    }

    #[pg_test]
    fn the_rules_of_placement_find_what_they_are_for() {
        Spi::run(
            "SELECT community_core.install_module('tenancy', 'careless');
             CREATE FUNCTION careless.look() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM FROM founders.profiles; RETURN NULL; END';
             CREATE TRIGGER look AFTER INSERT ON careless.customers REFERENCING NEW TABLE AS new_rows
                 FOR EACH STATEMENT EXECUTE FUNCTION careless.look();
             CREATE TRIGGER told AFTER INSERT ON careless.customers REFERENCING NEW TABLE AS new_rows
                 FOR EACH STATEMENT EXECUTE FUNCTION community_core.keep_counter('organizations', 'id', 'organization_id', 'count=customers');
             ALTER TABLE careless.customers ADD CONSTRAINT customers_abroad_fkey FOREIGN KEY (id) REFERENCES tenancy.customers;
             CREATE VIEW careless.abroad AS SELECT id FROM tenancy.customers",
        )
        .expect("a careless community");
        assert_eq!(
            offenders(TRANSITION_TABLE_IN_SQL),
            ["careless.customers: look"]
        );
        assert_eq!(offenders(UNQUALIFIED_TARGET), ["careless.customers: told"]);
        assert_eq!(
            offenders(BARE_TABLE),
            ["careless.customers: told told organizations"]
        );
        assert_eq!(
            offenders(FOREIGN_KEY_ABROAD),
            ["careless.customers: customers_abroad_fkey"]
        );
        assert_eq!(
            offenders(VIEW_ABROAD),
            ["careless.abroad reads tenancy.customers"]
        );
        assert_eq!(
            offenders(FUNCTION_ABROAD),
            ["careless.look() names founders"]
        );
    }
}
