-- Who takes part in a workshop, how far they are, and what they think of it.

CREATE TABLE workshop_enrollments (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    workshop_id    uuid        NOT NULL,
    profile_id     uuid,
    status         text        NOT NULL DEFAULT 'enrolled',
    progress       int         NOT NULL DEFAULT 0,
    feedback_score int,
    completed_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT workshop_enrollments_pkey PRIMARY KEY (id),
    CONSTRAINT workshop_enrollments_workshop_id_profile_id_key UNIQUE (workshop_id, profile_id),
    CONSTRAINT workshop_enrollments_workshop_id_fkey FOREIGN KEY (workshop_id) REFERENCES workshops (id) ON DELETE CASCADE,
    CONSTRAINT workshop_enrollments_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT workshop_enrollments_status_check CHECK (status IN ('enrolled', 'completed', 'dropped')),
    CONSTRAINT workshop_enrollments_progress_check CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT workshop_enrollments_completed_check CHECK (
        (status = 'completed') = (progress = 100) AND (status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT workshop_enrollments_feedback_score_check CHECK (feedback_score BETWEEN 1 AND 5)
);
COMMENT ON TABLE workshop_enrollments IS
    'Who takes part in a workshop, once per person. Completed, a progress of 100 and completed_at are one and the same.';
COMMENT ON COLUMN workshop_enrollments.profile_id IS 'NULL once the person is deleted, or 24 months after the row last changed.';
COMMENT ON COLUMN workshop_enrollments.progress IS 'Percent. 100 completes, less takes the completion back.';
COMMENT ON COLUMN workshop_enrollments.feedback_score IS '1 to 5, from the person alone, once the workshop has begun.';
CREATE INDEX workshop_enrollments_profile_id_idx ON workshop_enrollments (profile_id, status);
CREATE INDEX workshop_enrollments_updated_at_idx ON workshop_enrollments (updated_at);

CREATE OR REPLACE FUNCTION settle_enrollment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_new CONSTANT boolean := TG_OP = 'INSERT';
BEGIN
    IF is_new OR (NEW.status = 'enrolled' AND OLD.status = 'dropped') THEN
        -- Held until the enrolment is committed, so that nobody enrols in what is being cancelled.
        PERFORM FROM @schema@.workshops w WHERE w.id = NEW.workshop_id AND w.status = 'published' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'workshop % does not take anybody', NEW.workshop_id
                USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A workshop is open while it is published.';
        END IF;
    END IF;
    IF is_new OR NEW.progress IS DISTINCT FROM OLD.progress THEN
        IF NEW.progress = 100 THEN
            NEW.status := 'completed';
        ELSIF NOT is_new AND OLD.status = 'completed' THEN
            NEW.status := 'enrolled';
        END IF;
    END IF;
    NEW.completed_at := CASE WHEN NEW.status <> 'completed' THEN NULL
                             WHEN is_new OR OLD.completed_at IS NULL THEN now() ELSE OLD.completed_at END;
    IF NEW.feedback_score IS NOT NULL AND (is_new OR NEW.feedback_score IS DISTINCT FROM OLD.feedback_score) THEN
        IF NEW.profile_id IS DISTINCT FROM auth.uid() AND NOT @schema@.is_staff() THEN
            RAISE EXCEPTION 'the feedback of enrolment % is the participant''s own', NEW.id
                USING ERRCODE = 'insufficient_privilege', HINT = 'Only who took part scores the workshop.';
        END IF;
        IF NEW.status <> 'completed' AND NOT EXISTS (
               SELECT FROM @schema@.workshop_sessions s
               WHERE s.workshop_id = NEW.workshop_id AND s.start_at <= now()) THEN
            RAISE EXCEPTION 'workshop % has not begun', NEW.workshop_id
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Feedback is given once the first session has begun or the workshop is completed.';
        END IF;
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION settle_enrollment() IS
    'Trigger: only a published workshop takes people; a progress of 100 completes; feedback comes from the participant, once there was something to judge. Errors: 42501, 55000.';
CREATE OR REPLACE TRIGGER workshop_enrollments_settle
    BEFORE INSERT OR UPDATE ON workshop_enrollments FOR EACH ROW EXECUTE FUNCTION settle_enrollment();

CREATE OR REPLACE FUNCTION my_workshop_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.workshop_id FROM @schema@.workshop_enrollments e
    JOIN @schema@.workshops w ON w.id = e.workshop_id
    WHERE e.profile_id = (SELECT auth.uid()) AND e.status <> 'dropped'
      AND w.space_id = ANY (ARRAY(SELECT @schema@.joinable_space_ids()));
$$;
COMMENT ON FUNCTION my_workshop_ids() IS
    'The workshops that the caller is enrolled in or has completed, where the caller may still take part. Stable. Example: SELECT count(*) FROM my_workshop_ids()';
CREATE OR REPLACE FUNCTION joinable_workshop_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.id FROM @schema@.workshops w
    WHERE w.status = 'published' AND w.space_id = ANY (ARRAY(SELECT @schema@.joinable_space_ids()));
$$;
COMMENT ON FUNCTION joinable_workshop_ids() IS
    'The workshops that the caller may enrol in now. Stable. Example: SELECT count(*) FROM joinable_workshop_ids()';
GRANT EXECUTE ON FUNCTION my_workshop_ids(), joinable_workshop_ids() TO authenticated, service_role;

CREATE POLICY workshop_enrollments_select_party ON workshop_enrollments
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY workshop_enrollments_insert_own ON workshop_enrollments
    FOR INSERT TO authenticated
    WITH CHECK (profile_id = (SELECT auth.uid()) AND workshop_id = ANY (ARRAY(SELECT joinable_workshop_ids())));
CREATE POLICY workshop_enrollments_update_party ON workshop_enrollments
    FOR UPDATE TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
GRANT INSERT (workshop_id, profile_id), UPDATE (status, progress, feedback_score) ON workshop_enrollments TO authenticated;

CREATE OR REPLACE FUNCTION workshop_links(workshop_id uuid) RETURNS TABLE (session_number int, meeting_link text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.session_number, s.meeting_link FROM @schema@.workshop_sessions s
    WHERE s.workshop_id = workshop_links.workshop_id
      AND (s.workshop_id IN (SELECT @schema@.my_workshop_ids()) OR s.workshop_id IN (SELECT @schema@.moderated_workshop_ids()))
    ORDER BY s.session_number;
$$;
COMMENT ON FUNCTION workshop_links(uuid) IS
    'Where the sessions of a workshop meet, for the enrolled and the moderators; no row for anybody else. NULL gives none. Stable. Example: SELECT l.* FROM workshops w, workshop_links(w.id) l';
GRANT EXECUTE ON FUNCTION workshop_links(uuid) TO authenticated, service_role;

-- Attendance is kept for 24 months, then nobody is named. A policy that stands is left as it was set.
SELECT community_core.create_retention_policy('workshop_enrollments', 'updated_at', '24 months', 'anonymize',
    '{"profile_id": "NULL::uuid"}', condition => 'profile_id IS NOT NULL')
WHERE NOT community_core.has_retention_policy('workshop_enrollments', 'anonymize_updated_at');
