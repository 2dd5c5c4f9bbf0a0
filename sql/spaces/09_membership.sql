-- Founding, joining, leaving and running a space. App roles write memberships by these functions only.

CREATE OR REPLACE FUNCTION require_signed_in() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF auth.uid() IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Sign in: request.jwt.claims names the person in sub.';
    ELSIF @schema@.is_site_banned() THEN
        RAISE EXCEPTION 'person % is banned from this site', auth.uid() USING ERRCODE = 'insufficient_privilege',
            HINT = 'A ban ends when it expires or an appeal reverses it.';
    END IF;
    RETURN auth.uid();
END;
$$;
COMMENT ON FUNCTION require_signed_in() IS
    'The person who is asking, or an error; for other functions. Stable. Errors: 42501 nobody is signed in, or somebody banned from the site. Example: SELECT require_signed_in()';

CREATE OR REPLACE FUNCTION require_moderator(space_id uuid, deed text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF space_id IS NULL OR space_id <> ALL (ARRAY(SELECT @schema@.moderated_space_ids())) THEN
        RAISE EXCEPTION 'only a moderator of space % may %', space_id, deed
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an owner or a moderator of the space.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_moderator(uuid, text) IS
    'Refuses who does not moderate the space; for other functions. deed: what was tried, for the message. Stable. Errors: 42501. Example: SELECT require_moderator(''0199a7c2-0000-7000-8000-000000000001'', ''close a question'')';

CREATE OR REPLACE FUNCTION require_owner(space_id uuid, deed text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF space_id IS NULL OR space_id <> ALL (ARRAY(SELECT @schema@.owned_space_ids())) THEN
        RAISE EXCEPTION 'only an owner of space % may %', space_id, deed
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an owner of the space.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_owner(uuid, text) IS
    'Refuses who does not own the space; for other functions. deed: what was tried, for the message. Stable. Errors: 42501. Example: SELECT require_owner(''0199a7c2-0000-7000-8000-000000000001'', ''appoint a moderator'')';

CREATE POLICY spaces_select_visible ON spaces
    FOR SELECT TO anon, authenticated USING (id = ANY (ARRAY(SELECT visible_space_ids())));
CREATE POLICY spaces_update_owner ON spaces
    FOR UPDATE TO authenticated
    USING (id = ANY (ARRAY(SELECT owned_space_ids()))) WITH CHECK (id = ANY (ARRAY(SELECT owned_space_ids())));
GRANT UPDATE (slug, name, description, visibility, rules, feature_flags) ON spaces TO authenticated;

CREATE POLICY feature_flag_audit_select_moderator ON feature_flag_audit
    FOR SELECT TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));

CREATE POLICY space_members_select_authenticated ON space_members
    FOR SELECT TO authenticated
    USING (profile_id = (SELECT auth.uid())
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids()))
           OR (status = 'active' AND space_id = ANY (ARRAY(SELECT readable_space_ids()))
               AND (SELECT auth.uid()) IS NOT NULL));

CREATE OR REPLACE FUNCTION make_founder_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.space_members (space_id, profile_id, role) VALUES (NEW.id, NEW.created_by, 'owner');
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION make_founder_owner() IS 'Trigger: who creates a space is its first owner.';
CREATE OR REPLACE TRIGGER spaces_make_founder_owner
    AFTER INSERT ON spaces FOR EACH ROW WHEN (NEW.created_by IS NOT NULL) EXECUTE FUNCTION make_founder_owner();

-- Writes the space's row instead of only locking it: two owners who leave at once then meet there at
-- every isolation level.
CREATE OR REPLACE FUNCTION keep_an_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.spaces s SET updated_at = now() WHERE s.id = OLD.space_id;
    IF NOT FOUND OR EXISTS (SELECT FROM @schema@.space_members m
                            WHERE m.space_id = OLD.space_id AND m.role = 'owner') THEN
        RETURN NULL;
    ELSIF EXISTS (SELECT FROM @schema@.profiles p WHERE p.id = OLD.profile_id) THEN
        RAISE EXCEPTION 'person % is the last owner of space %', OLD.profile_id, OLD.space_id
            USING ERRCODE = 'check_violation', HINT = 'Make somebody else an owner first.';
    END IF;
    -- The last owner's account is gone: who has been here longest takes over, moderators first.
    UPDATE @schema@.space_members m SET role = 'owner'
    WHERE (m.space_id, m.profile_id) = (
        SELECT h.space_id, h.profile_id FROM @schema@.space_members h
        WHERE h.space_id = OLD.space_id AND h.status = 'active'
        ORDER BY h.role = 'moderator' DESC, h.joined_at, h.profile_id LIMIT 1);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION keep_an_owner() IS
    'Trigger: the last owner of a space neither leaves nor loses the role; where the account is deleted, the moderator or else the member of longest standing becomes owner.';
CREATE OR REPLACE TRIGGER space_members_keep_an_owner
    AFTER UPDATE OF role, space_id, profile_id ON space_members FOR EACH ROW
    WHEN (OLD.role = 'owner' AND (NEW.role <> 'owner' OR NEW.space_id <> OLD.space_id))
    EXECUTE FUNCTION keep_an_owner();
CREATE OR REPLACE TRIGGER space_members_keep_an_owner_on_delete
    AFTER DELETE ON space_members FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION keep_an_owner();

CREATE OR REPLACE FUNCTION create_space(
    slug text, name text, visibility text DEFAULT 'public', description text DEFAULT '', rules text DEFAULT '')
RETURNS spaces
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    space @schema@.spaces;
BEGIN
    INSERT INTO @schema@.spaces AS s (slug, name, visibility, description, rules, created_by)
    VALUES (create_space.slug, create_space.name, create_space.visibility, create_space.description,
            create_space.rules, @schema@.require_signed_in())
    RETURNING s.* INTO space;
    RETURN space;
END;
$$;
COMMENT ON FUNCTION create_space(text, text, text, text, text) IS
    'Founds a space; who asks becomes its owner. slug: its name in an address, lower case; visibility: public, restricted or private. Returns its row. Volatile. Errors: 23505 the slug is taken, 23514 a bad slug, name or visibility, 42501 not signed in or banned. Example: SELECT id FROM create_space(''gardening'', ''Gardening'')';
GRANT EXECUTE ON FUNCTION create_space(text, text, text, text, text) TO authenticated;

CREATE OR REPLACE FUNCTION join_space(space_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    member CONSTANT uuid := @schema@.require_signed_in();
    openness text;
    outcome  text;
BEGIN
    SELECT s.visibility INTO openness FROM @schema@.spaces s WHERE s.id = join_space.space_id;
    IF EXISTS (SELECT FROM @schema@.active_sanctions s
               WHERE s.profile_id = member AND s.type = 'space_ban' AND s.space_id = join_space.space_id) THEN
        outcome := 'banned';
    ELSE
        -- An invitation is a pending membership that somebody invited to.
        UPDATE @schema@.space_members m SET status = 'active', joined_at = now()
        WHERE m.space_id = join_space.space_id AND m.profile_id = member AND m.status = 'pending'
          AND (m.invited_by IS NOT NULL OR openness = 'public');
        IF openness <> 'private' THEN
            INSERT INTO @schema@.space_members (space_id, profile_id, status)
            VALUES (join_space.space_id, member, CASE openness WHEN 'public' THEN 'active' ELSE 'pending' END)
            ON CONFLICT (space_id, profile_id) DO NOTHING;
        END IF;
        SELECT CASE WHEN m.banned_until <= now() THEN 'active' ELSE m.status END
        INTO outcome FROM @schema@.space_members m
        WHERE m.space_id = join_space.space_id AND m.profile_id = member;
    END IF;
    IF outcome = 'banned' THEN
        RAISE EXCEPTION 'person % is banned from space %', member, join_space.space_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A moderator of the space can lift the ban.';
    ELSIF outcome IS NULL THEN
        RAISE EXCEPTION 'there is no space % that you may join', join_space.space_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A private space is joined by invitation.';
    END IF;
    RETURN outcome;
END;
$$;
COMMENT ON FUNCTION join_space(uuid) IS
    'Joins a public space at once, asks to be let into a restricted one, accepts an invitation to any. Again: changes nothing. Returns the status, active or pending. Volatile. Errors: 42501 not signed in, banned, no such space, or private without an invitation. Example: SELECT join_space(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION join_space(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION invite_member(space_id uuid, profile_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    inviter CONSTANT uuid := @schema@.require_signed_in();
    outcome text;
BEGIN
    PERFORM @schema@.require_moderator(invite_member.space_id, 'invite to it');
    -- Who has asked already is in.
    INSERT INTO @schema@.space_members AS m (space_id, profile_id, status, invited_by)
    VALUES (invite_member.space_id, invite_member.profile_id, 'pending', inviter)
    ON CONFLICT (space_id, profile_id) DO UPDATE SET status = 'active', joined_at = now()
        WHERE m.status = 'pending' AND m.invited_by IS NULL;
    SELECT m.status INTO outcome FROM @schema@.space_members m
    WHERE m.space_id = invite_member.space_id AND m.profile_id = invite_member.profile_id;
    RETURN outcome;
END;
$$;
COMMENT ON FUNCTION invite_member(uuid, uuid) IS
    'Invites a person, who accepts by join_space; lets in at once who has asked to join. By moderators; again: changes nothing. Returns the membership''s status, pending, active or banned. Volatile. Errors: 23503 no such person, 42501 not a moderator. Example: SELECT invite_member(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION invite_member(uuid, uuid) TO authenticated;

CREATE OR REPLACE FUNCTION set_member_status(space_id uuid, profile_id uuid, status text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM @schema@.require_moderator(set_member_status.space_id, 'let in or ban');
    IF set_member_status.status NOT IN ('active', 'banned') OR set_member_status.status IS NULL THEN
        RAISE EXCEPTION 'a moderator makes no member %', coalesce(set_member_status.status, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give active or banned.';
    END IF;
    IF set_member_status.status = 'banned' THEN
        IF EXISTS (SELECT FROM @schema@.space_members m
                   WHERE m.space_id = set_member_status.space_id AND m.profile_id = set_member_status.profile_id
                     AND m.role = 'member' AND m.status <> 'banned') THEN
            PERFORM @schema@.sanction(set_member_status.profile_id, 'space_ban', 'Banned by a moderator',
                                      set_member_status.space_id);
            RETURN true;
        END IF;
        RETURN false;
    END IF;
    -- A ban is a sanction, and is lifted as one.
    PERFORM @schema@.reverse_sanction(s.id) FROM @schema@.active_sanctions s
    WHERE s.space_id = set_member_status.space_id AND s.profile_id = set_member_status.profile_id AND s.type = 'space_ban';
    IF FOUND THEN
        RETURN true;
    END IF;
    -- An invitation is accepted by the invited, not by moderators.
    UPDATE @schema@.space_members m SET status = 'active', joined_at = now()
    WHERE m.space_id = set_member_status.space_id AND m.profile_id = set_member_status.profile_id
      AND m.status = 'pending' AND m.invited_by IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION set_member_status(uuid, uuid, text) IS
    'Lets in who has asked to join, bans a member, or lifts every ban from the space; by moderators. status: active or banned. A ban is a sanction, space_ban, without an end: it can be appealed and reversed as any. Owners and moderators are demoted first. Returns whether it changed anything. Volatile. Errors: 22023, 42501 not a moderator. Example: SELECT set_member_status(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'', ''active'')';
GRANT EXECUTE ON FUNCTION set_member_status(uuid, uuid, text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION set_member_role(space_id uuid, profile_id uuid, role text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM @schema@.require_owner(set_member_role.space_id, 'give roles');
    UPDATE @schema@.space_members m SET role = set_member_role.role
    WHERE m.space_id = set_member_role.space_id AND m.profile_id = set_member_role.profile_id
      AND m.role <> set_member_role.role;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION set_member_role(uuid, uuid, text) IS
    'Makes an active member an owner, a moderator or a member again; by owners. Returns whether it changed anything. Volatile. Errors: 23514 no such role, a member who is not active, or the last owner; 42501 not an owner. Example: SELECT set_member_role(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'', ''moderator'')';
GRANT EXECUTE ON FUNCTION set_member_role(uuid, uuid, text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION leave_space(space_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A ban outlasts leaving.
    DELETE FROM @schema@.space_members m
    WHERE m.space_id = leave_space.space_id AND m.profile_id = auth.uid() AND m.status <> 'banned';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION leave_space(uuid) IS
    'Ends one''s membership, request or invitation. Returns whether there was one. Volatile. Errors: 23514 the last owner. Example: SELECT leave_space(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION leave_space(uuid) TO authenticated;

CREATE OR REPLACE FUNCTION remove_member(space_id uuid, profile_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_moderator(remove_member.space_id, 'remove a member');
    DELETE FROM @schema@.space_members m
    WHERE m.space_id = remove_member.space_id AND m.profile_id = remove_member.profile_id
      AND m.role = 'member' AND m.status <> 'banned';
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION remove_member(uuid, uuid) IS
    'Ends a member''s membership, declines a request or takes an invitation back; by moderators. Owners and moderators are demoted first. Returns whether there was one. Volatile. Errors: 42501 not a moderator. Example: SELECT remove_member(''0199a7c2-0000-7000-8000-000000000001'', ''0199a7c2-0000-7000-8000-000000000002'')';
GRANT EXECUTE ON FUNCTION remove_member(uuid, uuid) TO authenticated, service_role;
