//! The head of a service: the last attempt beside the last verified state.
//!
//! The two are separate members, so that recording an attempt leaves the verified state exactly as
//! it is, with what a newer program may have put there; and the attempt is always replaced whole,
//! so that nothing of an older attempt is left in it. Which deployment asked for a one-off task last
//! outlives later attempts without one in the same way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Record, header, value};
use crate::{
    backend::store::StoreError,
    model::{
        DeploymentNumber, EcsDeploymentId, ImageId, ReleaseNumber, ReleasedImage, ServiceHead,
        ServiceId, StepStatus, TaskDefinitionArn, Verdict, VerifiedHead,
    },
};

/// A service's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct HeadRecord {
    /// The service.
    service: ServiceId,
    /// The deployment of the attempt, at the top so that writes can be conditional on it.
    pub(in super::super) deployment: DeploymentNumber,
    /// The last attempt.
    attempt: Attempt,
    /// The last verified state.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    verified: Option<VerifiedHead>,
    /// The deployment that asked for, or left out, a one-off task last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    before_task: Option<DeploymentNumber>,
}

/// The last attempt to move a service; the members of [`ServiceHead`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    /// What was wanted.
    release: ReleaseNumber,
    /// How far it came.
    status: StepStatus,
    /// What the service was set to before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    before: Option<TaskDefinitionArn>,
    /// What it was moved to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    task_definition: Option<TaskDefinitionArn>,
    /// The ECS deployment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ecs_deployment: Option<EcsDeploymentId>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    verdict: Option<Verdict>,
    /// The images wanted.
    images: BTreeMap<ImageId, ReleasedImage>,
    /// When it was recorded.
    at: Timestamp,
}

impl Record for HeadRecord {
    const TYPE: &'static str = "service_head";
    const SCHEMA: u64 = 2;
}

impl HeadRecord {
    /// The attributes that an attempt changes. The verified state and the one-off task are among
    /// them only where they are this attempt's own.
    pub(in super::super) fn changes(self) -> Result<Map<String, Value>, StoreError> {
        let mut set = header::<Self>();
        set.insert("service".to_owned(), value(&self.service)?);
        set.insert("deployment".to_owned(), value(&self.deployment)?);
        set.insert("attempt".to_owned(), value(&self.attempt)?);
        if let Some(verified) = self.verified.filter(|v| v.deployment == self.deployment) {
            set.insert("verified".to_owned(), value(&verified)?);
        }
        if self.before_task == Some(self.deployment) {
            set.insert("before_task".to_owned(), value(&self.before_task)?);
        }
        Ok(set)
    }
}

impl From<ServiceHead> for HeadRecord {
    fn from(head: ServiceHead) -> Self {
        Self {
            service: head.service,
            deployment: head.deployment,
            attempt: Attempt {
                release: head.release,
                status: head.status,
                before: head.before,
                task_definition: head.task_definition,
                ecs_deployment: head.ecs_deployment,
                verdict: head.verdict,
                images: head.images,
                at: head.at,
            },
            verified: head.verified,
            before_task: head.before_task,
        }
    }
}

impl From<HeadRecord> for ServiceHead {
    fn from(record: HeadRecord) -> Self {
        let attempt = record.attempt;
        Self {
            service: record.service,
            deployment: record.deployment,
            release: attempt.release,
            status: attempt.status,
            before: attempt.before,
            task_definition: attempt.task_definition,
            ecs_deployment: attempt.ecs_deployment,
            verdict: attempt.verdict,
            images: attempt.images,
            at: attempt.at,
            verified: record.verified,
            before_task: record.before_task,
        }
    }
}
