//! Claims about Stripe's events, subscriptions and entitlements.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    struct Payer {
        member: Member,
        customer: String,
    }

    fn payer() -> Payer {
        let member = registered();
        let customer = format!("cus_{}", member.id);
        run(&format!(
            "INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{}', '{customer}')",
            member.id
        ));
        Payer { member, customer }
    }

    /// A webhook event about a subscription: its kind, when Stripe made it, the status it tells.
    fn event(
        payer: &Payer,
        id: &str,
        subscription: &str,
        kind: &str,
        created: i64,
        status: &str,
    ) -> String {
        format!(
            r#"SELECT (processed_at IS NOT NULL)::text FROM linkup.ingest_stripe_event('evt_{id}_{customer}', 'customer.subscription.{kind}',
               '{{"created": {created}, "data": {{"object": {{"id": "sub_{subscription}", "customer": "{customer}",
                 "status": "{status}", "current_period_end": 4102444800, "cancel_at_period_end": false}}}}}}')"#,
            customer = payer.customer
        )
    }

    fn tell(
        payer: &Payer,
        id: &str,
        subscription: &str,
        kind: &str,
        created: i64,
        status: &str,
    ) -> String {
        text_as(
            As::Service,
            &event(payer, id, subscription, kind, created, status),
        )
    }

    /// The subscription's state, and whether its user may take part.
    fn standing(payer: &Payer) -> String {
        text(&format!(
            "SELECT s.state || ' ' || e.eligible_to_participate FROM linkup.subscriptions s
             JOIN linkup.entitlements e USING (user_id) WHERE user_id = '{}'",
            payer.member.id
        ))
    }

    #[pg_test]
    fn an_event_counts_once_however_often_it_is_delivered() {
        let payer = payer();
        for _ in 0..3 {
            assert_eq!(tell(&payer, "1", "a", "created", 1000, "active"), "true");
        }
        let stored = format!(
            "linkup.stripe_events WHERE stripe_event_id = 'evt_1_{}'",
            payer.customer
        );
        assert_eq!(count(&stored), "1");
        let moves = format!(
            "linkup.domain_events d JOIN linkup.subscriptions s ON s.id = d.entity_id WHERE s.user_id = '{}'",
            payer.member.id
        );
        assert_eq!(count(&moves), "1");
        assert_eq!(
            outcome(
                As::Service,
                &event(&payer, "1", "a", "deleted", 1000, "active")
            ),
            "23505"
        );
    }

    #[pg_test]
    fn the_entitlement_follows_the_subscription_in_the_same_transaction() {
        let payer = payer();
        tell(&payer, "1", "a", "created", 1000, "trialing");
        assert_eq!(standing(&payer), "trialing true");
        tell(&payer, "2", "a", "updated", 1001, "unpaid");
        assert_eq!(standing(&payer), "unpaid false");
        tell(&payer, "3", "a", "updated", 1002, "active");
        assert_eq!(standing(&payer), "active true");
        tell(&payer, "4", "a", "deleted", 1003, "canceled");
        assert_eq!(standing(&payer), "canceled false");
    }

    #[pg_test]
    fn an_older_event_that_arrives_later_changes_nothing() {
        let payer = payer();
        tell(&payer, "3", "a", "deleted", 1003, "canceled");
        tell(&payer, "2", "a", "updated", 1002, "active");
        tell(&payer, "1", "a", "created", 1001, "incomplete");
        assert_eq!(standing(&payer), "canceled false");
    }

    #[pg_test]
    fn in_one_second_a_beginning_is_oldest_and_an_end_newest() {
        let payer = payer();
        tell(&payer, "2", "a", "updated", 1000, "active");
        tell(&payer, "1", "a", "created", 1000, "incomplete");
        assert_eq!(standing(&payer), "active true");
        tell(&payer, "3", "a", "deleted", 1000, "canceled");
        tell(&payer, "4", "a", "updated", 1000, "active");
        assert_eq!(standing(&payer), "canceled false");
    }

    #[pg_test]
    fn the_end_of_an_old_subscription_does_not_end_a_new_one() {
        let payer = payer();
        tell(&payer, "1", "old", "created", 1000, "active");
        tell(&payer, "2", "new", "created", 1001, "active");
        tell(&payer, "3", "old", "deleted", 1002, "canceled");
        assert_eq!(standing(&payer), "active true");
    }

    #[pg_test]
    fn a_new_subscription_entitles_whenever_it_is_told_of() {
        for (ended, begun) in [(1003, 1002), (1002, 1002), (1001, 1002)] {
            let payer = payer();
            let [one, two, three] = [1, 2, 3].map(|n| format!("{ended}{n}"));
            let (old, new) = (format!("old{ended}"), format!("new{ended}"));
            tell(&payer, &one, &old, "created", 1000, "active");
            tell(&payer, &two, &old, "deleted", ended, "canceled");
            tell(&payer, &three, &new, "created", begun, "active");
            assert_eq!(standing(&payer), "active true", "{ended} {begun}");
        }
    }

    #[pg_test]
    fn a_failed_payment_has_its_grace_from_the_first_failure() {
        let payer = payer();
        let now: i64 = text("SELECT extract(epoch FROM now())::bigint::text")
            .parse()
            .expect("seconds");
        tell(&payer, "1", "a", "created", now - 100, "active");
        tell(&payer, "2", "a", "updated", now - 50, "past_due");
        tell(&payer, "3", "a", "updated", now - 10, "past_due");
        assert_eq!(standing(&payer), "past_due true");
        let until = text(&format!(
            "SELECT extract(epoch FROM grace_until)::bigint::text FROM linkup.subscriptions WHERE user_id = '{}'",
            payer.member.id
        ));
        assert_eq!(until, (now - 50 + 3 * 86_400).to_string());
    }

    #[pg_test]
    fn an_entitlement_that_an_admin_gave_is_not_taken_by_a_subscription() {
        let payer = payer();
        run(&format!(
            "INSERT INTO linkup.entitlements (user_id, eligible_to_participate, source) VALUES ('{}', true, 'gift')",
            payer.member.id
        ));
        tell(&payer, "1", "a", "created", 1000, "canceled");
        assert_eq!(standing(&payer), "canceled true");
    }

    #[pg_test]
    fn an_event_of_an_unknown_customer_is_kept_and_processed_later() {
        let member = registered();
        let payer = Payer {
            customer: format!("cus_{}", member.id),
            member,
        };
        assert_eq!(tell(&payer, "1", "a", "created", 1000, "active"), "false");
        let error = text(&format!(
            "SELECT processing_error FROM linkup.stripe_events WHERE stripe_event_id = 'evt_1_{}'",
            payer.customer
        ));
        assert!(error.contains("is not known"), "{error}");
        run(&format!(
            "INSERT INTO linkup.stripe_customers (user_id, stripe_customer_id) VALUES ('{}', '{}')",
            payer.member.id, payer.customer
        ));
        assert_eq!(
            text_as(As::Service, "SELECT linkup.retry_stripe_events()::text"),
            "1"
        );
        assert_eq!(standing(&payer), "active true");
    }

    #[pg_test]
    fn a_malformed_event_is_kept_with_what_is_wrong_and_stops_nothing() {
        for (number, payload) in [
            r#"{}"#,
            r#"{"created": "soon", "data": {"object": {"id": "sub_1", "customer": "cus_1"}}}"#,
            r#"{"created": 1e300, "data": {"object": {"id": "sub_1", "customer": "cus_1"}}}"#,
            r#"[]"#,
        ]
        .iter()
        .enumerate()
        {
            let failure = text_as(
                As::Service,
                &format!(
                    "SELECT coalesce(processing_error, 'none') FROM linkup.ingest_stripe_event(
                         'evt_malformed_{number}', 'customer.subscription.updated', '{payload}')"
                ),
            );
            assert!(failure.contains("the payload"), "{payload}: {failure}");
        }
    }

    #[pg_test]
    fn an_event_about_something_else_is_kept_and_done() {
        assert_eq!(
            text_as(
                As::Service,
                "SELECT (processed_at IS NOT NULL)::text FROM linkup.ingest_stripe_event('evt_paid', 'invoice.paid', '{}')"
            ),
            "true"
        );
    }
}
