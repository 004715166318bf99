//! What keeps a service from starting tasks at all, before there is a task that could fail: no
//! capacity, or a role that ECS cannot assume.
//!
//! Invariant: while something is in the way no task of the service is started, no failure is
//! counted, and it is told once. AWS omits the event while its cause lasts, too ("duplicate event
//! messages are omitted until either the cause is resolved or six hours passes", ECS developer
//! guide, "service event messages").

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{events, state::ServiceState, world::World};

/// Whether there is room for a service's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capacity {
    /// There is.
    #[default]
    Normal,
    /// There is none: tasks that run go on, and no other is started.
    None,
}

/// Why a text is no capacity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a capacity: none and normal are")]
pub struct CapacityError(String);

impl FromStr for Capacity {
    type Err = CapacityError;

    fn from_str(text: &str) -> Result<Self, CapacityError> {
        match text {
            "none" => Ok(Self::None),
            "normal" => Ok(Self::Normal),
            other => Err(CapacityError(other.to_owned())),
        }
    }
}

/// How it stands with starting tasks of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Placement {
    /// Whether there is room.
    pub(in crate::sandbox::ecs) capacity: Capacity,
    /// What is in the way, as an event tells it.
    obstacle: Option<String>,
    /// What was told of it.
    told: Option<String>,
}

/// How long until the scheduler tries again.
const TRIES_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Finds out what is in the way of tasks of the PRIMARY deployment.
pub(super) fn look(service: &mut ServiceState, moment: Timestamp, world: &World) {
    let obstacle = obstacle(service, moment, world);
    if obstacle.is_none() {
        service.placement.told = None;
    }
    service.placement.obstacle = obstacle;
}

/// What is in the way.
fn obstacle(service: &ServiceState, moment: Timestamp, world: &World) -> Option<String> {
    let primary = service.primary()?;
    let revision = service.revision(primary.revision)?;
    if service.placement.capacity == Capacity::None {
        return Some(no_capacity(&revision.snapshot).to_owned());
    }
    let role = world.unassumable_role(revision, moment)?;
    Some(format!(
        "failed to launch a task with (error ECS was unable to assume the role '{role}' that was \
         provided for this task. Please verify that the role being passed has the proper trust \
         relationship and permissions and that your IAM user has permissions to pass this role.)."
    ))
}

/// ECS's words for a lack of room, on Fargate and on container instances.
fn no_capacity(settings: &serde_json::Value) -> &'static str {
    if settings.get("launchType").is_some_and(|it| it == "EC2") {
        return "was unable to place a task because no container instance met all of its \
                requirements. Reason: No Container Instances were found in your cluster. For more \
                information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
    }
    "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again \
     later or in a different availability zone. For more information, see the Troubleshooting \
     section of the Amazon ECS Developer Guide."
}

/// Whether something is in the way of a task that is to start now. It is told the first time, and
/// looked for again later.
pub(super) fn is_blocked(service: &mut ServiceState, moment: Timestamp) -> bool {
    let Some(obstacle) = service.placement.obstacle.clone() else { return false };
    service.wake(moment + TRIES_AGAIN);
    if service.placement.told.as_ref() != Some(&obstacle) {
        events::blocked(service, moment, &obstacle);
        service.placement.told = Some(obstacle);
    }
    true
}
