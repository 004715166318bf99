//! Everything that must be seen of the services before a deployment is planned.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access::Access, definitions::definitions, error::OpError, images::parameter_values,
    workspace::Workspace,
};
use crate::{
    manifest::{Environment, Service},
    model::{
        ClusterName, ContainerName, DeploymentController, Digest, EcsDeploymentId, EcsServiceName,
        ImageId, Label, ObservedService, RolloutState, RunTask, ServiceHead, ServiceId, Step,
        TaskDefinition, TaskDefinitionArn,
    },
    plan::{Problem, RecordedAttempt, ServicePicture, ServiceState, service_state},
};

/// The pictures taken, and what stands against the services of which there is none.
#[derive(Debug, Default)]
pub(super) struct Album {
    /// The pictures, in the order of the manifest.
    pub(super) pictures: Vec<ServicePicture>,
    /// The problems, by service.
    pub(super) problems: BTreeMap<ServiceId, Problem>,
}

/// A service of which a picture is taken: as the manifest has it, or as a deployment recorded it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// Its id.
    pub(super) id: ServiceId,
    /// Whether it was asked for; false when it moves only because it shares an image.
    pub(super) selected: bool,
    /// Its cluster and its name in ECS.
    pub(super) target: (ClusterName, EcsServiceName),
    /// The image of each mapped container.
    pub(super) containers: BTreeMap<ContainerName, ImageId>,
    /// The one-off task that comes before it moves to another image.
    pub(super) before_task: Option<RunTask>,
}

impl Subject {
    /// The services of a manifest.
    pub(super) fn of_services(
        workspace: &Workspace,
        environment: &Environment,
        (services, selected): (&[&Service], &BTreeSet<ServiceId>),
    ) -> Result<Vec<Self>, OpError> {
        let targets = targets(workspace, environment, services)?;
        Ok(targets
            .into_iter()
            .map(|(service, target)| Self {
                id: service.id.clone(),
                selected: selected.contains(&service.id),
                target,
                containers: service
                    .containers
                    .iter()
                    .map(|(container, image)| (container.clone(), image.clone()))
                    .collect(),
                before_task: service.before.clone(),
            })
            .collect())
    }

    /// The services of a deployment, where it found them.
    pub(super) fn of_steps(steps: &[Step]) -> Vec<Self> {
        steps
            .iter()
            .map(|step| Self {
                id: step.service.clone(),
                selected: true,
                target: (step.target.cluster.clone(), step.target.ecs_service.clone()),
                containers: step.target.containers.clone(),
                // The record has its task.
                before_task: None,
            })
            .collect()
    }
}

/// A service as it is wanted and as ECS has it.
struct Pair<'a> {
    /// As it is wanted.
    service: &'a Subject,
    /// In ECS.
    observed: ObservedService,
}

/// Takes a picture of every service.
pub(super) async fn take(
    workspace: &Workspace,
    (environment, access): (&Environment, &Access),
    subjects: &[Subject],
) -> Result<Album, OpError> {
    let mut album = Album::default();
    let pairs = observe(access, subjects, &mut album).await?;
    let families = pairs
        .iter()
        .filter_map(|pair| Some(pair.observed.task_definition.as_ref()?.family().to_owned()));
    let families: BTreeSet<String> = families.collect();
    let images: BTreeSet<ImageId> =
        pairs.iter().flat_map(|pair| pair.service.containers.values().cloned()).collect();
    let label = Label::of_environment(&environment.id);
    let (latest, parameters) = tokio::try_join!(
        async { Ok(definitions(&access.ecs, families).await?) },
        parameter_values(&workspace.project, access, &label, &images),
    )?;
    let current = definitions(&access.ecs, not_latest(&pairs, &latest)).await?;
    let heads = workspace.ledger.heads(&workspace.project.id, &environment.id).await?;
    let digests = running_digests(access, &pairs, &heads).await?;
    for Pair { service, observed } in pairs {
        let Some((latest, current)) = revisions(&observed, &latest, &current) else {
            let problem = no_definition(service, &observed);
            album.problems.insert(service.id.clone(), problem);
            continue;
        };
        let digests = observed
            .primary()
            .and_then(|primary| digests.get(&observed.started_by(&primary.id)).cloned())
            .unwrap_or_else(|| recorded_digests(service, &observed, heads.get(&service.id)));
        album.pictures.push(ServicePicture {
            service: service.id.clone(),
            selected: service.selected,
            unverified: is_unverified(&observed, heads.get(&service.id)),
            drifted: drifted(&observed, heads.get(&service.id)),
            containers: service.containers.clone(),
            before_task: service.before_task.clone(),
            parameters: service
                .containers
                .values()
                .filter_map(|image| Some((image.clone(), parameters.get(image)?.clone())))
                .collect(),
            observed,
            latest,
            current,
            digests,
        });
    }
    Ok(album)
}

/// Finds every service in ECS.
async fn observe<'a>(
    access: &Access,
    subjects: &'a [Subject],
    album: &mut Album,
) -> Result<Vec<Pair<'a>>, OpError> {
    let asked: Vec<_> = subjects.iter().map(|subject| subject.target.clone()).collect();
    let mut seen = access.ecs.observe(&asked).await?;
    let mut pairs = Vec::new();
    for service in subjects {
        let found = seen.remove(&service.target).filter(|service| service.status != "INACTIVE");
        let Some(observed) = found else {
            let (id, (cluster, ecs_service)) = (service.id.clone(), service.target.clone());
            let problem = Problem::ServiceMissing { service: id.clone(), cluster, ecs_service };
            album.problems.insert(id, problem);
            continue;
        };
        pairs.push(Pair { service, observed });
    }
    Ok(pairs)
}

/// A service with its cluster and its name in ECS.
pub(super) type Target<'a> = (&'a Service, (ClusterName, EcsServiceName));

/// Where each service is in ECS.
pub(super) fn targets<'a>(
    workspace: &Workspace,
    environment: &Environment,
    services: &[&'a Service],
) -> Result<Vec<Target<'a>>, OpError> {
    services
        .iter()
        .map(|service| {
            let cluster = workspace.project.cluster(environment, service)?.clone();
            let name = service.ecs_service_name(&environment.id)?;
            Ok((*service, (cluster, name)))
        })
        .collect()
}

/// The revisions that services are set to and that are not their family's latest.
fn not_latest(pairs: &[Pair<'_>], latest: &BTreeMap<String, TaskDefinition>) -> BTreeSet<String> {
    pairs
        .iter()
        .filter_map(|pair| pair.observed.task_definition.as_ref())
        .filter(|arn| latest.get(arn.family()).is_none_or(|latest| latest.arn != **arn))
        .map(ToString::to_string)
        .collect()
}

/// The family's latest revision of a service, and the one it is set to where that is another.
fn revisions(
    observed: &ObservedService,
    latest: &BTreeMap<String, TaskDefinition>,
    current: &BTreeMap<String, TaskDefinition>,
) -> Option<(TaskDefinition, Option<TaskDefinition>)> {
    let arn = observed.task_definition.as_ref()?;
    let latest = latest.get(arn.family())?.clone();
    Some((latest, current.get(arn.as_str()).cloned()))
}

/// A service without a task definition to copy.
fn no_definition(service: &Subject, observed: &ObservedService) -> Problem {
    if observed.controller == DeploymentController::External {
        // Its task sets have the task definitions, and the service has none.
        let (service, controller) = (service.id.clone(), "EXTERNAL");
        return Problem::UnsupportedController { service, controller };
    }
    let reason = match &observed.task_definition {
        Some(arn) => format!("family `{}` has none", arn.family()),
        None => "the service names none".to_owned(),
    };
    Problem::NoTaskDefinition { service: service.id.clone(), reason }
}

/// Asks which digests run, of the services that have settled without a record of it: everywhere
/// else the plan does not depend on it.
async fn running_digests(
    access: &Access,
    pairs: &[Pair<'_>],
    heads: &BTreeMap<ServiceId, ServiceHead>,
) -> Result<BTreeMap<EcsDeploymentId, BTreeMap<ContainerName, Digest>>, OpError> {
    let mut unknown: BTreeMap<&ClusterName, Vec<(EcsServiceName, EcsDeploymentId)>> =
        BTreeMap::new();
    for Pair { service, observed } in pairs {
        let Some(primary) = observed.primary() else { continue };
        let settled = primary.rollout_state == Some(RolloutState::Completed);
        if settled && !is_recorded(heads.get(&service.id), &primary.id) && observed.running > 0 {
            let of_cluster = unknown.entry(&observed.cluster).or_default();
            of_cluster.push((observed.name.clone(), observed.started_by(&primary.id)));
        }
    }
    let mut digests = BTreeMap::new();
    for (cluster, services) in unknown {
        for (id, tasks) in access.ecs.running_tasks(cluster, &services).await? {
            let seen = tasks.digests.into_iter();
            let first =
                seen.filter_map(|(name, digests)| Some((name, digests.into_iter().next()?)));
            digests.insert(id, first.collect());
        }
    }
    Ok(digests)
}

/// Whether the record knows the service and never verified what it is set to.
fn is_unverified(observed: &ObservedService, head: Option<&ServiceHead>) -> bool {
    let Some(head) = head else { return false };
    let verified = head.verified.as_ref().map(|verified| &verified.task_definition);
    verified != observed.task_definition.as_ref()
}

/// What was verified last of a service that somebody has moved on since.
fn drifted(observed: &ObservedService, head: Option<&ServiceHead>) -> Option<TaskDefinitionArn> {
    let recorded = RecordedAttempt::of(head?);
    let state = service_state(Some(observed), Some(&recorded));
    (state == ServiceState::Drifted).then_some(recorded.verified)?
}

/// Whether the digests of this very deployment were verified.
fn is_recorded(head: Option<&ServiceHead>, primary: &EcsDeploymentId) -> bool {
    head.and_then(|head| head.verified.as_ref())
        .is_some_and(|verified| verified.ecs_deployment.as_ref() == Some(primary))
}

/// The digests of the PRIMARY deployment by the record.
fn recorded_digests(
    service: &Subject,
    observed: &ObservedService,
    head: Option<&ServiceHead>,
) -> BTreeMap<ContainerName, Digest> {
    let primary = observed.primary().map(|primary| &primary.id);
    let verified = head
        .and_then(|head| head.verified.as_ref())
        .filter(|verified| verified.ecs_deployment.as_ref() == primary);
    let Some(verified) = verified else { return BTreeMap::new() };
    service
        .containers
        .iter()
        .filter_map(|(container, image)| {
            Some((container.clone(), verified.images.get(image)?.digest.clone()?))
        })
        .collect()
}
