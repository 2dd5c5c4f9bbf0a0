//! Errors of the benchmark engine.
