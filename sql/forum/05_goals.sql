-- What people work towards, and where they are with it. A goal is started, paused, resumed and
-- completed by functions; the only thing a person writes is the progress.

CREATE TABLE user_goal_history (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id      uuid        NOT NULL,
    goal_id      uuid        NOT NULL,
    status       text        NOT NULL DEFAULT 'active',
    progress     integer     NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    paused_at    timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_goal_history_pkey PRIMARY KEY (id),
    CONSTRAINT user_goal_history_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT user_goal_history_goal_id_fkey
        FOREIGN KEY (goal_id) REFERENCES track_goals (id) ON DELETE CASCADE,
    CONSTRAINT user_goal_history_status_check CHECK (status IN ('active', 'completed', 'paused')),
    CONSTRAINT user_goal_history_progress_check CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT user_goal_history_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT user_goal_history_paused_check CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    CONSTRAINT user_goal_history_dates_check
        CHECK (isfinite(started_at) AND completed_at >= started_at AND completed_at < 'infinity')
);
COMMENT ON TABLE user_goal_history IS
    'Each time a person set out for a goal, and how it went. Seen by the person. At most one entry per person and goal is active.';
COMMENT ON COLUMN user_goal_history.progress IS 'Per cent, as the person sees it; 100 once completed.';
CREATE UNIQUE INDEX user_goal_history_user_id_goal_id_active_key
    ON user_goal_history (user_id, goal_id) WHERE status = 'active';
CREATE INDEX idx_user_goal_history_goal ON user_goal_history (goal_id);
CREATE INDEX idx_user_goal_history_status ON user_goal_history (status);
CREATE INDEX idx_user_goal_history_user_status ON user_goal_history (user_id, status);

CREATE POLICY user_goal_history_select_own ON user_goal_history
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY user_goal_history_update_own ON user_goal_history
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid()) AND status <> 'completed')
    WITH CHECK (user_id = (SELECT auth.uid()));
GRANT UPDATE (progress) ON user_goal_history TO authenticated;

CREATE OR REPLACE FUNCTION start_goal(goal uuid) RETURNS user_goal_history
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person CONSTANT uuid := @schema@.require_user();
    entry  @schema@.user_goal_history;
BEGIN
    IF NOT EXISTS (SELECT FROM @schema@.track_goals g WHERE g.id = goal) THEN
        RAISE EXCEPTION 'there is no goal %', coalesce(goal::text, 'NULL')
            USING ERRCODE = 'foreign_key_violation', HINT = 'Give the id of a row of track_goals.';
    ELSIF EXISTS (SELECT FROM @schema@.user_goal_history h
                  WHERE h.user_id = person AND h.goal_id = goal AND h.status = 'paused') THEN
        RAISE EXCEPTION 'goal % is paused', goal
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Go on with it by resume_goal.';
    END IF;
    INSERT INTO @schema@.user_goal_history (user_id, goal_id) VALUES (person, goal)
    ON CONFLICT (user_id, goal_id) WHERE status = 'active' DO NOTHING
    RETURNING * INTO entry;
    IF NOT FOUND THEN
        SELECT h.* INTO entry FROM @schema@.user_goal_history h
        WHERE h.user_id = person AND h.goal_id = goal AND h.status = 'active';
    END IF;
    RETURN entry;
END;
$$;
COMMENT ON FUNCTION start_goal(uuid) IS
    'Sets the person who asks on the way to a goal; where they are on it already, this changes nothing. A completed goal can be started again. Returns the active entry. Volatile. Errors: 23503 no such goal, 42501 not signed in, 55000 paused. Example: SELECT id, started_at FROM start_goal(''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION pause_goal(goal uuid) RETURNS user_goal_history
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person CONSTANT uuid := @schema@.require_user();
    entry  @schema@.user_goal_history;
BEGIN
    UPDATE @schema@.user_goal_history h SET status = 'paused', paused_at = pg_catalog.now()
    WHERE h.user_id = person AND h.goal_id = goal AND h.status = 'active'
    RETURNING h.* INTO entry;
    IF NOT FOUND THEN
        PERFORM @schema@.refuse_goal_step(goal, 'active');
    END IF;
    RETURN entry;
END;
$$;
COMMENT ON FUNCTION pause_goal(uuid) IS
    'Pauses the active entry of the person who asks. Returns it. Volatile. Errors: 42501 not signed in, 55000 not active. Example: SELECT paused_at FROM pause_goal(''0199a7c2-0000-7000-8000-000000000001'')';

-- The newest, because an application may have left several paused.
CREATE OR REPLACE FUNCTION resume_goal(goal uuid) RETURNS user_goal_history
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person CONSTANT uuid := @schema@.require_user();
    entry  @schema@.user_goal_history;
BEGIN
    IF EXISTS (SELECT FROM @schema@.user_goal_history h
               WHERE h.user_id = person AND h.goal_id = goal AND h.status = 'active') THEN
        PERFORM @schema@.refuse_goal_step(goal, 'paused');
    END IF;
    UPDATE @schema@.user_goal_history h SET status = 'active', paused_at = NULL
    WHERE h.status = 'paused' AND h.id = (
        SELECT p.id FROM @schema@.user_goal_history p
        WHERE p.user_id = person AND p.goal_id = goal AND p.status = 'paused'
        ORDER BY p.paused_at DESC, p.id LIMIT 1)
    RETURNING h.* INTO entry;
    IF NOT FOUND THEN
        PERFORM @schema@.refuse_goal_step(goal, 'paused');
    END IF;
    RETURN entry;
END;
$$;
COMMENT ON FUNCTION resume_goal(uuid) IS
    'Makes the paused entry of the person who asks active again. Returns it. Volatile. Errors: 42501 not signed in, 55000 not paused. Example: SELECT status FROM resume_goal(''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION complete_goal(goal uuid) RETURNS user_goal_history
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person CONSTANT uuid := @schema@.require_user();
    entry  @schema@.user_goal_history;
BEGIN
    UPDATE @schema@.user_goal_history h
    SET status = 'completed', completed_at = GREATEST(pg_catalog.now(), h.started_at), progress = 100
    WHERE h.user_id = person AND h.goal_id = goal AND h.status = 'active'
    RETURNING h.* INTO entry;
    IF NOT FOUND THEN
        PERFORM @schema@.refuse_goal_step(goal, 'active');
    END IF;
    RETURN entry;
END;
$$;
COMMENT ON FUNCTION complete_goal(uuid) IS
    'Completes the active entry of the person who asks; its metrics are there when this returns. Returns the entry. Volatile. Errors: 42501 not signed in, 55000 not active. Example: SELECT completed_at FROM complete_goal(''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION refuse_goal_step(goal uuid, wanted text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    status CONSTANT text := (SELECT h.status FROM @schema@.user_goal_history h
                             WHERE h.user_id = auth.uid() AND h.goal_id = goal
                             ORDER BY h.status = 'active' DESC, h.updated_at DESC LIMIT 1);
BEGIN
    RAISE EXCEPTION 'goal % is %, not %', goal, coalesce(status, 'not started'), wanted
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'start_goal, then pause_goal and resume_goal as often as needed, then complete_goal.';
END;
$$;
COMMENT ON FUNCTION refuse_goal_step(uuid, text) IS
    'Raises 55000: says which status the goal of the person who asks has, and which it would need. For other functions.';
GRANT EXECUTE ON FUNCTION start_goal(uuid), pause_goal(uuid), resume_goal(uuid), complete_goal(uuid)
    TO authenticated, service_role;

CREATE OR REPLACE FUNCTION keep_current_goal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.status = 'active' THEN
        UPDATE @schema@.profiles p SET current_goal_id = NEW.goal_id
        WHERE p.id = NEW.user_id AND p.current_goal_id IS DISTINCT FROM NEW.goal_id;
    ELSIF TG_OP <> 'INSERT' AND OLD.status = 'active' THEN
        UPDATE @schema@.profiles p SET current_goal_id = (
            SELECT h.goal_id FROM @schema@.user_goal_history h
            WHERE h.user_id = OLD.user_id AND h.status = 'active'
            ORDER BY h.updated_at DESC, h.id LIMIT 1)
        WHERE p.id = OLD.user_id AND p.current_goal_id = OLD.goal_id;
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION keep_current_goal() IS
    'Trigger: profiles.current_goal_id is the goal started or resumed last; when that one is over, another active one, or NULL.';
CREATE OR REPLACE TRIGGER user_goal_history_keep_current_goal
    AFTER INSERT OR DELETE OR UPDATE OF status, goal_id ON user_goal_history
    FOR EACH ROW EXECUTE FUNCTION keep_current_goal();
