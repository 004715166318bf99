//! The life of one task: PROVISIONING, PENDING, (ACTIVATING,) RUNNING, (DEACTIVATING,) STOPPING,
//! DEPROVISIONING, STOPPED.
//!
//! Invariant: a task only ever moves forward, and [`Task::due`] is the moment of its next move.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    super::fate::Fate,
    container::{Container, Health},
    pace::{HEALTHY_AFTER, Pace, REMEMBERED_FOR, UNHEALTHY_AFTER},
    revision::{ContainerSpec, Revision},
    world::World,
};

/// `lastStatus` of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::sandbox::ecs) enum Phase {
    /// Network and disk are being made.
    Provisioning,
    /// Images are pulled and containers are made.
    Pending,
    /// The load balancer is told.
    Activating,
    /// Containers run.
    Running,
    /// The load balancer is told that the task goes.
    Deactivating,
    /// Containers are stopped.
    Stopping,
    /// Network and disk are given back.
    Deprovisioning,
    /// All is over.
    Stopped,
}

/// `stopCode` of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) enum StopCode {
    /// It never ran.
    TaskFailedToStart,
    /// A container that it needs exited.
    EssentialContainerExited,
    /// Somebody asked.
    UserInitiated,
    /// The service did not want it any more.
    ServiceSchedulerInitiated,
    /// Its Spot capacity was taken back.
    SpotInterruption,
}

/// Why a task stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Stop {
    /// The kind of reason.
    pub(in crate::sandbox::ecs) code: StopCode,
    /// `stoppedReason`.
    pub(in crate::sandbox::ecs) reason: String,
    /// When it was decided.
    pub(in crate::sandbox::ecs) at: Timestamp,
}

/// When a task came by the parts of its life, kept for `DescribeTasks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Times {
    /// When pulling began.
    pub(in crate::sandbox::ecs) pull_started: Option<Timestamp>,
    /// When pulling ended.
    pub(in crate::sandbox::ecs) pull_stopped: Option<Timestamp>,
    /// When it came to RUNNING.
    pub(in crate::sandbox::ecs) started: Option<Timestamp>,
    /// When its containers had ended.
    pub(in crate::sandbox::ecs) execution_stopped: Option<Timestamp>,
    /// When it came to STOPPED.
    pub(in crate::sandbox::ecs) stopped: Option<Timestamp>,
}

/// One task, of a service or by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Task {
    /// 32 hexadecimal digits.
    pub(in crate::sandbox::ecs) id: String,
    /// The deployment it counts for; `None` for a task that belongs to no service.
    pub(in crate::sandbox::ecs) deployment: Option<u64>,
    /// The service revision it runs.
    pub(in crate::sandbox::ecs) revision: Option<u64>,
    /// `startedBy`: of a service's task, the deployment that started it.
    pub(in crate::sandbox::ecs) started_by: Option<String>,
    /// The full ARN.
    pub(in crate::sandbox::ecs) definition: String,
    /// When it was asked for.
    pub(in crate::sandbox::ecs) created_at: Timestamp,
    /// Where it is in its life.
    pub(in crate::sandbox::ecs) phase: Phase,
    /// Since when.
    pub(in crate::sandbox::ecs) since: Timestamp,
    /// Whether it is behind a load balancer.
    pub(in crate::sandbox::ecs) balanced: bool,
    /// Its containers, in the task definition's order.
    pub(in crate::sandbox::ecs) containers: Vec<Container>,
    /// Whether its health has been decided.
    pub(in crate::sandbox::ecs) judged: bool,
    /// Whether it counts towards the minimum healthy percent.
    pub(in crate::sandbox::ecs) settled: bool,
    /// Why it stops; its desired status is RUNNING as long as there is nothing here.
    pub(in crate::sandbox::ecs) stop: Option<Stop>,
    /// Moments it has come by.
    pub(in crate::sandbox::ecs) times: Times,
    /// How many changes it has seen.
    pub(in crate::sandbox::ecs) version: u32,
}

/// What a step of a task means for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sandbox::ecs) enum Happening {
    /// Nothing that matters.
    Nothing,
    /// It runs, and is a target of the load balancer.
    Registered,
    /// It counts as healthy from now on.
    Settled,
    /// It did not start, or a container that it needs exited.
    Exited,
    /// Its health check failed.
    Unhealthy,
    /// The target group's health checks of it failed; it still runs.
    UnhealthyTarget,
}

impl Task {
    /// A task at the start of its life.
    pub(in crate::sandbox::ecs) fn new(
        id: String,
        definition: &str,
        containers: &[ContainerSpec],
        moment: Timestamp,
    ) -> Self {
        Self {
            id,
            deployment: None,
            revision: None,
            started_by: None,
            definition: definition.to_owned(),
            created_at: moment,
            phase: Phase::Provisioning,
            since: moment,
            balanced: false,
            containers: containers.iter().map(Container::new).collect(),
            judged: false,
            settled: false,
            stop: None,
            times: Times::default(),
            version: 1,
        }
    }

    /// Whether it is wanted: its desired status is RUNNING.
    pub(in crate::sandbox::ecs) fn is_live(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether it counts towards the minimum healthy percent.
    pub(in crate::sandbox::ecs) fn is_healthy(&self) -> bool {
        self.is_live() && self.settled
    }

    /// Whether anything is left of it.
    pub(in crate::sandbox::ecs) fn is_present(&self) -> bool {
        self.phase != Phase::Stopped
    }

    /// Whether ECS tells of it no more.
    pub(in crate::sandbox::ecs) fn is_forgotten(&self, moment: Timestamp) -> bool {
        self.times.stopped.is_some_and(|stopped| stopped + REMEMBERED_FOR <= moment)
    }

    /// What the health of its essential containers makes of its own.
    pub(in crate::sandbox::ecs) fn health(&self) -> Health {
        let checked = || {
            let essential = self.containers.iter().filter(|one| one.spec.essential);
            essential.map(|one| one.health).filter(|health| *health != Health::Unknown)
        };
        if checked().any(|health| health == Health::Unhealthy) {
            return Health::Unhealthy;
        }
        checked().next().unwrap_or_default()
    }

    /// When its next step is.
    pub(in crate::sandbox::ecs) fn due(&self, pace: &Pace) -> Option<Timestamp> {
        match self.phase {
            Phase::Provisioning => Some(self.since + pace.provisioning(&self.id)),
            Phase::Pending => Some(match self.times.pull_stopped {
                None => self.since + pace.pulling(&self.id),
                Some(pulled) => pulled + pace.starting(&self.id),
            }),
            Phase::Activating => Some(self.since + pace.starting(&self.id)),
            Phase::Running => self.due_while_running(),
            Phase::Deactivating => Some(self.since + pace.deactivating()),
            Phase::Stopping => Some(self.since + pace.stopping()),
            Phase::Deprovisioning => Some(self.since + pace.deprovisioning()),
            Phase::Stopped => Some(self.since + REMEMBERED_FOR),
        }
    }

    /// Whether the health checks of its target group fail.
    pub(in crate::sandbox::ecs) fn fails_as_target(&self) -> bool {
        self.balanced && self.containers.iter().any(|one| one.fate == Fate::TargetUnhealthy)
    }

    /// The earliest of its containers' exits and the decision on its health.
    fn due_while_running(&self) -> Option<Timestamp> {
        let exits = self.containers.iter().filter_map(|one| one.exit(self.since));
        exits.map(|(moment, _)| moment).chain(self.judgement()).min()
    }

    /// When its health is decided.
    fn judgement(&self) -> Option<Timestamp> {
        let fails = self.containers.iter().any(Container::fails_its_task) || self.fails_as_target();
        let after = if fails { UNHEALTHY_AFTER } else { HEALTHY_AFTER };
        (!self.judged).then(|| self.since + after)
    }

    /// Takes the step that is due. `revision` is the one it runs; a deployment in progress fixes
    /// the revision's digests with its first pull.
    pub(in crate::sandbox::ecs) fn step(
        &mut self,
        moment: Timestamp,
        world: &World,
        revision: Option<&mut Revision>,
        fixes_digests: bool,
    ) -> Happening {
        self.version += 1;
        match self.phase {
            Phase::Provisioning => {
                self.times.pull_started = Some(moment);
                self.enter(Phase::Pending, moment);
            }
            Phase::Pending if self.times.pull_stopped.is_none() => {
                return self.pull(moment, world, revision, fixes_digests);
            }
            Phase::Pending | Phase::Activating => {
                self.times.started = Some(moment);
                self.enter(Phase::Running, moment);
                return if self.balanced { Happening::Registered } else { Happening::Nothing };
            }
            Phase::Running => return self.run(moment),
            Phase::Deactivating => self.enter(Phase::Stopping, moment),
            Phase::Stopping => {
                if self.times.started.is_some() {
                    self.end_containers(moment);
                }
                self.enter(Phase::Deprovisioning, moment);
            }
            Phase::Deprovisioning => {
                self.times.stopped = Some(moment);
                self.enter(Phase::Stopped, moment);
            }
            Phase::Stopped => {}
        }
        Happening::Nothing
    }

    /// Stops it, unless that was decided before.
    pub(in crate::sandbox::ecs) fn stop(
        &mut self,
        code: StopCode,
        reason: impl Into<String>,
        moment: Timestamp,
    ) {
        if self.stop.is_some() || self.phase >= Phase::Deactivating {
            return;
        }
        self.stop = Some(Stop { code, reason: reason.into(), at: moment });
        let next = match self.phase {
            Phase::Provisioning => Phase::Deprovisioning,
            Phase::Running if self.balanced => Phase::Deactivating,
            _ => Phase::Stopping,
        };
        self.version += 1;
        self.enter(next, moment);
    }

    /// The end of pulling: what the images are, and what becomes of their containers.
    fn pull(
        &mut self,
        moment: Timestamp,
        world: &World,
        revision: Option<&mut Revision>,
        fixes_digests: bool,
    ) -> Happening {
        self.times.pull_stopped = Some(moment);
        if let Some(reason) = world.unreadable_secret(self, moment) {
            self.stop(StopCode::TaskFailedToStart, reason, moment);
            return Happening::Exited;
        }
        let mut failure = None;
        for (index, container) in self.containers.iter_mut().enumerate() {
            let fixed = revision.as_ref().and_then(|one| one.digest(index));
            let reference = container.spec.reference(fixed);
            let asked = (container.spec.image.as_str(), container.has_own_command);
            match world.pull(asked, &reference, moment) {
                Ok((digest, fate)) => (container.digest, container.fate) = (Some(digest), fate),
                Err(reason) => {
                    failure.get_or_insert_with(|| reason.clone());
                    container.reason = Some(reason);
                }
            }
        }
        if let Some(reason) = failure {
            self.stop(StopCode::TaskFailedToStart, reason, moment);
            return Happening::Exited;
        }
        if let Some(revision) = revision
            && fixes_digests
        {
            let found: Vec<_> = self.containers.iter().map(|one| one.digest.clone()).collect();
            revision.fix(&found);
        }
        if self.balanced {
            self.enter(Phase::Activating, moment);
        }
        Happening::Nothing
    }

    /// A step while RUNNING: a container exits, or health is decided.
    fn run(&mut self, moment: Timestamp) -> Happening {
        let start = self.since;
        let exiting = self.containers.iter_mut().find_map(|one| {
            one.exit(start).filter(|exit| exit.0 <= moment).map(|exit| (one, exit.1))
        });
        if let Some((container, code)) = exiting {
            container.exit_code = Some(code);
            container.reason = container.fate.exit_reason().map(str::to_owned);
            if !container.spec.essential {
                return Happening::Nothing;
            }
            self.times.execution_stopped = Some(moment);
            self.stop = Some(Stop {
                code: StopCode::EssentialContainerExited,
                reason: "Essential container in task exited".to_owned(),
                at: moment,
            });
            self.enter(Phase::Stopping, moment);
            return Happening::Exited;
        }
        self.judge(moment)
    }

    /// Decides its health.
    fn judge(&mut self, moment: Timestamp) -> Happening {
        self.judged = true;
        for container in &mut self.containers {
            container.health = match container.fate {
                Fate::Unhealthy => Health::Unhealthy,
                _ if container.spec.checked => Health::Healthy,
                _ => Health::Unknown,
            };
        }
        let fails = self.containers.iter().any(Container::fails_its_task);
        if fails && self.deployment.is_some() {
            self.stop(
                StopCode::ServiceSchedulerInitiated,
                "Task failed container health checks",
                moment,
            );
            return Happening::Unhealthy;
        }
        if self.fails_as_target() {
            return Happening::UnhealthyTarget;
        }
        self.settled = !fails;
        if fails { Happening::Nothing } else { Happening::Settled }
    }

    /// Gives containers that ran until now the exit code of a process ended by SIGTERM.
    fn end_containers(&mut self, moment: Timestamp) {
        self.times.execution_stopped.get_or_insert(moment);
        for container in &mut self.containers {
            container.exit_code.get_or_insert(128 + 15);
        }
    }

    /// Goes to the next part of its life.
    fn enter(&mut self, phase: Phase, moment: Timestamp) {
        self.phase = phase;
        self.since = moment;
    }
}
