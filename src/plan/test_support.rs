//! Services and deployments for the tests of this module.

use crate::model::{
    CircuitBreaker, ClusterName, DeploymentController, EcsDeployment, EcsDeploymentId,
    EcsServiceName, ObservedService, RolloutState, ServiceDeployment, ServiceDeploymentStatus,
    TaskDefinitionArn,
};

/// `family:revision` as a full ARN.
pub(crate) fn arn(family: &str, revision: u64) -> TaskDefinitionArn {
    let text = format!("arn:aws:ecs:eu-west-1:000000000000:task-definition/{family}:{revision}");
    TaskDefinitionArn::parse(&text).unwrap()
}

/// Deployment `ecs-svc/<number>` of `web:<number>`.
pub(crate) fn deployment(
    number: u64,
    is_primary: bool,
    running: i32,
    state: RolloutState,
) -> EcsDeployment {
    EcsDeployment {
        id: EcsDeploymentId::new(format!("ecs-svc/{number}")),
        is_primary,
        task_definition: Some(arn("web", number)),
        desired: 2,
        running,
        pending: 0,
        failed_tasks: 0,
        rollout_state: Some(state),
        rollout_state_reason: String::new(),
        created_at: None,
    }
}

/// An ACTIVE service `web` that wants 2 tasks.
pub(crate) fn service(deployments: Vec<EcsDeployment>) -> ObservedService {
    let running = deployments.iter().map(|deployment| deployment.running).sum();
    ObservedService {
        cluster: ClusterName::new("prod").unwrap(),
        name: EcsServiceName::new("web").unwrap(),
        arn: "arn:aws:ecs:eu-west-1:000000000000:service/prod/web".to_owned(),
        status: "ACTIVE".to_owned(),
        desired: 2,
        running,
        pending: 0,
        task_definition: deployments.first().and_then(|first| first.task_definition.clone()),
        deployments,
        current_service_deployment: None,
        controller: DeploymentController::Ecs,
        circuit_breaker: CircuitBreaker { enabled: true, rollback: true },
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        events: Vec::new(),
    }
}

/// A service deployment under way.
pub(crate) fn service_deployment() -> ServiceDeployment {
    ServiceDeployment {
        arn: "arn:aws:ecs:eu-west-1:000000000000:service-deployment/prod/web/x".to_owned(),
        status: ServiceDeploymentStatus::InProgress,
        status_reason: String::new(),
        target_revision: None,
        rollback: None,
        circuit_breaker_triggered: false,
        triggered_alarms: Vec::new(),
        lifecycle_stage: None,
    }
}
