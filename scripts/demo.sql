-- The demo's story. Everything in it is generated from a fixed seed, so that it reads the same for everybody.
\set QUIET on
\pset pager off
\pset null ''
SET client_min_messages = warning;
SET TimeZone = 'UTC';

\echo
\echo '== One command: CREATE EXTENSION community_core'
CREATE EXTENSION community_core;
SELECT module, schema, version, tables FROM community_core.modules();
\echo 'What differs from the modules'' definitions (nothing):'
SELECT kind, relation, name, difference FROM community_core.verify_module();

\echo
\echo '== 2,000 founders arrive'
SELECT setseed(0.2026) \g /dev/null
INSERT INTO auth.users (id, email)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'founder' || n || '@example.org'
FROM generate_series(1, 2000) AS n;
INSERT INTO founders.profiles (id, stage, industry)
SELECT id, (ARRAY['idea', 'mvp', 'seed', 'series-a'])[1 + floor(random() * 4)::int],
       (ARRAY['fintech', 'health', 'climate', 'education', 'logistics'])[1 + floor(random() * 5)::int]
FROM auth.users ORDER BY id;
-- Space is a stage of its own, and nobody is in it but the six of the story below.
UPDATE founders.profiles SET stage = 'orbit', industry = 'space'
WHERE id IN (SELECT id FROM auth.users ORDER BY id LIMIT 6);
INSERT INTO founders.community_profiles (user_id, display_name, stage, industry)
SELECT p.id, 'Founder ' || row_number() OVER (ORDER BY p.id), p.stage, p.industry FROM founders.profiles p;
INSERT INTO founders.consent_preferences (user_id, category, enabled)
SELECT id, 'directory', random() < 0.7 FROM auth.users ORDER BY id;
INSERT INTO founders.consent_preferences (user_id, category, enabled)
SELECT id, 'benchmarks', random() < 0.6 FROM auth.users ORDER BY id OFFSET 6;
INSERT INTO founders.investor_readiness_scores (user_id, overall_score)
SELECT id, round((20 + 60 * random())::numeric, 1) FROM auth.users ORDER BY id OFFSET 6;

SELECT stage, count(*) AS founders,
       count(*) FILTER (WHERE c.enabled) AS share_their_score
FROM founders.profiles p
LEFT JOIN founders.consent_preferences c ON c.user_id = p.id AND c.category = 'benchmarks'
GROUP BY stage ORDER BY stage;

\echo
\echo '== A benchmark about five people, and not one fewer'
INSERT INTO founders.investor_readiness_scores (user_id, overall_score)
SELECT id, 40 + 8 * row_number() OVER (ORDER BY id) FROM auth.users ORDER BY id LIMIT 6;
INSERT INTO founders.consent_preferences (user_id, category, enabled)
SELECT id, 'benchmarks', true FROM auth.users ORDER BY id LIMIT 4;
SELECT founders.refresh_benchmark_aggregates() \g /dev/null
\echo 'Four founders of stage orbit consent. Published about orbit:'
SELECT * FROM founders.benchmark_stage_aggregates WHERE stage = 'orbit';
INSERT INTO founders.consent_preferences (user_id, category, enabled)
SELECT id, 'benchmarks', true FROM auth.users ORDER BY id OFFSET 4 LIMIT 1;
SELECT founders.refresh_benchmark_aggregates() \g /dev/null
\echo 'The fifth consents:'
SELECT * FROM founders.benchmark_stage_aggregates ORDER BY stage;
\echo 'The fifth withdraws. In the same transaction, before it commits:'
BEGIN;
UPDATE founders.consent_preferences SET enabled = false
WHERE category = 'benchmarks' AND user_id = '00000000-0000-4000-8000-000000000005';
SELECT * FROM founders.benchmark_stage_aggregates WHERE stage = 'orbit';
COMMIT;

\echo
\echo '== Counters that equal a recount: 100,000 reactions in one statement'
INSERT INTO founders.social_feed_posts (author_id, title, content)
SELECT id, 'Milestone', 'We shipped.' FROM auth.users ORDER BY id LIMIT 500;
\timing on
INSERT INTO founders.social_feed_reactions (post_id, user_id, reaction_type)
SELECT p.id, u.id, 'encourage'
FROM (SELECT id, row_number() OVER (ORDER BY author_id) AS n FROM founders.social_feed_posts) p
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM auth.users) u ON (u.n * 7 + p.n * 13) % 2000 < 200;
\timing off
SELECT count(*) AS posts, sum(reaction_count) AS "sum of reaction_count",
       (SELECT count(*) FROM founders.social_feed_reactions) AS "rows counted"
FROM founders.social_feed_posts;
\echo 'Posts whose counter differs from a recount (none):'
SELECT * FROM community_core.verify_counters();

\echo
\echo '== A log that cannot be changed unnoticed'
SELECT count(*) AS "consent changes logged" FROM founders.consent_audit_log;
\echo 'What the verifier finds (nothing):'
SELECT * FROM community_core.verify_audit();
\echo 'Nobody may change an entry, the owner included:'
\set ON_ERROR_STOP off
UPDATE founders.consent_audit_log SET new_value = true
WHERE user_id = '00000000-0000-4000-8000-000000000005' AND NOT new_value;
\set ON_ERROR_STOP on
\echo 'A superuser does it behind the log''s back, with its triggers off:'
ALTER TABLE founders.consent_audit_log DISABLE TRIGGER USER;
UPDATE founders.consent_audit_log SET new_value = true
WHERE user_id = '00000000-0000-4000-8000-000000000005' AND category = 'benchmarks' AND NOT new_value;
ALTER TABLE founders.consent_audit_log ENABLE TRIGGER USER;
\echo 'The verifier names the row:'
SELECT fault, log, sequence, left(entry, 8) AS entry, detail, left(encode(expected, 'hex'), 8) AS expected,
       left(encode(actual, 'hex'), 8) AS actual
FROM community_core.verify_audit();

\echo
\echo '== Two founders connect from both sides: one row'
SELECT set_config('request.jwt.claims', '{"sub":"00000000-0000-4000-8000-000000000001","role":"authenticated"}', false) \g /dev/null
SET ROLE authenticated;
SELECT status AS "1 asks 2" FROM founders.request_connection('00000000-0000-4000-8000-000000000002');
SELECT set_config('request.jwt.claims', '{"sub":"00000000-0000-4000-8000-000000000002","role":"authenticated"}', false) \g /dev/null
SELECT status AS "2 asks 1" FROM founders.request_connection('00000000-0000-4000-8000-000000000001');
SELECT right(requester_id::text, 4) AS requester, right(recipient_id::text, 4) AS recipient, status
FROM founders.founder_connections;

\echo
\echo '== Who sees what'
INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'Shall we talk?');
RESET ROLE;
CREATE TEMP TABLE sight (who text, consents bigint, messages bigint, connections bigint, posts bigint, "consent log" bigint);
GRANT INSERT ON sight TO authenticated, service_role;
PREPARE look (text) AS INSERT INTO sight SELECT $1,
    (SELECT count(*) FROM founders.consent_preferences), (SELECT count(*) FROM founders.founder_messages),
    (SELECT count(*) FROM founders.founder_connections), (SELECT count(*) FROM founders.social_feed_posts),
    (SELECT count(*) FROM founders.consent_audit_log);
SELECT set_config('request.jwt.claims', '{"sub":"00000000-0000-4000-8000-000000000001","role":"authenticated"}', false) \g /dev/null
SET ROLE authenticated;
EXECUTE look('founder 1');
SELECT set_config('request.jwt.claims', '{"sub":"00000000-0000-4000-8000-000000000003","role":"authenticated"}', false) \g /dev/null
EXECUTE look('a stranger');
RESET ROLE;
SET ROLE service_role;
EXECUTE look('service_role');
RESET ROLE;
TABLE sight;
