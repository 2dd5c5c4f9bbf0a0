//! The access matrix: what each role may do with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use crate::claims::matrix::Matrix;
    use pgrx::prelude::*;

    fn matrix(work: impl FnOnce(Matrix)) {
        let region = region();
        let (owner, party, stranger) = (member(&region), member(&region), member(&region));
        let linkup = meeting(&region, &[&owner, &party]);
        let coming = draft(&owner, &region, (2, 4), "now() + interval '1 day'");
        invite(&coming, &party);
        broadcast(&coming);
        work(Matrix {
            schema: "linkup",
            text: include_str!("access_matrix.txt"),
            names: vec![
                ("owner", owner.id.clone()),
                ("party", party.id.clone()),
                ("stranger", stranger.id.clone()),
                ("account", owner.account.clone()),
                ("region", region.clone()),
                ("linkup", linkup),
                ("coming", coming),
            ],
            roles: vec![
                ("anon", As::Anonymous),
                ("owner", owner.signed_in()),
                ("party", party.signed_in()),
                ("stranger", stranger.signed_in()),
                ("service_role", As::Service),
            ],
        });
    }

    #[pg_test]
    fn every_role_may_do_with_every_table_of_linkup_what_the_matrix_says_and_nothing_else() {
        matrix(|matrix| matrix.holds());
    }

    #[pg_test]
    fn every_table_of_linkup_is_in_the_matrix_with_every_operation() {
        matrix(|matrix| matrix.covers_everything());
    }
}
