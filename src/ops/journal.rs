//! `journal push`: what a deployment wrote into a local file while the store was away.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::{
        escape::{self, Head, Line},
        store::{
            Ledger, StoreError,
            ledger::{DeploymentKey, Lease},
        },
    },
    engine::{self, Claim, cause_chain},
    model::{Deployment, DeploymentNumber, DeploymentStatus, Step},
};

/// A file that was brought in.
#[derive(Debug, Clone, Serialize)]
pub struct Pushed {
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// How many changes were written; those that were there already do not count.
    pub changes: usize,
    /// The status it has now.
    pub status: DeploymentStatus,
}

/// What became of the local files.
#[derive(Debug, Default)]
pub struct Brought {
    /// Those that are in the store now, and gone.
    pub pushed: Vec<Pushed>,
    /// Those that stay.
    pub kept: Vec<KeptFile>,
}

/// A file that stays, since it could not be brought in.
#[derive(Debug)]
pub struct KeptFile {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub reason: Box<OpError>,
}

impl fmt::Display for KeptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.file.display(), cause_chain(&*self.reason))
    }
}

/// What a file comes to: each step as it was last, and the last status.
#[derive(Debug, Default)]
struct Last<'a> {
    /// The steps, by their places.
    steps: BTreeMap<usize, &'a Step>,
    /// The status, and when the deployment got it.
    status: Option<(DeploymentStatus, Timestamp)>,
}

impl<'a> Last<'a> {
    /// What lines come to.
    fn of(lines: &'a [Line]) -> Self {
        let mut last = Self::default();
        for line in lines {
            match line {
                Line::Step { position, step } => {
                    last.steps.insert(*position, step);
                }
                Line::Status { status, at } => last.status = Some((*status, *at)),
            }
        }
        last
    }

    /// Whether the store has exactly this.
    fn is_in(&self, deployment: &Deployment) -> bool {
        self.steps.iter().all(|(position, step)| deployment.steps.get(*position) == Some(*step))
            && self.status.is_none_or(|(status, _)| status == deployment.status)
    }

    /// Whether the deployment ended in another way.
    fn is_contradicted_by(&self, deployment: &Deployment) -> bool {
        deployment.status.is_final()
            && self.status.is_none_or(|(status, _)| status != deployment.status)
    }
}

/// Brings every local file of the project into the store, and removes it. What is there already is
/// not written again, so this can be repeated wherever it was broken off.
///
/// # Errors
/// Fails when the folder cannot be read. A file that cannot be read or brought in stays, and is
/// named with the reason.
pub async fn push_journal(workspace: &Workspace) -> Result<Brought, OpError> {
    let mut brought = Brought::default();
    for file in escape::files(&workspace.journal_folder)? {
        match push_file(workspace, &file).await {
            Ok(pushed) => brought.pushed.extend(pushed),
            Err(reason) => brought.kept.push(KeptFile { file, reason: Box::new(reason) }),
        }
    }
    Ok(brought)
}

/// Brings one file in; nothing where it is another project's.
async fn push_file(workspace: &Workspace, file: &Path) -> Result<Option<Pushed>, OpError> {
    let (head, lines) = escape::read(file)?;
    if head.project != workspace.project.id {
        return Ok(None);
    }
    let pushed = push(workspace, &head, &Last::of(&lines)).await?;
    escape::remove(file)?;
    Ok(Some(pushed))
}

/// Brings one file in, under the lease on its deployment's services.
async fn push(workspace: &Workspace, head: &Head, last: &Last<'_>) -> Result<Pushed, OpError> {
    let deployment = workspace.ledger.deployment(&head.project, head.deployment).await?;
    let wanted = Claim {
        project: head.project.clone(),
        environment: head.environment.clone(),
        selection: deployment.selection.clone(),
        services: deployment.steps.iter().map(|step| step.service.clone()).collect(),
        by: workspace.person.clone(),
        reason: Some(format!("bringing in what {} could not record", head.deployment)),
        wait: Duration::ZERO,
        preempt: None,
    };
    let (_never, interrupt) = watch::channel(false);
    let lease = workspace.claim(&wanted, interrupt).await?;
    let done = write(&workspace.ledger, &lease, (head, last)).await;
    workspace.let_go(&lease).await;
    done
}

/// Writes what the store does not have, unless somebody went on with the deployment since: what
/// they wrote is newer.
async fn write(
    ledger: &Ledger,
    lease: &Lease,
    (head, last): (&Head, &Last<'_>),
) -> Result<Pushed, OpError> {
    let mut deployment = ledger.deployment(&head.project, head.deployment).await?;
    let mut changes = 0;
    if !last.is_in(&deployment) {
        let fence = ledger.fence_of(&DeploymentKey::of(&deployment)).await?;
        let is_older = head.fence.zip(fence).is_some_and(|(then, now)| then < now);
        if is_older || last.is_contradicted_by(&deployment) {
            return Err(OpError::GoneOnSince { deployment: head.deployment });
        }
        changes += write_steps(ledger, lease, (&mut deployment, last)).await?;
        changes += write_status(ledger, lease, (&mut deployment, last)).await?;
    }
    Ok(Pushed { deployment: deployment.number, changes, status: deployment.status })
}

/// Writes the steps that got further than the store knows. Gives how many.
async fn write_steps(
    ledger: &Ledger,
    lease: &Lease,
    (deployment, last): (&mut Deployment, &Last<'_>),
) -> Result<usize, OpError> {
    let key = DeploymentKey::of(deployment);
    let mut changes = 0;
    for (&position, &step) in &last.steps {
        let Some(stored) = deployment.steps.get_mut(position) else {
            let what = format!("step {} of {}", position + 1, key.number);
            return Err(StoreError::NotFound { what }.into());
        };
        if is_further(stored, step) {
            ledger.record_step(lease, &key, position, step, stored.status, &[]).await?;
            stored.clone_from(step);
            changes += 1;
        }
    }
    Ok(changes)
}

/// Whether a step got further than the store knows, or is known better.
fn is_further(stored: &Step, step: &Step) -> bool {
    if stored.status != step.status {
        return stored.status.may_become(step.status);
    }
    let loses = (stored.verdict.is_some() && step.verdict.is_none())
        || (stored.ecs_deployment.is_some() && step.ecs_deployment.is_none());
    stored != step && !loses
}

/// Writes the status, if it is another than the store's. Gives how many changes that is.
async fn write_status(
    ledger: &Ledger,
    lease: &Lease,
    (deployment, last): (&mut Deployment, &Last<'_>),
) -> Result<usize, OpError> {
    let Some((status, at)) = last.status.filter(|(status, _)| *status != deployment.status) else {
        return Ok(0);
    };
    let key = DeploymentKey::of(deployment);
    if status.is_final() {
        let release = ledger.find_release(&key.project, deployment.release).await?;
        let unfinished = (deployment.clone(), release.images);
        engine::record_end(ledger, lease, unfinished, (status, at)).await?;
    } else {
        ledger.change_status(lease, &key, deployment.status, status, None).await?;
    }
    deployment.status = status;
    Ok(1)
}

#[cfg(test)]
mod tests;
