//! The record of a deployment while it is carried out.
//!
//! A step is written before its first effect (INTENT, with what was there before) and after each
//! effect, so that whoever comes later knows what may have been done.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use super::error::EngineError;
use crate::{
    backend::store::{
        Ledger, StoreError,
        ledger::{DeploymentKey, Ending, Lease},
    },
    model::{
        Deployment, DeploymentStatus, ImageId, ReleasedImage, ServiceHead, Step, StepStatus,
        Verdict, VerifiedHead,
    },
};

/// The deployment being carried out, in memory and in the store.
pub(super) struct Journal<'a> {
    /// The store's records.
    ledger: &'a Ledger,
    /// The lease that all is written under.
    lease: Lease,
    /// The clock.
    now: fn() -> Timestamp,
    /// The deployment as last written.
    deployment: Mutex<Deployment>,
    /// The images of the release.
    images: &'a BTreeMap<ImageId, ReleasedImage>,
}

impl<'a> Journal<'a> {
    /// Takes over a deployment that was just recorded.
    pub(super) fn new(
        (ledger, lease): (&'a Ledger, Lease),
        now: fn() -> Timestamp,
        deployment: Deployment,
        images: &'a BTreeMap<ImageId, ReleasedImage>,
    ) -> Self {
        Self { ledger, lease, now, deployment: Mutex::new(deployment), images }
    }

    /// The steps as last written.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.read(|deployment| deployment.steps.clone())
    }

    /// One step as last written.
    pub(super) fn step(&self, position: usize) -> Option<Step> {
        self.read(|deployment| deployment.steps.get(position).cloned())
    }

    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Reads the deployment.
    fn read<T>(&self, look: impl FnOnce(&Deployment) -> T) -> T {
        look(&self.deployment.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes one step, in the store first.
    pub(super) async fn change(
        &self,
        position: usize,
        change: impl FnOnce(&mut Step),
    ) -> Result<(), EngineError> {
        let Some(before) = self.step(position) else { return Ok(()) };
        let mut after = before.clone();
        change(&mut after);
        let key = self.read(DeploymentKey::of);
        self.ledger
            .record_step(&self.lease, &key, position, &after, before.status, &[])
            .await
            .map_err(|source| self.lost(source))?;
        let is_news = after.status != before.status
            && matches!(after.status, StepStatus::Intent | StepStatus::Applied);
        let deployment = {
            let mut deployment = self.deployment.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(step) = deployment.steps.get_mut(position) {
                *step = after.clone();
            }
            deployment.clone()
        };
        if is_news {
            // So that whoever looks meanwhile, or after a crash, sees who touched the service last.
            let head = self.head(&deployment, &after, (None, self.now()));
            self.ledger
                .record_heads(&self.lease, &key, &[head])
                .await
                .map_err(|source| self.lost(source))?;
        }
        Ok(())
    }

    /// Writes how a step ended.
    pub(super) async fn end(
        &self,
        position: usize,
        verdict: Verdict,
        evidence: Option<crate::model::Evidence>,
    ) -> Result<(), EngineError> {
        let at = self.now();
        self.change(position, |step| {
            step.status = match verdict {
                Verdict::Verified => StepStatus::Verified,
                Verdict::NotStarted { .. } if step.status == StepStatus::Pending => {
                    StepStatus::Skipped
                }
                _ => StepStatus::Failed,
            };
            step.verdict = Some(verdict);
            step.evidence = evidence;
            step.finished_at = Some(at);
        })
        .await
    }

    /// Writes how the deployment ended, and what each of its services runs now.
    pub(super) async fn close(&self, status: DeploymentStatus) -> Result<Deployment, EngineError> {
        let at = self.now();
        let mut deployment = self.read(Clone::clone);
        let key = DeploymentKey::of(&deployment);
        let ended = Deployment { status, ..deployment.clone() };
        let heads = self.heads(&ended, at).await.map_err(|source| self.lost(source))?;
        let written = if status.is_final() {
            let ending = Ending { expected: deployment.status, status, at, heads: &heads };
            deployment.finished_at = Some(at);
            self.ledger.finish_deployment(&self.lease, &key, ending).await.map(drop)
        } else {
            self.leave_open(&key, (deployment.status, status), &heads).await
        };
        written.map_err(|source| self.lost(source))?;
        deployment.status = status;
        Ok(deployment)
    }

    /// Writes down a deployment that is not over: what its services were told, and its status.
    async fn leave_open(
        &self,
        key: &DeploymentKey,
        (expected, status): (DeploymentStatus, DeploymentStatus),
        heads: &[ServiceHead],
    ) -> Result<(), StoreError> {
        self.ledger.record_heads(&self.lease, key, heads).await?;
        if status == expected {
            return Ok(());
        }
        self.ledger.change_status(&self.lease, key, expected, status, None).await
    }

    /// The heads of the services that this deployment touched. What was verified before stays
    /// known where this deployment verified nothing.
    async fn heads(
        &self,
        deployment: &Deployment,
        at: Timestamp,
    ) -> Result<Vec<ServiceHead>, StoreError> {
        let known = self.ledger.heads(&deployment.project, &deployment.environment).await?;
        Ok(deployment
            .steps
            .iter()
            .filter(|step| !matches!(step.status, StepStatus::Pending | StepStatus::Skipped))
            .map(|step| {
                let earlier = known.get(&step.service).and_then(|head| head.verified.clone());
                self.head(deployment, step, (earlier, at))
            })
            .collect())
    }

    /// The head of one service. Only a deployment that succeeded as a whole moves what is verified:
    /// a set is verified together or not at all.
    fn head(
        &self,
        deployment: &Deployment,
        step: &Step,
        (earlier, at): (Option<VerifiedHead>, Timestamp),
    ) -> ServiceHead {
        let images = self.images_of(step, earlier.as_ref());
        let verified = step.task_definition.clone().map(|task_definition| VerifiedHead {
            deployment: deployment.number,
            release: deployment.release,
            task_definition,
            ecs_deployment: step.ecs_deployment.clone(),
            images: images.clone(),
            at,
        });
        let is_verified =
            deployment.status == DeploymentStatus::Succeeded && step.status == StepStatus::Verified;
        ServiceHead {
            service: step.service.clone(),
            deployment: deployment.number,
            release: deployment.release,
            status: step.status,
            before: step.before.task_definition.clone(),
            verdict: step.verdict.clone(),
            task_definition: step.task_definition.clone(),
            ecs_deployment: step.ecs_deployment.clone(),
            images,
            at,
            verified: if is_verified { verified } else { earlier },
        }
    }

    /// All images of a service after this step: those it changed, and those it kept.
    fn images_of(
        &self,
        step: &Step,
        earlier: Option<&VerifiedHead>,
    ) -> BTreeMap<ImageId, ReleasedImage> {
        let mut images = earlier.map(|head| head.images.clone()).unwrap_or_default();
        let changed = step.target.images.keys();
        images.extend(changed.filter_map(|id| Some((id.clone(), self.images.get(id)?.clone()))));
        images
    }

    /// Gives the lease back. A store that fails only leaves it to run out.
    pub(super) async fn release(&self) {
        drop(self.ledger.release(&self.lease).await);
    }

    /// A store that fails in the middle: says what was changed by then.
    pub(super) fn lost(&self, source: StoreError) -> EngineError {
        let (deployment, changed) = self.read(|deployment| {
            let started: Vec<&str> = deployment
                .steps
                .iter()
                .filter(|step| step.started_at.is_some())
                .map(|step| step.service.as_str())
                .collect();
            let changed = match started.as_slice() {
                [] => "nothing was changed".to_owned(),
                some => format!("changes were begun at {}", some.join(", ")),
            };
            (deployment.number, changed)
        });
        EngineError::RecordLost { deployment, changed, source }
    }
}
