-- What a person set for himself.

CREATE TABLE user_preferences (
    user_id          uuid        NOT NULL,
    theme_preference text        NOT NULL DEFAULT 'system',
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_preferences_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES profiles (id) ON DELETE CASCADE,
    CONSTRAINT user_preferences_theme_preference_check
        CHECK (theme_preference IN ('light', 'dark', 'system'))
);
COMMENT ON TABLE user_preferences IS 'Settings of one person, seen and written by that person alone.';

CREATE POLICY user_preferences_select_own ON user_preferences
    FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY user_preferences_insert_own ON user_preferences
    FOR INSERT TO authenticated WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY user_preferences_update_own ON user_preferences
    FOR UPDATE TO authenticated
    USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
CREATE POLICY user_preferences_delete_own ON user_preferences
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));
GRANT INSERT (user_id, theme_preference), UPDATE (theme_preference) ON user_preferences TO authenticated;
