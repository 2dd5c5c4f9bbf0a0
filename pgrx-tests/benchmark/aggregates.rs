//! The k_anonymous aggregates.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    fn text(query: &str) -> Option<String> {
        Spi::get_one::<String>(&format!("SELECT ({query})::text")).expect(query)
    }

    fn people(rows: &str) {
        Spi::run(&format!(
            "CREATE TEMP TABLE observed AS
             SELECT lpad(to_hex(person), 32, '0')::uuid AS person, value::numeric, at::timestamptz
             FROM ({rows}) AS rows (person, value, at)"
        ))
        .expect("the rows are made");
    }

    #[pg_test]
    fn below_k_people_with_a_value_every_aggregate_is_null() {
        people(
            "SELECT 1, 83, now() UNION ALL SELECT person, NULL, now() FROM generate_series(2, 5) AS person",
        );
        for call in [
            "avg(person, value, 5)",
            "percentile(person, value, 0.5, 5)",
            "histogram(person, value, 0, 100, 10, 5)",
        ] {
            assert_eq!(
                text(&format!(
                    "SELECT community_core.k_anonymous_{call} FROM observed"
                )),
                None,
                "{call}"
            );
        }
        let count = "SELECT community_core.k_anonymous_count(person, 5) FROM observed";
        assert_eq!(text(count).as_deref(), Some("5"));
        assert_eq!(text(&format!("{count} WHERE value IS NOT NULL")), None);
        assert_eq!(text(&format!("{count} WHERE false")), None);
    }

    #[pg_test]
    fn many_rows_of_one_person_are_one_person_with_the_latest_value() {
        people(
            "SELECT person, 10 * person + day, '2026-01-01'::timestamptz + day * interval '1 day'
                FROM generate_series(1, 4) AS person, generate_series(0, 9) AS day",
        );
        assert_eq!(
            text("SELECT community_core.k_anonymous_avg(person, value, 5, at) FROM observed"),
            None
        );
        Spi::run("INSERT INTO observed VALUES (gen_random_uuid(), 0, now()), (gen_random_uuid(), NULL, now())").expect("one more");
        // 19, 29, 39, 49 and 0
        assert_eq!(
            text(
                "SELECT community_core.k_anonymous_avg(person, value, 5, at) = 27.2 FROM observed"
            )
            .as_deref(),
            Some("true")
        );
    }

    #[pg_test]
    fn averages_equal_avg_to_the_last_digit() {
        for values in [
            "(random() * 1000)::numeric(9,2)",
            "round((random() - 0.5)::numeric, 25)",
            "(person * 7)",
            "(random() * 1e6)::bigint * 100000000000000000000000 + 0.000000000000000000000000000123",
        ] {
            people(&format!(
                "SELECT person, {values}, now() FROM generate_series(1, 1000) AS person"
            ));
            assert_eq!(
                text("SELECT community_core.k_anonymous_avg(person, value, 5, at) FROM observed"),
                text("SELECT avg(value) FROM observed"),
                "{values}"
            );
            Spi::run("DROP TABLE observed").expect("dropped");
        }
    }

    #[pg_test]
    fn the_median_is_the_mean_of_the_k_middle_values_and_nobodys_own() {
        people(
            "SELECT person, value, now() FROM unnest('{1,2,3,4,5}'::int[], '{12,35,61,70,94}'::int[]) AS rows (person, value)",
        );
        assert_eq!(
            text(
                "SELECT community_core.k_anonymous_percentile(person, value, 0.5, 5) FROM observed"
            )
            .as_deref(),
            Some("54.4")
        );
        Spi::run("TRUNCATE observed; INSERT INTO observed SELECT gen_random_uuid(), random() * 1000, now() FROM generate_series(1, 101)").expect("rows");
        assert_eq!(
            text("SELECT community_core.k_anonymous_percentile(person, value, 0.5, 5) = (
                    SELECT avg(value) FROM (SELECT value FROM observed ORDER BY value OFFSET 48 LIMIT 5) AS middle) FROM observed").as_deref(),
            Some("true")
        );
    }

    #[pg_test]
    fn percentiles_with_fewer_than_k_people_beyond_them_are_null() {
        people("SELECT person, person, now() FROM generate_series(1, 49) AS person");
        let at = |fraction: f64| {
            text(&format!(
                "SELECT community_core.k_anonymous_percentile(person, value, {fraction}, 5) FROM observed"
            ))
        };
        assert!(at(0.0).is_none() && at(1.0).is_none() && at(0.9).is_none());
        assert!(at(0.25).is_some() && at(0.75).is_some());
    }

    /// 60,000 rows of 20,000 people, and settings that make workers cost nothing.
    fn many_people_and_cheap_workers() {
        Spi::run(
            "CREATE TABLE many AS SELECT md5((number % 20000)::text)::uuid AS person,
                 (number % 977)::numeric / 8 AS value, now() + number * interval '1 s' AS at
             FROM generate_series(1, 60000) AS number;
             ANALYZE many;
             SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
             SET LOCAL min_parallel_table_scan_size = 0",
        )
        .expect("the table is made");
    }

    fn has_workers(query: &str) -> bool {
        let plan: Vec<String> = Spi::connect(|client| {
            client
                .select(&format!("EXPLAIN {query}"), None, &[])
                .expect("a plan")
                .filter_map(|row| row.get(1).ok().flatten())
                .collect()
        });
        plan.iter().any(|line| line.contains("Partial Aggregate"))
    }

    #[pg_test]
    fn workers_do_not_send_people_who_are_counted_sooner_than_sent() {
        many_people_and_cheap_workers();
        assert!(has_workers("SELECT avg(value) FROM many"));
        assert!(!has_workers(
            "SELECT community_core.k_anonymous_avg(person, value, 5) FROM many"
        ));
    }

    #[pg_test]
    fn parallel_workers_give_the_same_result() {
        many_people_and_cheap_workers();
        // Combining costs nothing either, and sending row by row does.
        Spi::run("SET LOCAL cpu_operator_cost = 0; SET LOCAL parallel_tuple_cost = 0.1")
            .expect("set");
        let query = "SELECT (community_core.k_anonymous_count(person, 5),
                             community_core.k_anonymous_avg(person, value, 5, at),
                             community_core.k_anonymous_percentile(person, value, 0.25, 5, at),
                             community_core.k_anonymous_histogram(person, value, 0, 125, 5, 5, at)) FROM many";
        assert!(has_workers(query));
        let parallel = text(query);
        Spi::run("SET LOCAL max_parallel_workers_per_gather = 0").expect("set");
        assert_eq!(parallel, text(query));
        assert_eq!(
            text("SELECT community_core.k_anonymous_avg(person, value, 5, at) FROM many"),
            text(
                "SELECT avg(value) FROM (SELECT DISTINCT ON (person) value FROM many ORDER BY person, at DESC) AS latest"
            )
        );
    }

    #[pg_test]
    fn groups_are_aggregated_apart() {
        people("SELECT person, person % 3, now() FROM generate_series(1, 16) AS person");
        assert_eq!(
            text("SELECT string_agg(coalesce(many::text, '-'), ' ' ORDER BY value) FROM
                  (SELECT value, community_core.k_anonymous_count(person, 6) AS many FROM observed GROUP BY value) AS counted").as_deref(),
            Some("- 6 -")
        );
    }

    #[pg_test(error = "k = 4 is below community_core.min_k = 5")]
    fn no_aggregate_goes_below_min_k() {
        people("SELECT person, person, now() FROM generate_series(1, 16) AS person");
        text("SELECT community_core.k_anonymous_avg(person, value, 4) FROM observed");
    }

    #[pg_test(error = "argument \"k\" must not be NULL")]
    fn k_must_be_given() {
        people("SELECT person, person, now() FROM generate_series(1, 16) AS person");
        text("SELECT community_core.k_anonymous_avg(person, value, NULL) FROM observed");
    }

    #[pg_test(error = "NaN and infinity are no value of a person")]
    fn nan_is_refused() {
        people("SELECT person, 'NaN'::numeric, now() FROM generate_series(1, 16) AS person");
        text("SELECT community_core.k_anonymous_avg(person, value, 5) FROM observed");
    }

    #[pg_test(error = "a value has more than 30 digits before or after the point")]
    fn values_that_are_too_long_are_refused() {
        people("SELECT person, 1e30, now() FROM generate_series(1, 16) AS person");
        text("SELECT community_core.k_anonymous_avg(person, value, 5) FROM observed");
    }

    #[pg_test(
        error = "fraction, bounds and buckets of a k_anonymous aggregate must be the same in every row"
    )]
    fn the_fraction_is_the_same_in_every_row() {
        people("SELECT person, person, now() FROM generate_series(1, 16) AS person");
        text(
            "SELECT community_core.k_anonymous_percentile(person, value, value::float8 / 100, 5) FROM observed",
        );
    }
}
