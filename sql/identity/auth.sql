-- Supabase's schema auth, as far as the modules use it: who there is, and who is asking.
COMMENT ON SCHEMA @schema@ IS 'Who there is and who is asking, by the conventions of Supabase and PostgREST.';

CREATE TABLE users (
    id                 uuid        NOT NULL DEFAULT gen_random_uuid(),
    email              text,
    raw_user_meta_data jsonb       NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE users IS 'One row per person who can sign in. Deleting it deletes the person''s data everywhere.';
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- The bodies are text, so that DROP EXTENSION CASCADE leaves these functions, and the policies that
-- call them, in place: without the extension they refuse, with it back they work.
-- SQL without settings of its own, as Supabase's are, which Postgres puts in place of the call: every policy asks, and
-- a call would cost more than the answer. Each name says its schema, so that no search_path matters.
CREATE OR REPLACE FUNCTION jwt() RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT community_core.request_claims() $$;
COMMENT ON FUNCTION jwt() IS 'The claims of the request; an empty object where there are none or they are malformed.';

CREATE OR REPLACE FUNCTION uid() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT community_core.request_user() $$;
COMMENT ON FUNCTION uid() IS 'The person who is asking, from the claim sub; NULL for an anonymous or malformed request.';

CREATE OR REPLACE FUNCTION role() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT community_core.request_claims() OPERATOR(pg_catalog.->>) 'role' $$;
COMMENT ON FUNCTION role() IS 'The role the request asks for, from the claim role; NULL where there is none.';

GRANT EXECUTE ON FUNCTION jwt(), uid(), role() TO anon, authenticated, service_role;
