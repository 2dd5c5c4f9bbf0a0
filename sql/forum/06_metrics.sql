-- How a goal was reached, told in five figures when it is completed. docs/forum.md defines them.

CREATE TABLE goal_metrics (
    id                   uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_goal_history_id uuid        NOT NULL,
    learn_rate           integer,
    execution_rate       integer,
    execution_pace       text,
    ranking              integer,
    days_to_complete     integer,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT goal_metrics_pkey PRIMARY KEY (id),
    CONSTRAINT goal_metrics_user_goal_history_id_key UNIQUE (user_goal_history_id),
    CONSTRAINT goal_metrics_user_goal_history_id_fkey
        FOREIGN KEY (user_goal_history_id) REFERENCES user_goal_history (id) ON DELETE CASCADE,
    CONSTRAINT goal_metrics_learn_rate_check CHECK (learn_rate BETWEEN 0 AND 60),
    CONSTRAINT goal_metrics_execution_rate_check CHECK (execution_rate BETWEEN 0 AND 100),
    CONSTRAINT goal_metrics_execution_pace_check CHECK (execution_pace IN ('fast', 'steady', 'slow')),
    CONSTRAINT goal_metrics_ranking_check CHECK (ranking > 0),
    CONSTRAINT goal_metrics_days_to_complete_check CHECK (days_to_complete > 0)
);
COMMENT ON TABLE goal_metrics IS
    'The figures of a completed goal, written by the database alone. Seen by the person whose goal it is.';
COMMENT ON COLUMN goal_metrics.learn_rate IS
    'Minutes of learning in an hour of activity: 60 × lessons / actions, rounded. NULL without actions.';
COMMENT ON COLUMN goal_metrics.execution_rate IS
    'Per cent of the actions that are not lessons, rounded. NULL without actions.';
COMMENT ON COLUMN goal_metrics.execution_pace IS
    'days_to_complete against the median of all who completed the goal: fast up to 0.75 of it, slow from 1.25 on, else steady. Kept right when another completes.';
COMMENT ON COLUMN goal_metrics.ranking IS
    '1 for the fewest days_to_complete among all who completed the goal; equal days share a rank and the next ones are skipped. Kept right when another completes.';
COMMENT ON COLUMN goal_metrics.days_to_complete IS
    'Periods of 24 hours begun from started_at to completed_at, pauses included; at least 1.';
CREATE INDEX idx_goal_metrics_ranking ON goal_metrics (ranking);

CREATE POLICY goal_metrics_select_own ON goal_metrics
    FOR SELECT TO authenticated
    USING (EXISTS (SELECT FROM user_goal_history h WHERE h.id = user_goal_history_id));

-- A day may be all that the application records of an action: then the bounds are days as well.
CREATE OR REPLACE FUNCTION measure_goal(entry user_goal_history) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first   CONSTANT @schema@.user_actions.action_date%TYPE := entry.started_at;
    last    CONSTANT @schema@.user_actions.action_date%TYPE := entry.completed_at;
    actions numeric;
    lessons numeric;
BEGIN
    SELECT count(*), count(a.course_id) INTO actions, lessons FROM @schema@.user_actions a
    WHERE a.user_id = entry.user_id AND a.goal_id = entry.goal_id
      AND CASE WHEN a.action_date IS NULL
               THEN a.created_at BETWEEN entry.started_at AND entry.completed_at
               ELSE a.action_date BETWEEN first AND last END;
    INSERT INTO @schema@.goal_metrics AS m
        (user_goal_history_id, learn_rate, execution_rate, days_to_complete)
    VALUES (entry.id,
            pg_catalog.round(60 * lessons / nullif(actions, 0)),
            pg_catalog.round(100 * (actions - lessons) / nullif(actions, 0)),
            GREATEST(1, pg_catalog.ceil(extract(epoch FROM entry.completed_at - entry.started_at) / 86400)))
    ON CONFLICT (user_goal_history_id) DO UPDATE
    SET learn_rate = excluded.learn_rate, execution_rate = excluded.execution_rate,
        days_to_complete = excluded.days_to_complete;
END;
$$;
COMMENT ON FUNCTION measure_goal(user_goal_history) IS
    'Writes the figures of a completed entry that depend on nobody else: learn_rate, execution_rate, days_to_complete. For triggers.';

-- Whoever touches a metric of a goal holds this first, so that of two people who complete a goal at
-- once the second waits and then ranks both. A mere lock would let it rank what it saw before, under
-- REPEATABLE READ; after an update, even one that changes nothing, it is told to try again (40001).
CREATE OR REPLACE FUNCTION lock_goals(goals uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- What this transaction has written is locked already.
    PERFORM FROM @schema@.track_goals g
    WHERE g.id = ANY (goals) AND g.xmin <> pg_catalog.pg_current_xact_id()::xid
    ORDER BY g.id FOR NO KEY UPDATE;
    UPDATE @schema@.track_goals g SET id = g.id
    WHERE g.id = ANY (goals) AND g.xmin <> pg_catalog.pg_current_xact_id()::xid;
END;
$$;
COMMENT ON FUNCTION lock_goals(uuid[]) IS
    'Lets transactions that change the metrics of a goal happen one after the other. For triggers.';

-- Rank and pace depend on the days alone, so they are made per number of days, of which there are few.
CREATE OR REPLACE FUNCTION rank_goal(goal uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH completed AS MATERIALIZED (
        SELECT d.days_to_complete AS days
        FROM @schema@.user_goal_history h JOIN @schema@.goal_metrics d ON d.user_goal_history_id = h.id
        WHERE h.goal_id = goal AND h.status = 'completed'
    ), median AS MATERIALIZED (
        SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY c.days) AS days FROM completed c
    ), place AS MATERIALIZED (
        SELECT c.days,
               1 + pg_catalog.sum(pg_catalog.count(*)) OVER (ORDER BY c.days) - pg_catalog.count(*) AS ranking,
               CASE WHEN c.days <= 0.75 * median.days THEN 'fast'
                    WHEN c.days >= 1.25 * median.days THEN 'slow'
                    ELSE 'steady' END AS pace
        FROM completed c CROSS JOIN median GROUP BY c.days, median.days
    )
    UPDATE @schema@.goal_metrics m SET ranking = p.ranking, execution_pace = p.pace
    FROM @schema@.user_goal_history h, place p
    WHERE h.goal_id = goal AND h.status = 'completed' AND m.user_goal_history_id = h.id
      AND p.days = m.days_to_complete
      AND (m.ranking, m.execution_pace) IS DISTINCT FROM (p.ranking, p.pace);
$$;
COMMENT ON FUNCTION rank_goal(uuid) IS
    'Makes ranking and execution_pace right for all who completed the goal. For triggers, which have locked it.';

-- Measured row by row, ranked once per statement: a thousand entries in one INSERT are one ranking. The
-- goals to rank wait in a setting of the transaction, which is empty again when the statement ends.
CREATE OR REPLACE FUNCTION keep_goal_metrics() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    waiting CONSTANT text := 'forum.goals_to_rank_' || TG_RELID;
    goals   uuid[] := coalesce(nullif(pg_catalog.current_setting(waiting, true), ''), '{}');
    goal    uuid;
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        PERFORM pg_catalog.set_config(waiting, '', true);
        FOREACH goal IN ARRAY goals LOOP
            PERFORM @schema@.rank_goal(goal);
        END LOOP;
        RETURN NULL;
    END IF;
    FOREACH goal IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.goal_id]
                                     WHEN 'DELETE' THEN ARRAY[OLD.goal_id]
                                     ELSE ARRAY[OLD.goal_id, NEW.goal_id] END LOOP
        IF goal <> ALL (goals) THEN
            goals := goals || goal;
            PERFORM pg_catalog.set_config(waiting, goals::text, true);
        END IF;
    END LOOP;
    IF TG_OP <> 'DELETE' THEN
        PERFORM @schema@.lock_goals(goals);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status = 'completed' THEN
        PERFORM @schema@.measure_goal(NEW);
    ELSE
        DELETE FROM @schema@.goal_metrics m WHERE m.user_goal_history_id = OLD.id;
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION keep_goal_metrics() IS
    'Trigger: a completed entry has metrics, any other has none, and the ranking of a goal is about those who completed it.';
CREATE OR REPLACE TRIGGER user_goal_history_keep_metrics_on_insert
    AFTER INSERT ON user_goal_history
    FOR EACH ROW WHEN (NEW.status = 'completed') EXECUTE FUNCTION keep_goal_metrics();
CREATE OR REPLACE TRIGGER user_goal_history_keep_metrics_on_update
    AFTER UPDATE ON user_goal_history
    FOR EACH ROW WHEN ((OLD.status = 'completed' OR NEW.status = 'completed')
        AND (OLD.user_id, OLD.goal_id, OLD.status, OLD.started_at, OLD.completed_at)
            IS DISTINCT FROM (NEW.user_id, NEW.goal_id, NEW.status, NEW.started_at, NEW.completed_at))
    EXECUTE FUNCTION keep_goal_metrics();
CREATE OR REPLACE TRIGGER user_goal_history_keep_metrics_on_delete
    AFTER DELETE ON user_goal_history
    FOR EACH ROW WHEN (OLD.status = 'completed') EXECUTE FUNCTION keep_goal_metrics();
CREATE OR REPLACE TRIGGER user_goal_history_keep_ranking
    AFTER INSERT OR UPDATE OR DELETE ON user_goal_history
    FOR EACH STATEMENT EXECUTE FUNCTION keep_goal_metrics();

-- Before the metrics go with the entry. A deleted person leaves all their goals, so all at once and in
-- order: two who go at the same time do not wait for each other.
CREATE OR REPLACE FUNCTION lock_goals_before_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.lock_goals(
        CASE WHEN EXISTS (SELECT FROM auth.users u WHERE u.id = OLD.user_id) THEN ARRAY[OLD.goal_id]
             ELSE ARRAY(SELECT h.goal_id FROM @schema@.user_goal_history h
                        WHERE h.user_id = OLD.user_id AND h.status = 'completed') END);
    RETURN OLD;
END;
$$;
COMMENT ON FUNCTION lock_goals_before_delete() IS
    'Trigger: a completed entry is deleted by one transaction after the other.';
CREATE OR REPLACE TRIGGER user_goal_history_lock_goals
    BEFORE DELETE ON user_goal_history
    FOR EACH ROW WHEN (OLD.status = 'completed') EXECUTE FUNCTION lock_goals_before_delete();
