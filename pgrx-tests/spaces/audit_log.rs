//! Claims about the record of what the staff does.

use super::moderation::text_as_staff;
use super::{As, be, text};

/// What the log says, oldest first: role, entity, action.
fn log(space: &str) -> String {
    be(As::Owner);
    text(&format!(
        "SELECT string_agg(concat_ws(' ', actor_role, entity_type, action), ', ' ORDER BY id)
         FROM spaces.audit_logs WHERE space_id = '{space}'"
    ))
}

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use super::*;
    use pgrx::prelude::*;

    #[pg_test]
    fn every_action_of_the_staff_is_on_record_with_who_and_as_what() {
        let founder = person();
        let space = text_as(
            As::Person(&founder),
            "SELECT id::text FROM spaces.create_space('on-record', 'On record')",
        );
        let author = member(&space, "member");
        let post = post(&space, &author);
        let before = log(&space);
        run_as(
            As::Person(&founder),
            &format!(
                "UPDATE spaces.spaces SET feature_flags = '{{\"chat\": true}}' WHERE id = '{space}'"
            ),
        );
        run_as(
            As::Person(&founder),
            &format!("SELECT spaces.set_member_role('{space}', '{author}', 'moderator')"),
        );
        run_as(
            As::Person(&founder),
            &format!("SELECT spaces.sanction_content('post', '{post}', 'removal', 'x')"),
        );
        run_as(
            As::Person(&founder),
            "SELECT spaces.reverse_sanction(id) FROM spaces.sanctions",
        );
        run_as(
            As::Person(&founder),
            &format!(
                "INSERT INTO spaces.automod_rules (space_id, rule_type) VALUES ('{space}', 'first_post')"
            ),
        );
        run_as(
            As::Person(&author),
            &format!("SELECT spaces.leave_space('{space}')"),
        );
        assert_eq!(
            log(&space)[before.len()..],
            *", owner space update, owner member update, owner sanction insert, owner sanction update, owner automod_rule insert, moderator member delete"
        );
        assert_eq!(
            text(&format!(
                "SELECT metadata::text FROM spaces.audit_logs WHERE space_id = '{space}' AND actor_id = '{founder}' AND entity_type = 'space' AND action = 'update'"
            )),
            r#"{"new": {"feature_flags": {"chat": true}}, "old": {"feature_flags": {}}}"#
        );
    }

    #[pg_test]
    fn joining_and_leaving_as_an_ordinary_member_is_nobodys_business() {
        let space = space("public");
        let before = log(&space);
        let guest = person();
        run_as(
            As::Person(&guest),
            &format!("SELECT spaces.join_space('{space}')"),
        );
        run_as(
            As::Person(&guest),
            &format!("SELECT spaces.leave_space('{space}')"),
        );
        assert_eq!(log(&space), before);
    }

    #[pg_test]
    fn the_log_is_written_by_triggers_alone_and_changed_by_nobody() {
        space("public");
        for (who, denied) in [(As::Owner, "42501"), (As::Service, "42501")] {
            assert_eq!(
                outcome(
                    who,
                    "INSERT INTO spaces.audit_logs (actor_role, entity_type, action) VALUES ('x', 'x', 'insert')"
                ),
                denied
            );
            for statement in [
                "UPDATE spaces.audit_logs SET action = 'delete'",
                "DELETE FROM spaces.audit_logs",
                "TRUNCATE spaces.audit_logs",
            ] {
                let refused = outcome(who, statement);
                assert!(
                    refused == "55000" || refused == "42501",
                    "{statement}: {refused}"
                );
            }
        }
    }

    #[pg_test]
    fn moderators_read_the_log_of_their_space_and_staff_that_of_the_site() {
        let (here, there) = (space("public"), space("public"));
        let (moderator, member) = (member(&here, "moderator"), member(&here, "member"));
        let gone = person();
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{gone}'; SET CONSTRAINTS ALL IMMEDIATE"
        ));
        let spaces = "SELECT string_agg(DISTINCT coalesce(space_id::text, 'site'), ' ') FROM spaces.audit_logs";
        assert_eq!(text_as(As::Person(&moderator), spaces), here);
        assert_eq!(text_as(As::Person(&member), spaces), "");
        let all = text_as_staff(&member, spaces);
        for part in ["site", &here, &there] {
            assert!(all.contains(part), "{all}");
        }
    }

    #[pg_test]
    fn an_erased_person_is_in_no_entry_and_that_somebody_was_erased_is() {
        let space = space("public");
        let (owner, banned) = (member(&space, "owner"), member(&space, "member"));
        run_as(
            As::Person(&owner),
            &format!("SELECT spaces.sanction('{banned}', 'space_ban', 'x', '{space}')"),
        );
        run(&format!(
            "DELETE FROM auth.users WHERE id = '{banned}'; SET CONSTRAINTS ALL IMMEDIATE"
        ));
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM spaces.audit_logs l WHERE l::text LIKE '%{banned}%'"
            )),
            "0"
        );
        assert_eq!(
            text(
                "SELECT count(*)::text FROM spaces.audit_logs WHERE entity_type = 'person' AND action = 'delete' AND space_id IS NULL"
            ),
            "1"
        );
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM spaces.audit_logs WHERE actor_id = '{owner}' AND entity_type = 'sanction'"
            )),
            "1",
            "who did it stays"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM community_core.verify_audit('spaces.audit_logs')"),
            "0"
        );
    }

    #[pg_test]
    fn that_a_secret_changed_is_on_record_and_the_secret_is_not() {
        let space = space("public");
        let owner = member(&space, "owner");
        run_as(As::Person(&owner), &format!(
            "INSERT INTO spaces.webhooks (space_id, target_url, secret) VALUES ('{space}', 'https://hooks.example.org/', repeat('s', 32));
             UPDATE spaces.webhooks SET secret = repeat('t', 32) WHERE space_id = '{space}'"
        ));
        assert_eq!(
            text(
                "SELECT string_agg(action || coalesce(' ' || (metadata -> 'new' -> 'secret')::text, ''), ', ' ORDER BY id) FROM spaces.audit_logs WHERE entity_type = 'webhook'"
            ),
            "insert null, update null"
        );
        assert_eq!(
            text("SELECT count(*)::text FROM spaces.audit_logs WHERE metadata::text ~ 'ssss|tttt'"),
            "0"
        );
    }
}
