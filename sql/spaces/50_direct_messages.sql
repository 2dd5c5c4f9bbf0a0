-- Threads between two people: one for each pair, until one of them blocks the other.

CREATE TABLE direct_messages (
    id                   uuid        NOT NULL DEFAULT gen_random_uuid(),
    initiator_id         uuid        NOT NULL,
    recipient_id         uuid        NOT NULL,
    initiator_blocked_at timestamptz,
    recipient_blocked_at timestamptz,
    status               text        NOT NULL GENERATED ALWAYS AS (
        CASE WHEN num_nonnulls(initiator_blocked_at, recipient_blocked_at) > 0 THEN 'blocked' ELSE 'open' END) STORED,
    created_at           timestamptz NOT NULL DEFAULT now(),
    last_message_at      timestamptz,
    CONSTRAINT direct_messages_pkey PRIMARY KEY (id),
    CONSTRAINT direct_messages_initiator_id_fkey FOREIGN KEY (initiator_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT direct_messages_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES profiles (id) ON DELETE CASCADE
);
COMMENT ON TABLE direct_messages IS
    'A thread of direct messages, one for each two people whoever began it. Seen by the two; written by functions. Goes with either of them.';
COMMENT ON COLUMN direct_messages.initiator_id IS 'Who began it.';
COMMENT ON COLUMN direct_messages.initiator_blocked_at IS 'Since when the initiator takes no messages from the recipient. Nobody is shown who blocked.';
COMMENT ON COLUMN direct_messages.recipient_blocked_at IS 'Since when the recipient takes no messages from the initiator. Nobody is shown who blocked.';
COMMENT ON COLUMN direct_messages.status IS 'blocked while either blocks the other: then nobody writes in it.';
CREATE INDEX direct_messages_initiator_id_idx ON direct_messages (initiator_id, last_message_at);
CREATE INDEX direct_messages_recipient_id_idx ON direct_messages (recipient_id, last_message_at);
SELECT community_core.create_unordered_pair('@schema@.direct_messages', 'initiator_id', 'recipient_id');

CREATE POLICY direct_messages_select_party ON direct_messages
    FOR SELECT TO authenticated
    USING (initiator_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()));
GRANT SELECT (id, initiator_id, recipient_id, status, created_at, last_message_at) ON direct_messages TO authenticated;

CREATE OR REPLACE FUNCTION thread_with(other uuid) RETURNS direct_messages
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    thread @schema@.direct_messages;
BEGIN
    IF auth.uid() IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege', HINT = 'Sign in.';
    END IF;
    -- DO UPDATE, so that the thread that is there is locked and returned.
    INSERT INTO @schema@.direct_messages AS d (initiator_id, recipient_id) VALUES (auth.uid(), other)
    ON CONFLICT (LEAST(initiator_id, recipient_id), GREATEST(initiator_id, recipient_id))
    DO UPDATE SET created_at = d.created_at
    RETURNING d.* INTO thread;
    RETURN thread;
END;
$$;
COMMENT ON FUNCTION thread_with(uuid) IS
    'The thread of the caller and another person, locked until the end of the transaction; begun if there is none. Volatile. Errors: 23503 no such person, 23514 with oneself, 42501 not signed in. For the functions of messages.';

CREATE OR REPLACE FUNCTION block_direct_messages(other uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    thread CONSTANT @schema@.direct_messages := @schema@.thread_with(other);
BEGIN
    UPDATE @schema@.direct_messages d
    SET initiator_blocked_at = coalesce(d.initiator_blocked_at, CASE auth.uid() WHEN d.initiator_id THEN pg_catalog.now() END),
        recipient_blocked_at = coalesce(d.recipient_blocked_at, CASE auth.uid() WHEN d.recipient_id THEN pg_catalog.now() END)
    WHERE d.id = thread.id;
END;
$$;
COMMENT ON FUNCTION block_direct_messages(uuid) IS
    'The caller takes no messages from that person, and writes none to them, until unblock_direct_messages. Volatile. Errors: 23503 no such person, 23514 oneself, 42501 not signed in. Example: SELECT block_direct_messages(''00000000-0000-4000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION block_direct_messages(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION unblock_direct_messages(other uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.direct_messages d
    SET initiator_blocked_at = CASE WHEN d.initiator_id = auth.uid() THEN NULL ELSE d.initiator_blocked_at END,
        recipient_blocked_at = CASE WHEN d.recipient_id = auth.uid() THEN NULL ELSE d.recipient_blocked_at END
    WHERE (d.initiator_id = auth.uid() AND d.recipient_id = other AND d.initiator_blocked_at IS NOT NULL)
       OR (d.recipient_id = auth.uid() AND d.initiator_id = other AND d.recipient_blocked_at IS NOT NULL);
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION unblock_direct_messages(uuid) IS
    'Takes the caller''s block of that person back; the other''s block of the caller stays. Returns whether there was one. Volatile. Example: SELECT unblock_direct_messages(''00000000-0000-4000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION unblock_direct_messages(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION blocked_people() RETURNS TABLE (profile_id uuid, blocked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.recipient_id, d.initiator_blocked_at FROM @schema@.direct_messages d
    WHERE d.initiator_id = auth.uid() AND d.initiator_blocked_at IS NOT NULL
    UNION ALL
    SELECT d.initiator_id, d.recipient_blocked_at FROM @schema@.direct_messages d
    WHERE d.recipient_id = auth.uid() AND d.recipient_blocked_at IS NOT NULL;
$$;
COMMENT ON FUNCTION blocked_people() IS 'Whom the caller has blocked, and since when. Stable. Example: SELECT profile_id FROM blocked_people()';
GRANT EXECUTE ON FUNCTION blocked_people() TO authenticated;
