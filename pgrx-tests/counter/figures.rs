//! Sums and averages.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::counter::{failure, no_differences, run, text};
    use pgrx::prelude::*;

    fn resources() {
        run("CREATE SCHEMA s;
             CREATE TABLE s.resources (id int PRIMARY KEY, rating numeric(3,2), ratings int DEFAULT 0,
                 stars bigint DEFAULT 0, paid numeric DEFAULT 0);
             CREATE TABLE s.ratings (id serial PRIMARY KEY, stars int, paid numeric, hidden boolean DEFAULT false,
                 resource_id int REFERENCES s.resources ON DELETE CASCADE ON UPDATE CASCADE);
             INSERT INTO s.resources (id) VALUES (1), (2), (3)");
    }

    fn ratings() -> String {
        no_differences();
        text(
            "SELECT string_agg(concat_ws(' ', COALESCE(rating::text, '-'), ratings), ', ' ORDER BY id) FROM s.resources",
        )
    }

    #[pg_test]
    fn an_average_is_exact_and_rounded_only_where_it_is_stored() {
        resources();
        run(
            "SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating', 'ratings')",
        );
        assert_eq!(ratings(), "- 0, - 0, - 0");
        for _ in 0..7 {
            run("INSERT INTO s.ratings (resource_id, stars) VALUES (1, 5), (1, 4), (1, 4), (2, 1)");
        }
        assert_eq!(ratings(), "4.33 21, 1.00 7, - 0");
        run("UPDATE s.ratings SET stars = 5 WHERE resource_id = 1");
        assert_eq!(ratings(), "5.00 21, 1.00 7, - 0");
        run("UPDATE s.ratings SET resource_id = 3 WHERE resource_id = 2");
        assert_eq!(ratings(), "5.00 21, - 0, 1.00 7");
        run("INSERT INTO s.ratings (resource_id, stars) VALUES (3, NULL)");
        assert_eq!(ratings(), "5.00 21, - 0, 1.00 7");
        run("TRUNCATE s.ratings");
        assert_eq!(ratings(), "- 0, - 0, - 0");
    }

    #[pg_test]
    fn an_average_of_no_children_is_the_columns_default_when_asked() {
        resources();
        run("ALTER TABLE s.resources ALTER rating SET DEFAULT 0.0");
        let error = failure(
            "SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating')",
        );
        assert!(
            error.starts_with("22023 | \"rating\" of s.resources has a default"),
            "{error}"
        );
        run("SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating', empty => 'default');
             INSERT INTO s.resources (id) VALUES (4); INSERT INTO s.ratings (resource_id, stars) VALUES (1, 5), (4, 2)");
        assert_eq!(ratings(), "5.00 0, 0.00 0, 0.00 0, 2.00 0");
        run("DELETE FROM s.ratings");
        assert_eq!(ratings(), "0.00 0, 0.00 0, 0.00 0, 0.00 0");
    }

    #[pg_test]
    fn an_average_follows_its_parents_key_and_leaves_with_it() {
        resources();
        run("SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating', 'ratings', counted => 'NOT hidden');
             INSERT INTO s.ratings (resource_id, stars, hidden) VALUES (1, 5, false), (1, 2, true), (2, 3, false);
             UPDATE s.resources SET id = 9 WHERE id = 1");
        assert_eq!(ratings(), "3.00 1, - 0, 5.00 1");
        run("UPDATE s.ratings SET hidden = false");
        assert_eq!(ratings(), "3.00 1, - 0, 3.50 2");
        run("DELETE FROM s.resources WHERE id = 9");
        assert_eq!(
            text("SELECT count(*)::text FROM s.resources_rating_sum"),
            "1"
        );
    }

    #[pg_test]
    fn a_sum_behind_an_average_that_was_tampered_with_is_named_and_repaired() {
        resources();
        run("SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating');
             INSERT INTO s.ratings (resource_id, stars) VALUES (1, 5); UPDATE s.resources_rating_sum SET total = 7");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', key, counter, stored, actual), ', ') FROM community_core.verify_counters('s.resources')"
            ),
            "1 rating (its sum) 7 5"
        );
        run(
            "SELECT community_core.recount_counters('s.resources'); INSERT INTO s.ratings (resource_id, stars) VALUES (1, 4)",
        );
        assert_eq!(ratings(), "4.50 0, - 0, - 0");
    }

    #[pg_test]
    fn sums_of_integers_and_numerics_are_exact() {
        resources();
        run("SELECT community_core.create_sum('s.ratings', 'resource_id', 'stars', 's.resources', 'stars');
             SELECT community_core.create_sum('s.ratings', 'resource_id', 'paid', 's.resources', 'paid', counted => 'NOT hidden');
             INSERT INTO s.ratings (resource_id, stars, paid) VALUES (1, 2147483647, 0.1), (1, 2147483647, 0.2), (2, -3, 1e-20), (2, NULL, NULL), (NULL, 1, 1);
             UPDATE s.ratings SET paid = paid + 0.000000000000000000000000001 WHERE resource_id = 2");
        no_differences();
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', stars, paid), ', ' ORDER BY id) FROM s.resources"
            ),
            "4294967294 0.3, -3 0.000000000000000000010000001, 0 0"
        );
        run("DELETE FROM s.ratings WHERE resource_id = 1");
        no_differences();
        run("UPDATE s.ratings SET hidden = true");
        no_differences();
    }

    #[pg_test]
    fn figures_that_cannot_be_exact_are_refused() {
        resources();
        run(
            "ALTER TABLE s.ratings ADD weight double precision; ALTER TABLE s.resources ADD weight numeric DEFAULT 0",
        );
        for (call, message) in [
            (
                "create_sum('s.ratings', 'resource_id', 'weight', 's.resources', 'weight')",
                "42804 | column \"weight\" of s.ratings cannot be summed exactly",
            ),
            (
                "create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating', empty => 'zero')",
                "22023 | empty cannot be zero",
            ),
            (
                "create_average('s.ratings', 'resource_id', 'stars', 's.resources', NULL)",
                "22004 | argument \"average\"",
            ),
        ] {
            let error = failure(&format!("SELECT community_core.{call}"));
            assert!(error.starts_with(message), "{call}: {error}");
        }
    }

    #[pg_test]
    fn a_dropped_average_takes_its_side_table_along() {
        resources();
        run("SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating');
             SELECT community_core.drop_counter('s.ratings', 'resource_id', 's.resources', 'rating')");
        assert_eq!(
            text("SELECT to_regclass('s.resources_rating_sum')::text"),
            "-"
        );
    }

    #[pg_test]
    fn many_averages_in_one_statement_are_exact() {
        resources();
        run("SELECT community_core.create_average('s.ratings', 'resource_id', 'stars', 's.resources', 'rating', 'ratings');
             INSERT INTO s.resources (id) SELECT generate_series(4, 500);
             INSERT INTO s.ratings (resource_id, stars) SELECT 1 + n % 500, 1 + n * 7 % 5 FROM generate_series(1, 5000) AS n;
             UPDATE s.ratings SET stars = 1 + stars % 5, resource_id = 501 - resource_id WHERE id % 3 = 0;
             DELETE FROM s.ratings WHERE id % 7 = 0");
        no_differences();
    }
}
