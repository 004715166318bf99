//! One file a use case. Each takes what it needs from a [`Workspace`], and returns what is to be
//! shown; nothing here prints, prompts or exits.

mod access;
mod definitions;
mod deploy;
mod error;
mod history;
mod images;
mod pictures;
mod register;
mod status;
mod store;
mod workspace;

pub use access::Access;
pub use deploy::{DeployRequest, Draft, Execution, carry_out, draft};
pub use error::OpError;
pub use history::{HistoryRequest, Shown, history, show};
pub use register::{Outcome, RegisterRequest, Registered, register};
pub use status::{ServiceStatus, StatusReport, StatusRequest, status};
pub use store::{Migrated, NamedStore, check_store, migrate};
pub use workspace::{Connector, Workspace};
