-- What a member shows of themself, and the directory of those who agreed to be in one.

CREATE TABLE community_profiles (
    id                  uuid        NOT NULL DEFAULT gen_random_uuid(),
    user_id             uuid        NOT NULL,
    display_name        text        NOT NULL,
    bio                 text        NOT NULL DEFAULT '',
    avatar_url          text,
    stage               text,
    industry            text,
    achievements        text[]      NOT NULL DEFAULT '{}',
    visibility_settings jsonb       NOT NULL DEFAULT '{"show_name":true,"show_stage":true,"show_industry":true,"show_bio":true,"show_achievements":true}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT community_profiles_pkey PRIMARY KEY (id),
    CONSTRAINT community_profiles_user_id_key UNIQUE (user_id),
    CONSTRAINT community_profiles_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT community_profiles_display_name_check
        CHECK (display_name ~ '@visible@' AND char_length(display_name) <= 100),
    CONSTRAINT community_profiles_bio_check CHECK (char_length(bio) <= 5000),
    CONSTRAINT community_profiles_visibility_settings_check
        CHECK (jsonb_typeof(visibility_settings) = 'object')
);
COMMENT ON TABLE community_profiles IS
    'What a founder tells the community (phase 48). Any signed-in user can read it; community_directory is the filtered view.';
COMMENT ON COLUMN community_profiles.display_name IS
    'At most 100 characters, one of which at least can be seen.';
COMMENT ON COLUMN community_profiles.bio IS 'At most 5,000 characters.';
COMMENT ON COLUMN community_profiles.visibility_settings IS
    'show_name, show_stage, show_industry, show_bio, show_achievements: only what is true is shown in the directory.';

CREATE POLICY community_profiles_select_authenticated ON community_profiles
    FOR SELECT TO authenticated USING ((SELECT auth.uid()) IS NOT NULL);
CREATE POLICY community_profiles_insert_own ON community_profiles
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY community_profiles_update_own ON community_profiles
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY community_profiles_delete_own ON community_profiles
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
GRANT INSERT (user_id, display_name, bio, avatar_url, stage, industry, achievements, visibility_settings),
      UPDATE (user_id, display_name, bio, avatar_url, stage, industry, achievements, visibility_settings)
    ON community_profiles TO authenticated;

-- Tells no more than the directory itself shows, so every signed-in user may call it.
CREATE OR REPLACE FUNCTION directory_members() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.user_id FROM @schema@.community_profiles p
    WHERE (SELECT @schema@.caller_is_known())
      AND p.user_id IN (SELECT @schema@.members_with_consent('directory'));
$$;
COMMENT ON FUNCTION directory_members() IS
    'The users in the directory: those with a community profile and consent of category directory; none for a request without a person. Stable. Example: SELECT count(*) FROM directory_members()';
GRANT EXECUTE ON FUNCTION directory_members() TO authenticated, service_role;

CREATE OR REPLACE VIEW community_directory WITH (security_barrier, security_invoker) AS
SELECT p.user_id,
       CASE WHEN p.visibility_settings @> '{"show_name": true}' THEN p.display_name END AS display_name,
       CASE WHEN p.visibility_settings @> '{"show_name": true}' THEN p.avatar_url END AS avatar_url,
       CASE WHEN p.visibility_settings @> '{"show_stage": true}' THEN p.stage END AS stage,
       CASE WHEN p.visibility_settings @> '{"show_industry": true}' THEN p.industry END AS industry,
       CASE WHEN p.visibility_settings @> '{"show_bio": true}' THEN p.bio END AS bio,
       CASE WHEN p.visibility_settings @> '{"show_achievements": true}' THEN p.achievements END AS achievements
FROM community_profiles p
WHERE p.user_id IN (SELECT directory_members());
COMMENT ON VIEW community_directory IS
    'The members who agreed to be in the directory, and of each what visibility_settings allows; NULL is what they do not show. A picture is shown with the name.';
GRANT SELECT ON community_directory TO authenticated, service_role;
