//! Errors of the module engine.
