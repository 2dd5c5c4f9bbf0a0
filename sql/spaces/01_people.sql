-- Who there is, and whether staff of the whole site is asking. A table `profiles` that is there
-- already is adopted with its rows and its own columns.

CREATE TABLE profiles (
    id           uuid        NOT NULL,
    display_name @type_of:profiles.display_name:text@,
    created_at   @type_of:profiles.created_at:timestamptz@ DEFAULT now(),
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users (id) ON DELETE CASCADE
);
COMMENT ON TABLE profiles IS 'The people of the spaces, one row per user. Everybody signed in sees who there is.';
COMMENT ON COLUMN profiles.id IS 'The user, as in auth.users.';

CREATE POLICY profiles_select_signed_in ON profiles
    FOR SELECT TO authenticated USING ((SELECT auth.uid()) IS NOT NULL);
CREATE POLICY profiles_insert_own ON profiles
    FOR INSERT TO authenticated WITH CHECK (id = (SELECT auth.uid()));
CREATE POLICY profiles_update_own ON profiles
    FOR UPDATE TO authenticated USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()));
GRANT INSERT (id, display_name), UPDATE (display_name) ON profiles TO authenticated;

-- Inside a SECURITY DEFINER function current_user is the module's owner; who called is in the
-- setting role, which such a function cannot change, and without SET ROLE it is who logged in.
CREATE OR REPLACE FUNCTION is_staff() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    caller CONSTANT name := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
    RETURN pg_has_role(caller, 'service_role', 'USAGE')
        OR pg_has_role(caller, current_user, 'USAGE')
        OR (coalesce(auth.jwt() #> '{app_metadata,staff}'
                     @> to_jsonb((parse_ident($name$@schema@$name$))[1]), false)
            AND auth.uid() IS NOT NULL);
END;
$$;
COMMENT ON FUNCTION is_staff() IS
    'Whether staff of the whole site is asking: service_role, the owner of the module, or a person whose token names this schema in app_metadata.staff. Stable. Example: SELECT is_staff()';
GRANT EXECUTE ON FUNCTION is_staff() TO anon, authenticated, service_role;

-- The text of a function does not tie the column that it fills to the extension.
CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN community_core.uuid_v7();
END;
$$;
COMMENT ON FUNCTION uuid_v7() IS
    'A new time-ordered id (RFC 9562, version 7), for tables that are read in the order of time. Volatile. Example: SELECT uuid_v7()';
GRANT EXECUTE ON FUNCTION uuid_v7() TO authenticated, service_role;
