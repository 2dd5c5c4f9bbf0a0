-- What a space's moderators lay down as a list: rules, flairs, templates, hints for automation.

CREATE TABLE space_rules (
    id       uuid    NOT NULL DEFAULT gen_random_uuid(),
    space_id uuid    NOT NULL,
    type     text    NOT NULL,
    value    jsonb   NOT NULL,
    position integer NOT NULL,
    CONSTRAINT space_rules_pkey PRIMARY KEY (id),
    CONSTRAINT space_rules_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    -- Deferred, so that one statement can exchange two.
    CONSTRAINT space_rules_space_id_type_position_key UNIQUE (space_id, type, position) DEFERRABLE,
    CONSTRAINT space_rules_type_check CHECK (type IN ('rule', 'flair', 'template', 'automod')),
    CONSTRAINT space_rules_position_check CHECK (position > 0)
);
COMMENT ON TABLE space_rules IS
    'The rules, flairs and templates of a space in their order, read by whoever sees the space; automod entries are for moderators.';
COMMENT ON COLUMN space_rules.value IS 'What it says, as the application shows it.';
COMMENT ON COLUMN space_rules.position IS 'Its place among those of its type, from 1.';

CREATE POLICY space_rules_select_anon ON space_rules
    FOR SELECT TO anon USING (type <> 'automod' AND space_id = ANY (ARRAY(SELECT visible_space_ids())));
CREATE POLICY space_rules_select_visible ON space_rules
    FOR SELECT TO authenticated
    USING ((type <> 'automod' AND space_id = ANY (ARRAY(SELECT visible_space_ids())))
           OR space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY space_rules_insert_moderator ON space_rules
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY space_rules_update_moderator ON space_rules
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())))
    WITH CHECK (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
CREATE POLICY space_rules_delete_moderator ON space_rules
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())));
GRANT INSERT (space_id, type, value, position), UPDATE (type, value, position) ON space_rules TO authenticated;
