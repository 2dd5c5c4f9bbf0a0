//! Claims about registration, verification and the user's lifecycle.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn hash(code: &str) -> String {
        format!("encode(sha256('{code}'), 'hex')")
    }

    fn started(member: &Member, code: &str, lasting: &str) {
        run_as(
            As::Service,
            &format!(
                "SELECT linkup.start_otp('{}', {}, now() + interval '{lasting}')",
                member.id,
                hash(code)
            ),
        );
    }

    fn verified(member: &Member, code: &str) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT linkup.verify_otp('{}', {})::text",
                member.id,
                hash(code)
            ),
        )
    }

    fn state(member: &Member) -> String {
        text(&format!(
            "SELECT state::text FROM linkup.users WHERE id = '{}'",
            member.id
        ))
    }

    #[pg_test]
    fn registration_then_the_right_code_verifies_a_user_once() {
        let member = registered();
        started(&member, "123456", "10 minutes");
        assert_eq!(verified(&member, "123456"), "true");
        assert_eq!(state(&member), "verified");
        assert_eq!(verified(&member, "123456"), "false");
    }

    #[pg_test]
    fn wrong_expired_used_and_unknown_codes_get_the_same_answer() {
        let (wrong, expired, nobody) = (registered(), registered(), registered());
        started(&wrong, "123456", "10 minutes");
        started(&expired, "123456", "-1 second");
        assert_eq!(verified(&wrong, "654321"), "false");
        assert_eq!(verified(&expired, "123456"), "false");
        assert_eq!(verified(&nobody, "123456"), "false");
        for member in [&wrong, &expired, &nobody] {
            assert_eq!(state(member), "unverified");
        }
    }

    #[pg_test]
    fn a_deleted_user_gets_no_code_and_an_old_one_is_of_no_use() {
        let member = registered();
        run_as(
            As::Service,
            &format!("SELECT linkup.delete_user('{}')", member.id),
        );
        let start = format!(
            "SELECT linkup.start_otp('{}', {}, now() + interval '1 hour')",
            member.id,
            hash("123456")
        );
        assert_eq!(outcome(As::Service, &start), "23503");
        run_as(
            As::Service,
            &format!(
                "INSERT INTO linkup.otp_sessions (user_id, otp_hash, expires_at)
                 VALUES ('{}', {}, now() + interval '1 hour')",
                member.id,
                hash("123456")
            ),
        );
        assert_eq!(verified(&member, "123456"), "false");
    }

    #[pg_test]
    fn after_the_last_guess_the_right_code_is_of_no_use() {
        run("SET LOCAL community_core.linkup_otp_attempts = 3");
        let member = registered();
        started(&member, "123456", "10 minutes");
        for _ in 0..3 {
            assert_eq!(verified(&member, "000000"), "false");
        }
        assert_eq!(verified(&member, "123456"), "false");
        started(&member, "222222", "10 minutes");
        assert_eq!(verified(&member, "222222"), "true");
    }

    #[pg_test]
    fn a_user_has_one_open_code_and_never_a_raw_one() {
        let member = registered();
        started(&member, "111111", "10 minutes");
        started(&member, "222222", "10 minutes");
        assert_eq!(
            count(&format!(
                "linkup.otp_sessions WHERE user_id = '{}'",
                member.id
            )),
            "1"
        );
        let second = format!(
            "INSERT INTO linkup.otp_sessions (user_id, otp_hash, expires_at) VALUES ('{}', {}, now())",
            member.id,
            hash("333333")
        );
        assert_eq!(outcome(As::Service, &second), "23505");
        assert_eq!(verified(&member, "111111"), "false");
        assert_eq!(verified(&member, "222222"), "true");
        assert_eq!(outcome(As::Service, &second), "1");
        let raw = format!("SELECT linkup.start_otp('{}', '123456', now())", member.id);
        assert_eq!(outcome(As::Service, &raw), "23514");
    }

    #[pg_test]
    fn only_consenting_adults_are_verified() {
        for (column, value) in [
            ("sms_consent", "false"),
            ("age_consent", "false"),
            ("terms_consent", "false"),
            ("privacy_consent", "false"),
            (
                "birthday",
                "(now() - interval '18 years' + interval '2 days')::date",
            ),
        ] {
            let member = registered();
            run(&format!(
                "UPDATE linkup.users SET {column} = {value} WHERE id = '{}'",
                member.id
            ));
            let verify = format!(
                "UPDATE linkup.users SET state = 'verified' WHERE id = '{}'",
                member.id
            );
            assert_eq!(outcome(As::Service, &verify), "23514", "{column}");
            started(&member, "123456", "10 minutes");
            assert_eq!(verified(&member, "123456"), "false", "{column}");
            let attempts = format!(
                "SELECT state || ' ' || attempts FROM linkup.users u JOIN linkup.otp_sessions o ON o.user_id = u.id
                 WHERE u.id = '{}'",
                member.id
            );
            assert_eq!(text(&attempts), "unverified 1", "{column}");
            run(&format!(
                "UPDATE linkup.users SET birthday = '1990-01-01', sms_consent = true, age_consent = true,
                     terms_consent = true, privacy_consent = true WHERE id = '{}'",
                member.id
            ));
            assert_eq!(verified(&member, "123456"), "true", "{column}");
        }
    }

    #[pg_test]
    fn consent_to_messages_can_be_withdrawn_later() {
        let member = member(&region());
        let withdraw = format!(
            "UPDATE linkup.users SET sms_consent = false WHERE id = '{}'",
            member.id
        );
        assert_eq!(outcome(As::Service, &withdraw), "1");
    }

    #[pg_test]
    fn a_user_moves_only_along_the_lifecycle_and_each_move_is_an_event() {
        let member = registered();
        let to = |state: &str| {
            format!(
                "UPDATE linkup.users SET state = '{state}' WHERE id = '{}'",
                member.id
            )
        };
        assert_eq!(outcome(As::Service, &to("active")), "55000");
        assert_eq!(outcome(As::Service, &to("suspended")), "55000");
        let headers = r#"{"x-correlation-id": "00000000-0000-4000-8000-0000000000c1"}"#;
        run(&format!("SET LOCAL request.headers = '{headers}'"));
        for state in ["verified", "interviewing", "active", "suspended", "active"] {
            run_as(As::Service, &to(state));
        }
        assert_eq!(outcome(As::Service, &to("unverified")), "55000");
        let moves = text(&format!(
            "SELECT string_agg(concat(from_state, '>', to_state), ' ' ORDER BY idempotency_key COLLATE \"C\")
             FROM linkup.domain_events WHERE entity_id = '{}' AND entity_type = 'users'",
            member.id
        ));
        assert_eq!(
            moves,
            ">unverified unverified>verified verified>interviewing interviewing>active \
             active>suspended suspended>active"
        );
        let correlated = format!(
            "linkup.domain_events WHERE entity_id = '{}'
             AND correlation_id = '00000000-0000-4000-8000-0000000000c1'",
            member.id
        );
        assert_eq!(count(&correlated), "5");
    }

    #[pg_test]
    fn nobody_begins_verified() {
        let insert = "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday, state,
                          sms_consent, age_consent, terms_consent, privacy_consent)
                      VALUES ('+15005550001', repeat('a', 64), 'A', 'B', '1990-01-01', 'verified', true, true, true, true)";
        assert_eq!(outcome(As::Service, insert), "55000");
    }

    #[pg_test]
    fn one_user_per_phone_and_the_phone_in_e164() {
        let member = registered();
        let again = |phone: &str, hash: &str| {
            format!(
                "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday,
                     sms_consent, age_consent, terms_consent, privacy_consent)
                 SELECT {phone}, {hash}, 'A', 'B', '1990-01-01', true, true, true, true
                 FROM linkup.users WHERE id = '{}'",
                member.id
            )
        };
        let fresh = "encode(sha256(gen_random_uuid()::text::bytea), 'hex')";
        assert_eq!(outcome(As::Service, &again("phone_e164", fresh)), "23505");
        assert_eq!(
            outcome(As::Service, &again("'+15005550009'", "phone_hash")),
            "23505"
        );
        for phone in [
            "'5005550009'",
            "'+0005550009'",
            "'+1500555'||chr(1632)",
            "'deleted:x'",
            "'+1 500 555'",
        ] {
            assert_eq!(
                outcome(As::Service, &again(phone, fresh)),
                "23514",
                "{phone}"
            );
        }
    }

    #[pg_test]
    fn the_phone_hash_is_sha256_of_phone_and_pepper() {
        assert_eq!(
            text("SELECT linkup.phone_hash('+14155550100', 'pepper')"),
            text("SELECT encode(sha256('+14155550100pepper'), 'hex')")
        );
        assert_eq!(
            outcome(
                As::Service,
                "SELECT linkup.phone_hash('4155550100', 'pepper')"
            ),
            "22023"
        );
        assert_eq!(
            outcome(As::Service, "SELECT linkup.phone_hash('+14155550100', '')"),
            "22023"
        );
        assert_eq!(text("SELECT linkup.phone_hash(NULL, 'pepper')"), "");
    }

    #[pg_test]
    fn a_user_is_active_in_one_region_and_can_come_back_to_an_old_one() {
        let (here, there) = (region(), region());
        let member = member(&here);
        let join = |region: &str| {
            format!(
                "INSERT INTO linkup.region_memberships (user_id, region_id, status)
                 VALUES ('{}', '{region}', 'active')",
                member.id
            )
        };
        assert_eq!(outcome(As::Service, &join(&there)), "23505");
        for region in [&there, &here] {
            run_as(
                As::Service,
                &format!(
                    "UPDATE linkup.region_memberships SET released_at = now()
                     WHERE user_id = '{}' AND released_at IS NULL; {}",
                    member.id,
                    join(region)
                ),
            );
            let stored = format!(
                "SELECT region_id::text FROM linkup.users WHERE id = '{}'",
                member.id
            );
            assert_eq!(&text(&stored), region);
        }
    }

    #[pg_test]
    fn a_region_that_is_not_open_takes_nobody_but_on_its_waiting_list() {
        let (member, region) = (registered(), region());
        run(&format!(
            "UPDATE linkup.regions SET state = 'waitlisted' WHERE id = '{region}'"
        ));
        let join = |status: &str| {
            format!(
                "INSERT INTO linkup.region_memberships (user_id, region_id, status)
                 VALUES ('{}', '{region}', '{status}')",
                member.id
            )
        };
        assert_eq!(outcome(As::Service, &join("active")), "55000");
        assert_eq!(outcome(As::Service, &join("waitlisted")), "1");
    }

    #[pg_test]
    fn users_change_their_name_and_nothing_that_verification_rests_on() {
        let member = registered();
        let set = |change: &str| {
            outcome(
                member.signed_in(),
                &format!("UPDATE linkup.users SET {change}"),
            )
        };
        assert_eq!(set("first_name = 'Grace'"), "1");
        for change in [
            "state = 'verified'",
            "phone_e164 = '+15005550003'",
            "birthday = '1980-01-01'",
            "age_consent = true",
            "deleted_at = NULL",
        ] {
            assert_eq!(set(change), "42501", "{change}");
        }
    }
}
