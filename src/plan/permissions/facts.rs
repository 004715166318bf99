//! What task definitions tell of a service: roles, logs and repositories.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::reach::{CodeDeployFacts, LogGroup, ServiceFacts};
use crate::model::{EcrRepository, ImageUri, Region, TaskDefinition};

/// The part of a task definition that tells.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Definition {
    /// The role of its tasks.
    task_role_arn: Option<String>,
    /// The role that ECS starts them with.
    execution_role_arn: Option<String>,
    /// Its containers.
    container_definitions: Vec<Container>,
}

/// A container of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    /// Its name.
    name: String,
    /// Its image.
    image: String,
    /// Where its log goes.
    log_configuration: Option<LogConfiguration>,
}

/// Where a log goes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogConfiguration {
    /// By which driver.
    log_driver: String,
    /// With which options.
    options: BTreeMap<String, String>,
}

impl LogConfiguration {
    /// The log group, where it is one of CloudWatch's.
    fn group(&self) -> Option<LogGroup> {
        let option = |name: &str| self.options.get(name).cloned();
        let name = option("awslogs-group").filter(|_| self.log_driver == "awslogs")?;
        let region = option("awslogs-region").and_then(|region| Region::new(region).ok());
        Some(LogGroup { region, name })
    }
}

/// The content of a revision; nothing of one that cannot be read.
fn content(definition: &TaskDefinition) -> Definition {
    serde_json::from_str(&definition.document).unwrap_or_default()
}

impl ServiceFacts {
    /// What the revisions of a service tell that are registered or run again: the family's latest
    /// one and the one that runs. Nothing where there is none.
    #[must_use]
    pub fn of(
        definitions: &[&TaskDefinition],
        propagates_tags: bool,
        code_deploy: Option<CodeDeployFacts>,
    ) -> Option<Self> {
        let family = definitions.first()?.arn.family().to_owned();
        let contents: Vec<Definition> = definitions.iter().map(|one| content(one)).collect();
        let roles = contents.iter().flat_map(|one| [&one.task_role_arn, &one.execution_role_arn]);
        let containers = contents.iter().flat_map(|one| &one.container_definitions);
        let logs = containers.filter_map(|one| one.log_configuration.as_ref()?.group());
        Some(Self {
            family,
            task_roles: roles.flatten().cloned().collect(),
            is_tagged: definitions.iter().any(|one| !one.tags.is_empty()),
            propagates_tags,
            logs: logs.collect(),
            code_deploy,
        })
    }
}

/// The repository of each container's image, where it is one of ECR's; of other images, nothing.
#[must_use]
pub fn repositories(definition: &TaskDefinition) -> BTreeMap<String, BTreeSet<EcrRepository>> {
    let containers = content(definition).container_definitions.into_iter();
    containers
        .map(|one| {
            let repository = ImageUri::parse(one.image).ok().and_then(|uri| uri.ecr());
            (one.name, repository.into_iter().collect())
        })
        .collect()
}
