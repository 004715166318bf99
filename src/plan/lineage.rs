//! Which release an environment goes back to when nobody names one.

use crate::model::{Deployment, DeploymentKind, DeploymentStatus, ReleaseNumber};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, DeploymentNumber, OnFailure, Selection};
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
}
