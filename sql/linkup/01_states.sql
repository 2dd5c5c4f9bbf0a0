-- The states of everything that has one, how each may move, and the record of every move.

CREATE TYPE user_state AS ENUM ('unverified', 'verified', 'interviewing', 'active', 'suspended', 'deleted');
CREATE TYPE profile_state AS ENUM ('empty', 'partial', 'complete_mvp', 'complete_full', 'stale');
CREATE TYPE conversation_mode AS ENUM ('idle', 'interviewing', 'linkup_forming', 'awaiting_invite_reply', 'safety_hold');
CREATE TYPE linkup_state AS ENUM ('draft', 'broadcasting', 'locked', 'completed', 'expired', 'canceled');
CREATE TYPE invite_state AS ENUM ('pending', 'accepted', 'declined', 'expired', 'closed');
CREATE TYPE subscription_state AS ENUM ('none', 'trialing', 'active', 'past_due', 'canceled', 'unpaid');
CREATE TYPE safety_hold_state AS ENUM ('none', 'soft_hold', 'hard_hold');
CREATE TYPE region_state AS ENUM ('open', 'waitlisted', 'closed');
COMMENT ON TYPE user_state IS 'From registration to deletion; see state_transitions().';
COMMENT ON TYPE profile_state IS 'How much of the interview is done; see state_transitions().';
COMMENT ON TYPE conversation_mode IS 'What the next inbound message is an answer to.';
COMMENT ON TYPE linkup_state IS 'The life of a LinkUp; see state_transitions().';
COMMENT ON TYPE invite_state IS 'The life of an invite; see state_transitions().';
COMMENT ON TYPE subscription_state IS 'As Stripe has it.';
COMMENT ON TYPE safety_hold_state IS 'A held user is neither invited nor may initiate.';
COMMENT ON TYPE region_state IS 'Whether people can join a region.';

CREATE OR REPLACE FUNCTION state_transitions()
RETURNS TABLE (entity text, from_state text, to_state text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    -- NULL: where a life begins.
    ('users', NULL, 'unverified'),
    ('users', 'unverified',   'verified'),
    ('users', 'verified',     'unverified'),      -- consent withdrawn before the interview
    ('users', 'verified',     'interviewing'),
    ('users', 'interviewing', 'active'),
    ('users', 'active',       'interviewing'),
    ('users', 'verified',     'suspended'),
    ('users', 'interviewing', 'suspended'),
    ('users', 'active',       'suspended'),
    ('users', 'suspended',    'verified'),
    ('users', 'suspended',    'active'),
    ('users', 'unverified',   'deleted'),
    ('users', 'verified',     'deleted'),
    ('users', 'interviewing', 'deleted'),
    ('users', 'active',       'deleted'),
    ('users', 'suspended',    'deleted'),
    ('profiles', NULL, 'empty'),
    ('profiles', 'empty',         'partial'),
    ('profiles', 'partial',       'complete_mvp'),
    ('profiles', 'complete_mvp',  'complete_full'),
    ('profiles', 'complete_mvp',  'stale'),
    ('profiles', 'complete_full', 'stale'),
    ('profiles', 'stale',         'partial'),
    ('profiles', 'stale',         'complete_mvp'),
    ('profiles', 'stale',         'complete_full'),
    ('profiles', 'partial',       'empty'),       -- erased with its user
    ('profiles', 'complete_mvp',  'empty'),
    ('profiles', 'complete_full', 'empty'),
    ('profiles', 'stale',         'empty'),
    ('linkups', NULL, 'draft'),
    ('linkups', 'draft',        'broadcasting'),
    ('linkups', 'draft',        'expired'),
    ('linkups', 'draft',        'canceled'),
    ('linkups', 'broadcasting', 'locked'),
    ('linkups', 'broadcasting', 'expired'),
    ('linkups', 'broadcasting', 'canceled'),
    ('linkups', 'locked',       'completed'),
    ('linkups', 'locked',       'canceled'),
    ('linkup_invites', NULL, 'pending'),
    ('linkup_invites', NULL, 'closed'),           -- a filter failed: recorded, never sent
    ('linkup_invites', 'pending',  'accepted'),
    ('linkup_invites', 'pending',  'declined'),
    ('linkup_invites', 'pending',  'expired'),
    ('linkup_invites', 'pending',  'closed'),
    ('linkup_invites', 'accepted', 'declined'),   -- a changed mind before the lock
    ('linkup_invites', 'accepted', 'closed')
$$;
COMMENT ON FUNCTION state_transitions() IS
    'Every move that users, profiles, LinkUps and invites may make, and no other. from_state NULL: where a life begins. Immutable. Example: SELECT to_state FROM state_transitions() WHERE entity = ''linkups'' AND from_state = ''broadcasting''';
GRANT EXECUTE ON FUNCTION state_transitions() TO anon, authenticated, service_role;

CREATE TABLE domain_events (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    entity_type     text        NOT NULL,
    entity_id       uuid        NOT NULL,
    event_type      text        NOT NULL,
    from_state      text,
    to_state        text,
    idempotency_key text,
    correlation_id  uuid,
    payload         jsonb       NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT domain_events_pkey PRIMARY KEY (id),
    CONSTRAINT domain_events_idem_uniq UNIQUE (idempotency_key)
);
COMMENT ON TABLE domain_events IS
    'One row per move of a user, a profile, a LinkUp, an invite or a subscription, written by the database.';
COMMENT ON COLUMN domain_events.idempotency_key IS 'entity:id:transaction:number; an event of an application''s own brings its own key.';
CREATE INDEX domain_events_entity_idx ON domain_events (entity_type, entity_id);
CREATE INDEX domain_events_created_idx ON domain_events (created_at);

CREATE OR REPLACE FUNCTION request_correlation_id() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given text;
BEGIN
    given := pg_catalog.current_setting('request.headers', true)::jsonb ->> 'x-correlation-id';
    RETURN given::uuid;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION request_correlation_id() IS
    'The header x-correlation-id of the request, where it is a uuid, as PostgREST hands it on in request.headers; else NULL, never an error. Stable.';
GRANT EXECUTE ON FUNCTION request_correlation_id() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION keep_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before CONSTANT text := CASE TG_OP WHEN 'UPDATE' THEN OLD.state::text END;
    after  CONSTANT text := NEW.state::text;
BEGIN
    IF before = after THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM @schema@.state_transitions() t
                   WHERE t.entity = TG_TABLE_NAME AND t.to_state = after
                     AND t.from_state IS NOT DISTINCT FROM before) THEN
        RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, NEW.id, coalesce(before, 'nothing'), after
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = pg_catalog.format('From here it can go to: %s.', coalesce((
                      SELECT pg_catalog.string_agg(t.to_state, ', ') FROM @schema@.state_transitions() t
                      WHERE t.entity = TG_TABLE_NAME AND t.from_state IS NOT DISTINCT FROM before), 'nowhere'));
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_state() IS
    'Trigger: a state moves only as state_transitions() says (55000).';

-- Only code of this schema runs as the table's owner, so a caller who is not the owner writes by hand.
CREATE OR REPLACE FUNCTION keep_to_functions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_catalog.pg_has_role(current_user,
            (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
        RAISE EXCEPTION '% of % is not changed by hand', TG_ARGV[0], TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege', HINT = pg_catalog.format('Call %s.', TG_ARGV[1]);
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_to_functions() IS
    'Trigger with arguments (what, functions): refuses app roles to do by hand what functions do (42501).';

CREATE OR REPLACE FUNCTION record_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    row_now CONSTANT jsonb := pg_catalog.to_jsonb(NEW);
BEGIN
    -- The row is locked, so the moves of one entity are counted one after the other.
    INSERT INTO @schema@.domain_events
        (entity_type, entity_id, event_type, from_state, to_state, idempotency_key, correlation_id)
    SELECT TG_TABLE_NAME, NEW.id, CASE TG_OP WHEN 'INSERT' THEN 'created' ELSE 'state_changed' END,
           CASE TG_OP WHEN 'UPDATE' THEN OLD.state::text END, NEW.state::text,
           pg_catalog.format('%s:%s:%s:%s', TG_TABLE_NAME, NEW.id, pg_catalog.pg_current_xact_id(),
               (SELECT pg_catalog.count(*) FROM @schema@.domain_events e
                WHERE e.entity_type = TG_TABLE_NAME AND e.entity_id = NEW.id)),
           coalesce((row_now ->> 'correlation_id')::uuid, @schema@.request_correlation_id());
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_move() IS
    'Trigger: writes each move of a state, the first one too, to domain_events.';

-- The claim to act for a user: the service, the schema's owner, or the user's own session.
CREATE OR REPLACE FUNCTION is_service() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.pg_has_role(caller, 'service_role', 'MEMBER')
        OR pg_catalog.pg_has_role(caller, (SELECT p.proowner FROM pg_catalog.pg_proc p
               WHERE p.oid = '@schema@.state_transitions()'::pg_catalog.regprocedure), 'MEMBER')
    FROM (SELECT CASE pg_catalog.current_setting('role') WHEN 'none' THEN session_user::text
                      ELSE pg_catalog.current_setting('role') END::pg_catalog.name) AS c (caller)
$$;
COMMENT ON FUNCTION is_service() IS
    'Whether the session acts as service_role or as the schema''s owner, also when asked from a SECURITY DEFINER function. Stable.';
GRANT EXECUTE ON FUNCTION is_service() TO authenticated, service_role;
