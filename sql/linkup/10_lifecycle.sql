-- The life of a LinkUp: draft, broadcasting, locked, completed; or expired; or canceled.

CREATE OR REPLACE FUNCTION create_linkup(
    initiator_user_id uuid, region_id uuid, brief jsonb, linkup_create_key text,
    event_time timestamptz DEFAULT NULL, acceptance_window_ends_at timestamptz DEFAULT NULL,
    venue jsonb DEFAULT NULL, correlation_id uuid DEFAULT NULL)
RETURNS linkups
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    linkup @schema@.linkups;
BEGIN
    PERFORM @schema@.require_self(create_linkup.initiator_user_id);
    SELECT l.* INTO linkup FROM @schema@.linkups l WHERE l.linkup_create_key = create_linkup.linkup_create_key;
    IF NOT FOUND THEN
        INSERT INTO @schema@.linkups AS l
            (initiator_user_id, region_id, brief, linkup_create_key, event_time, acceptance_window_ends_at,
             venue, correlation_id, min_size, max_size)
        VALUES (create_linkup.initiator_user_id, create_linkup.region_id, create_linkup.brief,
                create_linkup.linkup_create_key, create_linkup.event_time, create_linkup.acceptance_window_ends_at,
                create_linkup.venue, coalesce(create_linkup.correlation_id, @schema@.request_correlation_id()),
                coalesce((create_linkup.brief #>> '{group_size,min}')::int, 2),
                coalesce((create_linkup.brief #>> '{group_size,max}')::int, 6))
        ON CONFLICT (linkup_create_key) DO NOTHING RETURNING l.* INTO linkup;
        IF FOUND THEN
            RETURN linkup;
        END IF;
        SELECT l.* INTO linkup FROM @schema@.linkups l WHERE l.linkup_create_key = create_linkup.linkup_create_key;
    END IF;
    IF (linkup.initiator_user_id, linkup.region_id, linkup.brief)
       IS DISTINCT FROM (create_linkup.initiator_user_id, create_linkup.region_id, create_linkup.brief) THEN
        RAISE EXCEPTION 'LinkUp % is there already with another content', create_linkup.linkup_create_key
            USING ERRCODE = 'unique_violation', HINT = 'Give each LinkUp a key of its own.';
    END IF;
    RETURN linkup;
END;
$$;
COMMENT ON FUNCTION create_linkup(uuid, uuid, jsonb, text, timestamptz, timestamptz, jsonb, uuid) IS
    'Drafts a LinkUp once per create key, as its initiator or as the service; the sizes come from brief.group_size. Returns the row, on a retry the same one. Volatile. Errors: 42501 not yourself, or may not initiate (the hint says why); 23514 the brief is malformed; 23505 the key is another LinkUp''s. Example: SELECT id FROM create_linkup(''0199a7c2-0000-7000-8000-000000000002'', ''0199a7c2-0000-7000-8000-000000000003'', ''{"activity_key": "coffee", "time_window": "SAT_MORNING"}'', ''key-1'')';

CREATE OR REPLACE FUNCTION linkup_for_move(linkup_id uuid) RETURNS linkups
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    linkup @schema@.linkups;
BEGIN
    SELECT l.* INTO linkup FROM @schema@.linkups l WHERE l.id = linkup_id FOR NO KEY UPDATE;
    IF NOT @schema@.is_service() AND linkup.initiator_user_id IS DISTINCT FROM @schema@.current_user_id() THEN
        RAISE EXCEPTION 'LinkUp % is not yours', linkup_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Act as its initiator, or as service_role.';
    ELSIF linkup.id IS NULL THEN
        RAISE EXCEPTION 'there is no LinkUp %', linkup_id
            USING ERRCODE = 'no_data_found', HINT = 'Look into linkups.';
    END IF;
    RETURN linkup;
END;
$$;
COMMENT ON FUNCTION linkup_for_move(uuid) IS
    'Locks a LinkUp for its initiator or the service and returns it. Errors: 42501, P0002. For the functions that move it.';

CREATE OR REPLACE FUNCTION broadcast(linkup_id uuid, acceptance_window_ends_at timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    linkup @schema@.linkups := @schema@.linkup_for_move(linkup_id);
    ends   CONSTANT timestamptz := coalesce(broadcast.acceptance_window_ends_at, linkup.acceptance_window_ends_at);
    sent   bigint;
BEGIN
    IF linkup.state = 'broadcasting' THEN
        RETURN 0;
    ELSIF ends IS NULL OR ends <= now() THEN
        RAISE EXCEPTION 'LinkUp % needs an acceptance window that ends in the future', linkup.id
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give acceptance_window_ends_at.';
    END IF;
    PERFORM @schema@.require_initiator(linkup.initiator_user_id, linkup.region_id);
    UPDATE @schema@.linkups l SET state = 'broadcasting', acceptance_window_ends_at = ends WHERE l.id = linkup.id;
    UPDATE @schema@.linkup_invites i SET sent_at = now(), expires_at = coalesce(i.expires_at, ends)
    WHERE i.linkup_id = linkup.id AND i.state = 'pending' AND i.sent_at IS NULL;
    GET DIAGNOSTICS sent = ROW_COUNT;
    RETURN sent;
END;
$$;
COMMENT ON FUNCTION broadcast(uuid, timestamptz) IS
    'Sends a draft''s invites and opens its acceptance window; of a LinkUp that is broadcasting it changes nothing. Returns how many invites were sent. Volatile. Errors: 22023 no window; 42501; P0002; 55000 it is neither draft nor broadcasting. Example: SELECT broadcast(id, now() + ''6 hours'') FROM linkups WHERE state = ''draft'' LIMIT 1';

CREATE OR REPLACE FUNCTION lock_linkup(linkup_id uuid, expected_lock_version int) RETURNS linkups
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    linkup  @schema@.linkups := @schema@.linkup_for_move(linkup_id);
    invite  @schema@.linkup_invites;
    present uuid[] := ARRAY[linkup.initiator_user_id];
    filters jsonb;
    kept    boolean;
BEGIN
    IF linkup.state <> 'broadcasting' THEN
        RAISE EXCEPTION 'LinkUp % is %', linkup.id, linkup.state
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'A LinkUp is locked once, while it is broadcasting.';
    ELSIF linkup.lock_version IS DISTINCT FROM expected_lock_version THEN
        RAISE EXCEPTION 'LinkUp % has lock version %, not %', linkup.id, linkup.lock_version, expected_lock_version
            USING ERRCODE = 'serialization_failure', HINT = 'Read the LinkUp again, then decide again.';
    END IF;
    -- Blocks and strikes write the rows of whom they are about: one that is being made is waited for, one
    -- that an older snapshot does not show is told of (40001).
    PERFORM FROM @schema@.users u
    WHERE u.id = linkup.initiator_user_id
       OR u.id IN (SELECT i.invited_user_id FROM @schema@.linkup_invites i
                   WHERE i.linkup_id = linkup.id AND i.state = 'accepted')
    ORDER BY u.id FOR SHARE;
    PERFORM @schema@.require_initiator(linkup.initiator_user_id, linkup.region_id);
    -- First accepted, first in; whoever no longer passes, or finds no place, is closed.
    FOR invite IN
        SELECT i.* FROM @schema@.linkup_invites i WHERE i.linkup_id = linkup.id AND i.state = 'accepted'
        ORDER BY i.responded_at, i.id
    LOOP
        filters := @schema@.invite_filters(invite.invited_user_id, linkup.region_id, present);
        kept := filters -> 'failed' = '[]' AND pg_catalog.cardinality(present) < linkup.max_size;
        IF kept THEN
            present := present || invite.invited_user_id;
        END IF;
        UPDATE @schema@.linkup_invites i
        SET explainability = i.explainability || pg_catalog.jsonb_build_object('filters', filters),
            state = CASE WHEN kept THEN i.state ELSE 'closed' END,
            closed_at = CASE WHEN kept THEN i.closed_at ELSE now() END
        WHERE i.id = invite.id;
    END LOOP;
    IF pg_catalog.cardinality(present) < linkup.min_size THEN
        RAISE EXCEPTION 'LinkUp % has % of at least % people', linkup.id, pg_catalog.cardinality(present), linkup.min_size
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Wait for more people to accept, or cancel it.';
    END IF;
    UPDATE @schema@.linkup_invites i SET state = 'closed', closed_at = now()
    WHERE i.linkup_id = linkup.id AND i.state = 'pending';
    INSERT INTO @schema@.linkup_participants (linkup_id, user_id, role)
    SELECT linkup.id, p.user_id, CASE p.user_id WHEN linkup.initiator_user_id THEN 'initiator' ELSE 'participant' END
    FROM pg_catalog.unnest(present) p (user_id);
    UPDATE @schema@.linkups l
    SET state = 'locked', locked_at = now(), lock_version = l.lock_version + 1
    WHERE l.id = linkup.id RETURNING l.* INTO linkup;
    RETURN linkup;
END;
$$;
COMMENT ON FUNCTION lock_linkup(uuid, int) IS
    'Fixes who takes part: the initiator, then those who accepted in the order of their answers, as long as they pass the filters and there is a place. Everybody else''s invite is closed. Once only: of callers side by side one locks. expected_lock_version: as the caller read it. Returns the row. Volatile. Errors: 55000 not broadcasting (locked already), or fewer than min_size; 40001 another lock version, or under REPEATABLE READ or SERIALIZABLE something has changed since; 42501; P0002. Example: SELECT locked_at FROM lock_linkup(''0199a7c2-0000-7000-8000-000000000001'', 0)';

CREATE OR REPLACE FUNCTION close_linkup(linkup_id uuid, pending_to invite_state) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE @schema@.linkup_invites i
    SET state = CASE i.state WHEN 'pending' THEN pending_to ELSE 'closed' END, closed_at = now()
    WHERE i.linkup_id = close_linkup.linkup_id AND i.state IN ('pending', 'accepted');
    UPDATE @schema@.linkup_participants p SET status = 'canceled', left_at = now()
    WHERE p.linkup_id = close_linkup.linkup_id AND p.status = 'confirmed';
    UPDATE @schema@.linkup_reminders r SET status = 'failed'
    WHERE r.linkup_id = close_linkup.linkup_id AND r.status = 'pending'
$$;
COMMENT ON FUNCTION close_linkup(uuid, invite_state) IS
    'Closes the invites, the places and the reminders of a LinkUp that will not take place. Volatile. For the functions that end one.';

CREATE OR REPLACE FUNCTION cancel(linkup_id uuid, reason text DEFAULT NULL) RETURNS linkups
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    linkup @schema@.linkups := @schema@.linkup_for_move(linkup_id);
BEGIN
    IF linkup.state <> 'canceled' THEN
        UPDATE @schema@.linkups l SET state = 'canceled', canceled_reason = cancel.reason
        WHERE l.id = linkup.id RETURNING l.* INTO linkup;
        PERFORM @schema@.close_linkup(linkup.id, 'closed');
    END IF;
    RETURN linkup;
END;
$$;
COMMENT ON FUNCTION cancel(uuid, text) IS
    'Cancels a LinkUp before it has taken place, as its initiator or as the service; canceling twice changes nothing. Returns the row. Volatile. Errors: 42501; P0002; 55000 it is over. Example: SELECT canceled_reason FROM cancel(''0199a7c2-0000-7000-8000-000000000001'', ''rain'')';

CREATE OR REPLACE FUNCTION complete(linkup_id uuid, at timestamptz DEFAULT now()) RETURNS linkups
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    linkup @schema@.linkups := @schema@.linkup_for_move(linkup_id);
BEGIN
    IF linkup.state = 'completed' THEN
        RETURN linkup;
    ELSIF linkup.event_time IS NULL OR linkup.event_time > at THEN
        RAISE EXCEPTION 'LinkUp % has not taken place yet (event_time %)', linkup.id, coalesce(linkup.event_time::text, 'unset')
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Complete it after its event_time.';
    END IF;
    UPDATE @schema@.linkups l SET state = 'completed' WHERE l.id = linkup.id RETURNING l.* INTO linkup;
    RETURN linkup;
END;
$$;
COMMENT ON FUNCTION complete(uuid, timestamptz) IS
    'Ends a locked LinkUp that has taken place; twice changes nothing. at: the time to go by. Returns the row. Volatile. Errors: 55000 not locked, or its event_time is not over; 42501; P0002. For the service. Example: SELECT state FROM complete(''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION expire_due(at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    due     uuid;
    expired bigint := 0;
BEGIN
    FOR due IN
        SELECT l.id FROM @schema@.linkups l
        WHERE l.state IN ('draft', 'broadcasting') AND l.acceptance_window_ends_at <= at
        ORDER BY l.id FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        UPDATE @schema@.linkups l SET state = 'expired' WHERE l.id = due;
        PERFORM @schema@.close_linkup(due, 'expired');
        expired := expired + 1;
    END LOOP;
    -- Invites whose own time is over before their LinkUp's.
    UPDATE @schema@.linkup_invites i SET state = 'expired', closed_at = at
    WHERE i.id IN (SELECT d.id FROM @schema@.linkup_invites d
                   WHERE d.state = 'pending' AND d.expires_at <= at FOR NO KEY UPDATE SKIP LOCKED);
    RETURN expired;
END;
$$;
COMMENT ON FUNCTION expire_due(timestamptz) IS
    'Expires the LinkUps whose acceptance window is over without a lock, and the invites whose time is over; leaves alone what somebody works on at the moment. at: the time to go by. Returns how many LinkUps. Volatile. For a job. Example: SELECT expire_due()';

GRANT EXECUTE ON FUNCTION create_linkup(uuid, uuid, jsonb, text, timestamptz, timestamptz, jsonb, uuid),
    broadcast(uuid, timestamptz), lock_linkup(uuid, int), cancel(uuid, text) TO authenticated, service_role;
GRANT EXECUTE ON FUNCTION complete(uuid, timestamptz), expire_due(timestamptz) TO service_role;
