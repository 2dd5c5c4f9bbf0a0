-- Resources to download. Everybody sees what there is; where the file lies is for members, so app
-- roles have no right to the column and read it through a view.

CREATE TABLE community_resources (
    id             uuid         NOT NULL DEFAULT gen_random_uuid(),
    title          text         NOT NULL,
    description    text         NOT NULL,
    type           text         NOT NULL,
    category       text         NOT NULL,
    access         text         NOT NULL DEFAULT 'free',
    file_url       text,
    file_size      text,
    format         text         NOT NULL,
    difficulty     text,
    tags           text[],
    download_count integer      NOT NULL DEFAULT 0,
    rating         numeric(3,2) NOT NULL DEFAULT 0.0,
    is_popular     boolean      NOT NULL DEFAULT false,
    is_new         boolean      NOT NULL DEFAULT false,
    created_at     timestamptz  NOT NULL DEFAULT now(),
    updated_at     timestamptz  NOT NULL DEFAULT now(),
    published_at   timestamptz,
    deleted_at     timestamptz,
    search         tsvector     GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.english', title), 'A')
        || setweight(to_tsvector('pg_catalog.english', description), 'B')) STORED,
    CONSTRAINT community_resources_pkey PRIMARY KEY (id),
    CONSTRAINT community_resources_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 300),
    CONSTRAINT community_resources_description_check
        CHECK (description ~ '@visible@' AND char_length(description) <= 100000),
    CONSTRAINT community_resources_type_check
        CHECK (type IN ('template', 'guide', 'checklist', 'video', 'course', 'tool')),
    CONSTRAINT community_resources_category_check
        CHECK (category IN ('client-acquisition', 'development', 'business', 'templates', 'marketing')),
    CONSTRAINT community_resources_access_check CHECK (access IN ('free', 'member-only')),
    CONSTRAINT community_resources_difficulty_check
        CHECK (difficulty IN ('beginner', 'intermediate', 'advanced'))
);
COMMENT ON TABLE community_resources IS
    'Templates, guides, tools and the like. Managed by the service role; listed for everybody once published.';
COMMENT ON COLUMN community_resources.access IS
    'free: a guest may download it for an email address; member-only: members alone.';
COMMENT ON COLUMN community_resources.file_url IS
    'Where the file lies. App roles read it in resource_catalog, as members, or by download_resource.';
COMMENT ON COLUMN community_resources.download_count IS 'Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN community_resources.rating IS
    'Average of the ratings, to two decimals; 0 without any. Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN community_resources.is_popular IS 'As of the last refresh_resource_flags().';
COMMENT ON COLUMN community_resources.is_new IS 'As of the last refresh_resource_flags().';
COMMENT ON COLUMN community_resources.published_at IS 'From when on it is listed; NULL: it is not.';
COMMENT ON COLUMN community_resources.deleted_at IS
    'Set by soft_delete_resource, taken back by restore_resource; then only service_role sees the resource.';
COMMENT ON COLUMN community_resources.search IS 'The words of title and description, for search_resources.';
CREATE INDEX idx_resources_category ON community_resources (category);
CREATE INDEX idx_resources_type ON community_resources (type);
CREATE INDEX idx_resources_access ON community_resources (access);
CREATE INDEX idx_resources_popular ON community_resources (is_popular);
CREATE INDEX idx_resources_new ON community_resources (is_new);
CREATE INDEX idx_resources_rating ON community_resources (rating DESC);
CREATE INDEX idx_resources_downloads ON community_resources (download_count DESC);
CREATE INDEX community_resources_search_idx ON community_resources USING gin (search);

CREATE POLICY community_resources_select_anybody ON community_resources
    FOR SELECT TO anon, authenticated
    USING (deleted_at IS NULL AND published_at <= (SELECT now()));
GRANT SELECT (id, title, description, type, category, access, file_size, format, difficulty, tags,
              download_count, rating, is_popular, is_new, created_at, updated_at, published_at, deleted_at)
    ON community_resources TO anon, authenticated;

-- As its owner, who may read file_url; hence it says again what the policy says.
CREATE OR REPLACE VIEW resource_catalog WITH (security_barrier) AS
SELECT r.id, r.title, r.description, r.type, r.category, r.access,
       CASE WHEN (SELECT is_member()) THEN r.file_url END AS file_url,
       r.file_size, r.format, r.difficulty, r.tags, r.download_count, r.rating,
       r.is_popular, r.is_new, r.created_at, r.updated_at, r.published_at
FROM community_resources r
WHERE r.deleted_at IS NULL AND r.published_at <= now();
COMMENT ON VIEW resource_catalog IS
    'The published resources, for everybody; file_url for members, NULL for guests.';
GRANT SELECT ON resource_catalog TO anon, authenticated, service_role;

-- As the owner, so that the text search may use its index.
CREATE OR REPLACE FUNCTION search_resources(query text, page_size integer DEFAULT 20)
RETURNS SETOF resource_catalog
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.* FROM (
        SELECT r.id, pg_catalog.ts_rank(r.search, pg_catalog.websearch_to_tsquery('pg_catalog.english', query)) AS rank
        FROM @schema@.community_resources r
        WHERE r.search @@ pg_catalog.websearch_to_tsquery('pg_catalog.english', query)) AS found
    JOIN @schema@.resource_catalog c ON c.id = found.id
    ORDER BY found.rank DESC, c.published_at DESC, c.id DESC
    LIMIT LEAST(page_size, 100);
$$;
COMMENT ON FUNCTION search_resources(text, integer) IS
    'The published resources that match a query as a search engine takes it ("exact words", or, -without), best first; a word in the title weighs more. page_size: at most 100. NULL query: no rows. Stable. Example: SELECT id, title FROM search_resources(''pricing template'')';
GRANT EXECUTE ON FUNCTION search_resources(text, integer) TO anon, authenticated, service_role;

CREATE OR REPLACE FUNCTION soft_delete_resource(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_staff('delete a resource');
    UPDATE @schema@.community_resources r
    SET deleted_at = pg_catalog.now(), is_popular = false, is_new = false
    WHERE r.id = soft_delete_resource.id AND r.deleted_at IS NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION soft_delete_resource(uuid) IS
    'Takes a resource off the list, its downloads and ratings stay; by staff. Returns whether it was there. Volatile. Errors: 42501 not staff. Example: SELECT soft_delete_resource(''0199a7c2-0000-7000-8000-000000000001'')';

CREATE OR REPLACE FUNCTION restore_resource(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM @schema@.require_staff('restore a resource');
    UPDATE @schema@.community_resources r SET deleted_at = NULL
    WHERE r.id = restore_resource.id AND r.deleted_at IS NOT NULL;
    RETURN FOUND;
END;
$$;
COMMENT ON FUNCTION restore_resource(uuid) IS
    'Brings a deleted resource back on the list; by staff. Its flags come with the next refresh_resource_flags(). Returns whether there was one. Volatile. Errors: 42501 not staff. Example: SELECT restore_resource(''0199a7c2-0000-7000-8000-000000000001'')';
GRANT EXECUTE ON FUNCTION soft_delete_resource(uuid), restore_resource(uuid) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION refresh_resource_flags() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH derived AS (
        SELECT r.id,
               r.deleted_at IS NULL
                   AND r.download_count >= community_core.forum_setting('popular_downloads') AS is_popular,
               r.deleted_at IS NULL AND coalesce(
                   r.published_at <= pg_catalog.now() AND r.published_at > pg_catalog.now()
                       - pg_catalog.make_interval(days => community_core.forum_setting('new_days')), false) AS is_new
        FROM @schema@.community_resources r
    ), changed AS (
        UPDATE @schema@.community_resources r SET is_popular = d.is_popular, is_new = d.is_new
        FROM derived d
        WHERE d.id = r.id AND (r.is_popular, r.is_new) IS DISTINCT FROM (d.is_popular, d.is_new)
        RETURNING 1)
    SELECT count(*) FROM changed;
$$;
COMMENT ON FUNCTION refresh_resource_flags() IS
    'Sets is_popular and is_new by the settings community_core.popular_downloads and community_core.new_days; run it daily. Returns how many resources changed. Volatile. Example: SELECT refresh_resource_flags()';
GRANT EXECUTE ON FUNCTION refresh_resource_flags() TO service_role;
