//! What an environment goes back to when nobody names a release.

use std::collections::BTreeMap;

use crate::model::{
    Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, ReleaseNumber, ServiceId, Step,
};

/// The release to go back to, by the deployments of the services in question, newest first; none
/// where there is nothing to go back to.
///
/// That is what was verified before the release that is verified now. Where the newest deployment
/// did not succeed, it is what was verified last; where that was a rollback, what it went back to. A release that was rolled back from is passed
/// over: going back twice goes further back.
#[must_use]
pub fn rollback_target(newest_first: &[Deployment]) -> Option<ReleaseNumber> {
    let mut lineage: Vec<ReleaseNumber> = Vec::new();
    let succeeded = |deployment: &&Deployment| deployment.status == DeploymentStatus::Succeeded;
    for deployment in newest_first.iter().rev().filter(succeeded) {
        let release = deployment.release;
        match deployment.kind {
            DeploymentKind::Rollback => {
                while lineage.last().is_some_and(|last| *last != release) {
                    lineage.pop();
                }
            }
            DeploymentKind::Register | DeploymentKind::Restart => continue,
            DeploymentKind::Deploy => {}
        }
        if lineage.last() != Some(&release) {
            lineage.push(release);
        }
    }
    let newest = newest_first.first()?;
    if newest.kind == DeploymentKind::Rollback && newest.status != DeploymentStatus::Succeeded {
        return Some(newest.release);
    }
    if newest.status == DeploymentStatus::Succeeded {
        lineage.pop();
    }
    lineage.last().copied()
}

/// What services were set to before deployments failed in a row and were left where they failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforeFailures {
    /// The oldest of the deployments.
    pub deployment: DeploymentNumber,
    /// Of each service the step that found what it was set to before.
    pub steps: Vec<Step>,
}

/// What to go back to where deployments did not succeed, one after the other, and nobody took them
/// back: not what the newest of them found, which may be what the one before it had left broken, but
/// what was there before the first of them. What somebody else set in between is not passed over.
#[must_use]
pub fn before_failures(newest_first: &[Deployment]) -> Option<BeforeFailures> {
    let has_failed = |deployment: &&Deployment| {
        deployment.status.is_final() && deployment.status != DeploymentStatus::Succeeded
    };
    let row: Vec<&Deployment> = newest_first.iter().take_while(has_failed).collect();
    if !row.iter().any(|deployment| is_left(deployment)) {
        return None;
    }
    let mut found: BTreeMap<&ServiceId, (DeploymentNumber, &Step)> = BTreeMap::new();
    let moves =
        |one: &&Deployment| matches!(one.kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
    for deployment in row.into_iter().filter(moves) {
        for step in deployment.steps.iter().filter(|step| !step.restart) {
            let newer = found.get(&step.service);
            let left = step.task_definition.as_ref();
            let is_before = newer.is_none_or(|(_, newer)| {
                left.is_some() && left == newer.before.task_definition.as_ref()
            });
            if is_before {
                found.insert(&step.service, (deployment.number, step));
            }
        }
    }
    let deployment = found.values().map(|(number, _)| *number).min()?;
    let steps = found.into_values().map(|(_, step)| step.clone()).collect();
    Some(BeforeFailures { deployment, steps })
}

/// Whether a deployment moved services and was left where it failed.
fn is_left(deployment: &Deployment) -> bool {
    use DeploymentStatus::{Cancelled, Failed, RollbackFailed};
    deployment.kind == DeploymentKind::Deploy
        && matches!(deployment.status, Cancelled | Failed | RollbackFailed)
        && deployment.steps.iter().any(|step| !step.restart && !step.is_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Actor, EcsDeploymentId, OnFailure, Selection, StepStatus, Verdict},
        plan::test_support::{arn, step},
    };
    use DeploymentKind::{Deploy, Rollback};
    use DeploymentStatus::{Failed, RolledBack, Succeeded};

    fn deployment(release: u64, kind: DeploymentKind, status: DeploymentStatus) -> Deployment {
        Deployment {
            number: DeploymentNumber(release),
            project: "shop".parse().unwrap(),
            environment: "prod".parse().unwrap(),
            selection: Selection::All,
            release: ReleaseNumber(release),
            kind,
            status,
            actor: Actor::default(),
            description: None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            finished_at: None,
            tool_version: String::new(),
            on_failure: OnFailure::Rollback,
            settle_seconds: 0,
            from_release: None,
            cancel: None,
            steps: Vec::new(),
        }
    }

    #[test]
    fn back_is_what_was_verified_before() {
        let good = |release| deployment(release, Deploy, Succeeded);
        let back = |release| deployment(release, Rollback, Succeeded);
        let failed = |release| deployment(release, Deploy, Failed);
        // Oldest first, as they happened.
        let cases = [
            (vec![], None),
            (vec![good(1)], None),
            (vec![failed(1)], None),
            (vec![good(1), good(2)], Some(1)),
            (vec![good(1), good(2), good(2)], Some(1)),
            (vec![good(1), good(2), failed(3)], Some(2)),
            (vec![good(1), good(2), deployment(3, Deploy, RolledBack)], Some(2)),
            (vec![good(1), good(2), good(3), back(2)], Some(1)),
            (vec![good(1), good(2), good(3), back(2), back(1)], None),
            (vec![good(1), good(2), back(1), good(3)], Some(1)),
            (vec![good(1), good(2), good(1)], Some(2)),
            (vec![good(1), good(2), deployment(1, Rollback, Failed)], Some(1)),
            (vec![good(3), back(1)], None),
        ];
        for (mut history, expected) in cases {
            history.reverse();
            let found = rollback_target(&history).map(|release| release.0);
            assert_eq!(found, expected, "{history:?}");
        }
    }

    /// A step that has moved its service from a revision to another, in vain.
    fn moved(service: &str, from: u64, to: u64) -> Step {
        let mut step = step(StepStatus::Failed);
        step.service = service.parse().unwrap();
        step.before.task_definition = Some(arn("web", from));
        step.task_definition = Some(arn("web", to));
        step.ecs_deployment = Some(EcsDeploymentId::new(format!("ecs-svc/{to}")));
        step.verdict = Some(Verdict::Failed { reason: String::new() });
        step
    }

    /// What is gone back to, as revisions by service, with the oldest deployment in question.
    fn before(oldest_first: Vec<Deployment>) -> Option<(u64, Vec<(String, u64)>)> {
        let newest_first: Vec<Deployment> = oldest_first.into_iter().rev().collect();
        let found = before_failures(&newest_first)?;
        let revision = |step: &Step| {
            let found = step.before.task_definition.as_ref().unwrap().short().to_owned();
            (step.service.to_string(), found.rsplit_once(':').unwrap().1.parse().unwrap())
        };
        Some((found.deployment.0, found.steps.iter().map(revision).collect()))
    }

    #[test]
    fn after_failures_in_a_row_it_is_what_was_there_before_the_first() {
        let with =
            |number, status, steps| Deployment { steps, ..deployment(number, Deploy, status) };
        let failed = |number, steps| with(number, Failed, steps);
        let web = |revision| vec![("web".to_owned(), revision)];
        let first = || failed(1, vec![moved("web", 1, 2)]);
        let second = || failed(2, vec![moved("web", 2, 3)]);
        assert_eq!(before(vec![]), None);
        assert_eq!(before(vec![first()]), Some((1, web(1))));
        assert_eq!(before(vec![first(), second()]), Some((1, web(1))));
        // Somebody has mended it in between, by hand or with this program.
        let mended = failed(2, vec![moved("web", 7, 8)]);
        assert_eq!(before(vec![first(), mended]), Some((2, web(7))));
        let verified = with(2, Succeeded, vec![moved("web", 2, 3)]);
        assert_eq!(
            before(vec![first(), verified, failed(3, vec![moved("web", 3, 4)])]),
            Some((3, web(3)))
        );
        // One that was taken back leaves what the one before it had left.
        let mut back = moved("web", 2, 3);
        back.ecs_deployment = None;
        let taken_back = with(2, RolledBack, vec![back.clone()]);
        assert_eq!(before(vec![first(), taken_back]), Some((1, web(1))));
        assert_eq!(before(vec![with(1, RolledBack, vec![back])]), None);
        // Each service by itself.
        let both = failed(2, vec![moved("web", 2, 3), moved("worker", 5, 6)]);
        let found = before(vec![first(), both]).unwrap();
        assert_eq!(found, (1, vec![("web".to_owned(), 1), ("worker".to_owned(), 5)]));
    }
}
