//! The audit engine.
