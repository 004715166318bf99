//! `sandbox set`: what somebody does by hand in the console, past `release-tool`.

use clap::Subcommand;

use super::{
    code_deploy::{self, CodeDeployVerb},
    done,
    estate::scope_of,
    misfortune::{self, MisfortuneVerb},
    open,
    service::{self, ServiceVerb},
};
use crate::{
    cli::{failure::CliError, settings::Settings, workspace},
    manifest::{Environment, Service},
    model::{ClusterName, EcsServiceName, ImageUri},
    ops,
    sandbox::{Scope, admin},
};

/// Do by hand what somebody would do in the console.
#[derive(Debug, Subcommand)]
pub(crate) enum HandVerb {
    /// Stop a task of a service: one that runs, unless `--task` names it.
    StopTask {
        /// The service.
        service: String,
        /// The environment.
        environment: String,
        /// The id of the task.
        #[arg(long)]
        task: Option<String>,
        /// The reason that ECS will show.
        #[arg(long, default_value = "Stopped by hand")]
        reason: String,
        /// The project, where the manifest has several.
        #[arg(long)]
        project: Option<String>,
    },
    /// Move a service to another task definition, as `aws ecs update-service` does.
    PointService {
        /// The service.
        service: String,
        /// The environment.
        environment: String,
        /// A family for its latest revision, `family:revision`, or an ARN.
        task_definition: String,
        /// The project, where the manifest has several.
        #[arg(long)]
        project: Option<String>,
    },
    /// What is done to a service's settings and deployments.
    #[command(flatten)]
    Service(ServiceVerb),
    /// What befalls a service's tasks.
    #[command(flatten)]
    Misfortune(MisfortuneVerb),
    /// What is done to services that CodeDeploy moves.
    #[command(flatten)]
    CodeDeploy(CodeDeployVerb),
    /// Push a new image, with content of its own.
    PushImage {
        /// The image, `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`.
        uri: ImageUri,
        /// The commit it was built from, for its label `org.opencontainers.image.revision`.
        #[arg(long, value_name = "COMMIT")]
        revision: Option<String>,
    },
    /// Delete an image from its repository.
    DeleteImage {
        /// The image, by tag or digest.
        uri: ImageUri,
    },
    /// Let a tag name another image of the same repository.
    MoveTag {
        /// The image whose tag is moved.
        uri: ImageUri,
        /// The tag or digest of the image that it is to name.
        to: String,
    },
}

/// Runs the verb.
pub(super) async fn run(settings: &Settings, verb: HandVerb) -> Result<(), CliError> {
    let sandbox = open(settings)?;
    match verb {
        HandVerb::StopTask { service, environment, task, reason, project } => {
            let at = locate(settings, project.as_deref(), (&service, &environment)).await?;
            let task = match task {
                Some(task) => task,
                None => at.first_task().await?,
            };
            let (scope, cluster) = (at.scope, at.cluster.to_string());
            let stop = admin::StopTask { scope, cluster, task: task.clone(), reason };
            sandbox.stop_task(&stop)?;
            done(settings, format!("Task {task} of {service} is being stopped."));
        }
        HandVerb::PointService { service, environment, task_definition, project } => {
            let at = locate(settings, project.as_deref(), (&service, &environment)).await?;
            sandbox.point_service(&admin::PointService {
                scope: at.scope,
                cluster: at.cluster.to_string(),
                service: at.name.to_string(),
                task_definition: task_definition.clone(),
            })?;
            done(settings, format!("{service} moves to {task_definition}."));
        }
        HandVerb::Service(verb) => service::run(settings, &sandbox, verb).await?,
        HandVerb::Misfortune(verb) => misfortune::run(settings, &sandbox, verb).await?,
        HandVerb::CodeDeploy(verb) => code_deploy::run(settings, &sandbox, verb).await?,
        HandVerb::PushImage { uri, revision } => {
            let (scope, repository) = repository_of(&uri)?;
            let tag = tag_of(&uri)?;
            let pushed =
                sandbox.put_image(&admin::PutImage { scope, repository, tag, revision })?;
            done(settings, format!("{uri} is {}", pushed.digest));
        }
        HandVerb::DeleteImage { uri } => {
            let (scope, repository) = repository_of(&uri)?;
            let digest = uri.digest().map(ToString::to_string);
            let reference = match digest {
                Some(digest) => digest,
                None => tag_of(&uri)?,
            };
            sandbox.delete_image(&admin::DeleteImage { scope, repository, reference })?;
            done(settings, format!("{uri} is deleted."));
        }
        HandVerb::MoveTag { uri, to } => {
            let (scope, repository) = repository_of(&uri)?;
            let tag = tag_of(&uri)?;
            sandbox.move_tag(&admin::MoveTag { scope, repository, tag, to: to.clone() })?;
            done(settings, format!("{uri} is now what {to} is."));
        }
    }
    Ok(())
}

/// A service of the manifest in the sandbox's ECS.
pub(super) struct Located {
    /// Where it is.
    pub(super) scope: Scope,
    /// Its cluster.
    pub(super) cluster: ClusterName,
    /// Its name.
    pub(super) name: EcsServiceName,
    /// Its first container.
    pub(super) first_container: Option<String>,
    /// Its environment's AWS.
    access: ops::Access,
}

impl Located {
    /// The id of the first of its running tasks.
    pub(super) async fn first_task(&self) -> Result<String, CliError> {
        let tasks = self.access.ecs.running_task_ids(&self.cluster, &self.name).await;
        let first = tasks.map_err(ops::OpError::from)?.into_iter().next();
        first.ok_or_else(|| CliError::Usage {
            message: format!("no task of `{}` runs", self.name),
            hint: "look with `release-tool --sandbox status all <env> -v`".to_owned(),
        })
    }
}

/// Finds a service.
pub(super) async fn locate(
    settings: &Settings,
    project: Option<&str>,
    (service, environment): (&str, &str),
) -> Result<Located, CliError> {
    let workspace = workspace::open(&settings.in_sandbox(), project).await?;
    let project = &workspace.project;
    let environment: &Environment = project.environment(environment)?;
    let selection = project.select(service)?;
    let services: Vec<&Service> = project.services_of(&selection);
    let [service] = services.as_slice() else {
        return Err(CliError::Usage {
            message: format!("`{service}` is not one service"),
            hint: "name one service of the manifest".to_owned(),
        });
    };
    let access = ops::Access::open(&workspace, &environment.home()).await?;
    let cluster = project.cluster(environment, service)?.clone();
    let name = service.ecs_service_name(&environment.id).map_err(ops::OpError::from)?;
    let first_container = service.containers.keys().next().map(ToString::to_string);
    Ok(Located { scope: scope_of(&environment.home()), cluster, name, first_container, access })
}

/// Where an image's repository is, and its name.
fn repository_of(uri: &ImageUri) -> Result<(Scope, String), CliError> {
    let ecr = uri.ecr().ok_or_else(|| CliError::Usage {
        message: format!("`{uri}` is not in ECR"),
        hint: "name it as `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`".to_owned(),
    })?;
    let scope = Scope { account: ecr.account.to_string(), region: ecr.region.to_string() };
    Ok((scope, ecr.name))
}

/// The tag of a URI.
fn tag_of(uri: &ImageUri) -> Result<String, CliError> {
    uri.tag().map(str::to_owned).ok_or_else(|| CliError::Usage {
        message: format!("`{uri}` names no tag"),
        hint: "name it as `<repository>:<tag>`".to_owned(),
    })
}
