-- The feed: posts, reactions and comments, with counts that equal a recount.

CREATE TABLE social_feed_posts (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    author_id      uuid        NOT NULL,
    post_type      text        NOT NULL DEFAULT 'milestone',
    title          text        NOT NULL DEFAULT '',
    content        text        NOT NULL,
    milestone_id   @type_of:milestones.id:uuid@,
    metadata       jsonb       DEFAULT '{}',
    reaction_count integer     NOT NULL DEFAULT 0,
    comment_count  integer     NOT NULL DEFAULT 0,
    view_count     integer     NOT NULL DEFAULT 0,
    is_public      boolean     NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_feed_posts_pkey PRIMARY KEY (id),
    CONSTRAINT social_feed_posts_author_id_fkey
        FOREIGN KEY (author_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT social_feed_posts_milestone_id_fkey
        FOREIGN KEY (milestone_id) REFERENCES milestones (id) ON DELETE SET NULL,
    CONSTRAINT social_feed_posts_post_type_check
        CHECK (post_type IN ('milestone', 'achievement', 'update', 'shoutout')),
    CONSTRAINT social_feed_posts_title_check CHECK (char_length(title) <= 300),
    CONSTRAINT social_feed_posts_content_check
        CHECK (content ~ '@visible@' AND char_length(content) <= 100000),
    CONSTRAINT social_feed_posts_view_count_check CHECK (view_count >= 0)
);
COMMENT ON TABLE social_feed_posts IS
    'Posts of the feed (phase 49). One that is not public is its author''s alone.';
COMMENT ON COLUMN social_feed_posts.title IS 'At most 300 characters; may be empty.';
COMMENT ON COLUMN social_feed_posts.content IS 'Not blank, at most 100,000 characters.';
COMMENT ON COLUMN social_feed_posts.reaction_count IS 'Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN social_feed_posts.comment_count IS 'Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN social_feed_posts.view_count IS 'Written by the service role.';
ALTER TABLE social_feed_posts REPLICA IDENTITY FULL;
CREATE INDEX social_feed_posts_author_id_created_at_idx ON social_feed_posts (author_id, created_at DESC);
CREATE INDEX social_feed_posts_created_at_idx ON social_feed_posts (created_at DESC);
CREATE INDEX social_feed_posts_milestone_id_idx ON social_feed_posts (milestone_id);

-- Only asked where consent of category social_feed is enforced; tells no more than the feed shows.
CREATE OR REPLACE FUNCTION feed_authors() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT member FROM @schema@.members_with_consent('social_feed') AS member
    WHERE (SELECT @schema@.caller_is_known())
      AND EXISTS (SELECT FROM @schema@.social_feed_posts p WHERE p.author_id = member AND p.is_public);
$$;
COMMENT ON FUNCTION feed_authors() IS
    'The authors of public posts who consent to category social_feed. Stable. Example: SELECT count(*) FROM feed_authors()';
GRANT EXECUTE ON FUNCTION feed_authors() TO authenticated, service_role;

CREATE POLICY social_feed_posts_select_authenticated ON social_feed_posts
    FOR SELECT TO authenticated
    USING (author_id = (SELECT auth.uid())
           OR (is_public AND (SELECT auth.uid()) IS NOT NULL
               AND (NOT (SELECT community_core.consent_gated('social_feed'))
                    OR author_id IN (SELECT feed_authors()))));
CREATE POLICY social_feed_posts_insert_own ON social_feed_posts
    FOR INSERT TO authenticated WITH CHECK (author_id = (SELECT auth.uid()));
CREATE POLICY social_feed_posts_update_own ON social_feed_posts
    FOR UPDATE TO authenticated
    USING (author_id = (SELECT auth.uid())) WITH CHECK (author_id = (SELECT auth.uid()));
CREATE POLICY social_feed_posts_delete_own ON social_feed_posts
    FOR DELETE TO authenticated USING (author_id = (SELECT auth.uid()));
GRANT INSERT (id, author_id, post_type, title, content, milestone_id, metadata, is_public),
      UPDATE (post_type, title, content, milestone_id, metadata, is_public)
    ON social_feed_posts TO authenticated;

CREATE TABLE social_feed_reactions (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    post_id       uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    reaction_type text        NOT NULL DEFAULT 'encourage',
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_feed_reactions_pkey PRIMARY KEY (id),
    CONSTRAINT social_feed_reactions_post_id_user_id_reaction_type_key
        UNIQUE (post_id, user_id, reaction_type),
    CONSTRAINT social_feed_reactions_post_id_fkey
        FOREIGN KEY (post_id) REFERENCES social_feed_posts (id) ON DELETE CASCADE,
    CONSTRAINT social_feed_reactions_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT social_feed_reactions_reaction_type_check
        CHECK (reaction_type IN ('encourage', 'celebrate', 'insightful'))
);
COMMENT ON TABLE social_feed_reactions IS
    'Who reacted to a post, at most once with each kind (phase 49). Seen by those who see the post.';
CREATE INDEX social_feed_reactions_user_id_idx ON social_feed_reactions (user_id);

-- The subquery obeys the policies of social_feed_posts: whoever does not see a post neither sees
-- what is said of it nor can say something; one's own words one can always take back.
CREATE POLICY social_feed_reactions_select_authenticated ON social_feed_reactions
    FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()) OR EXISTS (SELECT FROM social_feed_posts p WHERE p.id = post_id));
CREATE POLICY social_feed_reactions_insert_own ON social_feed_reactions
    FOR INSERT TO authenticated
    WITH CHECK (user_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM social_feed_posts p WHERE p.id = post_id));
CREATE POLICY social_feed_reactions_delete_own ON social_feed_reactions
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
GRANT INSERT (post_id, user_id, reaction_type) ON social_feed_reactions TO authenticated;

CREATE TABLE social_feed_comments (
    id                uuid        NOT NULL DEFAULT gen_random_uuid(),
    post_id           uuid        NOT NULL,
    author_id         uuid        NOT NULL,
    content           text        NOT NULL,
    parent_comment_id uuid,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT social_feed_comments_pkey PRIMARY KEY (id),
    CONSTRAINT social_feed_comments_post_id_fkey
        FOREIGN KEY (post_id) REFERENCES social_feed_posts (id) ON DELETE CASCADE,
    CONSTRAINT social_feed_comments_author_id_fkey
        FOREIGN KEY (author_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT social_feed_comments_id_post_id_key UNIQUE (id, post_id),
    -- Both columns: an answer stands under the same post as what it answers.
    CONSTRAINT social_feed_comments_parent_comment_id_fkey
        FOREIGN KEY (parent_comment_id, post_id) REFERENCES social_feed_comments (id, post_id)
        ON DELETE CASCADE,
    CONSTRAINT social_feed_comments_content_check
        CHECK (content ~ '@visible@' AND char_length(content) <= 10000)
);
COMMENT ON TABLE social_feed_comments IS
    'Comments on posts and answers to comments (phase 49). Seen by those who see the post.';
COMMENT ON COLUMN social_feed_comments.content IS 'Not blank, at most 10,000 characters.';
COMMENT ON COLUMN social_feed_comments.parent_comment_id IS 'The comment this one answers; NULL on the post itself.';
CREATE INDEX social_feed_comments_post_id_created_at_idx ON social_feed_comments (post_id, created_at DESC);
CREATE INDEX social_feed_comments_author_id_idx ON social_feed_comments (author_id);
CREATE INDEX social_feed_comments_parent_comment_id_idx
    ON social_feed_comments (parent_comment_id, post_id);

CREATE POLICY social_feed_comments_select_authenticated ON social_feed_comments
    FOR SELECT TO authenticated
    USING (author_id = (SELECT auth.uid()) OR EXISTS (SELECT FROM social_feed_posts p WHERE p.id = post_id));
CREATE POLICY social_feed_comments_insert_own ON social_feed_comments
    FOR INSERT TO authenticated
    WITH CHECK (author_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM social_feed_posts p WHERE p.id = post_id));
CREATE POLICY social_feed_comments_update_own ON social_feed_comments
    FOR UPDATE TO authenticated
    USING (author_id = (SELECT auth.uid())) WITH CHECK (author_id = (SELECT auth.uid()));
CREATE POLICY social_feed_comments_delete_own ON social_feed_comments
    FOR DELETE TO authenticated USING (author_id = (SELECT auth.uid()));
GRANT INSERT (id, post_id, author_id, content, parent_comment_id), UPDATE (content)
    ON social_feed_comments TO authenticated;

SELECT community_core.create_counter('social_feed_reactions', 'post_id',
                                     'social_feed_posts', 'reaction_count');
SELECT community_core.create_counter('social_feed_comments', 'post_id',
                                     'social_feed_posts', 'comment_count');
