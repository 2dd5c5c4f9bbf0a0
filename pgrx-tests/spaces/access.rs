//! The access matrix: what each role may do with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use crate::claims::linkup::failure;
    use crate::claims::matrix::Matrix;
    use pgrx::prelude::*;

    fn matrix(work: impl FnOnce(Matrix)) {
        let space = space("restricted");
        let (owner, party, moderator) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "moderator"),
        );
        let stranger = person();
        let (written, asked) = (post(&space, &owner), question(&space, &owner));
        work(Matrix {
            schema: "spaces",
            text: include_str!("access_matrix.txt"),
            names: vec![
                ("space", space.clone()),
                ("owner", owner.clone()),
                ("party", party.clone()),
                ("stranger", stranger.clone()),
                ("moderator", moderator.clone()),
                ("post", written.clone()),
                ("comment", comment(&written, &owner)),
                ("question", asked.clone()),
                ("answer", answer(&asked, &owner)),
                ("quarantined", post(&space, &owner)),
                ("tag", person()),
                ("synonym", person()),
                ("webhook", person()),
                ("thread", person()),
            ],
            roles: vec![
                ("anon", As::Anonymous),
                ("owner", As::Person(&owner)),
                ("party", As::Person(&party)),
                ("stranger", As::Person(&stranger)),
                ("moderator", As::Person(&moderator)),
                ("service_role", As::Service),
            ],
        });
    }

    #[pg_test]
    fn every_role_may_do_with_every_table_of_spaces_what_the_matrix_says_and_nothing_else() {
        matrix(|matrix| matrix.holds());
    }

    #[pg_test]
    fn every_table_of_spaces_is_in_the_matrix_with_every_operation() {
        matrix(|matrix| matrix.covers_everything());
    }

    #[pg_test]
    fn no_error_tells_a_stranger_what_there_is_in_a_private_space() {
        let space = space("private");
        let author = member(&space, "member");
        let (post, stranger, nothing) = (post(&space, &author), person(), person());
        let comment = comment(&post, &author);
        let tag = inserted(&format!(
            "INSERT INTO spaces.tags (space_id, name) VALUES ('{space}', 'x')"
        ));
        for (call, id) in [
            ("move_comment({id}, NULL)", &comment),
            ("merge_tags({id}, {id})", &tag),
            ("sanction_content('post', {id}, 'removal', 'x')", &post),
            (
                "sanction_content('comment', {id}, 'removal', 'x')",
                &comment,
            ),
            ("close_question({id}, 'x')", &post),
            ("appeal_sanction({id}, 'x')", &post),
        ] {
            let said = |id: &str| {
                let (state, message) = failure(
                    As::Person(&stranger),
                    &format!("SELECT spaces.{}", call.replace("{id}", &format!("'{id}'"))),
                );
                assert!(!message.contains(&space), "{message}");
                (state, message.replace(id, "…"))
            };
            assert_eq!(said(id), said(&nothing), "{call}");
        }
    }
}
