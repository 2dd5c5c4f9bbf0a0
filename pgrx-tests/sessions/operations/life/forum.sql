-- Posts with likes and replies, a goal that six people completed, resources with downloads and ratings.
INSERT INTO forum.profiles (id) SELECT id FROM auth.users ON CONFLICT DO NOTHING;
INSERT INTO forum.community_posts (author_id, content) SELECT id, 'A post of ' || email FROM auth.users;
INSERT INTO forum.community_post_likes (post_id, user_id)
SELECT p.id, u.id FROM forum.community_posts p, auth.users u WHERE u.id < p.author_id;
INSERT INTO forum.community_post_replies (post_id, author_id, content)
SELECT id, author_id, 'A reply' FROM forum.community_posts;
UPDATE forum.community_posts SET deleted_at = now() WHERE author_id = '00000000-0000-4000-8000-000000000004';
INSERT INTO forum.track_goals (id) VALUES ('00000000-0000-4000-8000-0000000000aa');
INSERT INTO forum.user_goal_history (user_id, goal_id, status, started_at, completed_at)
SELECT id, '00000000-0000-4000-8000-0000000000aa', 'completed', '2026-01-01',
       '2026-01-01'::timestamptz + right(id::text, 2)::integer * interval '1 day'
FROM auth.users ORDER BY id LIMIT 6;
INSERT INTO forum.community_resources (title, description, type, category, format, file_url, published_at)
SELECT 'Guide ' || n, 'How it is done', 'guide', 'business', 'pdf', 'https://example.org/' || n, now()
FROM generate_series(1, 3) AS n;
INSERT INTO forum.resource_downloads (resource_id, user_id, ip_address)
SELECT r.id, u.id, '192.0.2.1' FROM forum.community_resources r, auth.users u;
INSERT INTO forum.resource_ratings (resource_id, user_id, rating)
SELECT r.id, u.id, 1 + right(u.id::text, 1)::integer % 5 FROM forum.community_resources r, auth.users u;
