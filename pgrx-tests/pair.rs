//! Claims about the pair.

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    #[pg_test]
    fn pair_placeholder() {
        assert_eq!(Spi::get_one::<i32>("SELECT 1"), Ok(Some(1)));
    }
}
