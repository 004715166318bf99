//! What requests need, and what becomes of those that are not allowed.
