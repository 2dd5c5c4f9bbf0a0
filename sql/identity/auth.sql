-- Supabase's schema auth, as far as the modules use it: who there is, and who is asking.
CREATE SCHEMA auth;
COMMENT ON SCHEMA auth IS 'Who there is and who is asking, by the conventions of Supabase and PostgREST.';
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;

CREATE TABLE auth.users (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid(),
    email              text,
    raw_user_meta_data jsonb       NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE auth.users IS 'One row per person who can sign in. Deleting it deletes the person''s data everywhere.';
CREATE UNIQUE INDEX users_email_key ON auth.users (lower(email));
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON auth.users FROM PUBLIC, anon, authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.users TO service_role;
CREATE POLICY users_all_service_role ON auth.users FOR ALL TO service_role USING (true) WITH CHECK (true);

-- The bodies are text, so that DROP EXTENSION CASCADE leaves these functions, and the policies that
-- call them, in place: without the extension they refuse, with it back they work.
-- PL/pgSQL, because it keeps its plans: every policy asks, and SQL would plan anew each time.
CREATE FUNCTION auth.jwt() RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN community_core.request_claims(); END $$;
COMMENT ON FUNCTION auth.jwt() IS 'The claims of the request; an empty object where there are none or they are malformed.';

CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN community_core.request_user(); END $$;
COMMENT ON FUNCTION auth.uid() IS 'The person who is asking, from the claim sub; NULL for an anonymous or malformed request.';

CREATE FUNCTION auth.role() RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN community_core.request_claims() ->> 'role'; END $$;
COMMENT ON FUNCTION auth.role() IS 'The role the request asks for, from the claim role; NULL where there is none.';

REVOKE EXECUTE ON FUNCTION auth.jwt(), auth.uid(), auth.role() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.jwt(), auth.uid(), auth.role() TO anon, authenticated, service_role;
