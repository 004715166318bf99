//! The integration tests: one binary, since each further one links everything again.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test that cannot go on fails, and its name says what it is about"
)]

mod architecture;
mod peers;
