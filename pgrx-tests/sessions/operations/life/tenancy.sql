-- Two organizations with their people, customers, revenue and what AI cost them; every change is logged.
INSERT INTO tenancy.organizations (id, name, slug) VALUES
    ('00000000-0000-4000-8000-0000000000a0', 'A', 'a'), ('00000000-0000-4000-8000-0000000000b0', 'B', 'b');
INSERT INTO tenancy.profiles (id, email, organization_id, role)
SELECT id, email,
       CASE WHEN row_number() OVER (ORDER BY id) % 2 = 1 THEN '00000000-0000-4000-8000-0000000000a0'::uuid
            ELSE '00000000-0000-4000-8000-0000000000b0' END,
       CASE WHEN row_number() OVER (ORDER BY id) <= 2 THEN 'admin' ELSE 'member' END
FROM auth.users
ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, role = excluded.role;
INSERT INTO tenancy.customers (organization_id, name, email, status)
SELECT o.id, 'Customer ' || n, 'customer' || n || '@example.org', 'active'
FROM tenancy.organizations o, generate_series(1, 5) AS n;
INSERT INTO tenancy.revenue (organization_id, customer_id, amount, date)
SELECT organization_id, id, 10.25 * n, '2026-03-01' FROM tenancy.customers, generate_series(1, 4) AS n;
INSERT INTO tenancy.activities (organization_id, type, customer_id)
SELECT organization_id, 'signup', id FROM tenancy.customers;
UPDATE tenancy.customers SET status = 'churned' WHERE name = 'Customer 3';
DELETE FROM tenancy.revenue WHERE amount = 10.25;
INSERT INTO tenancy.ai_usage_log (user_id, organization_id, query_id, cost_usd, model, date)
SELECT p.id, p.organization_id, gen_random_uuid(), 0.0125, 'a model', '2026-03-01' FROM tenancy.profiles p;
INSERT INTO tenancy.user_preferences (user_id, theme_preference) SELECT id, 'dark' FROM tenancy.profiles;
