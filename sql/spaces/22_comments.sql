-- Comments on posts and on answers, in threads.

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
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT comments_pkey PRIMARY KEY (id),
    CONSTRAINT comments_id_post_id_key UNIQUE (id, post_id),
    CONSTRAINT comments_post_id_space_id_fkey FOREIGN KEY (post_id, space_id)
        REFERENCES posts (id, space_id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT comments_answer_id_post_id_fkey FOREIGN KEY (answer_id, post_id)
        REFERENCES answers (id, question_id) ON DELETE CASCADE,
    -- A comment stands under the same post as what it answers, and is not removed from under its answers.
    CONSTRAINT comments_parent_id_post_id_fkey FOREIGN KEY (parent_id, post_id) REFERENCES comments (id, post_id),
    CONSTRAINT comments_author_id_fkey FOREIGN KEY (author_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT comments_body_check CHECK (
        CASE state WHEN 'deleted' THEN body = '' ELSE body ~ '\S' AND char_length(body) <= 10000 END),
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
COMMENT ON COLUMN comments.body IS 'Not blank, at most 10,000 characters; <@id> mentions a person. Empty once deleted.';
COMMENT ON COLUMN comments.mentions IS 'The people that body mentions and that may read the space, at most 50; set by the database.';
COMMENT ON COLUMN comments.state IS
    'published; held, quarantined or removed by moderation: for the author and moderators; deleted: an empty tombstone above its answers. Written by functions.';
CREATE INDEX comments_post_id_path_idx ON comments (post_id, path);
CREATE INDEX comments_post_id_space_id_idx ON comments (post_id, space_id);
CREATE INDEX comments_answer_id_post_id_idx ON comments (answer_id, post_id) WHERE answer_id IS NOT NULL;
CREATE INDEX comments_parent_id_post_id_idx ON comments (parent_id, post_id) WHERE parent_id IS NOT NULL;
CREATE INDEX comments_space_id_idx ON comments (space_id, created_at);
CREATE INDEX comments_author_id_idx ON comments (author_id, created_at);
