-- What a person would look at first in a loaded site.
\echo
\echo 'The most encouraged posts, with the counters that the database keeps:'
SELECT left(coalesce(nullif(p.title, ''), 'answer to: ' || q.title), 60) AS post, c.display_name AS author,
       p.reaction_count AS reactions, p.comment_count AS comments
FROM founders.social_feed_posts p
LEFT JOIN founders.community_profiles c ON c.user_id = p.author_id
LEFT JOIN founders.social_feed_posts q
       ON p.metadata ->> 'parent' IS NOT NULL AND q.metadata ->> 'stackexchange_id' = p.metadata ->> 'parent'
ORDER BY p.reaction_count DESC, p.id LIMIT 5;
\echo 'The same site as a space: who earned most by helping.'
SELECT p.display_name AS person, r.total_points AS reputation,
       (SELECT count(*) FROM spaces.answers a WHERE a.author_id = p.id) AS answers,
       (SELECT count(*) FROM spaces.answers a WHERE a.author_id = p.id AND a.is_accepted) AS accepted
FROM spaces.reputation_aggregates r JOIN spaces.profiles p ON p.id = r.profile_id
ORDER BY r.total_points DESC, p.id LIMIT 5;
\echo 'Posts whose counter differs from a recount (none):'
SELECT * FROM community_core.verify_counters();
