//! Claims about the counter that one connection cannot show.
