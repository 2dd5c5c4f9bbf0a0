//! Claims about magic links, the retention window and people who leave.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn link(member: &Member, token: &str, lasting: &str) {
        run_as(
            As::Service,
            &format!(
                "INSERT INTO linkup.magic_links (user_id, token_hash, purpose, expires_at)
                 VALUES ('{}', encode(sha256('{token}{0}'), 'hex'), 'dashboard', now() + interval '{lasting}')",
                member.id
            ),
        );
    }

    fn consume(member: &Member, token: &str, purpose: &str) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT (SELECT user_id::text FROM linkup.consume_magic_link(encode(sha256('{token}{}'), 'hex'), '{purpose}'))",
                member.id
            ),
        )
    }

    #[pg_test]
    fn a_magic_link_signs_in_once_until_it_expires_and_for_its_purpose() {
        let member = registered();
        link(&member, "token", "1 hour");
        link(&member, "late", "-1 second");
        assert_eq!(consume(&member, "token", "billing"), "");
        assert_eq!(consume(&member, "wrong", "dashboard"), "");
        assert_eq!(consume(&member, "late", "dashboard"), "");
        assert_eq!(consume(&member, "token", "dashboard"), member.id);
        assert_eq!(consume(&member, "token", "dashboard"), "");
        let raw = format!(
            "INSERT INTO linkup.magic_links (user_id, token_hash, purpose, expires_at) VALUES ('{}', 'token', 'x', now())",
            member.id
        );
        assert_eq!(outcome(As::Service, &raw), "23514");
    }

    #[pg_test]
    fn a_suspended_user_is_not_signed_in() {
        let member = member(&region());
        link(&member, "token", "1 hour");
        run(&format!(
            "UPDATE linkup.users SET state = 'suspended' WHERE id = '{}'",
            member.id
        ));
        assert_eq!(consume(&member, "token", "dashboard"), "");
    }

    #[pg_test]
    fn bodies_leave_after_ninety_days_and_the_rest_stays() {
        be(As::Owner);
        for (sid, age) in [("SMold", "91 days"), ("SMnew", "89 days")] {
            run(&format!(
                "INSERT INTO linkup.sms_messages (direction, from_e164, to_e164, twilio_message_sid,
                     body_ciphertext, body_iv, body_tag, created_at)
                 VALUES ('in', '+15005550101', '+15005550102', '{sid}', '\\x01', '\\x02', '\\x03', now() - interval '{age}')"
            ));
        }
        let batch = "SELECT community_core.apply_retention_batch('linkup.sms_messages', 'null_created_at', 100, now(), gen_random_uuid())::text";
        assert_eq!(text(batch), "1");
        assert_eq!(text(batch), "0");
        let bodies = text(
            "SELECT string_agg(twilio_message_sid || ' ' || num_nulls(body_ciphertext, body_iv, body_tag), ', '
                               ORDER BY twilio_message_sid)
             FROM linkup.sms_messages WHERE twilio_message_sid IN ('SMold', 'SMnew')",
        );
        assert_eq!(bodies, "SMnew 0, SMold 3");
        let window = "SELECT keep FROM community_core.retention_policies() WHERE table_name = 'linkup.sms_messages'";
        assert_eq!(text(window), "90 days");
    }

    #[pg_test]
    fn whoever_leaves_is_out_of_everything_and_the_records_that_must_stay_stay() {
        let region = region();
        let (ada, bob, cleo) = (member(&region), member(&region), member(&region));
        let past = meeting(&region, &[&ada, &bob]);
        choose(&past, &ada, &bob, true);
        choose(&past, &bob, &ada, true);
        let coming = draft(&ada, &region, (2, 4), "now() + interval '1 day'");
        let to_cleo = invite(&coming, &cleo);
        broadcast(&coming);
        let phone = text(&format!(
            "SELECT phone_e164 FROM linkup.users WHERE id = '{}'",
            ada.id
        ));
        run(&format!(
            "INSERT INTO linkup.profiles (user_id, boundaries) VALUES ('{0}', '{{\"no_thanks\": [\"bars\"]}}');
             UPDATE linkup.profiles SET state = 'partial' WHERE user_id = '{0}';
             INSERT INTO linkup.safety_reports (reporter_user_id, reported_user_id, report_type) VALUES ('{1}', '{0}', 'rude');
             SELECT linkup.ingest_sms('SM{0}', '{phone}', '+15005550199', '\\x01', '\\x02', '\\x03');
             SELECT linkup.enqueue_sms('job{0}', '{0}', '{phone}', 'invite', '\\x01', '\\x02', '\\x03');
             SELECT linkup.log_admin_action('viewed', 'users', '{0}', 'ticket of Ada L')",
            ada.id, bob.id
        ));
        assert_eq!(
            outcome(
                bob.signed_in(),
                &format!("SELECT linkup.delete_user('{}')", ada.id)
            ),
            "42501"
        );
        assert_eq!(
            text_as(
                ada.signed_in(),
                &format!("SELECT linkup.delete_user('{}')::text", ada.id)
            ),
            "true"
        );
        assert_eq!(
            text(&format!("SELECT linkup.delete_user('{}')::text", ada.id)),
            "false"
        );

        let state = |sql: &str| text(sql);
        assert_eq!(
            state(&format!(
                "SELECT state::text FROM linkup.linkups WHERE id = '{coming}'"
            )),
            "canceled"
        );
        assert_eq!(
            state(&format!(
                "SELECT state::text FROM linkup.linkup_invites WHERE id = '{to_cleo}'"
            )),
            "closed"
        );
        for (table, column) in [
            ("auth_user_map", "user_id"),
            ("contact_exchange_choices", "chooser_user_id"),
            ("contact_exchange_choices", "target_user_id"),
            ("contact_exchanges", "user_a_id"),
            ("contact_exchanges", "user_b_id"),
            ("profile_events", "user_id"),
            ("contact_exchange_choices_mutual", "user_a_id"),
            ("contact_exchange_choices_mutual", "user_b_id"),
        ] {
            assert_eq!(
                count(&format!("linkup.{table} WHERE {column} = '{}'", ada.id)),
                "0",
                "{table}.{column}"
            );
        }
        // Nowhere is her name, her number, or what she wrote.
        let dump = text(
            "SELECT string_agg(query_to_xml(format('SELECT * FROM linkup.%I', relname), true, false, '')::text, '')
             FROM pg_class WHERE relnamespace = 'linkup'::regnamespace AND relkind = 'r'",
        );
        assert!(!dump.contains(&phone), "the phone is still somewhere");
        assert!(!dump.contains("ticket of Ada L"), "the log still tells");
        let kept = format!(
            "linkup.safety_reports WHERE reported_user_id = '{}'",
            ada.id
        );
        assert_eq!(count(&kept), "1");
        assert_eq!(
            count("community_core.verify_audit('linkup.admin_audit_log')"),
            "0"
        );

        // The others no longer see her.
        let fellows = "SELECT count(*)::text FROM linkup.linkup_participants";
        assert_eq!(text_as(bob.signed_in(), fellows), "1");
        assert_eq!(
            text_as(ada.signed_in(), "SELECT count(*)::text FROM linkup.users"),
            "0"
        );
        assert_eq!(
            text_as(ada.signed_in(), "SELECT count(*)::text FROM linkup.linkups"),
            "0"
        );
    }

    #[pg_test]
    fn a_phone_can_register_again_unless_its_user_was_struck() {
        let (gone, struck) = (registered(), registered());
        run(&format!(
            "INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
             VALUES ('{}', 'rude', 1, now(), now() + interval '1 day')",
            struck.id
        ));
        for (member, again) in [(&gone, "1"), (&struck, "23505")] {
            let phone = text(&format!(
                "SELECT phone_e164 FROM linkup.users WHERE id = '{}'",
                member.id
            ));
            run_as(
                As::Service,
                &format!("SELECT linkup.delete_user('{}')", member.id),
            );
            let register = format!(
                "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday,
                     sms_consent, age_consent, terms_consent, privacy_consent)
                 VALUES ('{phone}', linkup.phone_hash('{phone}', 'pepper'), 'A', 'B', '1990-01-01', true, true, true, true)"
            );
            assert_eq!(outcome(As::Service, &register), again);
        }
    }

    #[pg_test]
    fn a_report_outlives_its_reporter_and_the_hash_of_their_phone_does_not() {
        let (ada, bob, struck) = (registered(), registered(), registered());
        let hash_of = |member: &Member| {
            text(&format!(
                "SELECT phone_hash FROM linkup.users WHERE id = '{}'",
                member.id
            ))
        };
        run(&format!(
            "INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
             VALUES ('{}', 'rude', 1, now(), now() + interval '1 day')",
            struck.id
        ));
        for (reporter, left) in [(&ada, "0"), (&struck, "4")] {
            let hash = hash_of(reporter);
            // By somebody who is signed in, and by a text message from the same phone.
            for by in [format!("'{}'", reporter.id), "NULL".to_owned()] {
                run(&format!(
                    "INSERT INTO linkup.safety_reports (reporter_user_id, reported_user_id, reporter_phone_hash, report_type)
                     VALUES ({by}, '{0}', '{hash}', 'rude');
                     INSERT INTO linkup.safety_incidents (reporter_user_id, user_id, reporter_phone_hash, incident_type, severity)
                     VALUES ({by}, '{0}', '{hash}', 'rude', 2)",
                    bob.id
                ));
            }
            run_as(
                As::Service,
                &format!("SELECT linkup.delete_user('{}')", reporter.id),
            );
            let tables = ["safety_reports", "safety_incidents"];
            let with_hash: i32 = tables
                .iter()
                .map(|table| {
                    count(&format!(
                        "linkup.{table} WHERE reporter_phone_hash = '{hash}'"
                    ))
                    .parse::<i32>()
                    .expect("a number")
                })
                .sum();
            assert_eq!(with_hash.to_string(), left);
            let log = format!("linkup.admin_audit_log WHERE payload::text LIKE '%{hash}%'");
            if left == "0" {
                assert_eq!(count(&log), "0", "the log of admins still tells");
            }
        }
        for table in [
            "safety_reports WHERE reported_user_id",
            "safety_incidents WHERE user_id",
        ] {
            assert_eq!(count(&format!("linkup.{table} = '{}'", bob.id)), "4");
        }
        assert_eq!(
            count("community_core.verify_audit('linkup.admin_audit_log')"),
            "0"
        );
    }

    #[pg_test]
    fn with_an_account_goes_the_user_it_signs_in() {
        let member = registered();
        run_as(
            As::Service,
            &format!("DELETE FROM auth.users WHERE id = '{}'", member.account),
        );
        assert_eq!(
            text(&format!(
                "SELECT state || ' ' || first_name FROM linkup.users WHERE id = '{}'",
                member.id
            )),
            "deleted Deleted"
        );
    }
}
