//! `lock` and `unlock`: a person says who may change an environment.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    access::Access, draft::open_project, error::OpError, obstacle::Obstacle, workspace::Workspace,
};
use crate::{
    backend::store::ledger::{LockPlace, NewLock, Unlocked},
    model::{Actor, EnvironmentId, HeldLock, Label, LockKind, ProjectId, Selection, ServiceId},
};

/// A lock that is asked for.
#[derive(Debug, Clone)]
pub struct LockOrder {
    /// `all`, a set or a service.
    pub selection: String,
    /// The environment.
    pub environment: String,
    /// Why.
    pub reason: String,
    /// For how long; until it is taken away where nothing is said.
    pub lasts: Option<Duration>,
}

/// A lock that was set.
#[derive(Debug, Clone, Serialize)]
pub struct Locked {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
    /// What is locked.
    pub selection: Selection,
    /// Who has set it.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
    /// Commands that work on the environment now, and go on.
    pub running: Vec<HeldLock>,
    /// When this was found.
    pub now: Timestamp,
}

/// A lock that is to be taken away.
#[derive(Debug, Clone)]
pub struct UnlockOrder {
    /// `all`, a set or a service.
    pub selection: String,
    /// The environment.
    pub environment: String,
    /// Why.
    pub reason: Option<String>,
    /// Whether it may be somebody else's, or a running command's.
    pub force: bool,
}

/// What was taken away, and what holds still.
#[derive(Debug, Clone, Serialize)]
pub struct UnlockReport {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// What was taken away: a lock that somebody has set, or the lease of a command.
    pub taken_away: Option<HeldLock>,
    /// What still holds in the environment.
    pub held: Vec<HeldLock>,
    /// When this was found.
    pub now: Timestamp,
}

/// What is locked or unlocked, and who does it.
struct Subject {
    /// The project.
    project: ProjectId,
    /// The environment.
    environment: EnvironmentId,
    /// What of it.
    selection: Selection,
    /// The services of that.
    services: BTreeSet<ServiceId>,
    /// Who.
    by: Actor,
}

impl Subject {
    /// Finds it in the manifest, and proves who asks.
    async fn find(
        workspace: &Workspace,
        selection: &str,
        environment: &str,
    ) -> Result<Self, OpError> {
        let environment = workspace.project.environment(environment)?.clone();
        // Only a set or a service has to be known; all is all.
        let project = if workspace.project.is_open() && selection != "all" {
            open_project(workspace, &Label::latest()).await?
        } else {
            workspace.project.clone()
        };
        let selection = project.select(selection)?;
        let services = project.services_of(&selection);
        let access = Access::open(workspace, &environment.home()).await?;
        Ok(Self {
            services: services.into_iter().map(|service| service.id.clone()).collect(),
            by: access.actor(&workspace.person),
            project: project.id,
            environment: environment.id,
            selection,
        })
    }

    /// Where in the ledger.
    fn place(&self) -> LockPlace<'_> {
        LockPlace {
            project: &self.project,
            environment: &self.environment,
            selection: &self.selection,
        }
    }

    /// What holds in the environment.
    async fn held(&self, workspace: &Workspace) -> Result<Vec<HeldLock>, OpError> {
        Ok(workspace.ledger.locks(&self.project, &self.environment).await?.held)
    }
}

/// Whether it is the lease of a command.
fn is_lease(held: &HeldLock) -> bool {
    matches!(held.kind, LockKind::Lease { .. })
}

/// Locks an environment, or some of its services, until somebody unlocks it.
///
/// # Errors
/// Fails when the manifest does not have what was asked for, when it is locked already, when AWS
/// does not say who asks, and when the store cannot be used.
pub async fn lock(workspace: &Workspace, order: &LockOrder) -> Result<Locked, OpError> {
    let subject = Subject::find(workspace, &order.selection, &order.environment).await?;
    let now = workspace.ledger.now();
    let until = order.lasts.map(|lasts| now.checked_add(lasts).unwrap_or(Timestamp::MAX));
    let asked = NewLock {
        place: subject.place(),
        services: &subject.services,
        by: &subject.by,
        reason: &order.reason,
        until,
    };
    if let Err(held) = workspace.ledger.lock_by_hand(&asked).await? {
        return Err(Obstacle::Locked { held, environment: subject.environment, now }.into());
    }
    let held = subject.held(workspace).await?;
    Ok(Locked {
        running: held.into_iter().filter(is_lease).collect(),
        project: subject.project,
        environment: subject.environment,
        selection: subject.selection,
        by: subject.by,
        reason: order.reason.clone(),
        until,
        now,
    })
}

/// Takes a lock away; where there is none and it is forced, the lease of a running command.
///
/// # Errors
/// Fails when the manifest does not have what was asked for, when it is somebody else's and nothing
/// is forced, when AWS does not say who asks, and when the store cannot be used.
pub async fn unlock(workspace: &Workspace, order: &UnlockOrder) -> Result<UnlockReport, OpError> {
    let subject = Subject::find(workspace, &order.selection, &order.environment).await?;
    let taken_away = take_away(workspace, order, &subject).await?;
    Ok(UnlockReport {
        held: subject.held(workspace).await?,
        now: workspace.ledger.now(),
        project: subject.project,
        environment: subject.environment,
        selection: subject.selection,
        taken_away,
    })
}

/// Takes away what may be taken away.
async fn take_away(
    workspace: &Workspace,
    order: &UnlockOrder,
    subject: &Subject,
) -> Result<Option<HeldLock>, OpError> {
    let (ledger, place) = (&workspace.ledger, subject.place());
    let refused = |held| Obstacle::NotYours {
        held: Box::new(held),
        environment: subject.environment.clone(),
    };
    match ledger.unlock(place, &subject.by, order.reason.as_deref(), order.force).await? {
        Unlocked::Released(held) | Unlocked::Broken(held) => return Ok(Some(held)),
        Unlocked::OfAnother(held) => return Err(refused(held).into()),
        Unlocked::NotLocked => {}
    }
    if let (true, Some(reason)) = (order.force, &order.reason) {
        return Ok(ledger.break_lease(place, &subject.by, reason).await?);
    }
    let held = subject.held(workspace).await?;
    let running =
        held.into_iter().find(|held| is_lease(held) && held.selection == subject.selection);
    running.map_or(Ok(None), |held| Err(refused(held).into()))
}
