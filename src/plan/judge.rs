//! Whether a rollout is done, failed or still going, judged by our own ECS deployment.
//!
//! "The service is stable" is never asked: after ECS has rolled back, a service is stable and
//! runs the old image. The rules follow the states of service deployments in the ECS developer
//! guide; a service without one (Classic ELB) is judged by its `deployments` alone.

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
    /// It ended without success.
    Ended(Verdict),
}

impl Watch {
    /// Whether the cheap look at the service leaves a question that its service deployment must
    /// answer.
    #[must_use]
    pub fn needs_a_closer_look(&self, service: Option<&ObservedService>) -> bool {
        let Some(service) = service else { return true };
        let Some(ours) = service.deployment(&self.ours) else { return true };
        !ours.is_primary
            || ours.rollout_state != Some(RolloutState::InProgress)
            || self.fails_without_breaker(service, ours).is_some()
    }

    /// Why the rollout is lost, when nothing but our own eyes will end it: without a circuit
    /// breaker ECS goes on starting failing tasks for ever.
    ///
    /// The threshold is the one the breaker would have: half of the desired tasks, at least 3 and
    /// at most 200 (ECS developer guide, "deployment circuit breaker").
    fn fails_without_breaker(
        &self,
        service: &ObservedService,
        ours: &EcsDeployment,
    ) -> Option<String> {
        let threshold = ((service.desired + 1) / 2).clamp(3, 200);
        (!self.circuit_breaker && ours.failed_tasks >= threshold).then(|| {
            format!(
                "{} tasks in a row failed to start, and no circuit breaker will end the rollout",
                ours.failed_tasks
            )
        })
    }
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
        Status::Successful => superseded(service),
        Status::Stopped => stopped(watch, service, deployment),
        Status::RollbackRequested | Status::RollbackInProgress => {
            Judgement::Failing { reason: failure_reason(deployment) }
        }
        Status::RollbackSuccessful => Judgement::Ended(Verdict::RolledBack {
            to: service.primary().and_then(|primary| primary.task_definition.clone()),
            reason: failure_reason(deployment),
        }),
        Status::RollbackFailed => {
            Judgement::Ended(Verdict::RollbackFailed { reason: failure_reason(deployment) })
        }
        Status::Pending | Status::InProgress | Status::StopRequested | Status::Other(_) => {
            still_going(watch, service)
        }
    }
}

/// Whether our deployment is the one ECS works towards.
fn is_primary(watch: &Watch, service: &ObservedService) -> bool {
    service.primary().is_some_and(|primary| primary.id == watch.ours)
}

/// Done, once no task of another deployment is left.
fn complete_when_alone(watch: &Watch, service: &ObservedService) -> Judgement {
    let settled = service.deployment(&watch.ours).is_some_and(|ours| {
        ours.rollout_state != Some(RolloutState::InProgress) && ours.running >= service.desired
    });
    if settled && service.tasks_of_others(&watch.ours) == 0 {
        return Judgement::Complete;
    }
    Judgement::Wait
}

/// A deployment that neither succeeded nor was rolled back: another took its place, or it failed
/// with rollback turned off. ECS uses one status for both.
fn stopped(watch: &Watch, service: &ObservedService, deployment: &ServiceDeployment) -> Judgement {
    let tripped = deployment.circuit_breaker_triggered || !deployment.triggered_alarms.is_empty();
    if tripped || is_primary(watch, service) {
        return Judgement::Ended(Verdict::Failed { reason: failure_reason(deployment) });
    }
    superseded(service)
}

/// Another deployment is PRIMARY.
fn superseded(service: &ObservedService) -> Judgement {
    let primary = service.primary();
    Judgement::Ended(Verdict::Superseded {
        by: primary.map(|primary| primary.id.clone()),
        task_definition: primary.and_then(|primary| primary.task_definition.clone()),
    })
}

/// ECS's words on a failure, or ours where it has none.
fn failure_reason(deployment: &ServiceDeployment) -> String {
    let rollback = deployment.rollback.as_ref().map(|rollback| rollback.reason.as_str());
    let told = [rollback.unwrap_or_default(), deployment.status_reason.as_str()];
    if let Some(words) = told.into_iter().find(|words| !words.is_empty()) {
        return words.to_owned();
    }
    if deployment.triggered_alarms.is_empty() {
        return "ECS stopped the deployment and gives no reason".to_owned();
    }
    format!("ECS stopped the deployment for the alarms {}", deployment.triggered_alarms.join(", "))
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
    let Some(ours) = service.deployment(&watch.ours) else { return gone(watch, service) };
    match ours.rollout_state {
        Some(RolloutState::Completed) if ours.is_primary => complete_when_alone(watch, service),
        None if ours.is_primary && service.deployments.len() == 1 => {
            complete_when_alone(watch, service)
        }
        Some(RolloutState::Failed) => {
            Judgement::Ended(Verdict::Failed { reason: ours.rollout_state_reason.clone() })
        }
        _ => still_going(watch, service),
    }
}

/// Our deployment is not listed any more: put back, or replaced.
fn gone(watch: &Watch, service: &ObservedService) -> Judgement {
    let Some(primary) = service.primary() else { return Judgement::Wait };
    let put_back = watch.before.is_some()
        && primary.task_definition == watch.before
        && primary.is_a_rollback();
    if !put_back {
        return superseded(service);
    }
    let reason = primary.rollout_state_reason.clone();
    match primary.rollout_state {
        Some(RolloutState::InProgress) => Judgement::Failing { reason },
        Some(RolloutState::Failed) => Judgement::Ended(Verdict::RollbackFailed { reason }),
        Some(RolloutState::Completed) | None => {
            Judgement::Ended(Verdict::RolledBack { to: primary.task_definition.clone(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServiceId, ServiceRollback};
    use crate::plan::test_support::{arn, deployment, service, service_deployment};

    fn watch(circuit_breaker: bool) -> Watch {
        Watch {
            service: ServiceId::new("web").unwrap(),
            ours: EcsDeploymentId::new("ecs-svc/2"),
            task_definition: arn("web", 2),
            before: Some(arn("web", 1)),
            circuit_breaker,
        }
    }

    fn status(status: ServiceDeploymentStatus) -> ServiceDeployment {
        ServiceDeployment { status, ..service_deployment() }
    }

    #[test]
    fn success_needs_our_deployment_to_be_primary_and_alone() {
        use RolloutState::{Completed, InProgress};
        let done = status(ServiceDeploymentStatus::Successful);
        let ours = deployment(2, true, 2, Completed);
        let alone = service(vec![ours.clone()]);
        assert_eq!(judge(&watch(true), Some(&alone), Some(&done)), Judgement::Complete);

        let old = deployment(1, false, 1, InProgress);
        let draining = service(vec![ours.clone(), old]);
        assert_eq!(judge(&watch(true), Some(&draining), Some(&done)), Judgement::Wait);

        let newer = service(vec![deployment(3, true, 2, InProgress)]);
        assert!(matches!(
            judge(&watch(true), Some(&newer), Some(&done)),
            Judgement::Ended(Verdict::Superseded { by: Some(_), .. })
        ));
    }

    #[test]
    fn a_rollback_by_ecs_is_failure_however_stable_the_service_is() {
        let stable = service(vec![deployment(1, true, 2, RolloutState::Completed)]);
        let mut rolling = status(ServiceDeploymentStatus::RollbackInProgress);
        rolling.rollback =
            Some(ServiceRollback { reason: "circuit breaker".into(), revision: None });
        assert_eq!(
            judge(&watch(true), Some(&stable), Some(&rolling)),
            Judgement::Failing { reason: "circuit breaker".into() }
        );
        let back = status(ServiceDeploymentStatus::RollbackSuccessful);
        let Judgement::Ended(Verdict::RolledBack { to, .. }) =
            judge(&watch(true), Some(&stable), Some(&back))
        else {
            panic!("a rollback is told")
        };
        assert_eq!(to, Some(arn("web", 1)));
        assert!(watch(true).needs_a_closer_look(Some(&stable)));
    }

    #[test]
    fn stopped_is_failure_or_supersession_by_who_is_primary() {
        let stopped = status(ServiceDeploymentStatus::Stopped);
        let ours = service(vec![deployment(2, true, 0, RolloutState::Failed)]);
        assert!(matches!(
            judge(&watch(true), Some(&ours), Some(&stopped)),
            Judgement::Ended(Verdict::Failed { .. })
        ));
        let other = service(vec![deployment(3, true, 0, RolloutState::InProgress)]);
        assert!(matches!(
            judge(&watch(true), Some(&other), Some(&stopped)),
            Judgement::Ended(Verdict::Superseded { .. })
        ));
        let tripped = ServiceDeployment { circuit_breaker_triggered: true, ..stopped };
        assert!(matches!(
            judge(&watch(true), Some(&other), Some(&tripped)),
            Judgement::Ended(Verdict::Failed { .. })
        ));
    }

    #[test]
    fn without_a_breaker_failing_tasks_end_the_wait() {
        let mut ours = deployment(2, true, 0, RolloutState::InProgress);
        ours.failed_tasks = 3;
        let failing = service(vec![ours]);
        let going = status(ServiceDeploymentStatus::InProgress);
        assert_eq!(judge(&watch(true), Some(&failing), Some(&going)), Judgement::Wait);
        assert!(!watch(true).needs_a_closer_look(Some(&failing)));
        assert!(watch(false).needs_a_closer_look(Some(&failing)));
        assert!(matches!(
            judge(&watch(false), Some(&failing), Some(&going)),
            Judgement::Ended(Verdict::Failed { .. })
        ));
    }

    #[test]
    fn unknown_statuses_are_waited_for() {
        let new = status(ServiceDeploymentStatus::Other("PAUSED".into()));
        let going = service(vec![deployment(2, true, 1, RolloutState::InProgress)]);
        assert_eq!(judge(&watch(true), Some(&going), Some(&new)), Judgement::Wait);
    }

    #[test]
    fn without_service_deployments_the_list_of_deployments_decides() {
        let judged = |deployments| judge(&watch(true), Some(&service(deployments)), None);
        assert_eq!(
            judged(vec![deployment(2, true, 2, RolloutState::Completed)]),
            Judgement::Complete
        );
        let mut back = deployment(1, true, 2, RolloutState::Completed);
        back.rollout_state_reason =
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.".into();
        assert!(matches!(judged(vec![back.clone()]), Judgement::Ended(Verdict::RolledBack { .. })));
        back.rollout_state = Some(RolloutState::InProgress);
        assert!(matches!(judged(vec![back]), Judgement::Failing { .. }));
        assert!(matches!(
            judged(vec![deployment(3, true, 2, RolloutState::Completed)]),
            Judgement::Ended(Verdict::Superseded { .. })
        ));
    }

    #[test]
    fn a_deleted_service_is_a_failure() {
        assert!(matches!(
            judge(&watch(true), None, None),
            Judgement::Ended(Verdict::Failed { .. })
        ));
    }
}
