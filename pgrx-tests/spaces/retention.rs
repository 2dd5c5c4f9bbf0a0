//! How long what is kept: section 3 of the document, line by line.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn every_line_of_the_document_has_its_policy_and_its_time() {
        let missing = text(
            "SELECT string_agg(w.table_name || ' ' || w.policy, ', ')
             FROM (VALUES ('reputation_events', 'summarize_created_at', '24 months'),
                          ('donations', 'delete_settled_at', '7 years'),
                          ('payout_jobs', 'delete_processed_at', '7 years'),
                          ('bounties', 'delete_closed_at', '7 years'),
                          ('direct_message_messages', 'delete_deleted_at', '12 months'),
                          ('event_tickets', 'anonymize_event_end_at', '24 months'),
                          ('workshop_enrollments', 'anonymize_updated_at', '24 months'),
                          ('assignment_submissions', 'anonymize_submitted_at', '24 months'),
                          ('event_waitlist', 'delete_created_at', '24 months'),
                          ('webhook_deliveries', 'anonymize_created_at', '30 days')) AS w (table_name, policy, keep)
             LEFT JOIN community_core.retention_policies() r
                  ON r.table_name = 'spaces.' || w.table_name AND r.policy = w.policy
                     AND r.keep::interval = w.keep::interval
             WHERE r.policy IS NULL",
        );
        assert_eq!(missing, "");
        let kept_for_ever = "SELECT FROM community_core.retention_policies() WHERE table_name = 'spaces.audit_logs'";
        assert_eq!(outcome(As::Owner, kept_for_ever), "0");
    }
}
