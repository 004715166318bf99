//! One deployment of CodeDeploy: what was asked for, how far it is, and how it ended.
//!
//! Invariant: one that is over never changes again, but for the rollback that it is told of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::sandbox::ecs::estate::Service;

/// `DeploymentStatus` of the CodeDeploy API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum Status {
    /// Asked for.
    Created,
    /// Under way.
    InProgress,
    /// Waiting for somebody before traffic is shifted.
    Ready,
    /// All traffic is shifted, and the original task set is kept for a while.
    Baking,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
    /// Ended by somebody.
    Stopped,
}

impl Status {
    /// Whether it is the last.
    pub(in crate::sandbox) fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum Stage {
    /// Nothing yet.
    Begin,
    /// The replacement's tasks come up.
    Install,
    /// Somebody is waited for.
    Ready,
    /// Traffic is shifted.
    Shift,
    /// The original task set is kept.
    Terminate,
    /// A rollback: traffic is back, and the replacement goes.
    GoBack,
    /// Nothing more.
    Over,
}

/// Who asked for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum Creator {
    /// Somebody.
    User,
    /// CodeDeploy, to roll another one back.
    CodeDeployRollback,
}

/// What somebody may be waited for: `DeploymentWaitType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox) enum Wait {
    /// `READY_WAIT`.
    Ready,
    /// `TERMINATION_WAIT`.
    Termination,
}

/// `errorInformation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Failure {
    /// `ErrorCode`, as the API writes it.
    pub(in crate::sandbox) code: String,
    /// In words.
    pub(in crate::sandbox) message: String,
}

/// `LifecycleEventStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum LifecycleStatus {
    /// Not yet.
    Pending,
    /// Now.
    InProgress,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
    /// Not needed, or not come to.
    Skipped,
}

/// One lifecycle event of an ECS deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Lifecycle {
    /// Its name.
    pub(in crate::sandbox) name: String,
    /// How far it is.
    pub(in crate::sandbox) status: LifecycleStatus,
    /// When it began.
    pub(in crate::sandbox) start: Option<Timestamp>,
    /// When it ended.
    pub(in crate::sandbox) end: Option<Timestamp>,
}

/// The events of a deployment in their order (CodeDeploy user guide, "List of lifecycle event hooks
/// for an Amazon ECS deployment"). Those but two run functions, of which there are none here.
const EVENTS: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Deployment {
    /// `d-` and nine letters and digits.
    pub(in crate::sandbox) id: String,
    /// The application.
    pub(in crate::sandbox) application: String,
    /// The deployment group.
    pub(in crate::sandbox) group: String,
    /// What whoever asked for it says of it.
    pub(in crate::sandbox) description: Option<String>,
    /// Who that was.
    pub(in crate::sandbox) creator: Creator,
    /// The AppSpec.
    pub(in crate::sandbox) content: String,
    /// What it goes by.
    pub(in crate::sandbox) settings: Settings,
    /// When it was asked for.
    pub(in crate::sandbox) created_at: Timestamp,
    /// When it began.
    pub(in crate::sandbox) started_at: Option<Timestamp>,
    /// When it ended, however.
    pub(in crate::sandbox) completed_at: Option<Timestamp>,
    /// How far it is.
    pub(in crate::sandbox) status: Status,
    /// What is being done.
    pub(in crate::sandbox) stage: Stage,
    /// When the next thing happens that no task is waited for.
    pub(in crate::sandbox) due: Option<Timestamp>,
    /// The percentage of traffic that the replacement has.
    pub(in crate::sandbox) weight: u32,
    /// The lifecycle events.
    pub(in crate::sandbox) lifecycle: Vec<Lifecycle>,
    /// Why it ended without success.
    pub(in crate::sandbox) failure: Option<Failure>,
    /// The deployment that rolls this one back.
    pub(in crate::sandbox) rolled_back_by: Option<String>,
    /// The deployment that this one rolls back.
    pub(in crate::sandbox) rolls_back: Option<String>,
}

impl Deployment {
    /// The lifecycle events of a deployment that has not begun.
    pub(super) fn pending() -> Vec<Lifecycle> {
        let event = |name: &&str| Lifecycle {
            name: (*name).to_owned(),
            status: LifecycleStatus::Pending,
            start: None,
            end: None,
        };
        EVENTS.iter().map(event).collect()
    }

    /// A lifecycle event begins; those before it that nothing is done in are skipped.
    pub(super) fn enter(&mut self, name: &str, moment: Timestamp) {
        for event in &mut self.lifecycle {
            if event.name == name {
                event.status = LifecycleStatus::InProgress;
                event.start = Some(moment);
                return;
            }
            if event.status == LifecycleStatus::Pending {
                event.status = LifecycleStatus::Skipped;
            }
        }
    }

    /// A lifecycle event is done.
    pub(super) fn leave(&mut self, name: &str, moment: Timestamp) {
        if let Some(event) = self.lifecycle.iter_mut().find(|event| event.name == name) {
            event.status = LifecycleStatus::Succeeded;
            event.end = Some(moment);
        }
    }

    /// It is over.
    pub(super) fn end(&mut self, status: Status, failure: Option<Failure>, moment: Timestamp) {
        for event in &mut self.lifecycle {
            match event.status {
                LifecycleStatus::Pending => event.status = LifecycleStatus::Skipped,
                LifecycleStatus::InProgress => {
                    event.status = LifecycleStatus::Failed;
                    event.end = Some(moment);
                }
                _ => {}
            }
        }
        self.status = status;
        self.failure = failure;
        self.stage = Stage::Over;
        self.due = None;
        self.completed_at = Some(moment);
    }
}

/// The percentage of traffic that the PRIMARY task set of a service has, and that of the other.
pub(in crate::sandbox) fn weights(service: &Service) -> (u32, u32) {
    let sets = service.moves();
    let Some(newest) = sets.deployments.first() else { return (100, 0) };
    let of_newest = [Some(&newest.id), newest.rolls_back.as_ref()];
    let is_shifted = sets.external_id.is_some() && of_newest.contains(&sets.external_id.as_ref());
    if is_shifted || sets.other.is_none() {
        return (100, 0);
    }
    (100 - newest.weight.min(100), newest.weight.min(100))
}
