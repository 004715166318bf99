//! The last of the record: how a deployment ended, or rests, and what its services run then.

use std::{collections::BTreeMap, sync::PoisonError};

use jiff::Timestamp;

use super::{
    super::{error::EngineError, escape::EscapeFile},
    Journal,
};
use crate::{
    backend::store::{
        Ledger, StoreError,
        ledger::{DeploymentKey, Ending, Lease},
    },
    model::{
        Deployment, DeploymentKind, DeploymentStatus, ImageId, ReleasedImage, ServiceHead,
        StepStatus,
    },
};

impl Journal<'_> {
    /// Moves the deployment to a status in which it goes on, or rests.
    pub(in super::super) async fn turn(
        &self,
        status: DeploymentStatus,
        reason: Option<&str>,
    ) -> Result<(), EngineError> {
        let deployment = self.deployment();
        if deployment.status == status {
            return Ok(());
        }
        let key = DeploymentKey::of(&deployment);
        let expected = deployment.status;
        if !self.escape.is_open() {
            match self.ledger.change_status(self.lease, &key, expected, status, reason).await {
                Ok(()) => {
                    self.set_status(status);
                    return Ok(());
                }
                Err(error) => drop(self.unavailable(error)?),
            }
        }
        self.escape.status(&deployment, status, (self.now)()).map_err(EngineError::NoEscape)?;
        self.set_status(status);
        Ok(())
    }

    /// Keeps a status as it was written.
    fn set_status(&self, status: DeploymentStatus) {
        self.deployment.lock().unwrap_or_else(PoisonError::into_inner).status = status;
    }

    /// Writes how the deployment ended, or rests, and what each of its services runs now.
    pub(in super::super) async fn close(
        &self,
        status: DeploymentStatus,
    ) -> Result<Deployment, EngineError> {
        let deployment = self.deployment();
        let at = (self.now)();
        if !status.is_final() {
            self.turn(status, None).await?;
            return Ok(self.deployment());
        }
        if !self.escape.is_open() {
            match self.finish(&deployment, (status, at)).await {
                Ok(()) => return Ok(self.ended(status, at)),
                Err(error) => drop(self.unavailable(error)?),
            }
        }
        self.escape.status(&deployment, status, at).map_err(EngineError::NoEscape)?;
        Ok(self.ended(status, at))
    }

    /// Writes the end into the store.
    async fn finish(
        &self,
        deployment: &Deployment,
        (status, at): (DeploymentStatus, Timestamp),
    ) -> Result<(), StoreError> {
        let ended = Deployment { status, ..deployment.clone() };
        let heads = self.heads(&ended, at).await?;
        let ending = Ending { expected: deployment.status, status, at, heads: &heads };
        let key = DeploymentKey::of(deployment);
        self.ledger.finish_deployment(self.lease, &key, ending).await.map(drop)
    }

    /// The deployment as it is over.
    fn ended(&self, status: DeploymentStatus, at: Timestamp) -> Deployment {
        let mut deployment = self.deployment.lock().unwrap_or_else(PoisonError::into_inner);
        deployment.status = status;
        deployment.finished_at = Some(at);
        deployment.clone()
    }

    /// The heads of the services that this deployment touched. What was verified before stays
    /// known where this deployment verified nothing.
    async fn heads(
        &self,
        deployment: &Deployment,
        at: Timestamp,
    ) -> Result<Vec<ServiceHead>, StoreError> {
        if deployment.kind == DeploymentKind::Register {
            return Ok(Vec::new());
        }
        let known = self.ledger.heads(&deployment.project, &deployment.environment).await?;
        Ok(deployment
            .steps
            .iter()
            // One that was only restarted runs what it ran.
            .filter(|step| !step.restart)
            .filter(|step| !matches!(step.status, StepStatus::Pending | StepStatus::Skipped))
            .map(|step| {
                let earlier = known.get(&step.service).and_then(|head| head.verified.clone());
                self.head(deployment, step, (earlier, at))
            })
            .collect())
    }
}

/// Writes the end of a deployment whose steps are all in the store, with what follows from it for
/// its services.
///
/// # Errors
/// Fails when the store cannot be written, or the lease is lost.
pub async fn record_end(
    ledger: &Ledger,
    lease: &Lease,
    (deployment, images): (Deployment, BTreeMap<ImageId, ReleasedImage>),
    (status, at): (DeploymentStatus, Timestamp),
) -> Result<(), StoreError> {
    let nowhere = EscapeFile::new(std::path::PathBuf::new(), lease.fence());
    let now = || Timestamp::UNIX_EPOCH;
    let journal = Journal::new((ledger, lease), now, deployment.clone(), images, nowhere);
    journal.finish(&deployment, (status, at)).await
}
