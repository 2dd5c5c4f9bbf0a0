-- What moderators impose on a person, for how long, and how it ends.

CREATE TABLE sanctions (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    space_id    uuid,
    profile_id  uuid        NOT NULL,
    type        text        NOT NULL,
    reason      text        NOT NULL,
    status      text        NOT NULL DEFAULT 'active',
    target_type text,
    target_id   uuid,
    expires_at  timestamptz,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sanctions_pkey PRIMARY KEY (id),
    CONSTRAINT sanctions_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT sanctions_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT sanctions_created_by_fkey FOREIGN KEY (created_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT sanctions_type_check CHECK (type IN ('removal', 'quarantine', 'shadow_ban', 'space_ban', 'site_ban')),
    CONSTRAINT sanctions_status_check CHECK (status IN ('active', 'appealed', 'reversed')),
    CONSTRAINT sanctions_reason_check CHECK (reason ~ '\S' AND char_length(reason) <= 10000),
    CONSTRAINT sanctions_space_check CHECK (
        CASE type WHEN 'site_ban' THEN space_id IS NULL WHEN 'shadow_ban' THEN true ELSE space_id IS NOT NULL END),
    CONSTRAINT sanctions_target_check CHECK (
        CASE WHEN type IN ('removal', 'quarantine')
             THEN target_type IN ('post', 'answer', 'comment') AND target_id IS NOT NULL
             ELSE num_nonnulls(target_type, target_id) = 0 END),
    CONSTRAINT sanctions_expires_at_check CHECK (expires_at > created_at)
);
COMMENT ON TABLE sanctions IS
    'Removal and quarantine concern one post, answer or comment; shadow_ban, space_ban and site_ban a person. One that has expired has no effect, without anybody ending it.';
COMMENT ON COLUMN sanctions.space_id IS 'Where it holds; NULL: on the whole site.';
COMMENT ON COLUMN sanctions.status IS 'An appealed sanction holds until it is reversed.';
COMMENT ON COLUMN sanctions.expires_at IS 'When it ends by itself; NULL: never.';
CREATE INDEX sanctions_profile_id_idx ON sanctions (profile_id, type) WHERE status <> 'reversed';
CREATE INDEX sanctions_space_id_idx ON sanctions (space_id, created_at);
CREATE INDEX sanctions_created_by_idx ON sanctions (created_by);
CREATE INDEX sanctions_target_id_idx ON sanctions (target_id) WHERE target_id IS NOT NULL;
