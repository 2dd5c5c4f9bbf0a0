#!/bin/sh
# Measures the audit engine against the plain alternatives, in one run, on the same rows.
#
#   PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config benches/audit.sh
#
# The extension must be installed there, as a release build. A cluster of its own is made in
# $TMPDIR, listens on a socket there and nowhere else, and is gone at the end. Each time is the
# best of ROUNDS (5); the rivals take turns. Run as root it becomes the user postgres.
set -eu
cd "$(dirname "$0")"
bin=$("${PG_CONFIG:-pg_config}" --bindir)
rounds=${ROUNDS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/audit-bench.XXXXXX")
if [ "$(id -u)" = 0 ]; then
    chown postgres "$work"
    as() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
else
    as() { "$@"; }
fi
server=
finish() {
    if [ -n "$server" ]; then
        kill -INT "$server" && wait "$server" || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

as "$bin/initdb" -D "$work/data" -U postgres --auth trust --encoding UTF8 --locale C >/dev/null
as "$bin/postgres" -D "$work/data" -c listen_addresses= -c unix_socket_directories="$work" \
    -c shared_buffers=512MB -c max_wal_size=8GB -c checkpoint_timeout=1h -c autovacuum=off \
    > "$work/log" 2>&1 &
server=$!
export PGHOST="$work" PGUSER=postgres PGDATABASE=postgres
until "$bin/psql" -XAtqc 'SELECT 1' >/dev/null 2>&1; do
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
done

sql() { "$bin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }
now='SELECT extract(epoch FROM clock_timestamp())'
# The seconds that a statement takes, its commit included.
seconds() {
    sql -c CHECKPOINT -c "$now" -c "$1" -c "$now" | awk 'NR == 1 { a = $1 } END { printf "%.4f\n", $1 - a }'
}
best() { sort -n "$1" | sed -n "${2:-1}p"; }
highest() { sort -rn "$1" | sed -n 1p; }
# name, measured, against, target; "at most" or "at least"
line() {
    awk -v name="$1" -v a="$2" -v b="$3" -v target="$4" -v at_most="$5" 'BEGIN {
        ratio = a / b; ok = at_most ? ratio <= target : ratio >= target
        printf "%-52s %10.3f %10.3f %8.2f   %s %-5s %s\n", name, a, b, ratio,
            at_most ? "<=" : ">=", target, ok ? "reached" : "MISSED" }'
}

sql -c "SET community_core.modules = 'none'" -c 'CREATE EXTENSION community_core' -f audit.sql >/dev/null
for round in $(seq "$rounds"); do
    for rival in plain hashed versioned chained; do
        # One round of what takes a hundred times as long is enough.
        if [ $rival = hashed ] && [ "$round" -gt 1 ]; then
            continue
        fi
        sql -c "SELECT make_$rival()" >/dev/null 2>&1
        seconds "INSERT INTO $rival.target SELECT * FROM source" >> "$work/insert.$rival"
    done
done
faults=$(sql -c "SELECT count(*) FROM community_core.verify_audit('chained.log')")
[ "$faults" = 0 ] || { echo "the chained log has $faults faults" >&2; exit 1; }

for rival in plain chained marked; do
    cat > "$work/single.$rival.sql" <<SQL
INSERT INTO $rival.target (id, organization_id, name, email, notes, amount, visits, active, created_at)
VALUES (gen_random_uuid(), md5(:client_id::text)::uuid, 'customer', 'customer@example.org',
        repeat(md5(random()::text), 8), 12.50, 1, true, now());
SQL
done
for round in $(seq "$rounds"); do
    for rival in plain chained marked; do
        sql -c "SELECT make_$rival()" -c CHECKPOINT >/dev/null 2>&1
        "$bin/pgbench" -n -M prepared -c 8 -j 2 -T "${SECONDS_EACH:-4}" -f "$work/single.$rival.sql" 2>/dev/null \
            | awk '/^tps/ { print $3 }' >> "$work/single.$rival"
    done
done

sql -c "SELECT make_chained()" >/dev/null 2>&1
for part in $(seq 10); do
    sql -c "INSERT INTO chained.target SELECT gen_random_uuid(), organization_id, name, email, notes,
            amount, visits, active, created_at FROM source"
done
sql -c 'VACUUM (ANALYZE) chained.log' -c 'VACUUM (ANALYZE) chained.log_seal'
for round in $(seq "$rounds"); do
    seconds "SELECT count(*) FROM community_core.verify_audit('chained.log')" |
        sed -n 1p >> "$work/verify"
done

printf '%-52s %10s %10s %8s\n' 'work' 'this' 'against' 'ratio'
chained=$(best "$work/insert.chained")
line '50,000 inserts, s / row trigger without a chain' "$chained" "$(best "$work/insert.plain")" 1.0 1
line '50,000 inserts, s / PL/pgSQL hash chain' "$chained" "$(best "$work/insert.hashed")" 0.6 1
line "50,000 inserts, s / supa_audit's design" "$chained" "$(best "$work/insert.versioned")" 0.35 1
line '8 clients, 8 chains, tps / row trigger, no chain' "$(highest "$work/single.chained")" \
    "$(highest "$work/single.plain")" 0.8 ''
line 'same, with a marker table and a deferred trigger' "$(highest "$work/single.marked")" \
    "$(highest "$work/single.plain")" 0.8 ''
verify=$(best "$work/verify")
line 'verify 500,000 entries, rows per second / 500,000' \
    "$(awk -v s="$verify" 'BEGIN { print 500000 / s }')" 500000 1.0 ''
