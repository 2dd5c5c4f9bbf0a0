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
    CONSTRAINT questions_close_reason_check CHECK (close_reason ~ '\S' AND char_length(close_reason) <= 1000)
);
COMMENT ON TABLE questions IS 'What a post that is a question has besides: its accepted answer, its bounty, whether it is closed.';
COMMENT ON COLUMN questions.post_type IS 'Always question; with post_id it refers to a post of that type.';
COMMENT ON COLUMN questions.accepted_answer_id IS 'One of its own answers; written by accept_answer and unaccept_answer.';
COMMENT ON COLUMN questions.answer_count IS 'Published answers; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN questions.bounty_amount IS 'What is held in escrow for a good answer, in bounty_currency; written by the functions of bounties.';
COMMENT ON COLUMN questions.closed_at IS 'Since when it takes no answers; NULL: it does. Written by close_question and reopen_question.';
CREATE INDEX questions_space_id_idx ON questions (space_id, post_id);
CREATE INDEX questions_accepted_answer_id_idx ON questions (accepted_answer_id) WHERE accepted_answer_id IS NOT NULL;
CREATE INDEX questions_closed_by_idx ON questions (closed_by) WHERE closed_by IS NOT NULL;

CREATE TABLE answers (
    id            uuid        NOT NULL DEFAULT uuid_v7(),
    question_id   uuid        NOT NULL,
    space_id      uuid        NOT NULL,
    author_id     uuid,
    body          text        NOT NULL,
    is_accepted   boolean     NOT NULL DEFAULT false,
    state         text        NOT NULL DEFAULT 'published',
    score         integer     NOT NULL DEFAULT 0,
    comment_count integer     NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT answers_pkey PRIMARY KEY (id),
    CONSTRAINT answers_id_question_id_key UNIQUE (id, question_id),
    CONSTRAINT answers_question_id_space_id_fkey FOREIGN KEY (question_id, space_id)
        REFERENCES questions (post_id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT answers_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT answers_body_check CHECK (body ~ '\S' AND char_length(body) <= 100000),
    CONSTRAINT answers_state_check CHECK (state IN ('published', 'held', 'quarantined', 'removed', 'deleted'))
);
COMMENT ON TABLE answers IS 'Answers to questions. Read by those who read the space.';
COMMENT ON COLUMN answers.author_id IS 'Who wrote it; NULL once that person is deleted.';
COMMENT ON COLUMN answers.body IS 'Not blank, at most 100,000 characters.';
COMMENT ON COLUMN answers.is_accepted IS 'Whether it is its question''s accepted_answer_id; kept by trigger.';
COMMENT ON COLUMN answers.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.';
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
