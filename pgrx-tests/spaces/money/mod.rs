//! Claims about money: donations, pledges, payment data, payouts and bounties. What needs two
//! sessions is in `sessions/spaces_money.rs`.

mod amounts;
mod bounties;
mod bounty_payouts;
mod cards;
mod donations;
mod keys;
mod news;
mod payouts;
mod pledges;

use super::super::linkup::failure;
use super::{As, answer, be, member, outcome, person, question, run, run_as, space, text, text_as};

/// A pending donation of the donor's to a space.
fn given(donor: &str, space: &str, amount: &str, currency: &str, covers_fees: bool) -> String {
    text_as(
        As::Person(donor),
        &format!(
            "INSERT INTO spaces.donations (profile_id, target_type, target_id, amount, currency, donor_covers_fees)
             VALUES ('{donor}', 'space', '{space}', {amount}, '{currency}', {covers_fees}) RETURNING id::text"
        ),
    )
}

/// A completed donation in USD.
fn paid(donor: &str, space: &str, amount: &str) -> String {
    let id = given(donor, space, amount, "USD", false);
    run_as(
        As::Service,
        &format!("SELECT spaces.complete_donation('{id}', 'ch_{id}')"),
    );
    id
}

/// A payment method of the person's.
fn method(person: &str) -> String {
    be(As::Owner);
    text(&format!(
        "INSERT INTO spaces.payment_methods (profile_id, provider, external_id, last4)
         VALUES ('{person}', 'acme', 'pm_' || gen_random_uuid(), '4242') RETURNING id::text"
    ))
}

/// A payout account of the person's, checked as `kyc_status` says.
fn account(person: &str, kyc_status: &str) -> String {
    be(As::Owner);
    text(&format!(
        "INSERT INTO spaces.payout_accounts (profile_id, provider, external_account_id, kyc_status)
         VALUES ('{person}', 'acme', 'acct_' || gen_random_uuid(), '{kyc_status}') RETURNING id::text"
    ))
}
