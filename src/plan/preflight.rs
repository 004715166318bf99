//! What stands against a deployment before its first effect. All of it is told at once.

use std::fmt;

use super::{document::quoted, steps::ImageSource};
use crate::model::{
    AccountId, ClusterName, ContainerName, Digest, EcsDeploymentId, EcsServiceName, ImageId,
    ImageUri, ParameterName, Region, ServiceId, TaskDefinitionArn,
};

/// Why a deployment is not planned; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Everything that stands against it, at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => only.fmt(f),
            all => {
                write!(f, "{} things stand against this deployment", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// A parameter that is not where it was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// The parameter.
    pub parameter: ParameterName,
    /// The account it was looked for in.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The other account that the record says the image was registered in.
    pub registered_in: Option<AccountId>,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameter, account, region, registered_in } = self;
        write!(f, "parameter `{parameter}` in account {account} ({region})")?;
        match registered_in {
            Some(other) => write!(f, "; it was registered in account {other}"),
            None => Ok(()),
        }
    }
}

/// One thing that stands against a deployment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The label or environment that images are taken from names none for this one.
    #[error("image `{image}` (of {}) has no URI in {from}{}", quoted(used_by), looked(looked_in.as_deref()))]
    NotRegistered {
        /// The image.
        image: ImageId,
        /// Where images come from.
        from: ImageSource,
        /// The services that need it.
        used_by: Vec<ServiceId>,
        /// The parameter that would name it, where one was asked for.
        looked_in: Option<Box<Absence>>,
    },
    /// A parameter's value is not an image URI.
    #[error("parameter `{parameter}` does not hold an image URI: {reason}")]
    NotAnImage {
        /// The parameter.
        parameter: ParameterName,
        /// What is wrong with the value.
        reason: String,
    },
    /// The registry does not have the image.
    #[error("image `{image}` is not in its registry: `{uri}` ({reason})")]
    ImageMissing {
        /// The image.
        image: ImageId,
        /// Its URI.
        uri: ImageUri,
        /// The registry's words.
        reason: String,
    },
    /// The tag points elsewhere than when the image was registered or released.
    #[error("the tag of image `{image}` has moved: `{uri}` was {} and is now {}", was.short(), is.short())]
    ImageMoved {
        /// The image.
        image: ImageId,
        /// Its URI.
        uri: ImageUri,
        /// The digest it had.
        was: Digest,
        /// The digest it has.
        is: Digest,
    },
    /// The environment's own registry does not have the image.
    #[error("image `{image}` is not in the environment's registry: `{uri}` ({reason})")]
    NotCopied {
        /// The image.
        image: ImageId,
        /// Its URI there.
        uri: ImageUri,
        /// The URI that was registered or released.
        origin: ImageUri,
        /// The registry's words.
        reason: String,
    },
    /// The environment's own registry has another image of this name.
    #[error(
        "image `{image}` is another one in the environment's registry: `{uri}` is {}, and `{origin}` is {}",
        is.short(),
        was.short()
    )]
    OtherCopy {
        /// The image.
        image: ImageId,
        /// Its URI there.
        uri: ImageUri,
        /// The digest it has there.
        is: Digest,
        /// The URI that was registered or released.
        origin: ImageUri,
        /// The digest that this has.
        was: Digest,
    },
    /// ECS has no such service.
    #[error("service `{service}` is not in cluster `{cluster}`: no ECS service `{ecs_service}`")]
    ServiceMissing {
        /// The service.
        service: ServiceId,
        /// The cluster looked in.
        cluster: ClusterName,
        /// The ECS service looked for.
        ecs_service: EcsServiceName,
    },
    /// The ECS service is being deleted or was.
    #[error("service `{service}` is {status}")]
    NotActive {
        /// The service.
        service: ServiceId,
        /// ECS's status.
        status: String,
    },
    /// Somebody else than ECS moves this service's tasks.
    #[error("service `{service}` has the deployment controller {controller}")]
    UnsupportedController {
        /// The service.
        service: ServiceId,
        /// The controller.
        controller: &'static str,
    },
    /// It is not known what of CodeDeploy moves this service, or it cannot be asked.
    #[error("service `{service}` is moved by CodeDeploy, and {reason}")]
    NoDeploymentGroup {
        /// The service.
        service: ServiceId,
        /// Why not.
        reason: String,
    },
    /// CodeDeploy is at another deployment of this service.
    #[error("service `{service}` is being deployed by CodeDeploy: {deployment} is {status}")]
    DeploymentGroupBusy {
        /// The service.
        service: ServiceId,
        /// CodeDeploy's deployment.
        deployment: EcsDeploymentId,
        /// CodeDeploy's word for how far it is.
        status: String,
    },
    /// ECS is putting the service back; what is asked of it now would stall if that fails.
    #[error("service `{service}` is being rolled back by ECS")]
    RollingBack {
        /// The service.
        service: ServiceId,
        /// Whether the command can be told to go on all the same.
        may_insist: bool,
    },
    /// A rollout of a service that is to be restarted is under way.
    #[error("service `{service}` cannot be restarted while a rollout of it is under way")]
    Moving {
        /// The service.
        service: ServiceId,
    },
    /// The bounds of a service leave no room to stop or start a task, so that no rollout of it ends.
    #[error("service `{service}` cannot replace a task: {bounds}")]
    DeadLocked {
        /// The service.
        service: ServiceId,
        /// Its bounds, in words.
        bounds: String,
        /// Whether the command can be told to go on all the same.
        may_insist: bool,
    },
    /// Two services share a family, and would need different revisions of it.
    #[error(
        "service `{service}` shares the task definition family `{family}` and needs other images"
    )]
    SharedFamily {
        /// The service.
        service: ServiceId,
        /// The family.
        family: String,
    },
    /// The family has no ACTIVE revision, or the service names none.
    #[error("service `{service}` has no ACTIVE task definition to copy: {reason}")]
    NoTaskDefinition {
        /// The service.
        service: ServiceId,
        /// What was found.
        reason: String,
    },
    /// The task definition lacks a container that an image goes into.
    #[error(
        "service `{service}` has no container `{container}` in `{}`, only {}",
        task_definition.short(), names(present)
    )]
    NoContainer {
        /// The service.
        service: ServiceId,
        /// The family's latest ACTIVE revision.
        task_definition: TaskDefinitionArn,
        /// The container.
        container: ContainerName,
        /// The image that goes into it, where that is known.
        image: Option<ImageId>,
        /// The containers there are.
        present: Vec<String>,
    },
    /// The task definition's JSON cannot be read.
    #[error("task definition `{}` of service `{service}` cannot be read: {reason}", task_definition.short())]
    UnreadableDefinition {
        /// The service.
        service: ServiceId,
        /// The revision.
        task_definition: TaskDefinitionArn,
        /// Why.
        reason: String,
    },
}

impl Problem {
    /// What to do about it: one sentence with the exact key or command.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotRegistered { .. }
            | Self::NotAnImage { .. }
            | Self::ImageMissing { .. }
            | Self::ImageMoved { .. }
            | Self::NotCopied { .. }
            | Self::OtherCopy { .. } => self.hint_on_image(),
            Self::ServiceMissing { service, .. } => format!(
                "create it, or set `services.{service}.service` in the manifest to the ECS \
                 service's name"
            ),
            Self::NotActive { service, .. } => {
                format!("create the ECS service anew, or take `{service}` out of the manifest")
            }
            Self::UnsupportedController { .. } => {
                "deploy it with the tool that makes its task sets, or take it out of the manifest; \
                 the controllers ECS and CODE_DEPLOY are supported"
                    .to_owned()
            }
            Self::NoDeploymentGroup { service, .. } => format!(
                "set `services.{service}.code_deploy = {{ application = \"…\", group = \"…\" }}` in \
                 the manifest"
            ),
            Self::DeploymentGroupBusy { deployment, .. } => format!(
                "wait for its end, or stop it with `aws deploy stop-deployment --deployment-id \
                 {deployment}`"
            ),
            Self::Moving { service } | Self::RollingBack { service, may_insist: false } => {
                wait_for_end(service)
            }
            Self::RollingBack { service, may_insist: true } => format!(
                "{}; `--force` deploys over it, and then ECS may have nothing to go back to",
                wait_for_end(service)
            ),
            Self::DeadLocked { may_insist, .. } => {
                let insist = if *may_insist { "; `--force` deploys all the same" } else { "" };
                format!("raise its maximum percent or lower its minimum healthy percent{insist}")
            }
            Self::SharedFamily { .. } => "give each service a family of its own".to_owned(),
            Self::NoTaskDefinition { .. } => {
                "register a task definition for the service, for example with Terraform".to_owned()
            }
            Self::NoContainer { service, container, image, present, .. } => format!(
                "map the image to a container with `services.{service}.images = {{ {} = \"{}\" }}`",
                present.first().map_or("<container>", String::as_str),
                image.as_ref().map_or(container.as_str(), ImageId::as_str)
            ),
            Self::UnreadableDefinition { task_definition, .. } => format!(
                "look at it with `aws ecs describe-task-definition --task-definition {}`",
                task_definition.short()
            ),
        }
    }

    /// What to do about an image.
    fn hint_on_image(&self) -> String {
        match self {
            Self::NotRegistered { image, from, looked_in, .. } => {
                not_registered(image, from, looked_in.as_deref())
            }
            Self::NotAnImage { .. } => {
                "run `release-tool register <uri> <service>` to write it anew".to_owned()
            }
            Self::ImageMissing { image, .. } => format!(
                "push the image, or register another with `release-tool register <uri> {image}`"
            ),
            Self::ImageMoved { image, uri, .. } => format!(
                "if the new image is meant, run `release-tool register {uri} {image}` and deploy again"
            ),
            Self::NotCopied { uri, origin, .. } => {
                format!("copy it as it is, for example with `crane copy {origin} {uri}`")
            }
            Self::OtherCopy { uri, origin, was, .. } => format!(
                "copy the image instead of building it again, for example with `crane copy {}@{was} \
                 {uri}`",
                origin.repository()
            ),
            _ => String::new(),
        }
    }

    /// Whether leaving the services that need it out would help.
    #[must_use]
    pub fn is_missing_image(&self) -> bool {
        matches!(self, Self::NotRegistered { .. } | Self::ImageMissing { .. })
    }
}

/// The parameter that was looked for, and where it is not.
fn looked(looked_in: Option<&Absence>) -> String {
    looked_in.map(|absence| format!(": there is no {absence}")).unwrap_or_default()
}

/// What to do about an image without a URI.
fn not_registered(image: &ImageId, from: &ImageSource, looked_in: Option<&Absence>) -> String {
    if let Some(account) = looked_in.and_then(|absence| absence.registered_in.as_ref()) {
        return format!(
            "read labels where they are registered: set the project's `account = \"{account}\"` and a \
             `role_arn` there that can be taken on from here, as docs/accounts.md shows"
        );
    }
    match from {
        ImageSource::Environment(environment) => format!(
            "deploy it to `{environment}` first, name it with `--image {image}=<uri>`, or leave its \
             services out with `--allow-missing`"
        ),
        _ => format!(
            "run `release-tool register <uri> {image}`, or leave its services out with \
             `--allow-missing`"
        ),
    }
}

/// How the end of a service's rollout is waited for.
fn wait_for_end(service: &ServiceId) -> String {
    format!("wait for its end: `release-tool status {service} <environment> --watch`")
}

/// Container names.
fn names(present: &[String]) -> String {
    if present.is_empty() { "none at all".to_owned() } else { quoted(present) }
}
