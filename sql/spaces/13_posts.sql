-- Posts: what is written in a space.

CREATE TABLE posts (
    id            uuid        NOT NULL DEFAULT uuid_v7(),
    space_id      uuid        NOT NULL,
    author_id     uuid,
    post_type     text        NOT NULL DEFAULT 'post',
    template_id   uuid,
    title         text        NOT NULL,
    body          text        NOT NULL DEFAULT '',
    content       jsonb       NOT NULL DEFAULT '{}',
    state         text        NOT NULL DEFAULT 'published',
    score         integer     NOT NULL DEFAULT 0,
    comment_count integer     NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT posts_pkey PRIMARY KEY (id),
    -- What belongs to a post lies in the same space, and a question's post is a question.
    CONSTRAINT posts_id_space_id_key UNIQUE (id, space_id),
    CONSTRAINT posts_id_post_type_key UNIQUE (id, post_type),
    CONSTRAINT posts_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT posts_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT posts_template_id_space_id_fkey FOREIGN KEY (template_id, space_id)
        REFERENCES post_templates (id, space_id) ON UPDATE CASCADE ON DELETE SET NULL (template_id),
    CONSTRAINT posts_post_type_check CHECK (post_type IN ('post', 'question')),
    CONSTRAINT posts_title_check CHECK (title ~ '\S' AND char_length(title) <= 300),
    CONSTRAINT posts_body_check CHECK (char_length(body) <= 100000),
    CONSTRAINT posts_content_check CHECK (jsonb_typeof(content) = 'object'),
    CONSTRAINT posts_state_check CHECK (state IN ('published', 'held', 'quarantined', 'removed', 'deleted'))
);
COMMENT ON TABLE posts IS 'What is written in a space, questions too. Read by those who read the space.';
COMMENT ON COLUMN posts.author_id IS 'Who wrote it; NULL once that person is deleted.';
COMMENT ON COLUMN posts.template_id IS 'The template it was written by, whose required sections content has; NULL: none.';
COMMENT ON COLUMN posts.body IS 'The text, at most 100,000 characters.';
COMMENT ON COLUMN posts.content IS 'The editor''s structure, an object; the sections of a template are its keys.';
COMMENT ON COLUMN posts.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted by its author: for moderators. Written by functions.';
COMMENT ON COLUMN posts.score IS 'Up-votes minus down-votes; kept by the counter engine, app roles cannot write it.';
COMMENT ON COLUMN posts.comment_count IS
    'Published comments on the post itself; kept by the counter engine, app roles cannot write it.';
-- The feed of a space, read backwards; id makes the order total.
CREATE INDEX posts_space_id_created_at_idx ON posts (space_id, created_at, id) WHERE state = 'published';
CREATE INDEX posts_space_id_state_idx ON posts (space_id, state) WHERE state <> 'published';
CREATE INDEX posts_author_id_idx ON posts (author_id, created_at);
CREATE INDEX posts_template_id_idx ON posts (template_id) WHERE template_id IS NOT NULL;
