//! Services whose tasks CodeDeploy moves: task sets, and the deployments that replace one by another.
//!
//! A task set is a rollout of its own that never changes what it runs. A service has its PRIMARY
//! one, and during a deployment one more. Invariant: at most the newest deployment is under way, and
//! all that will become of it is worked out from what is stored and the clock.

mod ask;
mod course;
mod deployment;
mod settings;
mod step;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    estate::Service,
    rollout::{self, ServiceState, Task, World},
};

use self::course::{Order, begin};
pub(in crate::sandbox) use self::{
    ask::{Request, deploy, hand_over, service},
    course::{go_on, stop},
    deployment::{Creator, Deployment, Lifecycle, LifecycleStatus, Status, Wait, weights},
    settings::{AutoRollback, Settings, Traffic},
};
pub(in crate::sandbox) use super::rollout::ids::{
    deployment as deployment_id, digest as image_digest,
};
pub(in crate::sandbox) use super::view::{TaskSetCounts, counted};

/// A task set beside the PRIMARY one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct TaskSet {
    /// The deployment that made it; none where the service's creation did.
    pub(in crate::sandbox) external_id: Option<String>,
    /// Its tasks.
    pub(in crate::sandbox::ecs) state: ServiceState,
}

/// What a service under CodeDeploy has besides the tasks of its PRIMARY task set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct BlueGreen {
    /// The deployment that made the PRIMARY task set.
    pub(in crate::sandbox) external_id: Option<String>,
    /// The other task set, if there is one: to be PRIMARY, or that was.
    pub(in crate::sandbox) other: Option<TaskSet>,
    /// Task sets that were deleted, as long as their tasks are told of.
    pub(in crate::sandbox) deleted: Vec<TaskSet>,
    /// The deployments, newest first.
    pub(in crate::sandbox) deployments: Vec<Deployment>,
}

impl BlueGreen {
    /// The deployment that is under way.
    pub(in crate::sandbox) fn under_way(&self) -> Option<&Deployment> {
        self.deployments.first().filter(|newest| !newest.status.is_over())
    }
}

impl Service {
    /// What CodeDeploy did to it.
    pub(in crate::sandbox) fn moves(&self) -> BlueGreen {
        self.blue_green.clone().unwrap_or_default()
    }

    /// All that its tasks come from: the PRIMARY task set first.
    pub(in crate::sandbox::ecs) fn states(&self) -> impl Iterator<Item = &ServiceState> {
        let sets = self.blue_green.iter().flat_map(|one| one.other.iter().chain(&one.deleted));
        std::iter::once(&self.rollout).chain(sets.map(|set| &set.state))
    }

    /// The same, to be changed.
    pub(in crate::sandbox::ecs) fn states_mut(
        &mut self,
    ) -> impl Iterator<Item = &mut ServiceState> {
        let sets = self.blue_green.iter_mut();
        let sets = sets.flat_map(|one| one.other.iter_mut().chain(&mut one.deleted));
        std::iter::once(&mut self.rollout).chain(sets.map(|set| &mut set.state))
    }

    /// The container and the port that traffic goes to.
    pub(in crate::sandbox) fn traffic_target(&self) -> Option<(String, i32)> {
        let balancer = self.input.load_balancers().first()?;
        Some((balancer.container_name()?.to_owned(), balancer.container_port()?))
    }

    /// Changes how many tasks are wanted of each task set that is to stay.
    pub(in crate::sandbox::ecs) fn scale(&mut self, desired: u32, now: Timestamp) {
        self.rollout.scale(desired, now);
        let other = self.blue_green.as_mut().and_then(|sets| sets.other.as_mut());
        if let Some(set) = other {
            set.state.scale(desired, now);
        }
    }

    /// Its tasks, of all task sets.
    pub(in crate::sandbox::ecs) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.states().flat_map(|state| &state.tasks)
    }
}

/// When the next thing happens to a service, if anything ever will.
pub(in crate::sandbox::ecs) fn next_event(service: &Service, world: &World) -> Option<Timestamp> {
    let tasks = service.states().filter_map(|state| rollout::next_event(state, world));
    let shift = service.blue_green.as_ref().and_then(BlueGreen::under_way).and_then(|one| one.due);
    tasks.chain(shift).min()
}

/// Brings a service to the moment `now`, its task sets and the deployment between them.
pub(in crate::sandbox::ecs) fn advance(service: &mut Service, now: Timestamp, world: &World) {
    while let Some(due) = next_event(service, world)
        && due <= now
    {
        for state in service.states_mut() {
            rollout::advance(state, due, world);
        }
        let moment = service.states().map(|state| state.clock).fold(due, Timestamp::max);
        step::take(service, moment);
        forget(service);
    }
}

/// Forgets deleted task sets of whose tasks ECS tells no more.
fn forget(service: &mut Service) {
    if let Some(sets) = &mut service.blue_green {
        sets.deleted.retain(|set| !set.state.tasks.is_empty());
    }
}
