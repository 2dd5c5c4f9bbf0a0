-- How a sanction is imposed on a person, appealed, reversed, and how it ends by itself.

CREATE POLICY sanctions_select_moderators ON sanctions
    FOR SELECT TO authenticated
    -- Whoever is shadow-banned is not told.
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())) OR (SELECT is_staff())
           OR (profile_id = (SELECT auth.uid()) AND type <> 'shadow_ban'));

CREATE OR REPLACE FUNCTION require_authority(space_id uuid, profile_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF profile_id = auth.uid() THEN
        RAISE EXCEPTION 'nobody decides on a sanction against themself'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask another moderator, or appeal_sanction.';
    END IF;
    IF space_id IS NULL AND NOT @schema@.is_staff() THEN
        RAISE EXCEPTION 'only staff of the site can do this'
            USING ERRCODE = 'insufficient_privilege', HINT = 'What concerns the whole site is for its staff.';
    END IF;
    IF space_id IS NOT NULL AND space_id NOT IN (SELECT @schema@.moderated_space_ids()) THEN
        RAISE EXCEPTION 'only a moderator of space % can do this', space_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Report it: a row in reports is for moderators to decide on.';
    END IF;
    IF EXISTS (SELECT FROM @schema@.space_members m
               WHERE m.space_id = require_authority.space_id AND m.profile_id = require_authority.profile_id
                 AND m.role = 'owner')
       AND space_id NOT IN (SELECT @schema@.owned_space_ids()) THEN
        RAISE EXCEPTION '% is an owner of space %', profile_id, space_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'Another owner or staff of the site can do this.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_authority(uuid, uuid) IS
    'Refuses (42501) whoever may not decide on sanctions against a person in a space: themself, who is no moderator there, and over an owner who is none. space_id: NULL for the site. Stable. For the functions of moderation.';

CREATE OR REPLACE FUNCTION sanction(
    profile_id uuid, type text, reason text, space_id uuid DEFAULT NULL, expires_at timestamptz DEFAULT NULL)
RETURNS sanctions
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    imposed @schema@.sanctions;
BEGIN
    -- Held, so that nobody joins or becomes an owner in between.
    PERFORM FROM @schema@.profiles p WHERE p.id = sanction.profile_id FOR NO KEY UPDATE;
    PERFORM FROM @schema@.space_members m
    WHERE m.space_id = sanction.space_id AND m.profile_id = sanction.profile_id FOR NO KEY UPDATE;
    PERFORM @schema@.require_authority(sanction.space_id, sanction.profile_id);
    INSERT INTO @schema@.sanctions AS s (space_id, profile_id, type, reason, expires_at, created_by)
    VALUES (sanction.space_id, sanction.profile_id, sanction.type, sanction.reason, sanction.expires_at, auth.uid())
    RETURNING s.* INTO imposed;
    RETURN imposed;
END;
$$;
COMMENT ON FUNCTION sanction(uuid, text, text, uuid, timestamptz) IS
    'Imposes a sanction on a person: shadow_ban or space_ban in a space, by its moderators; site_ban, and shadow_ban without a space, by staff of the site. reason: the person reads it, but for a shadow_ban; expires_at: NULL for no end. Returns the sanction. Volatile. Errors: 42501 not allowed, against oneself, or against an owner; 23503 no such person or space; 23514 another type, a blank reason, or an end that has passed. Example: SELECT id FROM sanction(''00000000-0000-4000-8000-000000000003'', ''space_ban'', ''Spam'', ''10000000-0000-4000-8000-000000000001'', now() + interval ''7 days'')';
GRANT EXECUTE ON FUNCTION sanction(uuid, text, text, uuid, timestamptz) TO authenticated, service_role;

-- A ban shows in the membership, with its end, which the policies then need not look up.
CREATE OR REPLACE FUNCTION space_ban_until(space_id uuid, profile_id uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT pg_catalog.max(coalesce(s.expires_at, 'infinity')) FROM @schema@.active_sanctions s
            WHERE s.type = 'space_ban' AND s.space_id = space_ban_until.space_id
              AND s.profile_id = space_ban_until.profile_id);
END;
$$;
COMMENT ON FUNCTION space_ban_until(uuid, uuid) IS
    'Until when the sanctions ban a person from a space; infinity: without an end, NULL: they do not. Stable. For triggers of the module.';

CREATE OR REPLACE FUNCTION follow_space_ban() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ban   CONSTANT @schema@.sanctions := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    until timestamptz;
BEGIN
    -- With a space go its sanctions and its members.
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM @schema@.spaces s WHERE s.id = OLD.space_id) THEN
        RETURN NULL;
    END IF;
    PERFORM FROM @schema@.space_members m
    WHERE m.space_id = ban.space_id AND m.profile_id = ban.profile_id FOR NO KEY UPDATE;
    until := @schema@.space_ban_until(ban.space_id, ban.profile_id);
    IF until IS NOT NULL THEN
        -- Who waits to be let in does not have to wait any longer.
        DELETE FROM @schema@.space_members m
        WHERE m.space_id = ban.space_id AND m.profile_id = ban.profile_id AND m.status = 'pending';
        UPDATE @schema@.space_members m
        SET status = 'banned', role = 'member', banned_until = nullif(until, 'infinity')
        WHERE m.space_id = ban.space_id AND m.profile_id = ban.profile_id
          AND (m.status, m.banned_until) IS DISTINCT FROM ('banned', nullif(until, 'infinity'));
    ELSE
        UPDATE @schema@.space_members m SET status = 'active', banned_until = NULL
        WHERE m.space_id = ban.space_id AND m.profile_id = ban.profile_id AND m.status = 'banned';
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_space_ban() IS
    'Trigger: while a space_ban holds the membership is banned, and a role given up; afterwards it is an ordinary active one. A membership that was pending goes.';
CREATE OR REPLACE TRIGGER sanctions_follow_space_ban
    AFTER INSERT OR UPDATE OF status, expires_at ON sanctions FOR EACH ROW
    WHEN (NEW.type = 'space_ban' AND NEW.profile_id IS NOT NULL) EXECUTE FUNCTION follow_space_ban();
CREATE OR REPLACE TRIGGER sanctions_follow_space_ban_on_delete
    AFTER DELETE ON sanctions FOR EACH ROW
    WHEN (OLD.type = 'space_ban' AND OLD.profile_id IS NOT NULL) EXECUTE FUNCTION follow_space_ban();

CREATE OR REPLACE FUNCTION keep_ban() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until CONSTANT timestamptz := @schema@.space_ban_until(NEW.space_id, NEW.profile_id);
BEGIN
    IF until IS NULL THEN
        RAISE EXCEPTION 'no sanction bans % from space %', NEW.profile_id, NEW.space_id
            USING ERRCODE = 'check_violation', HINT = 'Impose a space_ban with sanction: the membership follows it.';
    END IF;
    NEW.banned_until := nullif(until, 'infinity');
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_ban() IS
    'Trigger: a membership is banned as long as the sanctions say, whoever writes it; without one it is not (23514).';
CREATE OR REPLACE TRIGGER space_members_keep_ban
    BEFORE INSERT OR UPDATE OF status, banned_until ON space_members FOR EACH ROW
    WHEN (NEW.status = 'banned') EXECUTE FUNCTION keep_ban();

CREATE OR REPLACE FUNCTION refuse_banned_member() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Whoever imposes a ban at this moment holds the person.
    PERFORM FROM @schema@.profiles p WHERE p.id = NEW.profile_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM @schema@.active_sanctions s
               WHERE s.profile_id = NEW.profile_id
                 AND (s.type = 'site_ban' OR (s.type = 'space_ban' AND s.space_id = NEW.space_id))) THEN
        RAISE EXCEPTION '% is banned from space %', NEW.profile_id, NEW.space_id
            USING ERRCODE = 'insufficient_privilege', HINT = 'A ban ends by itself, or with reverse_sanction.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refuse_banned_member() IS 'Trigger: nobody becomes a member while a ban holds (42501).';
CREATE OR REPLACE TRIGGER space_members_refuse_banned
    BEFORE INSERT ON space_members FOR EACH ROW WHEN (NEW.status <> 'banned') EXECUTE FUNCTION refuse_banned_member();
CREATE OR REPLACE TRIGGER space_members_refuse_banned_again
    BEFORE UPDATE OF status ON space_members FOR EACH ROW
    WHEN (NEW.status <> 'banned' AND OLD.status = 'banned') EXECUTE FUNCTION refuse_banned_member();

CREATE OR REPLACE FUNCTION is_banned_in(space_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM @schema@.active_sanctions s
                   WHERE s.profile_id = auth.uid()
                     AND (s.type = 'site_ban' OR (s.type = 'space_ban' AND s.space_id = is_banned_in.space_id)));
$$;
COMMENT ON FUNCTION is_banned_in(uuid) IS
    'Whether the caller is banned from the space or the site. space_id: NULL asks for the site alone. Stable. Example: SELECT is_banned_in(id) FROM spaces LIMIT 1';
GRANT EXECUTE ON FUNCTION is_banned_in(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION is_shadow_banned(profile_id uuid, space_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM @schema@.active_sanctions s
                   WHERE s.profile_id = is_shadow_banned.profile_id AND s.type = 'shadow_ban'
                     AND (s.space_id IS NULL OR s.space_id = is_shadow_banned.space_id));
END;
$$;
COMMENT ON FUNCTION is_shadow_banned(uuid, uuid) IS
    'Whether what a person does in a space is to be noticed by nobody. space_id: NULL asks for the site alone. Stable. For triggers of the module: nobody else may ask.';

CREATE OR REPLACE FUNCTION lock_sanction(sanction_id uuid) RETURNS sanctions
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_one @schema@.sanctions;
BEGIN
    SELECT s.* INTO found_one FROM @schema@.sanctions s WHERE s.id = sanction_id FOR NO KEY UPDATE;
    IF NOT FOUND OR (found_one.profile_id = auth.uid() AND found_one.type = 'shadow_ban') THEN
        RAISE EXCEPTION 'there is no sanction %', sanction_id
            USING ERRCODE = 'undefined_object', HINT = 'Look at those that concern you in sanctions.';
    END IF;
    IF found_one.ended_at IS NOT NULL OR found_one.expires_at <= pg_catalog.now() THEN
        RAISE EXCEPTION 'sanction % has ended', sanction_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'It has no effect any more.';
    END IF;
    RETURN found_one;
END;
$$;
COMMENT ON FUNCTION lock_sanction(uuid) IS
    'The sanction, locked until the end of the transaction. Volatile. Errors: 42704 none that the caller may know of, 55000 it has ended. For the functions of moderation.';

CREATE OR REPLACE FUNCTION appeal_sanction(sanction_id uuid, appeal text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    appealed @schema@.sanctions;
BEGIN
    IF NOT EXISTS (SELECT FROM @schema@.sanctions s WHERE s.id = sanction_id AND s.profile_id = auth.uid()) THEN
        RAISE EXCEPTION 'there is no sanction % against you', sanction_id
            USING ERRCODE = 'undefined_object', HINT = 'Look at those that concern you in sanctions.';
    END IF;
    appealed := @schema@.lock_sanction(sanction_id);
    IF appealed.appealed_at IS NOT NULL THEN
        RAISE EXCEPTION 'sanction % was appealed already', sanction_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A sanction is appealed once.';
    END IF;
    UPDATE @schema@.sanctions s
    SET status = 'appealed', appeal = appeal_sanction.appeal, appealed_at = pg_catalog.now()
    WHERE s.id = sanction_id;
END;
$$;
COMMENT ON FUNCTION appeal_sanction(uuid, text) IS
    'Says something against a sanction, as the person it is against, once; it holds until a moderator reverses it. Volatile. Errors: 42704 no such sanction, 55000 it has ended or was appealed already, 23514 a blank appeal. Example: SELECT appeal_sanction(id, ''It was a quotation'') FROM sanctions WHERE profile_id = auth.uid() AND status = ''active''';
GRANT EXECUTE ON FUNCTION appeal_sanction(uuid, text) TO authenticated;

CREATE OR REPLACE FUNCTION reverse_sanction(sanction_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    decided CONSTANT @schema@.sanctions := @schema@.lock_sanction(sanction_id);
BEGIN
    PERFORM @schema@.require_authority(decided.space_id, decided.profile_id);
    UPDATE @schema@.sanctions s SET status = 'reversed', ended_by = auth.uid(), ended_at = pg_catalog.now()
    WHERE s.id = sanction_id;
END;
$$;
COMMENT ON FUNCTION reverse_sanction(uuid) IS
    'Takes a sanction back, and what it did with it: by moderators of its space, or staff for one of the site. Volatile. Errors: 42501, 42704 no such sanction, 55000 it has ended. Example: SELECT reverse_sanction(id) FROM sanctions WHERE status = ''appealed''';
GRANT EXECUTE ON FUNCTION reverse_sanction(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION uphold_sanction(sanction_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    decided CONSTANT @schema@.sanctions := @schema@.lock_sanction(sanction_id);
BEGIN
    PERFORM @schema@.require_authority(decided.space_id, decided.profile_id);
    IF decided.status <> 'appealed' THEN
        RAISE EXCEPTION 'sanction % is not appealed', sanction_id
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There is nothing to decide.';
    END IF;
    UPDATE @schema@.sanctions s SET status = 'active' WHERE s.id = sanction_id;
END;
$$;
COMMENT ON FUNCTION uphold_sanction(uuid) IS
    'Turns an appeal down: the sanction stays. By those who may reverse it. Volatile. Errors: 42501, 42704 no such sanction, 55000 it has ended or is not appealed. Example: SELECT uphold_sanction(id) FROM sanctions WHERE status = ''appealed''';
GRANT EXECUTE ON FUNCTION uphold_sanction(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION expire_sanctions() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH ended AS (
        UPDATE @schema@.sanctions s SET status = 'expired', ended_at = pg_catalog.now()
        WHERE s.id IN (SELECT d.id FROM @schema@.sanctions d
                       WHERE d.status IN ('active', 'appealed') AND d.expires_at <= pg_catalog.now()
                       ORDER BY d.id FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM ended;
$$;
COMMENT ON FUNCTION expire_sanctions() IS
    'Puts what has expired into the rows: status expired, content published, memberships active, and so the counters. Who may read and write what does not wait for it. Returns how many. Volatile. Example: SELECT expire_sanctions()';
GRANT EXECUTE ON FUNCTION expire_sanctions() TO service_role;
