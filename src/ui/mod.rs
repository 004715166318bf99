//! What is seen: human and JSON output, progress, prompts, and failures with hints.
//!
//! Writers are passed in. Results go to the output, everything else to the error stream; text
//! that came from outside is escaped before it reaches a terminal.

mod console;
mod deployment;
mod doctor;
mod escape;
mod evidence;
mod failure;
mod headline;
mod history;
mod json;
mod live;
mod locks;
mod log;
mod next;
mod one_off;
mod plain;
mod plan;
mod prompt;
mod release;
mod stages;
mod status;
mod table;
mod terraform;
mod words;

pub use console::{Console, Format};
pub use deployment::{Summary, how_far, left_behind, summary, undo};
pub use doctor::{DoctorSection, doctor};
pub use escape::escape;
pub use failure::Failure;
pub use history::{history, show};
pub use json::{JsonLines, document};
pub use live::Live;
pub use locks::held;
pub use log::log;
pub use plain::PlainLines;
pub use plan::{nothing_to_do, plan};
pub use prompt::{Answer, confirm};
pub use release::{made_release, releases, show_release};
pub use stages::{WaitingRow, answered, waiting, waits};
pub use status::{ServiceRow, StatusView, status};
pub use table::Table;
pub use terraform::{TerraformRows, terraform};
pub use words::date_time;
