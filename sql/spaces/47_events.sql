-- Which events there are. What only its author and the moderators see is no event.

CREATE OR REPLACE FUNCTION emit_content_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT @schema@.is_shadow_banned(NEW.author_id, NEW.space_id) THEN
        PERFORM @schema@.emit_event(NEW.space_id, TG_ARGV[0],
            (SELECT pg_catalog.jsonb_object_agg(CASE key WHEN 'id' THEN TG_ARGV[1] ELSE key END, value)
             FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb(NEW))
             WHERE key IN ('id', 'author_id', 'post_type', 'post_id', 'question_id', 'answer_id', 'parent_id')));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION emit_content_event() IS
    'Trigger: tells the webhooks of content that can be read, by its ids. Arguments: the type of the event, what its id is called.';
CREATE OR REPLACE TRIGGER posts_emit_created
    AFTER INSERT ON posts FOR EACH ROW WHEN (NEW.state = 'published') EXECUTE FUNCTION emit_content_event('post.created', 'post_id');
CREATE OR REPLACE TRIGGER posts_emit_approved
    AFTER UPDATE OF state ON posts FOR EACH ROW WHEN (OLD.state = 'held' AND NEW.state = 'published')
    EXECUTE FUNCTION emit_content_event('post.created', 'post_id');
CREATE OR REPLACE TRIGGER answers_emit_created
    AFTER INSERT ON answers FOR EACH ROW WHEN (NEW.state = 'published')
    EXECUTE FUNCTION emit_content_event('answer.created', 'answer_id');
CREATE OR REPLACE TRIGGER answers_emit_approved
    AFTER UPDATE OF state ON answers FOR EACH ROW WHEN (OLD.state = 'held' AND NEW.state = 'published')
    EXECUTE FUNCTION emit_content_event('answer.created', 'answer_id');
CREATE OR REPLACE TRIGGER answers_emit_accepted
    AFTER UPDATE OF is_accepted ON answers FOR EACH ROW WHEN (NEW.is_accepted AND NOT OLD.is_accepted)
    EXECUTE FUNCTION emit_content_event('answer.accepted', 'answer_id');
CREATE OR REPLACE TRIGGER comments_emit_created
    AFTER INSERT ON comments FOR EACH ROW WHEN (NEW.state = 'published')
    EXECUTE FUNCTION emit_content_event('comment.created', 'comment_id');
CREATE OR REPLACE TRIGGER comments_emit_approved
    AFTER UPDATE OF state ON comments FOR EACH ROW WHEN (OLD.state = 'held' AND NEW.state = 'published')
    EXECUTE FUNCTION emit_content_event('comment.created', 'comment_id');

CREATE OR REPLACE FUNCTION emit_row_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entity CONSTANT jsonb := CASE TG_OP WHEN 'DELETE' THEN pg_catalog.to_jsonb(OLD) ELSE pg_catalog.to_jsonb(NEW) END;
BEGIN
    PERFORM @schema@.emit_event((entity ->> 'space_id')::uuid, TG_ARGV[0],
        (SELECT pg_catalog.jsonb_object_agg(key, value) FROM pg_catalog.jsonb_each(entity)
         WHERE key = ANY (TG_ARGV[1:])));
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION emit_row_event() IS
    'Trigger: tells the webhooks of the row''s space of an event. Arguments: its type, the columns that are told. Example: CREATE TRIGGER … EXECUTE FUNCTION emit_row_event(''report.created'', ''id'', ''target_type'')';
CREATE OR REPLACE TRIGGER space_members_emit_joined
    AFTER INSERT ON space_members FOR EACH ROW WHEN (NEW.status = 'active')
    EXECUTE FUNCTION emit_row_event('member.joined', 'profile_id', 'role');
CREATE OR REPLACE TRIGGER space_members_emit_let_in
    AFTER UPDATE OF status ON space_members FOR EACH ROW WHEN (OLD.status = 'pending' AND NEW.status = 'active')
    EXECUTE FUNCTION emit_row_event('member.joined', 'profile_id', 'role');
CREATE OR REPLACE TRIGGER space_members_emit_left
    AFTER DELETE ON space_members FOR EACH ROW WHEN (OLD.status = 'active')
    EXECUTE FUNCTION emit_row_event('member.left', 'profile_id', 'role');
-- Not who reported it.
CREATE OR REPLACE TRIGGER reports_emit_created
    AFTER INSERT ON reports FOR EACH ROW
    EXECUTE FUNCTION emit_row_event('report.created', 'id', 'target_type', 'target_id', 'automatic');
CREATE OR REPLACE TRIGGER reports_emit_resolved
    AFTER UPDATE OF status ON reports FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('upheld', 'dismissed'))
    EXECUTE FUNCTION emit_row_event('report.resolved', 'id', 'target_type', 'target_id', 'status');
CREATE OR REPLACE TRIGGER sanctions_emit_imposed
    AFTER INSERT ON sanctions FOR EACH ROW
    EXECUTE FUNCTION emit_row_event('sanction.imposed', 'id', 'type', 'profile_id', 'target_type', 'target_id', 'expires_at');
CREATE OR REPLACE TRIGGER sanctions_emit_ended
    AFTER UPDATE OF status ON sanctions FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION emit_row_event('sanction.ended', 'id', 'type', 'status');
