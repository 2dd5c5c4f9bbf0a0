-- How the outbox is worked off: claims, attempts, back-off, the end, and doing it again.

CREATE OR REPLACE FUNCTION claim_webhook_deliveries(how_many int, at timestamptz DEFAULT now())
RETURNS TABLE (delivery_id uuid, attempt int, target_url text, event_type text, body text,
               signed_at bigint, signature text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    this_second CONSTANT bigint := pg_catalog.floor(EXTRACT(epoch FROM claim_webhook_deliveries.at));
BEGIN
    -- A worker died with the last attempt.
    UPDATE @schema@.webhook_deliveries d
    SET status = 'dead', last_error = coalesce(d.last_error, 'no worker came back with an answer')
    WHERE d.id IN (
        SELECT e.id FROM @schema@.webhook_deliveries e
        WHERE e.status IN ('pending', 'sending') AND e.available_at <= claim_webhook_deliveries.at
          AND e.attempts >= community_core.spaces_setting('webhook_attempts')
        FOR UPDATE SKIP LOCKED);
    RETURN QUERY
    WITH claimed AS (
        UPDATE @schema@.webhook_deliveries d
        SET status = 'sending', attempts = d.attempts + 1,
            available_at = claim_webhook_deliveries.at
                         + pg_catalog.make_interval(secs => community_core.spaces_setting('webhook_lease'))
        WHERE d.id IN (
            SELECT e.id FROM @schema@.webhook_deliveries e
            WHERE e.status IN ('pending', 'sending') AND e.available_at <= claim_webhook_deliveries.at
              AND e.attempts < community_core.spaces_setting('webhook_attempts')
              AND EXISTS (SELECT FROM @schema@.webhooks w WHERE w.id = e.webhook_id AND w.status = 'active')
            ORDER BY e.available_at, e.id LIMIT how_many FOR UPDATE SKIP LOCKED)
        RETURNING d.*)
    SELECT c.id, c.attempts, w.target_url, c.event_type, c.payload::text, this_second,
           community_core.webhook_signature(w.secret, this_second, c.payload::text)
    FROM claimed c JOIN @schema@.webhooks w ON w.id = c.webhook_id ORDER BY c.id;
END;
$$;
COMMENT ON FUNCTION claim_webhook_deliveries(int, timestamptz) IS
    'Gives a worker at most how_many deliveries that no other worker has: send body to target_url as it is, with delivery_id, signed_at (Unix seconds) and signature (community_core.webhook_signature over both) in headers. One that is not finished within setting community_core.spaces_webhook_lease (seconds) can be claimed again; after spaces_webhook_attempts it is dead. at: the time to go by. Volatile. Example: SELECT delivery_id, attempt FROM claim_webhook_deliveries(10)';
GRANT EXECUTE ON FUNCTION claim_webhook_deliveries(int, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION finish_webhook_delivery(
    delivery_id uuid, attempt int, response_code int DEFAULT NULL, failure text DEFAULT NULL,
    at timestamptz DEFAULT now())
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    delivered CONSTANT boolean := failure IS NULL AND response_code BETWEEN 200 AND 299;
    webhook   uuid;
BEGIN
    IF pg_catalog.num_nonnulls(response_code, failure) = 0 THEN
        RAISE EXCEPTION 'delivery % ends with a response_code or with a failure', delivery_id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give what the receiver answered, or why it did not.';
    END IF;
    -- The attempt is the claim: a worker taken for dead no longer holds it. The jitter spreads those that
    -- failed together.
    UPDATE @schema@.webhook_deliveries d
    SET status = CASE WHEN delivered THEN 'delivered'
                      WHEN d.attempts >= community_core.spaces_setting('webhook_attempts') THEN 'dead'
                      ELSE 'pending' END,
        response_code = finish_webhook_delivery.response_code, last_error = failure,
        sent_at = CASE WHEN delivered THEN finish_webhook_delivery.at END,
        available_at = finish_webhook_delivery.at + pg_catalog.make_interval(
            secs => community_core.spaces_setting('webhook_backoff') * pg_catalog.power(2, LEAST(d.attempts, 16) - 1)
                  * (0.5 + pg_catalog.random()))
    WHERE d.id = delivery_id AND d.status = 'sending' AND d.attempts = attempt
    RETURNING d.webhook_id INTO webhook;
    IF webhook IS NULL THEN
        RETURN false;
    END IF;
    UPDATE @schema@.webhooks w SET last_delivery_at = finish_webhook_delivery.at
    WHERE w.id = webhook AND delivered
      AND (w.last_delivery_at IS NULL OR w.last_delivery_at < finish_webhook_delivery.at);
    RETURN true;
END;
$$;
COMMENT ON FUNCTION finish_webhook_delivery(uuid, int, int, text, timestamptz) IS
    'Ends a claim: delivered with a response_code from 200 to 299; otherwise tried again after setting community_core.spaces_webhook_backoff seconds, doubled with each attempt, times 0.5 to 1.5 by chance, until it is dead. attempt: as claim_webhook_deliveries gave it; failure: why there was no answer. Returns false where the claim has ended or passed to another worker. Volatile. Errors: 22023 neither of the two, 23514 no such response_code. Example: SELECT finish_webhook_delivery(delivery_id, attempt, 204) FROM claim_webhook_deliveries(1)';
GRANT EXECUTE ON FUNCTION finish_webhook_delivery(uuid, int, int, text, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION replay_webhook_delivery(delivery_id uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    past  @schema@.webhook_deliveries;
    place uuid;
    again uuid;
BEGIN
    SELECT d.* INTO past FROM @schema@.webhook_deliveries d WHERE d.id = delivery_id;
    SELECT w.space_id INTO place FROM @schema@.webhooks w WHERE w.id = past.webhook_id;
    IF NOT FOUND OR NOT (@schema@.is_staff() OR coalesce(place IN (SELECT @schema@.owned_space_ids()), false)) THEN
        RAISE EXCEPTION 'there is no delivery % of yours', delivery_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Deliveries are replayed by owners of the webhook''s space.';
    END IF;
    IF past.payload IS NULL OR past.status IN ('pending', 'sending') THEN
        RAISE EXCEPTION 'delivery % cannot be replayed', delivery_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'It still waits to be delivered, or what it told was purged after 30 days.';
    END IF;
    INSERT INTO @schema@.webhook_deliveries AS d (webhook_id, event_type, payload)
    VALUES (past.webhook_id, past.event_type, past.payload) RETURNING d.id INTO again;
    RETURN again;
END;
$$;
COMMENT ON FUNCTION replay_webhook_delivery(uuid) IS
    'Puts what was delivered or is dead into the outbox once more, with the same event id in its payload, by which the receiver can tell. By owners of the space. Returns the new delivery. Volatile. Errors: 42501 not an owner or no such delivery, 55000 it still waits or its payload was purged. Example: SELECT replay_webhook_delivery(id) FROM webhook_deliveries WHERE status = ''dead''';
GRANT EXECUTE ON FUNCTION replay_webhook_delivery(uuid) TO authenticated, service_role;

-- What still waits after 30 days is not told any more.
SELECT community_core.create_retention_policy('webhook_deliveries', 'created_at', '30 days', 'anonymize',
    '{"payload": "NULL", "status": "CASE WHEN status = ''delivered'' THEN status ELSE ''dead'' END"}')
WHERE NOT community_core.has_retention_policy('webhook_deliveries', 'anonymize_created_at');
