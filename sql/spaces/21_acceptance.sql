-- Accepting an answer. questions.accepted_answer_id says it; answers.is_accepted and the author's
-- reputation follow it, whoever writes it.

CREATE OR REPLACE FUNCTION require_accepted_by_question() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.is_accepted <> EXISTS (SELECT FROM @schema@.questions q
                                  WHERE q.post_id = NEW.question_id AND q.accepted_answer_id = NEW.id) THEN
        RAISE EXCEPTION 'answer % is % by its question', NEW.id,
                        CASE WHEN NEW.is_accepted THEN 'not accepted' ELSE 'accepted' END
            USING ERRCODE = 'check_violation', HINT = 'Use accept_answer or unaccept_answer.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION require_accepted_by_question() IS 'Trigger: is_accepted says what the question''s accepted_answer_id says.';
CREATE OR REPLACE TRIGGER answers_require_accepted_by_question
    BEFORE INSERT OR UPDATE OF is_accepted, question_id ON answers FOR EACH ROW
    EXECUTE FUNCTION require_accepted_by_question();

-- Nobody earns anything by accepting an answer of their own.
CREATE OR REPLACE FUNCTION follow_acceptance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer @schema@.answers;
BEGIN
    SELECT a.* INTO answer FROM @schema@.answers a WHERE a.id = OLD.accepted_answer_id;
    IF FOUND THEN
        UPDATE @schema@.answers a SET is_accepted = false, accepted_points = NULL WHERE a.id = answer.id;
        PERFORM @schema@.credit(answer.author_id, answer.space_id, 'answer_unaccepted', -answer.accepted_points,
                                jsonb_build_object('answer_id', answer.id));
    END IF;
    SELECT a.* INTO answer FROM @schema@.answers a WHERE a.id = NEW.accepted_answer_id;
    IF FOUND THEN
        answer.accepted_points := CASE
            WHEN answer.author_id IS DISTINCT FROM (SELECT p.author_id FROM @schema@.posts p WHERE p.id = NEW.post_id)
            THEN community_core.spaces_setting('accepted_answer_points') ELSE 0 END;
        UPDATE @schema@.answers a SET is_accepted = true, accepted_points = answer.accepted_points WHERE a.id = answer.id;
        PERFORM @schema@.credit(answer.author_id, answer.space_id, 'answer_accepted', answer.accepted_points,
                                jsonb_build_object('answer_id', answer.id));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_acceptance() IS
    'Trigger: the answer that is accepted says so and earns its author the setting community_core.spaces_accepted_answer_points; the one that no longer is gives back what it earned.';

CREATE OR REPLACE TRIGGER questions_follow_acceptance
    AFTER UPDATE OF accepted_answer_id ON questions FOR EACH ROW
    WHEN (OLD.accepted_answer_id IS DISTINCT FROM NEW.accepted_answer_id) EXECUTE FUNCTION follow_acceptance();

CREATE OR REPLACE FUNCTION end_acceptance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.questions q SET accepted_answer_id = NULL
    WHERE q.post_id = NEW.question_id AND q.accepted_answer_id = NEW.id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION end_acceptance() IS 'Trigger: an answer that is deleted or removed is no longer accepted.';
CREATE OR REPLACE TRIGGER answers_end_acceptance
    AFTER UPDATE OF state ON answers FOR EACH ROW
    WHEN (NEW.is_accepted AND NEW.state <> 'published') EXECUTE FUNCTION end_acceptance();

CREATE OR REPLACE FUNCTION require_asker(question uuid, deed text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM @schema@.posts p
        WHERE p.id = question AND p.post_type = 'question'
          AND (p.space_id = ANY (ARRAY(SELECT @schema@.moderated_space_ids()))
               OR (p.author_id = auth.uid() AND p.state = 'published'
                   AND p.space_id = ANY (ARRAY(SELECT @schema@.writable_space_ids()))))) THEN
        RAISE EXCEPTION 'there is no question for which you may %', deed USING ERRCODE = 'insufficient_privilege',
            HINT = 'That is for who asked it, and for moderators of its space.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_asker(uuid, text) IS
    'Refuses who neither asked the question nor moderates its space; for other functions. deed: what was tried, for the message. Stable. Errors: 42501. Example: SELECT require_asker(''0199a7c2-0000-7000-8000-000000000001'', ''accept an answer'')';

-- The answers are locked before their question, as where an answer is deleted.
CREATE OR REPLACE FUNCTION accept_answer(answer uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen @schema@.answers;
BEGIN
    PERFORM FROM @schema@.answers a
    WHERE a.id = answer
       OR (a.is_accepted AND a.question_id = (SELECT c.question_id FROM @schema@.answers c WHERE c.id = answer))
    ORDER BY a.id FOR NO KEY UPDATE;
    SELECT a.* INTO chosen FROM @schema@.answers a WHERE a.id = answer;
    PERFORM @schema@.require_asker(chosen.question_id, 'accept an answer');
    IF chosen.state <> 'published' THEN
        RAISE EXCEPTION 'answer % is %', answer, chosen.state
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only a published answer can be accepted.';
    END IF;
    UPDATE @schema@.questions q SET accepted_answer_id = answer
    WHERE q.post_id = chosen.question_id AND q.accepted_answer_id IS DISTINCT FROM answer;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION accept_answer(uuid) IS
    'Accepts an answer in place of any other of its question; by who asked, or a moderator. Its author earns the setting community_core.spaces_accepted_answer_points, unless it is who asked. Returns whether it changed anything. Volatile. Errors: 42501 neither, or no such answer; 55000 an answer that is not published. Example: SELECT accept_answer(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION accept_answer(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION unaccept_answer(question uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM @schema@.answers a WHERE a.question_id = question AND a.is_accepted FOR NO KEY UPDATE;
    PERFORM @schema@.require_asker(question, 'take an acceptance back');
    UPDATE @schema@.questions q SET accepted_answer_id = NULL
    WHERE q.post_id = question AND q.accepted_answer_id IS NOT NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION unaccept_answer(uuid) IS
    'Takes the acceptance of a question''s answer back, with the reputation it gave; by who asked, or a moderator. Returns whether one was accepted. Volatile. Errors: 42501 neither, or no such question. Example: SELECT unaccept_answer(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION unaccept_answer(uuid) TO authenticated, service_role;
