//! `release create`: a release without a deployment.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{
    deploy::parse_image, ending, exit::Exit, failure::CliError, interrupt::Interrupt,
    settings::Settings, workspace,
};
use crate::{
    model::{DeploymentKind, ImageId, ImageUri, ReleaseNumber},
    ops::{self, DeployRequest, Execution, ReleaseRequest, Workspace},
    plan::PlannedStep,
    ui::{self, Format},
};

/// Make releases without deploying them.
#[derive(Debug, Args)]
#[command(after_help = "Example: release-tool release create all --description 'Fix the search'")]
pub(crate) struct ReleaseArguments {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// What can be done with releases.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a release of the images that a deployment would take, and touch nothing else.
    ///
    /// The images are looked up and fixed to their exact digests. The same images for the same
    /// services are the same release, whoever makes it and how often.
    Create(CreateArguments),
}

/// Make a release of the images that a deployment would take, and touch nothing else.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool release create all
  release-tool release create search --from stable --description 'Fix the search'")]
struct CreateArguments {
    /// `all`, a service set, or a service.
    selection: String,
    /// The environment whose account and registry answer for the images, and whose `from` counts
    /// [default: the project's own account, and the label `latest`].
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
    /// Take the images from a label, from what was last verified in an environment, or from a
    /// release such as `r12`.
    #[arg(long, value_name = "LABEL|ENV|RELEASE")]
    from: Option<String>,
    /// Take this image instead of the one found. May be given several times.
    #[arg(long = "image", value_name = "IMAGE=URI", value_parser = parse_image)]
    images: Vec<(ImageId, ImageUri)>,
    /// Why; kept in the record.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Leave out images that do not exist, and say so.
    #[arg(long)]
    allow_missing: bool,
    /// Register its task definitions in this environment now, ahead of its deployment. No service
    /// moves; but until it is deployed `terraform plan` shows the new revisions as a change, and
    /// `terraform apply` would deploy them.
    #[arg(long, value_name = "ENVIRONMENT")]
    register: Option<String>,
}

/// Runs the command.
pub(super) async fn run(
    settings: &Settings,
    arguments: ReleaseArguments,
) -> Result<Exit, CliError> {
    let Verb::Create(arguments) = arguments.verb;
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let request = ReleaseRequest {
        selection: arguments.selection,
        environment: arguments.environment,
        from: arguments.from,
        images: arguments.images.into_iter().collect(),
        allow_missing: arguments.allow_missing,
        description: arguments.description,
    };
    let made = ops::make_release(&workspace, &request).await?;
    let console = &settings.console;
    for (image, reason) in &made.left_out {
        console.error(format!("warning: {image} is left out: {}", ui::escape(reason)));
    }
    console.result(match console.format {
        Format::Json => ui::document("release", &made),
        Format::Human => ui::made_release(&made.release, made.created),
    });
    match arguments.register {
        Some(environment) => {
            register(settings, &workspace, (made.release.number, environment)).await
        }
        None => Ok(Exit::Done),
    }
}

/// Registers the task definitions of a release in an environment.
async fn register(
    settings: &Settings,
    workspace: &Workspace,
    (release, environment): (ReleaseNumber, String),
) -> Result<Exit, CliError> {
    let interrupt = Interrupt::listen(&settings.console);
    let request = DeployRequest::of(DeploymentKind::Register, release.to_string(), environment);
    let draft = ops::draft(workspace, &request).await?;
    if !draft.plan.steps.iter().any(PlannedStep::registers) {
        settings.console.remark("Every task definition is there already.");
        return Ok(Exit::Done);
    }
    let listener = ending::reporter(&settings.console);
    let execution = Execution {
        listener: listener.as_ref(),
        interrupt: interrupt.asked(),
        timeout: Duration::from_mins(30),
        settle: None,
        wait: true,
        on_failure: None,
    };
    let done = ops::carry_out(workspace, draft, execution).await;
    drop(listener);
    let (report, release) = done?;
    Ok(ending::tell(settings, workspace, (&report, &release), None).await)
}
