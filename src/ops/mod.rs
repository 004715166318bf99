//! One file a use case. Each takes what it needs from a [`Workspace`], and returns what is to be
//! shown; nothing here prints, prompts or exits.

mod access;
mod definitions;
mod deploy;
mod error;
mod history;
mod images;
mod locks;
mod log;
mod pictures;
mod register;
mod status;
mod workspace;

pub use access::Access;
pub use deploy::{DeployRequest, Draft, Execution, carry_out, draft};
pub use error::OpError;
pub use history::{HistoryRequest, Shown, history, show};
pub use locks::{LockOrder, Locked, UnlockOrder, UnlockReport, lock, unlock};
pub use log::{LogRequest, log};
pub use register::{Outcome, RegisterRequest, Registered, register};
pub use status::{ServiceStatus, StatusReport, StatusRequest, status};
pub use workspace::{Connector, Workspace};
