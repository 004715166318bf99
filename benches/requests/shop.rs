//! What is deployed: a made-up project of any number of services, and the AWS that it runs in.
//!
//! Every service runs two tasks of build `v1`; the label `latest` names build `v2`, and `v3` is
//! there to be deployed after it.

use release_tool::{
    manifest::Manifest,
    sandbox::{
        Sandbox, Scope, admin,
        estate::{Cluster, Estate, Image, Parameter, Repository, Service, TaskDefinition},
    },
};
use serde_json::{Map, Value, json};

use super::Outcome;

/// The project's id.
const PROJECT: &str = "bench";
/// Its only environment.
pub(crate) const ENVIRONMENT: &str = "prod";
/// The builds of every image, the oldest first.
const BUILDS: [&str; 3] = ["v1", "v2", "v3"];

/// A made-up project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shop {
    /// How many services it has; each runs an image of its own.
    pub(crate) services: usize,
    /// Whether all images are in one repository, told apart by their tags.
    pub(crate) one_repository: bool,
}

impl Shop {
    /// A project with a repository for each image.
    pub(crate) fn of(services: usize) -> Self {
        Self { services, one_repository: false }
    }

    /// How many repositories there are.
    pub(crate) fn repositories(self) -> usize {
        if self.one_repository { 1 } else { self.services }
    }

    /// The ids of its services, which are those of their images too.
    fn ids(self) -> impl Iterator<Item = String> {
        (1..=self.services).map(|number| format!("service-{number:04}"))
    }

    /// Its manifest.
    pub(crate) fn manifest(self) -> String {
        let Scope { region, .. } = Scope::default();
        let head = format!(
            "[{PROJECT}]\nregion = \"{region}\"\n[{PROJECT}.environments.{ENVIRONMENT}]\ncluster = \
             \"{PROJECT}\"\n"
        );
        let services = self.ids().map(|id| format!("[{PROJECT}.services.{id}]\n"));
        std::iter::once(head).chain(services).collect()
    }

    /// Its manifest, read.
    pub(crate) fn project(self) -> Outcome<release_tool::manifest::Project> {
        Ok(Manifest::parse("the benchmark's", &self.manifest())?.project(None)?.clone())
    }

    /// The repository of an image.
    fn repository(self, id: &str) -> String {
        if self.one_repository { format!("{PROJECT}/all") } else { format!("{PROJECT}/{id}") }
    }

    /// The tag of a build of an image.
    fn tag(self, id: &str, build: &str) -> String {
        if self.one_repository { format!("{id}-{build}") } else { build.to_owned() }
    }

    /// The URI of a build of an image.
    fn uri(self, id: &str, build: &str) -> String {
        let Scope { account, region } = Scope::default();
        let (repository, tag) = (self.repository(id), self.tag(id, build));
        format!("{account}.dkr.ecr.{region}.amazonaws.com/{repository}:{tag}")
    }

    /// Fills a sandbox.
    pub(crate) fn seed(self, sandbox: &Sandbox) -> Outcome<()> {
        let mut estate = Estate::default();
        estate.clusters.push(Cluster { scope: Scope::default(), name: PROJECT.to_owned() });
        for id in self.ids() {
            self.add(&mut estate, &id);
        }
        sandbox.seed(&estate)?;
        Ok(())
    }

    /// Adds a service and all that it needs.
    fn add(self, estate: &mut Estate, id: &str) {
        let tags = BUILDS.map(|build| Image { tag: self.tag(id, build), revision: None });
        estate.repositories.push(Repository {
            scope: Scope::default(),
            name: self.repository(id),
            images: tags.to_vec(),
        });
        estate.task_definitions.push(TaskDefinition {
            scope: Scope::default(),
            family: id.to_owned(),
            body: definition(id, &self.uri(id, "v1")),
        });
        estate.services.push(Service {
            scope: Scope::default(),
            cluster: PROJECT.to_owned(),
            name: id.to_owned(),
            task_definition: id.to_owned(),
            desired_count: 2,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: true,
            further: Map::new(),
        });
        for (label, build) in [("latest", "v2"), (ENVIRONMENT, "v1")] {
            estate.parameters.push(Parameter {
                scope: Scope::default(),
                name: format!("/{PROJECT}/images/{label}/{id}"),
                value: self.uri(id, build),
            });
        }
    }

    /// Has the label `latest` name another build, as CI would.
    pub(crate) fn register(self, sandbox: &Sandbox, build: &str) -> Outcome<()> {
        for id in self.ids() {
            sandbox.put_parameter(&admin::PutParameter {
                scope: Scope::default(),
                name: format!("/{PROJECT}/images/latest/{id}"),
                value: self.uri(&id, build),
            })?;
        }
        Ok(())
    }
}

/// A task definition about as large as teams have them.
fn definition(id: &str, uri: &str) -> Map<String, Value> {
    let variables: Vec<Value> = (0..20)
        .map(|number| json!({ "name": format!("SETTING_{number}"), "value": "on".repeat(20) }))
        .collect();
    let container = json!({
        "name": id,
        "image": uri,
        "essential": true,
        "memory": 512,
        "environment": variables,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": { "awslogs-group": id, "awslogs-region": Scope::default().region }
        }
    });
    [("containerDefinitions".to_owned(), json!([container]))].into_iter().collect()
}
