-- What moderators impose on a person, for how long, and how it ends.

CREATE TABLE sanctions (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    space_id    uuid,
    profile_id  uuid,
    type        text        NOT NULL,
    reason      text        NOT NULL,
    status      text        NOT NULL DEFAULT 'active',
    target_type text,
    target_id   uuid,
    expires_at  timestamptz,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    appeal      text,
    appealed_at timestamptz,
    ended_by    uuid,
    ended_at    timestamptz,
    CONSTRAINT sanctions_pkey PRIMARY KEY (id),
    CONSTRAINT sanctions_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT sanctions_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT sanctions_created_by_fkey FOREIGN KEY (created_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT sanctions_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT sanctions_type_check CHECK (type IN ('removal', 'quarantine', 'shadow_ban', 'space_ban', 'site_ban')),
    CONSTRAINT sanctions_status_check CHECK (status IN ('active', 'appealed', 'reversed', 'expired')),
    CONSTRAINT sanctions_reason_check CHECK (reason ~ '@visible@' AND char_length(reason) <= 10000),
    CONSTRAINT sanctions_space_check CHECK (
        CASE type WHEN 'site_ban' THEN space_id IS NULL WHEN 'shadow_ban' THEN true ELSE space_id IS NOT NULL END),
    CONSTRAINT sanctions_target_check CHECK (
        CASE WHEN type IN ('removal', 'quarantine')
             THEN target_type IN ('post', 'answer', 'comment') AND target_id IS NOT NULL
             ELSE num_nonnulls(target_type, target_id) = 0 END),
    CONSTRAINT sanctions_expires_at_check CHECK (expires_at > created_at),
    CONSTRAINT sanctions_appeal_check CHECK (
        (appeal IS NULL) = (appealed_at IS NULL) AND (status <> 'appealed' OR appeal IS NOT NULL)
        AND appeal ~ '@visible@' AND char_length(appeal) <= 10000),
    CONSTRAINT sanctions_ended_check CHECK (
        (status IN ('reversed', 'expired')) = (ended_at IS NOT NULL) AND (ended_by IS NULL OR status = 'reversed'))
);
COMMENT ON TABLE sanctions IS
    'Removal and quarantine concern one post, answer or comment; shadow_ban, space_ban and site_ban a person. One that has expired has no effect, without anybody ending it.';
COMMENT ON COLUMN sanctions.space_id IS 'Where it holds; NULL: on the whole site.';
COMMENT ON COLUMN sanctions.profile_id IS 'Whom it is against; NULL once that person is deleted.';
COMMENT ON COLUMN sanctions.status IS
    'An appealed sanction holds until it is reversed; an appeal that is turned down leaves it active. expired follows expires_at when expire_sanctions runs.';
COMMENT ON COLUMN sanctions.appeal IS 'What the person says against it, once.';
COMMENT ON COLUMN sanctions.expires_at IS 'When it ends by itself; NULL: never.';
CREATE INDEX sanctions_profile_id_idx ON sanctions (profile_id, type);
CREATE INDEX sanctions_space_id_idx ON sanctions (space_id, created_at);
CREATE INDEX sanctions_created_by_idx ON sanctions (created_by);
CREATE INDEX sanctions_ended_by_idx ON sanctions (ended_by) WHERE ended_by IS NOT NULL;
CREATE INDEX sanctions_appealed_idx ON sanctions (space_id, appealed_at) WHERE status = 'appealed';
CREATE INDEX sanctions_expires_at_idx ON sanctions (expires_at) WHERE status IN ('active', 'appealed');
-- What every query for content asks.
CREATE INDEX sanctions_shadow_ban_idx ON sanctions (profile_id, space_id)
    WHERE type = 'shadow_ban' AND status IN ('active', 'appealed');
CREATE INDEX sanctions_target_id_idx ON sanctions (target_id) WHERE target_id IS NOT NULL;
