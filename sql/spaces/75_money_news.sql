-- What webhooks and people are told of money and of events. No payment data: neither who gave, nor what the provider
-- calls it, nor why it refused.

CREATE OR REPLACE FUNCTION tell_of_money() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entity CONSTANT jsonb := pg_catalog.to_jsonb(NEW);
BEGIN
    PERFORM @schema@.notify(person, TG_ARGV[0], pg_catalog.jsonb_build_object(TG_ARGV[1], NEW.id),
                            -- Money outlives the space that it was for.
                            (SELECT s.id FROM @schema@.spaces s WHERE s.id = (entity ->> 'space_id')::uuid))
    FROM (SELECT DISTINCT (entity ->> who)::uuid AS person FROM pg_catalog.unnest(TG_ARGV[2:]) AS who) AS told
    WHERE told.person IS DISTINCT FROM auth.uid();
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_money() IS
    'Trigger: notifies people of what came of their money, but for who did it. Arguments: the type, what the row''s id is called, the columns that say who is told.';

-- Of a pledge the period that was charged is told, of all else the donation.
CREATE OR REPLACE TRIGGER donations_emit_completed
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.refund_of IS NULL AND NEW.pledge_id IS NULL)
    EXECUTE FUNCTION emit_row_event('donation.completed', 'id', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER donations_emit_refunded
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.refund_of IS NOT NULL)
    EXECUTE FUNCTION emit_row_event('donation.refunded', 'id', 'refund_of', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER donations_emit_charged
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.pledge_id IS NOT NULL)
    EXECUTE FUNCTION emit_row_event('pledge.charged', 'id', 'pledge_id', 'period_start', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER donations_emit_not_charged
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status = 'pending' AND NEW.pledge_id IS NOT NULL)
    EXECUTE FUNCTION emit_row_event('pledge.failed', 'id', 'pledge_id', 'period_start', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER donations_tell_completed
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.refund_of IS NULL AND NEW.pledge_id IS NULL)
    EXECUTE FUNCTION tell_of_money('donation.completed', 'donation_id', 'profile_id');
CREATE OR REPLACE TRIGGER donations_tell_refunded
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.refund_of IS NOT NULL)
    EXECUTE FUNCTION tell_of_money('donation.refunded', 'donation_id', 'profile_id');
CREATE OR REPLACE TRIGGER donations_tell_charged
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'completed' AND OLD.status = 'pending' AND NEW.pledge_id IS NOT NULL)
    EXECUTE FUNCTION tell_of_money('pledge.charged', 'donation_id', 'profile_id');
CREATE OR REPLACE TRIGGER donations_tell_not_charged
    AFTER UPDATE OF status ON donations FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status = 'pending' AND NEW.pledge_id IS NOT NULL)
    EXECUTE FUNCTION tell_of_money('pledge.failed', 'donation_id', 'profile_id');

CREATE OR REPLACE TRIGGER bounties_emit_funded
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'funded' AND OLD.status <> 'funded')
    EXECUTE FUNCTION emit_row_event('bounty.funded', 'id', 'target_type', 'target_id', 'amount', 'currency', 'expires_at');
CREATE OR REPLACE TRIGGER bounties_emit_released
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'released' AND OLD.status <> 'released')
    EXECUTE FUNCTION emit_row_event('bounty.released', 'id', 'target_type', 'target_id', 'amount', 'currency', 'recipient_id');
CREATE OR REPLACE TRIGGER bounties_emit_refunded
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'refunded' AND OLD.status <> 'refunded')
    EXECUTE FUNCTION emit_row_event('bounty.refunded', 'id', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER bounties_emit_disputed
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'disputed' AND OLD.status <> 'disputed')
    EXECUTE FUNCTION emit_row_event('bounty.disputed', 'id', 'target_type', 'target_id', 'amount', 'currency');
CREATE OR REPLACE TRIGGER bounties_tell_funded
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'funded' AND OLD.status <> 'funded')
    EXECUTE FUNCTION tell_of_money('bounty.funded', 'bounty_id', 'sponsor_id');
CREATE OR REPLACE TRIGGER bounties_tell_released
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'released' AND OLD.status <> 'released')
    EXECUTE FUNCTION tell_of_money('bounty.released', 'bounty_id', 'sponsor_id', 'recipient_id');
CREATE OR REPLACE TRIGGER bounties_tell_refunded
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'refunded' AND OLD.status <> 'refunded')
    EXECUTE FUNCTION tell_of_money('bounty.refunded', 'bounty_id', 'sponsor_id');
CREATE OR REPLACE TRIGGER bounties_tell_disputed
    AFTER UPDATE OF status ON bounties FOR EACH ROW WHEN (NEW.status = 'disputed' AND OLD.status <> 'disputed')
    EXECUTE FUNCTION tell_of_money('bounty.disputed', 'bounty_id', 'sponsor_id');

-- A payout is of no space, so webhooks of the site alone are told.
CREATE OR REPLACE FUNCTION tell_of_payout() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event CONSTANT text := CASE NEW.status WHEN 'queued' THEN 'payout.failed' ELSE 'payout.' || NEW.status END;
BEGIN
    PERFORM @schema@.emit_event(NULL, event, pg_catalog.jsonb_build_object(
        'id', NEW.id, 'payout_account_id', NEW.payout_account_id, 'amount', NEW.amount, 'currency', NEW.currency,
        'attempts', NEW.attempts));
    -- What is tried again by itself is nothing that the person could do anything about.
    IF NEW.status <> 'queued' THEN
        PERFORM @schema@.notify(a.profile_id, event, pg_catalog.jsonb_build_object('payout_job_id', NEW.id))
        FROM @schema@.payout_accounts a WHERE a.id = NEW.payout_account_id;
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_payout() IS
    'Trigger: tells the webhooks of the site that a payout is paid, failed (and is tried again) or dead, and the person that it is paid or dead.';
CREATE OR REPLACE TRIGGER payout_jobs_tell
    AFTER UPDATE OF status ON payout_jobs FOR EACH ROW
    WHEN (OLD.status = 'processing' AND NEW.status <> 'processing') EXECUTE FUNCTION tell_of_payout();

-- While somebody waits it was sold out before: a place that passes from one to the next is no news.
CREATE OR REPLACE FUNCTION tell_of_sold_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM @schema@.event_waitlist w WHERE w.event_id = NEW.id AND w.status IN ('waiting', 'offered')) THEN
        PERFORM @schema@.emit_event(NEW.space_id, 'event.sold_out',
                                    pg_catalog.jsonb_build_object('event_id', NEW.id, 'title', NEW.title));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_sold_out() IS 'Trigger: tells the webhooks that the last place of an event is taken.';
CREATE OR REPLACE TRIGGER events_tell_sold_out
    AFTER UPDATE OF places_taken, capacity ON events FOR EACH ROW
    WHEN (NEW.status = 'published' AND NEW.places_taken >= NEW.capacity
          AND (OLD.capacity IS NULL OR OLD.places_taken < OLD.capacity))
    EXECUTE FUNCTION tell_of_sold_out();

CREATE OR REPLACE FUNCTION tell_of_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    payload CONSTANT jsonb := pg_catalog.jsonb_build_object('event_id', NEW.event_id, 'ticket_id', NEW.id);
    place   CONSTANT uuid := (SELECT e.space_id FROM @schema@.events e WHERE e.id = NEW.event_id);
BEGIN
    IF NEW.status = 'reserved' THEN
        PERFORM @schema@.emit_event(place, 'waitlist.promoted', payload);
    ELSE
        PERFORM @schema@.emit_event(place, 'ticket.booked', payload);
        PERFORM @schema@.notify(NEW.profile_id, 'ticket.booked', payload, place);
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_ticket() IS
    'Trigger: tells the webhooks of a ticket that is booked (ticket.booked) or kept for the next of the waitlist (waitlist.promoted), and the holder of one that is booked.';
CREATE OR REPLACE TRIGGER event_tickets_tell
    AFTER INSERT ON event_tickets FOR EACH ROW WHEN (NEW.status IN ('reserved', 'booked')) EXECUTE FUNCTION tell_of_ticket();
CREATE OR REPLACE TRIGGER event_tickets_tell_booked
    AFTER UPDATE OF status ON event_tickets FOR EACH ROW WHEN (OLD.status <> 'booked' AND NEW.status = 'booked')
    EXECUTE FUNCTION tell_of_ticket();
