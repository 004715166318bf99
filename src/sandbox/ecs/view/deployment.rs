//! Service deployments and service revisions.

use aws_sdk_ecs::{
    operation::create_service::CreateServiceInput,
    types::{self, ServiceDeploymentStatus},
};

use super::{
    progress,
    service::{family, platform},
    time,
};
use crate::sandbox::{
    call::{Fault, Scope},
    ecs::{
        estate::Service,
        names,
        rollout::{Revision, ServiceDeployment, Status},
        settings,
        stored::Stored,
    },
};

/// `status` of a service deployment.
fn status(status: Status) -> ServiceDeploymentStatus {
    match status {
        Status::Pending => ServiceDeploymentStatus::Pending,
        Status::InProgress => ServiceDeploymentStatus::InProgress,
        Status::StopRequested => ServiceDeploymentStatus::StopRequested,
        Status::Stopped => ServiceDeploymentStatus::Stopped,
        Status::RollbackRequested => ServiceDeploymentStatus::RollbackRequested,
        Status::RollbackInProgress => ServiceDeploymentStatus::RollbackInProgress,
        Status::RollbackSuccessful => ServiceDeploymentStatus::RollbackSuccessful,
        Status::RollbackFailed => ServiceDeploymentStatus::RollbackFailed,
        Status::Successful => ServiceDeploymentStatus::Successful,
    }
}

/// A service deployment as `ListServiceDeployments` tells it.
pub(in crate::sandbox::ecs) fn brief(
    scope: &Scope,
    service: &Service,
    one: &ServiceDeployment,
) -> types::ServiceDeploymentBrief {
    let (cluster, name) = (&service.cluster, &service.name);
    types::ServiceDeploymentBrief::builder()
        .service_deployment_arn(names::deployment_arn(scope, cluster, name, &one.id))
        .service_arn(names::service_arn(scope, cluster, name))
        .cluster_arn(names::cluster_arn(scope, cluster))
        .created_at(time(one.created_at))
        .set_started_at(one.started_at.map(time))
        .set_finished_at(one.finished_at.map(time))
        .target_service_revision_arn(names::revision_arn(scope, cluster, name, one.target))
        .status(status(one.status))
        .set_status_reason(one.reason.clone())
        .build()
}

/// A service deployment as `DescribeServiceDeployments` tells it.
pub(in crate::sandbox::ecs) fn service_deployment(
    scope: &Scope,
    service: &Service,
    one: &ServiceDeployment,
) -> Result<types::ServiceDeployment, Fault> {
    let (cluster, name) = (&service.cluster, &service.name);
    let revision_arn = |number| names::revision_arn(scope, cluster, name, number);
    let rollback = one.rollback.as_ref().map(|rollback| {
        types::Rollback::builder()
            .reason(&rollback.reason)
            .started_at(time(rollback.started_at))
            .service_revision_arn(revision_arn(rollback.revision))
            .build()
    });
    let input = service.rollout.revision(one.target);
    let input = input.map(|revision| Stored::<CreateServiceInput>::from_json(&revision.snapshot));
    let configuration = input.transpose()?.map(|input| settings::told_configuration(&input));
    let mut summaries = progress::summaries(scope, service, one).into_iter();
    let target = summaries.next();
    Ok(types::ServiceDeployment::builder()
        .service_deployment_arn(names::deployment_arn(scope, cluster, name, &one.id))
        .service_arn(names::service_arn(scope, cluster, name))
        .cluster_arn(names::cluster_arn(scope, cluster))
        .created_at(time(one.created_at))
        .set_started_at(one.started_at.map(time))
        .set_finished_at(one.finished_at.map(time))
        .set_stopped_at(one.stopped_at.map(time))
        .updated_at(time(one.updated_at))
        .set_source_service_revisions(Some(summaries.collect()))
        .set_target_service_revision(target)
        .status(status(one.status))
        .set_status_reason(one.reason.clone())
        .set_lifecycle_stage(progress::stage(service, one))
        .set_lifecycle_hook_details(Some(progress::hooks(one)))
        .set_deployment_configuration(configuration)
        .set_rollback(rollback)
        .deployment_circuit_breaker(progress::breaker(service, one))
        .alarms(progress::alarms(one))
        .build())
}

/// A service revision.
pub(in crate::sandbox::ecs) fn revision(
    scope: &Scope,
    service: &Service,
    revision: &Revision,
) -> Result<types::ServiceRevision, Fault> {
    let (cluster, name) = (&service.cluster, &service.name);
    let input: Stored<CreateServiceInput> = Stored::from_json(&revision.snapshot)?;
    let images = revision.containers.iter().enumerate().map(|(index, container)| {
        types::ContainerImage::builder()
            .container_name(&container.name)
            .image(&container.image)
            .set_image_digest(revision.digest(index).map(str::to_owned))
            .build()
    });
    Ok(types::ServiceRevision::builder()
        .service_revision_arn(names::revision_arn(scope, cluster, name, revision.number))
        .service_arn(names::service_arn(scope, cluster, name))
        .cluster_arn(names::cluster_arn(scope, cluster))
        .task_definition(&revision.task_definition)
        .set_capacity_provider_strategy(input.capacity_provider_strategy.clone())
        .set_launch_type(input.launch_type.clone())
        .set_platform_version(platform(&input))
        .set_platform_family(family(&input))
        .set_load_balancers(input.load_balancers.clone())
        .set_service_registries(input.service_registries.clone())
        .set_network_configuration(input.network_configuration.clone())
        .set_container_images(Some(images.collect()))
        .guard_duty_enabled(false)
        .set_service_connect_configuration(input.service_connect_configuration.clone())
        .set_volume_configurations(input.volume_configurations.clone())
        .set_vpc_lattice_configurations(input.vpc_lattice_configurations.clone())
        .set_gateway_connectors(input.gateway_connectors.clone())
        .set_monitoring(input.monitoring.clone())
        .created_at(time(revision.created_at))
        .build())
}
