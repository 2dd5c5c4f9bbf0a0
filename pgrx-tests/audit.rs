//! Claims about the audit that one session can show.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    /// A table with a column of every kind, and rows that are easily confused.
    const ZOO: &str = "
        CREATE SCHEMA zoo; SET search_path = zoo;
        CREATE TYPE mood AS ENUM ('ok', 'sad');
        CREATE DOMAIN short AS text CHECK (length(value) < 100);
        CREATE TABLE animals (
            id integer PRIMARY KEY, b boolean, i2 smallint, i8 bigint, n numeric, f4 real,
            f8 double precision, t text, v varchar(20), c char(5), x bytea, u uuid,
            tz timestamptz, ts timestamp, d date, ti time, ttz timetz, iv interval, j jsonb,
            js json, a integer[], ta text[], m mood, s short, mo money, ne inet, r int4range,
            p point, bi bit(3), ov timestamptz[], co tsvector, big text, tr tstzrange);
        INSERT INTO animals (id) VALUES (1);
        INSERT INTO animals VALUES (2, true, -5, 9223372036854775807, 12345.678900, 1.1, 1e300,
            'ä \" \\ \n', 'v', 'c', '\\x00ff', '00000000-0000-0000-0000-000000000001',
            '2026-03-01 12:00:00.123456+02', '1999-12-31 23:59:59', '0044-03-15 BC', '23:59:59.5',
            '10:00+02', '1 year 2 days 00:00:03.5', '{\"a\": [1, 2.50, null, true, {\"b\": \"ü\"}], \"\": -0.0}',
            '{\"k\":  1}', '{{1,2},{3,NULL}}', '{a,NULL,\"\"}', 'sad', 'short', '12.34', '10.0.0.1/8',
            '[1,5)', '(0.3333333333333333,2)', '101', '{2026-01-01 00:00+00}', 'a:1 b', repeat('long ', 2000),
            '[2026-01-02 00:00+00,)');
        INSERT INTO animals (id, n, f8, f4, tz, d, t, j, i8)
            VALUES (3, 'NaN', 'NaN', '-infinity', 'infinity', '-infinity', '', '{}', 0),
                   (4, '-0.000', '-0', 'NaN', '0001-01-01 00:00+00', '5874897-12-31', ' ', '[]', -1),
                   (5, 1e-20, 1e-300, 1e-40, '4713-01-01 BC', '2000-02-29', NULL, '\"s\"', 10000),
                   (6, 1e30, 0, 0, '294276-12-31 23:59:59.999999+00', '2000-01-01', 'x', '1.10',
                    -9223372036854775808),
                   (7, 10000, 0, 0, '2000-01-01 00:00:00.5+00', '2000-01-01', 'x', 'null', 100000000),
                   (8, 0.0001, 0, 0, '1999-12-31 23:59:59+00', '1999-12-31', 'x', 'true', 12340000);";

    fn text(query: &str) -> String {
        Spi::get_one::<String>(query)
            .expect(query)
            .unwrap_or_default()
    }

    #[pg_test]
    fn an_entry_has_one_hash_under_any_settings() {
        Spi::run(ZOO).expect("make the zoo");
        let mut seen = Vec::new();
        for settings in [
            "SET TimeZone = 'UTC'",
            "SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German'; \
             SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -5; \
             SET bytea_output = 'escape'; SET client_encoding = 'LATIN1'; SET search_path = zoo",
            "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; \
             SET extra_float_digits = 3; SET xmlbinary = hex; SET search_path = ''",
        ] {
            Spi::run(settings).expect("set");
            Spi::run(
                "CREATE TABLE zoo.log (LIKE zoo.animals, PRIMARY KEY (id));
                 SELECT community_core.create_audit_log('zoo.log');
                 INSERT INTO zoo.log SELECT * FROM zoo.animals ORDER BY id;
                 SELECT community_core.seal_audit('zoo.log')",
            )
            .expect("seal");
            seen.push(text(
                "SELECT string_agg(encode(leaf, 'hex'), ' ' ORDER BY sequence) FROM zoo.log_seal",
            ));
            Spi::run("DROP TABLE zoo.log, zoo.log_seal, zoo.log_head").expect("drop");
        }
        assert_eq!(seen[0].split(' ').count(), 8);
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }

    #[pg_test]
    fn recorded_rows_are_what_to_jsonb_makes_of_them_in_utc() {
        Spi::run(ZOO).expect("make the zoo");
        Spi::run(
            "SET TimeZone = 'UTC'; SET lc_monetary = 'C';
             CREATE TABLE zoo.log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 action text, table_name text, record_id text, old_data jsonb, new_data jsonb,
                 user_id uuid, role text);
             SELECT community_core.create_audit_log('zoo.log');
             CREATE TABLE zoo.copy (LIKE zoo.animals, PRIMARY KEY (id));
             SELECT community_core.audit_changes('zoo.copy', 'zoo.log');
             SELECT set_config('request.jwt.claims',
                 '{\"sub\": \"22222222-2222-4222-8222-222222222222\"}', true);
             INSERT INTO zoo.copy SELECT * FROM zoo.animals",
        )
        .expect("record");
        let wrong = text(
            "SELECT coalesce(string_agg(concat_ws(' ', beast.id, k.key, k.value, l.new_data->k.key), '; '), '')
             FROM zoo.animals beast LEFT JOIN zoo.log l ON l.record_id = beast.id::text,
                  jsonb_each(to_jsonb(beast)) k
             WHERE k.value::text IS DISTINCT FROM (l.new_data->k.key)::text",
        );
        assert_eq!(wrong, "");
        let wrong = text(
            "SELECT count(*)::text FROM zoo.log l FULL JOIN zoo.animals beast ON l.record_id = beast.id::text
             WHERE l.new_data IS DISTINCT FROM to_jsonb(beast) OR l.new_data::text <> to_jsonb(beast)::text
                OR l.old_data IS NOT NULL OR l.action <> 'INSERT' OR l.table_name <> 'copy'
                OR l.user_id <> '22222222-2222-4222-8222-222222222222' OR l.role <> current_user",
        );
        assert_eq!(wrong, "0");
        let found = text("SELECT count(*)::text FROM zoo.log WHERE new_data @> '{\"m\": \"sad\"}'");
        assert_eq!(found, "1");
    }

    #[pg_test]
    fn updates_deletes_and_truncates_are_recorded_with_what_was_there() {
        Spi::run(
            "CREATE SCHEMA rec; SET search_path = rec;
             CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 operation text, organization_id integer, before jsonb, after jsonb);
             SELECT community_core.create_audit_log('log', '{organization_id}');
             CREATE TABLE target (id integer PRIMARY KEY, organization_id integer, note text);
             SELECT community_core.audit_changes('target', 'log', '{\"operation\": \"operation\",
                 \"organization_id\": \"row.organization_id\", \"before\": \"old.changed\",
                 \"after\": \"new.changed\"}');
             INSERT INTO target VALUES (1, 7, 'a'), (2, 8, 'b');
             UPDATE target SET note = note || note;
             UPDATE target SET note = note WHERE false;
             DELETE FROM target WHERE id = 2;
             TRUNCATE target",
        )
        .expect("record");
        let recorded = text(
            "SELECT string_agg(concat_ws(' ', operation, organization_id, before, after), '; '
                               ORDER BY id) FROM log",
        );
        assert_eq!(
            recorded,
            "INSERT 7 {\"id\": 1, \"note\": \"a\", \"organization_id\": 7}; \
             INSERT 8 {\"id\": 2, \"note\": \"b\", \"organization_id\": 8}; \
             UPDATE 7 {\"note\": \"a\"} {\"note\": \"aa\"}; \
             UPDATE 8 {\"note\": \"b\"} {\"note\": \"bb\"}; \
             DELETE 8 {\"id\": 2, \"note\": \"bb\", \"organization_id\": 8}; \
             TRUNCATE"
        );
        Spi::run("SELECT community_core.seal_audit('log')").expect("seal");
        let chains = text("SELECT string_agg(chain || size, ' ' ORDER BY chain) FROM log_head");
        assert_eq!(chains, "%001 72 83");
    }

    #[pg_test]
    fn wide_rows_are_recorded_as_valid_jsonb() {
        let columns: Vec<String> = (1..=200).map(|i| format!("column_{i} integer")).collect();
        Spi::run(&format!(
            "CREATE SCHEMA wide; SET search_path = wide;
             CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, new_data jsonb);
             SELECT community_core.create_audit_log('log');
             CREATE TABLE target ({});
             SELECT community_core.audit_changes('target', 'log');
             INSERT INTO target SELECT {} FROM generate_series(1, 3) i",
            columns.join(", "),
            (1..=200)
                .map(|i| format!("i * {i}"))
                .collect::<Vec<_>>()
                .join(", "),
        ))
        .expect("record");
        let same = text(
            "SELECT bool_and(EXISTS (SELECT FROM target t
                     WHERE to_jsonb(t) = new_data AND (new_data->>'column_137')::int = column_137))::text
             FROM log",
        );
        assert_eq!(same, "true");
    }

    #[pg_test(error = "the mapping is not accepted: \"nobody\" is not a source")]
    fn a_mapping_to_an_unknown_source_is_refused() {
        Spi::run(
            "CREATE SCHEMA bad; SET search_path = bad;
             CREATE TABLE log (id integer PRIMARY KEY, who text);
             SELECT community_core.create_audit_log('log');
             CREATE TABLE target (id integer);
             SELECT community_core.audit_changes('target', 'log', '{\"who\": \"nobody\"}')",
        )
        .expect("refused");
    }

    #[pg_test]
    fn an_entry_has_the_bytes_that_the_page_specifies() {
        let leaf = text("CREATE SCHEMA spec; SET search_path = spec, pg_catalog; SELECT ''");
        assert_eq!(leaf, "");
        Spi::run(
            "CREATE TABLE log (id integer PRIMARY KEY, gone text, b boolean, n numeric, j jsonb,
                               a text[], z timestamptz, e text, m money);
             ALTER TABLE log DROP COLUMN gone;
             SELECT community_core.create_audit_log('log');
             INSERT INTO log VALUES (258, true, -12.50, '{\"bb\": 1, \"a\": [null, \"x\"]}',
                                     '{x,NULL}', '2000-01-01 00:00:01+00', NULL, '0.01');
             SELECT community_core.seal_audit('log')",
        )
        .expect("seal");
        let same = text(
            "SELECT (leaf = sha256('\\x00'::bytea || '\\x01' || 'R' || int4send(8)
                 || int4send(2) || 'id' || 'i' || int8send(258)
                 || int4send(1) || 'b' || 'b' || '\\x01'
                 || int4send(1) || 'n' || 'd' || int4send(6) || '-12.50'
                 || int4send(1) || 'j' || 'j{' || int4send(2)
                     || int4send(1) || 'a' || '[' || int4send(2) || 'n\"' || int4send(1) || 'x'
                     || int4send(2) || 'bb' || '#' || int4send(1) || '1'
                 || int4send(1) || 'a' || 'a' || int4send(1) || int4send(2) || int4send(1)
                     || 's' || int4send(1) || 'x' || 'N'
                 || int4send(1) || 'z' || 'z' || int8send(1000000)
                 || int4send(1) || 'e' || 'N'
                 || int4send(1) || 'm' || 'i' || int8send(1)))::text FROM log_seal",
        );
        assert_eq!(same, "true");
        let linked = text(
            "SELECT (hash = sha256('\\x02'::bytea || '' || int8send(1)
                 || decode(repeat('00', 32), 'hex') || leaf))::text FROM log_seal",
        );
        assert_eq!(linked, "true");
        Spi::run("ALTER TABLE log ADD COLUMN late text DEFAULT 'x', ALTER id TYPE bigint")
            .expect("alter");
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_audit('log')"),
            "0"
        );
        Spi::run("ALTER TABLE log RENAME n TO amount").expect("rename");
        assert_eq!(
            text("SELECT fault FROM community_core.verify_audit('log')"),
            "changed"
        );
    }

    #[pg_test]
    fn tables_that_would_lose_entries_are_refused_as_logs() {
        Spi::run(
            "CREATE SCHEMA refused; SET search_path = refused, pg_catalog;
             CREATE TABLE parent (id integer PRIMARY KEY);
             CREATE TABLE no_key (id integer);
             CREATE TABLE two_keys (a integer, b integer, PRIMARY KEY (a, b));
             CREATE TABLE cascading (id integer PRIMARY KEY,
                 parent integer REFERENCES parent ON DELETE CASCADE);
             CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY);
             CREATE TABLE partitioned (id integer PRIMARY KEY) PARTITION BY RANGE (id);
             CREATE TABLE partition PARTITION OF partitioned DEFAULT;
             CREATE TABLE plain (id integer PRIMARY KEY, needed text NOT NULL, at timestamptz);
             CREATE FUNCTION attempt(call text) RETURNS text LANGUAGE plpgsql AS $$
             DECLARE hint text;
             BEGIN
                 EXECUTE 'SELECT community_core.create_audit_log(' || call || ')';
                 RETURN 'done';
             EXCEPTION WHEN OTHERS THEN
                 GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
                 RETURN SQLSTATE || CASE WHEN hint = '' THEN ' no hint' ELSE '' END;
             END $$",
        )
        .expect("make the tables");
        for (call, expected) in [
            ("'no_key'", "42P16"),
            ("'two_keys'", "42P16"),
            ("'cascading'", "42P16"),
            ("'unlogged'", "42P16"),
            ("'partitioned'", "42P16"),
            ("'partition'", "42P16"),
            ("'plain', erasable => '{needed}'", "42P16"),
            ("'plain', erasable => '{id}'", "42P16"),
            ("'plain', erasable => '{nothing}'", "42703"),
            ("'plain', chain_by => '{at}'", "42804"),
            ("'plain', seal => 'never'", "22023"),
            ("NULL", "22004"),
            ("'plain'", "done"),
            ("'plain', chain_by => '{needed}'", "55000"),
        ] {
            assert_eq!(
                text(&format!("SELECT attempt($call${call}$call$)")),
                expected,
                "{call}"
            );
        }
    }

    #[pg_test]
    fn canonical_json_is_that_of_the_rfc() {
        assert_eq!(
            text("SELECT community_core.jcs('{\"b\": 1.0, \"a\": [1e2, 333333333.33333329]}')"),
            "{\"a\":[100,333333333.3333333],\"b\":1}"
        );
        let state = text(
            "SELECT count(*)::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
             WHERE nspname = 'community_core' AND proname ~ 'audit|checkpoint|jcs|inclusion|consistency'
               AND obj_description(p.oid, 'pg_proc') IS NULL",
        );
        assert_eq!(state, "0", "functions without a comment");
    }
}
