//! How a whole deployment ended, from how its steps did.

use std::path::PathBuf;

use crate::model::{CancelRequest, Deployment, DeploymentStatus, Step, StepStatus, Verdict};

/// What the engine brings back.
#[derive(Debug, Clone)]
pub struct Report {
    /// The deployment as it is in the record, or as it should be there.
    pub deployment: Deployment,
    /// The file with what the store did not take.
    pub unrecorded: Option<PathBuf>,
    /// Who had it stop, where that is why it did.
    pub stopped_by: Option<CancelRequest>,
}

/// The status of a deployment whose steps have all ended. Success takes every one of them.
#[must_use]
pub fn status_of(steps: &[Step]) -> DeploymentStatus {
    let verdicts = || steps.iter().filter_map(|step| step.verdict.as_ref());
    let any = |wanted: fn(&Verdict) -> bool| verdicts().any(wanted);
    if steps.iter().all(|step| step.status == StepStatus::Verified) {
        return DeploymentStatus::Succeeded;
    }
    if any(|verdict| matches!(verdict, Verdict::RollbackFailed { .. })) {
        return DeploymentStatus::RollbackFailed;
    }
    if any(Verdict::is_in_doubt) {
        return DeploymentStatus::Unknown;
    }
    if steps.iter().filter(|step| step.status != StepStatus::Skipped).all(Step::is_back) {
        return DeploymentStatus::RolledBack;
    }
    if any(Verdict::is_definite_failure) {
        return DeploymentStatus::Failed;
    }
    if any(Verdict::is_taken_over) {
        return DeploymentStatus::Superseded;
    }
    // All that were begun are verified, and the others never will be.
    DeploymentStatus::Cancelled
}

/// Whether a service failed for sure: not when nobody knows, and not when somebody else took over.
pub(super) fn is_definite_failure(steps: &[Step]) -> bool {
    steps.iter().filter_map(|step| step.verdict.as_ref()).any(Verdict::is_definite_failure)
}

/// The status of a deployment that went back as far as it could. That everything is back takes
/// every step that was begun.
pub(super) fn status_after_going_back(steps: &[Step]) -> DeploymentStatus {
    let any = |is: fn(&Step) -> bool| steps.iter().any(is);
    if any(|step| step.status == StepStatus::Compensating) {
        return DeploymentStatus::RollingBack;
    }
    let is_broken = |step: &Step| {
        step.status == StepStatus::CompensateFailed
            || (step.status != StepStatus::Compensated
                && matches!(step.verdict, Some(Verdict::RollbackFailed { .. })))
    };
    if any(is_broken) {
        return DeploymentStatus::RollbackFailed;
    }
    let is_back = |step: &Step| {
        matches!(step.status, StepStatus::Pending | StepStatus::Skipped | StepStatus::Compensated)
            || step.is_back()
    };
    if steps.iter().all(is_back) { DeploymentStatus::RolledBack } else { DeploymentStatus::Failed }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        ClusterName, EcsDeploymentId, EcsServiceName, RollbackCause, ServiceId, StepBefore,
        StepTarget,
    };

    fn step(verdict: Verdict) -> Step {
        let target = StepTarget {
            cluster: ClusterName::new("prod").unwrap(),
            ecs_service: EcsServiceName::new("web").unwrap(),
            containers: BTreeMap::new(),
            images: BTreeMap::new(),
            enable_circuit_breaker: false,
        };
        Step {
            status: match verdict {
                Verdict::Verified => StepStatus::Verified,
                Verdict::NotStarted { .. } => StepStatus::Skipped,
                _ => StepStatus::Failed,
            },
            ecs_deployment: Some(EcsDeploymentId::new("ecs-svc/1")),
            verdict: Some(verdict),
            ..Step::new(ServiceId::new("web").unwrap(), target, StepBefore::default())
        }
    }

    #[test]
    fn what_failed_before_it_moved_is_where_it_was() {
        for verdict in [
            Verdict::Failed { reason: String::new() },
            Verdict::NoDeployment { reason: String::new() },
        ] {
            let mut refused = step(verdict);
            refused.ecs_deployment = None;
            assert_eq!(status_of(&[refused.clone()]), DeploymentStatus::RolledBack);
            assert_eq!(status_of(&[refused, step(Verdict::Verified)]), DeploymentStatus::Failed);
        }
    }

    #[test]
    fn only_all_verified_is_success() {
        use DeploymentStatus as Status;
        let failed = || Verdict::Failed { reason: String::new() };
        let cause = RollbackCause::Alarm;
        let back = || Verdict::RolledBack { to: None, reason: String::new(), cause };
        let late = || Verdict::TimedOut { seconds: 1, last_seen: String::new() };
        let taken = || Verdict::superseded(None, None);
        let drifted = || Verdict::Drifted { task_definition: None };
        let stopped = || Verdict::Stopped { reason: String::new() };
        let broken = || Verdict::RollbackFailed { reason: String::new() };
        let skipped = || Verdict::NotStarted { reason: String::new() };
        let cases = [
            (vec![Verdict::Verified, Verdict::Verified], Status::Succeeded),
            (vec![Verdict::Verified, back()], Status::Failed),
            (vec![back(), back(), skipped()], Status::RolledBack),
            (vec![back(), failed()], Status::Failed),
            (vec![failed(), late()], Status::Unknown),
            (vec![failed(), broken(), late()], Status::RollbackFailed),
            (vec![Verdict::Verified, taken()], Status::Superseded),
            (vec![taken(), back()], Status::Failed),
            (vec![Verdict::Verified, drifted()], Status::Superseded),
            (vec![stopped(), drifted()], Status::Failed),
            (vec![Verdict::Verified, skipped()], Status::Cancelled),
        ];
        for (verdicts, wanted) in cases {
            let steps: Vec<Step> = verdicts.clone().into_iter().map(step).collect();
            assert_eq!(status_of(&steps), wanted, "{verdicts:?}");
        }
    }
}
