-- How much the memory of one backend grows over many calls of each function, for scripts/measure-memory.
CREATE SCHEMA memory;
CREATE TABLE memory.parent (id integer PRIMARY KEY, children integer NOT NULL DEFAULT 0, mean numeric, total numeric DEFAULT 0);
CREATE TABLE memory.child (parent_id integer, value integer NOT NULL DEFAULT 1);
INSERT INTO memory.parent SELECT generate_series(1, 10);
SELECT community_core.create_counter('memory.child', 'parent_id', 'memory.parent', 'children');
SELECT community_core.create_sum('memory.child', 'parent_id', 'value', 'memory.parent', 'total');
CREATE TABLE memory.log (id bigint PRIMARY KEY, org integer, person uuid, said jsonb);
SELECT community_core.create_audit_log('memory.log', '{org}', '{person}');
CREATE TABLE memory.clicks (id bigint PRIMARY KEY, page text);
SELECT community_core.create_audit_log('memory.clicks', seal => 'block');
CREATE TABLE memory.friends (a uuid, b uuid, PRIMARY KEY (a, b));
SELECT community_core.create_canonical_pair('memory.friends', 'a', 'b');
CREATE TABLE memory.small (id integer PRIMARY KEY, what text);
SELECT community_core.create_audit_log('memory.small');
INSERT INTO memory.small SELECT n, 'x' FROM generate_series(1, 8) AS n;
CREATE TABLE memory.visit (id bigint PRIMARY KEY, made_at timestamptz NOT NULL);
SELECT community_core.create_retention_policy('memory.visit', 'made_at', '30 days', 'delete');

-- Resident memory that is the backend's own, not that of shared buffers it has touched.
CREATE FUNCTION memory.resident() RETURNS bigint LANGUAGE sql AS $$
    SELECT (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::bigint
$$;
CREATE TABLE memory.measured (ordinal serial, engine text, call text, calls integer, microseconds numeric, resident_kb bigint, contexts_kb bigint);

CREATE PROCEDURE memory.measure(engine text, call text, calls integer) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    resident bigint;
    contexts bigint;
    total CONSTANT text := 'SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts';
BEGIN
    -- The first calls fill caches.
    FOR n IN 1..least(1000, calls) LOOP EXECUTE call USING -n; END LOOP;
    COMMIT;
    resident := memory.resident();
    EXECUTE total INTO contexts;
    began := clock_timestamp();
    FOR n IN 1..calls LOOP
        EXECUTE call USING n;
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP;
    COMMIT;
    INSERT INTO memory.measured (engine, call, calls, microseconds, resident_kb, contexts_kb)
    SELECT engine, call, calls, round(extract(epoch FROM clock_timestamp() - began) * 1e6 / calls, 1), memory.resident() - resident,
           (SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts) - contexts;
    COMMIT;
END $$;

CALL memory.measure('none', 'SELECT length($1::text)', :calls);
CALL memory.measure('counter', 'INSERT INTO memory.child SELECT 1 + abs($1) % 10', :calls);
TRUNCATE memory.child;
CALL memory.measure('counter', 'SELECT community_core.counter_value(''memory.parent'', ''1'', ''children'')', :few);
CALL memory.measure('counter', 'SELECT * FROM community_core.verify_counters()', :fewest);
CALL memory.measure('counter', 'SELECT * FROM community_core.recount_counters()', :fewest);
CALL memory.measure('counter', 'SELECT * FROM community_core.counters()', :fewest);
CALL memory.measure('audit', 'INSERT INTO memory.log SELECT $1, 1, ''00000000-0000-4000-8000-000000000001'', ''{"a": 1.50}''', :calls);
CALL memory.measure('audit', 'INSERT INTO memory.clicks SELECT $1, ''home''', :calls);
CALL memory.measure('audit', 'SELECT community_core.seal_audit(''memory.clicks'')', :few);
CALL memory.measure('audit', 'SELECT * FROM community_core.verify_audit(''memory.small'')', :few);
CALL memory.measure('audit', 'SELECT community_core.audit_checkpoint(''memory.small'')', :few);
CALL memory.measure('audit', 'SELECT community_core.export_audit(''memory.small'')', :few);
CALL memory.measure('audit', 'SELECT * FROM community_core.audit_logs()', :few);
CALL memory.measure('audit', 'SELECT community_core.jcs(jsonb_build_object(''b'', $1, ''a'', ''[1, 2.50, "x"]''::jsonb))', :calls);
CALL memory.measure('pair', 'SELECT community_core.contact_pair(gen_random_uuid(), gen_random_uuid())::text::community_core.contact_pair::uuid[]', :calls);
CALL memory.measure('pair', 'INSERT INTO memory.friends SELECT gen_random_uuid(), gen_random_uuid()', :calls);
CALL memory.measure('benchmark', 'SELECT community_core.k_anonymous_count(id, 5), community_core.k_anonymous_avg(id, 1, 5), community_core.k_anonymous_percentile(id, 1, 0.5, 5) FROM auth.users', :calls);
CALL memory.measure('benchmark', 'SELECT * FROM founders.benchmark_stage_aggregates', :few);
CALL memory.measure('benchmark', 'UPDATE founders.investor_readiness_scores SET overall_score = 40 + abs($1) % 50 WHERE user_id = ''00000000-0000-4000-8000-000000000003''', :few);
CALL memory.measure('benchmark', 'UPDATE founders.consent_preferences SET enabled = NOT enabled WHERE category = ''benchmarks'' AND user_id = ''00000000-0000-4000-8000-000000000003''', :few);
CALL memory.measure('benchmark', 'SELECT founders.refresh_benchmark_aggregates()', :fewest);
CALL memory.measure('retention', 'SELECT * FROM community_core.retention_policies()', :few);
CALL memory.measure('retention', 'SELECT * FROM community_core.retention_due()', :few);
CALL memory.measure('retention', 'WITH old AS (INSERT INTO memory.visit SELECT $1, ''2020-01-01'' RETURNING id) SELECT community_core.apply_retention_batch(''memory.visit'', ''delete_made_at'', 10, now(), gen_random_uuid()) FROM old', :few);
CALL memory.measure('module', 'SELECT * FROM community_core.modules()', :few);
CALL memory.measure('module', 'SELECT * FROM community_core.verify_module(''tenancy'')', :fewest);
CALL memory.measure('identity', 'SELECT community_core.request_user(), community_core.request_claims()', :calls);
CALL memory.measure('linkup', 'SELECT community_core.linkup_document_fault(''brief'', ''{"activity_key": "coffee", "time_window": "SAT"}'')', :calls);

\o
\pset border 1
\pset footer off
SELECT engine, left(call, 70) AS call, calls, microseconds AS "µs a call", resident_kb AS "resident kB more", contexts_kb AS "contexts kB more"
FROM memory.measured ORDER BY ordinal;
