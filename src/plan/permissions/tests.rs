//! The list, the policies and the trust.
