//! Claims about profiles, their documents and their events.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn profiled() -> Member {
        let member = registered();
        run(&format!(
            "INSERT INTO linkup.profiles (user_id) VALUES ('{}')",
            member.id
        ));
        member
    }

    fn set(member: &Member, change: &str) -> String {
        format!(
            "UPDATE linkup.profiles SET {change} WHERE user_id = '{}'",
            member.id
        )
    }

    fn events(member: &Member) -> String {
        text(&format!(
            "SELECT string_agg(event_type || ':' || (SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(payload) k),
                               ' ' ORDER BY idempotency_key COLLATE \"C\")
             FROM linkup.profile_events WHERE user_id = '{}'",
            member.id
        ))
    }

    #[pg_test]
    fn a_malformed_document_is_refused_with_the_path_of_the_fault() {
        let member = profiled();
        for (change, path) in [
            (
                r#"fingerprint = '{"charisma": {"range_value": 1, "confidence": 1}}'"#,
                "$.charisma",
            ),
            (
                r#"fingerprint = '{"social_pace": {"range_value": 1.01, "confidence": 1}}'"#,
                "$.social_pace.range_value",
            ),
            (r#"fingerprint = 'null'"#, "$: null"),
            (
                r#"activity_patterns = '[{"activity_key": "coffee", "mood": 1}]'"#,
                "$[0].mood",
            ),
            (
                r#"boundaries = '{"hard_constraints": {"smoking": "no"}}'"#,
                "$.hard_constraints.smoking",
            ),
        ] {
            let (state, message) = failure(As::Service, &set(&member, change));
            assert_eq!(state, "23514", "{change}");
            assert!(message.contains(path), "{message}");
        }
        let deep = format!("boundaries = '{}{}'", "[".repeat(300), "]".repeat(300));
        assert_eq!(failure(As::Service, &set(&member, &deep)).0, "23514");
    }

    #[pg_test]
    fn the_validators_say_yes_to_the_documents_own_examples() {
        assert_eq!(
            text(
                r#"SELECT (linkup.valid_fingerprint('{"connection_depth": {"range_value": 0.72, "confidence": 0.64, "freshness_days": 3, "sources": {"interview": 0.9}}}')
                      AND linkup.valid_activity_patterns('[{"activity_key": "coffee", "motive_weights": {"connection": 0.7}, "constraints": {"quiet": true}, "preferred_windows": ["morning"], "confidence": 0.7, "freshness_days": 5}]')
                      AND linkup.valid_boundaries('{"no_thanks": ["bars"], "hard_constraints": {"smoking": false}}')
                      AND linkup.valid_brief('{"activity_key": "coffee", "time_window": "SAT_MORNING", "group_size": {"min": 2, "max": 6}}')
                      AND NOT linkup.valid_fingerprint(NULL) AND NOT linkup.valid_brief('{}'))::text"#
            ),
            "true"
        );
        assert_eq!(
            outcome(
                As::Owner,
                "SELECT community_core.linkup_document_fault('horoscope', '{}')"
            ),
            "22023"
        );
    }

    #[pg_test]
    fn every_change_of_a_profile_is_one_event_and_no_change_is_none() {
        let member = profiled();
        run_as(
            As::Service,
            &set(
                &member,
                "preferences = '{\"a\": 1}', last_interview_step = 'two'",
            ),
        );
        run_as(As::Service, &set(&member, "preferences = '{\"a\": 1}'"));
        run_as(As::Service, &set(&member, "state = 'partial'"));
        assert_eq!(
            events(&member),
            "profile_created:activity_patterns,boundaries,fingerprint,preferences,state \
             profile_updated:last_interview_step,preferences profile_updated:state"
        );
        let seen = text_as(
            member.signed_in(),
            "SELECT count(*)::text FROM linkup.profile_events",
        );
        assert_eq!(seen, "3");
    }

    #[pg_test]
    fn a_profile_moves_only_along_its_lifecycle() {
        let member = profiled();
        assert_eq!(
            outcome(As::Service, &set(&member, "state = 'complete_full'")),
            "55000"
        );
        for state in [
            "partial",
            "complete_mvp",
            "complete_full",
            "stale",
            "complete_mvp",
        ] {
            run_as(As::Service, &set(&member, &format!("state = '{state}'")));
        }
        let stamped = format!(
            "linkup.profiles WHERE user_id = '{}' AND completed_at IS NOT NULL AND stale_at IS NULL",
            member.id
        );
        assert_eq!(count(&stamped), "1");
        let moves = format!(
            "linkup.domain_events e JOIN linkup.profiles p ON p.id = e.entity_id WHERE p.user_id = '{}'",
            member.id
        );
        assert_eq!(count(&moves), "6");
    }

    #[pg_test]
    fn people_change_their_boundaries_and_not_their_fingerprint() {
        let (member, other) = (profiled(), profiled());
        let mine = "UPDATE linkup.profiles SET boundaries = '{\"no_thanks\": [\"bars\"]}'";
        assert_eq!(outcome(member.signed_in(), mine), "1");
        assert_eq!(
            outcome(other.signed_in(), &set(&member, "boundaries = '{}'")),
            "0"
        );
        assert_eq!(
            outcome(member.signed_in(), &set(&member, "fingerprint = '{}'")),
            "42501"
        );
        assert_eq!(
            outcome(member.signed_in(), &set(&member, "state = 'partial'")),
            "42501"
        );
        let steal = format!("UPDATE linkup.profiles SET user_id = '{}'", registered().id);
        assert_eq!(outcome(member.signed_in(), &steal), "42501");
    }
}
