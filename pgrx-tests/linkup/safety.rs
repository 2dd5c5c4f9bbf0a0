//! Claims about strikes, holds, reports and blocks.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn strike(member: &Member, points: i32, window: &str) {
        run_as(
            As::Service,
            &format!(
                "INSERT INTO linkup.user_strikes (user_id, strike_type, points, window_start, window_end)
                 VALUES ('{}', 'late', {points}, {window})",
                member.id
            ),
        );
    }

    const OPEN: &str = "now() - interval '1 day', now() + interval '1 day'";
    const OVER: &str = "now() - interval '2 days', now() - interval '1 day'";

    fn hold(member: &Member) -> String {
        text(&format!(
            "SELECT (SELECT state::text FROM linkup.safety_holds WHERE user_id = '{}')",
            member.id
        ))
    }

    #[pg_test]
    fn active_strikes_put_a_soft_hold_and_then_a_hard_one() {
        let member = registered();
        strike(&member, 2, OPEN);
        strike(&member, 5, OVER);
        assert_eq!(hold(&member), "");
        strike(&member, 1, OPEN);
        assert_eq!(hold(&member), "soft_hold");
        strike(&member, 3, OPEN);
        assert_eq!(hold(&member), "hard_hold");
    }

    #[pg_test]
    fn the_thresholds_are_settings() {
        run("SET LOCAL community_core.linkup_soft_hold_points = 10");
        let member = registered();
        strike(&member, 5, OPEN);
        assert_eq!(hold(&member), "");
        strike(&member, 5, OPEN);
        assert_eq!(hold(&member), "hard_hold");
    }

    #[pg_test]
    fn strikes_do_not_soften_a_hold_that_an_admin_put() {
        let member = registered();
        run(&format!(
            "INSERT INTO linkup.safety_holds (user_id, state, reason) VALUES ('{}', 'hard_hold', 'by hand')",
            member.id
        ));
        strike(&member, 3, OPEN);
        let kept = format!(
            "linkup.safety_holds WHERE user_id = '{}' AND state = 'hard_hold' AND reason = 'by hand'",
            member.id
        );
        assert_eq!(count(&kept), "1");
    }

    #[pg_test]
    fn strikes_harden_a_hold_and_never_shorten_it() {
        let end = |member: &Member| {
            text(&format!(
                "SELECT state || ' ' || coalesce((expires_at = now() + interval '1 year')::text, 'never')
                 FROM linkup.safety_holds WHERE user_id = '{}'",
                member.id
            ))
        };
        for (until, wanted) in [
            ("NULL", "hard_hold never"),
            ("now() + interval '1 year'", "hard_hold true"),
        ] {
            let member = registered();
            run(&format!(
                "INSERT INTO linkup.safety_holds (user_id, state, applied_at, expires_at)
                 VALUES ('{}', 'soft_hold', now(), {until})",
                member.id
            ));
            strike(&member, 6, OPEN);
            assert_eq!(end(&member), wanted);
        }
        let over = registered();
        run(&format!(
            "INSERT INTO linkup.safety_holds (user_id, state, applied_at, cleared_at)
             VALUES ('{}', 'soft_hold', now(), now())",
            over.id
        ));
        strike(&over, 6, OPEN);
        assert_eq!(end(&over), "hard_hold false");
    }

    #[pg_test]
    fn a_held_user_is_neither_invited_nor_may_initiate_until_the_hold_expires() {
        let region = region();
        let (held, other) = (member(&region), member(&region));
        run(&format!(
            "INSERT INTO linkup.safety_holds (user_id, state, applied_at, expires_at)
             VALUES ('{}', 'soft_hold', now() - interval '2 days', now() + interval '1 day')",
            held.id
        ));
        let create = format!(
            "SELECT linkup.create_linkup('{}', '{region}', '{{\"activity_key\": \"coffee\", \"time_window\": \"SAT\"}}', 'held')",
            held.id
        );
        let (state, message) = failure(held.signed_in(), &create);
        assert_eq!(state, "42501");
        assert!(message.contains("not_on_hold"), "{message}");
        let linkup = draft(&other, &region, (2, 4), "NULL");
        let refused = invite(&linkup, &held);
        let reason = format!(
            "SELECT state || ' ' || (explainability #>> '{{filters,failed}}') FROM linkup.linkup_invites WHERE id = '{refused}'"
        );
        assert_eq!(text(&reason), "closed [\"not_on_hold\"]");
        run(&format!(
            "UPDATE linkup.safety_holds SET expires_at = now() - interval '1 second' WHERE user_id = '{}'",
            held.id
        ));
        assert_eq!(outcome(held.signed_in(), &create), "1");
        assert_eq!(
            text_as(As::Service, "SELECT linkup.release_expired_holds()::text"),
            "1"
        );
        assert_eq!(hold(&held), "none");
    }

    #[pg_test]
    fn a_cleared_hold_holds_nobody_and_new_strikes_put_a_new_one() {
        let member = registered();
        strike(&member, 3, OPEN);
        run(&format!(
            "UPDATE linkup.safety_holds SET cleared_at = now() WHERE user_id = '{}'",
            member.id
        ));
        assert_eq!(
            text(&format!("SELECT linkup.is_on_hold('{}')::text", member.id)),
            "false"
        );
        strike(&member, 1, OPEN);
        assert_eq!(
            text(&format!("SELECT linkup.is_on_hold('{}')::text", member.id)),
            "true"
        );
    }

    #[pg_test]
    fn who_is_reported_or_blocked_does_not_see_it() {
        let (reporter, reported) = (registered(), registered());
        run_as(
            reporter.signed_in(),
            &format!(
                "INSERT INTO linkup.safety_reports (reporter_user_id, reported_user_id, report_type)
                 VALUES ('{0}', '{1}', 'rude');
                 INSERT INTO linkup.user_blocks (blocker_user_id, blocked_user_id) VALUES ('{0}', '{1}')",
                reporter.id, reported.id
            ),
        );
        for table in ["safety_reports", "user_blocks"] {
            let read = format!("SELECT count(*)::text FROM linkup.{table}");
            assert_eq!(text_as(reporter.signed_in(), &read), "1", "{table}");
            assert_eq!(text_as(reported.signed_in(), &read), "0", "{table}");
        }
        let ask = format!(
            "SELECT linkup.is_blocked('{}', '{}')",
            reporter.id, reported.id
        );
        assert_eq!(outcome(reported.signed_in(), &ask), "42501");
        let filters = format!(
            "SELECT linkup.invite_filters('{}', NULL, '{{}}')",
            reporter.id
        );
        assert_eq!(outcome(reported.signed_in(), &filters), "42501");
    }
}
