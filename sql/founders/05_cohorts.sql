-- Small groups of founders that the service role puts together. A member sees the cohort and the
-- others in it, and may leave.

CREATE TABLE cohorts (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    name           text        NOT NULL,
    cohort_type    text        NOT NULL DEFAULT 'stage',
    max_members    integer     NOT NULL DEFAULT 8,
    status         text        NOT NULL DEFAULT 'forming',
    match_criteria jsonb       DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT cohorts_pkey PRIMARY KEY (id),
    CONSTRAINT cohorts_name_check CHECK (name ~ '@visible@' AND char_length(name) <= 200),
    CONSTRAINT cohorts_cohort_type_check CHECK (cohort_type IN ('stage', 'industry', 'custom')),
    CONSTRAINT cohorts_max_members_check CHECK (max_members > 0),
    CONSTRAINT cohorts_status_check CHECK (status IN ('forming', 'active', 'archived'))
);
COMMENT ON TABLE cohorts IS
    'Groups of founders matched by stage, industry or hand (phase 50). Managed by the service role.';
COMMENT ON COLUMN cohorts.max_members IS 'The most active members; kept under concurrent joins.';
COMMENT ON COLUMN cohorts.status IS 'forming and active take members, archived takes nobody.';
COMMENT ON COLUMN cohorts.updated_at IS 'When the cohort or who is in it last changed.';

CREATE TABLE cohort_members (
    id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    cohort_id uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    role      text        NOT NULL DEFAULT 'member',
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at   timestamptz,
    is_active boolean     NOT NULL DEFAULT true,
    CONSTRAINT cohort_members_pkey PRIMARY KEY (id),
    CONSTRAINT cohort_members_cohort_id_user_id_key UNIQUE (cohort_id, user_id),
    CONSTRAINT cohort_members_cohort_id_fkey
        FOREIGN KEY (cohort_id) REFERENCES cohorts (id) ON DELETE CASCADE,
    CONSTRAINT cohort_members_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
    CONSTRAINT cohort_members_role_check CHECK (role IN ('member', 'facilitator'))
);
COMMENT ON TABLE cohort_members IS
    'Who is or was in a cohort (phase 50). Facilitators count towards max_members.';
COMMENT ON COLUMN cohort_members.is_active IS 'Whether the member is in the cohort now.';
CREATE INDEX cohort_members_user_id_cohort_id_idx ON cohort_members (user_id, cohort_id) WHERE is_active;
CREATE INDEX cohort_members_user_id_idx ON cohort_members (user_id);

-- A policy that read cohort_members itself would recurse for ever (42P17).
CREATE OR REPLACE FUNCTION my_cohorts() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.cohort_id FROM @schema@.cohort_members m
    WHERE m.user_id = (SELECT auth.uid()) AND m.is_active;
$$;
COMMENT ON FUNCTION my_cohorts() IS
    'The cohorts the person who asks is in now; none for an anonymous request. Stable. Example: SELECT my_cohorts()';
GRANT EXECUTE ON FUNCTION my_cohorts() TO authenticated, service_role;

CREATE POLICY cohorts_select_member ON cohorts
    FOR SELECT TO authenticated USING (id = ANY (ARRAY(SELECT my_cohorts())));
CREATE POLICY cohort_members_select_member ON cohort_members
    FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()) OR cohort_id = ANY (ARRAY(SELECT my_cohorts())));
CREATE POLICY cohort_members_delete_own ON cohort_members
    FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()));

-- The UPDATE is the lock: the second of two joins waits for it, counts again and is refused. Under
-- REPEATABLE READ, where counting again would count the past, it fails with 40001 instead.
CREATE OR REPLACE FUNCTION keep_cohort_capacity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cohort @schema@.cohorts;
    active bigint;
BEGIN
    UPDATE @schema@.cohorts c SET updated_at = pg_catalog.now()
    WHERE c.id = NEW.cohort_id RETURNING c.* INTO cohort;
    IF cohort.status = 'archived' THEN
        RAISE EXCEPTION 'cohort "%" (%) is archived', cohort.name, cohort.id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'An archived cohort takes nobody: choose another one.';
    END IF;
    SELECT count(*) INTO active FROM @schema@.cohort_members m
    WHERE m.cohort_id = NEW.cohort_id AND m.is_active;
    IF active > cohort.max_members THEN
        RAISE EXCEPTION 'cohort "%" (%) is full: it takes % members', cohort.name, cohort.id, cohort.max_members
            USING ERRCODE = 'check_violation',
                  HINT = 'Choose another cohort, or raise max_members.';
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION keep_cohort_capacity() IS
    'Trigger: whoever becomes active in a cohort finds it not archived (55000) and not over max_members (23514).';
CREATE OR REPLACE TRIGGER cohort_members_keep_capacity_on_insert
    AFTER INSERT ON cohort_members
    FOR EACH ROW WHEN (NEW.is_active) EXECUTE FUNCTION keep_cohort_capacity();
CREATE OR REPLACE TRIGGER cohort_members_keep_capacity_on_update
    AFTER UPDATE OF cohort_id, is_active ON cohort_members
    FOR EACH ROW WHEN (NEW.is_active AND (NOT OLD.is_active OR OLD.cohort_id <> NEW.cohort_id))
    EXECUTE FUNCTION keep_cohort_capacity();

CREATE OR REPLACE FUNCTION keep_cohort_size() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    active bigint;
BEGIN
    SELECT count(*) INTO active FROM @schema@.cohort_members m
    WHERE m.cohort_id = NEW.id AND m.is_active;
    IF active > NEW.max_members THEN
        RAISE EXCEPTION 'cohort "%" (%) has % members, more than %', NEW.name, NEW.id, active, NEW.max_members
            USING ERRCODE = 'check_violation',
                  HINT = 'Members must leave before max_members can be lowered this far.';
    END IF;
    RETURN NEW;
END;
$$;
COMMENT ON FUNCTION keep_cohort_size() IS
    'Trigger: max_members is not lowered below the number of active members (23514).';
CREATE OR REPLACE TRIGGER cohorts_keep_size
    BEFORE UPDATE OF max_members ON cohorts
    FOR EACH ROW WHEN (NEW.max_members < OLD.max_members) EXECUTE FUNCTION keep_cohort_size();
