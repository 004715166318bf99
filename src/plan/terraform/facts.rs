//! What ECS and SSM say of one service, as far as Terraform will compare with it.

use std::collections::BTreeMap;

use crate::{
    model::{
        ContainerName, ImageId, ParameterName, ServiceId, TaskDefinition, TaskDefinitionArn,
        TaskDefinitionStatus,
    },
    plan::container_images,
};

/// What ECS and SSM say of one service.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The service.
    pub service: ServiceId,
    /// The ARN of the ECS service.
    pub arn: String,
    /// What it is set to.
    pub running: RevisionFacts,
    /// Its family's latest ACTIVE revision.
    pub latest: RevisionFacts,
    /// Other revisions that were looked at: the one that Terraform knows.
    pub others: Vec<RevisionFacts>,
    /// The parameter of each mapped container's image.
    pub parameters: Vec<ParameterFacts>,
    /// Whether ECS itself put the service back to what it is set to.
    pub is_put_back: bool,
    /// Why it could not be read whether ECS put it back, where that was asked.
    pub history_not_read: Option<String>,
    /// Whether CodeDeploy moves the service.
    pub by_code_deploy: bool,
}

/// One revision of a task definition.
#[derive(Debug, Clone)]
pub struct RevisionFacts {
    /// Its ARN.
    pub arn: TaskDefinitionArn,
    /// Whether it is ACTIVE.
    pub is_active: bool,
    /// The image of each container.
    pub images: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its content.
    pub document: String,
}

/// The parameter of one container's image.
#[derive(Debug, Clone)]
pub struct ParameterFacts {
    /// The container.
    pub container: ContainerName,
    /// The image.
    pub image: ImageId,
    /// The parameter's name.
    pub name: ParameterName,
    /// Its value; none where there is no such parameter.
    pub value: Option<String>,
    /// Whether it is a `SecureString`.
    pub is_secret: bool,
}

impl RevisionFacts {
    /// What ECS says of a revision. Content that cannot be read has no images.
    #[must_use]
    pub fn of(definition: &TaskDefinition) -> Self {
        let tags = definition.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        Self {
            arn: definition.arn.clone(),
            is_active: definition.status == TaskDefinitionStatus::Active,
            images: container_images(&definition.document)
                .unwrap_or_default()
                .into_iter()
                .collect(),
            tags: tags.collect(),
            document: definition.document.clone(),
        }
    }

    /// The revision after this one, with other images.
    fn next(&self, images: &BTreeMap<ContainerName, String>) -> Self {
        let mut next = self.clone();
        let number = self.arn.revision().saturating_add(1);
        let prefix = self.arn.as_str().rsplit_once(':').map_or("", |(prefix, _)| prefix);
        if let Some(arn) = TaskDefinitionArn::parse(&format!("{prefix}:{number}")) {
            next.arn = arn;
        }
        next.is_active = true;
        for (container, image) in images {
            next.images.insert(container.to_string(), image.clone());
        }
        next
    }
}

impl Facts {
    /// How it will be after a deployment of some images: all three places have moved together.
    #[must_use]
    pub fn after_deployment(&self, images: &BTreeMap<ContainerName, String>) -> Self {
        let mut after = self.clone();
        // What Terraform knows may be one of these: it is still to be compared with.
        after.others.extend([self.latest.clone(), self.running.clone()]);
        after.latest = self.latest.next(images);
        after.running = after.latest.clone();
        after.is_put_back = false;
        for parameter in &mut after.parameters {
            parameter.value = after.latest.images.get(parameter.container.as_str()).cloned();
        }
        after
    }

    /// A revision among those that were looked at.
    pub(super) fn revision(&self, arn: &TaskDefinitionArn) -> Option<&RevisionFacts> {
        let known = [&self.latest, &self.running].into_iter().chain(&self.others);
        known.into_iter().find(|revision| revision.arn == *arn)
    }

    /// The image that a mapped container runs.
    #[must_use]
    pub fn runs(&self, parameter: &ParameterFacts) -> Option<&String> {
        self.running.images.get(parameter.container.as_str())
    }

    /// A mapped container that neither what runs nor the latest revision has.
    #[must_use]
    pub fn unknown_container(&self) -> Option<&ContainerName> {
        let is_in = |revision: &RevisionFacts, one: &ParameterFacts| {
            revision.images.contains_key(one.container.as_str())
        };
        let is_unknown =
            |one: &&ParameterFacts| !is_in(&self.running, one) && !is_in(&self.latest, one);
        self.parameters.iter().find(is_unknown).map(|one| &one.container)
    }

    /// What the parameter of a container's image says.
    pub(super) fn value_of(&self, container: &str) -> Option<String> {
        self.parameters.iter().find(|one| one.container.as_str() == container)?.value.clone()
    }

    /// Whether a place in a task definition is the image of a mapped container, which deployments
    /// change.
    pub(super) fn is_mapped_image(&self, path: &str) -> bool {
        let is_its =
            |one: &ParameterFacts| path == format!("containerDefinitions[{}].image", one.container);
        self.parameters.iter().any(is_its)
    }

    /// Whether a revision has the images that the parameters name.
    pub(super) fn has_parameters_images(&self, revision: &RevisionFacts) -> bool {
        self.parameters.iter().all(|parameter| {
            parameter.value.as_ref() == revision.images.get(parameter.container.as_str())
        })
    }
}
