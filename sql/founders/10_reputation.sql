-- What the system credits people with: points for help given, and the days in a row they checked in.

CREATE TABLE reputation_events (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL,
    event_type  text        NOT NULL,
    points      integer     NOT NULL DEFAULT 1,
    source_id   uuid,
    source_type text,
    metadata    jsonb       DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reputation_events_pkey PRIMARY KEY (id),
    CONSTRAINT reputation_events_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT reputation_events_event_type_check CHECK (event_type IN
        ('intro_made', 'roundtable_participation', 'help_given', 'expertise_shared', 'mentor_session'))
);
COMMENT ON TABLE reputation_events IS
    'What a person earned points for (phase 51). Written by the service role, read by the person.';
CREATE INDEX reputation_events_user_id_created_at_idx ON reputation_events (user_id, created_at DESC);

CREATE POLICY reputation_events_select_own ON reputation_events
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));

-- Tells no more than the leaderboard shows, so every signed-in user may call it.
CREATE OR REPLACE FUNCTION directory_reputation() RETURNS TABLE (user_id uuid, points bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.user_id, sum(e.points) FROM @schema@.reputation_events e
    WHERE e.user_id IN (SELECT @schema@.directory_members())
    GROUP BY e.user_id;
$$;
COMMENT ON FUNCTION directory_reputation() IS
    'The points of everybody who is in the directory and has any. Stable. Example: SELECT * FROM directory_reputation()';
GRANT EXECUTE ON FUNCTION directory_reputation() TO authenticated, service_role;

CREATE OR REPLACE VIEW reputation_leaderboard WITH (security_barrier, security_invoker) AS
SELECT rank() OVER (ORDER BY r.points DESC) AS rank, r.user_id, d.display_name, r.points
FROM directory_reputation() r
JOIN community_directory d ON d.user_id = r.user_id;
COMMENT ON VIEW reputation_leaderboard IS
    'The members in the directory by reputation, with the names they show.';
GRANT SELECT ON reputation_leaderboard TO authenticated, service_role;

CREATE OR REPLACE FUNCTION reputation_total(member uuid DEFAULT auth.uid()) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT sum(e.points) FROM @schema@.reputation_events e WHERE e.user_id = member),
        (SELECT r.points FROM @schema@.directory_reputation() r WHERE r.user_id = member),
        CASE WHEN member = (SELECT auth.uid())
                  OR member IN (SELECT @schema@.directory_members())
                  OR NOT pg_catalog.row_security_active($name$@schema@.reputation_events$name$)
                  OR pg_catalog.pg_has_role(current_user, 'service_role', 'USAGE')
             THEN 0 END);
$$;
COMMENT ON FUNCTION reputation_total(uuid) IS
    'A person''s reputation points; 0 without any. member: NULL or left out is the person who asks. NULL where the caller may not know: somebody else who is not in the directory. Stable. Example: SELECT reputation_total()';
GRANT EXECUTE ON FUNCTION reputation_total(uuid) TO authenticated, service_role;

CREATE TABLE engagement_streaks (
    id                uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id           uuid        NOT NULL,
    current_streak    integer     NOT NULL DEFAULT 0,
    longest_streak    integer     NOT NULL DEFAULT 0,
    last_checkin_date date,
    streak_started_at date,
    total_checkins    integer     NOT NULL DEFAULT 0,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT engagement_streaks_pkey PRIMARY KEY (id),
    CONSTRAINT engagement_streaks_user_id_key UNIQUE (user_id),
    CONSTRAINT engagement_streaks_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT engagement_streaks_lengths_check
        CHECK (current_streak BETWEEN 0 AND longest_streak AND longest_streak <= total_checkins)
);
COMMENT ON TABLE engagement_streaks IS
    'How many days in a row a person checked in (phase 51). Written by record_checkin, read by the person.';
COMMENT ON COLUMN engagement_streaks.current_streak IS 'Days in a row up to last_checkin_date.';

CREATE POLICY engagement_streaks_select_own ON engagement_streaks
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));

CREATE OR REPLACE FUNCTION record_checkin(day date DEFAULT current_date) RETURNS engagement_streaks
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member CONSTANT uuid := auth.uid();
    streak @schema@.engagement_streaks;
BEGIN
    IF member IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Check in as the person who is there.';
    ELSIF day IS NULL OR NOT pg_catalog.isfinite(day) OR day > current_date
          -- No place on earth is further ahead than 14 hours, whatever the session claims.
          OR day > (now() AT TIME ZONE 'UTC' + interval '14 hours')::date THEN
        RAISE EXCEPTION 'cannot check in on %', coalesce(day::text, 'no day')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = pg_catalog.format('Give a day up to today, %s in time zone %s.',
                                           current_date, pg_catalog.current_setting('TimeZone'));
    END IF;
    INSERT INTO @schema@.engagement_streaks AS s
        (user_id, current_streak, longest_streak, last_checkin_date, streak_started_at, total_checkins)
    VALUES (member, 1, 1, day, day, 1)
    ON CONFLICT (user_id) DO UPDATE SET
        current_streak    = CASE WHEN s.last_checkin_date = excluded.last_checkin_date - 1
                                 THEN s.current_streak + 1 ELSE 1 END,
        longest_streak    = GREATEST(s.longest_streak,
                                 CASE WHEN s.last_checkin_date = excluded.last_checkin_date - 1
                                      THEN s.current_streak + 1 ELSE 1 END),
        streak_started_at = CASE WHEN s.last_checkin_date = excluded.last_checkin_date - 1
                                 THEN s.streak_started_at ELSE excluded.streak_started_at END,
        last_checkin_date = excluded.last_checkin_date,
        total_checkins    = s.total_checkins + 1
    WHERE s.last_checkin_date IS NULL OR s.last_checkin_date < excluded.last_checkin_date
    RETURNING s.* INTO streak;
    IF NOT FOUND THEN
        SELECT s.* INTO streak FROM @schema@.engagement_streaks s WHERE s.user_id = member;
    END IF;
    RETURN streak;
END;
$$;
COMMENT ON FUNCTION record_checkin(date) IS
    'Checks the person who asks in: the day after the last check-in extends the streak, a later one restarts it, the same day or an earlier one changes nothing. day: up to today in the session''s time zone. Returns the streak. Volatile. Errors: 22023 a day in the future or none, 42501 not signed in. Example: SELECT current_streak FROM record_checkin()';
GRANT EXECUTE ON FUNCTION record_checkin(date) TO authenticated;
