-- How people come into an organization, change their role in it, and leave it.

CREATE TABLE organization_invitations (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid        NOT NULL,
    email           text        NOT NULL,
    role            text        NOT NULL DEFAULT 'member',
    invited_by      uuid,
    expires_at      timestamptz NOT NULL DEFAULT now() + interval '7 days',
    accepted_at     timestamptz,
    accepted_by     uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT organization_invitations_pkey PRIMARY KEY (id),
    CONSTRAINT organization_invitations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT organization_invitations_invited_by_fkey
        FOREIGN KEY (invited_by) REFERENCES auth.users (id) ON DELETE SET NULL,
    CONSTRAINT organization_invitations_accepted_by_fkey
        FOREIGN KEY (accepted_by) REFERENCES auth.users (id) ON DELETE SET NULL,
    CONSTRAINT organization_invitations_email_check CHECK (email ~ '^[^@\s]+@[^@\s]+$'),
    CONSTRAINT organization_invitations_role_check CHECK (role IN ('admin', 'member')),
    CONSTRAINT organization_invitations_accepted_check
        CHECK (accepted_by IS NULL OR accepted_at IS NOT NULL)
);
COMMENT ON TABLE organization_invitations IS
    'Who was asked into an organization, by e-mail address. Made by invite_member, taken back by deleting the row; seen by the organization''s admins.';
COMMENT ON COLUMN organization_invitations.expires_at IS 'Seven days after the last time the person was invited.';
CREATE UNIQUE INDEX organization_invitations_open_key
    ON organization_invitations (organization_id, lower(email)) WHERE accepted_at IS NULL;
CREATE INDEX organization_invitations_organization_id_created_at_idx
    ON organization_invitations (organization_id, created_at DESC);
CREATE INDEX organization_invitations_invited_by_idx ON organization_invitations (invited_by);
CREATE INDEX organization_invitations_accepted_by_idx ON organization_invitations (accepted_by);

CREATE POLICY organization_invitations_select_admins ON organization_invitations
    FOR SELECT TO authenticated USING (organization_id = (SELECT administered_organization_id()));
CREATE POLICY organization_invitations_delete_admins ON organization_invitations
    FOR DELETE TO authenticated
    USING (organization_id = (SELECT administered_organization_id()) AND accepted_at IS NULL);

-- Two admins who demote each other at once must not both succeed, so whoever acts as an admin holds
-- the organization's row, and is looked at again once it is held. Under REPEATABLE READ a change of
-- the admins in between is 40001.
CREATE OR REPLACE FUNCTION lock_administered_organization() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    administered uuid := @schema@.administered_organization_id();
BEGIN
    PERFORM FROM @schema@.organizations o WHERE o.id = administered FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM @schema@.profiles p
                   WHERE p.id = auth.uid() AND p.organization_id = administered
                     AND p.role = 'admin') THEN
        RAISE EXCEPTION 'only an admin of an organization can do this'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an admin of your organization.';
    END IF;
    RETURN administered;
END
$$;
COMMENT ON FUNCTION lock_administered_organization() IS
    'The organization of which whoever asks is an admin, locked until the end of the transaction; 42501 for everybody else. Called by the other functions only.';

CREATE OR REPLACE FUNCTION set_member_role(member_id uuid, new_role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    administered uuid := @schema@.lock_administered_organization();
BEGIN
    UPDATE @schema@.profiles p SET role = new_role
    WHERE p.id = member_id AND p.organization_id = administered;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'your organization has no member "%"', member_id
            USING ERRCODE = 'undefined_object', HINT = 'Look at the members in profiles.';
    END IF;
END
$$;
COMMENT ON FUNCTION set_member_role(uuid, text) IS
    'Makes a member of the caller''s own organization an admin or a member. Admins only (42501); 42704 no such member, 23514 another role or the last admin. Example: SELECT set_member_role(''00000000-0000-4000-8000-000000000002'', ''admin'')';

CREATE OR REPLACE FUNCTION remove_member(member_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    organization uuid;
BEGIN
    IF member_id = auth.uid() THEN
        organization := @schema@.current_organization_id();
        PERFORM FROM @schema@.organizations o WHERE o.id = organization FOR NO KEY UPDATE;
    ELSE
        organization := @schema@.lock_administered_organization();
    END IF;
    UPDATE @schema@.profiles p SET organization_id = NULL, role = 'member'
    WHERE p.id = member_id AND p.organization_id = organization;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'your organization has no member "%"', member_id
            USING ERRCODE = 'undefined_object', HINT = 'Look at the members in profiles.';
    END IF;
END
$$;
COMMENT ON FUNCTION remove_member(uuid) IS
    'Takes a member out of the caller''s own organization; everybody may take out himself, which is leaving. Admins only for others (42501); 42704 no such member, 23514 the last admin. Example: SELECT remove_member(auth.uid())';

CREATE OR REPLACE FUNCTION invite_member(email text, role text DEFAULT 'member') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    administered uuid := @schema@.lock_administered_organization();
    address text := trim(invite_member.email);
    invitation uuid;
BEGIN
    IF EXISTS (SELECT FROM @schema@.profiles p JOIN auth.users u ON u.id = p.id
               WHERE p.organization_id = administered AND lower(u.email) = lower(address)) THEN
        RAISE EXCEPTION '% is a member of your organization already', address
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Change the role with set_member_role.';
    END IF;
    INSERT INTO @schema@.organization_invitations AS i (organization_id, email, role, invited_by)
    VALUES (administered, address, invite_member.role, auth.uid())
    ON CONFLICT (organization_id, lower(email)) WHERE accepted_at IS NULL
    DO UPDATE SET role = excluded.role, invited_by = excluded.invited_by,
                  expires_at = excluded.expires_at
    RETURNING i.id INTO invitation;
    RETURN invitation;
END
$$;
COMMENT ON FUNCTION invite_member(text, text) IS
    'Invites the person with this e-mail address into the caller''s own organization, as member or admin, for seven days; inviting again renews the open invitation. Returns its id, to be sent to the person. Admins only (42501); 55000 a member already, 23514 no e-mail address or another role. Example: SELECT invite_member(''ada@example.com'')';

CREATE OR REPLACE FUNCTION accept_invitation(invitation_id uuid) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person     auth.users;
    invitation @schema@.organization_invitations;
BEGIN
    SELECT * INTO person FROM auth.users u WHERE u.id = auth.uid();
    SELECT * INTO invitation FROM @schema@.organization_invitations i
    WHERE i.id = invitation_id FOR UPDATE;
    -- Another's invitation and none at all look the same. An address counts once it is confirmed,
    -- where auth.users records that, as Supabase's does.
    IF invitation.id IS NULL OR lower(person.email) IS DISTINCT FROM lower(invitation.email)
       OR to_jsonb(person) -> 'email_confirmed_at' = 'null' THEN
        RAISE EXCEPTION 'there is no invitation "%" for you', invitation_id
            USING ERRCODE = 'undefined_object',
                  HINT = 'Sign in with the e-mail address that was invited, and confirm it.';
    END IF;
    IF invitation.accepted_at IS NOT NULL OR invitation.expires_at <= now() THEN
        RAISE EXCEPTION 'invitation "%" % on %', invitation_id,
            CASE WHEN invitation.accepted_at IS NULL THEN 'expired' ELSE 'was accepted' END,
            to_char(coalesce(invitation.accepted_at, invitation.expires_at) AT TIME ZONE 'UTC',
                    'YYYY-MM-DD')
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Ask an admin of the organization to invite you again.';
    END IF;
    INSERT INTO @schema@.profiles AS p (id, email, full_name, avatar_url, organization_id, role)
    VALUES (person.id, person.email, person.raw_user_meta_data ->> 'full_name',
            person.raw_user_meta_data ->> 'avatar_url', invitation.organization_id, invitation.role)
    ON CONFLICT (id) DO UPDATE
        SET organization_id = excluded.organization_id, role = excluded.role
        WHERE p.organization_id IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'you belong to an organization already'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Leave it first: remove_member(auth.uid()).';
    END IF;
    UPDATE @schema@.organization_invitations i SET accepted_at = now(), accepted_by = person.id
    WHERE i.id = invitation.id;
    RETURN invitation.organization_id;
END
$$;
COMMENT ON FUNCTION accept_invitation(uuid) IS
    'Brings the caller into the organization that invited his e-mail address, with the role he was invited to, once. Returns the organization. 42704 no invitation for the caller, 55000 expired, accepted before, or the caller belongs to an organization. Example: SELECT accept_invitation(''00000000-0000-4000-8000-000000000009'')';

GRANT EXECUTE ON FUNCTION set_member_role(uuid, text), remove_member(uuid),
    invite_member(text, text), accept_invitation(uuid) TO authenticated;
