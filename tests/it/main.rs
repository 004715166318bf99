//! The integration tests: one binary, since each further one links everything again.
