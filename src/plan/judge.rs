//! Whether a rollout is done, failed or still going, judged by our own ECS deployment.
//!
//! "The service is stable" is never asked: after ECS has rolled back, a service is stable and
//! runs the old image. The rules follow the states of service deployments in the ECS developer
//! guide; a service without one (Classic ELB) is judged by its `deployments` alone.

use super::cause::{cause_in, cause_of, failure_reason, rollback_failure};
use crate::model::{
    EcsDeployment, EcsDeploymentId, ObservedService, RolloutState, ServiceDeployment,
    ServiceDeploymentStatus, ServiceId, TaskDefinitionArn, Verdict,
};

/// The rollout being followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The service.
    pub service: ServiceId,
    /// Our deployment.
    pub ours: EcsDeploymentId,
    /// What it rolls out.
    pub task_definition: TaskDefinitionArn,
    /// What the service was set to before.
    pub before: Option<TaskDefinitionArn>,
    /// Whether ECS itself ends it when tasks keep failing.
    pub circuit_breaker: bool,
}

/// What one look at a rollout tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It goes on.
    Wait,
    /// It has failed, and ECS is still busy with the consequences.
    Failing {
        /// Why, in one sentence.
        reason: String,
    },
    /// ECS is done and our deployment runs; the digests are to be compared.
    Complete,
    /// ECS is done, and fewer tasks of our deployment run than are wanted: some have stopped since.
    Short {
        /// How many run.
        running: i32,
        /// How many are wanted.
        desired: i32,
    },
    /// It ended without success.
    Ended(Verdict),
}

impl Watch {
    /// Whether the cheap look at the service leaves a question that its service deployment must
    /// answer. A rollout in stages always does: nothing else tells how far it is.
    #[must_use]
    pub fn needs_a_closer_look(&self, service: Option<&ObservedService>) -> bool {
        let Some(service) = service else { return true };
        let Some(ours) = service.deployment(&self.ours) else { return true };
        service.strategy.is_staged()
            || !ours.is_primary
            || ours.rollout_state != Some(RolloutState::InProgress)
            || self.fails_without_breaker(service, ours).is_some()
    }

    /// Why the rollout is lost, when nothing but our own eyes will end it: without a circuit
    /// breaker ECS goes on starting failing tasks for ever.
    fn fails_without_breaker(
        &self,
        service: &ObservedService,
        ours: &EcsDeployment,
    ) -> Option<String> {
        let threshold = failure_threshold(service.desired);
        (!self.circuit_breaker && ours.failed_tasks >= threshold).then(|| {
            format!(
                "{} tasks in a row failed to start, and no circuit breaker will end the rollout",
                ours.failed_tasks
            )
        })
    }
}

/// How many tasks must fail until a rollout is given up: as many as the circuit breaker waits for,
/// half of the desired tasks, at least 3 and at most 200 (ECS developer guide, "deployment circuit
/// breaker").
#[must_use]
pub fn failure_threshold(desired: i32) -> i32 {
    ((desired + 1) / 2).clamp(3, 200)
}

/// Judges a rollout by the service and, where ECS has one, our service deployment.
#[must_use]
pub fn judge(
    watch: &Watch,
    service: Option<&ObservedService>,
    deployment: Option<&ServiceDeployment>,
) -> Judgement {
    let Some(service) = service.filter(|service| service.status == "ACTIVE") else {
        let reason = "the ECS service was deleted during the rollout".to_owned();
        return Judgement::Ended(Verdict::Failed { reason });
    };
    match deployment {
        Some(deployment) => by_service_deployment(watch, service, deployment),
        None => by_deployments(watch, service),
    }
}

/// The rules for a service whose service deployments are known.
fn by_service_deployment(
    watch: &Watch,
    service: &ObservedService,
    deployment: &ServiceDeployment,
) -> Judgement {
    use ServiceDeploymentStatus as Status;
    match &deployment.status {
        Status::Successful if is_primary(watch, service) => complete_when_alone(watch, service),
        Status::Successful => superseded(service, true),
        Status::Stopped => stopped(watch, service, deployment),
        // A rollback that was asked for too late may still end with success.
        Status::RollbackRequested | Status::RollbackInProgress => {
            Judgement::Failing { reason: failure_reason(deployment) }
        }
        Status::RollbackSuccessful => Judgement::Ended(Verdict::RolledBack {
            to: service.primary().and_then(|primary| primary.task_definition.clone()),
            reason: failure_reason(deployment),
            cause: cause_of(deployment),
        }),
        Status::RollbackFailed => rollback_failed(watch, service, deployment),
        Status::Pending | Status::InProgress | Status::StopRequested | Status::Other(_) => {
            still_going(watch, service)
        }
    }
}

/// Whether our deployment is the one ECS works towards.
fn is_primary(watch: &Watch, service: &ObservedService) -> bool {
    service.primary().is_some_and(|primary| primary.id == watch.ours)
}

/// Done, once no task of another deployment is left; unless the service is set to something else
/// although nothing took our deployment's place.
fn complete_when_alone(watch: &Watch, service: &ObservedService) -> Judgement {
    if let Some(other) = set_to_another(watch, service) {
        let task_definition = Some(other.clone());
        return Judgement::Ended(Verdict::Drifted { task_definition });
    }
    let ours = service.deployment(&watch.ours);
    let ours = ours.filter(|ours| ours.rollout_state != Some(RolloutState::InProgress));
    match ours {
        Some(ours) if ours.running < service.desired => {
            Judgement::Short { running: ours.running, desired: service.desired }
        }
        Some(_) if service.tasks_of_others(&watch.ours) == 0 => Judgement::Complete,
        Some(_) | None => Judgement::Wait,
    }
}

/// The task definition that a service or its PRIMARY deployment names, where it is not ours.
fn set_to_another<'a>(
    watch: &Watch,
    service: &'a ObservedService,
) -> Option<&'a TaskDefinitionArn> {
    let primary = service.primary().and_then(|primary| primary.task_definition.as_ref());
    let named = [service.task_definition.as_ref(), primary];
    named.into_iter().flatten().find(|named| **named != watch.task_definition)
}

/// A deployment that neither succeeded nor was rolled back. ECS uses one status for three ends:
/// another took its place, it failed with rollback turned off, or somebody stopped it.
fn stopped(watch: &Watch, service: &ObservedService, deployment: &ServiceDeployment) -> Judgement {
    let reason = failure_reason(deployment);
    let by_itself = deployment.circuit_breaker_triggered
        || !deployment.triggered_alarms.is_empty()
        || !deployment.failed_hooks.is_empty();
    if by_itself {
        return Judgement::Ended(Verdict::Failed { reason });
    }
    if is_primary(watch, service) {
        return Judgement::Ended(Verdict::Stopped { reason });
    }
    superseded(service, false)
}

/// Another deployment is PRIMARY, from which on ours was complete or never will be.
pub(super) fn superseded(service: &ObservedService, completed: bool) -> Judgement {
    let primary = service.primary();
    Judgement::Ended(Verdict::Superseded {
        by: primary.map(|primary| primary.id.clone()),
        task_definition: primary.and_then(|primary| primary.task_definition.clone()),
        completed,
        deployment: None,
    })
}

/// ECS could not put the service back; or it was about to, and another deployment took the place of
/// that too.
fn rollback_failed(
    watch: &Watch,
    service: &ObservedService,
    deployment: &ServiceDeployment,
) -> Judgement {
    let reason = rollback_failure(deployment);
    let newer = service.primary().filter(|primary| {
        let is_before = primary.task_definition == watch.before;
        primary.id != watch.ours && !primary.is_a_rollback() && !is_before
    });
    Judgement::Ended(match newer {
        None => Verdict::RollbackFailed { reason },
        Some(newer) => Verdict::Failed {
            reason: format!("{} took its place while ECS was putting it back: {reason}", newer.id),
        },
    })
}

/// Not ended by ECS; ended by us when it cannot succeed any more.
fn still_going(watch: &Watch, service: &ObservedService) -> Judgement {
    service
        .deployment(&watch.ours)
        .and_then(|ours| watch.fails_without_breaker(service, ours))
        .map_or(Judgement::Wait, |reason| Judgement::Ended(Verdict::Failed { reason }))
}

/// The rules for a service without service deployments.
fn by_deployments(watch: &Watch, service: &ObservedService) -> Judgement {
    let gone = || put_back(watch, service).unwrap_or_else(|| superseded(service, false));
    let Some(ours) = service.deployment(&watch.ours) else {
        return if service.primary().is_some() { gone() } else { Judgement::Wait };
    };
    match ours.rollout_state {
        Some(RolloutState::Completed) if ours.is_primary => complete_when_alone(watch, service),
        Some(RolloutState::Completed) => superseded(service, true),
        None if ours.is_primary && service.deployments.len() == 1 => {
            complete_when_alone(watch, service)
        }
        Some(RolloutState::Failed) => put_back(watch, service).unwrap_or_else(|| {
            Judgement::Ended(Verdict::Failed { reason: ours.rollout_state_reason.clone() })
        }),
        _ if !ours.is_primary => gone(),
        _ => still_going(watch, service),
    }
}

/// How far ECS is with putting the service back; nothing where that is not what it does.
fn put_back(watch: &Watch, service: &ObservedService) -> Option<Judgement> {
    let primary = service.primary()?;
    let is_so = watch.before.is_some()
        && primary.id != watch.ours
        && primary.task_definition == watch.before
        && primary.is_a_rollback();
    if !is_so {
        return None;
    }
    let reason = primary.rollout_state_reason.clone();
    Some(match primary.rollout_state {
        Some(RolloutState::InProgress) => Judgement::Failing { reason },
        Some(RolloutState::Failed) => Judgement::Ended(Verdict::RollbackFailed { reason }),
        Some(RolloutState::Completed) | None => Judgement::Ended(Verdict::RolledBack {
            to: primary.task_definition.clone(),
            cause: cause_in(&reason),
            reason,
        }),
    })
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
