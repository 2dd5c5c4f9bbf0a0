-- Consents, what a benchmark is made of, posts and what is said about them; one withdrawal.
INSERT INTO founders.profiles (id, stage, industry)
SELECT id, 'seed', 'fintech' FROM auth.users
ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, industry = excluded.industry;
INSERT INTO founders.consent_preferences (user_id, category, enabled)
SELECT id, category, true FROM auth.users, unnest('{benchmarks,directory}'::text[]) AS category
ON CONFLICT (user_id, category) DO UPDATE SET enabled = true;
INSERT INTO founders.investor_readiness_scores (user_id, overall_score)
SELECT id, 40 + 4 * row_number() OVER (ORDER BY id) FROM auth.users;
INSERT INTO founders.cohorts (name) VALUES ('Spring'), ('Autumn');
INSERT INTO founders.cohort_members (cohort_id, user_id)
SELECT c.id, u.id FROM founders.cohorts c, auth.users u WHERE c.name = 'Spring' AND u.email < 'person2';
INSERT INTO founders.social_feed_posts (author_id, content) SELECT id, 'post' FROM auth.users;
INSERT INTO founders.social_feed_reactions (post_id, user_id)
SELECT p.id, u.id FROM founders.social_feed_posts p, auth.users u WHERE u.id <= p.author_id;
INSERT INTO founders.social_feed_comments (post_id, author_id, content)
SELECT id, author_id, 'a comment' FROM founders.social_feed_posts;
INSERT INTO founders.founder_connections (requester_id, recipient_id)
SELECT a.id, b.id FROM auth.users a, auth.users b WHERE a.email = 'person1@example.org' AND b.email = 'person2@example.org';
INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
SELECT a.id, b.id, 'hello' FROM auth.users a, auth.users b WHERE a.email = 'person1@example.org' AND b.email = 'person2@example.org';
INSERT INTO founders.reputation_events (user_id, event_type) SELECT id, 'help_given' FROM auth.users;
UPDATE founders.consent_preferences SET enabled = false
WHERE user_id = '00000000-0000-4000-8000-000000000012' AND category = 'directory';
