//! The scheduler: which tasks are started and stopped, and whether all is as wanted.
//!
//! Invariant: while nothing fails, no decision brings the healthy tasks below the floor
//! (`minimumHealthyPercent`, rounded up) nor the tasks that are not STOPPED yet above the ceiling
//! (`maximumPercent`, rounded down).

use jiff::Timestamp;

use super::{
    beside,
    deployment::{Deployment, Rollout},
    events,
    pace::STABLE_FOR,
    placement,
    revision::Revision,
    stages,
    state::ServiceState,
    task::{StopCode, Task},
};

/// What there is of a service's tasks, from the PRIMARY deployment's point of view.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// Tasks that are wanted.
    desired: usize,
    /// Tasks of the PRIMARY deployment that are wanted.
    live_new: usize,
    /// Healthy ones of them.
    healthy_new: usize,
    /// Healthy tasks of other deployments.
    healthy_old: usize,
    /// Tasks on their way to STOPPED.
    stopping: usize,
    /// All tasks that are not STOPPED.
    present: usize,
}

impl Standing {
    /// Counts.
    fn of(service: &ServiceState, primary: u64) -> Self {
        let mut standing = Self {
            desired: usize::try_from(service.desired).unwrap_or(usize::MAX),
            live_new: 0,
            healthy_new: 0,
            healthy_old: 0,
            stopping: 0,
            present: 0,
        };
        for task in service.tasks.iter().filter(|task| task.is_present()) {
            let is_new = task.deployment == Some(primary);
            standing.present += 1;
            standing.stopping += usize::from(!task.is_live());
            standing.live_new += usize::from(is_new && task.is_live());
            standing.healthy_new += usize::from(is_new && task.is_healthy());
            standing.healthy_old += usize::from(!is_new && task.is_healthy());
        }
        standing
    }

    /// Tasks of the PRIMARY deployment that are missing.
    fn missing(&self) -> usize {
        self.desired.saturating_sub(self.live_new)
    }
}

/// Starts and stops tasks as far as the bounds allow at `moment`, and sees whether all is done.
pub(super) fn reconcile(service: &mut ServiceState, moment: Timestamp) {
    let Some(primary) = service.primary() else { return };
    let (number, rollout, starts_at) = (primary.number, primary.rollout, primary.starts_at);
    if starts_at > moment {
        service.wake(starts_at);
        return;
    }
    if stages::are_on(service) {
        beside::reconcile(service, number, moment);
    } else if rollout == Rollout::Failed {
        trim(service, number, |_| true, moment);
    } else {
        trim(service, number, |task| task.deployment == Some(number), moment);
        let has_stopped = drain(service, number, moment);
        let has_started = launch(service, moment);
        tell_if_stuck(service, number, has_stopped || has_started, moment);
    }
    drop_finished(service);
    see_whether_done(service, number, moment);
}

/// Stops tasks beyond the desired count: first those that are not healthy yet, then the youngest.
/// Those of earlier deployments count only where the PRIMARY one has been given up.
pub(super) fn trim(
    service: &mut ServiceState,
    primary: u64,
    counts: impl Fn(&Task) -> bool,
    moment: Timestamp,
) {
    let desired = usize::try_from(service.desired).unwrap_or(usize::MAX);
    let mut candidates: Vec<&Task> =
        service.tasks.iter().filter(|task| task.is_live() && counts(task)).collect();
    let surplus = candidates.len().saturating_sub(desired);
    candidates.reverse();
    candidates.sort_by_key(|task| task.is_healthy());
    let ids: Vec<String> =
        candidates.into_iter().take(surplus).map(|task| task.id.clone()).collect();
    stop(service, &ids, primary, moment);
}

/// Stops tasks of earlier deployments: those that are not healthy at once, the others as new ones
/// become healthy, or where the ceiling leaves no room for a new one. Tells whether it stopped any.
fn drain(service: &mut ServiceState, primary: u64, moment: Timestamp) -> bool {
    let standing = Standing::of(service, primary);
    let is_old = |task: &&Task| task.deployment != Some(primary) && task.is_live();
    let idle: Vec<String> = service
        .tasks
        .iter()
        .filter(is_old)
        .filter(|task| !task.settled)
        .map(|task| task.id.clone())
        .collect();
    let kept = standing.desired.saturating_sub(standing.healthy_new);
    let replaced = standing.healthy_old.saturating_sub(kept);
    let room = service.ceiling().saturating_sub(standing.present);
    let coming = room + standing.stopping + idle.len();
    let in_the_way = standing.missing().saturating_sub(coming);
    let spare = (standing.healthy_new + standing.healthy_old).saturating_sub(service.floor());
    let count = replaced.max(in_the_way).min(spare);
    let healthy = service.tasks.iter().filter(is_old).filter(|task| task.settled);
    let ids: Vec<String> =
        idle.into_iter().chain(healthy.take(count).map(|task| task.id.clone())).collect();
    stop(service, &ids, primary, moment);
    !ids.is_empty()
}

/// Stops tasks, and tells of it.
pub(super) fn stop(service: &mut ServiceState, ids: &[String], primary: u64, moment: Timestamp) {
    if ids.is_empty() {
        return;
    }
    let reason = format!("Scaling activity initiated by (deployment ecs-svc/{primary})");
    for task in service.tasks.iter_mut().filter(|task| ids.contains(&task.id)) {
        task.stop(StopCode::ServiceSchedulerInitiated, reason.clone(), moment);
    }
    service.is_steady = false;
    events::stopped(service, moment, ids);
}

/// Starts the tasks of the PRIMARY deployment that are missing, as far as there is room; tells
/// whether it started any.
fn launch(service: &mut ServiceState, moment: Timestamp) -> bool {
    let Some(number) = service.primary().map(|primary| primary.number) else { return false };
    let standing = Standing::of(service, number);
    let room = service.ceiling().saturating_sub(standing.present);
    start(service, number, standing.missing().min(room), moment)
}

/// Starts tasks of a deployment, unless it waits or something is in the way; tells whether it did.
pub(super) fn start(
    service: &mut ServiceState,
    number: u64,
    count: usize,
    moment: Timestamp,
) -> bool {
    let Some(deployment) = service.deployment(Some(number)) else { return false };
    if count == 0 || deployment.retry_at.is_some_and(|at| at > moment) {
        return false;
    }
    let Some(revision) = service.revision(deployment.revision).cloned() else { return false };
    if placement::is_blocked(service, moment) {
        return false;
    }
    let started: Vec<String> =
        (0..count).map(|_| start_one(service, number, &revision, moment)).collect();
    if let Some(deployment) = service.deployments.iter_mut().find(|one| one.number == number) {
        deployment.batch_failed = false;
        deployment.updated_at = moment;
    }
    service.is_steady = false;
    events::started(service, moment, &started);
    true
}

/// Starts a task of a deployment; gives its id.
fn start_one(
    service: &mut ServiceState,
    number: u64,
    revision: &Revision,
    moment: Timestamp,
) -> String {
    let id = service.ids.task();
    let mut task = Task::new(id.clone(), &revision.task_definition, &revision.containers, moment);
    task.deployment = Some(number);
    task.revision = Some(revision.number);
    task.started_by = Some(format!("ecs-svc/{number}"));
    task.balanced = !service.settings.target_groups.is_empty();
    service.tasks.push(task);
    id
}

/// Tells, once a deployment, that the bounds leave no way to go on.
fn tell_if_stuck(service: &mut ServiceState, primary: u64, has_acted: bool, moment: Timestamp) {
    let standing = Standing::of(service, primary);
    let has_room = service.ceiling() > standing.present;
    let is_moving = has_acted || standing.stopping > 0 || standing.live_new > standing.healthy_new;
    if has_room || is_moving || standing.missing() == 0 {
        return;
    }
    if let Some(primary) = service.deployments.first_mut()
        && !primary.told_stuck
    {
        primary.told_stuck = true;
        events::stuck(service, moment);
    }
}

/// Drops deployments but the PRIMARY one whose tasks are all STOPPED.
fn drop_finished(service: &mut ServiceState) {
    let tasks = &service.tasks;
    let has_tasks = |deployment: &Deployment| {
        let of_it = |task: &&Task| task.deployment == Some(deployment.number);
        tasks.iter().filter(of_it).any(Task::is_present)
    };
    let mut is_first = true;
    service.deployments.retain(|one| std::mem::take(&mut is_first) || has_tasks(one));
}

/// Sets when the service will be called steady, if all is as wanted now.
fn see_whether_done(service: &mut ServiceState, primary: u64, moment: Timestamp) {
    let standing = Standing::of(service, primary);
    let is_failed = service.primary().is_some_and(|one| one.rollout == Rollout::Failed)
        || !stages::may_complete(service);
    let is_whole = standing.healthy_new == standing.desired && standing.present == standing.desired;
    if is_failed || service.is_steady || !is_whole {
        service.settles_at = None;
        return;
    }
    // Nothing has to prove itself where nothing runs.
    let wait = if standing.desired == 0 { jiff::SignedDuration::ZERO } else { STABLE_FOR };
    service.settles_at.get_or_insert(moment + wait);
}
