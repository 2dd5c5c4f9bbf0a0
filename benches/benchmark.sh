#!/bin/sh
# Measures the benchmark engine against the document's own SQL, on a throwaway cluster.
# PG_CONFIG names the server to use; the extension must be installed there (a release build).
# PEOPLE (default 1000000) sets the size.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$("${PG_CONFIG:-pg_config}" --bindir)
directory=$(mktemp -d "${TMPDIR:-/tmp}/community_core-bench.XXXXXX")
server=

# Postgres refuses to run as root.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then runuser -u "${BENCH_USER:-postgres}" -- "$@"; else "$@"; fi
}
stop() {
    if [ -s data/postmaster.pid ]; then kill -INT "$(head -n 1 data/postmaster.pid)" || true; fi
    [ -z "$server" ] || wait "$server" || true
    rm -rf "$directory"
}
trap stop EXIT
trap 'exit 1' INT TERM

[ "$(id -u)" != 0 ] || chown "${BENCH_USER:-postgres}" "$directory"
cd "$directory"
as_server_user "$bin/initdb" --pgdata "$directory/data" --username postgres --auth trust \
    --encoding UTF8 --locale C --no-sync > initdb.log
as_server_user "$bin/postgres" -D "$directory/data" -k "$directory" -c listen_addresses= \
    -c fsync=off -c shared_buffers=1GB -c work_mem=64MB -c maintenance_work_mem=256MB \
    -c max_wal_size=8GB -c autovacuum=off > postgres.log 2>&1 &
server=$!
export PGHOST="$directory" PGUSER=postgres
until "$bin/psql" -qXAt -c 'SELECT 1' postgres > /dev/null 2>&1; do
    kill -0 "$server" || { cat postgres.log; exit 1; }
    sleep 0.2
done
"$bin/psql" -qX -v ON_ERROR_STOP=1 postgres \
    -c "SET community_core.modules = 'none'" -c 'CREATE EXTENSION community_core'
"$bin/psql" -qX -v ON_ERROR_STOP=1 -v people="${PEOPLE:-1000000}" -f "$here/benchmark.sql" postgres |
    grep '[|+]'
