//! What the engine's tests have in common: a service in a world of images.

use jiff::{SignedDuration, Timestamp};

use super::{
    Breaker, ContainerSpec, Counts, Rollout, ServiceState, Status, Threshold, World, advance,
    deployment, ids,
};

/// The moment at which every test begins.
pub(super) const START: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// A moment, in milliseconds after the beginning.
pub(super) fn at(millis: i64) -> Timestamp {
    START + SignedDuration::from_millis(millis)
}

/// A moment before the beginning.
fn long_ago() -> Timestamp {
    START - SignedDuration::from_hours(10)
}

/// A world with images whose fates their names tell: `good`, or a fate.
pub(super) fn world() -> World {
    let names = [
        "good",
        "good2",
        "crash",
        "crash@0",
        "crash@2",
        "crash@10000",
        "unhealthy",
        "unpullable",
        "oom",
        "exec-format",
        "target-unhealthy",
        "wrong-platform",
        "no-secret",
        "no-role",
    ];
    let mut world = World::default();
    for name in names {
        world.add(name, &ids::digest(name));
        if !name.starts_with("good") {
            world.fates.set(name, name.parse().unwrap(), Timestamp::MIN);
        }
    }
    world
}

/// A breaker as most services have it.
pub(super) const BREAKER: Breaker =
    Breaker { rollback: true, resets: true, threshold: Threshold::BoundedPercent(50) };

/// A service with nothing deployed.
pub(super) fn service(desired: u32, minimum: u32, maximum: u32) -> ServiceState {
    let mut service = ServiceState::new("web", "test", long_ago());
    service.desired = desired;
    service.settings.minimum_healthy_percent = minimum;
    service.settings.maximum_percent = maximum;
    service
}

/// A service on whose image everything is well and has been for long.
pub(super) fn running(desired: u32, minimum: u32, maximum: u32) -> ServiceState {
    let mut service = service(desired, minimum, maximum);
    deploy(&mut service, "good", long_ago());
    advance(&mut service, START, &world());
    assert_eq!(service.deployments[0].rollout, Rollout::Completed);
    service
}

/// Begins a deployment of an image.
pub(super) fn deploy(service: &mut ServiceState, image: &str, moment: Timestamp) {
    let container = ContainerSpec {
        name: "app".to_owned(),
        image: image.to_owned(),
        essential: true,
        checked: true,
        consistent: true,
    };
    deploy_containers(service, vec![container], moment);
}

/// Begins a deployment of some containers.
pub(super) fn deploy_containers(
    service: &mut ServiceState,
    containers: Vec<ContainerSpec>,
    moment: Timestamp,
) {
    let target = deployment::Target {
        task_definition: format!("arn:task-definition/{}:1", containers[0].image),
        containers,
        snapshot: serde_json::Value::Null,
    };
    deployment::begin(service, target, moment);
}

/// The image that the PRIMARY deployment runs.
pub(super) fn image(service: &ServiceState) -> &str {
    let revision = service.revision(service.deployments[0].revision).unwrap();
    &revision.containers[0].image
}

/// The newest service deployment's status.
pub(super) fn status(service: &ServiceState) -> Status {
    service.service_deployments[0].status
}

/// The messages of all events, oldest first, without the service's name.
pub(super) fn messages(service: &ServiceState) -> Vec<&str> {
    let all = service.events.iter().rev();
    all.map(|event| event.message.strip_prefix("(service web) ").unwrap()).collect()
}

/// How many tasks are in which part of their life.
pub(super) fn counts(service: &ServiceState) -> Counts {
    Counts::of(service.tasks.iter())
}
