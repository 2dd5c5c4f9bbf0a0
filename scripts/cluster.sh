# Sourced by scripts that need a throwaway cluster: it listens on a Unix socket in its own directory
# and nowhere else, and is stopped by the pid that was started.
#   start_cluster BIN_DIRECTORY [SETTING ...]     sets $cluster, the directory; connect with PGHOST
# As root the server runs as user postgres, as Postgres demands.

start_cluster() {
    local bin=$1
    shift
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/community_core.XXXXXX")
    chmod 755 "$cluster"
    server_user=()
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$cluster"
        server_user=(setpriv --reuid postgres --regid "$(id -g postgres)" --clear-groups --)
    fi
    "${server_user[@]}" "$bin/initdb" -D "$cluster/data" -U postgres --auth trust \
        --encoding UTF8 --locale C --no-sync >"$cluster/log" 2>&1 ||
        { cat "$cluster/log" >&2; return 1; }
    local settings=(-c "unix_socket_directories=$cluster" -c listen_addresses=) setting
    for setting in "$@"; do settings+=(-c "$setting"); done
    # Started from its own directory: the user may not be able to read the one we are in.
    (cd "$cluster" && exec "${server_user[@]}" "$bin/postgres" -D "$cluster/data" "${settings[@]}") \
        >>"$cluster/log" 2>&1 &
    server_pid=$!
    export PGHOST=$cluster PGUSER=postgres
    unset PGPORT PGDATABASE PGSERVICE
    local try
    for try in $(seq 600); do
        "$bin/pg_isready" -q && return 0
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    cat "$cluster/log" >&2
    return 1
}

stop_cluster() {
    if [ -n "${server_pid:-}" ] && kill -INT "$server_pid" 2>/dev/null; then
        wait "$server_pid" 2>/dev/null || true
    fi
    [ -z "${cluster:-}" ] || rm -rf "$cluster"
}
