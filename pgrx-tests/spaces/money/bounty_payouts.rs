//! Claims about what is paid out of a bounty.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// A bounty of 50 EUR that went to the author; both.
    fn released(author: &str, space: &str) -> String {
        let sponsor = member(space, "member");
        let question = question(space, &sponsor);
        answer(&question, author);
        let bounty = text_as(
            As::Person(&sponsor),
            &format!(
                "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
                 VALUES ('question', '{question}', '{sponsor}', 50, 'EUR', now() + interval '7 days') RETURNING id::text"
            ),
        );
        run_as(
            As::Service,
            &format!("SELECT spaces.fund_bounty('{bounty}', 'pi_{bounty}')"),
        );
        run_as(
            As::Person(&sponsor),
            &format!("SELECT spaces.release_bounty('{bounty}', '{author}')"),
        );
        bounty
    }

    /// What is queued for an account.
    fn payouts(account: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT coalesce(string_agg(concat_ws(' ', idempotency_key, trim_scale(amount), currency, status), ', ' ORDER BY id), '')
             FROM spaces.payout_jobs WHERE payout_account_id = '{account}'"
        ))
    }

    #[pg_test]
    fn a_release_queues_one_payout_to_the_oldest_verified_account() {
        let space = space("public");
        let author = member(&space, "member");
        let (pending, verified, newer) = (
            account(&author, "pending"),
            account(&author, "verified"),
            account(&author, "verified"),
        );
        run(&format!(
            "UPDATE spaces.payout_accounts SET created_at = created_at + interval '1 day' WHERE id = '{newer}'"
        ));
        let bounty = released(&author, &space);
        assert_eq!(payouts(&verified), format!("bounty:{bounty} 50 EUR queued"));
        assert_eq!(payouts(&pending) + &payouts(&newer), "");
        run(&format!(
            "SELECT spaces.enqueue_bounty_payouts();
             UPDATE spaces.payout_accounts SET kyc_status = 'verified' WHERE id = '{pending}'"
        ));
        assert_eq!(payouts(&pending) + &payouts(&newer), "", "once");
    }

    #[pg_test]
    fn without_an_account_a_bounty_stays_due_until_one_is_verified() {
        let space = space("public");
        let (author, other) = (member(&space, "member"), member(&space, "member"));
        let bounty = released(&author, &space);
        let (mine, theirs) = (account(&author, "pending"), account(&other, "verified"));
        assert_eq!(payouts(&mine) + &payouts(&theirs), "");
        let status = |column: &str, value: &str| {
            run(&format!(
                "UPDATE spaces.payout_accounts SET {column} = '{value}' WHERE id = '{mine}'"
            ));
        };
        status("kyc_status", "rejected");
        status("status", "disabled");
        status("kyc_status", "verified");
        assert_eq!(payouts(&mine), "", "disabled");
        status("status", "active");
        assert_eq!(payouts(&mine), format!("bounty:{bounty} 50 EUR queued"));
        status("status", "disabled");
        status("status", "active");
        assert_eq!(payouts(&mine), format!("bounty:{bounty} 50 EUR queued"));
    }

    #[pg_test]
    fn a_bounty_whose_payout_may_have_left_after_seven_years_is_not_paid_out_again() {
        let space = space("public");
        let author = member(&space, "member");
        let bounty = released(&author, &space);
        run(&format!(
            "SET LOCAL session_replication_role = replica;
             UPDATE spaces.bounties SET created_at = created_at - interval '8 years', expires_at = expires_at - interval '8 years',
                 closed_at = closed_at - interval '7 years' WHERE id = '{bounty}';
             SET LOCAL session_replication_role = origin"
        ));
        assert_eq!(payouts(&account(&author, "verified")), "");
    }
}
