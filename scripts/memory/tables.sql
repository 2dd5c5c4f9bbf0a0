-- The tables that scripts/memory/calls.sql works on, and what measures.
CREATE SCHEMA memory;
CREATE TABLE memory.parent (id integer PRIMARY KEY, children integer NOT NULL DEFAULT 0, mean numeric, total numeric DEFAULT 0);
CREATE TABLE memory.child (parent_id integer, value integer NOT NULL DEFAULT 1);
INSERT INTO memory.parent SELECT generate_series(1, 10);
SELECT community_core.create_counter('memory.child', 'parent_id', 'memory.parent', 'children');
SELECT community_core.create_sum('memory.child', 'parent_id', 'value', 'memory.parent', 'total');
SELECT community_core.create_average('memory.child', 'parent_id', 'value', 'memory.parent', 'mean');
CREATE TABLE memory.pair_parent (a integer, b integer, n integer NOT NULL DEFAULT 0, total numeric DEFAULT 0, PRIMARY KEY (a, b));
CREATE TABLE memory.pair_child (a integer, b integer, value integer NOT NULL DEFAULT 1, FOREIGN KEY (a, b) REFERENCES memory.pair_parent);
INSERT INTO memory.pair_parent (a, b) VALUES (1, 1), (1, 2);
INSERT INTO memory.pair_child VALUES (1, 1), (1, 2);
SELECT community_core.create_counter('memory.pair_child', '{a,b}'::text[], 'memory.pair_parent', 'n', '{a,b}'::text[], slots => 4);
CREATE TABLE memory.members (space_id uuid, profile_id uuid, status text, PRIMARY KEY (space_id, profile_id));
INSERT INTO memory.members VALUES (gen_random_uuid(), gen_random_uuid(), 'active');

CREATE TABLE memory.log (id bigint PRIMARY KEY, org integer, person uuid, said jsonb);
SELECT community_core.create_audit_log('memory.log', '{org}', '{person}');
CREATE TABLE memory.clicks (id bigint PRIMARY KEY, page text);
SELECT community_core.create_audit_log('memory.clicks', seal => 'block');
CREATE TABLE memory.small (id integer PRIMARY KEY, what text);
SELECT community_core.create_audit_log('memory.small');
INSERT INTO memory.small SELECT n, 'x' FROM generate_series(1, 8) AS n;
CREATE TABLE memory.checkpoint (note text, key text);
CREATE TABLE memory.diary (id bigint PRIMARY KEY, person uuid, what text);
SELECT community_core.create_audit_log('memory.diary', erasable => '{person}');
CREATE TABLE memory.changes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text, record_id text);
SELECT community_core.create_audit_log('memory.changes');
CREATE TABLE memory.changing (id integer PRIMARY KEY, n bigint);
INSERT INTO memory.changing VALUES (1, 0);
SELECT community_core.audit_changes('memory.changing', 'memory.changes', '{"action": "operation", "record_id": "row.id"}');

CREATE TABLE memory.friends (a uuid, b uuid, PRIMARY KEY (a, b));
SELECT community_core.create_canonical_pair('memory.friends', 'a', 'b');
CREATE TABLE memory.choices (event integer NOT NULL, chooser integer NOT NULL, target integer NOT NULL, choice boolean NOT NULL,
                             UNIQUE (event, chooser, target));
CREATE TABLE memory.matches (event integer NOT NULL, a integer, b integer, UNIQUE (event, a, b));
SELECT community_core.create_canonical_pair('memory.matches', 'a', 'b');
SELECT community_core.create_mutual_choice('memory.choices', '{event}', 'chooser', 'target', 'choice', 'memory.matches');
CREATE TABLE memory.pairs (pair community_core.contact_pair);
CREATE TABLE memory.visit (id bigint PRIMARY KEY, made_at timestamptz NOT NULL);
SELECT community_core.create_retention_policy('memory.visit', 'made_at', '30 days', 'delete');
CREATE TABLE memory.emptied (id bigint PRIMARY KEY, made_at timestamptz NOT NULL);
SELECT community_core.create_retention_policy('memory.emptied', 'made_at', '30 days', 'delete');
CREATE TABLE memory.people (id uuid, value numeric, seen_at timestamptz DEFAULT now());
INSERT INTO memory.people SELECT gen_random_uuid(), n % 100 FROM generate_series(1, 2000) AS n;
ANALYZE memory.people;
CREATE FUNCTION memory.benchmark(name text) RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_benchmark(name,
        'SELECT p.id AS subject, s.overall_score AS value, s.created_at AS observed_at, p.stage
         FROM founders.profiles p JOIN founders.investor_readiness_scores s ON s.user_id = p.id',
        dimensions => '{stage}', consent => 'founders.consent_preferences',
        watch => '{"founders.profiles": "id", "founders.investor_readiness_scores": "user_id"}',
        minimum => 0, maximum => 100, totals => false) $$;
SELECT memory.benchmark('memory.scores');
SELECT community_core.refresh_benchmark('memory.scores');

-- What is made and taken away again, and what is refused.
CREATE TABLE memory.a (id integer PRIMARY KEY, other integer, n integer NOT NULL DEFAULT 0, sum numeric DEFAULT 0, mean numeric, made_at timestamptz);
CREATE TABLE memory.b (id integer PRIMARY KEY, a_id integer REFERENCES memory.a, value integer);
CREATE FUNCTION memory.counters(integer) RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_counter('memory.b', 'a_id', 'memory.a', 'n');
    SELECT community_core.create_sum('memory.b', 'a_id', 'value', 'memory.a', 'sum');
    SELECT community_core.create_average('memory.b', 'a_id', 'value', 'memory.a', 'mean');
    SELECT community_core.drop_counter('memory.b', 'a_id', 'memory.a', name) FROM unnest('{n,sum,mean}'::name[]) AS name $$;
CREATE FUNCTION memory.composite_counters(integer) RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_sum('memory.pair_child', '{a,b}'::text[], 'value', 'memory.pair_parent', 'total', '{a,b}'::text[]);
    SELECT community_core.drop_counter('memory.pair_child', '{a,b}'::text[], 'memory.pair_parent', 'total') $$;
CREATE FUNCTION memory.composite_counter(integer) RETURNS void LANGUAGE sql AS $$
    SELECT community_core.create_counter('memory.pair_child', '{a,b}'::text[], 'memory.pair_parent', 'n', '{a,b}'::text[], slots => 4) $$;
CREATE FUNCTION memory.policies(integer) RETURNS boolean LANGUAGE sql AS $$
    SELECT community_core.create_retention_policy('memory.a', 'made_at', '30 days', 'delete');
    SELECT community_core.drop_retention_policy('memory.a', 'delete_made_at') $$;
CREATE FUNCTION memory.logs(n integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    CREATE TABLE memory.one_table (id integer PRIMARY KEY);
    CREATE TABLE memory.one_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), action text);
    PERFORM community_core.create_audit_log('memory.one_log');
    PERFORM community_core.audit_changes('memory.one_table', 'memory.one_log', '{"action": "operation"}');
    DROP TABLE memory.one_table;
    ALTER TABLE memory.one_log DISABLE TRIGGER USER;
    DROP TABLE memory.one_log_seal, memory.one_log;
END $$;
CREATE FUNCTION memory.erased(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE somebody uuid := gen_random_uuid();
BEGIN
    INSERT INTO memory.diary VALUES (n, somebody, 'something');
    RETURN (SELECT sum(entries) FROM community_core.erase_audit_subject(somebody));
END $$;
CREATE FUNCTION memory.pair_tables(n integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    CREATE TABLE memory.one_pair (a integer NOT NULL, b integer NOT NULL, PRIMARY KEY (a, b));
    PERFORM community_core.create_canonical_pair('memory.one_pair', 'a', 'b');
    CREATE TABLE memory.one_order (a integer NOT NULL, b integer NOT NULL);
    PERFORM community_core.create_unordered_pair('memory.one_order', 'a', 'b');
    CREATE TABLE memory.one_choice (chooser integer NOT NULL, target integer NOT NULL, choice boolean NOT NULL, UNIQUE (chooser, target));
    PERFORM community_core.create_mutual_choice('memory.one_choice', '{}', 'chooser', 'target', 'choice', 'memory.one_pair');
    DROP TABLE memory.one_choice, memory.one_choice_mutual, memory.one_pair, memory.one_order;
END $$;
CREATE FUNCTION memory.benchmarks(integer) RETURNS void LANGUAGE sql AS $$
    SELECT memory.benchmark('memory.other');
    SELECT community_core.drop_benchmark('memory.other') $$;
CREATE FUNCTION memory.install(integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM community_core.install_module('tenancy', 'memory_tenant');
    PERFORM community_core.remove_module('memory_tenant', true);
END $$;
CREATE FUNCTION memory.refused(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE statement;
    RAISE 'not refused: %', statement;
EXCEPTION WHEN insufficient_privilege THEN
END $$;
CREATE FUNCTION memory.copied(integer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('COPY (SELECT community_core.contact_pair(gen_random_uuid(), gen_random_uuid())) TO %L (FORMAT binary)',
                   current_setting('data_directory') || '/pairs');
    EXECUTE format('COPY memory.pairs FROM %L (FORMAT binary)', current_setting('data_directory') || '/pairs');
    DELETE FROM memory.pairs;
END $$;

-- Resident memory that is the backend's own, not that of shared buffers it has touched.
CREATE FUNCTION memory.resident() RETURNS bigint LANGUAGE sql AS $$
    SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::bigint
$$;
-- What Postgres remembers of each foreign key that a backend ever used, also of those that are gone: not ours to give back.
CREATE FUNCTION memory.foreign_keys() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(sum(total_bytes), 0)::bigint / 1024 FROM pg_backend_memory_contexts WHERE name = 'RI constraint cache'
$$;
CREATE TABLE memory.measured (ordinal serial, engine text, call text, calls integer, microseconds numeric, resident_kb bigint,
                              contexts_kb bigint, foreign_keys_kb bigint);

CREATE PROCEDURE memory.measure(engine text, call text, calls integer) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    resident bigint;
    contexts bigint;
    foreign_keys bigint;
    counts jsonb;
    total CONSTANT text := 'SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts';
BEGIN
    -- The first calls fill caches.
    FOR n IN 1..least(greatest(calls / 10, 10), calls, 1000) LOOP
        EXIT WHEN call LIKE 'CALL %';
        EXECUTE call USING -n;
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
    COMMIT;
    resident := memory.resident();
    EXECUTE total INTO contexts;
    foreign_keys := memory.foreign_keys();
    began := clock_timestamp();
    FOR n IN 1..calls LOOP
        IF call = 'CALL community_core.apply_retention()' THEN
            -- It commits, which EXECUTE does not let it.
            CALL community_core.apply_retention(counts => counts);
        ELSE
            EXECUTE call USING n;
        END IF;
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
    COMMIT;
    INSERT INTO memory.measured (engine, call, calls, microseconds, resident_kb, contexts_kb, foreign_keys_kb)
    SELECT engine, call, calls, round(extract(epoch FROM clock_timestamp() - began) * 1e6 / calls, 1), memory.resident() - resident,
           (SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts) - contexts, memory.foreign_keys() - foreign_keys;
    COMMIT;
END $$;

-- Functions of the extension that were called less than at_least times while they were counted. Postgres
-- counts neither what it calls itself for a type or an aggregate, nor what ends with an error; there the name
-- of the aggregate, the type or memory.refused in a call that was measured tells.
CREATE FUNCTION memory.not_measured(at_least integer) RETURNS SETOF regprocedure LANGUAGE sql AS $$
    WITH own AS (
        SELECT p.oid, p.proname, p.prokind FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
        WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'community_core')
    ), inner_part (oid, of) AS (
        SELECT unnest(ARRAY[a.aggfnoid, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn]::oid[]), p.proname
        FROM pg_aggregate a JOIN own p ON p.oid = a.aggfnoid
        UNION ALL
        SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend]::oid[]), typname
        FROM pg_type WHERE typnamespace = 'community_core'::regnamespace
        UNION ALL
        SELECT unnest('{community_core.audit_refuse(),community_core.audit_keep()}'::regprocedure[])::oid, 'memory.refused'
    )
    SELECT own.oid::regprocedure FROM own LEFT JOIN pg_stat_user_functions s ON s.funcid = own.oid
    WHERE coalesce(s.calls, 0) < at_least
      AND NOT EXISTS (SELECT FROM inner_part i JOIN memory.measured m ON m.call LIKE '%' || i.of || '%'
                      WHERE i.oid = own.oid AND m.calls >= at_least)
    ORDER BY 1
$$;
