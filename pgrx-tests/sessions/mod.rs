//! Tests that need several connections, a dump, a restore or a restart.

mod attacker;
mod audit;
mod benchmark;
pub mod cluster;
mod counter;
mod dependencies;
mod documents;
mod forum;
mod founders;
mod linkup;
mod linkup_snapshots;
mod module;
mod operations;
mod pair;
mod retention;
mod spaces_content;
mod spaces_events;
mod spaces_moderation;
mod spaces_money;
mod spaces_money_amounts;
mod spaces_payouts;
mod spaces_story;
mod stackexchange;
mod status;
mod tenancy;
