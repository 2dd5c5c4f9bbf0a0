-- Files and links that belong to a space, a workshop, a session, an assignment or an event.

CREATE TABLE materials (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    owner_type   text        NOT NULL,
    owner_id     uuid        NOT NULL,
    space_id     uuid        NOT NULL,
    workshop_id  uuid,
    title        text        NOT NULL,
    description  text        NOT NULL DEFAULT '',
    storage_path text        NOT NULL,
    visibility   text        NOT NULL DEFAULT 'members',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT materials_pkey PRIMARY KEY (id),
    CONSTRAINT materials_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT materials_workshop_id_fkey FOREIGN KEY (workshop_id) REFERENCES workshops (id) ON DELETE CASCADE,
    CONSTRAINT materials_owner_type_check CHECK (owner_type IN ('space', 'workshop', 'session', 'assignment', 'event')),
    CONSTRAINT materials_workshop_check CHECK ((owner_type IN ('workshop', 'session', 'assignment')) = (workshop_id IS NOT NULL)),
    CONSTRAINT materials_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 200),
    CONSTRAINT materials_storage_path_check CHECK (storage_path ~ '@visible@' AND char_length(storage_path) <= 2000),
    CONSTRAINT materials_visibility_check CHECK (visibility IN ('public', 'members', 'enrolled')),
    -- Nobody enrols in a space.
    CONSTRAINT materials_enrolled_check CHECK (owner_type <> 'space' OR visibility <> 'enrolled')
);
COMMENT ON TABLE materials IS
    'Files and links, each read by nobody who does not read what it belongs to: public by all of them, members by the members of the space, enrolled by who is enrolled in the workshop or has a ticket of the event.';
COMMENT ON COLUMN materials.owner_id IS 'What it belongs to, and goes with.';
COMMENT ON COLUMN materials.space_id IS 'The space of what it belongs to; told by the database.';
COMMENT ON COLUMN materials.workshop_id IS 'The workshop of what it belongs to, if any; told by the database.';
COMMENT ON COLUMN materials.storage_path IS 'A path in the file store, or an address; the database does not look into it.';
CREATE INDEX materials_owner_id_idx ON materials (owner_id, owner_type);
CREATE INDEX materials_space_id_idx ON materials (space_id);
CREATE INDEX materials_workshop_id_idx ON materials (workshop_id);

-- What it belongs to is locked, so that it is not deleted before the material is there to go with it.
CREATE OR REPLACE FUNCTION settle_material() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.space_id := NULL;
    NEW.workshop_id := NULL;
    CASE NEW.owner_type
        WHEN 'space' THEN
            SELECT s.id INTO NEW.space_id FROM @schema@.spaces s WHERE s.id = NEW.owner_id FOR KEY SHARE;
        WHEN 'workshop' THEN
            SELECT w.space_id, w.id INTO NEW.space_id, NEW.workshop_id
            FROM @schema@.workshops w WHERE w.id = NEW.owner_id FOR KEY SHARE;
        WHEN 'session' THEN
            SELECT w.space_id, w.id INTO NEW.space_id, NEW.workshop_id
            FROM @schema@.workshop_sessions s JOIN @schema@.workshops w ON w.id = s.workshop_id
            WHERE s.id = NEW.owner_id FOR KEY SHARE;
        WHEN 'assignment' THEN
            SELECT w.space_id, w.id INTO NEW.space_id, NEW.workshop_id
            FROM @schema@.assignments a JOIN @schema@.workshops w ON w.id = a.workshop_id
            WHERE a.id = NEW.owner_id FOR KEY SHARE;
        WHEN 'event' THEN
            -- Events come with a later part of the module.
            IF pg_catalog.to_regclass('@schema@.events') IS NOT NULL THEN
                SELECT e.space_id INTO NEW.space_id FROM @schema@.events e WHERE e.id = NEW.owner_id FOR KEY SHARE;
            END IF;
        ELSE RETURN NEW;
    END CASE;
    IF NEW.space_id IS NULL THEN
        RAISE EXCEPTION 'there is no % % for material "%"', NEW.owner_type, NEW.owner_id, NEW.title
            USING ERRCODE = 'foreign_key_violation', HINT = 'Give the id of what the material belongs to.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION settle_material() IS
    'Trigger: what a material belongs to exists (23503), and its space and workshop are read from it.';
CREATE OR REPLACE TRIGGER materials_settle
    BEFORE INSERT OR UPDATE OF owner_type, owner_id, space_id, workshop_id ON materials
    FOR EACH ROW EXECUTE FUNCTION settle_material();

CREATE OR REPLACE FUNCTION delete_materials() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM @schema@.materials m WHERE m.owner_id = OLD.id AND m.owner_type = TG_ARGV[0];
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION delete_materials() IS 'Trigger with the owner_type: materials go with what they belong to.';
CREATE OR REPLACE TRIGGER workshop_sessions_delete_materials
    AFTER DELETE ON workshop_sessions FOR EACH ROW EXECUTE FUNCTION delete_materials('session');
CREATE OR REPLACE TRIGGER assignments_delete_materials
    AFTER DELETE ON assignments FOR EACH ROW EXECUTE FUNCTION delete_materials('assignment');

-- The materials of assignments are for those who may read the assignment, whatever their visibility
-- says beyond that.
CREATE POLICY materials_select_guest ON materials
    FOR SELECT TO anon
    USING (visibility = 'public' AND owner_type IN ('space', 'workshop', 'session')
           AND space_id = ANY (ARRAY(SELECT readable_space_ids()))
           AND (workshop_id IS NULL OR workshop_id = ANY (ARRAY(SELECT readable_workshop_ids()))));
CREATE POLICY materials_select_reader ON materials
    FOR SELECT TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids()))
           OR (owner_type <> 'event'
               AND space_id = ANY (ARRAY(SELECT readable_space_ids()))
               AND (workshop_id IS NULL OR workshop_id = ANY (ARRAY(SELECT readable_workshop_ids())))
               AND (visibility = 'public' OR workshop_id = ANY (ARRAY(SELECT my_workshop_ids()))
                    OR (visibility = 'members' AND space_id = ANY (ARRAY(SELECT writable_space_ids()))))
               AND (owner_type <> 'assignment' OR workshop_id = ANY (ARRAY(SELECT my_workshop_ids())))));
CREATE POLICY materials_insert_moderator ON materials
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY materials_update_moderator ON materials
    FOR UPDATE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY materials_delete_moderator ON materials
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (owner_type, owner_id, title, description, storage_path, visibility),
      UPDATE (title, description, storage_path, visibility) ON materials TO authenticated;
