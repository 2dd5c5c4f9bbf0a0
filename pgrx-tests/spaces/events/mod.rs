//! Claims about events, tickets and coupons that one session can show.

mod waitlist;

use super::*;

/// A draft of the space's; `more` are further columns with their values.
fn draft(space: &str, columns: &str, values: &str) -> String {
    be(As::Owner);
    text(&format!(
        "INSERT INTO spaces.events (space_id, title, start_at, end_at, {columns})
         VALUES ('{space}', 'A talk', now() + interval '1 day', now() + interval '2 days', {values}) RETURNING id::text"
    ))
}

fn publish(event: &str) {
    run_as(
        As::Service,
        &format!("SELECT spaces.publish_event('{event}')"),
    );
}

/// A published event with so many places, free of charge.
fn event(space: &str, capacity: &str) -> String {
    let event = draft(space, "capacity", capacity);
    publish(&event);
    event
}

fn book(event: &str, person: &str) -> String {
    outcome(
        As::Person(person),
        &format!("SELECT spaces.book_ticket('{event}')"),
    )
}

/// Books for good; the ticket's id.
fn booked(event: &str, person: &str) -> String {
    text_as(
        As::Person(person),
        &format!("SELECT id::text FROM spaces.book_ticket('{event}')"),
    )
}

fn wait(event: &str, person: &str) {
    run_as(
        As::Person(person),
        &format!("SELECT spaces.join_waitlist('{event}')"),
    );
}

fn ticket_of(event: &str, person: &str) -> String {
    text(&format!(
        "SELECT string_agg(status, ' ' ORDER BY created_at, status) FROM spaces.event_tickets
         WHERE event_id = '{event}' AND profile_id = '{person}'"
    ))
}

fn entry_of(event: &str, person: &str) -> String {
    text(&format!(
        "SELECT status FROM spaces.event_waitlist WHERE event_id = '{event}' AND profile_id = '{person}'"
    ))
}

fn lapse(event: &str) {
    run(&format!(
        "UPDATE spaces.event_tickets SET reserved_until = now() - interval '1 second'
         WHERE event_id = '{event}' AND status = 'reserved'"
    ));
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn an_event_ends_after_it_starts_and_costs_what_its_currency_can_express() {
        let space = space("public");
        for (columns, values) in [
            ("price, currency", "10.005, 'EUR'"),
            ("price, currency", "10.5, 'JPY'"),
            ("price, currency", "10, 'XYZ'"),
            ("price", "10"),
            ("price", "-1"),
            ("capacity", "0"),
        ] {
            let insert = format!(
                "INSERT INTO spaces.events (space_id, title, start_at, end_at, {columns})
                 VALUES ('{space}', 'A talk', now(), now() + interval '1 hour', {values})"
            );
            assert_eq!(outcome(As::Owner, &insert), "23514", "{columns} {values}");
        }
        let backwards = format!(
            "INSERT INTO spaces.events (space_id, title, start_at, end_at) VALUES ('{space}', 'A talk', now(), now())"
        );
        assert_eq!(outcome(As::Owner, &backwards), "23514");
    }

    #[pg_test]
    fn a_time_zone_is_an_iana_name_and_neither_an_abbreviation_nor_a_posix_rule() {
        let space = space("public");
        let event = draft(&space, "timezone", "'America/Argentina/Buenos_Aires'");
        let change = |zone: &str| {
            outcome(
                As::Owner,
                &format!("UPDATE spaces.events SET timezone = '{zone}' WHERE id = '{event}'"),
            )
        };
        for zone in ["UTC", "Etc/UTC", "Europe/Berlin"] {
            assert_eq!(change(zone), "1", "{zone}");
        }
        for zone in [
            "CET",
            "EST5EDT",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "europe/berlin",
            "Europe/Atlantis",
            "posix/Europe/Berlin",
            "+02:00",
            "",
        ] {
            assert_eq!(change(zone), "23514", "{zone}");
        }
    }

    #[pg_test]
    fn an_event_is_a_draft_then_published_then_over_and_goes_no_other_way() {
        let space = space("public");
        let (moderator, member) = (member(&space, "moderator"), member(&space, "member"));
        let event = draft(&space, "capacity", "1");
        let seen = format!("SELECT FROM spaces.events WHERE id = '{event}'");
        let step = |who, function: &str| {
            outcome(who, &format!("SELECT spaces.{function}_event('{event}')"))
        };
        assert_eq!(
            outcome(As::Person(&member), &seen.replace("FROM", "id FROM")),
            "0"
        );
        assert_eq!(step(As::Person(&member), "publish"), "42501");
        assert_eq!(step(As::Person(&moderator), "complete"), "55000");
        let by_hand = format!("UPDATE spaces.events SET status = 'published' WHERE id = '{event}'");
        assert_eq!(outcome(As::Person(&moderator), &by_hand), "42501");
        assert_eq!(
            outcome(As::Service, &by_hand.replace("published", "completed")),
            "55000"
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.publish_event('{event}')"),
        );
        assert_eq!(
            outcome(As::Anonymous, &seen.replace("FROM", "id FROM")),
            "1"
        );
        assert_eq!(
            step(As::Person(&moderator), "complete"),
            "55000",
            "not begun"
        );
        run_as(
            As::Person(&moderator),
            &format!("SELECT spaces.cancel_event('{event}')"),
        );
        assert_eq!(step(As::Person(&moderator), "publish"), "55000");
        let born = format!(
            "INSERT INTO spaces.events (space_id, title, start_at, end_at, status)
             VALUES ('{space}', 'A talk', now(), now() + interval '1 hour', 'published')"
        );
        assert_eq!(outcome(As::Service, &born), "55000");
    }

    #[pg_test]
    fn who_may_not_read_the_space_or_is_banned_gets_no_ticket_and_nobody_gets_two() {
        let space = space("restricted");
        let event = event(&space, "5");
        let (ada, stranger, banned) =
            (member(&space, "member"), person(), member(&space, "member"));
        run(&format!(
            "INSERT INTO spaces.sanctions (space_id, profile_id, type, reason) VALUES (NULL, '{banned}', 'site_ban', 'spam')"
        ));
        assert_eq!(book(&event, &stranger), "42501");
        assert_eq!(book(&event, &banned), "42501");
        assert_eq!(
            outcome(
                As::Anonymous,
                &format!("SELECT spaces.book_ticket('{event}')")
            ),
            "42501"
        );
        let draft = draft(&space, "capacity", "5");
        assert_eq!(book(&draft, &ada), "42501");
        booked(&event, &ada);
        assert_eq!(book(&event, &ada), "23505");
        let forged = format!(
            "INSERT INTO spaces.event_tickets (event_id, profile_id, price) VALUES ('{event}', '{stranger}', 0)"
        );
        assert_eq!(outcome(As::Person(&stranger), &forged), "42501");
    }

    #[pg_test]
    fn a_full_event_takes_nobody_not_even_by_the_service_and_does_not_shrink_below_what_is_sold() {
        let space = space("public");
        let event = event(&space, "2");
        let (ada, bob, cleo) = (person(), person(), person());
        booked(&event, &ada);
        booked(&event, &bob);
        assert_eq!(book(&event, &cleo), "23514");
        let forced = format!(
            "INSERT INTO spaces.event_tickets (event_id, profile_id, price) VALUES ('{event}', '{cleo}', 0)"
        );
        assert_eq!(outcome(As::Service, &forced), "23514");
        let shrink = format!("UPDATE spaces.events SET capacity = 1 WHERE id = '{event}'");
        assert_eq!(outcome(As::Service, &shrink), "23514");
        let taken = format!("UPDATE spaces.events SET places_taken = 0 WHERE id = '{event}'");
        assert_eq!(outcome(As::Service, &taken), "42501");
    }

    #[pg_test]
    fn a_coupon_lowers_the_price_in_any_case_of_letters_and_never_below_zero() {
        let space = space("public");
        let event = draft(&space, "price, currency", "20, 'EUR'");
        publish(&event);
        run(&format!(
            "INSERT INTO spaces.event_coupons (event_id, code, discount_type, discount_value, max_redemptions, expires_at)
             VALUES ('{event}', 'Third', 'percent', 33.333, NULL, NULL), ('{event}', 'gift', 'amount', 50, 1, NULL),
                    ('{event}', 'old', 'amount', 1, NULL, now() - interval '1 hour')"
        ));
        let priced = |person: &str, coupon: &str| {
            text_as(
                As::Person(person),
                &format!(
                    "SELECT round(price, 2) || ' ' || currency FROM spaces.book_ticket('{event}', '{coupon}')"
                ),
            )
        };
        assert_eq!(priced(&person(), "tHIRD"), "13.33 EUR");
        let ada = person();
        assert_eq!(priced(&ada, "GIFT"), "0.00 EUR");
        let refused = |coupon: &str| {
            outcome(
                As::Person(&person()),
                &format!("SELECT spaces.book_ticket('{event}', '{coupon}')"),
            )
        };
        assert_eq!(refused("gift"), "55000", "used up");
        assert_eq!(refused("old"), "55000", "expired");
        assert_eq!(refused("nonesuch"), "22023");
        // A cancelled ticket gives its use back.
        run_as(
            As::Person(&ada),
            &format!(
                "SELECT spaces.cancel_ticket(id) FROM spaces.event_tickets WHERE profile_id = '{ada}'"
            ),
        );
        assert_eq!(refused("gift"), "1");
        for (code, kind, value) in [
            ("THIRD", "amount", "1"),
            ("a b", "amount", "1"),
            ("x", "percent", "101"),
            ("y", "amount", "0"),
        ] {
            let insert = format!(
                "INSERT INTO spaces.event_coupons (event_id, code, discount_type, discount_value) VALUES ('{event}', '{code}', '{kind}', {value})"
            );
            assert!(
                ["23505", "23514"].contains(&outcome(As::Owner, &insert).as_str()),
                "{code} {kind} {value}"
            );
        }
    }

    #[pg_test]
    fn a_coupon_of_another_event_is_no_good_even_by_the_service() {
        let space = space("public");
        let (here, there) = (event(&space, "5"), event(&space, "5"));
        let coupon = text(&format!(
            "INSERT INTO spaces.event_coupons (event_id, code, discount_type, discount_value) VALUES ('{there}', 'x', 'amount', 1) RETURNING id::text"
        ));
        let forced = format!(
            "INSERT INTO spaces.event_tickets (event_id, profile_id, price, coupon_id) VALUES ('{here}', '{}', 0, '{coupon}')",
            person()
        );
        assert_eq!(outcome(As::Service, &forced), "23503");
    }

    #[pg_test]
    fn the_door_opens_once_per_ticket_and_for_staff_alone() {
        let space = space("public");
        let event = event(&space, "2");
        let (ada, moderator) = (person(), member(&space, "moderator"));
        booked(&event, &ada);
        let code = text(&format!(
            "SELECT qr_code FROM spaces.event_tickets WHERE profile_id = '{ada}'"
        ));
        assert_eq!(code.len(), 64);
        let enter = format!("SELECT attended::text FROM spaces.check_in('{code}')");
        assert_eq!(outcome(As::Person(&ada), &enter), "42501");
        let elsewhere = super::super::space("public");
        let other = member(&elsewhere, "moderator");
        assert_eq!(outcome(As::Person(&other), &enter), "42501");
        assert_eq!(text_as(As::Person(&moderator), &enter), "true");
        assert_eq!(outcome(As::Person(&moderator), &enter), "55000");
        let absent =
            format!("UPDATE spaces.event_tickets SET attended = false WHERE profile_id = '{ada}'");
        assert_eq!(outcome(As::Person(&moderator), &absent), "23514");
        let leave = format!(
            "SELECT spaces.cancel_ticket(id) FROM spaces.event_tickets WHERE profile_id = '{ada}'"
        );
        assert_eq!(outcome(As::Person(&ada), &leave), "55000");
    }

    #[pg_test]
    fn the_links_of_an_event_are_for_holders_and_moderators() {
        let space = space("public");
        let event = draft(
            &space,
            "meeting_link, recording_url",
            "'https://meet.example', 'https://film.example'",
        );
        publish(&event);
        let (holder, stranger, moderator) = (person(), person(), member(&space, "moderator"));
        let ticket = booked(&event, &holder);
        let links = format!("SELECT * FROM spaces.event_links('{event}')");
        assert_eq!(outcome(As::Person(&holder), &links), "1");
        assert_eq!(outcome(As::Person(&moderator), &links), "1");
        assert_eq!(outcome(As::Person(&stranger), &links), "0");
        for column in ["meeting_link", "recording_url", "*"] {
            let read = format!("SELECT {column} FROM spaces.events");
            assert_eq!(outcome(As::Person(&holder), &read), "42501", "{column}");
        }
        run_as(
            As::Person(&holder),
            &format!("SELECT spaces.cancel_ticket('{ticket}')"),
        );
        assert_eq!(outcome(As::Person(&holder), &links), "0");
        let films = format!(
            "SELECT FROM spaces.audit_logs WHERE entity_id = '{event}' AND metadata::text LIKE '%film.example%'"
        );
        assert_eq!(outcome(As::Owner, &films), "0");
        let recorded = format!(
            "SELECT string_agg(action, ' ' ORDER BY id) FROM spaces.audit_logs WHERE entity_id = '{event}'"
        );
        assert_eq!(
            text(&recorded),
            "insert update",
            "the staff planned and published it, and sold nothing"
        );
    }

    #[pg_test]
    fn a_cancelled_event_takes_its_tickets_and_its_waitlist_along_and_tells_the_holders() {
        let space = space("public");
        let event = event(&space, "1");
        let (ada, bob) = (person(), person());
        booked(&event, &ada);
        wait(&event, &bob);
        run_as(
            As::Service,
            &format!("SELECT spaces.cancel_event('{event}')"),
        );
        assert_eq!(ticket_of(&event, &ada), "cancelled");
        assert_eq!(entry_of(&event, &bob), "closed");
        assert_eq!(ticket_of(&event, &bob), "", "nobody is offered a place");
        let told = format!(
            "SELECT count(*)::text FROM spaces.notifications
             WHERE profile_id = '{ada}' AND type = 'event.cancelled' AND channel = 'in_app'"
        );
        assert_eq!(text(&told), "1");
        assert_eq!(book(&event, &ada), "55000");
    }

    #[pg_test]
    fn attendance_is_anonymous_after_24_months_from_the_end_of_the_event() {
        let space = space("public");
        let event = event(&space, "5");
        booked(&event, &person());
        let due = |at: &str| {
            text(&format!(
                "SELECT rows::text FROM community_core.retention_due(now() + interval '{at}')
                 WHERE table_name = 'spaces.event_tickets'"
            ))
        };
        assert_eq!(due("24 months"), "0", "the event has not ended by then");
        assert_eq!(due("24 months 3 days"), "1");
        run(&format!(
            "UPDATE spaces.events SET end_at = end_at + interval '1 year' WHERE id = '{event}'"
        ));
        assert_eq!(due("24 months 3 days"), "0", "it was moved");
        run("SELECT community_core.apply_retention_batch('spaces.event_tickets', 'anonymize_event_end_at', 100,
                 now() + interval '4 years', gen_random_uuid())");
        let named = format!(
            "SELECT FROM spaces.event_tickets WHERE event_id = '{event}' AND num_nonnulls(profile_id, qr_code) > 0"
        );
        assert_eq!(outcome(As::Owner, &named), "0");
        assert_eq!(
            text(&format!(
                "SELECT places_taken::text FROM spaces.events WHERE id = '{event}'"
            )),
            "1"
        );
    }
}
