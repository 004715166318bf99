//! The scheduler of deployments that go in stages: new tasks come up beside those that run.
//!
//! Invariant: what ran before is kept at the desired count, and is stopped in `CLEAN_UP` only.
//! `maximumPercent` is no bound here: there are twice as many tasks while both run.

use jiff::Timestamp;

use super::{
    deployment::Rollout, schedule, stages, state::ServiceState, strategy::Stage, task::Task,
};

/// Starts and stops tasks as far as the stage allows.
pub(super) fn reconcile(service: &mut ServiceState, primary: u64, moment: Timestamp) {
    let stage = stages::stage(service);
    let is_failed = service.primary().is_some_and(|one| one.rollout == Rollout::Failed);
    let numbers: Vec<u64> = service.deployments.iter().map(|one| one.number).collect();
    for number in &numbers {
        schedule::trim(service, primary, |task| task.deployment == Some(*number), moment);
    }
    if is_failed {
        return;
    }
    if stage.is_some_and(|stage| stage >= Stage::ScaleUp) {
        bring_up(service, primary, moment);
    }
    if stage == Some(Stage::CleanUp) {
        clean_up(service, primary, moment);
    } else if let Some(number) = before(service, primary) {
        bring_up(service, number, moment);
    }
}

/// The deployment that would be gone back to, and has the traffic until the shift.
fn before(service: &ServiceState, primary: u64) -> Option<u64> {
    let completed = service.last_completed?;
    let of_it = |one: &&super::Deployment| one.revision == completed && one.number != primary;
    service.deployments.iter().find(of_it).map(|one| one.number)
}

/// Starts the tasks of a deployment that are missing.
fn bring_up(service: &mut ServiceState, number: u64, moment: Timestamp) {
    let wanted = usize::try_from(service.desired).unwrap_or(usize::MAX);
    let live = service.tasks_of(number).filter(|task| task.is_live()).count();
    schedule::start(service, number, wanted.saturating_sub(live), moment);
}

/// Stops the tasks of all other deployments.
fn clean_up(service: &mut ServiceState, primary: u64, moment: Timestamp) {
    let is_other = |task: &&Task| task.deployment != Some(primary) && task.is_live();
    let ids: Vec<String> =
        service.tasks.iter().filter(is_other).map(|task| task.id.clone()).collect();
    schedule::stop(service, &ids, primary, moment);
}
