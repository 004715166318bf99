//! What a sandbox can be filled with: clusters, images, task definitions, services, parameters.
//!
//! These are the sandbox's own types, so that whoever knows what there should be, a manifest or a
//! file, says it here without a word of AWS's SDK.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::Scope;

/// All that is to be there. What it names may be in any number of accounts and regions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Estate {
    /// ECS clusters.
    pub clusters: Vec<Cluster>,
    /// ECR repositories and their images.
    pub repositories: Vec<Repository>,
    /// ECS task definitions, the first revision of each.
    pub task_definitions: Vec<TaskDefinition>,
    /// ECS services.
    pub services: Vec<Service>,
    /// SSM parameters.
    pub parameters: Vec<Parameter>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its name.
    pub name: String,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its name, for example `team/web`.
    pub name: String,
    /// Its images.
    #[serde(default)]
    pub images: Vec<Image>,
}

/// An image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its tag.
    pub tag: String,
    /// The commit that it was built from, for its label `org.opencontainers.image.revision`.
    #[serde(default)]
    pub revision: Option<String>,
}

/// A task definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDefinition {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// The family.
    pub family: String,
    /// The other members of `RegisterTaskDefinition`.
    pub body: Map<String, Value>,
}

/// A service with the rolling deployments of ECS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// What it runs: a family, for its latest revision, `family:revision` or an ARN.
    pub task_definition: String,
    /// How many tasks.
    pub desired_count: u32,
    /// How many of them, in percent, must go on running in a deployment.
    pub minimum_healthy_percent: u32,
    /// How many there may be at most in a deployment, in percent.
    pub maximum_percent: u32,
    /// Whether the circuit breaker watches deployments, and rolls back.
    pub circuit_breaker: bool,
    /// Further members of `CreateService`, such as `networkConfiguration`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub further: Map<String, Value>,
}

/// A parameter of type `String`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Where it is.
    #[serde(default)]
    pub scope: Scope,
    /// Its name, for example `/shop/images/latest/web`.
    pub name: String,
    /// Its value.
    pub value: String,
}
