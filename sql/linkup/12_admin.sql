-- Who runs the place, and the log of what they do.

CREATE TABLE admin_users (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    email      text        NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT admin_users_pkey PRIMARY KEY (id),
    CONSTRAINT admin_users_role_check CHECK (role IN ('support', 'ops', 'engineering'))
);
COMMENT ON TABLE admin_users IS 'Who acts for the service. They work through the server, as service_role.';
CREATE UNIQUE INDEX admin_users_email_key ON admin_users (lower(email));

ALTER TABLE safety_holds ADD CONSTRAINT safety_holds_applied_by_admin_fkey
    FOREIGN KEY (applied_by_admin) REFERENCES admin_users (id) ON DELETE SET NULL;

CREATE TABLE admin_audit_log (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    admin_user_id uuid,
    action        text        NOT NULL,
    target_type   text        NOT NULL,
    target_id     uuid,
    reason        text,
    payload       jsonb       DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT admin_audit_log_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE admin_audit_log IS
    'Every admin action, append-only and chained: community_core.verify_audit names a row that was changed all the same.';
COMMENT ON COLUMN admin_audit_log.admin_user_id IS 'Who; NULL where the system did it. No foreign key, so that the entry outlives the admin''s account.';
COMMENT ON COLUMN admin_audit_log.payload IS 'What changed. Like target_id and reason NULL once the person it was about is erased.';
CREATE INDEX admin_audit_action_idx ON admin_audit_log (action);
CREATE INDEX admin_audit_target_idx ON admin_audit_log (target_type, target_id);
CREATE INDEX admin_audit_log_admin_user_id_idx ON admin_audit_log (admin_user_id);
-- A chunk of a backfill is recorded once.
CREATE UNIQUE INDEX admin_audit_log_backfill_key ON admin_audit_log
    ((payload ->> 'name'), (payload ->> 'chunk')) WHERE action = 'backfill';
SELECT community_core.create_audit_log('admin_audit_log', erasable => '{target_id,reason,payload}');

CREATE OR REPLACE FUNCTION current_admin_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.id FROM @schema@.admin_users a
    WHERE @schema@.is_service() AND pg_catalog.lower(a.email) = pg_catalog.lower(auth.jwt() ->> 'email')
$$;
COMMENT ON FUNCTION current_admin_id() IS
    'The admin on whose behalf the service acts: the claim email in request.jwt.claims, which the server sets. NULL for users and for the system itself. Stable. Example: SELECT current_admin_id()';
GRANT EXECUTE ON FUNCTION current_admin_id() TO service_role;

CREATE OR REPLACE FUNCTION log_admin_action(
    action text, target_type text, target_id uuid DEFAULT NULL, reason text DEFAULT NULL, payload jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO @schema@.admin_audit_log (admin_user_id, action, target_type, target_id, reason, payload)
    VALUES (@schema@.current_admin_id(), log_admin_action.action, log_admin_action.target_type,
            log_admin_action.target_id, log_admin_action.reason, log_admin_action.payload)
    RETURNING id
$$;
COMMENT ON FUNCTION log_admin_action(text, text, uuid, text, jsonb) IS
    'Writes what the triggers cannot see, such as looking at a profile, to admin_audit_log. Returns the entry''s id. Volatile. Example: SELECT log_admin_action(''viewed'', ''users'', reason => ''ticket 7'')';
GRANT EXECUTE ON FUNCTION log_admin_action(text, text, uuid, text, jsonb) TO service_role;

CREATE OR REPLACE FUNCTION log_admin_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before  CONSTANT jsonb := CASE WHEN TG_OP <> 'INSERT' THEN pg_catalog.to_jsonb(OLD) ELSE '{}' END;
    after   CONSTANT jsonb := CASE WHEN TG_OP <> 'DELETE' THEN pg_catalog.to_jsonb(NEW) ELSE '{}' END;
    row_now CONSTANT jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
    changes jsonb;
BEGIN
    -- 'by_admin': a table that users and jobs change too is logged where an admin does it.
    IF TG_ARGV[0] = 'by_admin' AND @schema@.current_admin_id() IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT pg_catalog.jsonb_object_agg(key, pg_catalog.jsonb_build_object('from', before -> key, 'to', after -> key))
    INTO changes
    FROM pg_catalog.jsonb_object_keys(before || after) key
    -- The hash of a phone names somebody who may not even be a user, and could not be erased for them.
    WHERE key NOT IN ('updated_at', 'reporter_phone_hash') AND before -> key IS DISTINCT FROM after -> key;
    IF changes IS NOT NULL THEN
        PERFORM @schema@.log_admin_action(pg_catalog.lower(TG_OP), TG_TABLE_NAME, (row_now ->> 'id')::uuid,
            row_now ->> 'reason', pg_catalog.jsonb_build_object('user_id', row_now -> 'user_id', 'changes', changes));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION log_admin_change() IS
    'Trigger with argument always or by_admin: writes what changed, with old and new values, to admin_audit_log; of reporter_phone_hash nothing.';
CREATE OR REPLACE TRIGGER admin_users_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON admin_users
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER regions_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON regions
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER safety_holds_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON safety_holds
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER safety_incidents_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON safety_incidents
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER user_strikes_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON user_strikes
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER safety_reports_log_admin_change AFTER UPDATE OR DELETE ON safety_reports
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('always');
CREATE OR REPLACE TRIGGER users_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER profiles_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON profiles
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER region_memberships_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON region_memberships
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER linkups_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON linkups
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER auth_user_map_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON auth_user_map
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER user_blocks_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON user_blocks
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER stripe_customers_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON stripe_customers
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER linkup_participants_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON linkup_participants
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER subscriptions_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON subscriptions
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');
CREATE OR REPLACE TRIGGER entitlements_log_admin_change AFTER INSERT OR UPDATE OR DELETE ON entitlements
    FOR EACH ROW EXECUTE FUNCTION log_admin_change('by_admin');

CREATE OR REPLACE FUNCTION record_backfill(
    name text, chunk int, resume_token text, rows bigint, finished boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF num_nulls(name, chunk, rows) > 0 OR (resume_token IS NULL AND NOT finished) THEN
        RAISE EXCEPTION 'a chunk of a backfill has a name, a number, a count of rows and, unless it is the last, a resume token'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give them all.';
    END IF;
    INSERT INTO @schema@.admin_audit_log (admin_user_id, action, target_type, payload)
    VALUES (@schema@.current_admin_id(), 'backfill', 'backfill', pg_catalog.jsonb_build_object(
        'name', name, 'chunk', chunk, 'resume_token', resume_token, 'rows', rows, 'finished', finished))
    ON CONFLICT ((payload ->> 'name'), (payload ->> 'chunk')) WHERE action = 'backfill' DO NOTHING;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION record_backfill(text, int, text, bigint, boolean) IS
    'Records a chunk of a backfill in admin_audit_log, in the transaction that did it. name: the backfill''s; chunk: 1, 2, …; resume_token: where the next chunk begins; rows: how many this one changed; finished: whether it was the last. Returns false where that chunk is recorded already: then roll back, another worker did it. Volatile. Errors: 22004. Example: SELECT record_backfill(''normalize_phones'', 1, ''0199a7c2'', 5000)';
CREATE OR REPLACE FUNCTION backfill_progress(name text)
RETURNS TABLE (chunks bigint, rows bigint, resume_token text, finished boolean, recorded_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.count(*), pg_catalog.sum((l.payload ->> 'rows')::bigint)::bigint,
           (pg_catalog.array_agg(l.payload ->> 'resume_token' ORDER BY (l.payload ->> 'chunk')::int DESC))[1],
           pg_catalog.bool_or((l.payload ->> 'finished')::boolean), pg_catalog.max(l.created_at)
    FROM @schema@.admin_audit_log l
    WHERE l.action = 'backfill' AND l.payload ->> 'name' = backfill_progress.name
    HAVING pg_catalog.count(*) > 0
$$;
COMMENT ON FUNCTION backfill_progress(text) IS
    'How far a backfill is and where to go on; no row where it has not begun. Stable. Example: SELECT resume_token FROM backfill_progress(''normalize_phones'')';
GRANT EXECUTE ON FUNCTION record_backfill(text, int, text, bigint, boolean), backfill_progress(text) TO service_role;
