//! The counter engine.
