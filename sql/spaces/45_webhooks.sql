-- What other systems are told: an outbox, written by the transaction in which it happened.

-- A name may still lead to an address inside, today or later: whoever sends looks at the address too.
CREATE OR REPLACE FUNCTION is_public_https(url text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    host    CONSTANT text := pg_catalog.lower(pg_catalog.substring(url,
        '^https://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:[/?][!-~]*)?$'));
    address inet;
BEGIN
    IF host IS NULL OR pg_catalog.length(url) > 2000 THEN
        RETURN false;
    ELSIF host LIKE '[%' THEN
        address := pg_catalog.btrim(host, '[]')::inet;
        RETURN address <<= '2000::/3' AND NOT address <<= '2001::/23' AND NOT address <<= '2002::/16';
    -- What ends in a number is read as an IPv4 address by those who send, in whatever way it is written.
    ELSIF host ~ '(^|\.)([0-9]+|0x[0-9a-f]*)\.?$' THEN
        IF host !~ '^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$' THEN
            RETURN false;
        END IF;
        address := host::inet;
        RETURN NOT address <<= ANY ('{0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16,
            172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.88.99.0/24, 192.168.0.0/16, 198.18.0.0/15,
            198.51.100.0/24, 203.0.113.0/24, 224.0.0.0/3}'::inet[]);
    END IF;
    RETURN host ~ '^[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?$' AND host !~ '\.(localhost|local|internal|localdomain|lan|home\.arpa)\.?$';
EXCEPTION WHEN invalid_text_representation THEN
    RETURN false;
END;
$$;
COMMENT ON FUNCTION is_public_https(text) IS
    'Whether a URL is https, without a user''s name in it, to a host that is no private or special address and no name of a private network. NULL gives false. Immutable. Example: SELECT is_public_https(''https://hooks.example.org/spaces'')';
GRANT EXECUTE ON FUNCTION is_public_https(text) TO authenticated, service_role;

CREATE TABLE webhooks (
    id               uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id         uuid,
    target_url       text        NOT NULL,
    event_types      text[]      NOT NULL DEFAULT '{*}',
    secret           text        NOT NULL,
    status           text        NOT NULL DEFAULT 'active',
    last_delivery_at timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (id),
    CONSTRAINT webhooks_space_id_target_url_key UNIQUE NULLS NOT DISTINCT (space_id, target_url),
    CONSTRAINT webhooks_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT webhooks_target_url_check CHECK (is_public_https(target_url)),
    CONSTRAINT webhooks_event_types_check CHECK (
        cardinality(event_types) BETWEEN 1 AND 100 AND array_position(event_types, NULL) IS NULL
        AND array_to_string(event_types, ' ') ~ '^(\*|[a-z_]+(\.[a-z_]+)*)( (\*|[a-z_]+(\.[a-z_]+)*))*$'),
    CONSTRAINT webhooks_secret_check CHECK (octet_length(secret) BETWEEN 32 AND 256),
    CONSTRAINT webhooks_status_check CHECK (status IN ('active', 'paused'))
);
COMMENT ON TABLE webhooks IS
    'Systems outside that are told of what happens in a space. Its owners manage them; the secret is written by them and read by nobody.';
COMMENT ON COLUMN webhooks.space_id IS 'NULL: a webhook of the site, which is told of everything.';
COMMENT ON COLUMN webhooks.event_types IS 'Which events it is told of, such as post.created; * is all.';
COMMENT ON COLUMN webhooks.secret IS
    'What signatures are made with, 32 to 256 bytes. No role but the owner of the table can read it.';
COMMENT ON COLUMN webhooks.status IS 'A paused webhook is told of nothing; what waits for it goes out once it is active again.';
CREATE INDEX webhooks_event_types_idx ON webhooks USING gin (event_types);

CREATE POLICY webhooks_select_owners ON webhooks
    FOR SELECT TO authenticated
    USING (space_id = ANY (ARRAY(SELECT owned_space_ids())) OR (space_id IS NULL AND (SELECT is_staff())));
CREATE POLICY webhooks_insert_owners ON webhooks
    FOR INSERT TO authenticated
    WITH CHECK (space_id = ANY (ARRAY(SELECT owned_space_ids())) OR (space_id IS NULL AND (SELECT is_staff())));
CREATE POLICY webhooks_update_owners ON webhooks
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT owned_space_ids())) OR (space_id IS NULL AND (SELECT is_staff())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT owned_space_ids())) OR (space_id IS NULL AND (SELECT is_staff())));
CREATE POLICY webhooks_delete_owners ON webhooks
    FOR DELETE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT owned_space_ids())) OR (space_id IS NULL AND (SELECT is_staff())));
-- Nobody reads the secret: claim_webhook_deliveries gives the worker the signatures.
GRANT SELECT (id, space_id, target_url, event_types, status, last_delivery_at, created_at, updated_at)
    ON webhooks TO authenticated, service_role;
GRANT INSERT (space_id, target_url, event_types, secret, status), UPDATE (target_url, event_types, secret, status)
    ON webhooks TO authenticated;
CREATE OR REPLACE TRIGGER webhooks_record_staff_action
    AFTER INSERT OR DELETE OR UPDATE OF space_id, target_url, event_types, secret, status ON webhooks
    FOR EACH ROW EXECUTE FUNCTION record_staff_action('webhook', 'secret');
CREATE OR REPLACE TRIGGER webhooks_record_truncate
    AFTER TRUNCATE ON webhooks FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('webhook');

CREATE TABLE webhook_deliveries (
    id            uuid        NOT NULL DEFAULT uuid_v7(),
    webhook_id    uuid        NOT NULL,
    event_type    text        NOT NULL,
    payload       jsonb,
    status        text        NOT NULL DEFAULT 'pending',
    attempts      int         NOT NULL DEFAULT 0,
    response_code int,
    last_error    text,
    available_at  timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'sending', 'delivered', 'dead')),
    CONSTRAINT webhook_deliveries_payload_check CHECK (status IN ('delivered', 'dead') OR payload IS NOT NULL),
    CONSTRAINT webhook_deliveries_attempts_check CHECK (attempts >= 0),
    CONSTRAINT webhook_deliveries_response_code_check CHECK (response_code BETWEEN 100 AND 599),
    CONSTRAINT webhook_deliveries_sent_check CHECK ((status = 'delivered') = (sent_at IS NOT NULL))
);
COMMENT ON TABLE webhook_deliveries IS
    'What is to be told, what was, and what came back. Written by emit_event in the transaction of the event; worked off by claim_webhook_deliveries and finish_webhook_delivery.';
COMMENT ON COLUMN webhook_deliveries.payload IS 'What is sent; purged after 30 days.';
COMMENT ON COLUMN webhook_deliveries.status IS 'sending: a worker has it; dead: given up after as many attempts as the setting spaces_webhook_attempts allows.';
COMMENT ON COLUMN webhook_deliveries.available_at IS
    'When it may be claimed: after the back-off, or when the worker that has it is taken for dead.';
CREATE INDEX webhook_deliveries_webhook_id_idx ON webhook_deliveries (webhook_id, id DESC);
CREATE INDEX webhook_deliveries_pending_idx ON webhook_deliveries (available_at) WHERE status IN ('pending', 'sending');
CREATE INDEX webhook_deliveries_payload_idx ON webhook_deliveries USING gin (payload);
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (created_at);
CREATE POLICY webhook_deliveries_select_owners ON webhook_deliveries
    FOR SELECT TO authenticated USING (webhook_id = ANY (ARRAY(SELECT w.id FROM webhooks w)));

CREATE OR REPLACE FUNCTION emit_event(space_id uuid, event_type text, payload jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
    body CONSTANT jsonb := pg_catalog.jsonb_build_object(
        'id', pg_catalog.gen_random_uuid(), 'type', emit_event.event_type, 'space_id', emit_event.space_id,
        'created_at', pg_catalog.now(), 'data', emit_event.payload);
BEGIN
    INSERT INTO @schema@.webhook_deliveries (webhook_id, event_type, payload)
    SELECT w.id, emit_event.event_type, body
    FROM @schema@.webhooks w
    WHERE w.status = 'active' AND (w.space_id IS NULL OR w.space_id = emit_event.space_id)
      AND w.event_types && ARRAY[emit_event.event_type, '*'];
END;
$$;
COMMENT ON FUNCTION emit_event(uuid, text, jsonb) IS
    'Puts an event into the outbox of each active webhook of the space, and of the site, that wants its type, in the transaction of the event. space_id: NULL where no space is concerned; payload: what happened, by ids. Volatile. For triggers and functions of the module. Example: SELECT emit_event(NULL, ''payout.paid'', ''{"payout_job_id": "…"}'')';
GRANT EXECUTE ON FUNCTION emit_event(uuid, text, jsonb) TO service_role;
