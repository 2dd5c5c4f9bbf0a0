//! The pair engine. Promise: (a,b) and (b,a) are one row, and a contact exists exactly when both
//! said yes, whatever the race.

mod attachment;
mod canonical;
mod choice;
mod create;
mod order;
mod plan;
mod ready;
mod said;
mod sql_type;
mod value;

use crate::argument::Regclass;
use crate::error;
use pgrx::AllocatedByPostgres;
use pgrx::prelude::*;

/// Keeps the pairs of a table in canonical order: a BEFORE trigger turns (b,a) into (a,b) on insert
/// and update, and CHECK (a < b) says so. Rows that are there already are turned; both columns
/// become NOT NULL. Calling it again repairs.
///
/// - `table`: an ordinary or partitioned table of the caller's.
/// - `a`, `b`: two columns of one type that has an order, which is the order of the pair.
///
/// Volatile. Errors: 22004 NULL, 23505 a pair stands in both orders where it must be unique, 23514
/// a row pairs somebody with themself, 42501 not the owner, 42703 no such column, 42804 two types,
/// 42883 no order.
///
/// ```sql
/// SELECT community_core.create_canonical_pair('contact_exchanges', 'user_a_id', 'user_b_id');
/// ```
#[pg_extern]
fn create_canonical_pair(table: Option<Regclass>, a: Option<&str>, b: Option<&str>) {
    canonical::create_canonical(oid(table, "table"), given(a, "a"), given(b, "b"));
}

/// Keeps the pairs of a table unique whichever way round they are written, where the direction
/// matters (who asked whom): CHECK (a <> b) and a unique index on (LEAST(a, b), GREATEST(a, b)).
/// Nothing but plain Postgres, so that it outlives the extension. Calling it again repairs.
///
/// - `table`: an ordinary table of the caller's.
/// - `a`, `b`: two columns of one type that has an order.
///
/// Volatile. Errors as for `create_canonical_pair`.
///
/// ```sql
/// SELECT community_core.create_unordered_pair('founder_connections', 'requester_id', 'recipient_id');
/// ```
#[pg_extern]
fn create_unordered_pair(table: Option<Regclass>, a: Option<&str>, b: Option<&str>) {
    canonical::create_unordered(oid(table, "table"), given(a, "a"), given(b, "b"));
}

/// Makes a match when, and only when, two people chose each other: one-sided choices go in, and the
/// row of the pair appears in `matches` with the second yes, in the same transaction, whatever the
/// race. A changed mind counts until then; a match is never undone. Who chose whom is seen by
/// nobody: what the engine remembers stands in `<choices>_mutual`, which app roles cannot read; and as
/// long as a match cannot be written, the first yes fails as the second does. Choices that are there
/// already count. Calling it again repairs, also after tables or columns were renamed.
///
/// - `choices`: an ordinary table, no partition or child and without any, with a unique constraint on
///   (scope, chooser, target).
/// - `scope`: columns of both tables within which a match is made; may be empty.
/// - `chooser`, `target`: who chooses whom. `choice`: boolean; true is yes.
/// - `matches`: a table of the same owner's with `create_canonical_pair` and a unique constraint on
///   (scope, pair).
///
/// Volatile. Errors: 22004 NULL, 42501 not the owner, 42703 no such column, 42804 types that do not
/// fit, 42P07 a table that is none of the engine's stands in the place of the state, 42P16 a column
/// may be NULL, 55000 a constraint or the canonical pair is missing, the choices have partitions or
/// children, or the state is another table's. A choice
/// then fails with 23514 where somebody chooses themself, and under REPEATABLE READ and
/// SERIALIZABLE with 40001 where the other chose at the same time.
///
/// ```sql
/// SELECT community_core.create_mutual_choice('contact_exchange_choices', '{linkup_id}',
///     'chooser_user_id', 'target_user_id', 'choice', 'contact_exchanges');
/// ```
#[pg_extern]
fn create_mutual_choice(
    choices: Option<Regclass>,
    scope: Option<Vec<Option<String>>>,
    chooser: Option<&str>,
    target: Option<&str>,
    choice: Option<&str>,
    matches: Option<Regclass>,
) {
    let scope = given(scope, "scope")
        .into_iter()
        .map(|column| given(column, "scope"));
    create::create(&create::Wanted {
        choices: oid(choices, "choices"),
        scope: scope.collect(),
        chooser: given(chooser, "chooser"),
        target: given(target, "target"),
        choice: given(choice, "choice"),
        matches: oid(matches, "matches"),
    });
}

fn given<T>(argument: Option<T>, name: &str) -> T {
    argument.unwrap_or_else(|| error::raise(error::null_argument(name)))
}

/// A table that is open cannot be altered, so only its number goes further.
fn oid(table: Option<Regclass>, name: &str) -> pg_sys::Oid {
    given(table, name).oid()
}

/// Row trigger of `create_canonical_pair`.
#[pg_trigger]
fn canonicalize_pair<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgHeapTupleError> {
    Ok(canonical::canonicalize(trigger))
}

/// Statement trigger of `create_mutual_choice`.
#[pg_trigger]
fn keep_mutual_choice<'a>(
    trigger: &'a PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, AllocatedByPostgres>>, PgHeapTupleError> {
    choice::keep(trigger);
    Ok(None)
}

extension_sql!(
    r#"
COMMENT ON FUNCTION create_canonical_pair(regclass, text, text) IS
'Keeps the pairs of a table in canonical order: a trigger turns (b,a) into (a,b), CHECK (a < b) says so, rows that are there are turned. table: of the caller''s; a, b: two columns of one type that has an order. Again: repairs. Volatile. Errors: 22004, 23505, 23514, 42501, 42703, 42804, 42883. Example: SELECT community_core.create_canonical_pair(''contact_exchanges'', ''user_a_id'', ''user_b_id'')';
COMMENT ON FUNCTION create_unordered_pair(regclass, text, text) IS
'Keeps the pairs of a table unique whichever way round they are written: CHECK (a <> b) and a unique index on (LEAST(a, b), GREATEST(a, b)). table: of the caller''s; a, b: two columns of one type that has an order. Again: repairs. Volatile. Errors: 22004, 23505, 23514, 42501, 42703, 42804, 42883. Example: SELECT community_core.create_unordered_pair(''founder_connections'', ''requester_id'', ''recipient_id'')';
COMMENT ON FUNCTION create_mutual_choice(regclass, text[], text, text, text, regclass) IS
'Makes a row in matches when, and only when, two people said yes to each other in the same scope. choices: one table without partitions or children, unique on (scope, chooser, target); scope: columns of both tables; choice: boolean; matches: with create_canonical_pair, unique on (scope, pair). Again: repairs, also after tables or columns were renamed. Volatile. Errors: 22004, 42501, 42703, 42804, 42P07, 42P16, 55000. Example: SELECT community_core.create_mutual_choice(''contact_exchange_choices'', ''{linkup_id}'', ''chooser_user_id'', ''target_user_id'', ''choice'', ''contact_exchanges'')';
COMMENT ON FUNCTION canonicalize_pair() IS
'Row trigger BEFORE INSERT OR UPDATE of create_canonical_pair: its two arguments name the columns. Errors: 23502 half a pair, 23514 a pair of one.';
COMMENT ON FUNCTION keep_mutual_choice() IS
'Statement trigger of create_mutual_choice. Error: 40001 under REPEATABLE READ and SERIALIZABLE when the other chose at the same time.';
"#,
    name = "pair_comments",
    requires = [
        create_canonical_pair,
        create_unordered_pair,
        create_mutual_choice,
        canonicalize_pair,
        keep_mutual_choice
    ]
);
