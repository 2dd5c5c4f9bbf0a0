-- Synonyms of tags: each resolves to its tag in one hop, and a tag that becomes one hands its posts over.

CREATE TABLE tag_synonyms (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id       uuid        NOT NULL,
    tag_id         uuid        NOT NULL,
    synonym_tag_id uuid        NOT NULL,
    status         text        NOT NULL DEFAULT 'proposed',
    created_by     uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tag_synonyms_pkey PRIMARY KEY (id),
    CONSTRAINT tag_synonyms_tag_id_synonym_tag_id_key UNIQUE (tag_id, synonym_tag_id),
    CONSTRAINT tag_synonyms_tag_id_space_id_fkey FOREIGN KEY (tag_id, space_id)
        REFERENCES tags (id, space_id) ON DELETE CASCADE,
    CONSTRAINT tag_synonyms_synonym_tag_id_space_id_fkey FOREIGN KEY (synonym_tag_id, space_id)
        REFERENCES tags (id, space_id) ON DELETE CASCADE,
    CONSTRAINT tag_synonyms_created_by_fkey FOREIGN KEY (created_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT tag_synonyms_status_check CHECK (status IN ('proposed', 'approved', 'rejected')),
    CONSTRAINT tag_synonyms_self_check CHECK (tag_id <> synonym_tag_id)
);
COMMENT ON TABLE tag_synonyms IS
    'Which tag is a synonym of which; approved ones hold. Proposed by members with the privilege suggest_synonym, decided by moderators.';
COMMENT ON COLUMN tag_synonyms.tag_id IS 'The tag that is meant.';
COMMENT ON COLUMN tag_synonyms.synonym_tag_id IS 'The tag that is read as tag_id.';
CREATE UNIQUE INDEX tag_synonyms_approved_idx ON tag_synonyms (synonym_tag_id) WHERE status = 'approved';
CREATE INDEX tag_synonyms_tag_id_space_id_idx ON tag_synonyms (tag_id, space_id);
CREATE INDEX tag_synonyms_synonym_tag_id_space_id_idx ON tag_synonyms (synonym_tag_id, space_id);
CREATE INDEX tag_synonyms_space_id_idx ON tag_synonyms (space_id, status);
CREATE INDEX tag_synonyms_created_by_idx ON tag_synonyms (created_by);

CREATE POLICY tag_synonyms_select_reader ON tag_synonyms
    FOR SELECT TO anon, authenticated USING (space_id = ANY (ARRAY(SELECT readable_space_ids())));
CREATE POLICY tag_synonyms_insert_privileged ON tag_synonyms
    FOR INSERT TO authenticated
    WITH CHECK (created_by = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT privileged_space_ids('suggest_synonym'))));
CREATE POLICY tag_synonyms_update_moderator ON tag_synonyms
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, tag_id, synonym_tag_id, created_by), UPDATE (status) ON tag_synonyms TO authenticated;

-- With the caller's rights: what is a synonym in a private space is told to nobody else.
CREATE OR REPLACE FUNCTION resolve_tag(id uuid) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT s.tag_id FROM @schema@.tag_synonyms s
                     WHERE s.synonym_tag_id = resolve_tag.id AND s.status = 'approved'), resolve_tag.id);
$$;
COMMENT ON FUNCTION resolve_tag(uuid) IS
    'The tag that is meant by a tag: that of which it is an approved synonym, or itself. NULL gives NULL. Stable. Example: SELECT resolve_tag(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION resolve_tag(uuid) TO anon, authenticated, service_role;

-- Both tags are locked in the order of their ids, against each other and against posts being tagged:
-- of two approvals that would make a chain or a circle, the second sees the first.
CREATE OR REPLACE FUNCTION keep_synonyms_flat() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @schema@.tags t WHERE t.id IN (NEW.tag_id, NEW.synonym_tag_id) ORDER BY t.id FOR UPDATE;
    IF @schema@.resolve_tag(NEW.tag_id) <> NEW.tag_id THEN
        RAISE EXCEPTION 'tag % is itself a synonym of tag %', NEW.tag_id, @schema@.resolve_tag(NEW.tag_id)
            USING ERRCODE = 'check_violation', HINT = 'Make it a synonym of that tag.';
    ELSIF EXISTS (SELECT FROM @schema@.tag_synonyms s WHERE s.tag_id = NEW.synonym_tag_id AND s.status = 'approved') THEN
        RAISE EXCEPTION 'tag % has synonyms of its own', NEW.synonym_tag_id
            USING ERRCODE = 'check_violation', HINT = 'merge_tags takes its synonyms along.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_synonyms_flat() IS 'Trigger: an approved synonym has none of its own, and is none of a synonym.';
CREATE OR REPLACE TRIGGER tag_synonyms_keep_flat
    BEFORE INSERT OR UPDATE OF tag_id, synonym_tag_id, status ON tag_synonyms FOR EACH ROW
    WHEN (NEW.status = 'approved') EXECUTE FUNCTION keep_synonyms_flat();

CREATE OR REPLACE FUNCTION move_tagged_posts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.post_tags t SET tag_id = NEW.tag_id
    WHERE t.tag_id = NEW.synonym_tag_id
      AND NOT EXISTS (SELECT FROM @schema@.post_tags o WHERE o.post_id = t.post_id AND o.tag_id = NEW.tag_id);
    DELETE FROM @schema@.post_tags t WHERE t.tag_id = NEW.synonym_tag_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION move_tagged_posts() IS 'Trigger: what had the synonym has the tag, once.';
CREATE OR REPLACE TRIGGER tag_synonyms_move_posts
    AFTER INSERT OR UPDATE OF tag_id, synonym_tag_id, status ON tag_synonyms FOR EACH ROW
    WHEN (NEW.status = 'approved') EXECUTE FUNCTION move_tagged_posts();

-- The lock keeps the tag from becoming a synonym before this row is committed.
CREATE OR REPLACE FUNCTION resolve_post_tag() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    meant uuid;
BEGIN
    NEW.space_id := coalesce(NEW.space_id, (SELECT p.space_id FROM @schema@.posts p WHERE p.id = NEW.post_id));
    LOOP
        PERFORM FROM @schema@.tags t WHERE t.id = NEW.tag_id FOR KEY SHARE;
        meant := @schema@.resolve_tag(NEW.tag_id);
        -- No tag means none, which the column refuses.
        EXIT WHEN meant IS NOT DISTINCT FROM NEW.tag_id;
        NEW.tag_id := meant;
    END LOOP;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION resolve_post_tag() IS 'Trigger: what is tagged with a synonym gets the tag that is meant.';
CREATE OR REPLACE TRIGGER post_tags_resolve
    BEFORE INSERT ON post_tags FOR EACH ROW EXECUTE FUNCTION resolve_post_tag();

CREATE OR REPLACE FUNCTION merge_tags(from_tag uuid, into_tag uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    space uuid;
    moved integer;
BEGIN
    -- To who does not moderate it, a tag that is there is as one that is not.
    SELECT t.space_id INTO space FROM @schema@.tags t
    WHERE t.id = into_tag AND t.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no tag % that you may merge into', into_tag
            USING ERRCODE = 'insufficient_privilege', HINT = 'A moderator of its space merges tags.';
    END IF;
    PERFORM FROM @schema@.tags t
    WHERE t.id IN (from_tag, into_tag)
       OR t.id IN (SELECT s.synonym_tag_id FROM @schema@.tag_synonyms s WHERE s.tag_id = from_tag AND s.status = 'approved')
    ORDER BY t.id FOR UPDATE;
    SELECT count(*) INTO moved FROM @schema@.post_tags t WHERE t.tag_id = from_tag;
    DELETE FROM @schema@.tag_synonyms s
    WHERE s.tag_id = from_tag AND s.status = 'approved'
      AND EXISTS (SELECT FROM @schema@.tag_synonyms o WHERE o.tag_id = into_tag AND o.synonym_tag_id = s.synonym_tag_id);
    UPDATE @schema@.tag_synonyms s SET tag_id = into_tag WHERE s.tag_id = from_tag AND s.status = 'approved';
    INSERT INTO @schema@.tag_synonyms AS s (space_id, tag_id, synonym_tag_id, status, created_by)
    VALUES (space, into_tag, from_tag, 'approved', (SELECT p.id FROM @schema@.profiles p WHERE p.id = auth.uid()))
    ON CONFLICT (tag_id, synonym_tag_id) DO UPDATE SET status = 'approved';
    RETURN moved;
END;
$$;
COMMENT ON FUNCTION merge_tags(uuid, uuid) IS
    'Makes from_tag, with its own synonyms, a synonym of into_tag and moves its posts there, each once. By moderators; again: moves nothing. Returns how many posts had from_tag. Volatile. Errors: 23503 tags of two spaces, 23514 one and the same tag, or into_tag is itself a synonym, 42501 not a moderator of its space, or no such tag. Example: SELECT merge_tags(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION merge_tags(uuid, uuid) TO authenticated, service_role;
