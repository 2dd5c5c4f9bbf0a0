//! Claims about resources, their ratings and flags.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    fn resource(topic: &str, number: usize) -> String {
        let id = uuid(topic, 600 + number);
        run(&format!(
            "INSERT INTO forum.community_resources
                 (id, title, description, type, category, format, file_url, published_at)
             VALUES ('{id}', 'r', 'd', 'tool', 'business', 'ZIP', 'https://example.org/{number}', now())"
        ));
        id
    }

    fn rate(resource: &str, person: &str, rating: &str) -> String {
        sqlstate(&format!(
            "INSERT INTO forum.resource_ratings (resource_id, user_id, rating)
             VALUES ('{resource}', '{person}', {rating})"
        ))
    }

    fn rating(resource: &str) -> String {
        text(&format!(
            "SELECT rating FROM forum.community_resources WHERE id = '{resource}'"
        ))
    }

    #[pg_test]
    fn a_rating_is_the_average_to_two_decimals_and_zero_without_any() {
        people("d1", 3);
        let one = resource("d1", 1);
        let person = |number| uuid("d1", number);
        assert_eq!(rating(&one), "0.00");
        for (number, given, then) in [(1, "5", "5.00"), (2, "4", "4.50"), (3, "4", "4.33")] {
            assert_eq!(rate(&one, &person(number), given), "00000");
            assert_eq!(rating(&one), then);
        }
        as_person(&person(1));
        run("UPDATE forum.resource_ratings SET rating = 1, review = 'no'");
        as_owner();
        assert_eq!(rating(&one), "3.00");
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{}'",
            person(2)
        ));
        assert_eq!(rating(&one), "2.50");
        run(&format!(
            "DELETE FROM forum.resource_ratings WHERE resource_id = '{one}'"
        ));
        assert_eq!(rating(&one), "0.00");
    }

    #[pg_test]
    fn one_rating_each_from_one_to_five() {
        people("d2", 1);
        let (one, me) = (resource("d2", 1), uuid("d2", 1));
        for wrong in ["0", "6", "-1"] {
            assert_eq!(rate(&one, &me, wrong), "23514", "{wrong}");
        }
        assert_eq!(rate(&one, &me, "NULL"), "23502");
        assert_eq!(rate(&one, &me, "5"), "00000");
        assert_eq!(rate(&one, &me, "5"), "23505");
        as_person(&me);
        run(&format!(
            "INSERT INTO forum.resource_ratings (resource_id, user_id, rating) VALUES ('{one}', '{me}', 2)
             ON CONFLICT (resource_id, user_id) DO UPDATE
             SET resource_id = excluded.resource_id, user_id = excluded.user_id, rating = excluded.rating"
        ));
        as_owner();
        assert_eq!(rating(&one), "2.00");
    }

    #[pg_test]
    fn type_category_access_and_difficulty_are_the_documented_ones() {
        let with = |column: &str, value: &str| {
            let values = ["type", "category", "access", "difficulty"].map(|name| {
                let default = match name {
                    "type" => "guide",
                    "category" => "business",
                    "access" => "free",
                    _ => "beginner",
                };
                format!("'{}'", if name == column { value } else { default })
            });
            outcome(&format!(
                "INSERT INTO forum.community_resources
                     (title, description, format, type, category, access, difficulty)
                 VALUES ('t', 'd', 'PDF', {})",
                values.join(", ")
            ))
        };
        for (column, allowed) in [
            ("type", "template guide checklist video course tool"),
            (
                "category",
                "client-acquisition development business templates marketing",
            ),
            ("access", "free member-only"),
            ("difficulty", "beginner intermediate advanced"),
        ] {
            for value in allowed.split(' ') {
                assert_eq!(with(column, value), "1", "{column} {value}");
            }
            for value in ["", "Guide", "expert", "members"] {
                assert_eq!(with(column, value), "23514", "{column} {value}");
            }
        }
    }

    #[pg_test]
    fn flags_follow_the_settings_and_leave_with_the_resource() {
        people("d3", 1);
        let (one, two) = (resource("d3", 1), resource("d3", 2));
        run(&format!(
            "SET LOCAL community_core.popular_downloads = 2; SET LOCAL community_core.new_days = 7;
             INSERT INTO forum.resource_downloads (resource_id, user_id)
             SELECT id, '{2}' FROM (VALUES ('{0}'::uuid), ('{0}'), ('{1}')) AS d (id);
             UPDATE forum.community_resources SET published_at = now() - interval '6 days 23 hours' WHERE id = '{0}';
             UPDATE forum.community_resources SET published_at = now() - interval '7 days' WHERE id = '{1}'",
            one, two, uuid("d3", 1)
        ));
        let refresh = || text("SELECT forum.refresh_resource_flags()");
        let flags = |id: &str| {
            text(&format!(
                "SELECT is_popular || ' ' || is_new FROM forum.community_resources WHERE id = '{id}'"
            ))
        };
        assert_ne!(refresh(), "0");
        assert_eq!(refresh(), "0", "what is right already is not written");
        assert_eq!(
            (flags(&one), flags(&two)),
            ("true true".into(), "false false".into())
        );
        run(
            "SET LOCAL community_core.popular_downloads = 1; SET LOCAL community_core.new_days = 8",
        );
        refresh();
        assert_eq!(flags(&two), "true true");
        run("SET LOCAL ROLE service_role");
        run(&format!("SELECT forum.soft_delete_resource('{one}')"));
        run("RESET ROLE");
        assert_eq!(flags(&one), "false false");
        assert_eq!(refresh(), "0");
        run(&format!("SELECT forum.restore_resource('{one}')"));
        assert_eq!(refresh(), "1");
        assert_eq!(flags(&one), "true true");
        run(&format!(
            "UPDATE forum.community_resources SET published_at = NULL WHERE id = '{one}'"
        ));
        refresh();
        assert_eq!(
            flags(&one),
            "true false",
            "what is not published is not new"
        );
    }

    #[pg_test]
    fn settings_of_the_forum_have_a_least_value_and_an_unknown_one_is_refused() {
        assert_eq!(
            text("SELECT community_core.forum_setting('new_days')"),
            "30"
        );
        assert_eq!(text("SELECT community_core.forum_setting(NULL)"), "");
        assert_eq!(
            sqlstate("SELECT community_core.forum_setting('new_day')"),
            "22023"
        );
        assert_eq!(
            sqlstate("SET community_core.popular_downloads = 0"),
            "22023"
        );
        as_guest();
        for name in [
            "popular_downloads",
            "new_days",
            "downloads_per_email",
            "downloads_per_address",
            "trusted_proxies",
        ] {
            assert_eq!(
                sqlstate(&format!("SET community_core.{name} = 1000")),
                "42501",
                "{name}"
            );
        }
    }

    #[pg_test]
    fn search_finds_titles_before_descriptions() {
        run("INSERT INTO forum.community_resources (title, description, type, category, format, published_at) VALUES
             ('Pricing', 'How narwhals price', 'guide', 'business', 'PDF', now()),
             ('The narwhal checklist', 'Steps', 'checklist', 'business', 'PDF', now())");
        as_guest();
        assert_eq!(
            list("SELECT title FROM forum.search_resources('narwhals')"),
            "The narwhal checklist Pricing"
        );
        assert_eq!(
            text("SELECT count(*) FROM forum.search_resources('narwhal', 1)"),
            "1"
        );
    }
}
