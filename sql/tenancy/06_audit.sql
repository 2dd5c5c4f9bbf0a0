-- Who changed what: every change of customers, revenue and activities, one chain per organization.

CREATE TABLE audit_logs (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid        NOT NULL,
    user_id         uuid,
    role            text        NOT NULL,
    action          text        NOT NULL,
    table_name      text        NOT NULL,
    record_id       uuid,
    old_data        jsonb,
    new_data        jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE audit_logs IS
    'Every insert, update and delete of customers, revenue and activities, written by the database alone and chained per organization. Read by the organization''s admins. It refers to nothing, so that it outlives what it tells of.';
COMMENT ON COLUMN audit_logs.user_id IS 'Who did it; NULL where no user was signed in, as with the service role.';
COMMENT ON COLUMN audit_logs.role IS 'The database role that did it: authenticated, service_role, …';
COMMENT ON COLUMN audit_logs.action IS 'INSERT, UPDATE or DELETE.';
COMMENT ON COLUMN audit_logs.record_id IS 'The id of the row that was changed.';
CREATE INDEX idx_audit_logs_org_id ON audit_logs (organization_id, created_at DESC);
CREATE INDEX audit_logs_record_id_idx ON audit_logs (record_id, created_at);

CREATE POLICY audit_logs_select_admins ON audit_logs
    FOR SELECT TO authenticated USING (organization_id = (SELECT administered_organization_id()));

-- The service role may insert into any table of a module; here nobody inserts but the triggers.
CREATE OR REPLACE FUNCTION refuse_direct_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'nobody writes %.% but the database itself', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Change customers, revenue or activities: that is recorded by itself.';
END
$$;
COMMENT ON FUNCTION refuse_direct_entry() IS
    'Trigger function: refuses (42501) an entry of audit_logs that no trigger wrote.';
CREATE OR REPLACE TRIGGER audit_logs_refuse_direct_entry
    BEFORE INSERT ON audit_logs FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_direct_entry();

SELECT community_core.create_audit_log('@schema@.audit_logs', chain_by => '{organization_id}',
                                       erasable => '{user_id,old_data,new_data}');
SELECT community_core.audit_changes('@schema@.customers', '@schema@.audit_logs');
SELECT community_core.audit_changes('@schema@.revenue', '@schema@.audit_logs');
SELECT community_core.audit_changes('@schema@.activities', '@schema@.audit_logs');

-- A TRUNCATE does not tell whose rows went, so no chain could record it.
CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of %.% is not allowed', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'DELETE the rows: that is recorded for the organization of each.';
END
$$;
COMMENT ON FUNCTION refuse_truncate() IS
    'Trigger function: refuses (42501) to empty a table whose changes are audited without a record.';
CREATE OR REPLACE TRIGGER customers_refuse_truncate
    BEFORE TRUNCATE ON customers FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE OR REPLACE TRIGGER revenue_refuse_truncate
    BEFORE TRUNCATE ON revenue FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
CREATE OR REPLACE TRIGGER activities_refuse_truncate
    BEFORE TRUNCATE ON activities FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
