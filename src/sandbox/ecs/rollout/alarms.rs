//! The alarms that a deployment watches: one that goes to ALARM while the deployment is in progress
//! ends it.
//!
//! Invariant: what has become of a deployment depends on when alarms changed, and not on when that
//! was noticed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    failure::{self, Cause},
    record::{ServiceDeployment, Status},
    stages,
    state::ServiceState,
    strategy::Stage,
    world::World,
};
use crate::sandbox::AlarmState;

/// What a deployment knows of its alarms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Watch {
    /// Whether they do not count: one of them was in ALARM already when the deployment began.
    pub(in crate::sandbox::ecs) is_ignored: bool,
    /// Those that ended it.
    pub(in crate::sandbox::ecs) triggered: Vec<String>,
}

/// The names of the alarms that the newest deployment watches, or will when it begins.
pub(in crate::sandbox::ecs) fn watched(service: &ServiceState) -> &[String] {
    let record = service.service_deployments.first().filter(|one| !one.status.is_terminal());
    let alarms = record.and_then(|one| one.plan.alarms.as_ref());
    alarms.map(|alarms| alarms.names.as_slice()).unwrap_or_default()
}

/// The deployment that watches alarms now: until its bake time is over.
fn watching(service: &ServiceState) -> Option<&ServiceDeployment> {
    let record = service.service_deployments.first()?;
    let is_on = record.status == Status::InProgress
        && !record.watch.is_ignored
        && record.watch.triggered.is_empty();
    let is_cleaning = record.plan.is_staged() && stages::stage(service) == Some(Stage::CleanUp);
    (is_on && !is_cleaning).then_some(record)
}

/// When the deployment's alarms end it, as far as is known.
pub(super) fn due(service: &ServiceState, world: &World) -> Option<Timestamp> {
    let record = watching(service)?;
    let started_at = record.started_at?;
    watched(service).iter().filter_map(|name| world.goes_to_alarm(name, started_at)).min()
}

/// Sees, as a deployment begins, whether its alarms count: "if an alarm is already in ALARM when the
/// deployment starts, ECS ignores alarms for that deployment" (ECS developer guide).
pub(super) fn begin(service: &mut ServiceState, moment: Timestamp, world: &World) {
    let is_ignored =
        watched(service).iter().any(|name| world.alarm(name, moment) == Some(AlarmState::Alarm));
    if let Some(record) = service.service_deployments.first_mut() {
        record.watch.is_ignored = is_ignored;
    }
}

/// Ends a deployment whose alarm has gone to ALARM.
pub(super) fn look(service: &mut ServiceState, moment: Timestamp, world: &World) {
    let Some(record) = watching(service) else { return };
    let Some((started_at, alarms)) = record.started_at.zip(record.plan.alarms.clone()) else {
        return;
    };
    let went = |name: &String| world.goes_to_alarm(name, started_at).is_some_and(|at| at <= moment);
    let triggered: Vec<String> = alarms.names.iter().filter(|name| went(name)).cloned().collect();
    if triggered.is_empty() {
        return;
    }
    if let Some(record) = service.service_deployments.first_mut() {
        record.watch.triggered.clone_from(&triggered);
    }
    failure::fail(service, &Cause::Alarm(triggered), alarms.rollback, moment);
}
