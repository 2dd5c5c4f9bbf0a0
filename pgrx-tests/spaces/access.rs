//! The access matrix: what each role may do with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
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
}
