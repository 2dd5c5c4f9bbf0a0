-- Posts, the feed of them, and finding them. A deleted post stays, for its author and the service
-- role; who deletes and who pins is decided by functions, because app roles cannot write the columns.

CREATE TABLE community_posts (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    author_id     uuid        NOT NULL,
    content       text        NOT NULL,
    is_pinned     boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    likes_count   integer     NOT NULL DEFAULT 0,
    replies_count integer     NOT NULL DEFAULT 0,
    deleted_at    timestamptz,
    CONSTRAINT community_posts_pkey PRIMARY KEY (id),
    CONSTRAINT community_posts_author_id_fkey
        FOREIGN KEY (author_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT community_posts_content_check
        CHECK (content ~ '@visible@' AND char_length(content) <= 100000)
);
COMMENT ON TABLE community_posts IS 'Posts of the forum. Read by members.';
COMMENT ON COLUMN community_posts.content IS 'Not blank, at most 100,000 characters.';
COMMENT ON COLUMN community_posts.is_pinned IS 'On top of the feed; set by pin_post.';
COMMENT ON COLUMN community_posts.likes_count IS 'Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN community_posts.replies_count IS
    'Replies that are not deleted; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN community_posts.deleted_at IS
    'Set by soft_delete_post, taken back by restore_post; then only the author and service_role see the post.';
ALTER TABLE community_posts REPLICA IDENTITY FULL;
CREATE INDEX idx_community_posts_author ON community_posts (author_id);
CREATE INDEX idx_community_posts_created ON community_posts (created_at DESC);
-- The order of the feed, read backwards; id makes it total.
CREATE INDEX idx_community_posts_pinned ON community_posts (is_pinned, created_at, id)
    WHERE deleted_at IS NULL;
-- For search_posts. Not of a generated column: PostgreSQL 18 leaves those out of publications, and then refuses to
-- update and delete rows whose identity is FULL.
CREATE INDEX community_posts_content_idx ON community_posts USING gin (to_tsvector('pg_catalog.english', content));

CREATE POLICY community_posts_select_member ON community_posts
    FOR SELECT TO authenticated
    USING ((deleted_at IS NULL AND (SELECT is_member())) OR author_id = (SELECT auth.uid()));
CREATE POLICY community_posts_insert_own ON community_posts
    FOR INSERT TO authenticated WITH CHECK (author_id = (SELECT auth.uid()));
CREATE POLICY community_posts_update_own ON community_posts
    FOR UPDATE TO authenticated
    USING (author_id = (SELECT auth.uid()) AND deleted_at IS NULL)
    WITH CHECK (author_id = (SELECT auth.uid()));
GRANT INSERT (id, author_id, content), UPDATE (content) ON community_posts TO authenticated;

-- One error for what is not there and for what is another's: it tells nothing of deleted posts.
CREATE OR REPLACE FUNCTION soft_delete_post(id uuid) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at timestamptz;
BEGIN
    UPDATE @schema@.community_posts p SET deleted_at = coalesce(p.deleted_at, pg_catalog.now())
    WHERE p.id = soft_delete_post.id AND (p.author_id = auth.uid() OR @schema@.is_staff())
    RETURNING p.deleted_at INTO at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no post % that you may delete', soft_delete_post.id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A post is deleted by its author or by staff.';
    END IF;
    RETURN at;
END;
$$;
COMMENT ON FUNCTION soft_delete_post(uuid) IS
    'Takes a post out of sight of all but its author and service_role. By its author or staff; deleting twice changes nothing. Returns when it was deleted. Volatile. Errors: 42501 another''s or no such post. Example: SELECT soft_delete_post(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION soft_delete_post(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION restore_post(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_staff('restore a post');
    UPDATE @schema@.community_posts p SET deleted_at = NULL
    WHERE p.id = restore_post.id AND p.deleted_at IS NOT NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION restore_post(uuid) IS
    'Brings a deleted post back; by staff, so that nobody undoes what staff deleted. Returns whether there was one. Volatile. Errors: 42501 not staff. Example: SELECT restore_post(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION restore_post(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION pin_post(id uuid, pinned boolean DEFAULT true) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_staff('pin a post');
    UPDATE @schema@.community_posts p SET is_pinned = pin_post.pinned
    WHERE p.id = pin_post.id AND p.is_pinned <> pin_post.pinned;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION pin_post(uuid, boolean) IS
    'Puts a post on top of the feed, or with pinned => false back in its place; by staff. Returns whether that changed anything. Volatile. Errors: 42501 not staff. Example: SELECT pin_post(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION pin_post(uuid, boolean) TO authenticated, service_role;

-- As the owner, for two reasons: a page goes on from a post that has been deleted since, and the text
-- search may use its index, which a policy forbids to operators that are not leakproof.
CREATE OR REPLACE FUNCTION feed(before uuid DEFAULT NULL, page_size integer DEFAULT 50)
RETURNS SETOF community_posts
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    IF NOT @schema@.is_member() THEN
        RETURN;
    ELSIF before IS NULL THEN
        RETURN QUERY
        SELECT p.* FROM @schema@.community_posts p
        WHERE p.deleted_at IS NULL
        ORDER BY p.is_pinned DESC, p.created_at DESC, p.id DESC LIMIT LEAST(page_size, 100);
        RETURN;
    END IF;
    SELECT p.is_pinned, p.created_at, p.id INTO last FROM @schema@.community_posts p WHERE p.id = before;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the feed cannot go on from post %, which does not exist', before
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Read the feed from the top.';
    END IF;
    RETURN QUERY
    SELECT p.* FROM @schema@.community_posts p
    WHERE p.deleted_at IS NULL
      AND (p.is_pinned, p.created_at, p.id) < (last.is_pinned, last.created_at, last.id)
    ORDER BY p.is_pinned DESC, p.created_at DESC, p.id DESC LIMIT LEAST(page_size, 100);
END;
$$;
COMMENT ON FUNCTION feed(uuid, integer) IS
    'A page of the feed: pinned posts first, then the newest; among posts of one moment by id. before: the last post of the page before, also when it has been deleted since; NULL: from the top. page_size: at most 100. No rows for guests. Stable. Errors: 22023 no such post, 2201W a negative page_size. Example: SELECT id, content FROM feed(page_size => 20)';
GRANT EXECUTE ON FUNCTION feed(uuid, integer) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION search_posts(query text, page_size integer DEFAULT 20)
RETURNS SETOF community_posts
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.* FROM @schema@.community_posts p
    WHERE (SELECT @schema@.is_member()) AND p.deleted_at IS NULL
      AND pg_catalog.to_tsvector('pg_catalog.english', p.content)
          @@ pg_catalog.websearch_to_tsquery('pg_catalog.english', query)
    ORDER BY pg_catalog.ts_rank(pg_catalog.to_tsvector('pg_catalog.english', p.content),
                                pg_catalog.websearch_to_tsquery('pg_catalog.english', query)) DESC,
             p.created_at DESC, p.id DESC
    LIMIT LEAST(page_size, 100);
$$;
COMMENT ON FUNCTION search_posts(text, integer) IS
    'The posts that match a query as a search engine takes it ("exact words", or, -without), best first. page_size: at most 100. NULL query or a guest: no rows. Stable. Example: SELECT id, content FROM search_posts(''cold email -newsletter'')';
GRANT EXECUTE ON FUNCTION search_posts(text, integer) TO authenticated, service_role;
