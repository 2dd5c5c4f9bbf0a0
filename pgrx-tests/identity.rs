//! Claims about who is asking.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    fn asked_with(claims: &str) -> Option<String> {
        Spi::run_with_args(
            "SELECT set_config('request.jwt.claims', $1, true)",
            &[claims.into()],
        )
        .expect("set the claims");
        Spi::run("SET LOCAL ROLE authenticated").expect("become authenticated");
        let person = Spi::get_one::<String>("SELECT auth.uid()::text").expect("auth.uid()");
        Spi::run("RESET ROLE").expect("reset");
        person
    }

    #[pg_test]
    fn the_claim_sub_is_the_person() {
        let claims = r#"{"sub":"0B7E3C5A-0000-4000-8000-000000000001","role":"authenticated"}"#;
        assert_eq!(
            asked_with(claims).as_deref(),
            Some("0b7e3c5a-0000-4000-8000-000000000001")
        );
        assert_eq!(
            Spi::get_one::<String>("SELECT auth.role()"),
            Ok(Some("authenticated".into()))
        );
    }

    #[pg_test]
    fn a_missing_or_malformed_claim_is_an_anonymous_user_and_never_an_error() {
        assert_eq!(
            Spi::get_one::<bool>("SELECT auth.uid() IS NULL"),
            Ok(Some(true))
        );
        for claims in [
            "",
            "{",
            "null",
            "[]",
            "\"0b7e3c5a-0000-4000-8000-000000000001\"",
            "{\"sub\":null}",
            "{\"sub\":7}",
            "{\"sub\":\"\"}",
            "{\"sub\":\"{0b7e3c5a-0000-4000-8000-000000000001}\"}",
            "{\"sub\":\"0b7e3c5a000040008000000000000001\"}",
            "{\"sub\":\" 0b7e3c5a-0000-4000-8000-000000000001\"}",
            "{\"sub\":[\"0b7e3c5a-0000-4000-8000-000000000001\"]}",
            "{\"sub\":\"0b7e3c5a-0000-4000-8000-000000000001\",\"x\":\"\\u0000\"}",
            "{\"sub\":\"0b7e3c5a-0000-4000-8000-000000000001\",\"exp\":1e999999999}",
        ] {
            assert_eq!(asked_with(claims), None, "{claims}");
            assert!(
                Spi::get_one::<pgrx::JsonB>("SELECT auth.jwt()").is_ok(),
                "{claims}"
            );
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(asked_with(&deep), None);
    }

    #[pg_test]
    fn whoever_asks_without_claims_reads_and_writes_nothing_of_others() {
        Spi::run(
            "INSERT INTO auth.users (id) VALUES ('00000000-0000-4000-8000-00000000b001');
             INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('00000000-0000-4000-8000-00000000b001', 'messaging', true);
             SET LOCAL ROLE authenticated",
        )
        .expect("a person");
        let seen = Spi::get_one::<i64>("SELECT count(*) FROM founders.consent_preferences");
        assert_eq!(seen, Ok(Some(0)));
    }
}
