//! `terraform snippet`: HCL of what is deployed. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{
    access::Access,
    definitions::definitions,
    draft::seen_project,
    error::OpError,
    pictures::{Target, targets},
    workspace::Workspace,
};
use crate::{
    engine::cause_chain,
    manifest::{Environment, Project, Service},
    model::{
        ClusterName, EcsServiceName, ImageId, Label, ObservedService, ParameterName, ServiceId,
        TaskDefinition,
    },
    plan::{
        SnippetParameter, SnippetRequest, SnippetSeen, SnippetService, container_images,
        terraform_snippet,
    },
};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct SnippetOrder {
    /// Sets and services; all where none is named.
    pub services: Vec<String>,
    /// The environment; all where none is named.
    pub environment: Option<String>,
    /// Whether what is there is taken into Terraform's state.
    pub imports: bool,
}

/// HCL, and what could not be read for it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snippet {
    /// The HCL.
    pub hcl: String,
    /// The services that ECS did not tell, each with why.
    pub untold: BTreeMap<ServiceId, String>,
}

/// Writes the HCL of services.
///
/// # Errors
/// Fails when the manifest does not have what was asked for. What AWS does not tell stops nothing.
pub async fn snippet(workspace: &Workspace, order: &SnippetOrder) -> Result<Snippet, OpError> {
    let project = seen_project(workspace).await?;
    let services = chosen(&project, &order.services)?;
    let environments = match &order.environment {
        Some(environment) => vec![project.environment(environment)?],
        None => project.environments.values().collect(),
    };
    let mut snippet = Snippet::default();
    let mut parts = Vec::new();
    for environment in &environments {
        let targets = targets(workspace, environment, &services)?;
        let seen = match look(workspace, environment, &targets).await {
            Ok(seen) => seen,
            Err(error) => Seen { failure: Some(cause_chain(&error)), ..Seen::default() },
        };
        let request = SnippetRequest {
            project: project.id.clone(),
            environment: environment.id.clone(),
            is_one_of_several: environments.len() > 1,
            imports: order.imports,
            parameters: parameters(&project, (environment, &services), &seen),
            services: targets.into_iter().map(|target| of_service(target, &seen)).collect(),
        };
        for service in &request.services {
            if let Err(reason) = &service.seen {
                snippet.untold.insert(service.service.clone(), reason.clone());
            }
        }
        parts.push(terraform_snippet(&request));
    }
    snippet.hcl = parts.join("\n");
    Ok(snippet)
}

/// The services that are named, each once, in the order of the manifest.
fn chosen<'a>(project: &'a Project, words: &[String]) -> Result<Vec<&'a Service>, OpError> {
    let all = ["all".to_owned()];
    let words = if words.is_empty() { &all } else { words };
    let mut named: BTreeSet<&ServiceId> = BTreeSet::new();
    for word in words {
        named.extend(project.services_of(&project.select(word)?).iter().map(|one| &one.id));
    }
    Ok(project.services.values().filter(|service| named.contains(&service.id)).collect())
}

/// A cluster and the name of a service in it.
type Place = (ClusterName, EcsServiceName);

/// What AWS tells.
#[derive(Default)]
struct Seen {
    /// The services.
    services: BTreeMap<Place, ObservedService>,
    /// The same, as ECS writes them.
    documents: BTreeMap<Place, Value>,
    /// The latest ACTIVE revision of each family.
    latest: BTreeMap<String, TaskDefinition>,
    /// The parameters: value, and whether it is a secret.
    parameters: BTreeMap<ParameterName, (String, bool)>,
    /// The services that are scaled.
    scaled: BTreeSet<Place>,
    /// Why nothing is told.
    failure: Option<String>,
}

/// Asks AWS.
async fn look(
    workspace: &Workspace,
    environment: &Environment,
    targets: &[Target<'_>],
) -> Result<Seen, OpError> {
    let access = Access::open(workspace, &environment.home()).await?;
    let places: Vec<Place> = targets.iter().map(|(_, place)| place.clone()).collect();
    let services = access.ecs.observe(&places).await?;
    let arns = services.values().filter_map(|service| service.task_definition.as_ref());
    let families: BTreeSet<String> = arns.map(|arn| arn.family().to_owned()).collect();
    let images = targets.iter().flat_map(|(service, _)| service.images());
    let names: BTreeSet<ParameterName> =
        images.map(|image| name(workspace, environment, image)).collect();
    let names: Vec<ParameterName> = names.into_iter().collect();
    let (latest, documents, parameters, scaled) = tokio::join!(
        definitions(&access.ecs, families),
        access.ecs.service_documents(&places),
        access.parameters.get(&names),
        access.scaling.bounds(&places),
    );
    let parameters = parameters?.into_iter();
    Ok(Seen {
        services,
        documents: documents?,
        latest: latest?,
        parameters: parameters
            .map(|(name, found)| (name, (found.value, found.is_secret)))
            .collect(),
        // Who may not be asked for it is not told of it.
        scaled: scaled.unwrap_or_default().into_keys().collect(),
        failure: None,
    })
}

/// The parameter of an image in an environment.
fn name(workspace: &Workspace, environment: &Environment, image: &ImageId) -> ParameterName {
    ParameterName::of_image(&workspace.project.id, &Label::of_environment(&environment.id), image)
}

/// The parameters of the services' images. One that is not there has what runs as its first value.
fn parameters(
    project: &Project,
    (environment, services): (&Environment, &[&Service]),
    seen: &Seen,
) -> BTreeMap<ImageId, SnippetParameter> {
    let label = Label::of_environment(&environment.id);
    let mut parameters = BTreeMap::new();
    for service in services {
        for (container, image) in &service.containers {
            let name = ParameterName::of_image(&project.id, &label, image);
            let found = seen.parameters.get(&name);
            let runs = || {
                let observed = seen.services.values();
                let mut named = observed.filter(|one| {
                    service.ecs_service_name(&environment.id).is_ok_and(|name| name == one.name)
                });
                let family = named.next()?.task_definition.as_ref()?.family();
                let images: IndexMap<String, String> =
                    container_images(&seen.latest.get(family)?.document).ok()?;
                images.get(container.as_str()).cloned()
            };
            parameters.entry(image.clone()).or_insert_with(|| SnippetParameter {
                value: found.map(|(value, _)| value.clone()).or_else(runs),
                is_there: found.is_some(),
                is_secret: found.is_some_and(|(_, is_secret)| *is_secret),
                name,
            });
        }
    }
    parameters
}

/// One service, with what AWS tells of it.
fn of_service((service, place): Target<'_>, seen: &Seen) -> SnippetService {
    let containers = service.containers.iter();
    let active = seen.services.get(&place).filter(|observed| observed.status == "ACTIVE");
    let told = match (&seen.failure, active) {
        (Some(failure), _) => Err(failure.clone()),
        (None, None) => Err(format!("ECS has no service {} in {}", place.1, place.0)),
        (None, Some(observed)) => of_observed(observed, seen)
            .ok_or_else(|| "the service has no ACTIVE task definition".to_owned()),
    };
    let (cluster, ecs_service) = place;
    SnippetService {
        service: service.id.clone(),
        ecs_service,
        cluster,
        containers: containers.map(|(name, image)| (name.clone(), image.clone())).collect(),
        seen: told,
    }
}

/// What ECS tells of a service.
fn of_observed(observed: &ObservedService, seen: &Seen) -> Option<SnippetSeen> {
    let place = (observed.cluster.clone(), observed.name.clone());
    Some(SnippetSeen {
        definition: seen.latest.get(observed.task_definition.as_ref()?.family())?.clone(),
        document: seen.documents.get(&place)?.clone(),
        desired: observed.desired,
        controller: observed.controller,
        goes_back: observed.circuit_breaker.enabled && observed.circuit_breaker.rollback,
        is_scaled: seen.scaled.contains(&place),
    })
}
