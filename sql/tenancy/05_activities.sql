-- What happened, in an organization or with one of its customers.

CREATE TABLE activities (
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid        NOT NULL,
    type            text        NOT NULL,
    customer_id     uuid,
    metadata        jsonb       DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT activities_pkey PRIMARY KEY (id),
    CONSTRAINT activities_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT activities_customer_id_fkey
        FOREIGN KEY (customer_id, organization_id) REFERENCES customers (id, organization_id)
        ON DELETE SET NULL (customer_id),
    CONSTRAINT activities_type_check
        CHECK (type IN ('signup', 'purchase', 'churn', 'login', 'export'))
);
COMMENT ON TABLE activities IS
    'Events of an organization, about one of its own customers or none. Its people read them; its admins write them.';
CREATE INDEX idx_activities_org_id ON activities (organization_id, created_at DESC);
CREATE INDEX idx_activities_type ON activities (organization_id, type, created_at DESC);
CREATE INDEX idx_activities_metadata ON activities USING gin (metadata);
CREATE INDEX activities_customer_id_idx ON activities (customer_id, organization_id);

CREATE POLICY activities_select_people ON activities
    FOR SELECT TO authenticated USING (organization_id = (SELECT current_organization_id()));
CREATE POLICY activities_insert_admins ON activities
    FOR INSERT TO authenticated
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY activities_update_admins ON activities
    FOR UPDATE TO authenticated
    USING (organization_id = (SELECT administered_organization_id()))
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY activities_delete_admins ON activities
    FOR DELETE TO authenticated USING (organization_id = (SELECT administered_organization_id()));
GRANT INSERT (organization_id, type, customer_id, metadata), UPDATE (type, customer_id, metadata)
    ON activities TO authenticated;
