-- What the enrolled of a workshop hand in, and what the moderators say to it.

CREATE TABLE assignments (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    workshop_id uuid        NOT NULL,
    title       text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    due_at      timestamptz,
    rubric      jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT assignments_pkey PRIMARY KEY (id),
    CONSTRAINT assignments_workshop_id_fkey FOREIGN KEY (workshop_id) REFERENCES workshops (id) ON DELETE CASCADE,
    CONSTRAINT assignments_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 200),
    CONSTRAINT assignments_rubric_check CHECK (jsonb_typeof(rubric) IN ('object', 'array'))
);
COMMENT ON TABLE assignments IS 'What is to be done in a workshop, and until when; read by the enrolled and the moderators.';
COMMENT ON COLUMN assignments.due_at IS 'What is handed in later is marked late; NULL: at any time.';
CREATE INDEX assignments_workshop_id_idx ON assignments (workshop_id, due_at);

CREATE TABLE assignment_submissions (
    id             uuid          NOT NULL DEFAULT gen_random_uuid(),
    assignment_id  uuid          NOT NULL,
    profile_id     uuid,
    submission_url text,
    status         text          NOT NULL DEFAULT 'submitted',
    is_late        boolean       NOT NULL DEFAULT false,
    grade          numeric(5, 2),
    feedback       text,
    submitted_at   timestamptz   NOT NULL DEFAULT now(),
    reviewed_at    timestamptz,
    CONSTRAINT assignment_submissions_pkey PRIMARY KEY (id),
    CONSTRAINT assignment_submissions_assignment_id_profile_id_key UNIQUE (assignment_id, profile_id),
    CONSTRAINT assignment_submissions_assignment_id_fkey
        FOREIGN KEY (assignment_id) REFERENCES assignments (id) ON DELETE CASCADE,
    CONSTRAINT assignment_submissions_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT assignment_submissions_submission_url_check CHECK (
        (submission_url ~ '@visible@' AND char_length(submission_url) <= 2000) OR (submission_url IS NULL AND profile_id IS NULL)),
    CONSTRAINT assignment_submissions_status_check CHECK (status IN ('submitted', 'graded')),
    CONSTRAINT assignment_submissions_graded_check CHECK (
        (status = 'graded') = (grade IS NOT NULL) AND (status = 'graded') = (reviewed_at IS NOT NULL)
        AND (feedback IS NULL OR status = 'graded')),
    CONSTRAINT assignment_submissions_grade_check CHECK (grade BETWEEN 0 AND 100),
    CONSTRAINT assignment_submissions_feedback_check CHECK (char_length(feedback) <= 10000)
);
COMMENT ON TABLE assignment_submissions IS
    'What a person handed in, once per assignment; seen by that person and the moderators. It can be replaced until it is graded.';
COMMENT ON COLUMN assignment_submissions.profile_id IS 'NULL 24 months after it was handed in; then link and feedback are gone, too.';
COMMENT ON COLUMN assignment_submissions.is_late IS 'Whether it came after due_at; told by the database.';
COMMENT ON COLUMN assignment_submissions.grade IS 'Percent; given by grade_submission.';
CREATE INDEX assignment_submissions_profile_id_idx ON assignment_submissions (profile_id);
CREATE INDEX assignment_submissions_submitted_at_idx ON assignment_submissions (submitted_at);
CREATE INDEX assignment_submissions_ungraded_idx ON assignment_submissions (assignment_id, submitted_at)
    WHERE status = 'submitted';

CREATE OR REPLACE FUNCTION receive_submission() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'graded' THEN
        RAISE EXCEPTION 'submission % is graded and is not replaced', OLD.id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask a moderator of the space.';
    END IF;
    NEW.submitted_at := now();
    NEW.is_late := coalesce(NEW.submitted_at > (SELECT a.due_at FROM @schema@.assignments a WHERE a.id = NEW.assignment_id),
                            false);
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION receive_submission() IS
    'Trigger: what is handed in gets its time, and whether it is late, from the database; what is graded is not replaced (55000).';
CREATE OR REPLACE TRIGGER assignment_submissions_receive
    BEFORE INSERT ON assignment_submissions FOR EACH ROW EXECUTE FUNCTION receive_submission();
-- Without a link it is anonymized, not handed in.
CREATE OR REPLACE TRIGGER assignment_submissions_receive_again
    BEFORE UPDATE OF submission_url, submitted_at, is_late ON assignment_submissions FOR EACH ROW
    WHEN (NEW.submission_url IS NOT NULL AND pg_trigger_depth() = 0
          AND (OLD.submission_url, OLD.submitted_at, OLD.is_late)
              IS DISTINCT FROM (NEW.submission_url, NEW.submitted_at, NEW.is_late))
    EXECUTE FUNCTION receive_submission();

CREATE OR REPLACE FUNCTION judge_lateness() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.assignment_submissions s SET is_late = coalesce(s.submitted_at > NEW.due_at, false)
    WHERE s.assignment_id = NEW.id AND s.is_late <> coalesce(s.submitted_at > NEW.due_at, false);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION judge_lateness() IS 'Trigger: when an assignment is due at another time, what was handed in is judged anew.';
CREATE OR REPLACE TRIGGER assignments_judge_lateness
    AFTER UPDATE OF due_at ON assignments FOR EACH ROW WHEN (OLD.due_at IS DISTINCT FROM NEW.due_at)
    EXECUTE FUNCTION judge_lateness();

CREATE OR REPLACE FUNCTION open_assignment_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.id FROM @schema@.assignments a JOIN @schema@.workshops w ON w.id = a.workshop_id
    WHERE w.status = 'published' AND w.id = ANY (ARRAY(SELECT @schema@.my_workshop_ids()));
$$;
COMMENT ON FUNCTION open_assignment_ids() IS
    'The assignments that the caller may hand something in for: of published workshops that the caller is enrolled in. Stable. Example: SELECT count(*) FROM open_assignment_ids()';
CREATE OR REPLACE FUNCTION moderated_assignment_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.id FROM @schema@.assignments a WHERE a.workshop_id = ANY (ARRAY(SELECT @schema@.moderated_workshop_ids()));
$$;
COMMENT ON FUNCTION moderated_assignment_ids() IS
    'The assignments of the workshops that the caller moderates. Stable. Example: SELECT count(*) FROM moderated_assignment_ids()';
GRANT EXECUTE ON FUNCTION open_assignment_ids(), moderated_assignment_ids() TO authenticated, service_role;

CREATE POLICY assignments_select_enrolled ON assignments
    FOR SELECT TO authenticated
    USING (workshop_id = ANY (ARRAY(SELECT my_workshop_ids()))
           OR workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY assignments_insert_moderator ON assignments
    FOR INSERT TO authenticated WITH CHECK (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY assignments_update_moderator ON assignments
    FOR UPDATE TO authenticated USING (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY assignments_delete_moderator ON assignments
    FOR DELETE TO authenticated USING (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
GRANT INSERT (workshop_id, title, description, due_at, rubric),
      UPDATE (title, description, due_at, rubric) ON assignments TO authenticated;

CREATE POLICY assignment_submissions_select_party ON assignment_submissions
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid()) OR assignment_id = ANY (ARRAY(SELECT moderated_assignment_ids())));
CREATE POLICY assignment_submissions_insert_own ON assignment_submissions
    FOR INSERT TO authenticated
    WITH CHECK (profile_id = (SELECT auth.uid()) AND assignment_id = ANY (ARRAY(SELECT open_assignment_ids())));
CREATE POLICY assignment_submissions_update_own ON assignment_submissions
    FOR UPDATE TO authenticated
    USING (profile_id = (SELECT auth.uid()) AND assignment_id = ANY (ARRAY(SELECT open_assignment_ids())));
GRANT INSERT (assignment_id, profile_id, submission_url), UPDATE (submission_url) ON assignment_submissions TO authenticated;

CREATE OR REPLACE FUNCTION grade_submission(submission_id uuid, grade numeric, feedback text DEFAULT NULL)
RETURNS assignment_submissions
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    submission @schema@.assignment_submissions;
    about      record;
BEGIN
    SELECT w.space_id, w.id AS workshop_id, a.title INTO about
    FROM @schema@.assignment_submissions s
    JOIN @schema@.assignments a ON a.id = s.assignment_id
    JOIN @schema@.workshops w ON w.id = a.workshop_id
    WHERE s.id = grade_submission.submission_id AND s.profile_id IS DISTINCT FROM auth.uid()
      AND w.space_id IN (SELECT @schema@.moderated_space_ids());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'submission % is not yours to grade', submission_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A moderator of the space grades the work of others.';
    END IF;
    UPDATE @schema@.assignment_submissions s
    SET grade = grade_submission.grade, feedback = grade_submission.feedback, status = 'graded', reviewed_at = now()
    WHERE s.id = grade_submission.submission_id RETURNING s.* INTO submission;
    IF submission.profile_id IS NOT NULL THEN
        PERFORM @schema@.notify(submission.profile_id, 'assignment.graded',
            pg_catalog.jsonb_build_object('workshop_id', about.workshop_id, 'assignment_id', submission.assignment_id,
                                          'title', about.title), about.space_id);
    END IF;
    RETURN submission;
END;
$$;
COMMENT ON FUNCTION grade_submission(uuid, numeric, text) IS
    'Grades what somebody else handed in, as a moderator of the space, and tells them. grade: percent, 0 to 100; feedback: NULL for none. Can be called again. Returns the submission. Volatile. Errors: 23514 grade or feedback, 42501. Example: SELECT grade_submission(id, 87.5, ''Well argued.'') FROM assignment_submissions LIMIT 1';
GRANT EXECUTE ON FUNCTION grade_submission(uuid, numeric, text) TO authenticated, service_role;

SELECT community_core.create_retention_policy('assignment_submissions', 'submitted_at', '24 months', 'anonymize',
    '{"profile_id": "NULL::uuid", "submission_url": "NULL::text", "feedback": "NULL::text"}',
    condition => 'profile_id IS NOT NULL')
WHERE NOT community_core.has_retention_policy('assignment_submissions', 'anonymize_submitted_at');
