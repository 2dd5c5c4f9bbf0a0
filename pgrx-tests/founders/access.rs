//! The access matrix: what each role may do with each table, as data in `access_matrix.txt`.

#[pgrx::pg_schema]
mod tests {
    use super::super::{As, person};
    use crate::claims::matrix::Matrix;
    use pgrx::prelude::*;

    fn matrix(work: impl FnOnce(Matrix)) {
        let (owner, party, stranger) = (person(), person(), person());
        work(Matrix {
            schema: "founders",
            text: include_str!("access_matrix.txt"),
            names: vec![("owner", owner.clone()), ("party", party.clone())],
            roles: vec![
                ("anon", As::Anonymous),
                ("owner", As::Person(&owner)),
                ("party", As::Person(&party)),
                ("stranger", As::Person(&stranger)),
                ("service_role", As::Service),
            ],
        });
    }

    #[pg_test]
    fn every_role_may_do_with_every_table_what_the_matrix_says_and_nothing_else() {
        matrix(|matrix| matrix.holds());
    }

    #[pg_test]
    fn every_table_and_view_of_the_module_is_in_the_matrix_with_every_operation() {
        matrix(|matrix| matrix.covers_everything());
    }
}
