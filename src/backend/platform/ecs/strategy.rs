//! Strategies, stages and hooks, from the SDK's types to ours. The words stay as ECS writes them.

use aws_sdk_ecs::types::{self as sdk, DeploymentLifecycleHookTimeoutConfiguration as Timeout};

use super::convert::timestamp;
use crate::model::{
    HookDetail, LifecycleHook, Percent, RevisionShare, ServiceRevisionId, Strategy, TrafficSteps,
};

/// `linearConfiguration.stepPercent` where a service has none (ECS API reference).
const LINEAR_PERCENT: f64 = 10.0;
/// `linearConfiguration.stepBakeTimeInMinutes` where a service has none (ECS API reference).
const LINEAR_BAKE: i32 = 6;
/// `canaryConfiguration.canaryPercent` where a service has none (ECS API reference).
const CANARY_PERCENT: f64 = 5.0;
/// `canaryConfiguration.canaryBakeTimeInMinutes` where a service has none (ECS API reference).
const CANARY_BAKE: i32 = 10;

/// How a service is set to be deployed, or a deployment to be carried out.
pub(super) fn configured(configuration: Option<&sdk::DeploymentConfiguration>) -> Strategy {
    let Some(configuration) = configuration else { return Strategy::default() };
    let name = configuration.strategy().map_or(Strategy::ROLLING, sdk::DeploymentStrategy::as_str);
    Strategy {
        name: name.to_owned(),
        bake_minutes: minutes(configuration.bake_time_in_minutes()).unwrap_or_default(),
        shift: match name {
            "LINEAR" => Some(linear(configuration.linear_configuration())),
            "CANARY" => Some(canary(configuration.canary_configuration())),
            _ => None,
        },
        hooks: configuration.lifecycle_hooks().iter().map(configured_hook).collect(),
    }
}

/// Steps of one size, each but the last with a wait after it.
fn linear(linear: Option<&sdk::LinearConfiguration>) -> TrafficSteps {
    let percent = linear.and_then(sdk::LinearConfiguration::step_percent);
    let bake = linear.and_then(sdk::LinearConfiguration::step_bake_time_in_minutes);
    let percent = Percent::new(percent.unwrap_or(LINEAR_PERCENT));
    TrafficSteps {
        percent,
        bake_minutes: minutes(bake.or(Some(LINEAR_BAKE))).unwrap_or_default(),
        waits: percent.steps_to_all().saturating_sub(1),
    }
}

/// One step, a wait, and the rest.
fn canary(canary: Option<&sdk::CanaryConfiguration>) -> TrafficSteps {
    let percent = canary.and_then(sdk::CanaryConfiguration::canary_percent);
    let bake = canary.and_then(sdk::CanaryConfiguration::canary_bake_time_in_minutes);
    let percent = Percent::new(percent.unwrap_or(CANARY_PERCENT));
    TrafficSteps {
        percent,
        bake_minutes: minutes(bake.or(Some(CANARY_BAKE))).unwrap_or_default(),
        waits: u32::from(percent < Percent::ALL),
    }
}

/// A number of minutes; one that is less than none is none.
fn minutes(minutes: Option<i32>) -> Option<u32> {
    u32::try_from(minutes?).ok()
}

/// A hook as a service is set to have it.
fn configured_hook(hook: &sdk::DeploymentLifecycleHook) -> LifecycleHook {
    let timeout = hook.timeout_configuration();
    LifecycleHook {
        target_type: target_type(hook.target_type()),
        target: hook.hook_target_arn().map(str::to_owned),
        stages: hook.lifecycle_stages().iter().map(|stage| stage.as_str().to_owned()).collect(),
        timeout_minutes: minutes(timeout.and_then(Timeout::timeout_in_minutes)),
        timeout_action: timeout.and_then(Timeout::action).map(|action| action.as_str().to_owned()),
    }
}

/// What a hook calls. Before there were others it was always a function, and ECS did not say so.
fn target_type(target: Option<&sdk::DeploymentLifecycleHookTargetType>) -> String {
    target.map_or("AWS_LAMBDA", sdk::DeploymentLifecycleHookTargetType::as_str).to_owned()
}

/// A revision in numbers.
pub(super) fn share(revision: &sdk::ServiceRevisionSummary) -> RevisionShare {
    RevisionShare {
        revision: revision.arn().map(ServiceRevisionId::new),
        requested: revision.requested_task_count(),
        running: revision.running_task_count(),
        pending: revision.pending_task_count(),
        test: revision.requested_test_traffic_weight().map(Percent::new),
        production: revision.requested_production_traffic_weight().map(Percent::new),
    }
}

/// A hook of a service deployment; none without an id.
pub(super) fn hook(hook: &sdk::DeploymentLifecycleHookDetail) -> Option<HookDetail> {
    Some(HookDetail {
        id: hook.hook_id()?.to_owned(),
        target_type: target_type(hook.target_type()),
        target: hook.target_arn().map(str::to_owned),
        status: hook.status().map_or_else(String::new, |status| status.as_str().to_owned()),
        expires_at: timestamp(hook.expires_at()),
        timeout_action: hook.timeout_action().map(|action| action.as_str().to_owned()),
    })
}
