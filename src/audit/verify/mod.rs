//! The verifier: every fault of a log, one by one, or nothing.

mod entries;
mod links;
mod progress;
mod rules;
mod run;
mod scan;
mod seals;

use super::log::{Log, beside};
pub use progress::Progress;
use rules::{authority, protection, tail};
use run::Run;

#[derive(Default, Clone)]
pub struct Fault {
    pub log: String,
    pub chain: Option<String>,
    pub sequence: Option<i64>,
    pub entry: Option<String>,
    pub fault: &'static str,
    pub detail: String,
    pub expected: Option<Vec<u8>>,
    pub actual: Option<Vec<u8>>,
}

/// Every fault of the log, or of one chain of it.
pub fn verify(log: &Log, chain: Option<&str>) -> Vec<Fault> {
    let mut faults = protection(log);
    if let Some(detail) = log.altered() {
        faults.push(Fault {
            fault: "protection",
            detail,
            ..Fault::default()
        });
    } else if ["seal", "head"]
        .iter()
        .all(|suffix| beside(&log.relation, suffix).is_some())
    {
        log.as_owner(|| {
            // Where the tables are stored in quite another order than they were written in, the
            // seals are read again through their index.
            let run = || Run::new(log, chain);
            let found = run()
                .read(false)
                .or_else(|| run().read(true))
                .unwrap_or_default();
            faults.extend(found);
            faults.extend(authority(log, chain));
            faults.extend(tail(log, chain));
        });
    }
    for fault in &mut faults {
        fault.log = log.definition.name();
    }
    faults
}
