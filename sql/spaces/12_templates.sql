-- Templates: what a kind of post is asked to say.

CREATE TABLE post_templates (
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id     uuid        NOT NULL,
    content_type text        NOT NULL DEFAULT 'post',
    title        text        NOT NULL,
    body         text        NOT NULL DEFAULT '',
    config       jsonb       NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT post_templates_pkey PRIMARY KEY (id),
    CONSTRAINT post_templates_id_space_id_key UNIQUE (id, space_id),
    CONSTRAINT post_templates_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT post_templates_content_type_check CHECK (content_type IN ('post', 'question')),
    CONSTRAINT post_templates_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 300),
    CONSTRAINT post_templates_body_check CHECK (char_length(body) <= 100000),
    -- required lists the sections that a post must fill in, by their keys.
    CONSTRAINT post_templates_config_check CHECK (
        jsonb_typeof(config) = 'object'
        AND coalesce(jsonb_typeof(config -> 'required'), 'array') = 'array'
        AND NOT jsonb_path_exists(config, 'strict $.required[*] ? (@.type() != "string" || @ == "")', '{}', true))
);
COMMENT ON TABLE post_templates IS 'What a post of a kind starts from, and the sections it must have.';
COMMENT ON COLUMN post_templates.content_type IS 'The post_type of the posts that it is for.';
COMMENT ON COLUMN post_templates.config IS
    'The form''s fields, and required: the keys of the sections that a post''s content must fill in, {"required": ["steps"]}.';
CREATE INDEX post_templates_space_id_idx ON post_templates (space_id, content_type);
CREATE INDEX post_templates_config_idx ON post_templates USING gin (config);

CREATE POLICY post_templates_select_reader ON post_templates
    FOR SELECT TO anon, authenticated USING (space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY post_templates_insert_moderator ON post_templates
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY post_templates_update_moderator ON post_templates
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY post_templates_delete_moderator ON post_templates
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, content_type, title, body, config), UPDATE (content_type, title, body, config)
    ON post_templates TO authenticated;
