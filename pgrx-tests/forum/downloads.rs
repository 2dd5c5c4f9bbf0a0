//! Claims about downloads by members and by guests.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;

    fn resource(topic: &str, access: &str) -> String {
        let id = uuid(topic, 700 + access.len());
        run(&format!(
            "INSERT INTO forum.community_resources
                 (id, title, description, type, category, access, format, file_url, published_at)
             VALUES ('{id}', 'Kit', 'd', 'tool', 'business', '{access}', 'ZIP', 'https://example.org/kit', now())"
        ));
        id
    }

    fn headers(headers: &str) {
        run(&format!(
            "SELECT set_config('request.headers', $h${headers}$h$, true)"
        ));
    }

    fn download(resource: &str, email: &str) -> String {
        sqlstate(&format!(
            "SELECT forum.download_resource('{resource}', '{email}')"
        ))
    }

    /// Who, from where and with what, of each download, as the owner sees it.
    fn recorded(resource: &str) -> String {
        as_owner();
        list(&format!(
            "SELECT concat_ws('|', left(user_id::text, 2), email, ip_address, user_agent)
             FROM forum.resource_downloads WHERE resource_id = '{resource}' ORDER BY email, user_id, ip_address"
        ))
    }

    #[pg_test]
    fn a_guest_leaves_an_email_and_gets_the_address_of_the_file() {
        let kit = resource("e1", "free");
        headers(r#"{"x-forwarded-for":"192.0.2.7","user-agent":"curl/8"}"#);
        as_guest();
        let url = format!("SELECT forum.download_resource('{kit}', '  Ada@Example.ORG ')");
        assert_eq!(text(&url), "https://example.org/kit");
        assert_eq!(recorded(&kit), "ada@example.org|192.0.2.7|curl/8");
        let count =
            format!("SELECT download_count FROM forum.community_resources WHERE id = '{kit}'");
        assert_eq!(text(&count), "1");
    }

    #[pg_test]
    fn what_is_no_email_address_is_refused_and_nothing_is_recorded() {
        let kit = resource("e2", "free");
        as_guest();
        let long = format!("{}@example.org", "x".repeat(250));
        for email in [
            "",
            " ",
            "ada",
            "@",
            "ada@",
            "ada@example",
            "a b@example.org",
            "a@b@c.org",
            &long,
        ] {
            assert_eq!(download(&kit, email), "22023", "{email}");
        }
        assert_eq!(
            sqlstate(&format!("SELECT forum.download_resource('{kit}')")),
            "22023"
        );
        assert_eq!(
            message(&format!("SELECT forum.download_resource('{kit}', 'Ada')")),
            "'ada' is no email address"
        );
        assert_eq!(recorded(&kit), "");
    }

    #[pg_test]
    fn what_is_for_members_is_not_for_guests() {
        people("e3", 1);
        headers(r#"{"x-forwarded-for":"192.0.2.3"}"#);
        let kit = resource("e3", "member-only");
        as_guest();
        assert_eq!(download(&kit, "ada@example.org"), "42501");
        ask_as("authenticated", r#"{"role":"authenticated"}"#);
        assert_eq!(download(&kit, "ada@example.org"), "42501");
        as_person(&uuid("e3", 1));
        assert_eq!(
            text(&format!("SELECT forum.download_resource('{kit}')")),
            "https://example.org/kit"
        );
        assert_eq!(recorded(&kit), "e3|192.0.2.3");
    }

    #[pg_test]
    fn a_member_is_recorded_as_themself_whatever_email_they_give() {
        people("e4", 1);
        headers(r#"{"x-forwarded-for":"192.0.2.4"}"#);
        let kit = resource("e4", "free");
        as_person(&uuid("e4", 1));
        assert_eq!(download(&kit, "somebody@example.org"), "00000");
        assert_eq!(recorded(&kit), "e4|192.0.2.4");
    }

    #[pg_test]
    fn what_is_not_listed_does_not_exist() {
        let kit = resource("e5", "free");
        let refused = |change: &str| {
            run(&format!(
                "UPDATE forum.community_resources SET {change} WHERE id = '{kit}'"
            ));
            as_guest();
            let found = message(&format!(
                "SELECT forum.download_resource('{kit}', 'ada@example.org')"
            ));
            as_owner();
            found
        };
        let expected = format!("there is no resource {kit}");
        assert_eq!(refused("published_at = NULL"), expected);
        assert_eq!(
            refused("published_at = now() + interval '1 hour'"),
            expected
        );
        assert_eq!(
            refused("published_at = now(), deleted_at = now()"),
            expected
        );
        assert_eq!(
            refused("deleted_at = NULL, file_url = NULL"),
            "resource \"Kit\" has no file"
        );
        assert_eq!(
            sqlstate("SELECT forum.download_resource(NULL, 'ada@example.org')"),
            "P0002"
        );
    }

    #[pg_test]
    fn one_email_has_so_many_downloads_in_24_hours() {
        let kit = resource("e6", "free");
        run("SET LOCAL community_core.downloads_per_email = 2");
        as_guest();
        assert_eq!(download(&kit, "e6@example.org"), "00000");
        assert_eq!(download(&kit, "E6@example.org "), "00000");
        assert_eq!(download(&kit, "e6@example.org"), "53400");
        assert_eq!(download(&kit, "another.e6@example.org"), "00000");
        as_owner();
        run("UPDATE forum.resource_downloads SET downloaded_at = downloaded_at - interval '24 hours'
             WHERE email = 'e6@example.org'");
        as_guest();
        assert_eq!(download(&kit, "e6@example.org"), "00000");
    }

    #[pg_test]
    fn one_address_has_so_many_downloads_by_guests_whatever_email_they_give() {
        people("e7", 1);
        let kit = resource("e7", "free");
        run("SET LOCAL community_core.downloads_per_address = 2");
        let from = |address: &str, email: &str| {
            headers(&format!(r#"{{"x-forwarded-for":"{address}"}}"#));
            download(&kit, email)
        };
        as_guest();
        assert_eq!(from("198.51.100.1", "e7a@example.org"), "00000");
        assert_eq!(from("198.51.100.1", "e7b@example.org"), "00000");
        assert_eq!(from("198.51.100.1", "e7c@example.org"), "53400");
        assert_eq!(from("198.51.100.2", "e7c@example.org"), "00000");
        // An IPv6 network of 64 bits is one customer's.
        assert_eq!(from("2001:db8:0:7::1", "e7d@example.org"), "00000");
        assert_eq!(from("2001:db8:0:7:ffff::2", "e7e@example.org"), "00000");
        assert_eq!(from("2001:db8:0:7::3", "e7f@example.org"), "53400");
        assert_eq!(from("2001:db8:0:8::3", "e7f@example.org"), "00000");
        as_person(&uuid("e7", 1));
        assert_eq!(from("198.51.100.1", ""), "00000", "members are not limited");
    }

    #[pg_test]
    fn what_a_client_makes_up_before_the_proxys_entry_is_not_its_address() {
        let seen = |claimed: &str| {
            headers(&format!(r#"{{"x-forwarded-for":"{claimed}"}}"#));
            text("SELECT host(forum.request_address())")
        };
        assert_eq!(seen("10.9.8.7, 192.0.2.1"), "192.0.2.1");
        assert_eq!(seen("nonsense,192.0.2.1"), "192.0.2.1");
        run("SET LOCAL community_core.trusted_proxies = 2");
        assert_eq!(seen("10.9.8.7, 192.0.2.1, 203.0.113.5"), "192.0.2.1");
        assert_eq!(seen("192.0.2.1"), "192.0.2.1");
        run("SET LOCAL community_core.trusted_proxies = 0");
        let direct = text("SELECT host(inet_client_addr())");
        assert_eq!(seen("192.0.2.1"), direct);
    }

    #[pg_test]
    fn malformed_headers_do_not_stop_a_download() {
        let kit = resource("e8", "free");
        as_guest();
        for (number, odd) in [
            "",
            "{",
            "[]",
            "7",
            "null",
            r#"{"x-forwarded-for":7}"#,
            r#"{"x-forwarded-for":""}"#,
            r#"{"x-forwarded-for":"one, two"}"#,
            r#"{"x-forwarded-for":null,"user-agent":null}"#,
        ]
        .iter()
        .enumerate()
        {
            headers(odd);
            assert_eq!(
                download(&kit, &format!("e8{number}@example.org")),
                "00000",
                "{odd}"
            );
        }
        headers(&format!(r#"{{"user-agent":"{}"}}"#, "x".repeat(100_000)));
        assert_eq!(download(&kit, "e8@example.org"), "00000");
        as_owner();
        let longest = format!(
            "SELECT max(length(user_agent)) FROM forum.resource_downloads WHERE resource_id = '{kit}'"
        );
        assert_eq!(text(&longest), "500");
    }

    #[pg_test]
    fn with_a_member_goes_where_they_downloaded_from_and_the_count_stays() {
        people("e9", 1);
        let kit = resource("e9", "free");
        headers(r#"{"x-forwarded-for":"192.0.2.9","user-agent":"Firefox"}"#);
        as_person(&uuid("e9", 1));
        assert_eq!(download(&kit, ""), "00000");
        as_guest();
        assert_eq!(download(&kit, "e9@example.org"), "00000");
        assert_eq!(
            recorded(&kit),
            "e9@example.org|192.0.2.9|Firefox e9|192.0.2.9|Firefox"
        );
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{}'",
            uuid("e9", 1)
        ));
        assert_eq!(recorded(&kit), "e9@example.org|192.0.2.9|Firefox ");
        let count =
            format!("SELECT download_count FROM forum.community_resources WHERE id = '{kit}'");
        assert_eq!(text(&count), "2");
    }
}
