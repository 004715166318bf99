//! What an environment is in before anything is begun there: who is at work, what is unfinished,
//! and whether it is on hold.

use std::collections::BTreeSet;

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::process,
    manifest::Project,
    model::{
        Deployment, DeploymentNumber, EnvironmentId, HeldLock, Hold, LockKind, Selection, ServiceId,
    },
};

/// An environment before anything is begun.
#[derive(Debug, Clone)]
pub struct Ground {
    /// How often a lease was ever taken there.
    pub generation: u64,
    /// What is held.
    pub held: Vec<HeldLock>,
    /// Why it stays as it is, if it does.
    pub hold: Option<Hold>,
    /// The deployments that are not over, newest first.
    pub unfinished: Vec<Deployment>,
}

impl Ground {
    /// Looks at an environment.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub async fn of(workspace: &Workspace, environment: &EnvironmentId) -> Result<Self, OpError> {
        let (ledger, project) = (&workspace.ledger, &workspace.project.id);
        let locks = ledger.locks(project, environment).await?;
        let mut unfinished = ledger.unfinished(project).await?;
        unfinished.retain(|deployment| deployment.environment == *environment);
        // The index may lag; the locks name what was begun last.
        let known: BTreeSet<DeploymentNumber> =
            unfinished.iter().map(|deployment| deployment.number).collect();
        for number in locks.last.difference(&known) {
            let deployment = ledger.deployment(project, *number).await?;
            if !deployment.status.is_final() {
                unfinished.push(deployment);
            }
        }
        unfinished.sort_by_key(|deployment| std::cmp::Reverse(deployment.number));
        let held = locks.held.into_iter().filter(is_alive).collect();
        Ok(Self { generation: locks.generation, held, hold: locks.hold, unfinished })
    }

    /// The newest unfinished deployment that touches one of some services.
    #[must_use]
    pub fn unfinished_of(&self, services: &BTreeSet<ServiceId>) -> Option<&Deployment> {
        self.unfinished
            .iter()
            .find(|deployment| deployment.steps.iter().any(|step| services.contains(&step.service)))
    }

    /// What is held of some services.
    #[must_use]
    pub fn in_the_way_of(
        &self,
        project: &Project,
        services: &BTreeSet<ServiceId>,
    ) -> Vec<HeldLock> {
        let touches = |lock: &&HeldLock| {
            let all = lock.selection == Selection::All;
            let own = project.services_of(&lock.selection);
            let of_deployment =
                self.unfinished.iter().filter(|d| Some(d.number) == lock.deployment);
            all || own.iter().any(|service| services.contains(&service.id))
                || of_deployment.flat_map(|d| &d.steps).any(|step| services.contains(&step.service))
        };
        self.held.iter().filter(touches).cloned().collect()
    }

    /// Whether a running command works on a deployment.
    #[must_use]
    pub fn is_worked_on(&self, deployment: DeploymentNumber) -> bool {
        self.held.iter().any(|lock| {
            lock.deployment == Some(deployment) && matches!(lock.kind, LockKind::Lease { .. })
        })
    }
}

/// Whether a lock is not known to be the lease of a process that is gone.
fn is_alive(lock: &HeldLock) -> bool {
    match &lock.kind {
        LockKind::Lease { process, .. } => !process.as_ref().is_some_and(process::is_gone),
        LockKind::Manual { .. } => true,
    }
}

/// A deployment that is not over, and whether anybody works on it.
#[derive(Debug, Clone)]
pub struct OpenDeployment {
    /// The deployment.
    pub deployment: Deployment,
    /// Whether a running command works on it.
    pub is_worked_on: bool,
}

/// All deployments of the project that are not over, newest first.
///
/// # Errors
/// Fails when the store cannot be read.
pub async fn open_deployments(workspace: &Workspace) -> Result<Vec<OpenDeployment>, OpError> {
    let (ledger, project) = (&workspace.ledger, &workspace.project.id);
    let mut open = Vec::new();
    for deployment in ledger.unfinished(project).await? {
        let locks = ledger.locks(project, &deployment.environment).await?;
        let is_ours = |lock: &HeldLock| {
            lock.deployment == Some(deployment.number)
                && matches!(lock.kind, LockKind::Lease { .. })
        };
        let is_worked_on = locks.held.iter().any(|lock| is_ours(lock) && is_alive(lock));
        open.push(OpenDeployment { deployment, is_worked_on });
    }
    Ok(open)
}
