//! The integration tests: one binary, since each further one links everything again.
//!
//! Apart from `architecture` and `docs`, which read the sources and the documentation, all of them run the program against the
//! sandbox, and then look at what it printed, what AWS holds and what is recorded.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and its name says what it is about; one that goes over many cases says how many"
)]

mod accounts;
mod architecture;
mod broken;
mod code_deploy;
mod crashing;
mod desk;
mod docs;
mod doctor;
#[expect(dead_code, reason = "the tests of the contract use the rest of it")]
#[path = "../peers/dynamodb.rs"]
mod dynamodb;
mod earlier_tasks;
mod endings;
mod estate;
mod evidence;
mod failed_before;
mod failing;
mod fault_matrix;
mod faults;
mod hundred;
mod images;
mod indexer;
mod interrupted;
mod kill_matrix;
mod locking;
mod mistakes;
mod newcomer;
mod offered;
mod outages;
mod partitions;
mod peers;
mod permissions;
mod policies;
mod preflight;
mod projects;
mod promoting;
mod racing;
mod record;
mod recovering;
mod refusals;
mod registering;
mod registries;
mod releases;
mod restarting;
mod rolling_back;
mod settling;
mod side_by_side;
mod signing_in;
mod simulated;
mod somebody_else;
mod staged;
mod stopping;
mod stores;
mod support;
mod task_definitions;
mod tasks;
mod terraform;
mod verdicts;
