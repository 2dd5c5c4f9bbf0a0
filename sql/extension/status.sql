-- What a DBA watches. Everything is read and nothing written, so that it runs on a standby too; a look
-- that fails is a row that says so, and the others are still there.

-- The queues of the modules, the one list of them: which rows wait for a worker now, since when, and
-- which it has given up. Conditions are SQL over the row.
CREATE FUNCTION @extschema@.status_queues()
RETURNS TABLE (module text, name text, waiting text, since text, failed text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    ('linkup', 'sms_outbound_jobs', 'status = ''pending'' AND available_at <= now()', 'available_at', 'status = ''failed'''),
    ('linkup', 'stripe_events', 'processed_at IS NULL', 'received_at', 'processing_error IS NOT NULL'),
    ('spaces', 'payout_jobs', 'status IN (''queued'', ''processing'') AND scheduled_for <= now()', 'scheduled_for', 'status = ''dead'''),
    ('spaces', 'webhook_deliveries', 'status = ''pending'' AND available_at <= now()', 'available_at', 'status = ''dead'''),
    ('spaces', 'notifications', 'delivery_status = ''pending''', 'created_at', 'delivery_status = ''failed'''),
    ('spaces', 'pledges', 'status = ''active'' AND next_charge_at <= now()', 'next_charge_at', 'false');
$$;
COMMENT ON FUNCTION @extschema@.status_queues() IS
'The queues that status() watches: the module and table, which rows wait for a worker now, since when, and which it has given up, as SQL over a row. Immutable. Example: SELECT * FROM community_core.status_queues()';

CREATE FUNCTION @extschema@.status()
RETURNS TABLE (thing text, object text, level text, value numeric, unit text, detail text, what_to_do text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
COMMENT ON FUNCTION @extschema@.status() IS
'What a DBA watches, one row each: versions of the extension and of each module, rules that are switched off, queues of the modules (rows that wait, how long the oldest has, rows given up), entries of audit logs not sealed yet, age of benchmarks, rows past their retention, and counters that are wrong in a sample. thing, object: what it is about; level: ok, warn or error; value, unit: the figure; detail, what_to_do: in words. What the caller does not own is left out. Stable; takes no transaction id, so that it runs on a standby. Example: SELECT * FROM community_core.status() WHERE level <> ''ok''';

CREATE FUNCTION @extschema@.metrics() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
COMMENT ON FUNCTION @extschema@.metrics() IS
'The same as status() in the text format of Prometheus: community_core_level with 0 for ok, 1 for warn and 2 for error of each thing, and community_core_<thing>_<unit> with its figure. Stable; takes no transaction id. Example: SELECT community_core.metrics()';
