-- A page per tag that moderators arrange.

CREATE TABLE topic_pages (
    tag_id       uuid        NOT NULL,
    space_id     uuid        NOT NULL,
    layout       jsonb       NOT NULL DEFAULT '{}',
    hero_content jsonb       NOT NULL DEFAULT '{}',
    featured_ids jsonb       NOT NULL DEFAULT '[]',
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT topic_pages_pkey PRIMARY KEY (tag_id),
    CONSTRAINT topic_pages_tag_id_space_id_fkey FOREIGN KEY (tag_id, space_id)
        REFERENCES tags (id, space_id) ON DELETE CASCADE,
    CONSTRAINT topic_pages_featured_ids_check CHECK (
        jsonb_typeof(featured_ids) = 'array'
        AND NOT jsonb_path_exists(featured_ids, '$[*] ? (!(@.type == "post" || @.type == "event") || !(@.id like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))'))
);
COMMENT ON TABLE topic_pages IS 'The page of a tag, arranged by moderators. Read by those who read the space.';
COMMENT ON COLUMN topic_pages.featured_ids IS
    'Posts and events of the space, in order: [{"type": "post", "id": …}, {"type": "event", "id": …}].';
CREATE INDEX topic_pages_tag_id_space_id_idx ON topic_pages (tag_id, space_id);
CREATE INDEX topic_pages_space_id_idx ON topic_pages (space_id);

CREATE POLICY topic_pages_select_reader ON topic_pages
    FOR SELECT TO anon, authenticated USING (space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY topic_pages_insert_moderator ON topic_pages
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY topic_pages_update_moderator ON topic_pages
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY topic_pages_delete_moderator ON topic_pages
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (tag_id, space_id, layout, hero_content, featured_ids), UPDATE (layout, hero_content, featured_ids)
    ON topic_pages TO authenticated;

-- Events come with a later part of the module, which may be absent.
CREATE OR REPLACE FUNCTION check_featured() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry jsonb;
    found boolean;
BEGIN
    FOR entry IN SELECT jsonb_array_elements(NEW.featured_ids) LOOP
        IF entry ->> 'type' = 'post' THEN
            found := EXISTS (SELECT FROM @schema@.posts p
                             WHERE p.id = (entry ->> 'id')::uuid AND p.space_id = NEW.space_id);
        ELSIF to_regclass('@schema@.events') IS NULL THEN
            found := false;
        ELSE
            EXECUTE 'SELECT EXISTS (SELECT FROM @schema@.events e WHERE e.id = $1 AND e.space_id = $2)'
                INTO found USING (entry ->> 'id')::uuid, NEW.space_id;
        END IF;
        IF NOT found THEN
            RAISE EXCEPTION 'there is no % % in space %', entry ->> 'type', entry ->> 'id', NEW.space_id
                USING ERRCODE = 'foreign_key_violation', HINT = 'Feature posts and events of the tag''s space.';
        END IF;
    END LOOP;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION check_featured() IS 'Trigger: what a topic page features is there, in the same space.';
CREATE OR REPLACE TRIGGER topic_pages_check_featured
    AFTER INSERT OR UPDATE OF featured_ids, space_id ON topic_pages FOR EACH ROW EXECUTE FUNCTION check_featured();
