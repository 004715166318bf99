//! One file a use case. Each takes what it needs from a [`Workspace`], and returns what is to be
//! shown; nothing here prints, prompts or exits.

mod access;
mod definitions;
mod deploy;
mod doctor;
mod draft;
mod earlier_tasks;
mod error;
mod failed_restarts;
mod ground;
mod guests;
mod history;
mod hooks;
mod images;
mod insurance;
mod journal;
mod known_failures;
mod last_released;
mod left_out;
mod locks;
mod log;
mod obstacle;
mod out_of_reach;
mod permissions;
mod pictures;
mod register;
mod release;
mod restart;
mod rollback;
mod snippet;
mod status;
mod store;
mod surroundings;
mod terraform;
mod unfinished;
mod workspace;

pub use access::Access;
pub use deploy::{Execution, carry_out};
pub use doctor::{DoctorReport, Patient, Section, Trouble, doctor, loads};
pub use draft::{DeployRequest, Draft, draft};
pub use error::OpError;
pub use ground::{Ground, OpenDeployment, open_deployments};
pub use guests::{Asking, whereabouts};
pub use history::{HistoryRequest, Shown, history, show};
pub use hooks::{HookRequest, WaitingHook, WaitingHooks, answer_hook, waiting_hooks};
pub use journal::{Brought, KeptFile, Pushed, push_journal};
pub use last_released::LastReleased;
pub use locks::{LockOrder, Locked, UnlockOrder, UnlockReport, lock, unlock};
pub use log::{LogRequest, log};
pub use obstacle::Obstacle;
pub use out_of_reach::OutOfReach;
pub use permissions::{PolicyReport, PolicyRequest, Unknown, iam_policies};
pub use register::{Outcome, RegisterRequest, Registered, register};
pub use release::{
    ListedRelease, MadeRelease, ReleaseRequest, ShownRelease, make_release, releases, show_release,
};
pub use rollback::{Goal, RollbackRequest, Way, is_on_hold, way_back};
pub use snippet::{Snippet, SnippetOrder, snippet};
pub use status::{ServiceStatus, StatusReport, StatusRequest, status};
pub use store::{Migrated, NamedStore, check_store, migrate};
pub use terraform::{
    CheckedEnvironment, TerraformReport, TerraformRequest, check_terraform, read_terraform,
};
pub use unfinished::{TakeUp, take_up, unfinished, wait_for};
pub use workspace::{Connector, Workspace};
