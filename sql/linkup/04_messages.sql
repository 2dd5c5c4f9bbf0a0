-- Text messages in and out: each once, bodies encrypted, sent by workers that may die.

CREATE TABLE conversation_sessions (
    id                       uuid              NOT NULL DEFAULT gen_random_uuid(),
    user_id                  uuid              NOT NULL,
    mode                     conversation_mode NOT NULL DEFAULT 'idle',
    state_token              text              NOT NULL DEFAULT 'idle',
    expires_at               timestamptz,
    last_inbound_message_sid text,
    created_at               timestamptz       NOT NULL DEFAULT now(),
    updated_at               timestamptz       NOT NULL DEFAULT now(),
    CONSTRAINT conversation_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT conversation_one_per_user UNIQUE (user_id),
    CONSTRAINT conversation_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
COMMENT ON TABLE conversation_sessions IS 'Where a user''s conversation stands: what the next inbound message answers.';
CREATE INDEX conversation_sessions_mode_idx ON conversation_sessions (mode);
CREATE POLICY conversation_sessions_select_own ON conversation_sessions
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));

CREATE TABLE sms_messages (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id            uuid,
    direction          text        NOT NULL,
    from_e164          text        NOT NULL,
    to_e164            text        NOT NULL,
    twilio_message_sid text        NOT NULL,
    body_ciphertext    bytea,
    body_iv            bytea,
    body_tag           bytea,
    key_version        int         NOT NULL DEFAULT 1,
    media_count        int         NOT NULL DEFAULT 0,
    status             text,
    last_status_at     timestamptz,
    correlation_id     uuid,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sms_messages_pkey PRIMARY KEY (id),
    CONSTRAINT sms_messages_twilio_sid_uniq UNIQUE (twilio_message_sid),
    CONSTRAINT sms_messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT sms_messages_direction_check CHECK (direction IN ('in', 'out')),
    CONSTRAINT sms_messages_body_check CHECK (num_nulls(body_ciphertext, body_iv, body_tag) IN (0, 3)),
    CONSTRAINT sms_messages_media_count_check CHECK (media_count >= 0)
);
COMMENT ON TABLE sms_messages IS
    'Every text message, once per MessageSid. Bodies are ciphertext under key_version and leave after the retention window; the rest stays.';
CREATE INDEX sms_messages_user_idx ON sms_messages (user_id);
CREATE INDEX sms_messages_created_idx ON sms_messages (created_at);
CREATE INDEX sms_messages_direction_idx ON sms_messages (direction);
CREATE POLICY sms_messages_select_own ON sms_messages
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));

CREATE TABLE sms_outbound_jobs (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id            uuid,
    to_e164            text        NOT NULL,
    body_ciphertext    bytea,
    body_iv            bytea,
    body_tag           bytea,
    key_version        int         NOT NULL DEFAULT 1,
    purpose            text        NOT NULL,
    status             text        NOT NULL DEFAULT 'pending',
    twilio_message_sid text,
    attempts           int         NOT NULL DEFAULT 0,
    available_at       timestamptz NOT NULL DEFAULT now(),
    last_error         text,
    correlation_id     uuid,
    idempotency_key    text        NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sms_outbound_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT sms_outbound_idem_uniq UNIQUE (idempotency_key),
    CONSTRAINT sms_outbound_jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT sms_outbound_jobs_status_check CHECK (status IN ('pending', 'sent', 'failed')),
    CONSTRAINT sms_outbound_jobs_body_check CHECK (num_nulls(body_ciphertext, body_iv, body_tag) IN (0, 3)),
    CONSTRAINT sms_outbound_jobs_attempts_check CHECK (attempts >= 0)
);
COMMENT ON TABLE sms_outbound_jobs IS 'Messages to be sent: once per idempotency key, by enqueue_sms, claim_sms_jobs, finish_sms_job.';
COMMENT ON COLUMN sms_outbound_jobs.available_at IS
    'When a worker may claim the job: after the back-off, or when the worker that has it is taken for dead.';
CREATE INDEX sms_outbound_jobs_status_idx ON sms_outbound_jobs (status);
CREATE INDEX sms_outbound_jobs_user_idx ON sms_outbound_jobs (user_id);
CREATE INDEX sms_outbound_jobs_available_idx ON sms_outbound_jobs (available_at) WHERE status = 'pending';
CREATE INDEX sms_outbound_jobs_created_idx ON sms_outbound_jobs (created_at);

CREATE TABLE message_events (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id        uuid,
    event_type     text        NOT NULL,
    payload        jsonb       NOT NULL,
    correlation_id uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT message_events_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE message_events IS 'Normalized events of messaging, for debugging. No foreign key: an event outlives its user.';
CREATE INDEX message_events_user_idx ON message_events (user_id);
CREATE INDEX message_events_type_idx ON message_events (event_type);
CREATE INDEX message_events_created_idx ON message_events (created_at);

CREATE OR REPLACE FUNCTION ingest_sms(
    message_sid text, from_e164 text, to_e164 text,
    body_ciphertext bytea, body_iv bytea, body_tag bytea,
    key_version int DEFAULT 1, media_count int DEFAULT 0, correlation_id uuid DEFAULT NULL)
RETURNS sms_messages
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    message @schema@.sms_messages;
BEGIN
    INSERT INTO @schema@.sms_messages AS m
        (user_id, direction, from_e164, to_e164, twilio_message_sid, body_ciphertext, body_iv, body_tag,
         key_version, media_count, correlation_id, status, last_status_at)
    SELECT (SELECT u.id FROM @schema@.users u WHERE u.phone_e164 = ingest_sms.from_e164), 'in',
           ingest_sms.from_e164, ingest_sms.to_e164, ingest_sms.message_sid, ingest_sms.body_ciphertext,
           ingest_sms.body_iv, ingest_sms.body_tag, ingest_sms.key_version, ingest_sms.media_count,
           coalesce(ingest_sms.correlation_id, @schema@.request_correlation_id()), 'received', now()
    ON CONFLICT (twilio_message_sid) DO NOTHING RETURNING m.* INTO message;
    IF FOUND THEN
        UPDATE @schema@.conversation_sessions c SET last_inbound_message_sid = ingest_sms.message_sid
        WHERE c.user_id = message.user_id;
        RETURN message;
    END IF;
    SELECT m.* INTO message FROM @schema@.sms_messages m WHERE m.twilio_message_sid = ingest_sms.message_sid;
    -- A body that has left cannot be compared any more.
    IF message.direction <> 'in' OR (message.body_ciphertext IS NOT NULL
       AND (message.from_e164, message.to_e164, message.body_ciphertext, message.body_iv, message.body_tag)
           IS DISTINCT FROM (ingest_sms.from_e164, ingest_sms.to_e164, ingest_sms.body_ciphertext,
                             ingest_sms.body_iv, ingest_sms.body_tag)) THEN
        RAISE EXCEPTION 'message % is there already with another content', ingest_sms.message_sid
            USING ERRCODE = 'unique_violation',
                  HINT = 'A retry brings the same bytes: derive the initialization vector from the MessageSid.';
    END IF;
    RETURN message;
END;
$$;
COMMENT ON FUNCTION ingest_sms(text, text, text, bytea, bytea, bytea, int, int, uuid) IS
    'Stores an inbound message once per MessageSid and returns its row, on a retry the same one. Finds the user by from_e164; body_*: ciphertext, initialization vector, tag, or all NULL. Volatile. Errors: 23505 that MessageSid came with another content. Example: SELECT id FROM ingest_sms(''SM1'', ''+14155550100'', ''+14155550199'', ''\x01'', ''\x02'', ''\x03'')';
GRANT EXECUTE ON FUNCTION ingest_sms(text, text, text, bytea, bytea, bytea, int, int, uuid) TO service_role;

CREATE OR REPLACE FUNCTION enqueue_sms(
    idempotency_key text, user_id uuid, to_e164 text, purpose text,
    body_ciphertext bytea, body_iv bytea, body_tag bytea,
    key_version int DEFAULT 1, correlation_id uuid DEFAULT NULL)
RETURNS sms_outbound_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job @schema@.sms_outbound_jobs;
BEGIN
    INSERT INTO @schema@.sms_outbound_jobs AS j
        (idempotency_key, user_id, to_e164, purpose, body_ciphertext, body_iv, body_tag, key_version, correlation_id)
    VALUES (enqueue_sms.idempotency_key, enqueue_sms.user_id, enqueue_sms.to_e164, enqueue_sms.purpose,
            enqueue_sms.body_ciphertext, enqueue_sms.body_iv, enqueue_sms.body_tag, enqueue_sms.key_version,
            coalesce(enqueue_sms.correlation_id, @schema@.request_correlation_id()))
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING j.* INTO job;
    IF FOUND THEN
        RETURN job;
    END IF;
    SELECT j.* INTO job FROM @schema@.sms_outbound_jobs j WHERE j.idempotency_key = enqueue_sms.idempotency_key;
    IF job.body_ciphertext IS NOT NULL
       AND (job.to_e164, job.purpose, job.body_ciphertext, job.body_iv, job.body_tag)
           IS DISTINCT FROM (enqueue_sms.to_e164, enqueue_sms.purpose, enqueue_sms.body_ciphertext,
                             enqueue_sms.body_iv, enqueue_sms.body_tag) THEN
        RAISE EXCEPTION 'job % is there already with another content', enqueue_sms.idempotency_key
            USING ERRCODE = 'unique_violation',
                  HINT = 'A retry brings the same bytes: derive the initialization vector from the idempotency key.';
    END IF;
    RETURN job;
END;
$$;
COMMENT ON FUNCTION enqueue_sms(text, uuid, text, text, bytea, bytea, bytea, int, uuid) IS
    'Queues a message once per idempotency key and returns its job, on a retry the same one. Volatile. Errors: 23503 no such user, 23505 that key came with another content. Example: SELECT id FROM enqueue_sms(''invite:7'', NULL, ''+14155550100'', ''invite'', ''\x01'', ''\x02'', ''\x03'')';
GRANT EXECUTE ON FUNCTION enqueue_sms(text, uuid, text, text, bytea, bytea, bytea, int, uuid) TO service_role;

CREATE OR REPLACE FUNCTION claim_sms_jobs(how_many int, at timestamptz DEFAULT now())
RETURNS SETOF sms_outbound_jobs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A worker died with the last attempt.
    UPDATE @schema@.sms_outbound_jobs j
    SET status = 'failed', last_error = coalesce(j.last_error, 'no worker came back with an answer')
    WHERE j.id IN (
        SELECT d.id FROM @schema@.sms_outbound_jobs d
        WHERE d.status = 'pending' AND d.available_at <= claim_sms_jobs.at
          AND d.attempts >= community_core.linkup_setting('sms_attempts')
        FOR UPDATE SKIP LOCKED);
    RETURN QUERY
    UPDATE @schema@.sms_outbound_jobs j
    SET attempts = j.attempts + 1,
        available_at = claim_sms_jobs.at
                     + pg_catalog.make_interval(secs => community_core.linkup_setting('sms_lease'))
    WHERE j.id IN (
        SELECT d.id FROM @schema@.sms_outbound_jobs d
        WHERE d.status = 'pending' AND d.available_at <= claim_sms_jobs.at
          AND d.attempts < community_core.linkup_setting('sms_attempts')
        ORDER BY d.available_at LIMIT how_many FOR UPDATE SKIP LOCKED)
    RETURNING j.*;
END;
$$;
COMMENT ON FUNCTION claim_sms_jobs(int, timestamptz) IS
    'Gives a worker at most how_many jobs that no other worker has. A job not finished within the setting community_core.linkup_sms_lease (seconds) can be claimed again; after community_core.linkup_sms_attempts it is failed. at: the time to go by. Volatile. Example: SELECT id, attempts FROM claim_sms_jobs(10)';
GRANT EXECUTE ON FUNCTION claim_sms_jobs(int, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION finish_sms_job(
    job_id uuid, attempt int, message_sid text DEFAULT NULL, failure text DEFAULT NULL,
    at timestamptz DEFAULT now())
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_catalog.num_nonnulls(message_sid, failure) <> 1 THEN
        RAISE EXCEPTION 'job % ends with a message_sid or with a failure', job_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give exactly one of the two.';
    END IF;
    -- The attempt is the claim: a worker taken for dead no longer holds it.
    UPDATE @schema@.sms_outbound_jobs j
    SET status = CASE WHEN failure IS NULL THEN 'sent'
                      WHEN j.attempts >= community_core.linkup_setting('sms_attempts') THEN 'failed'
                      ELSE 'pending' END,
        twilio_message_sid = message_sid, last_error = coalesce(failure, j.last_error),
        available_at = finish_sms_job.at + pg_catalog.make_interval(
            secs => community_core.linkup_setting('sms_backoff') * pg_catalog.power(2, LEAST(j.attempts, 16) - 1))
    WHERE j.id = job_id AND j.status = 'pending' AND j.attempts = attempt AND attempt > 0;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION finish_sms_job(uuid, int, text, text, timestamptz) IS
    'Ends a claim: sent with Twilio''s message_sid, or failed with the reason, to be tried again after setting community_core.linkup_sms_backoff seconds, doubled with each attempt. attempt: as claim_sms_jobs gave it. Returns false where the claim has passed to another worker. Volatile. Errors: 22023. Example: SELECT finish_sms_job(id, attempts, message_sid => ''SM2'') FROM claim_sms_jobs(1)';
GRANT EXECUTE ON FUNCTION finish_sms_job(uuid, int, text, text, timestamptz) TO service_role;
