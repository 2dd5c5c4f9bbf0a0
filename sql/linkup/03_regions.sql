-- Where people meet, who waits for a region to open, and what there is to do.

CREATE TABLE regions (
    id           uuid         NOT NULL DEFAULT gen_random_uuid(),
    slug         text         NOT NULL,
    display_name text         NOT NULL,
    state        region_state NOT NULL DEFAULT 'waitlisted',
    geometry     jsonb        NOT NULL,
    rules        jsonb        NOT NULL DEFAULT '{}',
    created_at   timestamptz  NOT NULL DEFAULT now(),
    updated_at   timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT regions_pkey PRIMARY KEY (id),
    CONSTRAINT regions_slug_key UNIQUE (slug)
);
COMMENT ON TABLE regions IS 'Where LinkUps take place.';
COMMENT ON COLUMN regions.geometry IS 'Polygon or zip code definitions.';
COMMENT ON COLUMN regions.rules IS 'Border rules, minimum density thresholds.';
CREATE INDEX regions_state_idx ON regions (state);
CREATE POLICY regions_select_all_anon ON regions FOR SELECT TO anon USING (true);
CREATE POLICY regions_select_all_authenticated ON regions FOR SELECT TO authenticated USING (true);

ALTER TABLE users ADD CONSTRAINT users_region_id_fkey
    FOREIGN KEY (region_id) REFERENCES regions (id) ON DELETE SET NULL;

CREATE TABLE region_memberships (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id     uuid        NOT NULL,
    region_id   uuid        NOT NULL,
    status      text        NOT NULL,
    joined_at   timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT region_memberships_pkey PRIMARY KEY (id),
    CONSTRAINT region_memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT region_memberships_region_id_fkey FOREIGN KEY (region_id) REFERENCES regions (id) ON DELETE RESTRICT,
    CONSTRAINT region_memberships_status_check CHECK (status IN ('active', 'waitlisted')),
    CONSTRAINT region_memberships_released_at_check CHECK (released_at >= joined_at)
);
COMMENT ON TABLE region_memberships IS 'A user''s primary region, the ones waited for, and those of the past (released_at).';
-- Past memberships do not count: only so can a user come back.
CREATE UNIQUE INDEX region_membership_one_active ON region_memberships (user_id)
    WHERE status = 'active' AND released_at IS NULL;
CREATE UNIQUE INDEX region_memberships_one_per_region ON region_memberships (user_id, region_id)
    WHERE released_at IS NULL;
CREATE INDEX region_memberships_region_idx ON region_memberships (region_id);
CREATE INDEX region_memberships_user_idx ON region_memberships (user_id);
CREATE POLICY region_memberships_select_own ON region_memberships
    FOR SELECT TO authenticated USING (user_id = (SELECT @schema@.current_user_id()));

CREATE OR REPLACE FUNCTION keep_region_membership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.status = 'active' AND NEW.released_at IS NULL THEN
        PERFORM FROM @schema@.regions r WHERE r.id = NEW.region_id AND r.state = 'open' FOR SHARE;
        IF NOT FOUND AND (TG_OP = 'INSERT' OR OLD.status <> 'active' OR OLD.region_id <> NEW.region_id) THEN
            RAISE EXCEPTION 'region % is not open', NEW.region_id
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Make the membership waitlisted, or open the region.';
        END IF;
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_region_membership() IS
    'Trigger: only an open region takes active members (55000).';
CREATE OR REPLACE TRIGGER region_memberships_keep_open BEFORE INSERT OR UPDATE ON region_memberships
    FOR EACH ROW EXECUTE FUNCTION keep_region_membership();

CREATE OR REPLACE FUNCTION follow_region_membership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.users u SET region_id = m.region_id
    FROM (SELECT (SELECT r.region_id FROM @schema@.region_memberships r
                  WHERE r.user_id = coalesce(NEW.user_id, OLD.user_id)
                    AND r.status = 'active' AND r.released_at IS NULL) AS region_id) m
    WHERE u.id = coalesce(NEW.user_id, OLD.user_id) AND u.region_id IS DISTINCT FROM m.region_id;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION follow_region_membership() IS 'Trigger: users.region_id is the region of the active membership.';
CREATE OR REPLACE TRIGGER region_memberships_follow AFTER INSERT OR UPDATE OR DELETE ON region_memberships
    FOR EACH ROW EXECUTE FUNCTION follow_region_membership();

CREATE TABLE activity_catalogue (
    activity_key text        NOT NULL,
    display_name text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT activity_catalogue_pkey PRIMARY KEY (activity_key),
    CONSTRAINT activity_catalogue_activity_key_check CHECK (activity_key ~ '^[a-z][a-z0-9_]*$')
);
COMMENT ON TABLE activity_catalogue IS 'What there is to do together. A hint for clients; briefs and profiles may name other activities.';
CREATE POLICY activity_catalogue_select_all_anon ON activity_catalogue FOR SELECT TO anon USING (true);
CREATE POLICY activity_catalogue_select_all_authenticated ON activity_catalogue
    FOR SELECT TO authenticated USING (true);

CREATE OR REPLACE FUNCTION seed_linkup_examples() RETURNS TABLE (regions bigint, activities bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH region AS (
        INSERT INTO @schema@.regions (slug, display_name, state, geometry, rules) VALUES
            ('seattle',  'Seattle',  'open',       '{"zips": ["98101", "98102", "98103", "98109", "98122"]}', '{"minimum_density": 50}'),
            ('portland', 'Portland', 'waitlisted', '{"zips": ["97201", "97202", "97209", "97214"]}', '{"minimum_density": 50}'),
            ('boise',    'Boise',    'closed',     '{"zips": ["83702", "83704"]}', '{}')
        ON CONFLICT (slug) DO NOTHING RETURNING 1
    ), activity AS (
        INSERT INTO @schema@.activity_catalogue (activity_key, display_name) VALUES
            ('coffee', 'Coffee'), ('walk', 'A walk'), ('hike', 'A hike'), ('dinner', 'Dinner'),
            ('board_games', 'Board games'), ('museum', 'A museum'), ('live_music', 'Live music'),
            ('climbing', 'Climbing'), ('book_club', 'A book club'), ('cooking', 'Cooking together')
        ON CONFLICT (activity_key) DO NOTHING RETURNING 1
    )
    SELECT (SELECT pg_catalog.count(*) FROM region), (SELECT pg_catalog.count(*) FROM activity)
$$;
COMMENT ON FUNCTION seed_linkup_examples() IS
    'Adds example regions and the activity catalogue, where they are not there already. Returns how many it added. Volatile. Example: SELECT * FROM seed_linkup_examples()';
GRANT EXECUTE ON FUNCTION seed_linkup_examples() TO service_role;
