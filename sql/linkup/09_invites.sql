-- Who may be asked and who may ask, and the answers.

CREATE OR REPLACE FUNCTION invite_filters(user_id uuid, region_id uuid, present uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.jsonb_build_object(
        'passed', coalesce(pg_catalog.jsonb_agg(f.name ORDER BY f.place) FILTER (WHERE f.passed), '[]'),
        'failed', coalesce(pg_catalog.jsonb_agg(f.name ORDER BY f.place) FILTER (WHERE NOT f.passed), '[]'))
    FROM (VALUES
        (1, 'active', EXISTS (
            SELECT FROM @schema@.users u
            WHERE u.id = invite_filters.user_id AND u.state = 'active' AND u.deleted_at IS NULL)),
        (2, 'region', EXISTS (
            SELECT FROM @schema@.region_memberships m
            WHERE m.user_id = invite_filters.user_id AND m.region_id = invite_filters.region_id
              AND m.status = 'active' AND m.released_at IS NULL)),
        (3, 'entitled', EXISTS (
            SELECT FROM @schema@.entitlements e
            WHERE e.user_id = invite_filters.user_id AND e.eligible_to_participate
              AND e.effective_at <= now() AND (e.expires_at IS NULL OR e.expires_at > now()))),
        (4, 'not_on_hold', NOT @schema@.is_on_hold(invite_filters.user_id)),
        (5, 'not_blocked', NOT EXISTS (
            SELECT FROM @schema@.user_blocks b
            WHERE (b.blocker_user_id = invite_filters.user_id AND b.blocked_user_id = ANY (present))
               OR (b.blocked_user_id = invite_filters.user_id AND b.blocker_user_id = ANY (present))))
    ) AS f (place, name, passed)
$$;
COMMENT ON FUNCTION invite_filters(uuid, uuid, uuid[]) IS
    'Which filters a user passes and fails for a LinkUp in a region with the people who are in already: active, region, entitled, not_on_hold, not_blocked. Returns {"passed": [...], "failed": [...]}. Stable. For the service. Example: SELECT invite_filters(id, region_id, ''{}'') FROM users LIMIT 1';
GRANT EXECUTE ON FUNCTION invite_filters(uuid, uuid, uuid[]) TO service_role;

CREATE OR REPLACE FUNCTION present_user_ids(linkup_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY(
        SELECT l.initiator_user_id FROM @schema@.linkups l WHERE l.id = present_user_ids.linkup_id
        UNION SELECT i.invited_user_id FROM @schema@.linkup_invites i
              WHERE i.linkup_id = present_user_ids.linkup_id AND i.state = 'accepted')
$$;
COMMENT ON FUNCTION present_user_ids(uuid) IS 'The initiator of a LinkUp and those who accepted. Stable. For the service.';
GRANT EXECUTE ON FUNCTION present_user_ids(uuid) TO service_role;

CREATE OR REPLACE FUNCTION require_initiator(user_id uuid, region_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    failed CONSTANT jsonb := @schema@.invite_filters(user_id, region_id, '{}') -> 'failed'
        || CASE WHEN EXISTS (SELECT FROM @schema@.entitlements e
                             WHERE e.user_id = require_initiator.user_id AND e.eligible_to_initiate)
                THEN '[]' ELSE '["entitled_to_initiate"]'::jsonb END;
BEGIN
    IF failed <> '[]' THEN
        RAISE EXCEPTION 'user % may not initiate a LinkUp in region %', user_id, region_id
            USING ERRCODE = 'insufficient_privilege',
                  HINT = pg_catalog.format('Failed: %s.', (
                      SELECT pg_catalog.string_agg(f.name, ', ') FROM pg_catalog.jsonb_array_elements_text(failed) f (name)));
    END IF;
END;
$$;
COMMENT ON FUNCTION require_initiator(uuid, uuid) IS
    'Raises 42501 unless the user is active, in the region, entitled to initiate and not on hold. Stable.';

CREATE OR REPLACE FUNCTION admit_linkup() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_initiator(NEW.initiator_user_id, NEW.region_id);
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION admit_linkup() IS 'Trigger: only who may initiate initiates (42501).';
CREATE OR REPLACE TRIGGER linkups_admit BEFORE INSERT ON linkups
    FOR EACH ROW EXECUTE FUNCTION admit_linkup();

CREATE OR REPLACE FUNCTION admit_invite() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    linkup  @schema@.linkups;
    filters jsonb;
BEGIN
    -- Written, not only locked: whoever locks the LinkUp in an older snapshot is told to try again.
    UPDATE @schema@.linkups l SET lock_version = l.lock_version WHERE l.id = NEW.linkup_id RETURNING l.* INTO linkup;
    IF NOT FOUND THEN
        RETURN NEW; -- the foreign key says so
    ELSIF linkup.state NOT IN ('draft', 'broadcasting') THEN
        RAISE EXCEPTION 'LinkUp % is %', linkup.id, linkup.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Invites are made before the lock.';
    ELSIF NEW.invited_user_id = linkup.initiator_user_id THEN
        RAISE EXCEPTION 'user % initiated LinkUp %', NEW.invited_user_id, linkup.id
            USING ERRCODE = 'check_violation', HINT = 'The initiator is in without an invite.';
    END IF;
    filters := @schema@.invite_filters(NEW.invited_user_id, linkup.region_id, @schema@.present_user_ids(linkup.id));
    NEW.explainability := NEW.explainability || pg_catalog.jsonb_build_object('filters', filters);
    NEW.sent_at := NULL;
    IF filters -> 'failed' <> '[]' THEN
        NEW.state := 'closed';
        NEW.closed_at := now();
    ELSIF linkup.state = 'broadcasting' THEN
        NEW.sent_at := now();
        NEW.expires_at := coalesce(NEW.expires_at, linkup.acceptance_window_ends_at);
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION admit_invite() IS
    'Trigger: an invite to whom a filter keeps out is closed, with the filter''s name in explainability, and never sent. Errors: 55000 the LinkUp takes no invites any more, 23514 the initiator.';
CREATE OR REPLACE TRIGGER linkup_invites_admit BEFORE INSERT ON linkup_invites
    FOR EACH ROW EXECUTE FUNCTION admit_invite();

CREATE OR REPLACE FUNCTION invite_user(
    linkup_id uuid, user_id uuid, idempotency_key text,
    offered_options jsonb DEFAULT NULL, explainability jsonb DEFAULT '{}', expires_at timestamptz DEFAULT NULL)
RETURNS linkup_invites
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    invite @schema@.linkup_invites;
BEGIN
    SELECT i.* INTO invite FROM @schema@.linkup_invites i WHERE i.idempotency_key = invite_user.idempotency_key;
    IF NOT FOUND THEN
        INSERT INTO @schema@.linkup_invites AS i
            (linkup_id, invited_user_id, idempotency_key, offered_options, explainability, expires_at)
        VALUES (invite_user.linkup_id, invite_user.user_id, invite_user.idempotency_key,
                invite_user.offered_options, invite_user.explainability, invite_user.expires_at)
        ON CONFLICT (idempotency_key) DO NOTHING RETURNING i.* INTO invite;
        IF FOUND THEN
            RETURN invite;
        END IF;
        SELECT i.* INTO invite FROM @schema@.linkup_invites i WHERE i.idempotency_key = invite_user.idempotency_key;
    END IF;
    IF (invite.linkup_id, invite.invited_user_id) <> (invite_user.linkup_id, invite_user.user_id) THEN
        RAISE EXCEPTION 'invite % is there already for another person or LinkUp', invite_user.idempotency_key
            USING ERRCODE = 'unique_violation', HINT = 'Give each invite a key of its own.';
    END IF;
    RETURN invite;
END;
$$;
COMMENT ON FUNCTION invite_user(uuid, uuid, text, jsonb, jsonb, timestamptz) IS
    'Invites a user once per idempotency key and once per LinkUp; sent at once where the LinkUp is broadcasting, else by broadcast. Returns the row, on a retry, also one after the lock, the same one; state closed where a filter failed (explainability.filters.failed). Volatile. Errors: 23505 invited already, or the key is another invite''s; 55000; 23514; 40001 under REPEATABLE READ or SERIALIZABLE where the LinkUp has changed. Example: SELECT state FROM invite_user(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'', ''wave1:2'')';
GRANT EXECUTE ON FUNCTION invite_user(uuid, uuid, text, jsonb, jsonb, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION invite_for_answer(invite_id uuid) RETURNS linkup_invites
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    invite @schema@.linkup_invites;
BEGIN
    SELECT i.* INTO invite FROM @schema@.linkup_invites i WHERE i.id = invite_id;
    IF NOT @schema@.is_service()
       AND (invite.id IS NULL OR invite.sent_at IS NULL
            OR invite.invited_user_id IS DISTINCT FROM @schema@.current_user_id()) THEN
        RAISE EXCEPTION 'there is no invite % for you', invite_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Answer as the person who is invited, or as service_role.';
    ELSIF invite.id IS NULL THEN
        RAISE EXCEPTION 'there is no invite %', invite_id
            USING ERRCODE = 'no_data_found', HINT = 'Look into linkup_invites.';
    END IF;
    -- The LinkUp first, as everywhere: answers to one LinkUp are given one after the other.
    PERFORM FROM @schema@.linkups l WHERE l.id = invite.linkup_id FOR NO KEY UPDATE;
    SELECT i.* INTO invite FROM @schema@.linkup_invites i WHERE i.id = invite_id FOR NO KEY UPDATE;
    RETURN invite;
END;
$$;
COMMENT ON FUNCTION invite_for_answer(uuid) IS
    'Locks a LinkUp and one of its invites for whoever may answer it, and returns the invite. Errors: 42501, P0002. For accept_invite and decline_invite.';

CREATE OR REPLACE FUNCTION accept_invite(
    invite_id uuid, selected_option text DEFAULT NULL, response_message_sid text DEFAULT NULL)
RETURNS invite_state
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    invite  @schema@.linkup_invites := @schema@.invite_for_answer(invite_id);
    linkup  @schema@.linkups;
    filters jsonb;
    answer  @schema@.invite_state := 'accepted';
BEGIN
    SELECT l.* INTO linkup FROM @schema@.linkups l WHERE l.id = invite.linkup_id;
    IF invite.state <> 'pending' THEN
        RETURN invite.state;
    ELSIF linkup.state <> 'broadcasting' THEN
        RAISE EXCEPTION 'LinkUp % is %', linkup.id, linkup.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Answers are taken while it is broadcasting.';
    END IF;
    filters := @schema@.invite_filters(invite.invited_user_id, linkup.region_id, @schema@.present_user_ids(linkup.id));
    IF LEAST(invite.expires_at, linkup.acceptance_window_ends_at) <= now() THEN
        answer := 'expired';
    ELSIF filters -> 'failed' <> '[]'
          OR pg_catalog.cardinality(@schema@.present_user_ids(linkup.id)) >= linkup.max_size THEN
        answer := 'closed';
    END IF;
    UPDATE @schema@.linkup_invites i
    SET state = answer, selected_option = accept_invite.selected_option,
        response_message_sid = accept_invite.response_message_sid,
        -- Not now(): a transaction that began earlier may have waited for its turn.
        responded_at = pg_catalog.clock_timestamp(),
        closed_at = CASE WHEN answer = 'closed' THEN now() END,
        explainability = i.explainability || pg_catalog.jsonb_build_object('filters', filters)
    WHERE i.id = invite_id;
    IF answer = 'accepted' THEN
        -- Written, not only locked: whoever counts the places in an older snapshot is told to try again.
        UPDATE @schema@.linkups l SET lock_version = l.lock_version WHERE l.id = linkup.id;
    END IF;
    RETURN answer;
END;
$$;
COMMENT ON FUNCTION accept_invite(uuid, text, text) IS
    'Says yes to an invite, as the invited or as the service. Returns accepted; or closed, where the LinkUp is full or the person no longer passes its filters; expired, where the window is over; for an answered invite its state. Volatile. Errors: 42501 not yours, P0002 no such invite, 55000 the LinkUp is not broadcasting, 40001 under REPEATABLE READ or SERIALIZABLE where somebody was faster. Example: SELECT accept_invite(id) FROM linkup_invites WHERE state = ''pending'' LIMIT 1';
CREATE OR REPLACE FUNCTION decline_invite(invite_id uuid, response_message_sid text DEFAULT NULL)
RETURNS invite_state
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    invite @schema@.linkup_invites := @schema@.invite_for_answer(invite_id);
BEGIN
    IF invite.state NOT IN ('pending', 'accepted')
       OR (invite.state = 'accepted' AND NOT EXISTS (
               SELECT FROM @schema@.linkups l WHERE l.id = invite.linkup_id AND l.state = 'broadcasting')) THEN
        RETURN invite.state;
    END IF;
    UPDATE @schema@.linkup_invites i
    SET state = 'declined', responded_at = pg_catalog.clock_timestamp(),
        response_message_sid = coalesce(decline_invite.response_message_sid, i.response_message_sid)
    WHERE i.id = invite_id;
    RETURN 'declined';
END;
$$;
COMMENT ON FUNCTION decline_invite(uuid, text) IS
    'Says no to an invite, also after a yes while the LinkUp is still broadcasting. Returns the state of the invite: declined, or what it was where no answer is taken any more. Volatile. Errors: 42501 not yours, P0002 no such invite. Example: SELECT decline_invite(id) FROM linkup_invites WHERE state = ''pending'' LIMIT 1';
GRANT EXECUTE ON FUNCTION accept_invite(uuid, text, text), decline_invite(uuid, text) TO authenticated, service_role;
