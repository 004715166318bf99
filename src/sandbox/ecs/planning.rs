//! What a service's deployment configuration makes of its deployments: strategy, bake time, lifecycle
//! hooks and alarms. Ranges and defaults are those of the ECS API reference.

use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentConfiguration, DeploymentEarlySuccessCriteria,
    DeploymentLifecycleHook, DeploymentLifecycleHookAction, DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration,
    DeploymentStrategy, LinearConfiguration,
};

use super::{
    faults::{invalid, unsupported},
    rollout::strategy::{Alarms, Hook, HookAction, HookTarget, Plan, Stage, Strategy},
};
use crate::sandbox::call::Fault;

/// The longest bake time: a day.
const LONGEST_BAKE: u32 = 1440;

/// The longest wait of a hook: 14 days.
const LONGEST_HOOK: u32 = 20_160;

/// How deployments go, or why they cannot go so.
pub(super) fn plan(configuration: Option<&DeploymentConfiguration>) -> Result<Plan, Fault> {
    let Some(configuration) = configuration else { return Ok(Plan::default()) };
    let criteria = configuration.early_success_criteria();
    if criteria.is_some_and(DeploymentEarlySuccessCriteria::enable) {
        return Err(unsupported("The sandbox does not do early success criteria."));
    }
    let strategy = strategy(configuration)?;
    let hooks: Result<Vec<Hook>, Fault> =
        configuration.lifecycle_hooks().iter().map(hook).collect();
    let hooks = hooks?;
    if strategy == Strategy::Rolling && !hooks.is_empty() {
        return Err(unsupported(
            "The sandbox does not run lifecycle hooks in ROLLING deployments.",
        ));
    }
    let bake = configuration.bake_time_in_minutes();
    let bake = minutes("bakeTimeInMinutes", bake, 0, LONGEST_BAKE)?;
    Ok(Plan { strategy, bake, hooks, alarms: alarms(configuration.alarms())? })
}

/// The strategy, with what it is configured by.
fn strategy(configuration: &DeploymentConfiguration) -> Result<Strategy, Fault> {
    let (linear, canary) =
        (configuration.linear_configuration(), configuration.canary_configuration());
    let strategy = match configuration.strategy() {
        None | Some(DeploymentStrategy::Rolling) => Strategy::Rolling,
        Some(DeploymentStrategy::BlueGreen) => Strategy::BlueGreen,
        Some(DeploymentStrategy::Linear) => {
            let step = linear.and_then(LinearConfiguration::step_percent).unwrap_or(10.0);
            let bake = linear.and_then(LinearConfiguration::step_bake_time_in_minutes);
            Strategy::Linear {
                step: thousandths("stepPercent", step, 30)?,
                bake: minutes("stepBakeTimeInMinutes", bake, 6, LONGEST_BAKE)?,
            }
        }
        Some(DeploymentStrategy::Canary) => {
            let first = canary.and_then(CanaryConfiguration::canary_percent).unwrap_or(5.0);
            let bake = canary.and_then(CanaryConfiguration::canary_bake_time_in_minutes);
            Strategy::Canary {
                first: thousandths("canaryPercent", first, 1)?,
                bake: minutes("canaryBakeTimeInMinutes", bake, 10, LONGEST_BAKE)?,
            }
        }
        Some(other) => {
            return Err(invalid(format!("Unknown deployment strategy {}.", other.as_str())));
        }
    };
    let is_linear = matches!(strategy, Strategy::Linear { .. });
    let is_canary = matches!(strategy, Strategy::Canary { .. });
    if linear.is_some() && !is_linear || canary.is_some() && !is_canary {
        return Err(invalid(
            "linearConfiguration and canaryConfiguration go with their own strategies only.",
        ));
    }
    Ok(strategy)
}

/// A share of traffic: a multiple of a tenth of a percent, from so many thousandths on.
fn thousandths(member: &str, percent: f64, least: u32) -> Result<u32, Fault> {
    let tenths = (percent * 10.0).round();
    // A number of this size is exact in both.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within 0 and 1000 where it counts"
    )]
    let whole = tenths.clamp(0.0, 1001.0) as u32;
    let is_multiple = (percent * 10.0 - tenths).abs() < 1e-6;
    if is_multiple && (least..=1000).contains(&whole) {
        return Ok(whole);
    }
    Err(invalid(format!(
        "{member} must be a multiple of 0.1 between {}.{} and 100.0.",
        least / 10,
        least % 10
    )))
}

/// A number of minutes up to the longest.
fn minutes(member: &str, given: Option<i32>, default: u32, most: u32) -> Result<u32, Fault> {
    let Some(given) = given else { return Ok(default) };
    let minutes = u32::try_from(given).ok().filter(|minutes| *minutes <= most);
    minutes.ok_or_else(|| invalid(format!("{member} must be between 0 and {most}.")))
}

/// The alarms, where they are on.
fn alarms(given: Option<&DeploymentAlarms>) -> Result<Option<Alarms>, Fault> {
    let Some(given) = given.filter(|one| one.enable()) else { return Ok(None) };
    if given.alarm_names().is_empty() {
        return Err(invalid("alarmNames cannot be empty when deployment alarms are enabled."));
    }
    Ok(Some(Alarms { names: given.alarm_names().to_vec(), rollback: given.rollback() }))
}

/// A lifecycle hook.
fn hook(given: &DeploymentLifecycleHook) -> Result<Hook, Fault> {
    let target = match given.target_type() {
        Some(DeploymentLifecycleHookTargetType::Pause) => HookTarget::Pause,
        None | Some(DeploymentLifecycleHookTargetType::AwsLambda) => {
            let arn = given.hook_target_arn().filter(|arn| arn.contains(":function:"));
            HookTarget::AwsLambda(
                arn.ok_or_else(|| invalid("hookTargetArn must be the ARN of a function."))?
                    .to_owned(),
            )
        }
        Some(other) => {
            return Err(invalid(format!("Unknown hook target type {}.", other.as_str())));
        }
    };
    let stages: Result<Vec<Stage>, Fault> = given.lifecycle_stages().iter().map(stage).collect();
    let stages = stages?;
    if stages.is_empty() {
        return Err(invalid("lifecycleStages cannot be empty."));
    }
    let shifts = [Stage::TestTrafficShift, Stage::ProductionTrafficShift];
    if target == HookTarget::Pause && stages.iter().any(|stage| shifts.contains(stage)) {
        return Err(invalid(
            "PAUSE hooks cannot be configured at TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT.",
        ));
    }
    let timeout = given.timeout_configuration();
    let waits = minutes(
        "timeoutInMinutes",
        timeout.and_then(DeploymentLifecycleHookTimeoutConfiguration::timeout_in_minutes),
        LONGEST_BAKE,
        LONGEST_HOOK,
    )?;
    let goes_on =
        timeout.and_then(|one| one.action()) == Some(&DeploymentLifecycleHookAction::Continue);
    let timeout_action = if goes_on { HookAction::Continue } else { HookAction::Rollback };
    Ok(Hook { target, stages, timeout: waits.max(1), timeout_action })
}

/// A stage at which a hook may be.
fn stage(given: &DeploymentLifecycleHookStage) -> Result<Stage, Fault> {
    use DeploymentLifecycleHookStage as Given;
    Ok(match given {
        Given::ReconcileService => Stage::ReconcileService,
        Given::PreScaleUp => Stage::PreScaleUp,
        Given::PostScaleUp => Stage::PostScaleUp,
        Given::TestTrafficShift => Stage::TestTrafficShift,
        Given::PostTestTrafficShift => Stage::PostTestTrafficShift,
        Given::PreProductionTrafficShift => Stage::PreProductionTrafficShift,
        Given::ProductionTrafficShift => Stage::ProductionTrafficShift,
        Given::PostProductionTrafficShift => Stage::PostProductionTrafficShift,
        other => {
            let (other, all) = (other.as_str(), Given::values().join(", "));
            return Err(invalid(format!("{other} is no stage for a hook: {all} are.")));
        }
    })
}
