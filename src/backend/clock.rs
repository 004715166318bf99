//! The machine's clock, the one place that reads it.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the replacement that the ban names")]
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
