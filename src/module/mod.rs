//! The module engine.
