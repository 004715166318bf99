//! `status`: what runs, who put it there, and whether it is complete. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    access::Access,
    definitions::definitions,
    draft::seen_project,
    error::OpError,
    failed_restarts::failed_restarts,
    ground::Ground,
    last_released::{LastReleased, NEWEST, last_released},
    pictures::{Target, targets},
    workspace::Workspace,
};
use crate::{
    manifest::{Project, Service},
    model::{
        ClusterName, ContainerName, Deployment, DeploymentKind, DeploymentNumber, DeploymentStatus,
        Digest, EcsDeploymentId, EcsServiceName, EnvironmentId, FailedRestart, HeldLock, Hold,
        ImageId, ImageUri, ObservedCodeDeploy, ObservedService, ProjectId, ReleaseHash,
        RevisionHashes, RolloutState, Seen as Look, Selection, ServiceHead, ServiceId, ServiceNow,
        StageProgress, TaskDefinitionArn, Verdict,
    },
    plan::{
        RecordedAttempt, ServiceState, TaskCounts, container_images, overall, service_state,
        task_counts,
    },
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct StatusRequest {
    /// `all`, a set or a service.
    pub selection: String,
    /// The environment.
    pub environment: String,
    /// Whether to look at the digests of the running tasks.
    pub digests: bool,
}

/// What runs in an environment.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
    /// What was asked for.
    pub selection: Selection,
    /// The last deployment of any of the services, whatever became of it.
    pub last: Option<Deployment>,
    /// The last one that moved any of them and was not taken back.
    pub last_released: Option<LastReleased>,
    /// Among how many of the environment's newest deployments none was found, where there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_through: Option<usize>,
    /// The worst state among the services, or that they are mixed.
    pub status: Option<ServiceState>,
    /// Why the environment stays as it is, if it is on hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Who holds services of the environment.
    pub locks: Vec<HeldLock>,
    /// The services, in the order of the manifest.
    pub services: Vec<ServiceStatus>,
}

/// What runs of one service.
#[derive(Debug, Clone, Serialize)]
pub struct ServiceStatus {
    /// What it runs now, and what it is set to where that is something else.
    #[serde(flatten)]
    pub now: ServiceNow,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its name in ECS.
    pub ecs_service: EcsServiceName,
    /// What it is in; `now` has the word.
    #[serde(skip)]
    pub state: ServiceState,
    /// The release hash it is set to run, by image.
    pub release_hashes: BTreeMap<ImageId, ReleaseHash>,
    /// The task definition it is set to.
    pub task_definition: Option<TaskDefinitionArn>,
    /// The task definition that was last verified, where it is set to another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<TaskDefinitionArn>,
    /// How far its rollout is, where that goes in stages or CodeDeploy carries it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageProgress>,
    /// The last restart since it was deployed, where that did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_restart: Option<FailedRestart>,
    /// Its tasks.
    #[serde(flatten)]
    pub tasks: TaskCounts,
    /// The digests that run, by container; each has one unless tasks differ. Only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<BTreeMap<ContainerName, BTreeSet<Digest>>>,
}

/// Looks at the services.
///
/// # Errors
/// Fails when the manifest does not have what was asked for, or AWS or the store fails.
pub async fn status(
    workspace: &Workspace,
    request: &StatusRequest,
) -> Result<StatusReport, OpError> {
    let environment = workspace.project.environment(&request.environment)?.clone();
    let project = seen_project(workspace).await?;
    let selection = project.select(&request.selection)?;
    let services = project.services_of(&selection);
    let targets = targets(workspace, &environment, &services)?;
    let access = Access::open(workspace, &environment.home()).await?;
    let asked: Vec<_> = targets.iter().map(|(_, target)| target.clone()).collect();
    let seen = access.ecs.observe(&asked).await?;
    let heads = workspace.ledger.heads(&project.id, &environment.id).await?;
    let hashes = hashes(&access, &targets, &seen, &heads).await?;
    let digests = if request.digests { Some(digests(&access, &seen).await?) } else { None };
    let stages = stages(&access, &seen).await?;
    let mut attempts = attempts(workspace, &project, &heads, &services).await?;
    let newest = workspace.ledger.newest_of(&project.id, &environment.id, NEWEST).await?;
    let place = (&project, &environment.id);
    note_what_is_wanted_since(workspace, place, (&heads, &newest), &mut attempts).await?;
    let mut restarts = failed_restarts(workspace, (&heads, &services), &newest).await?;
    let ids = services.iter().map(|service| service.id.clone()).collect();
    let place = (&environment.id, &ids);
    let found = last_released(workspace, place, (attempts.last.as_ref(), &newest)).await?;
    let (last_released, looked_through) = found.told();
    let Ground { hold, held, .. } = Ground::of(workspace, &environment.id).await?;
    let recorded = &attempts.recorded;
    let known = Known { seen, hashes, stages, digests, recorded, now: (workspace.now)() };
    let services: Vec<ServiceStatus> = targets
        .into_iter()
        .map(|(service, target)| {
            let failed_restart = restarts.remove(&service.id);
            known.status_of(&service.id, target, failed_restart)
        })
        .collect();
    Ok(StatusReport {
        project: project.id.clone(),
        environment: environment.id,
        selection,
        status: overall(services.iter().map(|service| service.state), attempts.last.as_ref()),
        last: attempts.last,
        last_released,
        looked_through,
        hold,
        locks: held,
        services,
    })
}

/// The digests that tasks run, by what started them.
type Digests = BTreeMap<EcsDeploymentId, BTreeMap<ContainerName, BTreeSet<Digest>>>;

/// The digests that the tasks of a service's deployment in production run.
fn of_primary(
    digests: &Digests,
    observed: Option<&ObservedService>,
) -> BTreeMap<ContainerName, BTreeSet<Digest>> {
    let started_by = observed.and_then(|seen| Some(seen.started_by(&seen.production()?.id)));
    started_by.and_then(|id| digests.get(&id).cloned()).unwrap_or_default()
}

/// What is known of the services that were asked about.
struct Known<'a> {
    /// What ECS says of them.
    seen: Seen,
    /// The release hashes of revisions, by service.
    hashes: BTreeMap<ServiceId, RevisionHashes>,
    /// How far rollouts in stages are.
    stages: BTreeMap<(ClusterName, EcsServiceName), StageProgress>,
    /// The digests that run, where they were asked for.
    digests: Option<Digests>,
    /// What the record says.
    recorded: &'a BTreeMap<ServiceId, RecordedAttempt>,
    /// When ECS was asked.
    now: Timestamp,
}

impl Known<'_> {
    /// The status of one service.
    fn status_of(
        &self,
        service: &ServiceId,
        target: (ClusterName, EcsServiceName),
        failed_restart: Option<FailedRestart>,
    ) -> ServiceStatus {
        let observed = self.seen.get(&target);
        let recorded = self.recorded.get(service);
        let state = service_state(observed, recorded);
        let look = observed.map(|observed| Look::of(observed, self.now));
        let no_hashes = RevisionHashes::new();
        let known = self.hashes.get(service).unwrap_or(&no_hashes);
        let now = ServiceNow::seen((service.clone(), state.as_str()), look.as_ref(), known);
        let task_definition = look.and_then(|look| look.task_definition);
        ServiceStatus {
            state,
            release_hashes: now.wanted.clone(),
            now,
            verified: recorded
                .and_then(|recorded| recorded.verified.clone())
                .filter(|arn| task_definition.as_ref() != Some(arn)),
            task_definition,
            stage: self.stages.get(&target).cloned(),
            failed_restart,
            tasks: task_counts(observed),
            digests: self.digests.as_ref().map(|digests| of_primary(digests, observed)),
            cluster: target.0,
            ecs_service: target.1,
        }
    }
}

/// What ECS says, by cluster and name.
type Seen = BTreeMap<(ClusterName, EcsServiceName), ObservedService>;

/// How far the rollouts are that go in stages, and those of CodeDeploy. Where we may not see that,
/// nothing is told.
async fn stages(
    access: &Access,
    seen: &Seen,
) -> Result<BTreeMap<(ClusterName, EcsServiceName), StageProgress>, OpError> {
    let goes_on = |service: &ObservedService| {
        let primary = service.primary();
        primary.is_some_and(|primary| primary.rollout_state == Some(RolloutState::InProgress))
    };
    let current: BTreeMap<_, &String> = seen
        .iter()
        .filter(|(_, service)| service.strategy.is_staged() && goes_on(service))
        .filter_map(|(target, service)| {
            Some((target, service.current_service_deployment.as_ref()?))
        })
        .collect();
    let arns: Vec<String> = current.values().map(|arn| (*arn).clone()).collect();
    let known = match access.ecs.service_deployments(&arns).await {
        Err(error) if error.is_denied() => BTreeMap::new(),
        known => known?,
    };
    let progress = |arn: &String| Some(known.get(arn)?.progress(None));
    let of_ecs =
        current.into_iter().filter_map(|(target, arn)| Some((target.clone(), progress(arn)?)));
    let mut stages: BTreeMap<_, _> = of_ecs.collect();
    for (target, service) in seen {
        let under_way = service.code_deploy.as_ref().and_then(ObservedCodeDeploy::under_way);
        if let Some(under_way) = under_way {
            let stage = access.ecs.code_deploy().stage(service, under_way).await?;
            stages.insert(target.clone(), stage);
        }
    }
    Ok(stages)
}

/// The release hashes of what each service is set to, and of what else it runs. The record answers
/// where it is about the very task definition; the rest is read from ECS.
async fn hashes(
    access: &Access,
    targets: &[Target<'_>],
    seen: &Seen,
    heads: &BTreeMap<ServiceId, ServiceHead>,
) -> Result<BTreeMap<ServiceId, RevisionHashes>, OpError> {
    let mut known: BTreeMap<ServiceId, RevisionHashes> = BTreeMap::new();
    let mut unknown: Vec<(&Service, TaskDefinitionArn)> = Vec::new();
    for (service, target) in targets {
        let of_service = known.entry(service.id.clone()).or_default();
        for arn in seen.get(target).map(revisions).unwrap_or_default() {
            match heads.get(&service.id).and_then(|head| recorded_hashes(head, &arn)) {
                Some(hashes) => drop(of_service.insert(arn, hashes)),
                None => unknown.push((*service, arn)),
            }
        }
    }
    let references: BTreeSet<String> = unknown.iter().map(|(_, arn)| arn.to_string()).collect();
    let definitions = definitions(&access.ecs, references).await?;
    for (service, arn) in unknown {
        let document = definitions.get(arn.as_str()).map(|definition| definition.document.as_str());
        let hashes = document.map(|text| hashes_in(service, text)).unwrap_or_default();
        known.entry(service.id.clone()).or_default().insert(arn, hashes);
    }
    Ok(known)
}

/// What a service is set to, and what its tasks run.
fn revisions(service: &ObservedService) -> BTreeSet<TaskDefinitionArn> {
    let production = service.production().and_then(|now| now.task_definition.clone());
    let set_to = production.or_else(|| service.task_definition.clone());
    let running = service.deployments.iter().filter(|one| one.running > 0);
    set_to.into_iter().chain(running.filter_map(|one| one.task_definition.clone())).collect()
}

/// The release hashes of a revision by the record: of the last attempt, or of what was verified.
fn recorded_hashes(
    head: &ServiceHead,
    arn: &TaskDefinitionArn,
) -> Option<BTreeMap<ImageId, ReleaseHash>> {
    let verified = head.verified.as_ref().filter(|verified| verified.task_definition == *arn);
    let images = match verified {
        Some(verified) => &verified.images,
        None if head.task_definition.as_ref() == Some(arn) => &head.images,
        None => return None,
    };
    let hashes = images.iter().map(|(id, image)| (id.clone(), image.release_hash.clone()));
    (!images.is_empty()).then(|| hashes.collect())
}

/// The release hashes that a task definition's image URIs tell.
fn hashes_in(service: &Service, document: &str) -> BTreeMap<ImageId, ReleaseHash> {
    let images = container_images(document).unwrap_or_default();
    service
        .containers
        .iter()
        .filter_map(|(container, image)| {
            let text = images.get(container.as_str())?;
            let hash = ImageUri::parse(text.as_str())
                .map_or_else(|_not_ours| ReleaseHash::new(text), |uri| uri.release_hash());
            Some((image.clone(), hash))
        })
        .collect()
}

/// The digests that the tasks of each deployment in production run.
async fn digests(access: &Access, seen: &Seen) -> Result<Digests, OpError> {
    let mut by_cluster: BTreeMap<&ClusterName, Vec<(EcsServiceName, EcsDeploymentId)>> =
        BTreeMap::new();
    for ((cluster, name), service) in seen {
        if let Some(primary) = service.production() {
            let started_by = service.started_by(&primary.id);
            by_cluster.entry(cluster).or_default().push((name.clone(), started_by));
        }
    }
    let mut all = BTreeMap::new();
    for (cluster, services) in by_cluster {
        let running = access.ecs.running_tasks(cluster, &services).await?;
        all.extend(running.into_iter().map(|(id, tasks)| (id, tasks.digests)));
    }
    Ok(all)
}

/// What the record says of the services.
struct Attempts {
    /// By service.
    recorded: BTreeMap<ServiceId, RecordedAttempt>,
    /// The last deployment of any of them.
    last: Option<Deployment>,
}

/// Reads what the record says of the services' last attempts.
async fn attempts(
    workspace: &Workspace,
    project: &Project,
    heads: &BTreeMap<ServiceId, ServiceHead>,
    services: &[&Service],
) -> Result<Attempts, OpError> {
    let heads = || services.iter().filter_map(|service| heads.get(&service.id));
    let last = match heads().map(|head| head.deployment).max() {
        Some(number) => Some(workspace.ledger.deployment(&project.id, number).await?),
        None => None,
    };
    let recorded = heads().map(|head| (head.service.clone(), RecordedAttempt::of(head))).collect();
    Ok(Attempts { recorded, last })
}

/// Deployments, newest first, with the services that they have steps for.
type Newest = [(DeploymentNumber, Vec<ServiceId>)];

/// Notes which of the services that were put back a later deployment wanted as they are: it had
/// nothing to do for them, and no head tells of it. Only those are read that are later and have no step
/// for such a service.
async fn note_what_is_wanted_since(
    workspace: &Workspace,
    (project, environment): (&Project, &EnvironmentId),
    (heads, newest): (&BTreeMap<ServiceId, ServiceHead>, &Newest),
    attempts: &mut Attempts,
) -> Result<(), OpError> {
    let is_back =
        |recorded: &RecordedAttempt| matches!(recorded.verdict, Some(Verdict::RolledBack { .. }));
    let recorded = &mut attempts.recorded;
    let back: Vec<&ServiceHead> = recorded
        .iter()
        .filter(|(_, recorded)| is_back(recorded))
        .filter_map(|(id, _)| heads.get(id))
        .collect();
    let may_want = |(number, touched): &&(DeploymentNumber, Vec<ServiceId>)| {
        let is_later = |head: &&&ServiceHead| *number > head.deployment;
        back.iter().filter(is_later).any(|head| !touched.contains(&head.service))
    };
    let later = newest.iter().take(HISTORY).filter(may_want).map(|(number, _)| *number);
    let later: Vec<DeploymentNumber> = later.collect();
    let newest = workspace.ledger.deployments_of(&project.id, environment, &later).await?;
    for (id, recorded) in recorded.iter_mut().filter(|(_, recorded)| is_back(recorded)) {
        let tried = heads.get(id).map(|head| head.deployment);
        let is_later = |later: &Deployment| Some(later.number) > tried;
        let mut later = newest.iter().filter(|later| is_later(later));
        let wanted = later.find(|later| wants_as_it_is(project, later, id));
        recorded.is_as_wanted_since = wanted.is_some();
        let last = attempts.last.as_ref().map(|last| last.number);
        if let Some(wanted) = wanted.filter(|wanted| Some(wanted.number) > last) {
            attempts.last = Some(wanted.clone());
        }
    }
    Ok(())
}

/// Whether a deployment succeeded that was about a service and had nothing to do for it.
fn wants_as_it_is(project: &Project, deployment: &Deployment, service: &ServiceId) -> bool {
    let moves = matches!(deployment.kind, DeploymentKind::Deploy | DeploymentKind::Rollback);
    let is_about = || {
        let services = project.services_of(&deployment.selection);
        services.iter().any(|about| about.id == *service)
    };
    moves
        && deployment.status == DeploymentStatus::Succeeded
        && deployment.step(service).is_none()
        && is_about()
}

/// How many deployments of an environment are looked through for one that found a service as it wanted it.
const HISTORY: usize = 20;
