//! Asks for what is around the services that a plan moves. None of it need be known: what AWS does
//! not tell is said, and stops nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::timeout;

use super::access::Access;
use crate::{
    backend::{
        aws::{AwsError, FaultKind},
        quotas::Quotas,
    },
    engine::cause_chain,
    model::{AlarmState, ClusterName, EcsServiceName, RolloutState, ScalingBounds, ServiceId},
    plan::{Asked, Plan, ServicePicture, Silence, Surroundings},
};

/// For how long each of these is asked. What need not be known is not waited for as long as AWS
/// throttles.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the pictures of services tell of what is to be asked.
#[derive(Debug, Clone)]
pub(super) struct Neighbour {
    /// The service.
    service: ServiceId,
    /// Where it is in ECS.
    target: (ClusterName, EcsServiceName),
    /// The alarms that watch its rollouts.
    alarms: Vec<String>,
    /// Whether ECS is to put it back, and what runs is not complete.
    has_doubtful_way_back: bool,
}

/// What is to be asked of each service, by its picture.
pub(super) fn neighbours(pictures: &[ServicePicture]) -> Vec<Neighbour> {
    pictures.iter().map(Neighbour::of).collect()
}

impl Neighbour {
    /// What is to be asked of a service.
    fn of(picture: &ServicePicture) -> Self {
        let observed = &picture.observed;
        let state = observed.primary().and_then(|primary| primary.rollout_state);
        let goes_back = observed.circuit_breaker.enabled && observed.circuit_breaker.rollback
            || observed.alarms.enabled && observed.alarms.rollback;
        let is_incomplete = matches!(state, Some(RolloutState::Failed | RolloutState::InProgress));
        let alarms = if observed.alarms.enabled { observed.alarms.names.clone() } else { vec![] };
        Self {
            service: picture.service.clone(),
            target: (observed.cluster.clone(), observed.name.clone()),
            alarms,
            has_doubtful_way_back: goes_back && is_incomplete,
        }
    }
}

/// Asks for the surroundings of the services that a plan moves.
pub(super) async fn look_around(
    access: &Access,
    plan: &Plan,
    mut neighbours: Vec<Neighbour>,
) -> Surroundings {
    let moves = plan.moves();
    neighbours.retain(|one| moves.contains(&one.service));
    let watched: BTreeMap<ServiceId, Vec<String>> = neighbours
        .iter()
        .filter(|one| !one.alarms.is_empty())
        .map(|one| (one.service.clone(), one.alarms.clone()))
        .collect();
    let (alarms, scaled, without_way_back, ()) = tokio::join!(
        alarms(access, &watched),
        scaled(access, &neighbours),
        timeout(PATIENCE, without_way_back(access, &neighbours)),
        pace(access, moves.len()),
    );
    let without_way_back = without_way_back.unwrap_or_default();
    Surroundings { watched, alarms, scaled, without_way_back }
}

/// Finds out how fast so many services can be moved, where that is more than AWS lets through at once.
/// Where it does not tell, what it publishes is kept to.
async fn pace(access: &Access, services: usize) {
    if !Quotas::matter_for(services) {
        return;
    }
    match timeout(PATIENCE, access.quotas.keep_to_applied()).await {
        Ok(Ok(())) => tracing::debug!("paced by what AWS applies"),
        Ok(Err(error)) => tracing::debug!(%error, "paced by what AWS publishes"),
        Err(_late) => tracing::debug!("paced by what AWS publishes: no answer in time"),
    }
}

/// The states of alarms.
async fn alarms(
    access: &Access,
    watched: &BTreeMap<ServiceId, Vec<String>>,
) -> Asked<BTreeMap<String, AlarmState>> {
    let names: BTreeSet<&String> = watched.values().flatten().collect();
    if names.is_empty() {
        return Asked::NotNeeded;
    }
    let names: Vec<String> = names.into_iter().cloned().collect();
    asked(access.alarms.states(&names)).await
}

/// The services that are scaled.
async fn scaled(
    access: &Access,
    neighbours: &[Neighbour],
) -> Asked<BTreeMap<ServiceId, ScalingBounds>> {
    if neighbours.is_empty() {
        return Asked::NotNeeded;
    }
    let targets: Vec<_> = neighbours.iter().map(|one| one.target.clone()).collect();
    match asked(access.scaling.bounds(&targets)).await {
        Asked::Told(bounds) => {
            let of = |one: &Neighbour| Some((one.service.clone(), *bounds.get(&one.target)?));
            Asked::Told(neighbours.iter().filter_map(of).collect())
        }
        Asked::Untold(unread) => Asked::Untold(unread),
        Asked::NotNeeded => Asked::NotNeeded,
    }
}

/// The services that ECS has nothing complete of. Only asked where what runs is not complete, and
/// only counted where ECS says so.
async fn without_way_back(access: &Access, neighbours: &[Neighbour]) -> BTreeSet<ServiceId> {
    let mut without = BTreeSet::new();
    for one in neighbours.iter().filter(|one| one.has_doubtful_way_back) {
        let (cluster, service) = &one.target;
        if let Ok(false) = access.ecs.has_completed(cluster, service).await {
            without.insert(one.service.clone());
        }
    }
    without
}

/// An answer, or in words why there is none.
async fn asked<T>(answer: impl Future<Output = Result<T, AwsError>>) -> Asked<T> {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(told)) => Asked::Told(told),
        Ok(Err(error)) => Asked::Untold(Silence {
            reason: cause_chain(&error),
            is_denied: matches!(error.kind(), FaultKind::AccessDenied(_)),
        }),
        Err(_late) => Asked::Untold(Silence {
            reason: format!("no answer within {} s", PATIENCE.as_secs()),
            is_denied: false,
        }),
    }
}
