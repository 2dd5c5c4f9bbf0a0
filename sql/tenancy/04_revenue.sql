-- What customers bring, and what that makes of the customer.

CREATE TABLE revenue (
    id              uuid          NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid          NOT NULL,
    customer_id     uuid,
    amount          numeric(12,2) NOT NULL,
    date            date          NOT NULL,
    category        text,
    description     text,
    created_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT revenue_pkey PRIMARY KEY (id),
    CONSTRAINT revenue_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT revenue_customer_id_fkey
        FOREIGN KEY (customer_id, organization_id) REFERENCES customers (id, organization_id)
        ON DELETE SET NULL (customer_id)
);
COMMENT ON TABLE revenue IS
    'Revenue of an organization, by one of its own customers or by none. Its people read it; its admins write it.';
COMMENT ON COLUMN revenue.amount IS 'In the organization''s own currency; below zero for a refund.';
CREATE INDEX idx_revenue_org_id ON revenue (organization_id, created_at DESC);
CREATE INDEX idx_revenue_date ON revenue (organization_id, date DESC);
CREATE INDEX revenue_customer_id_idx ON revenue (customer_id, organization_id, date);

CREATE POLICY revenue_select_people ON revenue
    FOR SELECT TO authenticated USING (organization_id = (SELECT current_organization_id()));
CREATE POLICY revenue_insert_admins ON revenue
    FOR INSERT TO authenticated
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY revenue_update_admins ON revenue
    FOR UPDATE TO authenticated
    USING (organization_id = (SELECT administered_organization_id()))
    WITH CHECK (organization_id = (SELECT administered_organization_id()));
CREATE POLICY revenue_delete_admins ON revenue
    FOR DELETE TO authenticated USING (organization_id = (SELECT administered_organization_id()));
GRANT INSERT (organization_id, customer_id, amount, date, category, description),
      UPDATE (customer_id, amount, date, category, description)
    ON revenue TO authenticated;

SELECT community_core.create_sum('@schema@.revenue', 'customer_id', 'amount',
                                 '@schema@.customers', 'total_revenue');

-- A sum is kept by adding; the newest date must be looked up again when the newest row goes. It is
-- done at the end of the transaction: by then the counter engine has locked the customers, in the
-- order of their keys, so that two imports of the same customers wait for one another instead of
-- deadlocking.
CREATE OR REPLACE FUNCTION keep_last_purchase_date() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    touched uuid[] := ARRAY[OLD.customer_id, NEW.customer_id];
BEGIN
    -- Locked first and read afterwards, so that what a concurrent transaction committed is seen.
    PERFORM FROM @schema@.customers c WHERE c.id = ANY (touched)
    ORDER BY c.id FOR NO KEY UPDATE;
    UPDATE @schema@.customers c SET last_purchase_date = newest.midnight
    FROM @schema@.customers k CROSS JOIN LATERAL (
        SELECT max(r.date)::timestamp AT TIME ZONE 'UTC' AS midnight FROM @schema@.revenue r
        WHERE r.customer_id = k.id AND r.organization_id = k.organization_id AND r.amount > 0
    ) AS newest
    WHERE k.id = ANY (touched) AND c.id = k.id
      AND c.last_purchase_date IS DISTINCT FROM newest.midnight;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION keep_last_purchase_date() IS
    'Trigger function of revenue: last_purchase_date of its customer, right at the end of the transaction.';
CREATE CONSTRAINT TRIGGER revenue_keep_last_purchase_date
    AFTER INSERT OR DELETE OR UPDATE OF customer_id, amount, date ON revenue
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_last_purchase_date();
