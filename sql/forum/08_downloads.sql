-- Who downloaded what. The function that records a download is the one that gives the address of the
-- file to a guest, so that there is none without the other.

CREATE TABLE resource_downloads (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    resource_id   uuid        NOT NULL,
    user_id       uuid,
    email         text,
    downloaded_at timestamptz NOT NULL DEFAULT now(),
    ip_address    inet,
    user_agent    text,
    CONSTRAINT resource_downloads_pkey PRIMARY KEY (id),
    CONSTRAINT resource_downloads_resource_id_fkey
        FOREIGN KEY (resource_id) REFERENCES community_resources (id) ON DELETE CASCADE,
    CONSTRAINT resource_downloads_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE SET NULL,
    CONSTRAINT resource_downloads_email_check
        CHECK (email ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' AND email = lower(email) AND char_length(email) <= 254),
    CONSTRAINT resource_downloads_guest_check CHECK (user_id IS NULL OR email IS NULL)
);
COMMENT ON TABLE resource_downloads IS
    'Every download: by a member, or by a guest who left an email address. Members see their own.';
COMMENT ON COLUMN resource_downloads.user_id IS 'The member; NULL for a guest, and once the member is deleted.';
COMMENT ON COLUMN resource_downloads.email IS 'The guest''s address, in lower case; NULL for a member.';
COMMENT ON COLUMN resource_downloads.ip_address IS 'As request_address() tells; goes with the member.';
COMMENT ON COLUMN resource_downloads.user_agent IS 'As the request''s header says; goes with the member.';
CREATE INDEX idx_resource_downloads_resource ON resource_downloads (resource_id);
CREATE INDEX idx_resource_downloads_user ON resource_downloads (user_id);
CREATE INDEX idx_resource_downloads_email ON resource_downloads (email, downloaded_at);
CREATE INDEX idx_resource_downloads_date ON resource_downloads (downloaded_at DESC);
CREATE INDEX resource_downloads_ip_address_idx ON resource_downloads (ip_address, downloaded_at)
    WHERE user_id IS NULL;

CREATE POLICY resource_downloads_select_own ON resource_downloads
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));

SELECT community_core.create_counter('resource_downloads', 'resource_id',
                                     'community_resources', 'download_count');

-- The foreign key only forgets the user.
CREATE OR REPLACE FUNCTION forget_downloader() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.ip_address := NULL;
    NEW.user_agent := NULL;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION forget_downloader() IS
    'Trigger: with a deleted member goes where the download came from; that there was one stays.';
CREATE OR REPLACE TRIGGER resource_downloads_forget_downloader
    BEFORE UPDATE OF user_id ON resource_downloads
    FOR EACH ROW WHEN (OLD.user_id IS NOT NULL AND NEW.user_id IS NULL)
    EXECUTE FUNCTION forget_downloader();

-- PostgREST passes the request's headers as JSON in a setting, which any client of SQL can set to
-- anything. A download must not fail for that, hence OTHERS.
CREATE OR REPLACE FUNCTION request_headers() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(nullif(pg_catalog.current_setting('request.headers', true), '')::jsonb, '{}');
EXCEPTION WHEN OTHERS THEN
    RETURN '{}';
END;
$$;
COMMENT ON FUNCTION request_headers() IS
    'The headers of the request (setting request.headers); an empty object where there are none or they are malformed. Stable.';

-- Each proxy appends the address it was called from, so what stands before the trusted proxies'
-- entries is what the client itself made up.
CREATE OR REPLACE FUNCTION request_address() RETURNS inet
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    proxies CONSTANT integer := community_core.forum_setting('trusted_proxies');
    hops    CONSTANT text[] := pg_catalog.string_to_array(
                         @schema@.request_headers() ->> 'x-forwarded-for', ',');
BEGIN
    IF proxies > 0 AND pg_catalog.cardinality(hops) > 0 THEN
        RETURN pg_catalog.btrim(hops[GREATEST(1, pg_catalog.cardinality(hops) - proxies + 1)])::inet;
    END IF;
    RETURN pg_catalog.inet_client_addr();
EXCEPTION WHEN invalid_text_representation THEN
    RETURN pg_catalog.inet_client_addr();
END;
$$;
COMMENT ON FUNCTION request_address() IS
    'Where the request comes from: in x-forwarded-for the entry that the outermost of community_core.trusted_proxies wrote, else the address of the connection; NULL over a local socket. Stable.';

-- The locks make guests with the same email or address count one after the other. Odd ones are the
-- emails' and are taken first, even ones the addresses': so no two guests wait for each other.
CREATE OR REPLACE FUNCTION limit_guest(email text, address inet) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    family CONSTANT integer := pg_catalog.hashtext($name$@schema@.resource_downloads$name$);
    since  CONSTANT timestamptz := pg_catalog.now() - interval '24 hours';
    -- A household or a phone has 64 bits of IPv6 to itself.
    net    CONSTANT cidr := pg_catalog.network(pg_catalog.set_masklen(
               address, CASE pg_catalog.family(address) WHEN 4 THEN 32 ELSE 64 END));
BEGIN
    -- Its snapshot does not show who was let through while it waited; SERIALIZABLE would find out.
    IF pg_catalog.current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'guests cannot be counted under REPEATABLE READ'
            USING ERRCODE = 'invalid_transaction_state', HINT = 'Use READ COMMITTED or SERIALIZABLE.';
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock(family, pg_catalog.hashtext(limit_guest.email) | 1);
    IF (SELECT count(*) FROM @schema@.resource_downloads d
        WHERE d.email = limit_guest.email AND d.downloaded_at > since)
       >= community_core.forum_setting('downloads_per_email') THEN
        RAISE EXCEPTION 'too many downloads for % within 24 hours', limit_guest.email
            USING ERRCODE = 'configuration_limit_exceeded', HINT = 'Sign in, or try again tomorrow.';
    ELSIF net IS NULL THEN
        RETURN;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock(family, pg_catalog.hashtext(net::text) & -2);
    IF (SELECT count(*) FROM @schema@.resource_downloads d
        WHERE d.user_id IS NULL AND d.ip_address <<= net AND d.downloaded_at > since)
       >= community_core.forum_setting('downloads_per_address') THEN
        RAISE EXCEPTION 'too many downloads from % within 24 hours', net
            USING ERRCODE = 'configuration_limit_exceeded', HINT = 'Sign in, or try again tomorrow.';
    END IF;
END;
$$;
COMMENT ON FUNCTION limit_guest(text, inet) IS
    'Raises 53400 when this email, or this address (an IPv6 /64 counts as one), has had its downloads of the last 24 hours: community_core.downloads_per_email and community_core.downloads_per_address. For download_resource.';

CREATE OR REPLACE FUNCTION download_resource(id uuid, email text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    member   CONSTANT uuid := auth.uid();
    guest    CONSTANT text := CASE WHEN auth.uid() IS NULL THEN pg_catalog.lower(pg_catalog.btrim(email)) END;
    address  CONSTANT inet := @schema@.request_address();
    resource @schema@.community_resources;
BEGIN
    SELECT r.* INTO resource FROM @schema@.community_resources r
    WHERE r.id = download_resource.id AND r.deleted_at IS NULL AND r.published_at <= pg_catalog.now();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no resource %', coalesce(download_resource.id::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'Choose one of resource_catalog.';
    ELSIF resource.access = 'member-only' AND NOT @schema@.is_member() THEN
        RAISE EXCEPTION 'resource "%" is for members', resource.title
            USING ERRCODE = 'insufficient_privilege', HINT = 'Sign in to download it.';
    ELSIF resource.file_url IS NULL THEN
        RAISE EXCEPTION 'resource "%" has no file', resource.title
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Set file_url of the resource.';
    ELSIF member IS NULL AND guest IS NULL THEN
        RAISE EXCEPTION 'a guest downloads for an email address'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an email address, or sign in.';
    END IF;
    IF member IS NULL THEN
        PERFORM @schema@.limit_guest(guest, address);
    END IF;
    INSERT INTO @schema@.resource_downloads (resource_id, user_id, email, ip_address, user_agent)
    VALUES (resource.id, member, guest, address,
            pg_catalog.left(@schema@.request_headers() ->> 'user-agent', 500));
    RETURN resource.file_url;
EXCEPTION WHEN check_violation THEN
    RAISE EXCEPTION '% is no email address', pg_catalog.quote_literal(pg_catalog.left(guest, 254))
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an address like ada@example.org, or sign in.';
END;
$$;
COMMENT ON FUNCTION download_resource(uuid, text) IS
    'Records a download and returns where the file lies. id: a published resource; email: a guest''s address, not looked at where somebody is signed in. Volatile. Errors: 22023 neither signed in nor an email address, 25000 a guest under REPEATABLE READ, 42501 for members, 53400 too many, 55000 no file, P0002 no such resource. Example: SELECT download_resource(''0199a7c2-0000-7000-8000-000000000001'', ''ada@example.org'')';
GRANT EXECUTE ON FUNCTION download_resource(uuid, text) TO anon, authenticated, service_role;
