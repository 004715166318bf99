//! From the SDK's types to ours. What ECS leaves out stays out; nothing is invented.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as sdk;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{EcsError, strategy, task_sets};
use crate::model::{
    CircuitBreaker, ClusterName, ContainerExit, ContainerName, DeploymentAlarms,
    DeploymentController, Digest, EcsDeployment, EcsDeploymentId, EcsServiceName, ObservedService,
    RolloutState, ServiceDeployment, ServiceDeploymentStatus, ServiceEvent, ServiceRevision,
    ServiceRevisionId, ServiceRollback, StoppedTask, Tag, TaskDefinitionArn, TaskDefinitionStatus,
};

/// Keys of tags that AWS keeps to itself and refuses in requests (ECS API reference, "Tag
/// restrictions").
const RESERVED: &str = "aws:";

/// One service.
pub(super) fn service(
    cluster: &ClusterName,
    service: &sdk::Service,
) -> Result<ObservedService, EcsError> {
    let arn = service.service_arn().unwrap_or_default();
    let name = service.service_name().unwrap_or_default();
    let name =
        EcsServiceName::new(name).map_err(|error| EcsError::unreadable(arn, error.to_string()))?;
    let configuration = service.deployment_configuration();
    let mut deployments: Vec<_> = service.deployments().iter().filter_map(deployment).collect();
    deployments.sort_by_key(|deployment| !deployment.is_primary);
    let code_deploy = task_sets::observed(service);
    if code_deploy.is_some() {
        deployments = task_sets::deployments(service);
    }
    Ok(ObservedService {
        cluster: cluster.clone(),
        name,
        arn: arn.to_owned(),
        status: service.status().unwrap_or_default().to_owned(),
        desired: service.desired_count(),
        running: service.running_count(),
        pending: service.pending_count(),
        task_definition: service.task_definition().and_then(TaskDefinitionArn::parse),
        deployments,
        current_service_deployment: service.current_service_deployment().map(str::to_owned),
        controller: controller(service.deployment_controller()),
        code_deploy,
        circuit_breaker: configuration
            .and_then(sdk::DeploymentConfiguration::deployment_circuit_breaker)
            .map(|breaker| CircuitBreaker {
                enabled: breaker.enable(),
                rollback: breaker.rollback(),
            })
            .unwrap_or_default(),
        alarms: configuration
            .and_then(sdk::DeploymentConfiguration::alarms)
            .map(|alarms| DeploymentAlarms {
                enabled: alarms.enable(),
                rollback: alarms.rollback(),
                names: alarms.alarm_names().to_vec(),
            })
            .unwrap_or_default(),
        minimum_healthy_percent: configuration
            .and_then(sdk::DeploymentConfiguration::minimum_healthy_percent)
            .unwrap_or(DEFAULT_MINIMUM),
        maximum_percent: configuration
            .and_then(sdk::DeploymentConfiguration::maximum_percent)
            .unwrap_or(DEFAULT_MAXIMUM),
        strategy: strategy::configured(configuration),
        propagates_tags: service.propagate_tags() == Some(&sdk::PropagateTags::TaskDefinition),
        target_groups: target_groups(service),
        events: service.events().iter().filter_map(event).collect(),
    })
}

/// The target groups of a service, those of its other colour included.
fn target_groups(service: &sdk::Service) -> Vec<String> {
    let of_sets = service.task_sets().iter().flat_map(sdk::TaskSet::load_balancers);
    let balancers = service.load_balancers().iter().chain(of_sets);
    let mut arns: Vec<String> = balancers
        .flat_map(|one| {
            let other = one.advanced_configuration();
            [one.target_group_arn(), other.and_then(|it| it.alternate_target_group_arn())]
        })
        .flatten()
        .map(str::to_owned)
        .collect();
    arns.sort();
    arns.dedup();
    arns
}

/// `minimumHealthyPercent` where a service has none (ECS API reference).
const DEFAULT_MINIMUM: i32 = 100;
/// `maximumPercent` where a service has none (ECS API reference).
const DEFAULT_MAXIMUM: i32 = 200;

/// Who moves tasks. A service made before there were controllers has none, which is ECS's own; a
/// type that is not known yet is somebody else's.
pub(super) fn controller(controller: Option<&sdk::DeploymentController>) -> DeploymentController {
    match controller.map(|controller| controller.r#type().as_str()) {
        None | Some("ECS") => DeploymentController::Ecs,
        Some("CODE_DEPLOY") => DeploymentController::CodeDeploy,
        Some(_) => DeploymentController::External,
    }
}

/// One of a service's deployments; none without an id.
fn deployment(deployment: &sdk::Deployment) -> Option<EcsDeployment> {
    let state = deployment.rollout_state().map(sdk::DeploymentRolloutState::as_str);
    Some(EcsDeployment {
        id: EcsDeploymentId::new(deployment.id()?),
        task_set: None,
        is_primary: deployment.status() == Some("PRIMARY"),
        task_definition: deployment.task_definition().and_then(TaskDefinitionArn::parse),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        pending: deployment.pending_count(),
        failed_tasks: deployment.failed_tasks(),
        rollout_state: match state {
            Some("COMPLETED") => Some(RolloutState::Completed),
            Some("FAILED") => Some(RolloutState::Failed),
            Some("IN_PROGRESS") => Some(RolloutState::InProgress),
            _ => None,
        },
        rollout_state_reason: deployment.rollout_state_reason().unwrap_or_default().to_owned(),
        created_at: timestamp(deployment.created_at()),
    })
}

/// One of a service's events; none without a time.
fn event(event: &sdk::ServiceEvent) -> Option<ServiceEvent> {
    Some(ServiceEvent {
        id: event.id().unwrap_or_default().to_owned(),
        at: timestamp(event.created_at())?,
        message: event.message().unwrap_or_default().to_owned(),
    })
}

/// A time, by AWS's clock.
pub(super) fn timestamp(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time?.as_nanos()).ok()
}

/// Tags that may be sent again.
pub(super) fn tags(tags: &[sdk::Tag]) -> Vec<Tag> {
    tags.iter()
        .filter_map(|tag| {
            let (key, value) = (tag.key()?, tag.value().unwrap_or_default());
            let ours = !key.to_ascii_lowercase().starts_with(RESERVED);
            ours.then(|| Tag { key: key.to_owned(), value: value.to_owned() })
        })
        .collect()
}

/// Whether a revision can be used. A status that is not known yet is taken for no longer usable.
pub(super) fn definition_status(
    status: Option<&sdk::TaskDefinitionStatus>,
) -> TaskDefinitionStatus {
    match status.map(sdk::TaskDefinitionStatus::as_str) {
        Some("ACTIVE") => TaskDefinitionStatus::Active,
        Some("DELETE_IN_PROGRESS") => TaskDefinitionStatus::DeleteInProgress,
        _ => TaskDefinitionStatus::Inactive,
    }
}

/// One service deployment; none without an ARN.
pub(super) fn service_deployment(deployment: &sdk::ServiceDeployment) -> Option<ServiceDeployment> {
    let breaker = deployment
        .deployment_circuit_breaker()
        .and_then(sdk::ServiceDeploymentCircuitBreaker::status);
    let alarms = deployment.alarms();
    Some(ServiceDeployment {
        arn: deployment.service_deployment_arn()?.to_owned(),
        status: deployment_status(deployment.status().map_or("", |status| status.as_str())),
        status_reason: deployment.status_reason().unwrap_or_default().to_owned(),
        target_revision: deployment
            .target_service_revision()
            .and_then(sdk::ServiceRevisionSummary::arn)
            .map(ServiceRevisionId::new),
        rollback: deployment.rollback().map(|rollback| ServiceRollback {
            reason: rollback.reason().unwrap_or_default().to_owned(),
            revision: rollback.service_revision_arn().map(ServiceRevisionId::new),
        }),
        circuit_breaker_triggered: breaker.is_some_and(|status| status.as_str() == "TRIGGERED"),
        triggered_alarms: alarms
            .map(|alarms| alarms.triggered_alarm_names().to_vec())
            .unwrap_or_default(),
        lifecycle_stage: deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()),
        failed_hooks: failed_hooks(deployment.lifecycle_hook_details()),
        stopped_at: timestamp(deployment.stopped_at()),
        strategy: strategy::configured(deployment.deployment_configuration()),
        target: deployment.target_service_revision().map(strategy::share),
        sources: deployment.source_service_revisions().iter().map(strategy::share).collect(),
        hooks: deployment.lifecycle_hook_details().iter().filter_map(strategy::hook).collect(),
        alarm_status: alarms
            .and_then(sdk::ServiceDeploymentAlarms::status)
            .map(|status| status.as_str().to_owned()),
        started_at: timestamp(deployment.started_at()),
        updated_at: timestamp(deployment.updated_at()),
        finished_at: timestamp(deployment.finished_at()),
    })
}

/// The hooks that can have ended a service deployment. One that was not answered in time does so
/// unless it is set to go on then.
fn failed_hooks(hooks: &[sdk::DeploymentLifecycleHookDetail]) -> Vec<String> {
    let ended = |hook: &&sdk::DeploymentLifecycleHookDetail| {
        let goes_on = hook.timeout_action().is_some_and(|action| action.as_str() == "CONTINUE");
        match hook.status().map(sdk::DeploymentLifecycleHookStatus::as_str) {
            Some("FAILED") => true,
            Some("TIMED_OUT") => !goes_on,
            _ => false,
        }
    };
    let name = |hook: &sdk::DeploymentLifecycleHookDetail| {
        hook.hook_id().or(hook.target_arn()).unwrap_or("unnamed").to_owned()
    };
    hooks.iter().filter(ended).map(name).collect()
}

/// ECS's word for how far a service deployment is.
fn deployment_status(word: &str) -> ServiceDeploymentStatus {
    match word {
        "PENDING" => ServiceDeploymentStatus::Pending,
        "IN_PROGRESS" => ServiceDeploymentStatus::InProgress,
        "SUCCESSFUL" => ServiceDeploymentStatus::Successful,
        "STOP_REQUESTED" => ServiceDeploymentStatus::StopRequested,
        "STOPPED" => ServiceDeploymentStatus::Stopped,
        "ROLLBACK_REQUESTED" => ServiceDeploymentStatus::RollbackRequested,
        "ROLLBACK_IN_PROGRESS" => ServiceDeploymentStatus::RollbackInProgress,
        "ROLLBACK_SUCCESSFUL" => ServiceDeploymentStatus::RollbackSuccessful,
        "ROLLBACK_FAILED" => ServiceDeploymentStatus::RollbackFailed,
        other => ServiceDeploymentStatus::Other(other.to_owned()),
    }
}

/// One service revision; none without an ARN.
pub(super) fn service_revision(revision: &sdk::ServiceRevision) -> Option<ServiceRevision> {
    let digests = revision.container_images().iter().filter_map(|image| {
        let name = ContainerName::new(image.container_name()?).ok()?;
        Some((name, Digest::parse(image.image_digest()?)?))
    });
    Some(ServiceRevision {
        id: ServiceRevisionId::new(revision.service_revision_arn()?),
        task_definition: revision.task_definition().and_then(TaskDefinitionArn::parse),
        digests: digests.collect::<BTreeMap<_, _>>(),
    })
}

/// What a health check found, where there is one.
pub(super) fn known_health(health: Option<&sdk::HealthStatus>) -> Option<String> {
    let word = health.map(sdk::HealthStatus::as_str).filter(|word| *word != "UNKNOWN")?;
    Some(word.to_owned())
}

/// One stopped task.
pub(super) fn stopped_task(task: &sdk::Task) -> StoppedTask {
    let arn = task.task_arn().unwrap_or_default();
    let containers = task.containers().iter().map(|container| ContainerExit {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().unwrap_or_default().to_owned(),
        health: known_health(container.health_status()),
        image_digest: container.image_digest().map(str::to_owned),
    });
    StoppedTask {
        id: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        stopped_reason: task.stopped_reason().unwrap_or_default().to_owned(),
        stopped_at: timestamp(task.stopped_at().or(task.stopping_at())),
        containers: containers.collect(),
    }
}
