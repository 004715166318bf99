//! The rollout engine: what ECS does to a service as time goes by.
//!
//! [`advance`] is a discrete-event simulation. Everything that will happen has a moment that is
//! worked out from the state alone; `advance` lets the happenings up to `now` happen in their order.
//! Invariant: the state at a moment does not depend on how often anyone looked before it; one leap
//! and many steps give the same (as long as the [`World`] is the same). Nothing here does I/O, and
//! nothing runs in the background.
//!
//! The parts: [`task`] is the life of one task, [`schedule`] decides which tasks to start and stop,
//! and [`beside`] does where deployments go in stages. [`deployment`] begins and ends deployments,
//! [`stages`] leads them through their stages with [`hooks`], [`failure`] rolls them back, and
//! [`record`] keeps how they went. [`breaker`] counts failures, [`alarms`] watches alarms, and
//! [`events`] words what a service tells of all that.

pub(super) mod alarms;
mod beside;
pub(super) mod breaker;
pub(super) mod container;
pub(super) mod deployment;
pub(super) mod events;
mod failure;
pub(super) mod hooks;
pub(super) mod ids;
pub(super) mod pace;
pub(in crate::sandbox) mod placement;
pub(super) mod record;
pub(super) mod revision;
pub(super) mod schedule;
pub(super) mod shift;
pub(super) mod stages;
pub(super) mod state;
pub(super) mod strategy;
pub(super) mod task;
pub(super) mod world;

#[cfg(test)]
mod fates;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod staged;
#[cfg(test)]
mod testing;

use jiff::Timestamp;

use self::task::Happening;
pub(super) use self::{
    breaker::{Breaker, Threshold},
    container::{Container, Health},
    deployment::{Deployment, Rollout},
    pace::Pace,
    record::{ServiceDeployment, Status},
    revision::{ContainerSpec, Revision},
    state::{Counts, ServiceState, Settings},
    task::{Phase, StopCode, Task},
    world::World,
};

/// Brings a service to the moment `now`.
pub(super) fn advance(service: &mut ServiceState, now: Timestamp, world: &World) {
    while let Some(due) = next_event(service, world)
        && due <= now
    {
        // A changed pace can put a due moment before what has already happened.
        let moment = due.max(service.clock);
        service.clock = moment;
        happen(service, moment, world);
    }
}

/// When the next thing happens to a service, if anything ever will.
pub(super) fn next_event(service: &ServiceState, world: &World) -> Option<Timestamp> {
    let tasks = service.tasks.iter().filter_map(|task| task.due(&world.pace));
    let deployments = service.deployments.iter().filter_map(|deployment| deployment.retry_at);
    let service_deployments = service.service_deployments.iter().filter_map(|one| one.turns_at);
    tasks
        .chain(deployments)
        .chain(service_deployments)
        .chain(service.settles_at)
        .chain(service.wake_at)
        .chain(stages::due(service))
        .chain(alarms::due(service, world))
        .min()
}

/// Everything that is due at `moment`, and then what the scheduler makes of it.
fn happen(service: &mut ServiceState, moment: Timestamp, world: &World) {
    if service.wake_at.is_some_and(|at| at <= moment) {
        service.wake_at = None;
    }
    deployment::turn(service, moment, world);
    alarms::look(service, moment, world);
    live(service, moment, world);
    for deployment in &mut service.deployments {
        if deployment.retry_at.is_some_and(|at| at <= moment) {
            deployment.retry_at = None;
        }
    }
    stages::pass(service, moment, world);
    stages::end_bake(service, moment);
    placement::look(service, moment, world);
    schedule::reconcile(service, moment);
    if service.settles_at.is_some_and(|at| at <= moment) {
        deployment::settle(service, moment);
    }
}

/// Lets every task whose moment has come take its next step.
fn live(service: &mut ServiceState, moment: Timestamp, world: &World) {
    let mut tasks = std::mem::take(&mut service.tasks);
    tasks.retain(|task| !task.is_forgotten(moment));
    let mut happenings = Vec::new();
    for task in &mut tasks {
        while task.due(&world.pace).is_some_and(|due| due <= moment) {
            let is_new =
                service.deployment(task.deployment).is_some_and(Deployment::is_in_progress);
            let revision =
                service.revisions.iter_mut().find(|one| Some(one.number) == task.revision);
            let happening = task.step(moment, world, revision, is_new);
            happenings.push((task.deployment, task.id.clone(), happening));
        }
    }
    service.tasks = tasks;
    for (number, task, happening) in happenings {
        take_note(service, moment, number, &task, happening);
    }
}

/// What a task's step means for its deployment and for the service's events.
fn take_note(
    service: &mut ServiceState,
    moment: Timestamp,
    number: Option<u64>,
    task: &str,
    happening: Happening,
) {
    match happening {
        Happening::Nothing => {}
        Happening::Registered => events::registered(service, moment),
        Happening::Settled => breaker::succeeded(service, number, moment),
        Happening::Exited => breaker::failed(service, number, moment),
        Happening::Unhealthy => {
            events::unhealthy(service, moment, task);
            breaker::failed(service, number, moment);
        }
        Happening::UnhealthyTarget => {
            end_unhealthy_target(service, moment, task);
            breaker::failed(service, number, moment);
        }
    }
}

/// Stops a task whose target group finds it unhealthy, and tells of it.
fn end_unhealthy_target(service: &mut ServiceState, moment: Timestamp, id: &str) {
    let Some(group) = service.settings.target_groups.first().cloned() else { return };
    let reason = format!("Task failed ELB health checks in (target-group {group})");
    for task in service.tasks.iter_mut().filter(|task| task.id == id) {
        task.stop(StopCode::ServiceSchedulerInitiated, reason.clone(), moment);
    }
    let port = service.settings.target_port;
    events::unhealthy_target(service, moment, (id, port), &group);
}
