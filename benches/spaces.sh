#!/usr/bin/env bash
# What it costs to read a space: the newest 50 posts of a space among 1,000,000, read by a member under
# the policies, beside the same query by the tables' owner, alone and as PostgREST asks it; and opening a
# question with 500 answers and 5,000 comments in the order of their threads, by path, beside walking the
# threads by parent_id.
# usage: benches/spaces.sh        PG_CONFIG says which PostgreSQL; POSTS, SPACES and SAMPLES scale it
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
# shellcheck source=scripts/requests.sh
. scripts/requests.sh
bin=$("${PG_CONFIG:?}" --bindir)
posts=${POSTS:-1000000} spaces=${SPACES:-20} samples=${SAMPLES:-10}
trap stop_cluster EXIT
start_cluster "$bin" fsync=off full_page_writes=off max_wal_size=8GB checkpoint_timeout=1h \
    shared_buffers=512MB autovacuum=off jit=off
export PGDATABASE=bench PGOPTIONS='-c client_min_messages=warning'
psql() { "$bin/psql" -qXAt -v ON_ERROR_STOP=1 "$@"; }
"$bin/createdb" bench
psql -c "SET community_core.modules = 'spaces'; CREATE EXTENSION community_core"
# The rows are there when the measurement starts, so nothing that fires on writing matters here.
psql -v posts="$posts" -v spaces="$spaces" <<'SQL'
SET session_replication_role = replica;
INSERT INTO auth.users (id)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, 1000) n;
INSERT INTO spaces.profiles (id) SELECT id FROM auth.users;
INSERT INTO spaces.spaces (id, slug, name, visibility)
SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 's' || n, 'A space', 'restricted'
FROM generate_series(1, :spaces) n;
INSERT INTO spaces.space_members (space_id, profile_id) SELECT s.id, p.id FROM spaces.spaces s, spaces.profiles p;
-- Spread, so that the posts of one space lie on as many pages.
INSERT INTO spaces.posts (id, space_id, author_id, title, body, created_at)
SELECT gen_random_uuid(), ('00000000-0000-4000-9000-' || lpad((1 + n % :spaces)::text, 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad((1 + n % 1000)::text, 12, '0'))::uuid, 'Post ' || n,
       repeat('What it says. ', 30), timestamptz '2026-01-01' + n * interval '1 second'
FROM generate_series(1, :posts) n;
SET session_replication_role = origin;
INSERT INTO spaces.posts (id, space_id, post_type, title)
SELECT '00000000-0000-7000-8000-000000000001', id, 'question', 'Why?' FROM spaces.spaces WHERE slug = 's1';
INSERT INTO spaces.answers (question_id, space_id, body)
SELECT '00000000-0000-7000-8000-000000000001', id, repeat('Because. ', 50)
FROM spaces.spaces, generate_series(1, 500) WHERE slug = 's1';
-- Ten rounds of 500 comments: each answers one of the round before.
DO $$
BEGIN
    INSERT INTO spaces.comments (post_id, answer_id, body)
    SELECT question_id, id, 'Well said' FROM spaces.answers;
    FOR round IN 2..10 LOOP
        INSERT INTO spaces.comments (post_id, parent_id, body)
        SELECT post_id, id, 'Indeed' FROM spaces.comments ORDER BY random() LIMIT 500;
    END LOOP;
END $$;
VACUUM ANALYZE;
SQL

# Who asks, and about which space.
n='lpad(:n::text, 12, $$0$$)' s='lpad(:s::text, 12, $$0$$)'
drawn() {
    echo "\\set n random(1, 1000)"
    echo "\\set s random(1, $spaces)"
}
claims="json_build_object('sub', '00000000-0000-4000-8000-' || $n, 'role', 'authenticated')::text"
# On a connection that is held: set the claims, then read. Both sides do.
request() {
    drawn
    echo "SELECT set_config('request.jwt.claims', $claims, false);"
    echo "$1"
}
newest() {
    echo "SELECT id, author_id, title, body, score, comment_count, created_at FROM spaces.posts
WHERE space_id = ('00000000-0000-4000-9000-' || $s)::uuid $1 ORDER BY created_at DESC, id DESC LIMIT 50"
}
request "$(newest '');" >"$cluster/with.sql"
request "$(newest "AND state = 'published'");" >"$cluster/without.sql"
# The same as PostgREST asks it: in a transaction, with the settings that it makes, and the rows as one JSON text.
served() {
    drawn
    echo "BEGIN READ ONLY;
SELECT set_config('search_path', 'spaces', true), set_config('role', '$1', true), set_config('request.jwt.claims', $claims, true),
    set_config('request.method', 'GET', true), set_config('request.path', '/posts', true),
    set_config('request.headers', '{\"accept\":\"application/json\",\"host\":\"localhost\"}', true), set_config('request.cookies', '{}', true);
WITH pgrst_source AS ($(newest "$2"))
SELECT NULL::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total,
    coalesce(json_agg(_postgrest_t), '[]') AS body,
    nullif(current_setting('response.headers', true), '') AS response_headers,
    nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted
FROM (SELECT * FROM pgrst_source) _postgrest_t;
COMMIT;"
}
served authenticated '' >"$cluster/served.sql"
served postgres "AND state = 'published'" >"$cluster/served.owner.sql"
question="'00000000-0000-7000-8000-000000000001'"
answers="SELECT id, author_id, body, score, is_accepted, created_at FROM spaces.answers
WHERE question_id = $question ORDER BY is_accepted DESC, score DESC, id;"
request "$answers
SELECT id, answer_id, parent_id, author_id, body, created_at FROM spaces.comments
WHERE post_id = $question ORDER BY path;" >"$cluster/path.sql"
request "$answers
WITH RECURSIVE thread AS (
    SELECT c.*, ARRAY[c.id] AS place FROM spaces.comments c WHERE c.post_id = $question AND c.parent_id IS NULL
    UNION ALL
    SELECT c.*, t.place || c.id FROM thread t
    JOIN spaces.comments c ON c.parent_id = t.id AND c.post_id = t.post_id)
SELECT id, answer_id, parent_id, author_id, body, created_at FROM thread ORDER BY place;" >"$cluster/walk.sql"

share_a_core
for _ in $(seq "$samples"); do
    request_time with authenticated 500 >>"$cluster/with"
    request_time without postgres 500 >>"$cluster/without"
    request_time served postgres 500 >>"$cluster/served"
    request_time served.owner postgres 500 >>"$cluster/served.owner"
    request_time path authenticated 20 >>"$cluster/path"
    request_time path postgres 20 >>"$cluster/path.owner"
    request_time walk authenticated 20 >>"$cluster/walk"
done
compare() { report_best spaces "$1" "$2" "$cluster/$3" "$cluster/$4" "${5:-}"; }
report_heading
question='a question with 5,000 comments, by path'
compare "$question" 'without policies' path path.owner
compare "$question" 'walking the threads' path walk
compare 'the newest 50 posts of a space, as PostgREST asks' 'without policies' served served.owner '<= 1.2'
compare 'the newest 50 posts of a space, the query alone' 'without policies' with without '<= 1.2'
