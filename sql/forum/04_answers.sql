-- What others say to a post: likes and replies, and the counts of them. Whoever does not see a post
-- neither sees what is said of it nor can say something: the subqueries obey the policies of posts.
-- Where one decides what is read it is scalar: for EXISTS the planner, which does not know of a LIMIT
-- there, would hash all posts to show the newest fifty replies.

CREATE TABLE community_post_likes (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    post_id    uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT community_post_likes_pkey PRIMARY KEY (id),
    CONSTRAINT community_post_likes_post_id_user_id_key UNIQUE (post_id, user_id),
    CONSTRAINT community_post_likes_post_id_fkey
        FOREIGN KEY (post_id) REFERENCES community_posts (id) ON DELETE CASCADE,
    CONSTRAINT community_post_likes_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE community_post_likes IS 'Who likes a post, once each. Seen by those who see the post.';
ALTER TABLE community_post_likes REPLICA IDENTITY FULL;
CREATE INDEX idx_post_likes_user ON community_post_likes (user_id);

CREATE POLICY community_post_likes_select_member ON community_post_likes
    FOR SELECT TO authenticated
    USING ((SELECT true FROM community_posts p WHERE p.id = post_id));
CREATE POLICY community_post_likes_insert_own ON community_post_likes
    FOR INSERT TO authenticated
    WITH CHECK (user_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM community_posts p WHERE p.id = post_id AND p.deleted_at IS NULL));
CREATE POLICY community_post_likes_delete_own ON community_post_likes
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
GRANT INSERT (id, post_id, user_id) ON community_post_likes TO authenticated;

CREATE TABLE community_post_replies (
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    post_id    uuid        NOT NULL,
    author_id  uuid        NOT NULL,
    content    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT community_post_replies_pkey PRIMARY KEY (id),
    CONSTRAINT community_post_replies_post_id_fkey
        FOREIGN KEY (post_id) REFERENCES community_posts (id) ON DELETE CASCADE,
    CONSTRAINT community_post_replies_author_id_fkey
        FOREIGN KEY (author_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT community_post_replies_content_check
        CHECK (content ~ '@visible@' AND char_length(content) <= 10000)
);
COMMENT ON TABLE community_post_replies IS 'Replies to posts. Seen by those who see the post.';
COMMENT ON COLUMN community_post_replies.content IS 'Not blank, at most 10,000 characters.';
COMMENT ON COLUMN community_post_replies.deleted_at IS
    'Set by soft_delete_reply, taken back by restore_reply; then only the author and service_role see the reply.';
ALTER TABLE community_post_replies REPLICA IDENTITY FULL;
CREATE INDEX idx_post_replies_post ON community_post_replies (post_id);
CREATE INDEX idx_post_replies_author ON community_post_replies (author_id);
CREATE INDEX idx_post_replies_created ON community_post_replies (created_at);

CREATE POLICY community_post_replies_select_member ON community_post_replies
    FOR SELECT TO authenticated
    USING (author_id = (SELECT auth.uid())
           OR (deleted_at IS NULL AND (SELECT true FROM community_posts p WHERE p.id = post_id)));
CREATE POLICY community_post_replies_insert_own ON community_post_replies
    FOR INSERT TO authenticated
    WITH CHECK (author_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM community_posts p WHERE p.id = post_id AND p.deleted_at IS NULL));
CREATE POLICY community_post_replies_update_own ON community_post_replies
    FOR UPDATE TO authenticated
    USING (author_id = (SELECT auth.uid()) AND deleted_at IS NULL)
    WITH CHECK (author_id = (SELECT auth.uid()));
GRANT INSERT (id, post_id, author_id, content), UPDATE (content) ON community_post_replies TO authenticated;

SELECT community_core.create_counter('community_post_likes', 'post_id',
                                     'community_posts', 'likes_count');
SELECT community_core.create_counter('community_post_replies', 'post_id',
                                     'community_posts', 'replies_count',
                                     counted => 'deleted_at IS NULL');

CREATE OR REPLACE FUNCTION soft_delete_reply(id uuid) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at timestamptz;
BEGIN
    UPDATE @schema@.community_post_replies r SET deleted_at = coalesce(r.deleted_at, pg_catalog.now())
    WHERE r.id = soft_delete_reply.id AND (r.author_id = auth.uid() OR @schema@.is_staff())
    RETURNING r.deleted_at INTO at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no reply % that you may delete', soft_delete_reply.id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A reply is deleted by its author or by staff.';
    END IF;
    RETURN at;
END;
$$;
COMMENT ON FUNCTION soft_delete_reply(uuid) IS
    'Takes a reply out of sight of all but its author and service_role, and out of replies_count. By its author or staff; deleting twice changes nothing. Returns when it was deleted. Volatile. Errors: 42501 another''s or no such reply. Example: SELECT soft_delete_reply(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION soft_delete_reply(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION restore_reply(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_staff('restore a reply');
    UPDATE @schema@.community_post_replies r SET deleted_at = NULL
    WHERE r.id = restore_reply.id AND r.deleted_at IS NOT NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION restore_reply(uuid) IS
    'Brings a deleted reply back, and into replies_count; by staff. Returns whether there was one. Volatile. Errors: 42501 not staff. Example: SELECT restore_reply(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION restore_reply(uuid) TO authenticated, service_role;

-- Supabase sends to subscribers what is in this publication; elsewhere there is none.
CREATE OR REPLACE FUNCTION publish_realtime() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member pg_catalog.text;
BEGIN
    FOR member IN
        SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
        FROM pg_catalog.pg_publication p
        CROSS JOIN (VALUES ($name$@schema@.community_posts$name$), ($name$@schema@.community_post_likes$name$),
                           ($name$@schema@.community_post_replies$name$)) AS wanted (name)
        JOIN pg_catalog.pg_class c ON c.oid = wanted.name::regclass
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE p.pubname = 'supabase_realtime' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_publication_tables t
            WHERE t.pubname = p.pubname AND t.schemaname = n.nspname AND t.tablename = c.relname)
    LOOP
        EXECUTE pg_catalog.format('ALTER PUBLICATION supabase_realtime ADD TABLE %s', member);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'publication supabase_realtime does not carry the forum: %', SQLERRM
        USING HINT = $name$As the owner of the publication: ALTER PUBLICATION supabase_realtime ADD TABLE @schema@.community_posts, @schema@.community_post_likes, @schema@.community_post_replies$name$;
END;
$$;
COMMENT ON FUNCTION publish_realtime() IS
    'Adds posts, likes and replies to the publication supabase_realtime where there is one; what is in it stays. Run by the installer; again by the owner if the publication is made later. Volatile. Example: SELECT publish_realtime()';
SELECT publish_realtime();
