//! Errors of the pair engine.
