#!/usr/bin/env bash
# The mutual choice beside what an application would write by hand for the same three rows (the
# choice, the pair's state, the match): a PL/pgSQL row trigger, and one statement of the
# application's own with the upsert in it. Both directions of every pair, by several clients at once.
# usage: benches/pair.sh        PG_CONFIG says which PostgreSQL; ROUNDS, PAIRS and CLIENTS scale it
# Rounds are interleaved, so that a busy machine is busy for all; medians are compared.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5} pairs=${PAIRS:-20000} clients=${CLIENTS:-16}
bin=$("${PG_CONFIG:-pg_config}" --bindir)
# shellcheck source=scripts/cluster.sh
. scripts/cluster.sh
# shellcheck source=scripts/report.sh
. scripts/report.sh
trap stop_cluster EXIT
start_cluster "$bin" shared_buffers=512MB max_wal_size=8GB checkpoint_timeout=1h max_connections=50 \
    autovacuum=off synchronous_commit=off
psql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -d postgres "$@"; }

psql -o /dev/null -c "SET community_core.modules = 'none'; CREATE EXTENSION community_core" 2>/dev/null
variants='engine trigger statement'
for variant in $variants; do
    psql -c "CREATE SCHEMA $variant" -c "SET search_path = $variant" -f - <<'SQL'
CREATE TABLE choices (event int NOT NULL, chooser uuid NOT NULL, target uuid NOT NULL,
    choice boolean NOT NULL, UNIQUE (event, chooser, target));
CREATE TABLE matches (event int NOT NULL, a uuid, b uuid, UNIQUE (event, a, b));
CREATE SEQUENCE turn;
SQL
done
psql -o /dev/null <<'SQL'
SELECT community_core.create_canonical_pair('engine.matches', 'a', 'b');
SELECT community_core.create_mutual_choice('engine.choices', '{event}', 'chooser', 'target', 'choice', 'engine.matches');
CREATE TABLE trigger.state (event int, low uuid, high uuid, low_yes boolean NOT NULL,
    high_yes boolean NOT NULL, PRIMARY KEY (event, low, high));
CREATE TABLE statement.state (LIKE trigger.state INCLUDING ALL);
CREATE FUNCTION trigger.keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE both_yes boolean;
BEGIN
    INSERT INTO trigger.state AS s VALUES (NEW.event, LEAST(NEW.chooser, NEW.target),
        GREATEST(NEW.chooser, NEW.target), NEW.chooser < NEW.target, NEW.chooser > NEW.target)
    ON CONFLICT (event, low, high) DO UPDATE SET low_yes = s.low_yes OR excluded.low_yes,
        high_yes = s.high_yes OR excluded.high_yes
    RETURNING s.low_yes AND s.high_yes INTO both_yes;
    IF both_yes THEN
        INSERT INTO trigger.matches VALUES (NEW.event, LEAST(NEW.chooser, NEW.target),
            GREATEST(NEW.chooser, NEW.target)) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep AFTER INSERT ON trigger.choices FOR EACH ROW EXECUTE FUNCTION trigger.keep();
SQL

# Every event is one pair; each of its two sides comes once, in turn.
choose() {
    cat <<SQL
SELECT nextval('$1.turn') - 1 AS turn \gset
\set event :turn / 2
\set side :turn % 2
SQL
    if [ "$1" = statement ]; then
        cat <<'SQL'
WITH choice AS (
    INSERT INTO statement.choices
    SELECT :event, p[1 + :side], p[2 - :side], true
    FROM (VALUES (ARRAY['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']::uuid[])) AS v (p)
    RETURNING *
), told AS (
    INSERT INTO statement.state AS s
    SELECT event, LEAST(chooser, target), GREATEST(chooser, target), chooser < target, chooser > target FROM choice
    ON CONFLICT (event, low, high) DO UPDATE SET low_yes = s.low_yes OR excluded.low_yes,
        high_yes = s.high_yes OR excluded.high_yes
    RETURNING s.*
)
INSERT INTO statement.matches SELECT event, low, high FROM told WHERE low_yes AND high_yes ON CONFLICT DO NOTHING;
SQL
    else
        cat <<SQL
INSERT INTO $1.choices SELECT :event, p[1 + :side], p[2 - :side], true
FROM (VALUES (ARRAY['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']::uuid[])) AS v (p);
SQL
    fi
}

each=$((2 * pairs / clients))
failed=0
for _ in $(seq "$rounds"); do
    for variant in $variants; do
        psql -c "TRUNCATE $variant.choices, $variant.matches" -c "ALTER SEQUENCE $variant.turn RESTART"
        [ "$variant" = engine ] || psql -c "TRUNCATE $variant.state"
        choose "$variant" >"$cluster/choose.sql"
        "$bin/pgbench" -n -M prepared -c "$clients" -j 2 -t "$each" -f "$cluster/choose.sql" postgres \
            2>"$cluster/errors" | sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$cluster/$variant"
        matches=$(psql -At -c "SELECT count(*) FROM $variant.matches")
        if [ "$matches" != $((each * clients / 2)) ]; then
            echo "$variant made $matches matches of $((each * clients / 2))"
            failed=1
        fi
    done
done

report_heading
what="$clients clients, both sides of $pairs pairs"
report_rounds pair "$what" 'PL/pgSQL row trigger' tps "$cluster/engine" "$cluster/trigger" '>= 0.8' || failed=1
report_rounds pair "$what" 'one upsert by hand' tps "$cluster/engine" "$cluster/statement" '>= 0.8' || failed=1
psql -At -c "SELECT 'deadlocks: ' || deadlocks FROM pg_stat_database WHERE datname = current_database()"
exit "$failed"
