-- What a post said before: each change of its content is a version, numbered without gaps, for ever.

CREATE TABLE post_versions (
    id             uuid        NOT NULL DEFAULT uuid_v7(),
    post_id        uuid        NOT NULL,
    version_number integer     NOT NULL,
    content        jsonb       NOT NULL,
    metadata       jsonb       NOT NULL,
    created_by     uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT post_versions_pkey PRIMARY KEY (id),
    CONSTRAINT post_versions_post_id_version_number_key UNIQUE (post_id, version_number),
    CONSTRAINT post_versions_post_id_fkey FOREIGN KEY (post_id) REFERENCES posts (id) ON DELETE CASCADE,
    CONSTRAINT post_versions_created_by_fkey FOREIGN KEY (created_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT post_versions_version_number_check CHECK (version_number > 0)
);
COMMENT ON TABLE post_versions IS 'Every version of every post, the present one too. Read by those who see the post; written by trigger.';
COMMENT ON COLUMN post_versions.version_number IS 'From 1, without gaps.';
COMMENT ON COLUMN post_versions.content IS 'The post''s content then.';
COMMENT ON COLUMN post_versions.metadata IS 'The rest of what it said: {"title": …, "body": …, "template_id": …}.';
COMMENT ON COLUMN post_versions.created_by IS 'Who wrote this version; NULL once that person is deleted, or where nobody was signed in.';
CREATE INDEX post_versions_created_by_idx ON post_versions (created_by);

-- The subquery obeys the policies of posts; as a scalar it is asked for the rows shown only.
CREATE POLICY post_versions_select_reader ON post_versions
    FOR SELECT TO anon, authenticated USING ((SELECT true FROM posts p WHERE p.id = post_id));

-- The post's row is locked by the change itself until it is committed, so nobody else numbers meanwhile.
CREATE OR REPLACE FUNCTION record_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.post_versions (post_id, version_number, content, metadata, created_by)
    VALUES (NEW.id,
            1 + coalesce((SELECT max(v.version_number) FROM @schema@.post_versions v WHERE v.post_id = NEW.id), 0),
            NEW.content,
            jsonb_build_object('title', NEW.title, 'body', NEW.body, 'template_id', NEW.template_id),
            coalesce((SELECT p.id FROM @schema@.profiles p WHERE p.id = auth.uid()),
                     CASE TG_OP WHEN 'INSERT' THEN NEW.author_id END));
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_version() IS 'Trigger: keeps what a post says now as its next version.';
CREATE OR REPLACE TRIGGER posts_record_first_version
    AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION record_version();
CREATE OR REPLACE TRIGGER posts_record_version
    AFTER UPDATE OF title, body, content ON posts FOR EACH ROW
    WHEN ((OLD.title, OLD.body, OLD.content) IS DISTINCT FROM (NEW.title, NEW.body, NEW.content))
    EXECUTE FUNCTION record_version();

-- A version goes with its post, and forgets its author with the author's account; nothing else changes it.
CREATE OR REPLACE FUNCTION refuse_change_of_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM @schema@.posts p WHERE p.id = OLD.post_id) THEN
            RETURN OLD;
        END IF;
    ELSIF NEW.created_by IS NULL
          AND (NEW.id, NEW.post_id, NEW.version_number, NEW.content, NEW.metadata, NEW.created_at)
              IS NOT DISTINCT FROM (OLD.id, OLD.post_id, OLD.version_number, OLD.content, OLD.metadata, OLD.created_at)
          AND NOT EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = OLD.created_by) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'version % of post % cannot be changed', OLD.version_number, OLD.post_id
        USING ERRCODE = 'insufficient_privilege', HINT = 'Edit the post: that makes a new version.';
END;
$$;
COMMENT ON FUNCTION refuse_change_of_version() IS 'Trigger: a version is never changed, and deleted only with its post.';
CREATE OR REPLACE TRIGGER post_versions_refuse_change
    BEFORE UPDATE OR DELETE ON post_versions FOR EACH ROW EXECUTE FUNCTION refuse_change_of_version();
