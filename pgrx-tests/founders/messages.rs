//! Claims about messages.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, consent, gates, outcome, person, run_as, text, text_as};
    use pgrx::prelude::*;

    fn send(from: &str, to: &str) -> String {
        format!(
            "INSERT INTO founders.founder_messages (sender_id, recipient_id, content)
             VALUES ('{from}', '{to}', 'hello')"
        )
    }

    #[pg_test]
    fn a_message_is_read_by_the_two_it_is_between_and_sent_by_nobody_else() {
        let (a, b, stranger) = (person(), person(), person());
        run_as(As::Person(&a), &send(&a, &b));
        let all = "SELECT FROM founders.founder_messages";
        assert_eq!(outcome(As::Person(&a), all), "1");
        assert_eq!(outcome(As::Person(&b), all), "1");
        assert_eq!(outcome(As::Person(&stranger), all), "0");
        assert_eq!(outcome(As::Person(&stranger), &send(&a, &b)), "42501");
    }

    #[pg_test]
    fn no_message_passes_between_two_when_either_blocked_the_other() {
        let (a, b, other) = (person(), person(), person());
        for (who, whom) in [(&a, &b), (&b, &a)] {
            run_as(
                As::Person(who),
                &format!("SELECT founders.block_member('{whom}')"),
            );
            assert_eq!(outcome(As::Person(&a), &send(&a, &b)), "42501");
            assert_eq!(outcome(As::Person(&b), &send(&b, &a)), "42501");
            assert_eq!(outcome(As::Service, &send(&a, &b)), "42501");
            assert_eq!(outcome(As::Person(&a), &send(&a, &other)), "1");
            run_as(
                As::Person(who),
                &format!("SELECT founders.unblock_member('{whom}')"),
            );
            assert_eq!(outcome(As::Person(&a), &send(&a, &b)), "1");
        }
    }

    #[pg_test]
    fn where_messaging_is_a_gate_a_message_needs_the_recipients_consent() {
        let (a, b) = (person(), person());
        assert_eq!(outcome(As::Person(&a), &send(&a, &b)), "1");
        gates("messaging");
        consent(&a, "messaging", true);
        assert_eq!(outcome(As::Person(&a), &send(&a, &b)), "42501");
        consent(&b, "messaging", true);
        assert_eq!(outcome(As::Person(&a), &send(&a, &b)), "1");
    }

    #[pg_test]
    fn a_sent_message_stays_as_it_was_sent() {
        let (a, b) = (person(), person());
        run_as(As::Person(&a), &send(&a, &b));
        for column in [
            "content = 'other'",
            "metadata = '[]'",
            "created_at = now() - interval '1 day'",
        ] {
            let sql = format!("UPDATE founders.founder_messages SET {column}");
            assert_eq!(outcome(As::Person(&a), &sql), "42501", "{column}");
            assert_eq!(outcome(As::Person(&b), &sql), "42501", "{column}");
            assert_eq!(outcome(As::Service, &sql), "55000", "{column}");
            assert_eq!(outcome(As::Owner, &sql), "55000", "{column}");
        }
        let delete = "DELETE FROM founders.founder_messages";
        assert_eq!(outcome(As::Person(&a), delete), "42501");
        assert_eq!(outcome(As::Service, delete), "1");
    }

    #[pg_test]
    fn only_the_recipient_marks_a_message_as_read() {
        let (a, b) = (person(), person());
        run_as(As::Person(&a), &send(&a, &b));
        run_as(As::Person(&a), &send(&a, &b));
        run_as(As::Person(&b), &send(&b, &a));
        let read = "UPDATE founders.founder_messages SET is_read = true";
        assert_eq!(outcome(As::Person(&a), read), "1");
        assert_eq!(outcome(As::Person(&b), read), "2");
        assert_eq!(outcome(As::Service, read), "42501");
        assert_eq!(outcome(As::Owner, read), "42501");
        let mark = format!("SELECT founders.mark_messages_read('{a}')::text");
        assert_eq!(text_as(As::Person(&a), &mark), "0");
        assert_eq!(text_as(As::Person(&b), &mark), "2");
        assert_eq!(text_as(As::Person(&b), &mark), "0");
        assert_eq!(
            text(&format!(
                "SELECT bool_and(is_read = (recipient_id = '{b}'))::text FROM founders.founder_messages"
            )),
            "true"
        );
    }

    #[pg_test]
    fn a_sender_cannot_say_that_a_message_was_read_or_facilitated() {
        let (a, b) = (person(), person());
        for column in ["is_read", "is_fred_facilitated", "created_at"] {
            let sql = format!(
                "INSERT INTO founders.founder_messages (sender_id, recipient_id, content, {column})
                 VALUES ('{a}', '{b}', 'hello', DEFAULT)"
            );
            assert_eq!(outcome(As::Person(&a), &sql), "42501", "{column}");
        }
    }

    #[pg_test]
    fn nobody_writes_to_themself() {
        let a = person();
        assert_eq!(outcome(As::Person(&a), &send(&a, &a)), "23514");
        assert_eq!(outcome(As::Service, &send(&a, &a)), "23514");
    }

    #[pg_test]
    fn a_message_is_not_empty_and_has_a_length() {
        let (a, b) = (person(), person());
        for (content, wanted) in [
            ("''", "23514"),
            ("E'\\n '", "23514"),
            ("repeat('x', 10000)", "1"),
            ("repeat('x', 10001)", "23514"),
        ] {
            let sql = send(&a, &b).replace("'hello'", content);
            assert_eq!(outcome(As::Person(&a), &sql), wanted, "{content}");
        }
    }
}
