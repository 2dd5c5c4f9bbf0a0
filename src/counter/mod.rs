//! The counter engine.

pub fn maintaining() -> bool {
    false
}
