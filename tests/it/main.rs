//! The integration tests: one binary, since each further one links everything again.
//!
//! Apart from `architecture` and `docs`, which read the sources and the documentation, all of them run the program against the
//! sandbox, and then look at what it printed, what AWS holds and what is recorded.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and its name says what it is about"
)]

mod architecture;
mod docs;
mod failing;
mod faults;
mod images;
mod interrupted;
mod locking;
mod mistakes;
mod newcomer;
mod peers;
mod projects;
mod promoting;
mod registering;
mod side_by_side;
mod somebody_else;
mod support;
mod task_definitions;
