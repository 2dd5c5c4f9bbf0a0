-- Tickets: a place at an event that is booked, or kept for somebody from the waitlist.

CREATE TABLE event_tickets (
    id             uuid           NOT NULL DEFAULT gen_random_uuid(),
    event_id       uuid           NOT NULL,
    profile_id     uuid,
    ticket_type    text           NOT NULL DEFAULT 'general',
    price          numeric(20, 4) NOT NULL,
    currency       text,
    coupon_id      uuid,
    status         text           NOT NULL DEFAULT 'booked',
    reserved_until timestamptz,
    qr_code        text                    DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
    checked_in_at  timestamptz,
    attended       boolean        NOT NULL DEFAULT false,
    event_end_at   timestamptz    NOT NULL,
    created_at     timestamptz    NOT NULL DEFAULT now(),
    updated_at     timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT event_tickets_pkey PRIMARY KEY (id),
    CONSTRAINT event_tickets_qr_code_key UNIQUE (qr_code),
    CONSTRAINT event_tickets_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE,
    CONSTRAINT event_tickets_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT event_tickets_coupon_id_fkey FOREIGN KEY (event_id, coupon_id)
        REFERENCES event_coupons (event_id, id) ON DELETE SET NULL (coupon_id),
    CONSTRAINT event_tickets_ticket_type_check CHECK (ticket_type ~ '@visible@' AND char_length(ticket_type) <= 50),
    CONSTRAINT event_tickets_price_check CHECK (price >= 0 AND (price = 0 OR currency IS NOT NULL)),
    CONSTRAINT event_tickets_status_check CHECK (status IN ('reserved', 'booked', 'cancelled')),
    CONSTRAINT event_tickets_reserved_until_check CHECK ((status = 'reserved') = (reserved_until IS NOT NULL)),
    CONSTRAINT event_tickets_qr_code_check CHECK (qr_code IS NOT NULL OR profile_id IS NULL),
    CONSTRAINT event_tickets_attended_check CHECK (
        (NOT attended OR status = 'booked') AND (checked_in_at IS NULL OR attended))
);
COMMENT ON TABLE event_tickets IS
    'Places at events, seen by the holder and the moderators, made and cancelled by functions alone. reserved is a place that is kept for the next of the waitlist.';
COMMENT ON COLUMN event_tickets.profile_id IS 'NULL once the person is deleted, or 24 months after the event.';
COMMENT ON COLUMN event_tickets.ticket_type IS 'What kind of place it is; given by the moderators, since who books would pick the best.';
COMMENT ON COLUMN event_tickets.price IS 'What was to be paid when it was booked, after the coupon; it is charged by the application.';
COMMENT ON COLUMN event_tickets.qr_code IS '244 random bits, which open the door once; see check_in.';
COMMENT ON COLUMN event_tickets.attended IS 'Set by check_in, or by a moderator for whoever came without it.';
COMMENT ON COLUMN event_tickets.event_end_at IS 'When the event ends, told by the database: attendance is kept for 24 months from then.';
CREATE INDEX event_tickets_taken_idx ON event_tickets (event_id, status) WHERE status <> 'cancelled';
CREATE UNIQUE INDEX event_tickets_live_key ON event_tickets (event_id, profile_id) WHERE status <> 'cancelled';
CREATE INDEX event_tickets_event_id_idx ON event_tickets (event_id);
CREATE INDEX event_tickets_profile_id_idx ON event_tickets (profile_id, status);
CREATE INDEX event_tickets_coupon_id_idx ON event_tickets (coupon_id);
CREATE INDEX event_tickets_reserved_until_idx ON event_tickets (reserved_until) WHERE status = 'reserved';
CREATE INDEX event_tickets_event_end_at_idx ON event_tickets (event_end_at);

SELECT community_core.create_counter('event_tickets', 'event_id', 'events', 'places_taken',
                                     counted => 'status <> ''cancelled''');
SELECT community_core.create_counter('event_tickets', 'coupon_id', 'event_coupons', 'redemptions',
                                     counted => 'status = ''booked''');

CREATE OR REPLACE FUNCTION settle_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.currency, e.end_at INTO NEW.currency, NEW.event_end_at FROM @schema@.events e WHERE e.id = NEW.event_id;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION settle_ticket() IS 'Trigger: a new ticket has the currency and the end of its event.';
CREATE OR REPLACE TRIGGER event_tickets_settle
    BEFORE INSERT OR UPDATE OF event_id ON event_tickets FOR EACH ROW EXECUTE FUNCTION settle_ticket();

CREATE OR REPLACE FUNCTION follow_event_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.event_tickets t SET event_end_at = NEW.end_at WHERE t.event_id = NEW.id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_event_end() IS 'Trigger: when an event is moved, its tickets know.';
CREATE OR REPLACE TRIGGER events_follow_end
    AFTER UPDATE OF end_at ON events FOR EACH ROW WHEN (OLD.end_at <> NEW.end_at) EXECUTE FUNCTION follow_event_end();

CREATE POLICY event_tickets_select_party ON event_tickets
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR event_id = ANY (ARRAY(SELECT moderated_event_ids())));
CREATE POLICY event_tickets_update_moderator ON event_tickets
    FOR UPDATE TO authenticated USING (event_id = ANY (ARRAY(SELECT moderated_event_ids())));
GRANT UPDATE (ticket_type, attended) ON event_tickets TO authenticated;

CREATE OR REPLACE FUNCTION release_reservations(event_id uuid) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    released int;
BEGIN
    UPDATE @schema@.event_tickets t SET status = 'cancelled', reserved_until = NULL
    WHERE t.event_id = release_reservations.event_id AND t.status = 'reserved' AND t.reserved_until <= now();
    GET DIAGNOSTICS released = ROW_COUNT;
    RETURN released;
END;
$$;
COMMENT ON FUNCTION release_reservations(uuid) IS
    'Gives up the places of an event that were kept for too long; the caller has locked the event. Returns how many. Volatile. For other functions.';

CREATE OR REPLACE FUNCTION open_event(event_id uuid) RETURNS events
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event @schema@.events;
BEGIN
    -- The lock first: what is read after it stands until the end of the transaction.
    PERFORM FROM @schema@.events e
    WHERE e.id = open_event.event_id AND e.status <> 'draft' AND e.space_id IN (SELECT @schema@.joinable_space_ids())
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event % is not open to you', event_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Sign in; who reads a space and is not banned there may take part.';
    END IF;
    PERFORM @schema@.release_reservations(open_event.event_id);
    SELECT e.* INTO event FROM @schema@.events e WHERE e.id = open_event.event_id;
    IF event.status <> 'published' OR event.end_at <= now() THEN
        RAISE EXCEPTION 'event % is over or cancelled', event_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Look for another date.';
    END IF;
    RETURN event;
END;
$$;
COMMENT ON FUNCTION open_event(uuid) IS
    'Locks an event that the caller may take part in, gives up lapsed reservations, and returns it. Volatile. Errors: 42501, 55000. For other functions.';

CREATE OR REPLACE FUNCTION book_ticket(event_id uuid, coupon text DEFAULT NULL)
RETURNS event_tickets
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event    CONSTANT @schema@.events := @schema@.open_event(event_id);
    discount @schema@.event_coupons;
    ticket   @schema@.event_tickets;
BEGIN
    SELECT t.* INTO ticket FROM @schema@.event_tickets t
    WHERE t.event_id = event.id AND t.profile_id = auth.uid() AND t.status <> 'cancelled';
    IF ticket.status = 'booked' THEN
        RAISE EXCEPTION 'you have a ticket of event % already', event.id
            USING ERRCODE = 'unique_violation', HINT = 'One person has one ticket.';
    ELSIF ticket.id IS NULL AND event.places_taken >= event.capacity THEN
        RAISE EXCEPTION 'all % places of event % are taken', event.capacity, event.id
            USING ERRCODE = 'check_violation', HINT = 'Call join_waitlist.';
    END IF;
    IF coupon IS NOT NULL THEN
        SELECT c.* INTO discount FROM @schema@.event_coupons c
        WHERE c.event_id = event.id AND lower(c.code) = lower(book_ticket.coupon) FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no coupon "%" for event %', coupon, event.id
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Look at how it is spelled, or book without it.';
        ELSIF discount.expires_at <= now() OR discount.redemptions >= discount.max_redemptions THEN
            RAISE EXCEPTION 'coupon "%" is expired or used up', coupon
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Book without it.';
        END IF;
    END IF;
    IF ticket.id IS NOT NULL THEN
        UPDATE @schema@.event_tickets t
        SET status = 'booked', reserved_until = NULL, coupon_id = discount.id,
            price = @schema@.discounted_price(event.price, event.currency, discount.discount_type, discount.discount_value)
        WHERE t.id = ticket.id RETURNING t.* INTO ticket;
    ELSE
        INSERT INTO @schema@.event_tickets AS t (event_id, profile_id, coupon_id, price)
        VALUES (event.id, auth.uid(), discount.id,
                @schema@.discounted_price(event.price, event.currency, discount.discount_type, discount.discount_value))
        RETURNING t.* INTO ticket;
    END IF;
    RETURN ticket;
END;
$$;
COMMENT ON FUNCTION book_ticket(uuid, text) IS
    'Books a place for the caller, the one that is kept for the caller from the waitlist if there is one. coupon: a code in any case, or NULL. Returns the ticket with its price and qr_code. Volatile. Errors: 22023 no such coupon, 23505 there is a ticket already, 23514 all places are taken, 42501, 55000 the event is over or the coupon expired or used up; 40001 in REPEATABLE READ when somebody else booked. Example: SELECT price, qr_code FROM book_ticket(''6f1c7a0e-0000-4000-8000-000000000001'', ''summer'')';
GRANT EXECUTE ON FUNCTION book_ticket(uuid, text) TO authenticated;

CREATE OR REPLACE FUNCTION cancel_ticket(ticket_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    event  @schema@.events;
    ticket @schema@.event_tickets;
BEGIN
    SELECT e.* INTO event FROM @schema@.events e
    WHERE e.id = (SELECT t.event_id FROM @schema@.event_tickets t
                  WHERE t.id = cancel_ticket.ticket_id
                    AND (t.profile_id = auth.uid() OR t.event_id IN (SELECT @schema@.moderated_event_ids())))
    FOR NO KEY UPDATE;
    SELECT t.* INTO ticket FROM @schema@.event_tickets t WHERE t.id = cancel_ticket.ticket_id AND t.event_id = event.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ticket % is not yours', ticket_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'The holder or a moderator of the space cancels a ticket.';
    ELSIF ticket.status = 'cancelled' OR ticket.attended OR event.end_at <= now() THEN
        RAISE EXCEPTION 'ticket % is cancelled, used or over', ticket_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only a ticket for what is to come is cancelled.';
    END IF;
    UPDATE @schema@.event_tickets t SET status = 'cancelled', reserved_until = NULL WHERE t.id = ticket.id;
    PERFORM @schema@.emit_event(event.space_id, 'ticket.cancelled',
                                pg_catalog.jsonb_build_object('event_id', event.id, 'ticket_id', ticket.id));
END;
$$;
COMMENT ON FUNCTION cancel_ticket(uuid) IS
    'Gives a place back, as its holder or a moderator; the first of the waitlist is offered it in the same transaction. Volatile. Errors: 42501, 55000 it is cancelled, used or over. Example: SELECT cancel_ticket(id) FROM event_tickets LIMIT 1';
GRANT EXECUTE ON FUNCTION cancel_ticket(uuid) TO authenticated, service_role;
