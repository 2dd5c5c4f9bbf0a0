-- Comments on posts and on answers, in threads.

-- Comments that were there before the module have no place yet, and none of these columns may be empty.
CREATE OR REPLACE FUNCTION backfill_comment_paths() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    placed bigint;
    left_over uuid;
BEGIN
    -- What the table lacks else, or has otherwise, is said when it is adopted.
    IF 2 > (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = pg_catalog.to_regclass('@schema@.comments') AND a.attname IN ('id', 'post_id')
              AND a.atttypid = 'uuid'::pg_catalog.regtype)
       OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = pg_catalog.to_regclass('@schema@.comments') AND a.attname = 'path' AND a.attnotnull) THEN
        RETURN 0;
    END IF;
    ALTER TABLE @schema@.comments
        ADD COLUMN IF NOT EXISTS space_id uuid, ADD COLUMN IF NOT EXISTS parent_id uuid,
        ADD COLUMN IF NOT EXISTS thread_root_id uuid, ADD COLUMN IF NOT EXISTS path text COLLATE "C";
    WITH RECURSIVE thread AS (
        SELECT c.id, c.id AS root, replace(c.id::text, '-', '') AS path FROM @schema@.comments c WHERE c.parent_id IS NULL
        UNION ALL
        SELECT c.id, t.root, t.path || replace(c.id::text, '-', '') FROM thread t JOIN @schema@.comments c ON c.parent_id = t.id)
    UPDATE @schema@.comments c
    SET path = t.path, thread_root_id = t.root,
        space_id = coalesce(c.space_id, (SELECT p.space_id FROM @schema@.posts p WHERE p.id = c.post_id))
    FROM thread t WHERE t.id = c.id;
    GET DIAGNOSTICS placed = ROW_COUNT;
    SELECT c.id INTO left_over FROM @schema@.comments c WHERE c.path IS NULL ORDER BY c.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'comment % does not lead to the beginning of a thread', left_over
            USING ERRCODE = 'foreign_key_violation', HINT = 'Give it a parent_id that is there and is not among its answers, or none.';
    END IF;
    RETURN placed;
END;
$$;
COMMENT ON FUNCTION backfill_comment_paths() IS
    'Sets path, thread_root_id and space_id of the comments of a table that was there before the module, from parent_id where it has one; the installation calls it. Returns how many; 0 where they have their places. Volatile. Errors: 23503 a parent that is not there, or a circle. Example: SELECT backfill_comment_paths()';
SELECT backfill_comment_paths();

CREATE TABLE comments (
    id             uuid        NOT NULL DEFAULT uuid_v7(),
    space_id       uuid        NOT NULL,
    post_id        uuid        NOT NULL,
    answer_id      uuid,
    parent_id      uuid,
    thread_root_id uuid        NOT NULL,
    path           text        NOT NULL COLLATE "C",
    author_id      uuid,
    body           text        NOT NULL,
    mentions       uuid[]      NOT NULL DEFAULT '{}',
    state          text        NOT NULL DEFAULT 'published',
    hidden_until   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT comments_pkey PRIMARY KEY (id),
    CONSTRAINT comments_id_post_id_key UNIQUE (id, post_id),
    CONSTRAINT comments_post_id_space_id_fkey FOREIGN KEY (post_id, space_id)
        REFERENCES posts (id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT comments_answer_id_post_id_fkey FOREIGN KEY (answer_id, post_id)
        REFERENCES answers (id, question_id) ON DELETE CASCADE,
    -- A comment stands under the same post as what it answers, and does not vanish from above its answers.
    CONSTRAINT comments_parent_id_post_id_fkey FOREIGN KEY (parent_id, post_id) REFERENCES comments (id, post_id),
    CONSTRAINT comments_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT comments_body_check CHECK (body ~ '@visible@' AND char_length(body) <= 10000),
    CONSTRAINT comments_mentions_check CHECK (cardinality(mentions) <= 50),
    CONSTRAINT comments_state_check CHECK (state IN ('published', 'held', 'quarantined', 'removed', 'deleted')),
    -- The path is the ids from the root to the comment, 32 hexadecimal digits each.
    CONSTRAINT comments_path_check CHECK (
        length(path) % 32 = 0
        AND right(path, 32) = replace(id::text, '-', '')
        AND left(path, 32) = replace(thread_root_id::text, '-', '')
        AND coalesce(replace(parent_id::text, '-', ''), '') = right(left(path, -32), 32))
);
COMMENT ON TABLE comments IS 'Comments on a post or on an answer, and answers to comments. Read by those who read the space.';
COMMENT ON COLUMN comments.answer_id IS 'The answer commented on; NULL: the post itself. As its parent''s.';
COMMENT ON COLUMN comments.parent_id IS 'The comment this one answers; NULL: it begins a thread.';
COMMENT ON COLUMN comments.thread_root_id IS 'The comment that began the thread; set by the database.';
COMMENT ON COLUMN comments.path IS
    'The ids from the root to the comment; in its order threads stand one after the other, each answer below what it answers, both by time. Set by the database.';
COMMENT ON COLUMN comments.author_id IS 'Who wrote it; NULL once that person is deleted.';
COMMENT ON COLUMN comments.body IS 'Not blank, at most 10,000 characters; <@id> mentions a person.';
COMMENT ON COLUMN comments.mentions IS 'The people that body mentions and that may read the space, at most 50; set by the database.';
COMMENT ON COLUMN comments.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. comment_thread shows a tombstone above its answers. Written by functions.';
COMMENT ON COLUMN comments.hidden_until IS
    'When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.';
CREATE INDEX comments_post_id_path_idx ON comments (post_id, path);
CREATE INDEX comments_post_id_space_id_idx ON comments (post_id, space_id);
CREATE INDEX comments_answer_id_post_id_idx ON comments (answer_id, post_id) WHERE answer_id IS NOT NULL;
CREATE INDEX comments_parent_id_post_id_idx ON comments (parent_id, post_id) WHERE parent_id IS NOT NULL;
CREATE INDEX comments_space_id_idx ON comments (space_id, created_at);
CREATE INDEX comments_author_id_idx ON comments (author_id, created_at);

CREATE POLICY comments_select_anon ON comments
    FOR SELECT TO anon
    USING ((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
           AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
           AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                OR NOT is_hidden(author_id, space_id))
           AND CASE WHEN answer_id IS NULL THEN (SELECT true FROM posts p WHERE p.id = post_id)
                    ELSE (SELECT true FROM answers a WHERE a.id = answer_id) END);
CREATE POLICY comments_select_authenticated ON comments
    FOR SELECT TO authenticated
    USING (((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
            AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
            AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                 OR NOT is_hidden(author_id, space_id))
            AND CASE WHEN answer_id IS NULL THEN (SELECT true FROM posts p WHERE p.id = post_id)
                     ELSE (SELECT true FROM answers a WHERE a.id = answer_id) END)
           OR (author_id = (SELECT auth.uid()) AND state <> 'deleted')
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY comments_insert_own ON comments
    FOR INSERT TO authenticated
    WITH CHECK (author_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids()))
                AND EXISTS (SELECT FROM posts p WHERE p.id = post_id AND p.state = 'published')
                AND (answer_id IS NULL
                     OR EXISTS (SELECT FROM answers a WHERE a.id = answer_id AND a.state = 'published')));
CREATE POLICY comments_update_own ON comments
    FOR UPDATE TO authenticated
    USING (author_id = (SELECT auth.uid()) AND state IN ('published', 'held')
           AND space_id = ANY (ARRAY(SELECT writable_space_ids())))
    WITH CHECK (author_id = (SELECT auth.uid()));
GRANT INSERT (space_id, post_id, answer_id, parent_id, author_id, body), UPDATE (body) ON comments TO authenticated;

SELECT community_core.create_counter('comments', 'post_id', 'posts', 'comment_count',
                                     counted => $$state = 'published' AND answer_id IS NULL$$);
SELECT community_core.create_counter('comments', 'answer_id', 'answers', 'comment_count',
                                     counted => $$state = 'published'$$);

CREATE OR REPLACE FUNCTION people_mentioned(body text, space_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(pg_catalog.array_agg(p.id ORDER BY p.id), '{}')
    FROM @schema@.profiles p
    WHERE p.id IN (SELECT (m[1])::uuid FROM pg_catalog.regexp_matches(
                       people_mentioned.body, '<@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>', 'gi') AS m)
      AND (EXISTS (SELECT FROM @schema@.spaces s WHERE s.id = people_mentioned.space_id AND s.visibility = 'public')
           OR EXISTS (SELECT FROM @schema@.space_members m
                      WHERE m.space_id = people_mentioned.space_id AND m.profile_id = p.id
                        AND (m.status = 'active' OR m.banned_until <= pg_catalog.now())));
$$;
COMMENT ON FUNCTION people_mentioned(text, uuid) IS
    'The people whom a text mentions by <@id> and who may read the space, each once; for other functions. Stable. Example: SELECT people_mentioned(''Ask <@0199a7c2-0000-7000-8000-000000000002>'', ''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION note_mentions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.mentions := @schema@.people_mentioned(NEW.body, NEW.space_id);
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION note_mentions() IS 'Trigger: mentions are the people that body mentions.';
CREATE OR REPLACE TRIGGER comments_note_mentions
    BEFORE UPDATE OF body, mentions ON comments FOR EACH ROW EXECUTE FUNCTION note_mentions();
CREATE OR REPLACE TRIGGER comments_record_activity
    AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION record_activity();

CREATE OR REPLACE FUNCTION delete_comment(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.comments c SET state = 'deleted'
    WHERE c.id = delete_comment.id AND c.author_id = @schema@.require_signed_in() AND c.state <> 'deleted';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_comment(uuid) IS
    'Takes one''s own comment out of everybody''s sight but the moderators''; a tombstone stays above its answers. Returns whether there was one. Volatile. Errors: 42501 not signed in or banned. Example: SELECT delete_comment(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION delete_comment(uuid) TO authenticated;
