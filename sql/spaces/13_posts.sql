-- Posts: what is written in a space.

CREATE TABLE posts (
    id            uuid        NOT NULL DEFAULT uuid_v7(),
    space_id      uuid        NOT NULL,
    author_id     uuid,
    post_type     text        NOT NULL DEFAULT 'post',
    template_id   uuid,
    title         text        NOT NULL,
    body          text        NOT NULL DEFAULT '',
    content       jsonb       NOT NULL DEFAULT '{}',
    state         text        NOT NULL DEFAULT 'published',
    hidden_until  timestamptz,
    score         integer     NOT NULL DEFAULT 0,
    comment_count integer     NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT posts_pkey PRIMARY KEY (id),
    -- What belongs to a post lies in the same space, and a question's post is a question.
    CONSTRAINT posts_id_space_id_key UNIQUE (id, space_id),
    CONSTRAINT posts_id_post_type_key UNIQUE (id, post_type),
    CONSTRAINT posts_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT posts_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT posts_template_id_space_id_fkey FOREIGN KEY (template_id, space_id)
        REFERENCES post_templates (id, space_id) ON UPDATE CASCADE ON DELETE SET NULL (template_id),
    CONSTRAINT posts_post_type_check CHECK (post_type IN ('post', 'question')),
    CONSTRAINT posts_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 300),
    CONSTRAINT posts_body_check CHECK (char_length(body) <= 100000),
    CONSTRAINT posts_content_check CHECK (jsonb_typeof(content) = 'object'),
    CONSTRAINT posts_state_check CHECK (state IN ('published', 'held', 'quarantined', 'removed', 'deleted'))
);
COMMENT ON TABLE posts IS 'What is written in a space, questions too. Read by those who read the space.';
COMMENT ON COLUMN posts.author_id IS 'Who wrote it; NULL once that person is deleted.';
COMMENT ON COLUMN posts.template_id IS 'The template it was written by, whose required sections content has; NULL: none.';
COMMENT ON COLUMN posts.body IS 'The text, at most 100,000 characters.';
COMMENT ON COLUMN posts.content IS 'The editor''s structure, an object; the sections of a template are its keys.';
COMMENT ON COLUMN posts.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.';
COMMENT ON COLUMN posts.hidden_until IS
    'When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.';
COMMENT ON COLUMN posts.score IS 'Up-votes minus down-votes; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN posts.comment_count IS
    'Published comments on the post itself; kept by the counter engine, app roles cannot write it.';
-- The feed of a space, read backwards; id makes the order total.
CREATE INDEX posts_space_id_created_at_idx ON posts (space_id, created_at, id);
CREATE INDEX posts_space_id_state_idx ON posts (space_id, state) WHERE state <> 'published';
CREATE INDEX posts_author_id_idx ON posts (author_id, created_at);
CREATE INDEX posts_template_id_space_id_idx ON posts (template_id, space_id) WHERE template_id IS NOT NULL;

CREATE POLICY posts_select_anon ON posts
    FOR SELECT TO anon
    USING ((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
           AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
           AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                OR NOT is_hidden(author_id, space_id)));
CREATE POLICY posts_select_authenticated ON posts
    FOR SELECT TO authenticated
    USING (((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
            AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
            AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                 OR NOT is_hidden(author_id, space_id)))
           OR (author_id = (SELECT auth.uid()) AND state <> 'deleted')
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY posts_insert_own ON posts
    FOR INSERT TO authenticated
    WITH CHECK (author_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids())));
CREATE POLICY posts_update_author_or_editor ON posts
    FOR UPDATE TO authenticated
    USING ((author_id = (SELECT auth.uid()) AND state IN ('published', 'held')
            AND space_id = ANY (ARRAY(SELECT writable_space_ids())))
           OR (state = 'published' AND space_id = ANY (ARRAY(SELECT privileged_space_ids('edit')))))
    -- An edit may be held for review by a trigger.
    WITH CHECK (space_id = ANY (ARRAY(SELECT readable_space_ids())));
GRANT INSERT (space_id, author_id, post_type, template_id, title, body, content),
      UPDATE (title, body, content, template_id)
    ON posts TO authenticated;

CREATE OR REPLACE FUNCTION check_required_sections() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    template @schema@.post_templates;
    section  text;
BEGIN
    SELECT t.* INTO template FROM @schema@.post_templates t WHERE t.id = NEW.template_id;
    IF template.content_type <> NEW.post_type THEN
        RAISE EXCEPTION 'template % is for a %, not for a %', NEW.template_id, template.content_type, NEW.post_type
            USING ERRCODE = 'check_violation', HINT = 'Choose a template of this kind of post, or none.';
    END IF;
    FOR section IN SELECT jsonb_array_elements_text(template.config -> 'required') LOOP
        IF NOT coalesce(CASE jsonb_typeof(NEW.content -> section)
                             WHEN 'string' THEN NEW.content ->> section ~ '@visible@'
                             WHEN 'array'  THEN NEW.content -> section <> '[]'
                             WHEN 'object' THEN NEW.content -> section <> '{}'
                             ELSE NEW.content -> section <> 'null' END, false) THEN
            RAISE EXCEPTION 'the section "%" that template % requires is empty', section, NEW.template_id
                USING ERRCODE = 'check_violation',
                      HINT = format('Fill it in: content has a key %s that is not blank.', section);
        END IF;
    END LOOP;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION check_required_sections() IS
    'Trigger: a post written by a template is of its content_type and fills in every section in config.required. What was posted before the template asked for more is asked when it is next edited.';
CREATE OR REPLACE TRIGGER posts_check_required_sections
    BEFORE INSERT OR UPDATE OF template_id, content ON posts FOR EACH ROW
    WHEN (NEW.template_id IS NOT NULL) EXECUTE FUNCTION check_required_sections();

-- Every five minutes at most: who writes much does not write this row as often.
CREATE OR REPLACE FUNCTION record_activity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.space_members m SET last_active_at = now()
    WHERE m.space_id = NEW.space_id AND m.profile_id = NEW.author_id
      AND (m.last_active_at IS NULL OR m.last_active_at < now() - interval '5 minutes');
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_activity() IS 'Trigger: notes when a member was last active, to within five minutes.';
CREATE OR REPLACE TRIGGER posts_record_activity
    AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION record_activity();

CREATE OR REPLACE FUNCTION delete_post(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.posts p SET state = 'deleted'
    WHERE p.id = delete_post.id AND p.author_id = @schema@.require_signed_in() AND p.state <> 'deleted';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_post(uuid) IS
    'Takes one''s own post, with what stands under it, out of everybody''s sight but the moderators''. Returns whether there was one. Volatile. Errors: 42501 not signed in or banned. Example: SELECT delete_post(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION delete_post(uuid) TO authenticated;
