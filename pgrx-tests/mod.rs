//! The tests, one file per engine and per module. `#[pg_test]`s run inside a backend, each in a
//! transaction that is rolled back; what needs several connections, a dump or a restart is in
//! `sessions/` and uses a throwaway cluster of its own.

mod attacks;
mod audit;
mod benchmark;
mod counter;
mod forum;
mod founders;
mod identity;
mod linkup;
mod matrix;
mod module;
mod pair;
mod parts;
mod request;
mod retention;
mod scaling;
mod security;
#[cfg(test)]
mod sessions;
mod spaces;
mod status;
mod tenancy;

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    /// `sessions::cluster` runs this one first: pgrx installs the library before its first test.
    #[pg_test]
    fn the_library_is_installed() {
        let loaded = Spi::get_one::<bool>(
            "SELECT count(*) = 1 FROM pg_extension WHERE extname = 'community_core'",
        );
        assert_eq!(loaded, Ok(Some(true)));
    }
}
