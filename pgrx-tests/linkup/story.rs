//! The whole way of two people, as their clients and the service would go it.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// Registers by phone, proves it with a code, is interviewed, joins the region and pays.
    fn arrives(region: &str, name: &str) -> Member {
        be(As::Service);
        let phone = phone();
        let id = text(&format!(
            "INSERT INTO linkup.users (phone_e164, phone_hash, first_name, last_name, birthday,
                 sms_consent, age_consent, terms_consent, privacy_consent)
             VALUES ('{phone}', linkup.phone_hash('{phone}', 'pepper'), '{name}', 'L', '1990-01-01',
                 true, true, true, true) RETURNING id::text"
        ));
        let code = "encode(sha256('123456'), 'hex')";
        run(&format!(
            "SELECT linkup.start_otp('{id}', {code}, now() + interval '10 minutes')"
        ));
        assert_eq!(
            text(&format!("SELECT linkup.verify_otp('{id}', {code})::text")),
            "true"
        );
        run(&format!(
            "INSERT INTO linkup.conversation_sessions (user_id, mode) VALUES ('{id}', 'interviewing');
             UPDATE linkup.users SET state = 'interviewing' WHERE id = '{id}';
             INSERT INTO linkup.profiles (user_id) VALUES ('{id}');
             SELECT linkup.ingest_sms('SM{id}', '{phone}', '+15005550199', '\\x01', '\\x02', '\\x03');
             UPDATE linkup.profiles SET state = 'partial', last_interview_step = 'pace' WHERE user_id = '{id}';
             UPDATE linkup.profiles SET state = 'complete_mvp',
                 fingerprint = '{{\"social_pace\": {{\"range_value\": 0.4, \"confidence\": 0.55}}}}',
                 activity_patterns = '[{{\"activity_key\": \"coffee\", \"confidence\": 0.7}}]'
             WHERE user_id = '{id}';
             UPDATE linkup.users SET state = 'active' WHERE id = '{id}';
             UPDATE linkup.conversation_sessions SET mode = 'idle' WHERE user_id = '{id}';
             INSERT INTO linkup.region_memberships (user_id, region_id, status) VALUES ('{id}', '{region}', 'active');
             INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{id}', 'cus_{id}');
             SELECT linkup.ingest_stripe_event('evt_{id}', 'customer.subscription.created',
                 '{{\"created\": 1700000000, \"data\": {{\"object\": {{\"id\": \"sub_{id}\", \"customer\": \"cus_{id}\",
                    \"status\": \"active\", \"current_period_end\": 4102444800}}}}}}')"
        ));
        let account = text("INSERT INTO auth.users DEFAULT VALUES RETURNING id::text");
        run(&format!(
            "INSERT INTO linkup.auth_user_map (auth_user_id, user_id) VALUES ('{account}', '{id}')"
        ));
        be(As::Owner);
        Member { id, account }
    }

    #[pg_test]
    fn registration_otp_interview_linkup_invites_lock_attendance_mutual_contact_exchange() {
        let region = region();
        let (ada, bob, cleo) = (
            arrives(&region, "Ada"),
            arrives(&region, "Bob"),
            arrives(&region, "Cleo"),
        );
        let linkup = text_as(
            ada.signed_in(),
            &format!(
                "SELECT id::text FROM linkup.create_linkup('{}', '{region}',
                     '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT_MORNING\", \"group_size\": {{\"min\": 2, \"max\": 6}}}}',
                     'story-{0}', now() + interval '1 day', now() + interval '6 hours')",
                ada.id
            ),
        );
        let (to_bob, to_cleo) = (invite(&linkup, &bob), invite(&linkup, &cleo));
        run_as(
            ada.signed_in(),
            &format!("SELECT linkup.broadcast('{linkup}')"),
        );
        for (who, invite) in [(&bob, &to_bob), (&cleo, &to_cleo)] {
            let answer = text_as(
                who.signed_in(),
                &format!("SELECT linkup.accept_invite('{invite}')::text"),
            );
            assert_eq!(answer, "accepted");
        }
        run_as(
            ada.signed_in(),
            &format!("SELECT linkup.lock_linkup('{linkup}', 0)"),
        );
        assert_eq!(
            text_as(
                cleo.signed_in(),
                "SELECT count(*)::text FROM linkup.linkup_participants"
            ),
            "3"
        );
        // A day goes by.
        run(&format!(
            "UPDATE linkup.linkups SET event_time = now() - interval '1 hour' WHERE id = '{linkup}'"
        ));
        for (who, there) in [(&ada, "attended"), (&bob, "attended"), (&cleo, "no_show")] {
            run_as(
                who.signed_in(),
                &format!(
                    "INSERT INTO linkup.linkup_outcomes (linkup_id, user_id, attendance_response, do_again)
                     VALUES ('{linkup}', '{}', '{there}', true)",
                    who.id
                ),
            );
        }
        run_as(As::Service, &format!("SELECT linkup.complete('{linkup}')"));
        choose(&linkup, &bob, &ada, true);
        choose(&linkup, &ada, &bob, true);
        for (who, contacts) in [(&ada, "1"), (&bob, "1"), (&cleo, "0")] {
            assert_eq!(
                text_as(
                    who.signed_in(),
                    "SELECT count(*)::text FROM linkup.contact_exchanges"
                ),
                contacts
            );
        }
    }
}
