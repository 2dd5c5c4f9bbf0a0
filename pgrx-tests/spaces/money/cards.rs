//! Claims about what is never stored: card numbers, in whatever column.

#[pgrx::pg_schema]
mod tests {
    use super::super::*;
    use pgrx::prelude::*;

    const TABLES: &str = "payment_methods pledges donations payout_accounts payout_jobs bounties bounty_transactions";

    #[pg_test]
    fn no_text_column_of_any_table_of_money_takes_a_card_number() {
        be(As::Owner);
        for table in TABLES.split(' ') {
            let columns = text(&format!(
                "SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = 'spaces.{table}'::regclass AND attnum > 0
                   AND atttypid IN ('text'::regtype, 'jsonb'::regtype)"
            ));
            for column in columns.split(',') {
                let (column, kind) = column.split_once(' ').expect("a name and a type");
                let value = if kind == "jsonb" {
                    r#"'{"note": ["paid with 4111-1111-1111-1111"]}'"#
                } else {
                    "'paid with 4111-1111-1111-1111'"
                };
                let (state, message) = failure(
                    As::Owner,
                    &format!("INSERT INTO spaces.{table} (\"{column}\") VALUES ({value})"),
                );
                // Some columns say what the row is for, and are judged before.
                if column != "target_type" {
                    assert_eq!(state, "23514", "{table}.{column}: {message}");
                    assert!(
                        message.starts_with(&format!(
                            "what is to be stored in {table}.{column} looks like a card number"
                        )),
                        "{table}.{column}: {message}"
                    );
                }
                assert!(!message.contains("4111"), "the number is in the message");
            }
        }
    }

    #[pg_test]
    fn an_update_brings_no_card_number_in_either_nor_does_a_column_added_later() {
        let person = person();
        let (method, account) = (method(&person), account(&person, "pending"));
        let update = |sql: &str| outcome(As::Service, sql);
        assert_eq!(
            update(&format!(
                "UPDATE spaces.payment_methods SET external_id = 'card:5555555555554444' WHERE id = '{method}'"
            )),
            "23514"
        );
        assert_eq!(
            update(&format!(
                r#"UPDATE spaces.payout_accounts SET kyc_metadata = '{{"number": 378282246310005}}' WHERE id = '{account}'"#
            )),
            "23514"
        );
        run("ALTER TABLE spaces.payment_methods ADD COLUMN notes text[]");
        assert_eq!(
            update(&format!(
                "UPDATE spaces.payment_methods SET notes = '{{ok,4222222222222}}' WHERE id = '{method}'"
            )),
            "23514"
        );
        // One digit further it is no card number.
        assert_eq!(
            update(&format!(
                "UPDATE spaces.payment_methods SET notes = '{{ok,4222222222223}}' WHERE id = '{method}'"
            )),
            "1"
        );
    }

    #[pg_test]
    fn last4_is_four_digits_and_what_is_personal_is_whole_or_gone() {
        let method = method(&person());
        for set in [
            "last4 = '42'",
            "last4 = '42424'",
            "last4 = 'visa'",
            "pii_ciphertext = '\\x01'",
            "pii_ciphertext = '\\x01', pii_iv = '\\x02'",
        ] {
            let update = format!("UPDATE spaces.payment_methods SET {set} WHERE id = '{method}'");
            assert_eq!(outcome(As::Service, &update), "23514", "{set}");
        }
    }

    #[pg_test]
    fn a_person_sees_by_what_to_recognize_a_method_and_neither_token_nor_ciphertext() {
        let person = person();
        method(&person);
        let see = |columns: &str| {
            outcome(
                As::Person(&person),
                &format!("SELECT {columns} FROM spaces.payment_methods"),
            )
        };
        assert_eq!(see("id, provider, last4, expires_at"), "1");
        for column in [
            "external_id",
            "pii_ciphertext",
            "pii_iv",
            "pii_tag",
            "key_version",
        ] {
            assert_eq!(see(column), "42501", "{column}");
        }
    }
}
