//! Which rollouts ECS is asked to roll back itself, on the way back of a deployment.
//!
//! ECS shifts traffic and tasks back at once, to the very revision and digests that ran before. It
//! goes back to the last deployment that it completed: only where that is what the step found is it
//! asked. Everything else goes back by a new deployment.

use std::collections::BTreeMap;

use crate::model::{
    EcsDeploymentId, ObservedService, RolloutState, ServiceDeployment, ServiceDeploymentStatus,
    ServiceRevision, ServiceRevisionId, Step, StepStatus,
};

/// The rollout of a step that is still under way, and that nothing was done against but to ask for
/// its rollback.
#[must_use]
pub fn rollout_under_way<'a>(
    step: &'a Step,
    observed: &ObservedService,
) -> Option<&'a EcsDeploymentId> {
    let is_begun =
        matches!(step.status, StepStatus::Applied | StepStatus::Failed | StepStatus::Compensating);
    let goes_back_anew = step
        .compensation
        .as_ref()
        .is_some_and(|back| back.task_definition.is_some() || back.ecs_deployment.is_some());
    let ours = step.ecs_deployment.as_ref()?;
    let primary = observed.primary()?;
    let is_ours = primary.id == *ours && step.before.ecs_deployment.as_ref() != Some(ours);
    let goes_on = primary.rollout_state == Some(RolloutState::InProgress);
    (is_begun && !goes_back_anew && is_ours && goes_on).then_some(ours)
}

/// Whether ECS, asked to roll a service deployment back, goes back to what the step found: it is
/// under way, and nothing but that runs beside it.
#[must_use]
pub fn goes_back_to_before(
    step: &Step,
    deployment: &ServiceDeployment,
    revisions: &BTreeMap<ServiceRevisionId, ServiceRevision>,
) -> bool {
    use ServiceDeploymentStatus::{InProgress, Pending};
    let before = step.before.task_definition.as_ref();
    let runs = |id: &ServiceRevisionId| revisions.get(id)?.task_definition.as_ref();
    let [source] = deployment.sources.as_slice() else { return false };
    let source = source.revision.as_ref().and_then(runs);
    matches!(deployment.status, Pending | InProgress) && before.is_some() && source == before
}

/// Whether ECS is not done with the rollback of a service deployment that it was asked for. Where
/// it took the request just now (`is_taken`) it may take a moment to say so; and once it is done,
/// the service may take one to show it.
#[must_use]
pub fn is_rolling_back(
    step: &Step,
    deployment: &ServiceDeployment,
    (now, is_taken): (&ObservedService, bool),
) -> bool {
    use ServiceDeploymentStatus as Status;
    match &deployment.status {
        Status::Pending | Status::InProgress => is_taken,
        Status::StopRequested
        | Status::RollbackRequested
        | Status::RollbackInProgress
        | Status::Other(_) => true,
        Status::RollbackSuccessful => rollout_under_way(step, now).is_some(),
        Status::Successful | Status::Stopped | Status::RollbackFailed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Compensation, RevisionShare},
        plan::test_support::{arn, deployment, service, service_deployment, step},
    };

    /// The step, told to move to `web:2`.
    fn applied() -> Step {
        let mut applied = step(StepStatus::Applied);
        applied.task_definition = Some(arn("web", 2));
        applied.ecs_deployment = Some(EcsDeploymentId::new("ecs-svc/2"));
        applied
    }

    #[test]
    fn only_our_own_rollout_under_way_can_be_asked_back() {
        use RolloutState::{Completed, InProgress};
        let ours = |state| service(vec![deployment(2, true, 1, state)]);
        assert!(rollout_under_way(&applied(), &ours(InProgress)).is_some());
        assert!(rollout_under_way(&applied(), &ours(Completed)).is_none());
        let other = service(vec![deployment(3, true, 1, InProgress)]);
        assert!(rollout_under_way(&applied(), &other).is_none());
        let mut adopted = applied();
        adopted.before.ecs_deployment = adopted.ecs_deployment.clone();
        assert!(rollout_under_way(&adopted, &ours(InProgress)).is_none());
        let mut back = applied();
        back.status = StepStatus::Compensating;
        back.compensation = Some(Compensation::default());
        assert!(rollout_under_way(&back, &ours(InProgress)).is_some());
        back.compensation.as_mut().unwrap().task_definition = Some(arn("web", 3));
        assert!(rollout_under_way(&back, &ours(InProgress)).is_none());
    }

    #[test]
    fn ecs_is_asked_only_where_it_goes_back_to_what_was_found() {
        let id = |number: u64| ServiceRevisionId::new(format!("arn:revision/{number}"));
        let revision = |number: u64| ServiceRevision {
            id: id(number),
            task_definition: Some(arn("web", number)),
            digests: BTreeMap::new(),
        };
        let revisions: BTreeMap<_, _> =
            [1, 9].into_iter().map(|number| (id(number), revision(number))).collect();
        let share = |number| RevisionShare {
            revision: Some(id(number)),
            requested: 2,
            running: 2,
            pending: 0,
            test: None,
            production: None,
        };
        let from = |sources| ServiceDeployment { sources, ..service_deployment() };
        let goes = |deployment: &ServiceDeployment| {
            goes_back_to_before(&applied(), deployment, &revisions)
        };
        assert!(goes(&from(vec![share(1)])));
        for other in [vec![], vec![share(9)], vec![share(7)], vec![share(1), share(9)]] {
            assert!(!goes(&from(other)));
        }
        let over = ServiceDeployment {
            status: ServiceDeploymentStatus::Successful,
            ..from(vec![share(1)])
        };
        assert!(!goes(&over));
    }

    #[test]
    fn a_rollback_is_over_once_the_service_shows_it() {
        use RolloutState::{Completed, InProgress};
        let is = |status, seen: &ObservedService| {
            let deployment = ServiceDeployment { status, ..service_deployment() };
            is_rolling_back(&applied(), &deployment, (seen, true))
        };
        let ours = service(vec![deployment(2, true, 1, InProgress)]);
        let before = service(vec![deployment(1, true, 2, Completed)]);
        assert!(is(ServiceDeploymentStatus::RollbackRequested, &ours));
        assert!(is(ServiceDeploymentStatus::RollbackSuccessful, &ours));
        assert!(!is(ServiceDeploymentStatus::RollbackSuccessful, &before));
        let going = service_deployment();
        assert!(is_rolling_back(&applied(), &going, (&ours, true)));
        assert!(!is_rolling_back(&applied(), &going, (&ours, false)));
        // It was asked too late, or there was nothing to go back to.
        assert!(!is(ServiceDeploymentStatus::Successful, &ours));
        assert!(!is(ServiceDeploymentStatus::RollbackFailed, &ours));
    }
}
