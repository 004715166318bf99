//! A service's settings: what is refused, what is filled in, and what rollouts make of them.

use aws_sdk_ecs::{
    operation::create_service::CreateServiceInput,
    types::{
        DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentStrategy, LaunchType,
        SchedulingStrategy, ThresholdType,
    },
};

use super::{
    faults::{client, invalid, unsupported},
    planning,
    rollout::{Breaker, Settings, Threshold},
    task_definitions::TaskDefinition,
};
use crate::sandbox::call::Fault;

/// Refuses what the sandbox cannot do, and what ECS itself refuses.
pub(super) fn check(input: &CreateServiceInput) -> Result<(), Fault> {
    if input.scheduling_strategy() == Some(&SchedulingStrategy::Daemon) {
        return Err(unsupported("The sandbox has no container instances for the DAEMON strategy."));
    }
    if input.desired_count().is_some_and(|count| count < 0) {
        return Err(invalid("desiredCount cannot be negative."));
    }
    if let Some(configuration) = input.deployment_configuration() {
        check_deployments(configuration)?;
    }
    Ok(())
}

/// Refuses what the sandbox's rollouts do not do, and what cannot be.
fn check_deployments(configuration: &DeploymentConfiguration) -> Result<(), Fault> {
    planning::plan(Some(configuration))?;
    check_bounds(configuration)?;
    configuration.deployment_circuit_breaker().map_or(Ok(()), |one| threshold(one).map(|_| ()))
}

/// Refuses bounds that no rollout can hold.
fn check_bounds(configuration: &DeploymentConfiguration) -> Result<(), Fault> {
    let minimum = configuration.minimum_healthy_percent().unwrap_or(100);
    let maximum = configuration.maximum_percent().unwrap_or(200);
    if minimum < 0 || maximum < 0 {
        return Err(invalid("minimumHealthyPercent and maximumPercent cannot be negative."));
    }
    if minimum == 100 && maximum == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block \
             deployments.",
        ));
    }
    if minimum > maximum {
        return Err(invalid("maximumPercent cannot be less than minimumHealthyPercent."));
    }
    Ok(())
}

/// The number of failures that a breaker allows.
fn threshold(breaker: &DeploymentCircuitBreaker) -> Result<Threshold, Fault> {
    let Some(given) = breaker.threshold_configuration() else { return Ok(Threshold::default()) };
    let value = u32::try_from(given.value()).ok().filter(|value| *value > 0);
    let value =
        value.ok_or_else(|| invalid("The value of thresholdConfiguration must be positive."))?;
    match given.r#type() {
        ThresholdType::Count => Ok(Threshold::Count(value)),
        ThresholdType::BoundedPercent => Ok(Threshold::BoundedPercent(value)),
        ThresholdType::UnboundedPercent => Ok(Threshold::UnboundedPercent(value)),
        other => Err(invalid(format!("Unknown thresholdConfiguration type {}.", other.as_str()))),
    }
}

/// What rollouts depend on.
pub(super) fn of(input: &CreateServiceInput) -> Result<Settings, Fault> {
    let configuration = input.deployment_configuration();
    let percent = |given: Option<i32>, default| {
        given.and_then(|percent| u32::try_from(percent).ok()).unwrap_or(default)
    };
    let breaker = configuration.and_then(|one| one.deployment_circuit_breaker());
    let breaker = breaker.filter(|one| one.enable()).map(|one| {
        Ok::<_, Fault>(Breaker {
            rollback: one.rollback(),
            resets: one.reset_on_healthy_task().unwrap_or(true),
            threshold: threshold(one)?,
        })
    });
    let groups = input.load_balancers().iter().filter(|one| one.target_group_arn().is_some());
    let port = groups.clone().find_map(aws_sdk_ecs::types::LoadBalancer::container_port);
    Ok(Settings {
        minimum_healthy_percent: percent(
            configuration.and_then(DeploymentConfiguration::minimum_healthy_percent),
            100,
        ),
        maximum_percent: percent(
            configuration.and_then(DeploymentConfiguration::maximum_percent),
            200,
        ),
        breaker: breaker.transpose()?,
        target_groups: groups.filter_map(|one| one.target_group_arn()).map(str::to_owned).collect(),
        plan: planning::plan(configuration)?,
        target_port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(80),
    })
}

/// The configuration that is told: what was given, with what ECS takes for the rest.
pub(super) fn told_configuration(input: &CreateServiceInput) -> DeploymentConfiguration {
    let given = input.deployment_configuration().cloned();
    let mut told = given.unwrap_or_else(|| DeploymentConfiguration::builder().build());
    told.maximum_percent.get_or_insert(200);
    told.minimum_healthy_percent.get_or_insert(100);
    told.strategy.get_or_insert(DeploymentStrategy::Rolling);
    told.bake_time_in_minutes.get_or_insert(0);
    if told.deployment_circuit_breaker.is_none() {
        let off = DeploymentCircuitBreaker::builder().enable(false).rollback(false).build();
        told.deployment_circuit_breaker = Some(off);
    }
    told
}

/// Whether a task definition can be run as a service or task is set.
pub(super) fn check_fit(
    definition: &TaskDefinition,
    launch_type: Option<&LaunchType>,
    has_network: bool,
) -> Result<(), Fault> {
    if launch_type == Some(&LaunchType::Fargate) && !definition.fits_fargate() {
        return Err(client("Task definition does not support launch_type FARGATE."));
    }
    match (definition.text("networkMode") == Some("awsvpc"), has_network) {
        (true, false) => Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )),
        (false, true) => Err(invalid(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )),
        _ => Ok(()),
    }
}
