-- Reputation: what people earned and lost in a space, summed exactly, and how it fades.

CREATE TABLE reputation_aggregates (
    profile_id     uuid             NOT NULL,
    space_id       uuid             NOT NULL,
    event_points   bigint           NOT NULL DEFAULT 0,
    month_points   bigint           NOT NULL DEFAULT 0,
    total_points   bigint           NOT NULL GENERATED ALWAYS AS (event_points + month_points) STORED,
    decayed_points double precision NOT NULL DEFAULT 0,
    last_decay_at  timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT reputation_aggregates_pkey PRIMARY KEY (profile_id, space_id),
    CONSTRAINT reputation_aggregates_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT reputation_aggregates_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE
);
COMMENT ON TABLE reputation_aggregates IS 'A person''s reputation in a space. Read by those who read the space.';
COMMENT ON COLUMN reputation_aggregates.event_points IS 'The sum of the person''s reputation_events; kept by the counter engine.';
COMMENT ON COLUMN reputation_aggregates.month_points IS 'The sum of the person''s reputation_months; kept by the counter engine.';
COMMENT ON COLUMN reputation_aggregates.total_points IS 'All that was ever earned less what was lost, without decay.';
COMMENT ON COLUMN reputation_aggregates.decayed_points IS
    'The reputation as of last_decay_at, each event halved for every half-life since. As of now: reputation().';
CREATE INDEX reputation_aggregates_space_id_idx ON reputation_aggregates (space_id);
CREATE INDEX reputation_aggregates_last_decay_at_idx ON reputation_aggregates (last_decay_at);
CREATE POLICY reputation_aggregates_select_reader ON reputation_aggregates
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid())
           OR ((SELECT auth.uid()) IS NOT NULL AND space_id = ANY (ARRAY(SELECT readable_space_ids()))));

CREATE TABLE reputation_events (
    id         uuid        NOT NULL DEFAULT uuid_v7(),
    profile_id uuid        NOT NULL,
    space_id   uuid        NOT NULL,
    event_type text        NOT NULL,
    points     integer     NOT NULL,
    metadata   jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reputation_events_pkey PRIMARY KEY (id),
    CONSTRAINT reputation_events_profile_id_space_id_fkey FOREIGN KEY (profile_id, space_id)
        REFERENCES reputation_aggregates (profile_id, space_id) ON DELETE CASCADE,
    CONSTRAINT reputation_events_event_type_check CHECK (event_type ~ '^[a-z]+(_[a-z]+)*$' AND char_length(event_type) <= 60)
);
COMMENT ON TABLE reputation_events IS
    'What changed a person''s reputation in a space, and by how much. Never changed; after 24 months it goes into reputation_months.';
COMMENT ON COLUMN reputation_events.event_type IS
    'up_vote, down_vote, vote_withdrawn, answer_accepted, answer_unaccepted, badge, or a word of the application''s.';
CREATE INDEX reputation_events_profile_id_space_id_created_at_idx ON reputation_events (profile_id, space_id, created_at);
CREATE INDEX reputation_events_space_id_idx ON reputation_events (space_id, created_at);
CREATE INDEX reputation_events_created_at_idx ON reputation_events (created_at);
CREATE POLICY reputation_events_select_own_or_moderator ON reputation_events
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));

CREATE TABLE reputation_months (
    profile_id uuid    NOT NULL,
    space_id   uuid    NOT NULL,
    month      date    NOT NULL,
    event_type text    NOT NULL,
    points     bigint  NOT NULL,
    events     bigint  NOT NULL,
    CONSTRAINT reputation_months_pkey PRIMARY KEY (profile_id, space_id, month, event_type),
    CONSTRAINT reputation_months_profile_id_space_id_fkey FOREIGN KEY (profile_id, space_id)
        REFERENCES reputation_aggregates (profile_id, space_id) ON DELETE CASCADE
);
COMMENT ON TABLE reputation_months IS
    'Events older than 24 months, per person, space, month and kind: their number and their sum. Written by the retention engine.';
COMMENT ON COLUMN reputation_months.month IS 'Its first day, in UTC.';
CREATE INDEX reputation_months_space_id_idx ON reputation_months (space_id);
CREATE POLICY reputation_months_select_own_or_moderator ON reputation_months
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));

SELECT community_core.create_sum('reputation_events', ARRAY['profile_id', 'space_id'], 'points',
                                 'reputation_aggregates', 'event_points', ARRAY['profile_id', 'space_id']);
SELECT community_core.create_sum('reputation_months', ARRAY['profile_id', 'space_id'], 'points',
                                 'reputation_aggregates', 'month_points', ARRAY['profile_id', 'space_id']);
SELECT community_core.create_retention_policy('reputation_events', 'created_at', '24 months', 'summarize',
    '{"profile_id": "profile_id", "space_id": "space_id",
      "month": "date_trunc(''month'', created_at AT TIME ZONE ''UTC'')::date", "event_type": "event_type",
      "points": "sum(points)", "events": "count(*)"}', 'reputation_months');

CREATE OR REPLACE FUNCTION decay_factor(elapsed interval) RETURNS double precision
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Beyond a thousand half-lives nothing is left that a double could tell from zero.
    RETURN power(0.5::float8, LEAST(GREATEST(extract(epoch FROM elapsed), 0) / 86400
                                    / community_core.spaces_setting('half_life_days'), 1000)::float8);
END;
$$;
COMMENT ON FUNCTION decay_factor(interval) IS
    'What is left of a point after that time: halved for each half-life, by the setting community_core.spaces_half_life_days; at most 1. NULL gives NULL. Stable. Example: SELECT decay_factor(''365 days'')';
GRANT EXECUTE ON FUNCTION decay_factor(interval) TO authenticated, service_role;

-- Not the definer's: who deletes by way of a parent, or as the retention engine, is the owner.
CREATE OR REPLACE FUNCTION refuse_change_of_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'reputation event % cannot be changed', OLD.id USING ERRCODE = 'insufficient_privilege',
        HINT = 'What an event gave is taken back by another event.';
END;
$$;
COMMENT ON FUNCTION refuse_change_of_event() IS
    'Trigger: events are never updated, and deleted only with their person or space, or by retention.';
CREATE OR REPLACE TRIGGER reputation_events_refuse_change
    BEFORE UPDATE OR DELETE ON reputation_events FOR EACH ROW EXECUTE FUNCTION refuse_change_of_event();

CREATE OR REPLACE FUNCTION prepare_aggregate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.reputation_aggregates (profile_id, space_id) VALUES (NEW.profile_id, NEW.space_id)
    ON CONFLICT (profile_id, space_id) DO NOTHING;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION prepare_aggregate() IS 'Trigger: makes the aggregate that an event is summed into.';
CREATE OR REPLACE TRIGGER reputation_events_prepare_aggregate
    BEFORE INSERT ON reputation_events FOR EACH ROW EXECUTE FUNCTION prepare_aggregate();

CREATE OR REPLACE FUNCTION add_to_decayed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.reputation_aggregates a
    SET decayed_points = a.decayed_points * @schema@.decay_factor(clock_timestamp() - a.last_decay_at)
                       + NEW.points * @schema@.decay_factor(clock_timestamp() - NEW.created_at),
        last_decay_at = GREATEST(clock_timestamp(), a.last_decay_at)
    WHERE a.profile_id = NEW.profile_id AND a.space_id = NEW.space_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION add_to_decayed() IS 'Trigger: lets the reputation fade up to now, then adds what the event is worth now.';
CREATE OR REPLACE TRIGGER reputation_events_add_to_decayed
    AFTER INSERT ON reputation_events FOR EACH ROW EXECUTE FUNCTION add_to_decayed();

CREATE OR REPLACE FUNCTION reputation(profile_id uuid, space_id uuid, at timestamptz DEFAULT now())
RETURNS double precision
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF reputation.profile_id IS DISTINCT FROM auth.uid()
       AND reputation.space_id <> ALL (ARRAY(SELECT @schema@.readable_space_ids())) THEN
        RETURN NULL;
    END IF;
    RETURN coalesce((
        SELECT a.decayed_points * @schema@.decay_factor(reputation.at - a.last_decay_at)
        FROM @schema@.reputation_aggregates a
        WHERE a.profile_id = reputation.profile_id AND a.space_id = reputation.space_id), 0);
END;
$$;
COMMENT ON FUNCTION reputation(uuid, uuid, timestamptz) IS
    'A person''s reputation in a space as it has faded by then; 0 without any. at: a moment from now on. NULL where the caller does not read the space. Stable. Example: SELECT reputation(auth.uid(), ''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION reputation(uuid, uuid, timestamptz) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION decay_reputation(batch integer DEFAULT 10000, at timestamptz DEFAULT now())
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    touched integer;
BEGIN
    IF batch IS NULL OR batch < 1 OR at IS NULL THEN
        RAISE EXCEPTION 'cannot decay % people at a time by %', coalesce(batch::text, 'NULL'), coalesce(at::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a batch of at least 1 and a moment.';
    END IF;
    UPDATE @schema@.reputation_aggregates a
    SET decayed_points = a.decayed_points * @schema@.decay_factor(decay_reputation.at - a.last_decay_at),
        last_decay_at = decay_reputation.at
    WHERE (a.profile_id, a.space_id) IN (
        SELECT d.profile_id, d.space_id FROM @schema@.reputation_aggregates d
        WHERE d.last_decay_at <= decay_reputation.at - interval '1 day'
        ORDER BY d.last_decay_at LIMIT batch FOR NO KEY UPDATE SKIP LOCKED);
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
END;
$$;
COMMENT ON FUNCTION decay_reputation(integer, timestamptz) IS
    'Writes down how far reputation has faded, for at most batch people whose figure is a day old or older; reading it by reputation() gives the same before and after. at: the moment to go by. Returns how many; call it until it returns 0. Volatile. Errors: 22023. Example: SELECT decay_reputation(1000)';
GRANT EXECUTE ON FUNCTION decay_reputation(integer, timestamptz) TO service_role;

CREATE OR REPLACE FUNCTION credit(
    profile_id uuid, space_id uuid, event_type text, points integer, metadata jsonb, at timestamptz DEFAULT now())
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF profile_id IS NOT NULL AND points <> 0 THEN
        INSERT INTO @schema@.reputation_events (profile_id, space_id, event_type, points, metadata, created_at)
        VALUES (credit.profile_id, credit.space_id, credit.event_type, credit.points, credit.metadata, credit.at);
    END IF;
END;
$$;
COMMENT ON FUNCTION credit(uuid, uuid, text, integer, jsonb, timestamptz) IS
    'Writes a reputation event; nothing for nobody or for no points; for other functions. Volatile. Example: SELECT credit(auth.uid(), ''0199a7c2-0000-7000-8000-000000000001'', ''badge'', 5, ''{}'')';
