//! The access matrix of workshops, materials and events: what each role may do with each table.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use crate::claims::matrix::Matrix;
    use pgrx::prelude::*;

    #[pg_test]
    fn every_role_may_do_with_workshops_and_events_what_the_matrix_says_and_nothing_else() {
        let space = space("restricted");
        let (owner, party, moderator) = (
            member(&space, "member"),
            member(&space, "member"),
            member(&space, "moderator"),
        );
        let stranger = person();
        Matrix {
            schema: "spaces",
            text: include_str!("access_matrix_d.txt"),
            names: vec![
                ("space", space.clone()),
                ("owner", owner.clone()),
                ("party", party.clone()),
                ("moderator", moderator.clone()),
                ("stranger", stranger.clone()),
            ],
            roles: vec![
                ("anon", As::Anonymous),
                ("owner", As::Person(&owner)),
                ("party", As::Person(&party)),
                ("stranger", As::Person(&stranger)),
                ("moderator", As::Person(&moderator)),
                ("service_role", As::Service),
            ],
        }
        .holds();
    }
}
