//! Claims about the type `contact_pair` and about tables whose pairs are kept in order.

#[pgrx::pg_schema]
mod tests {
    use super::super::{A, B, failure, run, text};
    use pgrx::prelude::*;

    const LOW_HIGH: &str =
        "(00000000-0000-4000-8000-00000000000a,0a000000-0000-4000-8000-00000000000b)";

    #[pg_test]
    fn a_pair_is_the_same_whoever_is_named_first() {
        for sql in [
            format!("SELECT community_core.contact_pair('{A}', '{B}')::text"),
            format!("SELECT community_core.contact_pair('{B}', '{A}')::text"),
            format!("SELECT '({B}, {A})'::community_core.contact_pair::text"),
            format!("SELECT ARRAY['{B}', '{A}']::uuid[]::community_core.contact_pair::text"),
            format!(
                "SELECT array_to_string(community_core.contact_pair('{B}', '{A}')::uuid[], ',')"
            ),
        ] {
            assert_eq!(
                text(&sql).trim_matches(['(', ')']),
                LOW_HIGH.trim_matches(['(', ')']),
                "{sql}"
            );
        }
        assert_eq!(
            text(&format!(
                "SELECT (community_core.pair_low(p) = LEAST('{A}'::uuid, '{B}')
                     AND community_core.pair_high(p) = GREATEST('{A}'::uuid, '{B}'))::text
                 FROM community_core.contact_pair('{B}', '{A}') AS p"
            )),
            "true"
        );
    }

    #[pg_test]
    fn a_pair_of_one_or_of_nobody_is_refused_with_a_sqlstate_of_its_own() {
        for (state, sql) in [
            (
                "22023",
                format!("SELECT community_core.contact_pair('{A}', '{A}')"),
            ),
            (
                "22023",
                format!("SELECT '({A},{A})'::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}', '{A}']::uuid[]::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}']::uuid[]::community_core.contact_pair"),
            ),
            (
                "22023",
                format!("SELECT ARRAY['{A}', NULL]::uuid[]::community_core.contact_pair"),
            ),
            (
                "22004",
                format!("SELECT community_core.contact_pair('{A}', NULL)"),
            ),
            (
                "22004",
                "SELECT community_core.contact_pair(NULL, NULL)".to_owned(),
            ),
            (
                "22P02",
                format!("SELECT '({A})'::community_core.contact_pair"),
            ),
            ("22P02", "SELECT ''::community_core.contact_pair".to_owned()),
            (
                "22P02",
                format!("SELECT '({A},{{{B}}})'::community_core.contact_pair"),
            ),
        ] {
            assert_eq!(failure(&sql), state, "{sql}");
        }
    }

    #[pg_test]
    fn pairs_are_found_by_btree_and_by_hash_and_sorted_as_their_ids() {
        run("CREATE TEMP TABLE t AS
             SELECT n, community_core.contact_pair(gen_random_uuid(), gen_random_uuid()) AS pair
             FROM generate_series(1, 2000) AS n;
             CREATE INDEX t_btree ON t (pair); CREATE INDEX t_hash ON t USING hash (pair);
             ANALYZE t; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
             SET LOCAL search_path = public, community_core");
        let wanted = text("SELECT pair::text FROM t WHERE n = 7");
        for (index, other) in [("t_btree", "t_hash"), ("t_hash", "t_btree")] {
            let plan = explain(&format!("SELECT n FROM t WHERE pair = '{wanted}'"), other);
            assert!(plan.contains(index), "{plan}");
        }
        assert_eq!(
            text(
                "SELECT (array_agg(n ORDER BY pair) = array_agg(n ORDER BY
                      community_core.pair_low(pair), community_core.pair_high(pair)))::text FROM t"
            ),
            "true"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM t a JOIN t b ON a.pair = b.pair"),
            "2000"
        );
    }

    /// The plan of a query while an index is not there.
    fn explain(query: &str, without: &str) -> String {
        run(
            "CREATE OR REPLACE FUNCTION pg_temp.plan(query text, without text) RETURNS text
             LANGUAGE plpgsql AS $$
             DECLARE line text; lines text := '';
             BEGIN
                 BEGIN
                     EXECUTE 'DROP INDEX pg_temp.' || without;
                     FOR line IN EXECUTE 'EXPLAIN ' || query LOOP lines := lines || line; END LOOP;
                     RAISE EXCEPTION USING ERRCODE = 'ZZ000';
                 EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
                 END;
                 RETURN lines;
             END $$",
        );
        text(&format!("SELECT pg_temp.plan($q${query}$q$, '{without}')"))
    }

    #[pg_test]
    fn a_pair_goes_through_its_binary_form() {
        assert_eq!(
            text(&format!(
                "SELECT encode(community_core.contact_pair_send('({B},{A})'), 'hex')"
            )),
            format!("{A}{B}").to_lowercase().replace('-', "")
        );
    }

    #[pg_test]
    fn a_row_written_the_wrong_way_round_is_turned_on_insert_and_on_update() {
        run(
            "CREATE TEMP TABLE c (a uuid, note text, b uuid, UNIQUE (a, b));
             SELECT community_core.create_canonical_pair('c', 'a', 'b')",
        );
        run(&format!(
            "INSERT INTO c VALUES ('{B}', 'kept', '{A}');
             INSERT INTO c VALUES ('{A}', 'lost', '{B}') ON CONFLICT DO NOTHING"
        ));
        let stands = format!("{A} kept {B}").to_lowercase();
        let row = "SELECT string_agg(concat_ws(' ', a, note, b), ';') FROM c";
        assert_eq!(text(row), stands);
        run(&format!("UPDATE c SET a = '{B}', b = '{A}'"));
        assert_eq!(text(row), stands);
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{B}', '', '{A}')")),
            "23505"
        );
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{A}', '', '{A}')")),
            "23514"
        );
        assert_eq!(
            failure(&format!("INSERT INTO c VALUES ('{A}', '', NULL)")),
            "23502"
        );
        assert_eq!(failure(&format!("UPDATE c SET b = '{A}'")), "23514");
    }

    #[pg_test]
    fn the_check_keeps_the_order_where_the_trigger_does_not_run() {
        run("CREATE TEMP TABLE c (a text, b text);
             SELECT community_core.create_canonical_pair('c', 'a', 'b');
             ALTER TABLE c DISABLE TRIGGER ALL");
        assert_eq!(failure("INSERT INTO c VALUES ('b', 'a')"), "23514");
        assert_eq!(failure("INSERT INTO c VALUES ('a', NULL)"), "23502");
    }

    #[pg_test]
    fn rows_that_are_there_are_turned_and_attaching_twice_is_attaching_once() {
        run("CREATE TEMP TABLE c (b int, a int); INSERT INTO c (a, b) VALUES (2, 1), (3, 9)");
        for _ in 0..2 {
            run("SELECT community_core.create_canonical_pair('c', 'a', 'b')");
            assert_eq!(
                text("SELECT string_agg(a || '<' || b, ' ' ORDER BY a) FROM c"),
                "1<2 3<9"
            );
        }
        let attached = "SELECT count(*)::text FROM pg_trigger WHERE tgrelid = 'c'::regclass";
        assert_eq!(text(attached), "1");
    }

    /// citext has an order of its own, which text, to which it casts, does not share.
    #[pg_test]
    fn the_order_is_that_of_the_type_also_where_its_operators_are_elsewhere() {
        if text("SELECT count(*)::text FROM pg_available_extensions WHERE name = 'citext'") == "0" {
            return;
        }
        run("CREATE SCHEMA types; CREATE EXTENSION citext SCHEMA types;
             CREATE TEMP TABLE c (a types.citext, b types.citext, UNIQUE (a, b));
             CREATE TEMP TABLE u (a types.citext, b types.citext);
             SELECT community_core.create_canonical_pair('c', 'a', 'b');
             SELECT community_core.create_unordered_pair('u', 'a', 'b')");
        run("INSERT INTO c VALUES ('B', 'a'); INSERT INTO u VALUES ('B', 'a')");
        assert_eq!(text("SELECT a || b FROM c"), "aB");
        for (table, values, state) in [
            ("c", "('A', 'b')", "23505"),
            ("u", "('A', 'b')", "23505"),
            ("c", "('x', 'X')", "23514"),
            ("u", "('x', 'X')", "23514"),
        ] {
            assert_eq!(
                failure(&format!("INSERT INTO {table} VALUES {values}")),
                state,
                "{values}"
            );
        }
    }

    #[pg_test]
    fn an_unordered_pair_keeps_who_asked_and_refuses_the_way_back() {
        run("CREATE TEMP TABLE asked (a uuid, b uuid);
             SELECT community_core.create_unordered_pair('asked', 'a', 'b');
             SELECT community_core.create_unordered_pair('asked', 'a', 'b')");
        run(&format!("INSERT INTO asked VALUES ('{B}', '{A}')"));
        assert_eq!(text("SELECT a::text FROM asked"), B.to_lowercase());
        assert_eq!(
            failure(&format!("INSERT INTO asked VALUES ('{A}', '{B}')")),
            "23505"
        );
        assert_eq!(
            failure(&format!("INSERT INTO asked VALUES ('{A}', '{A}')")),
            "23514"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM pg_trigger WHERE tgrelid = 'asked'::regclass"),
            "0"
        );
    }

    #[pg_test]
    fn what_cannot_be_a_pair_is_refused_by_name() {
        run(
            "CREATE TEMP TABLE t (a uuid, b text, c uuid, d point, e point);
             CREATE TEMP VIEW v AS SELECT * FROM t",
        );
        for (state, arguments) in [
            ("42804", "'t', 'a', 'b'"),
            ("42703", "'t', 'a', 'x'"),
            ("42P16", "'t', 'a', 'a'"),
            ("42883", "'t', 'd', 'e'"),
            ("42809", "'v', 'a', 'c'"),
            ("22004", "NULL, 'a', 'c'"),
            ("22004", "'t', NULL, 'c'"),
        ] {
            for function in ["create_canonical_pair", "create_unordered_pair"] {
                let sql = format!("SELECT community_core.{function}({arguments})");
                assert_eq!(failure(&sql), state, "{sql}");
            }
        }
        run(
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA community_core TO authenticated;
             SET LOCAL ROLE authenticated",
        );
        let mine = "SELECT community_core.create_canonical_pair('t', 'a', 'c')";
        assert_eq!(failure(mine), "42501");
    }

    #[pg_test]
    fn a_trigger_attached_by_hand_to_columns_of_two_types_is_refused_when_it_fires() {
        run("CREATE TABLE pg_temp.odd (a text, b int);
             CREATE TRIGGER odd BEFORE INSERT ON pg_temp.odd FOR EACH ROW
                 EXECUTE FUNCTION community_core.canonicalize_pair('a', 'b')");
        assert_eq!(failure("INSERT INTO pg_temp.odd VALUES ('a', 1)"), "42804");
    }
}
