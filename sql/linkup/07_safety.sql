-- Who is kept away from whom: blocks, reports, strikes and the holds that follow from them.

CREATE TABLE safety_holds (
    id               uuid              NOT NULL DEFAULT gen_random_uuid(),
    user_id          uuid              NOT NULL,
    state            safety_hold_state NOT NULL DEFAULT 'none',
    reason           text,
    applied_at       timestamptz,
    expires_at       timestamptz,
    cleared_at       timestamptz,
    applied_by_admin uuid,
    created_at       timestamptz       NOT NULL DEFAULT now(),
    updated_at       timestamptz       NOT NULL DEFAULT now(),
    CONSTRAINT safety_holds_pkey PRIMARY KEY (id),
    CONSTRAINT safety_holds_user_uniq UNIQUE (user_id),
    CONSTRAINT safety_holds_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT safety_holds_expires_at_check CHECK (expires_at > applied_at)
);
COMMENT ON TABLE safety_holds IS 'A held user is neither invited nor may initiate, until the hold expires or is cleared.';
CREATE INDEX safety_holds_state_idx ON safety_holds (state);
CREATE INDEX safety_holds_applied_by_admin_idx ON safety_holds (applied_by_admin);

CREATE OR REPLACE FUNCTION is_on_hold(user_id uuid, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM @schema@.safety_holds h
                   WHERE h.user_id = is_on_hold.user_id AND h.state <> 'none' AND h.cleared_at IS NULL
                     AND (h.expires_at IS NULL OR h.expires_at > is_on_hold.at))
$$;
COMMENT ON FUNCTION is_on_hold(uuid, timestamptz) IS
    'Whether a hold is in force that has neither expired nor been cleared. Stable. Example: SELECT is_on_hold(id) FROM users LIMIT 1';
GRANT EXECUTE ON FUNCTION is_on_hold(uuid, timestamptz) TO service_role;

CREATE TABLE safety_incidents (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id             uuid,
    reporter_user_id    uuid,
    reporter_phone_hash text,
    incident_type       text        NOT NULL,
    severity            int         NOT NULL,
    details             jsonb       NOT NULL DEFAULT '{}',
    status              text        NOT NULL DEFAULT 'open',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT safety_incidents_pkey PRIMARY KEY (id),
    CONSTRAINT safety_incidents_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT safety_incidents_reporter_user_id_fkey
        FOREIGN KEY (reporter_user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT safety_incidents_severity_check CHECK (severity BETWEEN 1 AND 5),
    CONSTRAINT safety_incidents_status_check CHECK (status IN ('open', 'reviewing', 'resolved'))
);
COMMENT ON TABLE safety_incidents IS 'What happened, as the safety team works on it. Severity from 1 to 5.';
CREATE INDEX safety_incidents_status_idx ON safety_incidents (status);
CREATE INDEX safety_incidents_user_idx ON safety_incidents (user_id);
CREATE INDEX safety_incidents_reporter_user_id_idx ON safety_incidents (reporter_user_id);

CREATE TABLE safety_reports (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    reporter_user_id    uuid,
    reported_user_id    uuid,
    reporter_phone_hash text,
    report_type         text        NOT NULL,
    details             jsonb       NOT NULL DEFAULT '{}',
    status              text        NOT NULL DEFAULT 'open',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT safety_reports_pkey PRIMARY KEY (id),
    CONSTRAINT safety_reports_reporter_user_id_fkey
        FOREIGN KEY (reporter_user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT safety_reports_reported_user_id_fkey
        FOREIGN KEY (reported_user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT safety_reports_self_check CHECK (reporter_user_id <> reported_user_id),
    CONSTRAINT safety_reports_status_check CHECK (status IN ('open', 'reviewing', 'resolved'))
);
COMMENT ON TABLE safety_reports IS 'What users report about one another. The reporter sees it, the reported never.';
CREATE INDEX safety_reports_status_idx ON safety_reports (status);
CREATE INDEX safety_reports_reporter_user_id_idx ON safety_reports (reporter_user_id);
CREATE INDEX safety_reports_reported_user_id_idx ON safety_reports (reported_user_id);
CREATE POLICY safety_reports_select_own ON safety_reports
    FOR SELECT TO authenticated USING (reporter_user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY safety_reports_insert_own ON safety_reports
    FOR INSERT TO authenticated WITH CHECK (reporter_user_id = (SELECT @schema@.current_user_id()));
GRANT INSERT (reporter_user_id, reported_user_id, report_type, details) ON safety_reports TO authenticated;

CREATE TABLE user_blocks (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    blocker_user_id uuid        NOT NULL,
    blocked_user_id uuid        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_blocks_pkey PRIMARY KEY (id),
    CONSTRAINT user_blocks_once UNIQUE (blocker_user_id, blocked_user_id),
    CONSTRAINT user_blocks_blocker_user_id_fkey FOREIGN KEY (blocker_user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_blocks_blocked_user_id_fkey FOREIGN KEY (blocked_user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_blocks_self_check CHECK (blocker_user_id <> blocked_user_id)
);
COMMENT ON TABLE user_blocks IS 'Who wants nothing to do with whom. The blocker sees it, the blocked never.';
CREATE INDEX user_blocks_blocked_user_id_idx ON user_blocks (blocked_user_id);
CREATE POLICY user_blocks_select_own ON user_blocks
    FOR SELECT TO authenticated USING (blocker_user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY user_blocks_insert_own ON user_blocks
    FOR INSERT TO authenticated WITH CHECK (blocker_user_id = (SELECT @schema@.current_user_id()));
CREATE POLICY user_blocks_delete_own ON user_blocks
    FOR DELETE TO authenticated USING (blocker_user_id = (SELECT @schema@.current_user_id()));
GRANT INSERT (blocker_user_id, blocked_user_id) ON user_blocks TO authenticated;

CREATE OR REPLACE FUNCTION announce_block() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A write, not only a lock: who locks a group or says yes to one of the two shares this row, and so
    -- either waits and sees the block or, in an older snapshot, is told to try again (40001). The blocker's
    -- row alone, so that all the blocks of one person's want one row.
    UPDATE @schema@.users u SET suspended_at = u.suspended_at WHERE u.id = NEW.blocker_user_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION announce_block() IS
    'Trigger: writes the blocker''s row, so that a block and what it prevents happen one after the other.';
CREATE OR REPLACE TRIGGER user_blocks_announce AFTER INSERT ON user_blocks
    FOR EACH ROW EXECUTE FUNCTION announce_block();

CREATE OR REPLACE FUNCTION is_blocked(one uuid, other uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM @schema@.user_blocks b
                   WHERE (b.blocker_user_id, b.blocked_user_id) IN ((one, other), (other, one)))
$$;
COMMENT ON FUNCTION is_blocked(uuid, uuid) IS 'Whether either of two users blocks the other. Stable. For the service: users must not learn who blocks them.';
GRANT EXECUTE ON FUNCTION is_blocked(uuid, uuid) TO service_role;

CREATE TABLE user_strikes (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id      uuid        NOT NULL,
    strike_type  text        NOT NULL,
    points       int         NOT NULL,
    reason       text,
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_strikes_pkey PRIMARY KEY (id),
    CONSTRAINT user_strikes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_strikes_points_check CHECK (points > 0),
    CONSTRAINT user_strikes_window_check CHECK (window_end > window_start)
);
COMMENT ON TABLE user_strikes IS 'Points against a user that count within their window; enough of them put a hold.';
CREATE INDEX user_strikes_user_idx ON user_strikes (user_id);

CREATE OR REPLACE FUNCTION hold_by_strikes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    total   bigint;
    earned  @schema@.safety_hold_state;
    ends_at timestamptz;
BEGIN
    -- Two strikes at the same moment are added up one after the other. A write, not only a lock: under
    -- REPEATABLE READ the second, which does not see the first, is told to try again (40001).
    UPDATE @schema@.users u SET suspended_at = u.suspended_at WHERE u.id = NEW.user_id;
    SELECT pg_catalog.sum(s.points) INTO total FROM @schema@.user_strikes s
    WHERE s.user_id = NEW.user_id AND s.window_start <= now() AND s.window_end > now();
    IF total >= community_core.linkup_setting('hard_hold_points') THEN
        earned := 'hard_hold';
        ends_at := now() + pg_catalog.make_interval(days => community_core.linkup_setting('hard_hold_days'));
    ELSIF total >= community_core.linkup_setting('soft_hold_points') THEN
        earned := 'soft_hold';
        ends_at := now() + pg_catalog.make_interval(days => community_core.linkup_setting('soft_hold_days'));
    ELSE
        RETURN NULL;
    END IF;
    -- Strikes harden a hold and lengthen it; they never soften one, nor shorten it.
    INSERT INTO @schema@.safety_holds AS h (user_id, state, reason, applied_at, expires_at)
    VALUES (NEW.user_id, earned, pg_catalog.format('%s points of active strikes', total), now(), ends_at)
    ON CONFLICT (user_id) DO UPDATE
    SET state = excluded.state, reason = excluded.reason, applied_at = excluded.applied_at,
        expires_at = CASE WHEN @schema@.is_on_hold(h.user_id)
                               AND (h.expires_at IS NULL OR h.expires_at > excluded.expires_at)
                          THEN h.expires_at ELSE excluded.expires_at END,
        cleared_at = NULL, applied_by_admin = NULL
    WHERE NOT @schema@.is_on_hold(h.user_id) OR h.state < excluded.state
       OR (h.state = excluded.state AND h.expires_at < excluded.expires_at);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION hold_by_strikes() IS
    'Trigger: strikes whose window is open and whose points reach community_core.linkup_soft_hold_points put a soft hold, at community_core.linkup_hard_hold_points a hard one.';
CREATE OR REPLACE TRIGGER user_strikes_hold AFTER INSERT OR UPDATE ON user_strikes
    FOR EACH ROW EXECUTE FUNCTION hold_by_strikes();

CREATE OR REPLACE FUNCTION release_expired_holds(at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH released AS (
        UPDATE @schema@.safety_holds h SET state = 'none', cleared_at = release_expired_holds.at
        WHERE h.state <> 'none' AND h.expires_at <= release_expired_holds.at RETURNING 1)
    SELECT pg_catalog.count(*) FROM released
$$;
COMMENT ON FUNCTION release_expired_holds(timestamptz) IS
    'Marks expired holds as over; they stopped counting when they expired. Returns how many. Volatile. Example: SELECT release_expired_holds()';
GRANT EXECUTE ON FUNCTION release_expired_holds(timestamptz) TO service_role;
