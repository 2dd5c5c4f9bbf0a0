//! Claims about the ledger of a bounty's escrow, and how long both are kept.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn no_statement_takes_a_bounty_where_its_ledger_does_not_lead() {
        for (case, name) in [
            (pending(), "pending"),
            (funded(), "funded"),
            (disputed(), "disputed"),
        ] {
            for set in [
                "status = 'released', closed_at = now()",
                "status = 'refunded', closed_at = now(), escrow_balance = 0, dispute_balance = 0",
                "status = 'funded', escrow_balance = 500",
                "escrow_balance = escrow_balance - 1",
                "dispute_balance = dispute_balance + 1",
                "amount = 500",
                "amount = 0.01, escrow_balance = 0.01",
                "expires_at = now() + interval '1 year'",
                "sponsor_id = NULL",
                "closed_at = now() - interval '8 years'",
            ] {
                let change = format!(
                    "UPDATE spaces.bounties SET {set} WHERE id = '{}'",
                    case.bounty
                );
                let state = outcome(As::Service, &change);
                assert!(
                    ["55000", "23514"].contains(&state.as_str()),
                    "{name}: {set}: {state}"
                );
            }
        }
        let born_released = format!(
            "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at, status, closed_at)
             SELECT target_type, target_id, sponsor_id, amount, currency, expires_at, 'released', now()
             FROM spaces.bounties WHERE id = '{}'",
            pending().bounty
        );
        assert_eq!(outcome(As::Service, &born_released), "55000");
    }

    #[pg_test]
    fn the_ledger_takes_no_entry_that_does_not_follow() {
        let entry = |bounty: &str, kind: &str, accounts: &str, amount: &str| {
            let (from, to) = accounts.split_once('>').expect("two accounts");
            let recipient = if to == "recipient" {
                "gen_random_uuid()"
            } else {
                "NULL"
            };
            let reason = if kind == "disputed" { "'why'" } else { "NULL" };
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.bounty_transactions
                         (bounty_id, transaction_type, from_account, to_account, amount, currency, recipient_id, reason, reference)
                     VALUES ('{bounty}', '{kind}', '{from}', '{to}', {amount}, 'EUR', {recipient}, {reason}, 'x')"
                ),
            )
        };
        let (pending, funded, disputed) = (pending().bounty, funded().bounty, disputed().bounty);
        let closed = super::tests::funded();
        run_as(As::Service, &release(&closed.bounty, &closed.author));
        for (bounty, kind, accounts, amount, wanted) in [
            (&pending, "released", "escrow>recipient", "50", "55000"),
            (&pending, "funded", "sponsor>escrow", "49", "23514"),
            (&pending, "funded", "sponsor>recipient", "50", "23514"),
            (&pending, "funded", "sponsor>escrow", "50", "1"),
            (&funded, "funded", "sponsor>escrow", "50", "55000"),
            (&funded, "refunded", "escrow>sponsor", "25", "23514"),
            (&funded, "refunded", "dispute>sponsor", "50", "55000"),
            (&funded, "refunded", "recipient>sponsor", "50", "55000"),
            (&funded, "refunded", "escrow>sponsor", "-50", "23514"),
            (&disputed, "refunded", "escrow>sponsor", "50", "55000"),
            (&disputed, "released", "dispute>recipient", "50", "23503"),
            (&closed.bounty, "refunded", "escrow>sponsor", "50", "55000"),
            (&closed.bounty, "funded", "sponsor>escrow", "50", "55000"),
        ] {
            assert_eq!(
                entry(bounty, kind, accounts, amount),
                wanted,
                "{kind} {accounts} {amount}"
            );
        }
    }

    #[pg_test]
    fn an_entry_stays_as_it_is_and_a_bounty_is_kept() {
        let case = funded();
        for who in [As::Service, As::Owner] {
            for change in [
                format!(
                    "UPDATE spaces.bounty_transactions SET amount = 1 WHERE bounty_id = '{}'",
                    case.bounty
                ),
                format!(
                    "UPDATE spaces.bounty_transactions SET reference = 'x' WHERE bounty_id = '{}'",
                    case.bounty
                ),
                format!(
                    "DELETE FROM spaces.bounty_transactions WHERE bounty_id = '{}'",
                    case.bounty
                ),
                format!("DELETE FROM spaces.bounties WHERE id = '{}'", case.bounty),
            ] {
                assert_eq!(outcome(who, &change), "55000", "{change}");
            }
        }
    }

    #[pg_test]
    fn a_bounty_is_deleted_by_nobody_until_seven_years_after_it_was_closed() {
        for (age, deleted) in [
            ("6 years 364 days", "55000"),
            ("7 years -1 minute", "55000"),
            ("7 years 1 minute", "1"),
        ] {
            let case = funded();
            run_as(As::Service, &release(&case.bounty, &case.author));
            be(As::Owner);
            run(&format!(
                "SET LOCAL session_replication_role = replica;
                 UPDATE spaces.bounties SET created_at = created_at - interval '8 years', expires_at = expires_at - interval '8 years',
                     closed_at = now() - interval '{age}' WHERE id = '{}';
                 SET LOCAL session_replication_role = origin",
                case.bounty
            ));
            let delete = format!("DELETE FROM spaces.bounties WHERE id = '{}'", case.bounty);
            assert_eq!(outcome(As::Owner, &delete), deleted, "{age}");
        }
    }

    #[pg_test]
    fn a_bounty_and_its_ledger_outlive_sponsor_and_recipient_without_their_names() {
        let case = funded();
        run_as(As::Service, &release(&case.bounty, &case.author));
        run(&format!(
            "DELETE FROM auth.users WHERE id IN ('{}', '{}')",
            case.sponsor, case.author
        ));
        assert_eq!(
            of(&case.bounty, "status, sponsor_id, recipient_id, amount"),
            "released 50.0000"
        );
        assert_eq!(balances(&case.bounty), "recipient 50, sponsor -50");
    }
}
