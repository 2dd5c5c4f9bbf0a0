-- Events of a space, from the draft to the end, and who may know of them.

CREATE TABLE events (
    id                  uuid           NOT NULL DEFAULT gen_random_uuid(),
    space_id            uuid           NOT NULL,
    title               text           NOT NULL,
    description         text           NOT NULL DEFAULT '',
    start_at            timestamptz    NOT NULL,
    end_at              timestamptz    NOT NULL,
    timezone            text           NOT NULL DEFAULT 'UTC',
    capacity            int,
    price               numeric(20, 4) NOT NULL DEFAULT 0,
    currency            text,
    venue               text,
    location            text,
    accessibility_notes text,
    meeting_link        text,
    recording_url       text,
    status              text           NOT NULL DEFAULT 'draft',
    places_taken        int            NOT NULL DEFAULT 0,
    created_at          timestamptz    NOT NULL DEFAULT now(),
    updated_at          timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT events_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 200),
    CONSTRAINT events_description_check CHECK (char_length(description) <= 100000),
    CONSTRAINT events_end_at_check CHECK (end_at > start_at),
    CONSTRAINT events_capacity_check CHECK (capacity > 0),
    CONSTRAINT events_places_taken_check CHECK (places_taken <= capacity),
    CONSTRAINT events_price_check CHECK (price >= 0 AND (price = 0 OR currency IS NOT NULL)),
    CONSTRAINT events_currency_check CHECK (fits_currency(price, currency)),
    CONSTRAINT events_status_check CHECK (status IN ('draft', 'published', 'completed', 'cancelled'))
);
COMMENT ON TABLE events IS
    'What a space holds, on a place or online. A draft is seen by the moderators alone; from then on who reads the space reads it.';
COMMENT ON COLUMN events.timezone IS 'The zone that its times are shown in, by its IANA name: Europe/Berlin, UTC.';
COMMENT ON COLUMN events.capacity IS 'How many places there are; NULL: any number. It does not fall below those that are taken.';
COMMENT ON COLUMN events.places_taken IS
    'The tickets that are booked or kept for somebody, by the counter engine: with its CHECK the reason why no event is overbooked.';
COMMENT ON COLUMN events.meeting_link IS 'For who holds a ticket and the moderators: see event_links. So is recording_url.';
CREATE INDEX events_space_id_idx ON events (space_id, start_at);
CREATE INDEX events_published_idx ON events (start_at) WHERE status = 'published';

-- An abbreviation (CET) does not say when its summer begins, and a POSIX rule (CET-1CEST) is what
-- Postgres would also take for a zone.
CREATE OR REPLACE FUNCTION check_time_zone() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.timezone <> 'UTC' AND NOT (NEW.timezone ~ '/' AND NEW.timezone !~ '^(posix|right)/'
            AND EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE z.name = NEW.timezone)) THEN
        RAISE EXCEPTION 'event "%" has no time zone "%"', NEW.title, NEW.timezone
            USING ERRCODE = 'check_violation',
                  HINT = 'Give a name of the IANA database, as in pg_timezone_names: Europe/Berlin, Etc/UTC or UTC.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_time_zone() IS
    'Trigger: the time zone of an event is UTC or an IANA name of the form Area/Location; an abbreviation, a POSIX rule and an unknown name are refused (23514).';
CREATE OR REPLACE TRIGGER events_check_time_zone
    BEFORE INSERT OR UPDATE OF timezone ON events FOR EACH ROW EXECUTE FUNCTION check_time_zone();
CREATE OR REPLACE TRIGGER events_keep_lifecycle
    BEFORE INSERT OR UPDATE OF status ON events FOR EACH ROW EXECUTE FUNCTION keep_lifecycle();
-- Every column but places_taken: a ticket that is booked is no action of the staff.
CREATE OR REPLACE TRIGGER events_record_staff_action
    AFTER INSERT OR DELETE OR UPDATE OF space_id, title, description, start_at, end_at, timezone, capacity, price, currency,
        venue, location, accessibility_notes, meeting_link, recording_url, status ON events FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('event', 'meeting_link', 'recording_url');
CREATE OR REPLACE TRIGGER events_record_truncate
    AFTER TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('event');

CREATE OR REPLACE FUNCTION moderated_event_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.id FROM @schema@.events e WHERE e.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()));
$$;
COMMENT ON FUNCTION moderated_event_ids() IS
    'The events of the spaces that the caller moderates. Stable. Example: SELECT count(*) FROM moderated_event_ids()';
GRANT EXECUTE ON FUNCTION moderated_event_ids() TO authenticated, service_role;

CREATE POLICY events_select_guest ON events
    FOR SELECT TO anon USING (status <> 'draft' AND space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY events_select_reader ON events
    FOR SELECT TO authenticated
    USING ((status <> 'draft' AND space_id = ANY (ARRAY(SELECT readable_space_ids())))
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY events_insert_moderator ON events
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY events_update_moderator ON events
    FOR UPDATE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY events_delete_moderator ON events
    FOR DELETE TO authenticated USING (status = 'draft' AND space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT SELECT (id, space_id, title, description, start_at, end_at, timezone, capacity, price, currency, venue, location,
              accessibility_notes, status, places_taken, created_at, updated_at) ON events TO anon, authenticated;
GRANT INSERT (space_id, title, description, start_at, end_at, timezone, capacity, price, currency, venue, location,
              accessibility_notes, meeting_link, recording_url),
      UPDATE (title, description, start_at, end_at, timezone, capacity, price, currency, venue, location,
              accessibility_notes, meeting_link, recording_url) ON events TO authenticated;

CREATE OR REPLACE FUNCTION move_event(event_id uuid, status text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event @schema@.events;
BEGIN
    SELECT e.* INTO event FROM @schema@.events e
    WHERE e.id = move_event.event_id AND e.space_id IN (SELECT @schema@.moderated_space_ids())
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event % is not yours to run', event_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A moderator of its space does that.';
    END IF;
    IF move_event.status = 'completed' AND event.start_at > now() THEN
        RAISE EXCEPTION 'event % has not begun', event_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Cancel it, or complete it once it has taken place.';
    END IF;
    UPDATE @schema@.events e SET status = move_event.status WHERE e.id = event.id;
    PERFORM @schema@.emit_event(event.space_id, 'event.' || move_event.status,
                                pg_catalog.jsonb_build_object('event_id', event.id, 'title', event.title));
END;
$$;
COMMENT ON FUNCTION move_event(uuid, text) IS 'Gives an event a status, as a moderator of its space. For publish_event, complete_event, cancel_event.';

CREATE OR REPLACE FUNCTION publish_event(event_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT @schema@.move_event(event_id, 'published');
$$;
COMMENT ON FUNCTION publish_event(uuid) IS
    'Opens a draft to the readers of its space, as a moderator. Volatile. Errors: 42501, 55000 it is no draft. Example: SELECT publish_event(id) FROM events WHERE status = ''draft''';
CREATE OR REPLACE FUNCTION complete_event(event_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT @schema@.move_event(event_id, 'completed');
$$;
COMMENT ON FUNCTION complete_event(uuid) IS
    'Ends a published event that has begun, as a moderator. Volatile. Errors: 42501, 55000. Example: SELECT complete_event(id) FROM events WHERE end_at < now() AND status = ''published''';
CREATE OR REPLACE FUNCTION cancel_event(event_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT @schema@.move_event(event_id, 'cancelled');
$$;
COMMENT ON FUNCTION cancel_event(uuid) IS
    'Calls an event off, as a moderator: its tickets are cancelled, its waitlist is closed, the holders are told. Volatile. Errors: 42501, 55000 it is over. Example: SELECT cancel_event(id) FROM events LIMIT 1';
GRANT EXECUTE ON FUNCTION publish_event(uuid), complete_event(uuid), cancel_event(uuid) TO authenticated, service_role;
