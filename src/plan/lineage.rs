//! What an environment goes back to when nobody names a release.

use std::collections::BTreeMap;

use crate::model::{
    Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus, ReleaseNumber, ServiceId, Step,
};

/// The release to go back to, by the deployments of the services in question, newest first; none
/// where none was verified before.
///
/// That is what was verified before the release that is verified now. Where the newest deployment
/// did not succeed, it is what was verified last; where that was a rollback, what it went back to. A
/// release that was rolled back from is passed over: going back twice goes further back.
#[must_use]
pub fn rollback_target(newest_first: &[Deployment]) -> Option<ReleaseNumber> {
    let newest = newest_first.first()?;
    let is_verified = newest.status == DeploymentStatus::Succeeded;
    if newest.kind == DeploymentKind::Rollback && !is_verified {
        return Some(newest.release);
    }
    let mut lineage = lineage(newest_first);
    if is_verified {
        lineage.pop();
    }
    lineage.last().map(|deployment| deployment.release)
}

/// The releases that were verified one after the other, oldest first, without those that were rolled
/// back from: of each the deployment that brought it.
fn lineage(newest_first: &[Deployment]) -> Vec<&Deployment> {
    let mut lineage: Vec<&Deployment> = Vec::new();
    let succeeded = |deployment: &&Deployment| deployment.status == DeploymentStatus::Succeeded;
    for deployment in newest_first.iter().rev().filter(succeeded) {
        let is_other = |last: &&Deployment| last.release != deployment.release;
        match deployment.kind {
            DeploymentKind::Rollback => {
                while lineage.last().is_some_and(is_other) {
                    lineage.pop();
                }
            }
            DeploymentKind::Register | DeploymentKind::Restart => continue,
            DeploymentKind::Deploy => {}
        }
        if lineage.last().is_none_or(is_other) {
            lineage.push(deployment);
        }
    }
    lineage
}

/// What services were set to before deployments that are gone back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RanBefore {
    /// The oldest of the deployments.
    pub deployment: DeploymentNumber,
    /// Of each service the step that found what it was set to before.
    pub steps: Vec<Step>,
}

/// What to go back to where no release was verified before.
///
/// After deployments that did not succeed, one after the other, and that nobody took back, it is not
/// what the newest of them found, which may be what the one before it had left broken, but what was
/// there before the first of them. Where the first release that was ever verified runs, it is what was
/// there before the deployment that brought it. What somebody else set in between is not passed over.
#[must_use]
pub fn ran_before(newest_first: &[Deployment]) -> Option<RanBefore> {
    let has_failed = |deployment: &&Deployment| {
        deployment.status.is_final() && deployment.status != DeploymentStatus::Succeeded
    };
    let row: Vec<&Deployment> = newest_first.iter().take_while(has_failed).collect();
    if row.iter().any(|deployment| is_left(deployment)) {
        return found_by(&row);
    }
    let first = first_verified(newest_first)?;
    let earlier = newest_first.iter().skip_while(|one| one.number >= first.number);
    let row: Vec<&Deployment> = [first].into_iter().chain(earlier.take_while(has_failed)).collect();
    found_by(&row)
}

/// The deployment that brought the release which runs, where nothing was verified before it.
fn first_verified(newest_first: &[Deployment]) -> Option<&Deployment> {
    let newest = newest_first.first()?;
    match lineage(newest_first).as_slice() {
        [first] if newest.status == DeploymentStatus::Succeeded => {
            Some(*first).filter(|first| first.kind == DeploymentKind::Deploy)
        }
        _ => None,
    }
}

/// What each service was set to before a row of deployments, newest first. One that they found as they
/// wanted it was not moved, and has nothing to go back to.
fn found_by(row: &[&Deployment]) -> Option<RanBefore> {
    let mut found: BTreeMap<&ServiceId, (DeploymentNumber, &Step)> = BTreeMap::new();
    let moves =
        |one: &&&Deployment| matches!(one.kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
    for deployment in row.iter().filter(moves) {
        let is_success = deployment.status == DeploymentStatus::Succeeded;
        let steps = deployment.steps.iter().filter(|step| !step.restart);
        for step in steps.filter(|step| !is_success || is_moved(step)) {
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
    Some(RanBefore { deployment, steps })
}

/// Whether a step has set its service to another revision than it found.
fn is_moved(step: &Step) -> bool {
    step.has_moved() && step.task_definition != step.before.task_definition
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
        model::{EcsDeploymentId, StepStatus, Verdict},
        plan::test_support::{arn, recorded, step},
    };
    use DeploymentKind::{Deploy, Rollback};
    use DeploymentStatus::{Failed, RolledBack, Succeeded};

    /// A deployment of the release of its own number.
    fn deployment(number: u64, kind: DeploymentKind, status: DeploymentStatus) -> Deployment {
        Deployment {
            number: DeploymentNumber(number),
            release: ReleaseNumber(number),
            kind,
            ..recorded(status, Vec::new())
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
        let found = ran_before(&newest_first)?;
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

    #[test]
    fn before_the_first_that_was_verified_it_is_what_ran_then() {
        let with =
            |number, kind, status, steps| Deployment { steps, ..deployment(number, kind, status) };
        let good = |number, steps| with(number, Deploy, Succeeded, steps);
        let back = |number, release, steps| Deployment {
            release: ReleaseNumber(release),
            ..with(number, Rollback, Succeeded, steps)
        };
        let web = |from, to| vec![moved("web", from, to)];
        let at = |revision| vec![("web".to_owned(), revision)];
        let first = || good(1, web(1, 2));
        assert_eq!(before(vec![first()]), Some((1, at(1))));
        // The same release again, by somebody else's hand in between.
        let again = Deployment { release: ReleaseNumber(1), ..good(2, web(5, 6)) };
        assert_eq!(before(vec![first(), again]), Some((1, at(1))));
        // There is a release to go back to.
        assert_eq!(before(vec![first(), good(2, web(2, 3))]), None);
        // All of them were gone back from.
        let twice = vec![first(), good(2, web(2, 3)), back(3, 1, web(3, 4))];
        assert_eq!(before(twice), Some((1, at(1))));
        // What ran before is what runs by now: nothing is known of what was there earlier.
        assert_eq!(before(vec![first(), back(2, 7, web(2, 3))]), None);
        // What the one before it had left broken is passed over.
        let failed = with(1, Deploy, Failed, web(1, 2));
        assert_eq!(before(vec![failed, good(2, web(2, 3))]), Some((1, at(1))));
        // What it found in place was not moved.
        assert_eq!(before(vec![good(1, web(1, 1))]), None);
        let mut unmoved = moved("web", 1, 2);
        unmoved.ecs_deployment = None;
        assert_eq!(before(vec![good(1, vec![unmoved])]), None);
    }
}
