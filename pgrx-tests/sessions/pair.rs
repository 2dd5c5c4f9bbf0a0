//! Claims about the pair engine that one connection cannot show.
