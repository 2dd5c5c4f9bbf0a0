//! Tests that need several connections, a dump, a restore or a restart.

mod access;
mod audit;
mod benchmark;
pub mod cluster;
mod counter;
mod documents;
mod forum;
mod founders;
mod linkup;
mod module;
mod pair;
mod retention;
mod spaces_content;
mod spaces_events;
mod spaces_moderation;
mod spaces_money;
mod spaces_money_amounts;
mod stackexchange;
mod tenancy;
