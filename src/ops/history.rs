//! `history` and `show`: the record as it is.

use jiff::Timestamp;

use super::{
    error::OpError,
    hooks::{WaitingHook, hooks_seen},
    workspace::Workspace,
};
use crate::{
    backend::store::ledger::DeploymentKey,
    model::{
        Deployment, DeploymentNumber, EnvironmentId, Release, Selection, ServiceId, ServiceNow,
        TimelineEntry,
    },
};

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct HistoryRequest {
    /// Only of this environment.
    pub environment: Option<String>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only those made then or later.
    pub since: Option<Timestamp>,
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
    let which = (environment.as_ref(), service.as_ref());
    newest_since(workspace, which, request.since, request.limit).await
}

/// How many deployments are read at first where it is not known how many there are.
const FIRST_READ: usize = 64;

/// The newest deployments, newest first: of one environment or of all, of one service or of any,
/// and made at a time or later. What is older than that is hardly read.
pub(super) async fn newest_since(
    workspace: &Workspace,
    (environment, service): (Option<&EnvironmentId>, Option<&ServiceId>),
    since: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<Deployment>, OpError> {
    let project = &workspace.project.id;
    let Some(since) = since else {
        return Ok(workspace.ledger.history(project, environment, service, limit).await?);
    };
    let mut size = limit.min(FIRST_READ);
    loop {
        let mut found = workspace.ledger.history(project, environment, service, size).await?;
        let is_all = found.len() < size || size == limit;
        if is_all || found.last().is_none_or(|oldest| oldest.created_at < since) {
            found.retain(|deployment| deployment.created_at >= since);
            return Ok(found);
        }
        size = limit.min(size.saturating_mul(4));
    }
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
    /// What each of its services ran when it was last recorded.
    pub services: Vec<ServiceNow>,
    /// The hooks that wait for an answer, where it is not over and that can be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingHook>,
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
    let services = deployment.services_now(&release);
    let waiting = hooks_seen(workspace, &deployment).await;
    Ok(Shown { deployment, release, timeline, services, waiting })
}
