//! Claims about the module.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    #[pg_test]
    fn module_placeholder() {
        assert_eq!(Spi::get_one::<i32>("SELECT 1"), Ok(Some(1)));
    }
}
