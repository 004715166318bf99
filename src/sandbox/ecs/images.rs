//! What the images of services resolve to, and the rest of the world that rollouts see.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    estate::Service,
    fate::Fates,
    rollout::{ContainerSpec, Pace, ServiceState, World, alarms, ids},
    task_definitions,
};
use crate::sandbox::{
    SandboxError,
    call::{Fault, Scope},
    cloudwatch,
    ecr::admin::{self as ecr, Resolution},
    state::{Entity, Transaction},
};

/// The digest of an image, if it can be pulled.
///
/// Images of ECR must be in the sandbox's ECR. Nobody asks other registries: their images are
/// always there, and have the digest that the URI names, or the SHA-256 of the URI's text.
fn digest(transaction: &Transaction<'_>, uri: &str) -> Result<Option<String>, SandboxError> {
    Ok(match ecr::resolve(transaction, uri)? {
        Resolution::Digest(digest) => Some(digest),
        Resolution::NotFound => None,
        Resolution::OtherRegistry => {
            let named = uri.split_once('@').map(|(_, digest)| digest.to_owned());
            Some(named.unwrap_or_else(|| ids::digest(uri)))
        }
    })
}

/// How long a task takes to start, where that was set.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct TaskStart {
    /// Milliseconds from PROVISIONING to RUNNING.
    pub(super) millis: i64,
}

impl Entity for TaskStart {
    const KIND: &'static str = "ecs.task-start";
}

/// The key of entities of which a sandbox has one.
pub(super) const ONLY: &str = "";

/// The pace that is set.
pub(super) fn pace(transaction: &Transaction<'_>) -> Result<Pace, SandboxError> {
    let set: Option<TaskStart> = transaction.get(ONLY)?;
    Ok(set.map_or_else(Pace::default, |set| Pace {
        task_start: jiff::SignedDuration::from_millis(set.millis),
    }))
}

/// As much of the world as tells when something happens to a service next.
pub(super) fn outlook(
    transaction: &Transaction<'_>,
    scope: &Scope,
    service: &Service,
) -> Result<World, SandboxError> {
    let mut outlook = World { pace: pace(transaction)?, ..World::default() };
    for name in service.states().flat_map(alarms::watched) {
        let changes = cloudwatch::admin::timeline(transaction, scope, name)?;
        outlook.alarms.insert(name.clone(), changes);
    }
    Ok(outlook)
}

/// The world as far as a service can see it.
pub(super) fn world_of(
    transaction: &Transaction<'_>,
    scope: &Scope,
    service: &Service,
) -> Result<World, SandboxError> {
    let revisions = service.states().flat_map(ServiceState::live_revisions);
    let containers = revisions.flat_map(|revision| {
        let specs = revision.containers.iter().enumerate();
        specs.map(|(index, spec)| (spec, revision.digest(index)))
    });
    let mut world = world(transaction, containers)?;
    world.alarms = outlook(transaction, scope, service)?.alarms;
    world.functions = transaction.get(ONLY)?.unwrap_or_default();
    if world.fates.name_roles() {
        let revisions = service.states().flat_map(ServiceState::live_revisions);
        let definitions = revisions.map(|one| one.task_definition.as_str());
        world.roles = roles(transaction, definitions)?;
    }
    Ok(world)
}

/// The execution roles of task definitions, by the task definition's ARN.
fn roles<'a>(
    transaction: &Transaction<'_>,
    arns: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, String>, SandboxError> {
    let mut roles = BTreeMap::new();
    for arn in arns {
        let found = match task_definitions::find_by_arn(transaction, arn) {
            Ok(found) => found,
            Err(Fault::Sandbox(error)) => return Err(error),
            Err(Fault::Answer { .. }) => None,
        };
        let role = found.as_ref().and_then(|one| one.text("executionRoleArn"));
        roles.extend(role.map(|role| (arn.to_owned(), role.to_owned())));
    }
    Ok(roles)
}

/// The world as far as these containers can see it; each comes with the digest that is fixed for
/// it, if one is.
pub(super) fn world<'a>(
    transaction: &Transaction<'_>,
    containers: impl Iterator<Item = (&'a ContainerSpec, Option<&'a str>)>,
) -> Result<World, SandboxError> {
    let fates: Option<Fates> = transaction.get(ONLY)?;
    let pace = pace(transaction)?;
    let mut world = World { pace, fates: fates.unwrap_or_default(), ..World::default() };
    for (container, fixed) in containers {
        let reference = container.reference(fixed);
        if !world.images.contains_key(&reference)
            && let Some(digest) = digest(transaction, &reference)?
        {
            world.add(&reference, &digest);
        }
    }
    Ok(world)
}
