//! Claims about direct messages.

use super::moderation::text_as_staff;
use super::{As, be, outcome, person, run, run_as, text, text_as};

/// Sends a message; its id.
fn send(from: &str, to: &str, body: &str) -> String {
    text_as(
        As::Person(from),
        &format!("SELECT spaces.send_message('{to}', '{body}')::text"),
    )
}

/// What the person reads, in order.
fn read(person: &str) -> String {
    text_as(
        As::Person(person),
        "SELECT coalesce(string_agg(body, ', ' ORDER BY id), '') FROM spaces.direct_message_messages",
    )
}

#[pgrx::pg_schema]
mod tests {
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn two_people_have_one_thread_whoever_writes_first() {
        let (a, b, c) = (person(), person(), person());
        send(&a, &b, "1");
        send(&b, &a, "2");
        assert_eq!(
            text("SELECT count(*) || ' ' || min(initiator_id::text) FROM spaces.direct_messages"),
            format!("1 {a}")
        );
        assert_eq!(
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.direct_messages (initiator_id, recipient_id) VALUES ('{b}', '{a}')"
                )
            ),
            "23505"
        );
        assert_eq!(
            (read(&a), read(&b), read(&c)),
            ("1, 2".into(), "1, 2".into(), String::new())
        );
        assert_eq!(
            outcome(
                As::Person(&a),
                &format!("SELECT spaces.send_message('{a}', 'x')")
            ),
            "23514",
            "to oneself"
        );
        assert_eq!(
            outcome(
                As::Person(&a),
                &format!("SELECT spaces.send_message('{b}', ' ')")
            ),
            "23514",
            "nothing said"
        );
        assert_eq!(
            outcome(
                As::Person(&a),
                "SELECT spaces.send_message(gen_random_uuid(), 'x')"
            ),
            "23503",
            "nobody"
        );
        assert_eq!(
            outcome(
                As::Anonymous,
                &format!("SELECT spaces.send_message('{b}', 'x')")
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.direct_message_messages (thread_id, sender_id, body) SELECT id, '{c}', 'x' FROM spaces.direct_messages"
                )
            ),
            "23514",
            "a third"
        );
    }

    #[pg_test]
    fn nobody_writes_into_a_blocked_thread_until_whoever_blocked_takes_it_back() {
        let (a, b) = (person(), person());
        send(&a, &b, "1");
        run_as(
            As::Person(&b),
            &format!("SELECT spaces.block_direct_messages('{a}')"),
        );
        run_as(
            As::Person(&a),
            &format!("SELECT spaces.block_direct_messages('{b}')"),
        );
        let writing = |from: &str, to: &str| {
            outcome(
                As::Person(from),
                &format!("SELECT spaces.send_message('{to}', 'x')"),
            )
        };
        assert_eq!(
            (writing(&a, &b), writing(&b, &a)),
            ("42501".into(), "42501".into())
        );
        assert_eq!(
            outcome(
                As::Service,
                &format!(
                    "INSERT INTO spaces.direct_message_messages (thread_id, sender_id, body) SELECT id, '{a}', 'x' FROM spaces.direct_messages"
                )
            ),
            "42501"
        );
        assert_eq!(
            text_as(
                As::Person(&a),
                &format!("SELECT spaces.unblock_direct_messages('{b}')::text")
            ),
            "true"
        );
        assert_eq!(
            text_as(
                As::Person(&a),
                &format!("SELECT spaces.unblock_direct_messages('{b}')::text")
            ),
            "false"
        );
        assert_eq!(writing(&a, &b), "42501", "the other's block stays");
        assert_eq!(
            text_as(
                As::Person(&a),
                "SELECT count(*)::text FROM spaces.blocked_people()"
            ),
            "0"
        );
        assert_eq!(
            text_as(
                As::Person(&b),
                "SELECT profile_id::text FROM spaces.blocked_people()"
            ),
            a
        );
        assert_eq!(
            outcome(
                As::Person(&a),
                "SELECT recipient_blocked_at FROM spaces.direct_messages"
            ),
            "42501",
            "who blocked is not shown"
        );
        run_as(
            As::Person(&b),
            &format!("SELECT spaces.unblock_direct_messages('{a}')"),
        );
        assert_eq!(writing(&a, &b), "1");
    }

    #[pg_test]
    fn one_can_block_somebody_who_has_never_written() {
        let (a, b) = (person(), person());
        run_as(
            As::Person(&a),
            &format!("SELECT spaces.block_direct_messages('{b}')"),
        );
        assert_eq!(
            outcome(
                As::Person(&b),
                &format!("SELECT spaces.send_message('{a}', 'x')")
            ),
            "42501"
        );
    }

    #[pg_test]
    fn a_deleted_message_is_read_by_the_service_alone_and_leaves_after_twelve_months() {
        let (a, b) = (person(), person());
        let (first, second) = (send(&a, &b, "hateful"), send(&a, &b, "harmless"));
        assert_eq!(
            text_as(
                As::Person(&b),
                &format!("SELECT spaces.delete_message('{first}')::text")
            ),
            "false",
            "another's"
        );
        assert_eq!(
            text_as(
                As::Person(&a),
                &format!("SELECT spaces.delete_message('{first}')::text")
            ),
            "true"
        );
        assert_eq!((read(&a), read(&b)), ("harmless".into(), "harmless".into()));
        assert_eq!(
            text_as(
                As::Service,
                &format!(
                    "SELECT status || ' ' || body FROM spaces.direct_message_messages WHERE id = '{first}'"
                )
            ),
            "deleted hateful"
        );
        assert_eq!(
            text_as_staff(
                &b,
                &format!(
                    "SELECT count(*)::text FROM spaces.direct_message_messages WHERE id = '{first}'"
                )
            ),
            "0"
        );
        let report = |by: &str| {
            format!(
                "INSERT INTO spaces.reports (target_type, target_id, reporter_id, reason) VALUES ('message', '{first}', '{by}', 'x')"
            )
        };
        assert_eq!(outcome(As::Person(&b), &report(&b)), "1");
        assert_eq!(outcome(As::Person(&a), &report(&a)), "23503", "one's own");
        let stranger = person();
        assert_eq!(outcome(As::Person(&stranger), &report(&stranger)), "23503");
        let purge = |at: &str| {
            text(&format!(
                "SELECT community_core.apply_retention_batch('spaces.direct_message_messages', 'delete_deleted_at', 100, {at}, gen_random_uuid())::text"
            ))
        };
        assert_eq!(purge("now() + interval '11 months'"), "0");
        assert_eq!(purge("now() + interval '12 months 1 day'"), "1");
        assert_eq!(
            text("SELECT id::text FROM spaces.direct_message_messages"),
            second
        );
    }

    #[pg_test]
    fn a_message_is_marked_read_by_whom_it_was_sent_to() {
        let (a, b, c) = (person(), person(), person());
        send(&a, &b, "1");
        let thread = text("SELECT id::text FROM spaces.direct_messages");
        for (who, marked) in [(&a, "0"), (&c, "0"), (&b, "1"), (&b, "0")] {
            assert_eq!(
                text_as(
                    As::Person(who),
                    &format!("SELECT spaces.mark_thread_read('{thread}')::text")
                ),
                marked
            );
        }
        assert_eq!(
            outcome(
                As::Person(&b),
                "UPDATE spaces.direct_message_messages SET read_at = NULL"
            ),
            "42501"
        );
        assert_eq!(
            outcome(
                As::Person(&a),
                "UPDATE spaces.direct_message_messages SET body = 'other'"
            ),
            "42501",
            "said is said"
        );
        assert_eq!(
            text_as(
                As::Person(&b),
                "SELECT string_agg(type, ' ') FROM spaces.notifications WHERE channel = 'in_app'"
            ),
            "message.received"
        );
    }

    #[pg_test]
    fn what_somebody_writes_who_is_shadow_banned_on_the_site_reaches_nobody() {
        let (a, b) = (person(), person());
        run(&format!("SELECT spaces.sanction('{a}', 'shadow_ban', 'x')"));
        send(&a, &b, "spam");
        assert_eq!((read(&a), read(&b)), ("spam".into(), String::new()));
        be(As::Owner);
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM spaces.notifications WHERE profile_id = '{b}'"
            )),
            "0"
        );
        run("SELECT spaces.reverse_sanction(id) FROM spaces.sanctions");
        assert_eq!(read(&b), "spam");
    }
}
