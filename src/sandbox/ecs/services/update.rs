//! `UpdateService`.

use aws_sdk_ecs::operation::{
    create_service::CreateServiceInput,
    update_service::{UpdateServiceInput, UpdateServiceOutput},
};
use bytes::Bytes;

use super::deploy;
use crate::sandbox::{
    call::{Call, Fault},
    ecs::{
        estate::{self, Controller, Service, ServiceStatus, Viewpoint},
        faults::{invalid, not_active, unsupported},
        settings, task_definitions, view,
    },
    state::Transaction,
    wire,
};

/// Changes a service, and begins a deployment where the change asks for one: another task
/// definition, network, platform version, load balancer, service registry, Service Connect, volume
/// or capacity provider setting, or `forceNewDeployment`. Everything else takes effect at once.
pub(in crate::sandbox::ecs) fn update(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let input = wire::read(&call.body, UpdateServiceInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?.name;
    let mut service = estate::service(transaction, call.into(), &cluster, input.service())?;
    if service.status(call.now) != ServiceStatus::Active {
        return Err(not_active());
    }
    check_controller(&service, &input)?;
    let before = service.input.0.clone();
    merge(&mut service.input, &input);
    settings::check(&service.input)?;
    service.rollout.settings = settings::of(&service.input)?;
    let has_reason =
        input.force_new_deployment() == Some(true) || redeploys(&before, &service.input);
    redeploy(transaction, call.into(), &mut service, input.task_definition(), has_reason)?;
    if let Some(desired) = input.desired_count() {
        service.scale(u32::try_from(desired).unwrap_or(0), call.now);
    }
    service.rollout.wake(call.now);
    estate::catch_up(transaction, call.into(), &mut service)?;
    estate::save(transaction, &call.scope, &service)?;
    let told = view::service(call, &service, true)?;
    wire::write(&UpdateServiceOutput::builder().service(told).build())
}

/// Begins a deployment if another task definition is given than the service has, or if there is
/// another reason to.
pub(in crate::sandbox::ecs) fn redeploy(
    transaction: &Transaction<'_>,
    from: Viewpoint<'_>,
    service: &mut Service,
    given: Option<&str>,
    has_reason: bool,
) -> Result<(), Fault> {
    if given.is_none() && !has_reason {
        return Ok(());
    }
    let current = service.task_definition().map(str::to_owned);
    let Some(wanted) = given.or(current.as_deref()) else { return Ok(()) };
    let definition = task_definitions::deployable(transaction, from.scope, wanted)?;
    if !has_reason && current.as_deref() == Some(definition.arn()) {
        return Ok(());
    }
    let has_network = service.input.network_configuration().is_some();
    settings::check_fit(&definition, service.input.launch_type(), has_network)?;
    deploy(service, &definition, from.now)
}

/// Refuses what only another controller does.
fn check_controller(service: &Service, input: &UpdateServiceInput) -> Result<(), Fault> {
    let now = match service.controller {
        Controller::Ecs => "ECS",
        Controller::CodeDeploy => "CODE_DEPLOY",
        Controller::External => "EXTERNAL",
    };
    if let Some(wanted) = input.deployment_controller()
        && wanted.r#type().as_str() != now
    {
        return Err(unsupported("The sandbox does not change a service's deployment controller."));
    }
    if service.controller == Controller::Ecs {
        return Ok(());
    }
    let hint = if service.controller == Controller::CodeDeploy {
        "Use AWS CodeDeploy to trigger a new deployment."
    } else {
        "Use task sets to trigger a new deployment."
    };
    let is_forced = input.force_new_deployment() == Some(true);
    for (is_given, what) in [
        (input.task_definition().is_some(), "task definition"),
        (input.network_configuration().is_some(), "network parameters"),
        (input.platform_version().is_some(), "platform version"),
        (input.load_balancers.is_some(), "load balancers"),
        (input.service_registries.is_some(), "service registries"),
        (is_forced, "deployments"),
    ] {
        if is_given {
            return Err(invalid(format!(
                "Unable to update {what} on services with a {now} deployment controller. {hint}"
            )));
        }
    }
    Ok(())
}

/// Puts the members that an update gives in place of those that a service has.
macro_rules! replace {
    ($service:ident, $update:ident, $($member:ident),+ $(,)?) => {
        $(if $update.$member.is_some() {
            $service.$member.clone_from(&$update.$member);
        })+
    };
}

/// Makes a service's settings those of an update.
fn merge(service: &mut CreateServiceInput, update: &UpdateServiceInput) {
    replace!(
        service,
        update,
        desired_count,
        capacity_provider_strategy,
        availability_zone_rebalancing,
        network_configuration,
        placement_constraints,
        placement_strategy,
        platform_version,
        health_check_grace_period_seconds,
        enable_execute_command,
        enable_ecs_managed_tags,
        load_balancers,
        propagate_tags,
        service_registries,
        service_connect_configuration,
        volume_configurations,
        vpc_lattice_configurations,
        gateway_connectors,
        monitoring,
    );
    if !update.capacity_provider_strategy().is_empty() {
        service.launch_type = None;
    }
    if let Some(given) = update.deployment_configuration() {
        merge_deployments(service, given);
    }
}

/// Members of the deployment configuration that an update leaves out stay as they are.
fn merge_deployments(
    service: &mut CreateServiceInput,
    given: &aws_sdk_ecs::types::DeploymentConfiguration,
) {
    let Some(kept) = &mut service.deployment_configuration else {
        service.deployment_configuration = Some(given.clone());
        return;
    };
    if given.strategy.is_some() && given.strategy != kept.strategy {
        // What configured the other strategy goes with it.
        (kept.linear_configuration, kept.canary_configuration) = (None, None);
    }
    replace!(
        kept,
        given,
        deployment_circuit_breaker,
        maximum_percent,
        minimum_healthy_percent,
        alarms,
        strategy,
        bake_time_in_minutes,
        lifecycle_hooks,
        linear_configuration,
        canary_configuration,
        early_success_criteria,
    );
}

/// Whether a change of settings needs new tasks.
fn redeploys(before: &CreateServiceInput, after: &CreateServiceInput) -> bool {
    before.network_configuration != after.network_configuration
        || before.platform_version != after.platform_version
        || before.load_balancers != after.load_balancers
        || before.service_registries != after.service_registries
        || before.service_connect_configuration != after.service_connect_configuration
        || before.volume_configurations != after.volume_configurations
        || before.vpc_lattice_configurations != after.vpc_lattice_configurations
        || before.capacity_provider_strategy != after.capacity_provider_strategy
}
