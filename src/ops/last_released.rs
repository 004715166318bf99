//! The deployment that services were moved by last and that was not taken back, for `status`.
//!
//! Invariant: of the environment's history no more is read than what touches the services, newest first,
//! and never more than a bound, which is told: `status --watch` does it every two seconds.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{error::OpError, workspace::Workspace};
use crate::model::{
    Actor, Deployment, DeploymentNumber, DeploymentStatus, EnvironmentId, ReleaseNumber, ServiceId,
    Step,
};

/// How many of an environment's deployments `status` looks through by what the index has of them, for
/// this and for restarts that failed.
pub(super) const NEWEST: usize = 100;
/// How many deployments are read at the same time.
const AT_ONCE: usize = 8;
/// The most that are read.
const MOST: usize = 24;

/// The deployment that services were moved by last.
#[derive(Debug, Clone, Serialize)]
pub struct LastReleased {
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// Its release.
    pub release: ReleaseNumber,
    /// When it was begun.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: Actor,
}

/// What was found of it.
pub(super) enum Found {
    /// There is one.
    Released(LastReleased),
    /// There never was one.
    Never,
    /// None of so many of the newest deployments is one, and there are more.
    NotAmong(usize),
}

impl Found {
    /// The deployment, and among how many of the newest there is none.
    pub(super) fn told(self) -> (Option<LastReleased>, Option<usize>) {
        match self {
            Self::Released(found) => (Some(found), None),
            Self::Never => (None, None),
            Self::NotAmong(newest) => (None, Some(newest)),
        }
    }
}

/// The last deployment that moved one of the services and was not taken back: the last of any of them,
/// or else one of the newest of the environment, which come with the services they have steps for.
pub(super) async fn last_released(
    workspace: &Workspace,
    (environment, services): (&EnvironmentId, &BTreeSet<ServiceId>),
    (last, newest): (Option<&Deployment>, &[(DeploymentNumber, Vec<ServiceId>)]),
) -> Result<Found, OpError> {
    let Some(last) = last else { return Ok(Found::Never) };
    if has_released(last, services) {
        return Ok(Found::Released(LastReleased::of(last)));
    }
    let (ledger, project) = (&workspace.ledger, &workspace.project.id);
    let (numbers, bound) = to_read(newest, (last.number, services));
    for some in numbers.chunks(AT_ONCE) {
        let read = ledger.deployments_of(project, environment, some).await?;
        if let Some(found) = read.iter().find(|one| has_released(one, services)) {
            return Ok(Found::Released(LastReleased::of(found)));
        }
    }
    Ok(bound.map_or(Found::Never, Found::NotAmong))
}

/// Which of the newest deployments are read, besides the last of the services; and how many are looked
/// through so, where there are more.
fn to_read(
    newest: &[(DeploymentNumber, Vec<ServiceId>)],
    (last, services): (DeploymentNumber, &BTreeSet<ServiceId>),
) -> (Vec<DeploymentNumber>, Option<usize>) {
    let touches = |of: &[ServiceId]| of.iter().any(|service| services.contains(service));
    let mut touching = newest
        .iter()
        .enumerate()
        .filter(|(_, (number, of))| *number != last && touches(of))
        .map(|(place, (number, _))| (place, *number));
    let numbers = touching.by_ref().take(MOST).map(|(_, number)| number).collect();
    let unread = touching.next().map(|(place, _)| place);
    (numbers, unread.or_else(|| (newest.len() >= NEWEST).then_some(newest.len())))
}

/// Whether a deployment has moved one of some services, which is not known to be back, nor to be
/// taken back.
fn has_released(deployment: &Deployment, services: &BTreeSet<ServiceId>) -> bool {
    if deployment.status == DeploymentStatus::RollingBack {
        return false;
    }
    let mut steps = deployment.steps.iter();
    let is_left = |step: &Step| services.contains(&step.service) && step.has_moved();
    deployment.has_moved_services() && steps.any(is_left)
}

impl LastReleased {
    /// What is told of a deployment.
    fn of(deployment: &Deployment) -> Self {
        Self {
            deployment: deployment.number,
            release: deployment.release,
            at: deployment.created_at,
            by: deployment.actor.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many deployments, newest first; every `nth` touches `rare`, all touch `web`.
    fn history(length: u64, nth: u64) -> Vec<(DeploymentNumber, Vec<ServiceId>)> {
        let of = |number: u64| {
            let rare = number.is_multiple_of(nth).then_some("rare");
            let services = ["web"].into_iter().chain(rare);
            (DeploymentNumber(number), services.map(|id| id.parse().unwrap()).collect())
        };
        (1..=length).rev().map(of).collect()
    }

    #[test]
    fn only_what_touches_the_services_is_read_and_the_bound_is_told() {
        let read = |history: &[_], service: &str| {
            let services = BTreeSet::from([service.parse().unwrap()]);
            let (numbers, bound) = to_read(history, (DeploymentNumber(10), &services));
            (numbers.iter().map(|number| number.0).collect::<Vec<_>>(), bound)
        };
        assert_eq!(read(&history(30, 5), "rare"), (vec![30, 25, 20, 15, 5], None));
        assert_eq!(read(&history(30, 5), "other"), (vec![], None));
        assert_eq!(read(&[], "web"), (vec![], None));
        let (numbers, bound) = read(&history(40, 5), "web");
        assert_eq!((numbers.len(), numbers[0], bound), (MOST, 40, Some(MOST)));
        let (numbers, bound) = read(&history(NEWEST as u64, 50), "rare");
        assert_eq!((numbers, bound), (vec![100, 50], Some(NEWEST)));
    }
}
