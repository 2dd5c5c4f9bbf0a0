//! Claims about what webhooks and people are told of money and of events.

use super::*;
use crate::claims::spaces::webhooks::{deliveries, webhook};

/// A webhook of the site, which is told of everything.
fn site_webhook() -> String {
    be(As::Owner);
    text(
        "INSERT INTO spaces.webhooks (target_url, secret)
         VALUES ('https://hooks.example.org/' || gen_random_uuid(), repeat('s', 32)) RETURNING id::text",
    )
}

/// Everything that a webhook is told, in one text.
fn said(webhook: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT string_agg(payload::text, ' ') FROM spaces.webhook_deliveries WHERE webhook_id = '{webhook}'"
    ))
}

/// What a person is told in the application.
fn told(person: &str) -> String {
    text_as(
        As::Person(person),
        "SELECT coalesce(string_agg(type, ', ' ORDER BY id), '') FROM spaces.notifications WHERE channel = 'in_app'",
    )
}

fn service(call: &str) {
    run_as(As::Service, &format!("SELECT spaces.{call}"));
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn what_came_of_a_donation_is_told_without_payment_data_and_not_whose_it_was() {
        let space = space("public");
        let (owner, donor) = (member(&space, "owner"), member(&space, "member"));
        let hook = webhook(&space, &owner, "{*}");
        let donation = given(&donor, &space, "100", "USD", false);
        service(&format!(
            "complete_donation('{donation}', 'ch_secret', 3, 'https://pay.example/receipt')"
        ));
        let failing = given(&donor, &space, "7", "USD", false);
        service(&format!("fail_donation('{failing}', 'card_declined')"));
        service(&format!("refund_donation('{donation}', 'key', 40)"));
        assert_eq!(deliveries(&hook), "donation.completed", "begun, not made");
        service(
            "complete_donation(id, 're_secret') FROM spaces.donations WHERE idempotency_key = 'key'",
        );
        assert_eq!(deliveries(&hook), "donation.completed, donation.refunded");
        assert_eq!(told(&donor), "donation.completed, donation.refunded");
        let said = said(&hook);
        assert!(said.contains(&donation) && said.contains("40"), "{said}");
        for kept_back in [donor.as_str(), "_secret", "receipt", "declined"] {
            assert!(!said.contains(kept_back), "{kept_back} in {said}");
        }
    }

    #[pg_test]
    fn of_a_pledge_is_told_that_a_period_was_charged_or_was_not() {
        let space = space("public");
        let (owner, donor) = (member(&space, "owner"), member(&space, "member"));
        let hook = webhook(&space, &owner, "{*}");
        let method = method(&donor);
        run_as(
            As::Person(&donor),
            &format!(
                "INSERT INTO spaces.pledges (profile_id, target_type, target_id, interval, amount, currency, payment_method_id)
                 VALUES ('{donor}', 'space', '{space}', 'month', 5, 'EUR', '{method}')"
            ),
        );
        let due = |at: &str| {
            text_as(
                As::Service,
                &format!(
                    "SELECT id::text FROM spaces.claim_due_pledges(1000, {at}) WHERE profile_id = '{donor}'"
                ),
            )
        };
        let first = due("now()");
        service(&format!("complete_donation('{first}', 'ch_{first}')"));
        let second = due("now() + interval '40 days'");
        service(&format!("fail_donation('{second}', 'card_declined')"));
        assert_eq!(deliveries(&hook), "pledge.charged, pledge.failed");
        assert_eq!(told(&donor), "pledge.charged, pledge.failed");
        assert!(!said(&hook).contains("declined"));
    }

    #[pg_test]
    fn a_donation_to_a_space_that_is_gone_is_completed_all_the_same() {
        let space = space("public");
        let donor = member(&space, "member");
        let donation = given(&donor, &space, "100", "USD", false);
        run(&format!("DELETE FROM spaces.spaces WHERE id = '{space}'"));
        let site = site_webhook();
        service(&format!("complete_donation('{donation}', 'ch_x')"));
        assert_eq!(deliveries(&site), "donation.completed");
        assert_eq!(told(&donor), "donation.completed");
    }

    #[pg_test]
    fn a_payout_is_told_to_webhooks_of_the_site_and_its_end_to_the_person() {
        let space = space("public");
        let (owner, paid) = (member(&space, "owner"), person());
        let (hook, site) = (webhook(&space, &owner, "{*}"), site_webhook());
        let account = account(&paid, "verified");
        service(&format!("enqueue_payout('one', '{account}', 5, 'EUR')"));
        let finish = |how: &str, at: &str| {
            service(&format!(
                "finish_payout_job(id, attempts, {how}, at => now() + interval '{at}')
                 FROM spaces.claim_payout_jobs(1000, now() + interval '{at}') WHERE payout_account_id = '{account}'"
            ));
        };
        finish("failure => 'account_frozen'", "0");
        assert_eq!(
            (deliveries(&site).as_str(), told(&paid).as_str()),
            ("payout.failed", "")
        );
        run("SET LOCAL community_core.spaces_payout_attempts = 2");
        finish("failure => 'account_frozen'", "1 day");
        run(
            "SELECT spaces.retry_payout_job(id) FROM spaces.payout_jobs WHERE idempotency_key = 'one'",
        );
        finish("external_id => 'po_secret'", "2 days");
        assert_eq!(deliveries(&site), "payout.failed, payout.dead, payout.paid");
        assert_eq!(told(&paid), "payout.dead, payout.paid");
        assert_eq!(deliveries(&hook), "");
        let said = said(&site);
        assert!(
            !said.contains("secret") && !said.contains("frozen"),
            "{said}"
        );
    }

    #[pg_test]
    fn what_becomes_of_a_bounty_is_told_to_its_parties_but_not_to_who_did_it() {
        let space = space("public");
        let owner = member(&space, "owner");
        let (sponsor, author) = (member(&space, "member"), member(&space, "member"));
        let hook = webhook(&space, &owner, "{*}");
        let put_up = |days: i32| {
            let question = question(&space, &sponsor);
            answer(&question, &author);
            let bounty = text_as(
                As::Person(&sponsor),
                &format!(
                    "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
                     VALUES ('question', '{question}', '{sponsor}', 50, 'EUR', now() + interval '{days} days') RETURNING id::text"
                ),
            );
            service(&format!("fund_bounty('{bounty}', 'pi_secret_{bounty}')"));
            bounty
        };
        let (given, fought) = (put_up(7), put_up(7));
        run("DELETE FROM spaces.notifications; DELETE FROM spaces.webhook_deliveries");
        put_up(3);
        run_as(
            As::Person(&sponsor),
            &format!("SELECT spaces.release_bounty('{given}', '{author}')"),
        );
        run_as(
            As::Person(&author),
            &format!("SELECT spaces.dispute_bounty('{fought}', 'A quarrel')"),
        );
        service(&format!("resolve_dispute('{fought}', '{author}')"));
        service("expire_bounties(1000, now() + interval '4 days')");
        let bounties = text(&format!(
            "SELECT string_agg(event_type, ', ' ORDER BY id) FROM spaces.webhook_deliveries
             WHERE webhook_id = '{hook}' AND event_type LIKE 'bounty.%'"
        ));
        assert_eq!(
            bounties,
            "bounty.funded, bounty.released, bounty.disputed, bounty.released, bounty.refunded"
        );
        assert_eq!(
            told(&sponsor),
            "question.answer, bounty.funded, bounty.disputed, bounty.released, bounty.refunded"
        );
        assert_eq!(told(&author), "bounty.released, bounty.released");
        let said = said(&hook);
        assert!(
            !said.contains("secret") && !said.contains("quarrel"),
            "{said}"
        );
    }

    #[pg_test]
    fn tickets_the_last_place_and_who_moves_up_are_told_and_a_place_passed_on_is_not_sold_out_again()
     {
        let space = space("public");
        let owner = member(&space, "owner");
        let (first, next) = (member(&space, "member"), member(&space, "member"));
        let hook = webhook(
            &space,
            &owner,
            "{event.sold_out,ticket.booked,waitlist.promoted}",
        );
        let event = text(&format!(
            "INSERT INTO spaces.events (space_id, title, start_at, end_at, capacity)
             VALUES ('{space}', 'A talk', now() + interval '1 day', now() + interval '2 days', 1) RETURNING id::text"
        ));
        run_as(
            As::Person(&owner),
            &format!("SELECT spaces.publish_event('{event}')"),
        );
        run_as(
            As::Person(&first),
            &format!("SELECT spaces.book_ticket('{event}')"),
        );
        assert_eq!(deliveries(&hook), "ticket.booked, event.sold_out");
        run_as(
            As::Person(&next),
            &format!("SELECT spaces.join_waitlist('{event}')"),
        );
        run_as(
            As::Person(&first),
            "SELECT spaces.cancel_ticket(id) FROM spaces.event_tickets",
        );
        assert_eq!(
            deliveries(&hook),
            "ticket.booked, event.sold_out, waitlist.promoted"
        );
        run_as(
            As::Person(&next),
            &format!("SELECT spaces.book_ticket('{event}')"),
        );
        assert_eq!(
            deliveries(&hook),
            "ticket.booked, event.sold_out, waitlist.promoted, ticket.booked"
        );
        assert_eq!(told(&first), "ticket.booked");
        assert_eq!(told(&next), "event.place_offered, ticket.booked");
    }
}
