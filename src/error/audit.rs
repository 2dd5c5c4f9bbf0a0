//! Errors of the audit engine.
