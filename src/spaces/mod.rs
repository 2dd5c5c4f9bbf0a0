//! What the spaces module has natively: time-ordered ids, and telling a card number from other text.

mod card;
mod uuid_v7;

use pgrx::Uuid;
use pgrx::prelude::*;

/// A new time-ordered id: version 7 of RFC 9562, with the fraction of the millisecond in `rand_a`
/// (section 6.2, method 3). Ids made by one session rise strictly, also where the clock steps back.
/// Volatile, parallel safe.
///
/// ```sql
/// SELECT community_core.uuid_v7();
/// ```
#[pg_extern(volatile, parallel_safe)]
fn uuid_v7() -> Uuid {
    let mut random = [0; 8];
    // SAFETY: pg_strong_random writes exactly the eight bytes that `random` has.
    if !unsafe { pg_sys::pg_strong_random(random.as_mut_ptr().cast(), random.len()) } {
        crate::error::raise(crate::error::spaces::no_randomness());
    }
    Uuid::from_bytes(uuid_v7::next(random))
}

/// Whether a text holds what looks like a payment card's number: 13 to 19 digits that pass the Luhn
/// check, written together or in groups with spaces and hyphens between. A UUID is none.
/// NULL gives NULL. Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.looks_like_card_number('paid with 4111 1111 1111 1111');
/// ```
#[pg_extern(immutable, parallel_safe, strict)]
fn looks_like_card_number(text: &str) -> bool {
    card::is_in(text)
}

extension_sql!(
    r#"
COMMENT ON FUNCTION looks_like_card_number(text) IS
'Whether a text holds what looks like a payment card''s number: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1), written together or in groups with spaces and hyphens between; a UUID is none. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.looks_like_card_number(''paid with 4111 1111 1111 1111'')';
COMMENT ON FUNCTION uuid_v7() IS
'A new time-ordered id (RFC 9562, version 7, sub-millisecond fraction in rand_a). Ids of one session rise strictly. Volatile, parallel safe. Errors: 58000 the system has no random bytes. Example: SELECT community_core.uuid_v7()';
"#,
    name = "spaces_comments",
    requires = [uuid_v7, looks_like_card_number]
);
