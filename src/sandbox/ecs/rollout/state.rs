//! What is remembered of a service for its rollouts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    breaker::Breaker,
    deployment::Deployment,
    events::Event,
    ids::Ids,
    placement::Placement,
    record::ServiceDeployment,
    revision::Revision,
    strategy::Plan,
    task::{Phase, Task},
};

/// The parts of a service's settings that rollouts depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Settings {
    /// Lower bound of healthy tasks, percent of desired.
    pub(in crate::sandbox::ecs) minimum_healthy_percent: u32,
    /// Upper bound of tasks, percent of desired.
    pub(in crate::sandbox::ecs) maximum_percent: u32,
    /// The circuit breaker, where it is on.
    pub(in crate::sandbox::ecs) breaker: Option<Breaker>,
    /// Target groups that tasks are registered in.
    pub(in crate::sandbox::ecs) target_groups: Vec<String>,
    /// The port at which the first of them reaches its targets.
    #[serde(default)]
    pub(in crate::sandbox::ecs) target_port: u16,
    /// How deployments go.
    #[serde(default)]
    pub(in crate::sandbox::ecs) plan: Plan,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            breaker: None,
            target_groups: Vec::new(),
            target_port: 0,
            plan: Plan::default(),
        }
    }
}

/// A service, as far as it changes by itself.
///
/// Invariant: `deployments` has exactly one PRIMARY, its first, once the service has been deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct ServiceState {
    /// The service's name, for its events.
    pub(in crate::sandbox::ecs) name: String,
    /// Where its ids come from.
    pub(in crate::sandbox::ecs) ids: Ids,
    /// How many tasks are wanted.
    pub(in crate::sandbox::ecs) desired: u32,
    /// The bounds of rollouts.
    pub(in crate::sandbox::ecs) settings: Settings,
    /// The `deployments`, newest first.
    pub(in crate::sandbox::ecs) deployments: Vec<Deployment>,
    /// The tasks, oldest first.
    pub(in crate::sandbox::ecs) tasks: Vec<Task>,
    /// The service revisions, oldest first.
    pub(in crate::sandbox::ecs) revisions: Vec<Revision>,
    /// The service deployments, newest first.
    pub(in crate::sandbox::ecs) service_deployments: Vec<ServiceDeployment>,
    /// The latest events, newest first.
    pub(in crate::sandbox::ecs) events: Vec<Event>,
    /// The revision a failed deployment would go back to: that of the latest completed deployment,
    /// while it is not being gone back to already.
    pub(in crate::sandbox::ecs) last_completed: Option<u64>,
    /// When the scheduler has to look again for a reason that is none of the others.
    pub(in crate::sandbox::ecs) wake_at: Option<Timestamp>,
    /// When the service will have been whole for a moment, unless something happens first.
    pub(in crate::sandbox::ecs) settles_at: Option<Timestamp>,
    /// Whether it has been told that all is as wanted.
    pub(in crate::sandbox::ecs) is_steady: bool,
    /// What keeps it from starting tasks.
    #[serde(default)]
    pub(in crate::sandbox::ecs) placement: Placement,
    /// The moment of the last happening.
    pub(in crate::sandbox::ecs) clock: Timestamp,
}

impl ServiceState {
    /// A service with nothing deployed yet.
    pub(in crate::sandbox::ecs) fn new(name: &str, seed: &str, moment: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            ids: Ids::new(seed),
            desired: 0,
            settings: Settings::default(),
            deployments: Vec::new(),
            tasks: Vec::new(),
            revisions: Vec::new(),
            service_deployments: Vec::new(),
            events: Vec::new(),
            last_completed: None,
            wake_at: None,
            settles_at: None,
            is_steady: false,
            placement: Placement::default(),
            clock: moment,
        }
    }

    /// The deployment that ECS works towards.
    pub(in crate::sandbox::ecs) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    /// The deployment with a number.
    pub(in crate::sandbox::ecs) fn deployment(&self, number: Option<u64>) -> Option<&Deployment> {
        self.deployments.iter().find(|one| Some(one.number) == number)
    }

    /// The service revision with a number.
    pub(in crate::sandbox::ecs) fn revision(&self, number: u64) -> Option<&Revision> {
        self.revisions.iter().find(|one| one.number == number)
    }

    /// The tasks of a deployment.
    pub(in crate::sandbox::ecs) fn tasks_of(&self, number: u64) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(move |task| task.deployment == Some(number))
    }

    /// Changes how many tasks are wanted; that alone is no deployment.
    pub(in crate::sandbox::ecs) fn scale(&mut self, desired: u32, moment: Timestamp) {
        self.desired = desired;
        self.wake(moment);
    }

    /// Has the scheduler look after tasks that were touched from outside.
    pub(in crate::sandbox::ecs) fn disturb(&mut self, moment: Timestamp) {
        self.is_steady = false;
        self.wake(moment);
    }

    /// Has the scheduler look at `moment`.
    pub(in crate::sandbox::ecs) fn wake(&mut self, moment: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(moment, |at| at.min(moment)));
    }

    /// The fewest healthy tasks that a rollout may leave.
    pub(in crate::sandbox::ecs) fn floor(&self) -> usize {
        percent_of(self.desired, self.settings.minimum_healthy_percent).div_ceil(100)
    }

    /// The most tasks that there may be during a rollout.
    pub(in crate::sandbox::ecs) fn ceiling(&self) -> usize {
        percent_of(self.desired, self.settings.maximum_percent) / 100
    }

    /// Revisions that anything may still be pulled for.
    pub(in crate::sandbox::ecs) fn live_revisions(&self) -> impl Iterator<Item = &Revision> {
        let deployed = self.deployments.iter().map(|one| one.revision);
        let alive: BTreeSet<u64> = deployed.chain(self.last_completed).collect();
        self.revisions.iter().filter(move |one| alive.contains(&one.number))
    }
}

/// A hundred times the part that `percent` is of `count`.
fn percent_of(count: u32, percent: u32) -> usize {
    usize::try_from(u64::from(count) * u64::from(percent)).unwrap_or(usize::MAX)
}

/// How many of some tasks are in which part of their life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sandbox::ecs) struct Counts {
    /// Before RUNNING.
    pub(in crate::sandbox::ecs) pending: u32,
    /// RUNNING.
    pub(in crate::sandbox::ecs) running: u32,
    /// Wanted, whatever their status.
    pub(in crate::sandbox::ecs) live: u32,
}

impl Counts {
    /// Counts tasks.
    pub(in crate::sandbox::ecs) fn of<'a>(tasks: impl Iterator<Item = &'a Task>) -> Self {
        let mut counts = Self::default();
        for task in tasks {
            match task.phase {
                Phase::Provisioning | Phase::Pending | Phase::Activating => counts.pending += 1,
                Phase::Running => counts.running += 1,
                _ => {}
            }
            counts.live += u32::from(task.is_live());
        }
        counts
    }
}
