//! Claims about what the module makes: the document's tables, enums and indexes.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn the_module_is_as_it_defines_itself() {
        assert_eq!(count("community_core.verify_module('linkup')"), "0");
    }

    #[pg_test]
    fn all_thirty_tables_of_the_document_are_there() {
        let document = "users otp_sessions regions region_memberships conversation_sessions sms_messages \
                        sms_outbound_jobs message_events profiles profile_events linkups linkup_invites \
                        linkup_participants linkup_reminders linkup_outcomes contact_exchange_choices \
                        contact_exchanges stripe_customers subscriptions entitlements stripe_events safety_holds \
                        safety_incidents safety_reports user_blocks user_strikes admin_users admin_audit_log \
                        domain_events magic_links";
        let tables: Vec<_> = document.split_whitespace().collect();
        assert_eq!(tables.len(), 30);
        for table in tables.iter().chain(&["auth_user_map"]) {
            assert_ne!(
                text(&format!("SELECT to_regclass('linkup.{table}')::text")),
                "",
                "{table}"
            );
        }
    }

    #[pg_test]
    fn the_enums_have_the_documents_values_in_its_order() {
        for (name, values) in [
            (
                "user_state",
                "unverified,verified,interviewing,active,suspended,deleted",
            ),
            (
                "profile_state",
                "empty,partial,complete_mvp,complete_full,stale",
            ),
            (
                "conversation_mode",
                "idle,interviewing,linkup_forming,awaiting_invite_reply,safety_hold",
            ),
            (
                "linkup_state",
                "draft,broadcasting,locked,completed,expired,canceled",
            ),
            ("invite_state", "pending,accepted,declined,expired,closed"),
            (
                "subscription_state",
                "none,trialing,active,past_due,canceled,unpaid",
            ),
            ("safety_hold_state", "none,soft_hold,hard_hold"),
            ("region_state", "open,waitlisted,closed"),
        ] {
            let found = text(&format!(
                "SELECT array_to_string(enum_range(NULL::linkup.{name}), ',')"
            ));
            assert_eq!(found, values, "{name}");
        }
    }

    #[pg_test]
    fn every_index_and_unique_constraint_that_the_document_names_is_there() {
        for name in "users_region_idx users_state_idx users_phone_hash_uniq users_phone_e164_uniq \
            otp_one_active_per_user otp_sessions_user_idx otp_sessions_expires_idx regions_state_idx \
            region_membership_one_active region_memberships_region_idx region_memberships_user_idx \
            conversation_one_per_user conversation_sessions_mode_idx sms_messages_twilio_sid_uniq \
            sms_messages_user_idx sms_messages_created_idx sms_messages_direction_idx sms_outbound_idem_uniq \
            sms_outbound_jobs_status_idx sms_outbound_jobs_user_idx message_events_user_idx \
            message_events_type_idx message_events_created_idx profiles_user_uniq profiles_state_idx \
            profiles_user_idx profile_events_idem_uniq profile_events_user_idx profile_events_type_idx \
            linkups_create_key_uniq linkups_region_state_idx linkups_initiator_idx linkups_window_idx \
            linkup_invites_once linkup_invites_idem_uniq linkup_invites_user_state_idx linkup_invites_linkup_idx \
            linkup_participants_once linkup_participants_linkup_idx linkup_participants_user_idx \
            linkup_reminders_idem_uniq linkup_reminders_sched_idx linkup_outcomes_once linkup_outcomes_linkup_idx \
            contact_choice_once contact_choices_chooser_idx contact_exchange_pair_once \
            stripe_customers_user_uniq stripe_customers_cust_uniq subscriptions_user_uniq \
            subscriptions_state_idx entitlements_user_uniq entitlements_participate_idx stripe_events_event_uniq \
            stripe_events_type_idx safety_holds_user_uniq safety_holds_state_idx safety_incidents_status_idx \
            safety_incidents_user_idx safety_reports_status_idx user_blocks_once user_strikes_user_idx \
            admin_audit_action_idx admin_audit_target_idx domain_events_idem_uniq domain_events_entity_idx \
            domain_events_created_idx magic_links_token_uniq magic_links_user_idx magic_links_expires_idx \
            linkups_state_window_idx invites_linkup_state_idx participants_linkup_status_idx"
            .split_whitespace()
        {
            assert_eq!(text(&format!("SELECT relkind::text FROM pg_class WHERE oid = to_regclass('linkup.{name}')")), "i", "{name}");
        }
    }

    #[pg_test]
    fn every_foreign_key_of_the_module_has_an_index() {
        let without = text(
            "SELECT string_agg(c.conrelid::regclass || '.' || c.conname, ', ') FROM pg_constraint c
             WHERE c.connamespace = 'linkup'::regnamespace AND c.contype = 'f'
               AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
                               AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)",
        );
        assert_eq!(without, "");
    }

    #[pg_test]
    fn every_table_and_function_of_the_module_has_a_comment() {
        let silent = text(
            "SELECT string_agg(name, ', ') FROM (
                 SELECT c.oid::regclass::text FROM pg_class c
                 WHERE c.relnamespace = 'linkup'::regnamespace AND c.relkind IN ('r', 'v')
                   AND obj_description(c.oid, 'pg_class') IS NULL
                 UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p
                 WHERE p.pronamespace = 'linkup'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
             ) AS s (name)",
        );
        assert_eq!(silent, "");
    }

    #[pg_test]
    fn drift_is_named_by_the_schema_check() {
        run("DROP INDEX linkup.linkups_state_window_idx");
        run("ALTER TABLE linkup.users DISABLE TRIGGER users_keep_state");
        let found = text(
            "SELECT string_agg(concat_ws(' ', kind, relation, name, difference), '; ' ORDER BY kind)
             FROM community_core.verify_module('linkup')",
        );
        assert_eq!(
            found,
            "index linkups linkups_state_window_idx missing; \
             trigger state users users_keep_state not enabled as defined"
        );
    }

    #[pg_test]
    fn a_copy_in_a_schema_of_an_odd_name_works_for_itself() {
        run("SELECT community_core.install_module('linkup', 'Tenant \"L\"')");
        let found = count("community_core.verify_module('Tenant \"L\"')");
        assert_eq!(found, "0");
        run("SELECT \"Tenant \"\"L\"\"\".seed_linkup_examples()");
        let member = registered();
        assert_eq!(
            count(&format!(
                "\"Tenant \"\"L\"\"\".users WHERE id = '{}'",
                member.id
            )),
            "0"
        );
    }
}
