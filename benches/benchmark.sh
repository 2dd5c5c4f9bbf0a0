#!/usr/bin/env bash
# The benchmark engine beside the document's own SQL: consenting people with five scores each, in 160
# cells. The two take turns.
# usage: PG_CONFIG=... benches/benchmark.sh        PEOPLE (1000000) and ROUNDS (3) scale it
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$("${PG_CONFIG:-pg_config}" --bindir)
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
trap stop_cluster EXIT
start_cluster "$bin" fsync=off shared_buffers=1GB work_mem=64MB maintenance_work_mem=256MB \
    max_wal_size=8GB checkpoint_timeout=1h autovacuum=off
export PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
psql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 "$@"; }
psql -c "SET community_core.modules = 'none'" -c 'CREATE EXTENSION community_core'
psql -o /dev/null -v people="${PEOPLE:-1000000}" -v rounds="${ROUNDS:-3}" -f benches/benchmark.sql

# The samples of a work's side, in the order they were taken.
samples() {
    psql -At -c "SELECT ms FROM sample WHERE work = '$1' AND side = '$2' ORDER BY number" >"$cluster/$1.$2"
    echo "$cluster/$1.$2"
}
failed=0
compare() {
    report_rounds benchmark "$@" || failed=1
}
report_heading
document=$(samples document plain)
# How many times faster: the document's time over ours.
compare 'refresh after 1,000 changes, times faster' "the document's view, ms" ms \
    "$document" "$(samples refresh ours)" '>= 100' '>= 1000'
compare 'first build' "the document's view" ms "$(samples build ours)" "$document" '<= 1.5' '<= 1.0'
compare '20,000 score inserts with the queue' 'without' ms \
    "$(samples insert ours)" "$(samples insert plain)" '<= 1.15' '<= 1.05'
reading=$(median <"$(samples reading ours)")
report_row benchmark 'reading all cells' '5 ms' ms "$reading" 5 "$(awk -v a="$reading" 'BEGIN { print a / 5 }')" \
    '' '<= 1.0' '<= 0.4' || failed=1
compare 'k_anonymous_avg over all people' 'avg + count(distinct)' ms \
    "$(samples average ours)" "$(samples average plain)" '<= 0.5' '<= 0.3'
exit "$failed"
