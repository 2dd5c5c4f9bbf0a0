-- The spaces: what each is called, who may read it, and its feature flags with their history.

CREATE TABLE spaces (
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    slug          text        NOT NULL,
    name          text        NOT NULL,
    description   text        NOT NULL DEFAULT '',
    visibility    text        NOT NULL DEFAULT 'public',
    rules         text        NOT NULL DEFAULT '',
    created_by    uuid,
    feature_flags jsonb       NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT spaces_pkey PRIMARY KEY (id),
    CONSTRAINT spaces_slug_key UNIQUE (slug),
    CONSTRAINT spaces_created_by_fkey FOREIGN KEY (created_by) REFERENCES profiles (id) ON DELETE SET NULL,
    CONSTRAINT spaces_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND char_length(slug) <= 60),
    CONSTRAINT spaces_name_check CHECK (name ~ '@visible@' AND char_length(name) <= 100),
    CONSTRAINT spaces_description_check CHECK (char_length(description) <= 10000),
    CONSTRAINT spaces_rules_check CHECK (char_length(rules) <= 100000),
    CONSTRAINT spaces_visibility_check CHECK (visibility IN ('public', 'restricted', 'private')),
    -- A flag is on or off.
    CONSTRAINT spaces_feature_flags_check CHECK (
        jsonb_typeof(feature_flags) = 'object'
        AND NOT jsonb_path_exists(feature_flags, '$.* ? (@.type() != "boolean")'))
);
COMMENT ON TABLE spaces IS
    'A community with its name, rules and flags. public: everybody reads it, guests too; restricted: everybody finds it, members read what is in it; private: only its members know of it.';
COMMENT ON COLUMN spaces.slug IS 'Its name in an address: lower-case letters and digits, single hyphens between, at most 60 characters.';
COMMENT ON COLUMN spaces.created_by IS 'The founder, who became its first owner; NULL once that person is deleted.';
COMMENT ON COLUMN spaces.feature_flags IS 'Flags that are on or off; each change is in feature_flag_audit.';
CREATE INDEX spaces_created_by_idx ON spaces (created_by);
CREATE INDEX spaces_feature_flags_idx ON spaces USING gin (feature_flags);

CREATE TABLE feature_flag_audit (
    id          uuid        NOT NULL DEFAULT uuid_v7(),
    space_id    uuid,
    flag_key    text        NOT NULL,
    actor_id    uuid,
    change_type text        NOT NULL,
    payload     jsonb       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_flag_audit_pkey PRIMARY KEY (id),
    CONSTRAINT feature_flag_audit_change_type_check CHECK (change_type IN ('added', 'changed', 'removed'))
);
COMMENT ON TABLE feature_flag_audit IS
    'Every change of a feature flag, by trigger. It refers to nothing, so that it outlives the space and the person it tells of.';
COMMENT ON COLUMN feature_flag_audit.actor_id IS 'Who changed it; NULL where nobody was signed in.';
COMMENT ON COLUMN feature_flag_audit.payload IS 'The value before and after: {"from": …, "to": …}.';
CREATE INDEX feature_flag_audit_space_id_idx ON feature_flag_audit (space_id, created_at);
CREATE INDEX feature_flag_audit_payload_idx ON feature_flag_audit USING gin (payload);

CREATE OR REPLACE FUNCTION record_flag_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE OLD.feature_flags END;
BEGIN
    INSERT INTO @schema@.feature_flag_audit (space_id, flag_key, actor_id, change_type, payload)
    SELECT NEW.id, key, auth.uid(),
           CASE WHEN NOT before ? key THEN 'added' WHEN NOT NEW.feature_flags ? key THEN 'removed' ELSE 'changed' END,
           pg_catalog.jsonb_build_object('from', before -> key, 'to', NEW.feature_flags -> key)
    FROM pg_catalog.jsonb_object_keys(before || NEW.feature_flags) AS key
    WHERE before -> key IS DISTINCT FROM NEW.feature_flags -> key
    ORDER BY key;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION record_flag_changes() IS 'Trigger: writes each feature flag that was added, changed or removed to feature_flag_audit.';
CREATE OR REPLACE TRIGGER spaces_record_flag_changes
    AFTER INSERT OR UPDATE OF feature_flags ON spaces FOR EACH ROW EXECUTE FUNCTION record_flag_changes();
