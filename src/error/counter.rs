//! Errors of the counter engine.
