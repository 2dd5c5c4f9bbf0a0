//! Claims about messages in and out.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn sid() -> String {
        text("SELECT 'SM' || gen_random_uuid()")
    }

    fn ingest(sid: &str, from: &str, body: &str) -> String {
        format!(
            "SELECT id::text FROM linkup.ingest_sms('{sid}', '{from}', '+15005550199', '\\x{body}', '\\x02', '\\x03')"
        )
    }

    fn enqueue(key: &str, body: &str) -> String {
        format!(
            "SELECT id::text FROM linkup.enqueue_sms('{key}', NULL, '+15005550100', 'invite', '\\x{body}', '\\x02', '\\x03')"
        )
    }

    #[pg_test]
    fn an_inbound_message_is_stored_once_per_message_sid() {
        let (member, sid) = (registered(), sid());
        let from = text(&format!(
            "SELECT phone_e164 FROM linkup.users WHERE id = '{}'",
            member.id
        ));
        let first = text_as(As::Service, &ingest(&sid, &from, "01"));
        assert_eq!(text_as(As::Service, &ingest(&sid, &from, "01")), first);
        let stored = format!(
            "linkup.sms_messages WHERE twilio_message_sid = '{sid}' AND user_id = '{}'",
            member.id
        );
        assert_eq!(count(&stored), "1");
    }

    #[pg_test]
    fn another_content_under_a_message_sid_is_an_error() {
        let sid = sid();
        run_as(As::Service, &ingest(&sid, "+15005550101", "01"));
        assert_eq!(
            outcome(As::Service, &ingest(&sid, "+15005550101", "ff")),
            "23505"
        );
        assert_eq!(
            outcome(As::Service, &ingest(&sid, "+15005550102", "01")),
            "23505"
        );
    }

    #[pg_test]
    fn a_retry_after_the_body_has_left_still_finds_the_message() {
        let sid = sid();
        let first = text_as(As::Service, &ingest(&sid, "+15005550101", "01"));
        run(&format!(
            "UPDATE linkup.sms_messages SET body_ciphertext = NULL, body_iv = NULL, body_tag = NULL
             WHERE twilio_message_sid = '{sid}'"
        ));
        assert_eq!(
            text_as(As::Service, &ingest(&sid, "+15005550101", "01")),
            first
        );
    }

    #[pg_test]
    fn an_outbound_job_is_queued_once_per_idempotency_key() {
        let key = sid();
        let first = text_as(As::Service, &enqueue(&key, "01"));
        assert_eq!(text_as(As::Service, &enqueue(&key, "01")), first);
        assert_eq!(outcome(As::Service, &enqueue(&key, "02")), "23505");
        let twice = format!(
            "INSERT INTO linkup.sms_outbound_jobs (to_e164, purpose, idempotency_key)
             VALUES ('+15005550100', 'invite', '{key}')"
        );
        assert_eq!(outcome(As::Service, &twice), "23505");
    }

    /// Claims as a worker would at this time; the jobs of other tests are held by them.
    fn claimed(job: &str, at: &str) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT max(attempts)::text FROM linkup.claim_sms_jobs(1000, {at}) WHERE id = '{job}'"
            ),
        )
    }

    fn finish(job: &str, arguments: &str) -> String {
        text_as(
            As::Service,
            &format!("SELECT linkup.finish_sms_job('{job}', {arguments})::text"),
        )
    }

    fn status(job: &str) -> String {
        text(&format!(
            "SELECT status || ' ' || attempts FROM linkup.sms_outbound_jobs WHERE id = '{job}'"
        ))
    }

    #[pg_test]
    fn a_claimed_job_is_nobody_elses_until_its_worker_is_taken_for_dead() {
        let job = text_as(As::Service, &enqueue(&sid(), "01"));
        assert_eq!(claimed(&job, "now()"), "1");
        assert_eq!(claimed(&job, "now()"), "");
        assert_eq!(claimed(&job, "now() + interval '301 seconds'"), "2");
        // The first worker comes back: its claim is gone.
        assert_eq!(finish(&job, "1, message_sid => 'SM1'"), "false");
        assert_eq!(finish(&job, "2, message_sid => 'SM2'"), "true");
        assert_eq!(status(&job), "sent 2");
        assert_eq!(claimed(&job, "now() + interval '1 year'"), "");
    }

    #[pg_test]
    fn a_failed_attempt_backs_off_twice_as_long_each_time() {
        let job = text_as(As::Service, &enqueue(&sid(), "01"));
        assert_eq!(claimed(&job, "now()"), "1");
        assert_eq!(finish(&job, "1, failure => 'busy'"), "true");
        assert_eq!(claimed(&job, "now() + interval '29 seconds'"), "");
        assert_eq!(claimed(&job, "now() + interval '30 seconds'"), "2");
        assert_eq!(
            finish(
                &job,
                "2, failure => 'busy', at => now() + interval '30 seconds'"
            ),
            "true"
        );
        assert_eq!(claimed(&job, "now() + interval '89 seconds'"), "");
        assert_eq!(claimed(&job, "now() + interval '90 seconds'"), "3");
    }

    #[pg_test]
    fn after_the_last_attempt_a_job_is_failed_also_when_its_worker_died() {
        run("SET LOCAL community_core.linkup_sms_attempts = 2");
        let (refused, died) = (
            text_as(As::Service, &enqueue(&sid(), "01")),
            text_as(As::Service, &enqueue(&sid(), "01")),
        );
        assert_eq!(claimed(&refused, "now()"), "1");
        assert_eq!(claimed(&refused, "now() + interval '1 hour'"), "2");
        assert_eq!(finish(&refused, "2, failure => 'no such number'"), "true");
        assert_eq!(status(&refused), "failed 2");
        assert_eq!(claimed(&died, "now() + interval '3 hours'"), "");
        assert_eq!(status(&died), "failed 2");
    }

    #[pg_test]
    fn a_job_ends_with_a_message_sid_or_a_failure_and_not_with_both() {
        let job = text_as(As::Service, &enqueue(&sid(), "01"));
        let end = |arguments: &str| {
            outcome(
                As::Service,
                &format!("SELECT linkup.finish_sms_job('{job}', {arguments})"),
            )
        };
        assert_eq!(end("0"), "22023");
        assert_eq!(end("0, 'SM1', 'busy'"), "22023");
        // A job that nobody has claimed is nobody's to finish.
        assert_eq!(finish(&job, "0, message_sid => 'SM1'"), "false");
    }

    #[pg_test]
    fn a_body_is_whole_or_gone() {
        let half = "INSERT INTO linkup.sms_messages (direction, from_e164, to_e164, twilio_message_sid, body_ciphertext)
                    VALUES ('in', '+15005550101', '+15005550102', 'SMhalf', '\\x01')";
        assert_eq!(outcome(As::Service, half), "23514");
    }
}
