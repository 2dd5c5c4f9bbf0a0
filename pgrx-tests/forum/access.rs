//! The access matrix: who may do what with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::{list, people, uuid};
    use crate::claims::matrix::Matrix;
    use crate::claims::request::As;
    use pgrx::prelude::*;

    const TOPIC: &str = "acce55";

    /// What a word in braces stands for: the people, and rows of the owner's.
    const NAMES: [&str; 29] = [
        "owner",
        "stranger",
        "staff",
        "unknown",
        "post",
        "deleted_post",
        "unliked_post",
        "deleted_unliked_post",
        "like",
        "deleted_like",
        "reply",
        "deleted_reply",
        "reply_to_deleted",
        "goal",
        "other_goal",
        "new_goal",
        "entry",
        "completed",
        "resource",
        "members_only",
        "draft",
        "future",
        "deleted_resource",
        "download",
        "guest_download",
        "rating",
        "rating_of_deleted",
        "course",
        "action",
    ];

    fn matrix(work: impl FnOnce(Matrix)) {
        people(TOPIC, 3);
        let names = NAMES
            .iter()
            .enumerate()
            .map(|(place, name)| (*name, uuid(TOPIC, place + 1)));
        let (owner, stranger, staff) = (uuid(TOPIC, 1), uuid(TOPIC, 2), uuid(TOPIC, 3));
        let staff = format!(
            r#"{{"sub":"{staff}","role":"authenticated","app_metadata":{{"staff":["forum"]}}}}"#
        );
        work(Matrix {
            schema: "forum",
            text: include_str!("access_matrix.txt"),
            names: names.collect(),
            roles: vec![
                ("guest", As::Anonymous),
                ("nameless", As::Claims(r#"{"role":"authenticated"}"#)),
                ("owner", As::Person(&owner)),
                ("stranger", As::Person(&stranger)),
                ("staff", As::Claims(&staff)),
                ("service", As::Service),
            ],
        });
    }

    #[pg_test]
    fn everybody_in_the_forum_may_do_what_the_matrix_says_and_nothing_else() {
        matrix(|matrix| matrix.holds());
    }

    #[pg_test]
    fn every_table_of_the_forum_is_in_the_matrix_with_every_operation() {
        matrix(|matrix| matrix.covers_everything());
    }

    #[pg_test]
    fn only_the_functions_meant_for_them_are_open_to_app_roles() {
        let open = |role: &str| {
            list(&format!(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'forum'::regnamespace
                 AND has_function_privilege('{role}', oid, 'EXECUTE') ORDER BY proname"
            ))
        };
        assert_eq!(
            open("anon"),
            "download_resource is_member is_staff search_resources"
        );
        let signed_in = "complete_goal download_resource feed is_member is_staff pause_goal pin_post \
             restore_post restore_reply restore_resource resume_goal search_posts search_resources \
             soft_delete_post soft_delete_reply soft_delete_resource start_goal";
        assert_eq!(open("authenticated"), signed_in);
        assert_eq!(
            open("service_role"),
            signed_in.replace("restore_post", "refresh_resource_flags restore_post")
        );
    }
}
