-- What people are told of when others write, and when moderators decide.

CREATE OR REPLACE FUNCTION tell(profile_id uuid, type text, payload jsonb, space_id uuid, by uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF tell.profile_id IS DISTINCT FROM tell.by
       AND (EXISTS (SELECT FROM @schema@.spaces s WHERE s.id = tell.space_id AND s.visibility = 'public')
            OR EXISTS (SELECT FROM @schema@.space_members m
                       WHERE m.space_id = tell.space_id AND m.profile_id = tell.profile_id
                         AND (m.status = 'active' OR m.banned_until <= pg_catalog.now())))
       AND NOT @schema@.is_shadow_banned(tell.by, tell.space_id) THEN
        PERFORM @schema@.notify(tell.profile_id, tell.type, tell.payload, tell.space_id);
    END IF;
END;
$$;
COMMENT ON FUNCTION tell(uuid, text, jsonb, uuid, uuid) IS
    'Notifies a person of what somebody else did in a space that the person reads; not of what a shadow-banned person did. by: who did it. Volatile. For triggers.';

CREATE OR REPLACE FUNCTION tell_of_comment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    payload  CONSTANT jsonb := pg_catalog.jsonb_build_object(
        'comment_id', NEW.id, 'post_id', NEW.post_id, 'answer_id', NEW.answer_id, 'author_id', NEW.author_id);
    is_new   CONSTANT boolean := TG_OP = 'INSERT' OR OLD.state = 'held';
    answered uuid;
BEGIN
    IF is_new AND NEW.parent_id IS NOT NULL THEN
        SELECT c.author_id INTO answered FROM @schema@.comments c WHERE c.id = NEW.parent_id;
        PERFORM @schema@.tell(answered, 'comment.reply', payload, NEW.space_id, NEW.author_id);
    ELSIF is_new AND NEW.answer_id IS NOT NULL THEN
        SELECT a.author_id INTO answered FROM @schema@.answers a WHERE a.id = NEW.answer_id;
        PERFORM @schema@.tell(answered, 'answer.comment', payload, NEW.space_id, NEW.author_id);
    ELSIF is_new THEN
        SELECT p.author_id INTO answered FROM @schema@.posts p WHERE p.id = NEW.post_id;
        PERFORM @schema@.tell(answered, 'post.comment', payload, NEW.space_id, NEW.author_id);
    END IF;
    -- One notification for one comment.
    PERFORM @schema@.tell(mentioned, 'comment.mention', payload, NEW.space_id, NEW.author_id)
    FROM pg_catalog.unnest(NEW.mentions) AS mentioned
    WHERE mentioned IS DISTINCT FROM answered AND (is_new OR mentioned <> ALL (OLD.mentions));
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_comment() IS
    'Trigger: a published comment is told to the author of what it answers (comment.reply, answer.comment or post.comment) and to whom it mentions (comment.mention).';
CREATE OR REPLACE TRIGGER comments_tell
    AFTER INSERT ON comments FOR EACH ROW WHEN (NEW.state = 'published')
    EXECUTE FUNCTION tell_of_comment();
CREATE OR REPLACE TRIGGER comments_tell_again
    AFTER UPDATE OF state, body, mentions ON comments FOR EACH ROW
    WHEN (NEW.state = 'published' AND (OLD.state = 'held' OR OLD.mentions <> NEW.mentions))
    EXECUTE FUNCTION tell_of_comment();

CREATE OR REPLACE FUNCTION tell_of_answer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    payload CONSTANT jsonb := pg_catalog.jsonb_build_object(
        'answer_id', NEW.id, 'post_id', NEW.question_id, 'author_id', NEW.author_id);
BEGIN
    IF TG_ARGV[0] = 'answer.accepted' THEN
        PERFORM @schema@.tell(NEW.author_id, 'answer.accepted', payload, NEW.space_id, auth.uid());
    ELSE
        PERFORM @schema@.tell(p.author_id, 'question.answer', payload, NEW.space_id, NEW.author_id)
        FROM @schema@.posts p WHERE p.id = NEW.question_id;
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_answer() IS
    'Trigger: a published answer is told to whoever asked (question.answer), that it was accepted to its author (answer.accepted). Argument: which of the two.';
CREATE OR REPLACE TRIGGER answers_tell
    AFTER INSERT ON answers FOR EACH ROW WHEN (NEW.state = 'published')
    EXECUTE FUNCTION tell_of_answer('question.answer');
CREATE OR REPLACE TRIGGER answers_tell_approved
    AFTER UPDATE OF state ON answers FOR EACH ROW WHEN (OLD.state = 'held' AND NEW.state = 'published')
    EXECUTE FUNCTION tell_of_answer('question.answer');
CREATE OR REPLACE TRIGGER answers_tell_accepted
    AFTER UPDATE OF is_accepted ON answers FOR EACH ROW WHEN (NEW.is_accepted AND NOT OLD.is_accepted)
    EXECUTE FUNCTION tell_of_answer('answer.accepted');

CREATE OR REPLACE FUNCTION tell_of_sanction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.notify(NEW.profile_id, TG_ARGV[0],
        pg_catalog.jsonb_build_object('sanction_id', NEW.id, 'type', NEW.type,
                                      'target_type', NEW.target_type, 'target_id', NEW.target_id),
        NEW.space_id);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_sanction() IS
    'Trigger: a person learns of a sanction and of what became of an appeal, but not of a shadow_ban. Argument: the type of the notification.';
CREATE OR REPLACE TRIGGER sanctions_tell_imposed
    AFTER INSERT ON sanctions FOR EACH ROW WHEN (NEW.type <> 'shadow_ban')
    EXECUTE FUNCTION tell_of_sanction('sanction.imposed');
CREATE OR REPLACE TRIGGER sanctions_tell_reversed
    AFTER UPDATE OF status ON sanctions FOR EACH ROW
    WHEN (NEW.type <> 'shadow_ban' AND NEW.status = 'reversed' AND OLD.status <> 'reversed')
    EXECUTE FUNCTION tell_of_sanction('sanction.reversed');
CREATE OR REPLACE TRIGGER sanctions_tell_upheld
    AFTER UPDATE OF status ON sanctions FOR EACH ROW
    WHEN (NEW.type <> 'shadow_ban' AND OLD.status = 'appealed' AND NEW.status = 'active')
    EXECUTE FUNCTION tell_of_sanction('sanction.upheld');

CREATE OR REPLACE FUNCTION tell_of_report() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.notify(NEW.reporter_id, 'report.resolved',
        pg_catalog.jsonb_build_object('report_id', NEW.id, 'status', NEW.status), NEW.space_id);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION tell_of_report() IS 'Trigger: whoever reported something learns what became of it (report.resolved).';
CREATE OR REPLACE TRIGGER reports_tell_resolved
    AFTER UPDATE OF status ON reports FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('upheld', 'dismissed')) EXECUTE FUNCTION tell_of_report();
