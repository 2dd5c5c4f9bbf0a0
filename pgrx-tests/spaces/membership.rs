//! Claims about founding, joining and running a space.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    fn founded(founder: &str, visibility: &str) -> String {
        text_as(
            As::Person(founder),
            &format!(
                "SELECT id::text FROM spaces.create_space('s' || left(gen_random_uuid()::text, 8), 'A space', '{visibility}')"
            ),
        )
    }

    fn joins(space: &str, person: &str) -> String {
        outcome(
            As::Person(person),
            &format!("SELECT spaces.join_space('{space}')"),
        )
    }

    fn standing(space: &str, person: &str) -> String {
        be(As::Owner);
        text(&format!(
            "SELECT coalesce((SELECT concat_ws(' ', role, status) FROM spaces.space_members
                              WHERE space_id = '{space}' AND profile_id = '{person}'), '')"
        ))
    }

    fn role(space: &str, person: &str, role: &str) -> String {
        format!("SELECT spaces.set_member_role('{space}', '{person}', '{role}')")
    }

    #[pg_test]
    fn who_founds_a_space_owns_it_and_its_slug_is_its_own() {
        let founder = person();
        let space = founded(&founder, "private");
        assert_eq!(standing(&space, &founder), "owner active");
        let again = format!(
            "SELECT spaces.create_space((SELECT slug FROM spaces.spaces WHERE id = '{space}'), 'Another')"
        );
        assert_eq!(outcome(As::Person(&founder), &again), "23505");
        for slug in ["Upper", "two--hyphens", "-first", "last-", "with space", ""] {
            let bad = format!("SELECT spaces.create_space('{slug}', 'A space')");
            assert_eq!(outcome(As::Person(&founder), &bad), "23514", "{slug}");
        }
        let anonymous = "SELECT spaces.create_space('nobodys', 'A space')";
        assert_eq!(outcome(As::Anonymous, anonymous), "42501");
    }

    #[pg_test]
    fn a_public_space_is_joined_at_once_a_restricted_one_on_approval_a_private_one_by_invitation() {
        let (owner, guest) = (person(), person());
        let spaces = ["public", "restricted", "private"].map(|kind| founded(&owner, kind));
        assert_eq!(
            spaces.each_ref().map(|space| joins(space, &guest)),
            ["1", "1", "42501"]
        );
        for space in &spaces[..2] {
            run_as(
                As::Person(&guest),
                &format!("SELECT spaces.join_space('{space}')"),
            );
        }
        assert_eq!(
            spaces.each_ref().map(|space| standing(space, &guest)),
            ["member active", "member pending", ""]
        );
        let approve = |space: &str| {
            format!("SELECT spaces.set_member_status('{space}', '{guest}', 'active')")
        };
        assert_eq!(outcome(As::Person(&guest), &approve(&spaces[1])), "42501");
        run_as(As::Person(&owner), &approve(&spaces[1]));
        assert_eq!(standing(&spaces[1], &guest), "member active");
        run_as(
            As::Person(&owner),
            &format!("SELECT spaces.invite_member('{}', '{guest}')", spaces[2]),
        );
        assert_eq!(standing(&spaces[2], &guest), "member pending");
        run_as(As::Person(&owner), &approve(&spaces[2]));
        assert_eq!(
            standing(&spaces[2], &guest),
            "member pending",
            "only the invited accept"
        );
        run_as(
            As::Person(&guest),
            &format!("SELECT spaces.join_space('{}')", spaces[2]),
        );
        assert_eq!(standing(&spaces[2], &guest), "member active");
    }

    #[pg_test]
    fn visibility_decides_who_finds_a_space_and_who_reads_what_is_in_it() {
        let (owner, stranger) = (person(), person());
        let sees = |who: As, space: &str| {
            let find = format!("SELECT FROM spaces.spaces WHERE id = '{space}'");
            let read = format!("SELECT FROM spaces.posts WHERE space_id = '{space}'");
            format!("{} {}", outcome(who, &find), outcome(who, &read))
        };
        for (visibility, wanted) in [("public", "1 1"), ("restricted", "1 0"), ("private", "0 0")] {
            let space = founded(&owner, visibility);
            post(&space, &owner);
            assert_eq!(sees(As::Person(&owner), &space), "1 1");
            assert_eq!(sees(As::Person(&stranger), &space), wanted);
            assert_eq!(sees(As::Anonymous, &space), wanted);
        }
    }

    #[pg_test]
    fn nobody_makes_himself_more_than_a_member() {
        let space = space("public");
        let (owner, moderator, me) = (
            member(&space, "owner"),
            member(&space, "moderator"),
            member(&space, "member"),
        );
        for who in [&moderator, &me] {
            for wanted in ["owner", "moderator"] {
                assert_eq!(
                    outcome(As::Person(who), &role(&space, who, wanted)),
                    "42501"
                );
            }
            let write = format!(
                "UPDATE spaces.space_members SET role = 'owner' WHERE profile_id = '{who}'"
            );
            assert_eq!(outcome(As::Person(who), &write), "42501");
        }
        let insert = format!(
            "INSERT INTO spaces.space_members (space_id, profile_id, role) VALUES ('{space}', '{}', 'owner')",
            person()
        );
        assert_eq!(outcome(As::Person(&me), &insert), "42501");
        run_as(As::Person(&owner), &role(&space, &me, "moderator"));
        assert_eq!(standing(&space, &me), "moderator active");
        assert_eq!(
            outcome(As::Person(&owner), &role(&space, &me, "king")),
            "23514"
        );
    }

    #[pg_test]
    fn the_last_owner_neither_leaves_nor_is_demoted_by_anybody() {
        let owner = person();
        let space = founded(&owner, "public");
        let leave = format!("SELECT spaces.leave_space('{space}')");
        assert_eq!(outcome(As::Person(&owner), &leave), "23514");
        assert_eq!(
            outcome(As::Person(&owner), &role(&space, &owner, "member")),
            "23514"
        );
        assert_eq!(
            outcome(As::Service, &role(&space, &owner, "member")),
            "23514"
        );
        let delete = format!("DELETE FROM spaces.space_members WHERE space_id = '{space}'");
        assert_eq!(outcome(As::Service, &delete), "23514");
        let heir = member(&space, "member");
        run_as(As::Person(&owner), &role(&space, &heir, "owner"));
        assert_eq!(outcome(As::Person(&owner), &leave), "1");
    }

    #[pg_test]
    fn a_deleted_account_leaves_the_space_to_the_moderator_of_longest_standing() {
        let owner = person();
        let space = founded(&owner, "public");
        let early = member(&space, "member");
        run("UPDATE spaces.space_members SET joined_at = now() - interval '1 year'");
        let (heir, _) = (member(&space, "moderator"), member(&space, "member"));
        run(&format!("DELETE FROM auth.users WHERE id = '{owner}'"));
        assert_eq!(standing(&space, &heir), "owner active");
        run(&format!("DELETE FROM auth.users WHERE id = '{heir}'"));
        assert_eq!(standing(&space, &early), "owner active");
        run(&format!("DELETE FROM spaces.spaces WHERE id = '{space}'"));
    }

    #[pg_test]
    fn who_is_banned_from_a_space_neither_writes_leaves_nor_joins_again() {
        let space = space("public");
        let (moderator, me) = (member(&space, "moderator"), member(&space, "member"));
        let status = |who: &str, status: &str| {
            format!("SELECT spaces.set_member_status('{space}', '{who}', '{status}')")
        };
        assert_eq!(
            outcome(As::Person(&me), &status(&moderator, "banned")),
            "42501"
        );
        assert_eq!(
            outcome(As::Person(&moderator), &status(&me, "owner")),
            "22023"
        );
        run_as(As::Person(&moderator), &status(&me, "banned"));
        let write = format!(
            "INSERT INTO spaces.posts (space_id, author_id, title) VALUES ('{space}', '{me}', 'x')"
        );
        assert_eq!(outcome(As::Person(&me), &write), "42501");
        run_as(
            As::Person(&me),
            &format!("SELECT spaces.leave_space('{space}')"),
        );
        assert_eq!(standing(&space, &me), "member banned");
        assert_eq!(joins(&space, &me), "42501");
        run_as(As::Person(&moderator), &status(&me, "active"));
        assert_eq!(outcome(As::Person(&me), &write), "1");
        run_as(As::Person(&moderator), &status(&moderator, "banned"));
        assert_eq!(standing(&space, &moderator), "moderator active");
    }

    #[pg_test]
    fn somebody_banned_from_the_site_founds_joins_and_moderates_nothing() {
        let space = space("public");
        let moderator = member(&space, "moderator");
        run(&format!(
            "INSERT INTO spaces.sanctions (profile_id, type, reason) VALUES ('{moderator}', 'site_ban', 'spam')"
        ));
        let who = As::Person(&moderator);
        assert_eq!(
            outcome(who, "SELECT spaces.create_space('mine', 'Mine')"),
            "42501"
        );
        let invite = format!("SELECT spaces.invite_member('{space}', '{}')", person());
        assert_eq!(outcome(who, &invite), "42501");
        let other = super::super::space("public");
        assert_eq!(joins(&other, &moderator), "42501");
    }

    #[pg_test]
    fn every_change_of_a_feature_flag_is_kept_and_shown_to_moderators() {
        let owner = person();
        let space = founded(&owner, "public");
        let set = |flags: &str| {
            format!("UPDATE spaces.spaces SET feature_flags = '{flags}' WHERE id = '{space}'")
        };
        for flags in [
            r#"{"a": true}"#,
            r#"{"a": false, "b": true}"#,
            r#"{"b": true}"#,
        ] {
            run_as(As::Person(&owner), &set(flags));
        }
        let history = "SELECT string_agg(flag_key || ' ' || change_type || ' ' || payload::text, '; ' ORDER BY id)
                       FROM spaces.feature_flag_audit";
        assert_eq!(
            text_as(As::Person(&owner), history),
            "a added {\"to\": true, \"from\": null}; a changed {\"to\": false, \"from\": true}; \
             b added {\"to\": true, \"from\": null}; a removed {\"to\": null, \"from\": false}"
        );
        assert_eq!(outcome(As::Person(&owner), &set(r#"{"a": 1}"#)), "23514");
        let member = member(&space, "member");
        assert_eq!(outcome(As::Person(&member), &set("{}")), "0");
        assert_eq!(
            outcome(As::Person(&member), "SELECT FROM spaces.feature_flag_audit"),
            "0"
        );
    }

    #[pg_test]
    fn rules_are_numbered_by_type_and_two_can_change_places() {
        let space = space("restricted");
        let moderator = member(&space, "moderator");
        let who = As::Person(&moderator);
        let rule = |kind: &str, position: i32| {
            format!(
                "INSERT INTO spaces.space_rules (space_id, type, value, position)
                 VALUES ('{space}', '{kind}', '\"Be kind\"', {position})"
            )
        };
        run_as(who, &rule("rule", 1));
        run_as(who, &rule("rule", 2));
        run_as(who, &rule("automod", 1));
        assert_eq!(outcome(who, &rule("rule", 2)), "23505");
        assert_eq!(outcome(who, &rule("law", 1)), "23514");
        let exchange = "UPDATE spaces.space_rules SET position = 3 - position WHERE type = 'rule'";
        assert_eq!(outcome(who, exchange), "2");
        let stranger = person();
        assert_eq!(
            outcome(As::Person(&stranger), "SELECT FROM spaces.space_rules"),
            "2"
        );
        assert_eq!(
            outcome(As::Anonymous, "SELECT FROM spaces.space_rules"),
            "2"
        );
    }
}
