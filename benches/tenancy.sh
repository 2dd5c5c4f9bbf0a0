#!/usr/bin/env bash
# What row security costs a reader: the newest 50 of 5,000,000 rows in 10,000 organizations, read by a
# member under the policies, beside the same query by the tables' owner with the organization spelt out.
# usage: benches/tenancy.sh        PG_CONFIG says which PostgreSQL; ROWS, ORGANIZATIONS and SAMPLES scale it
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
# shellcheck source=scripts/requests.sh
. scripts/requests.sh
bin=$("${PG_CONFIG:?}" --bindir)
rows=${ROWS:-5000000} organizations=${ORGANIZATIONS:-10000} samples=${SAMPLES:-20}
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

# A request as PostgREST makes it, on a connection it holds: set the claims, then read. Both sides do.
n='lpad(:n::text, 12, $$0$$)'
request() {
    echo "\\set n random(1, $organizations)"
    echo "SELECT set_config('request.jwt.claims', json_build_object('sub', '00000000-0000-4000-8000-' || $n," \
        "'role', 'authenticated')::text, false);"
    echo "SELECT id, name, email, company, status, total_revenue, created_at FROM tenancy.customers $1" \
        "ORDER BY created_at DESC LIMIT 50;"
}
request '' >"$cluster/with.sql"
request "WHERE organization_id = ('00000000-0000-4000-9000-' || $n)::uuid AND (deleted_at IS NULL OR deleted_at > now())" \
    >"$cluster/without.sql"

share_a_core
failed=0
report_heading
for mode in prepared simple; do
    for _ in $(seq "$samples"); do
        request_time with authenticated 500 "$mode" >>"$cluster/$mode.with"
        request_time without postgres 500 "$mode" >>"$cluster/$mode.without"
    done
    report_best tenancy "a request for the newest 50 rows, $mode statements" 'the same without policies' \
        "$cluster/$mode.with" "$cluster/$mode.without" '<= 1.2' || failed=1
done
exit "$failed"
