//! The benchmark engine.
