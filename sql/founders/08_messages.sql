-- Messages between two founders. What was sent stays as it was sent.

CREATE TABLE founder_messages (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    sender_id           uuid        NOT NULL,
    recipient_id        uuid        NOT NULL,
    content             text        NOT NULL,
    is_read             boolean     NOT NULL DEFAULT false,
    is_fred_facilitated boolean     NOT NULL DEFAULT false,
    metadata            jsonb       DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT founder_messages_pkey PRIMARY KEY (id),
    CONSTRAINT founder_messages_sender_id_fkey
        FOREIGN KEY (sender_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT founder_messages_recipient_id_fkey
        FOREIGN KEY (recipient_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT founder_messages_another_check CHECK (sender_id <> recipient_id),
    CONSTRAINT founder_messages_content_check
        CHECK (content ~ '@visible@' AND char_length(content) <= 10000)
);
COMMENT ON TABLE founder_messages IS
    'Direct messages (phase 52). Immutable but for is_read; read by the two people they are between.';
COMMENT ON COLUMN founder_messages.content IS 'Not blank, at most 10,000 characters.';
COMMENT ON COLUMN founder_messages.is_read IS 'Set by the recipient and by nobody else.';
COMMENT ON COLUMN founder_messages.is_fred_facilitated IS 'Set by the service role when it sends.';
ALTER TABLE founder_messages REPLICA IDENTITY FULL;
CREATE INDEX founder_messages_sender_id_created_at_idx ON founder_messages (sender_id, created_at DESC);
CREATE INDEX founder_messages_recipient_id_created_at_idx ON founder_messages (recipient_id, created_at DESC);
CREATE INDEX founder_messages_recipient_id_sender_id_idx ON founder_messages (recipient_id, sender_id) WHERE NOT is_read;

CREATE POLICY founder_messages_select_party ON founder_messages
    FOR SELECT TO authenticated
    USING (sender_id = (SELECT auth.uid()) OR recipient_id = (SELECT auth.uid()));
CREATE POLICY founder_messages_insert_sender ON founder_messages
    FOR INSERT TO authenticated WITH CHECK (sender_id = (SELECT auth.uid()));
CREATE POLICY founder_messages_update_recipient ON founder_messages
    FOR UPDATE TO authenticated
    USING (recipient_id = (SELECT auth.uid())) WITH CHECK (recipient_id = (SELECT auth.uid()));
GRANT INSERT (id, sender_id, recipient_id, content, metadata), UPDATE (is_read)
    ON founder_messages TO authenticated;

CREATE OR REPLACE FUNCTION refuse_message_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'message % cannot be changed', OLD.id
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Messages stay as they were sent; only is_read can be set.';
END;
$$;
COMMENT ON FUNCTION refuse_message_change() IS 'Trigger: of a sent message only is_read changes (55000).';
CREATE OR REPLACE TRIGGER founder_messages_stay_as_sent
    BEFORE UPDATE ON founder_messages FOR EACH ROW
    WHEN ((OLD.id, OLD.sender_id, OLD.recipient_id, OLD.content, OLD.is_fred_facilitated, OLD.metadata, OLD.created_at)
          IS DISTINCT FROM
          (NEW.id, NEW.sender_id, NEW.recipient_id, NEW.content, NEW.is_fred_facilitated, NEW.metadata, NEW.created_at))
    EXECUTE FUNCTION refuse_message_change();

-- Also the service does not say for somebody that they read a message.
CREATE OR REPLACE FUNCTION refuse_reading_for_another() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF auth.uid() IS DISTINCT FROM OLD.recipient_id THEN
        RAISE EXCEPTION 'only %, who received message %, marks it as read', OLD.recipient_id, OLD.id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Ask as the recipient: mark_messages_read(sender).';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refuse_reading_for_another() IS 'Trigger: only the recipient sets is_read (42501).';
CREATE OR REPLACE TRIGGER founder_messages_refuse_reading_for_another
    BEFORE UPDATE ON founder_messages FOR EACH ROW WHEN (OLD.is_read <> NEW.is_read)
    EXECUTE FUNCTION refuse_reading_for_another();

CREATE OR REPLACE FUNCTION refuse_unwanted_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.lock_pair(NEW.sender_id, NEW.recipient_id, false);
    IF EXISTS (SELECT FROM @schema@.founder_connections c
               WHERE LEAST(c.requester_id, c.recipient_id) = LEAST(NEW.sender_id, NEW.recipient_id)
                 AND GREATEST(c.requester_id, c.recipient_id) = GREATEST(NEW.sender_id, NEW.recipient_id)
                 AND c.status = 'blocked') THEN
        RAISE EXCEPTION 'no message from % to %: one of them has blocked the other', NEW.sender_id, NEW.recipient_id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Who blocked can take it back with unblock_member.';
    END IF;
    IF NOT @schema@.has_consent(NEW.recipient_id, 'messaging') THEN
        RAISE EXCEPTION '% does not take messages', NEW.recipient_id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'A message needs the recipient''s consent of category messaging.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refuse_unwanted_message() IS
    'Trigger: no message between two people when either blocked the other, nor to one who does not take messages (42501).';
CREATE OR REPLACE TRIGGER founder_messages_refuse_unwanted
    BEFORE INSERT ON founder_messages
    FOR EACH ROW EXECUTE FUNCTION refuse_unwanted_message();

CREATE OR REPLACE FUNCTION mark_messages_read(sender uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH marked AS (
        UPDATE @schema@.founder_messages m SET is_read = true
        WHERE m.recipient_id = (SELECT auth.uid()) AND m.sender_id = mark_messages_read.sender
          AND NOT m.is_read
        RETURNING 1)
    SELECT count(*) FROM marked;
$$;
COMMENT ON FUNCTION mark_messages_read(uuid) IS
    'Marks every unread message from sender to the person who asks as read; returns how many. Volatile. Example: SELECT mark_messages_read(''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION mark_messages_read(uuid) TO authenticated, service_role;
