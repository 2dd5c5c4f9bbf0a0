-- The waitlist of an event that is sold out, and how a place that gets free is passed on.

CREATE TABLE event_waitlist (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    event_id    uuid        NOT NULL,
    profile_id  uuid        NOT NULL,
    status      text        NOT NULL DEFAULT 'waiting',
    notified_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_waitlist_pkey PRIMARY KEY (id),
    CONSTRAINT event_waitlist_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE,
    CONSTRAINT event_waitlist_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT event_waitlist_status_check CHECK (
        status IN ('waiting', 'offered', 'accepted', 'expired', 'left', 'closed')),
    CONSTRAINT event_waitlist_notified_at_check CHECK (status NOT IN ('offered', 'accepted', 'expired') OR notified_at IS NOT NULL)
);
COMMENT ON TABLE event_waitlist IS
    'Who waits for a place, in the order of the ids. Offered: a ticket is reserved for the person, who books it or lets it lapse. Each sees the own entry, moderators all.';
COMMENT ON COLUMN event_waitlist.notified_at IS 'When the person was told of a place.';
CREATE INDEX event_waitlist_event_id_idx ON event_waitlist (event_id, id) WHERE status = 'waiting';
CREATE UNIQUE INDEX event_waitlist_live_key ON event_waitlist (event_id, profile_id) WHERE status IN ('waiting', 'offered');
CREATE INDEX event_waitlist_all_idx ON event_waitlist (event_id);
CREATE INDEX event_waitlist_profile_id_idx ON event_waitlist (profile_id);
CREATE INDEX event_waitlist_created_at_idx ON event_waitlist (created_at);

CREATE POLICY event_waitlist_select_party ON event_waitlist
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR event_id = ANY (ARRAY(SELECT moderated_event_ids())));

-- Fired by the counter's own update of the event, it sees every way in which a place gets free: a
-- ticket is cancelled or deleted, a reservation lapses, a person leaves, the capacity grows.
CREATE OR REPLACE FUNCTION offer_places() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    next     @schema@.event_waitlist;
    reserved @schema@.event_tickets;
BEGIN
    WHILE EXISTS (SELECT FROM @schema@.events e
                  WHERE e.id = NEW.id AND (e.capacity IS NULL OR e.places_taken < e.capacity)) LOOP
        UPDATE @schema@.event_waitlist w SET status = 'offered', notified_at = now()
        WHERE w.id = (SELECT f.id FROM @schema@.event_waitlist f
                      WHERE f.event_id = NEW.id AND f.status = 'waiting'
                        -- Somebody may have given this person a ticket by hand.
                        AND NOT EXISTS (SELECT FROM @schema@.event_tickets t
                                        WHERE t.event_id = NEW.id AND t.profile_id = f.profile_id AND t.status <> 'cancelled')
                      ORDER BY f.id LIMIT 1)
        RETURNING w.* INTO next;
        EXIT WHEN NOT FOUND;
        INSERT INTO @schema@.event_tickets AS t (event_id, profile_id, price, status, reserved_until)
        VALUES (NEW.id, next.profile_id, NEW.price, 'reserved',
                LEAST(NEW.end_at, now() + pg_catalog.make_interval(hours => community_core.spaces_setting('waitlist_hours'))))
        RETURNING t.* INTO reserved;
        PERFORM @schema@.notify(next.profile_id, 'event.place_offered',
            pg_catalog.jsonb_build_object('event_id', NEW.id, 'title', NEW.title, 'reserved_until', reserved.reserved_until),
            NEW.space_id);
    END LOOP;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION offer_places() IS
    'Trigger: places of a published event that got free are kept for the first of its waitlist, for the setting community_core.spaces_waitlist_hours, and they are told.';
CREATE OR REPLACE TRIGGER events_offer_places
    AFTER UPDATE OF places_taken, capacity ON events FOR EACH ROW
    WHEN (NEW.status = 'published' AND NEW.end_at > now()
          AND ((NEW.capacity IS NULL AND OLD.capacity IS NOT NULL)
               OR NEW.capacity - NEW.places_taken > OLD.capacity - OLD.places_taken))
    EXECUTE FUNCTION offer_places();

CREATE OR REPLACE FUNCTION settle_offer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.event_waitlist w
    SET status = CASE WHEN NEW.status = 'booked' THEN 'accepted' WHEN OLD.reserved_until <= now() THEN 'expired' ELSE 'left' END
    WHERE w.event_id = OLD.event_id AND w.profile_id = OLD.profile_id AND w.status = 'offered';
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION settle_offer() IS 'Trigger: with a reserved ticket its entry of the waitlist is accepted, expired or left.';
CREATE OR REPLACE TRIGGER event_tickets_settle_offer
    AFTER UPDATE OF status ON event_tickets FOR EACH ROW WHEN (OLD.status = 'reserved' AND NEW.status <> 'reserved')
    EXECUTE FUNCTION settle_offer();

CREATE OR REPLACE FUNCTION call_event_off() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.event_waitlist w SET status = 'closed'
    WHERE w.event_id = NEW.id AND w.status IN ('waiting', 'offered');
    PERFORM @schema@.notify(t.profile_id, 'event.cancelled',
                            pg_catalog.jsonb_build_object('event_id', NEW.id, 'title', NEW.title), NEW.space_id)
    FROM @schema@.event_tickets t
    WHERE t.event_id = NEW.id AND t.status <> 'cancelled' AND t.profile_id IS NOT NULL;
    UPDATE @schema@.event_tickets t SET status = 'cancelled', reserved_until = NULL, attended = false, checked_in_at = NULL
    WHERE t.event_id = NEW.id AND t.status <> 'cancelled';
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION call_event_off() IS
    'Trigger: with a cancelled event go its tickets and its waitlist, and the holders are told.';
CREATE OR REPLACE TRIGGER events_call_off
    AFTER UPDATE OF status ON events FOR EACH ROW WHEN (OLD.status <> 'cancelled' AND NEW.status = 'cancelled')
    EXECUTE FUNCTION call_event_off();

-- The events first, in order, as everywhere.
CREATE OR REPLACE FUNCTION give_places_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @schema@.events e
    WHERE e.end_at > now() AND e.id IN (SELECT t.event_id FROM @schema@.event_tickets t
                                        WHERE t.profile_id = OLD.id AND t.status <> 'cancelled')
    ORDER BY e.id FOR NO KEY UPDATE;
    UPDATE @schema@.event_tickets t SET status = 'cancelled', reserved_until = NULL
    WHERE t.profile_id = OLD.id AND t.status <> 'cancelled' AND NOT t.attended AND t.event_end_at > now();
    RETURN OLD;
END;
$$;
COMMENT ON FUNCTION give_places_back() IS 'Trigger: with a person go the person''s places at events to come.';
CREATE OR REPLACE TRIGGER profiles_give_places_back
    BEFORE DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION give_places_back();

CREATE OR REPLACE FUNCTION join_waitlist(event_id uuid) RETURNS event_waitlist
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event CONSTANT @schema@.events := @schema@.open_event(event_id);
    entry @schema@.event_waitlist;
BEGIN
    IF event.capacity IS NULL OR event.places_taken < event.capacity THEN
        RAISE EXCEPTION 'event % has places left', event.id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call book_ticket.';
    ELSIF EXISTS (SELECT FROM @schema@.event_tickets t
                  WHERE t.event_id = event.id AND t.profile_id = auth.uid() AND t.status <> 'cancelled') THEN
        RAISE EXCEPTION 'a place at event % is yours already', event.id
            USING ERRCODE = 'unique_violation', HINT = 'If it is reserved, call book_ticket.';
    END IF;
    INSERT INTO @schema@.event_waitlist AS w (event_id, profile_id) VALUES (event.id, auth.uid())
    ON CONFLICT (event_id, profile_id) WHERE status IN ('waiting', 'offered') DO NOTHING RETURNING w.* INTO entry;
    IF NOT FOUND THEN
        SELECT w.* INTO entry FROM @schema@.event_waitlist w
        WHERE w.event_id = event.id AND w.profile_id = auth.uid() AND w.status IN ('waiting', 'offered');
    END IF;
    RETURN entry;
END;
$$;
COMMENT ON FUNCTION join_waitlist(uuid) IS
    'Puts the caller at the end of the waitlist of a full event; who waits already keeps the place. Returns the entry. Volatile. Errors: 23505 the caller has a ticket, 42501, 55000 there are places left, or the event is over. Example: SELECT status FROM join_waitlist(''6f1c7a0e-0000-4000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION join_waitlist(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION leave_waitlist(event_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM @schema@.events e WHERE e.id = leave_waitlist.event_id FOR NO KEY UPDATE;
    UPDATE @schema@.event_tickets t SET status = 'cancelled', reserved_until = NULL
    WHERE t.event_id = leave_waitlist.event_id AND t.profile_id = auth.uid() AND t.status = 'reserved';
    IF FOUND THEN
        RETURN true;
    END IF;
    UPDATE @schema@.event_waitlist w SET status = 'left'
    WHERE w.event_id = leave_waitlist.event_id AND w.profile_id = auth.uid() AND w.status = 'waiting';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION leave_waitlist(uuid) IS
    'Takes the caller off a waitlist; a place that was kept for the caller passes to the next. Returns whether the caller was on it. Volatile. Example: SELECT leave_waitlist(''6f1c7a0e-0000-4000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION leave_waitlist(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION expire_waitlist_offers() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lapsed   uuid;
    released int := 0;
BEGIN
    FOR lapsed IN
        SELECT DISTINCT t.event_id FROM @schema@.event_tickets t
        WHERE t.status = 'reserved' AND t.reserved_until <= now() ORDER BY t.event_id
    LOOP
        PERFORM FROM @schema@.events e WHERE e.id = lapsed FOR NO KEY UPDATE;
        released := released + @schema@.release_reservations(lapsed);
    END LOOP;
    RETURN released;
END;
$$;
COMMENT ON FUNCTION expire_waitlist_offers() IS
    'Gives up every place that was kept for too long and offers it to the next. Booking and joining do so for their event by themselves; the job is for the person who waits. Returns how many lapsed. Volatile. Example: SELECT expire_waitlist_offers()';
GRANT EXECUTE ON FUNCTION expire_waitlist_offers() TO service_role;

SELECT community_core.create_retention_policy('event_waitlist', 'created_at', '24 months', 'delete',
    condition => 'status NOT IN (''waiting'', ''offered'')')
WHERE NOT community_core.has_retention_policy('event_waitlist', 'delete_created_at');
