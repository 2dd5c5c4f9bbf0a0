//! What `create_mutual_choice` left on tables before. Triggers go where their table goes, by whatever
//! name; their arguments say which state is theirs.

use super::canonical::{find, run};
use super::choice::Definition;
use crate::catalog::{self, quote_ident};
use pgrx::prelude::*;

pub struct Attachment {
    choices: pg_sys::Oid,
    trigger: String,
    /// The table that the trigger's arguments name, where it is still there.
    state: Option<pg_sys::Oid>,
}

/// Of every table.
pub fn all() -> Vec<Attachment> {
    let triggers = catalog::rows(
        "SELECT tgrelid, tgname::pg_catalog.text, tgargs FROM pg_catalog.pg_trigger
         WHERE tgfoid = pg_catalog.to_regprocedure('community_core.keep_mutual_choice()')
         ORDER BY oid",
        &[],
        |row| Ok((row.get(1)?, row.get(2)?, row.get::<Vec<u8>>(3)?)),
    );
    let attachment = |(choices, trigger, arguments): (Option<_>, Option<_>, Option<Vec<u8>>)| {
        let arguments = catalog::trigger_arguments(&arguments.unwrap_or_default());
        Attachment {
            choices: choices.unwrap_or(pg_sys::InvalidOid),
            trigger: trigger.unwrap_or_default(),
            state: Definition::from_arguments(arguments).and_then(|former| find(&former.state)),
        }
    };
    triggers.into_iter().map(attachment).collect()
}

/// The table that has its state in `state`, other than `choices`.
pub fn other_user(
    all: &[Attachment],
    choices: pg_sys::Oid,
    state: pg_sys::Oid,
) -> Option<pg_sys::Oid> {
    all.iter()
        .find(|one| one.choices != choices && one.state == Some(state))
        .map(|one| one.choices)
}

pub fn is_state_of(all: &[Attachment], choices: pg_sys::Oid, state: pg_sys::Oid) -> bool {
    all.iter()
        .any(|one| one.choices == choices && one.state == Some(state))
}

/// Takes away what was made under other names: triggers, and a state that nobody else uses.
pub fn remove_former(
    all: &[Attachment],
    choices: pg_sys::Oid,
    table: &str,
    triggers: &[String],
    state: Option<pg_sys::Oid>,
) {
    let mine = || all.iter().filter(|one| one.choices == choices);
    for former in mine().filter(|one| !triggers.contains(&one.trigger)) {
        let trigger = quote_ident(&former.trigger);
        run(&format!("DROP TRIGGER {trigger} ON {table}"));
    }
    let mut states: Vec<_> = mine()
        .filter_map(|one| one.state)
        .filter(|one| Some(*one) != state && other_user(all, choices, *one).is_none())
        .collect();
    states.sort_unstable_by_key(|state| state.to_u32());
    states.dedup();
    for former in states {
        let lock = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
        let name = catalog::qualified_name(&catalog::open_table(former, lock));
        run(&format!("DROP TABLE {name}"));
    }
}
