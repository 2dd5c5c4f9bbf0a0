-- Fills every table of every module with rows about four people who are strangers in pairs: what is
-- about Ann (1) and Amy (2) has nothing to do with Bob (3) and Ben (4). Row n of a table is about
-- person n, and refers to the rows n of other tables; where each has a second row, that is 10 + n.
-- Person 5 is nobody's partner, and 6 has only just signed up. Nothing here knows a table by name: a
-- new table is filled from the catalogue, or said to need a value in rules.txt.
CREATE SCHEMA world;
CREATE TABLE world.person (n int PRIMARY KEY, id uuid NOT NULL);
INSERT INTO world.person SELECT n, md5('person ' || n)::uuid FROM generate_series(1, 6) AS n;

CREATE TABLE world.relation (name text PRIMARY KEY, id regclass NOT NULL, trouble text);
INSERT INTO world.relation
SELECT c.oid::regclass::text, c.oid
FROM pg_class c JOIN community_state.module m ON m.schema::regnamespace = c.relnamespace
-- What the engines keep beside a table, nobody may touch, and only they can fill.
WHERE m.module <> 'identity' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_any_column_privilege('service_role', c.oid, 'SELECT');

-- The values that a rule of a table asks for, by rules.txt.
CREATE TABLE world.value (relation text, attribute text, expression text, PRIMARY KEY (relation, attribute));

-- In each pair, the other one.
CREATE FUNCTION world.partner(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n + CASE n % 2 WHEN 1 THEN 1 ELSE -1 END $$;
CREATE FUNCTION world.id(relation regclass, n int) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT md5(relation::text || n)::uuid $$;
-- A number that looks like chance and is the same in every run.
CREATE FUNCTION world.dice(faces int, VARIADIC what text[]) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT mod(('x' || left(md5(array_to_string(what, '|')), 7))::bit(28)::int, faces) $$;

-- What filling needs to know of a column: the kind of its type, the only values it may have, and what
-- it refers to. The second column that refers to a table is about the other one of the pair.
CREATE TABLE world.attribute (
    relation regclass, attnum int2, name name, kind text, length int, not_null boolean, has_default boolean,
    is_key boolean, choices text[], refers boolean, parent regclass, parent_attribute name, about_partner boolean,
    PRIMARY KEY (relation, name));
INSERT INTO world.attribute
SELECT a.attrelid, a.attnum, a.attname,
       CASE t.typtype WHEN 'd' THEN b.typname WHEN 'e' THEN 'enum' ELSE t.typname END,
       CASE WHEN a.atttypmod > 0 THEN a.atttypmod - 4 END, a.attnotnull, a.atthasdef,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'p' AND k.conkey = ARRAY[a.attnum]),
       CASE WHEN t.typtype = 'e' THEN (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
            WHEN t.typname IN ('text', 'varchar', 'bpchar') THEN
                (SELECT array_agg(m[1]) FROM pg_constraint k, regexp_matches(pg_get_constraintdef(k.oid), '''((?:[^'']|'''')*)''::', 'g') AS m
                 WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
                   AND pg_get_constraintdef(k.oid) ~ (a.attname || '"?\)?(::text)? = (ANY|'')')) END,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)),
       r.parent, r.parent_attribute, coalesce(r.earlier, 0) > 0
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
JOIN world.relation w ON w.id = a.attrelid
LEFT JOIN LATERAL (
    SELECT k.confrelid::regclass AS parent, p.attname AS parent_attribute,
           (SELECT count(DISTINCT o.conkey) FROM pg_constraint o
            WHERE o.conrelid = k.conrelid AND o.contype = 'f' AND o.confrelid = k.confrelid
              AND o.conkey[1] < k.conkey[1] AND cardinality(o.conkey) = cardinality(k.conkey)) AS earlier
    FROM pg_constraint k CROSS JOIN unnest(k.conkey, k.confkey) AS pair (here, there)
    JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = pair.there
    WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND pair.here = a.attnum AND k.conrelid <> k.confrelid
    ORDER BY k.confrelid = 'auth.users'::regclass DESC, k.conkey[1] = a.attnum DESC, cardinality(k.conkey), k.conname LIMIT 1) AS r ON true
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';

-- The value of a column in row n, as SQL. A later try has other values.
CREATE FUNCTION world.value_of(relation regclass, attribute name, n int, try int, depth int DEFAULT 0) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    a      world.attribute;
    given  text;
    token  text := format('%s_%s_%s', replace(relation::text, '.', '_'), attribute, n);
    chance int := world.dice(1000, relation::text, attribute, n::text, try::text);
    whose  int := n % 10;
BEGIN
    SELECT * INTO a FROM world.attribute w WHERE w.relation = value_of.relation AND w.name = attribute;
    IF a.about_partner THEN
        whose := world.partner(whose);
    END IF;
    SELECT expression INTO given FROM world.value v WHERE v.relation = value_of.relation::text AND v.attribute = value_of.attribute;
    IF FOUND THEN
        RETURN replace(replace(given, '{n}', n::text), '{token}', quote_literal(token));
    ELSIF a.parent = 'auth.users'::regclass THEN
        RETURN quote_literal((SELECT id FROM world.person p WHERE p.n = whose));
    -- Tables that refer to each other in a circle have to begin somewhere.
    ELSIF a.parent IS NOT NULL AND depth < 6 THEN
        IF EXISTS (SELECT FROM world.rule r WHERE r.relation = a.parent::text AND r.word = 'shared') THEN
            whose := least(whose, world.partner(whose));
        END IF;
        RETURN world.value_of(a.parent, a.parent_attribute, whose, 0, depth + 1);
    ELSIF a.refers AND a.parent IS NULL THEN
        RETURN 'NULL';  -- to its own table
    ELSIF a.is_key AND a.kind = 'uuid' THEN
        RETURN quote_literal(world.id(relation, n));
    -- Rules that speak of two columns are met by trying: a value is there, or is not.
    ELSIF NOT a.not_null AND try > 0 AND chance % 2 = 0 THEN
        RETURN 'NULL';
    ELSIF a.choices IS NOT NULL THEN
        RETURN quote_literal(a.choices[1 + chance % cardinality(a.choices)]);
    -- Times, numbers and documents that have a default mean something.
    ELSIF a.has_default AND (try = 0 AND a.kind NOT IN ('text', 'varchar') OR chance % 3 > 0) THEN
        RETURN 'DEFAULT';
    END IF;
    RETURN CASE
        WHEN a.kind IN ('text', 'varchar') AND attribute ~ 'currency$' THEN '''EUR'''
        WHEN a.kind IN ('text', 'varchar') AND attribute ~ 'email' THEN quote_literal(token || '@example.org')
        WHEN a.kind IN ('text', 'varchar') THEN quote_literal(left(token, coalesce(a.length, 1000)))
        WHEN a.kind = '_text' THEN format('ARRAY[%L]', token)
        WHEN a.kind IN ('int2', 'int4', 'int8', 'numeric', 'float8', 'float4') THEN (CASE WHEN try > 20 THEN chance % 5 ELSE n END)::text
        WHEN a.kind = 'bool' THEN (chance % 2 = 0)::text
        WHEN a.kind IN ('timestamptz', 'timestamp', 'date') THEN
            format('now() + interval ''%s hours''', CASE WHEN try > 20 THEN chance % 96 - 48 WHEN attribute ~ 'end|expire|until' THEN 24 ELSE 0 END)
        WHEN a.kind = 'uuid' THEN quote_literal(world.id(relation, n * 1000))
        WHEN a.kind IN ('json', 'jsonb') THEN quote_literal(json_build_object('token', token))
        WHEN a.kind = 'bytea' THEN quote_literal(convert_to(token, 'UTF8'))
        WHEN a.kind = 'inet' THEN format('''192.0.2.%s''', n)
        WHEN a.kind = 'interval' THEN format('''%s days''', n)
        WHEN a.kind LIKE '\_%' THEN '''{}'''
        WHEN a.kind = 'tstzrange' THEN '''[2030-01-01,2030-01-02)'''
        ELSE 'DEFAULT'
    END;
END $$;

CREATE FUNCTION world.fill(relation regclass, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    names text;
    vals  text;
    fault text;
BEGIN
    FOR try IN 0..150 LOOP
        SELECT string_agg(quote_ident(a.name), ', ' ORDER BY a.attnum),
               string_agg(world.value_of(a.relation, a.name, n, try), ', ' ORDER BY a.attnum)
        INTO names, vals FROM world.attribute a WHERE a.relation = fill.relation;
        BEGIN
            EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', relation, names, vals);
            RETURN NULL;
        EXCEPTION WHEN integrity_constraint_violation OR data_exception OR syntax_error_or_access_rule_violation THEN
            GET STACKED DIAGNOSTICS fault = MESSAGE_TEXT;
        END;
    END LOOP;
    RETURN fault;
END $$;

-- Triggers and foreign keys are off: rows are there as if long ago. Two people of whom only one order
-- is allowed have one row.
CREATE FUNCTION world.fill_all() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
    INSERT INTO auth.users (id) SELECT id FROM world.person;
    UPDATE world.relation r SET trouble = pair.fault
    FROM (SELECT w.id, max(first.fault) AS fault FROM world.relation w CROSS JOIN (VALUES (1), (3)) AS p (n)
          CROSS JOIN LATERAL (SELECT world.fill(w.id, p.n) AS fault) AS one
          CROSS JOIN LATERAL (SELECT world.fill(w.id, p.n + 1) AS fault) AS two
          CROSS JOIN LATERAL (SELECT CASE WHEN one.fault IS NOT NULL AND two.fault IS NOT NULL THEN one.fault END AS fault) AS first
          GROUP BY w.id) AS pair
    WHERE pair.id = r.id;
    PERFORM world.fill(w.id, 5) FROM world.relation w
    WHERE EXISTS (SELECT FROM world.attribute a WHERE a.relation = w.id AND a.is_key AND a.parent = 'auth.users'::regclass)
       OR EXISTS (SELECT FROM world.rule r WHERE r.relation = w.name AND r.word = 'person');
    UPDATE world.relation r SET trouble = second.fault
    FROM (SELECT w.id, max(world.fill(w.id, 10 + n)) AS fault FROM world.relation w CROSS JOIN generate_series(1, 4) AS n
          WHERE EXISTS (SELECT FROM world.rule u WHERE u.relation = w.name AND u.word = 'again') GROUP BY w.id) AS second
    WHERE second.id = r.id AND second.fault IS NOT NULL;
END $$;

-- What rules.txt says of a table; NULL: nothing, so that the first column that refers to a person decides.
CREATE TABLE world.rule (relation text, word text, condition text, PRIMARY KEY (relation, word));
CREATE TABLE world.moves (relation text, attribute text, PRIMARY KEY (relation, attribute));

-- Each row of each table, and whether `me` (NULL: a guest) may see it and may change it, by the rules and
-- not by the policies. Columns that others move by what they do of their own are left out.
CREATE FUNCTION world.watch(me uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    who   text := coalesce(quote_literal(me), 'NULL::uuid');
    parts text[];
BEGIN
    -- A row whose key refers to a person is that person.
    WITH RECURSIVE person (relation, key) AS (
        SELECT 'auth.users'::regclass, who
        UNION
        SELECT r.relation::regclass, quote_literal(world.id(r.relation::regclass, (SELECT p.n FROM world.person p WHERE p.id = me)))
        FROM world.rule r WHERE r.word = 'person'
        UNION
        SELECT a.relation, p.key FROM world.attribute a JOIN person p ON p.relation = a.parent WHERE a.is_key
    ), own (relation, condition) AS (
        SELECT DISTINCT ON (a.relation) a.relation, format('t.%I = %s', a.name, p.key)
        FROM world.attribute a JOIN person p ON p.relation = a.parent OR p.relation = a.relation AND a.is_key
        ORDER BY a.relation, p.relation = a.relation DESC, a.attnum
    )
    SELECT array_agg(format(
        'SELECT %L::text AS relation, (to_jsonb(t) - %L::text[])::text AS whole, t::text AS shown,
                coalesce((%s), false) AS seen, coalesce((%s), false) AS own, coalesce((%s), false) AS made FROM %s t',
        w.name,
        array(SELECT attribute FROM world.moves m WHERE m.relation = w.name),
        replace(CASE WHEN me IS NOT NULL THEN coalesce(s.condition, o.condition, 'false')
                     ELSE coalesce(CASE g.condition WHEN '' THEN s.condition ELSE g.condition END, 'false') END, '{me}', who),
        replace(CASE WHEN me IS NOT NULL THEN coalesce(c.condition, o.condition, 'false') ELSE 'false' END, '{me}', who),
        replace(coalesce(k.condition, 'false'), '{me}', who),
        w.id) ORDER BY w.name)
    INTO parts
    FROM world.relation w LEFT JOIN own o ON o.relation = w.id
    LEFT JOIN world.rule s ON s.relation = w.name AND s.word = 'sees'
    LEFT JOIN world.rule g ON g.relation = w.name AND g.word = 'guests'
    LEFT JOIN world.rule c ON c.relation = w.name AND c.word = 'changes'
    LEFT JOIN world.rule k ON k.relation = w.name AND k.word = 'makes';
    EXECUTE 'CREATE OR REPLACE VIEW world.now AS ' || array_to_string(parts, ' UNION ALL ');
    DROP TABLE IF EXISTS world.before;
    CREATE TABLE world.before AS SELECT * FROM world.now;
END $$;

-- What came of the statements since: rows of others that are not as they were, and new rows that are
-- not one's own. A rule `makes` says which of those one's own deeds make.
CREATE FUNCTION world.faults() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    WITH now AS MATERIALIZED (SELECT n.relation, n.whole, n.own, n.made FROM world.now n)
    SELECT format('changed or deleted in %s: %s', b.relation, b.whole) FROM world.before b
    WHERE NOT b.own AND NOT EXISTS (SELECT FROM now WHERE now.relation = b.relation AND now.whole = b.whole)
    UNION ALL
    SELECT format('made in %s: %s', now.relation, now.whole) FROM now
    WHERE NOT now.own AND NOT now.made
      AND NOT EXISTS (SELECT FROM world.before b WHERE b.relation = now.relation AND b.whole = now.whole);
END $$;
