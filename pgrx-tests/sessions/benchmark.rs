//! Claims about the benchmark that one connection cannot show.
