#!/usr/bin/env bash
# The counter engine beside no trigger, a PL/pgSQL row trigger and a hand-written statement trigger,
# on tables as communities have them: a key, a foreign key that cascades, and its index.
# usage: benches/counter.sh        PG_CONFIG says which PostgreSQL; ROUNDS and SECONDS_EACH scale it
# Each round measures one after the other, and gives a ratio. A round of clients is long enough that it is not
# their first call, which loads a library or compiles a function, that is measured.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5}
bin=$("${PG_CONFIG:-pg_config}" --bindir)
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
trap stop_cluster EXIT
start_cluster "$bin" shared_buffers=512MB max_wal_size=8GB checkpoint_timeout=1h max_connections=50 \
    autovacuum=off
psql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -d postgres "$@"; }

psql -c "SET community_core.modules = 'none'; CREATE EXTENSION community_core" 2>/dev/null
variants='none engine per_row statement slots'
for variant in $variants; do
    psql -c "CREATE SCHEMA $variant" -c "SET search_path = $variant" -f - <<'SQL'
CREATE TABLE posts (id int PRIMARY KEY, body text, likes int NOT NULL DEFAULT 0);
CREATE TABLE likes (id bigserial PRIMARY KEY, post_id int NOT NULL REFERENCES posts ON DELETE CASCADE);
CREATE INDEX ON likes (post_id);
INSERT INTO posts SELECT n, repeat('x', 100), 0 FROM generate_series(1, 10000) AS n;
SQL
done
psql -o /dev/null <<'SQL'
SELECT community_core.create_counter('engine.likes', 'post_id', 'engine.posts', 'likes');
SELECT community_core.create_counter('slots.likes', 'post_id', 'slots.posts', 'likes', slots => 16);
CREATE FUNCTION per_row.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE per_row.posts SET likes = likes + 1 WHERE id = NEW.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count AFTER INSERT ON per_row.likes FOR EACH ROW EXECUTE FUNCTION per_row.count();
CREATE FUNCTION statement.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM statement.posts WHERE id IN (SELECT post_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    UPDATE statement.posts AS p SET likes = p.likes + d.n
    FROM (SELECT post_id, count(*) AS n FROM new_rows GROUP BY post_id) AS d WHERE p.id = d.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count AFTER INSERT ON statement.likes REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION statement.count();
SQL

# The same parents for each: what a measurement before has left of dead versions, and then of room in their pages,
# makes the next one faster.
fresh() {
    psql -c "SET session_replication_role = replica" -c "TRUNCATE $1.likes" -c "UPDATE $1.posts SET likes = 0 WHERE likes <> 0" \
        -c "VACUUM (FULL, ANALYZE) $1.posts"
    [ "$1" != slots ] || psql -c "TRUNCATE slots.posts_likes_slots"
    # So that nobody waits for the disk with what the one before wrote.
    psql -c CHECKPOINT
}

# Milliseconds of one statement that inserts `$2`.
insert() {
    psql -c '\timing on' -c "INSERT INTO $1.likes (post_id) $2" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
}

# Transactions a second of `$2` clients that each insert a like of `$3`.
throughput() {
    printf '%s\n' "\\set post $3" "INSERT INTO $1.likes (post_id) VALUES (:post)" >"$cluster/like.sql"
    "$bin/pgbench" -n -M prepared -c "$2" -j 2 -T "${SECONDS_EACH:-3}" -f "$cluster/like.sql" postgres 2>/dev/null |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

measure() {
    local name=$1 rounds=$2 variants=$3 round variant
    shift 3
    for round in $(seq "$rounds"); do
        for variant in $variants; do
            fresh "$variant"
            "$1" "$variant" "${@:2}" >>"$cluster/$name.$variant"
        done
    done
}

failed=0
# The figures of `$2` under measurement `$1`, beside those of `$3`.
compare() {
    report_rounds counter "$4" "$5" "$6" "$cluster/$1.$2" "$cluster/$1.$3" "$7" "$8" || failed=1
}

measure bulk "$rounds" 'none engine per_row statement' insert "SELECT 1 + n % 10000 FROM generate_series(1, 200000) AS n"
measure one 3 'engine per_row' insert "SELECT 1 FROM generate_series(1, 20000)"
measure spread $((3 * rounds)) 'engine per_row' throughput 4 'random(1, 10000)'
measure hot $((3 * rounds)) 'engine per_row' throughput 16 1
measure hot $((3 * rounds)) slots throughput 16 1

report_heading
compare bulk engine none '200,000 children, 10,000 parents' 'no trigger' ms '<= 1.15' '<= 1.05'
compare bulk engine per_row '200,000 children, 10,000 parents' 'PL/pgSQL row trigger' ms '<= 0.6' '<= 0.5'
compare bulk engine statement '200,000 children, 10,000 parents' 'SQL statement trigger' ms '<= 1.0' '<= 0.95'
compare spread engine per_row 'single rows, 4 clients, spread parents' 'PL/pgSQL row trigger' tps '>= 1.0' '>= 1.2'
compare hot engine per_row '16 clients, one hot parent' 'PL/pgSQL row trigger' tps '>= 0.95' '>= 1.1'
compare hot slots per_row '16 clients, one hot parent, 16 slots' 'PL/pgSQL row trigger' tps '>= 8' '>= 15'
compare one engine per_row '20,000 children, one parent' 'PL/pgSQL row trigger' ms '<= 0.05' '<= 0.02'
differences=$(psql -At -c "SELECT count(*) FROM community_core.verify_counters()")
echo "differences between the counters and a recount: $differences"
[ "$differences" = 0 ] && [ "$failed" = 0 ]
