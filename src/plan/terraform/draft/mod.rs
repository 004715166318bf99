//! A manifest from what Terraform says: clusters, services, containers and parameters.
//!
//! What Terraform does not tell is left at its default or guessed, and each guess is a remark, beside
//! the result and in it.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use self::text::write;
use super::{
    document::TerraformDocument,
    origin::source,
    part::{family_of, place, short},
    resource::Resource,
};
use crate::model::{AccountId, ImageId, ProjectId, Region, ServiceId};

/// A manifest that was made, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftManifest {
    /// Its text.
    pub text: String,
    /// What could not be known, or was guessed.
    pub remarks: Vec<String>,
    /// How many services it has.
    pub services: usize,
    /// How many environments it has.
    pub environments: usize,
}

/// Why there is no manifest to be made.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// There is no ECS service.
    #[error("Terraform has no ECS service there")]
    NoServices,
    /// Nothing tells the project's id.
    #[error("nothing tells what the project is called")]
    NoProject,
}

impl DraftError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoServices => "give the state that has the `aws_ecs_service` resources",
            Self::NoProject => {
                "name it with `--project`: no SSM parameter is called `/<project>/images/<environment>/<image>`"
            }
        }
    }
}

/// A parameter `/{project}/images/{label}/{image}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter {
    /// The project.
    project: ProjectId,
    /// The label, which is the environment's id.
    label: String,
    /// The image.
    image: ImageId,
}

impl Parameter {
    /// Reads a parameter's name.
    fn parse(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let ["", project, "images", label, image] = parts.as_slice() else { return None };
        Some(Self {
            project: ProjectId::new(*project).ok()?,
            label: (*label).to_owned(),
            image: ImageId::new(*image).ok()?,
        })
    }
}

/// A service that Terraform has.
struct Found {
    /// Its name in ECS.
    name: String,
    /// Its cluster.
    cluster: String,
    /// Its region and account, where its ARN tells them.
    region: Option<Region>,
    /// Its account.
    account: Option<AccountId>,
    /// The containers of its task definition.
    containers: Vec<String>,
    /// The parameters that its task definition may be made of.
    parameters: BTreeSet<Parameter>,
    /// Other parameters that it may be made of.
    foreign: BTreeSet<String>,
    /// What else its images may come from, in words.
    source: Option<String>,
}

impl Found {
    /// Reads a service.
    fn of(document: &TerraformDocument, service: &Resource) -> Option<Self> {
        let family = family_of(short(service.text("task_definition").unwrap_or_default()));
        let home = service.text("id").unwrap_or_default();
        let block = document.of_kind("aws_ecs_task_definition").find(|one| {
            let is_there = one.text("arn").is_none_or(|arn| place(arn) == place(home));
            one.is_managed && one.text("family") == Some(family) && is_there
        });
        let read = document
            .of_kind("aws_ssm_parameter")
            .filter(|one| block.is_some_and(|block| block.depends_on(one)));
        let names: BTreeSet<&str> = read.filter_map(|one| one.text("name")).collect();
        let parameters: BTreeSet<Parameter> =
            names.iter().filter_map(|name| Parameter::parse(name)).collect();
        let foreign = names.into_iter().filter(|name| Parameter::parse(name).is_none());
        let cluster = service.text("cluster")?;
        let arn: Vec<&str> = home.split(':').collect();
        let part = |at: usize| arn.get(at).copied().unwrap_or_default();
        Some(Self {
            name: service.text("name")?.to_owned(),
            cluster: cluster.rsplit('/').next().unwrap_or(cluster).to_owned(),
            region: Region::new(part(3)).ok(),
            account: AccountId::new(part(4)).ok(),
            containers: block.map(|one| one.images().into_keys().collect()).unwrap_or_default(),
            foreign: foreign.map(str::to_owned).collect(),
            source: block.and_then(|block| source(document, block)),
            parameters,
        })
    }

    /// Whether another service is in the same cluster; clusters elsewhere may have the same name.
    fn is_beside(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.account == other.account
            && self.region == other.region
    }
}

/// An environment of the manifest.
#[derive(Default)]
struct Environment {
    /// The cluster that most of its services are in.
    cluster: String,
    /// Its region.
    region: Option<Region>,
    /// Its account.
    account: Option<AccountId>,
    /// What there is to say about it.
    remarks: BTreeSet<String>,
}

impl Environment {
    /// Notes where a service is. A manifest has one account and one region for an environment.
    fn note_place(&mut self, id: &str, one: &Found) {
        let region = self.region.take().or_else(|| one.region.clone());
        let account = self.account.take().or_else(|| one.account.clone());
        let elsewhere = |kind: &str, of: &str, another: &str| {
            format!(
                "the environment `{id}` has services in the {kind} {of}, and {} is in {another}: an \
                 environment has one; give it another name there",
                one.name
            )
        };
        if let (Some(of), Some(another)) = (&account, &one.account)
            && of != another
        {
            self.remarks.insert(elsewhere("account", of.as_str(), another.as_str()));
        }
        if let (Some(of), Some(another)) = (&region, &one.region)
            && of != another
        {
            self.remarks.insert(elsewhere("region", of.as_str(), another.as_str()));
        }
        (self.region, self.account) = (region, account);
    }
}

/// A service of the manifest.
#[derive(Default)]
struct Service {
    /// The name in ECS, with `{env}` in it; none where it is the id.
    ecs_name: Option<String>,
    /// The image of each container.
    containers: BTreeMap<String, String>,
    /// The containers that take their image from no parameter.
    others: BTreeSet<String>,
    /// The clusters that are not those of the environments.
    clusters: BTreeMap<String, String>,
    /// What there is to say about it.
    remarks: Vec<String>,
}

/// Makes a manifest of the services that Terraform has. Where no project is named, the parameters
/// tell it.
///
/// # Errors
/// Fails when there are no services, or nothing tells the project.
pub fn draft_manifest(
    document: &TerraformDocument,
    project: Option<&ProjectId>,
) -> Result<DraftManifest, DraftError> {
    let services = document.of_kind("aws_ecs_service").filter(|one| one.is_managed);
    let found: Vec<Found> = services.filter_map(|one| Found::of(document, one)).collect();
    if found.is_empty() {
        return Err(DraftError::NoServices);
    }
    let project = project.cloned().or_else(|| most_named(&found)).ok_or(DraftError::NoProject)?;
    let environments = environments(&found, &project);
    let mut services: BTreeMap<ServiceId, Service> = BTreeMap::new();
    let mut left_out = Vec::new();
    for one in &found {
        let environment = environment_of(one, &found, &project);
        match ServiceId::new(strip(&one.name, &environment).0) {
            Ok(id) => add(services.entry(id).or_default(), (one, &environment), &environments),
            Err(error) => left_out.push(format!("the service {} is left out: {error}", one.name)),
        }
    }
    let services: BTreeMap<ServiceId, Service> =
        services.into_iter().map(|(id, service)| settled(&project, id, service)).collect();
    Ok(write(&project, (&environments, &services), left_out))
}

/// The project that most parameters name.
fn most_named(found: &[Found]) -> Option<ProjectId> {
    let mut counts: BTreeMap<&ProjectId, usize> = BTreeMap::new();
    for parameter in found.iter().flat_map(|one| &one.parameters) {
        *counts.entry(&parameter.project).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(project, _)| project.clone())
}

/// The environment that a service's own parameters name, if they name one.
fn named_environment(one: &Found, project: &ProjectId) -> Option<String> {
    let own = one.parameters.iter().filter(|parameter| parameter.project == *project);
    let labels: BTreeSet<&String> = own.map(|parameter| &parameter.label).collect();
    let labels: Vec<&String> = labels.into_iter().filter(|label| *label != "latest").collect();
    // Where several are read in one block, the cluster tells which is meant.
    let fits = |label: &&&String| one.cluster.contains(label.as_str());
    match labels.as_slice() {
        [only] => Some((*only).clone()),
        several => several.iter().find(fits).map(|label| (*label).clone()),
    }
}

/// The environment of a service: what its parameters name, else those of its neighbours in the
/// cluster, else the end of the cluster's name.
fn environment_of(one: &Found, all: &[Found], project: &ProjectId) -> String {
    let neighbours = all.iter().filter(|other| other.is_beside(one));
    named_environment(one, project)
        .or_else(|| neighbours.into_iter().find_map(|other| named_environment(other, project)))
        .unwrap_or_else(|| one.cluster.rsplit('-').next().unwrap_or(&one.cluster).to_owned())
}

/// The environments of all services.
fn environments(found: &[Found], project: &ProjectId) -> BTreeMap<String, Environment> {
    let mut environments: BTreeMap<String, Environment> = BTreeMap::new();
    let mut clusters: BTreeMap<(String, &String), usize> = BTreeMap::new();
    for one in found {
        let id = environment_of(one, found, project);
        *clusters.entry((id.clone(), &one.cluster)).or_default() += 1;
        let named = found.iter().filter(|other| other.is_beside(one));
        let is_guessed = named.into_iter().all(|other| named_environment(other, project).is_none());
        let environment = environments.entry(id.clone()).or_default();
        environment.note_place(&id, one);
        if is_guessed {
            environment.remarks.insert(format!(
                "the environment `{id}` is guessed from the cluster's name: deployments write \
                 `/{project}/images/{id}/<image>`"
            ));
        }
    }
    for ((id, cluster), count) in &clusters {
        let others = clusters.iter().filter(|((other, _), _)| other == id);
        if others.map(|(_, other)| other).max() == Some(count)
            && let Some(environment) = environments.get_mut(id)
            && environment.cluster.is_empty()
        {
            environment.cluster.clone_from(cluster);
        }
    }
    environments
}

/// A service's name without the environment before or after it, and the pattern that makes the name,
/// where it has the environment in it.
fn strip<'a>(name: &'a str, environment: &str) -> (&'a str, Option<String>) {
    let is_name = |rest: &&str| !rest.is_empty();
    let before = name.strip_prefix(environment);
    let after = name.strip_suffix(environment);
    if let Some(end) = before
        && let Some(id) = end.strip_prefix(['-', '_']).filter(is_name)
    {
        (id, Some(format!("{{env}}{end}")))
    } else if let Some(start) = after
        && let Some(id) = start.strip_suffix(['-', '_']).filter(is_name)
    {
        (id, Some(format!("{start}{{env}}")))
    } else {
        (name, None)
    }
}

/// Adds what a service is in one environment.
fn add(
    service: &mut Service,
    (found, environment): (&Found, &str),
    environments: &BTreeMap<String, Environment>,
) {
    let (id, pattern) = strip(&found.name, environment);
    if service.ecs_name.is_some() && service.ecs_name != pattern {
        service.remarks.push(format!(
            "it is called {} in {environment}, which the pattern does not make",
            found.name
        ));
    }
    service.ecs_name = service.ecs_name.take().or(pattern);
    if environments.get(environment).is_some_and(|one| one.cluster != found.cluster) {
        service.clusters.insert(environment.to_owned(), found.cluster.clone());
    }
    for container in &found.containers {
        match parameter_of(found, (id, environment), container) {
            Some(image) => {
                service.containers.insert(container.clone(), image.to_string());
            }
            None => {
                service.others.insert(container.clone());
            }
        }
    }
    for name in &found.foreign {
        service.remarks.push(format!(
            "its task definition reads `{name}`, which is not called as deployments write it"
        ));
    }
    let others =
        found.source.iter().filter(|_| found.parameters.is_empty() && found.foreign.is_empty());
    service.remarks.extend(others.map(|source| {
        format!("its task definition depends on {source}, which deployments do not write")
    }));
}

/// The image whose parameter a container takes its own from.
fn parameter_of<'a>(
    found: &'a Found,
    (service, environment): (&str, &str),
    container: &str,
) -> Option<&'a ImageId> {
    let of_environment = found.parameters.iter().filter(|one| one.label == environment);
    let images: Vec<&ImageId> = of_environment.map(|parameter| &parameter.image).collect();
    let called = |name: &str| images.iter().find(|image| image.as_str() == name).copied();
    match (images.as_slice(), found.containers.as_slice()) {
        ([only], [_]) => Some(*only),
        (_, [_]) => called(container).or_else(|| called(service)),
        _ => called(container),
    }
}

/// A service that runs something: where nothing tells which container is deployed, it is guessed.
fn settled(project: &ProjectId, id: ServiceId, mut service: Service) -> (ServiceId, Service) {
    if service.containers.is_empty() {
        let others = &mut service.others;
        let guessed = others.take(id.as_str()).or_else(|| others.pop_first());
        let container = guessed.unwrap_or_else(|| id.to_string());
        service.remarks.push(format!(
            "no parameter tells the image of `{container}`: deployments write \
             `/{project}/images/<environment>/{id}`, which Terraform has to read"
        ));
        service.containers.insert(container, id.to_string());
    }
    let Service { containers, others, remarks, .. } = &mut service;
    let left_out = others.iter().filter(|container| !containers.contains_key(*container));
    remarks.extend(left_out.map(|container| {
        format!("the container `{container}` takes its image from no parameter, and is left out")
    }));
    service.remarks.sort();
    service.remarks.dedup();
    (id, service)
}
