-- A community below another is a subcommunity. It can have sponsors, whom the administration manages.

ALTER TABLE communities ADD COLUMN parent_community_id uuid
    CONSTRAINT communities_parent_community_id_fkey REFERENCES communities (id) ON DELETE CASCADE;
ALTER TABLE communities ADD COLUMN is_sponsored boolean NOT NULL DEFAULT false;
ALTER TABLE communities ADD COLUMN tier_required integer NOT NULL DEFAULT 0;
ALTER TABLE communities ADD CONSTRAINT communities_parent_is_another_check
    CHECK (parent_community_id <> id);
COMMENT ON COLUMN communities.parent_community_id IS
    'The community this one is part of; NULL at the top. Never itself nor one below it.';
COMMENT ON COLUMN communities.tier_required IS 'The tier a member needs: 0 Free, 1 Pro, 2 Studio.';
CREATE INDEX idx_communities_parent ON communities (parent_community_id)
    WHERE parent_community_id IS NOT NULL;

-- FOR SHARE makes every ancestor stand still until this move is committed: of two moves that would
-- close a circle together, the second waits and then sees it, or is told to try again.
CREATE OR REPLACE FUNCTION refuse_community_circle() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ancestor uuid := NEW.parent_community_id;
    seen     uuid[] := '{}';
BEGIN
    WHILE ancestor IS NOT NULL AND ancestor <> ALL (seen) LOOP
        IF ancestor = NEW.id THEN
            RAISE EXCEPTION 'community % cannot be below community %, which is itself below it',
                NEW.id, NEW.parent_community_id
                USING ERRCODE = 'check_violation',
                      HINT = 'Give a parent that is neither the community itself nor one of its subcommunities.',
                      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'parent_community_id';
        END IF;
        seen := seen || ancestor;
        SELECT c.parent_community_id INTO ancestor
        FROM @schema@.communities c WHERE c.id = ancestor FOR SHARE;
    END LOOP;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION refuse_community_circle() IS
    'Trigger: a community''s parent is not one of its descendants (23514).';
CREATE OR REPLACE TRIGGER communities_refuse_circle
    BEFORE INSERT OR UPDATE OF id, parent_community_id ON communities
    FOR EACH ROW WHEN (NEW.parent_community_id IS NOT NULL)
    EXECUTE FUNCTION refuse_community_circle();

CREATE TABLE subcommunity_sponsors (
    id               uuid        NOT NULL DEFAULT gen_random_uuid(),
    community_id     uuid        NOT NULL,
    sponsor_user_id  uuid,
    sponsor_name     text        NOT NULL,
    sponsor_logo_url text,
    sponsor_url      text,
    is_featured      boolean     NOT NULL DEFAULT false,
    started_at       timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz,
    is_active        boolean     NOT NULL DEFAULT true,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subcommunity_sponsors_pkey PRIMARY KEY (id),
    CONSTRAINT subcommunity_sponsors_community_id_sponsor_user_id_key
        UNIQUE (community_id, sponsor_user_id),
    CONSTRAINT subcommunity_sponsors_community_id_fkey
        FOREIGN KEY (community_id) REFERENCES communities (id) ON DELETE CASCADE,
    CONSTRAINT subcommunity_sponsors_sponsor_user_id_fkey
        FOREIGN KEY (sponsor_user_id) REFERENCES auth.users (id) ON DELETE SET NULL,
    CONSTRAINT subcommunity_sponsors_sponsor_name_check
        CHECK (sponsor_name ~ '@visible@' AND char_length(sponsor_name) <= 200),
    CONSTRAINT subcommunity_sponsors_period_check CHECK (expires_at > started_at)
);
COMMENT ON TABLE subcommunity_sponsors IS
    'Who sponsors a subcommunity, from when until when (phase 53). Managed by the service role.';
COMMENT ON COLUMN subcommunity_sponsors.sponsor_user_id IS
    'The sponsor''s user, if there is one; a sponsorship outlives it.';
CREATE INDEX subcommunity_sponsors_sponsor_user_id_idx ON subcommunity_sponsors (sponsor_user_id);

CREATE POLICY subcommunity_sponsors_select_authenticated ON subcommunity_sponsors
    FOR SELECT TO authenticated USING ((SELECT auth.uid()) IS NOT NULL);
