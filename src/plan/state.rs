//! The state of a service as `status` shows it: live truth, read in the light of the record.

use std::fmt;

use serde::Serialize;

use crate::model::{
    Deployment, DeploymentStatus, EcsDeployment, EcsDeploymentId, ObservedService, RolloutState,
    ServiceHead, StepStatus, TaskDefinitionArn, Verdict,
};

/// What a service is in, one word each. The order is by how much attention it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceState {
    /// It runs what was deployed, with all its tasks.
    Complete,
    /// A rollout is under way.
    InProgress,
    /// No rollout is under way, and fewer tasks run than wanted.
    NotStable,
    /// Of several services: some run what was deployed last, and some that it was to move do not.
    Mixed,
    /// Somebody deployed something else after the last verified deployment.
    Drifted,
    /// Another rollout took the place of the last deployment before it was done.
    Superseded,
    /// The last deployment failed, and the service was put back, by ECS or by us.
    RolledBack,
    /// The last deployment is on its way back, and not known to be there.
    RollingBack,
    /// ECS has no such service.
    Missing,
    /// The last rollout failed, and the service was not put back.
    Failed,
}

impl ServiceState {
    /// The state in the words of the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "COMPLETE",
            Self::InProgress => "IN_PROGRESS",
            Self::NotStable => "NOT_STABLE",
            Self::Mixed => "MIXED",
            Self::Drifted => "DRIFTED",
            Self::Superseded => "SUPERSEDED",
            Self::RolledBack => "ROLLED_BACK",
            Self::RollingBack => "ROLLING_BACK",
            Self::Missing => "MISSING",
            Self::Failed => "FAILED",
        }
    }

    /// Whether nothing will change without somebody doing something.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::InProgress | Self::NotStable)
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the record says of a service.
#[derive(Debug, Clone, Default)]
pub struct RecordedAttempt {
    /// The ECS deployment of the last attempt; none when it ended before one was started.
    pub ecs_deployment: Option<EcsDeploymentId>,
    /// What the service was set to before the last attempt.
    pub before: Option<TaskDefinitionArn>,
    /// How the last attempt ended; none when nobody saw its end.
    pub verdict: Option<Verdict>,
    /// What was last verified to run.
    pub verified: Option<TaskDefinitionArn>,
    /// How far the last attempt came.
    pub status: Option<StepStatus>,
    /// Whether a later deployment that succeeded wanted what it runs, and so had nothing to do.
    pub is_as_wanted_since: bool,
}

impl RecordedAttempt {
    /// What the head of a service says.
    #[must_use]
    pub fn of(head: &ServiceHead) -> Self {
        Self {
            ecs_deployment: head.ecs_deployment.clone(),
            before: head.before.clone(),
            verdict: head.verdict.clone(),
            verified: head.verified.as_ref().map(|verified| verified.task_definition.clone()),
            status: Some(head.status),
            is_as_wanted_since: false,
        }
    }
}

/// How many tasks run of what a service is set to, and what runs beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    /// Tasks that run, of what the service is set to.
    pub running: i32,
    /// Tasks that start, of what the service is set to.
    pub pending: i32,
    /// Tasks wanted.
    pub desired: i32,
    /// Tasks of other deployments that still run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub old_tasks: Vec<OldTasks>,
    /// Tasks that failed one after the other, of what the service is set to.
    pub failed_tasks: i32,
}

/// Tasks that run something else than what a service is set to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldTasks {
    /// What they run.
    pub task_definition: Option<TaskDefinitionArn>,
    /// How many run.
    pub running: i32,
}

/// Counts the tasks of one service. Those of an earlier deployment prove nothing of the PRIMARY one.
#[must_use]
pub fn task_counts(observed: Option<&ObservedService>) -> TaskCounts {
    let Some(service) = observed else { return TaskCounts::default() };
    let now = service.production();
    let counted = now.map(|now| (now.running, now.pending, now.failed_tasks));
    let (running, pending, failed_tasks) = counted.unwrap_or((service.running, service.pending, 0));
    let is_old = |one: &&EcsDeployment| {
        now.is_none_or(|now| now.id != one.id) && one.running > 0 && !service.is_left_over(one)
    };
    let others = service.deployments.iter().filter(is_old);
    let old_tasks = others
        .map(|one| OldTasks { task_definition: one.task_definition.clone(), running: one.running });
    let (desired, old_tasks) = (service.desired, old_tasks.collect());
    TaskCounts { running, pending, desired, old_tasks, failed_tasks }
}

/// Reads the state of one service.
#[must_use]
pub fn service_state(
    observed: Option<&ObservedService>,
    recorded: Option<&RecordedAttempt>,
) -> ServiceState {
    let Some(service) = observed.filter(|service| service.status == "ACTIVE") else {
        return ServiceState::Missing;
    };
    let Some(primary) = service.primary() else { return ServiceState::NotStable };
    match primary.rollout_state {
        Some(RolloutState::Failed) => ServiceState::Failed,
        Some(RolloutState::InProgress) => ServiceState::InProgress,
        Some(RolloutState::Completed) | None => recorded
            .and_then(|recorded| departure(primary, recorded))
            .unwrap_or_else(|| stability(service, primary)),
    }
}

/// How what runs departs from what the record says; nothing when it does not.
fn departure(primary: &EcsDeployment, recorded: &RecordedAttempt) -> Option<ServiceState> {
    let goes_back = recorded.status == Some(StepStatus::Compensating);
    match after_the_attempt(primary, recorded) {
        None | Some(ServiceState::RolledBack) if goes_back => Some(ServiceState::RollingBack),
        Some(ServiceState::RolledBack) if recorded.is_as_wanted_since => None,
        departed => departed,
    }
}

/// How what runs departs from what the last attempt wanted, by how that ended.
fn after_the_attempt(primary: &EcsDeployment, recorded: &RecordedAttempt) -> Option<ServiceState> {
    if recorded.ecs_deployment.as_ref() == Some(&primary.id) {
        return match &recorded.verdict {
            Some(Verdict::Failed { .. } | Verdict::Stopped { .. }) => Some(ServiceState::Failed),
            Some(Verdict::RolledBack { .. }) => Some(ServiceState::RolledBack),
            _ => None,
        };
    }
    match (&recorded.ecs_deployment, &recorded.verdict) {
        (Some(_), Some(Verdict::RolledBack { to, .. })) if primary.task_definition == *to => {
            Some(ServiceState::RolledBack)
        }
        (Some(_), Some(Verdict::Superseded { by, .. })) if by.as_ref() == Some(&primary.id) => {
            Some(ServiceState::Superseded)
        }
        (Some(_), None | Some(Verdict::TimedOut { .. } | Verdict::Unknown { .. })) => {
            let is_back = primary.task_definition == recorded.before;
            Some(if is_back { ServiceState::RolledBack } else { ServiceState::Superseded })
        }
        _ => drift(primary, recorded),
    }
}

/// Whether something else runs than what was last verified. A restart of the same task definition
/// by somebody else is no drift.
fn drift(primary: &EcsDeployment, recorded: &RecordedAttempt) -> Option<ServiceState> {
    let verified = recorded.verified.as_ref()?;
    (primary.task_definition.as_ref() != Some(verified)).then_some(ServiceState::Drifted)
}

/// Complete, or short of tasks.
fn stability(service: &ObservedService, primary: &EcsDeployment) -> ServiceState {
    if primary.running < service.desired {
        return ServiceState::NotStable;
    }
    ServiceState::Complete
}

/// The state of several services together: the worst of them, unless the last deployment of any of
/// them is on its way back, or has left them at different releases. Nothing for no services.
#[must_use]
pub fn overall(
    states: impl IntoIterator<Item = ServiceState>,
    last: Option<&Deployment>,
) -> Option<ServiceState> {
    let worst = states.into_iter().max()?;
    let goes_back = last.is_some_and(|last| last.status == DeploymentStatus::RollingBack);
    let is_mixed = last.is_some_and(|last| last.is_mixed() || last.is_half_way());
    Some(match worst {
        ServiceState::InProgress | ServiceState::Missing | ServiceState::Failed => worst,
        _ if goes_back => ServiceState::RollingBack,
        _ if is_mixed => ServiceState::Mixed,
        worst => worst,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RollbackCause;
    use crate::plan::test_support::{self, arn, deployment, service, step};
    use RolloutState::{Completed, Failed, InProgress};

    fn recorded(ours: u64, verdict: Option<Verdict>) -> RecordedAttempt {
        RecordedAttempt {
            ecs_deployment: Some(EcsDeploymentId::new(format!("ecs-svc/{ours}"))),
            before: Some(arn("web", 1)),
            verified: (verdict == Some(Verdict::Verified)).then(|| arn("web", 2)),
            verdict,
            ..RecordedAttempt::default()
        }
    }

    fn state(deployments: Vec<EcsDeployment>, recorded: Option<&RecordedAttempt>) -> ServiceState {
        service_state(Some(&service(deployments)), recorded)
    }

    #[test]
    fn live_truth_comes_first() {
        assert_eq!(service_state(None, None), ServiceState::Missing);
        assert_eq!(state(vec![], None), ServiceState::NotStable);
        assert_eq!(state(vec![deployment(2, true, 2, Completed)], None), ServiceState::Complete);
        assert_eq!(state(vec![deployment(2, true, 1, Completed)], None), ServiceState::NotStable);
        assert_eq!(state(vec![deployment(2, true, 1, InProgress)], None), ServiceState::InProgress);
        assert_eq!(state(vec![deployment(2, true, 0, Failed)], None), ServiceState::Failed);
    }

    #[test]
    fn tasks_of_an_earlier_deployment_are_not_counted_as_the_new_one_s() {
        let seen =
            service(vec![deployment(2, true, 0, Failed), deployment(1, false, 2, Completed)]);
        let old = OldTasks { task_definition: Some(arn("web", 1)), running: 2 };
        let wanted = TaskCounts { desired: 2, old_tasks: vec![old], ..TaskCounts::default() };
        assert_eq!(task_counts(Some(&seen)), wanted);
        assert_eq!(task_counts(None), TaskCounts::default());
        let late = vec![deployment(2, true, 1, Completed), deployment(1, false, 2, Completed)];
        assert_eq!(state(late, None), ServiceState::NotStable);
    }

    #[test]
    fn the_record_tells_complete_from_drifted() {
        let known = recorded(2, Some(Verdict::Verified));
        let verified = || Some(&known);
        assert_eq!(
            state(vec![deployment(2, true, 2, Completed)], verified()),
            ServiceState::Complete
        );
        assert_eq!(
            state(vec![deployment(3, true, 2, Completed)], verified()),
            ServiceState::Drifted
        );
        let mut restarted = deployment(3, true, 2, Completed);
        restarted.task_definition = Some(arn("web", 2));
        assert_eq!(state(vec![restarted], verified()), ServiceState::Complete);
    }

    #[test]
    fn a_rollback_and_a_supersession_stay_visible() {
        let back = Verdict::RolledBack {
            to: Some(arn("web", 1)),
            reason: String::new(),
            cause: RollbackCause::Other,
        };
        let old = || vec![deployment(1, true, 2, Completed)];
        assert_eq!(state(old(), Some(&recorded(2, Some(back)))), ServiceState::RolledBack);
        assert_eq!(state(old(), Some(&recorded(2, None))), ServiceState::RolledBack);
        let other = || vec![deployment(3, true, 2, Completed)];
        assert_eq!(state(other(), Some(&recorded(2, None))), ServiceState::Superseded);
        let by = Some(EcsDeploymentId::new("ecs-svc/3"));
        let superseded = Verdict::superseded(by, None);
        assert_eq!(state(other(), Some(&recorded(2, Some(superseded)))), ServiceState::Superseded);
    }

    /// The words of a verdict that ECS put it back to `web:1`.
    fn put_back() -> Verdict {
        let (to, reason) = (Some(arn("web", 1)), String::new());
        Verdict::RolledBack { to, reason, cause: RollbackCause::Other }
    }

    #[test]
    fn what_goes_back_is_not_complete() {
        let status = Some(StepStatus::Compensating);
        for (ours, verdict, runs, wanted) in [
            (2, None, 2, ServiceState::RollingBack),
            (2, Some(Verdict::Verified), 2, ServiceState::RollingBack),
            (2, None, 1, ServiceState::RollingBack),
            (2, Some(put_back()), 1, ServiceState::RollingBack),
            (2, Some(Verdict::Failed { reason: String::new() }), 2, ServiceState::Failed),
        ] {
            let attempt = RecordedAttempt { status, ..recorded(ours, verdict.clone()) };
            let live = vec![deployment(runs, true, 2, Completed)];
            assert_eq!(state(live, Some(&attempt)), wanted, "{verdict:?} {runs}");
        }
        let attempt = RecordedAttempt { status, ..recorded(2, None) };
        let live = vec![deployment(2, true, 1, InProgress)];
        assert_eq!(state(live, Some(&attempt)), ServiceState::InProgress);
    }

    #[test]
    fn what_a_later_deployment_wanted_as_it_is_is_complete() {
        let attempt = RecordedAttempt { is_as_wanted_since: true, ..recorded(2, Some(put_back())) };
        let runs = |number, running| vec![deployment(number, true, running, Completed)];
        assert_eq!(state(runs(1, 2), Some(&attempt)), ServiceState::Complete);
        assert_eq!(state(runs(1, 1), Some(&attempt)), ServiceState::NotStable);
        assert_eq!(state(runs(2, 2), Some(&attempt)), ServiceState::Complete);
    }

    #[test]
    fn a_deployment_left_half_way_is_not_complete() {
        use DeploymentStatus::{Detached, Interrupted, RollingBack, Succeeded};
        use ServiceState::{Complete, Failed, Mixed};
        use StepStatus::{Applied, Compensating, Pending, Verified};
        let moved = |status| {
            let ecs_deployment = (status != Pending).then(|| EcsDeploymentId::new("ecs-svc/2"));
            crate::model::Step { ecs_deployment, ..step(status) }
        };
        for (status, steps, worst, wanted) in [
            (RollingBack, vec![Verified, Compensating], Complete, ServiceState::RollingBack),
            (RollingBack, vec![Compensating], ServiceState::RolledBack, ServiceState::RollingBack),
            (RollingBack, vec![Compensating], Failed, Failed),
            (RollingBack, vec![Compensating], ServiceState::InProgress, ServiceState::InProgress),
            (Interrupted, vec![Verified, Pending], Complete, Mixed),
            (Interrupted, vec![Applied, Verified], Complete, Complete),
            (Interrupted, vec![Pending, Pending], Complete, Complete),
            (Detached, vec![Applied, Applied], Complete, Complete),
            (Succeeded, vec![Verified, Verified], Complete, Complete),
        ] {
            let steps: Vec<_> = steps.into_iter().map(moved).collect();
            let last = test_support::recorded(status, steps);
            assert_eq!(overall([Complete, worst], Some(&last)), Some(wanted), "{last:?}");
        }
    }

    #[test]
    fn tasks_that_keep_failing_and_those_left_over_are_told_apart() {
        let mut primary = deployment(2, true, 0, InProgress);
        primary.failed_tasks = 7;
        let looping = service(vec![primary, deployment(1, false, 2, Completed)]);
        assert_eq!(task_counts(Some(&looping)).failed_tasks, 7);

        let mut seen =
            service(vec![deployment(2, true, 2, Failed), deployment(1, false, 2, Completed)]);
        let serving = Some(EcsDeploymentId::new("ecs-svc/1"));
        let order = Err(String::new());
        seen.code_deploy = Some(crate::model::ObservedCodeDeploy { order, last: None, serving });
        let wanted = TaskCounts { running: 2, desired: 2, ..TaskCounts::default() };
        assert_eq!(task_counts(Some(&seen)), wanted);
        let look = crate::model::Seen::of(&seen, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(look.task_definition, Some(arn("web", 1)));
        let runs: Vec<_> =
            look.tasks.iter().map(|one| (one.task_definition.clone(), one.left_over)).collect();
        assert_eq!(runs, [(Some(arn("web", 1)), false), (Some(arn("web", 2)), true)]);
        assert_eq!(service_state(Some(&seen), None), ServiceState::Failed);
    }

    #[test]
    fn the_worst_state_is_the_overall_one() {
        use ServiceState::{Complete, Drifted, InProgress, Missing};
        assert_eq!(overall([Complete, InProgress, Complete], None), Some(InProgress));
        assert_eq!(overall([Complete, Missing, Drifted], None), Some(Missing));
        assert_eq!(overall([], None), None);
    }
}
