//! Claims about indexes and ids: what the document wants found quickly is found by an index, in its order.

use super::*;
use pgrx::prelude::*;

const ID: &str = "'00000000-0000-4000-8000-000000000001'";

/// An index, and what is read by it: lookups by key, in documents, and queues. {id} is some id.
const READ_BY: [(&str, &str); 24] = [
    ("spaces_slug_key", "spaces WHERE slug = 'gardening'"),
    (
        "spaces_feature_flags_idx",
        r#"spaces WHERE feature_flags @> '{"chat": true}'"#,
    ),
    (
        "automod_rules_config_idx",
        r#"automod_rules WHERE config @> '{"action": "hold"}'"#,
    ),
    (
        "post_templates_config_idx",
        r#"post_templates WHERE config @> '{"required": ["plant"]}'"#,
    ),
    (
        "feature_flag_audit_payload_idx",
        r#"feature_flag_audit WHERE payload @> '{"to": true}'"#,
    ),
    (
        "notifications_payload_idx",
        r#"notifications WHERE payload @> '{"post_id": "x"}'"#,
    ),
    (
        "webhook_deliveries_payload_idx",
        r#"webhook_deliveries WHERE payload @> '{"post_id": "x"}'"#,
    ),
    (
        "posts_space_id_created_at_idx",
        "posts WHERE space_id = {id} ORDER BY created_at DESC, id DESC",
    ),
    (
        "comments_post_id_path_idx",
        "comments WHERE post_id = {id} ORDER BY path",
    ),
    (
        "answers_question_id_is_accepted_idx",
        "answers WHERE question_id = {id} AND NOT is_accepted",
    ),
    (
        "tag_synonyms_tag_id_synonym_tag_id_key",
        "tag_synonyms WHERE tag_id = {id} AND synonym_tag_id = {id}",
    ),
    (
        "reputation_events_profile_id_space_id_created_at_idx",
        "reputation_events WHERE profile_id = {id} AND space_id = {id} ORDER BY created_at",
    ),
    (
        "reputation_aggregates_pkey",
        "reputation_aggregates WHERE profile_id = {id} AND space_id = {id}",
    ),
    (
        "notification_preferences_matrix_key",
        "notification_preferences WHERE profile_id = {id} AND space_id = {id} AND content_type = 'x' AND channel = 'push'",
    ),
    (
        "donations_target_id_idx",
        "donations WHERE target_type = 'post' AND target_id = {id}",
    ),
    (
        "event_coupons_event_id_code_idx",
        "event_coupons WHERE event_id = {id} AND lower(code) = 'summer'",
    ),
    (
        "event_tickets_taken_idx",
        "event_tickets WHERE event_id = {id} AND status <> 'cancelled' ORDER BY status",
    ),
    (
        "event_waitlist_event_id_idx",
        "event_waitlist WHERE event_id = {id} AND status = 'waiting' ORDER BY id",
    ),
    (
        "reports_queue_idx",
        "reports WHERE space_id = {id} AND status IN ('open', 'claimed') ORDER BY id",
    ),
    (
        "payout_jobs_open_idx",
        "payout_jobs WHERE payout_account_id = {id} AND status IN ('queued', 'processing') ORDER BY scheduled_for, id",
    ),
    (
        "payout_jobs_dead_idx",
        "payout_jobs WHERE status = 'dead' ORDER BY processed_at",
    ),
    (
        "notifications_unread_idx",
        "notifications WHERE profile_id = {id} AND read_at IS NULL AND channel = 'in_app' AND type = 'mention'",
    ),
    (
        "notifications_pending_idx",
        "notifications WHERE channel = 'email' AND delivery_status = 'pending' ORDER BY id",
    ),
    (
        "webhook_deliveries_pending_idx",
        "webhook_deliveries WHERE status IN ('pending', 'sending') ORDER BY available_at",
    ),
];

#[pgrx::pg_schema]
mod tests {
    use super::*;

    fn plan(query: &str) -> String {
        Spi::connect(|client| {
            let lines = client
                .select(&format!("EXPLAIN (COSTS OFF) {query}"), None, &[])
                .expect(query);
            let lines: Vec<_> = lines
                .map(|line| line.get::<String>(1).expect("a line").unwrap_or_default())
                .collect();
            lines.join("\n")
        })
    }

    #[pg_test]
    fn keys_documents_and_queues_are_read_by_an_index_and_in_its_order() {
        run(
            "SET LOCAL search_path = spaces; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off",
        );
        for (index, read) in READ_BY {
            let plan = plan(&format!("SELECT * FROM {}", read.replace("{id}", ID)));
            assert!(plan.contains(index), "{read}\n{plan}");
            assert!(!plan.contains("Sort"), "{read}\n{plan}");
        }
    }
    #[pg_test]
    fn what_is_read_in_the_order_of_time_has_ids_that_rise_with_it() {
        let defaults = "SELECT string_agg(relname, ' ' ORDER BY relname)
             FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum AND a.attname = 'id'
             WHERE relnamespace = 'spaces'::regnamespace AND pg_get_expr(adbin, adrelid) ~ 'uuid_v7'";
        assert_eq!(
            text(defaults),
            "answers audit_logs bounty_transactions comments direct_message_messages donations event_waitlist \
             feature_flag_audit notifications payout_jobs post_versions posts reports reputation_events sanctions \
             votes webhook_deliveries"
        );
        let space = space("public");
        let author = member(&space, "member");
        let posts: Vec<_> = (0..20).map(|_| post(&space, &author)).collect();
        assert!(posts.is_sorted(), "{posts:?}");
        assert!(
            posts.iter().all(|id| id.as_bytes()[14] == b'7'),
            "{posts:?}"
        );
    }
}
