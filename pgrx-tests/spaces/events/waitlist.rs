//! Claims about who waits for a place, and what becomes of one that gets free.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// An event whose one place is taken by the first, while the other two wait, and the ticket.
    fn taken() -> (String, [String; 3], String) {
        let event = event(&space("public"), "1");
        let people = [person(), person(), person()];
        let ticket = booked(&event, &people[0]);
        wait(&event, &people[1]);
        wait(&event, &people[2]);
        (event, people, ticket)
    }

    fn cancel(person: &str, ticket: &str) {
        let cancel = format!("SELECT spaces.cancel_ticket('{ticket}')");
        run_as(As::Person(person), &cancel);
    }

    #[pg_test]
    fn a_cancelled_ticket_is_offered_to_the_first_who_waits_and_kept_for_that_person_alone() {
        let (event, [ada, first, second], ticket) = taken();
        let of_another = format!("SELECT spaces.cancel_ticket('{ticket}')");
        assert_eq!(outcome(As::Person(&first), &of_another), "42501");
        cancel(&ada, &ticket);
        assert_eq!(ticket_of(&event, &first), "reserved");
        assert_eq!(
            (entry_of(&event, &first), entry_of(&event, &second)),
            ("offered".into(), "waiting".into())
        );
        let hours = text(&format!(
            "SELECT round(extract(epoch FROM reserved_until - now()) / 3600)::text FROM spaces.event_tickets
             WHERE event_id = '{event}' AND status = 'reserved'"
        ));
        assert_eq!(hours, "24");
        let told = format!(
            "SELECT count(*)::text FROM spaces.notifications
             WHERE profile_id = '{first}' AND type = 'event.place_offered' AND channel = 'in_app'
               AND payload ->> 'event_id' = '{event}'"
        );
        assert_eq!(text(&told), "1");
        assert_eq!(book(&event, &second), "23514");
        assert_eq!(book(&event, &ada), "23514");
        booked(&event, &first);
        assert_eq!(ticket_of(&event, &first), "booked");
        assert_eq!(entry_of(&event, &first), "accepted");
    }

    #[pg_test]
    fn an_offer_that_lapsed_goes_to_the_next_and_blocks_nobody_though_no_job_runs() {
        let (event, [ada, first, second], ticket) = taken();
        let late = person();
        cancel(&ada, &ticket);
        lapse(&event);
        assert_eq!(book(&event, &late), "23514", "it is the second's turn");
        booked(&event, &second);
        assert_eq!(
            (entry_of(&event, &first), ticket_of(&event, &first)),
            ("expired".into(), "cancelled".into())
        );
        assert_eq!(entry_of(&event, &second), "accepted");

        // Nobody waits behind the one whose offer lapses: the place is free.
        wait(&event, &first);
        let ticket = text(&format!(
            "SELECT id::text FROM spaces.event_tickets WHERE event_id = '{event}' AND status = 'booked'"
        ));
        cancel(&second, &ticket);
        lapse(&event);
        booked(&event, &late);
        assert_eq!(ticket_of(&event, &late), "booked");
    }

    #[pg_test]
    fn the_job_passes_lapsed_offers_on_and_says_how_many() {
        let (event, [ada, _, second], ticket) = taken();
        cancel(&ada, &ticket);
        let job = "SELECT spaces.expire_waitlist_offers()::text";
        assert_eq!(text_as(As::Service, job), "0");
        lapse(&event);
        assert_eq!(text_as(As::Service, job), "1");
        assert_eq!(ticket_of(&event, &second), "reserved");
        assert_eq!(outcome(As::Person(&ada), job), "42501");
    }

    #[pg_test]
    fn every_way_in_which_a_place_gets_free_reaches_the_waitlist() {
        let space = space("public");
        let event = event(&space, "1");
        let (ada, waiting) = (person(), [person(), person(), person()]);
        booked(&event, &ada);
        for person in &waiting {
            wait(&event, person);
        }
        run(&format!(
            "UPDATE spaces.events SET capacity = 2 WHERE id = '{event}'"
        ));
        assert_eq!(ticket_of(&event, &waiting[0]), "reserved", "it grew");
        run_as(
            As::Person(&waiting[0]),
            &format!("SELECT spaces.leave_waitlist('{event}')"),
        );
        assert_eq!(entry_of(&event, &waiting[0]), "left");
        assert_eq!(ticket_of(&event, &waiting[1]), "reserved", "somebody left");
        run(&format!("DELETE FROM auth.users WHERE id = '{ada}'"));
        assert_eq!(
            ticket_of(&event, &waiting[2]),
            "reserved",
            "somebody was deleted"
        );
    }

    #[pg_test]
    fn nobody_waits_where_there_are_places_or_with_a_ticket_and_asking_twice_keeps_the_place() {
        let space = space("public");
        let event = event(&space, "1");
        let (ada, bob) = (person(), person());
        let join = format!("SELECT spaces.join_waitlist('{event}')");
        assert_eq!(outcome(As::Person(&ada), &join), "55000");
        booked(&event, &ada);
        assert_eq!(outcome(As::Person(&ada), &join), "23505");
        wait(&event, &bob);
        wait(&event, &bob);
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM spaces.event_waitlist WHERE event_id = '{event}'"
            )),
            "1"
        );
    }
}
