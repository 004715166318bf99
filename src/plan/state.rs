//! The state of a service as `status` shows it: live truth, read in the light of the record.

use std::fmt;

use serde::Serialize;

use crate::model::{
    Deployment, EcsDeployment, EcsDeploymentId, ObservedService, RolloutState, ServiceHead,
    TaskDefinitionArn, Verdict,
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
    let of_primary = service.primary().map(|primary| (primary.running, primary.pending));
    let (running, pending) = of_primary.unwrap_or((service.running, service.pending));
    let others = service.deployments.iter().filter(|one| !one.is_primary && one.running > 0);
    let old_tasks = others
        .map(|one| OldTasks { task_definition: one.task_definition.clone(), running: one.running });
    TaskCounts { running, pending, desired: service.desired, old_tasks: old_tasks.collect() }
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
/// them has left them at different releases. Nothing for no services.
#[must_use]
pub fn overall(
    states: impl IntoIterator<Item = ServiceState>,
    last: Option<&Deployment>,
) -> Option<ServiceState> {
    let worst = states.into_iter().max()?;
    let is_mixed = last.is_some_and(Deployment::is_mixed);
    let says_more =
        matches!(worst, ServiceState::InProgress | ServiceState::Missing | ServiceState::Failed);
    Some(if is_mixed && !says_more { ServiceState::Mixed } else { worst })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RollbackCause;
    use crate::plan::test_support::{arn, deployment, service};
    use RolloutState::{Completed, Failed, InProgress};

    fn recorded(ours: u64, verdict: Option<Verdict>) -> RecordedAttempt {
        RecordedAttempt {
            ecs_deployment: Some(EcsDeploymentId::new(format!("ecs-svc/{ours}"))),
            before: Some(arn("web", 1)),
            verified: (verdict == Some(Verdict::Verified)).then(|| arn("web", 2)),
            verdict,
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
        let wanted = TaskCounts { running: 0, pending: 0, desired: 2, old_tasks: vec![old] };
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

    #[test]
    fn the_worst_state_is_the_overall_one() {
        use ServiceState::{Complete, Drifted, InProgress, Missing};
        assert_eq!(overall([Complete, InProgress, Complete], None), Some(InProgress));
        assert_eq!(overall([Complete, Missing, Drifted], None), Some(Missing));
        assert_eq!(overall([], None), None);
    }
}
