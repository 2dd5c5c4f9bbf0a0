//! Claims about the audit that one connection cannot show.
