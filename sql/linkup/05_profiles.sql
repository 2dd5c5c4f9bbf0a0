-- What the interview and the meetings teach about a person, and the events that taught it.

CREATE TABLE profiles (
    id                  uuid          NOT NULL DEFAULT gen_random_uuid(),
    user_id             uuid          NOT NULL,
    state               profile_state NOT NULL DEFAULT 'empty',
    fingerprint         jsonb         NOT NULL DEFAULT '{}',
    activity_patterns   jsonb         NOT NULL DEFAULT '[]',
    boundaries          jsonb         NOT NULL DEFAULT '{}',
    preferences         jsonb         NOT NULL DEFAULT '{}',
    active_intent       jsonb,
    last_interview_step text,
    completed_at        timestamptz,
    stale_at            timestamptz,
    created_at          timestamptz   NOT NULL DEFAULT now(),
    updated_at          timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_user_uniq UNIQUE (user_id),
    CONSTRAINT profiles_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE profiles IS 'The Friend Fingerprint, activity patterns and boundaries of one user.';
COMMENT ON COLUMN profiles.fingerprint IS 'Twelve factors at most, each with range_value and confidence from 0 to 1; see valid_fingerprint.';
COMMENT ON COLUMN profiles.activity_patterns IS 'What the person likes to do, when and why; see valid_activity_patterns.';
COMMENT ON COLUMN profiles.boundaries IS 'What the person does not want; see valid_boundaries.';
CREATE INDEX profiles_state_idx ON profiles (state);
CREATE INDEX profiles_user_idx ON profiles (user_id);

CREATE POLICY profiles_select_own ON profiles
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY profiles_insert_own ON profiles
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY profiles_update_own ON profiles
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT @schema@.current_user_id()))
    WITH CHECK (user_id = (SELECT @schema@.current_user_id()));
-- The fingerprint and the state come from the interview, not from the person.
GRANT INSERT (user_id, activity_patterns, boundaries, preferences, active_intent),
      UPDATE (user_id, activity_patterns, boundaries, preferences, active_intent) ON profiles TO authenticated;

CREATE OR REPLACE FUNCTION valid_fingerprint(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT community_core.linkup_document_fault('fingerprint', document::text) IS NULL $$;
COMMENT ON FUNCTION valid_fingerprint(jsonb) IS
    'Whether this is a Friend Fingerprint: named factors, ranges from 0 to 1, no unknown keys. NULL and JSON null are none. Immutable. community_core.linkup_document_fault says what is wrong. Example: SELECT valid_fingerprint(''{"social_pace": {"range_value": 0.4, "confidence": 0.55}}'')';
CREATE OR REPLACE FUNCTION valid_activity_patterns(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT community_core.linkup_document_fault('activity_patterns', document::text) IS NULL $$;
COMMENT ON FUNCTION valid_activity_patterns(jsonb) IS
    'Whether this is a list of activity patterns. Immutable. Example: SELECT valid_activity_patterns(''[{"activity_key": "coffee", "confidence": 0.7}]'')';
CREATE OR REPLACE FUNCTION valid_boundaries(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT community_core.linkup_document_fault('boundaries', document::text) IS NULL $$;
COMMENT ON FUNCTION valid_boundaries(jsonb) IS
    'Whether this is an object of boundaries. Immutable. Example: SELECT valid_boundaries(''{"no_thanks": ["bars"], "hard_constraints": {"smoking": false}}'')';
CREATE OR REPLACE FUNCTION valid_brief(document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT community_core.linkup_document_fault('brief', document::text) IS NULL $$;
COMMENT ON FUNCTION valid_brief(jsonb) IS
    'Whether this is the brief of a LinkUp. Immutable. Example: SELECT valid_brief(''{"activity_key": "coffee", "time_window": "SAT_MORNING"}'')';
GRANT EXECUTE ON FUNCTION valid_fingerprint(jsonb), valid_activity_patterns(jsonb), valid_boundaries(jsonb),
    valid_brief(jsonb) TO anon, authenticated, service_role;

-- A CHECK that calls the extension would be dropped with it.
CREATE OR REPLACE FUNCTION check_document() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    row_now CONSTANT jsonb := pg_catalog.to_jsonb(NEW);
    row_old CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN pg_catalog.to_jsonb(OLD) END;
    kind    text;
    fault   text;
BEGIN
    FOREACH kind IN ARRAY TG_ARGV LOOP
        CONTINUE WHEN row_old -> kind = row_now -> kind;
        fault := community_core.linkup_document_fault(kind, (row_now -> kind)::text);
        IF fault IS NOT NULL THEN
            RAISE EXCEPTION '% of % is malformed at %', kind, TG_TABLE_NAME, fault
                USING ERRCODE = 'check_violation', HINT = pg_catalog.format('valid_%s(jsonb) and docs/linkup.md say what it looks like.', kind);
        END IF;
    END LOOP;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_document() IS
    'Trigger whose arguments name columns: each has the shape of its name, else 23514 with the path of the fault.';
CREATE OR REPLACE TRIGGER profiles_check_documents
    BEFORE INSERT OR UPDATE OF fingerprint, activity_patterns, boundaries ON profiles
    FOR EACH ROW EXECUTE FUNCTION check_document('fingerprint', 'activity_patterns', 'boundaries');
CREATE OR REPLACE TRIGGER profiles_keep_state BEFORE INSERT OR UPDATE OF state ON profiles
    FOR EACH ROW EXECUTE FUNCTION keep_state();
CREATE OR REPLACE TRIGGER profiles_record_creation AFTER INSERT ON profiles
    FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER profiles_record_move AFTER UPDATE OF state ON profiles
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();

CREATE OR REPLACE FUNCTION stamp_profile_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state IN ('complete_mvp', 'complete_full') THEN
        NEW.completed_at := coalesce(NEW.completed_at, now());
        NEW.stale_at := NULL;
    ELSIF NEW.state = 'stale' THEN
        NEW.stale_at := now();
    ELSIF NEW.state = 'empty' THEN
        NEW.completed_at := NULL;
        NEW.stale_at := NULL;
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION stamp_profile_state() IS 'Trigger: completed_at and stale_at follow the state.';
CREATE OR REPLACE TRIGGER profiles_stamp_state BEFORE UPDATE OF state ON profiles
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION stamp_profile_state();

CREATE TABLE profile_events (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id         uuid        NOT NULL,
    event_type      text        NOT NULL,
    source          text        NOT NULL,
    payload         jsonb       NOT NULL,
    idempotency_key text        NOT NULL,
    correlation_id  uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT profile_events_pkey PRIMARY KEY (id),
    CONSTRAINT profile_events_idem_uniq UNIQUE (idempotency_key),
    CONSTRAINT profile_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE profile_events IS 'Every change of a profile, for audit and learning; written by the database, and by interviews with keys of their own.';
COMMENT ON COLUMN profile_events.payload IS 'Each changed column with what it was and what it is.';
CREATE INDEX profile_events_user_idx ON profile_events (user_id);
CREATE INDEX profile_events_type_idx ON profile_events (event_type);
CREATE POLICY profile_events_select_own ON profile_events
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));

CREATE OR REPLACE FUNCTION record_profile_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old_row CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN pg_catalog.to_jsonb(OLD) ELSE '{}' END;
    changes jsonb;
BEGIN
    SELECT pg_catalog.jsonb_object_agg(c.key, pg_catalog.jsonb_build_object('from', old_row -> c.key, 'to', c.value))
    INTO changes
    FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb(NEW)) c
    WHERE c.key NOT IN ('id', 'user_id', 'created_at', 'updated_at')
      AND c.value IS DISTINCT FROM coalesce(old_row -> c.key, 'null');
    -- What changes nothing is no event.
    IF changes IS NOT NULL THEN
        INSERT INTO @schema@.profile_events (user_id, event_type, source, payload, idempotency_key, correlation_id)
        SELECT NEW.user_id, CASE TG_OP WHEN 'INSERT' THEN 'profile_created' ELSE 'profile_updated' END,
               coalesce(auth.role(), session_user), changes,
               pg_catalog.format('profiles:%s:%s:%s', NEW.id, pg_catalog.pg_current_xact_id(),
                   (SELECT pg_catalog.count(*) FROM @schema@.profile_events e WHERE e.user_id = NEW.user_id)),
               @schema@.request_correlation_id();
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_profile_change() IS
    'Trigger: writes what changed in a profile to profile_events; nothing where nothing changed.';
CREATE OR REPLACE TRIGGER profiles_record_change AFTER INSERT OR UPDATE ON profiles
    FOR EACH ROW EXECUTE FUNCTION record_profile_change();
