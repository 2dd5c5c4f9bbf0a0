-- The engines on tables of somebody's own.
CREATE SCHEMA shop;
CREATE TABLE shop.post (id bigint PRIMARY KEY, likes integer NOT NULL DEFAULT 0, rating numeric);
CREATE TABLE shop.likes (post_id bigint REFERENCES shop.post ON DELETE CASCADE, stars integer NOT NULL);
SELECT community_core.create_counter('shop.likes', 'post_id', 'shop.post', 'likes');
CREATE TABLE shop.clicks (id bigint PRIMARY KEY, org integer, person uuid, at timestamptz DEFAULT now());
SELECT community_core.create_audit_log('shop.clicks', '{org}', '{person}', 'block');
CREATE TABLE shop.deeds (id bigint PRIMARY KEY, what text);
SELECT community_core.create_audit_log('shop.deeds');
CREATE TABLE shop.visit (id bigint PRIMARY KEY, address text, made_at timestamptz NOT NULL);
SELECT community_core.create_retention_policy('shop.visit', 'made_at', '30 days', 'delete');
INSERT INTO shop.post SELECT n FROM generate_series(1, 20) AS n;
INSERT INTO shop.likes SELECT 1 + n % 20, 1 + n % 5 FROM generate_series(1, 200) AS n;
INSERT INTO shop.clicks (id, org, person)
SELECT n, n % 3, ('00000000-0000-4000-8000-' || lpad((1 + n % 12)::text, 12, '0'))::uuid FROM generate_series(1, 90) AS n;
SELECT community_core.seal_audit('shop.clicks');
INSERT INTO shop.deeds SELECT n, 'deed ' || n FROM generate_series(1, 30) AS n;
INSERT INTO shop.visit SELECT n, '192.0.2.1', now() - make_interval(days => n) FROM generate_series(1, 60) AS n;
ALTER TABLE shop.post ADD COLUMN colour text DEFAULT 'green';
CREATE INDEX mine ON shop.post (colour);
CREATE VIEW public.mine AS SELECT count(*) AS posts FROM shop.post;
