//! What the spaces module has natively: time-ordered ids, who is a member, the rules of automod, the
//! signatures of webhooks, and telling a card number from other text.

mod automod;
mod card;
mod membership;
mod signature;
mod uuid_v7;

use crate::argument::Reference;
use crate::error;
use pgrx::Uuid;
use pgrx::fcinfo::pg_func_extra;
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
        error::raise(error::spaces::no_randomness());
    }
    Uuid::from_bytes(uuid_v7::next(random))
}

/// Whether the person who is asking is seen to be an active member of a space: looked up by an index,
/// without a statement, and about the rows of a query once per space, for policies that every row of a feed
/// is put to. False is no answer where the table has no index for it, or is unlogged, so a policy asks in
/// another way, too.
///
/// - `members`: a table with the columns `space_id uuid`, `profile_id uuid` and `status text`, and a
///   unique index on the first two. The caller needs no right to read it, and is told of nobody else.
/// - `space`: the id of the space.
///
/// NULL gives NULL; where nobody is asking, false. Stable, parallel safe. Errors: no such relation
/// (42P01), not a table (42809), a table without such a column (42703).
///
/// ```sql
/// SELECT community_core.is_active_member('spaces.space_members', id) FROM spaces.spaces;
/// ```
#[pg_extern(stable, parallel_safe, strict)]
fn is_active_member(members: Reference, space: Uuid, fcinfo: pg_sys::FunctionCallInfo) -> bool {
    // SAFETY: the function's own call, in which nobody else keeps anything.
    unsafe {
        if membership::asks_about_rows(fcinfo) {
            pg_func_extra(fcinfo, membership::Answers::default).get(members, space)
        } else {
            membership::is_active(members, space)
        }
    }
}

/// Where the config of an automod rule departs from what its type may say, as a path and what is
/// wrong there; NULL where it does not.
///
/// - `rule_type`: `rate_limit` (count, seconds), `first_post` (count), `banned_domain` (domains) or
///   `trust_score` (minimum); each also action (`refuse`, `hold`), message and content (a list of
///   `post`, `answer`, `comment`).
/// - `config`: the JSON text.
///
/// NULL gives NULL. Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.automod_config_fault('rate_limit', '{"count": 5}');
/// ```
#[pg_extern(immutable, parallel_safe, strict)]
fn automod_config_fault(rule_type: &str, config: &str) -> Option<String> {
    automod::rule(rule_type, config).err()
}

/// What the rules make of something written: one row, the place of the rule that decides among the
/// rules (from 1), `refuse` or `hold`, and the rule's message; no row where no rule is broken. A
/// rule that refuses decides before one that holds.
///
/// - `rule_types`, `configs`: the rules; a config that `automod_config_fault` finds fault with is
///   an error (22023).
/// - `facts`: for each rule, of a rate_limit how many the author has written within its seconds, of
///   a first_post how many of the author's are published, of a trust_score the author's points;
///   NULL counts as 0.
/// - `content_type`: `post`, `answer` or `comment`. `texts`: what is written.
///
/// NULL gives no row. Immutable, parallel safe.
///
/// ```sql
/// SELECT * FROM community_core.automod_verdict(
///     '{banned_domain}', '{"{\"domains\": [\"spam.example\"]}"}', '{NULL}', 'post', '{"see spam.example"}');
/// ```
#[pg_extern(immutable, parallel_safe, strict)]
fn automod_verdict(
    rule_types: Vec<Option<String>>,
    configs: Vec<Option<String>>,
    facts: Vec<Option<f64>>,
    content_type: &str,
    texts: Vec<Option<String>>,
) -> TableIterator<
    'static,
    (
        name!(place, i32),
        name!(action, String),
        name!(message, String),
    ),
> {
    if rule_types.len() != configs.len() || configs.len() != facts.len() {
        error::raise(error::spaces::uneven_rules(
            rule_types.len(),
            configs.len(),
            facts.len(),
        ));
    }
    let texts: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
    let mut broken: Vec<(i32, automod::Rule)> = (1..)
        .zip(rule_types.into_iter().zip(configs).zip(facts))
        .filter_map(|(place, ((rule_type, config), fact))| {
            let (rule_type, config) = (rule_type.unwrap_or_default(), config.unwrap_or_default());
            let rule = automod::rule(&rule_type, &config).unwrap_or_else(|fault| {
                error::raise(error::spaces::automod_config(&rule_type, &fault))
            });
            rule.is_broken(content_type, fact.unwrap_or_default(), &texts)
                .then_some((place, rule))
        })
        .collect();
    broken.sort_by_key(|(place, rule)| (rule.action != automod::Action::Refuse, *place));
    TableIterator::new(
        broken
            .into_iter()
            .take(1)
            .map(|(place, rule)| (place, rule.action.name().to_owned(), rule.message)),
    )
}

/// The signature of a webhook's body sent at a time: HMAC-SHA256 over the seconds since 1970 in
/// decimal digits, a full stop, and the body in UTF-8, as 64 lower-case hexadecimal digits. A
/// receiver computes it again, compares, and refuses what is too old.
///
/// - `secret`: what sender and receiver share. `timestamp`: Unix seconds. `body`: as it is sent.
///
/// NULL gives NULL. Immutable, parallel safe.
///
/// ```sql
/// SELECT community_core.webhook_signature('a secret of the two', 1767225600, '{"type": "post.created"}');
/// ```
#[pg_extern(immutable, parallel_safe, strict)]
fn webhook_signature(secret: &str, timestamp: i64, body: &str) -> String {
    signature::signature(secret.as_bytes(), timestamp, body.as_bytes())
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
COMMENT ON FUNCTION is_active_member(regclass, uuid) IS
'Whether the person who is asking is seen to be an active member of a space: looked up by an index, about the rows of a query once per space, for policies on many rows. False is no answer where the table has no index for it, or is unlogged: ask in another way, too. members: a table with the columns space_id uuid, profile_id uuid and status text, and a unique index on the first two, which the caller need not be able to read; space: the id of the space. NULL gives NULL; where nobody is asking, false. Stable, parallel safe. Errors: 42P01 no such relation, 42809 no table, 42703 a column is missing. Example: SELECT community_core.is_active_member(''spaces.space_members'', id) FROM spaces.spaces';
COMMENT ON FUNCTION uuid_v7() IS
'A new time-ordered id (RFC 9562, version 7, sub-millisecond fraction in rand_a). Ids of one session rise strictly. Volatile, parallel safe. Errors: 58000 the system has no random bytes. Example: SELECT community_core.uuid_v7()';
COMMENT ON FUNCTION automod_config_fault(text, text) IS
'Where the config of an automod rule departs from what its type may say, as a path and what is wrong there; NULL where it does not. rule_type: rate_limit, first_post, banned_domain or trust_score; config: JSON text. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.automod_config_fault(''rate_limit'', ''{"count": 5}'')';
COMMENT ON FUNCTION automod_verdict(text[], text[], float8[], text, text[]) IS
'What the rules make of something written: the place of the rule that decides (from 1), refuse or hold, and its message; no row where none is broken. A rule that refuses decides before one that holds. rule_types, configs: the rules; facts: a number for each, NULL is 0; content_type: post, answer or comment; texts: what is written. NULL gives no row. Immutable, parallel safe. Error: 22023 a config at fault, or lists of different lengths. Example: SELECT * FROM community_core.automod_verdict(''{first_post}'', ''{"{}"}'', ''{0}'', ''post'', ''{}'')';
COMMENT ON FUNCTION webhook_signature(text, bigint, text) IS
'HMAC-SHA256 over the seconds since 1970 in decimal digits, a full stop, and the body in UTF-8, as 64 lower-case hexadecimal digits. secret: what sender and receiver share; timestamp: Unix seconds; body: as it is sent. NULL gives NULL. Immutable, parallel safe. Example: SELECT community_core.webhook_signature(''a secret of the two'', 1767225600, ''{"type": "post.created"}'')';
"#,
    name = "spaces_comments",
    requires = [
        is_active_member,
        uuid_v7,
        automod_config_fault,
        automod_verdict,
        webhook_signature,
        looks_like_card_number
    ]
);
