//! The services of an environment, as ECS and CloudWatch tell of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::failed;
use crate::{
    backend::{alarms::Alarms, aws::AwsSession, platform::ecs::Ecs},
    engine::cause_chain,
    manifest::{Environment, Project, Service},
    model::{ClusterName, EcsServiceName, ObservedService, TaskDefinition},
    ops::{OpError, access::groups, definitions::definitions},
    plan::doctor::{self, Check, Examined, Finding},
};

/// Where a service is.
type Target = (ClusterName, EcsServiceName);

/// Looks at the services, their containers and circuit breakers. Also gives what ECS told.
pub(super) async fn look(
    project: &Project,
    environment: &Environment,
    session: &AwsSession,
) -> (Vec<Finding>, Vec<Examined>) {
    let (targets, mut findings) = targets(project, environment);
    let ecs = Ecs::new(session.clone()).naming(groups(project, &environment.home()));
    let clusters: BTreeSet<&ClusterName> =
        targets.iter().map(|(_, (cluster, _))| cluster).collect();
    let looks = clusters.into_iter().map(|cluster| look_in(&ecs, cluster, &targets));
    let mut examined = Vec::new();
    for (told, wrong) in join_all(looks).await {
        examined.extend(told);
        findings.extend(wrong);
    }
    if !examined.is_empty() {
        findings.extend(doctor::services(&examined));
        findings.extend(doctor::containers(&examined));
        findings.extend(doctor::breakers(&examined));
    }
    (findings, examined)
}

/// The services with where they are, and what keeps that from being known.
fn targets<'p>(
    project: &'p Project,
    environment: &'p Environment,
) -> (Vec<(&'p Service, Target)>, Vec<Finding>) {
    let (mut targets, mut findings) = (Vec::new(), Vec::new());
    for service in project.services.values() {
        match target(project, environment, service) {
            Ok(target) => targets.push((service, target)),
            Err(error) => findings.push(failed(Check::Services, &error)),
        }
    }
    (targets, findings)
}

/// Where a service is.
fn target(
    project: &Project,
    environment: &Environment,
    service: &Service,
) -> Result<Target, OpError> {
    let cluster = project.cluster(environment, service)?.clone();
    Ok((cluster, service.ecs_service_name(&environment.id)?))
}

/// Looks at the services of one cluster.
async fn look_in(
    ecs: &Ecs,
    cluster: &ClusterName,
    targets: &[(&Service, Target)],
) -> (Vec<Examined>, Vec<Finding>) {
    let there: Vec<&(&Service, Target)> =
        targets.iter().filter(|(_, (other, _))| other == cluster).collect();
    let asked: Vec<Target> = there.iter().map(|(_, target)| target.clone()).collect();
    let seen = match ecs.observe(&asked).await {
        Ok(seen) => seen,
        Err(error) => return (Vec::new(), vec![failed(Check::Services, &error.into())]),
    };
    let families = seen.values().filter_map(|one| one.task_definition.as_ref());
    let families: BTreeSet<String> = families.map(|arn| arn.family().to_owned()).collect();
    let known = definitions(ecs, families).await.map_err(OpError::from);
    let examined = there.iter().map(|(service, target)| {
        let observed = seen.get(target).cloned();
        examine(service, target, observed, known.as_ref().ok())
    });
    let wrong = known.as_ref().err().map(|error| failed(Check::Containers, error));
    (examined.collect(), wrong.into_iter().collect())
}

/// A service with what was told of it. Where task definitions cannot be read, no containers are
/// compared.
fn examine(
    service: &Service,
    (cluster, ecs_service): &Target,
    observed: Option<ObservedService>,
    definitions: Option<&BTreeMap<String, TaskDefinition>>,
) -> Examined {
    let compared = service.containers.iter().filter(|_| definitions.is_some());
    let family = observed.as_ref().and_then(|seen| Some(seen.task_definition.as_ref()?.family()));
    let definition = family.and_then(|family| definitions?.get(family).cloned());
    Examined {
        service: service.id.clone(),
        cluster: cluster.clone(),
        ecs_service: ecs_service.clone(),
        containers: compared.map(|(name, image)| (name.clone(), image.clone())).collect(),
        observed,
        definition,
    }
}

/// The alarms that watch their rollouts.
pub(super) async fn alarms(session: &AwsSession, examined: &[Examined]) -> Vec<Finding> {
    let names: Vec<String> = doctor::watched(examined).into_iter().collect();
    if names.is_empty() {
        return Vec::new();
    }
    match Alarms::new(session.clone()).states(&names).await {
        Ok(states) => doctor::alarms(examined, &states).unwrap_or_default(),
        Err(error) => {
            let text = format!("not known: {}", cause_chain(&error));
            let fix = error.hint().unwrap_or_else(|| "run it again".to_owned());
            vec![Finding::warn(Check::Alarms, text, fix)]
        }
    }
}
