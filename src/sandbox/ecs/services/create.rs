//! `CreateService`.

use aws_sdk_ecs::{
    operation::create_service::{CreateServiceInput, CreateServiceOutput},
    types::{
        AvailabilityZoneRebalancing, DeploymentConfiguration, DeploymentController,
        DeploymentControllerType, LaunchType, PropagateTags, SchedulingStrategy,
    },
};
use bytes::Bytes;

use super::{deploy, settings_of};
use crate::sandbox::{
    call::{Call, Fault},
    ecs::{
        estate::{self, Cluster, Controller, Service, ServiceStatus},
        faults::{invalid, is_name, required},
        rollout::ServiceState,
        settings, tags, task_definitions, view,
    },
    state::Transaction,
    wire,
};

/// Makes a service and begins its first deployment.
///
/// # Errors
/// Besides what ECS refuses, everything that the sandbox's rollouts do not do is
/// `UnsupportedFeatureException`.
pub(in crate::sandbox::ecs) fn create(
    call: &Call,
    transaction: &mut Transaction<'_>,
) -> Result<Bytes, Fault> {
    let mut input = wire::read(&call.body, CreateServiceInput::deserialize)?;
    let cluster = estate::cluster(transaction, &call.scope, input.cluster())?;
    let name = required(input.service_name(), "Service name")?.to_owned();
    if !is_name(&name) {
        return Err(invalid("Invalid service name: at most 255 letters, numbers, _ and -."));
    }
    let tags = tags::given(input.tags.as_deref())?;
    settings::check(&input)?;
    let controller = controller(&input)?;
    fill(&mut input, &cluster, controller)?;
    if let Some(existing) = existing(call, transaction, &cluster.name, &name)? {
        return again(call, &existing, &input);
    }
    let service = Service {
        rollout: ServiceState::new(&name, &seed(call, &cluster.name, &name), call.now),
        cluster: cluster.name,
        name,
        input: settings_of(input),
        tags,
        controller,
        created_at: call.now,
        created_by: call.caller.clone(),
        deleted_at: None,
        blue_green: None,
    };
    let service = launch(call, transaction, service)?;
    let told = view::service(call, &service, true)?;
    wire::write(&CreateServiceOutput::builder().service(told).build())
}

/// Begins a new service's first deployment, and keeps the service.
fn launch(
    call: &Call,
    transaction: &mut Transaction<'_>,
    mut service: Service,
) -> Result<Service, Fault> {
    let input = &service.input;
    let has_network = input.network_configuration().is_some();
    let launch_type = input.launch_type().cloned();
    let given = input.task_definition().map(str::to_owned);
    service.rollout.settings = settings::of(input)?;
    let desired = service.input.desired_count().unwrap_or(0);
    service.rollout.desired = u32::try_from(desired).unwrap_or(0);
    // With the EXTERNAL controller task sets hold the task definitions.
    if service.controller != Controller::External {
        let given = required(given.as_deref(), "TaskDefinition")?;
        let definition = task_definitions::deployable(transaction, &call.scope, given)?;
        settings::check_fit(&definition, launch_type.as_ref(), has_network)?;
        deploy(&mut service, &definition, call.now)?;
    }
    estate::save(transaction, &call.scope, &service)?;
    Ok(service)
}

/// Who moves the service's tasks.
fn controller(input: &CreateServiceInput) -> Result<Controller, Fault> {
    match input.deployment_controller().map(DeploymentController::r#type) {
        None | Some(DeploymentControllerType::Ecs) => Ok(Controller::Ecs),
        Some(DeploymentControllerType::CodeDeploy) => Ok(Controller::CodeDeploy),
        Some(DeploymentControllerType::External) => Ok(Controller::External),
        Some(other) => Err(invalid(format!("Unknown deployment controller {}.", other.as_str()))),
    }
}

/// Fills in what the request leaves to ECS.
fn fill(
    input: &mut CreateServiceInput,
    cluster: &Cluster,
    controller: Controller,
) -> Result<(), Fault> {
    if input.desired_count.is_none() && controller != Controller::External {
        return Err(invalid("desiredCount is required for the REPLICA scheduling strategy."));
    }
    input.scheduling_strategy.get_or_insert(SchedulingStrategy::Replica);
    input.propagate_tags.get_or_insert(PropagateTags::None);
    if input.capacity_provider_strategy().is_empty() && input.launch_type.is_none() {
        let default = cluster.input.default_capacity_provider_strategy().to_vec();
        if default.is_empty() {
            input.launch_type = Some(LaunchType::Ec2);
        } else {
            input.capacity_provider_strategy = Some(default);
        }
    }
    if input.launch_type == Some(LaunchType::Fargate) {
        input.platform_version.get_or_insert_with(|| "LATEST".to_owned());
    }
    let maximum =
        input.deployment_configuration().and_then(DeploymentConfiguration::maximum_percent);
    let rebalances = maximum.unwrap_or(200) > 100 && controller == Controller::Ecs;
    input.availability_zone_rebalancing.get_or_insert(if rebalances {
        AvailabilityZoneRebalancing::Enabled
    } else {
        AvailabilityZoneRebalancing::Disabled
    });
    Ok(())
}

/// The service with the name that is there already; one that is INACTIVE makes room.
fn existing(
    call: &Call,
    transaction: &mut Transaction<'_>,
    cluster: &str,
    name: &str,
) -> Result<Option<Service>, Fault> {
    let found = estate::find_service(transaction, call.into(), cluster, name)?;
    let Some(service) = found else { return Ok(None) };
    match service.status(call.now) {
        ServiceStatus::Active => Ok(Some(service)),
        ServiceStatus::Draining => {
            Err(invalid("Unable to Start a service that is still Draining."))
        }
        ServiceStatus::Inactive => Ok(None),
    }
}

/// Answers a creation that is made again: with the service if it asks for what is there.
fn again(call: &Call, existing: &Service, input: &CreateServiceInput) -> Result<Bytes, Fault> {
    let mut asked = settings_of(input.clone());
    let name =
        |text: Option<&str>| text.and_then(|text| text.rsplit('/').next()).map(str::to_owned);
    let is_same_definition =
        name(asked.task_definition()) == name(existing.input.task_definition());
    asked.task_definition.clone_from(&existing.input.task_definition);
    asked.cluster.clone_from(&existing.input.cluster);
    if !is_same_definition || asked.0 != existing.input.0 {
        return Err(invalid("Creation of service was not idempotent."));
    }
    let told = view::service(call, existing, true)?;
    wire::write(&CreateServiceOutput::builder().service(told).build())
}

/// What sets the ids of this service apart from those of all others, earlier ones of its name
/// included.
fn seed(call: &Call, cluster: &str, name: &str) -> String {
    call.scope.key(&format!("{cluster}/{name}@{}", call.now))
}
