-- A space with its people, posts, a question with answers, comments, votes, and a report with its sanction.
INSERT INTO spaces.profiles (id, display_name) SELECT id, 'Person ' || right(id::text, 2) FROM auth.users ON CONFLICT DO NOTHING;
INSERT INTO spaces.spaces (id, slug, name, visibility)
VALUES ('00000000-0000-4000-8000-0000000000f0', 'a-space', 'A space', 'public');
INSERT INTO spaces.space_members (space_id, profile_id, role)
SELECT '00000000-0000-4000-8000-0000000000f0', id, CASE row_number() OVER (ORDER BY id)
       WHEN 1 THEN 'owner' WHEN 2 THEN 'moderator' ELSE 'member' END
FROM auth.users;
INSERT INTO spaces.posts (id, space_id, author_id, title, body)
SELECT ('00000000-0000-4000-8000-0000000001' || right(id::text, 2))::uuid, '00000000-0000-4000-8000-0000000000f0', id, 'A post', 'What it says'
FROM auth.users;
INSERT INTO spaces.posts (id, space_id, author_id, post_type, title, body)
VALUES ('00000000-0000-4000-8000-000000000201', '00000000-0000-4000-8000-0000000000f0',
        '00000000-0000-4000-8000-000000000003', 'question', 'A question', 'Why?');
INSERT INTO spaces.answers (id, question_id, space_id, author_id, body)
SELECT ('00000000-0000-4000-8000-0000000003' || right(id::text, 2))::uuid, '00000000-0000-4000-8000-000000000201',
       '00000000-0000-4000-8000-0000000000f0', id, 'Because'
FROM auth.users WHERE id > '00000000-0000-4000-8000-000000000003';
INSERT INTO spaces.comments (post_id, space_id, author_id, body)
SELECT id, space_id, author_id, 'Well said' FROM spaces.posts;
INSERT INTO spaces.votes (space_id, post_id, profile_id, value)
SELECT p.space_id, p.id, u.id, 1 FROM spaces.posts p, auth.users u WHERE u.id < p.author_id;
INSERT INTO spaces.votes (space_id, answer_id, profile_id, value)
SELECT a.space_id, a.id, u.id, 1 FROM spaces.answers a, auth.users u WHERE u.id > a.author_id;
INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason)
VALUES ('post', '00000000-0000-4000-8000-000000000112', '00000000-0000-4000-8000-000000000005', 'Rude');
SELECT spaces.sanction('00000000-0000-4000-8000-000000000012', 'shadow_ban', 'Be kind', '00000000-0000-4000-8000-0000000000f0', NULL);
