-- Who takes part, keyed by phone; how a signed-in account is one of them; how a phone is verified.

CREATE TABLE users (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    phone_e164      text        NOT NULL,
    phone_hash      text        NOT NULL,
    first_name      text        NOT NULL,
    last_name       text        NOT NULL,
    birthday        date        NOT NULL,
    email           text,
    state           user_state  NOT NULL DEFAULT 'unverified',
    sms_consent     boolean     NOT NULL,
    age_consent     boolean     NOT NULL,
    terms_consent   boolean     NOT NULL,
    privacy_consent boolean     NOT NULL,
    region_id       uuid,
    suspended_at    timestamptz,
    deleted_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_phone_hash_uniq UNIQUE (phone_hash),
    CONSTRAINT users_phone_e164_uniq UNIQUE (phone_e164),
    CONSTRAINT users_phone_e164_check CHECK (
        phone_e164 ~ '^\+[1-9][0-9]{6,14}$' OR (deleted_at IS NOT NULL AND phone_e164 = 'deleted:' || id)),
    CONSTRAINT users_phone_hash_check CHECK (phone_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT users_names_check CHECK (btrim(first_name) <> '' AND btrim(last_name) <> ''),
    -- Consent can be withdrawn later on; whoever becomes verified has given it.
    CONSTRAINT users_verified_check CHECK (
        state <> 'verified' OR (sms_consent AND age_consent AND terms_consent AND privacy_consent)),
    CONSTRAINT users_suspended_at_check CHECK ((state = 'suspended') <= (suspended_at IS NOT NULL)),
    CONSTRAINT users_deleted_at_check CHECK ((state = 'deleted') = (deleted_at IS NOT NULL))
);
COMMENT ON TABLE users IS 'The core record of a person, keyed by phone. Soft-deleted by delete_user(id).';
COMMENT ON COLUMN users.phone_hash IS 'phone_hash(e164, pepper): a stable key for logs and safety work. The pepper is in no table.';
COMMENT ON COLUMN users.email IS 'Compared without regard to case wherever it is compared.';
CREATE INDEX users_region_idx ON users (region_id);
CREATE INDEX users_state_idx ON users (state);

CREATE OR REPLACE FUNCTION phone_hash(e164 text, pepper text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF e164 !~ '^\+[1-9][0-9]{6,14}$' THEN
        RAISE EXCEPTION '"%" is not a phone number in E.164 form', e164
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Write it as +14155550100.';
    ELSIF pepper = '' THEN
        RAISE EXCEPTION 'the pepper is empty' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the application''s secret; without one the hash of a phone number is easily guessed.';
    END IF;
    RETURN pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(e164 || pepper, 'UTF8')), 'hex');
END;
$$;
COMMENT ON FUNCTION phone_hash(text, text) IS
    'sha256(e164 || pepper) in hex. e164: +14155550100; pepper: the application''s secret, stored nowhere. NULL gives NULL. Immutable. Errors: 22023 not E.164, or an empty pepper. Example: SELECT phone_hash(''+14155550100'', ''secret'')';
GRANT EXECUTE ON FUNCTION phone_hash(text, text) TO service_role;

CREATE OR REPLACE FUNCTION keep_user_lifecycle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.state = 'verified' AND OLD.state <> 'verified'
       AND NEW.birthday > pg_catalog.timezone('UTC', now())::date
           - pg_catalog.make_interval(years => community_core.linkup_setting('minimum_age')) THEN
        RAISE EXCEPTION 'user % is not % years old', NEW.id, community_core.linkup_setting('minimum_age')
            USING ERRCODE = 'check_violation', HINT = 'Only adults are verified (setting community_core.linkup_minimum_age).';
    END IF;
    IF NEW.state = 'suspended' AND OLD.state <> 'suspended' THEN
        NEW.suspended_at := now();
    ELSIF NEW.state NOT IN ('suspended', 'deleted') THEN
        NEW.suspended_at := NULL;
    END IF;
    IF NEW.state = 'deleted' AND OLD.state <> 'deleted' THEN
        NEW.deleted_at := now();
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_user_lifecycle() IS
    'Trigger: only adults become verified (23514); suspended_at and deleted_at follow the state.';
CREATE OR REPLACE TRIGGER users_keep_lifecycle BEFORE UPDATE OF state ON users
    FOR EACH ROW EXECUTE FUNCTION keep_user_lifecycle();
CREATE OR REPLACE TRIGGER users_keep_state BEFORE INSERT OR UPDATE OF state ON users
    FOR EACH ROW EXECUTE FUNCTION keep_state();
CREATE OR REPLACE TRIGGER users_record_creation AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION record_move();
CREATE OR REPLACE TRIGGER users_record_move AFTER UPDATE OF state ON users
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_move();

CREATE TABLE auth_user_map (
    auth_user_id uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT auth_user_map_pkey PRIMARY KEY (auth_user_id),
    CONSTRAINT auth_user_map_user_id_key UNIQUE (user_id),
    CONSTRAINT auth_user_map_auth_user_id_fkey
        FOREIGN KEY (auth_user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT auth_user_map_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE auth_user_map IS 'Which signed-in account is which user. Written by the service alone.';
CREATE POLICY auth_user_map_select_own ON auth_user_map
    FOR SELECT TO authenticated USING (auth_user_id = (SELECT auth.uid()));

CREATE OR REPLACE FUNCTION current_user_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.user_id FROM @schema@.auth_user_map m JOIN @schema@.users u ON u.id = m.user_id
    WHERE m.auth_user_id = auth.uid() AND u.deleted_at IS NULL
$$;
COMMENT ON FUNCTION current_user_id() IS
    'The user who is signed in, through auth_user_map; NULL for nobody, and for a deleted user. Stable. Example: SELECT current_user_id()';
GRANT EXECUTE ON FUNCTION current_user_id() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION require_self(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT @schema@.is_service() AND user_id IS DISTINCT FROM @schema@.current_user_id() THEN
        RAISE EXCEPTION 'user % is not who is signed in', user_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Act as that user, or as service_role.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_self(uuid) IS 'Raises 42501 unless the session is that user''s own or the service''s. Stable.';

CREATE POLICY users_select_own ON users
    FOR SELECT TO authenticated USING (id = (SELECT @schema@.current_user_id()));
CREATE POLICY users_update_own ON users
    FOR UPDATE TO authenticated
    USING (id = (SELECT @schema@.current_user_id())) WITH CHECK (id = (SELECT @schema@.current_user_id()));
-- Not the phone, the birthday, the state or the consents: they are what verification rests on.
GRANT UPDATE (first_name, last_name, email) ON users TO authenticated;

CREATE TABLE otp_sessions (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL,
    otp_hash    text        NOT NULL,
    expires_at  timestamptz NOT NULL,
    verified_at timestamptz,
    attempts    int         NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT otp_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT otp_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT otp_sessions_otp_hash_check CHECK (otp_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT otp_sessions_attempts_check CHECK (attempts >= 0)
);
COMMENT ON TABLE otp_sessions IS 'One-time codes sent to a phone, as hashes: at most one per user is open.';
CREATE UNIQUE INDEX otp_one_active_per_user ON otp_sessions (user_id) WHERE verified_at IS NULL;
CREATE INDEX otp_sessions_user_idx ON otp_sessions (user_id);
CREATE INDEX otp_sessions_expires_idx ON otp_sessions (expires_at);

CREATE OR REPLACE FUNCTION start_otp(user_id uuid, otp_hash text, expires_at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    session uuid;
BEGIN
    INSERT INTO @schema@.otp_sessions AS o (user_id, otp_hash, expires_at)
    SELECT u.id, start_otp.otp_hash, start_otp.expires_at FROM @schema@.users u
    WHERE u.id = start_otp.user_id AND u.deleted_at IS NULL
    ON CONFLICT (user_id) WHERE verified_at IS NULL DO UPDATE
    SET otp_hash = excluded.otp_hash, expires_at = excluded.expires_at, attempts = 0
    RETURNING o.id INTO session;
    IF session IS NULL THEN
        RAISE EXCEPTION 'there is no user %', start_otp.user_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'Give the id of a user who is not deleted.';
    END IF;
    RETURN session;
END;
$$;
COMMENT ON FUNCTION start_otp(uuid, text, timestamptz) IS
    'Opens a user''s one-time code, in place of one that is open. otp_hash: 64 hex digits, never the code. Returns the session''s id. Volatile. Errors: 23503 no such user, or a deleted one; 23514 not a hash. Example: SELECT start_otp(id, encode(sha256(''123456''), ''hex''), now() + ''10 minutes'') FROM users LIMIT 1';
GRANT EXECUTE ON FUNCTION start_otp(uuid, text, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION verify_otp(user_id uuid, otp_hash text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    session    uuid;
    right_code boolean;
BEGIN
    -- One statement counts and decides, so that guesses made side by side are all counted.
    UPDATE @schema@.otp_sessions o
    SET attempts = o.attempts + 1,
        verified_at = CASE WHEN o.otp_hash = verify_otp.otp_hash THEN now() END
    FROM @schema@.users u
    WHERE o.user_id = verify_otp.user_id AND o.verified_at IS NULL AND o.expires_at > now()
      AND o.attempts < community_core.linkup_setting('otp_attempts')
      AND u.id = o.user_id AND u.deleted_at IS NULL
    RETURNING o.id, o.verified_at IS NOT NULL INTO session, right_code;
    IF right_code THEN
        BEGIN
            UPDATE @schema@.users u SET state = 'verified'
            WHERE u.id = verify_otp.user_id AND u.state = 'unverified';
        EXCEPTION WHEN check_violation THEN
            -- An error would take the counted attempt back. The rules themselves stay with the table.
            UPDATE @schema@.otp_sessions o SET verified_at = NULL WHERE o.id = session;
            right_code := false;
        END;
    END IF;
    RETURN coalesce(right_code, false);
END;
$$;
COMMENT ON FUNCTION verify_otp(uuid, text) IS
    'Whether this is the user''s open code; if so it is used up and an unverified user becomes verified. Wrong, expired, used, too many attempts (setting community_core.linkup_otp_attempts), a user who lacks consent or age, deleted and unknown users all answer false, and what was tried counts. Volatile. Example: SELECT verify_otp(id, encode(sha256(''123456''), ''hex'')) FROM users LIMIT 1';
GRANT EXECUTE ON FUNCTION verify_otp(uuid, text) TO service_role;
