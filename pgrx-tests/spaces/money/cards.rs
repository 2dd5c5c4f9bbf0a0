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
                assert_eq!(state, "23514", "{table}.{column}: {message}");
                let wanted =
                    format!("what is to be stored in {table}.{column} looks like a card number");
                assert!(message.starts_with(&wanted), "{table}.{column}: {message}");
                assert!(!message.contains("4111"), "the number is in the message");
            }
        }
    }

    #[pg_test]
    fn an_update_brings_no_card_number_in_either() {
        let person = person();
        let (method, account) = (method(&person), account(&person, "pending"));
        let token = format!(
            "UPDATE spaces.payment_methods SET external_id = 'card:5555555555554444' WHERE id = '{method}'"
        );
        assert_eq!(outcome(As::Service, &token), "23514");
        let document = format!(
            r#"UPDATE spaces.payout_accounts SET kyc_metadata = '{{"number": 378282246310005}}' WHERE id = '{account}'"#
        );
        assert_eq!(outcome(As::Service, &document), "23514");
    }

    #[pg_test]
    fn a_column_of_whatever_type_that_can_hold_text_is_looked_at() {
        run(
            "CREATE TABLE pg_temp.later (id uuid, notes text[], code varchar(40), document json, amount numeric, cipher bytea);
             CREATE TRIGGER later_bar BEFORE INSERT OR UPDATE ON pg_temp.later
                 FOR EACH ROW EXECUTE FUNCTION spaces.refuse_card_numbers()",
        );
        let insert = |column: &str, value: &str| {
            outcome(
                As::Owner,
                &format!("INSERT INTO pg_temp.later ({column}) VALUES ({value})"),
            )
        };
        assert_eq!(insert("notes", "'{ok,4222222222222}'"), "23514");
        assert_eq!(insert("code", "'4222222222222'"), "23514");
        assert_eq!(
            insert("document", r#"'{"a": [{"b": "4222222222222"}]}'"#),
            "23514"
        );
        // One digit further it is no card number, and numbers and bytes are none.
        assert_eq!(insert("notes", "'{ok,4222222222223}'"), "1");
        assert_eq!(insert("amount", "4222222222222"), "1");
        assert_eq!(insert("cipher", "'\\x4222222222222000'"), "1");
        assert_eq!(insert("id", "'42222222-2222-4222-8222-222222222222'"), "1");
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
