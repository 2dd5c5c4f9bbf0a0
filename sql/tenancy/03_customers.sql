-- The customers of an organization. Deleted ones stay, with their revenue and activities, and are
-- seen by nobody but the service role.

CREATE TABLE customers (
    id                 uuid          NOT NULL DEFAULT gen_random_uuid(),
    organization_id    uuid          NOT NULL,
    name               text          NOT NULL,
    email              text,
    company            text,
    industry           text,
    total_revenue      numeric(12,2) NOT NULL DEFAULT 0,
    last_purchase_date timestamptz,
    status             text          NOT NULL,
    deleted_at         timestamptz,
    created_at         timestamptz   NOT NULL DEFAULT now(),
    updated_at         timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT customers_pkey PRIMARY KEY (id),
    CONSTRAINT customers_id_organization_id_key UNIQUE (id, organization_id),
    CONSTRAINT customers_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT customers_status_check CHECK (status IN ('active', 'inactive', 'churned'))
);
COMMENT ON TABLE customers IS
    'Customers of an organization. Its people read those that are not deleted; its admins write them.';
COMMENT ON COLUMN customers.total_revenue IS
    'The sum of its revenue. Kept by the counter engine; app roles cannot write it.';
COMMENT ON COLUMN customers.last_purchase_date IS
    'Midnight (UTC) of the newest date on which it brought a revenue above zero. Kept by a trigger of revenue; app roles cannot write it.';
COMMENT ON COLUMN customers.deleted_at IS
    'From when it is invisible; NULL for not deleted. Set by delete_customer, taken back by restore_customer.';
CREATE INDEX idx_customers_org_id ON customers (organization_id, created_at DESC);
CREATE INDEX idx_customers_status ON customers (organization_id, status) WHERE deleted_at IS NULL;

CREATE POLICY customers_select_people ON customers
    FOR SELECT TO authenticated
    USING (organization_id = (SELECT current_organization_id())
           AND (deleted_at IS NULL OR deleted_at > now()));
CREATE POLICY customers_insert_admins ON customers
    FOR INSERT TO authenticated
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY customers_update_admins ON customers
    FOR UPDATE TO authenticated
    USING (organization_id = (SELECT administered_organization_id())
           AND (deleted_at IS NULL OR deleted_at > now()))
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY customers_delete_admins ON customers
    FOR DELETE TO authenticated
    USING (organization_id = (SELECT administered_organization_id())
           AND (deleted_at IS NULL OR deleted_at > now()));
-- Not id: whoever may choose one learns from 23505 which ones another organization has.
GRANT INSERT (organization_id, name, email, company, industry, status),
      UPDATE (name, email, company, industry, status)
    ON customers TO authenticated;

-- A plain UPDATE cannot do it: the row that it makes is one the SELECT policy no longer shows, and
-- such an UPDATE is refused.
CREATE OR REPLACE FUNCTION delete_customer(customer_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.customers c SET deleted_at = now()
    WHERE c.id = customer_id AND c.organization_id = @schema@.administered_organization_id()
      AND (c.deleted_at IS NULL OR c.deleted_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'your organization has no customer "%"', customer_id
            USING ERRCODE = 'undefined_object',
                  HINT = 'Only admins delete customers, and each once.';
    END IF;
END
$$;
COMMENT ON FUNCTION delete_customer(uuid) IS
    'Makes a customer of the caller''s own organization invisible; its revenue and activities stay. Admins only; 42704 no such customer there. Example: SELECT delete_customer(''00000000-0000-4000-8000-000000000003'')';

CREATE OR REPLACE FUNCTION restore_customer(customer_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE @schema@.customers c SET deleted_at = NULL
    WHERE c.id = customer_id AND c.organization_id = @schema@.administered_organization_id()
      AND c.deleted_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'your organization has no deleted customer "%"', customer_id
            USING ERRCODE = 'undefined_object', HINT = 'Only admins restore customers.';
    END IF;
END
$$;
COMMENT ON FUNCTION restore_customer(uuid) IS
    'Makes a deleted customer of the caller''s own organization visible again. Admins only; 42704 no such deleted customer there. Example: SELECT restore_customer(''00000000-0000-4000-8000-000000000003'')';
GRANT EXECUTE ON FUNCTION delete_customer(uuid), restore_customer(uuid) TO authenticated;
