//! How CodeDeploy reaches the services of ECS, and how a service comes to be CodeDeploy's.

use aws_sdk_ecs::types::{DeploymentController, DeploymentControllerType, LoadBalancer};

use super::{Order, Settings, begin};
use crate::sandbox::{
    SandboxError,
    call::{Fault, Scope},
    ecs::{
        admin::Viewpoint,
        estate::{self, Controller, Service, ServiceStatus},
        faults::{invalid, no_service, not_active},
        rollout::deployment::Target,
        settings, task_definitions,
    },
    elb::target_group_arn,
    state::Transaction,
};

/// What a new deployment is asked for with.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Request {
    /// Its id.
    pub(in crate::sandbox) id: String,
    /// The application.
    pub(in crate::sandbox) application: String,
    /// The deployment group.
    pub(in crate::sandbox) group: String,
    /// What whoever asks says of it.
    pub(in crate::sandbox) description: Option<String>,
    /// The AppSpec.
    pub(in crate::sandbox) content: String,
    /// What it goes by.
    pub(in crate::sandbox) settings: Settings,
    /// The task definition: a family, `family:revision` or an ARN.
    pub(in crate::sandbox) task_definition: String,
    /// The container and the port that traffic goes to.
    pub(in crate::sandbox) target: (String, i32),
}

/// A service that CodeDeploy may move.
pub(in crate::sandbox) fn service(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, name): (&str, &str),
) -> Result<Option<Service>, SandboxError> {
    let found = estate::find_service(transaction, from, cluster, name)?;
    Ok(found.filter(|service| {
        service.controller == Controller::CodeDeploy
            && service.status(from.now) == ServiceStatus::Active
    }))
}

/// Begins a deployment of a service. What is wrong with the request is ECS's to say.
pub(in crate::sandbox) fn deploy(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    mut service: Service,
    request: Request,
) -> Result<(), Fault> {
    let definition =
        task_definitions::deployable(transaction, from.scope, &request.task_definition)?;
    let containers = definition.containers();
    let (container, port) = &request.target;
    if containers.iter().all(|one| one.name != *container) {
        return Err(invalid(format!(
            "The container {container} does not exist in the task definition."
        )));
    }
    let has_network = service.input.network_configuration().is_some();
    settings::check_fit(&definition, service.input.launch_type(), has_network)?;
    let mut input = service.input.clone();
    input.task_definition = Some(definition.arn().to_owned());
    let next = next_target_group(from.scope, &service, &request.settings);
    let balancer = LoadBalancer::builder()
        .set_target_group_arn(next.clone())
        .container_name(container)
        .container_port(*port);
    input.load_balancers = Some(vec![balancer.build()]);
    let target = Target {
        task_definition: definition.arn().to_owned(),
        containers,
        snapshot: input.json()?,
    };
    let order = Order { request, target, target_groups: next.into_iter().collect() };
    begin(&mut service, order, from.now);
    estate::catch_up(transaction, from, &mut service)?;
    Ok(estate::save(transaction, from.scope, &service)?)
}

/// The target group of the two that the PRIMARY task set is not in.
fn next_target_group(scope: &Scope, service: &Service, settings: &Settings) -> Option<String> {
    let taken = service.rollout.settings.target_groups.first();
    let mut arns = settings.target_groups.iter().map(|name| target_group_arn(scope, name));
    arns.find(|arn| Some(arn) != taken)
}

/// Gives a service's tasks to CodeDeploy, behind a target group, as if it had been made so.
pub(in crate::sandbox) fn hand_over(
    transaction: &mut Transaction<'_>,
    from: Viewpoint<'_>,
    (cluster, name): (&str, &str),
    target_group: &str,
) -> Result<(), Fault> {
    let mut service =
        estate::find_service(transaction, from, cluster, name)?.ok_or_else(no_service)?;
    if service.status(from.now) != ServiceStatus::Active {
        return Err(not_active());
    }
    if !service.rollout.is_steady || service.controller != Controller::Ecs {
        return Err(invalid("Only a steady service of the ECS controller can be given away."));
    }
    let container = service.rollout.primary().and_then(|primary| {
        Some(service.rollout.revision(primary.revision)?.containers.first()?.name.clone())
    });
    let arn = target_group_arn(from.scope, target_group);
    let balancer = LoadBalancer::builder()
        .target_group_arn(&arn)
        .set_container_name(container)
        .container_port(80);
    service.input.load_balancers = Some(vec![balancer.build()]);
    if let Some(configuration) = &mut service.input.deployment_configuration {
        configuration.deployment_circuit_breaker = None;
    }
    let kind = DeploymentControllerType::CodeDeploy;
    service.input.deployment_controller = DeploymentController::builder().r#type(kind).build().ok();
    service.controller = Controller::CodeDeploy;
    service.rollout.settings = settings::of(&service.input)?;
    let snapshot = service.input.json()?;
    let primary = service.rollout.primary().map(|primary| primary.revision);
    for revision in &mut service.rollout.revisions {
        if Some(revision.number) == primary {
            revision.snapshot = snapshot.clone();
        }
    }
    for task in &mut service.rollout.tasks {
        task.balanced = true;
    }
    Ok(estate::save(transaction, from.scope, &service)?)
}
