-- Tags, what is tagged with them, and synonyms: each resolves to its tag in one hop.

CREATE TABLE tags (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id    uuid        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    post_count  integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tags_pkey PRIMARY KEY (id),
    CONSTRAINT tags_id_space_id_key UNIQUE (id, space_id),
    CONSTRAINT tags_space_id_name_key UNIQUE (space_id, name),
    CONSTRAINT tags_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT tags_name_check CHECK (name = lower(name) AND name !~ '\s' AND char_length(name) BETWEEN 1 AND 60),
    CONSTRAINT tags_description_check CHECK (char_length(description) <= 10000)
);
COMMENT ON TABLE tags IS 'The tags of a space. Read by those who read the space.';
COMMENT ON COLUMN tags.name IS 'Lower case, without white space, at most 60 characters.';
COMMENT ON COLUMN tags.post_count IS 'How many posts have it; kept by the counter engine, app roles cannot write it.';

CREATE POLICY tags_select_reader ON tags
    FOR SELECT TO anon, authenticated USING (space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY tags_insert_privileged ON tags
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT privileged_space_ids('create_tag'))));
CREATE POLICY tags_update_moderator ON tags
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY tags_delete_moderator ON tags
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, name, description), UPDATE (name, description) ON tags TO authenticated;

CREATE TABLE post_tags (
    post_id  uuid NOT NULL,
    tag_id   uuid NOT NULL,
    space_id uuid NOT NULL,
    CONSTRAINT post_tags_pkey PRIMARY KEY (post_id, tag_id),
    CONSTRAINT post_tags_post_id_space_id_fkey FOREIGN KEY (post_id, space_id)
        REFERENCES posts (id, space_id) ON DELETE CASCADE,
    CONSTRAINT post_tags_tag_id_space_id_fkey FOREIGN KEY (tag_id, space_id)
        REFERENCES tags (id, space_id) ON DELETE CASCADE
);
COMMENT ON TABLE post_tags IS 'Which post has which tag, both of one space. Read by those who see the post.';
COMMENT ON COLUMN post_tags.tag_id IS 'Never a synonym: what is tagged with one gets its tag.';
COMMENT ON COLUMN post_tags.space_id IS 'The space of both; left out, the post''s.';
CREATE INDEX post_tags_post_id_space_id_idx ON post_tags (post_id, space_id);
CREATE INDEX post_tags_tag_id_space_id_idx ON post_tags (tag_id, space_id);

CREATE POLICY post_tags_select_reader ON post_tags
    FOR SELECT TO anon, authenticated USING ((SELECT true FROM posts p WHERE p.id = post_id));
-- Who may edit a post may tag it.
CREATE OR REPLACE FUNCTION editable_post(id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM @schema@.posts p
        WHERE p.id = editable_post.id
          AND ((p.author_id = auth.uid() AND p.state IN ('published', 'held')
                AND p.space_id = ANY (ARRAY(SELECT @schema@.writable_space_ids())))
               OR (p.state = 'published' AND p.space_id = ANY (ARRAY(SELECT @schema@.privileged_space_ids('edit'))))));
$$;
COMMENT ON FUNCTION editable_post(uuid) IS
    'Whether the caller may edit a post: its author, or who has the privilege edit. NULL gives false. Stable. Example: SELECT editable_post(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION editable_post(uuid) TO authenticated, service_role;
CREATE POLICY post_tags_insert_editor ON post_tags
    FOR INSERT TO authenticated WITH CHECK (editable_post(post_id));
CREATE POLICY post_tags_delete_editor ON post_tags
    FOR DELETE TO authenticated USING (editable_post(post_id));
GRANT INSERT (post_id, tag_id, space_id) ON post_tags TO authenticated;

SELECT community_core.create_counter('post_tags', 'tag_id', 'tags', 'post_count');
