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
            p point, bi bit(3), ov timestamptz[], co tsvector, big text);
        INSERT INTO animals (id) VALUES (1);
        INSERT INTO animals VALUES (2, true, -5, 9223372036854775807, 12345.678900, 1.1, 1e300,
            'ä \" \\ \n', 'v', 'c', '\\x00ff', '00000000-0000-0000-0000-000000000001',
            '2026-03-01 12:00:00.123456+02', '1999-12-31 23:59:59', '0044-03-15 BC', '23:59:59.5',
            '10:00+02', '1 year 2 days 00:00:03.5', '{\"a\": [1, 2.50, null, true, {\"b\": \"ü\"}], \"\": -0.0}',
            '{\"k\":  1}', '{{1,2},{3,NULL}}', '{a,NULL,\"\"}', 'sad', 'short', '12.34', '10.0.0.1/8',
            '[1,5)', '(1.5,2)', '101', '{2026-01-01 00:00+00}', 'a:1 b', repeat('long ', 2000));
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
}
