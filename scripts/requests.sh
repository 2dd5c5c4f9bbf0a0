# Sourced after cluster.sh and report.sh by the benches that measure one request at a time.

# From now on server and client share a core, as far as the machine can say so: where the kernel puts the two of a
# request that takes microseconds decides more about its time than what it does.
share_a_core() {
    command -v taskset >/dev/null || return 0
    local core
    core=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
    taskset -acp "$core" "$server_pid" >/dev/null
    taskset -cp "$core" $$ >/dev/null
}

# request_time FILE ROLE REQUESTS [PROTOCOL]
# The median of the requests of $cluster/FILE.sql in microseconds, without the first ten, which warm up the connection.
request_time() {
    (cd "$cluster" && rm -f request.* &&
        PGOPTIONS="$PGOPTIONS -c role=$2" "$bin/pgbench" -n -c 1 -t $(($3 + 10)) -M "${4:-prepared}" \
            -l --log-prefix=request -f "$1.sql" >/dev/null 2>&1 &&
        awk '$2 >= 10 && $3 > 0 { print $3 }' request.* | sort -n |
        awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
}

# report_best BENCH WORK AGAINST OURS_FILE OTHER_FILE [MUST]
# The best time of each beside the other, so that it does not matter with what else the machine is busy.
report_best() {
    local ours other
    ours=$(sort -n "$4" | sed -n 1p) other=$(sort -n "$5" | sed -n 1p)
    report_row "$1" "$2" "$3" us "$ours" "$other" "$(awk -v a="$ours" -v b="$other" 'BEGIN { print a / b }')" \
        "$(spread "$4" "$5")" "${6:-}"
}
