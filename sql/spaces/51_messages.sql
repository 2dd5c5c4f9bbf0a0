-- What is said in a thread. A message that its sender deletes stays for a year where only the service looks.

CREATE TABLE direct_message_messages (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    thread_id   uuid        NOT NULL,
    sender_id   uuid        NOT NULL,
    body        text        NOT NULL DEFAULT '',
    attachments jsonb       NOT NULL DEFAULT '[]',
    status      text        NOT NULL GENERATED ALWAYS AS (
        CASE WHEN deleted_at IS NULL THEN 'sent' ELSE 'deleted' END) STORED,
    created_at  timestamptz NOT NULL DEFAULT now(),
    read_at     timestamptz,
    deleted_at  timestamptz,
    CONSTRAINT direct_message_messages_pkey PRIMARY KEY (id),
    CONSTRAINT direct_message_messages_thread_id_fkey
        FOREIGN KEY (thread_id) REFERENCES direct_messages (id) ON DELETE CASCADE,
    CONSTRAINT direct_message_messages_sender_id_fkey
        FOREIGN KEY (sender_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT direct_message_messages_body_check CHECK (char_length(body) <= 10000),
    CONSTRAINT direct_message_messages_attachments_check CHECK (
        jsonb_typeof(attachments) = 'array' AND jsonb_array_length(attachments) <= 20),
    CONSTRAINT direct_message_messages_something_check CHECK (body ~ '@visible@' OR attachments <> '[]')
);
COMMENT ON TABLE direct_message_messages IS
    'Direct messages. Read by the two of the thread, until the sender deletes one: then by service_role alone, for 12 months.';
COMMENT ON COLUMN direct_message_messages.body IS 'At most 10,000 characters; blank only with an attachment.';
COMMENT ON COLUMN direct_message_messages.status IS 'sent, or deleted: a tombstone, which leaves 12 months after deleted_at.';
COMMENT ON COLUMN direct_message_messages.read_at IS 'When the recipient read it.';
CREATE INDEX direct_message_messages_thread_id_idx ON direct_message_messages (thread_id, id);
CREATE INDEX direct_message_messages_sender_id_idx ON direct_message_messages (sender_id);
CREATE INDEX direct_message_messages_unread_idx ON direct_message_messages (thread_id)
    WHERE read_at IS NULL AND deleted_at IS NULL;
CREATE INDEX direct_message_messages_deleted_at_idx ON direct_message_messages (deleted_at)
    WHERE deleted_at IS NOT NULL;

CREATE OR REPLACE FUNCTION silenced_senders() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.profile_id FROM @schema@.active_sanctions s
    WHERE s.type = 'shadow_ban' AND s.space_id IS NULL AND s.profile_id <> auth.uid();
$$;
COMMENT ON FUNCTION silenced_senders() IS
    'Whose direct messages reach nobody: the others who are shadow-banned on the whole site. Stable. Example: SELECT count(*) FROM silenced_senders()';
GRANT EXECUTE ON FUNCTION silenced_senders() TO authenticated;

CREATE POLICY direct_message_messages_select_party ON direct_message_messages
    FOR SELECT TO authenticated
    USING (deleted_at IS NULL AND thread_id = ANY (ARRAY(SELECT d.id FROM direct_messages d))
           AND (sender_id = (SELECT auth.uid()) OR sender_id <> ALL (ARRAY(SELECT silenced_senders()))));
GRANT SELECT (id, thread_id, sender_id, body, attachments, status, created_at, read_at)
    ON direct_message_messages TO authenticated;

CREATE OR REPLACE FUNCTION place_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    thread @schema@.direct_messages;
BEGIN
    -- Held, so that a block at this moment comes before or after.
    UPDATE @schema@.direct_messages d SET last_message_at = GREATEST(d.last_message_at, NEW.created_at)
    WHERE d.id = NEW.thread_id RETURNING d.* INTO thread;
    IF FOUND AND NEW.sender_id NOT IN (thread.initiator_id, thread.recipient_id) THEN
        RAISE EXCEPTION '% is not in thread %', NEW.sender_id, NEW.thread_id
            USING ERRCODE = 'check_violation', HINT = 'The two of a thread write in it.';
    ELSIF thread.status = 'blocked' THEN
        RAISE EXCEPTION 'no message from % in thread %: one of the two has blocked the other', NEW.sender_id, NEW.thread_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Who blocked can take it back with unblock_direct_messages.';
    ELSIF EXISTS (SELECT FROM @schema@.active_sanctions s
                  WHERE s.profile_id = NEW.sender_id AND s.type = 'site_ban') THEN
        RAISE EXCEPTION '% is banned from the site', NEW.sender_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A ban ends by itself, or with reverse_sanction.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION place_message() IS
    'Trigger: one of the two of a thread writes in it (23514), not while it is blocked or the sender banned from the site (42501).';
CREATE OR REPLACE TRIGGER direct_message_messages_place
    BEFORE INSERT ON direct_message_messages FOR EACH ROW EXECUTE FUNCTION place_message();

CREATE OR REPLACE FUNCTION tell_of_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT @schema@.is_shadow_banned(NEW.sender_id, NULL) THEN
        PERFORM @schema@.notify(CASE NEW.sender_id WHEN d.initiator_id THEN d.recipient_id ELSE d.initiator_id END,
            'message.received', pg_catalog.jsonb_build_object('thread_id', d.id, 'message_id', NEW.id))
        FROM @schema@.direct_messages d WHERE d.id = NEW.thread_id;
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_message() IS 'Trigger: the other of the two is notified of a message (message.received).';
CREATE OR REPLACE TRIGGER direct_message_messages_tell
    AFTER INSERT ON direct_message_messages FOR EACH ROW EXECUTE FUNCTION tell_of_message();

CREATE OR REPLACE FUNCTION send_message(recipient_id uuid, body text, attachments jsonb DEFAULT '[]') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    thread CONSTANT @schema@.direct_messages := @schema@.thread_with(recipient_id);
    sent   uuid;
BEGIN
    INSERT INTO @schema@.direct_message_messages AS m (thread_id, sender_id, body, attachments)
    VALUES (thread.id, auth.uid(), send_message.body, send_message.attachments) RETURNING m.id INTO sent;
    RETURN sent;
END;
$$;
COMMENT ON FUNCTION send_message(uuid, text, jsonb) IS
    'Sends a direct message; begins the thread of the two if there is none. attachments: a list of at most 20. Returns the message. Volatile. Errors: 23503 no such person, 23514 to oneself, nothing said or too much, 42501 not signed in, banned from the site, or one has blocked the other. Example: SELECT send_message(''00000000-0000-4000-8000-000000000002'', ''Hello'')';
GRANT EXECUTE ON FUNCTION send_message(uuid, text, jsonb) TO authenticated;

CREATE OR REPLACE FUNCTION delete_message(message_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.direct_message_messages m SET deleted_at = pg_catalog.now()
    WHERE m.id = message_id AND m.sender_id = auth.uid() AND m.deleted_at IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_message(uuid) IS
    'Takes one of the caller''s own messages out of the thread, for both. For 12 months it stays for the service, which investigates abuse. Returns whether there was one. Volatile. Example: SELECT delete_message(id) FROM direct_message_messages WHERE sender_id = auth.uid()';
GRANT EXECUTE ON FUNCTION delete_message(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION mark_thread_read(thread_id uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH marked AS (
        UPDATE @schema@.direct_message_messages m SET read_at = pg_catalog.now()
        FROM @schema@.direct_messages d
        WHERE d.id = mark_thread_read.thread_id AND m.thread_id = d.id AND auth.uid() IN (d.initiator_id, d.recipient_id)
          AND m.sender_id <> auth.uid() AND m.sender_id NOT IN (SELECT @schema@.silenced_senders())
          AND m.read_at IS NULL AND m.deleted_at IS NULL
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM marked;
$$;
COMMENT ON FUNCTION mark_thread_read(uuid) IS
    'Marks what the other wrote in a thread of the caller''s as read; returns how many messages. Volatile. Example: SELECT mark_thread_read(id) FROM direct_messages';
GRANT EXECUTE ON FUNCTION mark_thread_read(uuid) TO authenticated;

-- A message is reported by whom it was sent to, also once its sender has deleted it.
CREATE OR REPLACE FUNCTION complete_report_of_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.space_id := NULL;
    SELECT m.sender_id INTO NEW.reported_id
    FROM @schema@.direct_message_messages m JOIN @schema@.direct_messages d ON d.id = m.thread_id
    WHERE m.id = NEW.target_id AND m.sender_id <> NEW.reporter_id
      AND NEW.reporter_id IN (d.initiator_id, d.recipient_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no message % to %', NEW.target_id, NEW.reporter_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'Report a message that was sent to you.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION complete_report_of_message() IS
    'Trigger: a report of a message is by whom it was sent to (23503), against its sender, for staff of the site.';
CREATE OR REPLACE TRIGGER reports_complete_message
    BEFORE INSERT ON reports FOR EACH ROW WHEN (NEW.target_type = 'message')
    EXECUTE FUNCTION complete_report_of_message();

SELECT community_core.create_retention_policy('direct_message_messages', 'deleted_at', '12 months', 'delete')
WHERE NOT community_core.has_retention_policy('direct_message_messages', 'delete_deleted_at');
