-- Who is asking: a guest, a member, or staff. Every rule that depends on it asks here.

-- Inside a SECURITY DEFINER function current_user is the module's owner; who called is in the
-- setting role, which such a function cannot change, and without SET ROLE it is who logged in.
CREATE OR REPLACE FUNCTION is_staff() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.pg_has_role(caller, 'service_role', 'USAGE')
        OR pg_catalog.pg_has_role(caller, current_user, 'USAGE')
        OR (auth.uid() IS NOT NULL
            AND coalesce(auth.jwt() #> '{app_metadata,staff}'
                         @> pg_catalog.to_jsonb((pg_catalog.parse_ident($name$@schema@$name$))[1]), false))
    FROM (SELECT coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user) AS caller) AS c;
$$;
COMMENT ON FUNCTION is_staff() IS
    'Whether staff of this community is asking: service_role, the owner of the module, or a person whose token names this schema in app_metadata.staff. Stable. Example: SELECT is_staff()';
GRANT EXECUTE ON FUNCTION is_staff() TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION is_member() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT auth.uid() IS NOT NULL OR @schema@.is_staff();
$$;
COMMENT ON FUNCTION is_member() IS
    'Whether a member is asking: anybody signed in, and staff. A guest is who is not. Stable. Example: SELECT is_member()';
GRANT EXECUTE ON FUNCTION is_member() TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION require_staff(deed text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT @schema@.is_staff() THEN
        RAISE EXCEPTION 'only staff may %', deed
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Staff is the service role, and whoever''s token names this schema in app_metadata.staff.';
    END IF;
END;
$$;
COMMENT ON FUNCTION require_staff(text) IS
    'Raises 42501 unless staff is asking. deed: what they wanted to do. For other functions.';

CREATE OR REPLACE FUNCTION require_user() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF auth.uid() IS NULL THEN
        RAISE EXCEPTION 'nobody is signed in'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Sign in: this is done by a person for themself.';
    END IF;
    RETURN auth.uid();
END;
$$;
COMMENT ON FUNCTION require_user() IS
    'The person who is asking; raises 42501 where nobody is signed in. For other functions.';
