-- What founders offer to help others with.

CREATE TABLE expert_listings (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id        uuid        NOT NULL,
    expertise_type text        NOT NULL,
    title          text        NOT NULL,
    description    text        NOT NULL,
    is_active      boolean     NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT expert_listings_pkey PRIMARY KEY (id),
    CONSTRAINT expert_listings_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT expert_listings_expertise_type_check CHECK (expertise_type IN
        ('design_review', 'tech_architecture', 'gtm_strategy', 'fundraising', 'legal', 'other')),
    CONSTRAINT expert_listings_title_check CHECK (title ~ '@visible@' AND char_length(title) <= 200),
    CONSTRAINT expert_listings_description_check
        CHECK (description ~ '@visible@' AND char_length(description) <= 10000)
);
COMMENT ON TABLE expert_listings IS 'What a founder offers to help with (phase 51). Any signed-in user can read it.';
COMMENT ON COLUMN expert_listings.title IS 'Not blank, at most 200 characters.';
COMMENT ON COLUMN expert_listings.description IS 'Not blank, at most 10,000 characters.';
CREATE INDEX expert_listings_user_id_idx ON expert_listings (user_id);
CREATE INDEX expert_listings_expertise_type_created_at_idx
    ON expert_listings (expertise_type, created_at DESC) WHERE is_active;

CREATE POLICY expert_listings_select_authenticated ON expert_listings
    FOR SELECT TO authenticated USING ((SELECT auth.uid()) IS NOT NULL);
CREATE POLICY expert_listings_insert_own ON expert_listings
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY expert_listings_update_own ON expert_listings
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY expert_listings_delete_own ON expert_listings
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
GRANT INSERT (id, user_id, expertise_type, title, description, is_active),
      UPDATE (expertise_type, title, description, is_active)
    ON expert_listings TO authenticated;
