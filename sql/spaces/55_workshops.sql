-- Workshops of a space and their sessions.

CREATE TABLE workshops (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id      uuid        NOT NULL,
    title         text        NOT NULL,
    description   text        NOT NULL DEFAULT '',
    curriculum    jsonb       NOT NULL DEFAULT '[]',
    prerequisites text        NOT NULL DEFAULT '',
    materials_url text,
    status        text        NOT NULL DEFAULT 'draft',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT workshops_pkey PRIMARY KEY (id),
    CONSTRAINT workshops_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT workshops_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 200),
    CONSTRAINT workshops_description_check CHECK (char_length(description) <= 100000),
    CONSTRAINT workshops_curriculum_check CHECK (jsonb_typeof(curriculum) = 'array'),
    CONSTRAINT workshops_status_check CHECK (status IN ('draft', 'published', 'completed', 'cancelled'))
);
COMMENT ON TABLE workshops IS
    'Courses of a space, planned by its moderators. A draft is seen by them alone; from then on who reads the space reads it.';
COMMENT ON COLUMN workshops.curriculum IS 'What is taught, a list in order.';
COMMENT ON COLUMN workshops.status IS 'draft, published, then completed or cancelled; see keep_lifecycle.';
CREATE INDEX workshops_space_id_idx ON workshops (space_id, status);

CREATE OR REPLACE FUNCTION keep_lifecycle() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.status <> 'draft' THEN
        RAISE EXCEPTION 'a new row of % is a draft, not %', TG_TABLE_NAME, NEW.status
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Insert it without a status, then publish it.';
    ELSIF TG_OP = 'UPDATE' AND NEW.status <> OLD.status
          AND (OLD.status, NEW.status) NOT IN (('draft', 'published'), ('draft', 'cancelled'),
                                               ('published', 'completed'), ('published', 'cancelled')) THEN
        RAISE EXCEPTION '% % is % and does not become %', TG_TABLE_NAME, NEW.id, OLD.status, NEW.status
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'A draft is published or cancelled; what is published is completed or cancelled; both are final.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_lifecycle() IS
    'Trigger of workshops and events: draft, published, then completed or cancelled; another move of the status is refused (55000).';
CREATE OR REPLACE TRIGGER workshops_keep_lifecycle
    BEFORE INSERT OR UPDATE OF status ON workshops FOR EACH ROW EXECUTE FUNCTION keep_lifecycle();
CREATE OR REPLACE TRIGGER workshops_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON workshops FOR EACH ROW EXECUTE FUNCTION record_staff_action('workshop');
CREATE OR REPLACE TRIGGER workshops_record_truncate
    AFTER TRUNCATE ON workshops FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('workshop');

CREATE TABLE workshop_sessions (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    workshop_id    uuid        NOT NULL,
    session_number int         NOT NULL,
    start_at       timestamptz NOT NULL,
    end_at         timestamptz NOT NULL,
    location       text,
    meeting_link   text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT workshop_sessions_pkey PRIMARY KEY (id),
    -- Checked at the end of a statement, so that one statement can number anew.
    CONSTRAINT workshop_sessions_workshop_id_session_number_key UNIQUE (workshop_id, session_number) DEFERRABLE,
    CONSTRAINT workshop_sessions_workshop_id_fkey FOREIGN KEY (workshop_id) REFERENCES workshops (id) ON DELETE CASCADE,
    CONSTRAINT workshop_sessions_session_number_check CHECK (session_number > 0),
    CONSTRAINT workshop_sessions_end_at_check CHECK (end_at > start_at)
);
COMMENT ON TABLE workshop_sessions IS 'When a workshop meets, numbered from 1 without gaps in the order of planning.';
COMMENT ON COLUMN workshop_sessions.session_number IS 'Given by the database; when a session is deleted, the later ones move up.';
COMMENT ON COLUMN workshop_sessions.meeting_link IS 'For the enrolled and the moderators: see workshop_links.';

-- The workshop's row is locked first, so that sessions planned side by side are numbered one after
-- the other.
CREATE OR REPLACE FUNCTION number_session() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @schema@.workshops w WHERE w.id = NEW.workshop_id FOR NO KEY UPDATE;
    NEW.session_number := 1 + (SELECT coalesce(max(s.session_number), 0) FROM @schema@.workshop_sessions s
                               WHERE s.workshop_id = NEW.workshop_id);
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION number_session() IS 'Trigger: a new session gets the number after the last of its workshop.';
CREATE OR REPLACE TRIGGER workshop_sessions_number_session
    BEFORE INSERT ON workshop_sessions FOR EACH ROW EXECUTE FUNCTION number_session();

CREATE OR REPLACE FUNCTION close_session_gap() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @schema@.workshops w WHERE w.id = OLD.workshop_id FOR NO KEY UPDATE;
    UPDATE @schema@.workshop_sessions s SET session_number = numbered.place
    FROM (SELECT n.id, row_number() OVER (ORDER BY n.session_number) AS place
          FROM @schema@.workshop_sessions n WHERE n.workshop_id = OLD.workshop_id) AS numbered
    WHERE s.id = numbered.id AND s.session_number <> numbered.place;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION close_session_gap() IS 'Trigger: after a session is deleted the later ones of its workshop move up.';
CREATE OR REPLACE TRIGGER workshop_sessions_close_gap
    AFTER DELETE ON workshop_sessions FOR EACH ROW EXECUTE FUNCTION close_session_gap();

CREATE OR REPLACE FUNCTION keep_session_number() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'session % of workshop % keeps its workshop and its number', OLD.session_number, OLD.workshop_id
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Delete it and plan it anew.';
END;
$$;
COMMENT ON FUNCTION keep_session_number() IS 'Trigger: refuses (55000) to number a session by hand or to move it to another workshop.';
CREATE OR REPLACE TRIGGER workshop_sessions_keep_number
    BEFORE UPDATE OF workshop_id, session_number ON workshop_sessions FOR EACH ROW
    WHEN (pg_trigger_depth() = 0
          AND (OLD.workshop_id, OLD.session_number) IS DISTINCT FROM (NEW.workshop_id, NEW.session_number))
    EXECUTE FUNCTION keep_session_number();

CREATE OR REPLACE FUNCTION joinable_space_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.id FROM @schema@.readable_space_ids() AS s (id)
    WHERE auth.uid() IS NOT NULL
      AND NOT EXISTS (SELECT FROM @schema@.active_sanctions a
                      WHERE a.profile_id = (SELECT auth.uid())
                        AND (a.type = 'site_ban' OR (a.type = 'space_ban' AND a.space_id = s.id)))
      AND NOT EXISTS (SELECT FROM @schema@.space_members m
                      WHERE m.profile_id = (SELECT auth.uid()) AND m.space_id = s.id AND m.status = 'banned');
$$;
COMMENT ON FUNCTION joinable_space_ids() IS
    'The spaces whose workshops and events the caller may take part in: signed in, reads the space, and is not banned there or everywhere. Stable. Example: SELECT count(*) FROM joinable_space_ids()';
GRANT EXECUTE ON FUNCTION joinable_space_ids() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION readable_workshop_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.id FROM @schema@.workshops w
    WHERE w.status <> 'draft' AND w.space_id = ANY (ARRAY(SELECT @schema@.readable_space_ids()))
    UNION
    SELECT w.id FROM @schema@.workshops w WHERE w.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()));
$$;
COMMENT ON FUNCTION readable_workshop_ids() IS
    'The workshops the caller may know of: those of readable spaces that are no drafts, and all that the caller moderates. Stable. Example: SELECT count(*) FROM readable_workshop_ids()';
GRANT EXECUTE ON FUNCTION readable_workshop_ids() TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION moderated_workshop_ids() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w.id FROM @schema@.workshops w WHERE w.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()));
$$;
COMMENT ON FUNCTION moderated_workshop_ids() IS
    'The workshops of the spaces that the caller moderates. Stable. Example: SELECT count(*) FROM moderated_workshop_ids()';
GRANT EXECUTE ON FUNCTION moderated_workshop_ids() TO authenticated, service_role;

CREATE POLICY workshops_select_guest ON workshops
    FOR SELECT TO anon USING (id = ANY (ARRAY(SELECT readable_workshop_ids())));
CREATE POLICY workshops_select_reader ON workshops
    FOR SELECT TO authenticated
    USING (id = ANY (ARRAY(SELECT readable_workshop_ids())));
CREATE POLICY workshops_insert_moderator ON workshops
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY workshops_update_moderator ON workshops
    FOR UPDATE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY workshops_delete_moderator ON workshops
    FOR DELETE TO authenticated USING (status = 'draft' AND space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, title, description, curriculum, prerequisites, materials_url),
      UPDATE (title, description, curriculum, prerequisites, materials_url, status) ON workshops TO authenticated;

CREATE POLICY workshop_sessions_select_guest ON workshop_sessions
    FOR SELECT TO anon USING (workshop_id = ANY (ARRAY(SELECT readable_workshop_ids())));
CREATE POLICY workshop_sessions_select_reader ON workshop_sessions
    FOR SELECT TO authenticated USING (workshop_id = ANY (ARRAY(SELECT readable_workshop_ids())));
CREATE POLICY workshop_sessions_insert_moderator ON workshop_sessions
    FOR INSERT TO authenticated WITH CHECK (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY workshop_sessions_update_moderator ON workshop_sessions
    FOR UPDATE TO authenticated USING (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
CREATE POLICY workshop_sessions_delete_moderator ON workshop_sessions
    FOR DELETE TO authenticated USING (workshop_id = ANY (ARRAY(SELECT moderated_workshop_ids())));
GRANT SELECT (id, workshop_id, session_number, start_at, end_at, location, created_at, updated_at)
    ON workshop_sessions TO anon, authenticated;
GRANT INSERT (workshop_id, start_at, end_at, location, meeting_link),
      UPDATE (start_at, end_at, location, meeting_link) ON workshop_sessions TO authenticated;
