//! Restarts that did not succeed. They change nothing of what is deployed, so no head tells of them.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    deployment::{Deployment, Step, StepStatus},
    release::DeploymentNumber,
    verdict::Verdict,
};

/// A restart of a service that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRestart {
    /// The deployment that restarted it.
    pub deployment: DeploymentNumber,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How it ended.
    pub verdict: Verdict,
}

/// What came of restarting a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restarting {
    /// The deployment did not restart it, or not yet.
    NotBegun,
    /// It goes on, or was done, in the end.
    Fine,
    /// It did not succeed.
    Failed(FailedRestart),
}

impl Restarting {
    /// What came of it in a step of a deployment.
    #[must_use]
    pub fn of(deployment: &Deployment, step: &Step) -> Self {
        let was_asked_for = step.ecs_deployment.is_some() || step.started_at.is_some();
        if !step.restart || !was_asked_for {
            return Self::NotBegun;
        }
        // Restarted again on the way back, it has started again.
        let back = step.compensation.as_ref().filter(|back| back.ecs_deployment.is_some());
        let (verdict, at) = match back {
            Some(_) if step.status == StepStatus::Compensated => return Self::Fine,
            Some(back) => (back.verdict.as_ref(), back.finished_at),
            None => (step.verdict.as_ref(), step.finished_at),
        };
        match verdict {
            Some(Verdict::NotStarted { .. }) => Self::NotBegun,
            None | Some(Verdict::Verified) => Self::Fine,
            Some(verdict) => {
                let (deployment, verdict) = (deployment.number, verdict.clone());
                Self::Failed(FailedRestart { deployment, at, verdict })
            }
        }
    }
}
