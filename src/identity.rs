//! Who is asking: the claims that PostgREST and Supabase put into the setting
//! `request.jwt.claims`. Whatever is malformed is an anonymous user, never an error and never
//! another person.

use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::ffi::CStr;

extension_sql_file!("../sql/identity/roles.sql", name = "roles", bootstrap);

/// The claims of the request as an object; an empty one where there are none, or they are not a
/// JSON object that jsonb can hold. Stable, parallel safe; never an error.
///
/// ```sql
/// SELECT community_core.request_claims() ->> 'email';
/// ```
#[pg_extern(stable, parallel_safe)]
fn request_claims() -> JsonB {
    JsonB(Value::Object(claims().unwrap_or_default()))
}

/// The person who is asking: the claim `sub` where it is a uuid, else NULL. Stable, parallel safe;
/// never an error.
///
/// ```sql
/// SELECT community_core.request_user();
/// ```
#[pg_extern(stable, parallel_safe)]
pub fn request_user() -> Option<Uuid> {
    // Every policy and most functions ask, and within a request the claims stay the same text.
    thread_local! {
        static LAST: RefCell<(String, Option<Uuid>)> = RefCell::default();
    }
    let text = claims_text()?;
    LAST.with_borrow_mut(|last| {
        if last.0 != text {
            let person = parse(text).and_then(|claims| uuid(claims.get("sub")?.as_str()?));
            *last = (text.to_owned(), person);
        }
        last.1
    })
}

fn claims() -> Option<Map<String, Value>> {
    parse(claims_text()?)
}

/// The setting, which must be read before it can change: within the function that asks.
fn claims_text<'a>() -> Option<&'a str> {
    // SAFETY: GetConfigOption returns NULL, as asked, for a setting nobody made, or a NUL-terminated
    // string that stays valid until the setting changes, which nothing called here does.
    unsafe {
        let value = pg_sys::GetConfigOption(c"request.jwt.claims".as_ptr(), true, false);
        if value.is_null() {
            return None;
        }
        CStr::from_ptr(value).to_str().ok()
    }
}

fn parse(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(claims))
            if claims
                .iter()
                .all(|(key, value)| fits_text(key) && fits(value)) =>
        {
            Some(claims)
        }
        _ => None,
    }
}

/// jsonb knows no NUL character, and its numbers end at 131,072 digits.
fn fits(value: &Value) -> bool {
    match value {
        Value::String(text) => fits_text(text),
        Value::Number(number) => {
            let text = number.to_string();
            let exponent = text
                .split_once(['e', 'E'])
                .map_or("0", |(_, exponent)| exponent);
            text.len() < 1_000
                && exponent
                    .parse::<i32>()
                    .is_ok_and(|power| power.abs() < 1_000)
        }
        Value::Array(values) => values.iter().all(fits),
        Value::Object(values) => values
            .iter()
            .all(|(key, value)| fits_text(key) && fits(value)),
        Value::Null | Value::Bool(_) => true,
    }
}

fn fits_text(text: &str) -> bool {
    !text.contains('\0')
}

/// A uuid as RFC 9562 writes it, and no other spelling that Postgres would also take.
fn uuid(text: &str) -> Option<Uuid> {
    let hyphens = [8, 13, 18, 23];
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| {
            if hyphens.contains(&place) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        });
    if !well_formed {
        return None;
    }
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(Uuid::from_bytes(bytes))
}

extension_sql!(
    r#"
COMMENT ON FUNCTION request_claims() IS
'The claims of the request (setting request.jwt.claims) as an object; an empty one where there are none or they are malformed. Stable, parallel safe, never an error. Example: SELECT community_core.request_claims() ->> ''email''';
COMMENT ON FUNCTION request_user() IS
'The person who is asking: the claim sub where it is a uuid (RFC 9562 spelling), else NULL. Stable, parallel safe, never an error. Example: SELECT community_core.request_user()';
"#,
    name = "identity_comments",
    requires = [request_claims, request_user]
);

#[cfg(test)]
mod claims_of_a_request {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_a_person_or_nobody_and_never_a_panic(text in ".{0,200}") {
            let _ = parse(&text).and_then(|claims| uuid(claims.get("sub")?.as_str()?));
        }

        #[test]
        fn a_uuid_is_read_as_it_was_written(bytes in any::<[u8; 16]>()) {
            let written = Uuid::from_bytes(bytes).to_string();
            prop_assert_eq!(uuid(&written).map(|id| *id.as_bytes()), Some(bytes));
            prop_assert_eq!(uuid(&written.to_uppercase()).map(|id| *id.as_bytes()), Some(bytes));
            let braced = format!("{{{written}}}");
            prop_assert!(uuid(&braced).is_none());
        }
    }

    #[test]
    fn what_jsonb_cannot_hold_is_malformed() {
        assert!(parse(r#"{"sub":"x","n":1e400000}"#).is_none());
        assert!(parse(r#"{"sub":"a\u0000b"}"#).is_none());
        assert!(parse(r#"["sub"]"#).is_none());
        assert!(parse(r#"{"sub":"x","exp":1700000000}"#).is_some());
    }
}
