//! Claims about the module that one connection cannot show.
