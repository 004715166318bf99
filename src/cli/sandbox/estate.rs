//! What the sandbox is seeded with: whatever the manifest names, as it would be in AWS.
//!
//! Every service runs an older image, complete and steady, and the label `latest` names a newer
//! one, so that there is something to deploy.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    backend::source::Commit,
    manifest::{Environment, Home, ManifestError, Project, Service},
    model::{ImageId, Label, ParameterName},
    sandbox::{
        self, Scope,
        estate::{Cluster, Estate, Image, Parameter, Repository, TaskDefinition},
    },
};

/// How many commits of the local repository images are built from, in turn. The newer half is what
/// `latest` names, the older half is what runs.
pub(super) const COMMITS: usize = 6;
/// Tasks of every service.
const DESIRED_COUNT: u32 = 2;

/// Where something of a home is in the sandbox: requests go to the account of the role, if there
/// is one.
pub(super) fn scope_of(home: &Home) -> Scope {
    let Scope { account, region } = Scope::default();
    let of_role = home.role_arn.as_ref().map(|role| role.account().to_owned());
    let expected = || home.account.as_ref().map(ToString::to_string);
    Scope {
        account: of_role.or_else(expected).unwrap_or(account),
        region: home.region.as_ref().map_or(region, ToString::to_string),
    }
}

/// The estate of all projects.
pub(super) fn of<'a>(
    projects: impl Iterator<Item = &'a Project>,
    commits: &[Commit],
) -> Result<Estate, ManifestError> {
    let mut estate = Estate::default();
    for project in projects {
        let images: BTreeSet<&ImageId> =
            project.services.values().flat_map(|service| service.containers.values()).collect();
        let built: Vec<Built> = images
            .into_iter()
            .enumerate()
            .map(|(turn, image)| Built::new(project, image, (turn, commits)))
            .collect();
        for image in &built {
            estate.repositories.push(image.repository());
            estate.parameters.push(image.parameter(project, &Label::latest(), &project.home));
        }
        for environment in project.environments.values() {
            add_environment(&mut estate, project, environment, &built)?;
        }
    }
    estate.clusters.sort_by_key(|cluster| (cluster.scope.clone(), cluster.name.clone()));
    estate.clusters.dedup();
    Ok(estate)
}

/// An image of the estate: an older build, which runs, and a newer one, which is the latest.
struct Built {
    /// The image.
    id: ImageId,
    /// Where its repository is.
    scope: Scope,
    /// The repository's name.
    repository: String,
    /// The commits of the older and the newer build.
    revisions: [String; 2],
}

impl Built {
    /// Builds an image from the commits whose turn it is.
    fn new(project: &Project, id: &ImageId, (turn, commits): (usize, &[Commit])) -> Self {
        let described = project.images.get(id).and_then(|image| image.repository.clone());
        let repository = described.unwrap_or_else(|| format!("{}/{id}", project.id));
        let half = COMMITS / 2;
        let of = |place: usize, age: &str| {
            let commit = commits.get(place).map(|commit| commit.hash.clone());
            commit.unwrap_or_else(|| made_up_commit(&format!("{}/{id} {age}", project.id)))
        };
        Self {
            id: id.clone(),
            scope: scope_of(&project.home),
            repository: without_host(&repository).to_owned(),
            revisions: [of(half + turn % half, "older"), of(turn % half, "newer")],
        }
    }

    /// A build's tag: its abbreviated commit.
    fn tag(revision: &str) -> String {
        revision.chars().take(7).collect()
    }

    /// The URI of a build.
    fn uri(&self, revision: &str) -> String {
        format!("{}/{}:{}", self.scope.registry(), self.repository, Self::tag(revision))
    }

    /// The URI of the older build, which runs.
    fn older(&self) -> String {
        let [older, _] = &self.revisions;
        self.uri(older)
    }

    /// The URI of the newer build.
    fn newer(&self) -> String {
        let [_, newer] = &self.revisions;
        self.uri(newer)
    }

    /// Its repository with both builds.
    fn repository(&self) -> Repository {
        let images = self
            .revisions
            .iter()
            .map(|revision| Image { tag: Self::tag(revision), revision: Some(revision.clone()) });
        Repository {
            scope: self.scope.clone(),
            name: self.repository.clone(),
            images: images.collect(),
        }
    }

    /// The parameter of a label: the newer build for `latest`, the older elsewhere.
    fn parameter(&self, project: &Project, label: &Label, home: &Home) -> Parameter {
        let is_latest = *label == Label::latest();
        Parameter {
            scope: scope_of(home),
            name: ParameterName::of_image(&project.id, label, &self.id).to_string(),
            value: if is_latest { self.newer() } else { self.older() },
        }
    }
}

/// A repository's name without the host of its registry.
fn without_host(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, name)) if host.contains(".dkr.ecr") => name,
        _ => repository,
    }
}

/// A commit hash where there is no commit: 40 digits that are always the same for a text.
fn made_up_commit(text: &str) -> String {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes());
    let more = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, text.as_bytes());
    format!("{}{}", id.simple(), more.simple()).chars().take(40).collect()
}

/// Adds an environment's cluster, services and parameters.
fn add_environment(
    estate: &mut Estate,
    project: &Project,
    environment: &Environment,
    built: &[Built],
) -> Result<(), ManifestError> {
    let home = environment.home();
    let label = Label::of_environment(&environment.id);
    for image in built {
        estate.parameters.push(image.parameter(project, &label, &home));
    }
    for service in project.services.values() {
        let cluster = project.cluster(environment, service)?;
        let scope = scope_of(&home);
        estate.clusters.push(Cluster { scope: scope.clone(), name: cluster.to_string() });
        let family = format!("{}-{}-{}", project.id, environment.id, service.id);
        estate.task_definitions.push(TaskDefinition {
            scope: scope.clone(),
            family: family.clone(),
            body: definition(project, service, &scope, built),
        });
        let Ok(name) = service.ecs_service_name(&environment.id) else { continue };
        estate.services.push(sandbox::estate::Service {
            scope,
            cluster: cluster.to_string(),
            name: name.to_string(),
            task_definition: family,
            desired_count: DESIRED_COUNT,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: true,
            further: network(),
        });
    }
    Ok(())
}

/// A task definition as teams have them: Fargate, logs, a role, some environment.
fn definition(
    project: &Project,
    service: &Service,
    scope: &Scope,
    built: &[Built],
) -> Map<String, Value> {
    let containers = service.containers.iter().map(|(container, image)| {
        let uri = built.iter().find(|built| built.id == *image).map(Built::older);
        json!({
            "name": container,
            "image": uri,
            "essential": true,
            "environment": [{ "name": "SERVICE", "value": service.id }],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": format!("/ecs/{}/{}", project.id, service.id),
                    "awslogs-region": scope.region,
                    "awslogs-stream-prefix": container,
                }
            }
        })
    });
    let role = scope.iam_arn(&format!("role/{}-task-execution", project.id));
    let members = [
        ("containerDefinitions", Value::Array(containers.collect())),
        ("executionRoleArn", json!(role)),
        ("networkMode", json!("awsvpc")),
        ("requiresCompatibilities", json!(["FARGATE"])),
        ("cpu", json!("256")),
        ("memory", json!("512")),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a Fargate service needs besides.
fn network() -> Map<String, Value> {
    let configuration = json!({
        "awsvpcConfiguration": {
            "subnets": ["subnet-0a1b2c3d4e5f60718"],
            "securityGroups": ["sg-0a1b2c3d4e5f60718"],
            "assignPublicIp": "DISABLED"
        }
    });
    let members = [("launchType", json!("FARGATE")), ("networkConfiguration", configuration)];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
