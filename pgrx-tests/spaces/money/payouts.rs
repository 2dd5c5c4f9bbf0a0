//! Claims about payout accounts and the queue of payouts.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn enqueue(key: &str, account: &str, amount: &str) -> String {
        format!("SELECT id::text FROM spaces.enqueue_payout('{key}', '{account}', {amount}, 'EUR')")
    }

    fn queued(account: &str, key: &str) -> String {
        text_as(
            As::Service,
            &enqueue(&format!("{account}:{key}"), account, "10"),
        )
    }

    /// The keys that a claim at this time hands out of the account, with the number of the claim.
    fn claimed(account: &str, at: &str) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT string_agg(split_part(idempotency_key, ':', 2) || ' ' || attempts, ', ')
                 FROM spaces.claim_payout_jobs(1000, {at}) WHERE payout_account_id = '{account}'"
            ),
        )
    }

    fn finish(job: &str, arguments: &str) -> String {
        text_as(
            As::Service,
            &format!("SELECT spaces.finish_payout_job('{job}', {arguments})::text"),
        )
    }

    fn of(job: &str, columns: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT concat_ws(' ', {columns}) FROM spaces.payout_jobs WHERE id = '{job}'"
        ))
    }

    #[pg_test]
    fn a_payout_is_queued_once_per_idempotency_key() {
        let account = account(&person(), "verified");
        let key = format!("{account}:a");
        let first = text_as(As::Service, &enqueue(&key, &account, "10"));
        assert_eq!(
            text_as(As::Service, &enqueue(&key, &account, "10.00")),
            first
        );
        assert_eq!(
            outcome(As::Service, &enqueue(&key, &account, "11")),
            "23505"
        );
        let twice = format!(
            "INSERT INTO spaces.payout_jobs (idempotency_key, payout_account_id, amount, currency) VALUES ('{key}', '{account}', 10, 'EUR')"
        );
        assert_eq!(outcome(As::Service, &twice), "23505");
        for amount in ["0", "-1", "1.005", "'NaN'"] {
            assert_eq!(
                outcome(As::Service, &enqueue("k", &account, amount)),
                "23514",
                "{amount}"
            );
        }
    }

    #[pg_test]
    fn nothing_is_paid_before_the_check_of_the_person_not_even_by_hand() {
        for kyc in ["pending", "rejected"] {
            let account = account(&person(), kyc);
            let job = queued(&account, "a");
            assert_eq!(claimed(&account, "now()"), "");
            let by_hand =
                format!("UPDATE spaces.payout_jobs SET status = 'processing' WHERE id = '{job}'");
            assert_eq!(outcome(As::Service, &by_hand), "55000");
            let paid = format!(
                "UPDATE spaces.payout_jobs SET status = 'paid', external_id = 'po', processed_at = now() WHERE id = '{job}'"
            );
            assert_eq!(outcome(As::Service, &paid), "55000");
            run(&format!(
                "UPDATE spaces.payout_accounts SET kyc_status = 'verified' WHERE id = '{account}'"
            ));
            assert_eq!(claimed(&account, "now()"), "a 1");
        }
    }

    #[pg_test]
    fn the_jobs_of_an_account_are_paid_one_after_the_other_the_oldest_first() {
        let account = account(&person(), "verified");
        let (a, b) = (queued(&account, "a"), queued(&account, "b"));
        assert_eq!(claimed(&account, "now()"), "a 1");
        assert_eq!(claimed(&account, "now()"), "");
        let second =
            format!("UPDATE spaces.payout_jobs SET status = 'processing' WHERE id = '{b}'");
        assert_eq!(outcome(As::Service, &second), "23505");
        // One that waits to be tried again holds up those behind it.
        assert_eq!(finish(&a, "1, failure => 'busy'"), "true");
        assert_eq!(claimed(&account, "now()"), "");
        assert_eq!(claimed(&account, "now() + interval '300 seconds'"), "a 2");
        assert_eq!(finish(&a, &format!("2, external_id => 'po_{a}'")), "true");
        assert_eq!(claimed(&account, "now()"), "b 1");
        assert_eq!(of(&a, "status, attempts"), "paid 2");
    }

    #[pg_test]
    fn a_job_is_not_paid_before_its_time_and_blocks_nothing_of_other_accounts() {
        let (early, late) = (
            account(&person(), "verified"),
            account(&person(), "verified"),
        );
        run_as(
            As::Service,
            &format!(
                "SELECT spaces.enqueue_payout('{late}:a', '{late}', 10, 'EUR', now() + interval '1 day')"
            ),
        );
        queued(&early, "a");
        assert_eq!(claimed(&late, "now()"), "");
        assert_eq!(claimed(&late, "now() + interval '1 day'"), "a 1");
        // That claim took the other account's along.
        assert_eq!(claimed(&early, "now()"), "");
    }

    #[pg_test]
    fn a_worker_taken_for_dead_no_longer_holds_its_claim() {
        let account = account(&person(), "verified");
        let job = queued(&account, "a");
        assert_eq!(claimed(&account, "now()"), "a 1");
        assert_eq!(claimed(&account, "now() + interval '599 seconds'"), "");
        assert_eq!(claimed(&account, "now() + interval '600 seconds'"), "a 2");
        assert_eq!(finish(&job, "1, external_id => 'po_1'"), "false");
        assert_eq!(finish(&job, "2, external_id => 'po_2'"), "true");
        assert_eq!(finish(&job, "2, external_id => 'po_2'"), "false");
        assert_eq!(of(&job, "status, external_id"), "paid po_2");
    }

    #[pg_test]
    fn each_failure_waits_twice_as_long_and_the_last_is_a_dead_letter() {
        run("SET LOCAL community_core.spaces_payout_attempts = 3");
        let account = account(&person(), "verified");
        let (job, next) = (queued(&account, "a"), queued(&account, "b"));
        for (attempt, wait) in [(1, 300), (2, 600)] {
            assert_eq!(claimed(&account, "now()"), format!("a {attempt}"));
            assert_eq!(
                finish(&job, &format!("{attempt}, failure => 'busy'")),
                "true"
            );
            assert_eq!(
                of(&job, "available_at - now()"),
                format!("00:{:02}:00", wait / 60)
            );
            run(&format!(
                "UPDATE spaces.payout_jobs SET available_at = now() WHERE id = '{job}'"
            ));
        }
        assert_eq!(claimed(&account, "now()"), "a 3");
        assert_eq!(finish(&job, "3, failure => 'account closed'"), "true");
        assert_eq!(of(&job, "status, last_error"), "dead account closed");
        // A dead letter holds up nobody.
        assert_eq!(claimed(&account, "now()"), "b 1");
        assert_eq!(
            finish(&next, &format!("1, external_id => 'po_{next}'")),
            "true"
        );
        let retry = format!("SELECT spaces.retry_payout_job('{job}')::text");
        assert_eq!(text_as(As::Service, &retry), "true");
        assert_eq!(text_as(As::Service, &retry), "false");
        // The number of a claim is not given again, so a worker of before finishes nothing.
        assert_eq!(claimed(&account, "now()"), "a 4");
        assert_eq!(finish(&job, "3, external_id => 'po_old'"), "false");
        assert_eq!(finish(&job, "4, failure => 'busy'"), "true");
        assert_eq!(of(&job, "status, available_at - now()"), "queued 00:05:00");
    }

    #[pg_test]
    fn after_the_last_attempt_a_job_is_dead_also_when_its_worker_died() {
        run("SET LOCAL community_core.spaces_payout_attempts = 1");
        let account = account(&person(), "verified");
        let job = queued(&account, "a");
        assert_eq!(claimed(&account, "now()"), "a 1");
        assert_eq!(claimed(&account, "now() + interval '600 seconds'"), "");
        assert_eq!(
            of(&job, "status, last_error"),
            "dead no worker came back with an answer"
        );
    }

    #[pg_test]
    fn what_is_to_be_paid_to_whom_does_not_change_and_is_kept() {
        let (account, other) = (
            account(&person(), "verified"),
            account(&person(), "verified"),
        );
        let job = queued(&account, "a");
        let refused = |set: &str| {
            let change = format!("UPDATE spaces.payout_jobs SET {set} WHERE id = '{job}'");
            assert_eq!(outcome(As::Service, &change), "55000", "{set}");
        };
        for set in [
            "amount = 1",
            "currency = 'USD'",
            "idempotency_key = 'x'",
            "status = 'dead', processed_at = now()",
        ] {
            refused(set);
        }
        refused(&format!("payout_account_id = '{other}'"));
        let delete = format!("DELETE FROM spaces.payout_jobs WHERE id = '{job}'");
        assert_eq!(outcome(As::Service, &delete), "55000");
        claimed(&account, "now()");
        finish(&job, "1, external_id => 'po_kept'");
        refused("last_error = 'x'");
        refused("status = 'queued', external_id = NULL, processed_at = NULL");
        assert_eq!(outcome(As::Service, &delete), "55000");
    }

    #[pg_test]
    fn a_payout_is_deleted_by_nobody_until_seven_years_after_it_was_processed() {
        let account = account(&person(), "verified");
        for (age, deleted) in [
            ("6 years 364 days", "55000"),
            ("7 years -1 minute", "55000"),
            ("7 years 1 minute", "1"),
        ] {
            for end in ["paid", "dead"] {
                let job = queued(&account, &format!("{age} {end}"));
                be(As::Owner);
                run(&format!(
                    "SET LOCAL session_replication_role = replica;
                     UPDATE spaces.payout_jobs SET status = '{end}', external_id = CASE '{end}' WHEN 'paid' THEN '{job}' END,
                         created_at = now() - interval '8 years', processed_at = now() - interval '{age}' WHERE id = '{job}';
                     SET LOCAL session_replication_role = origin"
                ));
                let delete = format!("DELETE FROM spaces.payout_jobs WHERE id = '{job}'");
                assert_eq!(outcome(As::Owner, &delete), deleted, "{end} {age}");
            }
        }
    }

    #[pg_test]
    fn a_payout_ends_with_a_payment_or_a_failure_and_not_with_both() {
        let job = queued(&account(&person(), "verified"), "a");
        for arguments in ["1", "1, 'po', 'busy'"] {
            let end = format!("SELECT spaces.finish_payout_job('{job}', {arguments})");
            assert_eq!(outcome(As::Service, &end), "22023");
        }
        assert_eq!(finish(&job, "0, external_id => 'po'"), "false");
    }

    #[pg_test]
    fn what_is_done_with_payouts_is_in_the_log_without_what_is_personal() {
        let (account, clerk) = (account(&person(), "pending"), person());
        let staff = format!(
            "SET LOCAL request.jwt.claims = '{{\"sub\":\"{clerk}\",\"role\":\"service_role\"}}'; SET LOCAL ROLE service_role"
        );
        run(&staff);
        run(&format!(
            "UPDATE spaces.payout_accounts SET kyc_status = 'verified', pii_ciphertext = '\\x5ec3e7', pii_iv = '\\x01', pii_tag = '\\x02'
             WHERE id = '{account}'"
        ));
        be(As::Owner);
        let entry = format!(
            "SELECT concat_ws(' ', entity_type, action, actor_id, metadata)
             FROM spaces.audit_logs WHERE entity_id = '{account}' AND action = 'update'"
        );
        // That what is personal changed is told, not what it is.
        let kept_back = |status: &str| {
            format!(
                r#"{{"pii_iv": null, "pii_tag": null, "kyc_status": "{status}", "encrypted_at": null, "pii_ciphertext": null}}"#
            )
        };
        assert_eq!(
            text(&entry),
            format!(
                r#"payout_account update {clerk} {{"new": {}, "old": {}}}"#,
                kept_back("verified"),
                kept_back("pending")
            )
        );
        let job = queued(&account, "a");
        claimed(&account, "now()");
        finish(&job, "1, external_id => 'po_logged'");
        let entries = format!(
            "SELECT string_agg(action || ' ' || coalesce(metadata #>> '{{new,status}}', ''), ', ' ORDER BY created_at, id)
             FROM spaces.audit_logs WHERE entity_type = 'payout' AND entity_id = '{job}'"
        );
        assert_eq!(text(&entries), "insert queued, update paid");
    }

    #[pg_test]
    fn with_the_person_the_account_is_closed_and_what_is_personal_goes_while_payouts_stay() {
        let owner = person();
        let account = account(&owner, "verified");
        run(&format!(
            "UPDATE spaces.payout_accounts SET kyc_metadata = '{{\"check\": 7}}', pii_ciphertext = '\\x01', pii_iv = '\\x02', pii_tag = '\\x03'
             WHERE id = '{account}'"
        ));
        let job = queued(&account, "a");
        run(&format!("DELETE FROM auth.users WHERE id = '{owner}'"));
        let left = format!(
            "SELECT concat_ws(' ', status, profile_id, kyc_metadata, pii_ciphertext, encrypted_at)
             FROM spaces.payout_accounts WHERE id = '{account}'"
        );
        assert_eq!(text(&left), "closed {}");
        assert_eq!(of(&job, "status"), "queued");
        assert_eq!(claimed(&account, "now()"), "");
    }

    #[pg_test]
    fn a_person_sees_the_own_accounts_and_payouts_but_not_how_they_are_reached() {
        let (owner, other) = (person(), person());
        let account = account(&owner, "verified");
        queued(&account, "a");
        let see = |who: &str, what: &str| outcome(As::Person(who), &format!("SELECT {what}"));
        assert_eq!(see(&owner, "kyc_status FROM spaces.payout_accounts"), "1");
        assert_eq!(see(&owner, "amount, status FROM spaces.payout_jobs"), "1");
        assert_eq!(see(&other, "kyc_status FROM spaces.payout_accounts"), "0");
        assert_eq!(see(&other, "amount, status FROM spaces.payout_jobs"), "0");
        for hidden in ["external_account_id", "kyc_metadata", "pii_ciphertext"] {
            assert_eq!(
                see(&owner, &format!("{hidden} FROM spaces.payout_accounts")),
                "42501"
            );
        }
        for hidden in ["idempotency_key", "last_error", "external_id"] {
            assert_eq!(
                see(&owner, &format!("{hidden} FROM spaces.payout_jobs")),
                "42501"
            );
        }
    }
}
