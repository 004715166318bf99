//! `history` and `show`: the record as it is.

use super::{error::OpError, workspace::Workspace};
use crate::{
    backend::store::ledger::DeploymentKey,
    model::{Deployment, DeploymentNumber, Release, Selection, ServiceId, TimelineEntry},
};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct HistoryRequest {
    /// Only of this environment.
    pub environment: Option<String>,
    /// Only of this service.
    pub service: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The deployments of the project, newest first.
///
/// # Errors
/// Fails when the manifest has no such environment or service, or the store cannot be read.
pub async fn history(
    workspace: &Workspace,
    request: &HistoryRequest,
) -> Result<Vec<Deployment>, OpError> {
    let project = &workspace.project;
    let environment = match &request.environment {
        Some(id) => Some(project.environment(id)?.id.clone()),
        None => None,
    };
    let service = match &request.service {
        Some(id) if project.is_open() => Some(ServiceId::new(id.as_str())?),
        Some(id) => match project.select(id)? {
            Selection::Service(service) => Some(service),
            Selection::All | Selection::Set(_) => Some(ServiceId::new(id.as_str())?),
        },
        None => None,
    };
    let history = workspace
        .ledger
        .history(&project.id, environment.as_ref(), service.as_ref(), request.limit)
        .await?;
    Ok(history)
}

/// A deployment with the release it deploys, and what it did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Shown {
    /// The deployment.
    pub deployment: Deployment,
    /// Its release.
    pub release: Release,
    /// What it did, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// One deployment, whole.
///
/// # Errors
/// Fails when there is no such deployment, or the store cannot be read.
pub async fn show(workspace: &Workspace, number: DeploymentNumber) -> Result<Shown, OpError> {
    let project = &workspace.project.id;
    let deployment = workspace.ledger.deployment(project, number).await?;
    let release = workspace.ledger.find_release(project, deployment.release).await?;
    let timeline = workspace.ledger.timeline(&DeploymentKey::of(&deployment)).await?;
    Ok(Shown { deployment, release, timeline })
}
