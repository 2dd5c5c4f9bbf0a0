-- What a person is told of, on which channel, and what the person wants to be told of.

CREATE TABLE notification_preferences (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    profile_id   uuid        NOT NULL,
    space_id     uuid,
    content_type text        NOT NULL,
    channel      text        NOT NULL,
    preference   text        NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notification_preferences_pkey PRIMARY KEY (id),
    CONSTRAINT notification_preferences_matrix_key
        UNIQUE NULLS NOT DISTINCT (profile_id, space_id, content_type, channel),
    CONSTRAINT notification_preferences_profile_id_fkey
        FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT notification_preferences_space_id_fkey
        FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT notification_preferences_content_type_check CHECK (content_type ~ '^[a-z_]+(\.[a-z_]+)*$'),
    CONSTRAINT notification_preferences_channel_check CHECK (channel IN ('in_app', 'email', 'push')),
    CONSTRAINT notification_preferences_preference_check CHECK (preference IN ('on', 'off'))
);
COMMENT ON TABLE notification_preferences IS
    'Which notifications a person wants on which channel. What is not said is on; what is said for a space goes before what is said for all.';
COMMENT ON COLUMN notification_preferences.space_id IS 'NULL: everywhere.';
COMMENT ON COLUMN notification_preferences.content_type IS 'The type of the notifications, such as comment.reply.';
CREATE INDEX notification_preferences_space_id_idx ON notification_preferences (space_id);

CREATE POLICY notification_preferences_select_own ON notification_preferences
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY notification_preferences_insert_own ON notification_preferences
    FOR INSERT TO authenticated
    WITH CHECK (profile_id = (SELECT auth.uid())
                AND (space_id IS NULL OR space_id = ANY (ARRAY(SELECT visible_space_ids()))));
CREATE POLICY notification_preferences_update_own ON notification_preferences
    FOR UPDATE TO authenticated
    USING (profile_id = (SELECT auth.uid())) WITH CHECK (profile_id = (SELECT auth.uid()));
CREATE POLICY notification_preferences_delete_own ON notification_preferences
    FOR DELETE TO authenticated USING (profile_id = (SELECT auth.uid()));
GRANT INSERT (profile_id, space_id, content_type, channel, preference), UPDATE (preference)
    ON notification_preferences TO authenticated;

CREATE TABLE notifications (
    id              uuid        NOT NULL DEFAULT uuid_v7(),
    profile_id      uuid        NOT NULL,
    space_id        uuid,
    type            text        NOT NULL,
    payload         jsonb       NOT NULL DEFAULT '{}',
    channel         text        NOT NULL DEFAULT 'in_app',
    delivery_status text        NOT NULL DEFAULT 'pending',
    created_at      timestamptz NOT NULL DEFAULT now(),
    read_at         timestamptz,
    digested_at     timestamptz,
    CONSTRAINT notifications_pkey PRIMARY KEY (id),
    CONSTRAINT notifications_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT notifications_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT notifications_type_check CHECK (type ~ '^[a-z_]+(\.[a-z_]+)*$'),
    CONSTRAINT notifications_payload_check CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT notifications_channel_check CHECK (channel IN ('in_app', 'email', 'push')),
    CONSTRAINT notifications_delivery_status_check CHECK (delivery_status IN ('pending', 'delivered', 'failed')),
    -- What is read in the application is delivered by being there.
    CONSTRAINT notifications_in_app_check CHECK (channel <> 'in_app' OR delivery_status = 'delivered')
);
COMMENT ON TABLE notifications IS
    'What people are told of: one row for each channel that the person has not switched off. Read by that person; written by notify alone.';
COMMENT ON COLUMN notifications.payload IS
    'Which rows it is about, by id: what they say is read where they are, by whoever may still read it.';
COMMENT ON COLUMN notifications.delivery_status IS 'Of email and push: pending until a worker of the service has sent it.';
COMMENT ON COLUMN notifications.digested_at IS 'When it went into a digest.';
CREATE INDEX notifications_profile_id_idx ON notifications (profile_id, id DESC);
CREATE INDEX notifications_unread_idx ON notifications (profile_id, type) WHERE read_at IS NULL AND channel = 'in_app';
CREATE INDEX notifications_pending_idx ON notifications (channel, id) WHERE delivery_status = 'pending';
CREATE INDEX notifications_space_id_idx ON notifications (space_id);
CREATE INDEX notifications_payload_idx ON notifications USING gin (payload);

CREATE POLICY notifications_select_own ON notifications
    FOR SELECT TO authenticated USING (profile_id = (SELECT auth.uid()));
CREATE POLICY notifications_delete_own ON notifications
    FOR DELETE TO authenticated USING (profile_id = (SELECT auth.uid()));

CREATE OR REPLACE FUNCTION notify(profile_id uuid, type text, payload jsonb DEFAULT '{}', space_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO @schema@.notifications (profile_id, space_id, type, payload, channel, delivery_status)
    SELECT notify.profile_id, notify.space_id, notify.type, notify.payload, c.channel,
           CASE c.channel WHEN 'in_app' THEN 'delivered' ELSE 'pending' END
    FROM pg_catalog.unnest('{in_app,email,push}'::text[]) AS c (channel)
    WHERE notify.profile_id IS NOT NULL
      AND 'off' IS DISTINCT FROM (
          SELECT p.preference FROM @schema@.notification_preferences p
          WHERE p.profile_id = notify.profile_id AND p.content_type = notify.type AND p.channel = c.channel
            AND (p.space_id IS NULL OR p.space_id = notify.space_id)
          ORDER BY p.space_id NULLS LAST LIMIT 1);
END;
$$;
COMMENT ON FUNCTION notify(uuid, text, jsonb, uuid) IS
    'Tells a person of something, on each channel (in_app, email, push) that the person''s preferences for the type, in that space or everywhere, leave on. payload: the ids of what it is about; space_id: NULL where no space is concerned. A NULL profile_id tells nobody. Volatile. Errors: 23503 no such person or space, 23514 a type that is not words joined by dots. Example: SELECT notify(id, ''badge.awarded'', ''{"badge": "teacher"}'') FROM profiles LIMIT 1';
GRANT EXECUTE ON FUNCTION notify(uuid, text, jsonb, uuid) TO service_role;

CREATE OR REPLACE FUNCTION mark_read(notification_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.notifications n SET read_at = pg_catalog.now()
    WHERE n.id = notification_id AND n.profile_id = auth.uid() AND n.read_at IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION mark_read(uuid) IS
    'Marks one of the caller''s notifications as read. Returns false where there is no such unread one. Volatile. Example: SELECT mark_read(id) FROM notifications WHERE read_at IS NULL LIMIT 1';
GRANT EXECUTE ON FUNCTION mark_read(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION mark_all_read(space_id uuid DEFAULT NULL) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH marked AS (
        UPDATE @schema@.notifications n SET read_at = pg_catalog.now()
        WHERE n.profile_id = auth.uid() AND n.read_at IS NULL AND n.channel = 'in_app'
          AND (mark_all_read.space_id IS NULL OR n.space_id = mark_all_read.space_id)
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM marked;
$$;
COMMENT ON FUNCTION mark_all_read(uuid) IS
    'Marks all of the caller''s notifications as read, or those of one space; returns how many. Volatile. Example: SELECT mark_all_read()';
GRANT EXECUTE ON FUNCTION mark_all_read(uuid) TO authenticated;

-- Rows are marked, not times compared: what commits late is in the next digest, and nothing is in two.
CREATE OR REPLACE FUNCTION take_digest(profile_id uuid)
RETURNS TABLE (space_id uuid, type text, unread bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH taken AS (
        UPDATE @schema@.notifications n SET digested_at = pg_catalog.now()
        WHERE n.profile_id = take_digest.profile_id AND n.read_at IS NULL AND n.channel = 'in_app'
          AND n.digested_at IS NULL
        RETURNING n.space_id, n.type, n.created_at)
    SELECT t.space_id, t.type, pg_catalog.count(*), pg_catalog.min(t.created_at), pg_catalog.max(t.created_at)
    FROM taken t GROUP BY t.space_id, t.type ORDER BY 5 DESC, t.type;
$$;
COMMENT ON FUNCTION take_digest(uuid) IS
    'What a person has not read and was not in a digest before: how many per space and type, and when, newest first. Asked again, only what has come since. For the service, which sends it. Volatile. Example: SELECT d.* FROM profiles p, LATERAL take_digest(p.id) d';
GRANT EXECUTE ON FUNCTION take_digest(uuid) TO service_role;
