//! A service.

use aws_sdk_ecs::{
    operation::create_service::CreateServiceInput,
    types::{
        self, DeploymentController, DeploymentControllerType, DeploymentRolloutState, LaunchType,
        ResourceManagementType,
    },
};

use super::{count, task_set::task_sets, time};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::{
        estate::{Controller, Service},
        names,
        rollout::{Counts, Deployment, Rollout},
        settings,
        stored::Stored,
        tags,
    },
};

/// A service as `DescribeServices` tells it.
pub(in crate::sandbox::ecs) fn service(
    call: &Call,
    service: &Service,
    with_tags: bool,
) -> Result<types::Service, Fault> {
    let (scope, input, state) = (&call.scope, &service.input, &service.rollout);
    let counts = Counts::of(service.tasks());
    let events = events(service);
    let is_rolling = service.controller == Controller::Ecs;
    let current = state
        .service_deployments
        .first()
        .filter(|_| is_rolling)
        .map(|one| names::deployment_arn(scope, &service.cluster, &service.name, &one.id));
    let deployments = if is_rolling { deployments(service)? } else { Vec::new() };
    let builder = types::Service::builder()
        .service_arn(names::service_arn(scope, &service.cluster, &service.name))
        .service_name(&service.name)
        .cluster_arn(names::cluster_arn(scope, &service.cluster))
        .set_load_balancers(Some(input.load_balancers().to_vec()))
        .set_service_registries(Some(input.service_registries().to_vec()))
        .status(service.status(call.now).as_str())
        .desired_count(count(state.desired))
        .running_count(count(counts.running))
        .pending_count(count(counts.pending))
        .set_launch_type(input.launch_type.clone())
        .set_capacity_provider_strategy(input.capacity_provider_strategy.clone())
        .set_platform_version(input.platform_version.clone())
        .set_platform_family(family(input))
        .set_task_definition(service.task_definition().map(str::to_owned))
        .deployment_configuration(settings::told_configuration(input))
        .set_task_sets((!is_rolling).then(|| task_sets(call, service)))
        .set_deployments(Some(deployments))
        .role_arn(role(call, input))
        .set_events(Some(events))
        .created_at(time(service.created_at))
        .set_current_service_deployment(current)
        .set_current_service_revisions(is_rolling.then(|| revisions(call, service)));
    let builder = with_settings(builder, service, with_tags);
    Ok(builder.created_by(&service.created_by).build())
}

/// The events, newest first, of all task sets where there are several.
fn events(service: &Service) -> Vec<types::ServiceEvent> {
    let mut events: Vec<_> = service.states().flat_map(|state| &state.events).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let told = events.into_iter().take(EVENTS).map(|event| {
        let told = types::ServiceEvent::builder().id(&event.id).message(&event.message);
        told.created_at(time(event.at)).build()
    });
    told.collect()
}

/// How many events are told.
const EVENTS: usize = 100;

/// The members that are told as they were given.
fn with_settings(
    builder: types::builders::ServiceBuilder,
    service: &Service,
    with_tags: bool,
) -> types::builders::ServiceBuilder {
    let input = &service.input;
    builder
        .set_placement_constraints(Some(input.placement_constraints().to_vec()))
        .set_placement_strategy(Some(input.placement_strategy().to_vec()))
        .set_network_configuration(input.network_configuration.clone())
        .set_health_check_grace_period_seconds(input.health_check_grace_period_seconds)
        .set_scheduling_strategy(input.scheduling_strategy.clone())
        .set_deployment_controller(controller(service.controller))
        .set_tags((with_tags && !service.tags.is_empty()).then(|| tags::told(&service.tags)))
        .enable_ecs_managed_tags(input.enable_ecs_managed_tags().unwrap_or(false))
        .set_propagate_tags(input.propagate_tags.clone())
        .enable_execute_command(input.enable_execute_command().unwrap_or(false))
        .set_availability_zone_rebalancing(input.availability_zone_rebalancing.clone())
        .resource_management_type(ResourceManagementType::Customer)
}

/// Who moves the tasks.
fn controller(controller: Controller) -> Option<DeploymentController> {
    let kind = match controller {
        Controller::Ecs => DeploymentControllerType::Ecs,
        Controller::CodeDeploy => DeploymentControllerType::CodeDeploy,
        Controller::External => DeploymentControllerType::External,
    };
    DeploymentController::builder().r#type(kind).build().ok()
}

/// The operating system, of services on Fargate.
pub(super) fn family(input: &CreateServiceInput) -> Option<String> {
    (input.launch_type() == Some(&LaunchType::Fargate)).then(|| "Linux".to_owned())
}

/// The role that ECS uses for the load balancer: its service-linked one unless another is given.
fn role(call: &Call, input: &CreateServiceInput) -> String {
    let linked = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
    input.role().map_or_else(|| call.scope.iam_arn(linked), str::to_owned)
}

/// The `deployments`, PRIMARY first.
fn deployments(service: &Service) -> Result<Vec<types::Deployment>, Fault> {
    let entries = service.rollout.deployments.iter().enumerate();
    entries.map(|(place, one)| deployment(service, one, place == 0)).collect()
}

/// One of them.
fn deployment(
    service: &Service,
    deployment: &Deployment,
    is_primary: bool,
) -> Result<types::Deployment, Fault> {
    let state = &service.rollout;
    let counts = Counts::of(state.tasks_of(deployment.number));
    let (status, desired) = match (is_primary, counts.live) {
        (true, _) => ("PRIMARY", state.desired),
        (false, 0) => ("DRAINING", 0),
        (false, live) => ("ACTIVE", live),
    };
    let rollout = match deployment.rollout {
        Rollout::InProgress => DeploymentRolloutState::InProgress,
        Rollout::Completed => DeploymentRolloutState::Completed,
        Rollout::Failed => DeploymentRolloutState::Failed,
    };
    let builder = types::Deployment::builder()
        .id(format!("ecs-svc/{}", deployment.number))
        .status(status)
        .desired_count(count(desired))
        .pending_count(count(counts.pending))
        .running_count(count(counts.running))
        .failed_tasks(count(deployment.failed_tasks))
        .created_at(time(deployment.created_at))
        .updated_at(time(deployment.updated_at))
        .rollout_state(rollout)
        .rollout_state_reason(&deployment.reason);
    let Some(revision) = state.revision(deployment.revision) else { return Ok(builder.build()) };
    let input: Stored<CreateServiceInput> = Stored::from_json(&revision.snapshot)?;
    Ok(builder
        .task_definition(&revision.task_definition)
        .set_capacity_provider_strategy(input.capacity_provider_strategy.clone())
        .set_launch_type(input.launch_type.clone())
        .set_platform_version(platform(&input))
        .set_platform_family(family(&input))
        .set_network_configuration(input.network_configuration.clone())
        .set_service_connect_configuration(input.service_connect_configuration.clone())
        .set_volume_configurations(input.volume_configurations.clone())
        .set_vpc_lattice_configurations(input.vpc_lattice_configurations.clone())
        .build())
}

/// The platform version that tasks run on: what `LATEST` means.
pub(super) fn platform(input: &CreateServiceInput) -> Option<String> {
    let given = input.platform_version()?;
    Some(if given == "LATEST" { "1.4.0".to_owned() } else { given.to_owned() })
}

/// The service revisions that have tasks or are wanted.
fn revisions(call: &Call, service: &Service) -> Vec<types::ServiceCurrentRevisionSummary> {
    let state = &service.rollout;
    let mut numbers: Vec<u64> = state.primary().map(|one| one.revision).into_iter().collect();
    for number in state.tasks.iter().filter(|one| one.is_live()).filter_map(|one| one.revision) {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let of = |number: u64| state.tasks.iter().filter(move |task| task.revision == Some(number));
    numbers
        .iter()
        .map(|number| {
            let counts = Counts::of(of(*number));
            types::ServiceCurrentRevisionSummary::builder()
                .arn(names::revision_arn(&call.scope, &service.cluster, &service.name, *number))
                .requested_task_count(count(counts.live))
                .running_task_count(count(counts.running))
                .pending_task_count(count(counts.pending))
                .build()
        })
        .collect()
}
