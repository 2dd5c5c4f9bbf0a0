#!/usr/bin/env bash
# What automod costs: ordinary members post, under the policies, in a space with one rule of each type that
# lets them pass, beside the same posts in a space without rules.
# usage: benches/automod.sh        PG_CONFIG says which PostgreSQL; MEMBERS, ROUNDS and POSTS scale it
# Rounds are interleaved, so that a busy machine is busy for both; medians are compared.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
bin=$("${PG_CONFIG:?}" --bindir)
members=${MEMBERS:-2000} rounds=${ROUNDS:-9} posts=${POSTS:-2000}
trap stop_cluster EXIT
start_cluster "$bin" max_wal_size=8GB checkpoint_timeout=1h shared_buffers=512MB autovacuum=off jit=off \
    synchronous_commit=off
export PGDATABASE=bench PGOPTIONS='-c client_min_messages=warning'
psql() { "$bin/psql" -qXAt -v ON_ERROR_STOP=1 "$@"; }
"$bin/createdb" bench
psql -c "SET community_core.modules = 'spaces'; CREATE EXTENSION community_core"
psql -v members="$members" <<'SQL'
INSERT INTO auth.users (id)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(1, :members) n;
INSERT INTO spaces.profiles (id) SELECT id FROM auth.users;
INSERT INTO spaces.spaces (id, slug, name)
VALUES ('00000000-0000-4000-9000-000000000001', 'without', 'W'), ('00000000-0000-4000-9000-000000000002', 'with', 'W');
INSERT INTO spaces.space_members (space_id, profile_id) SELECT s.id, p.id FROM spaces.spaces s, spaces.profiles p;
-- Everybody has written and earned something, so that no rule holds them.
INSERT INTO spaces.posts (space_id, author_id, title) SELECT s.id, p.id, 'Hello' FROM spaces.spaces s, spaces.profiles p;
INSERT INTO spaces.reputation_events (profile_id, space_id, event_type, points)
SELECT p.id, s.id, 'badge', 10 FROM spaces.spaces s, spaces.profiles p;
INSERT INTO spaces.automod_rules (space_id, rule_type, config) VALUES
    ('00000000-0000-4000-9000-000000000002', 'rate_limit', '{"count": 10000, "seconds": 60}'),
    ('00000000-0000-4000-9000-000000000002', 'first_post', '{}'),
    ('00000000-0000-4000-9000-000000000002', 'banned_domain',
     (SELECT jsonb_build_object('domains', jsonb_agg('spam' || n || '.example')) FROM generate_series(1, 50) n)),
    ('00000000-0000-4000-9000-000000000002', 'trust_score', '{"minimum": 5}');
SQL
psql -c 'VACUUM ANALYZE'

# A request as PostgREST makes it, on a connection it holds: set the claims, then write. Both sides do.
request() {
    echo "\\set n random(1, $members)"
    cat <<SQL
SELECT set_config('request.jwt.claims', json_build_object('sub', '00000000-0000-4000-8000-' || lpad(:n::text, 12, '0'), 'role', 'authenticated')::text, false);
INSERT INTO spaces.posts (space_id, author_id, title, body)
VALUES ('00000000-0000-4000-9000-00000000000$1', ('00000000-0000-4000-8000-' || lpad(:n::text, 12, '0'))::uuid, 'A post',
        repeat('What a member says, and a link to https://docs.example.org/page. ', 15));
SQL
}
request 1 >"$cluster/without.sql"
request 2 >"$cluster/with.sql"

for _ in $(seq "$rounds"); do
    for variant in without with; do
        PGOPTIONS="$PGOPTIONS -c role=authenticated" "$bin/pgbench" -n -M prepared -c 1 -t "$posts" -f "$cluster/$variant.sql" bench \
            | sed -n 's/^latency average = \([0-9.]*\) ms.*/\1/p' >>"$cluster/$variant"
    done
done
held=$(psql -c "SELECT count(*) FROM spaces.posts WHERE state <> 'published'")
[ "$held" = 0 ] || { echo "$held posts were held"; exit 1; }
report_heading
report_rounds automod 'a post under one rule of each type' 'without rules' ms "$cluster/with" "$cluster/without" '<= 1.3'
