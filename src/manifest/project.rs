//! Validated projects: what a manifest says, with its defaults filled in.
//!
//! Whatever one of these values names exists in the same project, and every id can be used in
//! requests as it is.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;

use super::source::{Mark, Source, Span};
use crate::model::{
    AccountId, ClusterName, CodeDeployGroup, ContainerName, EcrRegistry, EcsServiceName,
    EnvironmentId, IdError, ImageId, ImageUri, OnFailure, ProjectId, Region, RunTask, ServiceId,
    ServiceSetId, TableName,
};

/// Where the store is, from the folder of the manifest.
const DEFAULT_STORE: &str = ".release-tool/store.sqlite";

/// One product, usually one git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The first segment of the project's SSM parameters.
    pub id: ProjectId,
    /// The name to show.
    pub name: String,
    /// The project's own account and region: where its labels are, and what its environments are
    /// lent.
    pub home: Home,
    /// Where releases and deployments are recorded.
    pub store: StoreSetting,
    /// Where services run, in the order of the file.
    pub environments: IndexMap<EnvironmentId, Environment>,
    /// Services that are released together, in the order of the file.
    pub service_sets: IndexMap<ServiceSetId, ServiceSet>,
    /// The functions of the project, in the order of the file: those defined in `services` first,
    /// then those defined in service sets.
    pub services: IndexMap<ServiceId, Service>,
    /// Every image that is described or that a service runs.
    pub images: IndexMap<ImageId, Image>,
    /// Whether the file has neither services nor service sets.
    pub(super) is_open: bool,
    /// Where the project's parts are in the file.
    pub(super) origin: Origin,
}

/// Where the parts of a project are in its file, for errors that come up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// The file.
    pub(super) source: Arc<Source>,
    /// The ids of the environments.
    pub(super) environments: IndexMap<EnvironmentId, Span>,
}

impl Origin {
    /// Where an environment is defined.
    pub(super) fn of_environment(&self, environment: &EnvironmentId) -> Option<Mark> {
        let span = *self.environments.get(environment)?;
        Some(Mark { source: Arc::clone(&self.source), span })
    }
}

/// Where releases and deployments are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreSetting {
    /// An SQLite file at the default place, `.release-tool/store.sqlite` beside the manifest.
    #[default]
    BesideManifest,
    /// An SQLite file; a relative path starts at the folder of the manifest.
    Sqlite(PathBuf),
    /// A DynamoDB table.
    DynamoDb(Box<TableSetting>),
}

/// A DynamoDB table and how to reach it. What the file leaves to the project is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSetting {
    /// The table.
    pub table: TableName,
    /// The account and region it is in.
    pub home: Home,
}

impl StoreSetting {
    /// The path of the SQLite file for a manifest in `folder`, if the store is one.
    #[must_use]
    pub fn path(&self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::BesideManifest => Some(folder.join(DEFAULT_STORE)),
            Self::Sqlite(path) => Some(folder.join(path)),
            Self::DynamoDb(_) => None,
        }
    }
}

/// How to reach an AWS account and region, as the file says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    /// The region; the surroundings decide where there is none.
    pub region: Option<Region>,
    /// The account that the credentials must be of.
    pub account: Option<AccountId>,
    /// The role to take on.
    pub role_arn: Option<RoleArn>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
}

/// Where services run. What the file leaves to the project is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The id, also the label that deployments to it write.
    pub id: EnvironmentId,
    /// The name to show.
    pub name: String,
    /// The cluster of the services that name no other; see [`Project::cluster`].
    pub cluster: Option<ClusterName>,
    /// The region; the surroundings decide where there is none.
    pub region: Option<Region>,
    /// The account that the credentials must be of.
    pub account: Option<AccountId>,
    /// The role to take on.
    pub role_arn: Option<RoleArn>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// The environment whose last verified images are deployed here; the label `latest` where
    /// there is none.
    pub from: Option<EnvironmentId>,
    /// The registry that images are deployed from; where there is none, the one that each was
    /// registered with.
    pub registry: Option<EcrRegistry>,
    /// What is done with the other services of a deployment when one fails.
    pub on_failure: OnFailure,
    /// Whether a deployment must say why it is made.
    pub require_reason: bool,
    /// The file with what Terraform says of the services; a relative path starts at the folder of
    /// the manifest.
    pub terraform_state: Option<PathBuf>,
}

impl Environment {
    /// How to reach the environment's account and region.
    #[must_use]
    pub fn home(&self) -> Home {
        Home {
            region: self.region.clone(),
            account: self.account.clone(),
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            profile: self.profile.clone(),
        }
    }
}

/// Services that are released together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSet {
    /// The id; never that of a service, never `all`.
    pub id: ServiceSetId,
    /// The name to show.
    pub name: String,
    /// The services in the order of the file, each once; at least one.
    pub services: Vec<ServiceId>,
    /// The services that are restarted once the set is deployed.
    pub restart: Vec<ServiceId>,
}

/// One function of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The id; never `all`.
    pub id: ServiceId,
    /// The name to show.
    pub name: String,
    /// The image that goes into each container, in the order of the file; at least one.
    pub containers: IndexMap<ContainerName, ImageId>,
    /// The name in ECS, with `{env}` for the environment's id.
    pub(super) ecs_name: String,
    /// The clusters that are not those of the environments.
    pub(super) clusters: IndexMap<EnvironmentId, ClusterName>,
    /// The one-off task that is run before the service is moved to another image.
    pub before: Option<RunTask>,
    /// The services that are restarted once this one is deployed.
    pub restart: Vec<ServiceId>,
    /// What moves its tasks in CodeDeploy, with `{env}` for the environment's id.
    pub(super) code_deploy: Option<CodeDeployGroup>,
}

impl Service {
    /// A service with nothing but an id: one image in one container, all of the same name.
    pub(super) fn of_id(id: ServiceId) -> Self {
        let image = ImageId::of_service(&id);
        Self {
            name: id.to_string(),
            ecs_name: id.to_string(),
            containers: IndexMap::from([(ContainerName::of_image(&image), image)]),
            clusters: IndexMap::new(),
            before: None,
            restart: Vec::new(),
            code_deploy: None,
            id,
        }
    }

    /// The name of the ECS service in an environment.
    ///
    /// # Errors
    /// Never fails for an environment of the service's own project, where every name has been
    /// checked; elsewhere the environment's id may not be fit for an ECS name.
    pub fn ecs_service_name(&self, environment: &EnvironmentId) -> Result<EcsServiceName, IdError> {
        EcsServiceName::new(self.ecs_name_in(environment))
    }

    /// What moves its tasks in CodeDeploy in an environment, where the file says so.
    #[must_use]
    pub fn code_deploy_group(&self, environment: &EnvironmentId) -> Option<CodeDeployGroup> {
        let CodeDeployGroup { application, group } = self.code_deploy.as_ref()?;
        let name = |template: &str| template.replace("{env}", environment.as_str());
        Some(CodeDeployGroup { application: name(application), group: name(group) })
    }

    /// The template with the environment's id in its place, checked or not.
    pub(super) fn ecs_name_in(&self, environment: &EnvironmentId) -> String {
        self.ecs_name.replace("{env}", environment.as_str())
    }

    /// The images of the service, each once, in the order of the containers.
    #[must_use]
    pub fn images(&self) -> Vec<&ImageId> {
        let mut images: Vec<&ImageId> = Vec::new();
        for image in self.containers.values() {
            if !images.contains(&image) {
                images.push(image);
            }
        }
        images
    }
}

/// A build artifact that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The id.
    pub id: ImageId,
    /// The name to show.
    pub name: String,
    /// The repository, with or without the registry's host, without tag and digest.
    pub repository: Option<String>,
}

impl Image {
    /// An image of which only the id is known.
    pub(super) fn of_id(id: ImageId) -> Self {
        Self { name: id.to_string(), repository: None, id }
    }

    /// Whether the URI is in the image's repository; any is where the file names none.
    #[must_use]
    pub fn has_its_repository(&self, uri: &ImageUri) -> bool {
        let Some(repository) = &self.repository else { return true };
        uri.repository() == repository || uri.ecr().is_some_and(|ecr| ecr.name == *repository)
    }
}

/// The ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn(String);

impl RoleArn {
    /// Reads `arn:<partition>:iam::<account>:role/<path and name>`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return None;
        };
        let name = resource.strip_prefix("role/")?;
        let is_sound = partition.starts_with("aws")
            && AccountId::new(*account).is_ok()
            && !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        is_sound.then(|| Self(text.to_owned()))
    }

    /// The ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account that the role is in.
    #[must_use]
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl std::fmt::Display for RoleArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_arn_tells_its_account() {
        let role = RoleArn::parse("arn:aws-cn:iam::222222222222:role/ci/deploy").unwrap();
        assert_eq!(role.account(), "222222222222");
        for text in [
            "",
            "release-tool",
            "arn:aws:iam::222222222222:user/ann",
            "arn:aws:iam::22:role/deploy",
            "arn:aws:iam::222222222222:role/",
            "arn:aws:iam::222222222222:role/a b",
            "arn:aws:iam:eu-west-1:222222222222:role/deploy",
        ] {
            assert_eq!(RoleArn::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_store_is_beside_the_manifest_unless_it_says_otherwise() {
        let folder = Path::new("/srv/shop");
        let path = |store: StoreSetting| store.path(folder).unwrap();
        assert_eq!(
            path(StoreSetting::BesideManifest),
            Path::new("/srv/shop/.release-tool/store.sqlite")
        );
        assert_eq!(path(StoreSetting::Sqlite("a.db".into())), Path::new("/srv/shop/a.db"));
        assert_eq!(path(StoreSetting::Sqlite("/var/a.db".into())), Path::new("/var/a.db"));
    }

    #[test]
    fn an_image_has_one_repository() {
        let image = |repository: Option<&str>| Image {
            repository: repository.map(str::to_owned),
            ..Image::of_id(ImageId::new("minter").unwrap())
        };
        let uri =
            ImageUri::parse("111111111111.dkr.ecr.eu-west-1.amazonaws.com/example/minter:4246187")
                .unwrap();
        for (repository, expected) in [
            (None, true),
            (Some("example/minter"), true),
            (Some("111111111111.dkr.ecr.eu-west-1.amazonaws.com/example/minter"), true),
            (Some("222222222222.dkr.ecr.eu-west-1.amazonaws.com/example/minter"), false),
            (Some("minter"), false),
            (Some("example/matcher"), false),
        ] {
            assert_eq!(image(repository).has_its_repository(&uri), expected, "{repository:?}");
        }
    }
}
