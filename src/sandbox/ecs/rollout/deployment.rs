//! How deployments begin, are superseded, and complete.
//!
//! Two things go by the name of deployment in ECS. A [`Deployment`] is an entry of a service's
//! `deployments`: one revision and its tasks. A [`ServiceDeployment`] is the record of one wish to
//! deploy, and outlives it. A rollback adds an entry to `deployments`, but is told in the service
//! deployment that failed.
//!
//! Invariant: at most the newest service deployment is unfinished, but for those that are on their
//! way from `STOP_REQUESTED` to `STOPPED`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    alarms::{self, Watch},
    events,
    failure::{self, Cause},
    pace::TURNS_AFTER,
    record::{ServiceDeployment, Status},
    revision::{ContainerSpec, Revision},
    stages,
    state::ServiceState,
    world::World,
};

/// `rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Rollout {
    /// Tasks are being replaced.
    InProgress,
    /// All was as wanted once.
    Completed,
    /// It was given up.
    Failed,
}

/// An entry of `deployments`. Its id is `ecs-svc/<number>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Deployment {
    /// The number in its id; that of the service revision, too, if it made one.
    pub(in crate::sandbox::ecs) number: u64,
    /// The service revision that its tasks run.
    pub(in crate::sandbox::ecs) revision: u64,
    /// When it began.
    pub(in crate::sandbox::ecs) created_at: Timestamp,
    /// When anything of it last changed.
    pub(in crate::sandbox::ecs) updated_at: Timestamp,
    /// When it may start tasks.
    pub(in crate::sandbox::ecs) starts_at: Timestamp,
    /// How far it is.
    pub(in crate::sandbox::ecs) rollout: Rollout,
    /// ECS's words on that.
    pub(in crate::sandbox::ecs) reason: String,
    /// `failedTasks`: failures since a task of it was last healthy.
    pub(in crate::sandbox::ecs) failed_tasks: u32,
    /// Failures as the circuit breaker counts them.
    pub(in crate::sandbox::ecs) failures: u32,
    /// How many batches of tasks failed in a row.
    pub(in crate::sandbox::ecs) failed_batches: u32,
    /// Whether a task failed since tasks were last started.
    pub(in crate::sandbox::ecs) batch_failed: bool,
    /// Until when no tasks are started.
    pub(in crate::sandbox::ecs) retry_at: Option<Timestamp>,
    /// Whether it has been told that nothing can be started or stopped.
    pub(in crate::sandbox::ecs) told_stuck: bool,
}

impl Deployment {
    /// An entry that begins now.
    pub(super) fn new(number: u64, revision: u64, reason: String, moment: Timestamp) -> Self {
        Self {
            number,
            revision,
            created_at: moment,
            updated_at: moment,
            starts_at: moment,
            rollout: Rollout::InProgress,
            reason,
            failed_tasks: 0,
            failures: 0,
            failed_batches: 0,
            batch_failed: false,
            retry_at: None,
            told_stuck: false,
        }
    }

    /// Whether its tasks are being brought up.
    pub(in crate::sandbox::ecs) fn is_in_progress(&self) -> bool {
        self.rollout == Rollout::InProgress
    }

    /// Sets how far it is.
    pub(super) fn turn(&mut self, rollout: Rollout, reason: impl Into<String>, moment: Timestamp) {
        self.rollout = rollout;
        self.reason = reason.into();
        self.updated_at = moment;
    }
}

/// What a new deployment is to run.
#[derive(Debug, Clone)]
pub(in crate::sandbox::ecs) struct Target {
    /// The task definition's full ARN.
    pub(in crate::sandbox::ecs) task_definition: String,
    /// Its containers.
    pub(in crate::sandbox::ecs) containers: Vec<ContainerSpec>,
    /// The service's settings, as the API tells them.
    pub(in crate::sandbox::ecs) snapshot: serde_json::Value,
}

/// Begins a deployment with a new service revision; what is in progress is superseded.
pub(in crate::sandbox::ecs) fn begin(
    service: &mut ServiceState,
    target: Target,
    moment: Timestamp,
) {
    supersede(service, moment);
    let number = service.ids.number();
    let mut sources: Vec<u64> = Vec::new();
    for revision in service.tasks.iter().filter(|one| one.is_live()).filter_map(|one| one.revision)
    {
        if !sources.contains(&revision) {
            sources.push(revision);
        }
    }
    let digests = vec![None; target.containers.len()];
    service.revisions.push(Revision {
        number,
        task_definition: target.task_definition,
        created_at: moment,
        containers: target.containers,
        digests,
        snapshot: target.snapshot,
    });
    let reason = format!("ECS deployment ecs-svc/{number} in progress.");
    let mut deployment = Deployment::new(number, number, reason, moment);
    deployment.starts_at = moment + TURNS_AFTER;
    service.deployments.insert(0, deployment);
    let shares = stages::shares(service, &sources);
    let record = ServiceDeployment {
        id: service.ids.service_deployment(),
        created_at: moment,
        started_at: None,
        finished_at: None,
        stopped_at: None,
        updated_at: moment,
        sources,
        target: number,
        status: Status::Pending,
        reason: None,
        rollback: None,
        failures: 0,
        tripped: false,
        turns_at: Some(moment + TURNS_AFTER),
        plan: service.settings.plan.clone(),
        progress: None,
        shares,
        watch: Watch::default(),
    };
    service.service_deployments.insert(0, record);
    forget_old(service, moment);
    unsettle(service, moment);
}

/// Ends what is in progress in favour of a new deployment. AWS publishes no wording for it.
fn supersede(service: &mut ServiceState, moment: Timestamp) {
    const REASON: &str = "Service deployment stopped because a new service deployment was started.";
    let Some(current) = service.service_deployments.first_mut() else { return };
    match current.status {
        Status::Pending | Status::InProgress => {
            current.turn(Status::StopRequested, Some(REASON), moment);
            current.turns_at = Some(moment + TURNS_AFTER);
        }
        Status::RollbackRequested => current.turn(Status::Stopped, Some(REASON), moment),
        // A rollback that has begun ends in one of two ways, and this is not success.
        Status::RollbackInProgress => current.turn(Status::RollbackFailed, Some(REASON), moment),
        _ => {}
    }
}

/// Ends all deployments of a service that is being deleted.
pub(in crate::sandbox::ecs) fn cancel(service: &mut ServiceState, moment: Timestamp) {
    supersede(service, moment);
    service.desired = 0;
    unsettle(service, moment);
}

/// Forgets finished service deployments after 90 days, as ECS does, and revisions nobody names.
fn forget_old(service: &mut ServiceState, moment: Timestamp) {
    const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
    service
        .service_deployments
        .retain(|one| one.finished_at.is_none_or(|finished| finished + KEPT_FOR > moment));
    let named = |number: u64| {
        service.deployments.iter().any(|one| one.revision == number)
            || service.last_completed == Some(number)
            || service.tasks.iter().any(|task| task.revision == Some(number))
            || service.service_deployments.iter().any(|one| {
                one.target == number
                    || one.sources.contains(&number)
                    || one.rollback.as_ref().is_some_and(|rollback| rollback.revision == number)
            })
    };
    let kept: Vec<u64> =
        service.revisions.iter().map(|one| one.number).filter(|number| named(*number)).collect();
    service.revisions.retain(|one| kept.contains(&one.number));
}

/// Asks for the rollback of a service deployment that is not finished; tells whether there is
/// anything to stop.
pub(in crate::sandbox::ecs) fn request_rollback(
    service: &mut ServiceState,
    id: &str,
    moment: Timestamp,
) -> bool {
    let Some(record) = service.service_deployments.iter_mut().find(|one| one.id == id) else {
        return false;
    };
    match record.status {
        Status::Pending | Status::InProgress => {
            record.turn(Status::RollbackRequested, None, moment);
            record.stopped_at = Some(moment);
            record.turns_at = Some(moment + TURNS_AFTER);
            true
        }
        // What is asked for is on its way.
        Status::StopRequested | Status::RollbackRequested | Status::RollbackInProgress => true,
        _ => false,
    }
}

/// Lets statuses pass that do so by themselves.
pub(super) fn turn(service: &mut ServiceState, moment: Timestamp, world: &World) {
    let (mut begins, mut asked_back) = (false, false);
    for record in &mut service.service_deployments {
        if record.turns_at.is_none_or(|at| at > moment) {
            continue;
        }
        match record.status {
            Status::Pending => {
                record.started_at = Some(moment);
                record.turn(Status::InProgress, None, moment);
                begins = true;
            }
            Status::StopRequested => record.turn(Status::Stopped, None, moment),
            Status::RollbackRequested => {
                record.turns_at = None;
                asked_back = true;
            }
            _ => record.turns_at = None,
        }
    }
    if begins {
        alarms::begin(service, moment, world);
        stages::begin(service, moment);
    }
    if asked_back {
        failure::fail(service, &Cause::User, true, moment);
    }
}

/// Tells the newest service deployment how many failures its target has seen.
pub(super) fn count(service: &mut ServiceState, failures: u32) {
    if let Some(record) = service.service_deployments.first_mut()
        && record.rollback.is_none()
    {
        record.failures = failures;
    }
}

/// All has been as wanted for a moment: an unfinished deployment is complete, unless it has to bake.
pub(super) fn settle(service: &mut ServiceState, moment: Timestamp) {
    service.settles_at = None;
    service.is_steady = true;
    if service.primary().is_some_and(Deployment::is_in_progress)
        && !stages::must_bake(service, moment)
    {
        complete(service, moment);
    }
    events::steady(service, moment);
}

/// An unfinished deployment is complete.
pub(super) fn complete(service: &mut ServiceState, moment: Timestamp) {
    let Some(primary) = service.deployments.first_mut().filter(|one| one.is_in_progress()) else {
        return;
    };
    let (number, revision) = (primary.number, primary.revision);
    primary.turn(Rollout::Completed, format!("ECS deployment ecs-svc/{number} completed."), moment);
    service.last_completed = Some(revision);
    if let Some(record) = service.service_deployments.first_mut() {
        match record.status {
            Status::RollbackInProgress => {
                record.turn(Status::RollbackSuccessful, None, moment);
            }
            // A rollback that was asked for too late: the deployment ends well.
            Status::Pending | Status::InProgress | Status::RollbackRequested => {
                record.turn(Status::Successful, None, moment);
            }
            _ => {}
        }
    }
    events::completed(service, moment, number);
}

/// Something is to be done again.
pub(super) fn unsettle(service: &mut ServiceState, moment: Timestamp) {
    service.is_steady = false;
    service.settles_at = None;
    service.wake(moment);
}
