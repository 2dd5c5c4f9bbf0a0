-- Who belongs to a space, as what, and that a space is never left without an owner.

CREATE TABLE space_members (
    space_id       uuid        NOT NULL,
    profile_id     uuid        NOT NULL,
    role           text        NOT NULL DEFAULT 'member',
    status         text        NOT NULL DEFAULT 'active',
    invited_by     uuid,
    joined_at      timestamptz NOT NULL DEFAULT now(),
    last_active_at timestamptz,
    banned_until   timestamptz,
    CONSTRAINT space_members_pkey PRIMARY KEY (space_id, profile_id),
    CONSTRAINT space_members_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT space_members_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT space_members_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT space_members_role_check CHECK (role IN ('owner', 'moderator', 'member')),
    CONSTRAINT space_members_status_check CHECK (status IN ('pending', 'active', 'banned')),
    -- Who runs a space is in it.
    CONSTRAINT space_members_staff_active_check CHECK (role = 'member' OR status = 'active'),
    CONSTRAINT space_members_banned_until_check CHECK (banned_until IS NULL OR status = 'banned')
);
COMMENT ON TABLE space_members IS
    'Who belongs to a space, as owner, moderator or member; pending until a moderator lets the person in, banned while a ban lasts.';
COMMENT ON COLUMN space_members.banned_until IS
    'When a ban ends, from which moment on the person is an active member again; NULL: no end. Follows the sanctions.';
-- Whatever a person reads is preceded by a look at where the person belongs: the index answers it alone.
CREATE INDEX space_members_profile_id_idx ON space_members (profile_id) INCLUDE (space_id, role, status, banned_until);
CREATE INDEX space_members_invited_by_idx ON space_members (invited_by);
CREATE INDEX space_members_pending_idx ON space_members (space_id, joined_at) WHERE status = 'pending';
