-- Made by scripts/prepare-upgrade: what 0.2.0 has that 0.1.0 had not, or had otherwise.

DROP FUNCTION remove_module(text, bool);

DROP FUNCTION install_module(text, text);

DROP FUNCTION create_benchmark(text, text, text[], text, int, text, regclass, jsonb, numeric, numeric, bool, int);

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this cluster was a moment faster
            END;
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION k_anonymous_combine(internal, internal) RETURNS internal LANGUAGE c IMMUTABLE PARALLEL SAFE COST 2000000 AS 'MODULE_PATHNAME', 'k_anonymous_combine';

CREATE FUNCTION "apply_retention_step"( "target" regclass, "policy" TEXT, "batch" INT, "now" timestamp with time zone, "run" uuid, "passed" bigint ) RETURNS TABLE ( "touched" bigint, "kept" bigint ) LANGUAGE c AS 'MODULE_PATHNAME', 'apply_retention_step_wrapper';

CREATE FUNCTION "automod_config_fault"( "rule_type" TEXT, "config" TEXT ) RETURNS TEXT IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'automod_config_fault_wrapper';

CREATE FUNCTION "automod_verdict"( "rule_types" TEXT[], "configs" TEXT[], "facts" double precision[], "content_type" TEXT, "texts" TEXT[] ) RETURNS TABLE ( "place" INT, "action" TEXT, "message" TEXT ) IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'automod_verdict_wrapper';

CREATE FUNCTION "counter_drift"( "parents" INT DEFAULT 100 ) RETURNS TABLE ( "parent" TEXT, "counter" TEXT, "looked_at" bigint, "wrong" bigint ) STABLE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'counter_drift_wrapper';

CREATE OR REPLACE FUNCTION "counter_value"( "parent" regclass, "keys" text[], "counter" name ) RETURNS bigint STRICT STABLE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'composite_counter_value_wrapper';

CREATE OR REPLACE FUNCTION "create_audit_log"( "log" regclass, "chain_by" text[] DEFAULT '{}', "erasable" text[] DEFAULT '{}', "seal" TEXT DEFAULT 'commit' ) RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'create_audit_log_wrapper';

CREATE FUNCTION "create_benchmark"( "name" TEXT, "source" TEXT, "dimensions" text[] DEFAULT '{}', "consent_category" TEXT DEFAULT 'benchmarks', "k" INT DEFAULT 5, "policy" TEXT DEFAULT 'threshold', "consent" regclass DEFAULT NULL, "watch" jsonb DEFAULT NULL, "minimum" NUMERIC DEFAULT NULL, "maximum" NUMERIC DEFAULT NULL, "totals" bool DEFAULT true, "band" INT DEFAULT NULL, "levels" text[] DEFAULT NULL ) RETURNS void VOLATILE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'create_benchmark_wrapper';

CREATE OR REPLACE FUNCTION "create_counter"( "child" regclass, "child_keys" text[], "parent" regclass, "counter" name, "parent_keys" text[], "counted" TEXT DEFAULT NULL, "slots" INT DEFAULT 0, "applied" bool DEFAULT false ) RETURNS void VOLATILE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'create_composite_counter_wrapper';

CREATE FUNCTION "create_sum"( "child" regclass, "child_keys" text[], "value" name, "parent" regclass, "sum" name, "parent_keys" text[], "counted" TEXT DEFAULT NULL, "applied" bool DEFAULT false ) RETURNS void VOLATILE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'create_composite_sum_wrapper';

CREATE OR REPLACE FUNCTION "drop_counter"( "child" regclass, "child_keys" text[], "parent" regclass, "counter" name ) RETURNS void STRICT VOLATILE PARALLEL UNSAFE LANGUAGE c AS 'MODULE_PATHNAME', 'drop_composite_counter_wrapper';

CREATE FUNCTION "install_module"( "module" TEXT, "schema" TEXT DEFAULT NULL, "part" TEXT DEFAULT NULL ) RETURNS TEXT LANGUAGE c AS 'MODULE_PATHNAME', 'install_module_wrapper';

CREATE FUNCTION "is_active_member"( "members" regclass, "space" uuid ) RETURNS bool STRICT STABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'is_active_member_wrapper';

CREATE FUNCTION "library_version"() RETURNS TEXT STRICT STABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'library_version_wrapper';

COMMENT ON FUNCTION library_version() IS 'The version of the library that this session has loaded; that of the extension is in pg_extension. Stable, parallel safe. Example: SELECT community_core.library_version()';

CREATE FUNCTION @extschema@.status_queues() RETURNS TABLE (module text, name text, waiting text, since text, failed text) LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    ('linkup', 'sms_outbound_jobs', 'status = ''pending'' AND available_at <= now()', 'available_at', 'status = ''failed'''),
    ('linkup', 'stripe_events', 'processed_at IS NULL', 'received_at', 'processing_error IS NOT NULL'),
    ('spaces', 'payout_jobs', 'status IN (''queued'', ''processing'') AND scheduled_for <= now()', 'scheduled_for', 'status = ''dead'''),
    ('spaces', 'webhook_deliveries', 'status = ''pending'' AND available_at <= now()', 'available_at', 'status = ''dead'''),
    ('spaces', 'notifications', 'delivery_status = ''pending''', 'created_at', 'delivery_status = ''failed'''),
    ('spaces', 'pledges', 'status = ''active'' AND next_charge_at <= now()', 'next_charge_at', 'false');
$$;

COMMENT ON FUNCTION @extschema@.status_queues() IS 'The queues that status() watches: the module and table, which rows wait for a worker now, since when, and which it has given up, as SQL over a row. Immutable. Example: SELECT * FROM community_core.status_queues()';

CREATE FUNCTION @extschema@.status() RETURNS TABLE (thing text, object text, level text, value numeric, unit text, detail text, what_to_do text) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    library CONSTANT text := @extschema@.library_version();
    one     record;
    queue   record;
BEGIN
    unit := 'version';
    FOR one IN SELECT e.extversion FROM pg_extension e WHERE e.extname = 'community_core' LOOP
        thing := 'extension'; object := 'community_core'; value := 1;
        level := CASE WHEN one.extversion = library THEN 'ok' ELSE 'error' END;
        detail := format('extension %s, library %s', one.extversion, library);
        what_to_do := CASE WHEN level <> 'ok' THEN 'ALTER EXTENSION community_core UPDATE; where the library is the older one, restart the sessions that still use it.' END;
        RETURN NEXT;
    END LOOP;

    -- What is off is looked for once, not once for each of what may be many schemas.
    FOR one IN
        SELECT m.*, coalesce(off.rules, 0) AS rules_off, off.names
        FROM @extschema@.modules() m LEFT JOIN (
            SELECT rule.relnamespace, count(*) AS rules, string_agg(rule.what, ', ' ORDER BY rule.what) AS names
            FROM (SELECT c.relnamespace, format('trigger %s of %s', t.tgname, c.relname) AS what
                  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgenabled IN ('D', 'R')
                  UNION ALL
                  SELECT c.relnamespace, format('row security of %s', c.relname) FROM pg_class c
                  WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
                    AND has_any_column_privilege('authenticated', c.oid, 'SELECT, INSERT, UPDATE')) AS rule
            GROUP BY rule.relnamespace) AS off ON off.relnamespace = to_regnamespace(quote_ident(m.schema))
        ORDER BY m.schema
    LOOP
        thing := 'module'; object := one.schema; value := 1; unit := 'version';
        level := CASE WHEN one.version = library THEN 'ok' ELSE 'warn' END;
        detail := format('%s %s, %s tables', one.module, one.version, one.tables);
        what_to_do := CASE WHEN level <> 'ok' THEN 'SELECT * FROM community_core.migrate_modules()' END;
        RETURN NEXT;
        -- A rule that is off is off for everybody, and in silence.
        thing := 'rules_off'; unit := 'rules'; value := one.rules_off; detail := one.names;
        level := CASE WHEN value = 0 THEN 'ok' ELSE 'error' END;
        what_to_do := CASE WHEN value > 0 THEN format('SELECT community_core.install_module(%L, %L), then verify_module, verify_counters and verify_audit for what happened meanwhile.', one.module, one.schema) END;
        RETURN NEXT;
    END LOOP;

    thing := 'rules_off'; object := 'other tables'; unit := 'rules';
    SELECT count(*), string_agg(format('trigger %s of %s', t.tgname, t.tgrelid::regclass), ', ' ORDER BY t.tgrelid, t.tgname) INTO value, detail
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.pronamespace = '@extschema@'::regnamespace AND t.tgenabled IN ('D', 'R')
      AND c.relnamespace NOT IN (SELECT to_regnamespace(quote_ident(m.schema)) FROM @extschema@.modules() m);
    level := CASE WHEN value = 0 THEN 'ok' ELSE 'error' END;
    what_to_do := CASE WHEN value > 0 THEN 'ALTER TABLE … ENABLE TRIGGER, then verify_counters and verify_audit for what happened meanwhile.' END;
    RETURN NEXT;

    FOR one IN SELECT m.module, m.schema, q.* FROM @extschema@.modules() m JOIN @extschema@.status_queues() q ON q.module = m.module
               WHERE to_regclass(format('%I.%I', m.schema, q.name)) IS NOT NULL ORDER BY m.schema, q.name LOOP
        object := format('%s.%s', one.schema, one.name);
        BEGIN
            EXECUTE format('SELECT count(*) FILTER (WHERE %1$s) AS waiting, count(*) FILTER (WHERE %2$s) AS failed,
                                   coalesce(extract(epoch FROM now() - min(%3$s) FILTER (WHERE %1$s)), 0)::numeric AS age
                            FROM %4$I.%5$I WHERE (%1$s) OR (%2$s)', one.waiting, one.failed, one.since, one.schema, one.name)
            INTO queue;
            thing := 'queue'; unit := 'rows'; value := queue.waiting; level := 'ok'; what_to_do := NULL;
            detail := format('%s wait', queue.waiting);
            RETURN NEXT;
            thing := 'queue_age'; unit := 'seconds'; value := round(greatest(queue.age, 0), 1);
            level := CASE WHEN value > 86400 THEN 'error' WHEN value > 900 THEN 'warn' ELSE 'ok' END;
            detail := format('the oldest has waited for %s', date_trunc('minute', make_interval(secs => value::float8)));
            what_to_do := CASE WHEN level <> 'ok' THEN 'See whether its workers run, and what they log.' END;
            RETURN NEXT;
            thing := 'queue_failed'; unit := 'rows'; value := queue.failed;
            level := CASE WHEN value = 0 THEN 'ok' ELSE 'warn' END;
            detail := format('%s were given up', queue.failed);
            what_to_do := CASE WHEN level <> 'ok' THEN format('Look at why, and try them again or take them away: SELECT * FROM %I.%I WHERE %s', one.schema, one.name, one.failed) END;
            RETURN NEXT;
        EXCEPTION WHEN OTHERS THEN
            thing := 'queue'; level := 'error'; value := NULL; unit := 'rows';
            detail := SQLERRM; what_to_do := format('SELECT * FROM community_core.verify_module(%L)', one.schema);
            RETURN NEXT;
        END;
    END LOOP;

    BEGIN
        FOR one IN SELECT a.* FROM @extschema@.audit_logs() a ORDER BY a.log LOOP
            thing := 'audit_unsealed'; object := one.log; value := one.unsealed; unit := 'rows';
            level := CASE WHEN one.unsealed = 0 THEN 'ok' WHEN now() - one.unsealed_since > interval '1 hour' THEN 'error'
                          WHEN now() - one.unsealed_since > interval '5 minutes' THEN 'warn' ELSE 'ok' END;
            detail := format('%s entries are sealed, %s wait%s', one.entries, one.unsealed, ' since ' || one.unsealed_since);
            what_to_do := CASE WHEN level <> 'ok' THEN format('SELECT community_core.seal_audit(%L), and see why the job does not.', one.log) END;
            RETURN NEXT;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        thing := 'audit_unsealed'; object := NULL; level := 'error'; value := NULL; unit := 'rows';
        detail := SQLERRM; what_to_do := 'SELECT * FROM community_core.verify_audit()';
        RETURN NEXT;
    END;

    -- A partition that came later has no triggers: what is written into it by its own name is not recorded.
    thing := 'audit_unrecorded'; unit := 'partitions';
    FOR one IN SELECT t.tgrelid::regclass AS recorded, count(c.oid) AS partitions, string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) AS names
               FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid AND r.relkind = 'p'
               CROSS JOIN LATERAL pg_partition_tree(t.tgrelid) p
               LEFT JOIN pg_class c ON c.oid = p.relid AND c.relkind <> 'f'
                    AND NOT EXISTS (SELECT FROM pg_trigger o WHERE o.tgrelid = p.relid AND o.tgfoid = t.tgfoid AND o.tgname = t.tgname)
               WHERE t.tgfoid = to_regprocedure('@extschema@.audit_record()') AND t.tgname = 'audit_record_insert'
               GROUP BY t.tgrelid ORDER BY t.tgrelid LOOP
        object := one.recorded; value := one.partitions;
        level := CASE WHEN value = 0 THEN 'ok' ELSE 'error' END;
        detail := coalesce('not recorded by its own name: ' || one.names, 'every partition is recorded');
        what_to_do := CASE WHEN value > 0 THEN format('SELECT community_core.audit_changes(%L, …) again, with the same log and mapping.', one.recorded) END;
        RETURN NEXT;
    END LOOP;

    BEGIN
        FOR one IN SELECT b.* FROM @extschema@.benchmarks() b ORDER BY b.name LOOP
            thing := 'benchmark_age'; object := one.name; unit := 'seconds';
            value := round(extract(epoch FROM now() - one.refreshed_at), 1);
            level := CASE WHEN one.refreshed_at IS NULL OR value > 7 * 86400 THEN 'warn' ELSE 'ok' END;
            detail := coalesce('refreshed at ' || one.refreshed_at, 'never refreshed');
            what_to_do := CASE WHEN level <> 'ok' THEN format('SELECT community_core.refresh_benchmark(%L), and a job that does it.', one.name) END;
            RETURN NEXT;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        thing := 'benchmark_age'; object := NULL; level := 'error'; value := NULL; unit := 'seconds';
        detail := SQLERRM; what_to_do := 'SELECT * FROM community_core.benchmarks()';
        RETURN NEXT;
    END;

    BEGIN
        FOR one IN SELECT d.*, d.cutoff - d.oldest AS overdue FROM @extschema@.retention_due() d ORDER BY d.table_name, d.policy LOOP
            thing := 'retention_due'; object := one.table_name || ' ' || one.policy; value := one.rows; unit := 'rows';
            level := CASE WHEN one.rows = 0 THEN 'ok' WHEN one.overdue > interval '7 days' THEN 'error'
                          WHEN one.overdue > interval '36 hours' THEN 'warn' ELSE 'ok' END;
            detail := format('%s rows should have left%s', one.rows, ', the oldest by ' || date_trunc('minute', one.overdue));
            what_to_do := CASE WHEN level <> 'ok' THEN 'CALL community_core.apply_retention(), and see in the log of the policy why the job does not.' END;
            RETURN NEXT;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        thing := 'retention_due'; object := NULL; level := 'error'; value := NULL; unit := 'rows';
        detail := SQLERRM; what_to_do := 'SELECT * FROM community_core.retention_policies()';
        RETURN NEXT;
    END;

    BEGIN
        FOR one IN SELECT d.* FROM @extschema@.counter_drift() d ORDER BY d.parent, d.counter LOOP
            thing := 'counter_drift'; object := one.parent || '.' || one.counter; value := one.wrong; unit := 'rows';
            level := CASE WHEN one.wrong = 0 THEN 'ok' ELSE 'error' END;
            detail := format('%s of %s parents that were looked at', one.wrong, one.looked_at);
            what_to_do := CASE WHEN level <> 'ok' THEN format('SELECT community_core.recount_counters(%L), and find out who wrote past the triggers.', one.parent) END;
            RETURN NEXT;
        END LOOP;
    EXCEPTION WHEN OTHERS THEN
        thing := 'counter_drift'; object := NULL; level := 'error'; value := NULL; unit := 'rows';
        detail := SQLERRM; what_to_do := 'SELECT * FROM community_core.counters()';
        RETURN NEXT;
    END;

    FOR one IN SELECT c.parent, c.counter, c.problem FROM @extschema@.counters() c WHERE c.problem IS NOT NULL ORDER BY 1, 2 LOOP
        thing := 'counter_problem'; object := one.parent || '.' || one.counter; level := 'error'; value := 1; unit := 'counters';
        detail := one.problem; what_to_do := 'Call its create_counter, create_sum or create_average again: it repairs.';
        RETURN NEXT;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION @extschema@.status() IS 'What a DBA watches, one row each: versions of the extension and of each module, rules that are switched off, queues of the modules (rows that wait, how long the oldest has, rows given up), entries of audit logs not sealed yet, age of benchmarks, rows past their retention, and counters that are wrong in a sample. thing, object: what it is about; level: ok, warn or error; value, unit: the figure; detail, what_to_do: in words. What the caller does not own is left out. Stable; takes no transaction id, so that it runs on a standby. Example: SELECT * FROM community_core.status() WHERE level <> ''ok''';

CREATE FUNCTION @extschema@.metrics() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH status AS MATERIALIZED (
        SELECT s.*, format('{thing="%s",object="%s"}', s.thing, replace(replace(replace(coalesce(s.object, ''), '\', '\\'), '"', '\"'), E'\n', '\n')) AS labels
        FROM @extschema@.status() s
    ), family AS (
        SELECT 'community_core_level' AS name, 'How it is with what a DBA watches: 0 ok, 1 warn, 2 error.' AS help,
               s.labels, CASE s.level WHEN 'ok' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END::numeric AS value
        FROM status s
        UNION ALL
        SELECT format('community_core_%s_%s', s.thing, s.unit), format('The %s of status(), in %s.', s.thing, s.unit), s.labels, s.value
        FROM status s WHERE s.unit <> 'version' AND s.value IS NOT NULL
    )
    SELECT string_agg(lines, '' ORDER BY name COLLATE "C")
    FROM (SELECT f.name, format(E'# HELP %1$s %2$s\n# TYPE %1$s gauge\n', f.name, f.help)
                 || string_agg(format(E'%s%s %s\n', f.name, f.labels, trim_scale(f.value)), '' ORDER BY f.labels COLLATE "C") AS lines
          FROM family f GROUP BY f.name, f.help) AS families;
$$;

COMMENT ON FUNCTION @extschema@.metrics() IS 'The same as status() in the text format of Prometheus: community_core_level with 0 for ok, 1 for warn and 2 for error of each thing, and community_core_<thing>_<unit> with its figure. Stable; takes no transaction id. Example: SELECT community_core.metrics()';

CREATE FUNCTION "looks_like_card_number"( "text" TEXT ) RETURNS bool IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'looks_like_card_number_wrapper';

DROP FUNCTION modules();

CREATE FUNCTION "modules"() RETURNS TABLE ( "module" TEXT, "schema" TEXT, "version" TEXT, "installed_at" timestamp with time zone, "tables" bigint, "rows" bigint, "parts" TEXT[] ) STRICT STABLE LANGUAGE c AS 'MODULE_PATHNAME', 'modules_wrapper';

CREATE FUNCTION "remove_module"( "schema" TEXT, "drop_data" bool DEFAULT false, "part" TEXT DEFAULT NULL ) RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'remove_module_wrapper';

CREATE FUNCTION "spaces_setting"( "name" TEXT ) RETURNS INT STRICT STABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'spaces_setting_wrapper';

COMMENT ON FUNCTION spaces_setting(text) IS 'A setting of the spaces module, a whole number, by its name after community_core.spaces_. NULL gives NULL. Stable, parallel safe. Errors: 22023. Example: SELECT community_core.spaces_setting(''comment_depth'')';

CREATE FUNCTION "upgrade_modules"() RETURNS void STRICT LANGUAGE c AS 'MODULE_PATHNAME', 'upgrade_modules_wrapper';

CREATE FUNCTION "uuid_v7"() RETURNS uuid STRICT VOLATILE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'uuid_v7_wrapper';

CREATE FUNCTION "webhook_signature"( "secret" TEXT, "timestamp" bigint, "body" TEXT ) RETURNS TEXT IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'webhook_signature_wrapper';

COMMENT ON FUNCTION looks_like_card_number(text) IS 'Whether a text holds what looks like a payment card''s number: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1), written together or in groups with spaces and hyphens between; a UUID is none. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.looks_like_card_number(''paid with 4111 1111 1111 1111'')';

COMMENT ON FUNCTION is_active_member(regclass, uuid) IS 'Whether the person who is asking is seen to be an active member of a space: looked up by an index, about the rows of a query once per space, for policies on many rows. False is no answer where the table has no index for it, or is unlogged: ask in another way, too. members: a table with the columns space_id uuid, profile_id uuid and status text, and a unique index on the first two, which the caller need not be able to read; space: the id of the space. NULL gives NULL; where nobody is asking, false. Stable, parallel safe. Errors: 42P01 no such relation, 42809 no table, 42703 a column is missing. Example: SELECT community_core.is_active_member(''spaces.space_members'', id) FROM spaces.spaces';

COMMENT ON FUNCTION uuid_v7() IS 'A new time-ordered id (RFC 9562, version 7, sub-millisecond fraction in rand_a). Ids of one session rise strictly. Volatile, parallel safe. Errors: 58000 the system has no random bytes. Example: SELECT community_core.uuid_v7()';

COMMENT ON FUNCTION automod_config_fault(text, text) IS 'Where the config of an automod rule departs from what its type may say, as a path and what is wrong there; NULL where it does not. rule_type: rate_limit, first_post, banned_domain or trust_score; config: JSON text. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.automod_config_fault(''rate_limit'', ''{"count": 5}'')';

COMMENT ON FUNCTION automod_verdict(text[], text[], float8[], text, text[]) IS 'What the rules make of something written: the place of the rule that decides (from 1), refuse or hold, and its message; no row where none is broken. A rule that refuses decides before one that holds. rule_types, configs: the rules; facts: a number for each, NULL is 0; content_type: post, answer or comment; texts: what is written. NULL gives no row. Immutable, parallel safe. Error: 22023 a config at fault, or lists of different lengths. Example: SELECT * FROM community_core.automod_verdict(''{first_post}'', ''{"{}"}'', ''{0}'', ''post'', ''{}'')';

COMMENT ON FUNCTION webhook_signature(text, bigint, text) IS 'HMAC-SHA256 over the seconds since 1970 in decimal digits, a full stop, and the body in UTF-8, as 64 lower-case hexadecimal digits. secret: what sender and receiver share; timestamp: Unix seconds; body: as it is sent. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.webhook_signature(''a secret of the two'', 1767225600, ''{"type": "post.created"}'')';

COMMENT ON FUNCTION audit_changes(regclass, regclass, jsonb) IS 'Records INSERT, UPDATE, DELETE and TRUNCATE of a table in an audit log, one entry per row, by statement triggers.
target: the table, yours; of a partitioned one the partitions that it has are recorded too, each by its own name. log: made by create_audit_log; target''s owner needs INSERT on it. mapping: an object of log columns and sources (operation, table, schema, old, new, old.changed, new.changed, user, role, row.<column>); NULL or {}: by the columns'' usual names.
Volatile; calling it again replaces the mapping. Errors: 22004, 42501, 42703, 55000 not an audit log, 22023 a mapping or a log of itself.
Example: SELECT community_core.audit_changes(''customers'', ''audit_logs'');';

COMMENT ON FUNCTION create_benchmark(text, text, text[], text, integer, text, regclass, jsonb, numeric, numeric, boolean, integer, text[]) IS 'Makes a benchmark, or repairs and redefines the one of that name. name: name or schema.name, at most 40 bytes; the schema defaults to that of the consent table. source: a SELECT that gives subject uuid, value (any number type), observed_at timestamptz and one column per dimension; of a subject''s rows the latest counts. dimensions: at most 4. consent_category: the category in the consent table. k: fewest people, at least community_core.min_k. policy: threshold or blocks. consent: a table (user_id uuid, category text, enabled boolean), by default consent_preferences in the schema of name. watch: {"table": "column with the subject"}; without it every refresh reads everything. minimum, maximum: the range of a bounded measure; values outside are no values; without them the dominance rules apply. totals: publish every subset of the dimensions too. band: contributors are rounded down to a multiple of it (default k). levels: publish these subsets of the dimensions and no others, each as names with commas between them, the empty text for everybody; NULL: as totals says. Two tables about the same people belong into one benchmark, each a level of it: a notice says where another benchmark is about the same people. Volatile. Errors: 22004 a NULL where none is meant, 42501 not the owner of the tables, 22023 bad argument, 42P01, 42703 and 42804 for a wrong table, column or type, 55000 for other dimensions, levels or policy than it has. Example: SELECT community_core.create_benchmark(''founders.irs'', ''SELECT user_id AS subject, score AS value, created_at AS observed_at, stage FROM founders.scores'', dimensions => ''{stage}'', watch => ''{"founders.scores": "user_id"}'', minimum => 0, maximum => 100);';

COMMENT ON FUNCTION refresh_benchmark(text, boolean) IS 'Brings a benchmark up to date with what changed since the last refresh; with full => true it reads everything again. Returns true, or false with a notice while another session does it. Volatile. Errors: 42P01 no such benchmark, 42501 not its owner, 54000 more than 100,000 combinations of the dimensions. Example: SELECT community_core.refresh_benchmark(''founders.irs'');';

COMMENT ON FUNCTION benchmark_position(text) IS 'Where the caller (auth.uid()) stands in the finest published cell: dimensions and position (top quarter, upper half, lower half, bottom quarter). No row unless the caller consents and the cell is published. Told from the published figures and the caller''s own value alone, so also where the caller is not among those figures: with policy blocks somebody who waits for a block. Stable. Errors: 42P01, 42501 without SELECT on the view, 42883 without auth.uid(). Example: SELECT position FROM community_core.benchmark_position(''founders.irs'');';

COMMENT ON FUNCTION create_mutual_choice(regclass, text[], text, text, text, regclass) IS 'Makes a row in matches when, and only when, two people said yes to each other in the same scope. choices: one table without partitions or children, unique on (scope, chooser, target); scope: columns of both tables; choice: boolean; matches: with create_canonical_pair, unique on (scope, pair). Again: repairs, also after tables or columns were renamed. Volatile. Errors: 22004, 42501, 42703, 42804, 42P07, 42P16, 55000. Example: SELECT community_core.create_mutual_choice(''contact_exchange_choices'', ''{linkup_id}'', ''chooser_user_id'', ''target_user_id'', ''choice'', ''contact_exchanges'')';

COMMENT ON FUNCTION create_sum(regclass, text[], name, regclass, name, text[], text, boolean) IS 'create_sum for keys of several columns, in the same order on both sides; a child with a NULL in its key has no parent. Example: SELECT community_core.create_sum(''points'', ARRAY[''person'', ''org''], ''amount'', ''members'', ''total'', ARRAY[''person'', ''org'']);';

COMMENT ON FUNCTION counter_drift(integer) IS 'How many parents of a sample have a wrong counter: the cheap form of verify_counters, for monitoring. parents: about how many are looked at for each counter of the caller''s, all where there are not many; whole blocks of the table, other ones each time. Stable, takes no lock and no transaction id. Errors: 22004, 22023. Example: SELECT * FROM community_core.counter_drift() WHERE wrong > 0;';

CREATE OR REPLACE PROCEDURE apply_retention( batch int DEFAULT 10000, now timestamptz DEFAULT now(), INOUT counts jsonb DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    run     CONSTANT uuid := pg_catalog.gen_random_uuid();
    policy  record;
    touched bigint;
    kept    bigint;
    passed  bigint;
    total   bigint;
    failure text;
BEGIN
    counts := '{}';
    FOR policy IN SELECT * FROM community_core.retention_policies() LOOP
        total := 0;
        passed := NULL;
        failure := NULL;
        LOOP
            BEGIN
                SELECT b.touched, b.kept INTO touched, kept
                FROM community_core.apply_retention_step(policy.target, policy.policy, batch, now, run, passed) AS b;
            EXCEPTION WHEN OTHERS THEN
                touched := 0;
                kept := 0;
                failure := SQLERRM;
            END;
            IF failure IS NOT NULL THEN
                -- One policy that fails does not keep the others from being kept.
                RAISE WARNING 'retention policy % of % failed: %', policy.policy, policy.table_name, failure;
                BEGIN
                    PERFORM community_core.record_retention_failure(policy.target, policy.policy, now, run, failure);
                EXCEPTION WHEN OTHERS THEN
                    RAISE WARNING 'that could not be recorded: %', SQLERRM;
                END;
            END IF;
            COMMIT;
            EXIT WHEN touched = 0 AND kept = 0;
            total := total + touched;
            RAISE NOTICE 'retention policy % of %: % rows', policy.policy, policy.table_name, total;
            -- Rows that stay are the oldest still and would fill every batch: once there are some they are
            -- tried once more, counted, and passed over, so that what is due after them leaves.
            IF passed IS NOT NULL THEN
                passed := passed + kept;
            ELSIF kept > 0 THEN
                passed := 0;
            END IF;
        END LOOP;
        IF passed > 0 THEN
            RAISE WARNING 'retention policy % of %: % rows that are due stayed', policy.policy, policy.table_name, passed
                USING HINT = 'A BEFORE trigger of the table keeps them: change it, or the condition of the policy.';
        END IF;
        counts := counts || pg_catalog.jsonb_build_object(
            policy.table_name || ' ' || policy.policy,
            CASE WHEN failure IS NULL THEN pg_catalog.to_jsonb(total) ELSE pg_catalog.to_jsonb(failure) END);
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE apply_retention(int, timestamptz, jsonb) IS 'Applies the policies of the caller''s tables, a batch of rows per transaction, with a NOTICE and an entry in the policy''s log for each, and a WARNING where rows stayed that a trigger of the table keeps; what a crash interrupts, the next call finishes. batch: rows per transaction; now: the time to go by. Returns in counts the rows of each policy, or why it failed. Errors: 2D000 inside a transaction block. Example: CALL community_core.apply_retention()';

COMMENT ON FUNCTION apply_retention_batch(regclass, text, int, timestamptz, uuid) IS 'One batch of one policy, and its entry in the log, in the caller''s transaction. Returns how many rows it touched; how many stayed that a trigger keeps is in the entry. Volatile. Errors: 22004, 22023, 42501, 42704, 55000. Example: SELECT community_core.apply_retention_batch(''linkup.magic_links'', ''delete_expires_at'', 1000, now(), gen_random_uuid())';

COMMENT ON FUNCTION apply_retention_step(regclass, text, int, timestamptz, uuid, bigint) IS 'As apply_retention_batch, for apply_retention. passed: over how many of the oldest rows to pass because they stayed, or NULL as long as none has. Returns how many rows it touched, and how many stayed though it was their time. Volatile. Errors: 22004, 22023, 42501, 42704, 55000. Example: SELECT touched, kept FROM community_core.apply_retention_step(''linkup.magic_links'', ''delete_expires_at'', 1000, now(), gen_random_uuid(), NULL)';

COMMENT ON FUNCTION install_module(text, text, text) IS 'Installs a module in a schema, or repairs it where it is installed already. module: its name; schema: where to, NULL for one of the module''s name; part: the last part wanted, NULL for what is installed or else for all. Returns the schema. Volatile. Errors: 22004, 22023, 42804, 42809, 55000. Example: SELECT community_core.install_module(''founders'', schema => ''tenant_a'')';

COMMENT ON FUNCTION remove_module(text, boolean, text) IS 'Takes away a module''s triggers, policies, views and functions, and with drop_data its schema. schema: one that holds a module; part: only this one, the last that is installed. Volatile. Errors: 22004, 22023, 2BP01, 42704, 55000. Example: SELECT community_core.remove_module(''tenant_a'')';

COMMENT ON FUNCTION modules() IS 'The installed modules, one row per schema; rows is estimated as of the last ANALYZE; parts are those installed. Stable. Example: SELECT * FROM community_core.modules()';

COMMENT ON FUNCTION upgrade_modules() IS 'The last step of ALTER EXTENSION community_core UPDATE: brings every installed module to this version; where one cannot be, nothing is upgraded. Volatile. Errors: whatever stands against it.';

DO $$
DECLARE
    routine regprocedure;
    app_functions CONSTANT text[] := ARRAY[
        'request_claims', 'request_user', 'consent_gated', 'benchmark', 'benchmark_position',
        'k_anonymous_count', 'k_anonymous_avg', 'k_anonymous_percentile', 'k_anonymous_histogram',
        'linkup_setting', 'linkup_document_fault', 'forum_setting', 'spaces_setting', 'uuid_v7', 'is_active_member',
        'contact_pair', 'pair_low', 'pair_high', 'pair_members', 'contact_pair_of',
        'contact_pair_eq', 'contact_pair_ne', 'contact_pair_lt', 'contact_pair_le',
        'contact_pair_gt', 'contact_pair_ge'
    ];
BEGIN
    FOR routine IN
        SELECT p.oid FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
        JOIN pg_catalog.pg_extension e
             ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
        WHERE e.extname = 'community_core' AND n.nspname = '@extschema@'
    LOOP
        EXECUTE pg_catalog.format(
            'REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, anon, authenticated, service_role',
            routine);
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO pg_database_owner', routine);
        IF (SELECT proname FROM pg_catalog.pg_proc WHERE oid = routine) = ANY (app_functions) THEN
            EXECUTE pg_catalog.format(
                'GRANT EXECUTE ON ROUTINE %s TO anon, authenticated, service_role', routine);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA @extschema@ TO pg_database_owner, anon, authenticated, service_role;

SELECT @extschema@.upgrade_modules();
