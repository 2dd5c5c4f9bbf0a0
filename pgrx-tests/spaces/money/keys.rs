//! Claims about the rotation of keys. The test plays the application: the database sees no key.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    /// Payment methods with ciphertexts under key 1.
    fn encrypted(how_many: usize) {
        for _ in 0..how_many {
            let method = method(&person());
            run(&format!(
                "UPDATE spaces.payment_methods SET pii_ciphertext = '\\xc1', pii_iv = uuid_send(id), pii_tag = '\\x7a' WHERE id = '{method}'"
            ));
        }
    }

    /// Takes a chunk and gives it back under the new key; how many were stored.
    fn rotate(version: i32, chunk: i32) -> String {
        text_as(
            As::Service,
            &format!(
                "SELECT spaces.store_rotated('payment_methods', {version}, array_agg(id), array_agg(pii_iv),
                     array_agg(pii_ciphertext || '\\x{version:02}'), array_agg(pii_iv || '\\x{version:02}'), array_agg(pii_tag))::text
                 FROM spaces.rotate_keys('payment_methods', {version}, {chunk})"
            ),
        )
    }

    fn progress(version: i32) -> String {
        text(&format!(
            "SELECT concat_ws(' ', rows, resume_token IS NULL, finished_at IS NULL)
             FROM spaces.key_rotations WHERE table_name = 'payment_methods' AND key_version = {version}"
        ))
    }

    #[pg_test]
    fn a_rotation_goes_on_where_it_stopped_until_nothing_is_under_an_older_key() {
        encrypted(5);
        assert_eq!(rotate(2, 2), "2");
        assert_eq!(progress(2), "2 f t");
        // A worker that takes a chunk and dies: the others go past it, and it comes again at the end.
        run_as(
            As::Service,
            "SELECT count(*) FROM spaces.rotate_keys('payment_methods', 2, 2)",
        );
        assert_eq!(rotate(2, 2), "1");
        assert_eq!(rotate(2, 10), "2");
        assert_eq!(rotate(2, 10), "0");
        assert_eq!(progress(2), "5 t f");
        let left = "SELECT count(*)::text FROM spaces.payment_methods WHERE key_version <> 2 OR pii_ciphertext <> '\\xc102'";
        assert_eq!(text(left), "0");
        // What comes in under the old key all the same reopens it.
        encrypted(1);
        assert_eq!(rotate(2, 10), "1");
        assert_eq!(rotate(2, 10), "0");
        assert_eq!(progress(2), "6 t f");
        assert_eq!(rotate(3, 10), "6");
    }

    #[pg_test]
    fn a_row_that_was_written_meanwhile_is_not_overwritten() {
        encrypted(1);
        let stored = text_as(
            As::Service,
            "WITH handed AS MATERIALIZED (SELECT * FROM spaces.rotate_keys('payment_methods', 2, 10))
             SELECT spaces.store_rotated('payment_methods', 2, array_agg(id), array_agg('\\x0bad'::bytea),
                 array_agg(pii_ciphertext), array_agg('\\x02'::bytea), array_agg(pii_tag))::text FROM handed",
        );
        assert_eq!(stored, "0");
        assert_eq!(
            text("SELECT min(key_version)::text FROM spaces.payment_methods"),
            "1"
        );
    }

    #[pg_test]
    fn what_comes_back_incomplete_or_as_it_was_is_refused() {
        encrypted(1);
        run_as(
            As::Service,
            "SELECT FROM spaces.rotate_keys('payment_methods', 2, 1)",
        );
        let id = text("SELECT id::text FROM spaces.payment_methods");
        let store = |rest: &str| {
            outcome(
                As::Service,
                &format!("SELECT spaces.store_rotated('payment_methods', 2, '{{{id}}}', {rest})"),
            )
        };
        let some = "'{\"\\\\x02\"}'";
        assert_eq!(
            store(&format!("{some}, '{{}}', '{{\"\\\\x03\"}}', {some}")),
            "22023"
        );
        assert_eq!(store(&format!("{some}, {some}, {some}, {some}")), "22023");
        assert_eq!(
            store(&format!(
                "{some}, {some}, '{{\"\\\\x03\", \"\\\\x04\"}}', {some}"
            )),
            "22023"
        );
        assert_eq!(
            store(&format!("{some}, {some}, '{{\"\\\\x03\"}}', {some}")),
            "1"
        );
    }

    #[pg_test]
    fn only_tables_with_ciphertexts_are_rotated_by_the_server_alone() {
        for call in [
            "SELECT * FROM spaces.rotate_keys('profiles', 2)",
            "SELECT * FROM spaces.rotate_keys('payment_methods; DROP TABLE spaces.profiles', 2)",
            "SELECT * FROM spaces.rotate_keys('payment_methods', 1)",
        ] {
            assert_eq!(outcome(As::Service, call), "23514", "{call}");
        }
        let not_begun =
            "SELECT spaces.store_rotated('payout_accounts', 2, '{}', '{}', '{}', '{}', '{}')";
        assert_eq!(outcome(As::Service, not_begun), "55000");
        let person = person();
        assert_eq!(
            outcome(
                As::Person(&person),
                "SELECT * FROM spaces.rotate_keys('payment_methods', 2)"
            ),
            "42501"
        );
    }

    #[pg_test]
    fn a_new_key_is_due_after_a_year() {
        encrypted(2);
        let due = |at: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', table_name, key_version, rows, due), ', ') FROM spaces.key_versions({at})"
            ))
        };
        assert_eq!(due("now() + interval '11 months'"), "payment_methods 1 2 f");
        assert_eq!(due("now() + interval '1 year'"), "payment_methods 1 2 t");
    }
}
