//! The stages of a deployment: when each is entered and left, and what traffic goes where.
//!
//! Invariant: only the newest service deployment has a stage that passes. Production traffic goes to
//! what ran before until `PRODUCTION_TRAFFIC_SHIFT`, and tasks that ran before are kept until
//! `CLEAN_UP`. A rolling deployment has one stage of these, `BAKE_TIME`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    deployment,
    failure::{self, Cause},
    hooks::{self, HookRun},
    pace::STAGE_TAKES,
    record::{ServiceDeployment, Status},
    state::ServiceState,
    strategy::{ALL, Plan, Stage},
    world::World,
};

/// How far a deployment is in its stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::ecs) struct Progress {
    /// The stage.
    pub(in crate::sandbox::ecs) stage: Stage,
    /// Until when it lasts at least; nothing here once that is over.
    pub(in crate::sandbox::ecs) waits_until: Option<Timestamp>,
    /// How often production traffic was shifted.
    pub(in crate::sandbox::ecs) shifts: u32,
    /// The production traffic of what is wanted.
    pub(in crate::sandbox::ecs) production: u32,
    /// The test traffic of what is wanted.
    pub(in crate::sandbox::ecs) test: u32,
    /// The hooks of this stage; those that failed stay when the deployment goes back.
    pub(in crate::sandbox::ecs) hooks: Vec<HookRun>,
}

impl Progress {
    /// Before the first stage.
    fn at(stage: Stage) -> Self {
        Self { stage, waits_until: None, shifts: 0, production: 0, test: 0, hooks: Vec::new() }
    }
}

/// The service deployment whose stages pass: the newest, while it is being carried out.
fn current(service: &ServiceState) -> Option<&ServiceDeployment> {
    let record = service.service_deployments.first()?;
    let passes = matches!(record.status, Status::InProgress | Status::RollbackInProgress);
    passes.then_some(record)
}

/// When something of the stages is due.
pub(super) fn due(service: &ServiceState) -> Option<Timestamp> {
    let progress = current(service)?.progress.as_ref()?;
    progress.hooks.iter().filter_map(HookRun::due).chain(progress.waits_until).min()
}

/// Whether tasks run beside each other by stages, from the beginning of a deployment until it has
/// ended well.
pub(in crate::sandbox::ecs) fn are_on(service: &ServiceState) -> bool {
    let over = [Status::Successful, Status::RollbackSuccessful];
    let record = service.service_deployments.first();
    record.is_some_and(|one| one.plan.is_staged() && !over.contains(&one.status))
}

/// The stage of the newest service deployment.
pub(in crate::sandbox::ecs) fn stage(service: &ServiceState) -> Option<Stage> {
    let record = service.service_deployments.first()?;
    record.progress.as_ref().map(|progress| progress.stage)
}

/// Begins the stages of a deployment that is now in progress.
pub(super) fn begin(service: &mut ServiceState, moment: Timestamp) {
    let Some(record) = current(service).filter(|one| one.plan.is_staged()) else { return };
    let several = record.sources.iter().filter(|number| **number != record.target).count() > 1;
    enter(service, if several { Stage::ReconcileService } else { Stage::PreScaleUp }, moment);
}

/// Turns the stages back: what is gone back to is brought up if it has to be, gets the traffic, and
/// then the other tasks go. Hooks are not run on the way back.
pub(super) fn turn_back(service: &mut ServiceState, revision: u64, moment: Timestamp) {
    let Some(record) = service.service_deployments.first_mut() else { return };
    if !record.plan.is_staged() {
        record.progress = None;
        return;
    }
    if !record.sources.contains(&revision) {
        record.sources.push(revision);
    }
    enter(service, Stage::ScaleUp, moment);
}

/// Enters a stage.
fn enter(service: &mut ServiceState, stage: Stage, moment: Timestamp) {
    let ServiceState { service_deployments, ids, .. } = service;
    let Some(record) = service_deployments.first_mut() else { return };
    let goes_back = record.rollback.is_some();
    let mut progress = record.progress.take().unwrap_or_else(|| Progress::at(stage));
    progress.stage = stage;
    if goes_back {
        progress.hooks.retain(HookRun::has_ended);
    } else {
        let hooks = record.plan.hooks_at(stage);
        progress.hooks = hooks.map(|hook| HookRun::new(ids.event(), hook, moment)).collect();
    }
    match (stage, goes_back) {
        (Stage::TestTrafficShift, _) => progress.test = ALL,
        (Stage::ProductionTrafficShift, false) => {
            progress.shifts += 1;
            progress.production = record.plan.shifted(progress.shifts);
        }
        (Stage::ProductionTrafficShift, true) => {
            (progress.production, progress.test) = (0, 0);
            let revision = record.rollback.as_ref().map(|rollback| rollback.revision);
            record.shares = revision.map(|revision| (revision, ALL)).into_iter().collect();
        }
        _ => {}
    }
    progress.waits_until = Some(moment + stay(&record.plan, &progress, goes_back));
    record.progress = Some(progress);
    record.updated_at = moment;
}

/// How long a stage lasts at least.
fn stay(plan: &Plan, progress: &Progress, goes_back: bool) -> SignedDuration {
    match progress.stage {
        _ if goes_back => SignedDuration::ZERO,
        Stage::BakeTime => plan.bake_time(),
        Stage::ProductionTrafficShift if progress.production < ALL => {
            STAGE_TAKES + plan.step_bake()
        }
        _ => STAGE_TAKES,
    }
}

/// Lets hooks do what is due, and leaves stages whose time has come.
pub(super) fn pass(service: &mut ServiceState, moment: Timestamp, world: &World) {
    while current(service).is_some_and(|record| record.progress.is_some()) {
        if let Some(cause) = run_hooks(service, moment, world) {
            failure::fail(service, &cause, true, moment);
            continue;
        }
        if !may_leave(service) {
            return;
        }
        let Some(next) = next(service) else { return };
        enter(service, next, moment);
    }
}

/// Runs the hooks of the stage; tells why the deployment fails, if one of them says so.
fn run_hooks(service: &mut ServiceState, moment: Timestamp, world: &World) -> Option<Cause> {
    let record = service.service_deployments.first_mut()?;
    let goes_back = record.rollback.is_some();
    let progress = record.progress.as_mut()?;
    if progress.waits_until.is_some_and(|at| at <= moment) {
        progress.waits_until = None;
    }
    if goes_back {
        return None;
    }
    for hook in &mut progress.hooks {
        hook.step(moment, world);
    }
    hooks::failure(progress.stage, &progress.hooks).map(Cause::Hook)
}

/// Whether all that a stage waits for is there.
fn may_leave(service: &ServiceState) -> bool {
    let Some(record) = current(service) else { return false };
    let Some(progress) = &record.progress else { return false };
    let is_over = progress.waits_until.is_none();
    let may_go_on = progress.hooks.iter().all(HookRun::has_ended);
    let is_up = || {
        let tasks = service.primary().map(|primary| service.tasks_of(primary.number));
        let healthy = tasks.into_iter().flatten().filter(|task| task.is_healthy()).count();
        u32::try_from(healthy).is_ok_and(|healthy| healthy >= service.desired)
    };
    is_over && may_go_on && (progress.stage != Stage::ScaleUp || is_up())
}

/// The stage after this one; none after the last, which ends with the deployment.
fn next(service: &ServiceState) -> Option<Stage> {
    let record = current(service).filter(|one| one.plan.is_staged())?;
    let progress = record.progress.as_ref()?;
    if record.rollback.is_some() {
        return match progress.stage {
            Stage::ScaleUp => Some(Stage::ProductionTrafficShift),
            Stage::ProductionTrafficShift => Some(Stage::CleanUp),
            _ => None,
        };
    }
    let has_pre_shift = record.plan.hooks_at(Stage::PreProductionTrafficShift).next().is_some();
    let shift = if has_pre_shift {
        Stage::PreProductionTrafficShift
    } else {
        Stage::ProductionTrafficShift
    };
    match progress.stage {
        Stage::ReconcileService => Some(Stage::PreScaleUp),
        Stage::PreScaleUp => Some(Stage::ScaleUp),
        Stage::ScaleUp => Some(Stage::PostScaleUp),
        Stage::PostScaleUp => Some(Stage::TestTrafficShift),
        Stage::TestTrafficShift => Some(Stage::PostTestTrafficShift),
        Stage::PostTestTrafficShift => Some(shift),
        Stage::PreProductionTrafficShift => Some(Stage::ProductionTrafficShift),
        Stage::ProductionTrafficShift if progress.production < ALL => Some(shift),
        Stage::ProductionTrafficShift => Some(Stage::PostProductionTrafficShift),
        Stage::PostProductionTrafficShift => Some(Stage::BakeTime),
        Stage::BakeTime => Some(Stage::CleanUp),
        Stage::CleanUp => None,
    }
}

/// Whether a rolling deployment that is whole has to bake yet; begins its bake time.
pub(super) fn must_bake(service: &mut ServiceState, moment: Timestamp) -> bool {
    let Some(record) = current(service) else { return false };
    let is_first_time = record.progress.is_none();
    let bakes = record.rollback.is_none() && record.plan.bake_time() > SignedDuration::ZERO;
    if record.plan.is_staged() || !bakes {
        return false;
    }
    if is_first_time {
        enter(service, Stage::BakeTime, moment);
    }
    let record = service.service_deployments.first();
    record.and_then(|one| one.progress.as_ref()).is_some_and(|one| one.waits_until.is_some())
}

/// Completes a rolling deployment whose bake time is over, if it is whole.
pub(super) fn end_bake(service: &mut ServiceState, moment: Timestamp) {
    let Some(record) = current(service).filter(|one| !one.plan.is_staged()) else { return };
    let is_over = record.progress.as_ref().is_some_and(|one| one.waits_until.is_none());
    if is_over && service.is_steady {
        deployment::complete(service, moment);
    }
}

/// Whether a deployment may be complete as far as its stages go.
pub(super) fn may_complete(service: &ServiceState) -> bool {
    !are_on(service) || stage(service) == Some(Stage::CleanUp)
}

/// The thousandths of production traffic that go to each service revision, the wanted one first.
/// They add up to all, where anything ran before.
pub(in crate::sandbox::ecs) fn traffic(record: &ServiceDeployment) -> Vec<(u64, u32)> {
    let wanted = match record.status {
        Status::Successful => ALL,
        _ => record.progress.as_ref().map_or(0, |progress| progress.production),
    };
    let left = ALL - wanted.min(ALL);
    let mut traffic = vec![(record.target, wanted)];
    let scaled = record.shares.iter().map(|(number, share)| (*number, left * share / ALL));
    traffic.extend(scaled);
    let lost = left.saturating_sub(traffic.iter().skip(1).map(|(_, share)| share).sum());
    if let Some((_, first)) = traffic.get_mut(1) {
        *first += lost;
    }
    traffic
}

/// The thousandths of production traffic that the revisions have which run when a deployment begins.
pub(super) fn shares(service: &ServiceState, sources: &[u64]) -> Vec<(u64, u32)> {
    let told = service.service_deployments.first().map(traffic).unwrap_or_default();
    let of =
        |number: u64| told.iter().find(|(one, _)| *one == number).map_or(0, |(_, share)| *share);
    let mut shares: Vec<(u64, u32)> = sources.iter().map(|number| (*number, of(*number))).collect();
    let sum: u32 = shares.iter().map(|(_, share)| share).sum();
    let heir = shares.iter().position(|(number, _)| Some(*number) == service.last_completed);
    if let Some((_, share)) = shares.get_mut(heir.unwrap_or(0)) {
        *share += ALL.saturating_sub(sum);
    }
    shares
}
