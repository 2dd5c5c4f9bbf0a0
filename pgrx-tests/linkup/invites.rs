//! Claims about who is invited to a LinkUp, and what an invite goes through.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn nobody_is_invited_twice_to_one_linkup() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let ask = |key: &str| {
            format!(
                "SELECT id::text FROM linkup.invite_user('{linkup}', '{}', '{linkup}{key}')",
                bob.id
            )
        };
        let first = text_as(As::Service, &ask("a"));
        assert_eq!(text_as(As::Service, &ask("a")), first);
        assert_eq!(outcome(As::Service, &ask("b")), "23505");
        let oneself = format!(
            "SELECT linkup.invite_user('{linkup}', '{}', '{linkup}c')",
            ada.id
        );
        assert_eq!(outcome(As::Service, &oneself), "23514");
    }

    #[pg_test]
    fn only_the_entitled_in_the_region_who_are_not_blocked_are_invited_and_the_reason_is_recorded()
    {
        let (here, there) = (region(), region());
        let ada = member(&here);
        let linkup = draft(&ada, &here, (2, 6), "NULL");
        let (stranger, unpaid, blocked, blocking, unverified) = (
            member(&there),
            member(&here),
            member(&here),
            member(&here),
            registered(),
        );
        run(&format!(
            "UPDATE linkup.entitlements SET eligible_to_participate = false WHERE user_id = '{}';
             INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id)
             VALUES ('{ada}', '{}'), ('{}', '{ada}')",
            unpaid.id,
            blocked.id,
            blocking.id,
            ada = ada.id
        ));
        for (person, failed) in [
            (&stranger, "[\"region\"]"),
            (&unpaid, "[\"entitled\"]"),
            (&blocked, "[\"not_blocked\"]"),
            (&blocking, "[\"not_blocked\"]"),
            (&unverified, "[\"active\", \"region\", \"entitled\"]"),
        ] {
            let refused = invite(&linkup, person);
            assert_eq!(invite_state(&refused), "closed", "{failed}");
            assert_eq!(failed_filters(&refused), failed);
            // What was never sent does not exist for them.
            broadcast(&linkup);
            let seen = "SELECT count(*)::text FROM linkup.linkup_invites";
            assert_eq!(text_as(person.signed_in(), seen), "0");
            assert_eq!(
                outcome(
                    person.signed_in(),
                    &format!("SELECT linkup.accept_invite('{refused}')")
                ),
                "42501"
            );
        }
    }

    #[pg_test]
    fn what_kept_somebody_out_is_hidden_also_from_the_invited() {
        let region = region();
        let (ada, bob) = (member(&region), member(&region));
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        invite(&linkup, &bob);
        broadcast(&linkup);
        assert_eq!(
            outcome(bob.signed_in(), "SELECT state FROM linkup.linkup_invites"),
            "1"
        );
        assert_eq!(
            outcome(
                bob.signed_in(),
                "SELECT explainability FROM linkup.linkup_invites"
            ),
            "42501"
        );
    }

    #[pg_test]
    fn an_invite_wave_is_sent_and_replies_update_its_invites() {
        let region = region();
        let (ada, bob, cleo, dan) = (
            member(&region),
            member(&region),
            member(&region),
            member(&region),
        );
        let linkup = draft(&ada, &region, (2, 4), "NULL");
        let (to_bob, to_cleo) = (invite(&linkup, &bob), invite(&linkup, &cleo));
        assert_eq!(
            outcome(
                bob.signed_in(),
                &format!("SELECT linkup.accept_invite('{to_bob}')")
            ),
            "42501",
            "an invite of a draft is not there yet"
        );
        broadcast(&linkup);
        let to_dan = invite(&linkup, &dan);
        assert_eq!(
            text_as(
                bob.signed_in(),
                &format!("SELECT linkup.accept_invite('{to_bob}', 'A')::text")
            ),
            "accepted"
        );
        assert_eq!(
            text_as(
                cleo.signed_in(),
                &format!("SELECT linkup.decline_invite('{to_cleo}')::text")
            ),
            "declined"
        );
        assert_eq!(accept(&to_cleo), "declined", "an answer is an answer");
        assert_eq!(
            accept(&to_bob),
            "accepted",
            "saying yes twice is saying yes"
        );
        assert_eq!(
            outcome(
                bob.signed_in(),
                &format!("SELECT linkup.accept_invite('{to_dan}')")
            ),
            "42501"
        );
        assert_eq!(
            text_as(
                bob.signed_in(),
                &format!("SELECT linkup.decline_invite('{to_bob}')::text")
            ),
            "declined",
            "a mind may change until the lock"
        );
        assert_eq!(accept(&to_dan), "accepted");
    }
}
