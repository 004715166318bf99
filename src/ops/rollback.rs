//! `rollback`: back to what was verified before, whatever an environment is in.

use std::{collections::BTreeSet, time::Duration};

use super::{
    deploy::{DeployRequest, Draft, draft},
    error::OpError,
    ground::Ground,
    workspace::Workspace,
};
use crate::{
    model::{
        Actor, Deployment, DeploymentKind, DeploymentStatus, EnvironmentId, Hold, ReleaseNumber,
        Selection, ServiceId,
    },
    plan::rollback_target,
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct RollbackRequest {
    /// The environment.
    pub environment: String,
    /// `--set`: a set or a service; all services where none is named.
    pub selection: Option<String>,
    /// `--to`.
    pub to: Option<ReleaseNumber>,
    /// Why.
    pub reason: Option<String>,
}

/// What a rollback would do.
pub enum Way {
    /// An unfinished deployment is taken back.
    Undo(Box<Deployment>),
    /// A verified release is deployed again.
    Release {
        /// The release.
        to: ReleaseNumber,
        /// The plan.
        draft: Box<Draft>,
    },
}

/// How many deployments of an environment are looked at for one to go back to.
const HISTORY: usize = 50;

/// Works out how to go back. Changes nothing.
///
/// # Errors
/// Fails when there is nothing to go back to, and as [`draft`] does.
pub async fn way_back(workspace: &Workspace, request: &RollbackRequest) -> Result<Way, OpError> {
    let environment = workspace.project.environment(&request.environment)?.clone();
    if environment.require_reason && request.reason.is_none() {
        return Err(OpError::ReasonRequired { environment: environment.id, lifts_hold: false });
    }
    let word = request.selection.as_deref().unwrap_or("all");
    let is_open = workspace.project.is_open();
    let selection = if is_open { Selection::All } else { workspace.project.select(word)? };
    let services = services(workspace, &selection);
    let ground = Ground::of(workspace, &environment.id).await?;
    let unfinished = ground.unfinished.iter().find(|deployment| {
        let touches = deployment.steps.iter().any(|step| services.contains(&step.service));
        selection == Selection::All || touches
    });
    if let Some(unfinished) = unfinished {
        if request.to.is_some() || unfinished.kind == DeploymentKind::Rollback {
            let deployment = Box::new(unfinished.clone());
            return Err(OpError::Unfinished { deployment });
        }
        return Ok(Way::Undo(Box::new(unfinished.clone())));
    }
    let newest = covering(workspace, &environment.id, (&selection, &services)).await?;
    let to = match request.to {
        Some(to) => verified_before(&newest, to)?,
        None => rollback_target(&newest)
            .ok_or_else(|| OpError::NoTarget { environment: environment.id.clone() })?,
    };
    let request = DeployRequest {
        selection: word.to_owned(),
        environment: request.environment.clone(),
        from: Some(to.to_string()),
        images: std::collections::BTreeMap::new(),
        allow_missing: false,
        kind: DeploymentKind::Rollback,
        from_release: newest.first().map(|deployment| deployment.release),
        reason: request.reason.clone(),
        release_hold: false,
        wait: Duration::ZERO,
    };
    let draft = Box::new(draft(workspace, &request).await?);
    Ok(Way::Release { to, draft })
}

/// The services of a selection.
fn services(workspace: &Workspace, selection: &Selection) -> BTreeSet<ServiceId> {
    let services = workspace.project.services_of(selection);
    services.into_iter().map(|service| service.id.clone()).collect()
}

/// The deployments of an environment that were about all of some services, newest first.
async fn covering(
    workspace: &Workspace,
    environment: &EnvironmentId,
    (selection, wanted): (&Selection, &BTreeSet<ServiceId>),
) -> Result<Vec<Deployment>, OpError> {
    let (ledger, project) = (&workspace.ledger, &workspace.project.id);
    let mut deployments = ledger.history(project, Some(environment), None, HISTORY).await?;
    deployments.retain(|deployment| deployment.kind != DeploymentKind::Register);
    deployments.retain(|deployment| {
        deployment.selection == Selection::All
            || deployment.selection == *selection
            || services(workspace, &deployment.selection).is_superset(wanted)
    });
    Ok(deployments)
}

/// The release, if it was verified in the environment.
fn verified_before(
    newest_first: &[Deployment],
    to: ReleaseNumber,
) -> Result<ReleaseNumber, OpError> {
    use DeploymentStatus::Succeeded;
    let is_verified = |d: &Deployment| d.status == Succeeded && d.release == to;
    if newest_first.iter().any(is_verified) {
        return Ok(to);
    }
    let mut known: Vec<ReleaseNumber> = Vec::new();
    for deployment in newest_first.iter().filter(|d| d.status == Succeeded) {
        if !known.contains(&deployment.release) {
            known.push(deployment.release);
        }
    }
    Err(OpError::NeverVerified { release: to, known })
}

/// Keeps an environment where it is when its rollback failed: whoever deploys next must have looked.
pub(super) async fn hold_if_broken(
    workspace: &Workspace,
    deployment: &Deployment,
    by: &Actor,
) -> Result<(), OpError> {
    if deployment.status != DeploymentStatus::RollbackFailed {
        return Ok(());
    }
    let number = deployment.number;
    let hold = Hold {
        by: by.clone(),
        reason: format!("the rollback of {number} failed"),
        at: (workspace.now)(),
        deployment: Some(number),
    };
    workspace.hold(&deployment.environment, &hold).await
}

/// Keeps an environment where a rollback has put it.
///
/// # Errors
/// Fails when the store cannot be written.
pub async fn hold_after(
    workspace: &Workspace,
    deployment: &Deployment,
    (by, reason): (&Actor, Option<&str>),
) -> Result<(), OpError> {
    let reason = reason.map_or_else(
        || format!("{} was a rollback", deployment.number),
        |reason| format!("rolled back: {reason}"),
    );
    let number = Some(deployment.number);
    let hold = Hold { by: by.clone(), reason, at: (workspace.now)(), deployment: number };
    workspace.hold(&deployment.environment, &hold).await
}
