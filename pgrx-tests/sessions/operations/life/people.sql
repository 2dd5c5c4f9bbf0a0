-- Twelve people, whom every module is about.
INSERT INTO auth.users (id, email)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'person' || n || '@example.org'
FROM generate_series(1, 12) AS n;
