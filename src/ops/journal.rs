//! `journal push`: what a deployment wrote into a local file while the store was away.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::{
        escape::{self, Head, Line},
        store::{
            StoreError,
            ledger::{DeploymentKey, Lease},
        },
    },
    engine::{self, Claim},
    model::{Deployment, DeploymentNumber, DeploymentStatus},
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

/// Brings every local file of the project into the store, and removes it.
///
/// # Errors
/// Fails when a file cannot be read, somebody works on its deployment, or the store cannot be
/// written; what is not in the store stays in its file.
pub async fn push_journal(workspace: &Workspace) -> Result<Vec<Pushed>, OpError> {
    let mut pushed = Vec::new();
    for file in escape::files(&workspace.journal_folder)? {
        let (head, lines) = escape::read(&file)?;
        if head.project != workspace.project.id {
            continue;
        }
        pushed.push(push(workspace, &head, &lines).await?);
        escape::remove(&file)?;
    }
    Ok(pushed)
}

/// Brings one file in, under the lease on its deployment's services.
async fn push(workspace: &Workspace, head: &Head, lines: &[Line]) -> Result<Pushed, OpError> {
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
    let done = write(workspace, deployment, (lines, &lease)).await;
    workspace.let_go(&lease).await;
    done
}

/// Writes the changes, each from what is in the store now.
async fn write(
    workspace: &Workspace,
    mut deployment: Deployment,
    (lines, lease): (&[Line], &Lease),
) -> Result<Pushed, OpError> {
    let ledger = &workspace.ledger;
    let key = DeploymentKey::of(&deployment);
    let mut changes = 0;
    for line in lines {
        match line {
            Line::Step { position, step } => {
                let Some(stored) = deployment.steps.get_mut(*position) else {
                    let what = format!("step {} of {}", position + 1, deployment.number);
                    return Err(StoreError::NotFound { what }.into());
                };
                if *stored != **step {
                    ledger.record_step(lease, &key, *position, step, stored.status, &[]).await?;
                    stored.clone_from(step);
                    changes += 1;
                }
            }
            Line::Status { status, at } if *status != deployment.status => {
                let expected = deployment.status;
                if status.is_final() {
                    let release = ledger.find_release(&key.project, deployment.release).await?;
                    let unfinished = (deployment.clone(), release.images);
                    engine::record_end(ledger, lease, unfinished, (*status, *at)).await?;
                } else {
                    ledger.change_status(lease, &key, expected, *status, None).await?;
                }
                deployment.status = *status;
                changes += 1;
            }
            Line::Status { .. } => {}
        }
    }
    Ok(Pushed { deployment: deployment.number, changes, status: deployment.status })
}
