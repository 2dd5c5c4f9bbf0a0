//! The pair engine.
