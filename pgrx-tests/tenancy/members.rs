//! Claims about who belongs to an organization, and as what.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::tenancy::{by, count, done, refused, run, value, world};
    use pgrx::prelude::*;

    fn role_of(person: &str) -> String {
        value(&format!(
            "SELECT role || ' of ' || coalesce(organization_id::text, 'nothing')
             FROM tenancy.profiles WHERE id = '{person}'"
        ))
    }

    fn invite(admin: &str, person: &str, role: &str) -> String {
        let email = value(&format!(
            "SELECT email FROM auth.users WHERE id = '{person}'"
        ));
        done(
            admin,
            &format!("SELECT tenancy.invite_member('{email}', '{role}')"),
        );
        value(&format!(
            "SELECT id::text FROM tenancy.organization_invitations WHERE email = '{email}'"
        ))
    }

    #[pg_test]
    fn nobody_makes_himself_admin_or_moves_to_another_organization() {
        let w = world();
        for change in [
            format!("role = 'admin' WHERE id = '{}'", w.a.member),
            format!("organization_id = '{}' WHERE id = '{}'", w.b.id, w.a.member),
            "role = 'admin'".to_owned(),
            format!("organization_id = '{}'", w.b.id),
            "email = 'x@x.test'".to_owned(),
        ] {
            let update = format!("UPDATE tenancy.profiles SET {change}");
            for person in [&w.a.member, &w.a.admin, &w.loner] {
                assert_eq!(refused(person, &update), "42501", "{update}");
            }
        }
        let make = format!("SELECT tenancy.set_member_role('{}', 'admin')", w.a.member);
        for person in [&w.a.member, &w.loner, &w.b.member] {
            assert_eq!(refused(person, &make), "42501");
        }
        let join = format!(
            "INSERT INTO tenancy.profiles (id, email, organization_id, role)
             VALUES ('{}', 'x@x.test', '{}', 'admin')",
            w.loner, w.a.id
        );
        assert_eq!(refused(&w.loner, &join), "42501");
        assert_eq!(refused(&w.a.admin, &join), "42501");
        assert_eq!(role_of(&w.a.member), format!("member of {}", w.a.id));
    }

    #[pg_test]
    fn an_admin_changes_roles_in_his_own_organization_only() {
        let w = world();
        let promote = |person: &str| format!("SELECT tenancy.set_member_role('{person}', 'admin')");
        done(&w.a.admin, &promote(&w.a.member));
        assert_eq!(role_of(&w.a.member), format!("admin of {}", w.a.id));
        let (theirs, nobody) = (
            by(&w.a.admin, &promote(&w.b.member)),
            by(&w.a.admin, &promote("00000000-0000-4000-8000-0000000000ff")),
        );
        assert_eq!(
            (theirs.state.as_str(), nobody.state.as_str()),
            ("42704", "42704")
        );
        assert_eq!(
            theirs.message.replace(&w.b.member, "…"),
            nobody
                .message
                .replace("00000000-0000-4000-8000-0000000000ff", "…"),
            "a person of another organization and nobody at all look the same"
        );
        assert_eq!(refused(&w.a.admin, &promote(&w.loner)), "42704");
        let king = format!("SELECT tenancy.set_member_role('{}', 'king')", w.a.member);
        assert_eq!(refused(&w.a.admin, &king), "23514");
    }

    #[pg_test]
    fn the_last_admin_cannot_leave_or_be_demoted_or_be_deleted() {
        let w = world();
        let admin = &w.a.admin;
        for sql in [
            format!("SELECT tenancy.set_member_role('{admin}', 'member')"),
            format!("SELECT tenancy.remove_member('{admin}')"),
        ] {
            let outcome = by(admin, &sql);
            assert_eq!(outcome.state, "23514", "{sql}: {}", outcome.message);
            assert!(outcome.message.ends_with("must keep an admin"));
        }
        for sql in [
            format!("DELETE FROM tenancy.profiles WHERE id = '{admin}'"),
            format!("UPDATE tenancy.profiles SET role = 'member' WHERE id = '{admin}'"),
            format!("UPDATE tenancy.profiles SET organization_id = NULL WHERE id = '{admin}'"),
            format!(
                "UPDATE tenancy.profiles SET organization_id = '{}' WHERE id = '{admin}'",
                w.b.id
            ),
            format!("DELETE FROM auth.users WHERE id = '{admin}'"),
        ] {
            let outcome = super::super::attempt("service_role", "", &sql);
            assert_eq!(outcome.state, "23514", "{sql}: {}", outcome.message);
        }
    }

    #[pg_test]
    fn an_admin_leaves_once_another_is_there_and_a_swap_in_one_statement_is_fine() {
        let w = world();
        run(&format!(
            "UPDATE tenancy.profiles SET role = CASE role WHEN 'admin' THEN 'member' ELSE 'admin' END
             WHERE organization_id = '{}'",
            w.a.id
        ));
        done(
            &w.a.member,
            &format!("SELECT tenancy.set_member_role('{}', 'admin')", w.a.admin),
        );
        done(
            &w.a.admin,
            &format!("SELECT tenancy.remove_member('{}')", w.a.admin),
        );
        assert_eq!(role_of(&w.a.admin), "member of nothing");
        assert_eq!(done(&w.a.admin, "SELECT FROM tenancy.customers"), 0);
        assert_eq!(
            count("SELECT FROM community_core.verify_counters('tenancy.organizations')"),
            0
        );
    }

    #[pg_test]
    fn a_member_leaves_and_removes_nobody_else() {
        let w = world();
        let remove = |person: &str| format!("SELECT tenancy.remove_member('{person}')");
        assert_eq!(refused(&w.a.member, &remove(&w.a.admin)), "42501");
        assert_eq!(refused(&w.a.admin, &remove(&w.b.member)), "42704");
        assert_eq!(refused(&w.loner, &remove(&w.loner)), "42704");
        done(&w.a.member, &remove(&w.a.member));
        done(&w.b.admin, &remove(&w.b.member));
        for person in [&w.a.member, &w.b.member] {
            assert_eq!(role_of(person), "member of nothing");
        }
    }

    #[pg_test]
    fn an_organization_is_deleted_with_its_last_admin_in_it() {
        let w = world();
        run(&format!(
            "DELETE FROM tenancy.organizations WHERE id = '{}'",
            w.a.id
        ));
        assert_eq!(role_of(&w.a.admin), "admin of nothing");
        assert_eq!(
            refused(&w.a.admin, "SELECT tenancy.invite_member('x@x.test')"),
            "42501"
        );
    }

    #[pg_test]
    fn an_invitation_is_accepted_once_and_by_the_invited_address_alone() {
        let w = world();
        let id = invite(&w.a.admin, &w.loner, "member");
        let accept = format!("SELECT tenancy.accept_invitation('{id}')");
        let nothing = "SELECT tenancy.accept_invitation('00000000-0000-4000-8000-0000000000ff')";
        let (others, none) = (by(&w.b.member, &accept), by(&w.b.member, nothing));
        assert_eq!(
            (others.state.as_str(), none.state.as_str()),
            ("42704", "42704")
        );
        assert_eq!(
            others.message.replace(&id, "…"),
            none.message
                .replace("00000000-0000-4000-8000-0000000000ff", "…")
        );
        done(&w.loner, &accept);
        assert_eq!(role_of(&w.loner), format!("member of {}", w.a.id));
        assert_eq!(refused(&w.loner, &accept), "55000");
        done(
            &w.loner,
            &format!("SELECT tenancy.remove_member('{}')", w.loner),
        );
        assert_eq!(refused(&w.loner, &accept), "55000", "also after leaving");
    }

    #[pg_test]
    fn an_expired_invitation_is_refused_until_it_is_renewed() {
        let w = world();
        let id = invite(&w.a.admin, &w.loner, "member");
        run(&format!(
            "UPDATE tenancy.organization_invitations SET expires_at = now() WHERE id = '{id}'"
        ));
        let accept = format!("SELECT tenancy.accept_invitation('{id}')");
        let outcome = by(&w.loner, &accept);
        assert_eq!(outcome.state, "55000");
        assert!(outcome.message.contains("expired"), "{}", outcome.message);
        assert_eq!(
            invite(&w.a.admin, &w.loner, "admin"),
            id,
            "renewed, not doubled"
        );
        done(&w.loner, &accept);
        assert_eq!(role_of(&w.loner), format!("admin of {}", w.a.id));
    }

    #[pg_test]
    fn whoever_belongs_to_an_organization_must_leave_it_before_joining_another() {
        let w = world();
        let id = invite(&w.a.admin, &w.b.member, "member");
        let accept = format!("SELECT tenancy.accept_invitation('{id}')");
        assert_eq!(refused(&w.b.member, &accept), "55000");
        assert_eq!(role_of(&w.b.member), format!("member of {}", w.b.id));
        done(
            &w.b.member,
            &format!("SELECT tenancy.remove_member('{}')", w.b.member),
        );
        done(&w.b.member, &accept);
        assert_eq!(role_of(&w.b.member), format!("member of {}", w.a.id));
    }

    #[pg_test]
    fn only_admins_invite_and_only_into_their_own_organization() {
        let w = world();
        let invite = "SELECT tenancy.invite_member('new@x.test')";
        for person in [&w.a.member, &w.loner] {
            assert_eq!(refused(person, invite), "42501");
        }
        assert_eq!(
            refused(&w.a.admin, "SELECT tenancy.invite_member('not an address')"),
            "23514"
        );
        let email = value(&format!(
            "SELECT upper(email) FROM auth.users WHERE id = '{}'",
            w.a.member
        ));
        assert_eq!(
            refused(
                &w.a.admin,
                &format!("SELECT tenancy.invite_member('{email}')")
            ),
            "55000"
        );
        done(&w.a.admin, invite);
        assert_eq!(
            done(&w.a.admin, "SELECT FROM tenancy.organization_invitations"),
            1
        );
        for person in [&w.a.member, &w.b.admin] {
            assert_eq!(
                done(person, "SELECT FROM tenancy.organization_invitations"),
                0
            );
        }
        assert_eq!(
            done(&w.b.admin, "DELETE FROM tenancy.organization_invitations"),
            0
        );
        assert_eq!(
            done(&w.a.admin, "DELETE FROM tenancy.organization_invitations"),
            1
        );
    }

    #[pg_test]
    fn an_address_that_supabase_has_not_confirmed_accepts_nothing() {
        let w = world();
        let id = invite(&w.a.admin, &w.loner, "member");
        run("ALTER TABLE auth.users ADD COLUMN email_confirmed_at timestamptz");
        let accept = format!("SELECT tenancy.accept_invitation('{id}')");
        assert_eq!(refused(&w.loner, &accept), "42704");
        run(&format!(
            "UPDATE auth.users SET email_confirmed_at = now() WHERE id = '{}'",
            w.loner
        ));
        done(&w.loner, &accept);
    }

    #[pg_test]
    fn people_set_their_name_and_admins_that_of_their_members() {
        let w = world();
        let name = |person: &str| {
            format!("UPDATE tenancy.profiles SET full_name = 'N' WHERE id = '{person}'")
        };
        assert_eq!(done(&w.a.member, &name(&w.a.member)), 1);
        assert_eq!(done(&w.a.admin, &name(&w.a.member)), 1);
        assert_eq!(done(&w.a.member, &name(&w.a.admin)), 0);
        assert_eq!(done(&w.b.admin, &name(&w.a.member)), 0);
    }

    #[pg_test]
    fn a_preference_is_its_persons_alone() {
        let w = world();
        let set = |person: &str| {
            format!(
                "INSERT INTO tenancy.user_preferences (user_id, theme_preference) VALUES ('{person}', 'dark')"
            )
        };
        assert_eq!(done(&w.a.member, &set(&w.a.member)), 1);
        assert_eq!(refused(&w.a.admin, &set(&w.b.member)), "42501");
        assert_eq!(done(&w.a.admin, "SELECT FROM tenancy.user_preferences"), 0);
        assert_eq!(
            done(
                &w.a.admin,
                "UPDATE tenancy.user_preferences SET theme_preference = 'light'"
            ),
            0
        );
        assert_eq!(
            done(
                &w.a.member,
                "UPDATE tenancy.user_preferences SET theme_preference = 'light'"
            ),
            1
        );
        assert_eq!(
            refused(
                &w.a.member,
                "UPDATE tenancy.user_preferences SET theme_preference = 'pink'"
            ),
            "23514"
        );
    }
}
