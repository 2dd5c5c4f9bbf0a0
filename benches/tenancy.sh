#!/usr/bin/env bash
# What row security costs a reader: the newest 50 of 5,000,000 rows in 10,000 organizations, read by a
# member under the policies, beside the same query by the tables' owner with the organization spelt out.
# usage: benches/tenancy.sh        PG_CONFIG says which PostgreSQL; ROWS, ORGANIZATIONS and SECONDS scale it
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cluster.sh
bin=$("${PG_CONFIG:?}" --bindir)
rows=${ROWS:-5000000} organizations=${ORGANIZATIONS:-10000} seconds=${SECONDS_EACH:-5}
trap stop_cluster EXIT
start_cluster "$bin" fsync=off full_page_writes=off max_wal_size=8GB checkpoint_timeout=1h \
    shared_buffers=512MB autovacuum=off jit=off
export PGDATABASE=bench PGOPTIONS='-c client_min_messages=warning'
psql() { "$bin/psql" -qXAt -v ON_ERROR_STOP=1 "$@"; }
"$bin/createdb" bench
psql -c "SET community_core.modules = 'tenancy'; CREATE EXTENSION community_core"
# The rows are there when the measurement starts, so nothing that fires on writing matters here.
psql -v rows="$rows" -v organizations="$organizations" <<'SQL'
SET session_replication_role = replica;
INSERT INTO auth.users (id, email)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n || '@x.test'
FROM generate_series(1, :organizations) n;
INSERT INTO tenancy.organizations (id, name, slug, admin_count)
SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'O', 'o' || n, 1
FROM generate_series(1, :organizations) n;
INSERT INTO tenancy.profiles (id, email, organization_id, role)
SELECT u.id, u.email, replace(u.id::text, '-8000-', '-9000-')::uuid, 'admin' FROM auth.users u;
-- Spread, so that the rows of one organization lie on as many pages.
INSERT INTO tenancy.customers (organization_id, name, status, created_at)
SELECT ('00000000-0000-4000-9000-' || lpad((1 + n % :organizations)::text, 12, '0'))::uuid,
       'Customer ' || n, 'active', timestamptz '2026-01-01' + n * interval '1 second'
FROM generate_series(1, :rows) n;
VACUUM ANALYZE;
SQL

columns='id, name, email, company, status, total_revenue, created_at'
newest='ORDER BY created_at DESC LIMIT 50'
# An application holds its connection and its role, and sets the claims for each request: both sides
# do, so that what is measured is the query.
claims="SELECT set_config('request.jwt.claims', json_build_object('sub', '00000000-0000-4000-8000-' || lpad(:n::text, 12, '0'), 'role', 'authenticated')::text, false);"
cat >"$cluster/with.sql" <<SQL
\set n random(1, $organizations)
$claims
SELECT $columns FROM tenancy.customers $newest;
SQL
cat >"$cluster/without.sql" <<SQL
\set n random(1, $organizations)
$claims
SELECT $columns FROM tenancy.customers
WHERE organization_id = ('00000000-0000-4000-9000-' || lpad(:n::text, 12, '0'))::uuid AND (deleted_at IS NULL OR deleted_at > now()) $newest;
SQL
# Milliseconds of the query alone, the last statement of the script.
measure() {
    PGOPTIONS="$PGOPTIONS -c role=$2" "$bin/pgbench" -n -r -c 1 -T "$seconds" -M "$mode" -f "$cluster/$1.sql" |
        awk '$1 ~ /^[0-9.]+$/ && /SELECT id|WHERE organization_id|FROM tenancy/ { ms = $1 } END { print ms }'
}
for mode in simple prepared; do
    best_with=1e9 best_without=1e9
    measure with authenticated >/dev/null
    measure without postgres >/dev/null
    for _ in 1 2 3; do
        with=$(measure with authenticated) without=$(measure without postgres)
        best_with=$(awk -v a="$with" -v b="$best_with" 'BEGIN { print a < b ? a : b }')
        best_without=$(awk -v a="$without" -v b="$best_without" 'BEGIN { print a < b ? a : b }')
    done
    awk -v mode="$mode" -v a="$best_with" -v b="$best_without" 'BEGIN {
        printf "newest 50 rows, %s protocol: %.3f ms with policies, %.3f ms without: %.2f x (must reach 1.20)\n",
            mode, a, b, a / b }'
done
