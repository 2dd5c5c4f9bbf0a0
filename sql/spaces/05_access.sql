-- Who may read, write, moderate and own where. Every policy asks these functions, once per query; in
-- PL/pgSQL, because it keeps its plans: SQL would plan anew each time. What every reader of content is asked is
-- planned with the query, in views and in SQL: a call of a function costs more than what it would look up.

-- A view, because it is planned with the query that asks: it looks up a person's sanctions, not all.
CREATE OR REPLACE VIEW active_sanctions WITH (security_invoker = true) AS
SELECT s.id, s.space_id, s.profile_id, s.type, s.target_type, s.target_id, s.expires_at
FROM sanctions s
WHERE s.status IN ('active', 'appealed') AND (s.expires_at IS NULL OR s.expires_at > now())
  -- A ban of somebody who was deleted is a ban of nobody.
  AND num_nonnulls(s.profile_id, s.target_id) > 0;
COMMENT ON VIEW active_sanctions IS
    'The sanctions that hold now: neither reversed nor expired. For functions and service_role.';
GRANT SELECT ON active_sanctions TO service_role;

CREATE OR REPLACE FUNCTION is_site_banned() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM @schema@.active_sanctions s
                   WHERE s.profile_id = auth.uid() AND s.type = 'site_ban');
END;
$$;
COMMENT ON FUNCTION is_site_banned() IS
    'Whether the person who is asking is banned from writing anything anywhere. Stable. Example: SELECT is_site_banned()';
GRANT EXECUTE ON FUNCTION is_site_banned() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION visible_space_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.id FROM @schema@.spaces s WHERE s.visibility <> 'private' OR (SELECT @schema@.is_staff())
    UNION ALL
    SELECT m.space_id FROM @schema@.space_members m
    WHERE m.profile_id = (SELECT auth.uid()) AND (m.status <> 'banned' OR m.banned_until <= pg_catalog.now());
END;
$$;
COMMENT ON FUNCTION visible_space_ids() IS
    'The spaces the caller may know of: all that are not private, and one''s own. Stable. Example: SELECT count(*) FROM visible_space_ids()';
GRANT EXECUTE ON FUNCTION visible_space_ids() TO anon, authenticated, service_role;

-- With the owner's rights: what it shows of space_members is the caller's own.
CREATE OR REPLACE VIEW own_memberships WITH (security_barrier = true) AS
SELECT m.space_id, m.role
FROM space_members m
WHERE m.profile_id = auth.uid() AND (m.status = 'active' OR m.banned_until <= now());
COMMENT ON VIEW own_memberships IS 'The spaces of which the caller is an active member, and as what.';
GRANT SELECT ON own_memberships TO service_role;

-- In SQL and with the caller's rights, because then it is put in place of its call.
CREATE OR REPLACE FUNCTION is_active_member(space uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT community_core.is_active_member($name$@schema@.space_members$name$, space)
$$;
COMMENT ON FUNCTION is_active_member(uuid) IS
    'Whether the caller is seen to be an active member of a space: the quick way, for every row of a feed, to say yes. The whole rule is readable_space_ids(). NULL gives NULL. Stable. Example: SELECT is_active_member(id) FROM spaces';
GRANT EXECUTE ON FUNCTION is_active_member(uuid) TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION readable_space_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.id FROM @schema@.spaces s WHERE s.visibility = 'public' OR (SELECT @schema@.is_staff())
    UNION ALL
    SELECT m.space_id FROM @schema@.own_memberships m;
END;
$$;
COMMENT ON FUNCTION readable_space_ids() IS
    'The spaces whose content the caller may read: public ones, and those the caller is an active member of, or all as staff of the site. Stable. Example: SELECT count(*) FROM readable_space_ids()';
GRANT EXECUTE ON FUNCTION readable_space_ids() TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION writable_space_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT m.space_id FROM @schema@.own_memberships m
    WHERE NOT EXISTS (SELECT FROM @schema@.active_sanctions s
                      WHERE s.profile_id = (SELECT auth.uid())
                        AND (s.type = 'site_ban' OR (s.type = 'space_ban' AND s.space_id = m.space_id)));
END;
$$;
COMMENT ON FUNCTION writable_space_ids() IS
    'The spaces the caller may write in now: an active member who is not banned there or everywhere. Stable. Example: SELECT count(*) FROM writable_space_ids()';
GRANT EXECUTE ON FUNCTION writable_space_ids() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION moderated_space_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT m.space_id FROM @schema@.space_members m
    WHERE m.profile_id = (SELECT auth.uid()) AND m.role IN ('owner', 'moderator') AND NOT (SELECT @schema@.is_site_banned())
    UNION ALL
    SELECT s.id FROM @schema@.spaces s WHERE (SELECT @schema@.is_staff());
END;
$$;
COMMENT ON FUNCTION moderated_space_ids() IS
    'The spaces the caller moderates: as owner or moderator, or all as staff of the site. Stable. Example: SELECT count(*) FROM moderated_space_ids()';
GRANT EXECUTE ON FUNCTION moderated_space_ids() TO authenticated, service_role;

CREATE OR REPLACE FUNCTION owned_space_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT m.space_id FROM @schema@.space_members m
    WHERE m.profile_id = (SELECT auth.uid()) AND m.role = 'owner' AND NOT (SELECT @schema@.is_site_banned())
    UNION ALL
    SELECT s.id FROM @schema@.spaces s WHERE (SELECT @schema@.is_staff());
END;
$$;
COMMENT ON FUNCTION owned_space_ids() IS
    'The spaces the caller owns, or all as staff of the site. Stable. Example: SELECT count(*) FROM owned_space_ids()';
GRANT EXECUTE ON FUNCTION owned_space_ids() TO authenticated, service_role;

-- With the owner's rights: who is shadow-banned is what every reader has to be asked about, and no more is shown.
CREATE OR REPLACE VIEW shadow_bans WITH (security_barrier = true) AS
SELECT s.profile_id AS author_id, s.space_id
FROM sanctions s
WHERE s.type = 'shadow_ban' AND s.status IN ('active', 'appealed') AND (s.expires_at IS NULL OR s.expires_at > now())
  AND s.profile_id IS DISTINCT FROM auth.uid() AND s.profile_id IS NOT NULL;
COMMENT ON VIEW shadow_bans IS
    'Who is shadow-banned now, and in which space (NULL: everywhere), but for the caller, who is not told.';
GRANT SELECT ON shadow_bans TO anon, authenticated, service_role;

-- Policies on what people write ask first, once per query, whether the author is shadow-banned anywhere, and only then:
CREATE OR REPLACE FUNCTION is_hidden(author_id uuid, space_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM @schema@.shadow_bans b
                   WHERE b.author_id = is_hidden.author_id
                     AND (b.space_id IS NULL OR b.space_id = is_hidden.space_id))
       AND is_hidden.space_id <> ALL (ARRAY(SELECT @schema@.moderated_space_ids()));
END;
$$;
COMMENT ON FUNCTION is_hidden(uuid, uuid) IS
    'Whether the caller does not see what an author writes in a space: of the shadow-banned, unless the caller is that person or moderates the space. NULL gives false. Stable. Example: SELECT is_hidden(author_id, space_id) FROM posts LIMIT 1';
GRANT EXECUTE ON FUNCTION is_hidden(uuid, uuid) TO anon, authenticated, service_role;
