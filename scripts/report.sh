# Sourced by the benches: how a measured row is printed, once for people and once for machines.
#
#   RESULT|bench|work|against|unit|ours|other|ratio|must|aim|spread|reached
#
# ours, other: in that unit, the medians of the rounds, where a bench does not say that it takes the
# best. ratio: the median of the rounds' ratios, so that a machine that is busy for a while is busy
# for both. must, aim: what it is to reach, as "<= 1.15"; aim is empty where
# there is none; both are empty where a row is only measured. spread: the lowest and the highest ratio of a round, as "0.93..1.07"; empty for a
# single round. reached: yes or no.
# A work that is not held against another, but against a number, has that number as its other.

# The median of the numbers on standard input.
median() {
    sort -g | awk '{ v[NR] = $1 } END { if (NR) print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

report_heading() {
    printf '%-52s %-24s %11s %11s %9s  %-9s %-9s %-16s %s\n' work against ours other ratio must aim spread reached
}

# report_row BENCH WORK AGAINST UNIT OURS OTHER RATIO SPREAD [MUST [AIM]]
# Gives 1 where the row is missed.
report_row() {
    awk -v bench="$1" -v work="$2" -v against="$3" -v unit="$4" -v ours="$5" -v other="$6" -v ratio="$7" \
        -v spread="$8" -v must="${9:-}" -v aim="${10:-}" 'BEGIN {
        split(must, wanted, " ")
        reached = must == "" || (wanted[1] == "<=" && ratio + 0 <= wanted[2] + 0) || (wanted[1] == ">=" && ratio + 0 >= wanted[2] + 0)
        said = must == "" ? "" : reached ? "yes" : "no"
        printf "%-52s %-24s %11.4g %11.4g %9.4g  %-9s %-9s %-16s %s\n",
            work " (" unit ")", against, ours, other, ratio, must, aim, spread, reached ? said : "NO"
        printf "RESULT|%s|%s|%s|%s|%.4g|%.4g|%.4g|%s|%s|%s|%s\n",
            bench, work, against, unit, ours, other, ratio, must, aim, spread, said
        exit !reached }'
}

# The lowest and the highest ratio of a round; nothing where there is only one round of either.
# Each file has one number a round, in the same order.
spread() {
    paste "$1" "$2" | awk 'NF == 2 { print $1 / $2 }' | sort -g |
        awk '{ v[NR] = $1 } END { if (NR > 1) printf "%.3g..%.3g", v[1], v[NR] }'
}

# report_rounds BENCH WORK AGAINST UNIT OURS_FILE OTHER_FILE MUST [AIM]
# The ratio is ours / other: "<=" wants it small, ">=" large.
report_rounds() {
    report_row "$1" "$2" "$3" "$4" "$(median <"$5")" "$(median <"$6")" \
        "$(paste "$5" "$6" | awk '{ print $1 / $2 }' | median)" "$(spread "$5" "$6")" "$7" "${8:-}"
}
