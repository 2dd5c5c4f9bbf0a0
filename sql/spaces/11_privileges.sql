-- What a reputation allows in a space.

CREATE TABLE privilege_thresholds (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    space_id        uuid        NOT NULL,
    action          text        NOT NULL,
    required_points integer     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT privilege_thresholds_pkey PRIMARY KEY (id),
    CONSTRAINT privilege_thresholds_space_id_action_key UNIQUE (space_id, action),
    CONSTRAINT privilege_thresholds_space_id_fkey FOREIGN KEY (space_id) REFERENCES spaces (id) ON DELETE CASCADE,
    CONSTRAINT privilege_thresholds_action_check CHECK (action IN ('vote_down', 'create_tag', 'edit', 'suggest_synonym', 'close')),
    CONSTRAINT privilege_thresholds_required_points_check CHECK (required_points >= 0)
);
COMMENT ON TABLE privilege_thresholds IS
    'The reputation from which a member may do something in a space; what has no row here only owners and moderators may.';
COMMENT ON COLUMN privilege_thresholds.action IS
    'vote_down; create_tag; edit: others'' posts; suggest_synonym: of a tag; close: and reopen questions.';
COMMENT ON COLUMN privilege_thresholds.required_points IS 'Compared with what the reputation has faded to, in whole points.';

CREATE POLICY privilege_thresholds_select_visible ON privilege_thresholds
    FOR SELECT TO anon, authenticated USING (space_id = ANY (ARRAY(SELECT visible_space_ids())));
CREATE POLICY privilege_thresholds_insert_owner ON privilege_thresholds
    FOR INSERT TO authenticated WITH CHECK (space_id = ANY (ARRAY(SELECT owned_space_ids())));
CREATE POLICY privilege_thresholds_update_owner ON privilege_thresholds
    FOR UPDATE TO authenticated
    USING (space_id = ANY (ARRAY(SELECT owned_space_ids()))) WITH CHECK (space_id = ANY (ARRAY(SELECT owned_space_ids())));
CREATE POLICY privilege_thresholds_delete_owner ON privilege_thresholds
    FOR DELETE TO authenticated USING (space_id = ANY (ARRAY(SELECT owned_space_ids())));
GRANT INSERT (space_id, action, required_points), UPDATE (required_points) ON privilege_thresholds TO authenticated;

CREATE OR REPLACE FUNCTION set_usual_thresholds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO @schema@.privilege_thresholds (space_id, action, required_points)
    VALUES (NEW.id, 'vote_down', 125), (NEW.id, 'create_tag', 300), (NEW.id, 'edit', 2000),
           (NEW.id, 'suggest_synonym', 2500), (NEW.id, 'close', 3000);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION set_usual_thresholds() IS 'Trigger: a new space begins with the thresholds usual on question sites.';
CREATE OR REPLACE TRIGGER spaces_set_usual_thresholds
    AFTER INSERT ON spaces FOR EACH ROW EXECUTE FUNCTION set_usual_thresholds();

CREATE OR REPLACE FUNCTION has_privilege(profile_id uuid, space_id uuid, action text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF has_privilege.action NOT IN ('vote_down', 'create_tag', 'edit', 'suggest_synonym', 'close') THEN
        RAISE EXCEPTION 'there is no privilege %', has_privilege.action USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give vote_down, create_tag, edit, suggest_synonym or close.';
    END IF;
    RETURN EXISTS (
        SELECT FROM @schema@.space_members m
        WHERE m.space_id = has_privilege.space_id AND m.profile_id = has_privilege.profile_id
          AND (m.status = 'active' OR m.banned_until <= now())
          AND NOT EXISTS (SELECT FROM @schema@.active_sanctions s
                          WHERE s.profile_id = m.profile_id
                            AND (s.type = 'site_ban' OR (s.type = 'space_ban' AND s.space_id = m.space_id)))
          AND (m.role IN ('owner', 'moderator')
               OR EXISTS (SELECT FROM @schema@.privilege_thresholds t
                          WHERE t.space_id = m.space_id AND t.action = has_privilege.action
                            AND t.required_points <= round(@schema@.reputation(m.profile_id, m.space_id)))));
END;
$$;
COMMENT ON FUNCTION has_privilege(uuid, uuid, text) IS
    'Whether a person may do something in a space: an active member who is not banned and either runs the space or has the reputation of privilege_thresholds. action: vote_down, create_tag, edit, suggest_synonym or close. False, too, where the caller does not read the space, and for NULL. Stable. Errors: 22023 no such action. Example: SELECT has_privilege(auth.uid(), ''0199a7c2-0000-7000-8000-000000000001'', ''close'')';
GRANT EXECUTE ON FUNCTION has_privilege(uuid, uuid, text) TO authenticated, service_role;

CREATE OR REPLACE FUNCTION privileged_space_ids(action text) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT w FROM @schema@.writable_space_ids() AS w
    WHERE @schema@.has_privilege(auth.uid(), w, privileged_space_ids.action)
    UNION
    SELECT @schema@.moderated_space_ids();
$$;
COMMENT ON FUNCTION privileged_space_ids(text) IS
    'The spaces in which the caller may do that, as has_privilege says, or as staff of the site. Stable. Errors: 22023 no such action. Example: SELECT count(*) FROM privileged_space_ids(''edit'')';
GRANT EXECUTE ON FUNCTION privileged_space_ids(text) TO authenticated, service_role;
