//! Claims about what becomes of a bounty, and who says so.

mod ledger;

use super::*;

/// A question of the sponsor's with an answer, and a bounty of 50 EUR on it.
struct Case {
    sponsor: String,
    author: String,
    question: String,
    answer: String,
    bounty: String,
}

fn pending() -> Case {
    let space = space("public");
    let (sponsor, author) = (member(&space, "member"), member(&space, "member"));
    let question = question(&space, &sponsor);
    let answer = answer(&question, &author);
    let bounty = put_up(&sponsor, &question);
    Case {
        sponsor,
        author,
        question,
        answer,
        bounty,
    }
}

fn put_up(sponsor: &str, question: &str) -> String {
    text_as(
        As::Person(sponsor),
        &format!(
            "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
             VALUES ('question', '{question}', '{sponsor}', 50, 'EUR', now() + interval '7 days') RETURNING id::text"
        ),
    )
}

fn fund(bounty: &str) -> String {
    format!("SELECT spaces.fund_bounty('{bounty}', 'pi_{bounty}')")
}

fn funded() -> Case {
    let case = pending();
    run_as(As::Service, &fund(&case.bounty));
    case
}

fn disputed() -> Case {
    let case = funded();
    run_as(As::Person(&case.author), &dispute(&case.bounty));
    case
}

fn release(bounty: &str, to: &str) -> String {
    format!("SELECT (spaces.release_bounty('{bounty}', '{to}')).status")
}

fn dispute(bounty: &str) -> String {
    format!("SELECT (spaces.dispute_bounty('{bounty}', 'My answer was the one')).status")
}

fn of(bounty: &str, columns: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT concat_ws(' ', {columns}) FROM spaces.bounties WHERE id = '{bounty}'"
    ))
}

/// The accounts that are not empty.
fn balances(bounty: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT string_agg(account || ' ' || trim_scale(balance), ', ' ORDER BY account)
         FROM spaces.bounty_balances('{bounty}') WHERE balance <> 0"
    ))
}

fn shown(question: &str) -> String {
    text(&format!(
        "SELECT concat_ws(' ', trim_scale(bounty_amount), bounty_currency, bounty_expires_at = now() + interval '7 days')
         FROM spaces.questions WHERE post_id = '{question}'"
    ))
}

fn accept(case: &Case) -> String {
    format!("SELECT spaces.accept_answer('{}')", case.answer)
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn a_bounty_goes_from_the_sponsor_through_escrow_to_the_recipient() {
        let case = funded();
        assert_eq!(balances(&case.bounty), "escrow 50, sponsor -50");
        assert_eq!(shown(&case.question), "50 EUR t");
        assert_eq!(
            text_as(
                As::Person(&case.sponsor),
                &release(&case.bounty, &case.author)
            ),
            "released"
        );
        assert_eq!(balances(&case.bounty), "recipient 50, sponsor -50");
        assert_eq!(
            of(
                &case.bounty,
                "status, recipient_id, escrow_balance, closed_at = now()"
            ),
            format!("released {} 0.0000 t", case.author)
        );
        assert_eq!(shown(&case.question), "");
        // Once; to the same person it is a retry.
        assert_eq!(
            text_as(
                As::Person(&case.sponsor),
                &release(&case.bounty, &case.author)
            ),
            "released"
        );
        assert_eq!(
            outcome(As::Service, &release(&case.bounty, &person())),
            "55000"
        );
        assert_eq!(
            outcome(As::Person(&case.sponsor), &dispute(&case.bounty)),
            "55000"
        );
        let paid = format!(
            "SELECT count(*)::text FROM spaces.bounty_transactions WHERE bounty_id = '{}' AND to_account = 'recipient'",
            case.bounty
        );
        assert_eq!(text(&paid), "1");
    }

    #[pg_test]
    fn a_payment_funds_one_bounty_once_and_a_question_has_one_at_a_time() {
        let case = funded();
        assert_eq!(outcome(As::Service, &fund(&case.bounty)), "1");
        let again = format!("SELECT spaces.fund_bounty('{}', 'pi_other')", case.bounty);
        assert_eq!(outcome(As::Service, &again), "55000");
        let other = pending();
        let same_payment = format!(
            "SELECT spaces.fund_bounty('{}', 'pi_{}')",
            other.bounty, case.bounty
        );
        assert_eq!(outcome(As::Service, &same_payment), "23505");
        let second = put_up(&case.sponsor, &case.question);
        assert_eq!(outcome(As::Service, &fund(&second)), "23505");
        run_as(As::Service, &release(&case.bounty, &case.author));
        assert_eq!(outcome(As::Service, &fund(&second)), "1");
        assert_eq!(
            outcome(As::Person(&other.sponsor), &fund(&other.bounty)),
            "42501"
        );
    }

    #[pg_test]
    fn only_the_sponsor_and_staff_release_and_never_to_the_sponsor() {
        let case = funded();
        for other in [&case.author, &person()] {
            assert_eq!(
                outcome(As::Person(other), &release(&case.bounty, other)),
                "42501"
            );
        }
        assert_eq!(
            outcome(As::Anonymous, &release(&case.bounty, &case.author)),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Person(&case.sponsor),
                &release(&case.bounty, &case.sponsor)
            ),
            "23514"
        );
        let nobody = "00000000-0000-4000-8000-00000000dead";
        assert_eq!(
            outcome(As::Person(&case.sponsor), &release(&case.bounty, nobody)),
            "22023"
        );
        assert_eq!(
            outcome(As::Service, &release(&case.bounty, &case.author)),
            "1"
        );
        // Nobody's token is nobody's bounty.
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{}'",
            case.sponsor
        ));
        run(
            "SET LOCAL request.jwt.claims = '{\"role\":\"authenticated\"}'; SET LOCAL ROLE authenticated",
        );
        let release = release(&case.bounty, &case.author);
        assert_eq!(
            text(&format!("SELECT pg_temp.outcome($sql${release}$sql$)")),
            "42501"
        );
    }

    #[pg_test]
    fn a_sponsor_who_accepts_an_answer_releases_the_bounty_to_its_author() {
        let case = funded();
        run_as(As::Person(&case.sponsor), &accept(&case));
        assert_eq!(
            of(&case.bounty, "status, recipient_id"),
            format!("released {}", case.author)
        );
    }

    #[pg_test]
    fn where_somebody_else_accepts_the_sponsor_confirms() {
        let case = funded();
        let moderator = person();
        run(&format!(
            "INSERT INTO spaces.space_members (space_id, profile_id, role)
             SELECT space_id, '{moderator}', 'moderator' FROM spaces.posts WHERE id = '{}'",
            case.question
        ));
        run_as(As::Person(&moderator), &accept(&case));
        assert_eq!(of(&case.bounty, "status"), "funded");
        let confirm = format!(
            "SELECT (spaces.release_bounty('{}')).recipient_id::text",
            case.bounty
        );
        assert_eq!(text_as(As::Person(&case.sponsor), &confirm), case.author);
    }

    #[pg_test]
    fn a_sponsor_who_accepts_an_own_answer_gets_nothing_back_that_way() {
        let case = funded();
        let own = answer(&case.question, &case.sponsor);
        run_as(
            As::Person(&case.sponsor),
            &format!("SELECT spaces.accept_answer('{own}')"),
        );
        assert_eq!(of(&case.bounty, "status"), "funded");
    }

    #[pg_test]
    fn a_disputed_bounty_waits_for_staff() {
        let case = disputed();
        assert_eq!(balances(&case.bounty), "dispute 50, sponsor -50");
        assert_eq!(of(&case.bounty, "status, dispute_status"), "disputed open");
        assert_eq!(shown(&case.question), "50 EUR t");
        for who in [As::Person(&case.sponsor), As::Service] {
            assert_eq!(outcome(who, &release(&case.bounty, &case.author)), "55000");
        }
        let expire = "SELECT FROM spaces.expire_bounties(100, now() + interval '1 year')";
        assert_eq!(outcome(As::Service, expire), "0");
        let resolve = format!(
            "SELECT (spaces.resolve_dispute('{}', '{}')).status",
            case.bounty, case.author
        );
        for who in [&case.sponsor, &case.author] {
            assert_eq!(outcome(As::Person(who), &resolve), "42501");
        }
        assert_eq!(text_as(As::Service, &resolve), "released");
        assert_eq!(
            of(&case.bounty, "dispute_status, recipient_id"),
            format!("resolved {}", case.author)
        );
        assert_eq!(balances(&case.bounty), "recipient 50, sponsor -50");
        assert_eq!(outcome(As::Service, &resolve), "55000");
    }

    #[pg_test]
    fn staff_can_give_a_disputed_bounty_back_and_the_log_tells_both_steps() {
        let case = disputed();
        let resolve = format!("SELECT (spaces.resolve_dispute('{}')).status", case.bounty);
        assert_eq!(text_as(As::Service, &resolve), "refunded");
        assert_eq!(balances(&case.bounty), "");
        let entries = format!(
            "SELECT string_agg(concat_ws(' ', actor_role, metadata #>> '{{new,dispute_status}}'), ', ' ORDER BY created_at, id)
             FROM spaces.audit_logs WHERE entity_type = 'bounty' AND entity_id = '{}'",
            case.bounty
        );
        assert_eq!(text(&entries), "member open, service_role resolved");
    }

    #[pg_test]
    fn who_has_nothing_to_do_with_a_bounty_cannot_dispute_it_nor_anybody_without_a_reason() {
        let case = funded();
        assert_eq!(
            outcome(As::Person(&person()), &dispute(&case.bounty)),
            "42501"
        );
        let mute = format!("SELECT spaces.dispute_bounty('{}', ' ')", case.bounty);
        assert_eq!(outcome(As::Person(&case.author), &mute), "23514");
    }

    #[pg_test]
    fn an_expired_bounty_goes_back_and_is_no_longer_shown() {
        let case = funded();
        let expire = |at: &str| {
            format!(
                "SELECT count(*)::text FROM spaces.expire_bounties(1000, {at}) WHERE id = '{}'",
                case.bounty
            )
        };
        assert_eq!(
            text_as(As::Service, &expire("now() + interval '6 days'")),
            "0"
        );
        assert_eq!(
            text_as(As::Service, &expire("now() + interval '7 days'")),
            "1"
        );
        assert_eq!(
            of(&case.bounty, "status, escrow_balance"),
            "refunded 0.0000"
        );
        assert_eq!(balances(&case.bounty), "");
        assert_eq!(shown(&case.question), "");
        assert_eq!(
            text_as(As::Service, &expire("now() + interval '8 days'")),
            "0"
        );
    }

    #[pg_test]
    fn the_sponsor_cancels_what_is_not_funded_and_writes_nothing_else() {
        let case = pending();
        let set = |who: &str, what: &str| {
            outcome(
                As::Person(who),
                &format!(
                    "UPDATE spaces.bounties SET {what} WHERE id = '{}'",
                    case.bounty
                ),
            )
        };
        assert_eq!(set(&case.author, "status = 'cancelled'"), "0");
        assert_eq!(set(&case.sponsor, "status = 'released'"), "55000");
        assert_eq!(set(&case.sponsor, "amount = 1"), "42501");
        assert_eq!(set(&case.sponsor, "status = 'cancelled'"), "1");
        run_as(
            As::Person(&case.sponsor),
            &format!(
                "UPDATE spaces.bounties SET status = 'cancelled' WHERE id = '{}'",
                case.bounty
            ),
        );
        assert_eq!(outcome(As::Service, &fund(&case.bounty)), "55000");
        assert_eq!(set(&case.sponsor, "status = 'pending'"), "55000");
        let funded = funded();
        let cancel = format!(
            "UPDATE spaces.bounties SET status = 'cancelled' WHERE id = '{}'",
            funded.bounty
        );
        assert_eq!(outcome(As::Person(&funded.sponsor), &cancel), "55000");
    }

    #[pg_test]
    fn only_members_who_may_write_in_the_space_put_up_bounties() {
        let space = space("public");
        let asker = member(&space, "member");
        let question = question(&space, &asker);
        let put_up = |who: &str| {
            outcome(
                As::Person(who),
                &format!(
                    "INSERT INTO spaces.bounties (target_type, target_id, sponsor_id, amount, currency, expires_at)
                     VALUES ('question', '{question}', '{who}', 50, 'EUR', now() + interval '7 days')"
                ),
            )
        };
        assert_eq!(put_up(&asker), "1");
        assert_eq!(put_up(&person()), "42501");
    }
}
