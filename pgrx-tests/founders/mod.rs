//! Claims about the founders module, one file per topic, and the access matrix.

mod access;
mod cohorts;
mod communities;
mod connections;
mod consent;
mod directory;
mod feed;
mod messages;
mod reputation;
mod schema;

pub use super::request::{As, be, outcome, person, run, run_as, text, text_as};

/// Says yes or no to a category, as the person.
pub fn consent(person: &str, category: &str, enabled: bool) {
    run_as(
        As::Person(person),
        &format!(
            "INSERT INTO founders.consent_preferences (user_id, category, enabled)
             VALUES ('{person}', '{category}', {enabled})
             ON CONFLICT (user_id, category) DO UPDATE SET enabled = excluded.enabled"
        ),
    );
}

/// Enforces these consent categories for the rest of the transaction.
pub fn gates(categories: &str) {
    run(&format!(
        "SET LOCAL community_core.consent_gates = '{categories}'"
    ));
}
