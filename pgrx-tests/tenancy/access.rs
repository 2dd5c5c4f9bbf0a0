//! The access matrix: who may do what with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use crate::claims::matrix::Matrix;
    use crate::claims::request::{As, text};
    use pgrx::prelude::*;

    const LONER: &str = "00000000-0000-4000-8000-00000000c001";
    const MEMBER: &str = "00000000-0000-4000-8000-00000000a002";
    const ADMIN: &str = "00000000-0000-4000-8000-00000000a001";
    const OTHER: &str = "00000000-0000-4000-8000-00000000b001";

    fn matrix() -> Matrix<'static> {
        let organization = |letter: &str| format!("00000000-0000-4000-8000-0000000000{letter}0");
        Matrix {
            schema: "tenancy",
            text: include_str!("access_matrix.txt"),
            names: vec![
                ("a", organization("a")),
                ("b", organization("b")),
                ("member", MEMBER.to_owned()),
                ("admin", ADMIN.to_owned()),
                ("other", OTHER.to_owned()),
            ],
            roles: vec![
                ("anon", As::Anonymous),
                ("loner", As::Person(LONER)),
                ("member", As::Person(MEMBER)),
                ("admin", As::Person(ADMIN)),
                ("other", As::Person(OTHER)),
                ("service", As::Service),
            ],
        }
    }

    #[pg_test]
    fn everybody_in_tenancy_may_do_what_the_matrix_says_and_nothing_else() {
        matrix().holds();
    }

    #[pg_test]
    fn every_table_of_tenancy_is_in_the_matrix_with_every_operation() {
        matrix().covers_everything();
    }

    #[pg_test]
    fn people_of_an_organization_write_these_columns_and_no_others() {
        let written = text(
            "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
                 SELECT c.relname || ' ' || g.privilege_type || ' '
                        || string_agg(a.attname, ', ' ORDER BY a.attname)
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) g
                 WHERE c.relnamespace = 'tenancy'::regnamespace AND g.grantee = 'authenticated'::regrole
                 GROUP BY c.relname, g.privilege_type) AS lines (line)",
        );
        assert_eq!(
            written.lines().collect::<Vec<_>>(),
            [
                "activities INSERT customer_id, metadata, organization_id, type",
                "activities UPDATE customer_id, metadata, type",
                "customers INSERT company, email, industry, name, organization_id, status",
                "customers UPDATE company, email, industry, name, status",
                "organizations UPDATE name, slug",
                "profiles UPDATE avatar_url, full_name",
                "revenue INSERT amount, category, customer_id, date, description, organization_id",
                "revenue UPDATE amount, category, customer_id, date, description",
                "user_preferences INSERT theme_preference, user_id",
                "user_preferences UPDATE theme_preference",
            ]
        );
    }

    #[pg_test]
    fn only_the_functions_of_tenancy_meant_for_them_are_open_to_app_roles() {
        let open = |role: &str| {
            text(&format!(
                "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc
                 WHERE pronamespace = 'tenancy'::regnamespace
                   AND has_function_privilege('{role}', oid, 'EXECUTE')"
            ))
        };
        assert_eq!(open("anon"), "");
        assert_eq!(
            open("authenticated"),
            "accept_invitation administered_organization_id current_organization_id delete_customer \
             invite_member remove_member restore_customer set_member_role"
        );
        assert_eq!(
            open("service_role"),
            "administered_organization_id current_organization_id record_ai_usage"
        );
    }
}
