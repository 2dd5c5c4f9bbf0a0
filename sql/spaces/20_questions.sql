-- Questions and their answers, of which one can be accepted.

CREATE TABLE questions (
    post_id            uuid          NOT NULL,
    space_id           uuid          NOT NULL,
    post_type          text          NOT NULL DEFAULT 'question',
    accepted_answer_id uuid,
    answer_count       integer       NOT NULL DEFAULT 0,
    bounty_amount      numeric(20,4),
    bounty_currency    text,
    bounty_expires_at  timestamptz,
    closed_at          timestamptz,
    closed_by          uuid,
    close_reason       text,
    CONSTRAINT questions_pkey PRIMARY KEY (post_id),
    CONSTRAINT questions_post_id_space_id_key UNIQUE (post_id, space_id),
    CONSTRAINT questions_post_id_space_id_fkey FOREIGN KEY (post_id, space_id)
        REFERENCES posts (id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    -- A question is a post of that type.
    CONSTRAINT questions_post_id_post_type_fkey FOREIGN KEY (post_id, post_type) REFERENCES posts (id, post_type),
    CONSTRAINT questions_post_type_check CHECK (post_type = 'question'),
    CONSTRAINT questions_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT questions_bounty_check CHECK (
        num_nonnulls(bounty_amount, bounty_currency) IN (0, 2)
        AND bounty_amount > 0 AND bounty_currency ~ '^[A-Z]{3}$'),
    CONSTRAINT questions_closed_check CHECK (
        (closed_at IS NULL) = (close_reason IS NULL) AND (closed_at IS NOT NULL OR closed_by IS NULL)),
    CONSTRAINT questions_close_reason_check CHECK (close_reason ~ '@visible@' AND char_length(close_reason) <= 1000)
);
COMMENT ON TABLE questions IS 'What a post that is a question has besides: its accepted answer, its bounty, whether it is closed.';
COMMENT ON COLUMN questions.post_type IS 'Always question; with post_id it refers to a post of that type.';
COMMENT ON COLUMN questions.accepted_answer_id IS 'One of its own answers; written by accept_answer and unaccept_answer.';
COMMENT ON COLUMN questions.answer_count IS 'Published answers; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN questions.bounty_amount IS 'What is held in escrow for a good answer, in bounty_currency; written by the functions of bounties.';
COMMENT ON COLUMN questions.closed_at IS 'Since when it takes no answers; NULL: it does. Written by close_question and reopen_question.';
CREATE INDEX questions_space_id_idx ON questions (space_id, post_id);
CREATE INDEX questions_accepted_answer_id_post_id_idx ON questions (accepted_answer_id, post_id)
    WHERE accepted_answer_id IS NOT NULL;
CREATE INDEX questions_closed_by_idx ON questions (closed_by) WHERE closed_by IS NOT NULL;

CREATE TABLE answers (
    id              uuid        NOT NULL DEFAULT uuid_v7(),
    question_id     uuid        NOT NULL,
    space_id        uuid        NOT NULL,
    author_id       uuid,
    body            text        NOT NULL,
    is_accepted     boolean     NOT NULL DEFAULT false,
    accepted_points integer,
    state           text        NOT NULL DEFAULT 'published',
    hidden_until    timestamptz,
    score           integer     NOT NULL DEFAULT 0,
    comment_count   integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT answers_pkey PRIMARY KEY (id),
    CONSTRAINT answers_id_question_id_key UNIQUE (id, question_id),
    CONSTRAINT answers_id_space_id_key UNIQUE (id, space_id),
    CONSTRAINT answers_question_id_space_id_fkey FOREIGN KEY (question_id, space_id)
        REFERENCES questions (post_id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT answers_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT answers_accepted_points_check CHECK (is_accepted OR accepted_points IS NULL),
    CONSTRAINT answers_body_check CHECK (body ~ '@visible@' AND char_length(body) <= 100000),
    CONSTRAINT answers_state_check CHECK (state IN ('published', 'held', 'quarantined', 'removed', 'deleted'))
);
COMMENT ON TABLE answers IS 'Answers to questions. Read by those who read the space.';
COMMENT ON COLUMN answers.author_id IS 'Who wrote it; NULL once that person is deleted.';
COMMENT ON COLUMN answers.body IS 'Not blank, at most 100,000 characters.';
COMMENT ON COLUMN answers.is_accepted IS 'Whether it is its question''s accepted_answer_id; kept by trigger.';
COMMENT ON COLUMN answers.accepted_points IS
    'The reputation that its acceptance gave, and that taking the acceptance back takes; NULL: none was given yet.';
COMMENT ON COLUMN answers.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.';
COMMENT ON COLUMN answers.hidden_until IS
    'When it can be read again although it was quarantined or removed; NULL: not by itself. Follows the sanctions.';
COMMENT ON COLUMN answers.score IS 'Up-votes minus down-votes; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN answers.comment_count IS
    'Published comments on the answer; kept by the counter engine, app roles cannot write it.';
CREATE INDEX answers_question_id_is_accepted_idx ON answers (question_id, is_accepted);
CREATE UNIQUE INDEX answers_accepted_idx ON answers (question_id) WHERE is_accepted;
CREATE INDEX answers_question_id_space_id_idx ON answers (question_id, space_id);
CREATE INDEX answers_space_id_idx ON answers (space_id, created_at);
CREATE INDEX answers_author_id_idx ON answers (author_id, created_at);

ALTER TABLE questions ADD CONSTRAINT questions_accepted_answer_id_fkey
    FOREIGN KEY (accepted_answer_id, post_id) REFERENCES answers (id, question_id)
    ON DELETE SET NULL (accepted_answer_id);

-- Scalar subqueries obey the policies of what they ask, and are asked for the rows shown only.
CREATE POLICY questions_select_reader ON questions
    FOR SELECT TO anon, authenticated USING ((SELECT true FROM posts p WHERE p.id = post_id));

CREATE POLICY answers_select_anon ON answers
    FOR SELECT TO anon
    USING ((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
           AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
           AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                OR NOT is_hidden(author_id, space_id))
           AND (SELECT true FROM posts p WHERE p.id = question_id));
CREATE POLICY answers_select_authenticated ON answers
    FOR SELECT TO authenticated
    USING (((state = 'published' OR (state IN ('quarantined', 'removed') AND hidden_until <= now()))
            AND (is_active_member(space_id) OR space_id IN (SELECT readable_space_ids()))
            AND (author_id IS NULL OR author_id <> ALL (ARRAY(SELECT b.author_id FROM shadow_bans b))
                 OR NOT is_hidden(author_id, space_id))
            AND (SELECT true FROM posts p WHERE p.id = question_id))
           OR (author_id = (SELECT auth.uid()) AND state <> 'deleted')
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY answers_insert_own ON answers
    FOR INSERT TO authenticated
    WITH CHECK (author_id = (SELECT auth.uid()) AND space_id = ANY (ARRAY(SELECT writable_space_ids()))
                AND EXISTS (SELECT FROM posts p WHERE p.id = question_id AND p.state = 'published'));
CREATE POLICY answers_update_author_or_editor ON answers
    FOR UPDATE TO authenticated
    USING ((author_id = (SELECT auth.uid()) AND state IN ('published', 'held')
            AND space_id = ANY (ARRAY(SELECT writable_space_ids())))
           OR (state = 'published' AND space_id = ANY (ARRAY(SELECT privileged_space_ids('edit')))))
    WITH CHECK (space_id = ANY (ARRAY(SELECT readable_space_ids())));
GRANT INSERT (question_id, space_id, author_id, body), UPDATE (body) ON answers TO authenticated;

SELECT community_core.create_counter('answers', 'question_id', 'questions', 'answer_count',
                                     counted => $$state = 'published'$$, parent_key => 'post_id');

CREATE OR REPLACE FUNCTION make_question() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.questions (post_id, space_id) VALUES (NEW.id, NEW.space_id);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION make_question() IS 'Trigger: a post that is a question has its row in questions.';
CREATE OR REPLACE TRIGGER posts_make_question
    AFTER INSERT ON posts FOR EACH ROW WHEN (NEW.post_type = 'question') EXECUTE FUNCTION make_question();

CREATE OR REPLACE FUNCTION prepare_answer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    question @schema@.questions;
BEGIN
    SELECT q.* INTO question FROM @schema@.questions q WHERE q.post_id = NEW.question_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no question %', NEW.question_id
            USING ERRCODE = 'foreign_key_violation', HINT = 'question_id is the id of a post that is a question.';
    ELSIF question.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'question % is closed: %', NEW.question_id, question.close_reason
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'It takes answers again once it is reopened.';
    END IF;
    NEW.space_id := coalesce(NEW.space_id, question.space_id);
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION prepare_answer() IS 'Trigger: an answer lies in its question''s space; a closed question takes none.';
CREATE OR REPLACE TRIGGER answers_prepare
    BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION prepare_answer();
CREATE OR REPLACE TRIGGER answers_record_activity
    AFTER INSERT ON answers FOR EACH ROW EXECUTE FUNCTION record_activity();

CREATE OR REPLACE FUNCTION require_privilege_on(post uuid, action text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM @schema@.posts p
                   WHERE p.id = post AND p.space_id = ANY (ARRAY(SELECT @schema@.privileged_space_ids(action)))) THEN
        RAISE EXCEPTION 'there is no post % that you may %', post, action USING ERRCODE = 'insufficient_privilege',
            HINT = 'It takes the reputation that privilege_thresholds asks for, or a moderator.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_privilege_on(uuid, text) IS
    'Refuses who does not have the privilege in the post''s space; for other functions. Stable. Errors: 22023 no such action, 42501. Example: SELECT require_privilege_on(''0199a7c2-0000-7000-8000-000000000001'', ''close'')';

CREATE OR REPLACE FUNCTION close_question(question uuid, reason text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_privilege_on(question, 'close');
    UPDATE @schema@.questions q SET closed_at = now(), close_reason = reason,
           closed_by = (SELECT p.id FROM @schema@.profiles p WHERE p.id = auth.uid())
    WHERE q.post_id = question AND q.closed_at IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION close_question(uuid, text) IS
    'Closes a question: it takes no more answers. By who has the privilege close. reason: not blank, at most 1,000 characters. Returns whether it was open. Volatile. Errors: 23514 no reason, 42501 no privilege or no such question. Example: SELECT close_question(''0199a7c2-0000-7000-8000-000000000001'', ''asked before'')';
GRANT EXECUTE ON FUNCTION close_question(uuid, text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION reopen_question(question uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_privilege_on(question, 'close');
    UPDATE @schema@.questions q SET closed_at = NULL, close_reason = NULL, closed_by = NULL
    WHERE q.post_id = question AND q.closed_at IS NOT NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION reopen_question(uuid) IS
    'Lets a closed question take answers again. By who has the privilege close. Returns whether it was closed. Volatile. Errors: 42501 no privilege or no such question. Example: SELECT reopen_question(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION reopen_question(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION delete_answer(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.answers a SET state = 'deleted'
    WHERE a.id = delete_answer.id AND a.author_id = @schema@.require_signed_in() AND a.state <> 'deleted';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION delete_answer(uuid) IS
    'Takes one''s own answer out of everybody''s sight but the moderators''; it is no longer accepted. Returns whether there was one. Volatile. Errors: 42501 not signed in or banned. Example: SELECT delete_answer(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION delete_answer(uuid) TO authenticated;
