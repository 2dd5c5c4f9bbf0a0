//! What each role may do with each table of money, as data in `access_matrix_c.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use crate::claims::matrix::Matrix;
    use pgrx::prelude::*;

    #[pg_test]
    fn every_role_may_do_with_every_table_of_money_what_the_matrix_says_and_nothing_else() {
        let space = space("public");
        let (owner, party) = (member(&space, "member"), member(&space, "member"));
        let (stranger, moderator) = (person(), member(&space, "moderator"));
        let matrix = Matrix {
            schema: "spaces",
            text: include_str!("../access_matrix_c.txt"),
            names: vec![
                ("owner", owner.clone()),
                ("party", party.clone()),
                ("stranger", stranger.clone()),
                ("moderator", moderator.clone()),
                ("question", question(&space, &owner)),
                ("space", space),
            ],
            roles: vec![
                ("anon", As::Anonymous),
                ("owner", As::Person(&owner)),
                ("party", As::Person(&party)),
                ("stranger", As::Person(&stranger)),
                ("moderator", As::Person(&moderator)),
                ("service_role", As::Service),
            ],
        };
        matrix.holds();
    }
}
