-- What those who run a space, or the site, have done: written by triggers alone, chained, kept for ever.

CREATE TABLE audit_logs (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    space_id    uuid,
    actor_id    uuid,
    actor_role  text        NOT NULL,
    entity_type text        NOT NULL,
    entity_id   uuid,
    action      text        NOT NULL,
    metadata    jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id),
    CONSTRAINT audit_logs_action_check CHECK (action IN ('insert', 'update', 'delete', 'truncate'))
);
COMMENT ON TABLE audit_logs IS
    'Every action of the staff, of a space or of the site, written by the database alone: one hash chain for each space and one for the site. Kept for ever. It refers to nothing, so that it outlives what it tells of.';
COMMENT ON COLUMN audit_logs.space_id IS 'The space that it concerns, also once it is deleted; NULL: the whole site.';
COMMENT ON COLUMN audit_logs.actor_id IS 'Who did it; NULL where nobody was signed in, and once that person is erased.';
COMMENT ON COLUMN audit_logs.actor_role IS
    'staff, owner, moderator or member; another signed-in person is authenticated. Where nobody was signed in: the database role.';
COMMENT ON COLUMN audit_logs.entity_id IS 'The row that was changed, by its id, or by the person, post or tag that it belongs to; NULL once that person is erased.';
COMMENT ON COLUMN audit_logs.metadata IS
    '{"old": …, "new": …}: the columns that changed; of a row that came or went all of them. Times are in UTC. NULL once a person in it is erased.';
CREATE INDEX audit_logs_space_id_idx ON audit_logs (space_id, created_at);
CREATE INDEX audit_logs_actor_id_idx ON audit_logs (actor_id, created_at);
CREATE INDEX audit_logs_entity_id_idx ON audit_logs (entity_id, created_at);

CREATE POLICY audit_logs_select_moderators ON audit_logs
    FOR SELECT TO authenticated
    USING (space_id = ANY (ARRAY(SELECT moderated_space_ids())) OR (SELECT is_staff()));

-- The service role may insert into any table of a module; here nobody inserts but the triggers.
CREATE OR REPLACE FUNCTION refuse_direct_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'nobody writes %.% but the database itself', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Do what is to be recorded: that writes the entry.';
END;
$$;
COMMENT ON FUNCTION refuse_direct_entry() IS 'Trigger: refuses (42501) an entry of audit_logs that no trigger wrote.';
CREATE OR REPLACE TRIGGER audit_logs_refuse_direct_entry
    BEFORE INSERT ON audit_logs FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_direct_entry();

SELECT community_core.create_audit_log('@schema@.audit_logs', chain_by => '{space_id}',
                                       erasable => '{actor_id,entity_id,metadata}');

CREATE OR REPLACE FUNCTION actor_role(space_id uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN auth.uid() IS NULL
                THEN coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user)
                WHEN @schema@.is_staff() THEN 'staff'
                ELSE coalesce((SELECT m.role FROM @schema@.space_members m
                               WHERE m.space_id = actor_role.space_id AND m.profile_id = auth.uid()),
                              'authenticated') END;
$$;
COMMENT ON FUNCTION actor_role(uuid) IS
    'As what the caller acts in a space: staff, owner, moderator, member, authenticated, or the database role where nobody is signed in. space_id: NULL for the site. Stable. For record_staff_action.';

CREATE OR REPLACE FUNCTION record_staff_action() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    kept_back CONSTANT text[] := TG_ARGV[1:];
    before    jsonb := CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN pg_catalog.to_jsonb(OLD) END;
    after     jsonb := CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN pg_catalog.to_jsonb(NEW) END;
    entity    CONSTANT jsonb := coalesce(after, before);
    space     CONSTANT uuid := CASE TG_ARGV[0] WHEN 'space' THEN entity ->> 'id' ELSE entity ->> 'space_id' END;
    role      text;
    -- That they changed is told, not what they are.
    before_kept jsonb;
    after_kept  jsonb;
BEGIN
    -- What goes along with a space is told by the space's own entry.
    IF TG_OP = 'DELETE' AND TG_ARGV[0] <> 'space' AND space IS NOT NULL
       AND NOT EXISTS (SELECT FROM @schema@.spaces s WHERE s.id = space) THEN
        RETURN NULL;
    END IF;
    -- Whoever gives up a role had it when doing so.
    role := CASE WHEN TG_ARGV[0] = 'member' AND before ->> 'profile_id' = auth.uid()::text AND NOT @schema@.is_staff()
                 THEN before ->> 'role' ELSE @schema@.actor_role(space) END;
    IF TG_OP = 'UPDATE' THEN
        SELECT pg_catalog.jsonb_object_agg(key, value), pg_catalog.jsonb_object_agg(key, after -> key)
        INTO before, after
        FROM pg_catalog.jsonb_each(before)
        WHERE value IS DISTINCT FROM after -> key AND key <> 'updated_at';
        IF before IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT coalesce(pg_catalog.jsonb_object_agg(key, NULL) FILTER (WHERE before ? key), '{}'),
           coalesce(pg_catalog.jsonb_object_agg(key, NULL) FILTER (WHERE after ? key), '{}')
    INTO before_kept, after_kept FROM pg_catalog.unnest(kept_back) AS key;
    INSERT INTO @schema@.audit_logs (space_id, actor_id, actor_role, entity_type, entity_id, action, metadata)
    VALUES (space, auth.uid(), role, TG_ARGV[0],
            coalesce(entity ->> 'id', entity ->> 'profile_id', entity ->> 'post_id', entity ->> 'tag_id')::uuid,
            pg_catalog.lower(TG_OP),
            CASE WHEN before IS NULL THEN '{}' ELSE pg_catalog.jsonb_build_object('old', before || before_kept) END
            || CASE WHEN after IS NULL THEN '{}' ELSE pg_catalog.jsonb_build_object('new', after || after_kept) END);
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_staff_action() IS
    'Trigger AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW, or AFTER TRUNCATE: writes what was done to audit_logs, in the chain of the row''s space_id, of the site where it has none. Arguments: what the row is called there, then columns whose values are written down as null. Example: CREATE TRIGGER … EXECUTE FUNCTION record_staff_action(''webhook'', ''secret'')';

CREATE OR REPLACE TRIGGER spaces_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON spaces FOR EACH ROW EXECUTE FUNCTION record_staff_action('space');
CREATE OR REPLACE TRIGGER spaces_record_truncate
    AFTER TRUNCATE ON spaces FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('space');

-- Whoever joins or leaves as an ordinary member acts for themself alone.
CREATE OR REPLACE TRIGGER space_members_record_joining
    AFTER INSERT ON space_members FOR EACH ROW
    WHEN (NEW.profile_id IS DISTINCT FROM auth.uid() OR NEW.role <> 'member')
    EXECUTE FUNCTION record_staff_action('member');
CREATE OR REPLACE TRIGGER space_members_record_change
    AFTER UPDATE OF role, status ON space_members FOR EACH ROW
    WHEN (NEW.profile_id IS DISTINCT FROM auth.uid() OR NEW.role <> 'member' OR OLD.role <> 'member')
    EXECUTE FUNCTION record_staff_action('member');
CREATE OR REPLACE TRIGGER space_members_record_leaving
    AFTER DELETE ON space_members FOR EACH ROW
    WHEN (OLD.profile_id IS DISTINCT FROM auth.uid() OR OLD.role <> 'member')
    EXECUTE FUNCTION record_staff_action('member');
CREATE OR REPLACE TRIGGER space_members_record_truncate
    AFTER TRUNCATE ON space_members FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('member');

CREATE OR REPLACE TRIGGER sanctions_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON sanctions FOR EACH ROW EXECUTE FUNCTION record_staff_action('sanction');
CREATE OR REPLACE TRIGGER sanctions_record_truncate
    AFTER TRUNCATE ON sanctions FOR EACH STATEMENT EXECUTE FUNCTION record_staff_action('sanction');

-- At the commit, when what goes along with the person has been recorded, so that it is erased, too.
CREATE OR REPLACE FUNCTION record_erasure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM community_core.erase_audit_subject(OLD.id);
    INSERT INTO @schema@.audit_logs (actor_id, actor_role, entity_type, action)
    VALUES (nullif(auth.uid(), OLD.id), @schema@.actor_role(NULL), 'person', 'delete');
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_erasure() IS
    'Trigger: with a person goes the person''s identity in the audit logs, whose chains still verify; that somebody was erased is recorded, without a name.';
CREATE CONSTRAINT TRIGGER profiles_record_erasure
    AFTER DELETE ON profiles DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION record_erasure();
