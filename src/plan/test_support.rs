//! Services and deployments for the tests of this module.

use std::collections::BTreeMap;

use super::{ImageSource, Insistence, PlanRequest, ServicePicture, Wanted};
use crate::model::{
    Actor, CircuitBreaker, ClusterName, ContainerName, Deployment, DeploymentAlarms,
    DeploymentController, DeploymentKind, DeploymentNumber, DeploymentStatus, Digest,
    EcsDeployment, EcsDeploymentId, EcsServiceName, EnvironmentId, Fingerprint, ImageId, ImageUri,
    Label, ObservedService, OnFailure, ProjectId, Release, ReleaseNumber, ReleasedImage,
    RolloutState, Selection, ServiceDeployment, ServiceDeploymentStatus, ServiceId, Step,
    StepStatus, Strategy, TaskDefinition, TaskDefinitionArn, TaskDefinitionStatus,
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
        task_set: None,
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
        code_deploy: None,
        circuit_breaker: CircuitBreaker { enabled: true, rollback: true },
        alarms: DeploymentAlarms::default(),
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        strategy: Strategy::default(),
        propagates_tags: false,
        target_groups: Vec::new(),
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
        failed_hooks: Vec::new(),
        stopped_at: None,
        strategy: Strategy::default(),
        target: None,
        sources: Vec::new(),
        hooks: Vec::new(),
        alarm_status: None,
        started_at: None,
        updated_at: None,
        finished_at: None,
    }
}

/// A made-up digest.
pub(crate) fn digest(seed: u8) -> Digest {
    Digest::parse(&format!("sha256:{}", format!("{seed:02x}").repeat(32))).unwrap()
}

/// An image at a made-up digest.
pub(crate) fn released(uri: &str, seed: u8) -> ReleasedImage {
    let uri = ImageUri::parse(uri).unwrap();
    ReleasedImage { release_hash: uri.release_hash(), digest: Some(digest(seed)), uri }
}

/// A revision whose containers have these images.
pub(crate) fn definition(family: &str, revision: u64, images: &[(&str, &str)]) -> TaskDefinition {
    let containers: Vec<serde_json::Value> = images
        .iter()
        .map(|(name, image)| serde_json::json!({"name": name, "image": image, "cpu": 0}))
        .collect();
    let document = serde_json::json!({
        "family": family, "revision": revision, "containerDefinitions": containers
    });
    TaskDefinition {
        arn: arn(family, revision),
        status: TaskDefinitionStatus::Active,
        document: document.to_string(),
        tags: vec![],
    }
}

/// `web`, set to `web:1` with one container, complete, and with its parameter in step.
pub(crate) fn picture(image: &str) -> ServicePicture {
    let web = ImageId::new("web").unwrap();
    ServicePicture {
        service: ServiceId::new("web").unwrap(),
        selected: true,
        containers: BTreeMap::from([(ContainerName::new("web").unwrap(), web.clone())]),
        before_task: None,
        unverified: false,
        observed: service(vec![deployment(1, true, 2, RolloutState::Completed)]),
        latest: definition("web", 1, &[("web", image)]),
        current: None,
        drifted: None,
        parameters: BTreeMap::from([(web, image.to_owned())]),
        digests: BTreeMap::new(),
    }
}

/// A request for images, from the label `latest`.
pub(crate) fn request(
    images: &[(&str, ReleasedImage)],
    pictures: Vec<ServicePicture>,
) -> PlanRequest {
    PlanRequest {
        project: ProjectId::new("shop").unwrap(),
        environment: EnvironmentId::new("prod").unwrap(),
        selection: Selection::All,
        wanted: Wanted {
            source: ImageSource::Label(Label::latest()),
            images: images
                .iter()
                .map(|(id, image)| (ImageId::new(*id).unwrap(), image.clone()))
                .collect(),
            platforms: BTreeMap::new(),
            subjects: BTreeMap::new(),
        },
        pictures,
        restarts: Vec::new(),
        left_out: BTreeMap::new(),
        keep_settled: false,
        enable_circuit_breaker: false,
        insist: Insistence::default(),
        kind: DeploymentKind::Deploy,
    }
}

/// The step that moves `web` from `web:1` with image `web:1` to image `web:2`, so far recorded.
pub(crate) fn step(status: StepStatus) -> Step {
    let mut plan =
        super::plan(request(&[("web", released("web:2", 2))], vec![picture("web:1")])).unwrap();
    let mut step = plan.steps.remove(0).record();
    step.status = status;
    step.started_at = (status != StepStatus::Pending).then_some(jiff::Timestamp::UNIX_EPOCH);
    step
}

/// A deployment with these steps.
pub(crate) fn recorded(status: DeploymentStatus, steps: Vec<Step>) -> Deployment {
    Deployment {
        number: DeploymentNumber(1),
        project: ProjectId::new("shop").unwrap(),
        environment: EnvironmentId::new("prod").unwrap(),
        selection: Selection::All,
        release: ReleaseNumber(2),
        kind: DeploymentKind::Deploy,
        status,
        actor: Actor::default(),
        description: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        finished_at: None,
        tool_version: String::new(),
        on_failure: OnFailure::Rollback,
        settle_seconds: 0,
        from_release: None,
        cancel: None,
        steps,
    }
}

/// Release `r2`, of these images.
pub(crate) fn release(images: &[(&str, ReleasedImage)]) -> Release {
    let images = images.iter().map(|(id, image)| (ImageId::new(*id).unwrap(), image.clone()));
    let images: BTreeMap<ImageId, ReleasedImage> = images.collect();
    Release {
        number: ReleaseNumber(2),
        project: ProjectId::new("shop").unwrap(),
        selection: Selection::All,
        fingerprint: Fingerprint::of(&Selection::All, &images),
        images,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        created_by: Actor::default(),
        description: None,
    }
}
