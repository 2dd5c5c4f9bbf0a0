-- Threads of comments: where a comment stands, moving it with its answers, and reading them in order.

-- Inserting holds the post's key, moving holds the post: no answer slips under a comment that is on its
-- way elsewhere. The parent's lock makes REPEATABLE READ notice that it has moved since.
CREATE OR REPLACE FUNCTION place_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent @schema@.comments;
BEGIN
    NEW.space_id := coalesce(NEW.space_id, (SELECT p.space_id FROM @schema@.posts p WHERE p.id = NEW.post_id));
    NEW.mentions := @schema@.people_mentioned(NEW.body, NEW.space_id);
    NEW.path := replace(NEW.id::text, '-', '');
    NEW.thread_root_id := NEW.id;
    IF NEW.parent_id IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM FROM @schema@.posts p WHERE p.id = NEW.post_id FOR KEY SHARE;
    SELECT c.* INTO parent FROM @schema@.comments c
    WHERE c.id = NEW.parent_id AND c.post_id = NEW.post_id FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no comment % on post %', NEW.parent_id, NEW.post_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'A comment answers a comment on the same post.';
    ELSIF parent.state <> 'published' THEN
        RAISE EXCEPTION 'comment % is %', NEW.parent_id, parent.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only a published comment can be answered.';
    ELSIF NEW.answer_id IS NOT NULL AND NEW.answer_id IS DISTINCT FROM parent.answer_id THEN
        RAISE EXCEPTION 'comment % is not on answer %', NEW.parent_id, NEW.answer_id
            USING ERRCODE = 'check_violation', HINT = 'Leave answer_id out: it is the parent''s.';
    END IF;
    PERFORM @schema@.require_depth(length(parent.path) / 32 + 1);
    NEW.answer_id := parent.answer_id;
    NEW.thread_root_id := parent.thread_root_id;
    NEW.path := parent.path || NEW.path;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION place_comment() IS
    'Trigger: sets a new comment''s space, thread, path and mentions; what it answers is a published comment on the same post, not too deep.';

CREATE OR REPLACE FUNCTION require_depth(depth integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF depth > community_core.spaces_setting('comment_depth') THEN
        RAISE EXCEPTION 'a comment would stand % below one another, more than %', depth,
                        community_core.spaces_setting('comment_depth')
            USING ERRCODE = 'check_violation',
                  HINT = 'Answer a comment further up; the limit is the setting community_core.spaces_comment_depth.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_depth(integer) IS
    'Refuses threads deeper than the setting community_core.spaces_comment_depth; for other functions. Stable. Errors: 23514. Example: SELECT require_depth(3)';
CREATE OR REPLACE TRIGGER comments_place
    BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION place_comment();

CREATE OR REPLACE FUNCTION replace_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent  @schema@.comments;
    deepest integer;
BEGIN
    PERFORM FROM @schema@.posts p WHERE p.id = NEW.post_id FOR UPDATE;
    SELECT c.* INTO parent FROM @schema@.comments c WHERE c.id = NEW.parent_id AND c.post_id = NEW.post_id;
    IF NEW.parent_id IS NOT NULL AND NOT FOUND THEN
        RAISE EXCEPTION 'there is no comment % on post %', NEW.parent_id, NEW.post_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'A comment answers a comment on the same post.';
    ELSIF starts_with(parent.path, OLD.path) THEN
        RAISE EXCEPTION 'comment % cannot move below itself', NEW.id
            USING ERRCODE = 'check_violation', HINT = 'Move it below a comment that is not among its answers.';
    END IF;
    SELECT max(length(c.path)) INTO deepest FROM @schema@.comments c
    WHERE c.post_id = NEW.post_id AND c.path >= OLD.path AND c.path < OLD.path || 'g';
    PERFORM @schema@.require_depth((coalesce(length(parent.path), 0) + deepest - length(OLD.path)) / 32 + 1);
    NEW.path := coalesce(parent.path, '') || right(OLD.path, 32);
    NEW.thread_root_id := coalesce(parent.thread_root_id, NEW.id);
    NEW.answer_id := CASE WHEN parent.id IS NULL THEN OLD.answer_id ELSE parent.answer_id END;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION replace_comment() IS
    'Trigger: a comment that gets another parent stands below it, and not below itself; it is on the answer that its parent is on.';
CREATE OR REPLACE TRIGGER comments_replace
    BEFORE UPDATE OF parent_id ON comments FOR EACH ROW
    WHEN (OLD.parent_id IS DISTINCT FROM NEW.parent_id) EXECUTE FUNCTION replace_comment();

-- No digit of a path is after f.
CREATE OR REPLACE FUNCTION take_answers_along() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.comments c
    SET path = NEW.path || substr(c.path, length(OLD.path) + 1), thread_root_id = NEW.thread_root_id,
        answer_id = NEW.answer_id
    WHERE c.post_id = NEW.post_id AND c.path > OLD.path AND c.path < OLD.path || 'g';
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION take_answers_along() IS 'Trigger: the answers below a comment move with it.';
CREATE OR REPLACE TRIGGER comments_take_answers_along
    AFTER UPDATE OF parent_id ON comments FOR EACH ROW
    WHEN (OLD.path <> NEW.path) EXECUTE FUNCTION take_answers_along();

CREATE OR REPLACE FUNCTION move_comment(id uuid, new_parent uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- To who does not moderate it, a comment that is there is as one that is not.
    IF NOT EXISTS (SELECT FROM @schema@.comments c
                   WHERE c.id = move_comment.id AND c.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()))) THEN
        RAISE EXCEPTION 'there is no comment % that you may move', move_comment.id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A moderator of its space moves a comment.';
    END IF;
    PERFORM FROM @schema@.posts p
    WHERE p.id = (SELECT c.post_id FROM @schema@.comments c WHERE c.id = move_comment.id) FOR UPDATE;
    UPDATE @schema@.comments c SET parent_id = new_parent
    WHERE c.id = move_comment.id AND c.parent_id IS DISTINCT FROM new_parent;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION move_comment(uuid, uuid) IS
    'Moves a comment with its answers below another comment on the same post, or to begin a thread of its own; by moderators. new_parent: NULL for a thread of its own. Returns whether it moved. Volatile. Errors: 23503 another post''s comment, 23514 below itself or too deep, 42501 not a moderator of its space, or no such comment. Example: SELECT move_comment(''0199a7c2-0000-7000-8000-000000000001'', NULL)';
GRANT EXECUTE ON FUNCTION move_comment(uuid, uuid) TO authenticated, service_role;

-- Tells of comments that the caller does not see no more than the visible answers' paths do.
CREATE OR REPLACE FUNCTION answered_comments(post_id uuid)
RETURNS TABLE (id uuid, parent_id uuid, thread_root_id uuid, path text, answer_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 10 AS $$
    SELECT c.id, c.parent_id, c.thread_root_id, c.path, c.answer_id FROM @schema@.comments c
    WHERE c.post_id = answered_comments.post_id
      AND EXISTS (SELECT FROM @schema@.posts p WHERE p.id = answered_comments.post_id AND p.state = 'published')
      AND c.space_id = ANY (ARRAY(SELECT @schema@.readable_space_ids()))
      AND (c.state <> 'published' OR (c.author_id = ANY (ARRAY(SELECT b.author_id FROM @schema@.shadow_bans b))
                                       AND @schema@.is_hidden(c.author_id, c.space_id)))
      AND EXISTS (SELECT FROM @schema@.comments a WHERE a.parent_id = c.id AND a.post_id = c.post_id);
$$;
COMMENT ON FUNCTION answered_comments(uuid) IS
    'Where the comments stand that have answers and are not for everybody''s eyes; for comment_thread. Stable. Example: SELECT count(*) FROM answered_comments(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION answered_comments(uuid) TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION comment_thread(post_id uuid)
RETURNS TABLE (id uuid, answer_id uuid, parent_id uuid, thread_root_id uuid, depth integer,
               author_id uuid, body text, state text, created_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH seen AS MATERIALIZED (SELECT c.* FROM @schema@.comments c WHERE c.post_id = comment_thread.post_id)
    SELECT t.id, t.answer_id, t.parent_id, t.thread_root_id, pg_catalog.length(t.path) / 32, t.author_id, t.body, t.state, t.created_at
    FROM (SELECT s.id, s.answer_id, s.parent_id, s.thread_root_id, s.path, s.author_id, s.body, s.state, s.created_at
          FROM seen s
          UNION ALL
          SELECT a.id, a.answer_id, a.parent_id, a.thread_root_id, a.path, NULL, NULL, NULL, NULL
          FROM @schema@.answered_comments(comment_thread.post_id) a
          WHERE NOT EXISTS (SELECT FROM seen s WHERE s.id = a.id)
            AND EXISTS (SELECT FROM seen s WHERE s.path > a.path AND s.path < a.path || 'g')) AS t
    ORDER BY t.path;
$$;
COMMENT ON FUNCTION comment_thread(uuid) IS
    'The comments on a post and on its answers that the caller sees, each thread in order; above an answer to a comment that the caller does not see stands a tombstone without author, body, state and time. depth: 1 for what begins a thread. Stable. Example: SELECT depth, body FROM comment_thread(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION comment_thread(uuid) TO anon, authenticated, service_role;
