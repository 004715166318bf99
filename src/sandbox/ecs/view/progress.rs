//! How far a deployment is: stage, traffic, hooks, and what watches over it.

use aws_sdk_ecs::types::{
    self, DeploymentLifecycleHookAction, DeploymentLifecycleHookDetail,
    DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType,
    ServiceDeploymentLifecycleStage, ServiceDeploymentRollbackMonitorsStatus as Monitors,
};

use super::{count, time};
use crate::sandbox::call::Scope;
use crate::sandbox::ecs::{
    estate::Service,
    names,
    rollout::{
        Counts, ServiceDeployment, Status,
        hooks::{HookRun, HookStatus},
        stages,
        strategy::{HookAction, HookTarget, Stage},
    },
};

/// The service revisions of a deployment, the wanted one first, each with its tasks and traffic.
pub(super) fn summaries(
    scope: &Scope,
    service: &Service,
    one: &ServiceDeployment,
) -> Vec<types::ServiceRevisionSummary> {
    let traffic = stages::traffic(one);
    let others = one.sources.iter().copied().filter(|number| *number != one.target);
    let numbers = std::iter::once(one.target).chain(others);
    let test = one.progress.as_ref().map_or(0, |progress| progress.test);
    numbers
        .map(|number| {
            let production = traffic.iter().find(|(of, _)| *of == number).map(|(_, share)| *share);
            let test = if number == one.target { test } else { 0 };
            let summary = summary(scope, service, number);
            if one.plan.is_staged() {
                summary
                    .requested_production_traffic_weight(percent(production.unwrap_or(0)))
                    .requested_test_traffic_weight(percent(test))
                    .build()
            } else {
                summary.build()
            }
        })
        .collect()
}

/// Thousandths as percent.
fn percent(thousandths: u32) -> f64 {
    f64::from(thousandths) / 10.0
}

/// A service revision's tasks.
fn summary(
    scope: &Scope,
    service: &Service,
    number: u64,
) -> types::builders::ServiceRevisionSummaryBuilder {
    let state = &service.rollout;
    let counts = Counts::of(state.tasks.iter().filter(|task| task.revision == Some(number)));
    let is_wanted = state.primary().is_some_and(|primary| primary.revision == number);
    let comes_up =
        !stages::are_on(state) || stages::stage(state).is_some_and(|stage| stage >= Stage::ScaleUp);
    let requested = if is_wanted && comes_up { state.desired } else { counts.live };
    types::ServiceRevisionSummary::builder()
        .arn(names::revision_arn(scope, &service.cluster, &service.name, number))
        .requested_task_count(count(requested))
        .running_task_count(count(counts.running))
        .pending_task_count(count(counts.pending))
}

/// How far a deployment in progress is. A rolling one brings tasks up, and then the earlier ones go.
pub(super) fn stage(
    service: &Service,
    one: &ServiceDeployment,
) -> Option<ServiceDeploymentLifecycleStage> {
    let is_on_its_way = one.status == Status::InProgress
        || one.plan.is_staged() && one.status == Status::RollbackInProgress;
    if !is_on_its_way {
        return None;
    }
    if let Some(progress) = &one.progress {
        return Some(ServiceDeploymentLifecycleStage::from(progress.stage.name()));
    }
    if one.plan.is_staged() {
        return None;
    }
    let state = &service.rollout;
    let new = state.tasks.iter().filter(|task| task.revision == Some(one.target));
    let healthy = new.filter(|task| task.is_healthy()).count();
    let is_up = u32::try_from(healthy).is_ok_and(|healthy| healthy >= state.desired);
    Some(if is_up {
        ServiceDeploymentLifecycleStage::CleanUp
    } else {
        ServiceDeploymentLifecycleStage::ScaleUp
    })
}

/// The hooks of the stage, and those that ended the deployment.
pub(super) fn hooks(one: &ServiceDeployment) -> Vec<DeploymentLifecycleHookDetail> {
    let runs = one.progress.as_ref().map(|progress| progress.hooks.as_slice());
    runs.unwrap_or_default().iter().map(hook).collect()
}

/// One of them.
fn hook(run: &HookRun) -> DeploymentLifecycleHookDetail {
    let status = match run.status {
        HookStatus::AwaitingAction => DeploymentLifecycleHookStatus::AwaitingAction,
        HookStatus::InProgress => DeploymentLifecycleHookStatus::InProgress,
        HookStatus::Succeeded => DeploymentLifecycleHookStatus::Succeeded,
        HookStatus::Failed => DeploymentLifecycleHookStatus::Failed,
        HookStatus::TimedOut => DeploymentLifecycleHookStatus::TimedOut,
    };
    let action = match run.timeout_action {
        HookAction::Continue => DeploymentLifecycleHookAction::Continue,
        HookAction::Rollback => DeploymentLifecycleHookAction::Rollback,
    };
    let (kind, arn) = match &run.target {
        HookTarget::AwsLambda(arn) => (DeploymentLifecycleHookTargetType::AwsLambda, Some(arn)),
        HookTarget::Pause => (DeploymentLifecycleHookTargetType::Pause, None),
    };
    DeploymentLifecycleHookDetail::builder()
        .hook_id(&run.id)
        .target_type(kind)
        .set_target_arn(arn.cloned())
        .status(status)
        .expires_at(time(run.expires_at))
        .timeout_action(action)
        .build()
}

/// What the circuit breaker makes of a deployment.
pub(super) fn breaker(
    service: &Service,
    one: &ServiceDeployment,
) -> types::ServiceDeploymentCircuitBreaker {
    let setting = service.rollout.settings.breaker;
    let status = match setting {
        _ if one.tripped => Monitors::Triggered,
        None => Monitors::Disabled,
        Some(_) if one.status.is_terminal() => Monitors::MonitoringComplete,
        Some(_) => Monitors::Monitoring,
    };
    let threshold = setting
        .map(|setting| setting.threshold)
        .unwrap_or_default()
        .failures(service.rollout.desired);
    types::ServiceDeploymentCircuitBreaker::builder()
        .status(status)
        .failure_count(count(one.failures))
        .threshold(count(threshold))
        .build()
}

/// What the alarms make of a deployment. Those that do not count, because one was in ALARM before,
/// are told as disabled; AWS does not say how it tells them.
pub(super) fn alarms(one: &ServiceDeployment) -> types::ServiceDeploymentAlarms {
    let status = match &one.plan.alarms {
        None => Monitors::Disabled,
        Some(_) if !one.watch.triggered.is_empty() => Monitors::Triggered,
        Some(_) if one.watch.is_ignored => Monitors::Disabled,
        Some(_) if one.status.is_terminal() => Monitors::MonitoringComplete,
        Some(_) => Monitors::Monitoring,
    };
    let names = one.plan.alarms.as_ref().map(|alarms| alarms.names.clone());
    types::ServiceDeploymentAlarms::builder()
        .status(status)
        .set_alarm_names(names)
        .set_triggered_alarm_names(one.plan.alarms.is_some().then(|| one.watch.triggered.clone()))
        .build()
}
