//! `show`: one deployment or release whole.

use std::str::FromStr;

use clap::Args;

use super::{exit::Exit, failure::CliError, settings::Settings, workspace};
use crate::{
    model::{DeploymentNumber, ReleaseNumber},
    ops::{self, Workspace},
    ui::{self, Format},
};

/// What can be shown.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// A deployment.
    Deployment(DeploymentNumber),
    /// A release.
    Release(ReleaseNumber),
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let deployment = text.parse().map(Self::Deployment);
        deployment
            .or_else(|_no_deployment| text.parse().map(Self::Release))
            .map_err(|_neither| format!("`{text}` is neither `d` nor `r` and a number"))
    }
}

/// Show one deployment or release whole.
///
/// Of a deployment: its images, its steps, and what proves their ends. Of a release: its images,
/// where it is verified now, and the deployments that had it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  release-tool show d12
  release-tool show r5")]
pub(crate) struct ShowArguments {
    /// The number of a deployment, such as `d12`, or of a release, such as `r5`.
    #[arg(value_name = "DEPLOYMENT|RELEASE")]
    subject: Subject,
    /// The project, where the manifest has several.
    #[arg(long)]
    project: Option<String>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: ShowArguments) -> Result<Exit, CliError> {
    let workspace = workspace::open(settings, arguments.project.as_deref()).await?;
    let console = &settings.console;
    console.result(match arguments.subject {
        Subject::Deployment(number) => deployment(&workspace, number, console.format).await?,
        Subject::Release(number) => release(&workspace, number, console.format).await?,
    });
    Ok(Exit::Done)
}

/// A deployment, whole.
async fn deployment(
    workspace: &Workspace,
    number: DeploymentNumber,
    format: Format,
) -> Result<String, CliError> {
    let shown = ops::show(workspace, number).await?;
    Ok(match format {
        Format::Json => ui::document("deployment", &shown),
        Format::Human => {
            let released = (&shown.release, shown.services.as_slice());
            let whole = ui::show(&shown.deployment, released, &shown.timeline);
            let waiting = shown.waiting.iter().map(|one| {
                ui::waits((one.deployment, &one.service), one.stage.stage.as_deref(), &one.hook)
            });
            [whole].into_iter().chain(waiting).collect::<Vec<String>>().join("\n\n")
        }
    })
}

/// A release, whole.
async fn release(
    workspace: &Workspace,
    number: ReleaseNumber,
    format: Format,
) -> Result<String, CliError> {
    let shown = ops::show_release(workspace, number).await?;
    Ok(match format {
        Format::Json => ui::document("release", &shown),
        Format::Human => ui::show_release(&shown.release, &shown.standings, &shown.deployments),
    })
}
