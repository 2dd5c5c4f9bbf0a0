-- The day of an event: the door, the links, the materials, and how long attendance is remembered.

CREATE OR REPLACE FUNCTION check_in(qr_code text) RETURNS event_tickets
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ticket @schema@.event_tickets;
BEGIN
    SELECT t.* INTO ticket FROM @schema@.event_tickets t
    WHERE t.qr_code = check_in.qr_code AND t.event_id IN (SELECT @schema@.moderated_event_ids()) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no ticket of an event that you run has this code'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Moderators of the space check in; look whether it is the right event.';
    ELSIF ticket.status <> 'booked' OR ticket.checked_in_at IS NOT NULL THEN
        RAISE EXCEPTION 'ticket % is %', ticket.id, coalesce('in since ' || ticket.checked_in_at, ticket.status)
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A booked ticket opens the door once.';
    END IF;
    UPDATE @schema@.event_tickets t SET checked_in_at = now(), attended = true
    WHERE t.id = ticket.id RETURNING t.* INTO ticket;
    RETURN ticket;
END;
$$;
COMMENT ON FUNCTION check_in(text) IS
    'Lets the holder of a code in, once, as a moderator of the space. Returns the ticket. Volatile. Errors: 42501 no such code at an event of the caller''s, 55000 the ticket is used, reserved or cancelled. Example: SELECT checked_in_at FROM event_tickets t, check_in(t.qr_code) LIMIT 1';
GRANT EXECUTE ON FUNCTION check_in(text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION my_event_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.event_id FROM @schema@.event_tickets t JOIN @schema@.events e ON e.id = t.event_id
    WHERE t.profile_id = (SELECT auth.uid()) AND t.status = 'booked'
      AND e.space_id = ANY (ARRAY(SELECT @schema@.joinable_space_ids()));
$$;
COMMENT ON FUNCTION my_event_ids() IS
    'The events that the caller has a booked ticket of, where the caller may still take part. Stable. Example: SELECT count(*) FROM my_event_ids()';
CREATE OR REPLACE FUNCTION readable_event_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.id FROM @schema@.events e
    WHERE e.status <> 'draft' AND e.space_id = ANY (ARRAY(SELECT @schema@.readable_space_ids()));
$$;
COMMENT ON FUNCTION readable_event_ids() IS
    'The events that are no drafts, of the spaces that the caller reads. Stable. Example: SELECT count(*) FROM readable_event_ids()';
GRANT EXECUTE ON FUNCTION readable_event_ids() TO anon, authenticated, service_role;
GRANT EXECUTE ON FUNCTION my_event_ids() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION event_links(event_id uuid) RETURNS TABLE (meeting_link text, recording_url text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.meeting_link, e.recording_url FROM @schema@.events e
    WHERE e.id = event_links.event_id
      AND (e.id IN (SELECT @schema@.my_event_ids()) OR e.id IN (SELECT @schema@.moderated_event_ids()));
$$;
COMMENT ON FUNCTION event_links(uuid) IS
    'Where an event meets and its recording, for who has a booked ticket and the moderators; no row for anybody else. NULL gives none. Stable. Example: SELECT l.* FROM events e, event_links(e.id) l';
GRANT EXECUTE ON FUNCTION event_links(uuid) TO authenticated, service_role;

CREATE OR REPLACE TRIGGER events_delete_materials
    AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION delete_materials('event');
CREATE POLICY materials_select_event_guest ON materials
    FOR SELECT TO anon
    USING (owner_type = 'event' AND visibility = 'public' AND owner_id = ANY (ARRAY(SELECT readable_event_ids())));
CREATE POLICY materials_select_event_reader ON materials
    FOR SELECT TO authenticated
    USING (owner_type = 'event' AND owner_id = ANY (ARRAY(SELECT readable_event_ids()))
           AND (visibility = 'public' OR owner_id = ANY (ARRAY(SELECT my_event_ids()))
                OR (visibility = 'members' AND space_id = ANY (ARRAY(SELECT writable_space_ids())))));

-- Attendance is kept for 24 months, then nobody is named and no code opens anything.
SELECT community_core.create_retention_policy('event_tickets', 'event_end_at', '24 months', 'anonymize',
    '{"profile_id": "NULL::uuid", "qr_code": "NULL::text"}', condition => 'qr_code IS NOT NULL')
WHERE NOT community_core.has_retention_policy('event_tickets', 'anonymize_event_end_at');
