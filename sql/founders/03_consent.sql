-- What a person agrees to, and the log of every change of mind. The log names people by an id that
-- is no foreign key: deleting a user erases the person from the log and leaves the log whole.

CREATE TABLE consent_preferences (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id    uuid        NOT NULL,
    category   text        NOT NULL,
    enabled    boolean     NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT consent_preferences_pkey PRIMARY KEY (id),
    CONSTRAINT consent_preferences_user_id_category_key UNIQUE (user_id, category),
    CONSTRAINT consent_preferences_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT consent_preferences_category_check CHECK (
        category IN ('benchmarks', 'social_feed', 'directory', 'messaging', 'investor_intros'))
);
COMMENT ON TABLE consent_preferences IS
    'What each person agrees to (phase 47). No row is no consent. Nobody but the person sees it.';
CREATE INDEX consent_preferences_category_idx ON consent_preferences (category) WHERE enabled;

CREATE POLICY consent_preferences_select_own ON consent_preferences
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY consent_preferences_insert_own ON consent_preferences
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY consent_preferences_update_own ON consent_preferences
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY consent_preferences_delete_own ON consent_preferences
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
-- The key columns too: a client's upsert sets every column it sends.
GRANT INSERT (user_id, category, enabled), UPDATE (user_id, category, enabled)
    ON consent_preferences TO authenticated;

CREATE TABLE consent_audit_log (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id        uuid,
    category       text        NOT NULL,
    previous_value boolean     NOT NULL,
    new_value      boolean     NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    ip_address     text,
    user_agent     text,
    CONSTRAINT consent_audit_log_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE consent_audit_log IS
    'Every change of consent, with the old and the new value (phase 47). Append-only for everybody; chained, so that community_core.verify_audit names a row that was changed all the same.';
COMMENT ON COLUMN consent_audit_log.user_id IS
    'Whose consent; NULL once that user is deleted. No foreign key, so that the entry stays.';
COMMENT ON COLUMN consent_audit_log.ip_address IS
    'As the request''s headers report it (x-forwarded-for, else x-real-ip): a client can forge it unless a proxy sets it.';
CREATE INDEX consent_audit_log_user_id_changed_at_idx
    ON consent_audit_log (user_id, changed_at DESC);

CREATE POLICY consent_audit_log_select_own ON consent_audit_log
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));

SELECT community_core.create_audit_log(
    'consent_audit_log', erasable => '{user_id,ip_address,user_agent}');

-- The two forms of one question: does this person consent, who consents. A category that the
-- setting community_core.consent_gates does not name needs no consent. Everything that asks, asks
-- here, and app roles cannot: nobody may read another's consent.
CREATE OR REPLACE FUNCTION has_consent(member uuid, category text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT NOT community_core.consent_gated(has_consent.category)
        OR EXISTS (SELECT FROM @schema@.consent_preferences c
                   WHERE c.user_id = has_consent.member
                     AND c.category = has_consent.category AND c.enabled);
$$;
COMMENT ON FUNCTION has_consent(uuid, text) IS
    'Whether what needs consent of this category may happen to the member: they gave it, or the setting community_core.consent_gates does not ask for it. NULL category: NULL. Stable. For triggers and the service role. Example: SELECT has_consent(id, ''messaging'') FROM auth.users';
GRANT EXECUTE ON FUNCTION has_consent(uuid, text) TO service_role;

CREATE OR REPLACE FUNCTION members_with_consent(category text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.user_id FROM @schema@.consent_preferences c
    WHERE c.category = members_with_consent.category AND c.enabled
      AND community_core.consent_gated(members_with_consent.category)
    UNION ALL
    SELECT u.id FROM auth.users u
    WHERE NOT community_core.consent_gated(members_with_consent.category);
$$;
COMMENT ON FUNCTION members_with_consent(text) IS
    'Everybody of whom has_consent(member, category) is true. Stable. For helpers of policies and the service role. Example: SELECT count(*) FROM members_with_consent(''directory'')';
GRANT EXECUTE ON FUNCTION members_with_consent(text) TO service_role;

-- A role of the application without a person in its claims is nobody. The setting is asked, because
-- in a SECURITY DEFINER function current_user is the owner: what SET ROLE made of the session stays.
CREATE OR REPLACE FUNCTION caller_is_known() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT auth.uid() IS NOT NULL
        OR pg_catalog.pg_has_role(caller.role, 'service_role', 'USAGE')
        OR pg_catalog.pg_has_role(caller.role, owner.role, 'USAGE')
    FROM (SELECT coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user)::name)
         AS caller (role),
         (SELECT c.relowner FROM pg_catalog.pg_class c
          WHERE c.oid = '@schema@.consent_preferences'::pg_catalog.regclass) AS owner (role);
$$;
COMMENT ON FUNCTION caller_is_known() IS
    'Whether who asks is a signed-in person, the service or the owner. Stable. For helpers that every signed-in user may call.';

-- PostgREST passes the request's headers as JSON in a setting, which any client of SQL can set to
-- anything. A log entry must not fail for that, hence OTHERS.
CREATE OR REPLACE FUNCTION request_header(VARIADIC names text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    headers jsonb;
BEGIN
    headers := pg_catalog.current_setting('request.headers', true)::jsonb;
    RETURN (SELECT nullif(pg_catalog.left(headers ->> name, 500), '')
            FROM pg_catalog.unnest(names) WITH ORDINALITY AS n (name, place)
            WHERE headers ->> name <> '' ORDER BY place LIMIT 1);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION request_header(text[]) IS
    'The first of the named request headers that has a value, at most 500 characters; NULL where there is none or the setting request.headers is malformed. Stable. Example: SELECT request_header(''user-agent'')';

CREATE OR REPLACE FUNCTION log_consent_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ip    text := pg_catalog.btrim(pg_catalog.split_part(
                      @schema@.request_header('x-forwarded-for', 'x-real-ip'), ',', 1));
    agent text := @schema@.request_header('user-agent');
    moved boolean := TG_OP = 'UPDATE'
                     AND (OLD.user_id, OLD.category) IS DISTINCT FROM (NEW.user_id, NEW.category);
BEGIN
    -- A row that goes with its user needs no entry: the person is being erased from the log. A row
    -- that others removed is a consent taken away.
    IF (TG_OP = 'DELETE' OR moved) AND OLD.enabled
       AND EXISTS (SELECT FROM auth.users u WHERE u.id = OLD.user_id) THEN
        INSERT INTO @schema@.consent_audit_log
            (user_id, category, previous_value, new_value, ip_address, user_agent)
        VALUES (OLD.user_id, OLD.category, true, false, ip, agent);
    END IF;
    IF TG_OP = 'INSERT' OR moved THEN
        INSERT INTO @schema@.consent_audit_log
            (user_id, category, previous_value, new_value, ip_address, user_agent)
        VALUES (NEW.user_id, NEW.category, false, NEW.enabled, ip, agent);
    ELSIF TG_OP = 'UPDATE' AND OLD.enabled <> NEW.enabled THEN
        INSERT INTO @schema@.consent_audit_log
            (user_id, category, previous_value, new_value, ip_address, user_agent)
        VALUES (NEW.user_id, NEW.category, OLD.enabled, NEW.enabled, ip, agent);
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION log_consent_change() IS
    'Trigger: writes each change of consent to consent_audit_log; a new row counts from false, a deleted one to false.';
CREATE OR REPLACE TRIGGER consent_preferences_log_change
    AFTER INSERT OR UPDATE OR DELETE ON consent_preferences
    FOR EACH ROW EXECUTE FUNCTION log_consent_change();

CREATE OR REPLACE FUNCTION log_consent_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.consent_audit_log (user_id, category, previous_value, new_value)
    SELECT c.user_id, c.category, true, false FROM @schema@.consent_preferences c WHERE c.enabled;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION log_consent_truncate() IS
    'Trigger: TRUNCATE takes every consent away, and the log says so.';
CREATE OR REPLACE TRIGGER consent_preferences_log_truncate
    BEFORE TRUNCATE ON consent_preferences
    FOR EACH STATEMENT EXECUTE FUNCTION log_consent_truncate();

CREATE OR REPLACE FUNCTION erase_audit_subject() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM community_core.erase_audit_subject(OLD.id);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION erase_audit_subject() IS
    'Trigger on auth.users: with a user goes the person''s identity in the audit logs, whose chains still verify.';
CREATE OR REPLACE FUNCTION refuse_users_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of auth.users is not allowed'
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'DELETE the users: that also erases them from the audit logs.';
END;
$$;
COMMENT ON FUNCTION refuse_users_truncate() IS
    'Trigger on auth.users: TRUNCATE would leave everybody''s identity in the consent log (55000).';
CREATE OR REPLACE TRIGGER "@schema:raw@_refuse_truncate"
    BEFORE TRUNCATE ON auth.users
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_users_truncate();
CREATE OR REPLACE TRIGGER "@schema:raw@_erase_audit_subject"
    AFTER DELETE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION erase_audit_subject();
