//! Filling a sandbox, through the same requests that any client makes.
//!
//! Invariant: seeding is one transaction, so that a sandbox is filled whole or not at all, and what
//! is there already is left as it is. Its requests are not in the log, no fault is played on them,
//! and the services that it makes have reached a steady state when it is done.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Sandbox, SandboxError,
    call::{Fault, Scope},
    credential,
    ecr::admin::{ImageOptions, put_image},
    ecs::{self, admin::Viewpoint},
    estate::{self, Estate},
    service::Service,
    state::{Entity, Transaction},
};

/// What seeding did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedReport {
    /// What was made.
    pub created: Vec<Thing>,
    /// What was there already, and was left as it is.
    pub existing: Vec<Thing>,
}

/// One thing of an estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// What it is, for example `service`.
    pub kind: String,
    /// Its name, for example `shop/web`.
    pub name: String,
    /// Where it is.
    pub scope: Scope,
}

/// That a sandbox has been filled.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Seeded {
    /// When, on the services' clock.
    at: Timestamp,
}

impl Entity for Seeded {
    const KIND: &'static str = "seeded";
}

/// A sandbox is filled or not.
const KEY: &str = "";

impl Sandbox {
    /// Fills the sandbox with what is missing of an estate, and notes that it is filled.
    ///
    /// # Errors
    ///
    /// A service refuses a thing of the estate, or the state cannot be used. Nothing has changed.
    pub fn seed(&self, estate: &Estate) -> Result<SeedReport, SandboxError> {
        self.state.transact(|transaction| {
            let now = self.now(transaction)?;
            let mut seeding =
                Seeding { sandbox: self, transaction, now, report: SeedReport::default() };
            seeding.fill(estate)?;
            seeding.settle(estate)?;
            let report = seeding.report;
            transaction.put(KEY, &Seeded { at: now })?;
            Ok(report)
        })
    }

    /// Whether [`seed`](Self::seed) has been done since the last reset.
    ///
    /// # Errors
    ///
    /// The state cannot be read.
    pub fn is_seeded(&self) -> Result<bool, SandboxError> {
        self.state.transact(|transaction| Ok(transaction.get::<Seeded>(KEY)?.is_some()))
    }
}

/// A seeding under way.
struct Seeding<'a, 'b> {
    /// What is filled.
    sandbox: &'a Sandbox,
    /// In which transaction.
    transaction: &'a mut Transaction<'b>,
    /// The time on the services' clock.
    now: Timestamp,
    /// What has been done.
    report: SeedReport,
}

impl Seeding<'_, '_> {
    /// Makes what is missing, in an order in which nothing is missed.
    fn fill(&mut self, estate: &Estate) -> Result<(), SandboxError> {
        estate.clusters.iter().try_for_each(|cluster| self.cluster(cluster))?;
        estate.repositories.iter().try_for_each(|repository| self.repository(repository))?;
        estate.task_definitions.iter().try_for_each(|it| self.task_definition(it))?;
        estate.services.iter().try_for_each(|service| self.service(service))?;
        estate.parameters.iter().try_for_each(|parameter| self.parameter(parameter))
    }

    /// Lets the services reach their steady state.
    fn settle(&mut self, estate: &Estate) -> Result<(), SandboxError> {
        let mut scopes: Vec<&Scope> = estate.services.iter().map(|it| &it.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        for scope in scopes {
            ecs::admin::settle(self.transaction, Viewpoint { scope, now: self.now })?;
        }
        Ok(())
    }

    /// Makes a cluster.
    fn cluster(&mut self, cluster: &estate::Cluster) -> Result<(), SandboxError> {
        let ecs = Client { service: Service::Ecs, scope: &cluster.scope };
        let there =
            self.finds(ecs, "DescribeClusters", &json!({"clusters": [cluster.name]}), |it| {
                is_active(it, "clusters")
            })?;
        let thing = thing("cluster", cluster.name.clone(), &cluster.scope);
        self.ensure(thing, there, |seeding| {
            seeding.ask(ecs, "CreateCluster", &json!({"clusterName": cluster.name}))
        })
    }

    /// Makes a repository and its images.
    fn repository(&mut self, repository: &estate::Repository) -> Result<(), SandboxError> {
        let estate::Repository { scope, name, images } = repository;
        let ecr = Client { service: Service::Ecr, scope };
        let there =
            self.finds(ecr, "DescribeRepositories", &json!({"repositoryNames": [name]}), |_| true)?;
        self.ensure(thing("repository", name.clone(), scope), there, |seeding| {
            seeding.ask(ecr, "CreateRepository", &json!({"repositoryName": name}))
        })?;
        images.iter().try_for_each(|image| self.image(ecr, name, image))
    }

    /// Pushes an image.
    fn image(
        &mut self,
        ecr: Client<'_>,
        repository: &str,
        image: &estate::Image,
    ) -> Result<(), SandboxError> {
        let wanted = json!({"repositoryName": repository, "imageIds": [{"imageTag": image.tag}]});
        let there = self.finds(ecr, "DescribeImages", &wanted, |_| true)?;
        let name = format!("{repository}:{}", image.tag);
        self.ensure(thing("image", name, ecr.scope), there, |seeding| {
            let options = ImageOptions { revision: image.revision.clone(), created: seeding.now };
            put_image(seeding.transaction, ecr.scope, repository, &image.tag, &options)
                .map(Value::from)
        })
    }

    /// Registers a task definition.
    fn task_definition(&mut self, it: &estate::TaskDefinition) -> Result<(), SandboxError> {
        let estate::TaskDefinition { scope, family, body } = it;
        let ecs = Client { service: Service::Ecs, scope };
        let wanted = json!({"taskDefinition": family});
        let there = self.finds(ecs, "DescribeTaskDefinition", &wanted, |_| true)?;
        self.ensure(thing("task definition", family.clone(), scope), there, |seeding| {
            let mut body = body.clone();
            body.insert("family".to_owned(), Value::from(family.as_str()));
            seeding.ask(ecs, "RegisterTaskDefinition", &Value::Object(body))
        })
    }

    /// Creates a service.
    fn service(&mut self, service: &estate::Service) -> Result<(), SandboxError> {
        let ecs = Client { service: Service::Ecs, scope: &service.scope };
        let wanted = json!({"cluster": service.cluster, "services": [service.name]});
        let there = self.finds(ecs, "DescribeServices", &wanted, |it| is_active(it, "services"))?;
        let name = format!("{}/{}", service.cluster, service.name);
        self.ensure(thing("service", name, &service.scope), there, |seeding| {
            seeding.ask(ecs, "CreateService", &Value::Object(create_service(service)))
        })
    }

    /// Puts a parameter.
    fn parameter(&mut self, parameter: &estate::Parameter) -> Result<(), SandboxError> {
        let estate::Parameter { scope, name, value } = parameter;
        let ssm = Client { service: Service::Ssm, scope };
        let there = self.finds(ssm, "GetParameter", &json!({"Name": name}), |_| true)?;
        self.ensure(thing("parameter", name.clone(), scope), there, |seeding| {
            let body = json!({"Name": name, "Value": value, "Type": "String"});
            seeding.ask(ssm, "PutParameter", &body)
        })
    }

    /// Makes a thing unless it is there, and puts it in the report.
    fn ensure(
        &mut self,
        thing: Thing,
        is_there: bool,
        make: impl FnOnce(&mut Self) -> Result<Value, Fault>,
    ) -> Result<(), SandboxError> {
        if is_there {
            self.report.existing.push(thing);
            return Ok(());
        }
        make(self).map_err(|fault| {
            SandboxError::refused(format!("seed the {} `{}`", thing.kind, thing.name), fault)
        })?;
        self.report.created.push(thing);
        Ok(())
    }

    /// Whether a request that looks for a thing is answered with it. An error of the service means
    /// that it is not there; where it means something else, making the thing will tell.
    fn finds(
        &mut self,
        client: Client<'_>,
        operation: &str,
        body: &Value,
        holds_it: impl FnOnce(&Value) -> bool,
    ) -> Result<bool, SandboxError> {
        match self.ask(client, operation, body) {
            Ok(answer) => Ok(holds_it(&answer)),
            Err(Fault::Answer { .. }) => Ok(false),
            Err(Fault::Sandbox(error)) => Err(error),
        }
    }

    /// Makes a request.
    fn ask(&mut self, client: Client<'_>, operation: &str, body: &Value) -> Result<Value, Fault> {
        let Client { service, scope } = client;
        let prefix = service.target_prefix().unwrap_or_default();
        let mut request = Request::new(Bytes::from(body.to_string()));
        let headers = [
            ("x-amz-target", format!("{prefix}.{operation}")),
            ("authorization", credential::authorization(scope, service.name())),
        ];
        for (name, value) in headers {
            let value = http::HeaderValue::try_from(value)
                .map_err(|error| Fault::new("InvalidParameterException", error.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        let answer = self.sandbox.perform(self.transaction, request)?;
        serde_json::from_slice(&answer).map_err(|source| {
            Fault::Sandbox(SandboxError::Document {
                kind: "answer",
                key: operation.to_owned(),
                source,
            })
        })
    }
}

/// Whom a request is sent to, and whose resources it is about.
#[derive(Clone, Copy)]
struct Client<'a> {
    /// The service.
    service: Service,
    /// Whose resources.
    scope: &'a Scope,
}

/// Names a thing.
fn thing(kind: &str, name: String, scope: &Scope) -> Thing {
    Thing { kind: kind.to_owned(), name, scope: scope.clone() }
}

/// Whether the first of the described resources is there and has not been deleted.
fn is_active(answer: &Value, list: &str) -> bool {
    answer.get(list).and_then(|list| list.get(0)).and_then(|it| it.get("status"))
        == Some(&Value::from("ACTIVE"))
}

/// The body of `CreateService`.
fn create_service(service: &estate::Service) -> Map<String, Value> {
    let breaker = service.circuit_breaker;
    let members = json!({
        "cluster": service.cluster,
        "serviceName": service.name,
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "deploymentConfiguration": {
            "minimumHealthyPercent": service.minimum_healthy_percent,
            "maximumPercent": service.maximum_percent,
            "deploymentCircuitBreaker": { "enable": breaker, "rollback": breaker },
        },
    });
    let mut body = service.further.clone();
    if let Value::Object(members) = members {
        body.extend(members);
    }
    body
}
