//! Claims about the founders that one connection cannot show.
