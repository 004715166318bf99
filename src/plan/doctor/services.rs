//! The services of an environment, their containers and images, and what is around them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Finding, Grade, listed};
use crate::{
    model::{
        AlarmState, ClusterName, ContainerName, DeploymentController, EcsServiceName, ImageId,
        ObservedService, ParameterName, ServiceId, TaskDefinition,
    },
    plan::{
        Problem,
        document::{DocumentError, container_images},
        warnings::{bounds, is_dead_locked},
    },
};

/// A service of the manifest and what ECS told of it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// Its id.
    pub service: ServiceId,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its name in ECS.
    pub ecs_service: EcsServiceName,
    /// The image of each mapped container; none where they cannot be compared.
    pub containers: BTreeMap<ContainerName, ImageId>,
    /// What ECS told; nothing where it has no such service.
    pub observed: Option<ObservedService>,
    /// The latest ACTIVE revision of its family; nothing where there is none.
    pub definition: Option<TaskDefinition>,
}

/// A problem as a line.
fn line(check: Check, grade: Grade, problem: &Problem) -> Finding {
    Finding { check, grade, text: problem.to_string(), fix: Some(problem.hint()) }
}

/// What stands against deploying a service, as ECS tells it.
fn against(examined: &Examined) -> Option<(Grade, Problem)> {
    let service = examined.service.clone();
    let seen = examined.observed.as_ref().filter(|seen| seen.status != "INACTIVE");
    let Some(seen) = seen else {
        let (cluster, ecs_service) = (examined.cluster.clone(), examined.ecs_service.clone());
        return Some((Grade::Fail, Problem::ServiceMissing { service, cluster, ecs_service }));
    };
    if seen.status != "ACTIVE" {
        let status = seen.status.clone();
        return Some((Grade::Fail, Problem::NotActive { service, status }));
    }
    if seen.controller == DeploymentController::External {
        let controller = "EXTERNAL";
        return Some((Grade::Fail, Problem::UnsupportedController { service, controller }));
    }
    if let Some(Err(reason)) = seen.code_deploy.as_ref().map(|moved| &moved.order) {
        let reason = reason.clone();
        return Some((Grade::Fail, Problem::NoDeploymentGroup { service, reason }));
    }
    if seen.is_rolling_back() {
        return Some((Grade::Warn, Problem::RollingBack { service, may_insist: true }));
    }
    is_dead_locked(seen).then(|| {
        let bounds = bounds(seen);
        (Grade::Fail, Problem::DeadLocked { service, bounds, may_insist: true })
    })
}

/// Whether every service is in ECS, once, and can be deployed.
#[must_use]
pub fn services(examined: &[Examined]) -> Vec<Finding> {
    let of_name = |one: &Examined| (one.cluster.clone(), one.ecs_service.clone());
    let mut names: BTreeMap<_, Vec<&ServiceId>> = BTreeMap::new();
    for one in examined {
        names.entry(of_name(one)).or_default().push(&one.service);
    }
    let mut findings: Vec<Finding> = examined
        .iter()
        .filter_map(against)
        .map(|(grade, problem)| line(Check::Services, grade, &problem))
        .collect();
    findings.extend(names.into_iter().filter(|(_, services)| services.len() > 1).map(
        |((cluster, name), services)| {
            let text =
                format!("{} are one ECS service, `{name}` in `{cluster}`", listed(&services));
            let fix = "take one of them out of the manifest, or correct its `service`";
            Finding::fail(Check::Services, text, Some(fix.to_owned()))
        },
    ));
    if findings.is_empty() {
        let clusters: BTreeSet<&ClusterName> = examined.iter().map(|one| &one.cluster).collect();
        let clusters: Vec<&ClusterName> = clusters.into_iter().collect();
        let text = format!("{} in {}, each ACTIVE", counted(examined.len()), listed(&clusters));
        findings.push(Finding::ok(Check::Services, text));
    }
    findings
}

/// So many services.
fn counted(number: usize) -> String {
    if number == 1 { "1 service".to_owned() } else { format!("{number} services") }
}

/// Whether the task definitions have the containers that the manifest maps images to. What ECS does
/// not have is not asked for its containers.
#[must_use]
pub fn containers(examined: &[Examined]) -> Vec<Finding> {
    let there: Vec<&Examined> = examined.iter().filter(|one| one.observed.is_some()).collect();
    let count: usize = there.iter().map(|one| one.containers.len()).sum();
    let problems = there.iter().flat_map(|one| wrong_containers(one));
    let mut findings: Vec<Finding> =
        problems.map(|problem| line(Check::Containers, Grade::Fail, &problem)).collect();
    if findings.is_empty() && count > 0 {
        let text = format!("{count} of the manifest, each in its task definition");
        findings.push(Finding::ok(Check::Containers, text));
    }
    findings
}

/// What is wrong with the containers of a service.
fn wrong_containers(examined: &Examined) -> Vec<Problem> {
    let service = examined.service.clone();
    if examined.containers.is_empty() {
        return Vec::new();
    }
    let Some(definition) = &examined.definition else {
        let family = examined.observed.as_ref().and_then(|seen| seen.task_definition.as_ref());
        let reason = match family {
            Some(arn) => format!("family `{}` has none", arn.family()),
            None => "the service names none".to_owned(),
        };
        return vec![Problem::NoTaskDefinition { service, reason }];
    };
    let task_definition = definition.arn.clone();
    let images = match container_images(&definition.document) {
        Ok(images) => images,
        Err(DocumentError::Json(error)) => {
            let reason = error.to_string();
            return vec![Problem::UnreadableDefinition { service, task_definition, reason }];
        }
        Err(DocumentError::NoContainer { .. }) => return Vec::new(),
    };
    let present: Vec<String> = images.keys().cloned().collect();
    let missing = examined.containers.iter();
    let missing = missing.filter(|(name, _)| !images.contains_key(name.as_str()));
    missing
        .map(|(container, image)| Problem::NoContainer {
            service: service.clone(),
            task_definition: task_definition.clone(),
            container: container.clone(),
            image: Some(image.clone()),
            present: present.clone(),
        })
        .collect()
}

/// Whether ECS itself ends what fails. CodeDeploy has its own way.
#[must_use]
pub fn breakers(examined: &[Examined]) -> Option<Finding> {
    let by_ecs: Vec<(&ServiceId, &ObservedService)> = examined
        .iter()
        .filter_map(|one| Some((&one.service, one.observed.as_ref()?)))
        .filter(|(_, seen)| seen.controller == DeploymentController::Ecs)
        .collect();
    if by_ecs.is_empty() {
        return None;
    }
    let without = by_ecs.iter().filter(|(_, seen)| !seen.circuit_breaker.enabled);
    let without: Vec<&ServiceId> = without.map(|(service, _)| *service).collect();
    Some(if without.is_empty() {
        Finding::ok(Check::Breakers, format!("on for {}", counted(by_ecs.len())))
    } else {
        Finding::warn(
            Check::Breakers,
            format!("off for {}: ECS starts failing tasks again and again", listed(&without)),
            "turn on the deployment circuit breaker with rollback in the services' \
             `deploymentConfiguration`",
        )
    })
}

/// Whether the alarms that watch rollouts are there and quiet.
#[must_use]
pub fn alarms(
    examined: &[Examined],
    states: &BTreeMap<String, AlarmState>,
) -> Option<Vec<Finding>> {
    let watched = watched(examined);
    if watched.is_empty() {
        return None;
    }
    let mut findings: Vec<Finding> = watched
        .iter()
        .filter_map(|name| match states.get(name) {
            Some(AlarmState::Ok | AlarmState::InsufficientData) => None,
            Some(AlarmState::Alarm) => Some(Finding::warn(
                Check::Alarms,
                format!("`{name}` is in ALARM, so that ECS would ignore the alarms of a rollout"),
                "wait until it is OK before you deploy",
            )),
            None => Some(Finding::warn(
                Check::Alarms,
                format!("CloudWatch has no alarm `{name}`, which a service names"),
                "create the alarm, or take it out of the service's deployment alarms",
            )),
        })
        .collect();
    if findings.is_empty() {
        findings
            .push(Finding::ok(Check::Alarms, format!("{} watched, none in ALARM", watched.len())));
    }
    Some(findings)
}

/// The alarms that watch the rollouts of services, each once.
#[must_use]
pub fn watched(examined: &[Examined]) -> BTreeSet<String> {
    let seen = examined.iter().filter_map(|one| one.observed.as_ref());
    let watching = seen.filter(|seen| seen.alarms.enabled);
    watching.flat_map(|seen| seen.alarms.names.iter().cloned()).collect()
}

/// An image and what the parameter holds that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The image.
    pub image: ImageId,
    /// The parameter.
    pub parameter: ParameterName,
    /// Whether the parameter is a `SecureString`; nothing where there is no such parameter.
    pub is_secure: Option<bool>,
    /// Whether this is a label that a deployment reads, and not the one that it writes.
    pub is_source: bool,
}

/// Whether the parameters that name images are there, and readable by whoever may read them.
#[must_use]
pub fn parameters(all: &[Image]) -> Vec<Finding> {
    let names = |wanted: &dyn Fn(&&Image) -> bool| -> Vec<&ParameterName> {
        all.iter().filter(wanted).map(|one| &one.parameter).collect()
    };
    let secure = names(&|one| one.is_secure == Some(true));
    let unnamed = names(&|one| one.is_secure.is_none() && one.is_source);
    let unwritten = names(&|one| one.is_secure.is_none() && !one.is_source);
    let mut findings = Vec::new();
    if !secure.is_empty() {
        // Commands read and write it as it is; only Terraform minds, and not if it was told.
        findings.push(Finding::warn(
            Check::Parameters,
            format!(
                "{} of type SecureString: deployments keep it so; in Terraform `insecure_value` of it \
                 is empty, and whatever reads that fails",
                of(&secure)
            ),
            "make it a String, since an image URI is no secret, or have Terraform read \
             `nonsensitive(….value)`: `release-tool terraform check` tells which it reads",
        ));
    }
    if !unnamed.is_empty() {
        findings.push(Finding::fail(
            Check::Parameters,
            format!("{} not there, so that there is nothing to deploy of them", of(&unnamed)),
            Some("register the images: `release-tool register <uri> <service>`".to_owned()),
        ));
    }
    if !unwritten.is_empty() {
        findings.push(Finding::warn(
            Check::Parameters,
            format!("{} not there yet", of(&unwritten)),
            "nothing, where no deployment was made yet: the first one writes them",
        ));
    }
    if findings.is_empty() && !all.is_empty() {
        let text = format!("{} there, each a String", all.len());
        findings.push(Finding::ok(Check::Parameters, text));
    }
    findings
}

/// Names with their verb.
fn of(names: &[&ParameterName]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", listed(names))
}

/// Whether the images that would be deployed are in their registries. `missing` are those that are
/// not, each with the reason; `found` is how many are.
#[must_use]
pub fn images(found: usize, missing: &[Problem]) -> Vec<Finding> {
    if missing.is_empty() {
        return match found {
            0 => Vec::new(),
            _ => vec![Finding::ok(Check::Images, format!("{found} in their registries"))],
        };
    }
    missing.iter().map(|problem| line(Check::Images, Grade::Fail, problem)).collect()
}
