//! AWS in the binary: an ECS that behaves, with the SSM, ECR, STS, CloudWatch, logs, load balancers
//! and CodeDeploy that go with it.
//!
//! One function answers every request, [`Sandbox::handle`]; it is reached in process as the SDK's
//! HTTP client ([`Sandbox::http_client`]), and over HTTP for any other AWS client
//! ([`Sandbox::serve`]). Nothing runs in the background: a rollout is a function of what was asked
//! and of the (virtual) clock, worked out when somebody looks. What a user does to the sandbox
//! itself, such as putting its clock forward or having requests fail, is in [`admin`].
//!
//! Signatures are not verified, and whoever reaches the server may do everything: nothing in it is
//! worth guarding. Only sessions of roles that its IAM has may do no more than the policies of the role
//! say, so that policies can be tried.
//!
//! This module uses nothing else of `release-tool`, and is the only place besides `backend` that
//! names AWS crates.

pub mod admin;
mod answer;
mod authorize;
mod autoscaling;
mod call;
mod cbor;
mod client;
mod clock;
mod cloudwatch;
mod codedeploy;
mod crash;
mod credential;
mod ecr;
mod ecs;
mod elb;
mod error;
pub mod estate;
mod faults;
mod form;
mod handle;
mod iam;
mod log;
mod logs;
mod outage;
mod page;
mod quotas;
mod refusal;
mod region;
mod resource;
mod seed;
mod serve;
mod service;
mod ssm;
mod state;
mod sts;
mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wire;
mod xml;

use std::{path::Path, sync::Arc};

pub use call::Scope;
pub use clock::{Speed, SpeedError};
pub use cloudwatch::{AlarmState, AlarmStateError};
pub use crash::{CrashMode, CrashPoint, CrashReading, Turn};
pub use credential::{DEFAULT_ACCOUNT, DEFAULT_REGION, credentials};
pub use ecs::{
    fate::{Fate, FateError},
    function::{Answer as FunctionAnswer, AnswerError as FunctionAnswerError},
    rollout::placement::{Capacity, CapacityError},
};
pub use error::{Refusal, SandboxError};
pub use estate::Estate;
pub use faults::{FaultKind, FaultKindError, FaultRule, Latency, NewFault, Pattern, PatternError};
pub use handle::{Outcome, Reply};
pub use log::{RequestEntry, RequestRecord};
pub use outage::OutageReading;
pub use seed::{SeedReport, Thing};
pub use service::{Service, ServiceError};

/// The file in the sandbox's folder that holds its state.
const FILE: &str = "state.sqlite";

/// An AWS of its own, with its state in one folder. Clones are the same sandbox, and so are
/// sandboxes of several processes on one folder.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// What it remembers.
    state: Arc<state::State>,
    /// The machine's clock.
    machine: clock::Machine,
    /// Whose turn it is to do something that a crash may strike at.
    turns: crash::Turns,
    /// Whether what its clients do is counted for crashes.
    is_watched: bool,
}

impl Sandbox {
    /// Opens the sandbox whose state is in a folder; creates what is missing.
    ///
    /// # Errors
    ///
    /// The folder cannot be made, or its state file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, SandboxError> {
        Self::with_clock(folder, clock::Machine::real())
    }

    /// The same on another machine's clock.
    fn with_clock(folder: &Path, machine: clock::Machine) -> Result<Self, SandboxError> {
        Ok(Self {
            state: Arc::new(state::State::open(&folder.join(FILE))?),
            machine,
            turns: crash::Turns::default(),
            is_watched: true,
        })
    }
}
