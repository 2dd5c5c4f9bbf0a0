-- What members think of a resource, from one to five, once each.

CREATE TABLE resource_ratings (
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    resource_id uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    rating      integer     NOT NULL,
    review      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT resource_ratings_pkey PRIMARY KEY (id),
    CONSTRAINT resource_ratings_resource_id_user_id_key UNIQUE (resource_id, user_id),
    CONSTRAINT resource_ratings_resource_id_fkey
        FOREIGN KEY (resource_id) REFERENCES community_resources (id) ON DELETE CASCADE,
    CONSTRAINT resource_ratings_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT resource_ratings_rating_check CHECK (rating >= 1 AND rating <= 5),
    CONSTRAINT resource_ratings_review_check CHECK (char_length(review) <= 10000)
);
COMMENT ON TABLE resource_ratings IS
    'A member''s rating of a resource, and a review. Seen by members while the resource is listed.';
COMMENT ON COLUMN resource_ratings.rating IS '1 to 5.';
COMMENT ON COLUMN resource_ratings.review IS 'At most 10,000 characters.';
CREATE INDEX idx_resource_ratings_user ON resource_ratings (user_id);

CREATE POLICY resource_ratings_select_member ON resource_ratings
    FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid())
           OR ((SELECT is_member())
               AND (SELECT true FROM community_resources r WHERE r.id = resource_id)));
CREATE POLICY resource_ratings_insert_own ON resource_ratings
    FOR INSERT TO authenticated
    WITH CHECK (user_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM community_resources r WHERE r.id = resource_id));
CREATE POLICY resource_ratings_update_own ON resource_ratings
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid()))
    WITH CHECK (user_id = (SELECT auth.uid())
                AND EXISTS (SELECT FROM community_resources r WHERE r.id = resource_id));
CREATE POLICY resource_ratings_delete_own ON resource_ratings
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
-- The key columns too: a client's upsert sets every column it sends.
GRANT INSERT (id, resource_id, user_id, rating, review),
      UPDATE (resource_id, user_id, rating, review)
    ON resource_ratings TO authenticated;

SELECT community_core.create_average('resource_ratings', 'resource_id', 'rating',
                                     'community_resources', 'rating', empty => 'default');
