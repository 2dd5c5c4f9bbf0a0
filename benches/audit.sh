#!/usr/bin/env bash
# Measures the audit engine against the plain alternatives, in one run, on the same rows.
#
#   PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config benches/audit.sh
#
# The extension must be installed there, as a release build. Each time is the best of ROUNDS (5); the
# rivals take turns.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=scripts/report.sh
. ../scripts/report.sh
# shellcheck source=scripts/cluster.sh
. ../scripts/cluster.sh
bin=$("${PG_CONFIG:-pg_config}" --bindir)
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'stop_cluster; rm -rf "$work"' EXIT
start_cluster "$bin" shared_buffers=512MB max_wal_size=8GB checkpoint_timeout=1h autovacuum=off
export PGDATABASE=postgres

sql() { "$bin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }
now='SELECT extract(epoch FROM clock_timestamp())'
# The seconds that a statement takes, its commit included.
seconds() {
    sql -c CHECKPOINT -c "$now" -c "$1" -c "$now" | awk 'NR == 1 { a = $1 } END { printf "%.4f\n", $1 - a }'
}
best() { sort -n "$1" | sed -n "${2:-1}p"; }
highest() { sort -rn "$1" | sed -n 1p; }
failed=0
# The best of ours beside the best of the other's, as work, against, unit, two files, target.
compare() {
    best=best
    [ "$3" = s ] || best=highest
    ours=$($best "$4") other=$($best "$5")
    report_row audit "$1" "$2" "$3" "$ours" "$other" "$(awk -v a="$ours" -v b="$other" 'BEGIN { print a / b }')" \
        "$(spread "$4" "$5")" "$6" || failed=1
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

report_heading
compare '50,000 inserts' 'row trigger without a chain' s "$work/insert.chained" "$work/insert.plain" '<= 1.0'
compare '50,000 inserts' 'PL/pgSQL hash chain' s "$work/insert.chained" "$work/insert.hashed" '<= 0.6'
compare '50,000 inserts' "supa_audit's design" s "$work/insert.chained" "$work/insert.versioned" '<= 0.35'
compare '8 clients, 8 chains' 'row trigger, no chain' tps "$work/single.chained" "$work/single.plain" '>= 0.8'
compare '8 clients, 8 chains, marker table' 'row trigger, no chain' tps "$work/single.marked" "$work/single.plain" '>= 0.8'
rate=$(awk -v s="$(best "$work/verify")" 'BEGIN { print 500000 / s }')
report_row audit 'verify 500,000 entries' 'a number' rows/s "$rate" 500000 \
    "$(awk -v r="$rate" 'BEGIN { print r / 500000 }')" '' '>= 1.0' || failed=1
exit "$failed"
